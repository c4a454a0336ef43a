// Package parquet reads and writes tables of mixed columns as Parquet files, for
// laminar/data/table. It is a package of its own because the format is heavy: a
// program that does not import it does not carry it.
//
//	src, err := parquet.Open("trips.parquet", file, size)
//	s, err := table.Infer(src, table.InferOptions{})
//
// A file is read one row group at a time and never held whole. Columns inside
// other columns, and lists, are refused. Bytes that are not text are read as
// hexadecimal digits.
package parquet

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"laminar/data/table"
	"laminar/flow"
)

// source is a Parquet file.
type source struct {
	name    string
	file    *pq.File
	columns []table.Declared
	print   []printer
}

// printer writes the text of a value.
type printer func(dst []byte, v pq.Value) []byte

// rowsAtOnce is how many rows are decoded together.
const rowsAtOnce = 256

// Open returns the table in a Parquet file of size bytes, which must stay open.
// The error wraps flow.ErrFormat and names file and column.
func Open(name string, r io.ReaderAt, size int64) (src table.Source, err error) {
	defer caught(name, &err)
	f, err := pq.OpenFile(r, size, pq.SkipPageIndex(true), pq.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: not a Parquet file, or a damaged one: %v", flow.ErrFormat, name, err)
	}
	s := &source{name: name, file: f}
	seen := map[string]bool{}
	for _, c := range f.Root().Columns() {
		if !c.Leaf() || c.Repeated() {
			return nil, fmt.Errorf("%w: %s: column %q holds lists or other columns; flatten it first", flow.ErrFormat, name, c.Name())
		}
		if seen[c.Name()] || c.Name() == "" {
			return nil, fmt.Errorf("%w: %s: the column name %q is empty or used twice", flow.ErrFormat, name, c.Name())
		}
		seen[c.Name()] = true
		d := table.Declared{Name: c.Name(), Header: c.Name()}
		print, err := declare(&d, c.Type())
		if err != nil {
			return nil, fmt.Errorf("%w: %s: column %q: %v", flow.ErrFormat, name, c.Name(), err)
		}
		s.columns, s.print = append(s.columns, d), append(s.print, print)
	}
	if len(s.columns) == 0 {
		return nil, fmt.Errorf("%w: %s: the file has no columns", flow.ErrFormat, name)
	}
	return s, nil
}

// caught turns a panic over a damaged file into an error.
func caught(name string, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %s: the Parquet file is damaged: %v", flow.ErrFormat, name, r)
	}
}

func (s *source) Name() string              { return s.name }
func (s *source) Format() table.Format      { return table.Format{Kind: "parquet"} }
func (s *source) Columns() []table.Declared { return s.columns }

func (s *source) Rows() iter.Seq2[table.Record, error] {
	return func(yield func(table.Record, error) bool) {
		row := 0
		for _, g := range s.file.RowGroups() {
			if !s.group(g, &row, yield) {
				return
			}
		}
	}
}

// group yields the rows of a row group and reports whether to go on.
func (s *source) group(g pq.RowGroup, row *int, yield func(table.Record, error) bool) bool {
	rows := g.Rows()
	defer rows.Close()
	cells := make([]string, len(s.columns))
	buf := make([]pq.Row, rowsAtOnce)
	for {
		n, err := s.read(rows, buf)
		for _, r := range buf[:n] {
			*row++
			if len(r) != len(cells) {
				yield(table.Record{}, fmt.Errorf("%w: %s: row %d has %d values for %d columns", flow.ErrFormat, s.name, *row, len(r), len(cells)))
				return false
			}
			s.text(cells, r)
			if !yield(table.Record{Cells: cells}, nil) {
				return false
			}
		}
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			yield(table.Record{}, fmt.Errorf("%w: %s: after row %d: %v", flow.ErrFormat, s.name, *row, err))
			return false
		}
	}
}

func (s *source) read(rows pq.Rows, buf []pq.Row) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			n, err = 0, fmt.Errorf("the file is damaged: %v", r)
		}
	}()
	n, err = rows.ReadRows(buf)
	if n == 0 && err == nil {
		err = io.ErrNoProgress
	}
	return n, err
}

// text writes the cells of a row.
func (s *source) text(cells []string, r pq.Row) {
	var b [64]byte
	for j, v := range r {
		if v.IsNull() {
			cells[j] = table.Null
			continue
		}
		cells[j] = string(s.print[j](b[:0], v))
	}
}

// declare says what a column's type means and how its values become text.
func declare(d *table.Declared, t pq.Type) (printer, error) {
	if l := t.LogicalType(); l != nil {
		switch kind := l.Value.(type) {
		case *format.TimestampType:
			layout := "2006-01-02T15:04:05.000000"
			if kind.IsAdjustedToUTC {
				layout += "Z07:00"
			}
			d.Kind, d.Layout = table.Date, layout
			unit := kind.Unit.Value.Duration()
			per := int64(time.Second / unit)
			return func(b []byte, v pq.Value) []byte {
				n := v.Int64()
				return time.Unix(n/per, n%per*int64(unit)).UTC().AppendFormat(b, layout)
			}, nil
		case *format.TimeType:
			d.Kind, d.Layout = table.Date, "15:04:05.000000"
			unit := kind.Unit.Value.Duration()
			return func(b []byte, v pq.Value) []byte {
				n := v.Int64()
				if v.Kind() == pq.Int32 {
					n = int64(v.Int32())
				}
				return time.Unix(0, n*int64(unit)).UTC().AppendFormat(b, "15:04:05.000000")
			}, nil
		case *format.DateType:
			d.Kind, d.Layout = table.Date, "2006-01-02"
			return func(b []byte, v pq.Value) []byte {
				return time.Unix(int64(v.Int32())*86400, 0).UTC().AppendFormat(b, "2006-01-02")
			}, nil
		case *format.DecimalType:
			return func(b []byte, v pq.Value) []byte { return appendDecimal(b, v, int(kind.Scale)) }, nil
		case *format.IntType:
			if !kind.IsSigned {
				return func(b []byte, v pq.Value) []byte {
					if v.Kind() == pq.Int32 {
						return strconv.AppendUint(b, uint64(v.Uint32()), 10)
					}
					return strconv.AppendUint(b, v.Uint64(), 10)
				}, nil
			}
		}
	}
	switch t.Kind() {
	case pq.Boolean:
		return func(b []byte, v pq.Value) []byte { return strconv.AppendBool(b, v.Boolean()) }, nil
	case pq.Int32:
		return func(b []byte, v pq.Value) []byte { return strconv.AppendInt(b, int64(v.Int32()), 10) }, nil
	case pq.Int64:
		return func(b []byte, v pq.Value) []byte { return strconv.AppendInt(b, v.Int64(), 10) }, nil
	case pq.Float:
		return func(b []byte, v pq.Value) []byte { return appendFloat(b, float64(v.Float()), 32) }, nil
	case pq.Double:
		return func(b []byte, v pq.Value) []byte { return appendFloat(b, v.Double(), 64) }, nil
	case pq.ByteArray, pq.FixedLenByteArray:
		d.Quoted = true
		return func(b []byte, v pq.Value) []byte {
			if text := v.ByteArray(); utf8.Valid(text) {
				return append(b, text...)
			}
			return fmt.Appendf(b, "%x", v.ByteArray())
		}, nil
	}
	return nil, fmt.Errorf("the type %v is not supported", t)
}

// appendFloat writes the shortest text of a number; NaN is a missing cell.
func appendFloat(b []byte, v float64, bits int) []byte {
	if math.IsNaN(v) {
		return append(b, table.Null...)
	}
	return strconv.AppendFloat(b, v, 'g', -1, bits)
}

func appendDecimal(b []byte, v pq.Value, scale int) []byte {
	n := new(big.Int)
	switch v.Kind() {
	case pq.Int32:
		n.SetInt64(int64(v.Int32()))
	case pq.Int64:
		n.SetInt64(v.Int64())
	default: // two's complement, the highest byte first
		text := v.ByteArray()
		n.SetBytes(text)
		if len(text) > 0 && text[0] >= 0x80 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(text))))
		}
	}
	digits := n.String()
	if digits[0] == '-' {
		b = append(b, '-')
		digits = digits[1:]
	}
	if scale <= 0 {
		return append(append(b, digits...), strings.Repeat("0", -scale)...)
	}
	if pad := scale + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	whole := len(digits) - scale
	return append(append(append(b, digits[:whole]...), '.'), digits[whole:]...)
}
