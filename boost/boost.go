// Package boost grows decision trees on tables of numbers and categories with
// gaps: gradient boosting for regression and classification, and random forests.
//
//	c := boost.Defaults()
//	c.Classes = 2
//	m, err := boost.Train(ctx, x, levels, y, c)
//	p := tensor.NewOf[float64](x.N, m.Outputs())
//	err = m.Predict(p, x) // row i: the probabilities of the classes
//
// A boosted model is a sum F of trees. Each is grown on the derivatives g and h
// of the loss at the sum so far; with G and H their sums over a node, a leaf
// answers -G/(H+λ), and a split is worth
//
//	½ [ G_L²/(H_L+λ) + G_R²/(H_R+λ) - G²/(H+λ) ]
//
// (Friedman 2001; Chen, Guestrin 2016, eq. 5-7). Values are sorted into at most
// 254 bins once, and splits are found in histograms of g and h over these bins,
// leaf by leaf in the order of worth (Ke et al. 2017). A missing value goes to
// the side where that is worth more. The levels of a category are put in the
// order of g/h, of which the best set is a prefix (Fisher 1958).
//
// In a forest (TrainForest) each tree is grown deep on a bootstrap of the rows,
// few columns are looked at for each split, and the answers are averaged (Breiman
// 2001).
//
// The same key gives the same bits on any number of cores. The package reads no
// file, draws nothing, and does not choose its own settings.
package boost

import (
	"context"
	"errors"
	"fmt"
	"math"

	"laminar/flow"
	"laminar/internal/par"
	"laminar/rng"
	"laminar/tensor"
)

// Config says how trees are grown. Start from Defaults or ForestDefaults.
type Config struct {
	// Classes is the number of classes of the target, 0 for a number.
	Classes int
	// Trees is the largest number of rounds; a round is one tree, or one for each
	// of three and more classes.
	Trees int
	// Rate is the share of each tree's answer that is taken, in (0, 1].
	Rate float64
	// Leaves and Depth bound a tree.
	Leaves, Depth int
	// Weight is the least sum of h in a leaf: of squared error, and in a forest,
	// the number of rows.
	Weight float64
	// Lambda is the λ of the leaves, Gamma the least worth of a split.
	Lambda, Gamma float64
	// Smooth is added to h where levels are put in order, and to λ where they are
	// split: levels of few rows are not trusted.
	Smooth float64
	// Rows is the share of rows that each boosted tree sees, Columns the share of
	// columns that are looked at for each split, both in (0, 1].
	Rows, Columns float64
	// Bins is the largest number of bins of a column, 2 to 254.
	Bins int
	// HeldOut is the share of rows set aside to say when to stop: once their loss
	// has not fallen for Patience rounds. The model keeps its best rounds. 0 sets
	// none aside and grows all Trees. Forests hold nothing out.
	HeldOut  float64
	Patience int
	// Key is the source of all chance.
	Key rng.Key
}

// Defaults is gradient boosting that suits tables of a hundred to a million rows.
func Defaults() Config {
	return Config{
		Trees: 1000, Rate: 0.1, Leaves: 31, Depth: 12, Weight: 1, Lambda: 1, Smooth: 10,
		Rows: 1, Columns: 1, Bins: 254, HeldOut: 0.1, Patience: 30,
	}
}

// ForestDefaults is a random forest of 100 trees that are grown until leaves hold
// few rows; a third of the columns is looked at for each split.
func ForestDefaults() Config {
	return Config{Trees: 100, Rate: 1, Leaves: math.MaxInt32, Depth: 28, Weight: 2, Rows: 1, Columns: 1. / 3, Bins: 254, Patience: 1}
}

// Validate reports every fault of c as a flow.FieldError.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, field string, v any, want string) {
		if !ok {
			errs = append(errs, &flow.FieldError{Path: "boost." + field, Msg: fmt.Sprintf("is %v, must be %s", v, want)})
		}
	}
	share := func(v float64) bool { return v > 0 && v <= 1 }
	least := func(v float64) bool { return v >= 0 && !math.IsInf(v, 0) }
	check(c.Classes == 0 || c.Classes > 1, "Classes", c.Classes, "0 for a number or at least 2")
	check(c.Trees > 0, "Trees", c.Trees, "at least 1")
	check(share(c.Rate), "Rate", c.Rate, "in (0, 1]")
	check(c.Leaves > 1, "Leaves", c.Leaves, "at least 2")
	check(c.Depth > 0, "Depth", c.Depth, "at least 1")
	check(least(c.Weight), "Weight", c.Weight, "at least 0")
	check(least(c.Lambda), "Lambda", c.Lambda, "at least 0")
	check(least(c.Gamma), "Gamma", c.Gamma, "at least 0")
	check(least(c.Smooth), "Smooth", c.Smooth, "at least 0")
	check(share(c.Rows), "Rows", c.Rows, "in (0, 1]")
	check(share(c.Columns), "Columns", c.Columns, "in (0, 1]")
	check(c.Bins >= 2 && c.Bins <= mostBins, "Bins", c.Bins, fmt.Sprintf("2 to %d", mostBins))
	check(c.HeldOut >= 0 && c.HeldOut < 1, "HeldOut", c.HeldOut, "in [0, 1)")
	check(c.Patience > 0, "Patience", c.Patience, "at least 1")
	return errors.Join(errs...)
}

// checkTable returns an error unless x, levels and y fit together: levels[j] is
// the number of levels of a category, whose cells are their indices, and 0 of a
// number; nil means all numbers. y is finite, a class index where classes > 0.
func checkTable(x tensor.Matrix[float64], levels []int, y []float64, classes int) error {
	if err := x.Check("inputs", len(y), -1); err != nil {
		return err
	}
	if x.N == 0 || x.D == 0 {
		return fmt.Errorf("%w: %d rows of %d inputs to grow trees on, need at least 1 of each", flow.ErrShape, x.N, x.D)
	}
	if levels != nil && len(levels) != x.D {
		return fmt.Errorf("%w: %d numbers of levels for %d inputs", flow.ErrShape, len(levels), x.D)
	}
	for i, v := range y {
		if v-v != 0 {
			return fmt.Errorf("%w: the target of row %d is %v", flow.ErrFormat, i, v)
		}
		if classes > 0 && (v < 0 || v >= float64(classes) || v != math.Trunc(v)) {
			return fmt.Errorf("%w: the target of row %d is %v, not one of %d classes", flow.ErrFormat, i, v, classes)
		}
	}
	return nil
}

// Train boosts trees that answer y from the rows of x, NaN where a cell is
// missing. levels[j] is the number of levels of column j, whose cells are their
// indices, and 0 of a number; nil means all numbers. y holds numbers, or class
// indices as c.Classes says. The error wraps flow.ErrShape, flow.ErrConfig,
// flow.ErrFormat for a target that is none, or is that of ctx.
func Train(ctx context.Context, x tensor.Matrix[float64], levels []int, y []float64, c Config) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := checkTable(x, levels, y, c.Classes); err != nil {
		return nil, err
	}
	train, held := split(len(y), c.HeldOut, c.Key.Split("held out"))
	b := newBins(x, levels, c.Bins)
	l := newLoss(y, c.Classes, train)
	m := &Model{classes: c.Classes, groups: l.groups, base: l.base, columns: b.columns}
	g := newGrower(b, c)
	for k := range l.groups {
		for i := range y {
			l.score[k*len(y)+i] = l.base[k]
		}
	}
	best, bestRound := math.Inf(1), 0
	rows := make([]int32, 0, len(train))
	for t := range c.Trees {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		key := c.Key.Split("tree").At(uint64(t))
		rows = sampleRows(rows[:0], train, c.Rows, key.Split("rows"))
		l.derive()
		grown := 0
		for k := range l.groups {
			g.take(l.grad[k*len(y):(k+1)*len(y)], l.hess[k*len(y):(k+1)*len(y)])
			tree := g.grow(rows, key.Split("columns").At(uint64(k)))
			m.trees = append(m.trees, tree)
			grown += len(tree) - 1
			b.add(l.score[k*len(y):(k+1)*len(y)], tree)
		}
		if len(held) > 0 {
			loss := l.of(held)
			if loss < best {
				best, bestRound = loss, t+1
			} else if t+1-bestRound >= c.Patience {
				break
			}
		}
		if grown == 0 && c.Rows == 1 && c.Columns == 1 {
			break // nothing is left to split
		}
	}
	if len(held) > 0 {
		m.trees = m.trees[:bestRound*l.groups]
	}
	return m, nil
}

// split draws the rows to hold out; there are none if either side would be empty.
func split(n int, share float64, key rng.Key) (train, held []int32) {
	out := int(share * float64(n))
	p := make([]int32, n)
	if out == 0 || out == n {
		for i := range p {
			p[i] = int32(i)
		}
		return p, nil
	}
	s := key.Stream()
	s.Perm(p)
	isHeld := make([]bool, n)
	for _, i := range p[:out] {
		isHeld[i] = true
	}
	for i := range int32(n) {
		if isHeld[i] {
			held = append(held, i)
		} else {
			train = append(train, i)
		}
	}
	return train, held
}

// sampleRows appends a share of rows to dst, in their order.
func sampleRows(dst, rows []int32, share float64, key rng.Key) []int32 {
	if share == 1 {
		return append(dst, rows...)
	}
	s := key.Stream()
	for _, i := range rows {
		if s.Float64() < share {
			dst = append(dst, i)
		}
	}
	if len(dst) == 0 {
		dst = append(dst, rows[s.IntN(len(rows))])
	}
	return dst
}

// job makes a function a par.Job.
type job func(i int)

func (f job) Do(i int) { f(i) }

// blocks calls f for blocks of at most 4096 of n rows, on all cores.
func blocks(n int, f func(lo, hi int)) {
	const size = 4096
	par.Default().Run((n+size-1)/size, job(func(i int) { f(i*size, min(n, (i+1)*size)) }))
}
