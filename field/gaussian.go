package field

import (
	"fmt"
	"math"

	"laminar/flow"
	"laminar/tensor"
)

// GaussianFlow is an exact flow between two Gaussians with diagonal covariance
// along the linear path. Every x_t is Gaussian, with mean m_t = (1-t) m0 + t m1
// and deviation s_t, and the field is
//
//	u_t(x) = m_t' + (s_t'/s_t) (x - m_t)
//
// so that a point keeps its place in units of s_t: x_t = m_t + (s_t/s_0)(x_0 - m_0).
// It is a flow.RowTimed; it computes in float64.
type GaussianFlow[T tensor.Float] struct {
	m0, s0, m1, s1 []float64
	ot             bool
}

// Gaussian returns the marginal field of the independent coupling of
// N(m0, diag s0^2) and N(m1, diag s1^2): s_t^2 = (1-t)^2 s0^2 + t^2 s1^2. The
// deviations must be positive. The error wraps flow.ErrShape or flow.ErrConfig.
func Gaussian[T tensor.Float](m0, s0, m1, s1 []float64) (*GaussianFlow[T], error) {
	return gaussian[T](m0, s0, m1, s1, false)
}

// GaussianOT returns the field of the optimal transport between the same two:
// s_t = (1-t) s0 + t s1; its lines are straight and do not cross.
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
	return &GaussianFlow[T]{clone(m0), clone(s0), clone(m1), clone(s1), ot}, nil
}

// Dim returns the dimension.
func (g *GaussianFlow[T]) Dim() int { return len(g.m0) }

// Moments returns mean and deviation of coordinate j at time t.
func (g *GaussianFlow[T]) Moments(j int, t float64) (mean, std float64) {
	mean, std, _ = g.at(j, t)
	return mean, std
}

// at returns m_t, s_t and s_t'/s_t of coordinate j.
func (g *GaussianFlow[T]) at(j int, t float64) (m, s, rate float64) {
	m = (1-t)*g.m0[j] + t*g.m1[j]
	if g.ot {
		s = (1-t)*g.s0[j] + t*g.s1[j]
		return m, s, (g.s1[j] - g.s0[j]) / s
	}
	v0, v1 := g.s0[j]*g.s0[j], g.s1[j]*g.s1[j]
	v := (1-t)*(1-t)*v0 + t*t*v1
	return m, math.Sqrt(v), (t*v1 - (1-t)*v0) / v
}

// Transport writes into dst where the flow carries the points x of time from by
// time to; dst may be x.
func (g *GaussianFlow[T]) Transport(dst, x tensor.Matrix[T], from, to float64) error {
	if err := check(g.Dim(), dst, x, nil); err != nil {
		return err
	}
	for j := range g.Dim() {
		ma, sa, _ := g.at(j, from)
		mb, sb, _ := g.at(j, to)
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
	for i := range x.N {
		g.row(dst.Row(i), x.Row(i), t)
	}
	return nil
}

// VelocityAt is the method of flow.RowTimed.
func (g *GaussianFlow[T]) VelocityAt(dst, x tensor.Matrix[T], t []float64, _ []int32) error {
	if err := check(g.Dim(), dst, x, t); err != nil {
		return err
	}
	for i := range x.N {
		g.row(dst.Row(i), x.Row(i), t[i])
	}
	return nil
}

func (g *GaussianFlow[T]) row(dst, x []T, t float64) {
	for j := range dst {
		m, _, rate := g.at(j, t)
		dst[j] = T(g.m1[j] - g.m0[j] + rate*(float64(x[j])-m))
	}
}
