package judge

import (
	"context"
	"fmt"
	"math"

	"laminar/flow"
	"laminar/internal/lap"
	"laminar/tensor"
)

// W1 returns the exact 1-Wasserstein distance of two tables in the distance of the
// space: the least mean distance over plans that carry the rows of a to those of
// b. Memory and time are those of metric.W1. It is ForestDiffusion's W1.
func (sp *Space) W1(ctx context.Context, a, b matrix) (float64, error) {
	return transport(ctx, sp.gower(), sp.place(a), sp.place(b))
}

// W2 returns the exact 2-Wasserstein distance, for the squared distance that is the
// sum of squared differences of scaled numbers and of 1 for two levels that differ.
func (sp *Space) W2(ctx context.Context, a, b matrix) (float64, error) {
	v, err := transport(ctx, sp.distance(true, 1), sp.place(a), sp.place(b))
	return math.Sqrt(v), err
}

func transport(ctx context.Context, m distance, a, b tensor.Mat) (float64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if a.N == 0 || b.N == 0 {
		return math.NaN(), nil
	}
	far := float32(math.Inf(1))
	if a.N == b.N {
		cost := make([]float32, a.N*b.N)
		blocks(a.N, 16, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				for j := range b.N {
					cost[i*b.N+j] = m.of(a.Row(i), b.Row(j), far)
				}
			}
		})
		var s lap.Solver
		r, err := s.Assign(cost, a.N, make([]int32, a.N))
		if err != nil {
			return 0, fmt.Errorf("%w: exact Wasserstein distance: %w", flow.ErrDiverged, err)
		}
		return r.Cost / float64(a.N), nil
	}
	cost := make([]float64, a.N*b.N)
	blocks(a.N, 16, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			for j := range b.N {
				cost[i*b.N+j] = float64(m.of(a.Row(i), b.Row(j), far))
			}
		}
	})
	even := func(n int) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = 1 / float64(n)
		}
		return v
	}
	p, err := lap.Transport(cost, even(a.N), even(b.N))
	if err != nil {
		return 0, fmt.Errorf("%w: exact Wasserstein distance: %w", flow.ErrDiverged, err)
	}
	return p.Cost, nil
}
