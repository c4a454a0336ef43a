package table

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"laminar/flow"
)

// maxRow bounds the text of one row, so that a quote left open cannot gather the
// rest of a file in memory.
const maxRow = 16 << 20

// scanner cuts delimited text into cells. A cell that begins with the quote
// ends with it, holds delimiters and line ends as they are and the quote
// doubled; a quote inside another cell is a character like any. Spaces about
// a cell and lines without text are passed over.
type scanner struct {
	in           *bufio.Reader
	delim, quote byte
	line         int // lines read so far
	first        int // line that the present row begins on
	text         []byte
	ends         []int
	quoted       []bool // of each cell: it stood in quotes
	crlf         bool   // a line ended so
	cells        []string
	long         []byte
}

func newScanner(r io.Reader, delim, quote byte) *scanner {
	return &scanner{in: bufio.NewReaderSize(r, 1<<16), delim: delim, quote: quote}
}

// readLine returns the next line without its end.
func (s *scanner) readLine() ([]byte, error) {
	line, err := s.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		s.long = append(s.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) && len(s.long) <= maxRow {
			line, err = s.in.ReadSlice('\n')
			s.long = append(s.long, line...)
		}
		line = s.long
		if len(line) > maxRow {
			return nil, fmt.Errorf("%w: line %d is longer than %d MiB; is it a table?", flow.ErrFormat, s.line+1, maxRow>>20)
		}
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
		if !errors.Is(err, io.EOF) {
			err = unreadable(err)
		}
		return nil, err
	}
	s.line++
	line = bytes.TrimSuffix(line, []byte("\n"))
	if n := len(line); n > 0 && line[n-1] == '\r' {
		s.crlf = true
		line = line[:n-1]
	}
	return line, nil
}

// next returns the cells of the next row, io.EOF after the last.
func (s *scanner) next() ([]string, error) {
	for {
		line, err := s.readLine()
		if err != nil {
			return nil, err
		}
		if len(trim(line)) > 0 || s.delim == '\t' && len(line) > 0 {
			s.first = s.line
			return s.row(line)
		}
	}
}

func (s *scanner) row(line []byte) ([]string, error) {
	s.text, s.ends, s.quoted = s.text[:0], s.ends[:0], s.quoted[:0]
	if bytes.IndexByte(line, s.quote) < 0 {
		s.bare(string(line))
		return s.cells, nil
	}
	for {
		line = s.trimLeft(line)
		inQuotes := len(line) > 0 && line[0] == s.quote
		var rest []byte
		var more bool
		if inQuotes {
			var err error
			if rest, more, err = s.inQuotes(line[1:]); err != nil {
				return nil, err
			}
		} else {
			var cell []byte
			cell, rest, more = bytes.Cut(line, []byte{s.delim})
			s.text = append(s.text, trim(cell)...)
		}
		s.ends = append(s.ends, len(s.text))
		s.quoted = append(s.quoted, inQuotes)
		if !more {
			break
		}
		line = rest
	}
	all, from := string(s.text), 0
	s.cells = s.cells[:0]
	for _, end := range s.ends {
		s.cells = append(s.cells, all[from:end])
		from = end
	}
	return s.cells, nil
}

// bare cuts a line without quotes.
func (s *scanner) bare(line string) {
	s.cells = s.cells[:0]
	for {
		k := strings.IndexByte(line, s.delim)
		cell := line
		if k >= 0 {
			cell = line[:k]
		}
		for len(cell) > 0 && (cell[0] == ' ' || cell[0] == '\t') {
			cell = cell[1:]
		}
		for n := len(cell); n > 0 && (cell[n-1] == ' ' || cell[n-1] == '\t'); n-- {
			cell = cell[:n-1]
		}
		s.cells, s.quoted = append(s.cells, cell), append(s.quoted, false)
		if k < 0 {
			return
		}
		line = line[k+1:]
	}
}

// inQuotes gathers a cell after its opening quote, over as many lines as it
// takes.
func (s *scanner) inQuotes(line []byte) (rest []byte, more bool, err error) {
	opened := s.line
	for {
		k := bytes.IndexByte(line, s.quote)
		if k < 0 {
			s.text = append(append(s.text, line...), '\n')
			if len(s.text) > maxRow {
				return nil, false, fmt.Errorf("%w: line %d: a quote is opened in cell %d and not closed within %d MiB", flow.ErrFormat, opened, len(s.ends)+1, maxRow>>20)
			}
			if line, err = s.readLine(); err != nil {
				if errors.Is(err, io.EOF) {
					err = fmt.Errorf("%w: line %d: a quote is opened in cell %d and never closed", flow.ErrFormat, opened, len(s.ends)+1)
				}
				return nil, false, err
			}
			continue
		}
		s.text = append(s.text, line[:k]...)
		line = line[k+1:]
		if len(line) > 0 && line[0] == s.quote {
			s.text = append(s.text, s.quote)
			line = line[1:]
			continue
		}
		line = s.trimLeft(line)
		if len(line) == 0 {
			return nil, false, nil
		}
		if line[0] != s.delim {
			return nil, false, fmt.Errorf("%w: line %d: text follows the closing quote of cell %d; a quote inside quotes is written twice", flow.ErrFormat, s.line, len(s.ends)+1)
		}
		return line[1:], true, nil
	}
}

// trimLeft drops spaces, but not a delimiter that is one.
func (s *scanner) trimLeft(b []byte) []byte {
	for len(b) > 0 && b[0] != s.delim && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	return b
}

func trim(b []byte) []byte { return bytes.Trim(b, " \t") }

// csvSource is a table of delimited text.
type csvSource struct {
	*text
	format  Format
	columns []Declared
	skip    int // comment lines at the top
}

func openCSV(t *text, kind string, o ReadOptions) (Source, error) {
	s := &csvSource{text: t}
	if err := s.sniff(kind, o); err != nil {
		return nil, placed(t.name, err)
	}
	return s, nil
}

func (s *csvSource) Name() string        { return s.name }
func (s *csvSource) Format() Format      { return s.format }
func (s *csvSource) Columns() []Declared { return s.columns }

func (s *csvSource) Rows() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		r, closer, err := s.reader()
		if err != nil {
			yield(Record{}, err)
			return
		}
		defer closer.Close()
		c := newScanner(r, s.format.Delimiter[0], s.format.Quote[0])
		for range s.skip {
			if _, err := c.readLine(); err != nil {
				break
			}
		}
		for first := true; ; first = false {
			cells, err := c.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil && len(cells) != len(s.columns) {
				err = fmt.Errorf("%w: line %d has %d cells where the first row has %d; every row needs as many", flow.ErrFormat, c.first, len(cells), len(s.columns))
			}
			if err != nil {
				yield(Record{}, placed(s.name, err))
				return
			}
			if first && s.format.Header {
				continue
			}
			if !yield(Record{Line: c.first, Cells: cells}, nil) {
				return
			}
		}
	}
}

// sniffed is how many bytes and rows of a file its dialect is told by.
const (
	sniffBytes = 1 << 17
	sniffRows  = 2000
)

// sniff learns delimiter, quote, comments, header and habits of quoting from the
// first part of the file.
func (s *csvSource) sniff(kind string, o ReadOptions) error {
	r, closer, err := s.reader()
	if err != nil {
		return err
	}
	defer closer.Close()
	head, err := io.ReadAll(io.LimitReader(r, sniffBytes))
	if err != nil {
		return unreadable(err)
	}
	if len(bytes.TrimSpace(head)) == 0 {
		return fmt.Errorf("%w: the file is empty", flow.ErrFormat)
	}
	whole := len(head) < sniffBytes
	f := Format{Kind: "csv", Encoding: s.encoding, BOM: s.bom}
	delims := []byte{'\t', ';', '|', ','}
	if kind == "tsv" {
		delims = delims[:1]
	}
	if o.Delimiter != "" {
		delims = []byte(o.Delimiter)
	}
	best := -1.0
	var rows sample
	for _, d := range delims {
		q := quoteOf(head, d)
		skip, rest := comments(head, d, q)
		some := take(rest, d, q, whole)
		if score := some.score(); score > best {
			best, rows = score, some
			f.Delimiter, f.Quote, s.skip = string(d), string(q), skip
		}
	}
	if best <= 0 && o.Delimiter == "" && kind != "tsv" {
		if some := take(head, ' ', '"', whole); some.score() == 1 && some.numbers() {
			best, rows = 1, some
			f.Delimiter, f.Quote = " ", `"`
		}
	}
	if best <= 0 {
		f.Delimiter = string(delims[len(delims)-1])
		f.Quote = string(quoteOf(head, f.Delimiter[0]))
		var rest []byte
		s.skip, rest = comments(head, f.Delimiter[0], f.Quote[0])
		rows = take(rest, f.Delimiter[0], f.Quote[0], whole)
	}
	if len(rows.rows) == 0 {
		if rows.err != nil {
			return rows.err
		}
		return fmt.Errorf("%w: the file holds no rows", flow.ErrFormat)
	}
	f.CRLF = rows.crlf
	f.Space = f.Delimiter != "\t" && f.Delimiter != " " && spaced(head, f.Delimiter[0])
	f.Header = rows.header()
	if o.Header != "" {
		f.Header = o.Header == "yes"
	}
	s.format = f
	s.columns = rows.declared(&s.format)
	return nil
}

// sample is the first rows of a file.
type sample struct {
	rows   [][]string
	quoted [][]bool
	crlf   bool
	err    error
}

// take scans the rows of head; unless it is the whole file, its last row may be
// cut and does not count.
func take(head []byte, delim, quote byte, whole bool) sample {
	c := newScanner(bytes.NewReader(head), delim, quote)
	var s sample
	for len(s.rows) < sniffRows {
		cells, err := c.next()
		if errors.Is(err, io.EOF) {
			if !whole && len(s.rows) > 1 {
				s.rows, s.quoted = s.rows[:len(s.rows)-1], s.quoted[:len(s.quoted)-1]
			}
			break
		}
		if err != nil {
			if whole || len(s.rows) == 0 {
				s.err = err
			}
			break
		}
		s.rows = append(s.rows, append([]string(nil), cells...))
		s.quoted = append(s.quoted, append([]bool(nil), c.quoted...))
	}
	s.crlf = c.crlf
	return s
}

// score is the share of rows with the usual number of cells, 0 if that is one.
// A delimiter that fails has to be worse than one that splits nothing else.
func (s sample) score() float64 {
	count := map[int]int{}
	usual := 0
	for _, r := range s.rows {
		count[len(r)]++
		if count[len(r)] > count[usual] || count[len(r)] == count[usual] && len(r) > usual {
			usual = len(r)
		}
	}
	if usual < 2 || s.err != nil && len(s.rows) < 2 {
		return 0
	}
	return float64(count[usual]) / float64(len(s.rows))
}

// numbers reports whether most cells are numbers: only then do spaces part them.
func (s sample) numbers() bool {
	n, all := 0, 0
	for _, r := range s.rows {
		for _, cell := range r {
			all++
			if _, ok := parseNumber(cell, Number{}); ok {
				n++
			}
		}
	}
	return 2*n > all
}

// quoteOf is ' if cells stand in such and none in ", else ".
func quoteOf(head []byte, delim byte) byte {
	var n [2]int
	for line := range bytes.Lines(head) {
		for cell := range bytes.SplitSeq(line, []byte{delim}) {
			cell = bytes.TrimSpace(cell)
			if len(cell) < 2 || cell[0] != cell[len(cell)-1] {
				continue
			}
			switch cell[0] {
			case '"':
				n[0]++
			case '\'':
				n[1]++
			}
		}
	}
	if n[0] == 0 && n[1] > 0 {
		return '\''
	}
	return '"'
}

// comments counts the lines at the top that begin with #, unless the last of
// them has as many cells as the line below: then it is a header.
func comments(head []byte, delim, quote byte) (int, []byte) {
	n, last := 0, head
	for bytes.HasPrefix(head, []byte("#")) {
		last = head
		_, head, _ = bytes.Cut(head, []byte("\n"))
		n++
	}
	if n == 0 {
		return 0, head
	}
	if two := take(last, delim, quote, true); len(two.rows) > 1 && len(two.rows[0]) == len(two.rows[1]) && len(two.rows[0]) > 1 {
		return n - 1, last
	}
	return n, head
}

// spaced reports whether nearly every delimiter is followed by a space.
func spaced(head []byte, delim byte) bool {
	all := bytes.Count(head, []byte{delim})
	return all > 0 && bytes.Count(head, []byte{delim, ' '}) > all*9/10
}

// header reports whether the first row holds names. A number there says no. A
// word above numbers or dates says yes; where all columns are words, a row
// whose words do not come again says yes.
func (s sample) header() bool {
	first := s.rows[0]
	if len(s.rows) == 1 {
		return false
	}
	words, above := 0, false
	again := 0
	for j, name := range first {
		if name == "" {
			continue
		}
		if datum(name) {
			return false
		}
		words++
		numbers, cells := 0, 0
		repeated := false
		for _, r := range s.rows[1:] {
			if j >= len(r) || markers[r[j]] {
				continue
			}
			cells++
			if datum(r[j]) {
				numbers++
			}
			repeated = repeated || r[j] == name
		}
		if cells > 0 && numbers*10 > cells*9 {
			above = true
		}
		if repeated {
			again++
		}
	}
	return words > 0 && (above || again == 0)
}

// datum reports whether a text is a number or a date.
func datum(cell string) bool {
	if _, ok := parseNumber(cell, Number{}); ok {
		return true
	}
	return len(cell) > 0 && len(layoutsOf(cell)) > 0
}

// declared names the columns, and tells which are quoted throughout.
func (s sample) declared(f *Format) []Declared {
	headers := make([]string, len(s.rows[0]))
	body, quoted := s.rows, s.quoted
	if f.Header {
		for j, h := range body[0] {
			headers[j] = strings.Clone(h)
			f.QuotedHeader = f.QuotedHeader || quoted[0][j]
		}
		body, quoted = body[1:], quoted[1:]
	}
	out := make([]Declared, len(headers))
	for j, name := range unique(headers) {
		bare, q := 0, 0
		for i, r := range body {
			switch {
			case j >= len(r):
			case quoted[i][j]:
				q++
			case !markers[r[j]]:
				bare++
			}
		}
		out[j] = Declared{Name: name, Header: headers[j], Quoted: q > 0 && bare == 0}
	}
	return out
}
