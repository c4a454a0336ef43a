package run_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
	"laminar/sample"
	"laminar/solve"
	"laminar/train"
)

// bilinear is a network of one's own: two layers whose features are multiplied
// with each other.
//
//	v = W_3 (tanh(W_1 [x, t] + b_1) * (W_2 [x, t] + b_2)) + b_3
type bilinear struct{ dim, width int }

func (n bilinear) Dim() int                { return n.dim }
func (n bilinear) CondSpec() flow.CondSpec { return flow.CondSpec{} }

// Apply declares the parameters and writes the formula down; derivatives, and
// how it runs, are the library's.
func (n bilinear) Apply(b *graph.Builder, group string, in nn.Inputs) graph.Value {
	layer := func(name string, x graph.Value, from, to int) graph.Value {
		w, bias := b.Param(group, name+".weight", to, from), b.Param(group, name+".bias", to)
		return b.Add(b.Linear(x, w, true), bias)
	}
	x := b.Concat(0, in.X, in.T)
	h := b.Mul(b.Tanh(layer("gate", x, n.dim+1, n.width)), layer("value", x, n.dim+1, n.width))
	return layer("out", h, n.width, n.dim)
}

// Init fills the parameters, each from a key of its own.
func (n bilinear) Init(arena []float32, l graph.Layout, key rng.Key) {
	for _, e := range l.Entries {
		s := key.Split(e.Name).Stream()
		dst := arena[e.Offset : e.Offset+e.Size]
		s.Normal(dst)
		for i := range dst {
			dst[i] /= float32(math.Sqrt(float64(e.Shape[len(e.Shape)-1])))
		}
	}
}

// A network of your own is any type with the methods of nn.Network. It takes the
// place of the recipe's; its program goes into the model file, from which it is
// loaded and sampled without your code.
func Example_customNetwork() {
	r, err := recipe.Preset("fast")
	if err != nil {
		panic(err)
	}
	r.Data.Name, r.Train.Steps = "8gaussians", 300
	material, err := recipe.BuiltIn(r)
	if err != nil {
		panic(err)
	}
	plan, err := r.Compose(material)
	if err != nil {
		panic(err)
	}
	plan.Net = bilinear{dim: 2, width: 32} // the one line that is not usual

	t, err := plan.Trainer(train.Options{})
	if err != nil {
		panic(err)
	}
	if err := t.Fit(context.Background()); err != nil {
		panic(err)
	}
	s, err := run.Snapshot(plan, t, nil)
	if err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "laminar")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "mine.safetensors")
	fmt.Println("saved:", run.Save(path, s))

	again, err := run.Load(path, "")
	if err != nil {
		panic(err)
	}
	c := sample.Config{N: 100, Seed: rng.New(1), Solve: solve.Config{Method: "midpoint", NFE: 20}}
	x, _, err := sample.Draw(context.Background(), again.Model, c)
	if err != nil {
		panic(err)
	}
	y, _, err := sample.Draw(context.Background(), s.Model, c)
	if err != nil {
		panic(err)
	}
	fmt.Println("parameters:", len(again.Model.Params))
	fmt.Println("the same samples:", x.At(99, 1) == y.At(99, 1))
	fmt.Println("it learnt:", t.Loss(100) < 1.5)
	// Output:
	// saved: <nil>
	// parameters: 322
	// the same samples: true
	// it learnt: true
}
