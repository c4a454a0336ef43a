package run

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/tensor"
)

// people60 is a model of few people after hardly any training, of which tests may
// change nothing.
func people60(t *testing.T) *Saved {
	once60.Do(func() {
		saved60 = trainTable(t, "people.csv", people(60), func(r *recipe.Recipe) { r.Train.Steps = 3 }).Saved
	})
	if saved60 == nil {
		t.Fatal("no model")
	}
	return saved60
}

var (
	once60  sync.Once
	saved60 *Saved
)

// Rows that are drawn while others are handed on are those that are drawn at once, in
// their order, and an end of either is the end of both.
func TestRowsAhead(t *testing.T) {
	defer func(was int) { tableChunk = was }(tableChunk)
	tableChunk = 64
	s := people60(t)
	const n = 64*5 + 3
	d := TableDraws{Config: sample.Config{N: n, First: 7, Seed: rng.New(2), Solve: s.Solve()}}
	want, _, err := s.drawCells(t.Context(), d.Config)
	if err != nil {
		t.Fatal(err)
	}
	var got []float64
	stats, err := s.DrawTable(t.Context(), d, func(rows tensor.Matrix[float64], first int) error {
		if first != 7+len(got)/want.D {
			t.Fatalf("row %d after %d", first, len(got)/want.D)
		}
		got = append(got, rows.Data...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(got, want.Data, func(a, b float64) bool { return a == b || a != a && b != b }) {
		t.Error("other rows in parts than at once")
	}
	if stats.MaxNFE != s.Solve().NFE || stats.NFE < float64(stats.MaxNFE)-1e-9 {
		t.Errorf("took %+v", stats)
	}
	full, calls := errors.New("disk full"), 0
	_, err = s.DrawTable(t.Context(), d, func(tensor.Matrix[float64], int) error {
		calls++
		return full
	})
	if !errors.Is(err, full) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
	ctx, stop := context.WithCancel(t.Context())
	_, err = s.DrawTable(ctx, d, func(_ tensor.Matrix[float64], first int) error {
		if first > 7 {
			stop()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}
