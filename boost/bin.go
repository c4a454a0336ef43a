package boost

import (
	"cmp"
	"slices"

	"laminar/internal/par"
	"laminar/tensor"
)

// mostBins is the largest number of bins beside that of missing values.
const mostBins = 254

// column says how the values of an input become bins: 0 is missing.
type column struct {
	// edges are the upper ends of a number's bins but the last: bin b holds
	// edges[b-2] < v <= edges[b-1].
	edges []float64
	// level is the bin of every level of a category; nil for a number.
	level []uint8
	bins  int // with that of missing values
}

// bins is a table in bins, column after column.
type bins struct {
	n       int
	columns []column
	of      [][]uint8
}

func newBins(x tensor.Matrix[float64], levels []int, most int) *bins {
	b := &bins{n: x.N, columns: make([]column, x.D), of: make([][]uint8, x.D)}
	par.Default().Run(x.D, job(func(j int) {
		v := make([]float64, x.N)
		for i := range v {
			v[i] = x.At(i, j)
		}
		if levels != nil && levels[j] > 0 {
			b.columns[j] = categoryBins(v, levels[j], most)
		} else {
			b.columns[j] = numberBins(v, most)
		}
		of := make([]uint8, x.N)
		for i, v := range v {
			of[i] = b.columns[j].bin(v)
		}
		b.of[j] = of
	}))
	return b
}

// numberBins places edges half way between different values, so that the bins
// hold about equally many rows.
func numberBins(v []float64, most int) column {
	s := make([]float64, 0, len(v))
	for _, x := range v {
		if x == x {
			s = append(s, x)
		}
	}
	slices.Sort(s)
	different := 0
	for i := range s {
		if i == 0 || s[i] != s[i-1] {
			different++
		}
	}
	var edges []float64
	want, filled := float64(len(s))/float64(most), 0.
	for i := 1; i < len(s); i++ {
		filled++
		if s[i] == s[i-1] || (different > most && filled < want) {
			continue
		}
		if len(edges) == most-1 {
			break
		}
		edge := s[i-1] + (s[i]-s[i-1])/2
		if edge >= s[i] { // neighbours in float64
			edge = s[i-1]
		}
		edges = append(edges, edge)
		if left := float64(most - len(edges)); different > most { // share the rest anew: a heavy value fills a bin alone
			want = float64(len(s)-i) / left
		}
		filled = 0
	}
	return column{edges: edges, bins: len(edges) + 2}
}

// categoryBins gives every level a bin, or the most frequent ones if there are
// too many; the others share the last.
func categoryBins(v []float64, levels, most int) column {
	c := column{level: make([]uint8, levels)}
	if levels <= most {
		for k := range c.level {
			c.level[k] = uint8(k + 1)
		}
		c.bins = levels + 1
		return c
	}
	count := make([]int, levels)
	for _, x := range v {
		if x >= 0 && int(x) < levels {
			count[int(x)]++
		}
	}
	order := make([]int, levels)
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(count[b], count[a]) })
	for place, k := range order {
		c.level[k] = uint8(min(place+1, most))
	}
	c.bins = most + 1
	return c
}

// bin returns the bin of a value; a level that is none counts as missing.
func (c *column) bin(v float64) uint8 {
	if v != v {
		return 0
	}
	if c.level != nil {
		if v < 0 || v >= float64(len(c.level)) {
			return 0
		}
		return c.level[int(v)]
	}
	k, _ := slices.BinarySearch(c.edges, v)
	return uint8(k + 1)
}

// add adds the answers of a tree to the scores of all rows.
func (b *bins) add(score []float64, t tree) {
	blocks(b.n, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			at := int32(0)
			for t[at].feature >= 0 {
				at = t[at].next(b.of[t[at].feature][i])
			}
			score[i] += t[at].value
		}
	})
}
