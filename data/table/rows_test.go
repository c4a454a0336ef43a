package table_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"laminar/data/table"
	"laminar/flow"
	"laminar/rng"
)

// spilled is a Spill in memory.
type spilled struct{ bytes.Buffer }

func (s *spilled) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(s.Bytes()).ReadAt(p, off)
}

// Rows come back as they were, from memory and from a file alike.
func TestRows(t *testing.T) {
	s, x := must(t, "people.csv", people(2000))
	for _, limit := range []int{math.MaxInt, 1000, 0} {
		opened := 0
		r := table.NewRows(s, limit, func() (table.Spill, error) { opened++; return &spilled{}, nil })
		for i := range x.N {
			if err := r.Append(x.Row(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Seal(); err != nil {
			t.Fatal(err)
		}
		if r.Len() != x.N || r.Spilled() != (limit <= 1000) || opened > 1 {
			t.Errorf("limit %d: %d rows, spilled %v, %d files", limit, r.Len(), r.Spilled(), opened)
		}
		row := make([]float64, x.D)
		for i := x.N - 1; i >= 0; i-- {
			if err := r.At(row, i); err != nil {
				t.Fatal(err)
			}
			for j, v := range row {
				if v != x.Row(i)[j] && !(math.IsNaN(v) && math.IsNaN(x.Row(i)[j])) {
					t.Fatalf("limit %d, row %d, column %q: %v came back as %v", limit, i, s.Columns[j].Name, x.Row(i)[j], v)
				}
			}
		}
		if err := r.At(row, x.N); !errors.Is(err, flow.ErrShape) {
			t.Errorf("a row that is not there: %v", err)
		}
	}
	full := errors.New("the disk is full")
	r := table.NewRows(s, 0, func() (table.Spill, error) { return nil, full })
	if err := r.Append(x.Row(0)); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

// What is hidden is hidden whole, but for the value of a cell that is known to have
// one; every column is hidden and shown.
func TestHide(t *testing.T) {
	s, x := must(t, "people.csv", people(300))
	tr, err := table.NewTransform(s, table.DefaultEncoding())
	if err != nil {
		t.Fatal(err)
	}
	mask := make([]float32, tr.Dim())
	shown := make([]int, tr.Dim())
	const draws = 3000
	for i := range draws {
		d := rng.New(4).At(uint64(i)).Stream()
		row := x.Row(i % x.N)
		tr.Hide(mask, row, &d)
		known := map[int]bool{}
		for _, b := range tr.Blocks() {
			m := mask[b.Offset : b.Offset+b.Width]
			for k := range m {
				if m[k] != m[0] && len(b.Digits) == 1 {
					t.Fatalf("a choice is hidden in part: %v", m)
				}
				shown[b.Offset+k] += int(m[k])
			}
			if b.Role == table.Choice {
				known[b.Column] = m[0] == 1
			} else if choice, has := known[b.Column]; m[0] == 1 && (has && !choice || math.IsNaN(row[b.Column])) {
				t.Fatal("a value is shown of a cell that has none, or whose choice is hidden")
			}
		}
	}
	for k, n := range shown {
		if n < draws/20 || n > draws*19/20 {
			t.Errorf("coordinate %d is shown %d times of %d", k, n, draws)
		}
	}
}
