package graph

import "math"

// Functions that networks use, composed of the primitive operations. Executors
// recognise and fuse them after differentiation.

// SiLU returns x sigmoid(x).
func (b *Builder) SiLU(x Value) Value { return b.Mul(x, b.Sigmoid(x)) }

// GELU returns x Phi(x), in its exact form with erf.
func (b *Builder) GELU(x Value) Value {
	return b.Scale(b.Mul(x, b.Add(b.Erf(b.Scale(x, math.Sqrt2/2)), b.Const(1))), 0.5)
}

// SELU returns the scaled exponential linear unit (Klambauer et al. 2017).
func (b *Builder) SELU(x Value) Value {
	const alpha, scale = 1.6732632423543772, 1.0507009873554805
	negative := b.Scale(b.Sub(b.Exp(b.Min(x, b.Const(0))), b.Const(1)), alpha)
	return b.Scale(b.Select(b.Step(x), x, negative), scale)
}

// Mean returns the mean over the axes, which stay with size 1.
func (b *Builder) Mean(x Value, axes ...int) Value {
	n := 1
	for _, a := range axes {
		if s := b.Shape(x); a >= 0 && a < len(s) {
			n *= s[a]
		}
	}
	return b.Scale(b.Sum(x, axes...), 1/float64(n))
}

// Softmax returns exp(x) normalised to sum 1 over an axis.
func (b *Builder) Softmax(x Value, axis int) Value {
	e := b.Exp(b.Sub(x, b.StopGradient(b.ReduceMax(x, axis))))
	return b.Mul(e, b.Div(b.Const(1), b.Sum(e, axis)))
}

// LayerNorm returns x with mean 0 and variance 1 over an axis; eps is added to
// the variance. Scale and shift are the caller's.
func (b *Builder) LayerNorm(x Value, axis int, eps float64) Value {
	c := b.Sub(x, b.Mean(x, axis))
	return b.Mul(c, b.Div(b.Const(1), b.Sqrt(b.Add(b.Mean(b.Square(c), axis), b.Const(eps)))))
}
