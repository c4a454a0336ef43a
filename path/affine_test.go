package path_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/path"
	"laminar/rng"
	"laminar/tensor"
)

func ExampleAffine() {
	p := path.Affine{Schedule: path.Cosine{}}
	x0, _ := tensor.FromRows([][]float32{{1, 0}})
	x1, _ := tensor.FromRows([][]float32{{0, 1}})
	xt, ut := tensor.New(1, 2), tensor.New(1, 2)
	if err := p.At(xt, ut, x0, x1, []float32{0.5}, rng.New(1)); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%.3f %.3f\n", xt.Row(0), ut.Row(0))
	// Output: [0.707 0.707] [-1.111 1.111]
}

func ExampleBridge() {
	c := path.Defaults()
	c.Name = "bridge"
	fmt.Println(c.Validate())
	// Output: sigma: 0 is too narrow for a bridge; at least 0.001, as torchcfm asks
}

func batch(n int) (x0, x1 tensor.Mat) {
	x0, x1 = tensor.New(n, 2), tensor.New(n, 2)
	s := rng.New(1).Stream()
	s.Normal(x0.Data)
	s.Normal(x1.Data)
	for i := range x1.Data {
		x1.Data[i] = 2 + x1.Data[i]/2
	}
	return x0, x1
}

func config(name string) path.Config {
	c := path.Defaults()
	c.Name = name
	if name == "bridge" {
		c.Sigma = 0.5
	}
	return c
}

// u_t is the derivative of x_t along the time for the same noise, for every path
// of the catalogue; x_0 and x_1 are its ends.
func TestVelocityIsTheDerivative(t *testing.T) {
	const n = 64
	x0, x1 := batch(n)
	for _, e := range path.Catalogue() {
		c := config(e.Name)
		p, err := path.New(c)
		if err != nil {
			t.Fatal(err)
		}
		at := func(time float32) (x, u tensor.Mat) {
			x, u = tensor.New(n, 2), tensor.New(n, 2)
			times := make([]float32, n)
			for i := range times {
				times[i] = time
			}
			if err := p.At(x, u, x0, x1, times, rng.New(3)); err != nil {
				t.Fatal(err)
			}
			return x, u
		}
		for _, time := range []float32{0.125, 0.5, 0.875} {
			const h = 1. / 1024
			up, _ := at(time + h)
			down, _ := at(time - h)
			_, u := at(time)
			for i, v := range u.Data {
				if want := (up.Data[i] - down.Data[i]) / (2 * h); math.Abs(float64(v-want)) > 2e-3*(1+math.Abs(float64(want))) {
					t.Fatalf("%s at %v: velocity %v, difference %v", e.Name, time, v, want)
				}
			}
		}
		end, last := at(1)
		for i, v := range last.Data {
			if math.Abs(float64(v)) > 500 {
				t.Fatalf("%s ends at the velocity %v from %v to %v", e.Name, v, x0.Data[i], x1.Data[i])
			}
		}
		start, _ := at(0)
		for i := range end.Data {
			if math.Abs(float64(end.Data[i]-x1.Data[i])) > 0.08 {
				t.Fatalf("%s ends at %v, not %v", e.Name, end.Data[i], x1.Data[i])
			}
			if e.Name != "target" && math.Abs(float64(start.Data[i]-x0.Data[i])) > 0.08 {
				t.Fatalf("%s starts at %v, not %v", e.Name, start.Data[i], x0.Data[i])
			}
		}
		if s, err := path.NewSchedule(c); err != nil || (s == nil) != (e.Name == "bridge") {
			t.Errorf("%s has the schedule %v, %v", e.Name, s, err)
		}
		if c.Name != "target" {
			c.Sigma = 0.5
			if s, err := path.NewSchedule(c); s != nil || err != nil {
				t.Errorf("%s with noise has the schedule %v, %v", e.Name, s, err)
			}
		}
		few, fu := tensor.New(3, 2), tensor.New(3, 2)
		if err := p.At(few, fu, x0.Rows(0, 3), x1.Rows(0, 3), []float32{0.5, 0.5, 0.5}, rng.New(3)); err != nil {
			t.Fatal(err)
		}
		half, _ := at(0.5)
		if !slices.Equal(few.Data, half.Data[:6]) {
			t.Errorf("%s: a row depends on the others", e.Name)
		}
		times := make([]float32, 3)
		if a := testing.AllocsPerRun(5, func() { _ = p.At(few, fu, x0.Rows(0, 3), x1.Rows(0, 3), times, rng.New(3)) }); a != 0 {
			t.Errorf("%s: %v allocations", e.Name, a)
		}
	}
}

// Target's stable form is Lipman's quotient where that keeps its digits, ignores
// x0, and ends at the data blurred by sigma.
func TestTarget(t *testing.T) {
	const n, sigma = 20000, 0.1
	x0, x1 := batch(n)
	p := path.Target{SigmaMin: sigma}
	x, u, times := tensor.New(n, 2), tensor.New(n, 2), make([]float32, n)
	path.Uniform{}.Times(times, rng.New(4))
	if err := p.At(x, u, x0, x1, times, rng.New(3)); err != nil {
		t.Fatal(err)
	}
	for i := range x.Data {
		s := float64(times[i/2])
		want := (float64(x1.Data[i]) - (1-sigma)*float64(x.Data[i])) / (1 - (1-sigma)*s)
		if math.Abs(float64(u.Data[i])-want) > 2e-5 {
			t.Fatalf("at %v: %v, the quotient is %v", s, u.Data[i], want)
		}
	}
	other, v := tensor.New(n, 2), tensor.New(n, 2)
	if err := p.At(other, v, x1, x1, times, rng.New(3)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(x.Data, other.Data) || !slices.Equal(u.Data, v.Data) {
		t.Error("x0 has a say")
	}
	for i := range times {
		times[i] = 1
	}
	if err := p.At(x, u, x0, x1, times, rng.New(3)); err != nil {
		t.Fatal(err)
	}
	sq := 0.0
	for i := range x.Data {
		e := float64(x.Data[i] - x1.Data[i])
		sq += e * e
	}
	if std := math.Sqrt(sq / (2 * n)); math.Abs(std-sigma) > 0.002 {
		t.Errorf("the blur at the end is %v", std)
	}
}

// The bridge has the variance sigma^2 t(1-t), torchcfm's velocity, and stays
// finite at its ends, where times are clipped. The extra variance of the target,
// integrated over the clipped times, is that of the closed form.
func TestBridge(t *testing.T) {
	const n, sigma = 40000, 0.7
	x0, x1 := batch(n)
	p := path.Bridge{Sigma: sigma}
	x, u, times := tensor.New(n, 2), tensor.New(n, 2), make([]float32, n)
	for _, at := range []float32{0, 0.2, 0.5, 1} {
		for i := range times {
			times[i] = at
		}
		if err := p.At(x, u, x0, x1, times, rng.New(3)); err != nil {
			t.Fatal(err)
		}
		c := min(max(float64(at), path.BridgeClip), 1-path.BridgeClip)
		sq := 0.0
		for i := range x.Data {
			mean := (1-c)*float64(x0.Data[i]) + c*float64(x1.Data[i])
			e := float64(x.Data[i]) - mean
			sq += e * e
			want := (1-2*c)/(2*c*(1-c)+1e-8)*e + float64(x1.Data[i]) - float64(x0.Data[i])
			if math.Abs(float64(u.Data[i])-want) > 2e-3*(1+math.Abs(want)) {
				t.Fatalf("at %v: velocity %v, want %v", at, u.Data[i], want)
			}
		}
		if got, want := math.Sqrt(sq/(2*n)), sigma*math.Sqrt(c*(1-c)); math.Abs(got-want) > 0.02*want {
			t.Errorf("at %v the deviation is %v, want %v", at, got, want)
		}
	}
	// integral of (1-2t)^2 / (4t(1-t)) over [1e-3, 1-1e-3] is 2.46.
	extra := 0.0
	for i := range times {
		times[i] = float32(path.BridgeClip + (1-2*path.BridgeClip)*(float64(i)+0.5)/n)
	}
	if err := p.At(x, u, x0, x1, times, rng.New(5)); err != nil {
		t.Fatal(err)
	}
	for i := range u.Data {
		e := float64(u.Data[i] - (x1.Data[i] - x0.Data[i]))
		extra += e * e / (2 * n)
	}
	if math.Abs(extra/(sigma*sigma)-2.46) > 0.12 {
		t.Errorf("the target's extra variance is %.3f sigma^2, want 2.46", extra/(sigma*sigma))
	}
}

// The JSON of older model files still says what it said.
func TestOldConfig(t *testing.T) {
	c := path.Defaults()
	if err := json.Unmarshal([]byte(`{"name":"linear","sigma":0.5,"time":"uniform"}`), &c); err != nil {
		t.Fatal(err)
	}
	p, err := path.New(c)
	times, err2 := path.NewTimes(c)
	if p != (path.Linear{Sigma: 0.5}) || times != (path.Uniform{}) || err != nil || err2 != nil {
		t.Error(p, times, err, err2)
	}
}

func TestConfigErrors(t *testing.T) {
	for want, change := range map[string]func(*path.Config){
		`"line"; choose one of linear`:        func(c *path.Config) { c.Name = "line" },
		`"now"; choose one of uniform`:        func(c *path.Config) { c.Time = "now" },
		`"heavy"; choose one of uniform`:      func(c *path.Config) { c.Weight = "heavy" },
		"sigma: NaN":                          func(c *path.Config) { c.Sigma = math.NaN() },
		"sigma: 1 blurs":                      func(c *path.Config) { c.Name, c.Sigma = "target", 1 },
		"sigma: 0.0001 is too narrow":         func(c *path.Config) { c.Name, c.Sigma = "bridge", 1e-4 },
		"power: 0.5":                          func(c *path.Config) { c.Name, c.Power = "polynomial", 0.5 },
		"time_scale: 0":                       func(c *path.Config) { c.Time, c.TimeScale = "logit-normal", 0 },
		"time_mean: +Inf":                     func(c *path.Config) { c.Time, c.TimeMean = "logit-normal", math.Inf(1) },
		"time_mode: 3":                        func(c *path.Config) { c.Time, c.TimeMode = "mode", 3 },
		"time_edge: 0":                        func(c *path.Config) { c.Time, c.TimeEdge = "u-shaped", 0 },
		"shift: 0 is no positive":             func(c *path.Config) { c.Shift = 0 },
		"shift_length: sets the shift; leave": func(c *path.Config) { c.Shift, c.ShiftLength = 2, 256 },
		"shift_length: -1":                    func(c *path.Config) { c.ShiftLength = -1 },
		"shift_length: 100000000":             func(c *path.Config) { c.ShiftLength = 100_000_000 },
		"choices_by: 1.5":                     func(c *path.Config) { c.ChoicesBy = 1.5 },
	} {
		c := path.Defaults()
		change(&c)
		err := c.Validate()
		if !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
		if _, err := path.New(c); err == nil {
			t.Errorf("New takes what Validate does not: %s", want)
		}
	}
}
