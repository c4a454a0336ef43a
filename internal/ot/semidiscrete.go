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
// 2016), in units of the margin by which draws belong to their cells. After 1,
// 2, 4, ... parts of the steps the mean of the latter half is tried, and kept if
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
	count, g32 := make([]int32, m), make([]float32, m)
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
	next, averaged := first, 0
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
		for j, n := range count {
			scale := (wide[j] + all/total) / (seen[j] + 1)
			g[j] += rate * scale * (1 - float64(m)*float64(n)/float64(cfg.Batch))
		}
		set(g)
		if 2*k > next {
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
			next, averaged = 2*next, 0
		}
	}
	c.SetPotentials(kept)
	return best, nil
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
