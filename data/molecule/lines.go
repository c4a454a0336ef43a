package molecule

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"laminar/flow"
)

// maxLine is the longest line of a file.
const maxLine = 1 << 20

// lines hands out the lines of a file and words its faults.
type lines struct {
	name     string
	in       *bufio.Scanner
	number   int // of the line handed out last
	molecule int // the one that is read
}

// newLines takes off gzip.
func newLines(r io.Reader, name string) (*lines, error) {
	in := bufio.NewReader(r)
	l := &lines{name: name, molecule: 1}
	r = in
	if head, err := in.Peek(2); err == nil && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: gzip: %w", flow.ErrFormat, name, err)
		}
		r = z
	}
	l.in = bufio.NewScanner(r)
	l.in.Buffer(make([]byte, 0, 4096), maxLine)
	return l, nil
}

// next returns the next line; ok is false at the end of the file.
func (l *lines) next() (line string, ok bool, err error) {
	if l.in.Scan() {
		l.number++
		return strings.TrimSuffix(l.in.Text(), "\r"), true, nil
	}
	err = l.in.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		l.number++
		return "", false, l.fault("the line is longer than a megabyte; is this a text file?")
	}
	if err != nil {
		return "", false, fmt.Errorf("%w: %s: after line %d: %w", flow.ErrFormat, l.name, l.number, err)
	}
	return "", false, nil
}

// must is next where the file may not end; what names the line that is missing.
func (l *lines) must(what string, a ...any) (string, error) {
	line, ok, err := l.next()
	if err == nil && !ok {
		err = fmt.Errorf("%w: %s: molecule %d: the file ends after line %d, where %s should follow; it is truncated",
			flow.ErrFormat, l.name, l.molecule, l.number, fmt.Sprintf(what, a...))
	}
	return line, err
}

// fault is an error about the line handed out last.
func (l *lines) fault(format string, a ...any) error {
	return fmt.Errorf("%w: %s: molecule %d, line %d: %s", flow.ErrFormat, l.name, l.molecule, l.number, fmt.Sprintf(format, a...))
}

// place reads three coordinates.
func (l *lines) place(text []string) (p [3]float64, err error) {
	for k, s := range text {
		// Some programs write 1.5*^-5 for 1.5e-5.
		v, err := strconv.ParseFloat(strings.Replace(strings.TrimSpace(s), "*^", "e", 1), 64)
		if err != nil || math.IsNaN(v) || math.Abs(v) > 1e6 {
			return p, l.fault("%c is %q, not a coordinate in ångström", "xyz"[k], clip(s))
		}
		p[k] = v
	}
	return p, nil
}

// clip shortens text for a message.
func clip(s string) string {
	if s = strings.TrimSpace(s); len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
