package table

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"laminar/flow"
)

// arffSource is a table in Weka's attribute-relation file format.
type arffSource struct {
	*text
	format  Format
	columns []Declared
	data    int // the line of @data
}

func (s *arffSource) Name() string        { return s.name }
func (s *arffSource) Format() Format      { return s.format }
func (s *arffSource) Columns() []Declared { return s.columns }

func openARFF(t *text) (Source, error) {
	s := &arffSource{text: t, format: Format{Kind: "arff", Encoding: t.encoding, BOM: t.bom}}
	r, closer, err := t.reader()
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	in := newScanner(r, ',', '\'')
	var headers []string
	for {
		line, err := in.readLine()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: %s: no @data line; an ARFF file has @relation, @attribute lines, @data and rows", flow.ErrFormat, t.name)
		}
		if err != nil {
			return nil, placed(t.name, err)
		}
		text := strings.TrimSpace(string(line))
		word, rest := cutWord(text)
		switch strings.ToLower(word) {
		case "@relation":
			s.format.Relation, _, err = arffToken(rest)
		case "@attribute":
			var d Declared
			d, err = attribute(rest)
			s.columns = append(s.columns, d)
			headers = append(headers, d.Header)
		case "@data":
			s.data = in.line
			s.format.CRLF = in.crlf
			if len(s.columns) == 0 {
				return nil, fmt.Errorf("%w: %s: line %d: no @attribute before @data", flow.ErrFormat, t.name, in.line)
			}
			for j, name := range unique(headers) {
				s.columns[j].Name = name
			}
			return s, nil
		default:
			if text != "" && text[0] != '%' {
				err = fmt.Errorf("%s is none of @relation, @attribute, @data and %% comment", shown(text))
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s: line %d: %v", flow.ErrFormat, t.name, in.line, err)
		}
	}
}

func cutWord(s string) (word, rest string) {
	k := strings.IndexAny(s, " \t")
	if k < 0 {
		return s, ""
	}
	return s[:k], strings.TrimSpace(s[k:])
}

// attribute reads NAME TYPE.
func attribute(s string) (Declared, error) {
	var d Declared
	var err error
	if d.Header, s, err = arffToken(s); err != nil {
		return d, err
	}
	if s == "" {
		return d, fmt.Errorf("attribute %q has no type", d.Header)
	}
	if s[0] == '{' {
		end := strings.LastIndexByte(s, '}')
		if end < 0 {
			return d, fmt.Errorf("attribute %q: the list of values has no }", d.Header)
		}
		d.Kind = Category
		if d.Levels, _, err = arffCells(s[1:end]); err != nil {
			return d, fmt.Errorf("attribute %q: %v", d.Header, err)
		}
		seen := map[string]bool{}
		for _, l := range d.Levels {
			if seen[l] {
				return d, fmt.Errorf("attribute %q: the value %q is listed twice", d.Header, l)
			}
			seen[l] = true
		}
		return d, nil
	}
	kind, rest := cutWord(s)
	switch strings.ToLower(kind) {
	case "numeric", "real", "integer", "string":
		// How the numbers are written, and whether text repeats, is inferred.
	case "date":
		layout := "2006-01-02T15:04:05"
		if rest != "" {
			pattern, _, err := arffToken(rest)
			if err != nil {
				return d, err
			}
			if layout, err = javaLayout(pattern); err != nil {
				return d, fmt.Errorf("attribute %q: %v", d.Header, err)
			}
		}
		d.Kind, d.Layout = Date, layout
	default:
		return d, fmt.Errorf("attribute %q: unknown type %q; known are numeric, real, integer, string, date and {values}", d.Header, kind)
	}
	return d, nil
}

// arffToken cuts a name, in quotes or bare, off the front of s.
func arffToken(s string) (token, rest string, err error) {
	if s == "" {
		return "", "", errors.New("a name is missing")
	}
	if s[0] != '\'' && s[0] != '"' {
		k := strings.IndexAny(s, " \t{")
		if k < 0 {
			return s, "", nil
		}
		return s[:k], strings.TrimSpace(s[k:]), nil
	}
	token, n, err := unquote(s)
	if err != nil {
		return "", "", err
	}
	return token, strings.TrimSpace(s[n:]), nil
}

// unquote reads a quoted text with backslash escapes at the front of s and
// returns how long it was.
func unquote(s string) (string, int, error) {
	quote := s[0]
	var b []byte
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			switch s[i] {
			case 'n':
				b = append(b, '\n')
			case 'r':
				b = append(b, '\r')
			case 't':
				b = append(b, '\t')
			default:
				b = append(b, s[i])
			}
		case c == quote:
			return string(b), i + 1, nil
		default:
			b = append(b, c)
		}
	}
	return "", 0, errors.New("a quote is opened and not closed")
}

// arffCells cuts a line at its commas. quoted tells which cells were in quotes.
func arffCells(s string) (cells []string, quoted []bool, err error) {
	for {
		s = strings.TrimLeft(s, " \t")
		if s != "" && (s[0] == '\'' || s[0] == '"') {
			text, n, err := unquote(s)
			if err != nil {
				return nil, nil, err
			}
			cells, quoted = append(cells, text), append(quoted, true)
			s = strings.TrimLeft(s[n:], " \t")
			if s == "" {
				return cells, quoted, nil
			}
			if s[0] != ',' {
				return nil, nil, fmt.Errorf("text follows the closing quote of value %d", len(cells))
			}
			s = s[1:]
			continue
		}
		cell, rest, more := strings.Cut(s, ",")
		cells, quoted = append(cells, strings.TrimRight(cell, " \t")), append(quoted, false)
		if !more {
			return cells, quoted, nil
		}
		s = rest
	}
}

func (s *arffSource) Rows() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		r, closer, err := s.reader()
		if err != nil {
			yield(Record{}, err)
			return
		}
		defer closer.Close()
		in := newScanner(r, ',', '\'')
		for {
			line, err := in.readLine()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Record{}, placed(s.name, err))
				return
			}
			text := strings.TrimSpace(string(line))
			if in.line <= s.data || text == "" || text[0] == '%' {
				continue
			}
			cells, err := s.row(text)
			if err != nil {
				yield(Record{}, fmt.Errorf("%w: %s: line %d: %v", flow.ErrFormat, s.name, in.line, err))
				return
			}
			if !yield(Record{Line: in.line, Cells: cells}, nil) {
				return
			}
		}
	}
}

func (s *arffSource) row(text string) ([]string, error) {
	if text[0] == '{' {
		return s.sparse(text)
	}
	cells, quoted, err := arffCells(text)
	if err != nil {
		return nil, err
	}
	if len(cells) != len(s.columns) {
		return nil, fmt.Errorf("%d values for %d attributes", len(cells), len(s.columns))
	}
	for j, c := range cells {
		if c == "?" && !quoted[j] {
			cells[j] = Null
		}
	}
	return cells, nil
}

// sparse reads {INDEX VALUE, ...}; what is not named is 0, or the first of the
// values listed.
func (s *arffSource) sparse(text string) ([]string, error) {
	if !strings.HasSuffix(text, "}") {
		return nil, errors.New("a sparse row has no }")
	}
	cells := make([]string, len(s.columns))
	for j, d := range s.columns {
		cells[j] = "0"
		if len(d.Levels) > 0 {
			cells[j] = d.Levels[0]
		}
	}
	for body := strings.TrimSpace(text[1 : len(text)-1]); body != ""; {
		at, rest := cutWord(body)
		j, err := strconv.Atoi(at)
		if err != nil || j < 0 || j >= len(cells) || rest == "" {
			return nil, fmt.Errorf("%s is not INDEX VALUE of a sparse row of %d attributes", shown(body), len(cells))
		}
		var value string
		if quoted := rest[0] == '\'' || rest[0] == '"'; quoted {
			var n int
			if value, n, err = unquote(rest); err != nil {
				return nil, err
			}
			rest = strings.TrimSpace(rest[n:])
			if rest != "" && rest[0] != ',' {
				return nil, fmt.Errorf("text follows the closing quote of value %d", j)
			}
			body = strings.TrimSpace(strings.TrimPrefix(rest, ","))
		} else {
			value, body, _ = strings.Cut(rest, ",")
			value, body = strings.TrimSpace(value), strings.TrimSpace(body)
			if value == "?" {
				value = Null
			}
		}
		cells[j] = value
	}
	return cells, nil
}

// javaLayout turns a pattern of Java's SimpleDateFormat into Go's notation.
func javaLayout(pattern string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(pattern); {
		c := pattern[i]
		n := 1
		for i+n < len(pattern) && pattern[i+n] == c {
			n++
		}
		switch {
		case c == '\'':
			end := strings.IndexByte(pattern[i+1:], '\'')
			if end < 0 {
				return "", fmt.Errorf("date format %q: a quote is not closed", pattern)
			}
			b.WriteString(pattern[i+1 : i+1+end])
			i += end + 2
			continue
		case strings.IndexByte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", c) < 0:
			b.WriteString(pattern[i : i+n])
		default:
			part, ok := javaParts[pattern[i:i+n]]
			if !ok {
				return "", fmt.Errorf("date format %q: %q is not supported", pattern, pattern[i:i+n])
			}
			b.WriteString(part)
		}
		i += n
	}
	return b.String(), nil
}

var javaParts = map[string]string{
	"yyyy": "2006", "yy": "06", "MM": "01", "M": "1", "MMM": "Jan", "MMMM": "January", "dd": "02", "d": "2",
	"HH": "15", "H": "15", "hh": "03", "h": "3", "mm": "04", "ss": "05", "SSS": "000", "a": "PM", "EEE": "Mon", "EEEE": "Monday",
	"Z": "-0700", "X": "Z07", "XX": "Z0700", "XXX": "Z07:00", "z": "MST",
}
