package sample_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"laminar/data"
	"laminar/flow"
	"laminar/model"
	"laminar/nn"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// TestReflow: every pair is a point of noise with where the model's flow carries
// it under the pair's own conditions; an epoch deals each pair once.
func TestReflow(t *testing.T) {
	spec := flow.CondSpec{Classes: 3, Real: 2}
	cond := conditions(20)
	for i := range cond.Class {
		cond.Class[i] = int32(i % 3)
	}
	for i := range cond.Real.Data {
		if v := cond.Real.Data[i]; v != v {
			cond.Real.Data[i] = 1
		}
	}
	like, err := data.NewStored(tensor.New(20, 2), cond, spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := wild(t, 2, spec)
	c := sample.Config{N: 64, Seed: rng.New(5), Solve: solve.Defaults()}
	c.Solve.NFE = 10
	r, err := sample.NewReflow(context.Background(), m, c, like)
	if err != nil {
		t.Fatal(err)
	}
	if r.Len() != 64 || r.Dim() != 2 || r.CondSpec() != spec {
		t.Fatalf("%d pairs of %d columns with %+v", r.Len(), r.Dim(), r.CondSpec())
	}
	b := flow.NewBatch(32, 2, spec)
	seen := map[[2]float32]bool{}
	for i := range 2 {
		b.Weight = make([]float32, 32)
		if err := r.Fill(&b, rng.New(8), i); err != nil {
			t.Fatal(err)
		}
		z := b.X0.Clone()
		if _, err := sample.Carry(context.Background(), m, sample.Config{Solve: c.Solve, Cond: b.Cond}, z, 0, 1); err != nil {
			t.Fatal(err)
		}
		for k, v := range z.Data {
			if v != b.X1.Data[k] {
				t.Fatalf("batch %d: row %d ends at %v, the flow at %v", i, k/2, b.X1.Row(k/2), z.Row(k/2))
			}
		}
		for k := range b.X0.N {
			seen[[2]float32(b.X0.Row(k))] = true
		}
		if b.Weight != nil {
			t.Error("weights of an older batch are left")
		}
	}
	if len(seen) != 64 {
		t.Errorf("an epoch deals %d of 64 pairs", len(seen))
	}
	if a := testing.AllocsPerRun(20, func() { r.Fill(&b, rng.New(8), 3) }); a > 1 {
		t.Errorf("a batch allocates %v times", a)
	}
	if _, err := sample.NewReflow(context.Background(), m, c, nil); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("without data for the conditions: %v", err)
	}
	small := flow.NewBatch(32, 3, spec)
	if err := r.Fill(&small, rng.New(8), 0); !errors.Is(err, flow.ErrShape) {
		t.Errorf("a batch of three columns: %v", err)
	}
}

// The pairs of a model's own flow. This one has no parameters of interest: a new
// network answers 0, so that every point stays where it is.
func ExampleNewReflow() {
	net, err := nn.Defaults().Network(2, flow.CondSpec{})
	if err != nil {
		panic(err)
	}
	p, err := nn.Velocity(net)
	if err != nil {
		panic(err)
	}
	m, err := model.New(model.Config{Program: p, Params: make([]float32, p.Layout(nn.Group).Size)})
	if err != nil {
		panic(err)
	}
	r, err := sample.NewReflow(context.Background(), m, sample.Config{N: 100, Seed: rng.New(1), Solve: solve.Defaults()}, nil)
	if err != nil {
		panic(err)
	}
	b := flow.NewBatch(25, r.Dim(), r.CondSpec())
	if err := r.Fill(&b, rng.New(2), 0); err != nil {
		panic(err)
	}
	fmt.Println(r.Len(), "pairs; no point has moved:", slices.Equal(b.X0.Data, b.X1.Data))
	// Output: 100 pairs; no point has moved: true
}
