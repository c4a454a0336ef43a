package model_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// TestRowsByThemselves: a row has the same bits among others, alone with its
// conditions, and in VelocityAt by its number.
func TestRowsByThemselves(t *testing.T) {
	const n = 33
	m := build(t, parts(t, all))
	dim := m.Dim()
	cond := flow.NewCond(all, n, dim)
	x := tensor.New(n, dim)
	s := rng.New(8).Stream()
	for _, v := range []tensor.Mat{x, cond.Real, cond.Observed} {
		s.Normal(v.Data)
	}
	for i := range n {
		cond.Class[i] = int32(i%(all.Classes+1)) - 1 // flow.NoClass among them
		cond.Mask.Row(i)[i%dim] = 1
	}
	cond.Real.Row(1)[0] = float32(math.NaN())
	whole, err := m.Bind(cond)
	if err != nil {
		t.Fatal(err)
	}
	want := tensor.New(n, dim)
	if err := whole.Velocity(want, x, 0.75); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		one, err := m.Bind(cond.Rows(i, i+1))
		if err != nil {
			t.Fatal(err)
		}
		got := tensor.New(1, dim)
		if err := one.Velocity(got, x.Rows(i, i+1), 0.75); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Data, want.Row(i)) {
			t.Errorf("row %d alone is %v, among others %v", i, got.Data, want.Row(i))
		}
	}
	rows := []int32{31, 4, 17}
	some, dst := tensor.New(len(rows), dim), tensor.New(len(rows), dim)
	for k, r := range rows {
		copy(some.Row(k), x.Row(int(r)))
	}
	if err := whole.VelocityAt(dst, some, []float64{0.75, 0.75, 0.5}, rows); err != nil {
		t.Fatal(err)
	}
	for k, r := range rows {
		if same := slices.Equal(dst.Row(k), want.Row(int(r))); same != (k != 2) {
			t.Errorf("row %d by its number is %v, in its place %v", r, dst.Row(k), want.Row(int(r)))
		}
	}
}

// TestNamelessClasses: a model whose classes have no names lists their numbers.
func TestNamelessClasses(t *testing.T) {
	m := build(t, parts(t, all))
	if id, err := m.ClassID("1"); id != 1 || err != nil {
		t.Errorf("class 1 is %d, %v", id, err)
	}
	if _, err := m.ClassID("rose"); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "0..2") {
		t.Errorf("an unknown class: %v, want the valid numbers", err)
	}
}
