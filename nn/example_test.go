package nn_test

import (
	"fmt"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/rng"
)

// The network of the post, with the names that PyTorch gives its parameters.
func ExampleSpec() {
	net, err := nn.Post().Network(2, flow.CondSpec{})
	if err != nil {
		panic(err)
	}
	p, err := nn.Velocity(net)
	if err != nil {
		panic(err)
	}
	for _, e := range p.Layout(nn.Group).Entries {
		fmt.Println(e.Name, e.Shape)
	}
	// Output:
	// net.0.weight [64 3]
	// net.0.bias [64]
	// net.2.weight [64 64]
	// net.2.bias [64]
	// net.4.weight [2 64]
	// net.4.bias [2]
}

// affine is a network of one's own: v = A x + t b.
type affine struct{ dim int }

func (n affine) Dim() int                { return n.dim }
func (n affine) CondSpec() flow.CondSpec { return flow.CondSpec{} }

func (n affine) Apply(b *graph.Builder, group string, in nn.Inputs) graph.Value {
	a := b.Param(group, "a", n.dim, n.dim)
	shift := b.Param(group, "b", n.dim)
	return b.Add(b.Linear(in.X, a, true), b.Mul(in.T, b.ToRows(shift)))
}

func (n affine) Init(arena []float32, l graph.Layout, key rng.Key) {
	s := key.Stream()
	s.Normal(arena)
}

// A network of your own is a type with four methods. It is trained as any
// other; its program goes into the model file.
func ExampleNetwork() {
	var net nn.Network = affine{dim: 2}
	p, err := nn.Velocity(net)
	if err != nil {
		panic(err)
	}
	arena := []float64{0, -1, 1, 0, 10, 20} // a quarter turn, and a push
	out, err := p.Interpret(graph.Feed{
		N: 1, Arenas: map[string][]float64{nn.Group: arena},
		Rows: map[string][]float64{nn.InX: {1, 2}, nn.InT: {0.5}},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(out[nn.Out])
	// Output: [3 11]
}

// A fault names its field and lists what is valid.
func ExampleSpec_Validate() {
	s := nn.Post()
	s.Activation = "swish"
	fmt.Println(s.Validate("network"))
	// Output: network.activation: unknown "swish"; one of relu, silu, tanh, gelu, selu
}
