package data_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"laminar/data"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

func columns(t *testing.T, cols ...[]float64) tensor.Matrix[float64] {
	t.Helper()
	m := tensor.NewOf[float64](len(cols[0]), len(cols))
	for j, c := range cols {
		for i, v := range c {
			m.Row(i)[j] = v
		}
	}
	return m
}

// Columns of every magnitude must come out with mean 0 and deviation 1, and come
// back to float32 precision of their spread.
func TestStandardise(t *testing.T) {
	x := columns(t,
		[]float64{1, 2, 3, 4},
		[]float64{1.7e9, 1.7e9 + 1, 1.7e9 + 2, 1.7e9 + 3}, // seconds
		[]float64{-1.7e308, 1.7e308, 1e308, -1e308},
		[]float64{4e-310, 1e-310, 2e-310, 3e-310},
		[]float64{0.1, 0.1, 0.1, 0.1},
		[]float64{1e300, 2e300, 3e300, 5e300},
	)
	s, err := data.FitStandardise(x)
	if err != nil {
		t.Fatal(err)
	}
	z := tensor.New(x.N, x.D)
	if err := s.Forward(z, x); err != nil {
		t.Fatal(err)
	}
	back := tensor.NewOf[float64](x.N, x.D)
	if err := s.Inverse(back, z); err != nil {
		t.Fatal(err)
	}
	for j := range x.D {
		var m, v float64
		for i := range x.N {
			m += float64(z.At(i, j)) / 4
			v += float64(z.At(i, j)) * float64(z.At(i, j)) / 4
			if d := math.Abs(back.At(i, j)/2 - x.At(i, j)/2); d > 1e-7*s.Std()[j] {
				t.Errorf("column %d: %v came back as %v", j, x.At(i, j), back.At(i, j))
			}
		}
		want := 1.0
		if j == 4 {
			want = 0
		}
		if math.Abs(m) > 1e-6 || math.Abs(v-want) > 1e-6 {
			t.Errorf("column %d has mean %v and variance %v", j, m, v)
		}
	}
	if s.Mean()[4] != 0.1 || s.Std()[4] != 0 {
		t.Errorf("the constant's mean is %v, its deviation %v", s.Mean()[4], s.Std()[4])
	}
	for i := range z.Data {
		z.Data[i] = 0.3 // a sample strays, the constant does not
	}
	if err := s.Inverse(back, z); err != nil {
		t.Fatal(err)
	}
	if back.At(2, 4) != 0.1 {
		t.Errorf("the constant came back as %v", back.At(2, 4))
	}
}

func TestLogDet(t *testing.T) {
	s, err := data.NewStandardise([]float64{1, 2, 3}, []float64{2, 0.25, 0})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, 2)
	if err := s.LogDet(got, tensor.NewOf[float64](2, 3)); err != nil {
		t.Fatal(err)
	}
	if want := -math.Log(2) - math.Log(0.25); math.Abs(got[1]-want) > 1e-12 || got[0] != got[1] {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTransformsSurviveJSON(t *testing.T) {
	s, err := data.FitStandardise(columns(t, []float64{0.1, 1.0 / 3, 1e300}, []float64{7, 7, 7}))
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range []data.Transform{s, data.Identity{}} {
		b, err := json.Marshal(tr)
		if err != nil {
			t.Fatal(err)
		}
		back, err := data.DecodeTransform(b)
		if err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(back)
		if err != nil || string(again) != string(b) {
			t.Errorf("%s came back as %s (%v)", b, again, err)
		}
	}
	for _, bad := range []string{
		``, `{}`, `[]`, `{"kind":"log"}`, `{"kind":"identity","x":1}`, `{"kind":"standardise"}`,
		`{"kind":"standardise","mean":[1],"std":[1,2]}`, `{"kind":"standardise","mean":[1],"std":[-1]}`, `{"kind":"standardise","mean":[1],"std":[1],"more":0}`,
		`{"kind":"standardise","mean":[1e999],"std":[1]}`,
	} {
		if _, err := data.DecodeTransform([]byte(bad)); !errors.Is(err, flow.ErrFormat) {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

func TestTransformsNameTheCulprit(t *testing.T) {
	x := columns(t, []float64{1, 2, 3}, []float64{0, 0, 1e300})
	err := data.Identity{}.Forward(tensor.New(3, 2), x)
	if !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), "row 3, column 2: 1e+300 is too large") {
		t.Errorf("identity: %v", err)
	}
	s, _ := data.NewStandardise([]float64{0, 0}, []float64{1, 1e-3})
	err = s.Forward(tensor.New(3, 2), x)
	if !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), "row 3, column 2: 1e+300 is too large beside") {
		t.Errorf("standardise: %v", err)
	}
	if err := s.Forward(tensor.New(3, 1), x); !errors.Is(err, flow.ErrShape) {
		t.Errorf("wrong shape: %v", err)
	}
	x.Data[3] = math.NaN()
	if _, err := data.FitStandardise(x); !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), "row 2, column 2") {
		t.Errorf("NaN: %v", err)
	}
	if _, err := data.FitStandardise(tensor.Matrix[float64]{}); !errors.Is(err, flow.ErrShape) {
		t.Errorf("empty: %v", err)
	}
}

func TestEstimateStandardise(t *testing.T) {
	s, err := data.EstimateStandardise(data.Toy{Shape: data.Uniform{D: 3}}, 50000, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	for j := range 3 {
		if math.Abs(s.Mean()[j]) > 0.01 || math.Abs(s.Std()[j]-1/math.Sqrt(3)) > 0.01 {
			t.Errorf("column %d: mean %v, deviation %v", j, s.Mean()[j], s.Std()[j])
		}
	}
}
