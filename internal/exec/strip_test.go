package exec

import (
	"fmt"
	"testing"

	"laminar/graph"
	"laminar/internal/kernel"
	"laminar/rng"
)

// normed is a program of norms, activations, a softmax and masks on images large
// enough for strips, with its gradient.
func normed(t *testing.T) *graph.Program {
	t.Helper()
	b := graph.NewBuilder()
	x, y := b.Row("x", graph.Float32, 12, 11, 20), b.Row("y", graph.Float32, 12, 11, 20)
	h := b.Add(b.Mul(b.GroupNorm(x, 4, 1e-5), b.Param("net", "scale", 20)), b.Param("net", "shift", 20))
	embed := b.Linear(b.Row("e", graph.Float32, 6), b.Param("net", "embed", 20, 6), true)
	h = b.SiLU(b.Add(b.Mul(h, b.Add(b.Reshape(embed, 1, 1, 20), b.Const(1))), y))
	b.Output("inside", h)
	h = b.Add(h, b.LayerNorm(b.Mul(h, y), 2, 1e-5))
	h = b.Select(b.Greater(x, y), h, b.Scale(y, 0.5))
	h = b.Add(h, b.Softmax(b.Sub(x, b.Reshape(b.Row("line", graph.Float32, 20), 1, 1, 20)), 2))
	// A vector as long as there are lines, made by elementwise operations.
	lines := b.Tanh(b.Row("lines", graph.Float32, 132))
	h = b.Add(h, b.Broadcast(b.Reshape(b.Scale(lines, 2), 12, 11, 1), 12, 11, 20))
	h = b.Mul(b.Reshape(h, 20, 132), b.Sigmoid(lines))
	// A sum over all lines that meets them again at once.
	h = b.Reshape(h, 12, 11, 20)
	h = b.Scale(b.Mul(h, b.Sum(h, 0, 1)), 0.01)
	b.Output("h", h)
	b.Output("s", b.Exp(b.Scale(b.Sum(b.Square(b.Sin(b.Row("u", graph.Float32, 16, 512))), 0), 0.1)))
	// A vector for all lines, made between operations on them.
	u := b.Tanh(b.Row("u", graph.Float32, 16, 512))
	v := b.Tanh(b.Row("v", graph.Float32, 16))
	b.Output("w", b.Exp(b.Mul(b.Reshape(u, 512, 16), v)))
	loss := b.Reshape(b.Sum(b.Square(h), 0, 1, 2), 1)
	b.Output("loss", loss)
	seed := b.Row("seed", graph.Float32, 1)
	for i, g := range b.VJP([]graph.Value{loss}, []graph.Value{seed}, []graph.Value{x, y, lines}) {
		b.Output(fmt.Sprint("g", i), g)
	}
	b.OutputGradients(b.Gradient(loss, seed, "net"))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestStrips: strips give the bits of their operations one by one, and agree
// with the interpreter.
func TestStrips(t *testing.T) {
	p := normed(t)
	f := newFeed(p, 20, rng.New(4))
	exact := f.exact(t, p)
	everyway(t, func(t *testing.T, o Options) { compareTo(t, p, f, exact, o, 2e-5) })
	for _, k := range kernel.Available() {
		o := Options{Kernels: k}
		whole := bind(t, p, f, o)
		if n := len(whole.prog.strips); n < 6 {
			t.Errorf("%d strips", n)
		}
		o.apart = true
		apart := bind(t, p, f, o)
		apart.run(t)
		whole.run(t) // what a run leaves in memory is of no matter to the next
		want := apart.run(t)
		for name, got := range whole.run(t) {
			if !sameBits(got, want[name]) {
				t.Errorf("%s: %s differs in strips", k.Name(), name)
			}
		}
	}
}
