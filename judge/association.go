package judge

import (
	"math"

	"laminar/data/table"
	"laminar/rng"
)

// Association returns how strongly each pair of judged columns depends on each
// other: Pearson's correlation of two numbers; the correlation ratio of a number
// and a category, the root of the share of the number's variance between
// levels; Cramér's V of two categories. In the diagonal is 1; NaN where a
// column does not vary.
func Association(s *table.Schema, m matrix) ([][]float64, error) {
	cols := columnsOf(s)
	if err := check("table's", s, cols, m, 1); err != nil {
		return nil, err
	}
	return association(cols, m), nil
}

func association(cols []column, m matrix) [][]float64 {
	out := make([][]float64, len(cols))
	for k := range out {
		out[k] = make([]float64, len(cols))
		out[k][k] = 1
	}
	pairs := pairsOf(cols, math.MaxInt32, rng.Key{})
	each(len(pairs), func(k int) {
		i, j := pairs[k][0], pairs[k][1]
		a, b := cols[i], cols[j]
		var v float64
		switch {
		case a.number() && b.number():
			v = correlation(m, a.at, b.at)
		case a.number():
			v = ratio(m, b, a)
		case b.number():
			v = ratio(m, a, b)
		default:
			v = cramer(m, a, b)
		}
		out[i][j], out[j][i] = v, v
	})
	return out
}

// ratio is the correlation ratio of a number over the levels of a category.
func ratio(m matrix, category, number column) float64 {
	n, sum := make([]float64, category.levels+1), make([]float64, category.levels+1)
	var total, all float64
	for i := range m.N {
		if v := m.At(i, number.at); v == v {
			k := category.code(m.At(i, category.at))
			n[k]++
			sum[k] += v
			total += v
			all++
		}
	}
	centre := total / all
	var between, within float64
	for k := range n {
		if n[k] > 0 {
			d := sum[k]/n[k] - centre
			between += n[k] * d * d
		}
	}
	for i := range m.N {
		if v := m.At(i, number.at); v == v {
			within += (v - centre) * (v - centre)
		}
	}
	if !(within > 0) {
		return math.NaN()
	}
	return math.Sqrt(min(between/within, 1))
}

// cramer is Cramér's V of two categories.
func cramer(m matrix, a, b column) float64 {
	type cell struct{ a, b int }
	joint := map[cell]float64{}
	pa, pb := make([]float64, a.levels+1), make([]float64, b.levels+1)
	for i := range m.N {
		x, y := a.code(m.At(i, a.at)), b.code(m.At(i, b.at))
		joint[cell{x, y}] += 1 / float64(m.N)
		pa[x] += 1 / float64(m.N)
		pb[y] += 1 / float64(m.N)
	}
	occur := func(p []float64) (n float64) {
		for _, v := range p {
			if v > 0 {
				n++
			}
		}
		return n
	}
	least := min(occur(pa), occur(pb)) - 1
	if least < 1 {
		return math.NaN()
	}
	// φ² = Σ p(a,b)²/(p(a) p(b)) - 1, in the order of the levels.
	phi := -1.
	for x, p := range pa {
		for y, q := range pb {
			if j := joint[cell{x, y}]; j > 0 {
				phi += j * j / (p * q)
			}
		}
	}
	return math.Sqrt(min(max(phi, 0)/least, 1))
}
