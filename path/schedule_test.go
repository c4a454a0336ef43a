package path_test

import (
	"fmt"
	"math"
	"testing"

	"laminar/flow"
	"laminar/graph"
	"laminar/path"
)

func ExampleVP() {
	alpha, sigma, _, _ := path.DDPM().At(0.25)
	fmt.Printf("%.4f of data, %.4f of noise\n", alpha, sigma)
	fmt.Printf("%.2f\n", path.DDPM().Time(alpha/sigma))
	// Output:
	// 0.0587 of data, 0.9983 of noise
	// 0.25
}

func ExampleConvert() {
	// A network said that the data behind x = 1 at t = 0.5 is 3.
	a, b := path.Convert(path.Data, path.Velocity, 0.5, 0.5, 1, -1)
	fmt.Println("it moves at", a*1+b*3)
	// Output: it moves at 4
}

var schedules = map[string]flow.Schedule{
	"condot": path.CondOT{}, "poly 1": path.Polynomial{Power: 1}, "poly 3": path.Polynomial{Power: 3}, "poly 2.5": path.Polynomial{Power: 2.5},
	"vp": path.DDPM(), "linear-vp": path.LinearVP{}, "cosine": path.Cosine{}, "blurred": path.Blurred{SigmaMin: 0.1},
}

// The parity values of the flow matching literature, made from its formulas.
func TestScheduleValues(t *testing.T) {
	for _, c := range []struct {
		s    flow.Schedule
		t    float64
		want [4]float64
	}{
		{path.DDPM(), 0.25, [4]float64{.0586635, .9982778, .4407096, -.0258982}},
		{path.DDPM(), 0.75, [4]float64{.7236572, .6901596, 1.8362801, -1.9254058}},
		{path.Cosine{}, 0.25, [4]float64{.3826834, .9238795, 1.4512266, -.6011177}},
		{path.LinearVP{}, 0.75, [4]float64{.75, .6614378, 1, -1.1338934}},
		{path.Polynomial{Power: 3}, 0.25, [4]float64{.015625, .984375, .1875, -.1875}},
	} {
		a, s, da, ds := c.s.At(c.t)
		for i, v := range [4]float64{a, s, da, ds} {
			if math.Abs(v-c.want[i]) > 6e-8 {
				t.Errorf("%T at %v: %v, want %v", c.s, c.t, [4]float64{a, s, da, ds}, c.want)
			}
		}
	}
	a, s, _, _ := path.DDPM().At(0)
	if math.Abs(a-.00657) > 5e-6 || math.Abs(s-.999978) > 5e-7 {
		t.Errorf("VP begins at %v, %v", a, s)
	}
}

// Derivatives agree with differences; Time undoes alpha/sigma; nothing is
// infinite at the ends.
func TestScheduleDerivativesAndInverse(t *testing.T) {
	for name, s := range schedules {
		for _, at := range []float64{0.01, 0.1, 0.33, 0.5, 0.77, 0.95, 0.99} {
			const h = 1e-6
			au, su, _, _ := s.At(at + h)
			ad, sd, _, _ := s.At(at - h)
			a, sig, da, ds := s.At(at)
			for _, c := range [][2]float64{{da, (au - ad) / (2 * h)}, {ds, (su - sd) / (2 * h)}} {
				if math.Abs(c[0]-c[1]) > 1e-6*(1+math.Abs(c[1])) {
					t.Errorf("%s at %v: derivative %v, difference %v", name, at, c[0], c[1])
				}
			}
			if back := s.Time(a / sig); math.Abs(back-at) > 1e-9 {
				t.Errorf("%s: the time of the ratio at %v is %v", name, at, back)
			}
		}
		for _, at := range []float64{0, 1} {
			a, sig, da, ds := s.At(at)
			for _, v := range []float64{a, sig, da, ds} {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("%s at %v: %v %v %v %v", name, at, a, sig, da, ds)
				}
			}
			if _, ok := s.(path.Blurred); !ok && at == 1 && (a != 1 || sig > 1e-12) {
				t.Errorf("%s ends at %v, %v", name, a, sig)
			}
		}
		if lo, hi := s.Time(0), s.Time(math.Inf(1)); lo != 0 || hi != 1 {
			t.Errorf("%s: ratios 0 and infinity are at %v and %v", name, lo, hi)
		}
	}
}

// Every prediction leads to every other, there and back, and to what the parts
// of a known point say.
func TestConvert(t *testing.T) {
	const noise, data = 0.7, -1.3
	for name, s := range schedules {
		for _, at := range []float64{0.05, 0.4, 0.9, 0.98} {
			a, sig, da, ds := s.At(at)
			x := sig*noise + a*data
			truth := map[path.Prediction]float64{
				path.Velocity: ds*noise + da*data, path.Data: data, path.Noise: noise, path.Score: -noise / sig,
			}
			for from, v := range truth {
				for to, want := range truth {
					m, n := path.Convert(from, to, a, sig, da, ds)
					if got := m*x + n*v; math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
						t.Errorf("%s at %v: %s to %s is %v, want %v", name, at, from, to, got, want)
					}
				}
			}
		}
	}
	// The closed forms of the literature.
	a, s, da, ds := path.DDPM().At(0.6)
	for _, c := range []struct {
		from, to path.Prediction
		a, b     float64
	}{
		{path.Data, path.Velocity, ds / s, (da*s - ds*a) / s},
		{path.Noise, path.Velocity, da / a, (ds*a - da*s) / a},
		{path.Velocity, path.Data, -ds / (da*s - ds*a), s / (da*s - ds*a)},
		{path.Velocity, path.Noise, -da / (ds*a - da*s), a / (ds*a - da*s)},
	} {
		if x, y := path.Convert(c.from, c.to, a, s, da, ds); math.Abs(x-c.a)+math.Abs(y-c.b) > 1e-12*(1+math.Abs(c.a)+math.Abs(c.b)) {
			t.Errorf("%s to %s: %v, %v, want %v, %v", c.from, c.to, x, y, c.a, c.b)
		}
	}
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		s      flow.Schedule
		p      path.Prediction
		lo, hi float64
	}{
		{path.CondOT{}, path.Velocity, 0, 1},
		{path.CondOT{}, path.Data, 0, 0.99},
		{path.CondOT{}, path.Noise, 0.01, 1},
		{path.CondOT{}, path.Score, 0.01, 0.99},
		{path.Polynomial{Power: 2}, path.Noise, 0.01, 1},
		{path.Polynomial{Power: 32}, path.Noise, 0.649381631576211, 1}, // 1e-6^(1/32)
		{path.Cosine{}, path.Velocity, 0, 1},
		{path.DDPM(), path.Velocity, 0, 0.999},
		{path.DDPM(), path.Noise, 0, 0.999},
		{path.LinearVP{}, path.Velocity, 0, 0.999},
		{path.Blurred{SigmaMin: 0.05}, path.Data, 0, 1},
	} {
		lo, hi := path.Clip(c.p, c.s)
		if math.Abs(lo-c.lo) > 1e-9 || math.Abs(hi-c.hi) > 1e-9 {
			t.Errorf("%T, %s: clipped to [%v, %v], want [%v, %v]", c.s, c.p, lo, hi, c.lo, c.hi)
		}
	}
	for name, s := range schedules {
		for _, p := range path.Predictions() {
			lo, hi := path.Clip(p, s)
			for _, at := range []float64{lo, hi} {
				a, sig, da, ds := s.At(at)
				m, n := path.Convert(p, path.Velocity, a, sig, da, ds)
				if !(math.Abs(m) < 1e4 && math.Abs(n) < 1e4) {
					t.Errorf("%s, %s at %v: %v x + %v p", name, p, at, m, n)
				}
			}
		}
	}
}

// The program of a conversion computes what Convert says, and in float32 as the
// network's program will.
func TestToVelocity(t *testing.T) {
	for name, s := range schedules {
		for _, p := range path.Predictions() {
			b := graph.NewBuilder()
			x, at, answer := b.Row("x", graph.Float32, 2), b.Row("t", graph.Float32, 1), b.Row("p", graph.Float32, 2)
			b.Output("v", path.ToVelocity(b, s.(path.Drawn), p, answer, x, at))
			prog, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			lo, hi := path.Clip(p, s)
			times := []float64{lo, 0.02, 0.5, 0.97, hi}
			xs, ps := make([]float64, 10), make([]float64, 10)
			for i := range xs {
				xs[i], ps[i] = math.Sin(float64(i)), math.Cos(float64(3*i))
			}
			out, err := prog.Interpret(graph.Feed{N: 5, Rows: map[string][]float64{"x": xs, "t": times, "p": ps}})
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range out["v"] {
				a, sig, da, ds := s.At(times[i/2])
				m, n := path.Convert(p, path.Velocity, a, sig, da, ds)
				if want := m*xs[i] + n*ps[i]; math.Abs(v-want) > 1e-9*(1+math.Abs(want)) {
					t.Errorf("%s, %s at %v: %v, want %v", name, p, times[i/2], v, want)
				}
			}
		}
	}
}
