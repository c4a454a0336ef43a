package table

import (
	"fmt"
	"math"
	"slices"

	"laminar/flow"
	"laminar/rng"
)

// markers are the texts that stand for a missing cell in any column.
var markers = map[string]bool{
	Null: true, "": true, "?": true, "NA": true, "N/A": true, "n/a": true, "NULL": true, "null": true, "Null": true,
	"NaN": true, "nan": true, "#N/A": true, "<NA>": true, `\N`: true,
}

// weakMarkers stand for a missing cell in a column of numbers or dates; among
// words they are words.
var weakMarkers = map[string]bool{
	"-": true, "--": true, ".": true, "None": true, "none": true, "NONE": true, "na": true, "nil": true, "missing": true, "#DIV/0!": true, "#VALUE!": true,
}

// Parser turns cells into the numbers that a Schema says they are. It is not
// safe for concurrent use of one schema being changed, and otherwise is.
type Parser struct {
	s       *Schema
	columns []parser
}

type parser struct {
	missing map[string]bool
	coded   bool // some of missing are numbers
	level   map[string]int
	other   int
	style   Number
}

// NewParser returns a parser of the rows of s.
func NewParser(s *Schema) *Parser {
	p := &Parser{s: s, columns: make([]parser, len(s.Columns))}
	for j := range s.Columns {
		c := &s.Columns[j]
		q := parser{missing: map[string]bool{}, other: -1}
		if c.Number != nil {
			q.style = *c.Number
		}
		for _, m := range c.Missing {
			q.missing[m] = true
			if _, ok := parseNumber(m, q.style); ok {
				q.coded = true
			}
		}
		if c.Kind.levelled() {
			q.level = make(map[string]int, len(c.Levels))
			for k, l := range c.Levels {
				q.level[l] = k
			}
			if c.Other != "" {
				q.other = q.level[c.Other]
			}
		}
		p.columns[j] = q
	}
	return p
}

// Parse writes the row of cells to dst, both of one element a column. The error
// wraps flow.ErrFormat and names the column.
func (p *Parser) Parse(dst []float64, cells []string) error {
	if len(cells) != len(p.columns) || len(dst) != len(cells) {
		return fmt.Errorf("%w: %d cells for %d columns", flow.ErrFormat, len(cells), len(p.columns))
	}
	for j, cell := range cells {
		v, err := p.cell(j, cell)
		if err != nil {
			return err
		}
		dst[j] = v
	}
	return nil
}

// Cell reads one cell of column j: what Parse does for a row.
func (p *Parser) Cell(j int, cell string) (float64, error) {
	if j < 0 || j >= len(p.columns) {
		return 0, fmt.Errorf("%w: column %d of %d", flow.ErrShape, j, len(p.columns))
	}
	return p.cell(j, cell)
}

func (p *Parser) cell(j int, cell string) (float64, error) {
	c, q := &p.s.Columns[j], &p.columns[j]
	// What most cells are is looked for first.
	switch c.Kind {
	case Numeric, Integer:
		if v, ok := parseNumber(cell, q.style); ok && !(q.coded && q.missing[cell]) {
			return v.value, nil
		}
	case Category, Ordered, Boolean, Constant: // whose levels are not missing
		if k, ok := q.level[cell]; ok {
			return float64(k), nil
		}
	}
	if cell == Null || q.missing[cell] {
		return missing, nil
	}
	fault := func(format string, args ...any) error {
		return fmt.Errorf("%w: column %q: %s", flow.ErrFormat, c.Name, fmt.Sprintf(format, args...))
	}
	switch {
	case c.Kind == Identifier || c.Kind == Text || markers[cell]:
		return missing, nil
	case c.Kind.levelled():
		if q.other >= 0 {
			return float64(q.other), nil
		}
		return 0, fault("%s is none of its %d levels, %s", shown(cell), len(c.Levels), some(c.Levels))
	case weakMarkers[cell]:
		return missing, nil
	case c.Kind == Date:
		if v, ok := parseDate(cell, c.Layout); ok {
			return v, nil
		}
		return 0, fault("%s is not a date written like %s; correct the cell, or list it under \"missing\" in the schema", shown(cell), c.Layout)
	}
	return 0, fault("%s is not a number; correct the cell, or list it under \"missing\" in the schema", shown(cell))
}

// some lists the first of many names.
func some(names []string) string {
	const most = 8
	text := ""
	for k, n := range names {
		if k == most {
			return text + fmt.Sprintf(" and %d more", len(names)-most)
		}
		if k > 0 {
			text += ", "
		}
		text += shown(n)
	}
	return text
}

// Printer turns rows of numbers into the cells that a Schema says they are.
// Identifiers are made afresh under a key. It is safe for concurrent use.
type Printer struct {
	s       *Schema
	key     rng.Key
	pattern []pattern
}

// NewPrinter returns a printer of rows of s. key decides the identifiers.
func NewPrinter(s *Schema, key rng.Key) (*Printer, error) {
	p := &Printer{s: s, key: key.Split("identifier"), pattern: make([]pattern, len(s.Columns))}
	for j := range s.Columns {
		c := &s.Columns[j]
		if c.Kind != Identifier {
			continue
		}
		text := c.Pattern
		if text == "" {
			text = "{n}"
		}
		var err error
		if p.pattern[j], err = parsePattern(text); err != nil {
			return nil, &flow.FieldError{Path: fmt.Sprintf("columns[%d].pattern", j), Msg: err.Error()}
		}
	}
	return p, nil
}

// Append writes the text of value v in column j of row i, the same whatever was
// written before: rows of different i have different identifiers. The text of a
// missing cell is the column's marker, Null if it has none and absent is true.
func (p *Printer) Append(dst []byte, j int, v float64, i uint64, absent bool) []byte {
	c := &p.s.Columns[j]
	switch {
	case c.Kind == Identifier:
		return p.pattern[j].append(dst, i, p.key.At(uint64(j)))
	case math.IsNaN(v):
		switch {
		case len(c.Missing) > 0:
			return append(dst, c.Missing[0]...)
		case absent:
			return append(dst, Null...)
		}
		return dst
	case c.Kind == Text:
		return dst
	case c.Kind.levelled():
		k := int(min(max(math.Round(v), 0), float64(len(c.Levels)-1)))
		if k < 0 {
			return dst
		}
		return append(dst, c.Levels[k]...)
	case c.Kind == Date:
		return appendDate(dst, v, c.Layout, c.Zone)
	case c.Number == nil:
		return (&Number{Decimals: maxDecimals}).append(dst, v)
	}
	if c.Kind == Integer && math.Abs(v) >= 1<<63 && c.Number.Decimals == 0 {
		v = math.Copysign(math.Nextafter(1<<63, 0), v) // the largest float64 that an int64 holds
	}
	return c.Number.append(dst, v)
}

// Level returns the index of a level of column j by its text, as it must stand
// in a condition. The error wraps flow.ErrConfig and lists the levels.
func (s *Schema) Level(j int, text string) (int, error) {
	c := &s.Columns[j]
	if k := slices.Index(c.Levels, text); k >= 0 {
		return k, nil
	}
	return 0, fmt.Errorf("%w: column %q has no level %s; its levels are %s", flow.ErrConfig, c.Name, shown(text), some(c.Levels))
}
