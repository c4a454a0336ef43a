package lap

import "math"

// tune holds the auction's schedule, as fractions of the range of the costs.
var tune = struct {
	first, shrink, last float32
	leave               float64
}{first: 1. / 8, shrink: 5, last: 2e-4, leave: 0.1}

var count struct{ bids, arr, relax, augment int }

// auction finds near-optimal prices.
func (s *Solver) auction(cost []float32, n int, lo, hi float32) {
	width := hi - lo
	top := max(-lo, hi)
	if !(width < 1e30) || !(top < 1e30) || width < 1e-30 {
		return
	}
	for j := range s.price {
		s.price[j] = 0
	}
	floor := max(width*tune.last, top*0x1p-20)
	for eps := width * tune.first; ; eps /= tune.shrink {
		eps = max(eps, floor)
		s.phase(cost, n, eps, int(tune.leave*float64(n)), 100*n)
		if eps == floor {
			break
		}
	}
	for j, p := range s.price {
		s.v[j] = -float64(p)
		if math.IsInf(s.v[j], 0) || math.IsNaN(s.v[j]) {
			clear(s.v)
			return
		}
	}
}

func (s *Solver) phase(cost []float32, n int, eps float32, leave, limit int) {
	q := s.queue[:n]
	for i := range q {
		q[i] = int32(i)
		s.owner[i] = -1
	}
	// ring buffer
	head, free := 0, n
	for free > leave && limit > 0 {
		i := int(q[head])
		limit--
		count.bids++
		m1, m2, j := bestTwo32(cost[i*n:(i+1)*n], s.price)
		s.price[j] += m2 - m1 + eps
		old := s.owner[j]
		s.owner[j] = int32(i)
		if old >= 0 {
			q[head] = old
		} else {
			free--
			q[head] = -1
		}
		// next
		for k := 0; k < n; k++ {
			head++
			if head == n {
				head = 0
			}
			if q[head] >= 0 {
				break
			}
		}
	}
}
