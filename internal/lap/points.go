package lap

import (
	"fmt"

	"laminar/tensor"
)

// Metric is the cost of carrying one point to another.
type Metric int

const (
	// SqEuclidean is the squared Euclidean distance.
	SqEuclidean Metric = iota
	// Euclidean is the Euclidean distance itself.
	Euclidean
)

func (m Metric) String() string {
	if m == Euclidean {
		return "euclidean"
	}
	return "sqeuclidean"
}

// AssignPoints finds the bijection of the rows of x0 with the rows of x1 whose
// sum of costs is least, and writes the row of x1 that goes with row i of x0 to
// match[i]. It is Assign on the costs
//
//	c_ij = sum_k (x0_ik - x1_jk)^2   or its square root,
//
// computed in float32, by differences, after the mean of all points has been
// taken off both clouds in float64, so that a common offset costs no precision.
// Result.Cost is the sum of those float32 costs.
//
// x0 and x1 have the same shape and are not changed. The error wraps
// tensor.ErrShape, or ErrCost for a coordinate that is not finite or a distance
// too large for float32.
func (s *Solver) AssignPoints(x0, x1 tensor.Mat, m Metric, match []int32) (Result, error) {
	cost, err := s.Costs(x0, x1, m)
	if err != nil {
		return Result{}, err
	}
	return s.Assign(cost, x0.N, match)
}

// Costs returns the costs of AssignPoints, c_ij at index i*n+j: the solver's
// memory, valid until its next Costs or AssignPoints. They may be changed, and
// given to Assign.
func (s *Solver) Costs(x0, x1 tensor.Mat, m Metric) ([]float32, error) {
	if err := x0.Check("x0", -1, -1); err != nil {
		return nil, err
	}
	if err := x1.Check("x1", x0.N, x0.D); err != nil {
		return nil, err
	}
	if m != SqEuclidean && m != Euclidean {
		return nil, fmt.Errorf("%w: metric %d, want SqEuclidean or Euclidean", ErrCost, int(m))
	}
	n, d := x0.N, x0.D
	grow(&s.x, n*d)
	grow(&s.yt, n*d)
	grow(&s.cost, n*n)
	for k := range d {
		if err := s.centre(x0, x1, k); err != nil {
			return nil, err
		}
	}
	for i := range n {
		distRow(s.cost[i*n:(i+1)*n], s.yt, s.x[i*d:(i+1)*d], n, m == Euclidean)
	}
	return s.cost, nil
}

// centre fills coordinate k of s.x and, transposed, of s.yt.
func (s *Solver) centre(x0, x1 tensor.Mat, k int) error {
	n, d := x0.N, x0.D
	var sum float64
	for i := range n {
		sum += float64(x0.Data[i*d+k]) + float64(x1.Data[i*d+k])
	}
	if sum-sum != 0 {
		for _, x := range []struct {
			name string
			tensor.Mat
		}{{"x0", x0}, {"x1", x1}} {
			for i := range n {
				if v := x.At(i, k); v-v != 0 {
					return fmt.Errorf("%w: %s row %d, column %d is %v; coordinates must be finite", ErrCost, x.name, i, k, v)
				}
			}
		}
	}
	mean := sum / float64(2*n)
	for i := range n {
		s.x[i*d+k] = float32(float64(x0.Data[i*d+k]) - mean)
		s.yt[k*n+i] = float32(float64(x1.Data[i*d+k]) - mean)
	}
	return nil
}
