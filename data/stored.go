package data

import (
	"fmt"
	"math"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Stored is a data set of rows held in memory. It is immutable and safe for
// concurrent use.
//
// Draws deal the rows in order of a permutation that is new in each epoch: draw
// i of n rows is positions i*n to i*n+n-1 of the endless deal, whose epoch e
// holds every row once. The permutations are computed from the key, never
// stored, so that any draw can be had at once; n may exceed Len.
type Stored struct {
	x       tensor.Mat
	cond    flow.Cond
	spec    flow.CondSpec
	classes []string
}

// NewStored returns a data set over the rows of x with their conditions; it
// does not copy, and neither may be changed afterwards. spec says which parts of
// cond accompany the rows: class ids that it does not name are kept aside for
// WithClasses. classes are the names of the class ids, nil for their numbers.
//
// The error wraps flow.ErrConfig when there are no rows or an id is out of
// range, flow.ErrShape when sizes do not fit.
func NewStored(x tensor.Mat, cond flow.Cond, spec flow.CondSpec, classes []string) (*Stored, error) {
	if err := x.Check("points", -1, -1); err != nil {
		return nil, err
	}
	if x.N == 0 || x.D == 0 {
		return nil, fmt.Errorf("%w: a data set of %d rows of %d values is empty", flow.ErrConfig, x.N, x.D)
	}
	full := spec
	if len(cond.Class) > 0 && spec.Classes == 0 {
		full.Classes = len(classes)
	}
	if err := cond.Check(full, x.N, x.D); err != nil {
		return nil, err
	}
	if classes != nil && len(classes) != full.Classes {
		return nil, fmt.Errorf("%w: %d names for %d classes", flow.ErrConfig, len(classes), full.Classes)
	}
	if classes == nil {
		for k := range full.Classes {
			classes = append(classes, fmt.Sprint(k))
		}
	}
	return &Stored{x: x, cond: cond, spec: spec, classes: classes}, nil
}

// Dim returns the number of columns.
func (s *Stored) Dim() int { return s.x.D }

// Len returns the number of rows.
func (s *Stored) Len() int { return s.x.N }

// CondSpec says which conditions accompany the rows.
func (s *Stored) CondSpec() flow.CondSpec { return s.spec }

// X returns all rows in the order in which they are stored. The caller must not
// change them.
func (s *Stored) X() tensor.Mat { return s.x }

// Cond returns the conditions of all rows. The caller must not change them.
func (s *Stored) Cond() flow.Cond {
	c := s.cond
	if s.spec.Classes == 0 {
		c.Class = nil
	}
	return c
}

// ClassNames returns the name of each class id.
func (s *Stored) ClassNames() []string { return append([]string(nil), s.classes...) }

// WithClasses returns the same rows with their class ids as a condition.
func (s *Stored) WithClasses() (flow.Dataset, error) {
	if len(s.classes) == 0 {
		return nil, fmt.Errorf("%w: the data set has no labels", flow.ErrConfig)
	}
	t := *s
	t.spec.Classes = len(s.classes)
	return &t, nil
}

// Draw fills dst with draw i under key. The error wraps flow.ErrConfig when i
// is negative, flow.ErrShape when dst is not of the data set's sizes.
func (s *Stored) Draw(dst flow.Sample, key rng.Key, i int) error {
	if err := checkSample(dst, s.spec, s.Dim()); err != nil {
		return err
	}
	if i < 0 {
		return fmt.Errorf("%w: draw %d of a data set", flow.ErrConfig, i)
	}
	return Deal(key, s.x.N, i, dst.X.N, func(r, from int) error {
		s.copyRow(dst, r, from)
		return nil
	})
}

// DrawAt fills row r of dst with the stored row that key.At(first+r) picks; a
// row may come more than once.
func (s *Stored) DrawAt(dst flow.Sample, key rng.Key, first int) error {
	if err := checkSample(dst, s.spec, s.Dim()); err != nil {
		return err
	}
	for r := range dst.X.N {
		stream := key.At(uint64(first + r)).Stream()
		s.copyRow(dst, r, stream.IntN(s.x.N))
	}
	return nil
}

func (s *Stored) copyRow(dst flow.Sample, r, from int) {
	copy(dst.X.Row(r), s.x.Row(from))
	dst.Cond.CopyRow(r, s.cond, from)
}

// Select returns the data set of the given rows, in that order, as a copy.
func (s *Stored) Select(rows []int) *Stored {
	t := &Stored{x: tensor.New(len(rows), s.x.D), spec: s.spec, classes: s.classes}
	full := s.spec
	if len(s.cond.Class) > 0 {
		full.Classes = len(s.classes)
	}
	t.cond = flow.NewCond(full, len(rows), s.x.D)
	for i, r := range rows {
		copy(t.x.Row(i), s.x.Row(r))
		t.cond.CopyRow(i, s.cond, r)
	}
	return t
}

// Split parts the rows by chance into those to train on and a share heldOut, in
// (0, 1), to judge by. The error wraps flow.ErrConfig when either would be
// empty.
func (s *Stored) Split(heldOut float64, key rng.Key) (train, held *Stored, err error) {
	a, b, err := SplitRows(s.x.N, heldOut, key)
	if err != nil {
		return nil, nil, err
	}
	return s.Select(a), s.Select(b), nil
}

// SplitRows parts the numbers 0 to n-1 by chance into two lists, the second of
// round(heldOut*n) but at least one; both are in ascending order.
func SplitRows(n int, heldOut float64, key rng.Key) (train, held []int, err error) {
	if !(heldOut > 0 && heldOut < 1) {
		return nil, nil, fmt.Errorf("%w: held-out share %v, want more than 0 and less than 1", flow.ErrConfig, heldOut)
	}
	k := max(1, int(math.Round(heldOut*float64(n))))
	if k >= n {
		return nil, nil, fmt.Errorf("%w: holding out %v of %d rows leaves none to train on", flow.ErrConfig, heldOut, n)
	}
	order := newShuffle(key.Split("held out"), n)
	for r := range n {
		if order.at(r) < k {
			held = append(held, r)
		} else {
			train = append(train, r)
		}
	}
	return train, held, nil
}
