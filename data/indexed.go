package data

import (
	"fmt"

	"laminar/flow"
	"laminar/rng"
)

// Indexed is a data set whose rows are made when they are asked for, from
// something smaller than float32 or too large for memory: bytes of images, say.
// It deals them as Stored does. It is immutable and safe for concurrent use if
// its Row is.
type Indexed struct {
	// N is the number of rows, D their length.
	N, D int
	// Row writes row i, in 0..N-1, to dst, of length D.
	Row func(dst []float32, i int) error
	// Class is the class id of each row; nil without classes, which Names names.
	Class []int32
	Names []string
	// Labelled tells that the class ids go with the rows as their condition.
	Labelled bool
}

// Dim returns the number of columns.
func (s *Indexed) Dim() int { return s.D }

// Len returns the number of rows.
func (s *Indexed) Len() int { return s.N }

// CondSpec says which conditions accompany the rows.
func (s *Indexed) CondSpec() flow.CondSpec {
	if s.Labelled {
		return flow.CondSpec{Classes: len(s.Names)}
	}
	return flow.CondSpec{}
}

// ClassNames returns the name of each class id.
func (s *Indexed) ClassNames() []string { return append([]string(nil), s.Names...) }

// WithClasses returns the same rows with their class ids as a condition.
func (s *Indexed) WithClasses() (flow.Dataset, error) {
	if len(s.Names) == 0 {
		return nil, fmt.Errorf("%w: the data set has no labels", flow.ErrConfig)
	}
	t := *s
	t.Labelled = true
	return &t, nil
}

// Draw fills dst with draw i under key; see Stored.Draw. Errors are also those
// of Row.
func (s *Indexed) Draw(dst flow.Sample, key rng.Key, i int) error {
	if err := checkSample(dst, s.CondSpec(), s.D); err != nil {
		return err
	}
	if i < 0 {
		return fmt.Errorf("%w: draw %d of a data set", flow.ErrConfig, i)
	}
	return Deal(key, s.N, i, dst.X.N, func(r, from int) error { return s.put(dst, r, from) })
}

// DrawAt fills row r of dst with the row that key.At(first+r) picks; a row may
// come more than once.
func (s *Indexed) DrawAt(dst flow.Sample, key rng.Key, first int) error {
	if err := checkSample(dst, s.CondSpec(), s.D); err != nil {
		return err
	}
	for r := range dst.X.N {
		stream := key.At(uint64(first + r)).Stream()
		if err := s.put(dst, r, stream.IntN(s.N)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Indexed) put(dst flow.Sample, r, from int) error {
	if s.Labelled {
		dst.Cond.Class[r] = s.Class[from]
	}
	return s.Row(dst.X.Row(r), from)
}

// Select returns the data set of the given rows, in that order.
func (s *Indexed) Select(rows []int) *Indexed {
	t := *s
	t.N = len(rows)
	t.Row = func(dst []float32, i int) error { return s.Row(dst, rows[i]) }
	if s.Class != nil {
		t.Class = make([]int32, len(rows))
		for i, r := range rows {
			t.Class[i] = s.Class[r]
		}
	}
	return &t
}
