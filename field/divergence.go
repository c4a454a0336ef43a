package field

import (
	"fmt"
	"math"

	"laminar/flow"
	"laminar/tensor"
)

// checkDivergence returns an error that wraps flow.ErrShape unless the arguments
// of flow.DivergentOf fit together.
func checkDivergence[T tensor.Float](dim int, dst, div, x tensor.Matrix[T], t []float64, probes []tensor.Matrix[T]) error {
	if err := check(dim, dst, x, t); err != nil {
		return err
	}
	if len(t) != x.N {
		return fmt.Errorf("%w: %d times for %d rows", flow.ErrShape, len(t), x.N)
	}
	for _, p := range probes {
		if err := p.Check("probe", x.N, dim); err != nil {
			return err
		}
	}
	return div.Check("divergences", x.N, max(1, len(probes)))
}

// VelocityDivergence is the method of flow.DivergentOf.
func (g *GaussianFlow[T]) VelocityDivergence(dst, div, x tensor.Matrix[T], t []float64, _ []int32, probes []tensor.Matrix[T]) error {
	if err := checkDivergence(g.Dim(), dst, div, x, t, probes); err != nil {
		return err
	}
	for i := range x.N {
		g.row(dst.Row(i), x.Row(i), partsAt(g.schedule, t[i]))
		to := div.Row(i)
		clear(to)
		for j := range g.Dim() {
			_, _, _, rate := g.at(j, partsAt(g.schedule, t[i]))
			if len(probes) == 0 {
				to[0] += T(rate)
			}
			for k, p := range probes {
				to[k] += T(rate) * p.At(i, j) * p.At(i, j)
			}
		}
	}
	return nil
}

// VelocityDivergence is the method of flow.DivergentOf. With u_k the velocity and
// g_k the score given component k,
//
//	J = sum_k p_k [r_k I + u_k (g_k - sum_l p_l g_l)'],  r_k = v_k'/(2 v_k).
func (m *MixtureFlow[T]) VelocityDivergence(dst, div, x tensor.Matrix[T], t []float64, _ []int32, probes []tensor.Matrix[T]) error {
	if err := checkDivergence(m.dim, dst, div, x, t, probes); err != nil {
		return err
	}
	p := m.scratch()
	defer m.pool.Put(p)
	mean := (*p)[len(m.mean)+m.dim:]
	for i := range x.N {
		xi, c := x.Row(i), partsAt(m.schedule, t[i])
		m.row(dst.Row(i), xi, c, *p)
		logP := (*p)[:len(m.mean)]
		var total, best float64
		for k, l := range logP {
			if k == 0 || l > best {
				best = l
			}
		}
		for _, l := range logP {
			total += math.Exp(l - best)
		}
		// v_k, and the score of component k at coordinate j.
		spread := func(k int) float64 { return c.sigma*c.sigma + c.alpha*c.alpha*m.sigma[k]*m.sigma[k] }
		score := func(k, j int) float64 { return (c.alpha*m.mean[k][j] - float64(xi[j])) / spread(k) }
		clear(mean)
		for k, l := range logP {
			for j := range mean {
				mean[j] += math.Exp(l-best) / total * score(k, j)
			}
		}
		to := div.Row(i)
		for q := range to {
			var sum float64
			for k, l := range logP {
				rate := (c.sigma*c.dsigma + c.alpha*c.dalpha*m.sigma[k]*m.sigma[k]) / spread(k)
				u := func(j int) float64 { return c.dalpha*m.mean[k][j] - rate*spread(k)*score(k, j) }
				var trace, left, right float64
				for j := range mean {
					if len(probes) == 0 {
						trace += rate + u(j)*(score(k, j)-mean[j])
						continue
					}
					e := float64(probes[q].At(i, j))
					trace += rate * e * e
					left, right = left+e*u(j), right+e*(score(k, j)-mean[j])
				}
				sum += math.Exp(l-best) / total * (trace + left*right)
			}
			to[q] = T(sum)
		}
	}
	return nil
}
