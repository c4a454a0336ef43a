// Package molecule reads, writes and judges molecules: atoms of known elements
// at points of space, with or without bonds.
//
//	set, err := molecule.Collect(molecule.ReadXYZ(r, "qm7.xyz"))
//	m := set.At(0)
//	bonds := molecule.Bonds(m)               // by a table of distances
//	ok := molecule.Stable(m, bonds)          // every atom has its valence
//
// Files are XYZ, many frames to a file, and SDF with tables of the version
// V2000; both may be gzipped. Readers hand out one molecule after the other and
// check every number; what is wrong is told with file, molecule and line.
//
// Bonds of a molecule without any are found from distances alone (Bonds), and
// quality is judged by them and by valences (Check): there is no force field and
// no chemistry toolkit behind it.
//
// A Set keeps many molecules in few bytes, 13 to an atom.
package molecule

import (
	"fmt"
	"iter"
	"math"

	"laminar/flow"
)

// Molecule is some atoms at points of space.
type Molecule struct {
	// Title is the comment of an XYZ frame or the title of an SDF entry, one line.
	Title string
	// Elements are the atoms' elements, X their places in ångström.
	Elements []Element
	X        [][3]float64
	// Bonds are those that a file holds, each pair once; nil where it holds none.
	Bonds []Bond
	// Charge holds the formal charge of each atom; nil where all are 0.
	Charge []int8
}

// Len is the number of atoms.
func (m *Molecule) Len() int { return len(m.Elements) }

// Bond joins the atoms numbered I and J, from 0, I < J.
type Bond struct {
	I, J int
	// Order is 1, 2 or 3, or Aromatic.
	Order int
}

// Aromatic is the order that SDF files give to bonds of aromatic rings.
const Aromatic = 4

// Set holds molecules without titles and bonds. It is immutable once read.
type Set struct {
	// Elements are the atoms of all molecules, one molecule after the other, and X
	// their places, three numbers each. The atoms of molecule i are those from
	// Start[i] to Start[i+1]-1.
	Elements []Element
	X        []float32
	Start    []int
}

// Collect reads all molecules of seq into a Set. The error is the first one of
// seq, or wraps flow.ErrFormat where there is no molecule.
func Collect(seq iter.Seq2[Molecule, error]) (*Set, error) {
	s := &Set{}
	for m, err := range seq {
		if err != nil {
			return nil, err
		}
		s.Add(m)
	}
	if s.Len() == 0 {
		return nil, fmt.Errorf("%w: no molecule in it", flow.ErrFormat)
	}
	return s, nil
}

// Add appends a molecule, its places rounded to float32.
func (s *Set) Add(m Molecule) {
	if len(s.Start) == 0 {
		s.Start = []int{0}
	}
	s.Elements = append(s.Elements, m.Elements...)
	for _, p := range m.X {
		s.X = append(s.X, float32(p[0]), float32(p[1]), float32(p[2]))
	}
	s.Start = append(s.Start, len(s.Elements))
}

// Len is the number of molecules; a nil set has none.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return max(0, len(s.Start)-1)
}

// Size is the number of atoms of molecule i.
func (s *Set) Size(i int) int { return s.Start[i+1] - s.Start[i] }

// At returns molecule i; its elements share the set's memory.
func (s *Set) At(i int) Molecule {
	lo, hi := s.Start[i], s.Start[i+1]
	m := Molecule{Elements: s.Elements[lo:hi:hi], X: make([][3]float64, hi-lo)}
	for a := range m.X {
		for k := range 3 {
			m.X[a][k] = float64(s.X[3*(lo+a)+k])
		}
	}
	return m
}

// Select returns the set of the given molecules, in that order, as a copy.
func (s *Set) Select(which []int) *Set {
	t := &Set{}
	for _, i := range which {
		t.Add(s.At(i))
	}
	return t
}

// Largest is the largest number of atoms of a molecule.
func (s *Set) Largest() int {
	n := 0
	for i := range s.Len() {
		n = max(n, s.Size(i))
	}
	return n
}

// Present lists the elements that occur, in the order of their numbers.
func (s *Set) Present() []Element {
	var seen [len(symbols) + 1]bool
	for _, e := range s.Elements {
		seen[e] = true
	}
	var out []Element
	for e := range seen {
		if seen[e] {
			out = append(out, Element(e))
		}
	}
	return out
}

// distance is the distance of two atoms in ångström.
func (m *Molecule) distance(i, j int) float64 {
	var sum float64
	for k := range 3 {
		d := m.X[i][k] - m.X[j][k]
		sum += d * d
	}
	return math.Sqrt(sum)
}
