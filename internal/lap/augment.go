package lap

import (
	"math"
	"slices"
)

// maxSwaps bounds the bids of reduceRows, per row; it decides the speed only.
const maxSwaps = 2

// reduceRows builds a partial assignment that satisfies complementary slackness
// with s.v exactly (every assigned pair has c_ij - v_j = min_k c_ik - v_k), and
// leaves in s.queue the rows it could not place.
//
// It is the augmenting row reduction of Jonker and Volgenant (1987): a bid
// without epsilon, in float64. Lowering v_j to where row i is indifferent keeps
// every other assigned pair tight; the row that held j looks for another.
func (s *Solver) reduceRows(cost []float32, n int) {
	for j := range s.owner {
		s.owner[j], s.assign[j] = -1, -1
	}
	free := s.queue[:0]
	swaps := maxSwaps * n
	for r := range n {
		for i := r; i >= 0; {
			best, second, j := bestTwo64(cost[i*n:(i+1)*n], s.v)
			old := s.owner[j]
			if old >= 0 && second == best {
				j = s.freeTied(cost[i*n:(i+1)*n], best, j)
				old = s.owner[j]
			}
			if old >= 0 && (second == best || swaps == 0) {
				free = append(free, int32(i))
				break
			}
			if n > 1 && swaps > 0 {
				s.v[j] -= second - best
			}
			s.owner[j], s.assign[i] = int32(i), int32(j)
			if old >= 0 {
				s.assign[old] = -1
				swaps--
			}
			i = int(old)
		}
	}
	s.queue = free
	s.open = s.open[:0]
	for j, i := range s.owner {
		if i < 0 {
			s.open = append(s.open, int32(j))
		}
	}
}

// freeTied returns a free column where row-v is best, or j if there is none.
func (s *Solver) freeTied(row []float32, best float64, j int) int {
	for k := j + 1; k < len(row); k++ {
		if s.owner[k] < 0 && float64(row[k])-s.v[k] == best {
			return k
		}
	}
	return j
}

// augmentAll assigns the rows in s.queue, one shortest augmenting path each.
func (s *Solver) augmentAll(cost []float32, n int) {
	for _, i := range s.queue {
		s.augment(cost, n, int(i))
	}
}

// augment assigns row i: Dijkstra's algorithm over reduced costs c_ij-u_i-v_j,
// from i to the nearest free column, then a change of v that keeps the tree
// tight. The columns of the tree are marked in s.work and s.key so that the
// scan passes over them.
func (s *Solver) augment(cost []float32, n, i int) {
	inf := math.Inf(1)
	copy(s.work, s.v)
	for j := range s.key {
		s.key[j] = inf
	}
	tree, dist := s.tree[:0], s.dist[:0]
	row, h := i, 0.0
	d := math.NaN()
	var j int
	for {
		last := d
		d, j = relax64(cost[row*n:(row+1)*n], s.work, s.key, s.pred, h, int64(row))
		if s.owner[j] < 0 {
			break
		}
		if d == last { // among equally near columns, a free one ends the search
			if k := s.openAt(d); k >= 0 {
				j = k
				break
			}
		}
		tree, dist = append(tree, int32(j)), append(dist, d)
		s.key[j], s.work[j] = inf, math.Inf(-1)
		row = int(s.owner[j])
		h = float64(cost[row*n+j]) - s.v[j] - d
	}
	for k, j := range tree {
		s.v[j] += dist[k] - d
	}
	s.close(j)
	for {
		r := s.pred[j]
		s.owner[j] = int32(r)
		j, s.assign[r] = int(s.assign[r]), int32(j)
		if int(r) == i {
			return
		}
	}
}

// openAt returns a free column at distance d, or -1.
func (s *Solver) openAt(d float64) int {
	for _, j := range s.open {
		if s.key[j] == d {
			return int(j)
		}
	}
	return -1
}

// close takes column j off the list of free columns.
func (s *Solver) close(j int) {
	k := slices.Index(s.open, int32(j))
	s.open[k] = s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
}
