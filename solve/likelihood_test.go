package solve_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"laminar/field"
	"laminar/flow"
	"laminar/rng"
	"laminar/solve"
	"laminar/tensor"
)

func likelihood[T tensor.Float](t testing.TB, c solve.Config) *solve.Likelihood[T] {
	l, err := solve.NewLikelihood[T](c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// logDensity is log p_1 of the rows of x under a flow from N(0, I).
func logDensity[T tensor.Float](t testing.TB, l *solve.Likelihood[T], f flow.DivergentOf[T], x tensor.Matrix[float64]) []float64 {
	z := x.Clone()
	v, _, err := l.Solve(bg, f, z, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range v.Log {
		v.Log[i] += solve.LogNormal(z.Row(i))
	}
	return v.Log
}

var (
	fine     = solve.Config{Method: "rk4", Steps: 100}
	adaptive = solve.Config{Method: "dopri5", Adaptive: true, RTol: 1e-7, ATol: 1e-7, MaxSteps: 1000}
)

// The density of a Gaussian is exact to 1e-4, in float32 too.
func TestLikelihoodOfAGaussian(t *testing.T) {
	m, dev := []float64{2, -1, 0}, []float64{0.5, 2, 0.1}
	one, zero := []float64{1, 1, 1}, []float64{0, 0, 0}
	f64, err := field.Gaussian[float64](zero, one, m, dev)
	if err != nil {
		t.Fatal(err)
	}
	f32, err := field.Gaussian[float32](zero, one, m, dev)
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.Convert[float64](normal(50, 3, 2))
	want := make([]float64, x.N)
	for i := range x.N {
		for j := range x.D {
			z := x.At(i, j)
			x.Row(i)[j] = m[j] + dev[j]*z
			want[i] -= z*z/2 + math.Log(dev[j]) + math.Log(2*math.Pi)/2
		}
	}
	for name, got := range map[string][]float64{
		"rk4": logDensity(t, likelihood[float64](t, fine), f64, x), "adaptive": logDensity(t, likelihood[float64](t, adaptive), f64, x),
		"ab2":         logDensity(t, likelihood[float64](t, solve.Config{Method: "ab2", Steps: 3000}), f64, x),
		"rk4 float32": logDensity[float32](t, likelihood[float32](t, fine), f32, x), "adaptive float32": logDensity[float32](t, likelihood[float32](t, adaptive), f32, x),
	} {
		if d := gap(got, want); d > 1e-4 {
			t.Errorf("%s: off by %g", name, d)
		}
	}
}

func mixture2(t testing.TB) *field.MixtureFlow[float64] {
	f, err := field.Mixture[float64]([]float64{1, 2, 1}, [][]float64{{-1, 0}, {1, 1}, {0.5, -1.5}}, []float64{0.3, 0.5, 0.2})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The density integrates to 1 in the plane and is that of the mixture.
func TestLikelihoodIntegratesToOne(t *testing.T) {
	const h = 0.1
	var x tensor.Matrix[float64]
	x.D = 2
	for a := -4.0; a < 4; a += h {
		for b := -4.0; b < 4; b += h {
			x.Data, x.N = append(x.Data, a, b), x.N+1
		}
	}
	logP := logDensity[float64](t, likelihood[float64](t, solve.Config{Method: "rk4", Steps: 40}), mixture2(t), x)
	var mass, worst float64
	for i, l := range logP {
		mass += math.Exp(l) * h * h
		var p float64
		for _, c := range [][]float64{{-1, 0, 0.3, 1}, {1, 1, 0.5, 2}, {0.5, -1.5, 0.2, 1}} {
			a, b := (x.At(i, 0)-c[0])/c[2], (x.At(i, 1)-c[1])/c[2]
			p += c[3] / 4 / (2 * math.Pi * c[2] * c[2]) * math.Exp(-(a*a+b*b)/2)
		}
		worst = max(worst, math.Abs(p-math.Exp(l)))
	}
	if math.Abs(mass-1) > 1e-4 || worst > 1e-3 {
		t.Errorf("mass %v, density off by %v", mass, worst)
	}
}

// Samples bring their density with them: it equals that of the same points taken
// for data.
func TestLikelihoodOfSamples(t *testing.T) {
	f := mixture2(t)
	x := tensor.Convert[float64](normal(40, 2, 5))
	l := likelihood[float64](t, adaptive)
	start := make([]float64, x.N)
	for i := range x.N {
		start[i] = solve.LogNormal(x.Row(i))
	}
	v, stats, err := l.Solve(bg, f, x, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range start {
		start[i] -= v.Log[i]
	}
	if back := logDensity[float64](t, l, f, x); gap(back, start) > 1e-5 || v.Err != nil || !(stats.NFE > 10) {
		t.Errorf("there and back differ by %v, %+v", gap(back, start), stats)
	}
}

// linear is u = A x t in d dimensions, with its divergence; calls counts them.
type linear struct {
	a     tensor.Matrix[float64]
	calls *int
}

func (f linear) Dim() int { return f.a.N }

func (f linear) Velocity(dst, x tensor.Matrix[float64], t float64) error {
	times := make([]float64, x.N)
	for i := range times {
		times[i] = t
	}
	return f.VelocityDivergence(dst, tensor.NewOf[float64](x.N, 1), x, times, nil, nil)
}

func (f linear) VelocityDivergence(dst, div, x tensor.Matrix[float64], t []float64, rows []int32, probes []tensor.Matrix[float64]) error {
	if f.calls != nil {
		*f.calls++
	}
	clear(div.Data)
	times := func(v []float64, j int) (sum float64) {
		for k, a := range f.a.Row(j) {
			sum += a * v[k]
		}
		return sum
	}
	for i := range x.N {
		for j := range f.a.N {
			dst.Row(i)[j] = t[i] * times(x.Row(i), j)
			if probes == nil {
				div.Row(i)[0] += t[i] * f.a.At(j, j)
			}
			for k, p := range probes {
				div.Row(i)[k] += t[i] * p.At(i, j) * times(p.Row(i), j)
			}
		}
	}
	return nil
}

// Hutchinson's estimate has the exact mean, and its error bars are right: the
// standardised errors have mean 0 and deviation 1. The number of evaluations does
// not depend on the number of probes.
func TestHutchinson(t *testing.T) {
	const n, d, probes = 400, 5, 32
	var calls int
	f := linear{a: tensor.NewOf[float64](d, d), calls: &calls}
	copy(f.a.Data, tensor.Convert[float64](normal(d, d, 6)).Data)
	var trace float64
	for j := range d {
		trace += f.a.At(j, j)
	}
	for _, gaussian := range []bool{false, true} {
		l := likelihood[float64](t, solve.Config{Method: "heun", Steps: 10})
		l.Probes, l.Gaussian, l.Key = probes, gaussian, rng.New(1)
		calls = 0
		v, stats, err := l.Solve(bg, f, tensor.NewOf[float64](n, d), 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if calls != 20 || stats.MaxNFE != 20 {
			t.Errorf("%d evaluations, %+v", calls, stats)
		}
		var mean, square float64
		for i := range n {
			z := (v.Log[i] - trace/2) / v.Err[i]
			mean, square = mean+z/n, square+z*z/n
		}
		// Student's t with 31 degrees of freedom has variance 31/29.
		if math.Abs(mean) > 3.5/math.Sqrt(n) || math.Abs(square-31.0/29) > 4*math.Sqrt(2.2/n) {
			t.Errorf("gaussian=%v: standardised errors of mean %.3f and square %.3f", gaussian, mean, square)
		}
	}
	l := likelihood[float64](t, fine)
	l.Probes = 1
	if v, _, err := l.Solve(bg, f, tensor.NewOf[float64](2, d), 0, 1); err != nil || !math.IsNaN(v.Err[0]) || math.IsNaN(v.Log[0]) {
		t.Errorf("one probe: %v, %v", v, err)
	}
	l.Probes = -1
	if _, _, err := l.Solve(bg, f, tensor.NewOf[float64](2, d), 0, 1); !errors.Is(err, flow.ErrConfig) {
		t.Error(err)
	}
}

// Rows do not mix, with probes and with steps of their own.
func TestLikelihoodRows(t *testing.T) {
	f := mixture2(t)
	x := tensor.Convert[float64](normal(30, 2, 5))
	l := likelihood[float64](t, solve.Config{Method: "bosh3", Adaptive: true, RTol: 1e-4, ATol: 1e-4, MaxSteps: 1000})
	l.Probes, l.Key = 3, rng.New(2)
	run := func(lo, hi int) solve.Volume {
		l.First = lo
		v, _, err := l.Solve(bg, f, x.Rows(lo, hi).Clone(), 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	whole := run(0, x.N)
	for lo := 0; lo < x.N; lo += 7 {
		hi := min(lo+7, x.N)
		if v := run(lo, hi); !slices.Equal(v.Log, whole.Log[lo:hi]) || !slices.Equal(v.Err, whole.Err[lo:hi]) {
			t.Errorf("rows %d to %d differ", lo, hi-1)
		}
	}
}

func TestLikelihoodRefuses(t *testing.T) {
	for _, m := range []string{"em", "ddim", "jump"} {
		c := solve.Defaults()
		c.Method = m
		if _, err := solve.NewLikelihood[float64](c); !errors.Is(err, flow.ErrConfig) {
			t.Errorf("%s: %v", m, err)
		}
	}
	if _, _, err := likelihood[float64](t, fine).Solve(bg, mixture2(t), tensor.NewOf[float64](3, 5), 1, 0); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
}

// The density of a point under a flow whose data are N(3, 0.5^2).
func ExampleLikelihood() {
	f, err := field.Gaussian[float64]([]float64{0}, []float64{1}, []float64{3}, []float64{0.5})
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := solve.NewLikelihood[float64](solve.Config{Method: "rk4", Steps: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	x, _ := tensor.FromRows([][]float64{{3}, {4}})
	v, stats, err := l.Solve(bg, f, x, 1, 0) // x is noise now
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range x.N {
		fmt.Printf("%.4f\n", solve.LogNormal(x.Row(i))+v.Log[i])
	}
	fmt.Println(stats.MaxNFE, "evaluations")
	// Output:
	// -0.2258
	// -2.2258
	// 400 evaluations
}
