package judge

import (
	"math"
	"slices"

	"laminar/data/table"
)

// Shape returns, for every judged column of real rows, how far the synthetic ones
// are from them: the Kolmogorov-Smirnov distance of the present values of a number
// or date, the total variation distance of the levels of a category, with missing
// as a level. 0 is equal, 1 has nothing in common. These are 1 less the scores
// KSComplement and TVComplement of sdmetrics; their mean is the Shape error of
// TabSyn (Zhang et al. 2024). How often a number is missing is no part of it: see
// Gaps. NaN where real and synthetic cells are all missing.
func Shape(s *table.Schema, real, synth matrix) ([]float64, error) {
	cols, err := pair(s, real, synth)
	if err != nil {
		return nil, err
	}
	return shape(cols, real, synth), nil
}

// pair checks two tables that are to be compared.
func pair(s *table.Schema, real, synth matrix) ([]column, error) {
	cols := columnsOf(s)
	if err := check("real", s, cols, real, 1); err != nil {
		return nil, err
	}
	return cols, check("synthetic", s, cols, synth, 1)
}

func shape(cols []column, real, synth matrix) []float64 {
	out := make([]float64, len(cols))
	each(len(cols), func(k int) {
		if c := cols[k]; c.number() {
			out[k] = kolmogorov(present(real, c.at), present(synth, c.at))
		} else {
			out[k] = variation(shares(c, real), shares(c, synth))
		}
	})
	return out
}

// Gaps returns, for every judged column, the share of cells missing in synthetic
// rows less that in real rows.
func Gaps(s *table.Schema, real, synth matrix) ([]float64, error) {
	cols, err := pair(s, real, synth)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(cols))
	for k, c := range cols {
		out[k] = missingShare(synth, c.at) - missingShare(real, c.at)
	}
	return out, nil
}

// kolmogorov is the largest difference of two empirical distribution functions.
// It sorts its arguments.
func kolmogorov(x, y []float64) float64 {
	switch {
	case len(x) == 0 && len(y) == 0:
		return math.NaN()
	case len(x) == 0 || len(y) == 0:
		return 1
	}
	slices.Sort(x)
	slices.Sort(y)
	most := 0.
	for i, j := 0, 0; i < len(x) && j < len(y); {
		v := min(x[i], y[j])
		for i < len(x) && x[i] == v {
			i++
		}
		for j < len(y) && y[j] == v {
			j++
		}
		most = max(most, math.Abs(float64(i)/float64(len(x))-float64(j)/float64(len(y))))
	}
	return most
}

// shares are those of the levels of a category, and of missing cells.
func shares(c column, m matrix) []float64 {
	out := make([]float64, c.levels+1)
	for i := range m.N {
		out[c.code(m.At(i, c.at))]++
	}
	for k := range out {
		out[k] /= float64(m.N)
	}
	return out
}

// variation is half the sum of absolute differences of two distributions.
func variation(p, q []float64) float64 {
	d := 0.
	for k := range p {
		d += math.Abs(p[k] - q[k])
	}
	return d / 2
}

// mean is the mean of the values that are not NaN, NaN if there is none.
func mean(v []float64) float64 {
	sum, n := 0., 0.
	for _, x := range v {
		if x == x {
			sum += x
			n++
		}
	}
	return sum / n
}
