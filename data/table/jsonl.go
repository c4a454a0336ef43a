package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"laminar/flow"
)

// jsonlSource is a table of JSON objects, one a line. A key that an object lacks
// is a missing cell; an array or object inside is its text.
type jsonlSource struct {
	*text
	format  Format
	columns []Declared
	at      map[string]int
}

func (s *jsonlSource) Name() string        { return s.name }
func (s *jsonlSource) Format() Format      { return s.format }
func (s *jsonlSource) Columns() []Declared { return s.columns }

// openJSONL reads all rows once, for their keys.
func openJSONL(t *text) (Source, error) {
	s := &jsonlSource{text: t, format: Format{Kind: "jsonl", Encoding: t.encoding, BOM: t.bom}, at: map[string]int{}}
	var typed []bool // a number or boolean was seen
	err := s.objects(func(_ int, key string, cell string, isString bool) error {
		j, ok := s.at[key]
		if !ok {
			j = len(s.columns)
			key = strings.Clone(key)
			s.at[key] = j
			s.columns = append(s.columns, Declared{Name: key, Header: key, Quoted: true})
			typed = append(typed, false)
		}
		typed[j] = typed[j] || !isString && cell != Null
		return nil
	}, func(int) error { return nil })
	if err != nil {
		return nil, err
	}
	if len(s.columns) == 0 {
		return nil, fmt.Errorf("%w: %s: no row has a key", flow.ErrFormat, t.name)
	}
	var headers []string
	for j, c := range s.columns {
		s.columns[j].Quoted = !typed[j]
		headers = append(headers, c.Header)
	}
	for j, name := range unique(headers) {
		s.columns[j].Name = name
	}
	return s, nil
}

var errStop = errors.New("stop")

// objects calls cell for every member and end after every object.
func (s *jsonlSource) objects(cell func(line int, key, text string, isString bool) error, end func(line int) error) error {
	r, closer, err := s.reader()
	if err != nil {
		return err
	}
	defer closer.Close()
	in := newScanner(r, ',', '"')
	for {
		line, err := in.readLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return placed(s.name, err)
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if err := object(line, func(key, text string, isString bool) error { return cell(in.line, key, text, isString) }); err != nil {
			hint := ""
			if in.line == 1 && line[0] == '[' {
				hint = "; JSON lines have one object a line, without brackets about them"
			}
			return fmt.Errorf("%w: %s: line %d: %v%s", flow.ErrFormat, s.name, in.line, err, hint)
		}
		if err := end(in.line); err != nil {
			return err
		}
	}
}

// object reads one line.
func object(line []byte, cell func(key, text string, isString bool) error) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return fmt.Errorf("not valid JSON: %v", err)
		}
		key, ok := t.(string)
		if !ok {
			return errors.New("not valid JSON: a key is not a string")
		}
		if seen[key] {
			return fmt.Errorf("the key %q comes twice", key)
		}
		seen[key] = true
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return fmt.Errorf("key %q: not valid JSON: %v", key, err)
		}
		text, isString := string(raw), false
		switch {
		case text == "null":
			text = Null
		case raw[0] == '"':
			isString = true
			if err := json.Unmarshal(raw, &text); err != nil {
				return fmt.Errorf("key %q: %v", key, err)
			}
		}
		if err := cell(key, text, isString); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("not valid JSON: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value on the line")
	}
	return nil
}

func (s *jsonlSource) Rows() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		cells := make([]string, len(s.columns))
		empty := func() {
			for j := range cells {
				cells[j] = Null
			}
		}
		empty()
		err := s.objects(func(line int, key, text string, _ bool) error {
			j, ok := s.at[key]
			if !ok {
				return fmt.Errorf("the key %q was not there before; did the file change?", key)
			}
			cells[j] = text
			return nil
		}, func(line int) error {
			if !yield(Record{Line: line, Cells: cells}, nil) {
				return errStop
			}
			empty()
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(Record{}, err)
		}
	}
}
