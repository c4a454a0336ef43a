package data_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"laminar/data"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

func ExampleIndexed() {
	squares := &data.Indexed{N: 10, D: 1, Row: func(dst []float32, i int) error {
		dst[0] = float32(i * i)
		return nil
	}}
	s := flow.NewSample(squares, 10)
	fmt.Println(squares.Draw(s, rng.New(1), 0))
	slices.Sort(s.X.Data) // an epoch deals every row once
	fmt.Println(s.X.Data)
	// Output:
	// <nil>
	// [0 1 4 9 16 25 36 49 64 81]
}

// TestIndexedDealsAsStored: rows made on request are those of a table.
func TestIndexedDealsAsStored(t *testing.T) {
	const n, dim = 23, 3
	x := tensor.New(n, dim)
	stream := rng.New(2).Stream()
	stream.Normal(x.Data)
	class := make([]int32, n)
	for i := range class {
		class[i] = int32(i % 4)
	}
	names := []string{"a", "b", "c", "d"}
	stored, err := data.NewStored(x, flow.Cond{Class: class}, flow.CondSpec{Classes: 4}, names)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	plain := &data.Indexed{N: n, D: dim, Class: class, Names: names, Row: func(dst []float32, i int) error {
		copy(dst, x.Row(i))
		return nil
	}}
	labelled, err := plain.WithClasses()
	if err != nil {
		t.Fatal(err)
	}
	rows := labelled.(*data.Indexed)
	a, b := flow.NewSample(stored, 17), flow.NewSample(rows, 17)
	for i := range 4 {
		for _, draw := range []func(d data.RowSource, s flow.Sample) error{
			func(d data.RowSource, s flow.Sample) error { return d.Draw(s, rng.New(7), i) },
			func(d data.RowSource, s flow.Sample) error { return d.DrawAt(s, rng.New(7), i) },
		} {
			if err := errors.Join(draw(stored, a), draw(rows, b)); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a.X.Data, b.X.Data) || !slices.Equal(a.Cond.Class, b.Cond.Class) {
				t.Fatalf("draw %d differs", i)
			}
		}
	}
	few := rows.Select([]int{5, 5, 2})
	s := flow.NewSample(few, 3)
	if err := few.Draw(s, rng.New(1), 0); err != nil {
		t.Fatal(err)
	}
	slices.Sort(s.Cond.Class)
	if !slices.Equal(s.Cond.Class, []int32{1, 1, 2}) {
		t.Errorf("the rows 5, 5, 2 have the classes %v", s.Cond.Class)
	}
	bad := &data.Indexed{N: 2, D: 1, Row: func([]float32, int) error { return broken }}
	one := flow.NewSample(bad, 1)
	if err := bad.Draw(one, rng.New(1), 0); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := bad.Draw(one, rng.New(1), -1); !errors.Is(err, flow.ErrConfig) {
		t.Error(err)
	}
	if _, err := bad.WithClasses(); !errors.Is(err, flow.ErrConfig) {
		t.Error(err)
	}
}

func TestBytes(t *testing.T) {
	x := tensor.NewOf[float64](1, 4)
	copy(x.Data, []float64{0, 255, 127, 1})
	z := tensor.New(1, 4)
	if err := (data.Bytes{}).Forward(z, x); err != nil || z.Data[0] != -1 || z.Data[1] != 1 {
		t.Fatal(z, err)
	}
	y := tensor.NewOf[float64](1, 4)
	if err := (data.Bytes{}).Inverse(y, z); err != nil || !slices.Equal(x.Data, y.Data) {
		t.Fatal(y, err)
	}
	copy(z.Data, []float32{-7, 9, 0.001, 0})
	if err := (data.Bytes{}).Inverse(y, z); err != nil || !slices.Equal(y.Data, []float64{0, 255, 128, 128}) {
		t.Fatal(y, err)
	}
	b, err := data.Bytes{}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := data.DecodeTransform(b); back != (data.Bytes{}) || err != nil {
		t.Fatal(back, err)
	}
	if _, err := data.DecodeTransform([]byte(`{"kind":"bytes","x":1}`)); !errors.Is(err, flow.ErrFormat) {
		t.Error(err)
	}
}
