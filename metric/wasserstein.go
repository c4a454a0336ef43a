package metric

import (
	"fmt"
	"math"

	"laminar/flow"
	"laminar/internal/lap"
	"laminar/tensor"
)

// W2 returns the exact 2-Wasserstein distance of two samples,
//
//	sqrt( min over plans P of Σ P_ij ‖x_i - y_j‖² )
//
// where P carries mass 1/x.N from each x_i and 1/y.N to each y_j (Villani 2009,
// def. 6.1). For samples of equal size the plan is a matching, found for the
// squared distances rounded to float32 and certified to 1e-9; the value is
// summed over it in float64. Samples of unequal size take the network simplex,
// which is slower by a factor of 10 or more: draw equally many where there is a
// choice. Memory is 4 x.N y.N bytes, three times that for unequal sizes.
//
// The error wraps flow.ErrShape for sizes that do not fit and flow.ErrDiverged
// for points that are not finite or too far apart for float32.
func W2(x, y tensor.Mat) (float64, error) {
	var e exact
	return e.w2(x, y)
}

// W1 returns the exact 1-Wasserstein distance of two samples, the least mean
// ‖x_i - y_j‖ over plans, as W2 does with squares.
func W1(x, y tensor.Mat) (float64, error) {
	var e exact
	return e.distance(x, y, lap.Euclidean, math.Sqrt)
}

// exact keeps the space of one optimal matching between calls. It is not safe
// for concurrent use.
type exact struct {
	solver lap.Solver
	match  []int32
}

func (e *exact) w2(x, y tensor.Mat) (float64, error) {
	v, err := e.distance(x, y, lap.SqEuclidean, func(d2 float64) float64 { return d2 })
	return math.Sqrt(v), err
}

// distance returns the least mean of cost(‖x_i - y_j‖²), which is metric m.
func (e *exact) distance(x, y tensor.Mat, m lap.Metric, cost func(d2 float64) float64) (float64, error) {
	if err := checkPair(x, y, 1); err != nil {
		return 0, err
	}
	if x.N != y.N {
		return transport(x, y, cost)
	}
	if cap(e.match) < x.N {
		e.match = make([]int32, x.N)
	}
	e.match = e.match[:x.N]
	if _, err := e.solver.AssignPoints(x, y, m, e.match); err != nil {
		return 0, fmt.Errorf("%w: exact Wasserstein distance: %w", flow.ErrDiverged, err)
	}
	var s float64
	for i, j := range e.match {
		s += cost(dist2(x.Row(i), y.Row(int(j))))
	}
	return s / float64(x.N), nil
}

// transport is distance for samples of unequal size.
func transport(x, y tensor.Mat, cost func(d2 float64) float64) (float64, error) {
	c := make([]float64, x.N*y.N)
	for i := range x.N {
		for j := range y.N {
			c[i*y.N+j] = cost(dist2(x.Row(i), y.Row(j)))
		}
	}
	even := func(n int) []float64 {
		m := make([]float64, n)
		for i := range m {
			m[i] = 1 / float64(n)
		}
		return m
	}
	plan, err := lap.Transport(c, even(x.N), even(y.N))
	if err != nil {
		return 0, fmt.Errorf("%w: exact Wasserstein distance: %w", flow.ErrDiverged, err)
	}
	return plan.Cost, nil
}
