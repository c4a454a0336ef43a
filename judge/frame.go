package judge

import (
	"fmt"
	"math"

	"laminar/data/table"
	"laminar/flow"
	"laminar/internal/par"
	"laminar/rng"
	"laminar/tensor"
)

// matrix is rows of a schema: quantities, indices of levels, NaN for missing.
type matrix = tensor.Matrix[float64]

// column is a column that is judged: a number (or date), or a category.
type column struct {
	at     int // its place in the rows
	name   string
	kind   table.Kind
	levels int // 0 for a number
}

func (c column) number() bool { return c.levels == 0 }

// code is the level of a cell of a category, with missing as the last.
func (c column) code(v float64) int {
	if v != v || v < 0 || v >= float64(c.levels) {
		return c.levels
	}
	return int(v)
}

// columnsOf lists the columns that can be judged: not identifiers, free text and
// constants.
func columnsOf(s *table.Schema) []column {
	var out []column
	for j := range s.Columns {
		c := &s.Columns[j]
		switch c.Kind {
		case table.Numeric, table.Integer, table.Date:
			out = append(out, column{at: j, name: c.Name, kind: c.Kind})
		case table.Category, table.Ordered, table.Boolean:
			out = append(out, column{at: j, name: c.Name, kind: c.Kind, levels: len(c.Levels)})
		}
	}
	return out
}

// check returns an error unless m is rows of the schema with finite cells and
// known levels, at least least of them.
func check(what string, s *table.Schema, cols []column, m matrix, least int) error {
	if err := m.Check(what+" rows", -1, len(s.Columns)); err != nil {
		return err
	}
	if m.N < least {
		return fmt.Errorf("%w: %d %s rows, need at least %d", flow.ErrShape, m.N, what, least)
	}
	if len(cols) == 0 {
		return fmt.Errorf("%w: the schema has no column to judge by: only identifiers, free text and constants", flow.ErrConfig)
	}
	for i := range m.N {
		for _, c := range cols {
			v := m.At(i, c.at)
			if math.IsInf(v, 0) {
				return fmt.Errorf("%w: %s row %d, column %q is %v", flow.ErrFormat, what, i+1, c.name, v)
			}
			if !c.number() && v == v && (v < 0 || v >= float64(c.levels) || v != math.Trunc(v)) {
				return fmt.Errorf("%w: %s row %d, column %q: %v is none of its %d levels", flow.ErrFormat, what, i+1, c.name, v, c.levels)
			}
		}
	}
	return nil
}

// draw returns n different rows of m in a random order, all if n is not below
// m.N.
func draw(m matrix, n int, key rng.Key) matrix {
	p := make([]int32, m.N)
	s := key.Stream()
	s.Perm(p)
	return pick(m, p[:min(n, m.N)])
}

// resample returns n rows of m drawn with replacement.
func resample(m matrix, n int, key rng.Key) matrix {
	s := key.Stream()
	p := make([]int32, n)
	for i := range p {
		p[i] = int32(s.IntN(m.N))
	}
	return pick(m, p)
}

func pick(m matrix, rows []int32) matrix {
	out := tensor.NewOf[float64](len(rows), m.D)
	for i, r := range rows {
		copy(out.Row(i), m.Row(int(r)))
	}
	return out
}

// present returns the cells of a column that are not missing.
func present(m matrix, j int) []float64 {
	out := make([]float64, 0, m.N)
	for i := range m.N {
		if v := m.At(i, j); v == v {
			out = append(out, v)
		}
	}
	return out
}

// missingShare is the share of missing cells in a column.
func missingShare(m matrix, j int) float64 {
	return 1 - float64(len(present(m, j)))/float64(m.N)
}

// job makes a function a par.Job.
type job func(i int)

func (f job) Do(i int) { f(i) }

// each calls f for 0 to n-1, on all cores.
func each(n int, f func(i int)) { par.Default().Run(n, job(f)) }

// blocks calls f for blocks of at most size of n rows, on all cores.
func blocks(n, size int, f func(lo, hi int)) {
	each((n+size-1)/size, func(i int) { f(i*size, min(n, (i+1)*size)) })
}
