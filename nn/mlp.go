package nn

import (
	"fmt"

	"laminar/graph"
)

// mlp is the network of the post: everything that is known about the row is
// concatenated and goes through equal hidden layers. Its parameters carry the
// names of a torch.nn.Sequential of Linear and activation modules.
type mlp struct{ base }

func (n *mlp) Apply(b *graph.Builder, group string, in Inputs) graph.Value {
	known := append([]graph.Value{in.X, in.T}, n.conditions(b, group, in)...)
	if in.Span != graph.None {
		known = append(known, in.Span)
	}
	h := b.Concat(0, known...)
	for i := range n.Depth {
		h = n.activate(b, linear(b, group, fmt.Sprintf("net.%d", 2*i), h, n.Width))
	}
	return linear(b, group, fmt.Sprintf("net.%d", 2*n.Depth), h, n.dim)
}
