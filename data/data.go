// Package data supplies what a flow learns from and starts from: toy
// distributions, small real sets, tables read from files, and the invertible
// transforms between the numbers of a file and those of a network.
//
// A data set is a flow.Dataset: it fills rows on request, as a pure function of
// a key. There are two kinds. A Toy is a distribution given by how one point is
// drawn; a Stored set deals the rows of a table, shuffled anew each epoch.
//
//	moons, err := data.Named("moons")
//	s := flow.NewSample(moons, 256)
//	err = moons.Draw(s, rng.New(1), 0) // 256 points of draw 0
//
// A file goes through a Table, which keeps the numbers in float64 together with
// the names of its columns, and a Transform, which takes them to the float32
// range in which networks learn well and back:
//
//	t, err := data.ReadCSV(r, "iris.csv", data.Options{Label: "species"})
//	z, err := data.FitStandardise(t.X) // z = (x - mean) / std
//	set, err := t.Dataset(z, nil)
//
// Randomness is an argument: row r of draw i under key uses key.At(i).At(r) in
// every distribution drawn by chance, so that a row does not depend on how many
// others are drawn with it; DrawAt gives any range of rows by itself.
//
// The package opens no files, takes no logarithm, fills no missing values and
// encodes no categories beyond one label column. Parquet, images, sound and
// molecules are packages of their own.
package data

import (
	"laminar/flow"
	"laminar/rng"
)

// RowSource is a Dataset any row of which can be drawn by itself. Every data
// set of this package is one.
//
// DrawAt fills row r of dst with row first+r of the endless sample that key
// names: it depends on key.At(first+r) and on nothing else, so that a sample
// may be drawn in chunks of any size. Rows are independent of each other, even
// where Draw's are not (shuffled tables, exact halves).
type RowSource interface {
	flow.Dataset
	DrawAt(dst flow.Sample, key rng.Key, first int) error
}

// Moded is a distribution that is made of components. Modes may be 0: then
// there are none, and Mode returns -1.
type Moded interface {
	Modes() int
	// Mode returns the component nearest to the point x, in [0, Modes).
	Mode(x []float32) int
}

// Classed is a Dataset whose rows belong to known classes, whether or not they
// carry class ids at present.
type Classed interface {
	flow.Dataset
	// ClassNames returns the name of each class id; empty means no classes.
	ClassNames() []string
	// WithClasses returns the same data with class ids as its condition. The
	// error wraps flow.ErrConfig when there are no classes.
	WithClasses() (flow.Dataset, error)
}
