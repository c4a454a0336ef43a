package metric

import (
	"fmt"
	"math"

	"laminar/flow"
	"laminar/internal/lap"
	"laminar/tensor"
)

// W2 returns the exact 2-Wasserstein distance of two samples of equal size,
//
//	sqrt( min over matchings π of (1/n) Σ ‖x_i - y_π(i)‖² )
//
// (Villani 2009, def. 6.1). The matching is optimal for the squared distances
// computed in float32 from the differences of coordinates; the value is then
// summed over it in float64. Memory is 4n² bytes.
//
// The error wraps flow.ErrShape for sizes that differ and flow.ErrDiverged for
// NaN or infinite points.
func W2(x, y tensor.Mat) (float64, error) {
	var e exact
	return e.w2(x, y)
}

// W1 returns the exact 1-Wasserstein distance of two samples of equal size, the
// least mean ‖x_i - y_π(i)‖ over matchings π, as W2 does with squares.
func W1(x, y tensor.Mat) (float64, error) {
	var e exact
	return e.w1(x, y)
}

// exact keeps the space of one optimal matching between calls. It is not safe
// for concurrent use.
type exact struct {
	match  []int32
	solver lap.Solver
}

func (e *exact) w2(x, y tensor.Mat) (float64, error) {
	if err := e.solve(x, y, false); err != nil {
		return 0, err
	}
	var s float64
	for i, j := range e.match {
		s += dist2(x.Row(i), y.Row(int(j)))
	}
	return math.Sqrt(s / float64(x.N)), nil
}

func (e *exact) w1(x, y tensor.Mat) (float64, error) {
	if err := e.solve(x, y, true); err != nil {
		return 0, err
	}
	var s float64
	for i, j := range e.match {
		s += math.Sqrt(dist2(x.Row(i), y.Row(int(j))))
	}
	return s / float64(x.N), nil
}

// solve leaves in e.match the optimal matching for ‖x_i - y_j‖², or its root.
func (e *exact) solve(x, y tensor.Mat, root bool) error {
	if err := checkPair(x, y, 1); err != nil {
		return err
	}
	if y.N != x.N {
		return fmt.Errorf("%w: exact Wasserstein distance of %d and %d points: draw equally many", flow.ErrShape, x.N, y.N)
	}
	if cap(e.match) < x.N {
		e.match = make([]int32, x.N)
	}
	e.match = e.match[:x.N]
	cost := lap.SqEuclidean
	if root {
		cost = lap.Euclidean
	}
	_, err := e.solver.AssignPoints(x, y, cost, e.match)
	return err
}
