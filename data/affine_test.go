package data_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"laminar/data"
	"laminar/flow"
	"laminar/tensor"
)

func TestAffine(t *testing.T) {
	a, err := data.NewAffine(-60, 16)
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.NewOf[float64](2, 2)
	copy(x.Data, []float64{-60, -44, -76, 20})
	z := tensor.New(2, 2)
	if err := a.Forward(z, x); err != nil || !slices.Equal(z.Data, []float32{0, 1, -1, 5}) {
		t.Fatal(z, err)
	}
	y := tensor.NewOf[float64](2, 2)
	if err := a.Inverse(y, z); err != nil || !slices.Equal(y.Data, x.Data) {
		t.Fatal(y, err)
	}
	det := make([]float64, 2)
	if err := a.LogDet(det, x); err != nil || det[0] != -2*math.Log(16) || det[1] != det[0] {
		t.Fatal(det, err)
	}
	b, err := a.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := data.DecodeTransform(b); err != nil || back != a {
		t.Fatal(back, err)
	}
	x.Data[1] = math.Inf(1)
	for name, err := range map[string]error{
		"infinite": a.Forward(z, x),
		"setting":  second(data.DecodeTransform([]byte(`{"kind":"affine","mean":0,"std":1,"x":1}`))),
		"std":      second(data.DecodeTransform([]byte(`{"kind":"affine","mean":0,"std":0}`))),
		"mean":     second(data.NewAffine(math.NaN(), 1)),
	} {
		if !errors.Is(err, flow.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := a.Forward(tensor.New(1, 2), x); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

func ExampleNewAffine() {
	a, err := data.NewAffine(-60, 20) // decibels
	x, z := tensor.NewOf[float64](1, 2), tensor.New(1, 2)
	x.Data[0], x.Data[1] = -80, -40
	fmt.Println(a.Forward(z, x), z.Data, err)
	// Output: <nil> [-1 1] <nil>
}
