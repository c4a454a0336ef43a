package objective_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/objective"
	"laminar/path"
	"laminar/rng"
)

var spec = nn.Spec{Kind: "mlp", Width: 6, Depth: 1, Activation: "tanh"}

func network(t testing.TB, dim int, c flow.CondSpec) nn.Network {
	t.Helper()
	n, err := spec.Network(dim, c)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func phase(t testing.TB, o objective.FlowMatching, n nn.Network) objective.Phase {
	t.Helper()
	ps, err := o.Phases(n)
	if err != nil {
		t.Fatal(err)
	}
	if len(ps) != 1 || ps[0].Trains != nn.Group {
		t.Fatalf("flow matching has the phases %+v", ps)
	}
	return ps[0]
}

func pairs(n, dim int, c flow.CondSpec) flow.Batch {
	b := flow.NewBatch(n, dim, c)
	s := rng.New(3).Stream()
	s.Normal(b.X0.Data)
	s.Normal(b.X1.Data)
	for i := range b.Cond.Class {
		b.Cond.Class[i] = int32(i % c.Classes)
	}
	s.Normal(b.Cond.Real.Data)
	for i := range b.Cond.Mask.Data {
		b.Cond.Mask.Data[i] = float32((i + 1) % 2)
		b.Cond.Observed.Data[i] = float32(math.NaN())
		if i%2 == 0 {
			b.Cond.Observed.Data[i] = float32(i)
		}
	}
	return b
}

// TestLossAndGradientAreTheFormula: the loss is |f(x_t, t) - (x1 - x0)|^2 / D in
// every row, and the gradient that of its weighted mean.
func TestLossAndGradientAreTheFormula(t *testing.T) {
	const n, dim = 5, 3
	for _, weight := range [][]float32{nil, {1, 0, 2, 0.5, 3}} {
		net := network(t, dim, flow.CondSpec{})
		ph := phase(t, objective.FlowMatching{Path: path.Linear{}, Times: path.Uniform{}}, net)
		b := pairs(n, dim, flow.CondSpec{})
		b.Weight = weight
		in := objective.NewInputs(ph.Program, n)
		key := rng.New(8)
		if err := ph.Fill(in, &b, key); err != nil {
			t.Fatal(err)
		}
		l := ph.Program.Layout(nn.Group)
		params := make([]float32, l.Size)
		net.Init(params, l, rng.New(1))
		arena := wide(params)
		rows := map[string][]float64{}
		for _, r := range ph.Program.Rows {
			rows[r.Name] = wide(in.Mat(r.Name).Data)
		}
		out, err := ph.Program.Interpret(graph.Feed{N: n, Arenas: map[string][]float64{nn.Group: arena}, Rows: rows})
		if err != nil {
			t.Fatal(err)
		}
		v, err := nn.Velocity(net)
		if err != nil {
			t.Fatal(err)
		}
		times := rows[nn.InT]
		if lo, hi := slices.Min(times), slices.Max(times); lo < 0 || hi >= 1 || lo == hi {
			t.Fatalf("times %v", times)
		}
		// losses, from the pairs and the times alone.
		losses := func() []float64 {
			x := make([]float64, n*dim)
			for i := range x {
				s := times[i/dim]
				x[i] = (1-s)*float64(b.X0.Data[i]) + s*float64(b.X1.Data[i])
			}
			ans, err := v.Interpret(graph.Feed{N: n, Arenas: map[string][]float64{nn.Group: arena}, Rows: map[string][]float64{nn.InX: x, nn.InT: times}})
			if err != nil {
				t.Fatal(err)
			}
			loss := make([]float64, n)
			for i, f := range ans[nn.Out] {
				miss := f - (float64(b.X1.Data[i]) - float64(b.X0.Data[i]))
				loss[i/dim] += miss * miss / dim
			}
			return loss
		}
		for i, want := range losses() {
			if got := out[objective.Loss][i]; math.Abs(got-want) > 1e-5*(1+want) {
				t.Errorf("loss of row %d is %v, want %v", i, got, want)
			}
		}
		mean := func() float64 {
			sum := 0.0
			for i, x := range losses() {
				if weight != nil {
					x *= float64(weight[i])
				}
				sum += x / n
			}
			return sum
		}
		for _, o := range ph.Program.Outputs {
			if o.GradOf < 0 {
				continue
			}
			name := ph.Program.Params[o.GradOf].Name
			for _, e := range l.Entries {
				if e.Name != name {
					continue
				}
				for j, got := range out[o.Name] {
					const h = 1e-5
					at := arena[e.Offset+j]
					arena[e.Offset+j] = at + h
					up := mean()
					arena[e.Offset+j] = at - h
					down := mean()
					arena[e.Offset+j] = at
					if want := (up - down) / (2 * h); math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
						t.Fatalf("gradient %d of %s is %v, want %v", j, name, got, want)
					}
				}
			}
		}
	}
}

func wide(x []float32) []float64 {
	var y []float64
	for _, v := range x {
		y = append(y, float64(v))
	}
	return y
}

// TestDrop: conditions are hidden at the rate asked for, all those of a row
// together, and are passed on unchanged otherwise.
func TestDrop(t *testing.T) {
	const n, drop = 20000, 0.2
	c := flow.CondSpec{Classes: 3, Real: 2, Mask: true}
	b := pairs(n, 2, c)
	for _, rate := range []float64{0, drop} {
		ph := phase(t, objective.FlowMatching{Path: path.Linear{}, Times: path.Uniform{}, Drop: rate}, network(t, 2, c))
		in := objective.NewInputs(ph.Program, n)
		if err := ph.Fill(in, &b, rng.New(4)); err != nil {
			t.Fatal(err)
		}
		hidden := 0
		for i := range n {
			known := in.Mat(nn.InKnown).At(i, 0) == 1
			if !known {
				hidden++
			}
			class, mask, seen := int32(0), []float32{0, 0}, []float32{0, 0}
			if known {
				class, mask, seen = b.Cond.Class[i]+1, b.Cond.Mask.Row(i), []float32{float32(2 * i), 0}
			}
			if in.Ints(nn.InClass)[i] != class {
				t.Fatalf("row %d, known %v, has the class %d", i, known, in.Ints(nn.InClass)[i])
			}
			if known != slices.Equal(in.Mat(nn.InReal).Row(i), b.Cond.Real.Row(i)) {
				t.Fatalf("row %d, known %v, has the vector %v", i, known, in.Mat(nn.InReal).Row(i))
			}
			if !slices.Equal(in.Mat(nn.InMask).Row(i), mask) || !slices.Equal(in.Mat(nn.InObserved).Row(i), seen) {
				t.Fatalf("row %d, known %v, has the mask %v of %v", i, known, in.Mat(nn.InMask).Row(i), in.Mat(nn.InObserved).Row(i))
			}
		}
		if got := float64(hidden) / n; math.Abs(got-rate) > 4*math.Sqrt(rate*(1-rate)/n) {
			t.Errorf("%v of the rows are hidden, want %v", got, rate)
		}
	}
}

func TestFillIsPureAndAllocatesNothing(t *testing.T) {
	c := flow.CondSpec{Classes: 3, Real: 2, Mask: true}
	ph := phase(t, objective.FlowMatching{Path: path.Linear{Sigma: 0.1}, Times: path.Uniform{}, Drop: 0.3}, network(t, 2, c))
	b := pairs(64, 2, c)
	in, again := objective.NewInputs(ph.Program, 64), objective.NewInputs(ph.Program, 64)
	if err := errors.Join(ph.Fill(in, &b, rng.New(1)), ph.Fill(again, &b, rng.New(2)), ph.Fill(again, &b, rng.New(1))); err != nil {
		t.Fatal(err)
	}
	for _, r := range ph.Program.Rows {
		if !slices.Equal(in.Mat(r.Name).Data, again.Mat(r.Name).Data) || !slices.Equal(in.Ints(r.Name), again.Ints(r.Name)) {
			t.Errorf("%s differs between two fills", r.Name)
		}
	}
	if a := testing.AllocsPerRun(10, func() { ph.Fill(in, &b, rng.New(1)) }); a != 0 {
		t.Errorf("a fill allocates %v times", a)
	}
}

func TestPhasesErrors(t *testing.T) {
	net := network(t, 2, flow.CondSpec{})
	for want, o := range map[string]objective.FlowMatching{
		"path and a time":    {},
		"objective.drop: 1 ": {Path: path.Linear{}, Times: path.Uniform{}, Drop: 1},
		"NaN":                {Path: path.Linear{}, Times: path.Uniform{}, Drop: math.NaN()},
	} {
		if _, err := o.Phases(net); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
