package lap

import "math"

// reduceRows bids without epsilon in float64.
func (s *Solver) reduceRows(cost []float32, n int) {
	for j := range s.owner {
		s.owner[j] = -1
		s.assign[j] = -1
	}
	free := s.queue[:0]
	limit := arrLimit * n
	for r := 0; r < n; r++ {
		i := r
		for {
			count.arr++
			m1, m2, j := bestTwo64(cost[i*n:(i+1)*n], s.v)
			old := s.owner[j]
			if m2 > m1 && limit > 0 {
				limit--
				s.v[j] -= m2 - m1
			} else if old >= 0 {
				free = append(free, int32(i))
				break
			}
			s.owner[j] = int32(i)
			s.assign[i] = int32(j)
			if old < 0 {
				break
			}
			s.assign[old] = -1
			i = int(old)
		}
	}
	s.queue = free
}

var arrLimit = 4

// augmentAll assigns the rows that are still free.
func (s *Solver) augmentAll(cost []float32, n int) {
	for _, i := range s.queue {
		s.augment(cost, n, int(i))
	}
	s.queue = s.queue[:cap(s.queue)]
}

// augment assigns row i along a shortest alternating path.
func (s *Solver) augment(cost []float32, n int, i int) {
	count.augment++
	copy(s.work, s.v)
	inf := math.Inf(1)
	for j := range s.key {
		s.key[j] = inf
	}
	tree, dist := s.tree[:0], s.dist[:0]
	h := 0.0
	row := i
	var d float64
	var j int
	for {
		count.relax++
		d, j = relax64(cost[row*n:(row+1)*n], s.work, s.key, s.pred, h, int64(row))
		if s.owner[j] < 0 {
			break
		}
		tree, dist = append(tree, int32(j)), append(dist, d)
		s.key[j], s.work[j] = inf, math.Inf(-1)
		row = int(s.owner[j])
		h = float64(cost[row*n+j]) - s.v[j] - d
	}
	for k, j := range tree {
		s.v[j] += dist[k] - d
	}
	for {
		r := int32(s.pred[j])
		s.owner[j] = r
		j, s.assign[r] = int(s.assign[r]), int32(j)
		if int(r) == i {
			break
		}
	}
}
