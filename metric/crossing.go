package metric

import (
	"context"
	"fmt"
	"math"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// CrossingConfig sets the size of the crossing estimate. Start from
// DefaultCrossing.
type CrossingConfig struct {
	// Batch is the number of pairs the coupling matches at once: crossing
	// depends on it. Use the training run's.
	Batch int
	// Triples is the number of pairs, from which one (x0, x1, x_t) is made at
	// each time.
	Triples int
	// Queries is the number of triples, taken evenly, around which neighbours
	// are looked for; all triples serve as neighbours.
	Queries int
	Key     rng.Key
}

// DefaultCrossing returns the sizes for points of dimension dim: 65,536 triples
// with 16,384 queries for dim up to 4; above, where a search visits most points,
// 16,384 with 2,048 up to 16 dimensions, and 8,192 with 512 up to 64. Beyond,
// where a search costs Triples·Queries·dim, both shrink as 1/√dim so that this
// product stays at 2^28: 655 with 40 in 10,000 dimensions. The bias of the fewer
// points shows in the figure for 8 and 32 neighbours. Above 16,384 dimensions
// fewer than 512 triples or 32 queries would be left, too few to be of use: both
// are 0, and Evaluate leaves the crossing null with a note.
func DefaultCrossing(dim int) CrossingConfig {
	switch {
	case dim <= 4:
		return CrossingConfig{Batch: 256, Triples: 65536, Queries: 16384}
	case dim <= 16:
		return CrossingConfig{Batch: 256, Triples: 16384, Queries: 2048}
	}
	shrink := math.Sqrt(64 / float64(max(dim, 64)))
	c := CrossingConfig{Batch: 256, Triples: int(8192 * shrink), Queries: int(512 * shrink)}
	if c.Triples < 512 || c.Queries < 32 {
		c.Triples, c.Queries = 0, 0
	}
	return c
}

// CrossingFigure is the crossing of a coupling. Value uses the 16 nearest
// triples, K8 and K32 as many: where they differ much, neighbourhoods are too
// wide for the density, and the truth is below all three.
type CrossingFigure struct{ Value, K8, K32 float64 }

// Crossing returns the share of the target's variance that no field can follow,
//
//	E‖d - E[d | x_t, t]‖² / E‖d - E d‖²,   d = x1 - x0,  x_t = (1-t)x0 + t x1
//
// with t uniform: the part of the flow-matching loss that no network removes,
// since lines of different direction meet at x_t. It is a property of the
// coupling alone: 0 for optimal transport, π/4 for N(0,I) paired with N(0,I)
// independently.
//
// It is averaged over the nine midpoints t = 1/18, 3/18, ..., 17/18, an integral
// to about 1e-3 (evenly spaced times from 0.1 to 0.9 would read π/4 as 0.815,
// because lines cross most in the middle); at each time the conditional variance is the unbiased variance of d among the 16 triples with the nearest
// x_t. Pairs come from src in batches of cfg.Batch, draws 0, 1, ... of cfg.Key;
// their weights are not used.
func Crossing(ctx context.Context, src flow.PairSource, cfg CrossingConfig) (CrossingFigure, error) {
	if cfg.Batch < 1 || cfg.Triples < 64 || cfg.Queries < 1 {
		return CrossingFigure{}, fmt.Errorf("%w: crossing of %d triples, %d queries, batches of %d: need at least 64, 1 and 1", flow.ErrConfig, cfg.Triples, cfg.Queries, cfg.Batch)
	}
	x0, x1 := tensor.New(cfg.Triples, src.Dim()), tensor.New(cfg.Triples, src.Dim())
	b := flow.NewBatch(cfg.Batch, src.Dim(), src.CondSpec())
	for lo, i := 0, 0; lo < cfg.Triples; lo, i = lo+cfg.Batch, i+1 {
		if err := ctx.Err(); err != nil {
			return CrossingFigure{}, err
		}
		if err := src.Fill(&b, cfg.Key, i); err != nil {
			return CrossingFigure{}, fmt.Errorf("crossing, batch %d: %w", i, err)
		}
		hi := min(lo+cfg.Batch, cfg.Triples)
		copy(x0.Rows(lo, hi).Data, b.X0.Data)
		copy(x1.Rows(lo, hi).Data, b.X1.Data)
	}
	return CrossingOf(ctx, x0, x1, cfg.Queries)
}

// CrossingOf is Crossing for pairs at hand, row i of x0 with row i of x1, with
// neighbours looked for around queries of them, evenly spaced.
func CrossingOf(ctx context.Context, x0, x1 tensor.Mat, queries int) (CrossingFigure, error) {
	nan := math.NaN()
	none := CrossingFigure{nan, nan, nan}
	if err := checkPair(x0, x1, 64); err != nil {
		return none, err
	}
	if x0.N != x1.N {
		return none, fmt.Errorf("%w: %d noise points paired with %d data points", flow.ErrShape, x0.N, x1.N)
	}
	if queries < 1 {
		return none, fmt.Errorf("%w: %d queries, need at least 1", flow.ErrConfig, queries)
	}
	queries = min(queries, x0.N)
	d := tensor.New(x0.N, x0.D)
	for i, v := range x1.Data {
		d.Data[i] = v - x0.Data[i]
	}
	total := variance(d)
	if total <= 1e-12*(squareMean(x0)+squareMean(x1)) {
		return CrossingFigure{}, nil // a common shift, up to rounding
	}
	var at [9]CrossingFigure
	err := each(ctx, len(at), func(k int) error {
		at[k] = conditionalVariance(x0, d, (float32(k)+0.5)/float32(len(at)), queries)
		return nil
	})
	if err != nil {
		return none, err
	}
	var sum CrossingFigure
	for _, a := range at {
		sum.Value += a.Value / total / float64(len(at))
		sum.K8 += a.K8 / total / float64(len(at))
		sum.K32 += a.K32 / total / float64(len(at))
	}
	return sum, nil
}

// conditionalVariance estimates E‖d - E[d | x_t]‖² at one time.
func conditionalVariance(x0, d tensor.Mat, t float32, queries int) (f CrossingFigure) {
	xt := tensor.New(x0.N, x0.D)
	for i, v := range x0.Data {
		xt.Data[i] = v + t*d.Data[i]
	}
	s := newKDTree(xt).search(32)
	mean := make([]float64, d.D)
	for q := range queries {
		s.find(xt.Row(q * x0.N / queries))
		clear(mean)
		var m2 float64
		for k, id := range s.id { // Welford over coordinates
			for j, v := range d.Row(int(id)) {
				delta := float64(v) - mean[j]
				mean[j] += delta / float64(k+1)
				m2 += delta * (float64(v) - mean[j])
			}
			switch k + 1 {
			case 8:
				f.K8 += m2 / 7
			case 16:
				f.Value += m2 / 15
			case 32:
				f.K32 += m2 / 31
			}
		}
	}
	f.Value /= float64(queries)
	f.K8 /= float64(queries)
	f.K32 /= float64(queries)
	return f
}

// squareMean is the mean squared norm of the rows of m.
func squareMean(m tensor.Mat) (s float64) {
	for _, v := range m.Data {
		s += float64(v) * float64(v)
	}
	return s / float64(m.N)
}

// variance is the unbiased variance of the rows of m, summed over columns.
func variance(m tensor.Mat) float64 {
	mean := make([]float64, m.D)
	for i := range m.N {
		for j, v := range m.Row(i) {
			mean[j] += float64(v) / float64(m.N)
		}
	}
	var s float64
	for i := range m.N {
		for j, v := range m.Row(i) {
			s += (float64(v) - mean[j]) * (float64(v) - mean[j])
		}
	}
	return s / float64(m.N-1)
}
