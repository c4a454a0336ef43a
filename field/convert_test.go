package field_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"laminar/field"
	"laminar/flow"
	"laminar/path"
	"laminar/rng"
	"laminar/tensor"
)

func ExampleConvert() {
	f, err := field.Gaussian[float64]([]float64{0}, []float64{1}, []float64{3}, []float64{0.5})
	if err != nil {
		fmt.Println(err)
	}
	headed, err := field.Convert[float64](f, path.Velocity, path.Data, path.CondOT{})
	if err != nil {
		fmt.Println(err)
	}
	x, u := tensor.NewOf[float64](1, 1), tensor.NewOf[float64](1, 1)
	if err := headed.Velocity(u, x, 0); err != nil {
		fmt.Println(err)
	}
	fmt.Println("noise alone tells nothing but the mean:", u.Data[0])
	// Output: noise alone tells nothing but the mean: 3
}

func ExampleRescheduled() {
	f, err := field.Gaussian[float64]([]float64{0}, []float64{1}, []float64{3}, []float64{0.5})
	if err != nil {
		fmt.Println(err)
	}
	g := field.Rescheduled[float64](f, path.CondOT{}, path.Cosine{})
	x, u := tensor.NewOf[float64](1, 1), tensor.NewOf[float64](1, 1)
	if err := g.Velocity(u, x, 0); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%.3f\n", u.Data[0])
	// Output: 4.712
}

var schedules = map[string]flow.Schedule{
	"condot": path.CondOT{}, "poly": path.Polynomial{Power: 3}, "vp": path.DDPM(), "linear-vp": path.LinearVP{},
	"cosine": path.Cosine{}, "blurred": path.Blurred{SigmaMin: 0.1},
}

// Under every schedule the closed-form field carries the marginal of one time to
// that of another, and what it carries has the moments of sigma x0 + alpha x1.
func TestGaussianUnderEverySchedule(t *testing.T) {
	s0, m1, s1 := []float64{1, 0.5}, []float64{-3, 4}, []float64{0.3, 1.5}
	for name, s := range schedules {
		_, _, _, slope := s.At(1)
		singular := slope < -1e3
		m0 := []float64{0, 1}
		if singular {
			m0[1] = 0 // else the velocity of the mean is infinite at t = 1
		}
		for kind, make := range map[string]func(_, _, _, _ []float64) (*field.GaussianFlow[float64], error){
			"independent": field.Gaussian[float64], "ot": field.GaussianOT[float64],
		} {
			f, err := make(m0, s0, m1, s1)
			if err != nil {
				t.Fatal(err)
			}
			f = f.Under(s)
			start := normal(30, 2, 1)
			for _, end := range []float64{0.5, 1} {
				if kind == "ot" && end == 1 && singular {
					end = 0.99 // so is that of every point
				}
				x, want := start.Clone(), start.Clone()
				rk4(t, f, x, 0, end, 2000)
				if err := f.Transport(want, start, 0, end); err != nil {
					t.Fatal(err)
				}
				for i, v := range x.Data {
					if math.Abs(v-want.Data[i]) > 1e-5 {
						t.Fatalf("%s, %s to %v: %v, want %v", name, kind, end, v, want.Data[i])
					}
				}
				alpha, sigma, _, _ := s.At(end)
				for j := range 2 {
					mean, std := f.Moments(j, end)
					v := sigma*sigma*s0[j]*s0[j] + alpha*alpha*s1[j]*s1[j]
					if kind == "ot" {
						v = (sigma*s0[j] + alpha*s1[j]) * (sigma*s0[j] + alpha*s1[j])
					}
					if math.Abs(mean-sigma*m0[j]-alpha*m1[j]) > 1e-6 || math.Abs(std-math.Sqrt(v)) > 1e-6 {
						t.Errorf("%s, %s at %v: moments %v, %v", name, kind, end, mean, std)
					}
				}
			}
		}
	}
}

// Every path of package path, between Gaussians: its velocities are those of the
// closed-form field on average and uncorrelated with x_t otherwise, so the field
// is E[u_t | x_t], and following it from any time on leads to the target.
func TestGaussianOfEveryPath(t *testing.T) {
	const n, width = 100_000, 0.6
	m0, s0, m1, s1 := []float64{0, 0}, []float64{1, 1}, []float64{2, -1}, []float64{0.5, 1.5}
	plain, err := field.Gaussian[float64](m0, s0, m1, s1)
	if err != nil {
		t.Fatal(err)
	}
	constant := func(float64) (v, dv float64) { return width * width, 0 }
	bridge := func(t float64) (v, dv float64) { return width * width * t * (1 - t), width * width * (1 - 2*t) }
	x0, x1 := tensor.New(n, 2), tensor.New(n, 2)
	s := rng.New(12).Stream()
	s.Normal(x0.Data)
	s.Normal(x1.Data)
	for i := range x1.Data {
		x1.Data[i] = float32(m1[i%2] + s1[i%2]*float64(x1.Data[i]))
	}
	for _, c := range []struct {
		name  string
		sigma float64
		f     *field.GaussianFlow[float64]
	}{
		{"linear", 0, plain},
		{"linear", width, plain.Noisy(constant)},
		{"polynomial", 0, plain.Under(path.Polynomial{Power: 2})},
		{"vp", 0, plain.Under(path.DDPM())},
		{"linear-vp", 0, plain.Under(path.LinearVP{})},
		{"cosine", 0, plain.Under(path.Cosine{})},
		{"cosine", width, plain.Under(path.Cosine{}).Noisy(constant)},
		{"target", 0.1, plain.Under(path.Blurred{SigmaMin: 0.1})},
		{"bridge", width, plain.Noisy(bridge)},
	} {
		conf := path.Defaults()
		conf.Name, conf.Sigma = c.name, c.sigma
		p, err := path.New(conf)
		if err != nil {
			t.Fatal(err)
		}
		x, u, times := tensor.New(n, 2), tensor.New(n, 2), make([]float32, n)
		v := tensor.NewOf[float64](n, 2)
		for _, at := range []float64{0.125, 0.5, 0.875} {
			for i := range times {
				times[i] = float32(at)
			}
			if err := p.At(x, u, x0, x1, times, rng.New(3)); err != nil {
				t.Fatal(err)
			}
			wide := tensor.Convert[float64](x)
			if err := c.f.Velocity(v, wide, at); err != nil {
				t.Fatal(err)
			}
			for j := range 2 {
				mean, std := c.f.Moments(j, at)
				var off, tilt, sq, spread float64
				for i := range n {
					e, z := float64(u.At(i, j))-v.At(i, j), (wide.At(i, j)-mean)/std
					off, tilt, sq, spread = off+e/n, tilt+e*z/n, sq+e*e/n, spread+z*z/n
				}
				if bar := 4.5 * math.Sqrt(sq/n); math.Abs(off) > bar || math.Abs(tilt) > bar {
					t.Errorf("%s %v at %v: off by %v and %v a deviation, bars %v", c.name, c.sigma, at, off, tilt, bar)
				}
				if math.Abs(spread-1) > 0.02 {
					t.Errorf("%s %v at %v: x_t has the variance %v of what it should", c.name, c.sigma, at, spread)
				}
			}
		}
		ends := normal(20, 2, 1)
		for i := range ends.N {
			for j := range 2 {
				mean, std := c.f.Moments(j, 0.3)
				ends.Row(i)[j] = mean + std*ends.Row(i)[j]
			}
		}
		start := ends.Clone()
		rk4(t, c.f, ends, 0.3, 1, 2000)
		for i := range ends.N {
			for j := range 2 {
				mean, std := c.f.Moments(j, 0.3)
				wide := math.Sqrt(s1[j]*s1[j] + c.sigma*c.sigma)
				if c.name == "bridge" {
					wide = s1[j]
				}
				if want := m1[j] + wide*(start.At(i, j)-mean)/std; math.Abs(ends.At(i, j)-want) > 1e-4 {
					t.Fatalf("%s %v: ends at %v, want %v", c.name, c.sigma, ends.At(i, j), want)
				}
			}
		}
	}
}

// The data, the noise and the score that follow from a Gaussian's velocity are
// Bayes' under every schedule; and each leads back to the velocity.
func TestConvertGaussian(t *testing.T) {
	const m1, s1 = 2.0, 0.5
	g, err := field.Gaussian[float64]([]float64{0}, []float64{1}, []float64{m1}, []float64{s1})
	if err != nil {
		t.Fatal(err)
	}
	x := normal(20, 1, 4)
	for name, s := range schedules {
		f := g.Under(s)
		for _, at := range []float64{0.1, 0.5, 0.95} {
			alpha, sigma, _, _ := s.At(at)
			v := sigma*sigma + alpha*alpha*s1*s1
			for to, want := range map[path.Prediction]func(x float64) float64{
				path.Data:  func(x float64) float64 { return m1 + alpha*s1*s1/v*(x-alpha*m1) },
				path.Noise: func(x float64) float64 { return sigma / v * (x - alpha*m1) },
				path.Score: func(x float64) float64 { return -(x - alpha*m1) / v },
			} {
				h, err := field.Convert[float64](f, path.Velocity, to, s)
				if err != nil {
					t.Fatal(err)
				}
				back, err := field.Convert(h, to, path.Velocity, s)
				if err != nil {
					t.Fatal(err)
				}
				u, again, first := tensor.NewOf[float64](20, 1), tensor.NewOf[float64](20, 1), tensor.NewOf[float64](20, 1)
				if err := errors.Join(h.Velocity(u, x, at), back.Velocity(again, x, at), f.Velocity(first, x, at)); err != nil {
					t.Fatal(err)
				}
				for i, got := range u.Data {
					if w := want(x.Data[i]); math.Abs(got-w) > 1e-8*(1+math.Abs(w)) {
						t.Fatalf("%s at %v, %s: %v, want %v", name, at, to, got, w)
					}
					if math.Abs(again.Data[i]-first.Data[i]) > 1e-8*(1+math.Abs(first.Data[i])) {
						t.Fatalf("%s at %v, %s and back: %v, want %v", name, at, to, again.Data[i], first.Data[i])
					}
				}
			}
		}
		// At the ends everything is finite.
		score, err := field.Score[float64](f, s)
		if err != nil {
			t.Fatal(err)
		}
		u := tensor.NewOf[float64](20, 1)
		for _, at := range []float64{0, 1} {
			if err := score.Velocity(u, x, at); err != nil {
				t.Fatal(err)
			}
			for _, v := range u.Data {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("%s at %v: score %v", name, at, v)
				}
			}
		}
	}
}

// A field put onto another schedule is the closed-form field of that schedule,
// at every time, by rows as in one go; and is the formula with s and r.
func TestRescheduled(t *testing.T) {
	mix, err := field.Mixture[float64]([]float64{1, 3}, [][]float64{{-1.5, 0.2}, {1, 0}}, []float64{0.3, 1.2})
	if err != nil {
		t.Fatal(err)
	}
	x := normal(16, 2, 6)
	for a, from := range schedules {
		for b, to := range schedules {
			if a != b && (a == "blurred" || a == "vp") {
				continue // does not reach both ends of the other
			}
			f := field.Rescheduled[float64](mix.Under(from), from, to)
			want := mix.Under(to)
			u, w := tensor.NewOf[float64](16, 2), tensor.NewOf[float64](16, 2)
			for _, at := range []float64{0, 0.01, 0.3, 0.7, 0.99} {
				if err := errors.Join(f.Velocity(u, x, at), want.Velocity(w, x, at)); err != nil {
					t.Fatal(err)
				}
				for i, v := range u.Data {
					if math.Abs(v-w.Data[i]) > 1e-6*(1+math.Abs(w.Data[i])) {
						t.Fatalf("%s to %s at %v: %v, want %v", a, b, at, v, w.Data[i])
					}
				}
			}
		}
	}
	from, to := flow.Schedule(path.CondOT{}), flow.Schedule(path.Cosine{})
	f := field.Rescheduled[float64](mix, from, to)
	r := func(t float64) float64 { a, s, _, _ := to.At(t); return from.Time(a / s) }
	s := func(t float64) float64 {
		_, sigma, _, _ := to.At(t)
		_, old, _, _ := from.At(r(t))
		return sigma / old
	}
	const at, h = 0.4, 1e-6
	in := x.Clone()
	for i := range in.Data {
		in.Data[i] /= s(at)
	}
	u, w := tensor.NewOf[float64](16, 2), tensor.NewOf[float64](16, 2)
	if err := errors.Join(f.Velocity(u, x, at), mix.Velocity(w, in, r(at))); err != nil {
		t.Fatal(err)
	}
	ds, dr := (s(at+h)-s(at-h))/(2*h), (r(at+h)-r(at-h))/(2*h)
	for i, v := range u.Data {
		if want := ds/s(at)*x.Data[i] + s(at)*dr*w.Data[i]; math.Abs(v-want) > 1e-6 {
			t.Fatalf("%v, the formula says %v", v, want)
		}
	}
}

// Samples of a field do not depend on the schedule along which it is followed.
func TestRescheduledSamples(t *testing.T) {
	mix, err := field.Mixture[float64]([]float64{1, 2}, [][]float64{{-2}, {2}}, []float64{0.3, 0.5})
	if err != nil {
		t.Fatal(err)
	}
	want := normal(40, 1, 8)
	start := want.Clone()
	rk4(t, mix, want, 0, 1, 1000)
	for name, to := range map[string]flow.Schedule{"cosine": path.Cosine{}, "poly": path.Polynomial{Power: 3}} {
		x := start.Clone()
		rk4(t, field.Rescheduled[float64](mix, path.CondOT{}, to), x, 0, 1, 1000)
		for i, v := range x.Data {
			if math.Abs(v-want.Data[i]) > 1e-5 {
				t.Fatalf("%s: %v, want %v", name, v, want.Data[i])
			}
		}
	}
}

// Converted and rescheduled fields take a time per row where what they wrap does.
func TestCombinedRows(t *testing.T) {
	mix, err := field.Mixture[float32]([]float64{1}, [][]float64{{2, -1}}, []float64{0.5})
	if err != nil {
		t.Fatal(err)
	}
	score, err := field.Score[float32](mix, path.CondOT{})
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.Convert[float32](normal(5, 2, 3))
	for _, f := range []flow.FieldOf[float32]{score, field.Rescheduled[float32](mix, path.CondOT{}, path.Cosine{})} {
		r, ok := f.(flow.RowTimed[float32])
		if !ok {
			t.Fatalf("%T takes no time per row", f)
		}
		at := []float64{0, 0.2, 0.5, 0.9, 1}
		u, one := tensor.New(5, 2), tensor.New(1, 2)
		if err := r.VelocityAt(u, x, at, nil); err != nil {
			t.Fatal(err)
		}
		for i := range at {
			if err := f.Velocity(one, x.Rows(i, i+1), at[i]); err != nil {
				t.Fatal(err)
			}
			if one.At(0, 0) != u.At(i, 0) || one.At(0, 1) != u.At(i, 1) {
				t.Errorf("%T: row %d is %v alone, %v among others", f, i, one.Row(0), u.Row(i))
			}
		}
		if !racing {
			if n := testing.AllocsPerRun(10, func() { _ = r.VelocityAt(u, x, at, nil) }); n > 0 {
				t.Errorf("%T: %v allocations", f, n)
			}
		}
		if flow.Evaluations(f) != 1 {
			t.Errorf("%T costs %d", f, flow.Evaluations(f))
		}
	}
	// What takes one time only still does.
	plain := struct{ flow.FieldOf[float32] }{mix}
	g := field.Rescheduled[float32](plain, path.CondOT{}, path.Cosine{})
	if _, ok := g.(flow.RowTimed[float32]); ok {
		t.Error("a field of one time became one of many")
	}
	if _, err := field.Convert[float32](mix, "speed", path.Data, path.CondOT{}); !errors.Is(err, flow.ErrConfig) {
		t.Error(err)
	}
	if _, err := field.Convert[float32](mix, path.Velocity, path.Data, nil); !errors.Is(err, flow.ErrConfig) {
		t.Error(err)
	}
	if same, err := field.Convert[float32](mix, path.Data, path.Data, nil); same != flow.FieldOf[float32](mix) || err != nil {
		t.Error(same, err)
	}
}
