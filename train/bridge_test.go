package train_test

import (
	"context"
	"math"
	"testing"

	"laminar/coupling"
	"laminar/data"
	"laminar/flow"
	"laminar/model"
	"laminar/nn"
	"laminar/objective"
	"laminar/optim"
	"laminar/path"
	"laminar/rng"
	"laminar/solve"
	"laminar/tensor"
	"laminar/train"
)

// TestFlowWithScore: a flow and a score, both learnt along a Brownian bridge, make
// the stochastic equation that has the bridge's distribution at every time (SF2M).
func TestFlowWithScore(t *testing.T) {
	const sigma, n = 1, 4000
	ends := tensor.New(3000, 1) // data N(2, 0.5^2)
	normal := rng.New(8).Stream()
	normal.Normal(ends.Data)
	for i, v := range ends.Data {
		ends.Data[i] = 2 + v/2
	}
	rows := must(data.NewStored(ends, flow.Cond{}, flow.CondSpec{}, nil))
	pairs := must(coupling.NewSource(data.Noise(1), rows, coupling.Independent{}))
	net := must(nn.Spec{Kind: "mlp", Width: 32, Depth: 2, Activation: "silu"}.Network(1, flow.CondSpec{}))
	learnt := func(o objective.Objective) flow.Field {
		c, adam := train.Defaults(), optim.Post()
		c.Steps, c.Batch, c.Seed = 1500, 128, 5
		adam.Rate, adam.EMA = 3e-3, 0.99
		tr := must(train.New(c, adam, o, net, pairs, train.Options{Workers: 1}))
		if err := tr.Fit(context.Background()); err != nil {
			t.Fatal(err)
		}
		m := must(model.New(model.Config{Program: must(nn.Velocity(net)), Params: tr.Best()}))
		return must(m.Bind(flow.Cond{}))
	}
	bridge := path.Bridge{Sigma: sigma}
	u := learnt(objective.FlowMatching{Path: bridge, Times: path.Uniform{}})
	score := learnt(objective.BridgeScore{Path: bridge, Times: path.Uniform{}})
	moments := func(own flow.Field, to float64) (mean, dev float64) {
		x := tensor.New(n, 1)
		noise := rng.New(3).Stream()
		noise.Normal(x.Data)
		s := must(solve.New[float32](solve.Config{Method: "em", Steps: 100, Diffusion: "constant", DiffusionScale: sigma * sigma / 2.}))
		s.Score, s.Key = own, rng.New(4)
		if _, err := s.Solve(context.Background(), u, x, 0, to); err != nil {
			t.Fatal(err)
		}
		for _, v := range x.Data {
			mean += float64(v) / n
		}
		for _, v := range x.Data {
			dev += (float64(v) - mean) * (float64(v) - mean) / n
		}
		return mean, math.Sqrt(dev)
	}
	for _, at := range []float64{0.5, 0.8, 1} {
		mean, dev := moments(score, at)
		want := math.Sqrt((1-at)*(1-at) + at*at/4 + sigma*sigma*at*(1-at))
		if math.Abs(mean-2*at) > 0.08 || math.Abs(dev-want) > 0.08 {
			t.Errorf("at %v: mean %.3f, deviation %.3f, want %.3f, %.3f", at, mean, dev, 2*at, want)
		}
	}
	// Noise without the score that takes it away again widens the end.
	if _, dev := moments(nothing{}, 1); dev < 0.65 {
		t.Errorf("without a score the deviation is %.3f", dev)
	}
}

// nothing is a score of 0, where there ought to be one.
type nothing struct{}

func (nothing) Dim() int { return 1 }
func (nothing) Velocity(dst, _ tensor.Mat, _ float64) error {
	clear(dst.Data)
	return nil
}
