package metric

import (
	"errors"
	"math"
	"slices"
	"testing"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// gauss draws n points of N(mean, sd²I).
func gauss(n int, key rng.Key, sd float64, mean ...float64) tensor.Mat {
	m := tensor.New(n, len(mean))
	s := key.Stream()
	for i := range n {
		for j := range mean {
			m.Row(i)[j] = float32(mean[j] + sd*s.NormFloat64())
		}
	}
	return m
}

func shifted(x tensor.Mat, by ...float32) tensor.Mat {
	y := x.Clone()
	for i := range y.N {
		for j := range by {
			y.Row(i)[j] += by[j]
		}
	}
	return y
}

func reversed(x tensor.Mat) tensor.Mat {
	y := tensor.New(x.N, x.D)
	for i := range x.N {
		copy(y.Row(i), x.Row(x.N-1-i))
	}
	return y
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s is %.6g, want %.6g ± %.2g", what, got, want, tol)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A shift is an optimal map, and equal sets are at distance zero however they
// are ordered.
func TestWassersteinOfShift(t *testing.T) {
	for _, n := range []int{1, 2, 37, 130} {
		x := gauss(n, rng.New(1), 1, 0, 0, 0)
		y := shifted(reversed(x), 3, 0, 4)
		near(t, "W2", must(W2(x, y)), 5, 1e-6)
		near(t, "W1", must(W1(x, y)), 5, 1e-6)
		near(t, "W2 of equal sets", must(W2(x, reversed(x))), 0, 0)
	}
}

func TestWassersteinAgainstBruteForce(t *testing.T) {
	for trial := range uint64(30) {
		k := rng.New(2).At(trial)
		n := 1 + int(trial%7)
		x, y := gauss(n, k.At(0), 1, 0, 0), gauss(n, k.At(1), 2, 1, 0)
		best2, best1 := math.Inf(1), math.Inf(1)
		perm := make([]int, n)
		for i := range perm {
			perm[i] = i
		}
		var try func(i int)
		try = func(i int) {
			if i == n {
				var s2, s1 float64
				for a, b := range perm {
					s2 += dist2(x.Row(a), y.Row(b))
					s1 += math.Sqrt(dist2(x.Row(a), y.Row(b)))
				}
				best2, best1 = min(best2, s2), min(best1, s1)
				return
			}
			for j := i; j < n; j++ {
				perm[i], perm[j] = perm[j], perm[i]
				try(i + 1)
				perm[i], perm[j] = perm[j], perm[i]
			}
		}
		try(0)
		near(t, "W2", must(W2(x, y)), math.Sqrt(best2/float64(n)), 1e-6)
		near(t, "W1", must(W1(x, y)), best1/float64(n), 1e-6)
	}
}

// One point against many, and a set against its double, are known by hand.
func TestWassersteinOfUnequalSizes(t *testing.T) {
	one := tensor.Mat{N: 1, D: 2, Data: []float32{0, 0}}
	three := tensor.Mat{N: 3, D: 2, Data: []float32{3, 4, 0, 1, 2, 0}}
	near(t, "W2 of one against three", must(W2(one, three)), math.Sqrt(30.0/3), 1e-9)
	near(t, "W1 of three against one", must(W1(three, one)), 8.0/3, 1e-9)
	x := gauss(40, rng.New(30), 1, 0, 0)
	twice := tensor.Mat{N: 80, D: 2, Data: slices.Concat(x.Data, x.Data)}
	near(t, "W2 of a set and its double, shifted", must(W2(x, shifted(twice, 3, 4))), 5, 1e-6)
}

// W2² of N(a, s²I) and N(b, r²I) is ‖a-b‖² + D(s-r)²; finite samples read a
// little more.
func TestWassersteinOfGaussians(t *testing.T) {
	x, y := gauss(600, rng.New(3), 1, 0, 0), gauss(600, rng.New(4), 2, 3, 1)
	near(t, "W2", must(W2(x, y)), math.Sqrt(10+2), 0.25)
}

func TestSlicedW2(t *testing.T) {
	dirs := Directions(2, 64, rng.New(0))
	x := gauss(500, rng.New(5), 1, 0, 0)
	near(t, "shift", must(SlicedW2(x, shifted(reversed(x), 3, 4), dirs)), 5/math.Sqrt2, 1e-5)
	near(t, "equal sets", must(SlicedW2(x, reversed(x), dirs)), 0, 0)

	twice := tensor.Mat{N: 2 * x.N, D: 2, Data: slices.Concat(x.Data, x.Data)}
	near(t, "the same set twice over", must(SlicedW2(x, twice, dirs)), 0, 0)

	a, b := gauss(50000, rng.New(6), 1, 0), gauss(30000, rng.New(7), 2, 3)
	near(t, "Gaussians on the line", must(SlicedW2(a, b, Directions(1, 9, rng.New(0)))), math.Sqrt(9+1), 0.03)

	// On the line, sorting and matching must agree.
	a, b = gauss(97, rng.New(8), 1, 0), gauss(97, rng.New(9), 1, 0.5)
	near(t, "sorting against matching", must(SlicedW2(a, b, Directions(1, 1, rng.New(0)))), must(W2(a, b)), 1e-7)
}

func TestDirections(t *testing.T) {
	for _, d := range []int{1, 2, 3, 17} {
		dirs := Directions(d, 400, rng.New(1))
		var first float64
		for i := range dirs.N {
			var norm float64
			for _, v := range dirs.Row(i) {
				norm += float64(v) * float64(v)
			}
			near(t, "norm²", norm, 1, 1e-6)
			first += float64(dirs.Row(i)[0]) * float64(dirs.Row(i)[0]) / float64(dirs.N)
		}
		near(t, "mean of the first coordinate squared", first, 1/float64(d), 0.1/float64(d))
	}
}

func TestProjectSorts(t *testing.T) {
	x := gauss(1000, rng.New(10), 100, 0, 0)
	copy(x.Row(3), x.Row(900)) // a tie
	var s sorted
	s.project(x, []float32{0.6, -0.8})
	if !slices.IsSorted(s.val) {
		t.Error("not sorted")
	}
	seen := make([]bool, x.N)
	for k, i := range s.row {
		seen[i] = true
		r := x.Row(int(i))
		near(t, "value", float64(s.val[k]), float64(float32(0.6))*float64(r[0])+float64(float32(-0.8))*float64(r[1]), 1e-4)
		if i == 900 && s.row[k-1] != 3 {
			t.Error("tie is out of order")
		}
	}
	if slices.Contains(seen, false) {
		t.Error("a row is missing")
	}
}

// E of N(0,1) and N(m,1) is 2 E|N(m,2)| - 4/√π.
func TestEnergyOfGaussians(t *testing.T) {
	const m = 0.7
	folded := 2/math.SqrtPi*math.Exp(-m*m/4) + m*math.Erf(m/2)
	want := 2*folded - 4/math.SqrtPi
	x, y := gauss(1500, rng.New(11), 1, 0), gauss(1200, rng.New(12), 1, m)
	e := must(Energy(x, y))
	near(t, "energy", e.Value, want, 4*e.SE)
	s := must(SlicedEnergy(x, y, Directions(1, 1, rng.New(0))))
	near(t, "sliced on the line", s.Value, e.Value, 1e-6)
	near(t, "its error", s.SE, e.SE, 1e-6)
}

func TestSlicedEnergyIsEnergyInThePlane(t *testing.T) {
	x, y := gauss(300, rng.New(13), 1, 0, 0), gauss(250, rng.New(14), 1.3, 0.5, 0)
	e := must(Energy(x, y))
	s := must(SlicedEnergy(x, y, Directions(2, 64, rng.New(0))))
	near(t, "value", s.Value, e.Value, 1e-3*e.Value)
	near(t, "error", s.SE, e.SE, 1e-2*e.SE)
	for _, d := range []int{1, 2, 3} {
		near(t, "mean |cosine|", meanAbsCosine(d), []float64{0, 1, 2 / math.Pi, 0.5}[d], 1e-12)
	}
}

// Over many draws the mean is the truth, zero for equal laws, and the standard
// error is the spread; for equal laws its square is twice that.
func TestEnergyStandardError(t *testing.T) {
	for _, c := range []struct{ shift, ratio float64 }{{1, 1}, {0, math.Sqrt2}} {
		const draws = 300
		v := make([]float64, draws)
		var se float64
		for i := range v {
			k := rng.New(15).At(uint64(i))
			e := must(Energy(gauss(60, k.At(0), 1, 0, 0), gauss(80, k.At(1), 1, c.shift, 0)))
			v[i] = e.Value
			se += e.SE * e.SE / draws
		}
		mean, sd := meanSD(v)
		near(t, "standard error over spread", math.Sqrt(se)/sd, c.ratio, 0.15)
		if c.shift == 0 {
			near(t, "mean for equal laws", mean, 0, 4*sd/math.Sqrt(draws))
		}
	}
}

func TestExpNeg(t *testing.T) {
	for a := 0.0; a <= 40; a += 1.0 / 1000 {
		near(t, "exp", expNeg(a), math.Exp(-a), 2e-12*math.Exp(-a))
	}
}

func TestMMD(t *testing.T) {
	// By hand: points 0 and 1 against the point 1.
	x, y := tensor.Mat{N: 2, D: 1, Data: []float32{0, 1}}, tensor.Mat{N: 1, D: 1, Data: []float32{1}}
	var k1 float64
	for _, s := range []float64{0.01, 0.1, 1, 10, 100} {
		k1 += math.Exp(-1 / (2 * s * s))
	}
	near(t, "by hand", must(MMD(x, y)), (10+2*k1)/4+5-(k1+5), 1e-10)

	// E k of N(0,I) and N(m,I) in D dimensions: Σ (σ²/(σ²+2))^(D/2) exp(-‖m‖²/(2(σ²+2))).
	a, b := gauss(1500, rng.New(16), 1, 0, 0), gauss(1500, rng.New(17), 1, 1, 0)
	var want float64
	for _, s := range []float64{0.01, 0.1, 1, 10, 100} {
		v := s * s
		want += 2 * v / (v + 2) * (1 - math.Exp(-1/(2*(v+2))))
	}
	near(t, "Gaussians", must(MMDUnbiased(a, b)), want, 0.03)
	near(t, "equal sets", must(MMD(a, reversed(a))), 0, 1e-12)
	same := gauss(1500, rng.New(18), 1, 0, 0)
	near(t, "equal laws", must(MMDUnbiased(a, same)), 0, 2e-3)
}

// Distances do not change when both sets are rotated and shifted together.
func TestInvariance(t *testing.T) {
	x, y := gauss(150, rng.New(19), 1, 0, 0), gauss(150, rng.New(20), 1, 1, 0)
	turn := func(m tensor.Mat) tensor.Mat {
		out := tensor.New(m.N, 2)
		s, c := math.Sincos(math.Pi / 8)
		for i := range m.N {
			a, b := float64(m.At(i, 0)), float64(m.At(i, 1))
			out.Row(i)[0], out.Row(i)[1] = float32(c*a-s*b+2), float32(s*a+c*b-1)
		}
		return out
	}
	u, v := turn(x), turn(y)
	dirs := Directions(2, 64, rng.New(0))
	near(t, "W2", must(W2(u, v)), must(W2(x, y)), 1e-5)
	near(t, "W1", must(W1(u, v)), must(W1(x, y)), 1e-5)
	near(t, "SW2", must(SlicedW2(u, v, dirs)), must(SlicedW2(x, y, dirs)), 1e-5)
	near(t, "energy", must(Energy(u, v)).Value, must(Energy(x, y)).Value, 1e-5)
	near(t, "MMD", must(MMD(u, v)), must(MMD(x, y)), 1e-5)
}

func TestBadInput(t *testing.T) {
	ok := gauss(4, rng.New(21), 1, 0, 0)
	nan := ok.Clone()
	nan.Row(2)[1] = float32(math.NaN())
	inf := ok.Clone()
	inf.Row(0)[0] = float32(math.Inf(-1))
	dirs := Directions(2, 4, rng.New(0))
	calls := map[string]func(x, y tensor.Mat) error{
		"W2":             func(x, y tensor.Mat) error { _, err := W2(x, y); return err },
		"W1":             func(x, y tensor.Mat) error { _, err := W1(x, y); return err },
		"SlicedW2":       func(x, y tensor.Mat) error { _, err := SlicedW2(x, y, dirs); return err },
		"Energy":         func(x, y tensor.Mat) error { _, err := Energy(x, y); return err },
		"SlicedEnergy":   func(x, y tensor.Mat) error { _, err := SlicedEnergy(x, y, dirs); return err },
		"MMD":            func(x, y tensor.Mat) error { _, err := MMD(x, y); return err },
		"MMDUnbiased":    func(x, y tensor.Mat) error { _, err := MMDUnbiased(x, y); return err },
		"ModeShares ref": func(x, y tensor.Mat) error { _, err := ModeShares(x, y, make([]int32, y.N), 1); return err },
	}
	for name, call := range calls {
		for _, c := range []struct {
			what string
			x, y tensor.Mat
			want error
		}{
			{"other dimension", ok, tensor.New(4, 3), flow.ErrShape},
			{"empty", ok, tensor.Mat{D: 2}, flow.ErrShape},
			{"no columns", tensor.New(4, 0), tensor.New(4, 0), flow.ErrShape},
			{"NaN", nan, ok, flow.ErrDiverged},
			{"Inf", ok, inf, flow.ErrDiverged},
			{"lying header", tensor.Mat{N: 4, D: 2, Data: make([]float32, 7)}, ok, flow.ErrShape},
		} {
			if err := call(c.x, c.y); !errors.Is(err, c.want) {
				t.Errorf("%s, %s: error %v, want one that is %v", name, c.what, err, c.want)
			}
		}
	}
	huge := tensor.Mat{N: 4, D: 2, Data: []float32{3e38, 0, 0, 0, 0, 0, 0, -3e38}}
	if _, err := W2(ok, huge); !errors.Is(err, flow.ErrDiverged) {
		t.Errorf("distances beyond float32: %v", err)
	}
}

func TestModeShares(t *testing.T) {
	centres := tensor.Mat{N: 3, D: 2, Data: []float32{0, 0, 10, 0, 0, 10}}
	x := tensor.Mat{N: 4, D: 2, Data: []float32{1, 1, 9, 1, 8, -1, -3, 0}}
	got := must(ModeShares(x, centres, []int32{0, 1, 2}, 3))
	if !slices.Equal(got, []float64{0.5, 0.5, 0}) {
		t.Errorf("shares are %v", got)
	}
	if _, err := ModeShares(x, centres, []int32{0, 7, 2}, 3); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("label out of range: %v", err)
	}
}
