package path

import (
	"math"

	"laminar/graph"
)

// The schedules as operations. They are written so that float32 keeps its digits
// near t = 1, where sigma vanishes.

// Coefficients is the method of Drawn.
func (CondOT) Coefficients(b *graph.Builder, t graph.Value) (alpha, sigma, dalpha, dsigma graph.Value) {
	return t, b.Sub(b.Const(1, 1), t), b.Const(1, 1), b.Const(-1, 1)
}

// Coefficients is the method of Drawn; t must be positive unless Power is an
// integer up to 4.
func (p Polynomial) Coefficients(b *graph.Builder, t graph.Value) (alpha, sigma, dalpha, dsigma graph.Value) {
	power := func(n float64) graph.Value {
		if n == math.Trunc(n) && n <= 4 {
			v := b.Const(1, 1)
			for range int(n) {
				v = b.Mul(t, v)
			}
			return v
		}
		return b.Exp(b.Scale(b.Log(b.Max(t, b.Const(1e-30, 1))), n))
	}
	alpha, dalpha = power(p.Power), b.Scale(power(p.Power-1), p.Power)
	return alpha, b.Sub(b.Const(1, 1), alpha), dalpha, b.Neg(dalpha)
}

// Coefficients is the method of Drawn. sigma^2 = 1 - e^-T is taken as
// tanh(T/2) (1 + e^-T), which does not cancel.
func (p VP) Coefficients(b *graph.Builder, t graph.Value) (alpha, sigma, dalpha, dsigma graph.Value) {
	u := b.Sub(b.Const(1, 1), t)
	e := b.Add(b.Scale(b.Square(u), (p.Max-p.Min)/2), b.Scale(u, p.Min))
	rate := b.Neg(b.Add(b.Scale(u, p.Max-p.Min), b.Const(p.Min, 1)))
	gone := b.Exp(b.Neg(e))
	alpha = b.Exp(b.Scale(e, -0.5))
	sigma = b.Sqrt(b.Mul(b.Tanh(b.Scale(e, 0.5)), b.Add(b.Const(1, 1), gone)))
	return alpha, sigma, b.Scale(b.Mul(rate, alpha), -0.5), b.Scale(b.Div(b.Mul(rate, gone), sigma), 0.5)
}

// Coefficients is the method of Drawn.
func (LinearVP) Coefficients(b *graph.Builder, t graph.Value) (alpha, sigma, dalpha, dsigma graph.Value) {
	one := b.Const(1, 1)
	sigma = b.Sqrt(b.Mul(b.Sub(one, t), b.Add(one, t)))
	return t, sigma, one, b.Neg(b.Div(t, sigma))
}

// Coefficients is the method of Drawn.
func (Cosine) Coefficients(b *graph.Builder, t graph.Value) (alpha, sigma, dalpha, dsigma graph.Value) {
	alpha = b.Sin(b.Scale(t, math.Pi/2))
	sigma = b.Sin(b.Scale(b.Sub(b.Const(1, 1), t), math.Pi/2))
	return alpha, sigma, b.Scale(sigma, math.Pi/2), b.Scale(alpha, -math.Pi/2)
}

// Coefficients is the method of Drawn.
func (p Blurred) Coefficients(b *graph.Builder, t graph.Value) (alpha, sigma, dalpha, dsigma graph.Value) {
	return t, b.Sub(b.Const(1, 1), b.Scale(t, 1-p.SigmaMin)), b.Const(1, 1), b.Const(p.SigmaMin-1, 1)
}
