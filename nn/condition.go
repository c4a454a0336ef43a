package nn

import (
	"math"

	"laminar/graph"
)

// SetReal writes one row's real condition for the network: a row with a NaN,
// or dropped, is unknown and answered by the learnt null.
func SetReal(dst, known, src []float32, dropped bool) {
	known[0] = 1
	for _, v := range src {
		if math.IsNaN(float64(v)) {
			dropped = true
		}
	}
	if dropped {
		known[0] = 0
		clear(dst)
		return
	}
	copy(dst, src)
}

// SetObserved writes observed values where the mask is not 0, and 0 elsewhere,
// so that what stands there (a NaN, perhaps) never enters the network.
func SetObserved(dst, mask, src []float32) {
	for i, m := range mask {
		dst[i] = 0
		if m != 0 {
			dst[i] = src[i]
		}
	}
}

// embedding is a vector of width numbers that tells the time and the conditions:
// a network of two layers on the Fourier features of the time and on the real
// vector or its learnt null, and an embedding of the class added to it.
func (n *base) embedding(b *graph.Builder, group string, in Inputs, width int) graph.Value {
	parts := []graph.Value{n.timeFeatures(b, in.T)}
	if in.Span != graph.None {
		parts = append(parts, n.timeFeatures(b, in.Span))
	}
	if n.cond.Real > 0 {
		parts = append(parts, n.real(b, group, in), in.Known)
	}
	e := linear(b, group, "embed.0", b.Concat(0, parts...), width)
	e = linear(b, group, "embed.1", n.activate(b, e), width)
	if c := n.cond.Classes; c > 0 {
		e = b.Add(e, b.Gather(b.Param(group, "class.embedding", c+1, width), in.Class))
	}
	return e
}

// real is the real vector, or its learnt null where it is not known.
func (n *base) real(b *graph.Builder, group string, in Inputs) graph.Value {
	null := b.Param(group, "real.null", n.cond.Real)
	return b.Add(b.Mul(in.Known, in.Real), b.Mul(b.Sub(b.Const(1, 1), in.Known), null))
}
