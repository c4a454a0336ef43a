package molecule

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"laminar/data"
	"laminar/flow"
	"laminar/rng"
)

// Layout says how a molecule is a row of numbers: atom by atom, for as many as
// the largest molecule has, its place about the centre of the molecule, in
// ångström, a 1 at its element and 0 at the others, and 1; all 0 after the last
// atom.
type Layout struct {
	// Atoms is the number of atoms that there is room for.
	Atoms int
	// Elements are those that an atom can be of.
	Elements []Element
}

// Width is the number of numbers of an atom, Dim that of a row.
func (l Layout) Width() int { return len(l.Elements) + 4 }
func (l Layout) Dim() int   { return l.Atoms * l.Width() }

// Layout returns the least one that all molecules of the set fit into.
func (s *Set) Layout() Layout { return Layout{s.Largest(), s.Present()} }

// Fits tells why there is no room for molecule i of a set, if so; the error wraps
// flow.ErrConfig.
func (l Layout) Fits(s *Set, i int) error { return l.room(s.Elements[s.Start[i]:s.Start[i+1]]) }

// room is Fits of a molecule of these elements.
func (l Layout) room(elements []Element) error {
	if n := len(elements); n > l.Atoms {
		return fmt.Errorf("%w: it has %d atoms, of which there may be %d", flow.ErrConfig, n, l.Atoms)
	}
	for _, e := range elements {
		if !slices.Contains(l.Elements, e) {
			return fmt.Errorf("%w: it holds %s, which is none of %v", flow.ErrConfig, e, l.Elements)
		}
	}
	return nil
}

// Put writes molecule i of a set into dst, of length Dim. The error is that of
// Fits.
func (l Layout) Put(dst []float32, s *Set, i int) error {
	clear(dst)
	if err := l.Fits(s, i); err != nil {
		return fmt.Errorf("molecule %d: %w", i+1, err)
	}
	lo, n := s.Start[i], s.Size(i)
	var mean [3]float64
	for a := range n {
		for k := range 3 {
			mean[k] += float64(s.X[3*(lo+a)+k]) / float64(n)
		}
	}
	w := l.Width()
	for a := range n {
		row := dst[a*w : (a+1)*w]
		for k := range 3 {
			row[k] = float32(float64(s.X[3*(lo+a)+k]) - mean[k])
		}
		l.name(row, s.Elements[lo+a])
	}
	return nil
}

// name writes into the numbers of an atom that it is one, of the element e.
func (l Layout) name(atom []float32, e Element) {
	atom[3+slices.Index(l.Elements, e)], atom[len(atom)-1] = 1, 1
}

// Take returns the molecule that a row stands for: an atom wherever the last of
// its numbers is above 1/2, of the element whose number is largest.
func (l Layout) Take(row []float64) Molecule {
	var m Molecule
	w := l.Width()
	for a := range l.Atoms {
		at := row[a*w : (a+1)*w]
		if !(at[w-1] > 0.5) {
			continue
		}
		best := 0
		for e := range l.Elements {
			if at[3+e] > at[3+best] {
				best = e
			}
		}
		m.Elements = append(m.Elements, l.Elements[best])
		m.X = append(m.X, [3]float64(at[:3]))
	}
	return m
}

// Sort puts the atoms of a row in the order of their elements, those of an element
// in the order in which they are. In another space of the same layout it does too.
func (l Layout) Sort(row []float32) {
	w := l.Width()
	kind := func(a int) int {
		at := row[a*w : (a+1)*w]
		if !(at[w-1] > 0.5) {
			return len(l.Elements)
		}
		best := 0
		for e := range l.Elements {
			if at[3+e] > at[3+best] {
				best = e
			}
		}
		return best
	}
	order, was := make([]int, l.Atoms), slices.Clone(row)
	for a := range order {
		order[a] = a
	}
	slices.SortStableFunc(order, func(a, b int) int { return kind(a) - kind(b) })
	for to, from := range order {
		copy(row[to*w:(to+1)*w], was[from*w:(from+1)*w])
	}
}

// Rows are the molecules of a set as a data set; all must fit.
func (l Layout) Rows(s *Set) *data.Indexed {
	return &data.Indexed{N: s.Len(), D: l.Dim(), Row: func(dst []float32, i int) error { return l.Put(dst, s, i) }}
}

// Transform leads from rows to a network's space: places are divided by scale, in
// all directions alike, so that they may be turned before or after.
func (l Layout) Transform(scale float64) (*data.Standardise, error) {
	std := make([]float64, l.Dim())
	for j := range std {
		std[j] = 1
		if j%l.Width() < 3 {
			std[j] = scale
		}
	}
	return data.NewStandardise(make([]float64, l.Dim()), std)
}

// Spread is the root mean square of all coordinates of a set about the centres of
// their molecules, in ångström; of single atoms 1.
func (s *Set) Spread() float64 {
	var sum float64
	for i := range s.Len() {
		x := s.X[3*s.Start[i] : 3*s.Start[i+1]]
		var mean [3]float64
		for j, v := range x {
			mean[j%3] += 3 * float64(v) / float64(len(x))
		}
		for j, v := range x {
			d := float64(v) - mean[j%3]
			sum += d * d
		}
	}
	if sum == 0 {
		return 1
	}
	return math.Sqrt(sum / float64(len(s.X)))
}

// Noise is where flows to molecules start, in a network's space: a formula drawn
// as often as the data have it, an atom for each of its elements, and N(0, I) for
// places, about their centre. After the last atom are more places, which nothing
// looks at but coupling.Atoms, where it takes noise to another formula.
type Noise struct {
	data.Gaussian
	layout   Layout
	formulas []string
	upto     []int // their numbers of molecules, added up
}

// NewNoise returns the noise of molecules of the given formulas, in Hill's order,
// each with the number of molecules that have it. There must be some, and all must
// fit the layout: the error wraps flow.ErrConfig, or flow.ErrFormat where a text is no
// formula.
func NewNoise(l Layout, formulas map[string]int) (data.Toy, error) {
	n := &Noise{Gaussian: data.Gaussian{D: l.Dim()}, layout: l}
	total := 0
	for _, text := range slices.Sorted(maps.Keys(formulas)) {
		f, err := parseFormula(text, l.Atoms)
		if err != nil {
			return data.Toy{}, err
		}
		if order := f.String(); order != text {
			return data.Toy{}, fmt.Errorf("%w: the formula %s is written %s", flow.ErrConfig, text, order)
		}
		if err := l.room(f); err != nil {
			return data.Toy{}, fmt.Errorf("%s: %w", text, err)
		}
		c := formulas[text]
		if c < 1 || c > math.MaxInt32-total {
			return data.Toy{}, fmt.Errorf("%w: %d molecules of %s", flow.ErrConfig, c, text)
		}
		total += c
		n.formulas, n.upto = append(n.formulas, text), append(n.upto, total)
	}
	if total < 1 {
		return data.Toy{}, fmt.Errorf("%w: no molecules of any formula", flow.ErrConfig)
	}
	return data.Toy{Shape: n}, nil
}

// Point draws one molecule of noise.
func (n *Noise) Point(dst []float32, key rng.Key) int {
	s := key.Stream()
	pick := s.IntN(n.upto[len(n.upto)-1])
	which, _ := slices.BinarySearch(n.upto, pick+1)
	s.Normal(dst)
	f, err := parseFormula(n.formulas[which], n.layout.Atoms)
	if err != nil {
		panic(err) // checked by NewNoise
	}
	w := n.layout.Width()
	for a := range n.layout.Atoms {
		clear(dst[a*w+3 : (a+1)*w])
		if a < len(f) {
			n.layout.name(dst[a*w:(a+1)*w], f[a])
		}
	}
	centre(dst, w, len(f))
	return -1
}

// centre takes the mean place of the first n atoms off them; an atom has width
// numbers.
func centre(row []float32, width, n int) {
	for k := range 3 {
		var mean float64
		for a := range n {
			mean += float64(row[a*width+k])
		}
		mean /= float64(n)
		for a := range n {
			row[a*width+k] -= float32(mean)
		}
	}
}
