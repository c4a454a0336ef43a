package judge

import (
	"context"
	"fmt"
	"math"

	"laminar/boost"
	"laminar/data/table"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Answers is how well trees answer a column of real rows that they were not
// grown on: AUC, macro F1 and Accuracy of a category (AUC of three and more levels
// is the mean of each against the rest), RMSE and R2 of a number. What does not
// apply is NaN.
type Answers struct {
	AUC, F1, Accuracy, RMSE, R2 float64
	Rows                        int // that were answered

	each []float64 // by how much each row moves AUC, or R2 of a number
}

// Usefulness grows boosted trees on one table and tests how well they answer the
// target column of another: grown on synthetic rows, tested on real ones, and
// compared with trees grown on real rows, they say what synthetic rows are good
// for. Rows whose target is missing are left out.
func Usefulness(ctx context.Context, s *table.Schema, target string, train, test matrix, key rng.Key) (Answers, error) {
	cols, err := pair(s, test, train)
	if err != nil {
		return Answers{}, err
	}
	k, err := targetOf(s, cols, target)
	if err != nil {
		return Answers{}, err
	}
	return usefulness(ctx, cols, k, train, test, key)
}

// targetOf returns the place among cols of the named column.
func targetOf(s *table.Schema, cols []column, name string) (int, error) {
	for k, c := range cols {
		if c.name == name {
			return k, nil
		}
	}
	if j, err := s.Column(name); err != nil {
		return 0, err
	} else if kind := s.Columns[j].Kind; kind != "" {
		return 0, fmt.Errorf("%w: column %q cannot be a target: its kind is %s", flow.ErrConfig, name, kind)
	}
	return 0, nil
}

func usefulness(ctx context.Context, cols []column, target int, train, test matrix, key rng.Key) (Answers, error) {
	nan := math.NaN()
	a := Answers{AUC: nan, F1: nan, Accuracy: nan, RMSE: nan, R2: nan}
	c := cols[target]
	train, test = known(train, c.at), known(test, c.at)
	if train.N == 0 || test.N == 0 || len(cols) < 2 {
		return a, nil
	}
	a.Rows = test.N
	x, levels := inputs(cols, target, train)
	y := make([]float64, train.N)
	for i := range y {
		y[i] = train.At(i, c.at)
	}
	cfg := boost.Defaults()
	cfg.Key, cfg.Trees = key, 400
	if c.number() {
		cfg.Classes = 0
	} else if cfg.Classes = c.levels; c.levels < 2 {
		return a, nil
	}
	if cfg.Classes > 2 { // as many trees each round
		cfg.Trees = max(20, cfg.Trees/cfg.Classes)
	}
	m, err := boost.Train(ctx, x, levels, y, cfg)
	if err != nil {
		return a, err
	}
	xt, _ := inputs(cols, target, test)
	p := tensor.NewOf[float64](test.N, m.Outputs())
	if err := m.Predict(p, xt); err != nil {
		return a, err
	}
	if c.number() {
		truth := present(test, c.at)
		a.RMSE, a.R2 = regression(truth, p.Data)
		a.each = fit(truth, p.Data, a.R2)
		return a, nil
	}
	answer, err := boost.Classes(p)
	if err != nil {
		return a, err
	}
	truth, right := make([]int, test.N), 0.
	for i := range truth {
		truth[i] = int(test.At(i, c.at))
		if answer[i] == truth[i] {
			right++
		}
	}
	a.Accuracy, a.F1 = right/float64(test.N), macroF1(truth, answer, c.levels)
	var aucs []float64
	a.each = make([]float64, test.N)
	for k := range c.levels {
		score, is, some := make([]float64, test.N), make([]bool, test.N), false
		for i := range score {
			score[i], is[i] = p.At(i, k), truth[i] == k
			some = some || is[i]
		}
		if some {
			aucs = append(aucs, auc(score, is))
			for i, v := range moves(score, is) {
				a.each[i] += v
			}
		}
	}
	a.AUC = mean(aucs)
	for i := range a.each {
		a.each[i] /= float64(len(aucs))
	}
	return a, nil
}

// known is the rows in which a column is not missing.
func known(m matrix, j int) matrix {
	var rows []int32
	for i := range m.N {
		if v := m.At(i, j); v == v {
			rows = append(rows, int32(i))
		}
	}
	if len(rows) == m.N {
		return m
	}
	return pick(m, rows)
}
