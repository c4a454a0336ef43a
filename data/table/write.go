package table

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"laminar/flow"
	"laminar/rng"
)

// Writer writes rows of a schema. Row i decides its identifiers, so that parts of
// a table can be written apart. Close ends the file and does not close what is
// below.
type Writer interface {
	Write(row []float64, i uint64) error
	Close() error
}

// A Keeper is a Writer that can write cells as they are: those of text that are not
// Drawn have the given text in place of what the number in row would be written as.
// Writers of formats of text are Keepers.
type Keeper interface {
	Writer
	WriteKept(row []float64, text []string, i uint64) error
}

// Drawn stands among the texts of WriteKept for a cell that is written by its number.
const Drawn = "\x00drawn"

// NewWriter writes rows of s in the format f, usually s.Format, or another made
// by FormatNamed. key decides the identifiers. The error wraps flow.ErrConfig
// when the format is not one of text.
func NewWriter(w io.Writer, s *Schema, f Format, key rng.Key) (Writer, error) {
	p, err := NewPrinter(s, key)
	if err != nil {
		return nil, err
	}
	enc, err := encoded(w, f.Encoding, f.BOM)
	if err != nil {
		return nil, err
	}
	out := &writer{Printer: p, format: f, out: bufio.NewWriterSize(enc, 1<<16), end: "\n"}
	if f.CRLF {
		out.end = "\r\n"
	}
	switch f.Kind {
	case "csv":
		out.delim, out.quote = f.Delimiter, f.Quote
		if out.delim == "" || out.quote == "" {
			return nil, fmt.Errorf("%w: CSV without delimiter or quote", flow.ErrConfig)
		}
		out.special = out.delim + out.quote + "\r\n"
		if f.Space {
			out.delim += " "
		}
		out.row = out.csv
		if f.Header {
			out.header()
		}
	case "jsonl":
		for j := range s.Columns {
			key, err := json.Marshal(s.Columns[j].header())
			if err != nil {
				return nil, err
			}
			out.keys = append(out.keys, string(key)+":")
		}
		out.row = out.json
	case "arff":
		out.row = out.arff
		out.attributes()
	default:
		return nil, fmt.Errorf("%w: the format %q is not one of text; csv, jsonl and arff are", flow.ErrConfig, f.Kind)
	}
	return out, nil
}

// FormatNamed returns the format that a file's name asks for: the source's own
// if it is of that kind, else the kind's plain form. The error wraps
// flow.ErrConfig and lists the extensions.
func FormatNamed(name string, source Format) (Format, error) {
	kind := formatOf(name, nil, "")
	lower := strings.TrimSuffix(strings.ToLower(name), ".gz")
	if strings.HasSuffix(lower, ".parquet") {
		return Format{Kind: "parquet"}, nil
	}
	known := false
	for _, e := range []string{".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".json", ".arff"} {
		known = known || strings.HasSuffix(lower, e)
	}
	if !known {
		return Format{}, fmt.Errorf("%w: %s: the extension names no format; use .csv, .tsv, .txt, .jsonl, .arff or .parquet", flow.ErrConfig, name)
	}
	f := Format{Kind: kind, Encoding: UTF8}
	switch kind {
	case "tsv":
		f.Kind = "csv"
		if source.Kind == "csv" && source.Delimiter == "\t" {
			return source, nil
		}
		f.Delimiter, f.Quote, f.Header = "\t", `"`, true
	case "csv":
		if source.Kind == "csv" && (source.Delimiter != "\t" || strings.HasSuffix(lower, ".txt")) {
			return source, nil
		}
		f.Delimiter, f.Quote, f.Header = ",", `"`, true
	default:
		if source.Kind == kind {
			return source, nil
		}
	}
	return f, nil
}

// writer writes text.
type writer struct {
	*Printer
	format       Format
	out          *bufio.Writer
	row          func(row []float64, i uint64) error
	end          string
	delim, quote string
	special      string
	keys         []string
	buf          []byte
	kept         []string // of the row that is being written, nil for none
}

func (w *writer) Write(row []float64, i uint64) error {
	if len(row) != len(w.s.Columns) {
		return fmt.Errorf("%w: a row of %d values for %d columns", flow.ErrShape, len(row), len(w.s.Columns))
	}
	return w.row(row, i)
}

// WriteKept is the method of Keeper.
func (w *writer) WriteKept(row []float64, text []string, i uint64) error {
	if len(text) != len(row) {
		return fmt.Errorf("%w: %d texts for %d values", flow.ErrShape, len(text), len(row))
	}
	w.kept = text
	defer func() { w.kept = nil }()
	return w.Write(row, i)
}

// keep puts the kept text of cell j into w.buf, if it has one that is not Null.
func (w *writer) keep(j int) bool {
	if w.kept == nil || w.kept[j] == Drawn || w.kept[j] == Null {
		return false
	}
	w.buf = append(w.buf[:0], w.kept[j]...)
	return true
}

func (w *writer) Close() error { return w.out.Flush() }

func (w *writer) header() {
	for j := range w.s.Columns {
		if j > 0 {
			w.out.WriteString(w.delim)
		}
		w.csvCell([]byte(w.s.Columns[j].header()), w.format.QuotedHeader)
	}
	w.out.WriteString(w.end)
}

func (w *writer) csv(row []float64, i uint64) error {
	for j, v := range row {
		if j > 0 {
			w.out.WriteString(w.delim)
		}
		kept := w.keep(j)
		if !kept {
			w.buf = w.Append(w.buf[:0], j, v, i, false)
		}
		// A row of one empty cell would be no line at all.
		quoted := w.s.Columns[j].Quoted && !(!kept && math.IsNaN(v) && w.s.Columns[j].Kind != Identifier) || len(row) == 1 && len(w.buf) == 0
		w.csvCell(w.buf, quoted)
	}
	_, err := w.out.WriteString(w.end)
	return err
}

func (w *writer) csvCell(cell []byte, quoted bool) {
	text := string(cell)
	if !quoted && !strings.ContainsAny(text, w.special) && strings.TrimSpace(text) == text {
		w.out.WriteString(text)
		return
	}
	w.out.WriteString(w.quote)
	w.out.WriteString(strings.ReplaceAll(text, w.quote, w.quote+w.quote))
	w.out.WriteString(w.quote)
}

func (w *writer) json(row []float64, i uint64) error {
	sep := byte('{')
	for j, v := range row {
		w.out.WriteByte(sep)
		sep = ','
		w.out.WriteString(w.keys[j])
		c := &w.s.Columns[j]
		if w.keep(j) {
			if err := w.keptJSON(c); err != nil {
				return err
			}
			continue
		}
		w.buf = w.Append(w.buf[:0], j, v, i, true)
		if math.IsNaN(v) && c.Kind != Identifier && (len(c.Missing) == 0 || w.s.Format.Kind != "jsonl") {
			w.out.WriteString("null")
			continue
		}
		if !c.Quoted && w.bare(c, v) {
			w.out.Write(w.buf)
			continue
		}
		text, err := json.Marshal(string(w.buf))
		if err != nil {
			return err
		}
		w.out.Write(text)
	}
	w.out.WriteByte('}')
	_, err := w.out.WriteString(w.end)
	return err
}

// keptJSON writes the text in w.buf as the source had it: bare if it is a value of
// JSON in a column of such.
func (w *writer) keptJSON(c *Column) error {
	if !c.Quoted && w.s.Format.Kind == "jsonl" && json.Valid(w.buf) {
		w.out.Write(w.buf)
		return nil
	}
	text, err := json.Marshal(string(w.buf))
	if err != nil {
		return err
	}
	w.out.Write(text)
	return nil
}

// bare reports whether the cell in w.buf is a JSON number or boolean as it is,
// and makes it one where only its spelling differs.
func (w *writer) bare(c *Column, v float64) bool {
	text := string(w.buf)
	if text == "true" || text == "false" {
		return true
	}
	if c.Kind == Boolean {
		switch strings.ToLower(text) {
		case "true", "false":
			w.buf = strconv.AppendBool(w.buf[:0], v == 1)
			return true
		}
	}
	if (c.Kind == Numeric || c.Kind == Integer) && c.Number != nil && !math.IsNaN(v) {
		n := *c.Number
		n.Thousands, n.Comma, n.Prefix, n.Suffix = "", false, "", ""
		w.buf = n.append(w.buf[:0], v)
		return true
	}
	if !json.Valid(w.buf) || text == "null" {
		return false
	}
	// Lists and objects are texts of their own; a string looks like one by intent.
	inner := w.s.Format.Kind == "jsonl" && (w.buf[0] == '{' || w.buf[0] == '[')
	return inner || w.buf[0] == '-' || w.buf[0] >= '0' && w.buf[0] <= '9'
}

func (w *writer) attributes() {
	relation := w.format.Relation
	if relation == "" {
		relation = "table"
	}
	fmt.Fprintf(w.out, "@relation %s%s%s", arffQuote(relation), w.end, w.end)
	for j := range w.s.Columns {
		c := &w.s.Columns[j]
		fmt.Fprintf(w.out, "@attribute %s ", arffQuote(c.header()))
		switch {
		case c.Kind == Numeric || c.Kind == Integer:
			w.out.WriteString("numeric")
		case c.Kind == Date:
			if layout, ok := goLayout(c.Layout); ok {
				fmt.Fprintf(w.out, "date %s", arffQuote(layout))
			} else {
				w.out.WriteString("string")
			}
		case c.Kind.levelled() && len(c.Levels) > 0:
			for k, l := range c.Levels {
				w.out.WriteString([]string{",", "{"}[btoi(k == 0)] + arffQuote(l))
			}
			w.out.WriteByte('}')
		default:
			w.out.WriteString("string")
		}
		w.out.WriteString(w.end)
	}
	fmt.Fprintf(w.out, "%s@data%s", w.end, w.end)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (w *writer) arff(row []float64, i uint64) error {
	for j, v := range row {
		if j > 0 {
			w.out.WriteByte(',')
		}
		c := &w.s.Columns[j]
		if w.keep(j) {
			w.out.WriteString(arffQuote(string(w.buf)))
			continue
		}
		if math.IsNaN(v) && c.Kind != Identifier {
			w.out.WriteByte('?')
			continue
		}
		w.buf = w.Append(w.buf[:0], j, v, i, true)
		if c.Kind == Numeric || c.Kind == Integer {
			w.bare(c, v)
		}
		w.out.WriteString(arffQuote(string(w.buf)))
	}
	_, err := w.out.WriteString(w.end)
	return err
}

func arffQuote(s string) string {
	if s != "" && s != "?" && !strings.ContainsAny(s, " ,{}%'\"\\\t\r\n") {
		return s
	}
	r := strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	return "'" + r.Replace(s) + "'"
}

// goLayout turns a layout of Go into Java's notation, if it can be.
func goLayout(layout string) (string, bool) {
	r := strings.NewReplacer("2006", "yyyy", "January", "MMMM", "Jan", "MMM", "01", "MM", "02", "dd", "15", "HH", "04", "mm", "05", "ss", "000", "SSS", "T", "'T'")
	java := r.Replace(layout)
	back, err := javaLayout(java)
	return java, err == nil && back == layout
}
