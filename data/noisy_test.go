package data

import (
	"math"
	"testing"

	"laminar/flow"
	"laminar/rng"
)

// TestNoisy: the added noise has the given deviation, rows depend on their key
// alone, and conditions are those of the set below.
func TestNoisy(t *testing.T) {
	const n, std = 20000, 0.3
	clean := Toy{Shape: Moons{}, Labelled: true}
	noisy := Noisy{clean, std}
	a, b := flow.NewSample(clean, n), flow.NewSample(noisy, n)
	key := rng.New(5)
	if err := clean.DrawAt(a, key, 0); err != nil {
		t.Fatal(err)
	}
	if err := noisy.DrawAt(b, key, 0); err != nil {
		t.Fatal(err)
	}
	var sum, square, cross float64
	for i, v := range b.X.Data {
		d := float64(v) - float64(a.X.Data[i])
		sum += d
		square += d * d
		if i%2 == 1 {
			cross += d * (float64(b.X.Data[i-1]) - float64(a.X.Data[i-1]))
		}
	}
	if m := sum / (2 * n); math.Abs(m) > 5*std/math.Sqrt(2*n) {
		t.Errorf("mean of the noise %v", m)
	}
	if s := math.Sqrt(square / (2 * n)); math.Abs(s/std-1) > 5/math.Sqrt(4*n) {
		t.Errorf("deviation of the noise %v, want %v", s, std)
	}
	if c := cross / n / (std * std); math.Abs(c) > 5/math.Sqrt(n) {
		t.Errorf("correlation of the coordinates %v", c)
	}
	for i, c := range b.Cond.Class {
		if c != a.Cond.Class[i] {
			t.Fatalf("class of row %d changed", i)
		}
	}
	few := flow.NewSample(noisy, 7)
	if err := noisy.DrawAt(few, key, 100); err != nil {
		t.Fatal(err)
	}
	for j, v := range few.X.Data {
		if v != b.X.Data[200+j] {
			t.Fatalf("row %d drawn alone differs", 100+j/2)
		}
	}
	one, two := flow.NewSample(noisy, 50), flow.NewSample(noisy, 50)
	if noisy.Draw(one, key, 3) != nil || noisy.Draw(two, key, 3) != nil {
		t.Fatal("draw failed")
	}
	for i, v := range one.X.Data {
		if v != two.X.Data[i] {
			t.Fatal("a draw differs from itself")
		}
	}
	plain := Noisy{Toy{Shape: Moons{}}, std}
	if d, err := plain.WithClasses(); err != nil || d.CondSpec().Classes != 2 {
		t.Errorf("with classes: %v %v", d, err)
	}
}
