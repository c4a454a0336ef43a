package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"laminar/flow"
)

// Kind is what a column holds.
type Kind string

// The kinds of columns.
const (
	Numeric    Kind = "number"
	Integer    Kind = "integer"
	Category   Kind = "category"
	Ordered    Kind = "ordered"
	Boolean    Kind = "boolean"
	Date       Kind = "date"
	Constant   Kind = "constant"
	Identifier Kind = "identifier"
	Text       Kind = "text"
)

// KindEntry is a kind with one line about it.
type KindEntry struct {
	Kind  Kind
	About string
}

// Kinds is the catalogue of kinds.
func Kinds() []KindEntry {
	return []KindEntry{
		{Numeric, "a number with decimals"},
		{Integer, "a whole number"},
		{Category, "one of some names"},
		{Ordered, "one of some names or small numbers that have an order"},
		{Boolean, "one of two opposites, the false one first"},
		{Date, "a date, a time or both"},
		{Constant, "the same in every row that has it"},
		{Identifier, "different in every row; made afresh, not learnt"},
		{Text, "free text; left empty, not learnt"},
	}
}

func (k Kind) known() bool {
	return slices.ContainsFunc(Kinds(), func(e KindEntry) bool { return e.Kind == k })
}

// levelled reports whether a column of the kind holds the index of a level.
func (k Kind) levelled() bool {
	return k == Category || k == Ordered || k == Boolean || k == Constant
}

// measured reports whether a column of the kind holds a quantity.
func (k Kind) measured() bool { return k == Numeric || k == Integer || k == Date }

// Format is how a file is written, so that other rows can be written alike.
type Format struct {
	// Kind is csv, jsonl, arff or parquet.
	Kind string `json:"kind"`
	// Delimiter and Quote are one character each; Space is a space after each
	// delimiter.
	Delimiter string `json:"delimiter,omitempty"`
	Quote     string `json:"quote,omitempty"`
	Space     bool   `json:"space,omitempty"`
	// Header: the first row holds the names; QuotedHeader: in quotes.
	Header       bool `json:"header,omitempty"`
	QuotedHeader bool `json:"quoted_header,omitempty"`
	// CRLF: lines end as on Windows.
	CRLF     bool   `json:"crlf,omitempty"`
	Encoding string `json:"encoding,omitempty"`
	// BOM: the file begins with a byte order mark.
	BOM bool `json:"bom,omitempty"`
	// Relation is the name of an ARFF relation.
	Relation string `json:"relation,omitempty"`
}

// Schema says what the columns of a table are and how they are written. The
// zero value of a field that Fit fills is as good as absent.
type Schema struct {
	// Version is that of this notation, 1.
	Version int `json:"version"`
	// Rows is the number of rows that Fit saw.
	Rows    int      `json:"rows,omitempty"`
	Format  Format   `json:"format"`
	Columns []Column `json:"columns"`
}

// Column is one column of a Schema.
type Column struct {
	// Name is unique. Header is the name in the file where it is another.
	Name   string  `json:"name"`
	Header *string `json:"header,omitempty"`
	Kind   Kind    `json:"kind"`
	// Missing are the texts that stand for a missing cell; the first is the one
	// written. An absent cell (null) is always missing.
	Missing []string `json:"missing,omitempty"`
	// MissingShare is the share of missing cells (Fit). A column with a share
	// above 0 can be missing in samples.
	MissingShare float64 `json:"missing_share,omitempty"`
	// Levels are the texts of a category, the most frequent first, of an
	// ordered category in their order, of a boolean false before true, of a
	// constant the one. Other is the level that rare ones were pooled into.
	Levels []string `json:"levels,omitempty"`
	Other  string   `json:"other,omitempty"`
	// Number is how the numbers of a number or integer are written.
	Number *Number `json:"number,omitempty"`
	// Layout is how a date is written, in Go's notation, and Zone how many seconds
	// east of UTC, where the layout tells that and all cells agree.
	Layout string `json:"layout,omitempty"`
	Zone   int    `json:"zone,omitempty"`
	// Pattern is what an identifier looks like.
	Pattern string `json:"pattern,omitempty"`
	// Quoted: the cells stand in quotes, or are strings where the format has
	// types.
	Quoted bool `json:"quoted,omitempty"`
	// Scale is what Fit learns of a number, integer or date.
	Scale *Scale `json:"scale,omitempty"`
	// Notes are remarks for the user.
	Notes []string `json:"notes,omitempty"`
}

// Scale places a quantity on the axis of a standard normal variable. It holds
// nothing that a single row decides but the quantiles of Knots, and those only
// away from the ends.
type Scale struct {
	// Unit is the grid that values are rounded to, 0 for none.
	Unit float64 `json:"unit,omitempty"`
	// Min and Max bound the column where its ends are shared by many rows or
	// natural: 0, 1, 100.
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
	// Spikes are values that a large part of the rows share.
	Spikes []float64 `json:"spikes,omitempty"`
	// Knots are values of the column, increasing, and Normal their places on the
	// axis. Between knots the map is straight; beyond the ends it goes on
	// with the slope of the end, bending to a logarithm.
	Knots  []float64 `json:"knots,omitempty"`
	Normal []float64 `json:"normal,omitempty"`
}

// Decode reads a schema from JSON and validates it. Unknown fields are errors.
// The error wraps flow.ErrFormat, or holds a FieldError for each fault.
func Decode(b []byte) (*Schema, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var s Schema
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("%w: schema: %v", flow.ErrFormat, strings.TrimPrefix(err.Error(), "json: "))
	}
	if d.More() {
		return nil, fmt.Errorf("%w: schema: text follows the JSON object", flow.ErrFormat)
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return &s, nil
}

// Validate reports every fault of s as a FieldError whose path names the column.
func (s *Schema) Validate() error {
	var errs []error
	fault := func(path, format string, args ...any) {
		errs = append(errs, &flow.FieldError{Path: path, Msg: fmt.Sprintf(format, args...)})
	}
	if s.Version != 1 {
		fault("version", "%d is not 1", s.Version)
	}
	if len(s.Columns) == 0 {
		fault("columns", "there are none")
	}
	if s.Rows < 0 {
		fault("rows", "%d is negative", s.Rows)
	}
	s.Format.validate(fault)
	names := map[string]int{}
	for j := range s.Columns {
		c := &s.Columns[j]
		at := func(path, format string, args ...any) {
			fault(fmt.Sprintf("columns[%d].%s", j, path), "column %q: "+format, append([]any{c.Name}, args...)...)
		}
		if c.Name == "" {
			at("name", "a name is missing")
		} else if k, twice := names[c.Name]; twice {
			at("name", "is the name of column %d too; names are unique, header may repeat", k+1)
		}
		names[c.Name] = j
		c.validate(at)
	}
	return errors.Join(errs...)
}

func (f Format) validate(fault func(path, format string, args ...any)) {
	if !slices.Contains([]string{"csv", "jsonl", "arff", "parquet"}, f.Kind) {
		fault("format.kind", "%q is none of csv, jsonl, arff, parquet", f.Kind)
	}
	if f.Kind == "csv" {
		if len(f.Delimiter) != 1 || strings.ContainsAny(f.Delimiter, "\r\n\"'") {
			fault("format.delimiter", "%q is not one ASCII character", f.Delimiter)
		}
		if f.Quote != `"` && f.Quote != "'" {
			fault("format.quote", "%q is neither \" nor '", f.Quote)
		}
	}
	if f.Encoding != "" && !slices.Contains(Encodings(), f.Encoding) {
		fault("format.encoding", "unknown encoding %q; use one of %s", f.Encoding, strings.Join(Encodings(), ", "))
	}
}

func (c *Column) validate(at func(path, format string, args ...any)) {
	if !c.Kind.known() {
		var names []string
		for _, e := range Kinds() {
			names = append(names, string(e.Kind))
		}
		at("kind", "unknown kind %q; use one of %s", c.Kind, strings.Join(names, ", "))
	}
	if !(c.MissingShare >= 0 && c.MissingShare <= 1) {
		at("missing_share", "%v is not in [0, 1]", c.MissingShare)
	}
	seen := map[string]bool{}
	for _, l := range c.Levels {
		switch {
		case seen[l]:
			at("levels", "%s is listed twice", shown(l))
		case slices.Contains(c.Missing, l):
			at("levels", "%s is listed as missing too", shown(l))
		}
		seen[l] = true
	}
	if c.Other != "" && !seen[c.Other] {
		at("other", "%s is none of the levels", shown(c.Other))
	}
	if n := len(c.Levels); n > 0 {
		switch {
		case c.Kind == Boolean && n != 2:
			at("levels", "a boolean has two levels, false and true, not %d", n)
		case c.Kind == Constant && n > 1:
			at("levels", "a constant has one level, not %d", n)
		}
	}
	if c.Number != nil {
		c.Number.validate(at)
	}
	if c.Layout != "" && !validLayout(c.Layout) {
		at("layout", "%q holds no part of a date or time in Go's notation (2006-01-02 15:04:05)", c.Layout)
	}
	if c.Zone < -86400 || c.Zone > 86400 {
		at("zone", "%d seconds are more than a day", c.Zone)
	}
	if c.Pattern != "" {
		if _, err := parsePattern(c.Pattern); err != nil {
			at("pattern", "%v", err)
		}
	}
	if c.Scale != nil {
		c.Scale.validate(at)
	}
}

func (s *Scale) validate(at func(path, format string, args ...any)) {
	finite := func(path string, vs ...float64) {
		for _, v := range vs {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				at("scale."+path, "%v is not a finite number", v)
			}
		}
	}
	finite("unit", s.Unit)
	finite("spikes", s.Spikes...)
	finite("knots", s.Knots...)
	finite("normal", s.Normal...)
	if s.Unit < 0 {
		at("scale.unit", "%v is negative", s.Unit)
	}
	if s.Min != nil {
		finite("min", *s.Min)
	}
	if s.Max != nil {
		finite("max", *s.Max)
	}
	if s.Min != nil && s.Max != nil && *s.Min > *s.Max {
		at("scale.min", "%v is above max, %v", *s.Min, *s.Max)
	}
	if len(s.Knots) != len(s.Normal) || len(s.Knots) == 1 {
		at("scale.knots", "%d knots have %d places; there are as many of either, none or at least 2", len(s.Knots), len(s.Normal))
		return
	}
	for i := 1; i < len(s.Knots); i++ {
		if !(s.Knots[i] > s.Knots[i-1] && s.Normal[i] > s.Normal[i-1]) {
			at("scale.knots", "knot %d is not above the one before", i+1)
			return
		}
	}
}

// Match returns an error that wraps flow.ErrFormat unless src has the columns
// of s, by name and in order.
func (s *Schema) Match(src Source) error {
	columns := src.Columns()
	for j, d := range columns {
		if j >= len(s.Columns) {
			return fmt.Errorf("%w: %s: column %d, %q, is not in the schema, which has %d columns", flow.ErrFormat, src.Name(), j+1, d.Name, len(s.Columns))
		}
		if d.Name != s.Columns[j].Name {
			return fmt.Errorf("%w: %s: column %d is %q where the schema has %q", flow.ErrFormat, src.Name(), j+1, d.Name, s.Columns[j].Name)
		}
	}
	if len(columns) < len(s.Columns) {
		return fmt.Errorf("%w: %s: has %d columns where the schema has %d; the first that is missing is %q", flow.ErrFormat, src.Name(), len(columns), len(s.Columns), s.Columns[len(columns)].Name)
	}
	return nil
}

// Column returns the index of the column called name. The error wraps
// flow.ErrConfig and lists the names.
func (s *Schema) Column(name string) (int, error) {
	var names []string
	for j, c := range s.Columns {
		if c.Name == name {
			return j, nil
		}
		names = append(names, c.Name)
	}
	more := ""
	if len(names) > 20 {
		names, more = names[:20], fmt.Sprintf(" and %d more", len(names)-20)
	}
	return 0, fmt.Errorf("%w: no column is called %q; the columns are %s%s", flow.ErrConfig, name, strings.Join(names, ", "), more)
}

// header is the column's name in the file.
func (c *Column) header() string {
	if c.Header != nil {
		return *c.Header
	}
	return c.Name
}
