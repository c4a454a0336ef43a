package coupling

import (
	"math"
	"sync"

	"laminar/flow"
	"laminar/internal/lap"
	"laminar/rng"
	"laminar/tensor"
)

// Partial is exact transport of a part of the batch: of the n rows on either side
// k are paired, those k and in that way for which the sum of costs is least,
// where k is Mass times n, rounded up or down by chance so that its mean is
// exact. The rows that are left have no part in the batch: its n pairs are the k
// that were found, each as often as any other or once more, those by chance.
//
// It is safe for concurrent use and allocates nothing once warm.
type Partial struct {
	metric lap.Metric
	mass   float64
	work   sync.Pool // of *partialWork
}

type partialWork struct {
	solver lap.Solver
	wide   []float32
	match  []int32
	order  []int32
}

func newPartial(c Config) *Partial {
	return &Partial{metric: costs[c.Cost], mass: c.Mass, work: sync.Pool{New: func() any { return new(partialWork) }}}
}

// Pair is the method of flow.Pairer. The error wraps flow.ErrShape, or
// flow.ErrFormat when a coordinate is not finite.
func (p *Partial) Pair(dst *flow.Pairs, x0, x1 tensor.Mat, _ flow.Cond, key rng.Key) error {
	w := p.work.Get().(*partialWork)
	defer p.work.Put(w)
	cost, err := w.solver.Costs(x0, x1, p.metric)
	if err != nil {
		return told("partial transport", err)
	}
	n := x0.N
	start(dst, n)
	if n == 0 {
		return nil
	}
	s := key.Stream()
	whole, part := math.Modf(p.mass * float64(n))
	k := int(whole)
	if s.Float64() < part {
		k++
	}
	if k = max(k, 1); k < n {
		cost = w.widen(cost, n, k)
	}
	side := 2*n - k
	for len(w.match) < side {
		w.match = append(w.match, 0)
	}
	if _, err := w.solver.Assign(cost, side, w.match[:side]); err != nil {
		return told("partial transport", err)
	}
	dst.I, dst.J = dst.I[:0], dst.J[:0]
	for i, j := range w.match[:n] {
		if int(j) < n {
			dst.I, dst.J = append(dst.I, int32(i)), append(dst.J, j)
		}
	}
	w.order = identity(w.order, k)
	s.Perm(w.order)
	for m := k; m < n; m++ {
		pair := w.order[m%k]
		dst.I, dst.J = append(dst.I, dst.I[pair]), append(dst.J, dst.J[pair])
	}
	return nil
}

// widen adds n-k dummies to either side, which take the points that are left at
// no cost and do not take each other.
func (w *partialWork) widen(cost []float32, n, k int) []float32 {
	side := 2*n - k
	w.wide = w.wide[:0]
	var most float32
	for i := range n {
		row := cost[i*n : (i+1)*n]
		for _, c := range row {
			most = max(most, c)
		}
		w.wide = append(w.wide, row...)
		for range n - k {
			w.wide = append(w.wide, 0)
		}
	}
	for range n - k {
		for range n {
			w.wide = append(w.wide, 0)
		}
		for range n - k {
			w.wide = append(w.wide, 2*most+1)
		}
	}
	return w.wide[:side*side]
}
