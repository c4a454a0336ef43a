package coupling

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"laminar/flow"
	"laminar/internal/lap"
	"laminar/rng"
	"laminar/tensor"
)

// Conditional is optimal transport that keeps the noise independent of the
// condition, so that sampling, which draws noise regardless of it, meets what
// training has seen (C2OT: Cheng, Schwing, ICCV 2025). Row i of the noise is
// given the condition of row i of the data before pairing, which is as good as
// drawing one; pairs are then exchanged
//
//   - among rows of one class only: the cost across classes is infinite, and
//     transport is exact within each;
//   - for real-valued conditions at the cost M_ij + w C_ij, where M is the cost
//     of the points and C the squared distance of the conditions, and w the
//     least weight for which at most the share Ratio of all pairs undercuts a
//     datum's own, M_ij + w C_ij <= M_jj.
//
// Rows of unknown class, or unknown condition, are groups of their own. Rows
// with masks stay as they were drawn, since what a mask shows differs from row
// to row. Without conditions it is OT. The answer is a bijection. It is safe for
// concurrent use and allocates nothing once warm.
type Conditional struct {
	metric lap.Metric
	ratio  float64
	work   sync.Pool // of *conditionalWork
}

type conditionalWork struct {
	solver lap.Solver
	order  []int32
	x0, x1 []float32
	match  []int32
	weight []float32
	own    []float32
	apart  []float32 // distances of conditions
}

func newConditional(c Config) *Conditional {
	return &Conditional{metric: costs[c.Cost], ratio: c.Ratio, work: sync.Pool{New: func() any { return new(conditionalWork) }}}
}

// Pair is the method of flow.Pairer. The error wraps flow.ErrShape, or
// flow.ErrFormat when a coordinate is not finite.
func (c *Conditional) Pair(dst *flow.Pairs, x0, x1 tensor.Mat, cond flow.Cond, _ rng.Key) error {
	if err := x1.Check("x1", x0.N, x0.D); err != nil {
		return err
	}
	if len(cond.Class) != 0 && len(cond.Class) != x0.N || !cond.Real.IsEmpty() && cond.Real.N != x0.N {
		return fmt.Errorf("%w: conditions of %d and %d rows for %d pairs", flow.ErrShape, len(cond.Class), cond.Real.N, x0.N)
	}
	start(dst, x0.N)
	if !cond.Mask.IsEmpty() {
		return nil
	}
	w := c.work.Get().(*conditionalWork)
	defer c.work.Put(w)
	w.order = identity(w.order, x0.N)
	group := func(i int32) int64 {
		g := int64(0)
		if len(cond.Class) > 0 {
			g = 2 * (int64(cond.Class[i]) + 1)
		}
		if !cond.Real.IsEmpty() && unknown(cond.Real.Row(int(i))) {
			g++
		}
		return g
	}
	slices.SortStableFunc(w.order, func(a, b int32) int { return int(group(a) - group(b)) })
	for lo := 0; lo < x0.N; {
		hi := lo + 1
		for hi < x0.N && group(w.order[hi]) == group(w.order[lo]) {
			hi++
		}
		if err := c.pair(w, dst, w.order[lo:hi], x0, x1, cond.Real); err != nil {
			return told("conditional optimal transport", err)
		}
		lo = hi
	}
	return nil
}

func unknown(y []float32) bool { return slices.ContainsFunc(y, func(v float32) bool { return v != v }) }

// pair exchanges the pairs of one group of rows.
func (c *Conditional) pair(w *conditionalWork, dst *flow.Pairs, rows []int32, x0, x1, real tensor.Mat) error {
	n, d := len(rows), x0.D
	w.match = identity(w.match, n)
	w.x0, w.x1 = w.x0[:0], w.x1[:0]
	for _, r := range rows {
		w.x0 = append(w.x0, x0.Row(int(r))...)
		w.x1 = append(w.x1, x1.Row(int(r))...)
	}
	cost, err := w.solver.Costs(tensor.Mat{N: n, D: d, Data: w.x0}, tensor.Mat{N: n, D: d, Data: w.x1}, c.metric)
	if err != nil {
		return err
	}
	if !real.IsEmpty() && !unknown(real.Row(int(rows[0]))) {
		w.condition(cost, rows, real, c.ratio)
	}
	if _, err := w.solver.Assign(cost, n, w.match); err != nil {
		return err
	}
	for k, r := range rows {
		dst.J[r] = rows[w.match[k]]
	}
	return nil
}

// condition adds the weighted distances of the conditions to the costs.
//
// Pair (i, j) undercuts j's own up to the weight w_ij = (M_jj - M_ij) / C_ij, so
// that the least weight that leaves the given share is one of them: a selection
// in place of a search.
func (w *conditionalWork) condition(cost []float32, rows []int32, real tensor.Mat, ratio float64) {
	n := len(rows)
	w.own, w.apart, w.weight = w.own[:0], w.apart[:0], w.weight[:0]
	for j := range n {
		w.own = append(w.own, cost[j*n+j])
	}
	always := 0 // each datum's own, and those at no distance
	for i, r := range rows {
		y := real.Row(int(r))
		for _, q := range rows {
			w.apart = append(w.apart, distance(y, real.Row(int(q))))
		}
		apart := w.apart[i*n:]
		for j, c := range cost[i*n : (i+1)*n] {
			if c > w.own[j] {
				continue
			}
			if apart[j] > 0 {
				w.weight = append(w.weight, (w.own[j]-c)/apart[j])
			} else {
				always++
			}
		}
	}
	keep := max(0, int(ratio*float64(n)*float64(n))-always)
	if keep >= len(w.weight) {
		return // fewer undercut than may: transport alone
	}
	// Just above the largest weight that must not hold any more.
	weight := nth(w.weight, len(w.weight)-1-keep) * (1 + 1e-6)
	for k, a := range w.apart {
		cost[k] = min(cost[k]+weight*a, math.MaxFloat32/1e8)
	}
}

// nth reorders v and returns the element that would be at position k if it were
// sorted.
func nth(v []float32, k int) float32 {
	lo, hi := 0, len(v)-1
	for lo < hi {
		a, b, c := v[lo], v[(lo+hi)/2], v[hi]
		pivot := max(min(a, b), min(max(a, b), c))
		i, j := lo, hi
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for v[j] > pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return pivot
		}
	}
	return v[k]
}

func distance(a, b []float32) (sum float32) {
	for k, v := range a {
		e := v - b[k]
		sum += e * e
	}
	return sum
}
