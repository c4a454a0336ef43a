package model_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"laminar/flow"
	"laminar/graph"
	"laminar/model"
	"laminar/nn"
	"laminar/rng"
	"laminar/tensor"
)

// longStep is a model that takes long steps.
func longStep(t testing.TB) model.Config {
	net, err := nn.Spec{Kind: "resmlp", Width: 16, Depth: 1, Activation: "tanh", TimeFeatures: 4}.Network(2, flow.CondSpec{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.Velocity(nn.LongStep{Network: net})
	if err != nil {
		t.Fatal(err)
	}
	w := make([]float32, p.Layout(nn.Group).Size)
	s := rng.New(1).Stream()
	s.Normal(w)
	return model.Config{Program: p, Params: w}
}

// TestAverageIsTheProgram: the span of the program is to - t; at 0 it is the
// velocity, bit for bit.
func TestAverageIsTheProgram(t *testing.T) {
	const n = 9
	c := longStep(t)
	m := build(t, c)
	f, err := m.Bind(flow.Cond{})
	if err != nil {
		t.Fatal(err)
	}
	var _ flow.AverageOf[float32] = f
	x, v, u := tensor.New(n, 2), tensor.New(n, 2), tensor.New(n, 2)
	s := rng.New(3).Stream()
	s.Normal(x.Data)
	rows := map[string][]float64{nn.InX: nil, nn.InT: nil, nn.InSpan: nil}
	for i := range n {
		rows[nn.InX] = append(rows[nn.InX], float64(x.At(i, 0)), float64(x.At(i, 1)))
		rows[nn.InT], rows[nn.InSpan] = append(rows[nn.InT], 0.25), append(rows[nn.InSpan], 0.5)
	}
	arena := make([]float64, len(c.Params))
	for i, p := range c.Params {
		arena[i] = float64(p)
	}
	want, err := c.Program.Interpret(graph.Feed{N: n, Arenas: map[string][]float64{nn.Group: arena}, Rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Average(u, x, 0.25, 0.75); err != nil {
		t.Fatal(err)
	}
	for i, w := range want[nn.Out] {
		if math.Abs(float64(u.Data[i])-w) > 1e-4*(1+math.Abs(w)) {
			t.Fatalf("row %d: %v, want %v", i/2, u.Data[i], w)
		}
	}
	if err := errors.Join(f.Velocity(v, x, 0.25), f.Average(u, x, 0.25, 0.25)); err != nil || !slices.Equal(u.Data, v.Data) {
		t.Errorf("over no time the average is not the velocity (%v)", err)
	}
	plain, err := build(t, parts(t, flow.CondSpec{})).Bind(flow.Cond{})
	if err != nil {
		t.Fatal(err)
	}
	if err := plain.Average(u, x, 0, 1); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("a model of velocities alone: %v", err)
	}
	if err := plain.Average(u, x, 0.3, 0.3); err != nil {
		t.Error(err)
	}
}
