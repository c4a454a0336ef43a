package coupling

import (
	"fmt"
	"math"
	"sync"

	"laminar/flow"
	"laminar/internal/lap"
	"laminar/internal/ot"
	"laminar/rng"
	"laminar/tensor"
)

// Entropic draws pairs from the entropic plan of a batch,
//
//	min_P <P, C> + eps KL(P | 1/n^2) [+ rho KL(P 1 | 1/n) + rho KL(P' 1 | 1/n)],
//
// as "sinkhorn" without and as "unbalanced" with the terms in rho. Pairs come up
// as often as the plan says on average. Those of "sinkhorn" are a bijection:
// drawn without duplicates, which drawing with replacement would bring for want
// of marginals only. "unbalanced" draws n pairs from the plan scaled to mass 1,
// each row and column as often as its share of it, rounded up or down: what is
// far from all else is left out, what is near to much comes twice.
//
// It is safe for concurrent use and allocates nothing once warm.
type Entropic struct {
	metric           lap.Metric
	epsilon, penalty float64 // penalty +Inf: the marginals hold
	absolute         bool
	work             sync.Pool // of *entropicWork
}

type entropicWork struct {
	solver   lap.Solver
	sinkhorn ot.Sinkhorn
	rounder  ot.Rounder
	mass     []float64
	plan     []float32
}

func newEntropic(c Config) *Entropic {
	e := &Entropic{metric: costs[c.Cost], epsilon: c.Epsilon, penalty: math.Inf(1), absolute: c.Scale == "absolute"}
	if c.Name == "unbalanced" {
		e.penalty = c.Penalty
	}
	e.work.New = func() any { return new(entropicWork) }
	return e
}

// Pair is the method of flow.Pairer. The error wraps flow.ErrShape, or
// flow.ErrFormat when a coordinate is not finite.
func (e *Entropic) Pair(dst *flow.Pairs, x0, x1 tensor.Mat, _ flow.Cond, key rng.Key) error {
	w := e.work.Get().(*entropicWork)
	defer e.work.Put(w)
	cost, err := w.solver.Costs(x0, x1, e.metric)
	if err != nil {
		return told("entropic transport", err)
	}
	n := x0.N
	start(dst, n)
	if n < 2 {
		return nil
	}
	scale := 1.0
	if !e.absolute {
		if scale = deviation(cost); scale == 0 {
			return nil // all costs are equal: any bijection is as good
		}
	}
	w.mass = w.mass[:0]
	for range n {
		w.mass = append(w.mass, 1/float64(n))
	}
	c := ot.SinkhornDefaults(e.epsilon * scale)
	c.Tolerance = 1e-4
	balanced := math.IsInf(e.penalty, 1)
	if !balanced {
		c.Penalty = e.penalty * scale
	}
	if _, err := w.sinkhorn.Solve(cost, w.mass, w.mass, c); err != nil {
		return fmt.Errorf("%w: entropic transport: %w", flow.ErrFormat, err)
	}
	if cap(w.plan) < n*n {
		w.plan = make([]float32, n*n)
	}
	w.plan = w.plan[:n*n]
	w.sinkhorn.Plan(w.plan)
	var total float64
	for _, p := range w.plan {
		total += float64(p)
	}
	if !(total > 1e-30) {
		return fmt.Errorf("%w: unbalanced transport leaves all mass where it is: the penalty %v is too small for these costs", flow.ErrConfig, e.penalty)
	}
	dst.I, dst.J = w.rounder.Draw(dst.I[:0], dst.J[:0], w.plan, n, n, n, balanced, key)
	for k := 0; len(dst.I) < n; k++ { // a unit of rounding may be left
		dst.I, dst.J = append(dst.I, dst.I[k]), append(dst.J, dst.J[k])
	}
	dst.I, dst.J = dst.I[:n], dst.J[:n]
	return nil
}

func deviation(cost []float32) float64 {
	var sum, square float64
	for _, c := range cost {
		sum += float64(c)
	}
	mean := sum / float64(len(cost))
	for _, c := range cost {
		d := float64(c) - mean
		square += d * d
	}
	return math.Sqrt(square / float64(len(cost)))
}
