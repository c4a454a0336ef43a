package rng_test

import (
	"math"
	"testing"

	"laminar/rng"
)

func TestNormalMoments(t *testing.T) {
	s := rng.New(1).Stream()
	const n = 4 << 20
	var m [5]float64
	tail := 0
	for range n {
		z := s.NormFloat64()
		p := 1.0
		for k := range m {
			m[k] += p / n
			p *= z
		}
		if math.Abs(z) > 3.6541528853610088 {
			tail++
		}
	}
	for k, want := range []float64{1, 0, 1, 0, 3} {
		if math.Abs(m[k]-want) > 0.012 {
			t.Errorf("moment %d is %.4f, want %v", k, m[k], want)
		}
	}
	want := n * math.Erfc(3.6541528853610088/math.Sqrt2)
	if math.Abs(float64(tail)-want) > 6*math.Sqrt(want) {
		t.Errorf("%d draws beyond the last layer, want about %.0f", tail, want)
	}
}

// The empirical distribution is compared with the normal one at every layer's
// edge, where an error in a ziggurat would show.
func TestNormalDistribution(t *testing.T) {
	s := rng.New(2).Stream()
	const n = 1 << 21
	var count [64]int
	for range n {
		b := int((s.NormFloat64() + 4) * 8)
		if b >= 0 && b < 64 {
			count[b]++
		}
	}
	cdf := func(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }
	for b, c := range count {
		lo := float64(b)/8 - 4
		want := n * (cdf(lo+0.125) - cdf(lo))
		if math.Abs(float64(c)-want) > 6*math.Sqrt(want)+1 {
			t.Errorf("bin at %.3f holds %d, want about %.0f", lo, c, want)
		}
	}
}

func TestUniformAndIntN(t *testing.T) {
	s := rng.New(3).Stream()
	var sum, sq float64
	const n = 1 << 20
	for range n {
		u := float64(s.Float32())
		if u < 0 || u >= 1 {
			t.Fatalf("%v is outside [0,1)", u)
		}
		sum += u
		sq += u * u
	}
	if math.Abs(sum/n-0.5) > 0.002 || math.Abs(sq/n-1.0/3) > 0.002 {
		t.Errorf("moments %.4f %.4f", sum/n, sq/n)
	}
	var c [7]int
	for range 70000 {
		c[s.IntN(7)]++
	}
	for i, v := range c {
		if v < 9400 || v > 10600 {
			t.Errorf("IntN gave %d %d times of 70000", i, v)
		}
	}
}

func TestKeysDiffer(t *testing.T) {
	root := rng.New(7)
	seen := map[rng.Key]bool{}
	for i := range uint64(1000) {
		for _, k := range []rng.Key{root.At(i), root.Split("a").At(i), root.Split("b").At(i), rng.New(i)} {
			if seen[k] {
				t.Fatalf("key of index %d was seen before", i)
			}
			seen[k] = true
		}
	}
}

// Neighbouring keys' streams must not be correlated.
func TestNeighbourStreams(t *testing.T) {
	root := rng.New(9)
	const n = 1 << 16
	var dot float64
	for i := range uint64(n) {
		a, b := root.At(i).Stream(), root.At(i+1).Stream()
		dot += a.NormFloat64() * b.NormFloat64()
	}
	if math.Abs(dot/n) > 6/math.Sqrt(n) {
		t.Errorf("correlation of neighbouring streams is %.4f", dot/n)
	}
}

func TestPerm(t *testing.T) {
	s := rng.New(5).Stream()
	p := make([]int32, 50)
	s.Perm(p)
	seen := make([]bool, 50)
	for _, v := range p {
		if seen[v] {
			t.Fatalf("%d twice", v)
		}
		seen[v] = true
	}
}
