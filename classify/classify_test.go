package classify_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"laminar/classify"
	"laminar/data"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// digits returns the rows lo to hi-1 of the built-in digits, 8 x 8 pixels of 0
// to 16, in -1..1.
func digits(t testing.TB, lo, hi int) *data.Stored {
	t.Helper()
	table, err := data.NamedTable("digits")
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.New(hi-lo, 64)
	for i := range x.Data {
		x.Data[i] = float32(table.X.Data[lo*64+i]/8 - 1)
	}
	s, err := data.NewStored(x, flow.Cond{Class: table.Class[lo:hi]}, flow.CondSpec{Classes: 10}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func small() classify.Config {
	c := classify.Defaults(8, 8, 1)
	c.Width, c.Features, c.Steps, c.Batch, c.Shift = 16, 16, 1500, 64, 0
	return c
}

func TestReadsDigits(t *testing.T) {
	seen, fresh := digits(t, 0, 1400), digits(t, 1400, 1797)
	c, err := classify.Train(t.Context(), small(), seen)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Read(fresh.X())
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Agreement(fresh.Cond().Class); got < 0.9 {
		t.Errorf("%.3f of fresh digits are read right", got)
	}
	if r.Features.N != 397 || r.Features.D != 16 {
		t.Errorf("features are %d x %d", r.Features.N, r.Features.D)
	}
	one, err := c.Read(fresh.X().Rows(5, 6))
	if err != nil || one.Class[0] != r.Class[5] || !slices.Equal(one.Features.Row(0), r.Features.Row(5)) {
		t.Errorf("a digit alone is read otherwise: %v", err)
	}
	again := small()
	again.Workers = 1
	c2, err := classify.Train(t.Context(), again, seen)
	if err != nil {
		t.Fatal(err)
	}
	if r2, err := c2.Read(fresh.X()); err != nil || !slices.Equal(r2.Features.Data, r.Features.Data) {
		t.Errorf("one core trains another classifier than all: %v", err)
	}
}

// TestShift: a classifier that was trained on moved digits reads moved digits
// better.
func TestShift(t *testing.T) {
	seen, fresh := digits(t, 0, 1400), digits(t, 1400, 1797)
	moved := tensor.New(fresh.Len(), 64)
	for i := range moved.N {
		for y := range 8 {
			for x := range 8 {
				moved.Row(i)[y*8+x] = fresh.X().Row(i)[min(y+1, 7)*8+max(x-1, 0)]
			}
		}
	}
	var got [2]float64
	for shift := range 2 {
		c := small()
		c.Shift = shift
		r, err := classify.Train(t.Context(), c, seen)
		if err != nil {
			t.Fatal(err)
		}
		reading, err := r.Read(moved)
		if err != nil {
			t.Fatal(err)
		}
		got[shift] = reading.Agreement(fresh.Cond().Class)
	}
	if got[1] < got[0]+0.1 {
		t.Errorf("moved digits: %.3f read right without shifts, %.3f with", got[0], got[1])
	}
}

func TestErrors(t *testing.T) {
	unlabelled, err := data.NewStored(tensor.New(4, 64), flow.Cond{}, flow.CondSpec{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	wrong := small()
	wrong.H = 7
	minus := small()
	minus.Shift = -1
	for name, f := range map[string]func() error{
		"no classes": func() error { _, err := classify.Train(t.Context(), small(), unlabelled); return err },
		"size":       func() error { _, err := classify.Train(t.Context(), wrong, digits(t, 0, 10)); return err },
		"shift":      func() error { _, err := classify.Train(t.Context(), minus, digits(t, 0, 10)); return err },
	} {
		if err := f(); !errors.Is(err, flow.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func Example() {
	// Rows of two pixels, of which the brighter one says the class.
	s := rng.New(1).Stream()
	x, class := tensor.New(400, 2), make([]int32, 400)
	for i := range x.N {
		class[i] = int32(i % 2)
		x.Row(i)[class[i]] = 1 + s.Float32()
	}
	rows, err := data.NewStored(x, flow.Cond{Class: class}, flow.CondSpec{Classes: 2}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := classify.Defaults(1, 2, 1)
	cfg.Steps, cfg.Shift = 200, 0
	c, err := classify.Train(context.Background(), cfg, rows)
	if err != nil {
		fmt.Println(err)
		return
	}
	probe, _ := tensor.FromRows([][]float32{{0, 1.5}, {1.2, 0}})
	reading, err := c.Read(probe)
	fmt.Println(reading.Class, err)
	// Output: [1 0] <nil>
}
