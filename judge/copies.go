package judge

import (
	"encoding/binary"
	"math"

	"laminar/data/table"
)

// Copies returns how many rows of m equal a row of from in every judged column. Rows
// of which more than half of the judged cells are missing do not count: they say
// nothing about anybody.
func Copies(s *table.Schema, from, m matrix) (int, error) {
	cols, err := pair(s, from, m)
	if err != nil {
		return 0, err
	}
	return newRowSet(cols, from).copies(m).copies, nil
}

// copying counts, of some rows, those that equal a training row, and those that
// equal one that is there only once: one person's, and no common one.
type copying struct{ rows, copies, single int }

// rowSet is how often each row is in a table.
type rowSet struct {
	cols []column
	n    map[string]int
	key  []byte
}

func newRowSet(cols []column, from matrix) *rowSet {
	s := &rowSet{cols: cols, n: make(map[string]int, from.N)}
	for i := range from.N {
		if s.look(from.Row(i)) {
			s.n[string(s.key)]++
		}
	}
	return s
}

// look makes the key of a row, and reports whether enough of it is known.
func (s *rowSet) look(row []float64) bool {
	s.key = s.key[:0]
	missing := 0
	for _, c := range s.cols {
		v := row[c.at]
		if v != v {
			missing++
			v = math.NaN() // of all NaN, one
		}
		s.key = binary.LittleEndian.AppendUint64(s.key, math.Float64bits(v+0)) // -0 is 0
	}
	return 2*missing <= len(s.cols)
}

func (s *rowSet) copies(m matrix) copying {
	var c copying
	for i := range m.N {
		if !s.look(m.Row(i)) {
			continue
		}
		c.rows++
		switch n := s.n[string(s.key)]; {
		case n == 1:
			c.single++
			fallthrough
		case n > 1:
			c.copies++
		}
	}
	return c
}

// twins counts what copies would of each row among the others: how often a row that
// is not in a table equals one that is.
func (s *rowSet) twins() copying {
	var c copying
	for _, n := range s.n {
		c.rows += n
		if n > 1 {
			c.copies += n
		}
		if n == 2 {
			c.single += 2
		}
	}
	return c
}

func (c copying) plus(d copying) copying {
	return copying{c.rows + d.rows, c.copies + d.copies, c.single + d.single}
}

// knownSingles counts, of the rows that are once in train and holdout together, those of
// each side and how many of them synth has. Were none of them trained on, synth would
// have as large a part of either.
func knownSingles(cols []column, train, holdout, synth matrix) (of, by copying) {
	all, held, have := newRowSet(cols, train), newRowSet(cols, holdout), newRowSet(cols, synth)
	count := func(a, b *rowSet) (c copying) {
		for key, n := range a.n {
			if n == 1 && b.n[key] == 0 {
				c.rows++
				if have.n[key] > 0 {
					c.single++
				}
			}
		}
		return c
	}
	return count(all, held), count(held, all)
}

// expected is the number of events among n rows, where there were k among m, and the
// numbers between which it lies 95 times in 100: those that the test of excess does
// not find.
func expected(k, m, n int) (mean, lo, hi float64) {
	d := float64(n) / float64(m)
	mean = d * float64(k)
	root, half := math.Sqrt(d*(float64(k)+3./8)), 1.96*math.Sqrt(1+d)/2
	low, high := max(root-half, 0), root+half
	lo = min(math.Ceil(max(low*low-3./8, 0)), math.Floor(mean))
	return mean, lo, min(max(math.Floor(high*high-3./8), math.Ceil(mean)), float64(n))
}

// excess is by how many standard errors k events among n rows are more than chance
// makes of a rate of which j were seen among m: Huffman's test of two Poisson
// rates (1984), which holds for small numbers.
func excess(k, n, j, m int) float64 {
	d := float64(n) / float64(m)
	return 2 * (math.Sqrt(float64(k)+3./8) - math.Sqrt(d*(float64(j)+3./8))) / math.Sqrt(1+d)
}
