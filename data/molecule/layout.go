package molecule

import (
	"fmt"
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
func (l Layout) Fits(s *Set, i int) error {
	if n := s.Size(i); n > l.Atoms {
		return fmt.Errorf("%w: it has %d atoms, of which there may be %d", flow.ErrConfig, n, l.Atoms)
	}
	for _, e := range s.Elements[s.Start[i]:s.Start[i+1]] {
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
		e := slices.Index(l.Elements, s.Elements[lo+a])
		row[3+e], row[w-1] = 1, 1
	}
	return nil
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

// Sizes counts the molecules of a set by their number of atoms: entry n are those
// of n.
func (s *Set) Sizes() []int {
	out := make([]int, s.Largest()+1)
	for i := range s.Len() {
		out[s.Size(i)]++
	}
	return out
}

// Noise is where flows to molecules start, in a network's space: a number of atoms
// drawn as Sizes has it, N(0, I) for places, about their centre, and for elements,
// and 1 for each atom. After the last atom is more noise, which nothing looks at
// but coupling.Atoms, where it takes noise to another number of atoms.
type Noise struct {
	data.Gaussian
	layout Layout
	upto   []int // cumulated sizes
}

// NewNoise returns the noise of molecules of the given sizes. The error wraps
// flow.ErrConfig unless there are some, of 1 to l.Atoms atoms.
func NewNoise(l Layout, sizes []int) (data.Toy, error) {
	n := &Noise{Gaussian: data.Gaussian{D: l.Dim()}, layout: l, upto: make([]int, len(sizes))}
	total := 0
	for k, c := range sizes {
		if c < 0 || c > 0 && (k < 1 || k > l.Atoms) {
			return data.Toy{}, fmt.Errorf("%w: %d molecules of %d atoms, of which there may be 1 to %d", flow.ErrConfig, c, k, l.Atoms)
		}
		total += c
		n.upto[k] = total
	}
	if total < 1 {
		return data.Toy{}, fmt.Errorf("%w: no molecules of any size", flow.ErrConfig)
	}
	return data.Toy{Shape: n}, nil
}

// Point draws one molecule of noise.
func (n *Noise) Point(dst []float32, key rng.Key) int {
	s := key.Stream()
	pick := s.IntN(n.upto[len(n.upto)-1])
	size, _ := slices.BinarySearch(n.upto, pick+1)
	s.Normal(dst)
	w := n.layout.Width()
	for a := range n.layout.Atoms {
		here := float32(0)
		if a < size {
			here = 1
		}
		dst[(a+1)*w-1] = here
	}
	centre(dst, w, size)
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
