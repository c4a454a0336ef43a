package train_test

import (
	"math"
	"slices"
	"testing"

	"laminar/flow"
	"laminar/graph"
	"laminar/internal/exec"
	"laminar/nn"
	"laminar/objective"
	"laminar/optim"
	"laminar/rng"
	"laminar/tensor"
	"laminar/train"
)

// learnt returns a function that evaluates a network without conditions.
func learnt(t testing.TB, net nn.Network, params []float32) func(x tensor.Mat, s float64) tensor.Mat {
	t.Helper()
	exe := must(exec.Compile(must(nn.Velocity(net)), exec.Options{}))
	run := exe.NewSession()
	return func(x tensor.Mat, s float64) tensor.Mat {
		v, times := tensor.New(x.N, x.D), make([]float32, x.N)
		for i := range times {
			times[i] = float32(s)
		}
		for _, err := range []error{run.BindParams(nn.Group, params), run.BindRow(nn.InX, x.Data), run.BindRow(nn.InT, times), run.BindOutput(nn.Out, v.Data), run.Run(x.N)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return v
	}
}

// adversarial is a small GAN: two phases over two groups, each of which reads
// the group of the other. The network is the generator, x1 = x0 + f(x0, 0); the
// critic c tells data from what is generated (Mao et al. 2017):
//
//	phase "critic": (c(x1) - 1)^2 + c(stop(x0 + f(x0)))^2
//	phase "actor":  (c(x0 + f(x0)) - 1)^2 + a frozen teacher's pull, 0 here
type adversarial struct{ critic nn.Network }

const (
	criticGroup  = "critic"
	teacherGroup = "teacher"
)

// judge is the critic's answer, its first coordinate.
func (o adversarial) judge(b *graph.Builder, x graph.Value) graph.Value {
	in := nn.NoInputs()
	in.X, in.T = x, b.Mul(b.Slice(x, 0, 0, 1), b.Const(0, 1))
	return b.Slice(o.critic.Apply(b, criticGroup, in), 0, 0, 1)
}

func (o adversarial) Phases(net nn.Network) ([]objective.Phase, error) {
	program := func(trains string, loss func(b *graph.Builder, data, fake graph.Value) graph.Value) (*graph.Program, error) {
		b := graph.NewBuilder()
		in := nn.RowInputs(b, net.Dim(), net.CondSpec())
		fake := b.Add(in.X, net.Apply(b, nn.Group, in))
		l := loss(b, b.Row("data", graph.Float32, net.Dim()), fake)
		b.Output(objective.Loss, l)
		b.OutputGradients(b.Gradient(l, b.Row("seed", graph.Float32, 1), trains))
		return b.Build()
	}
	one := func(b *graph.Builder) graph.Value { return b.Const(1, 1) }
	learn, err := program(criticGroup, func(b *graph.Builder, data, fake graph.Value) graph.Value {
		return b.Add(b.Square(b.Sub(o.judge(b, data), one(b))), b.Square(o.judge(b, b.StopGradient(fake))))
	})
	if err != nil {
		return nil, err
	}
	act, err := program(nn.Group, func(b *graph.Builder, data, fake graph.Value) graph.Value {
		pull := b.Param(teacherGroup, "pull", 1)
		return b.Add(b.Square(b.Sub(o.judge(b, fake), one(b))), b.Mul(b.Sum(b.Square(data), 0), b.ToRows(b.Mul(pull, pull))))
	})
	if err != nil {
		return nil, err
	}
	fill := func(in *objective.Inputs, b *flow.Batch, key rng.Key) error {
		copy(in.Mat(nn.InX).Data, b.X0.Data)
		copy(in.Mat("data").Data, b.X1.Data)
		clear(in.Mat(nn.InT).Data)
		seed := in.Mat("seed").Data
		for i := range seed {
			seed[i] = 1 / float32(len(seed))
		}
		return nil
	}
	still := func(arena []float32, _ graph.Layout, _ rng.Key) { clear(arena) }
	return []objective.Phase{
		{
			Name: "critic", Trains: criticGroup, Program: learn, Fill: fill,
			Init: map[string]func([]float32, graph.Layout, rng.Key){criticGroup: o.critic.Init},
		},
		{
			Name: "actor", Trains: nn.Group, Program: act, Fill: fill,
			Init: map[string]func([]float32, graph.Layout, rng.Key){teacherGroup: still},
		},
	}, nil
}

// TestTwoPhases trains a generator that moves N(0, I) to N((2, 0), I) against a
// critic: two programs, three groups, one of which nothing trains.
func TestTwoPhases(t *testing.T) {
	fresh := func() (*train.Trainer, nn.Network) {
		spec := nn.Spec{Kind: "mlp", Width: 12, Depth: 1, Activation: "tanh"}
		net, critic := must(spec.Network(2, flow.CondSpec{})), must(spec.Network(2, flow.CondSpec{}))
		cfg := train.Config{Steps: 600, Batch: 64, Seed: 4, ValidateEvery: 100}
		o := optim.Post()
		o.Beta1, o.EMA, o.Rate = 0.5, 0.99, 4e-3
		return must(train.New(cfg, o, adversarial{critic}, net, gaussians{[]float64{2, 0}, []float64{1, 1}}, train.Options{Workers: 1})), net
	}
	tr, net := fresh()
	if l := tr.Layout(criticGroup); l.Size == 0 || len(tr.Params(criticGroup)) != l.Size || tr.Params("nobody") != nil {
		t.Fatalf("the critic has %d parameters", l.Size)
	}
	// The first step moves both trained groups, and only those.
	start := map[string][]float32{}
	for _, name := range []string{nn.Group, criticGroup, teacherGroup} {
		start[name] = slices.Clone(tr.Params(name))
	}
	if !slices.Equal(start[teacherGroup], []float32{0}) {
		t.Errorf("the teacher starts at %v, its Init says 0", start[teacherGroup])
	}
	if slices.Equal(start[nn.Group], start[criticGroup]) {
		t.Error("the critic starts as the actor does")
	}
	var got trace
	follow(t, tr, 1, &got)
	for name, before := range start {
		if moved := !slices.Equal(before, tr.Params(name)); moved != (name != teacherGroup) {
			t.Errorf("group %s: moved is %v", name, moved)
		}
	}
	if !slices.Equal(tr.Average(teacherGroup), start[teacherGroup]) {
		t.Error("a group that nothing trains has an average of its own")
	}
	// A state in mid-run holds all groups.
	follow(t, tr, 299, &got)
	again, _ := fresh()
	if err := again.Restore(tr.State()); err != nil {
		t.Fatal(err)
	}
	var rest trace
	follow(t, tr, -1, &got)
	follow(t, again, -1, &rest)
	if !slices.Equal(rest.params, got.params) || !slices.Equal(again.Params(criticGroup), tr.Params(criticGroup)) || !slices.Equal(again.Average(criticGroup), tr.Average(criticGroup)) {
		t.Error("the restored run of two phases ends in other bits")
	}
	// What is generated has come to the data.
	const n = 4000
	x := tensor.New(n, 2)
	s := rng.New(77).Stream()
	s.Normal(x.Data)
	v := learnt(t, net, tr.Average(nn.Group))(x, 0)
	mean := [2]float64{}
	for i, d := range v.Data {
		mean[i%2] += float64(x.Data[i]+d) / n
	}
	if math.Hypot(mean[0]-2, mean[1]) > 0.5 {
		t.Errorf("the generated mean is %.3f, want (2, 0)", mean)
	}
}

// A group that no phase trains cannot be named by one.
func TestPhaseOfAnUnknownGroup(t *testing.T) {
	cfg, o, net, pairs := small(3)
	if _, err := train.New(cfg, o, misnamed{}, net, pairs, train.Options{}); err == nil {
		t.Error("a phase that trains a group of no program is accepted")
	}
}

type misnamed struct{}

func (misnamed) Phases(net nn.Network) ([]objective.Phase, error) {
	ps, err := match.Phases(net)
	ps[0].Trains = "critic"
	return ps, err
}
