package molecule

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
)

// ReadSDF reads the entries of an SDF file with connection tables V2000, gzipped
// or not; a MOL file is one such entry. Charges are read from M CHG lines, or
// from the atoms' column where there is none; other properties and data items are
// passed over. name is what messages call the file.
//
// The sequence ends with the first error, which wraps flow.ErrFormat.
func ReadSDF(r io.Reader, name string) iter.Seq2[Molecule, error] {
	return each(r, name, readEntry)
}

func readEntry(l *lines) (m Molecule, ok bool, err error) {
	title, ok, err := l.next()
	if err != nil || !ok {
		return m, false, err
	}
	m.Title = strings.ToValidUTF8(strings.TrimSpace(title), "?")
	for _, what := range []string{"the line of the program", "the comment"} {
		_, ok, err := l.next()
		if err != nil {
			return m, false, err
		}
		if !ok {
			if m.Title == "" {
				return m, false, nil // empty lines at the end
			}
			_, err = l.must("%s", what)
			return m, false, err
		}
	}
	counts, err := l.must("the numbers of atoms and bonds")
	if err != nil {
		return m, false, err
	}
	if strings.Contains(counts, "V3000") {
		return m, false, l.fault("the table is of version V3000; write it as V2000")
	}
	atoms, errA := strconv.Atoi(column(counts, 0, 3))
	bonds, errB := strconv.Atoi(column(counts, 3, 6))
	if errA != nil || errB != nil || atoms < 1 || bonds < 0 {
		return m, false, l.fault("%q does not begin with the numbers of atoms and bonds, three columns each", clip(counts))
	}
	for a := range atoms {
		line, err := l.must("atom %d of %d", a+1, atoms)
		if err != nil {
			return m, false, err
		}
		if err := m.addAtom(l, line); err != nil {
			return m, false, err
		}
	}
	for k := range bonds {
		line, err := l.must("bond %d of %d", k+1, bonds)
		if err != nil {
			return m, false, err
		}
		if err := m.addBond(l, line); err != nil {
			return m, false, err
		}
	}
	return m, true, m.properties(l)
}

// column returns columns lo to hi-1 of a line, trimmed.
func column(line string, lo, hi int) string {
	if lo >= len(line) {
		return ""
	}
	return strings.TrimSpace(line[lo:min(hi, len(line))])
}

// chargeOf is what the numbers in the charge column of an atom stand for.
var chargeOf = map[string]int8{"1": 3, "2": 2, "3": 1, "5": -1, "6": -2, "7": -3}

func (m *Molecule) addAtom(l *lines, line string) error {
	p, err := l.place([]string{column(line, 0, 10), column(line, 10, 20), column(line, 20, 30)})
	if err != nil {
		return err
	}
	symbol := column(line, 31, 34)
	e, ok := bySymbol[symbol]
	if !ok {
		return l.fault("%q in columns 32 to 34 is not the symbol of an element", clip(symbol))
	}
	m.Elements, m.X = append(m.Elements, e), append(m.X, p)
	if q := chargeOf[column(line, 36, 39)]; q != 0 {
		m.setCharge(len(m.Elements)-1, q)
	}
	return nil
}

// setCharge charges atom a, of which there may be more to come.
func (m *Molecule) setCharge(a int, q int8) {
	for len(m.Charge) < len(m.Elements) {
		m.Charge = append(m.Charge, 0)
	}
	m.Charge[a] = q
}

func (m *Molecule) addBond(l *lines, line string) error {
	var v [3]int
	for k := range v {
		n, err := strconv.Atoi(column(line, 3*k, 3*k+3))
		if err != nil {
			return l.fault("%q does not begin with two atoms and the kind of their bond, three columns each", clip(line))
		}
		v[k] = n
	}
	i, j, order := min(v[0], v[1])-1, max(v[0], v[1])-1, v[2]
	switch {
	case i < 0 || j >= m.Len() || i == j:
		return l.fault("a bond joins atoms %d and %d; the molecule has %d", v[0], v[1], m.Len())
	case order < 1 || order > Aromatic:
		return l.fault("a bond is of kind %d; 1 single, 2 double, 3 triple and 4 aromatic are known", order)
	}
	m.Bonds = append(m.Bonds, Bond{i, j, order})
	return nil
}

// properties reads on to the end of the entry.
func (m *Molecule) properties(l *lines) error {
	ended, cleared := false, false
	for {
		line, ok, err := l.next()
		switch {
		case err != nil:
			return err
		case !ok && !ended:
			_, err := l.must("M  END")
			return err
		case !ok || strings.HasPrefix(line, "$$$$"):
			if !ended {
				return l.fault("the entry ends without M  END")
			}
			if m.Charge != nil { // of the atoms after the last charged one
				m.Charge = append(m.Charge, make([]int8, m.Len()-len(m.Charge))...)
			}
			return nil
		case ended:
		case strings.HasPrefix(line, "M  END"):
			ended = true
		case strings.HasPrefix(line, "M  CHG"):
			if !cleared {
				m.Charge, cleared = nil, true
			}
			fields := strings.Fields(line[6:])
			for k := 1; k+1 < len(fields); k += 2 {
				a, errA := strconv.Atoi(fields[k])
				q, errQ := strconv.Atoi(fields[k+1])
				if errA != nil || errQ != nil || a < 1 || a > m.Len() || q < -15 || q > 15 {
					return l.fault("%q is not a list of atoms and their charges", clip(line))
				}
				m.setCharge(a-1, int8(q))
			}
		}
	}
}

// WriteSDF writes entries that ReadSDF reads. A molecule without bonds gets those
// of the table of distances. A molecule of more than 999 atoms or 100,000 ångström
// across has no place in a table V2000: the error says so.
func WriteSDF(w io.Writer, molecules ...Molecule) error {
	out := bufio.NewWriter(w)
	for i := range molecules {
		m := &molecules[i]
		bonds := m.Bonds
		if bonds == nil {
			bonds = Bonds(m)
		}
		if m.Len() > 999 || len(bonds) > 999 {
			return fmt.Errorf("molecule %d has %d atoms and %d bonds; an SDF file of version V2000 has room for 999: write XYZ", i+1, m.Len(), len(bonds))
		}
		for a, p := range m.X {
			if min(p[0], p[1], p[2]) <= -1e4 || max(p[0], p[1], p[2]) >= 1e5 {
				return fmt.Errorf("atom %d of molecule %d is at %v; an SDF file has room for -9999 to 99999", a+1, i+1, p)
			}
		}
		fmt.Fprintf(out, "%s\n  Laminar           3D\n\n%3d%3d  0  0  0  0  0  0  0  0999 V2000\n", oneLine(m.Title), m.Len(), len(bonds))
		for a, e := range m.Elements {
			fmt.Fprintf(out, "%10.4f%10.4f%10.4f %-3s 0  0  0  0  0  0  0  0  0  0  0  0\n", m.X[a][0], m.X[a][1], m.X[a][2], e)
		}
		for _, b := range bonds {
			fmt.Fprintf(out, "%3d%3d%3d  0\n", b.I+1, b.J+1, b.Order)
		}
		for a, q := range m.Charge {
			if q != 0 {
				fmt.Fprintf(out, "M  CHG  1 %3d %3d\n", a+1, q)
			}
		}
		fmt.Fprint(out, "M  END\n$$$$\n")
	}
	return out.Flush()
}
