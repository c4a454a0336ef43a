package ot

import (
	"context"
	"fmt"
	"math"

	"laminar/internal/lap"
	"laminar/rng"
	"laminar/tensor"
)

// LearnConfig says how long Learn looks for the potentials. Start from
// LearnDefaults.
type LearnConfig struct {
	// Tolerance ends the search when the chi-square of the cells' shares is
	// below it.
	Tolerance float64
	// Batch is the number of draws of one step.
	Batch int
	// Draws bounds the draws of all steps, as a multiple of the number of
	// points.
	Draws int
}

// LearnDefaults returns a tolerance of 0.008, batches of 4096 and at most 2000
// draws for every point.
func LearnDefaults() LearnConfig { return LearnConfig{Tolerance: 8e-3, Batch: 4096, Draws: 2000} }

// Learned tells how a search ended.
type Learned struct {
	// ChiSquare is sum_j (p_j - 1/m)^2 m over the shares p_j of the m cells: the
	// mean squared relative error of a share. It is estimated without bias from
	// fresh draws, and may come out below 0.
	ChiSquare float64
	// Draws is the number of draws that were used.
	Draws int
}

// warmRows is the largest number of points of the exact problem from whose duals
// the search starts.
const warmRows = 2048

// leastSteps is allowed whatever the number of points.
const leastSteps = 1024

// Learn sets c's potentials so that all cells have the same share of a
// distribution: draw i of it, of any number of rows, is what draw writes into
// dst for the key.
//
// It starts from the duals of exact transport between draws and points, carried
// on to all points by the c-transform, and goes up the semidual by averaged
// stochastic steps g_j += rate (1/m - share of j in the batch) (Genevay et al.
// 2016), in units of the margin by which draws belong to their cells, and of whole
// neighbourhoods of points at once. After every
// half as many steps again the mean of the last third is tried, and kept if
// it is the best.
func (c *Cells) Learn(ctx context.Context, draw func(dst tensor.Mat, key rng.Key) error, key rng.Key, cfg LearnConfig) (Learned, error) {
	if !(cfg.Tolerance > 0) || cfg.Batch < 1 || cfg.Draws < 1 {
		return Learned{}, fmt.Errorf("%w: tolerance %v must be above 0, batch %d and draws %d at least 1", ErrNumber, cfg.Tolerance, cfg.Batch, cfg.Draws)
	}
	l := learner{c: c, draw: draw, key: key, f: finder{c: c}}
	if err := l.warm(); err != nil {
		return Learned{}, err
	}
	m := c.y.N
	g, mean := make([]float64, m), make([]float64, m)
	for j, v := range c.g {
		g[j] = float64(v)
	}
	x, cell, margin := tensor.New(cfg.Batch, c.y.D), make([]int32, cfg.Batch), make([]float32, cfg.Batch)
	count, g32, scale := make([]int32, m), make([]float32, m), make([]float64, m)
	best, kept := Learned{ChiSquare: math.Inf(1)}, append([]float32(nil), c.g...)
	set := func(v []float64) {
		for j, x := range v {
			g32[j] = float32(x)
		}
		c.SetPotentials(g32)
	}
	try := func(used int) error {
		chi, err := l.chiSquare(ctx, x, cell, count)
		if err == nil && chi < best.ChiSquare {
			best.ChiSquare = chi
			copy(kept, c.g)
		}
		best.Draws = used
		return err
	}
	if err := try(0); err != nil {
		return best, err
	}
	first := max(16, 8*m/cfg.Batch) // steps before the first look
	steps := max(leastSteps, cfg.Draws*m/cfg.Batch)
	last, next, averaged := 0, first, 0
	full := min(1, 2*float64(cfg.Batch)/float64(m))
	// The margins by which draws belong to a cell say how its share answers to
	// its potential: their mean, in which the mean over all counts as one more.
	wide, seen, all, total := make([]float64, m), make([]float64, m), 0.0, 0.0
	for k := 1; k <= steps && best.ChiSquare > cfg.Tolerance && m > 1; k++ {
		if err := ctx.Err(); err != nil {
			return best, err
		}
		if err := draw(x, key.Split("step").At(uint64(k))); err != nil {
			return best, err
		}
		measure := margin
		if k > first && k%8 != 0 {
			measure = nil // which takes half the time
		}
		l.f.find(x, cell, nil, measure)
		clear(count)
		for i, j := range cell {
			count[j]++
			if measure != nil {
				seen[j]++
				wide[j] += float64(measure[i])
				all += float64(measure[i])
				total++
			}
		}
		rate := full / math.Sqrt(1+float64(k)/float64(first))
		for j := range scale {
			scale[j] = (wide[j] + all/total) / (seen[j] + 1)
		}
		c.ascend(g, count, scale, rate, float64(cfg.Batch))
		set(g)
		if k > last && k > next/3 {
			averaged++
			for j, v := range g {
				mean[j] += (v - mean[j]) / float64(averaged)
			}
		}
		if k == next {
			set(mean)
			if err := try(k * cfg.Batch); err != nil {
				return best, err
			}
			set(g)
			last, next, averaged = k, next*3/2, 0
		}
	}
	c.SetPotentials(kept)
	return best, nil
}

// ascend takes one step of g towards equal shares, of the points and of the nodes
// of the tree. What a node lacks as a whole is known better than what a point
// lacks, and would take long to come about by steps of its points; a node of n
// points answers to potentials on a scale n^(1/D) times theirs.
func (c *Cells) ascend(g []float64, count []int32, scale []float64, rate, batch float64) {
	m := float64(len(g))
	for j, n := range count {
		g[j] += rate * scale[j] * (1 - m*float64(n)/batch)
	}
	if c.id == nil {
		return
	}
	// Running sums in the order of the tree.
	counts, scales := make([]float64, len(g)+1), make([]float64, len(g)+1)
	for i, j := range c.id {
		counts[i+1] = counts[i] + float64(count[j])
		scales[i+1] = scales[i] + scale[j]
	}
	sum := make([]float64, len(c.node)) // of a node and those above it
	for i := range c.node {
		node := &c.node[i]
		n := float64(node.hi - node.lo)
		if i > 0 && n > 1 {
			lack := 1 - m/n*(counts[node.hi]-counts[node.lo])/batch
			mean := (scales[node.hi] - scales[node.lo]) / n
			part := min(1, 2*batch/m*n) // as the points' rate grows with what is seen of them
			sum[i] += 0.15 * part * mean * math.Pow(n, 1/float64(c.y.D)) * lack * rate / min(1, 2*batch/m)
		}
		if node.dim >= 0 {
			sum[i+1], sum[node.right] = sum[i], sum[i]
			continue
		}
		for _, j := range c.id[node.lo:node.hi] {
			g[j] += sum[i]
		}
	}
}

type learner struct {
	c    *Cells
	draw func(dst tensor.Mat, key rng.Key) error
	key  rng.Key
	f    finder
}

// warm sets the potentials that exact transport from as many draws to the
// points suggests: to some of many, to several copies of few.
func (l *learner) warm() error {
	y := l.c.y
	n := min(y.N, warmRows)
	if y.N <= warmRows/2 {
		n = warmRows / y.N * y.N
	}
	x := tensor.New(n, y.D)
	if err := l.draw(x, l.key.Split("warm")); err != nil {
		return err
	}
	if n > y.N {
		copies := tensor.New(n, y.D)
		for lo := 0; lo < n; lo += y.N {
			copy(copies.Rows(lo, lo+y.N).Data, y.Data)
		}
		y = copies
	} else if n < y.N {
		s := l.key.Split("some").Stream()
		rows := make([]int32, y.N)
		s.Perm(rows)
		some := tensor.New(n, y.D)
		for i, r := range rows[:n] {
			copy(some.Row(i), y.Row(int(r)))
		}
		y = some
	}
	var solver lap.Solver
	res, err := solver.AssignPoints(x, y, lap.SqEuclidean, make([]int32, n))
	if err != nil {
		return err
	}
	ends := NewCells(x, l.c.kernels)
	u := make([]float32, n)
	for i, v := range res.U {
		u[i] = float32(v)
	}
	ends.SetPotentials(u)
	g := make([]float32, l.c.y.N)
	f := finder{c: ends}
	f.find(l.c.y, make([]int32, l.c.y.N), g, nil)
	l.c.SetPotentials(g)
	return nil
}

// chiSquare estimates the cells' chi-square from fresh draws, 20 for every point
// and 65,536 at least: m sum_j n_j (n_j - 1) / (n (n - 1)) - 1 has no bias.
func (l *learner) chiSquare(ctx context.Context, x tensor.Mat, cell, count []int32) (float64, error) {
	m := l.c.y.N
	n := 0
	clear(count)
	for b := 0; n < max(65536, 20*m); b++ {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := l.draw(x, l.key.Split("look").At(uint64(b))); err != nil {
			return 0, err
		}
		l.f.find(x, cell, nil, nil)
		for _, j := range cell {
			count[j]++
		}
		n += x.N
	}
	var sum float64
	for _, c := range count {
		sum += float64(c) * float64(c-1)
	}
	return float64(m)*sum/(float64(n)*float64(n-1)) - 1, nil
}
