package sample_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"laminar/flow"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

func length(v []float32) float64 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

// The way has the two ends, lengths that change evenly, and even angles.
func TestSlerp(t *testing.T) {
	a, b := []float32{3, 0, 0}, []float32{0, 1, 1}
	dst := make([]float32, 3)
	for _, u := range []float64{0, 0.25, 0.5, 1} {
		sample.Slerp(dst, a, b, u)
		if want := 3 + u*(math.Sqrt2-3); math.Abs(length(dst)-want) > 1e-6 {
			t.Errorf("length %v at %v, want %v", length(dst), u, want)
		}
		if got, want := math.Acos(float64(dst[0])/length(dst)), u*math.Pi/2; math.Abs(got-want) > 1e-3 {
			t.Errorf("angle %v at %v, want %v", got, u, want)
		}
	}
	for _, c := range [][2][]float32{{{1, 2}, {2, 4}}, {{0, 0}, {1, 1}}, {{1, 1}, {-1, -1}}} {
		half := make([]float32, 2)
		sample.Slerp(half, c[0], c[1], 0.5)
		for j, v := range half {
			if want := (c[0][j] + c[1][j]) / 2; math.Abs(float64(v-want)) > 1e-6 {
				t.Errorf("between %v and %v: %v", c[0], c[1], half)
			}
		}
	}
}

// Ends are the samples of the ends, and a pair keeps its condition.
func TestInterpolate(t *testing.T) {
	m := wild(t, 2, flow.CondSpec{Classes: 3, Real: 2})
	c := sample.Config{N: 4, Seed: rng.New(4), Solve: solve.Config{Method: "heun", Steps: 5}, Cond: conditions(4)}
	ends := draw(t, m, c)
	z, err := sample.Start(m, c)
	if err != nil {
		t.Fatal(err)
	}
	back := tensor.New(4, 2)
	for i := range 4 {
		copy(back.Row(i), z.Row(3-i))
	}
	x, stats, err := sample.Interpolate(context.Background(), m, c, z, back, 7)
	if err != nil || x.N != 28 || stats.MaxNFE != 10 {
		t.Fatalf("%d rows, %+v, %v", x.N, stats, err)
	}
	for i := range 4 {
		for j := range 2 {
			if math.Abs(x.At(7*i, j)-ends.At(i, j)) > 1e-5 {
				t.Errorf("pair %d begins at %v, want %v", i, x.Row(7*i), ends.Row(i))
			}
		}
	}
	if slices.Equal(x.Row(3), x.Row(4)) {
		t.Error("the way stands still")
	}
	if _, _, err := sample.Interpolate(context.Background(), m, c, z, back, 1); !errors.Is(err, flow.ErrConfig) {
		t.Error(err)
	}
}

func ExampleSlerp() {
	dst := make([]float32, 2)
	sample.Slerp(dst, []float32{2, 0}, []float32{0, 2}, 0.5)
	fmt.Printf("%.4f\n", dst)
	// Output: [1.4142 1.4142]
}
