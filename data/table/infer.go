package table

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"laminar/flow"
)

// Limits of what is inferred.
const (
	// MaxLevels is the largest number of levels of a category.
	MaxLevels = 1 << 16
	// maxDistinct bounds the distinct texts kept over all columns.
	maxDistinct = 1 << 22
	// fewOrdered is the largest number of different whole numbers that make an
	// ordered category, if each comes fewRows times on average.
	fewOrdered = 12
	fewRows    = 10
	// maxHashes bounds the texts of a column of which it is known that none
	// comes twice.
	maxHashes = 1 << 22
)

// InferOptions directs Infer.
type InferOptions struct {
	// Given is a schema whose kinds, levels and markers hold; what it leaves out
	// is inferred.
	Given *Schema
	// Rare pools levels of categories that fewer rows than this have; 0 or 1
	// for none.
	Rare int
}

// Infer reads src once and says what its columns are and how they are written.
// The rules, first match first, of a column whose cells are
//
//	all missing, or all the same     constant
//	two opposites (yes and no)       boolean
//	1, 2, 3, ... from the top row    identifier; so are different whole numbers in a column named like id
//	few different whole numbers      ordered
//	whole numbers, with decimals     integer, number
//	dates of one layout              date
//	all different, of one pattern    identifier
//	mostly different                 text
//	else                             ordered if they form a known scale (low, medium, high), else category
//
// A column that is nearly all numbers, but not quite, is noted with the cell
// at fault. The error is that of the source, or wraps flow.ErrFormat when a
// given kind does not fit the cells.
func Infer(src Source, o InferOptions) (*Schema, error) {
	declared := src.Columns()
	s := &Schema{Version: 1, Format: src.Format(), Columns: make([]Column, len(declared))}
	if o.Given != nil {
		if err := o.Given.Match(src); err != nil {
			return nil, err
		}
		if err := o.Given.Validate(); err != nil {
			return nil, err
		}
	}
	most := min(max(maxDistinct/max(len(declared), 1), 1024), MaxLevels)
	all := make([]evidence, len(declared))
	for j := range all {
		all[j] = evidence{most: most, counts: map[string]*tally{}, markers: map[string]int{}, extra: map[string]bool{}}
		if o.Given != nil {
			for _, m := range o.Given.Columns[j].Missing {
				all[j].extra[m] = true
			}
		}
		for _, l := range declared[j].Levels {
			if markers[l] {
				all[j].keep = append(all[j].keep, l)
			}
		}
		for k := range styles {
			all[j].styles[k].alive = true
		}
	}
	rows := 0
	for r, err := range src.Rows() {
		if err != nil {
			return nil, err
		}
		rows++
		for j, cell := range r.Cells {
			all[j].add(cell, rows)
		}
	}
	if rows == 0 {
		return nil, fmt.Errorf("%w: %s: the file holds names of columns and no rows", flow.ErrFormat, src.Name())
	}
	s.Rows = rows
	for j, d := range declared {
		c := &s.Columns[j]
		if o.Given != nil {
			g := o.Given.Columns[j]
			*c = Column{Kind: g.Kind, Missing: g.Missing, Levels: g.Levels, Other: g.Other, Number: g.Number, Layout: g.Layout, Zone: g.Zone, Pattern: g.Pattern}
		}
		c.Name, c.Quoted = d.Name, d.Quoted
		if d.Header != d.Name {
			c.Header = &d.Header
		}
		all[j].named = s.Format.Header || s.Format.Kind != "csv"
		if err := all[j].conclude(c, d, o.Rare); err != nil {
			return nil, placed(src.Name(), err)
		}
	}
	return s, nil
}

// conclude fills in what c leaves out.
func (e *evidence) conclude(c *Column, d Declared, rare int) error {
	given := c.Kind != ""
	number, st := e.style()
	if !given {
		c.Kind = e.kind(c, d, st)
	}
	if e.weak > 0 && c.Kind.measured() {
		for text := range e.counts {
			if weakMarkers[text] {
				e.markers[text] = e.counts[text].n
			}
		}
	}
	if len(c.Missing) == 0 {
		c.Missing = e.missing()
	}
	switch c.Kind {
	case Numeric, Integer:
		if c.Number == nil {
			if st == nil && e.n > e.weak {
				return fmt.Errorf("%w: row %d, column %q: %s is not a number; correct the cell, or list it under \"missing\" in the schema", flow.ErrFormat, e.oddRow, c.Name, shown(e.odd))
			}
			c.Number = &number
		}
	case Date:
		if c.Layout == "" {
			if len(e.layouts) == 0 && e.n > e.weak {
				return fmt.Errorf("%w: column %q: no layout of dates fits all its cells; give \"layout\" in the schema, in Go's notation", flow.ErrFormat, c.Name)
			}
			c.Layout = e.layout(c)
		}
		if c.Zone == 0 && len(e.zones) == 1 && zoned(c.Layout) {
			c.Zone = e.zones[0]
		}
	case Identifier:
		if c.Pattern == "" {
			c.Pattern = e.pattern(st)
		}
	case Category, Ordered, Boolean, Constant:
		if len(c.Levels) == 0 {
			if err := e.levels(c, d, rare); err != nil {
				return err
			}
		}
	}
	if !given && c.Kind != Numeric && c.Kind != Integer && e.plain*10 >= e.n*9 && e.plain < e.n-e.weak && e.zeros == 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("%d of %d cells are numbers; row %d holds %s. Correct it, or make the kind number and list it under missing", e.plain, e.n, e.oddRow, shown(e.odd)))
	}
	return nil
}

// missing lists the markers that came, the most frequent first.
func (e *evidence) missing() []string {
	var out []string
	for m := range e.markers {
		if m != Null {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Or(cmp.Compare(e.markers[b], e.markers[a]), cmp.Compare(a, b))
	})
	return out
}

func (e *evidence) kind(c *Column, d Declared, st *styleSeen) Kind {
	distinct := e.most + 1
	if e.counts != nil {
		distinct = len(e.counts)
	}
	switch {
	case e.n == 0:
		return Constant
	case d.Kind != "":
		if d.Kind == Category && isBoolean(d.Levels) {
			return Boolean
		}
		return d.Kind
	case distinct == 1:
		return Constant
	case distinct == 2 && isBoolean(keys(e.counts)):
		return Boolean
	case st != nil:
		return e.numberKind(c, d, st, distinct)
	case len(e.layouts) > 0:
		return Date
	}
	return e.wordKind(c, d, distinct)
}

func (e *evidence) numberKind(c *Column, d Declared, st *styleSeen, distinct int) Kind {
	if st.fraction {
		return Numeric
	}
	if e.different() && e.n >= 10 && st.groups == 0 && e.prefix+e.suffix == "" {
		counts := st.sequence && math.Abs(st.step) == 1 && (st.start == 0 || st.start == 1)
		if counts || e.named && likeID(d) {
			return Identifier
		}
	}
	if distinct <= fewOrdered && e.n >= fewRows*distinct && st.groups == 0 && e.prefix+e.suffix == "" {
		return Ordered
	}
	return Integer
}

func (e *evidence) wordKind(c *Column, d Declared, distinct int) Kind {
	if e.different() && e.n >= 10 {
		if learnPattern(e.first) != "" || e.named && likeID(d) {
			return Identifier
		}
		c.Notes = append(c.Notes, "every row has a text of its own: taken as free text, left empty in samples")
		return Text
	}
	if e.counts == nil {
		c.Notes = append(c.Notes, fmt.Sprintf("more than %d different texts: taken as free text, left empty in samples", e.most))
		return Text
	}
	long := e.bytes/distinct > 64 && distinct > 20
	if distinct > 50 && 2*distinct > e.n || long {
		c.Notes = append(c.Notes, fmt.Sprintf("%d different texts in %d rows: taken as free text, left empty in samples", distinct, e.n))
		return Text
	}
	if scaleOf(keys(e.counts)) != nil {
		return Ordered
	}
	return Category
}

// layout is the first of those that fit; a choice between day and month is
// noted.
func (e *evidence) layout(c *Column) string {
	if len(e.layouts) == 0 {
		return layouts[0]
	}
	l := layouts[e.layouts[0]]
	if other, ok := ambiguous[l]; ok && slices.Contains(e.layouts, slices.Index(layouts, other)) {
		c.Notes = append(c.Notes, "day and month cannot be told apart: the month is taken to come first; else write "+other+" as the layout")
	}
	return l
}

func (e *evidence) pattern(st *styleSeen) string {
	if st != nil && st.sequence && e.different() {
		return "{n}"
	}
	if p := learnPattern(e.first); len(e.first) > 1 && p != "" {
		return p
	}
	return "{n}"
}

func (e *evidence) levels(c *Column, d Declared, rare int) error {
	if e.counts == nil {
		return fmt.Errorf("%w: column %q has more than %d different texts, too many for a %s; make it text", flow.ErrFormat, c.Name, e.most, c.Kind)
	}
	names := keys(e.counts)
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(e.counts[b].n, e.counts[a].n), cmp.Compare(a, b))
	})
	switch c.Kind {
	case Boolean:
		if len(names) != 2 {
			return fmt.Errorf("%w: column %q has %d different texts, a boolean has 2", flow.ErrFormat, c.Name, len(names))
		}
		slices.SortFunc(names, func(a, b string) int { return cmp.Compare(truth(a), truth(b)) })
	case Constant:
		if len(names) > 1 {
			return fmt.Errorf("%w: column %q has %d different texts, a constant has 1", flow.ErrFormat, c.Name, len(names))
		}
	case Ordered:
		order(names)
	default:
		for _, l := range d.Levels {
			if _, ok := e.counts[l]; !ok && !slices.Contains(c.Missing, l) {
				names = append(names, l) // declared and not seen
			}
		}
	}
	if rare > 1 && c.Kind == Category {
		kept := slices.DeleteFunc(slices.Clone(names), func(l string) bool { t := e.counts[l]; return t == nil || t.n < rare })
		if len(kept) < len(names) {
			c.Other = "other"
			for k := 2; slices.Contains(names, c.Other); k++ {
				c.Other = "other_" + strconv.Itoa(k)
			}
			c.Notes = append(c.Notes, fmt.Sprintf("%d levels of fewer than %d rows are pooled into %q", len(names)-len(kept), rare, c.Other))
			names = append(kept, c.Other)
		}
	}
	c.Levels = names
	return nil
}
