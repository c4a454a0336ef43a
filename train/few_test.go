package train_test

import (
	"slices"
	"testing"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/objective"
	"laminar/optim"
	"laminar/path"
	"laminar/rng"
	"laminar/train"
)

// fewStep returns every objective beside flow matching, with and without a
// teacher, and the network it takes.
func fewStep(net nn.Network) map[string]struct {
	obj objective.Objective
	net nn.Network
} {
	prog := must(nn.Velocity(net))
	weights := make([]float32, prog.Layout(nn.Group).Size)
	net.Init(weights, prog.Layout(nn.Group), rng.New(9))
	long := nn.LongStep{Network: net}
	out := map[string]struct {
		obj objective.Objective
		net nn.Network
	}{"gan": {objective.Adversarial{Critic: net, R1: 0.1, Rate: 2, Drop: 0.1}, net}}
	for what, teacher := range map[string]*objective.Teacher{"": nil, " of a teacher": {Net: net, Params: weights}} {
		ln := objective.Line{Path: path.Linear{}, Drop: 0.1, Teacher: teacher}
		out["meanflow"+what] = struct {
			obj objective.Objective
			net nn.Network
		}{objective.MeanFlow{Line: ln, Equal: 0.5, TimeScale: 1}, long}
		out["shortcut"+what] = struct {
			obj objective.Objective
			net nn.Network
		}{objective.Shortcut{Line: ln, Bootstrap: 0.5}, long}
		out["consistency"+what] = struct {
			obj objective.Objective
			net nn.Network
		}{objective.Consistency{Line: ln, Segments: 2, Delta: 0.1, Alpha: 0.1}, net}
	}
	return out
}

// TestFewStepRunsAreExact: any number of cores, and a run continued from a state,
// end in the same bits of every group; a teacher stays as it was.
func TestFewStepRunsAreExact(t *testing.T) {
	const steps = 10
	cfg, o, plain, _ := small(steps)
	for name, c := range fewStep(plain) {
		fresh := func(workers int) *train.Trainer {
			return must(train.New(cfg, o, c.obj, c.net, moons("ot", true), train.Options{HeldOut: moons("ot", true), Workers: workers}))
		}
		var want, got, rest trace
		whole := fresh(1)
		follow(t, whole, -1, &want)
		tr := fresh(2)
		follow(t, tr, 4, &got)
		again := fresh(2)
		if err := again.Restore(tr.State()); err != nil {
			t.Fatal(name, err)
		}
		follow(t, tr, -1, &got)
		if !got.equal(want) {
			t.Errorf("%s: a run left after 4 steps, on 2 cores, ends in other bits", name)
		}
		follow(t, again, -1, &rest)
		for _, g := range whole.State().Groups {
			for what, v := range map[string][]float32{"in one trainer": tr.Params(g.Name), "from a state": again.Params(g.Name)} {
				if !slices.Equal(v, g.Params) {
					t.Errorf("%s, %s: the group %s ends in other bits", name, what, g.Name)
				}
			}
			if !slices.Equal(again.Average(g.Name), whole.Average(g.Name)) {
				t.Errorf("%s: the average of %s ends in other bits", name, g.Name)
			}
			if g.Name == objective.TeacherGroup && !slices.Equal(g.Params, fresh(1).Params(g.Name)) {
				t.Errorf("%s: the teacher has moved", name)
			}
		}
		if judged := len(want.held) > 0; judged != (name[0] != 'g' && name[0] != 'c') {
			t.Errorf("%s: held-out pairs are looked at: %v", name, judged)
		}
	}
}

// reader has a loss that is the square of an averaged parameter: the first step
// must read the start, the second the average after the first.
type reader struct{ rate float64 }

func (r reader) Phases(net nn.Network) ([]objective.Phase, error) {
	b := graph.NewBuilder()
	in := nn.RowInputs(b, net.Dim(), net.CondSpec())
	v := b.Sum(net.Apply(b, nn.Group, in), 0)
	old := b.Sum(net.Apply(b, "old", in), 0)
	b.Output(objective.Loss, b.Square(old))
	b.OutputGradients(b.Gradient(v, b.Row("seed", graph.Float32, 1), nn.Group))
	p, err := b.Build()
	fill := func(in *objective.Inputs, _ *flow.Batch, _ rng.Key) error {
		for i := range in.Mat("seed").Data {
			in.Mat("seed").Data[i] = 1
			in.Mat(nn.InX).Data[2*i] = 1
		}
		return nil
	}
	return []objective.Phase{{
		Name: "read", Trains: nn.Group, Program: p, Fill: fill, Average: map[string]string{"old": nn.Group},
		Optim: func(s optim.Spec) optim.Spec { s.Rate *= r.rate; return s },
	}}, err
}

// TestAveragesAreRead: a phase reads the averaged parameters as they are when its
// step begins, and its optimiser is the one it asks for.
func TestAveragesAreRead(t *testing.T) {
	cfg := train.Config{Steps: 4, Batch: 4, Seed: 1, ValidateEvery: 100}
	net := must(nn.Spec{Kind: "mlp", Width: 3, Depth: 1, Activation: "tanh"}.Network(2, flow.CondSpec{}))
	o := optim.Post()
	o.EMA = 0.9
	start := map[float64]float32{}
	for _, rate := range []float64{1, 10} {
		tr := must(train.New(cfg, o, reader{rate}, net, moons("independent", false), train.Options{}))
		before := slices.Clone(tr.Params(nn.Group))
		for range 3 {
			x, at := []float64{1, 0}, []float64{0}
			arena := make([]float64, len(tr.Average(nn.Group)))
			for i, v := range tr.Average(nn.Group) {
				arena[i] = float64(v)
			}
			ans := must(must(nn.Velocity(net)).Interpret(graph.Feed{N: 1, Arenas: map[string][]float64{nn.Group: arena}, Rows: map[string][]float64{nn.InX: x, nn.InT: at}}))[nn.Out]
			want := (ans[0] + ans[1]) * (ans[0] + ans[1])
			var got trace
			follow(t, tr, 1, &got)
			if d := got.losses[0] - want; d > 1e-5 || d < -1e-5 {
				t.Errorf("the loss is %v, by the average at the start of the step %v", got.losses[0], want)
			}
		}
		start[rate] = tr.Params(nn.Group)[0] - before[0]
	}
	if r := start[10] / start[1]; r < 8 || r > 12 {
		t.Errorf("ten times the rate moves the first parameter %v times as far", r)
	}
	if _, err := train.New(cfg, o, orphan{}, net, moons("independent", false), train.Options{}); err == nil {
		t.Error("the average of a group that nothing trains is accepted")
	}
}

type orphan struct{}

func (orphan) Phases(net nn.Network) ([]objective.Phase, error) {
	ps, err := reader{1}.Phases(net)
	ps[0].Average = map[string]string{"old": "nobody"}
	return ps, err
}
