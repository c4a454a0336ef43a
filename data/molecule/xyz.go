package molecule

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
)

// maxAtoms is the largest molecule that is read.
const maxAtoms = 100_000

// ReadXYZ reads the frames of an XYZ file, gzipped or not: a line with the
// number of atoms, a line of comment, and a line for each atom with its symbol
// (or atomic number) and coordinates in ångström; what follows on a line is
// ignored, and so are empty lines between frames. name is what messages call the
// file.
//
// The sequence ends with the first error, which wraps flow.ErrFormat.
func ReadXYZ(r io.Reader, name string) iter.Seq2[Molecule, error] {
	return each(r, name, readFrame)
}

// each reads molecules until read answers no more.
func each(r io.Reader, name string, read func(*lines) (m Molecule, ok bool, err error)) iter.Seq2[Molecule, error] {
	return func(yield func(Molecule, error) bool) {
		l, err := newLines(r, name)
		if err != nil {
			yield(Molecule{}, err)
			return
		}
		for {
			m, ok, err := read(l)
			if err == nil && !ok {
				return
			}
			if !yield(m, err) || err != nil {
				return
			}
			l.molecule++
		}
	}
}

func readFrame(l *lines) (m Molecule, ok bool, err error) {
	line := ""
	for strings.TrimSpace(line) == "" {
		if line, ok, err = l.next(); err != nil || !ok {
			return m, false, err
		}
	}
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || n < 1 || n > maxAtoms {
		return m, false, l.fault("%q is not a number of atoms, with which a molecule of an XYZ file begins", clip(line))
	}
	if m.Title, err = l.must("the comment"); err != nil {
		return m, false, err
	}
	m.Title = strings.ToValidUTF8(strings.TrimSpace(m.Title), "?")
	for a := range n {
		if line, err = l.must("atom %d of %d", a+1, n); err != nil {
			return m, false, err
		}
		fields := strings.Fields(line)
		if len(fields) < 4 {
			return m, false, l.fault("%q is not an atom with a symbol and x, y, z; the molecule is said to have %d", clip(line), n)
		}
		e, known := ParseElement(fields[0])
		if !known {
			return m, false, l.fault("%q is not the symbol of an element", clip(fields[0]))
		}
		p, err := l.place(fields[1:4])
		if err != nil {
			return m, false, err
		}
		m.Elements, m.X = append(m.Elements, e), append(m.X, p)
	}
	return m, true, nil
}

// WriteXYZ writes frames that ReadXYZ reads, with six decimals.
func WriteXYZ(w io.Writer, molecules ...Molecule) error {
	out := bufio.NewWriter(w)
	for _, m := range molecules {
		fmt.Fprintf(out, "%d\n%s\n", m.Len(), oneLine(m.Title))
		for a, e := range m.Elements {
			fmt.Fprintf(out, "%-2s %12.6f %12.6f %12.6f\n", e, m.X[a][0], m.X[a][1], m.X[a][2])
		}
	}
	return out.Flush()
}

// oneLine makes a title of text.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s))
}
