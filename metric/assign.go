package metric

import (
	"fmt"
	"math"

	"laminar/flow"
)

// Assigner solves the assignment problem: it writes into match[i] the column
// given to row i so that the sum of cost[i*n+match[i]] is least. cost may be
// overwritten.
type Assigner func(cost []float32, n int, match []int32) error

// newAssigner returns a solver with scratch of its own.
func newAssigner() Assigner { return shortestPaths }

// shortestPaths is the Hungarian method by successive shortest augmenting
// paths with dual variables in float64 (Jonker, Volgenant 1987), O(n³).
func shortestPaths(cost []float32, n int, match []int32) error {
	u, v := make([]float64, n), make([]float64, n)
	row := make([]int32, n) // the row that holds each column, -1 for none
	dist, prev, done := make([]float64, n), make([]int32, n), make([]bool, n)
	for j := range row {
		row[j] = -1
	}
	for start := range n {
		for j := range dist {
			dist[j], prev[j], done[j] = math.Inf(1), -1, false
		}
		i, reached, last := int32(start), 0.0, int32(-1)
		for {
			best, bestJ := math.Inf(1), -1
			for j := range n {
				if done[j] {
					continue
				}
				if d := reached + float64(cost[int(i)*n+j]) - u[i] - v[j]; d < dist[j] {
					dist[j], prev[j] = d, last
				}
				if dist[j] < best {
					best, bestJ = dist[j], j
				}
			}
			if bestJ < 0 {
				return fmt.Errorf("%w: no finite assignment for row %d", flow.ErrDiverged, start)
			}
			done[bestJ], reached, last = true, best, int32(bestJ)
			if row[bestJ] < 0 {
				break
			}
			i = row[bestJ]
		}
		for j := range n {
			if done[j] && int32(j) != last {
				u[row[j]] += reached - dist[j]
				v[j] -= reached - dist[j]
			}
		}
		u[start] += reached
		for j := last; j >= 0; {
			p := prev[j]
			if p < 0 {
				row[j] = int32(start)
			} else {
				row[j] = row[p]
			}
			j = p
		}
	}
	for j, i := range row {
		match[i] = int32(j)
	}
	return nil
}
