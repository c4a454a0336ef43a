package data

import (
	"fmt"
	"math"
	"strings"

	"laminar/flow"
)

// Entry describes a built-in data set.
type Entry struct {
	Name string
	// Dim is the number of coordinates of a point.
	Dim int
	// Modes is the number of components or classes, 0 for none.
	Modes int
	// Len is the number of stored rows, 0 for a distribution.
	Len int
	// Doc is one line on what it looks like.
	Doc string

	toy   func() RowSource
	table func() (*Table, error)
}

// catalogue holds one line for each data set, in the order in which they are
// listed.
var catalogue = []Entry{
	{Name: "moons", Dim: 2, Modes: 2, Doc: "two interleaved half circles, noise 0.05, moon and angle by chance", toy: toy(Moons{Noise: 0.05})},
	{Name: "moons-sklearn", Dim: 2, Modes: 2, Doc: "the moons of scikit-learn: exact halves, evenly spaced angles", toy: func() RowSource { return SklearnMoons(0.05) }},
	{Name: "moons-torchcfm", Dim: 2, Modes: 2, Doc: "the moons of torchcfm: three times larger, uniform noise along the diagonal", toy: func() RowSource { return TorchCFMMoons() }},
	{Name: "8gaussians", Dim: 2, Modes: 8, Doc: "eight normals on a circle of radius 2.83, std 0.35", toy: toy(Ring(8, 4/math.Sqrt2, 0.5/math.Sqrt2))},
	{Name: "8gaussians-torchcfm", Dim: 2, Modes: 8, Doc: "the eight normals of torchcfm: radius 5, std 0.562", toy: toy(TorchCFMGaussians())},
	{Name: "checkerboard", Dim: 2, Modes: 8, Doc: "the black squares of a 4x4 board on [-4, 4]", toy: toy(Checkerboard{})},
	{Name: "circles", Dim: 2, Modes: 2, Doc: "two circles, radii 1 and 0.5, noise 0.05", toy: toy(Rings{Radii: []float64{1, 0.5}, Noise: 0.05})},
	{Name: "swissroll", Dim: 2, Doc: "a spiral strip, noise 0.1", toy: toy(SwissRoll{Noise: 0.1})},
	{Name: "s-curve", Dim: 2, Doc: "two arcs that form an S, noise 0.05", toy: toy(SCurve{Noise: 0.05})},
	{Name: "spirals", Dim: 2, Modes: 2, Doc: "two interleaved spirals of one and a half turns, noise 0.1", toy: toy(Spirals{Arms: 2, Turns: 1.5, Noise: 0.1})},
	{Name: "pinwheel", Dim: 2, Modes: 5, Doc: "five bent blades", toy: toy(Pinwheel{Blades: 5, Radial: 0.3, Tangential: 0.1, Bend: 0.25})},
	{Name: "rings", Dim: 2, Modes: 4, Doc: "four concentric rings, radii 0.75 to 3, noise 0.08", toy: toy(Rings{Radii: []float64{3, 2.25, 1.5, 0.75}, Noise: 0.08})},
	{Name: "gaussian", Dim: 2, Doc: "the standard normal", toy: toy(Gaussian{D: 2})},
	{Name: "uniform", Dim: 2, Doc: "uniform on the square [-1, 1]", toy: toy(Uniform{D: 2})},
	{Name: "mixture32", Dim: 32, Modes: 8, Doc: "eight normals of std 0.3 in 32 dimensions", toy: func() RowSource { return Toy{Shape: Scattered(8, 32, 0.3)} }},
	{Name: "digits", Dim: 64, Modes: 10, Len: 1797, Doc: "handwritten digits, 8x8 pixels of 0 to 16, label 0 to 9", table: digits},
	{Name: "iris", Dim: 4, Modes: 3, Len: 150, Doc: "Fisher's iris flowers, four lengths in cm, label the species", table: iris},
}

func toy(s Shape) func() RowSource { return func() RowSource { return Toy{Shape: s} } }

// Catalogue returns all built-in data sets, in the order to list them.
func Catalogue() []Entry { return append([]Entry(nil), catalogue...) }

// Named returns the built-in data set of that name, without class ids; it is a
// RowSource and Classed, so that class ids can be had. A stored set comes with
// the numbers of its file; use NamedTable to transform them first. The error
// wraps flow.ErrConfig and lists the valid names.
func Named(name string) (flow.Dataset, error) {
	e, err := find(name)
	if err != nil {
		return nil, err
	}
	if e.toy != nil {
		return e.toy(), nil
	}
	t, err := e.table()
	if err != nil {
		return nil, err
	}
	return t.unlabelled(nil, nil)
}

// NamedTable returns the built-in stored set of that name, labels included; the
// caller may change it. The error wraps flow.ErrConfig when the name is unknown
// or that of a distribution.
func NamedTable(name string) (*Table, error) {
	e, err := find(name)
	if err != nil {
		return nil, err
	}
	if e.table == nil {
		return nil, fmt.Errorf("%w: %s is a distribution and has no table", flow.ErrConfig, name)
	}
	return e.table()
}

func find(name string) (Entry, error) {
	names := make([]string, len(catalogue))
	for i, e := range catalogue {
		if e.Name == name {
			return e, nil
		}
		names[i] = e.Name
	}
	return Entry{}, fmt.Errorf("%w: no data set is called %q; choose one of %s", flow.ErrConfig, name, strings.Join(names, ", "))
}
