package lap

import (
	"math"
	"slices"
)

// The auction's schedule. It decides the speed of a solve, never its answer.
const (
	firstEps = 1. / 16 // of the scale of the costs
	shrink   = 4       // from one phase to the next
	lastEps  = 1. / 32 // of the scale, divided by n
	maxBids  = 64      // per row and phase; a phase that wants more is broken off
)

// auction sets s.v near the columns' optimal duals, by Bertsekas' auction with
// epsilon-scaling in float32.
//
// A row i bids for the column where c_ij + p_j is least and raises its price to
// where the second best would do as well, plus epsilon; the row that held the
// column is set free. A phase ends when few rows are left without a column,
// for the last ones cost the most bids and the augmenting paths take them
// cheaply. The next phase keeps the prices, frees all rows, and has a smaller
// epsilon. It does nothing where float32 could overflow or underflow.
func (s *Solver) auction(cost []float32, n int, lo, hi float32) {
	if float64(max(-lo, hi)) > 1e30 || float64(hi)-float64(lo) < 1e-30 {
		return
	}
	width, top := s.scale(cost, n)
	if width == 0 {
		width = float64(hi) - float64(lo)
	}
	// Below the rounding of a sum of cost and price a bid might raise nothing.
	last := max(width*lastEps/float64(n), top*0x1p-21)
	few := int(math.Sqrt(float64(n)) / 3)
	for eps := width * firstEps; ; eps /= shrink {
		eps = max(eps, last)
		s.phase(cost, n, float32(eps), few)
		if eps == last {
			break
		}
	}
	for j, p := range s.price {
		s.v[j] = -float64(p)
	}
}

// scale returns the median, over at most 64 rows spread evenly, of the width of
// a row's range and of its largest absolute value. One outlying row or entry
// does not move a median.
func (s *Solver) scale(cost []float32, n int) (width, top float64) {
	const sample = 64
	m := min(n, sample)
	var widths, tops [sample]float64
	for k := range m {
		i := k * n / m
		lo, hi, _ := rangeOf(cost[i*n : (i+1)*n])
		widths[k] = float64(hi) - float64(lo)
		tops[k] = float64(max(-lo, hi))
	}
	slices.Sort(widths[:m])
	slices.Sort(tops[:m])
	return widths[m/2], tops[m/2]
}

// phase lets rows bid until at most few of them have no column.
func (s *Solver) phase(cost []float32, n int, eps float32, few int) {
	// The rows without a column stand in a ring; a row that loses its column
	// goes to the end.
	ring := s.queue
	for i := range ring {
		ring[i], s.owner[i] = int32(i), -1
	}
	head, tail, free := 0, 0, n
	for bids := maxBids * n; free > few && bids > 0; bids-- {
		i := ring[head]
		if head++; head == n {
			head = 0
		}
		best, second, j := bestTwo32(cost[int(i)*n:(int(i)+1)*n], s.price)
		s.price[j] += (second - best) + eps
		old := s.owner[j]
		s.owner[j] = i
		if old < 0 {
			free--
			continue
		}
		ring[tail] = old
		if tail++; tail == n {
			tail = 0
		}
	}
}
