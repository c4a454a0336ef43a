package field

import (
	"fmt"
	"math"

	"laminar/flow"
	"laminar/path"
	"laminar/tensor"
)

// GaussianFlow is an exact flow between two Gaussians with diagonal covariance
// along an affine path, the straight one unless Under says otherwise. Every x_t =
// sigma x0 + alpha x1 is Gaussian, with mean m_t = sigma m0 + alpha m1 and
// deviation s_t, and the field is
//
//	u_t(x) = m_t' + (s_t'/s_t) (x - m_t)
//
// so that a point keeps its place in units of s_t: x_t = m_t + (s_t/s_0)(x_0 - m_0).
// It is a flow.RowTimed; it computes in float64.
type GaussianFlow[T tensor.Float] struct {
	m0, s0, m1, s1 []float64
	ot             bool
	schedule       flow.Schedule
	noise          func(t float64) (v, dv float64) // nil for none
}

// Gaussian returns the marginal field of the independent coupling of
// N(m0, diag s0^2) and N(m1, diag s1^2): s_t^2 = sigma^2 s0^2 + alpha^2 s1^2. The
// deviations must be positive. The error wraps flow.ErrShape or flow.ErrConfig.
func Gaussian[T tensor.Float](m0, s0, m1, s1 []float64) (*GaussianFlow[T], error) {
	return gaussian[T](m0, s0, m1, s1, false)
}

// GaussianOT returns the field of the optimal transport between the same two:
// s_t = sigma s0 + alpha s1; its lines do not cross, and are straight on the
// straight path.
func GaussianOT[T tensor.Float](m0, s0, m1, s1 []float64) (*GaussianFlow[T], error) {
	return gaussian[T](m0, s0, m1, s1, true)
}

func gaussian[T tensor.Float](m0, s0, m1, s1 []float64, ot bool) (*GaussianFlow[T], error) {
	d := len(m0)
	if len(s0) != d || len(m1) != d || len(s1) != d {
		return nil, fmt.Errorf("%w: means and deviations of %d, %d, %d and %d coordinates", flow.ErrShape, d, len(s0), len(m1), len(s1))
	}
	for j := range d {
		if !(s0[j] > 0) || !(s1[j] > 0) {
			return nil, fmt.Errorf("%w: the deviations %v and %v of coordinate %d must be positive", flow.ErrConfig, s0[j], s1[j], j)
		}
	}
	clone := func(v []float64) []float64 { return append([]float64(nil), v...) }
	return &GaussianFlow[T]{clone(m0), clone(s0), clone(m1), clone(s1), ot, path.CondOT{}, nil}, nil
}

// Dim returns the dimension.
func (g *GaussianFlow[T]) Dim() int { return len(g.m0) }

// Under returns the same flow along the path of another schedule.
func (g *GaussianFlow[T]) Under(s flow.Schedule) *GaussianFlow[T] {
	h := *g
	h.schedule = s
	return &h
}

// Noisy returns the flow whose path has independent noise of variance v(t) about
// it, which adds to s_t^2; noise returns v and its derivative. A constant is the
// noise of I-CFM, Sigma^2 t(1-t) that of a bridge.
func (g *GaussianFlow[T]) Noisy(noise func(t float64) (v, dv float64)) *GaussianFlow[T] {
	h := *g
	h.noise = noise
	return &h
}

// Moments returns mean and deviation of coordinate j at time t.
func (g *GaussianFlow[T]) Moments(j int, t float64) (mean, std float64) {
	mean, std, _, _ = g.at(j, partsAt(g.schedule, t))
	return mean, std
}

// at returns m_t, s_t, m_t' and s_t'/s_t of coordinate j for a schedule's values.
func (g *GaussianFlow[T]) at(j int, p parts) (m, s, dm, rate float64) {
	m, dm = p.sigma*g.m0[j]+p.alpha*g.m1[j], p.dsigma*g.m0[j]+p.dalpha*g.m1[j]
	var v, half float64 // s_t^2 and half its derivative
	if s0, s1 := g.s0[j], g.s1[j]; g.ot {
		s = p.sigma*s0 + p.alpha*s1
		v, half = s*s, s*(p.dsigma*s0+p.dalpha*s1)
	} else {
		v, half = p.sigma*p.sigma*s0*s0+p.alpha*p.alpha*s1*s1, p.sigma*p.dsigma*s0*s0+p.alpha*p.dalpha*s1*s1
	}
	if g.noise != nil {
		more, slope := g.noise(p.t)
		v, half = v+more, half+slope/2
	}
	return m, math.Sqrt(v), dm, half / v
}

// parts are a schedule's values at the time t.
type parts struct{ alpha, sigma, dalpha, dsigma, t float64 }

// partsAt returns the values of s at t. In sigma sigma', which the fields hold,
// a singular derivative and a sigma of 0 have a finite product; it is kept by
// stopping short of the end.
func partsAt(s flow.Schedule, t float64) (p parts) {
	const last = 1 - 1e-10
	p.t = t
	p.alpha, p.sigma, p.dalpha, p.dsigma = s.At(t)
	if t > last && p.dsigma < -1e3 {
		p.alpha, p.sigma, p.dalpha, p.dsigma = s.At(last)
	}
	return p
}

// Transport writes into dst where the flow carries the points x of time from by
// time to; dst may be x.
func (g *GaussianFlow[T]) Transport(dst, x tensor.Matrix[T], from, to float64) error {
	if err := check(g.Dim(), dst, x, nil); err != nil {
		return err
	}
	for j := range g.Dim() {
		ma, sa, _, _ := g.at(j, partsAt(g.schedule, from))
		mb, sb, _, _ := g.at(j, partsAt(g.schedule, to))
		for i := range x.N {
			dst.Row(i)[j] = T(mb + sb/sa*(float64(x.At(i, j))-ma))
		}
	}
	return nil
}

// Velocity is the method of flow.FieldOf.
func (g *GaussianFlow[T]) Velocity(dst, x tensor.Matrix[T], t float64) error {
	if err := check(g.Dim(), dst, x, nil); err != nil {
		return err
	}
	p := partsAt(g.schedule, t)
	for i := range x.N {
		g.row(dst.Row(i), x.Row(i), p)
	}
	return nil
}

// VelocityAt is the method of flow.RowTimed.
func (g *GaussianFlow[T]) VelocityAt(dst, x tensor.Matrix[T], t []float64, _ []int32) error {
	if err := check(g.Dim(), dst, x, t); err != nil {
		return err
	}
	for i := range x.N {
		g.row(dst.Row(i), x.Row(i), partsAt(g.schedule, t[i]))
	}
	return nil
}

func (g *GaussianFlow[T]) row(dst, x []T, p parts) {
	for j := range dst {
		m, _, dm, rate := g.at(j, p)
		dst[j] = T(dm + rate*(float64(x[j])-m))
	}
}
