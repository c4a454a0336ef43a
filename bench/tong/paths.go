package main

import (
	"math"

	"laminar/rng"
	"laminar/tensor"
)

// gaussianPath is a conditional path that moves a Gaussian: at writes, for one
// coordinate at time t with noise e ~ N(0, 1), the point and its velocity.
type gaussianPath func(t, x0, x1, e float64) (x, u float64)

// At is the method of flow.Path; row i draws its noise from key.At(i).
func (p gaussianPath) At(xt, ut, x0, x1 tensor.Mat, t []float32, key rng.Key) error {
	for i := range xt.N {
		s := key.At(uint64(i)).Stream()
		a, b, x, u := x0.Row(i), x1.Row(i), xt.Row(i), ut.Row(i)
		for j := range x {
			p, v := p(float64(t[i]), float64(a[j]), float64(b[j]), s.NormFloat64())
			x[j], u[j] = float32(p), float32(v)
		}
	}
	return nil
}

// target is the path of Lipman et al. (2023): N(t x1, (1 - (1-sigma) t)^2), from
// noise of its own. Its velocity (x1 - (1-sigma) x) / (1 - (1-sigma) t) is
// x1 - (1-sigma) e, which divides by nothing.
func target(sigma float64) gaussianPath {
	return func(t, _, x1, e float64) (x, u float64) {
		return t*x1 + (1-(1-sigma)*t)*e, x1 - (1-sigma)*e
	}
}

// bridge is the Brownian bridge of SB-CFM: N((1-t) x0 + t x1, sigma^2 t(1-t)).
// With e in place of (x - mu)/sigma_t its velocity is
// x1 - x0 + sigma (1-2t) e / (2 sqrt(t(1-t))); the 1e-8 keeps the ends finite.
func bridge(sigma float64) gaussianPath {
	return func(t, x0, x1, e float64) (x, u float64) {
		s := sigma * math.Sqrt(t*(1-t))
		return (1-t)*x0 + t*x1 + s*e, x1 - x0 + (1-2*t)/(2*t*(1-t)+1e-8)*s*e
	}
}

// trigonometric is VP-CFM's path (Albergo, Vanden-Eijnden 2023) with constant
// noise.
func trigonometric(sigma float64) gaussianPath {
	return func(t, x0, x1, e float64) (x, u float64) {
		sin, cos := math.Sincos(math.Pi / 2 * t)
		return cos*x0 + sin*x1 + sigma*e, math.Pi / 2 * (cos*x1 - sin*x0)
	}
}
