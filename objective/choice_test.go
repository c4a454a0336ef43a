package objective_test

import (
	"errors"
	"math"
	"reflect"
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

// A row of two values, a choice of three, two choices of two, and a value.
const mixedDim = 8

var mixedChoices = []flow.Choice{
	{Offset: 2, Options: 3, Lo: -0.5, Hi: 1},
	{Offset: 5, Options: 2, Lo: -1, Hi: 1},
	{Offset: 6, Options: 2, Lo: -1, Hi: 1},
}

// mixedPairs are rows whose choices are corners.
func mixedPairs(n int, c flow.CondSpec) flow.Batch {
	b := flow.NewBatch(n, mixedDim, c)
	s := rng.New(3).Stream()
	s.Normal(b.X0.Data)
	s.Normal(b.X1.Data)
	for i := range n {
		x := b.X1.Row(i)
		x[2], x[3], x[4] = -0.5, -0.5, -0.5
		x[2+i%3] = 1
		x[5], x[6] = float32(2*(i%2)-1), float32(2*(i/2%2)-1)
	}
	if c.Mask {
		for i := range n { // row i observes nothing, the first value, the choice of three, or one of two
			for _, k := range [][]int{{}, {0}, {2, 3, 4}, {6}}[i%4] {
				b.Cond.Mask.Row(i)[k], b.Cond.Observed.Row(i)[k] = 1, b.X1.Row(i)[k]
			}
		}
	}
	return b
}

// TestChoices: the loss is the squared error of the values that are not observed and the
// cross-entropy of the choices that are masked; the velocity leads to the mean of the
// data that the chances tell, and is 0 of what is observed or made. The gradient is the
// loss's.
func TestChoices(t *testing.T) {
	const n = 24
	for _, c := range []flow.CondSpec{{}, {Mask: true}} {
		net := network(t, mixedDim, c)
		o := masked(mixedChoices...)
		ph := phase(t, o, net)
		b := mixedPairs(n, c)
		in := objective.NewInputs(ph.Program, n)
		if err := ph.Fill(in, &b, rng.New(8)); err != nil {
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
		run := func() map[string][]float64 {
			out, err := ph.Program.Interpret(graph.Feed{N: n, Arenas: map[string][]float64{nn.Group: arena}, Rows: rows})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		out := run()
		moving, err := o.Velocity(net)
		if err != nil {
			t.Fatal(err)
		}
		v, err := nn.Velocity(moving)
		if err != nil {
			t.Fatal(err)
		}
		ask := map[string][]float64{}
		for _, r := range v.Rows {
			ask[r.Name] = rows[r.Name]
		}
		ans, err := v.Interpret(graph.Feed{N: n, Arenas: map[string][]float64{nn.Group: arena}, Rows: ask})
		if err != nil {
			t.Fatal(err)
		}
		open := 0
		for i := range n {
			u, x, time := ans[nn.Out][i*mixedDim:(i+1)*mixedDim], rows[nn.InX][i*mixedDim:(i+1)*mixedDim], rows[nn.InT][i]
			seen := func(k int) bool { return c.Mask && b.Cond.Mask.Row(i)[k] != 0 }
			want := 0.0
			for _, k := range []int{0, 1, 7} {
				at := (1-time)*float64(b.X0.Row(i)[k]) + time*float64(b.X1.Row(i)[k])
				if seen(k) {
					at = float64(b.X1.Row(i)[k])
					if u[k] != 0 {
						t.Errorf("row %d: the observed coordinate %d moves by %v", i, k, u[k])
					}
				} else {
					miss := u[k] - float64(b.X1.Row(i)[k]) + float64(b.X0.Row(i)[k])
					want += miss * miss
				}
				if math.Abs(x[k]-at) > 1e-6 {
					t.Errorf("row %d, coordinate %d stands at %v, want %v", i, k, x[k], at)
				}
			}
			for _, choice := range mixedChoices {
				lo, hi := choice.Offset, choice.Offset+choice.Width()
				if x[lo] != 0 || seen(lo) {
					for k := lo; k < hi; k++ {
						if x[k] != float64(b.X1.Row(i)[k]) || u[k] != 0 {
							t.Errorf("row %d: the choice at %d is %v and moves by %v", i, lo, x[lo:hi], u[lo:hi])
						}
					}
					continue
				}
				open++
				sum := 0.0
				for k := lo; k < hi; k++ {
					p := ((1-time)*u[k] - choice.Lo) / (choice.Hi - choice.Lo)
					if x[k] != 0 || p <= 0 || p >= 1 {
						t.Errorf("row %d, coordinate %d at %v: the chance %v", i, k, x[k], p)
					}
					sum += p
					switch has := float64(b.X1.Row(i)[k]) == choice.Hi; {
					case has:
						want -= math.Log(p)
					case choice.Options == 2:
						want -= math.Log(1 - p)
					}
				}
				if choice.Options > 2 && math.Abs(sum-1) > 1e-9 {
					t.Errorf("row %d: chances sum to %v", i, sum)
				}
			}
			if got := out[objective.Loss][i] * mixedDim; math.Abs(got-want) > 1e-4*(1+want) {
				t.Errorf("masks %v, row %d: loss %v, want %v", c.Mask, i, got, want)
			}
		}
		if open < n/2 || open > 3*n-n/2 {
			t.Errorf("%d of %d choices are masked", open, 3*n)
		}
		const h = 1e-4
		for _, r := range ph.Program.Outputs {
			if r.GradOf < 0 {
				continue
			}
			e := l.Entries[slices.IndexFunc(l.Entries, func(e graph.Entry) bool { return e.Name == ph.Program.Params[r.GradOf].Name })]
			average := func(d float64) float64 {
				arena[e.Offset] += d
				defer func() { arena[e.Offset] -= d }()
				return mean(run()[objective.Loss])
			}
			if got, want := out[r.Name][0], (average(h)-average(-h))/(2*h); math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
				t.Errorf("masks %v, %s: gradient %v, want %v", c.Mask, e.Name, got, want)
			}
		}
	}
}

// patterns is a network of two choices of two options that answers each of the nine
// points at which they stand with log-odds of its own.
type patterns struct{}

func (patterns) Dim() int                                    { return 2 }
func (patterns) CondSpec() flow.CondSpec                     { return flow.CondSpec{} }
func (patterns) Init(p []float32, _ graph.Layout, _ rng.Key) { clear(p) }
func (patterns) at(x, y float64) int                         { return int(3*(x+1) + y + 1) }
func (patterns) bounded(odds float64) float64                { return 15 * math.Atanh(odds/15) }
func (patterns) Apply(b *graph.Builder, group string, in nn.Inputs) graph.Value {
	table := b.Param(group, "odds", 9, 2)
	place := b.Add(b.Scale(b.Slice(in.X, 0, 0, 1), 3), b.Add(b.Slice(in.X, 0, 1, 2), b.Const(4, 1)))
	return b.Gather(table, b.Reshape(b.Convert(place, graph.Int32)))
}

// The cross-entropy is least where the chances are those of the data given what is
// made: there its gradient is 0, and nowhere near.
func TestChoicesMinimum(t *testing.T) {
	const n = 40000
	law := [2][2]float64{{0.4, 0.1}, {0.15, 0.35}} // of the options of both
	b := flow.NewBatch(n, 2, flow.CondSpec{})
	s := rng.New(5).Stream()
	for i := range n {
		cell := 0
		for u := s.Float64(); cell < 3 && u >= law[cell/2][cell%2]; cell++ {
			u -= law[cell/2][cell%2]
		}
		b.X1.Row(i)[0], b.X1.Row(i)[1] = float32(cell/2*2-1), float32(cell%2*2-1)
	}
	net := patterns{}
	ph := phase(t, masked(flow.Choice{Options: 2, Lo: -1, Hi: 1}, flow.Choice{Offset: 1, Options: 2, Lo: -1, Hi: 1}), net)
	in := objective.NewInputs(ph.Program, n)
	if err := ph.Fill(in, &b, rng.New(8)); err != nil {
		t.Fatal(err)
	}
	rows := map[string][]float64{}
	for _, r := range ph.Program.Rows {
		rows[r.Name] = wide(in.Mat(r.Name).Data)
	}
	odds := make([]float64, 18)
	set := func(x, y float64, which int, yes, no float64) {
		odds[2*net.at(x, y)+which] = net.bounded(math.Log(yes / no))
	}
	set(0, 0, 0, law[1][0]+law[1][1], law[0][0]+law[0][1])
	set(0, 0, 1, law[0][1]+law[1][1], law[0][0]+law[1][0])
	for k, at := range []float64{-1, 1} {
		set(0, at, 0, law[1][k], law[0][k])
		set(at, 0, 1, law[k][1], law[k][0])
	}
	slopes := func() (worst float64) {
		out, err := ph.Program.Interpret(graph.Feed{N: n, Arenas: map[string][]float64{nn.Group: odds}, Rows: rows})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range ph.Program.Outputs {
			if r.GradOf >= 0 {
				for _, v := range out[r.Name] {
					worst = max(worst, math.Abs(v))
				}
			}
		}
		return worst
	}
	at := slopes()
	odds[2*net.at(0, 1)] += 1
	if near := slopes(); at > 4*math.Sqrt(0.25/3/n)/2 || near < 0.004 {
		t.Errorf("the gradient is %v at the chances of the data and %v near them", at, near)
	}
}

// masked is flow matching of straight values and of choices.
func masked(c ...flow.Choice) objective.FlowMatching {
	return objective.FlowMatching{Path: path.Masked{Of: path.Linear{}, Choices: c}, Times: path.Uniform{}, Schedule: path.CondOT{}}
}

// Choices follow a law of their own, so that the path of the values needs no schedule.
func TestChoicesWithoutSchedule(t *testing.T) {
	net := network(t, mixedDim, flow.CondSpec{})
	straight, bridge := masked(mixedChoices...), masked(mixedChoices...)
	bridge.Path, bridge.Schedule = path.Masked{Of: path.Bridge{Sigma: 0.3}, Choices: mixedChoices}, nil
	var programs []*graph.Program
	for _, o := range []objective.FlowMatching{straight, bridge} {
		if _, err := o.Phases(net); err != nil {
			t.Fatal(err)
		}
		if lo, hi := o.Clip(); lo != 0 || hi >= 1 {
			t.Errorf("trained from %v to %v, where no choice is masked", lo, hi)
		}
		v, err := o.Velocity(net)
		if err != nil {
			t.Fatal(err)
		}
		p, err := nn.Velocity(v)
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, p)
	}
	if !reflect.DeepEqual(programs[0], programs[1]) {
		t.Error("along a bridge the same answers make other velocities")
	}
}

func TestChoicesErrors(t *testing.T) {
	net := network(t, mixedDim, flow.CondSpec{})
	empty := masked(mixedChoices...)
	empty.Path = path.Masked{}
	for want, o := range map[string]objective.FlowMatching{
		"needs a path for its": empty,
		"of 1 options":         masked(flow.Choice{Options: 1, Lo: -1, Hi: 1}),
		"coordinate 7 of 8":    masked(flow.Choice{Offset: 7, Options: 3, Lo: -1, Hi: 1}),
		"from 0 to 1":          masked(flow.Choice{Options: 3, Hi: 1}),
		"3 are taken":          masked(flow.Choice{Options: 3, Lo: -1, Hi: 1}, flow.Choice{Offset: 2, Options: 2, Lo: -1, Hi: 1}),
	} {
		if _, err := o.Phases(net); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
