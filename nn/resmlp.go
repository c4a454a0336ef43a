package nn

import (
	"fmt"
	"math"

	"laminar/graph"
	"laminar/rng"
)

// resmlp is a residual network with Fourier features of the time. With
// phi(t) = [t, sin(pi k t), cos(pi k t)] and c the conditions,
//
//	h_0     = W [x, phi(t), c] + b
//	h_{l+1} = h_l + act(W_l h_l + U_l phi(t) + b_l)
//	v       = W_out h_L + b_out
//
// A network for long steps sees [phi(t), phi(span)] in place of phi(t); in the
// first layer phi(span) comes last, so that all that a network without it has
// learnt fits into the front of each of its layers.
//
// Residual connections keep the network close to linear in x at the start,
// which suits straight flows; the time enters every block, so that the field
// can change shape on its way.
type resmlp struct{ base }

func (n *resmlp) Apply(b *graph.Builder, group string, in Inputs) graph.Value {
	phi := []graph.Value{n.timeFeatures(b, in.T)}
	known := append([]graph.Value{in.X, phi[0]}, n.conditions(b, group, in)...)
	if in.Span != graph.None {
		span := n.timeFeatures(b, in.Span)
		phi, known = append(phi, span), append(known, span)
	}
	h := linear(b, group, "in", b.Concat(0, known...), n.Width)
	for l := range n.Depth {
		u := linear(b, group, fmt.Sprintf("block.%d", l), b.Concat(0, append([]graph.Value{h}, phi...)...), n.Width)
		h = b.Add(h, n.activate(b, u))
	}
	return linear(b, group, "out", h, n.dim)
}

// timeFeatures are t and sines and cosines of it, TimeFeatures in number beside t.
func (n *base) timeFeatures(b *graph.Builder, t graph.Value) graph.Value {
	half := n.TimeFeatures / 2
	freq := make([]float64, half)
	for k := range freq {
		freq[k] = math.Pi * float64(k+1)
	}
	angle := b.Mul(t, b.ConstOf(freq, half))
	return b.Concat(0, t, b.Sin(angle), b.Cos(angle))
}

func (n *resmlp) Init(arena []float32, l graph.Layout, key rng.Key) {
	initLinear(arena, l, key)
	for _, e := range l.Entries {
		if e.Name == "out.weight" || e.Name == "out.bias" {
			clear(arena[e.Offset : e.Offset+e.Size])
		}
	}
}
