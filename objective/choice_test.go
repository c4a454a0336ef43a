package objective_test

import (
	"errors"
	"math"
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

var mixedChoices = []objective.Choice{
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

// TestChoices: the loss is the squared error of values and the cross-entropy of
// choices, of the coordinates that are not observed; the velocity leads to the mean
// of the data that the chances tell, and is 0 where the coordinate is observed.
func TestChoices(t *testing.T) {
	const n = 24
	for _, c := range []flow.CondSpec{{}, {Mask: true}} {
		net := network(t, mixedDim, c)
		o := objective.FlowMatching{Path: path.Linear{}, Times: path.Uniform{}, Schedule: path.CondOT{}, Choices: mixedChoices}
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
		out, err := ph.Program.Interpret(graph.Feed{N: n, Arenas: map[string][]float64{nn.Group: arena}, Rows: rows})
		if err != nil {
			t.Fatal(err)
		}
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
		for i := range n {
			u, x, time := ans[nn.Out][i*mixedDim:(i+1)*mixedDim], rows[nn.InX][i*mixedDim:(i+1)*mixedDim], rows[nn.InT][i]
			seen := func(k int) bool { return c.Mask && b.Cond.Mask.Row(i)[k] != 0 }
			want := 0.0
			for k := range mixedDim {
				at := (1-time)*float64(b.X0.Row(i)[k]) + time*float64(b.X1.Row(i)[k])
				if seen(k) {
					at = float64(b.X1.Row(i)[k])
					if u[k] != 0 {
						t.Errorf("row %d: the observed coordinate %d moves by %v", i, k, u[k])
					}
				}
				if math.Abs(x[k]-at) > 1e-6 {
					t.Errorf("row %d, coordinate %d stands at %v, want %v", i, k, x[k], at)
				}
				if (k < 2 || k == 7) && !seen(k) {
					miss := u[k] - float64(b.X1.Row(i)[k]) + float64(b.X0.Row(i)[k])
					want += miss * miss
				}
			}
			for _, choice := range mixedChoices {
				if seen(choice.Offset) {
					continue
				}
				sum := 0.0
				for k := choice.Offset; k < choice.Offset+map[int]int{2: 1, 3: 3}[choice.Options]; k++ {
					p := (x[k] + (1-time)*u[k] - choice.Lo) / (choice.Hi - choice.Lo)
					if p <= 0 || p >= 1 {
						t.Errorf("row %d, coordinate %d: the chance %v", i, k, p)
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
	}
}

func TestChoicesErrors(t *testing.T) {
	net := network(t, mixedDim, flow.CondSpec{})
	at := func(c ...objective.Choice) objective.FlowMatching {
		return objective.FlowMatching{Path: path.Linear{}, Times: path.Uniform{}, Schedule: path.CondOT{}, Choices: c}
	}
	none := at(mixedChoices...)
	none.Schedule = nil
	for want, o := range map[string]objective.FlowMatching{
		"need the schedule": none,
		"of 1 options":      at(objective.Choice{Options: 1, Hi: 1}),
		"coordinate 7 of 8": at(objective.Choice{Offset: 7, Options: 3, Hi: 1}),
		"from 1 to 1":       at(objective.Choice{Options: 3, Lo: 1, Hi: 1}),
		"3 are taken":       at(objective.Choice{Options: 3, Hi: 1}, objective.Choice{Offset: 2, Options: 2, Hi: 1}),
	} {
		if _, err := o.Phases(net); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
