package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"laminar/flow"
)

// ReadCSV reads a table of numbers separated by commas, semicolons or tabs,
// gzipped or plain; name is what messages call it. The separator is the tab if
// the first line has one, else the semicolon, else the comma. The first line is
// a header if none of its cells is a number. A byte order mark, blank lines, lines
// that begin with # and spaces about a cell are ignored.
//
// The text is read as a stream; only the numbers are kept. The error wraps
// flow.ErrFormat when the file is at fault, flow.ErrConfig when o is, and tells
// line, column and remedy.
func ReadCSV(r io.Reader, name string, o Options) (*Table, error) {
	f, err := openCSV(r, name)
	if err != nil {
		return nil, err
	}
	return f.read(o)
}

// Column describes a column of a file.
type Column struct {
	Name string
	// Number tells that the cells looked at are numbers.
	Number bool
}

// CSVColumns returns the columns of a CSV file as ReadCSV names them, judged by
// its first rows, at most 200. The error is that of ReadCSV.
func CSVColumns(r io.Reader, name string) ([]Column, error) {
	f, err := openCSV(r, name)
	if err != nil {
		return nil, err
	}
	cells, err := f.next()
	if err == io.EOF {
		return nil, fmt.Errorf("%w: %s: the file is empty", flow.ErrFormat, name)
	}
	if err != nil {
		return nil, err
	}
	var columns []Column
	header := isHeader(cells)
	for j, n := range numbered(len(cells)) {
		if header && cells[j] != "" {
			n = strings.Clone(cells[j])
		}
		columns = append(columns, Column{n, true})
	}
	if header {
		cells, err = f.next()
	}
	for row := 0; err == nil && row < 200; row++ {
		for j, c := range cells[:min(len(cells), len(columns))] {
			v, bad := strconv.ParseFloat(c, 64)
			columns[j].Number = columns[j].Number && bad == nil && v-v == 0
		}
		cells, err = f.next()
	}
	if err != nil && err != io.EOF {
		return nil, err
	}
	return columns, nil
}

func openCSV(r io.Reader, name string) (*csvFile, error) {
	in, err := plain(bufio.NewReader(r))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", flow.ErrFormat, name, err)
	}
	comma, err := separator(in)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", flow.ErrFormat, name, err)
	}
	guard := &rowGuard{r: in}
	c := csv.NewReader(guard)
	c.Comma = comma
	c.FieldsPerRecord = -1 // counted here, for a better message
	c.TrimLeadingSpace = comma != '\t'
	c.ReuseRecord = true
	c.Comment = '#'
	return &csvFile{name: name, csv: c, guard: guard}, nil
}

type csvFile struct {
	name  string
	csv   *csv.Reader
	guard *rowGuard
	b     *builder
}

func (f *csvFile) read(o Options) (*Table, error) {
	cells, err := f.next()
	if err == io.EOF {
		return nil, fmt.Errorf("%w: %s: the file is empty", flow.ErrFormat, f.name)
	}
	if err != nil {
		return nil, err
	}
	header := isHeader(cells)
	columns := numbered(len(cells))
	if header {
		for j, c := range cells {
			if c != "" {
				columns[j] = strings.Clone(c)
			}
		}
	}
	if f.b, err = newBuilder(f.name, columns, o); err != nil {
		return nil, err
	}
	if header {
		cells, err = f.next()
		if err == io.EOF {
			return nil, fmt.Errorf("%w: %s: line 1 is a header and no rows follow; at least %d needed", flow.ErrFormat, f.name, o.least())
		}
	}
	for ; err == nil; cells, err = f.next() {
		if err := f.row(cells); err != nil {
			return nil, err
		}
	}
	if err != io.EOF {
		return nil, err
	}
	return f.b.finish()
}

// next returns the next record with its cells trimmed, io.EOF at the end.
func (f *csvFile) next() ([]string, error) {
	f.guard.left = maxRow
	cells, err := f.csv.Read()
	if err != nil {
		if err == io.EOF {
			return nil, io.EOF
		}
		if f.guard.left < 0 {
			return nil, fmt.Errorf("%w: %s: line %d is longer than %s; is a quote left open?", flow.ErrFormat, f.name, f.guard.line+1, bytesText(maxRow))
		}
		var p *csv.ParseError
		if errors.As(err, &p) {
			return nil, fmt.Errorf("%w: %s: line %d: %v; quotes must open and close a whole cell", flow.ErrFormat, f.name, p.Line, p.Err)
		}
		return nil, fmt.Errorf("%w: %s: after line %d: %w", flow.ErrFormat, f.name, f.guard.line, err)
	}
	f.guard.line, _ = f.csv.FieldPos(len(cells) - 1)
	for j, c := range cells {
		cells[j] = strings.TrimSpace(c)
	}
	return cells, nil
}

func (f *csvFile) row(cells []string) error {
	b := f.b
	line, _ := f.csv.FieldPos(0)
	if len(cells) != len(b.names) {
		return fmt.Errorf("%w: %s: line %d has %d values where line 1 has %d; every row needs as many", flow.ErrFormat, f.name, line, len(cells), len(b.names))
	}
	if !b.room() {
		return b.errTooLarge(fmt.Sprintf("line %d", line))
	}
	for j, cell := range cells {
		role := b.role[j]
		switch role {
		case asNothing:
			continue
		case asLabel:
			if err := b.label(cell); err != nil {
				return err
			}
			continue
		}
		v, err := strconv.ParseFloat(cell, 64)
		why := fault(v)
		if err != nil {
			why = f.notNumber(cell, err, line)
		}
		if why != "" {
			return fmt.Errorf("%w: %s: line %d, column %q: %s", flow.ErrFormat, f.name, line, b.names[j], why)
		}
		b.number(role, v)
	}
	return nil
}

func (f *csvFile) notNumber(cell string, err error, line int) string {
	const missing = "missing values are not supported by points yet: fill the cell or remove the row"
	shown := cell
	if len(shown) > 40 {
		shown = shown[:40] + "..."
	}
	switch {
	case cell == "":
		return "the cell is empty; " + missing
	case errors.Is(err, strconv.ErrRange):
		return fmt.Sprintf("%s is out of the range of float64; rescale the column", shown)
	}
	switch strings.ToLower(cell) {
	case "na", "n/a", "null", "none", "?", "-", ".":
		return fmt.Sprintf("%q is a missing value; %s", cell, missing)
	}
	if _, err := strconv.ParseFloat(strings.Replace(cell, ",", ".", 1), 64); err == nil {
		return fmt.Sprintf("%q has a decimal comma; write a point", cell)
	}
	advice := "leave the column out of the file, or name it as the label if it holds classes"
	if len(f.b.names) == 1 {
		advice = "columns are separated by comma, semicolon or tab"
	} else if line == 1 {
		advice += "; if line 1 is a header, none of its names may be a number"
	}
	return fmt.Sprintf("%q is not a number; %s", shown, advice)
}

// isHeader reports whether a first record holds names: some text, no number.
func isHeader(cells []string) bool {
	text := false
	for _, c := range cells {
		if _, err := strconv.ParseFloat(c, 64); err == nil || errors.Is(err, strconv.ErrRange) {
			return false
		}
		text = text || c != ""
	}
	return text
}

// plain returns the text of in without gzip and byte order mark.
func plain(in *bufio.Reader) (*bufio.Reader, error) {
	if head, _ := in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		in = bufio.NewReader(z)
	}
	head, _ := in.Peek(3)
	switch {
	case bytes.Equal(head, []byte("\ufeff")):
		_, err := in.Discard(3)
		return in, err
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return nil, errors.New("the text is UTF-16; save it as UTF-8")
	}
	return in, nil
}

// separator looks at the first line that is neither blank nor a comment, or the part of it that
// fits the buffer.
func separator(in *bufio.Reader) (rune, error) {
	head, err := in.Peek(4096)
	if err != nil && err != io.EOF {
		return 0, err
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return 0, errors.New("not a text file; CSV is wanted")
	}
	head = bytes.TrimLeft(head, "\r\n")
	for bytes.HasPrefix(head, []byte("#")) {
		_, head, _ = bytes.Cut(head, []byte("\n"))
		head = bytes.TrimLeft(head, "\r\n")
	}
	if end := bytes.IndexAny(head, "\r\n"); end >= 0 {
		head = head[:end]
	}
	quoted := false
	comma := ','
	for _, c := range head {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\t':
			return '\t', nil
		case c == ';':
			comma = ';'
		}
	}
	return comma, nil
}

// maxRow bounds the text of one row, so that an open quote cannot gather the
// rest of the file in memory.
const maxRow = 16 << 20

// rowGuard fails once a single row has read more than maxRow bytes.
type rowGuard struct {
	r    io.Reader
	left int // bytes that the present row may still read
	line int // last line of the record before
}

var errLongRow = errors.New("row too long")

func (g *rowGuard) Read(p []byte) (int, error) {
	if g.left < 0 {
		return 0, errLongRow
	}
	n, err := g.r.Read(p)
	g.left -= n
	return n, err
}
