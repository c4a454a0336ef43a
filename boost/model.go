package boost

import (
	"fmt"

	"laminar/flow"
	"laminar/tensor"
)

// Model is what was grown. It is immutable and safe for concurrent use.
type Model struct {
	classes int
	groups  int
	base    []float64
	columns []column
	trees   []tree  // round after round, the groups of one together
	scale   float64 // of a forest: 1 / trees of a group; 0 for a boosted model
}

// Outputs is the number of columns that Predict writes: one probability for each
// class, or one number.
func (m *Model) Outputs() int { return max(1, m.classes) }

// Trees is the number of trees.
func (m *Model) Trees() int { return len(m.trees) }

// Predict writes the answers for the rows of x, which have the columns that the
// model was grown on: into dst, x.N rows of Outputs columns, the probabilities of
// the classes, or the number expected. A level that the model does not know
// counts as missing. The error wraps flow.ErrShape.
func (m *Model) Predict(dst, x tensor.Matrix[float64]) error {
	if err := x.Check("inputs", -1, len(m.columns)); err != nil {
		return err
	}
	if err := dst.Check("answers", x.N, m.Outputs()); err != nil {
		return fmt.Errorf("%w; a model of %d classes writes %d columns", err, m.classes, m.Outputs())
	}
	blocks(x.N, func(lo, hi int) {
		bin, score := make([]uint8, len(m.columns)), make([]float64, m.groups)
		for i := lo; i < hi; i++ {
			row := x.Row(i)
			for j := range bin {
				bin[j] = m.columns[j].bin(row[j])
			}
			m.score(score, bin)
			m.answer(dst.Row(i), score)
		}
	})
	return nil
}

func (m *Model) score(score []float64, bin []uint8) {
	copy(score, m.base)
	for k, t := range m.trees {
		at := int32(0)
		for t[at].feature >= 0 {
			at = t[at].next(bin[t[at].feature])
		}
		v := t[at].value
		if m.scale > 0 {
			v *= m.scale
		}
		score[k%m.groups] += v
	}
}

// answer turns the scores of a row into what Predict writes.
func (m *Model) answer(dst, score []float64) {
	switch {
	case m.classes == 0:
		dst[0] = score[0]
	case m.scale > 0 && m.classes == 2:
		dst[1] = min(max(score[0], 0), 1)
		dst[0] = 1 - dst[1]
	case m.scale > 0:
		sum := 0.
		for k, v := range score {
			dst[k] = max(v, 0)
			sum += dst[k]
		}
		for k := range dst {
			if sum > 0 {
				dst[k] /= sum
			} else {
				dst[k] = 1 / float64(len(dst))
			}
		}
	case m.classes == 2:
		dst[1] = logistic(score[0])
		dst[0] = 1 - dst[1]
	default:
		copy(dst, score)
		softmax(dst)
	}
}

// Importance is the worth of the splits of each column, as shares of the whole;
// all 0 if nothing was split.
func (m *Model) Importance() []float64 {
	out := make([]float64, len(m.columns))
	sum := 0.
	for _, t := range m.trees {
		for _, d := range t {
			if d.feature >= 0 {
				out[d.feature] += d.gain
				sum += d.gain
			}
		}
	}
	for j := range out {
		if sum > 0 {
			out[j] /= sum
		}
	}
	return out
}

// Classes answers for every row of p, as Predict wrote it for classes, the index
// of the greatest; of equals the lowest.
func Classes(p tensor.Matrix[float64]) ([]int, error) {
	if p.D < 2 {
		return nil, fmt.Errorf("%w: %d columns of probabilities, need one for each of 2 or more classes", flow.ErrShape, p.D)
	}
	out := make([]int, p.N)
	for i := range out {
		row := p.Row(i)
		for k, v := range row {
			if v > row[out[i]] {
				out[i] = k
			}
		}
	}
	return out, nil
}
