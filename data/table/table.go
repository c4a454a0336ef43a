// Package table reads, understands and writes tables of mixed columns: numbers,
// dates, categories, identifiers, gaps.
//
//	text of a file -> Source -> Schema -> float64 rows -> Transform -> float32 rows
//
// A Source yields the cells of a file as text, as often as it is asked to: a
// file larger than memory is read in passes. Infer says what each column is and
// how it is written; Fit measures what the transform needs (quantiles, spikes);
// both together are the Schema, which is JSON that a person can edit. Under a
// Schema a row is plain float64: a number as it is, a date in seconds since
// 1970, a category or boolean as the index of its level, NaN where the cell is
// missing. Transform takes such rows to the space of the network and back, and a
// Writer writes them the way the source was written.
//
//	src, err := table.Open("adult.csv.gz", open, table.ReadOptions{})
//	s, err := table.Infer(src, table.InferOptions{})
//	err = table.Fit(src, s, nil)
//	rows, err := table.Read(src, s)
//	t, err := table.NewTransform(s, table.DefaultEncoding())
//	z := tensor.New(rows.N, t.Dim())
//	err = t.Forward(z, rows, key)
//
// A schema holds no rows: names of categories, quantiles of columns away from
// their ends, and values that many rows share. The package opens no files and
// knows no Parquet, which is laminar/data/parquet.
package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"path"
	"slices"
	"strings"

	"laminar/flow"
	"laminar/tensor"
)

// Null is the text of a cell that is absent, in the formats that have a null of
// their own (JSON lines, Parquet, the ? of ARFF).
const Null = "\x00"

// Record is one row of a file.
type Record struct {
	// Line is the line that the row begins on, counted from 1; 0 where the
	// format has no lines.
	Line int
	// Cells are the texts of the row's cells, without the quotes and spaces
	// about them. The slice is valid until the next row, the strings for good.
	Cells []string
}

// Declared is what a file itself says of a column.
type Declared struct {
	// Name is unique in the table. Header is the name as it stands in the file,
	// which may be empty or used twice.
	Name, Header string
	// Kind is what the format declares, "" where it is to be inferred.
	Kind Kind
	// Levels are the declared levels of a category.
	Levels []string
	// Layout is the declared layout of a date, in Go's notation.
	Layout string
	// Quoted: the cells of the column stand in quotes, or are strings where
	// the format has types.
	Quoted bool
}

// Source is a table in a file.
//
// Rows begins at the first row each time that it is called; breaking out of the
// loop closes the file. An error ends the rows; it wraps flow.ErrFormat when
// the file is at fault and names file and line. A Source is safe for concurrent
// use.
type Source interface {
	// Name is what messages call the file.
	Name() string
	Format() Format
	Columns() []Declared
	Rows() iter.Seq2[Record, error]
}

// Opener opens a file from its start, each time that it is called.
type Opener func() (io.ReadCloser, error)

// ReadOptions overrides what Open would detect. The zero value detects all.
type ReadOptions struct {
	// Format is csv, tsv, jsonl or arff.
	Format string
	// Delimiter is one character.
	Delimiter string
	// Header is yes or no.
	Header string
	// Encoding is one of Encodings.
	Encoding string
}

// Open returns the table in a file of text, gzipped or plain. The format is
// told by the name (.csv .tsv .tab .txt .jsonl .ndjson .json .arff, before .gz)
// and, where the name says nothing, by the first bytes. The whole text is read
// once, to learn its encoding. The error wraps flow.ErrFormat when the file is
// at fault and flow.ErrConfig when an option is.
func Open(name string, open Opener, o ReadOptions) (Source, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	head, err := peek(open, 4096)
	if err != nil {
		return nil, placed(name, err)
	}
	if len(head) == 0 {
		return nil, fmt.Errorf("%w: %s: the file is empty", flow.ErrFormat, name)
	}
	if bytes.HasPrefix(head, []byte("PAR1")) {
		return nil, fmt.Errorf("%w: %s: a Parquet file; it is not read as text", flow.ErrFormat, name)
	}
	t, err := newText(open, o.Encoding)
	if err != nil {
		return nil, placed(name, err)
	}
	t.name = name
	switch kind := formatOf(name, head, o.Format); kind {
	case "jsonl":
		return openJSONL(t)
	case "arff":
		return openARFF(t)
	default:
		return openCSV(t, kind, o)
	}
}

func (o ReadOptions) validate() error {
	var errs []error
	fault := func(path, format string, args ...any) {
		errs = append(errs, &flow.FieldError{Path: path, Msg: fmt.Sprintf(format, args...)})
	}
	if o.Format != "" && !slices.Contains([]string{"csv", "tsv", "jsonl", "arff"}, o.Format) {
		fault("format", "unknown format %q; use csv, tsv, jsonl or arff", o.Format)
	}
	if o.Delimiter != "" && (len(o.Delimiter) != 1 || strings.ContainsAny(o.Delimiter, "\"'\r\n")) {
		fault("delimiter", "%q is not one ASCII character", o.Delimiter)
	}
	if o.Header != "" && o.Header != "yes" && o.Header != "no" {
		fault("header", "%q is neither yes nor no", o.Header)
	}
	if o.Encoding != "" && !slices.Contains(Encodings(), o.Encoding) {
		fault("encoding", "unknown encoding %q; use one of %s", o.Encoding, strings.Join(Encodings(), ", "))
	}
	return errors.Join(errs...)
}

// formatOf tells a format by name, else by the first bytes.
func formatOf(name string, head []byte, given string) string {
	if given != "" {
		return given
	}
	lower := strings.TrimSuffix(strings.ToLower(name), ".gz")
	switch path.Ext(lower) {
	case ".jsonl", ".ndjson", ".json":
		return "jsonl"
	case ".arff":
		return "arff"
	case ".tsv", ".tab":
		return "tsv"
	case ".csv":
		return "csv"
	}
	text := bytes.TrimLeft(head, "\ufeff \t\r\n")
	switch {
	case bytes.HasPrefix(text, []byte("{")):
		return "jsonl"
	case bytes.HasPrefix(text, []byte("%")), bytes.HasPrefix(bytes.ToLower(text), []byte("@relation")):
		return "arff"
	}
	return "csv"
}

// unzip returns r without gzip.
func unzip(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	if head, _ := in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return gzip.NewReader(in)
	}
	return in, nil
}

// peek returns the first n bytes of what is in a file.
func peek(open Opener, n int) ([]byte, error) {
	f, err := open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := unzip(f)
	if err != nil {
		return nil, fmt.Errorf("%w: gzip: %v", flow.ErrFormat, err)
	}
	head, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err != nil {
		return nil, unreadable(err)
	}
	return head, nil
}

// unreadable words an error of a reader; what gzip says is the file's fault.
func unreadable(err error) error {
	if errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the gzip data are cut short or damaged: %v", flow.ErrFormat, err)
	}
	return err
}

// placed puts the file's name before an error, behind the kind of the error.
func placed(name string, err error) error {
	if err == nil {
		return nil
	}
	if rest, ok := strings.CutPrefix(err.Error(), flow.ErrFormat.Error()+": "); ok && errors.Is(err, flow.ErrFormat) {
		return fmt.Errorf("%w: %s: %s", flow.ErrFormat, name, rest)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// unique gives every column a name of its own: an empty one becomes columnN,
// the second x becomes x_2.
func unique(headers []string) []string {
	taken := map[string]bool{}
	for _, h := range headers {
		taken[h] = true
	}
	seen := map[string]bool{}
	names := make([]string, len(headers))
	for j, h := range headers {
		name := h
		if name == "" {
			name = fmt.Sprintf("column%d", j+1)
		}
		for k, base := 2, name; seen[name] || name != h && taken[name]; k++ {
			name = fmt.Sprintf("%s_%d", base, k)
		}
		seen[name] = true
		names[j] = name
	}
	return names
}

// Read returns all rows of src as s understands them, one column for each
// column of the file. The error wraps flow.ErrFormat and names file, row and
// column when a cell does not fit the schema.
func Read(src Source, s *Schema) (tensor.Matrix[float64], error) {
	d := len(s.Columns)
	var all []float64
	for row, err := range Parsed(src, s) {
		if err != nil {
			return tensor.Matrix[float64]{}, err
		}
		all = append(all, row...)
	}
	return tensor.Wrap(len(all)/max(d, 1), d, all)
}

// Parsed yields the rows of src as s understands them; a row is valid until the
// next. Errors are those of Read.
func Parsed(src Source, s *Schema) iter.Seq2[[]float64, error] {
	return func(yield func([]float64, error) bool) {
		if err := s.Match(src); err != nil {
			yield(nil, err)
			return
		}
		p := NewParser(s)
		row := make([]float64, len(s.Columns))
		n := 0
		for r, err := range src.Rows() {
			n++
			if err == nil {
				if err = p.Parse(row, r.Cells); err != nil {
					err = fmt.Errorf("%w: %s: %s, %s", flow.ErrFormat, src.Name(), place(n, r.Line), bare(err))
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// place names a row for a message.
func place(row, line int) string {
	if line == 0 {
		return fmt.Sprintf("row %d", row)
	}
	return fmt.Sprintf("row %d (line %d)", row, line)
}

// bare is an error's message without its kind in front.
func bare(err error) string {
	return strings.TrimPrefix(err.Error(), flow.ErrFormat.Error()+": ")
}

var missing = math.NaN()

// shown is a cell as a message quotes it.
func shown(cell string) string {
	if r := []rune(cell); len(r) > 40 {
		return fmt.Sprintf("%q...", string(r[:40]))
	}
	return fmt.Sprintf("%q", cell)
}
