package judge

import (
	"context"
	"math"

	"laminar/boost"
	"laminar/data/table"
	"laminar/rng"
	"laminar/tensor"
)

// LogisticDetection returns how hard it is for a logistic regression to tell
// synthetic rows from real ones:
//
//	1 - mean over 3 folds of (2 max(1/2, AUC) - 1)
//
// 1 where it can only guess, 0 where it is always right. It is sdmetrics' score of
// that name, TabSyn's C2ST. Both tables hold at least 3 rows.
func LogisticDetection(s *table.Schema, real, synth matrix, key rng.Key) (float64, error) {
	cols, err := pair(s, real, synth)
	if err != nil {
		return 0, err
	}
	return logisticDetection(cols, real, synth, key), nil
}

func logisticDetection(cols []column, real, synth matrix, key rng.Key) float64 {
	const folds = 3
	if real.N < folds || synth.N < folds {
		return math.NaN()
	}
	all, positive := stacked(real, synth)
	f := features(cols, all)
	fold := folded(positive, folds, key)
	score := make([]float64, folds)
	each(folds, func(k int) {
		var train []int
		var right []float64
		var is []bool
		for i, at := range fold {
			if at != k {
				train = append(train, i)
			}
		}
		w := f.fit(train, positive)
		for i, at := range fold {
			if at == k {
				right, is = append(right, f.dot(i, w)), append(is, positive[i])
			}
		}
		score[k] = 2*max(0.5, auc(right, is)) - 1
	})
	return 1 - mean(score)
}

// Detection is how well boosted trees tell synthetic rows from real ones they were
// not grown on. Of rows that cannot be told apart AUC and Accuracy are 1/2.
type Detection struct {
	AUC, Accuracy float64
	// By is the part of each judged column in telling, as shares.
	By []float64
}

// detectionFolds is the number of folds of a Detection.
const detectionFolds = 3

// detect grows trees on all folds but one, and tests them on that one.
func detect(ctx context.Context, cols []column, real, synth matrix, key rng.Key) (Detection, error) {
	d := Detection{AUC: math.NaN(), Accuracy: math.NaN(), By: make([]float64, len(cols))}
	if real.N < 20 || synth.N < 20 {
		return d, nil
	}
	all, positive := stacked(real, synth)
	x, levels := inputs(cols, -1, all)
	fold := folded(positive, detectionFolds, key)
	score := make([]float64, all.N)
	for k := range detectionFolds {
		var train, test []int32
		var y []float64
		for i, at := range fold {
			if at == k {
				test = append(test, int32(i))
				continue
			}
			train = append(train, int32(i))
			y = append(y, 0)
			if positive[i] {
				y[len(y)-1] = 1
			}
		}
		c := boost.Defaults()
		c.Classes, c.Trees, c.Patience, c.Key = 2, 200, 10, key.Split("trees").At(uint64(k))
		m, err := boost.Train(ctx, pick(x, train), levels, y, c)
		if err != nil {
			return d, err
		}
		p := tensor.NewOf[float64](len(test), 2)
		if err := m.Predict(p, pick(x, test)); err != nil {
			return d, err
		}
		for q, i := range test {
			score[i] = p.At(q, 1)
		}
		for j, v := range m.Importance() {
			d.By[j] += v / detectionFolds
		}
	}
	// Each fold by itself: scores of different trees do not compare.
	var aucs []float64
	right := 0.
	for k := range detectionFolds {
		var s []float64
		var is []bool
		for i, at := range fold {
			if at == k {
				s, is = append(s, score[i]), append(is, positive[i])
				if (score[i] > 0.5) == positive[i] {
					right++
				}
			}
		}
		aucs = append(aucs, auc(s, is))
	}
	d.AUC, d.Accuracy = mean(aucs), right/float64(all.N)
	return d, nil
}

// stacked is real rows above synthetic ones, with positive for the synthetic.
func stacked(real, synth matrix) (matrix, []bool) {
	all := tensor.NewOf[float64](real.N+synth.N, real.D)
	copy(all.Data, real.Data[:real.N*real.D])
	copy(all.Data[real.N*real.D:], synth.Data[:synth.N*synth.D])
	positive := make([]bool, all.N)
	for i := real.N; i < all.N; i++ {
		positive[i] = true
	}
	return all, positive
}

// folded draws the fold of every row, each class spread evenly.
func folded(positive []bool, folds int, key rng.Key) []int {
	out := make([]int, len(positive))
	p := make([]int32, len(positive))
	s := key.Split("folds").Stream()
	s.Perm(p)
	var next [2]int
	for _, i := range p {
		k := 0
		if positive[i] {
			k = 1
		}
		out[i] = next[k] % folds
		next[k]++
	}
	return out
}

// inputs are the judged columns but one (-1 for none left out), with their
// numbers of levels, as trees take them.
func inputs(cols []column, without int, m matrix) (matrix, []int) {
	var kept []column
	var levels []int
	for k, c := range cols {
		if k != without {
			kept, levels = append(kept, c), append(levels, c.levels)
		}
	}
	x := tensor.NewOf[float64](m.N, len(kept))
	for i := range m.N {
		row := x.Row(i)
		for k, c := range kept {
			row[k] = m.At(i, c.at)
		}
	}
	return x, levels
}
