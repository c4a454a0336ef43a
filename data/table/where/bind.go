package where

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"laminar/data/table"
)

// Condition is a condition on the rows of a schema. It is immutable and safe for
// concurrent use.
type Condition struct {
	// Columns are the columns that it looks at, ascending.
	Columns []int
	holds   func(row []float64) truth
}

// Holds reports whether the condition is true of a row in the numbers of the
// schema.
func (c *Condition) Holds(row []float64) bool { return c.holds(row) == yes }

// truth is that of SQL; unknown is what a missing cell makes of a comparison.
type truth int8

const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// Bind finds the columns and levels that the condition names. The error is a
// *flow.FieldError that names the position and what comes near.
func (e *Expr) Bind(s *table.Schema) (*Condition, error) {
	b := binder{s: s, parser: table.NewParser(s)}
	holds, err := b.bind(e.root)
	if err != nil {
		return nil, err
	}
	slices.Sort(b.columns)
	return &Condition{slices.Compact(b.columns), holds}, nil
}

type binder struct {
	s       *table.Schema
	parser  *table.Parser
	columns []int
}

func (b *binder) bind(n node) (func([]float64) truth, error) {
	pair := func(x, y node, join func(p, q truth) truth) (func([]float64) truth, error) {
		p, err := b.bind(x)
		if err != nil {
			return nil, err
		}
		q, err := b.bind(y)
		if err != nil {
			return nil, err
		}
		return func(row []float64) truth { return join(p(row), q(row)) }, nil
	}
	switch n := n.(type) {
	case both:
		return pair(n.a, n.b, func(p, q truth) truth { return min(p, q) })
	case either:
		return pair(n.a, n.b, func(p, q truth) truth { return max(p, q) })
	case negated:
		p, err := b.bind(n.a)
		if err != nil {
			return nil, err
		}
		return func(row []float64) truth { return yes - p(row) }, nil
	}
	return b.test(n.(test))
}

func (b *binder) test(t test) (func([]float64) truth, error) {
	j, err := b.column(t)
	if err != nil {
		return nil, err
	}
	b.columns = append(b.columns, j)
	c := &b.s.Columns[j]
	if t.op == "null" {
		return func(row []float64) truth { return truthOf(math.IsNaN(row[j])) }, nil
	}
	// place turns a cell into what is compared; the order of levels that are
	// numbers is that of the numbers.
	place := func(v float64) float64 { return v }
	ordered := t.op != "=" && t.op != "!=" && t.op != "in"
	levels, numeric := numbers(c.Levels)
	switch {
	case !levelled(c.Kind) || !ordered:
	case numeric:
		place = func(v float64) float64 { return levels[int(v)] }
	case c.Kind != table.Ordered:
		return nil, fault(t.pos, "%s is a %s, which has no order; use =, != or IN", quote(t.name), c.Kind)
	}
	var values []float64
	for _, v := range t.values {
		x, err := b.value(j, v, ordered && numeric)
		if err != nil {
			return nil, err
		}
		values = append(values, x)
	}
	if t.op == "between" && values[0] > values[1] {
		return nil, fault(t.values[0].pos, "BETWEEN begins above its end; give the smaller value first")
	}
	compare := comparison(t.op, values)
	return func(row []float64) truth {
		if math.IsNaN(row[j]) {
			return unknown
		}
		return truthOf(compare(place(row[j])))
	}, nil
}

func comparison(op string, v []float64) func(x float64) bool {
	switch op {
	case "!=":
		return func(x float64) bool { return x != v[0] }
	case "<":
		return func(x float64) bool { return x < v[0] }
	case "<=":
		return func(x float64) bool { return x <= v[0] }
	case ">":
		return func(x float64) bool { return x > v[0] }
	case ">=":
		return func(x float64) bool { return x >= v[0] }
	case "between":
		return func(x float64) bool { return x >= v[0] && x <= v[1] }
	}
	return func(x float64) bool { return slices.Contains(v, x) } // = and in
}

func levelled(k table.Kind) bool {
	return k == table.Category || k == table.Ordered || k == table.Boolean || k == table.Constant
}

// numbers returns the levels as numbers, if all are.
func numbers(levels []string) ([]float64, bool) {
	var out []float64
	for _, l := range levels {
		v, err := strconv.ParseFloat(l, 64)
		if err != nil || math.IsNaN(v) {
			return nil, false
		}
		out = append(out, v)
	}
	return out, len(out) > 0
}

func (b *binder) column(t test) (int, error) {
	var names []string
	for j, c := range b.s.Columns {
		if c.Name == t.name {
			switch c.Kind {
			case table.Identifier:
				return 0, fault(t.pos, "%s is an identifier, which is made afresh and not learnt", quote(t.name))
			case table.Text:
				return 0, fault(t.pos, "%s is free text, which is not learnt", quote(t.name))
			}
			return j, nil
		}
		names = append(names, c.Name)
	}
	return 0, fault(t.pos, "no column is called %s; %s", quote(t.name), near("columns", t.name, names))
}

// value is what a cell of column j that has the text v would be.
func (b *binder) value(j int, v value, asNumber bool) (float64, error) {
	c := &b.s.Columns[j]
	number, err := strconv.ParseFloat(v.text, 64)
	plain := err == nil && !math.IsNaN(number)
	if levelled(c.Kind) {
		if asNumber {
			if plain {
				return number, nil
			}
			return 0, fault(v.pos, "%s is not a number, as the levels of %s are", quote(v.text), quote(c.Name))
		}
		if k := slices.Index(c.Levels, v.text); k >= 0 {
			return float64(k), nil
		}
		if levels, ok := numbers(c.Levels); ok && plain {
			if k := slices.Index(levels, number); k >= 0 {
				return float64(k), nil
			}
		}
		if k := slices.IndexFunc(c.Levels, func(l string) bool { return strings.EqualFold(l, v.text) }); k >= 0 && !v.quoted {
			return float64(k), nil
		}
		return 0, fault(v.pos, "%s has no level %s; %s", quote(c.Name), quote(v.text), near("levels", v.text, c.Levels))
	}
	if plain && c.Kind != table.Date {
		return number, nil
	}
	x, err := b.parser.Cell(j, v.text)
	if err != nil || math.IsNaN(x) {
		like := "a number"
		if c.Kind == table.Date {
			like = "a date written like " + c.Layout
		}
		return 0, fault(v.pos, "%s of the column %s is not %s", quote(v.text), quote(c.Name), like)
	}
	return x, nil
}

func quote(s string) string {
	if r := []rune(s); len(r) > 40 {
		s = string(r[:40]) + "..."
	}
	return strconv.Quote(s)
}

// near lists the names that differ least from s, all if they are few.
func near(what, s string, names []string) string {
	const most = 5
	if len(names) == 0 {
		return "it has none"
	}
	sorted := slices.Clone(names)
	lead := what + " are "
	if len(names) > most {
		s = strings.ToLower(s)
		slices.SortStableFunc(sorted, func(a, b string) int { return distance(s, strings.ToLower(a)) - distance(s, strings.ToLower(b)) })
		sorted, lead = sorted[:most], "the nearest of its "+strconv.Itoa(len(names))+" "+what+" are "
		if what == "columns" {
			lead = "the nearest of " + strconv.Itoa(len(names)) + " are "
		}
	}
	for i, n := range sorted {
		sorted[i] = quote(n)
	}
	return lead + strings.Join(sorted, ", ")
}

// distance is the number of characters to change, add or leave out between a and
// b (Levenshtein), of their first 40.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	x, y = x[:min(len(x), 40)], y[:min(len(y), 40)]
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		corner := row[0]
		row[0] = i + 1
		for j := range y {
			cost := corner
			if x[i] != y[j] {
				cost++
			}
			corner = row[j+1]
			row[j+1] = min(cost, row[j]+1, corner+1)
		}
	}
	return row[len(y)]
}
