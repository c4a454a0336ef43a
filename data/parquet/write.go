package parquet

import (
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"

	pq "github.com/parquet-go/parquet-go"

	"laminar/data/table"
	"laminar/flow"
	"laminar/rng"
)

// groupRows is the number of rows of a row group that is written.
const groupRows = 1 << 17

// writer writes rows of a schema.
type writer struct {
	*table.Printer
	schema *table.Schema
	out    *pq.GenericWriter[any]
	cells  []func(v float64, i uint64) pq.Value
	rows   []pq.Row
	n      int
	buf    []byte
}

// NewWriter writes rows of s as a Parquet file: numbers as doubles, integers as
// int64, dates as dates or timestamps, booleans written true and false as such,
// levels that are numbers as numbers, all else as text. Every column can be null.
// key decides the identifiers.
func NewWriter(w io.Writer, s *table.Schema, key rng.Key) (table.Writer, error) {
	p, err := table.NewPrinter(s, key)
	if err != nil {
		return nil, err
	}
	root := &group{}
	out := &writer{Printer: p, schema: s}
	for j := range s.Columns {
		c := &s.Columns[j]
		node, cell := out.column(j)
		name := c.Name
		root.fields = append(root.fields, field{pq.Compressed(pq.Optional(node), &pq.Snappy), name})
		out.cells = append(out.cells, cell)
	}
	out.out = pq.NewGenericWriter[any](w, pq.NewSchema("table", root))
	return out, nil
}

// column decides the type of a column.
func (w *writer) column(j int) (pq.Node, func(v float64, i uint64) pq.Value) {
	c := &w.schema.Columns[j]
	text := func(v float64, i uint64) string {
		w.buf = w.Append(w.buf[:0], j, v, i, true)
		return string(w.buf)
	}
	switch c.Kind {
	case table.Numeric:
		return pq.Leaf(pq.DoubleType), func(v float64, _ uint64) pq.Value { return pq.DoubleValue(v) }
	case table.Integer:
		return pq.Int(64), func(v float64, _ uint64) pq.Value {
			return pq.Int64Value(int64(min(max(v, math.MinInt64), math.Nextafter(1<<63, 0))))
		}
	case table.Date:
		layout := c.Layout
		if table.Clock(layout) {
			return pq.Time(pq.Microsecond), func(v float64, _ uint64) pq.Value {
				return pq.Int64Value(int64(math.Round(table.OfDay(v) * 1e6)))
			}
		}
		if !strings.Contains(layout, "15") && !strings.Contains(layout, "3:04") && !strings.Contains(layout, "03") {
			return pq.Date(), func(v float64, _ uint64) pq.Value { return pq.Int32Value(int32(math.Floor(v / 86400))) }
		}
		node := pq.TimestampAdjusted(pq.Microsecond, strings.Contains(layout, "Z07") || strings.Contains(layout, "-07"))
		return node, func(v float64, _ uint64) pq.Value {
			return pq.Int64Value(int64(math.Floor(v))*1e6 + int64(math.Round((v-math.Floor(v))*1e6)))
		}
	case table.Identifier:
		if !c.Quoted && (c.Pattern == "{n}" || c.Pattern == "") {
			return pq.Int(64), func(v float64, i uint64) pq.Value { return pq.Int64Value(int64(i) + 1) }
		}
		return pq.String(), func(v float64, i uint64) pq.Value { return pq.ByteArrayValue([]byte(text(v, i))) }
	case table.Text:
		return pq.String(), func(float64, uint64) pq.Value { return pq.NullValue() }
	}
	ints, reals, bools := !c.Quoted, !c.Quoted, !c.Quoted
	for _, l := range c.Levels {
		_, err := strconv.ParseInt(l, 10, 64)
		ints = ints && err == nil
		f, err := strconv.ParseFloat(l, 64)
		reals = reals && err == nil && f-f == 0
		_, err = strconv.ParseBool(l)
		bools = bools && err == nil && len(l) > 1
	}
	switch {
	case len(c.Levels) == 0:
	case ints:
		return pq.Int(64), func(v float64, i uint64) pq.Value {
			n, _ := strconv.ParseInt(text(v, i), 10, 64)
			return pq.Int64Value(n)
		}
	case bools:
		return pq.Leaf(pq.BooleanType), func(v float64, i uint64) pq.Value {
			b, _ := strconv.ParseBool(text(v, i))
			return pq.BooleanValue(b)
		}
	case reals:
		return pq.Leaf(pq.DoubleType), func(v float64, i uint64) pq.Value {
			f, _ := strconv.ParseFloat(text(v, i), 64)
			return pq.DoubleValue(f)
		}
	}
	return pq.String(), func(v float64, i uint64) pq.Value { return pq.ByteArrayValue([]byte(text(v, i))) }
}

func (w *writer) Write(row []float64, i uint64) error {
	if len(row) != len(w.cells) {
		return fmt.Errorf("%w: a row of %d values for %d columns", flow.ErrShape, len(row), len(w.cells))
	}
	out := make(pq.Row, len(row))
	for j, v := range row {
		if math.IsNaN(v) && w.schema.Columns[j].Kind != table.Identifier {
			out[j] = pq.NullValue().Level(0, 0, j)
			continue
		}
		cell, level := w.cells[j](v, i), 1
		if cell.IsNull() {
			level = 0
		}
		out[j] = cell.Level(0, level, j)
	}
	w.rows = append(w.rows, out)
	if w.n++; len(w.rows) == rowsAtOnce || w.n%groupRows == 0 {
		return w.flush()
	}
	return nil
}

func (w *writer) flush() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("parquet: %v", r)
		}
	}()
	if _, err := w.out.WriteRows(w.rows); err != nil {
		return err
	}
	w.rows = w.rows[:0]
	if w.n%groupRows == 0 {
		return w.out.Flush()
	}
	return nil
}

func (w *writer) Close() error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.out.Close()
}

// group is a root node that keeps the order of its columns.
type group struct {
	pq.Group
	fields []field
}

func (g *group) Fields() []pq.Field {
	out := make([]pq.Field, len(g.fields))
	for k := range g.fields {
		out[k] = &g.fields[k]
	}
	return out
}

// GoType: rows are written by value, not as structs.
func (g *group) GoType() reflect.Type { return reflect.TypeFor[map[string]any]() }

type field struct {
	pq.Node
	name string
}

func (f *field) Name() string { return f.name }

func (f *field) Value(base reflect.Value) reflect.Value {
	return base.MapIndex(reflect.ValueOf(f.name))
}
