package boost

import (
	"context"
	"errors"
	"math"
	"math/bits"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// noisy draws rows of two numbers, a category of six levels and a gap now and then
// in the first, with a target that each of them, and the gap, decides in part.
func noisy(n int, key rng.Key) (x tensor.Matrix[float64], levels []int, y []float64) {
	s := key.Stream()
	x, y = tensor.NewOf[float64](n, 3), make([]float64, n)
	for i := range n {
		row := x.Row(i)
		row[0], row[1], row[2] = s.Float64(), s.NormFloat64(), float64(s.IntN(6))
		y[i] = 3*row[0] + math.Abs(row[1]) + []float64{0, 4, 1, 3, 0, 4}[int(row[2])] + 0.1*s.NormFloat64()
		if s.IntN(5) == 0 {
			y[i] += 5 - 3*row[0]
			row[0] = math.NaN()
		}
	}
	return x, []int{0, 0, 6}, y
}

func rmse(t *testing.T, m *Model, x tensor.Matrix[float64], y []float64) float64 {
	t.Helper()
	p := tensor.NewOf[float64](x.N, 1)
	if err := m.Predict(p, x); err != nil {
		t.Fatal(err)
	}
	s := 0.
	for i, v := range y {
		s += (p.At(i, 0) - v) * (p.At(i, 0) - v)
	}
	return math.Sqrt(s / float64(len(y)))
}

func TestRegression(t *testing.T) {
	x, levels, y := noisy(2000, rng.New(1))
	xt, _, yt := noisy(1000, rng.New(2))
	c := Defaults()
	c.Smooth, c.Trees = 0, 150
	m, err := Train(t.Context(), x, levels, y, c)
	if err != nil {
		t.Fatal(err)
	}
	// The noise is 0.1, the spread of y about 2.2.
	if r := rmse(t, m, xt, yt); r > 0.2 {
		t.Errorf("error %.3f on fresh rows", r)
	}
	for j, v := range m.Importance() {
		if v < 0.02 {
			t.Errorf("column %d is worth %.3f of the whole", j, v)
		}
	}
	f := ForestDefaults()
	f.Columns, f.Trees = 1, 30
	if m, err = TrainForest(t.Context(), x, levels, y, f); err != nil {
		t.Fatal(err)
	}
	if r := rmse(t, m, xt, yt); r > 0.25 {
		t.Errorf("error %.3f of a forest on fresh rows", r)
	}
}

// TestClasses learns three classes on a ring, and the two of an exclusive or, that
// no single column tells apart.
func TestClasses(t *testing.T) {
	s := rng.New(3).Stream()
	n := 1500
	x := tensor.NewOf[float64](n, 2)
	for _, classes := range []int{2, 3} {
		y := make([]float64, n)
		for i := range n {
			row := x.Row(i)
			row[0], row[1] = s.NormFloat64(), s.NormFloat64()
			if classes == 2 && row[0]*row[1] > 0 {
				y[i] = 1
			} else if classes == 3 {
				y[i] = math.Floor((math.Atan2(row[1], row[0])/math.Pi + 1) * 1.499999)
			}
		}
		for name, train := range map[string]func() (*Model, error){
			"boosted": func() (*Model, error) {
				c := Defaults()
				c.Classes, c.Trees = classes, 60
				return Train(t.Context(), x.Rows(0, 1000), nil, y[:1000], c)
			},
			"forest": func() (*Model, error) {
				c := ForestDefaults()
				c.Classes, c.Trees = classes, 40
				return TrainForest(t.Context(), x.Rows(0, 1000), nil, y[:1000], c)
			},
		} {
			m, err := train()
			if err != nil {
				t.Fatal(err)
			}
			p := tensor.NewOf[float64](500, m.Outputs())
			if err := m.Predict(p, x.Rows(1000, 1500)); err != nil {
				t.Fatal(err)
			}
			is, err := Classes(p)
			if err != nil {
				t.Fatal(err)
			}
			right := 0
			for i, k := range is {
				sum := 0.
				for _, v := range p.Row(i) {
					sum += v
				}
				if math.Abs(sum-1) > 1e-12 {
					t.Fatalf("probabilities of row %d add up to %v", i, sum)
				}
				if float64(k) == y[1000+i] {
					right++
				}
			}
			if right < 475 {
				t.Errorf("%s, %d classes: %d of 500 right", name, classes, right)
			}
		}
	}
}

// worth is the value of a split by definition.
func worth(y []float64, left func(i int) bool) float64 {
	var l, r bucket
	for i, v := range y {
		if left(i) {
			l.g, l.h = l.g-v, l.h+1
		} else {
			r.g, r.h = r.g-v, r.h+1
		}
	}
	if l.h == 0 || r.h == 0 {
		return 0
	}
	part := func(b bucket) float64 { return b.g * b.g / b.h }
	return (part(l) + part(r) - part(bucket{l.g + r.g, l.h + r.h})) / 2
}

// TestBestSplit compares the first split of a tree with the best of all, tried one
// by one: every threshold with the gaps on either side, or every set of levels.
func TestBestSplit(t *testing.T) {
	const n, levels = 40, 7
	for seed := range uint64(40) {
		s := rng.New(seed).Stream()
		category := seed%2 == 1
		x, y := tensor.NewOf[float64](n, 1), make([]float64, n)
		mean := 0.
		for i := range n {
			x.Data[i] = math.Round(s.NormFloat64() * 4)
			if category {
				x.Data[i] = float64(s.IntN(levels))
			} else if s.IntN(4) == 0 {
				x.Data[i] = math.NaN()
			}
			y[i] = s.NormFloat64()
			mean += y[i] / n
		}
		c := Defaults()
		c.Weight, c.Lambda, c.Smooth, c.HeldOut, c.Trees, c.Leaves = 0, 0, 0, 0, 1, 2
		m, err := Train(t.Context(), x, []int{levels * int(seed%2)}, y, c)
		if err != nil {
			t.Fatal(err)
		}
		for i := range y {
			y[i] -= mean // the tree is grown on what the mean leaves
		}
		best := 0.
		if category {
			for set := range 1 << levels {
				best = max(best, worth(y, func(i int) bool { return set>>int(x.Data[i])&1 == 1 }))
			}
		} else {
			best = worth(y, func(i int) bool { return x.Data[i] != x.Data[i] })
			for cut := range n {
				for _, gaps := range []bool{false, true} {
					best = max(best, worth(y, func(i int) bool {
						if v := x.Data[i]; v == v {
							return v <= x.Data[cut]
						}
						return gaps
					}))
				}
			}
		}
		if got := m.trees[0][0].gain; math.Abs(got-best) > 1e-9*best {
			t.Errorf("seed %d: the split is worth %v, the best %v", seed, got, best)
		}
	}
}

// TestDerivatives compares the derivatives of each loss with its differences.
func TestDerivatives(t *testing.T) {
	for _, classes := range []int{0, 2, 3} {
		y := []float64{1, 0, 1, 0, 1}
		l := newLoss(y, classes, []int32{0, 1, 2, 3, 4})
		s := rng.New(1).Stream()
		for k := range l.score {
			l.score[k] = s.NormFloat64()
		}
		l.derive()
		for k := range l.score {
			row := []int32{int32(k % len(y))}
			at := l.score[k]
			const e = 1e-4
			l.score[k] = at + e
			up := l.of(row)
			l.score[k] = at - e
			down := l.of(row)
			l.score[k] = at
			slope, bend := (up-down)/(2*e), (up+down-2*l.of(row))/(e*e)
			if classes == 3 {
				bend *= 2 // the bound that is taken in place of the diagonal
			}
			if math.Abs(slope-l.grad[k]) > 1e-6 || math.Abs(bend-l.hess[k]) > 1e-5 {
				t.Errorf("%d classes, score %d: derivatives %v and %v, differences %v and %v", classes, k, l.grad[k], l.hess[k], slope, bend)
			}
		}
	}
}

// TestSameBits grows the same trees on the pool and by one goroutine.
func TestSameBits(t *testing.T) {
	x, levels, y := noisy(3000, rng.New(4))
	b := newBins(x, levels, 254)
	c := Defaults()
	c.Columns, c.Leaves, c.Lambda = 0.7, 200, 0
	rows := make([]int32, len(y))
	hess := make([]float64, len(y))
	for i := range rows {
		rows[i], hess[i] = int32(i), 1
	}
	var grown [2]tree
	for k := range grown {
		g := newGrower(b, c)
		g.serial = k == 1
		g.take(y, hess)
		grown[k] = g.grow(rows, rng.New(5))
	}
	if len(grown[0]) < 100 {
		t.Fatalf("a tree of %d nodes", len(grown[0]))
	}
	for i := range grown[0] {
		a, b := grown[0][i], grown[1][i]
		a.set, b.set = nil, nil
		if a != b {
			t.Fatalf("node %d: %v and %v", i, a, b)
		}
	}
}

// TestLeaves counts rows in the leaves of a deep tree: none below the least weight,
// all rows in one of them, and answers that are the means of their rows.
func TestLeaves(t *testing.T) {
	x, levels, y := noisy(500, rng.New(6))
	c := ForestDefaults()
	c.Weight, c.Columns = 7, 1
	b := newBins(x, levels, c.Bins)
	g := newGrower(b, c)
	grad, hess, rows := make([]float64, len(y)), make([]float64, len(y)), make([]int32, len(y))
	for i, v := range y {
		grad[i], hess[i], rows[i] = -v, 1, int32(i)
	}
	g.take(grad, hess)
	tr := g.grow(rows, rng.New(7))
	sum := make([]bucket, len(tr))
	for i, v := range y {
		at := int32(0)
		for tr[at].feature >= 0 {
			at = tr[at].next(b.of[tr[at].feature][i])
		}
		sum[at].g += v
		sum[at].h++
	}
	for k, s := range sum {
		if tr[k].feature >= 0 {
			continue
		}
		if s.h < 7 {
			t.Errorf("leaf %d holds %v rows", k, s.h)
		}
		if math.Abs(tr[k].value-s.g/s.h) > 1e-9 {
			t.Errorf("leaf %d answers %v, the mean of its rows is %v", k, tr[k].value, s.g/s.h)
		}
	}
}

func TestManyLevels(t *testing.T) {
	s := rng.New(8).Stream()
	n, levels := 20000, 1000
	x, y := tensor.NewOf[float64](n, 1), make([]float64, n)
	for i := range n {
		k := s.IntN(levels)
		if s.IntN(2) == 0 {
			k = s.IntN(20) // frequent ones
		}
		x.Data[i] = float64(k)
		y[i] = float64(bits.OnesCount(uint(k)) % 2)
	}
	c := Defaults()
	c.Rate, c.Trees = 0.3, 60
	m, err := Train(t.Context(), x, []int{levels}, y, c)
	if err != nil {
		t.Fatal(err)
	}
	p, q := tensor.NewOf[float64](20, 1), tensor.NewOf[float64](20, 1)
	for i := range 20 {
		q.Data[i] = float64(i)
	}
	if err := m.Predict(p, q); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if want := float64(bits.OnesCount(uint(i)) % 2); math.Abs(p.Data[i]-want) > 0.1 {
			t.Errorf("level %d: %.2f, want %v", i, p.Data[i], want)
		}
	}
}

// TestOdd grows on tables that hold nothing to learn from.
func TestOdd(t *testing.T) {
	nan := math.NaN()
	for name, v := range map[string]struct {
		x    [][]float64
		y    []float64
		want float64
	}{
		"one row":      {[][]float64{{1}}, []float64{4}, 4},
		"constant":     {[][]float64{{1}, {1}, {1}}, []float64{1, 2, 3}, 2},
		"all missing":  {[][]float64{{nan}, {nan}}, []float64{1, 3}, 2},
		"infinite":     {[][]float64{{math.Inf(1)}, {math.Inf(-1)}}, []float64{5, 5}, 5},
		"huge targets": {[][]float64{{1}, {1}}, []float64{1e300, 1e300}, 1e300},
	} {
		x, err := tensor.FromRows(v.x)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Train(t.Context(), x, nil, v.y, Defaults())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p := tensor.NewOf[float64](x.N, 1)
		if err := m.Predict(p, x); err != nil || math.Abs(p.Data[0]-v.want) > 1e-9*v.want {
			t.Errorf("%s: answers %v, %v", name, p.Data[0], err)
		}
	}
}

func TestFaults(t *testing.T) {
	x := tensor.NewOf[float64](2, 1)
	c := Defaults()
	for name, v := range map[string]struct {
		do   func() error
		is   error
		says string
	}{
		"targets": {func() error { _, err := Train(t.Context(), x, nil, []float64{1}, c); return err }, flow.ErrShape, "inputs"},
		"levels":  {func() error { _, err := Train(t.Context(), x, []int{1, 2}, []float64{1, 2}, c); return err }, flow.ErrShape, "levels"},
		"nan":     {func() error { _, err := Train(t.Context(), x, nil, []float64{1, math.NaN()}, c); return err }, flow.ErrFormat, "row 1"},
		"class": {func() error {
			c := c
			c.Classes = 2
			_, err := Train(t.Context(), x, nil, []float64{1, 2}, c)
			return err
		}, flow.ErrFormat, "not one of 2 classes"},
		"config": {func() error {
			c := c
			c.Rate, c.Bins = 0, 300
			_, err := TrainForest(t.Context(), x, nil, []float64{1, 2}, c)
			return err
		}, flow.ErrConfig, "boost.Rate"},
		"cancelled": {func() error {
			ctx, stop := context.WithCancel(t.Context())
			stop()
			_, err := Train(ctx, x, nil, []float64{1, 2}, c)
			return err
		}, context.Canceled, ""},
	} {
		err := v.do()
		if !errors.Is(err, v.is) || !strings.Contains(err.Error(), v.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
