package table

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

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
			*c = Column{Kind: g.Kind, Missing: g.Missing, Levels: g.Levels, Other: g.Other, Number: g.Number, Layout: g.Layout, Pattern: g.Pattern}
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

// evidence is what the cells of a column have shown so far.
type evidence struct {
	named   bool           // the file names its columns
	n       int            // cells that are not missing
	markers map[string]int // missing cells by their text
	extra   map[string]bool
	keep    []string // declared levels that look like markers
	weak    int      // cells that are missing if the rest are numbers
	most    int
	counts  map[string]*tally // by text, nil beyond most
	bytes   int
	hashes  map[uint64]struct{} // instead of counts, while all differ
	unsure  bool                // too many to tell whether all differ
	repeats bool

	prefix, suffix string // about the first number
	styles         [9]styleSeen
	plain          int // cells that are numbers in the plain style
	odd            string
	oddRow         int
	layouts        []int
	dated          bool // layouts were looked for
	zones          []int
	first          []string
	zeros          int // numbers with zeros in front
}

// styleSeen is what a column shows of one style of numbers.
type styleSeen struct {
	alive                bool
	decimals, fewest     int
	groups, exponents    int
	fraction             bool
	min, max, last, step float64
	n                    int
	start                float64
	sequence             bool
}

// tally is how often a text came, and what it showed when it came first.
type tally struct {
	n                 int
	weak, plain, zero bool
}

func (e *evidence) add(cell string, row int) {
	if t := e.counts[cell]; t != nil { // it shows nothing new
		e.repeats = true
		t.n++
		e.note(t)
		return
	}
	if e.marks(cell) {
		if _, ok := e.markers[cell]; ok || len(e.markers) < 16 {
			e.markers[strings.Clone(cell)]++
		}
		return
	}
	t := tally{n: 1, weak: weakMarkers[cell]}
	if !t.weak {
		if len(e.first) < 2000 {
			e.first = append(e.first, strings.Clone(cell))
		}
		if e.n == e.weak {
			e.prefix, e.suffix = affixes(cell)
		}
		t.plain = e.number(cell, row)
		t.zero = !t.plain && len(cell) > 1 && cell[0] == '0' && strings.Trim(cell, "0123456789") == ""
		if !e.dated {
			e.dated = true
			e.layouts = layoutsOf(cell)
		} else if len(e.layouts) > 0 {
			e.layouts = slices.DeleteFunc(e.layouts, func(k int) bool { _, ok := parseDate(cell, layouts[k]); return !ok })
		}
	}
	if len(e.layouts) > 0 && len(e.zones) < 2 && zoned(layouts[e.layouts[0]]) {
		if east := zoneOf(cell, layouts[e.layouts[0]]); !slices.Contains(e.zones, east) {
			e.zones = append(e.zones, east)
		}
	}
	e.note(&t)
	e.count(cell, t)
}

// marks reports whether a text stands for a missing cell.
func (e *evidence) marks(cell string) bool {
	if len(e.extra) > 0 && e.extra[cell] {
		return !slices.Contains(e.keep, cell)
	}
	const longest = 5 // of the markers
	if len(cell) > longest || len(cell) > 0 && cell[0] >= '0' && cell[0] <= '9' || !markers[cell] {
		return false
	}
	return !slices.Contains(e.keep, cell)
}

// note adds one cell.
func (e *evidence) note(t *tally) {
	e.n++
	if t.weak {
		e.weak++
	}
	if t.plain {
		e.plain++
	}
	if t.zero {
		e.zeros++
	}
}

// count keeps a text that is not among those kept.
func (e *evidence) count(cell string, t tally) {
	switch {
	case e.counts != nil && len(e.counts) < e.most:
		e.bytes += len(cell)
		e.counts[strings.Clone(cell)] = &t
	case e.counts != nil:
		if !e.repeats {
			e.hashes = make(map[uint64]struct{}, 2*len(e.counts))
			for text := range e.counts {
				e.hashes[hash(text)] = struct{}{}
			}
		}
		e.counts = nil
		fallthrough
	case e.hashes != nil:
		if e.hashes == nil {
			return
		}
		h := hash(cell)
		if _, ok := e.hashes[h]; ok {
			e.repeats, e.hashes = true, nil
			return
		}
		if len(e.hashes) == maxHashes {
			e.unsure, e.hashes = true, nil
			return
		}
		e.hashes[h] = struct{}{}
	}
}

// hash is FNV-1a, finished.
func hash(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return scatter(h)
}

// number looks at a cell as a number, and reports whether it is one in the plain
// style.
func (e *evidence) number(cell string, row int) bool {
	v, ok := parseNumber(cell, Number{Prefix: e.prefix, Suffix: e.suffix})
	if !ok && e.odd == "" {
		e.odd, e.oddRow = strings.Clone(cell), row
	}
	// Digits alone read the same in all styles, others in all that part the
	// decimals alike.
	digits := ok && v.decimals == 0 && !v.exponent
	for k := range styles {
		st := &e.styles[k]
		if !st.alive {
			continue
		}
		w, fits := v, ok
		if k > 0 && !digits && !(ok && !styles[k].Comma) {
			m := styles[k]
			m.Prefix, m.Suffix = e.prefix, e.suffix
			w, fits = parseNumber(cell, m)
		}
		if st.alive = fits; fits {
			st.add(w)
		}
	}
	return ok
}

func (st *styleSeen) add(v seen) {
	if st.n == 0 {
		st.fewest, st.min, st.max = maxDecimals, v.value, v.value
		st.start, st.sequence = v.value, true
	}
	switch st.n {
	case 0:
	case 1:
		st.step = v.value - st.last
		fallthrough
	default:
		st.sequence = st.sequence && v.value-st.last == st.step
	}
	st.n++
	st.last = v.value
	st.decimals = max(st.decimals, v.decimals)
	if !v.exponent {
		st.fewest = min(st.fewest, v.decimals)
	}
	st.min, st.max = min(st.min, v.value), max(st.max, v.value)
	if v.groups {
		st.groups++
	}
	if v.exponent {
		st.exponents++
	}
	st.fraction = st.fraction || !whole(v.value)
}

// style is the first style of numbers that all cells are written in.
func (e *evidence) style() (Number, *styleSeen) {
	if e.n == e.weak {
		return Number{}, nil
	}
	for k, n := range styles {
		st := &e.styles[k]
		if !st.alive || n.Thousands != "" && st.groups == 0 || n.Comma && n.Thousands == "" && st.decimals == 0 {
			continue
		}
		n.Prefix, n.Suffix = e.prefix, e.suffix
		n.Decimals = st.decimals
		n.Least = min(st.fewest, st.decimals)
		n.Exponent = st.exponents > 0
		return n, st
	}
	return Number{}, nil
}

// different reports whether no text came twice.
func (e *evidence) different() bool { return !e.repeats && !e.unsure }

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
		if len(e.zones) == 1 && zoned(c.Layout) {
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

func keys(m map[string]*tally) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

// opposites are the pairs that make a boolean, false first, in lower case.
var opposites = [][2]string{{"false", "true"}, {"no", "yes"}, {"n", "y"}, {"f", "t"}, {"0", "1"}, {"off", "on"}, {"0.0", "1.0"}, {"false.", "true."}}

func isBoolean(names []string) bool {
	if len(names) != 2 {
		return false
	}
	a, b := strings.ToLower(names[0]), strings.ToLower(names[1])
	return slices.Contains(opposites, [2]string{a, b}) || slices.Contains(opposites, [2]string{b, a})
}

func truth(name string) int {
	name = strings.ToLower(name)
	for _, p := range opposites {
		if p[1] == name {
			return 1
		}
	}
	return 0
}

// scales are orders that are known by their words, in lower case.
var scales = [][]string{
	{"jan", "feb", "mar", "apr", "may", "jun", "june", "jul", "aug", "sep", "sept", "oct", "nov", "dec"},
	{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"},
	{"mon", "tue", "wed", "thu", "fri", "sat", "sun"},
	{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"},
	{"very low", "low", "medium", "high", "very high"},
	{"vlow", "low", "med", "high", "vhigh"},
	{"none", "low", "moderate", "high", "severe"},
	{"xxs", "xs", "s", "m", "l", "xl", "xxl", "xxxl"},
	{"small", "medium", "big"},
	{"tiny", "small", "medium", "large", "huge"},
	{"very small", "small", "medium", "large", "very large"},
	{"very poor", "poor", "fair", "good", "very good", "excellent"},
	{"fair", "good", "very good", "premium", "ideal"},
	{"unacc", "acc", "good", "vgood"},
	{"never", "rarely", "sometimes", "often", "always"},
	{"strongly disagree", "disagree", "neutral", "agree", "strongly agree"},
	{"i1", "si2", "si1", "vs2", "vs1", "vvs2", "vvs1", "if"},
	{"first", "second", "third", "fourth", "fifth"},
	{"1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "10th", "11th", "12th"},
}

// scaleOf returns the known scale that holds all names, at least three.
func scaleOf(names []string) []string {
	if len(names) < 3 {
		return nil
	}
	for _, scale := range scales {
		all := true
		for _, n := range names {
			all = all && slices.Contains(scale, strings.ToLower(n))
		}
		if all {
			return scale
		}
	}
	return nil
}

// order sorts levels: numbers by size, known scales by theirs, other names keep
// their places.
func order(names []string) {
	if scale := scaleOf(names); scale != nil {
		slices.SortFunc(names, func(a, b string) int {
			return cmp.Compare(slices.Index(scale, strings.ToLower(a)), slices.Index(scale, strings.ToLower(b)))
		})
		return
	}
	value := map[string]float64{}
	for _, n := range names {
		v, ok := parseNumber(n, Number{})
		if !ok {
			return
		}
		value[n] = v.value
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(value[a], value[b]) })
}

// likeID reports whether a column is named like an identifier.
func likeID(d Declared) bool {
	name := d.Header
	lower := strings.ToLower(strings.TrimSpace(name))
	switch lower {
	case "", "id", "no", "no.", "nr", "#", "key", "index", "idx", "uuid", "guid", "row", "rowid", "rownames", "unnamed: 0", "number":
		return lower != "" || d.Name == "column1" && name == ""
	}
	for _, end := range []string{"_id", " id", "-id", ".id", "_uuid", "_key", "_no", "_number"} {
		if strings.HasSuffix(lower, end) {
			return true
		}
	}
	return strings.HasPrefix(lower, "id_") || strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "ID")
}
