package image

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"laminar/flow"
)

// ReadLabels gives the pictures of s the classes that a CSV file lists, with a
// header or without: a line to a picture, in the order of the pictures, or
// numbered from 0 by a first column. Whole numbers are classes in ascending
// order, other names in that of the alphabet. The error wraps flow.ErrFormat.
func (s *Set) ReadLabels(r io.Reader, name string) error {
	fault := func(format string, a ...any) error {
		return fmt.Errorf("%w: %s: %s", flow.ErrFormat, name, fmt.Sprintf(format, a...))
	}
	in := csv.NewReader(r)
	in.TrimLeadingSpace = true
	lines, err := in.ReadAll()
	if err != nil {
		var p *csv.ParseError
		if errors.As(err, &p) {
			return fault("line %d: %v", p.Line, p.Err)
		}
		return fault("%v", err)
	}
	first := 1 // the line that lines[0] is in the file
	if len(lines) == s.Len()+1 {
		lines, first = lines[1:], 2
	}
	if len(lines) != s.Len() {
		return fault("%d labels for %d pictures; give each picture one line", len(lines), s.Len())
	}
	labels := make([]string, s.Len())
	for i, l := range lines {
		at, text := i, strings.TrimSpace(l[len(l)-1])
		if len(l) > 2 {
			return fault("line %d has %d columns; labels have one, or the picture's number before it", i+first, len(l))
		}
		if len(l) == 2 {
			if at, err = strconv.Atoi(strings.TrimSpace(l[0])); err != nil || at < 0 || at >= s.Len() {
				return fault("line %d: %q is no picture's number, from 0 to %d", i+first, l[0], s.Len()-1)
			}
		}
		switch {
		case text == "":
			return fault("line %d: the label is empty", i+first)
		case labels[at] != "":
			return fault("line %d: picture %d has a label already", i+first, at)
		}
		labels[at] = text
	}
	s.setClasses(labels)
	return nil
}

// setClasses makes the distinct labels the classes.
func (s *Set) setClasses(labels []string) {
	s.Classes = slices.Clone(labels)
	slices.Sort(s.Classes)
	s.Classes = slices.Compact(s.Classes)
	numbers := !slices.ContainsFunc(s.Classes, func(c string) bool {
		_, err := strconv.Atoi(c)
		return err != nil
	})
	if numbers {
		slices.SortStableFunc(s.Classes, func(a, b string) int {
			x, _ := strconv.Atoi(a)
			y, _ := strconv.Atoi(b)
			return x - y
		})
	}
	id := map[string]int32{}
	for k, c := range s.Classes {
		id[c] = int32(k)
	}
	s.Class = make([]int32, len(labels))
	for i, c := range labels {
		s.Class[i] = id[c]
	}
}
