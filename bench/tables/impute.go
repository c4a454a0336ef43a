package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"laminar/boost"
	"laminar/data/table"
	"laminar/rng"
	"laminar/tensor"
)

// imputer fills the gaps of rows, several times.
type imputer func(ctx context.Context, l *loaded, gaps matrix, draws int, key rng.Key) ([]matrix, error)

// imputers is the catalogue.
var imputers = map[string]imputer{
	"knn":        nearest,
	"missforest": missForest,
	"mean":       typical,
	"laminar":    laminarImputer,
}

// imputeResult is a line: the mean absolute errors of ForestDiffusion's protocol.
// MinMAE takes of several draws, for each row, that which is nearest to the truth;
// AvgMAE is their mean.
type imputeResult struct {
	Set     string  `json:"set"`
	Imputer string  `json:"imputer"`
	MinMAE  float64 `json:"min_mae"`
	AvgMAE  float64 `json:"avg_mae"`
	Seconds float64 `json:"seconds"`
}

// impute hides one cell in five of the training rows, but for the target, and
// measures what imputers put there.
func impute(ctx context.Context, o options, match *regexp.Regexp) ([]imputeResult, error) {
	chosen := strings.Split(cmp.Or(o.imputers, names(imputers)), ",")
	var out []imputeResult
	fmt.Printf("%d splits, %d draws; published means over 27 sets, MinMAE / AvgMAE: MissForest 0.10 / 0.12, kNN-1 0.16 / 0.16, Forest-VP 0.14 / 0.17\n\n", o.splits, o.draws)
	fmt.Println("| set | imputer | MinMAE | AvgMAE | s per split |")
	fmt.Println("| --- | --- | --- | --- | --- |")
	err := eachSet(ctx, smallSets, o.data, match.MatchString, func(l *loaded) error {
		for _, name := range chosen {
			name = strings.TrimSpace(name)
			f, err := named(imputers, "-imputers", name)
			if err != nil {
				return err
			}
			r := imputeResult{Set: l.name, Imputer: name}
			for n := range o.splits {
				key := o.key.Split(l.name).At(uint64(n))
				rows, _ := testSplit(l.rows.N, l.classes(), uint32(n))
				truth, gaps := l.hide(pick(l.rows, rows), key.Split("gaps"))
				start := time.Now()
				filled, err := f(ctx, l, gaps, o.draws, key.Split(name))
				if err != nil {
					return err
				}
				r.Seconds += time.Since(start).Seconds() / float64(o.splits)
				least, mean := l.errorsOf(truth, gaps, filled)
				r.MinMAE += least / float64(o.splits)
				r.AvgMAE += mean / float64(o.splits)
			}
			out = append(out, r)
			fmt.Printf("| %s | %s | %.3f | %.3f | %.1f |\n", r.Set, r.Imputer, r.MinMAE, r.AvgMAE, r.Seconds)
		}
		return nil
	})
	return out, err
}

// inputs lists the columns that can be hidden: all but the dropped ones and the
// target.
func (l *loaded) inputs() []int {
	var out []int
	for j, c := range l.schema.Columns {
		if j != l.at && c.Kind != table.Text && c.Kind != table.Constant {
			out = append(out, j)
		}
	}
	return out
}

// hide makes a fifth of the cells gaps; rows of which nothing would be left are
// taken out. Cells that were missing before stay what they are, a level.
func (l *loaded) hide(m matrix, key rng.Key) (truth, gaps matrix) {
	s := key.Stream()
	gaps = m.Clone()
	inputs := l.inputs()
	var kept []int
	for i := range m.N {
		hidden := 0
		for _, j := range inputs {
			if s.Float64() < 0.2 && m.At(i, j) == m.At(i, j) {
				gaps.Row(i)[j] = math.NaN()
				hidden++
			}
		}
		if hidden < len(inputs) {
			kept = append(kept, i)
		}
	}
	return pick(m, kept), pick(gaps, kept)
}

// errorsOf compares what was filled in with the truth, numbers over their range
// and levels as 0 or 1, over the number of gaps.
func (l *loaded) errorsOf(truth, gaps matrix, filled []matrix) (least, mean float64) {
	width := make([]float64, truth.D)
	for j := range width {
		lo, hi := math.Inf(1), math.Inf(-1)
		for i := range truth.N {
			if v := truth.At(i, j); v == v {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
		if width[j] = hi - lo; !(width[j] > 0) {
			width[j] = 1
		}
	}
	hidden := 0.
	for i := range truth.N {
		best := math.Inf(1)
		for _, f := range filled {
			e := 0.
			for j, c := range l.schema.Columns {
				if gaps.At(i, j) == gaps.At(i, j) || truth.At(i, j) != truth.At(i, j) {
					continue
				}
				if d := math.Abs(f.At(i, j) - truth.At(i, j)); len(c.Levels) == 0 {
					e += d / width[j]
				} else if !(d == 0) {
					e++
				}
			}
			best = min(best, e)
			mean += e / float64(len(filled))
		}
		least += best
		for j := range truth.D {
			if gaps.At(i, j) != gaps.At(i, j) && truth.At(i, j) == truth.At(i, j) {
				hidden++
			}
		}
	}
	return least / hidden, mean / hidden
}

// typical fills the median of a number and the most frequent level.
func typical(_ context.Context, l *loaded, gaps matrix, draws int, _ rng.Key) ([]matrix, error) {
	out := gaps.Clone()
	for _, j := range l.inputs() {
		v := l.middle(gaps, j)
		for i := range out.N {
			if out.At(i, j) != out.At(i, j) {
				out.Row(i)[j] = v
			}
		}
	}
	return repeated(out, draws), nil
}

func repeated(m matrix, n int) []matrix {
	out := make([]matrix, n)
	for k := range out {
		out[k] = m
	}
	return out
}

// middle is the median of a number, the most frequent level of a category.
func (l *loaded) middle(m matrix, j int) float64 {
	var v []float64
	for i := range m.N {
		if x := m.At(i, j); x == x {
			v = append(v, x)
		}
	}
	if len(v) == 0 {
		return 0
	}
	if len(l.schema.Columns[j].Levels) == 0 {
		slices.Sort(v)
		return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
	}
	count := map[float64]int{}
	best := v[0]
	for _, x := range v {
		count[x]++
	}
	for k := range l.schema.Columns[j].Levels {
		if x := float64(k); count[x] > count[best] {
			best = x
		}
	}
	return best
}

// nearest takes the cell of the nearest row that has one (kNN-1), by the mean
// difference of the cells that both have: of numbers over their standard deviation
// as scikit-learn's KNNImputer after a StandardScaler, squared, and of levels 1.
func nearest(_ context.Context, l *loaded, gaps matrix, draws int, _ rng.Key) ([]matrix, error) {
	width := make([]float64, gaps.D)
	for j := range width {
		n, m, s := 0., 0., 0.
		for i := range gaps.N {
			if v := gaps.At(i, j); v == v {
				n++
				d := v - m
				m += d / n
				s += d * (v - m)
			}
		}
		if width[j] = math.Sqrt(s / n); !(width[j] > 0) {
			width[j] = 1
		}
	}
	out := gaps.Clone()
	inputs := append(l.inputs(), l.at)
	distance := make([]float64, gaps.N)
	for i := range gaps.N {
		looked := false
		for _, j := range inputs {
			if gaps.At(i, j) == gaps.At(i, j) {
				continue
			}
			if !looked {
				looked = true
				for k := range distance {
					n, s := 0., 0.
					for _, q := range inputs {
						a, b := gaps.At(i, q), gaps.At(k, q)
						if a != a || b != b {
							continue
						}
						n++
						if len(l.schema.Columns[q].Levels) > 0 {
							if a != b {
								s++
							}
						} else {
							s += (a - b) * (a - b) / (width[q] * width[q])
						}
					}
					if distance[k] = s / n; n == 0 || k == i {
						distance[k] = math.Inf(1)
					}
				}
			}
			best := -1
			for k, d := range distance {
				if gaps.At(k, j) == gaps.At(k, j) && (best < 0 || d < distance[best]) {
					best = k
				}
			}
			if best < 0 || math.IsInf(distance[best], 1) {
				out.Row(i)[j] = l.middle(gaps, j)
			} else {
				out.Row(i)[j] = gaps.At(best, j)
			}
		}
	}
	return repeated(out, draws), nil
}

// missForest fills column after column, the least gappy first, by random forests
// grown on the other columns as they were last filled, until the filled cells
// change more than before (Stekhoven, Bühlmann 2012).
func missForest(ctx context.Context, l *loaded, gaps matrix, draws int, key rng.Key) ([]matrix, error) {
	out := make([]matrix, draws)
	for k := range out {
		var err error
		if out[k], err = l.forests(ctx, gaps, key.At(uint64(k))); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (l *loaded) forests(ctx context.Context, gaps matrix, key rng.Key) (matrix, error) {
	start, _ := typical(ctx, l, gaps, 1, key)
	now := start[0].Clone()
	columns := l.inputs()
	all := append(slices.Clone(columns), l.at)
	missing := map[int]int{}
	for _, j := range columns {
		for i := range gaps.N {
			if gaps.At(i, j) != gaps.At(i, j) {
				missing[j]++
			}
		}
	}
	slices.SortStableFunc(columns, func(a, b int) int { return cmp.Compare(missing[a], missing[b]) })
	before := [2]float64{math.Inf(1), math.Inf(1)} // changes of numbers and of levels
	for round := range 10 {
		last := now.Clone()
		for _, j := range columns {
			if missing[j] == 0 {
				continue
			}
			if err := l.forest(ctx, now, gaps, all, j, key.At(uint64(round)).At(uint64(j))); err != nil {
				return now, err
			}
		}
		var moved, size, turned, levels float64
		for _, j := range columns {
			for i := range gaps.N {
				a, b := now.At(i, j), last.At(i, j)
				if len(l.schema.Columns[j].Levels) == 0 {
					moved, size = moved+(a-b)*(a-b), size+a*a
				} else if gaps.At(i, j) != gaps.At(i, j) {
					levels++
					if a != b {
						turned++
					}
				}
			}
		}
		change := [2]float64{moved / max(size, 1e-300), turned / max(levels, 1)}
		if (size == 0 || change[0] >= before[0]) && (levels == 0 || change[1] >= before[1]) {
			return last, nil
		}
		before = change
	}
	return now, nil
}

// forest fills column j of now.
func (l *loaded) forest(ctx context.Context, now, gaps matrix, all []int, j int, key rng.Key) error {
	var known, unknown []int
	for i := range gaps.N {
		if gaps.At(i, j) == gaps.At(i, j) {
			known = append(known, i)
		} else {
			unknown = append(unknown, i)
		}
	}
	if len(known) == 0 {
		return nil
	}
	var levels []int
	for _, k := range all {
		if k != j {
			levels = append(levels, len(l.schema.Columns[k].Levels))
		}
	}
	inputs := func(rows []int) matrix {
		x := tensor.NewOf[float64](len(rows), len(levels))
		for q, i := range rows {
			at := 0
			for _, k := range all {
				if k != j {
					x.Row(q)[at] = now.At(i, k)
					at++
				}
			}
		}
		return x
	}
	y := make([]float64, len(known))
	for q, i := range known {
		y[q] = gaps.At(i, j)
	}
	c := boost.ForestDefaults()
	c.Weight, c.Key = 1, key
	c.Columns = math.Sqrt(float64(len(levels))) / float64(len(levels))
	c.Classes = len(l.schema.Columns[j].Levels)
	if c.Classes == 1 {
		return nil
	}
	m, err := boost.TrainForest(ctx, inputs(known), levels, y, c)
	if err != nil {
		return err
	}
	p := tensor.NewOf[float64](len(unknown), m.Outputs())
	if err := m.Predict(p, inputs(unknown)); err != nil {
		return err
	}
	answers := p.Data
	if c.Classes > 0 {
		is, err := boost.Classes(p)
		if err != nil {
			return err
		}
		answers = make([]float64, len(is))
		for q, k := range is {
			answers[q] = float64(k)
		}
	}
	for q, i := range unknown {
		now.Row(i)[j] = answers[q]
	}
	return nil
}
