package field_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"laminar/field"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

func ExampleFunc() {
	f := field.Func(2, func(dst, x []float64, t float64) { dst[0], dst[1] = -x[1], x[0] })
	x, _ := tensor.FromRows([][]float64{{1, 0}, {0, 2}})
	u := tensor.NewOf[float64](2, 2)
	if err := f.Velocity(u, x, 0); err != nil {
		fmt.Println(err)
	}
	fmt.Println(u.Data)
	// Output: [-0 1 -2 0]
}

func ExampleCounted() {
	var c field.Counter
	f := field.Counted[float64](field.Func(1, func(dst, x []float64, t float64) { dst[0] = 1 }), &c)
	x := tensor.NewOf[float64](10, 1)
	for range 3 {
		if err := f.Velocity(tensor.NewOf[float64](10, 1), x, 0); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(c.Calls(), c.Evaluations())
	// Output: 3 30
}

func ExampleGuided() {
	constant := func(v float32) flow.Field {
		return field.Func(1, func(dst, x []float32, t float64) { dst[0] = v })
	}
	f, err := field.Guided(constant(3), constant(1), 2)
	if err != nil {
		fmt.Println(err)
	}
	x, u := tensor.New(1, 1), tensor.New(1, 1)
	if err := f.Velocity(u, x, 0); err != nil {
		fmt.Println(err)
	}
	fmt.Println(u.Data[0], "for", flow.Evaluations(f), "evaluations")
	// Output: 5 for 2 evaluations
}

func ExampleReversed() {
	f := field.Func(1, func(dst, x []float64, t float64) { dst[0] = t })
	u := tensor.NewOf[float64](1, 1)
	if err := field.Reversed[float64](f).Velocity(u, tensor.NewOf[float64](1, 1), 0.25); err != nil {
		fmt.Println(err)
	}
	fmt.Println(u.Data[0])
	// Output: -0.75
}

func ExampleGaussian() {
	f, err := field.Gaussian[float64]([]float64{0}, []float64{1}, []float64{3}, []float64{0.5})
	if err != nil {
		fmt.Println(err)
	}
	x, _ := tensor.FromRows([][]float64{{0}, {1}})
	if err := f.Transport(x, x, 0, 1); err != nil {
		fmt.Println(err)
	}
	fmt.Println(x.Data)
	// Output: [3 3.5]
}

func ExampleMixture() {
	f, err := field.Mixture[float64]([]float64{1, 1}, [][]float64{{-4}, {4}}, []float64{0.1, 0.1})
	if err != nil {
		fmt.Println(err)
	}
	x, _ := tensor.FromRows([][]float64{{0}, {2}})
	u := tensor.NewOf[float64](2, 1)
	if err := f.Velocity(u, x, 0.5); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%.2f\n", u.Data)
	// Output: [0.00 4.00]
}

// rk4 carries x along f by n steps.
func rk4(t *testing.T, f flow.FieldOf[float64], x tensor.Matrix[float64], from, to float64, n int) {
	t.Helper()
	h := (to - from) / float64(n)
	for s := range n {
		at := from + float64(s)*h
		sum, u := x.Clone(), tensor.NewOf[float64](x.N, x.D)
		arg := x.Clone()
		for _, st := range []struct{ c, w float64 }{{0, 1. / 6}, {.5, 1. / 3}, {.5, 1. / 3}, {1, 1. / 6}} {
			for i := range arg.Data {
				arg.Data[i] = x.Data[i] + st.c*h*u.Data[i]
			}
			if err := f.Velocity(u, arg, at+st.c*h); err != nil {
				t.Fatal(err)
			}
			for i, v := range u.Data {
				sum.Data[i] += h * st.w * v
			}
		}
		copy(x.Data, sum.Data)
	}
}

func normal(n, d int, seed uint64) tensor.Matrix[float64] {
	x := tensor.NewOf[float64](n, d)
	s := rng.New(seed).Stream()
	for i := range x.Data {
		x.Data[i] = s.NormFloat64()
	}
	return x
}

// Following the field gives the map in closed form, forwards and, by Reversed,
// back again.
func TestGaussianTransport(t *testing.T) {
	m0, s0 := []float64{1, -2, 0}, []float64{1, 0.5, 2}
	m1, s1 := []float64{-3, 4, 0.5}, []float64{0.3, 1.5, 2}
	for name, make := range map[string]func(_, _, _, _ []float64) (*field.GaussianFlow[float64], error){
		"independent": field.Gaussian[float64], "ot": field.GaussianOT[float64],
	} {
		f, err := make(m0, s0, m1, s1)
		if err != nil {
			t.Fatal(err)
		}
		start := normal(50, 3, 1)
		for _, end := range []float64{0.4, 1} {
			x, want := start.Clone(), start.Clone()
			rk4(t, f, x, 0, end, 100)
			if err := f.Transport(want, start, 0, end); err != nil {
				t.Fatal(err)
			}
			for i, v := range x.Data {
				if math.Abs(v-want.Data[i]) > 1e-6 {
					t.Fatalf("%s at %v: %v, want %v", name, end, v, want.Data[i])
				}
			}
			if end == 1 {
				for i := range x.N {
					for j := range 3 {
						if w := m1[j] + s1[j]/s0[j]*(start.At(i, j)-m0[j]); math.Abs(x.At(i, j)-w) > 1e-6 {
							t.Fatalf("%s: (%d,%d) ends at %v, want %v", name, i, j, x.At(i, j), w)
						}
					}
				}
				rk4(t, field.Reversed[float64](f), x, 0, 1, 100)
				for i, v := range x.Data {
					if math.Abs(v-start.Data[i]) > 1e-6 {
						t.Fatalf("%s: reversed ends at %v, want %v", name, v, start.Data[i])
					}
				}
			}
		}
	}
}

// Under optimal transport every particle keeps its velocity.
func TestOTIsStraight(t *testing.T) {
	f, err := field.GaussianOT[float64]([]float64{1}, []float64{0.5}, []float64{-3}, []float64{2})
	if err != nil {
		t.Fatal(err)
	}
	x := normal(20, 1, 2)
	first, u := tensor.NewOf[float64](20, 1), tensor.NewOf[float64](20, 1)
	for _, at := range []float64{0, 0.3, 0.9} {
		moved := x.Clone()
		if err := f.Transport(moved, x, 0, at); err != nil {
			t.Fatal(err)
		}
		if err := f.Velocity(u, moved, at); err != nil {
			t.Fatal(err)
		}
		if at == 0 {
			copy(first.Data, u.Data)
		}
		for i, v := range u.Data {
			if math.Abs(v-first.Data[i]) > 1e-12 {
				t.Fatalf("at %v the velocity of %d is %v, at 0 %v", at, i, v, first.Data[i])
			}
		}
	}
}

// The fields are E[x1 - x0 | x_t]: by Monte Carlo, for every bin of x_t the mean
// of x1 - x0 equals the mean of the field at the same points.
func TestConditionalExpectation(t *testing.T) {
	weight, mean, sigma := []float64{1, 3}, [][]float64{{-1.5, 0.2}, {1, 0}}, []float64{0.3, 1.2}
	mix, err := field.Mixture[float64](weight, mean, sigma)
	if err != nil {
		t.Fatal(err)
	}
	gauss, err := field.Gaussian[float64]([]float64{0, 0}, []float64{1, 1}, []float64{2, 1}, []float64{0.5, 2})
	if err != nil {
		t.Fatal(err)
	}
	const n, bins = 60000, 12
	for name, c := range map[string]struct {
		f    flow.FieldOf[float64]
		draw func(s *rng.Stream) [2]float64
	}{
		"mixture": {mix, func(s *rng.Stream) [2]float64 {
			k := 1
			if s.Float64() < 0.25 {
				k = 0
			}
			return [2]float64{mean[k][0] + sigma[k]*s.NormFloat64(), mean[k][1] + sigma[k]*s.NormFloat64()}
		}},
		"gaussian": {gauss, func(s *rng.Stream) [2]float64 {
			return [2]float64{2 + 0.5*s.NormFloat64(), 1 + 2*s.NormFloat64()}
		}},
	} {
		for _, at := range []float64{0, 0.3, 0.7, 1} {
			s := rng.New(11).Stream()
			x, u, d := tensor.NewOf[float64](n, 2), tensor.NewOf[float64](n, 2), tensor.NewOf[float64](n, 2)
			for i := range n {
				for j, x1 := range c.draw(&s) {
					x0 := s.NormFloat64()
					x.Row(i)[j], d.Row(i)[j] = (1-at)*x0+at*x1, x1-x0
				}
			}
			if err := c.f.Velocity(u, x, at); err != nil {
				t.Fatal(err)
			}
			var count, diff, sq [2 * bins]float64 // by coordinate
			for i, v := range x.Data {
				b := int((v+3)*2) + i%2*bins
				if v < -3 || v >= 3 {
					continue
				}
				e := d.Data[i] - u.Data[i]
				count[b], diff[b], sq[b] = count[b]+1, diff[b]+e, sq[b]+e*e
			}
			for b := range 2 * bins {
				if count[b] < 200 {
					continue
				}
				m := diff[b] / count[b]
				se := math.Sqrt(sq[b]/count[b]) / math.Sqrt(count[b])
				if math.Abs(m) > 4.5*se+1e-9 {
					t.Errorf("%s at t=%v, bin %d: off by %.4f +- %.4f", name, at, b, m, se)
				}
			}
		}
	}
}

// A mixture of one component is a Gaussian.
func TestMixtureOfOne(t *testing.T) {
	m, err := field.Mixture[float32]([]float64{7}, [][]float64{{2, -1}}, []float64{0.5})
	if err != nil {
		t.Fatal(err)
	}
	g, err := field.Gaussian[float32]([]float64{0, 0}, []float64{1, 1}, []float64{2, -1}, []float64{0.5, 0.5})
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.Convert[float32](normal(100, 2, 3))
	a, b := tensor.New(100, 2), tensor.New(100, 2)
	at := make([]float64, 100)
	for i := range at {
		at[i] = float64(i) / 99
	}
	if err := errors.Join(m.VelocityAt(a, x, at, nil), g.VelocityAt(b, x, at, nil)); err != nil {
		t.Fatal(err)
	}
	for i, v := range a.Data {
		if math.Abs(float64(v-b.Data[i])) > 1e-5 {
			t.Fatalf("%v and %v", v, b.Data[i])
		}
	}
	far := tensor.New(1, 2)
	far.Data[0] = 1e6 // no overflow of the exponentials far away
	if err := m.Velocity(a.Rows(0, 1), far, 0.5); err != nil || a.Data[0] != a.Data[0] {
		t.Errorf("%v, %v", a.Data[0], err)
	}
}

// hidden is a field without a time per row.
type hidden struct{ flow.FieldOf[float64] }

// VelocityAt equals Velocity row by row, through every wrapper; a wrapper offers
// it exactly when what it wraps does.
func TestVelocityAt(t *testing.T) {
	swirl := field.Func(2, func(dst, x []float64, t float64) { dst[0], dst[1] = -t*x[1], x[0]+t })
	mix, err := field.Mixture[float64]([]float64{1, 2}, [][]float64{{-2, 0}, {1, 3}}, []float64{0.4, 0.8})
	if err != nil {
		t.Fatal(err)
	}
	gauss, err := field.GaussianOT[float64]([]float64{0, 1}, []float64{1, 1}, []float64{2, 0}, []float64{1, 3})
	if err != nil {
		t.Fatal(err)
	}
	var c field.Counter
	wrap := func(f flow.FieldOf[float64]) map[string]flow.FieldOf[float64] {
		g, err := field.Guided[float64](f, gauss, 2.5)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]flow.FieldOf[float64]{"reversed": field.Reversed(f), "counted": field.Counted(f, &c), "guided": g}
	}
	all := wrap(swirl)
	all["func"], all["mixture"], all["gaussian"] = swirl, mix, gauss
	x := normal(9, 2, 4)
	at := []float64{0, 1, 0.5, 0.25, 0.5, 0.1, 0.2, 0.3, 0.9}
	for name, f := range all {
		r, ok := f.(flow.RowTimed[float64])
		if !ok {
			t.Fatalf("%s takes no time per row", name)
		}
		u, one := tensor.NewOf[float64](9, 2), tensor.NewOf[float64](1, 2)
		check := func() {
			if err := r.VelocityAt(u, x, at, nil); err != nil {
				t.Fatal(err)
			}
		}
		check()
		if n := testing.AllocsPerRun(10, check); n != 0 && !racing {
			t.Errorf("%s allocates %v times", name, n)
		}
		for i := range x.N {
			if err := f.Velocity(one, x.Rows(i, i+1), at[i]); err != nil {
				t.Fatal(err)
			}
			if one.Data[0] != u.At(i, 0) || one.Data[1] != u.At(i, 1) {
				t.Errorf("%s: row %d is %v, alone %v", name, i, u.Row(i), one.Data)
			}
		}
		if name != "guided" && flow.Evaluations(f) != 1 || name == "guided" && flow.Evaluations(f) != 2 {
			t.Errorf("%s costs %d", name, flow.Evaluations(f))
		}
		if err := f.Velocity(u, tensor.NewOf[float64](3, 2), 0); !errors.Is(err, flow.ErrShape) {
			t.Errorf("%s: %v", name, err)
		}
		if err := r.VelocityAt(u, x, at[:3], nil); !errors.Is(err, flow.ErrShape) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, f := range wrap(hidden{swirl}) {
		if _, ok := f.(flow.RowTimed[float64]); ok {
			t.Errorf("%s promises a time per row that the field has not", name)
		}
	}
}

func TestGuidedScales(t *testing.T) {
	a := field.Func(1, func(dst, x []float64, t float64) { dst[0] = 3 })
	b := field.Func(1, func(dst, x []float64, t float64) { dst[0] = 1 })
	for scale, want := range map[float64]float64{0: 1, 1: 3, 2: 5, -1: -1, 1.5: 4} {
		f, err := field.Guided[float64](a, b, scale)
		if err != nil {
			t.Fatal(err)
		}
		u := tensor.NewOf[float64](1, 1)
		if err := f.Velocity(u, tensor.NewOf[float64](1, 1), 0); err != nil || u.Data[0] != want {
			t.Errorf("scale %v: %v, want %v (%v)", scale, u.Data[0], want, err)
		}
		if cost := flow.Evaluations(f); (cost == 2) != (scale != 0 && scale != 1) {
			t.Errorf("scale %v costs %d", scale, cost)
		}
		var c field.Counter
		if err := field.Counted(f, &c).Velocity(u, tensor.NewOf[float64](1, 1), 0); err != nil || c.Evaluations() != int64(flow.Evaluations(f)) {
			t.Errorf("counted %d evaluations", c.Evaluations())
		}
	}
	if _, err := field.Guided[float64](a, field.Func(2, func(dst, x []float64, t float64) {}), 2); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
	if _, err := field.Guided[float64](a, b, math.NaN()); !errors.Is(err, flow.ErrConfig) {
		t.Error(err)
	}
}

func TestConstructorErrors(t *testing.T) {
	if _, err := field.Gaussian[float64]([]float64{0}, []float64{1, 2}, []float64{0}, []float64{1}); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
	if _, err := field.GaussianOT[float64]([]float64{0}, []float64{0}, []float64{0}, []float64{1}); !errors.Is(err, flow.ErrConfig) {
		t.Error(err)
	}
	if _, err := field.Mixture[float64]([]float64{1, 1}, [][]float64{{1}, {1, 2}}, []float64{1, 1}); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
	if _, err := field.Mixture[float64]([]float64{1, math.NaN()}, [][]float64{{1}, {1}}, []float64{1, 1}); !errors.Is(err, flow.ErrConfig) {
		t.Error(err)
	}
	if _, err := field.Mixture[float64](nil, nil, nil); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
}
