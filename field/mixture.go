package field

import (
	"fmt"
	"math"
	"sync"

	"laminar/flow"
	"laminar/path"
	"laminar/tensor"
)

// MixtureFlow is the exact marginal field from N(0, I) to a mixture of Gaussians
// under the independent coupling and an affine path, the straight one unless Under
// says otherwise. Given component k with deviation d_k, x_t is N(alpha mu_k, v_k I)
// with v_k = sigma^2 + alpha^2 d_k^2, so
//
//	u_t(x) = sum_k p(k | x) [alpha' mu_k + v_k' / (2 v_k) (x - alpha mu_k)]
//
// with p(k | x) from Bayes. It is a flow.RowTimed; it computes in float64.
type MixtureFlow[T tensor.Float] struct {
	mean        [][]float64
	sigma, logW []float64
	dim         int
	pool        *sync.Pool // of *[]float64
	schedule    flow.Schedule
}

// Mixture returns the field to sum_k weight[k] N(mean[k], sigma[k]^2 I). Weights
// are normalised; weights and sigma must be positive. The error wraps
// flow.ErrShape or flow.ErrConfig.
func Mixture[T tensor.Float](weight []float64, mean [][]float64, sigma []float64) (*MixtureFlow[T], error) {
	n := len(mean)
	if n == 0 || len(weight) != n || len(sigma) != n {
		return nil, fmt.Errorf("%w: %d weights, %d means and %d deviations of a mixture", flow.ErrShape, len(weight), n, len(sigma))
	}
	m := &MixtureFlow[T]{dim: len(mean[0]), schedule: path.CondOT{}, pool: &sync.Pool{New: func() any { return new([]float64) }}}
	var total float64
	for k := range n {
		if len(mean[k]) != m.dim {
			return nil, fmt.Errorf("%w: mean %d has %d coordinates, mean 0 has %d", flow.ErrShape, k, len(mean[k]), m.dim)
		}
		if !(weight[k] > 0) || !(sigma[k] > 0) {
			return nil, fmt.Errorf("%w: weight %v and deviation %v of component %d must be positive", flow.ErrConfig, weight[k], sigma[k], k)
		}
		total += weight[k]
	}
	for k := range n {
		m.mean = append(m.mean, append([]float64(nil), mean[k]...))
		m.sigma = append(m.sigma, sigma[k])
		m.logW = append(m.logW, math.Log(weight[k]/total))
	}
	return m, nil
}

// Dim returns the dimension.
func (m *MixtureFlow[T]) Dim() int { return m.dim }

// Under returns the same flow along the path of another schedule.
func (m *MixtureFlow[T]) Under(s flow.Schedule) *MixtureFlow[T] {
	w := *m
	w.schedule = s
	return &w
}

// Velocity is the method of flow.FieldOf.
func (m *MixtureFlow[T]) Velocity(dst, x tensor.Matrix[T], t float64) error {
	if err := check(m.dim, dst, x, nil); err != nil {
		return err
	}
	p := m.scratch()
	defer m.pool.Put(p)
	at := partsAt(m.schedule, t)
	for i := range x.N {
		m.row(dst.Row(i), x.Row(i), at, *p)
	}
	return nil
}

// VelocityAt is the method of flow.RowTimed.
func (m *MixtureFlow[T]) VelocityAt(dst, x tensor.Matrix[T], t []float64, _ []int32) error {
	if err := check(m.dim, dst, x, t); err != nil {
		return err
	}
	p := m.scratch()
	defer m.pool.Put(p)
	for i := range x.N {
		m.row(dst.Row(i), x.Row(i), partsAt(m.schedule, t[i]), *p)
	}
	return nil
}

func (m *MixtureFlow[T]) scratch() *[]float64 {
	p := m.pool.Get().(*[]float64)
	if *p == nil {
		*p = make([]float64, len(m.mean)+2*m.dim)
	}
	return p
}

func (m *MixtureFlow[T]) row(dst, x []T, c parts, scratch []float64) {
	logP, u := scratch[:len(m.mean)], scratch[len(m.mean):len(m.mean)+m.dim]
	best := math.Inf(-1)
	for k, mu := range m.mean {
		v := c.sigma*c.sigma + c.alpha*c.alpha*m.sigma[k]*m.sigma[k]
		var sq float64
		for j, xj := range x {
			e := float64(xj) - c.alpha*mu[j]
			sq += e * e
		}
		logP[k] = m.logW[k] - 0.5*(sq/v+float64(m.dim)*math.Log(v))
		best = max(best, logP[k])
	}
	clear(u)
	var total float64
	for k, mu := range m.mean {
		p := math.Exp(logP[k] - best)
		total += p
		s2 := m.sigma[k] * m.sigma[k]
		rate := (c.sigma*c.dsigma + c.alpha*c.dalpha*s2) / (c.sigma*c.sigma + c.alpha*c.alpha*s2)
		for j, xj := range x {
			u[j] += p * (c.dalpha*mu[j] + rate*(float64(xj)-c.alpha*mu[j]))
		}
	}
	for j := range dst {
		dst[j] = T(u[j] / total)
	}
}
