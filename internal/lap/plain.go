package lap

import (
	"math"

	"laminar/tensor"
)

// plain solves the assignment by shortest augmenting paths in scalar float64
// (Crouse 2016), from the columns' duals v, which may be any numbers; zeros will
// do. It writes the assignment and the optimal duals.
func plain[T tensor.Float](cost []T, n int, assign []int32, v []float64) {
	owner := make([]int32, n)
	pred := make([]int32, n)
	key := make([]float64, n)
	done := make([]bool, n)
	for i := range assign {
		assign[i], owner[i] = -1, -1
	}
	for i := range assign { // rows whose nearest column is free
		at := 0
		row := cost[i*n : (i+1)*n]
		for j, c := range row {
			if float64(c)-v[j] < float64(row[at])-v[at] {
				at = j
			}
		}
		if owner[at] < 0 {
			owner[at], assign[i] = int32(i), int32(at)
		}
	}
	for i := range assign {
		if assign[i] >= 0 {
			continue
		}
		for j := range key {
			key[j], done[j] = math.Inf(1), false
		}
		row, h, at := i, 0.0, -1
		for {
			least, next := math.Inf(1), -1
			for j, c := range cost[row*n : (row+1)*n] {
				if done[j] {
					continue
				}
				if w := float64(c) - v[j] - h; w < key[j] {
					key[j], pred[j] = w, int32(row)
				}
				if key[j] < least || next < 0 {
					least, next = key[j], j
				}
			}
			if owner[next] < 0 {
				at = next
				break
			}
			done[next] = true
			row = int(owner[next])
			h = float64(cost[row*n+next]) - v[next] - least
		}
		for j := range done {
			if done[j] {
				v[j] += key[j] - key[at]
			}
		}
		for {
			r := pred[at]
			owner[at] = r
			at, assign[r] = int(assign[r]), int32(at)
			if int(r) == i {
				break
			}
		}
	}
}
