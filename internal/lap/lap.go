package lap

import (
	"errors"
	"fmt"
	"math"

	"laminar/tensor"
)

// ErrCost is wrapped by every error about a value that is not a finite cost or
// a mass that is not a finite number of at least 0.
var ErrCost = errors.New("not a usable cost or mass")

// Method names the algorithm that finished a solve.
type Method int

const (
	// Augmented: shortest augmenting paths from the auction's prices.
	Augmented Method = iota
	// Plain: shortest augmenting paths from nothing, in scalar float64, taken
	// when the first answer could not be certified.
	Plain
)

func (m Method) String() string {
	if m == Plain {
		return "plain"
	}
	return "augmented"
}

// Tolerance is the largest certified gap, relative to the scale of the
// problem, that a Solver returns without an error.
const Tolerance = 1e-9

// Result is an optimal assignment's value with the proof that it is optimal:
// U[i]+V[j] <= cost[i][j] for all i and j, and the sum of U and V is Cost, both
// to within Gap*Scale. U and V are the Solver's memory, valid until its next
// solve.
type Result struct {
	// Cost is the sum of the assigned costs, in float64.
	Cost float64
	U, V []float64
	// Gap is (Cost - sum of U and V) / Scale; at most Tolerance.
	Gap float64
	// Scale is the larger of the sum of the assigned costs' absolute values
	// and the width of the range of all costs.
	Scale float64
	// Method tells how the solve ended.
	Method Method
}

// Solver finds optimal assignments. The zero value is ready; it keeps its
// buffers, so that a second solve of the same size allocates nothing. A Solver
// is not safe for concurrent use.
type Solver struct {
	price  []float32 // of columns, in the auction
	v      []float64 // duals of columns
	u      []float64 // duals of rows
	work   []float64 // v, with the columns of the search tree marked
	key    []float64 // tentative distances
	pred   []int64   // the row before a column on its shortest path
	owner  []int32   // column to row, -1 if free
	assign []int32   // row to column, -1 if free
	queue  []int32   // rows that still want a column
	open   []int32   // columns that are free
	tree   []int32   // columns of the search tree, nearest first
	dist   []float64 // their distances

	cost []float32 // of AssignPoints
	yt   []float32 // its columns' points, transposed
	x    []float32 // its rows' points, centred
}

func grow[T any](s *[]T, n int) []T {
	if cap(*s) < n {
		*s = make([]T, n)
	}
	*s = (*s)[:n]
	return *s
}

// Assign finds the bijection of n rows with n columns whose sum of
// cost[i*n+j] is least, and writes the column of row i to rowToCol[i].
//
// The answer is optimal for the float32 numbers as given: it comes with
// float64 duals, and a gap above Tolerance is an error. Among several optimal
// assignments the choice depends on cost alone. The error wraps
// tensor.ErrShape for sizes that do not fit and ErrCost for a NaN or infinite
// cost; rowToCol is then unspecified. n = 0 is a valid problem of cost 0.
func (s *Solver) Assign(cost []float32, n int, rowToCol []int32) (Result, error) {
	if n < 0 || n > math.MaxInt32 || len(cost) != n*n || len(rowToCol) != n {
		return Result{}, fmt.Errorf("%w: %d costs and room for %d columns, want %d x %d costs and room for %d",
			tensor.ErrShape, len(cost), len(rowToCol), n, n, n)
	}
	if n == 0 {
		return Result{}, nil
	}
	lo, hi, err := finite(cost, n)
	if err != nil {
		return Result{}, err
	}
	s.reset(n)
	if lo == hi {
		for i := range s.assign {
			s.assign[i], s.owner[i] = int32(i), int32(i)
		}
	} else {
		s.auction(cost, n, lo, hi)
		s.reduceRows(cost, n)
		s.augmentAll(cost, n)
	}
	res := s.certify(cost, n, lo, hi)
	if !(res.Gap <= Tolerance) {
		clear(s.v)
		plain(cost, n, s.assign, s.v)
		res = s.certify(cost, n, lo, hi)
		res.Method = Plain
		if !(res.Gap <= Tolerance) {
			return res, fmt.Errorf("lap: duality gap %.3g of an assignment of %d rows exceeds %g; the costs span too many orders of magnitude, rescale them",
				res.Gap, n, Tolerance)
		}
	}
	copy(rowToCol, s.assign)
	return res, nil
}

// finite returns the range of cost, or an error that names the first entry
// that is not finite.
func finite(cost []float32, n int) (lo, hi float32, err error) {
	lo, hi, nan := rangeOf(cost)
	if nan == 0 {
		return lo, hi, nil
	}
	for k, c := range cost {
		if c-c != 0 {
			return 0, 0, fmt.Errorf("%w: the cost of row %d, column %d is %v; costs must be finite", ErrCost, k/n, k%n, c)
		}
	}
	return lo, hi, nil
}

func (s *Solver) reset(n int) {
	grow(&s.price, n)
	grow(&s.v, n)
	grow(&s.u, n)
	grow(&s.work, n)
	grow(&s.key, n)
	grow(&s.pred, n)
	grow(&s.owner, n)
	grow(&s.assign, n)
	grow(&s.queue, n)
	grow(&s.tree, n)
	grow(&s.open, n)
	grow(&s.dist, n)
	clear(s.price)
	clear(s.v)
	for i := range s.assign {
		s.assign[i], s.owner[i] = -1, -1
	}
}

// certify computes the rows' duals u_i = min_j (c_ij - v_j), which are feasible
// whatever v is, and the gap between the assignment's cost and the dual value:
// the sum of the slacks c_ij - u_i - v_j of the assigned pairs.
func (s *Solver) certify(cost []float32, n int, lo, hi float32) Result {
	var total, abs, slack float64
	clear(s.pred) // marks the columns that are taken
	for i := range s.u {
		row := cost[i*n : (i+1)*n]
		s.u[i], _, _ = bestTwo64(row, s.v)
		j := s.assign[i]
		if s.pred[j]++; s.pred[j] > 1 {
			slack = math.Inf(1) // no bijection
		}
		c := float64(row[j])
		total += c
		abs += math.Abs(c)
		slack += (c - s.v[j]) - s.u[i] // at least 0 each
	}
	r := Result{Cost: total, U: s.u, V: s.v, Scale: max(abs, float64(hi)-float64(lo))}
	if slack != 0 {
		r.Gap = slack / r.Scale
	}
	return r
}
