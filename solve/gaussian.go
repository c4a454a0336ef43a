package solve

import (
	"math"

	"laminar/flow"
	"laminar/tensor"
)

// mixture is a Gaussian path at one time, x_t = sigma x0 + alpha x1, from which a
// point and its velocity tell the expected data, noise and score.
type mixture struct {
	alpha, sigma, dalpha, dsigma, det float64
}

// inside is how far into [0, 1] a schedule is read where its velocity says
// nothing at the end itself (a polynomial one at t = 0).
const inside = 1e-3

func mixtureAt(s flow.Schedule, t float64) mixture {
	m := read(s, t)
	if math.Abs(m.det) < 1e-12 {
		m = read(s, min(max(t, inside), 1-inside))
	}
	return m
}

func read(s flow.Schedule, t float64) (m mixture) {
	m.alpha, m.sigma, m.dalpha, m.dsigma = s.At(t)
	m.det = m.dalpha*m.sigma - m.dsigma*m.alpha
	return m
}

// Each of the following is a x + b v of the point x and its velocity v.

// data is E[x1 | x_t].
func (m mixture) data() (a, b float64) { return -m.dsigma / m.det, m.sigma / m.det }

// noise is E[x0 | x_t].
func (m mixture) noise() (a, b float64) { return m.dalpha / m.det, -m.alpha / m.det }

// score is the gradient of log p_t at x, -E[x0 | x_t] / sigma: true where x0 is
// N(0, I) whatever x1.
func (m mixture) score() (a, b float64) {
	a, b = m.noise()
	return -a / m.sigma, -b / m.sigma
}

// logSNR is lambda = log(alpha/sigma), -Inf and +Inf at the ends.
func (m mixture) logSNR() float64 {
	if m.sigma <= 0 {
		return math.Inf(1)
	}
	return math.Log(m.alpha / m.sigma)
}

// mix writes a x + b v into dst, which may be either.
func mix[T tensor.Float](dst, x, v tensor.Matrix[T], a, b float64) {
	ca, cb := T(a), T(b)
	xs, vs := x.Data[:len(dst.Data)], v.Data[:len(dst.Data)]
	for i := range dst.Data {
		dst.Data[i] = ca*xs[i] + cb*vs[i]
	}
}
