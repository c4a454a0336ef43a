package train_test

import (
	"math"
	"testing"

	"laminar/coupling"
	"laminar/data/molecule"
	"laminar/flow"
	"laminar/nn"
	"laminar/objective"
	"laminar/optim"
	"laminar/path"
	"laminar/rng"
	"laminar/train"
)

// whole hides that a network can be cut.
type whole struct{ nn.Network }

// TestCuts: a network whose rows are dealt to programs of their length learns what
// it learns as a whole.
func TestCuts(t *testing.T) {
	layout := molecule.Layout{Atoms: 9, Elements: []molecule.Element{1, 6, 8}}
	noise := must(molecule.NewNoise(layout, map[string]int{"HO": 3, "C2H2": 2, "CHO3": 5, "C2H4": 4, "C3H4": 4, "C3H6": 1}))
	pairs := must(coupling.NewSource(noise, noise, must(coupling.NewAtoms(coupling.Config{Name: "ot"}, layout.Atoms, layout.Width()))))
	spec := nn.Spec{Kind: "egnn", Width: 12, Depth: 2, Activation: "silu", TimeFeatures: 4, Messages: 6, Shape: []int{9, 3}}
	net := must(spec.Network(layout.Dim(), flow.CondSpec{}))
	if n := len(net.(nn.Cuttable).Cuts()); n < 3 {
		t.Fatalf("%d cuts", n)
	}
	o := optim.Defaults()
	o.Rate, o.Warmup = 1e-3, 0
	match := objective.FlowMatching{Path: path.Linear{}, Times: path.Uniform{}, Predict: path.Data, Schedule: path.CondOT{}, Weight: must(path.NewWeight(path.Config{Weight: "sigma-sqrt"}))}
	cfg := train.Config{Steps: 4, Batch: 12, Seed: 5, ValidateEvery: 2}
	var got, want trace
	follow(t, must(train.New(cfg, o, match, net, pairs, train.Options{HeldOut: pairs})), -1, &got)
	follow(t, must(train.New(cfg, o, match, whole{net}, pairs, train.Options{HeldOut: pairs})), -1, &want)
	start := must(nn.Velocity(net))
	params := make([]float32, start.Layout(nn.Group).Size)
	net.Init(params, start.Layout(nn.Group), rng.New(cfg.Seed).Split("init "+nn.Group))
	for i := range want.losses {
		if math.Abs(got.losses[i]-want.losses[i]) > 1e-4*want.losses[i] {
			t.Errorf("step %d: loss %v, as a whole %v", i, got.losses[i], want.losses[i])
		}
	}
	moved, off := 0.0, 0.0
	for i := range params {
		moved += math.Pow(float64(want.params[i]-params[i]), 2)
		off += math.Pow(float64(want.params[i]-got.params[i]), 2)
	}
	if !(off < 1e-4*moved) {
		t.Errorf("parameters moved by %v and are off by %v", math.Sqrt(moved), math.Sqrt(off))
	}
	for _, workers := range []int{1, 2} {
		var same trace
		follow(t, must(train.New(cfg, o, match, net, pairs, train.Options{HeldOut: pairs, Workers: workers})), -1, &same)
		if !same.equal(got) {
			t.Errorf("%d workers end in other bits", workers)
		}
	}
	for i := range want.held {
		if math.Abs(got.held[i]-want.held[i]) > 1e-4*want.held[i] {
			t.Errorf("held out: %v, as a whole %v", got.held, want.held)
		}
	}
}
