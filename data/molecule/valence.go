package molecule

import "slices"

// valences are the sums of bond orders at which an uncharged atom is stable. That
// of sulphur is 4 too in the tables of Hoogeboom et al. (2022); 2 and 6 are its
// others.
var valences = map[Element][]int{
	H: {1}, C: {4}, N: {3}, O: {2}, F: {1}, P: {3, 5}, S: {2, 4, 6}, Cl: {1},
}

// Verdict is what the bonds of one molecule say of it.
type Verdict struct {
	// Atoms is the number of atoms, StableAtoms that of atoms whose bond orders
	// add up to one of the valences of their element.
	Atoms, StableAtoms int
	// Stable tells that all atoms are.
	Stable bool
	// Connected tells that bonds join all atoms into one molecule.
	Connected bool
	// Valid tells that the molecule is connected and no atom exceeds the highest
	// valence of its element. An atom may have fewer bonds: it is then a radical,
	// as toolkits that fill in hydrogen take it.
	Valid bool
}

// Check judges a molecule by bonds. Charged atoms are judged by the valence of the
// neighbour in the periodic table that has as many electrons (N+ as C, O- as F).
func Check(m *Molecule, bonds []Bond) Verdict {
	v := Verdict{Atoms: m.Len(), Connected: connected(m.Len(), bonds)}
	sums := sums(m, bonds)
	v.Valid = v.Connected
	for a, ok := range StableAtoms(m, bonds) {
		if ok {
			v.StableAtoms++
		}
		if allowed := m.valences(a); len(allowed) == 0 || sums[a] > slices.Max(allowed) {
			v.Valid = false
		}
	}
	v.Stable = v.StableAtoms == v.Atoms
	return v
}

// StableAtoms tells of each atom whether it is stable; see Verdict.
func StableAtoms(m *Molecule, bonds []Bond) []bool {
	out := make([]bool, m.Len())
	for a, sum := range sums(m, bonds) {
		out[a] = slices.Contains(m.valences(a), sum)
	}
	return out
}

// valences are those of atom a, nil where they are not known.
func (m *Molecule) valences(a int) []int {
	e := m.Elements[a]
	if m.Charge != nil {
		e = Element(int(e) - int(m.Charge[a]))
	}
	return valences[e]
}

// sums are the bond orders of each atom, added up; aromatic bonds count 3/2 and
// sums are rounded down.
func sums(m *Molecule, bonds []Bond) []int {
	twice := make([]int, m.Len())
	for _, b := range bonds {
		order := 2 * b.Order
		if b.Order == Aromatic {
			order = 3
		}
		twice[b.I] += order
		twice[b.J] += order
	}
	for i := range twice {
		twice[i] /= 2
	}
	return twice
}

func connected(n int, bonds []Bond) bool {
	part := make([]int, n)
	for i := range part {
		part[i] = i
	}
	root := func(i int) int {
		for part[i] != i {
			part[i] = part[part[i]]
			i = part[i]
		}
		return i
	}
	parts := n
	for _, b := range bonds {
		if i, j := root(b.I), root(b.J); i != j {
			part[i] = j
			parts--
		}
	}
	return parts == 1
}
