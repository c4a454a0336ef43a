package molecule

import (
	"fmt"
	"slices"
	"strings"
)

// Canonical writes the graph of a molecule as a text that is the same for any
// order of its atoms and differs between graphs that differ: elements, bonds with
// their orders, and hydrogens. Places play no part, so mirror images and
// conformers are one.
//
// Atoms are refined into classes by their elements and neighbours until nothing
// changes (Morgan 1965; Weisfeiler, Leman 1968); where classes of several atoms
// are left, each atom of the first one is set apart in turn and the least text of
// all is taken (McKay 1981), but for atoms of equal neighbours, which can be
// swapped. Hydrogens with one bond are counted at their neighbour.
func Canonical(m *Molecule, bonds []Bond) string {
	g := newGrapher(m, bonds)
	colour := make([]int, len(g.label))
	rank(colour, g.label)
	g.search(colour)
	return g.best
}

// grapher looks for the least text of a graph.
type grapher struct {
	label []string // of each atom: its element, charge and hydrogens
	next  [][]edge // the neighbours of each atom
	best  string
	found bool
}

type edge struct{ to, order int }

func newGrapher(m *Molecule, bonds []Bond) *grapher {
	degree := make([]int, m.Len())
	for _, b := range bonds {
		degree[b.I]++
		degree[b.J]++
	}
	plain := func(a int) bool { // a hydrogen that its neighbour stands for
		return m.Elements[a] == H && degree[a] == 1 && (m.Charge == nil || m.Charge[a] == 0)
	}
	hydrogens := make([]int, m.Len())
	folded := make([]bool, m.Len())
	for _, b := range bonds {
		for _, end := range [][2]int{{b.I, b.J}, {b.J, b.I}} {
			if h, a := end[0], end[1]; b.Order == 1 && plain(h) && m.Elements[a] != H {
				folded[h] = true
				hydrogens[a]++
			}
		}
	}
	g := &grapher{}
	at := make([]int, m.Len())
	for a, e := range m.Elements {
		if folded[a] {
			continue
		}
		at[a] = len(g.label)
		text := e.String()
		if hydrogens[a] > 0 {
			text += fmt.Sprintf("h%d", hydrogens[a])
		}
		if m.Charge != nil && m.Charge[a] != 0 {
			text += fmt.Sprintf("%+d", m.Charge[a])
		}
		g.label = append(g.label, text)
	}
	g.next = make([][]edge, len(g.label))
	for _, b := range bonds {
		if i, j := at[b.I], at[b.J]; !folded[b.I] && !folded[b.J] {
			g.next[i] = append(g.next[i], edge{j, b.Order})
			g.next[j] = append(g.next[j], edge{i, b.Order})
		}
	}
	return g
}

// rank numbers texts in their order, equal ones alike, by how many are less.
func rank(dst []int, text []string) {
	order := slices.Sorted(slices.Values(text))
	for i, t := range text {
		dst[i], _ = slices.BinarySearch(order, t)
	}
}

// refine parts the classes of colour by the classes of neighbours until that
// changes nothing.
func (g *grapher) refine(colour []int) {
	key := make([]string, len(colour))
	before := classes(colour)
	for before < len(colour) {
		for a, c := range colour {
			near := make([]string, 0, len(g.next[a]))
			for _, e := range g.next[a] {
				near = append(near, fmt.Sprintf("%d:%04d", e.order, colour[e.to]))
			}
			slices.Sort(near)
			key[a] = fmt.Sprintf("%04d ", c) + strings.Join(near, " ")
		}
		rank(colour, key)
		after := classes(colour)
		if after == before {
			return
		}
		before = after
	}
}

func classes(colour []int) int {
	sorted := slices.Clone(colour)
	slices.Sort(sorted)
	return len(slices.Compact(sorted))
}

// search refines colour and takes the text of every way to tell all atoms apart.
func (g *grapher) search(colour []int) {
	g.refine(colour)
	first := -1 // the least class of several atoms
	count := make([]int, len(colour)+1)
	for _, c := range colour {
		count[c]++
	}
	for c, n := range count {
		if n > 1 {
			first = c
			break
		}
	}
	if first < 0 {
		if text := g.write(colour); !g.found || text < g.best {
			g.best, g.found = text, true
		}
		return
	}
	var tried []int
	for a, c := range colour {
		if c != first || slices.ContainsFunc(tried, func(b int) bool { return g.twins(a, b) }) {
			continue
		}
		tried = append(tried, a)
		apart := slices.Clone(colour)
		for b := range apart {
			if b != a && apart[b] == first {
				apart[b]++ // colours leave room: a class of n takes up n numbers
			}
		}
		g.search(apart)
	}
}

// twins reports whether two atoms of a class have the same neighbours, each
// other aside: swapping them changes nothing.
func (g *grapher) twins(a, b int) bool {
	others := func(x, not int) []edge {
		var out []edge
		for _, e := range g.next[x] {
			if e.to != not {
				out = append(out, e)
			}
		}
		slices.SortFunc(out, func(p, q edge) int { return p.to - q.to })
		return out
	}
	return g.label[a] == g.label[b] && slices.Equal(others(a, b), others(b, a))
}

// write is the text of the graph with its atoms in the order of colour.
func (g *grapher) write(colour []int) string {
	at := make([]int, len(colour))
	for a, c := range colour {
		at[c] = a
	}
	var b strings.Builder
	for k, a := range at {
		if k > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(g.label[a])
		near := slices.Clone(g.next[a])
		slices.SortFunc(near, func(p, q edge) int { return colour[p.to] - colour[q.to] })
		for _, e := range near {
			if colour[e.to] < k {
				fmt.Fprintf(&b, "%c%d", ".-=#~"[e.order], colour[e.to])
			}
		}
	}
	return b.String()
}
