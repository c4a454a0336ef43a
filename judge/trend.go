package judge

import (
	"math"

	"laminar/data/table"
	"laminar/rng"
)

// Pair is how the joint distribution of two columns differs.
type Pair struct {
	A     string  `json:"a"`
	B     string  `json:"b"`
	Error float64 `json:"error"`
}

// Trend returns, for the pairs of judged columns, how far their dependence in
// synthetic rows is from that in real ones: half the difference of the Pearson
// correlations of two numbers, or the total variation distance of the joint
// distribution where a category takes part, in which a number is cut into ten bins
// of equal width over the range of the real ones. These are 1 less the scores
// CorrelationSimilarity and ContingencySimilarity of sdmetrics; their mean is the
// Trend error of TabSyn. Pairs of numbers one of which does not vary in the real
// rows are left out; missing numbers are a bin of their own, and are left out of
// correlations. Of more than most pairs, those drawn from key are compared.
func Trend(s *table.Schema, real, synth matrix, most int, key rng.Key) ([]Pair, error) {
	cols, err := pair(s, real, synth)
	if err != nil {
		return nil, err
	}
	return trend(cols, real, synth, pairsOf(cols, most, key)), nil
}

// pairsOf lists the pairs of columns that are compared.
func pairsOf(cols []column, most int, key rng.Key) [][2]int {
	var all [][2]int
	for a := range cols {
		for b := range a {
			all = append(all, [2]int{b, a})
		}
	}
	if len(all) <= most {
		return all
	}
	p := make([]int32, len(all))
	s := key.Stream()
	s.Perm(p)
	some := make([][2]int, most)
	for k := range some {
		some[k] = all[p[k]]
	}
	return some
}

func trend(cols []column, real, synth matrix, pairs [][2]int) []Pair {
	r, s := cells(cols, real, real), cells(cols, real, synth)
	out := make([]Pair, len(pairs))
	each(len(pairs), func(k int) {
		a, b := pairs[k][0], pairs[k][1]
		p := Pair{A: cols[a].name, B: cols[b].name}
		if cols[a].number() && cols[b].number() {
			cr := correlation(real, cols[a].at, cols[b].at)
			cs := correlation(synth, cols[a].at, cols[b].at)
			if cs != cs {
				cs = 0 // what does not vary depends on nothing
			}
			p.Error = math.Abs(cr-cs) / 2
		} else {
			p.Error = contingency(r[a], r[b], s[a], s[b])
		}
		out[k] = p
	})
	kept := out[:0]
	for _, p := range out {
		if p.Error == p.Error {
			kept = append(kept, p)
		}
	}
	return kept
}

// trendError is the mean over pairs.
func trendError(pairs []Pair) float64 {
	sum := 0.
	for _, p := range pairs {
		sum += p.Error
	}
	return sum / float64(len(pairs))
}

// cells are the columns of m as small whole numbers: levels, and the bins of
// numbers, which the range of real decides.
func cells(cols []column, real, m matrix) [][]int32 {
	out := make([][]int32, len(cols))
	each(len(cols), func(k int) {
		c := cols[k]
		of := make([]int32, m.N)
		if !c.number() {
			for i := range of {
				of[i] = int32(c.code(m.At(i, c.at)))
			}
		} else {
			lo, hi := math.Inf(1), math.Inf(-1)
			for _, v := range present(real, c.at) {
				lo, hi = min(lo, v), max(hi, v)
			}
			for i := range of {
				of[i] = int32(bin(m.At(i, c.at), lo, hi))
			}
		}
		out[k] = of
	})
	return out
}

// bin is the bin of a number: 1 to 10 over the range of real values, 0 below it,
// 11 for the greatest and beyond (as NumPy's digitize has it), 12 for missing.
func bin(v, lo, hi float64) int {
	const n = 10
	switch {
	case v != v:
		return n + 2
	case v < lo || lo > hi:
		return 0
	case v >= hi:
		return n + 1
	}
	return 1 + min(int(n*((v-lo)/(hi-lo))), n-1)
}

// correlation is Pearson's, of the rows in which neither cell is missing; NaN if
// one does not vary.
func correlation(m matrix, a, b int) float64 {
	var n, ma, mb float64
	for i := range m.N {
		if x, y := m.At(i, a), m.At(i, b); x == x && y == y {
			n++
			ma += (x - ma) / n
			mb += (y - mb) / n
		}
	}
	var aa, bb, ab float64
	for i := range m.N {
		if x, y := m.At(i, a)-ma, m.At(i, b)-mb; x == x && y == y {
			aa += x * x
			bb += y * y
			ab += x * y
		}
	}
	if !(aa > 0) || !(bb > 0) {
		return math.NaN()
	}
	return min(max(ab/math.Sqrt(aa)/math.Sqrt(bb), -1), 1)
}

// contingency is the total variation distance of two joint distributions, given
// as the cells of two columns each.
func contingency(ra, rb, sa, sb []int32) float64 {
	var wide int32
	for k := range ra {
		wide = max(wide, ra[k], rb[k])
	}
	for k := range sa {
		wide = max(wide, sa[k], sb[k])
	}
	if wide++; wide <= 1<<10 { // a table, where it is small
		t := make([]float64, int(wide)*int(wide))
		for k := range ra {
			t[int(ra[k])*int(wide)+int(rb[k])] += 1 / float64(len(ra))
		}
		for k := range sa {
			t[int(sa[k])*int(wide)+int(sb[k])] -= 1 / float64(len(sa))
		}
		sum := 0.
		for _, v := range t {
			sum += math.Abs(v)
		}
		return sum / 2
	}
	type cell struct{ a, b int32 }
	d := map[cell]float64{}
	for k := range ra {
		d[cell{ra[k], rb[k]}] += 1 / float64(len(ra))
	}
	for k := range sa {
		d[cell{sa[k], sb[k]}] -= 1 / float64(len(sa))
	}
	// Whole numbers add up to the same in any order, that of a map too.
	var sum int64
	for _, v := range d {
		sum += int64(math.Round(math.Abs(v) * (1 << 50)))
	}
	return float64(sum) / (1 << 51)
}
