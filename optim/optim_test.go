package optim_test

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/internal/kernel"
	"laminar/optim"
	"laminar/rng"
)

func normals(n int, name string) []float32 {
	x := make([]float32, n)
	s := rng.New(7).Split(name).Stream()
	s.Normal(x)
	return x
}

func make1(t testing.TB, s optim.Spec, total int, arena []float32, k *kernel.Set) *optim.Optimiser {
	t.Helper()
	o, err := optim.New(s, total, arena, k)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// gradient is a gradient that changes with the parameters and the step.
func gradient(p []float32, base []float32, step int) []float32 {
	g := make([]float32, len(p))
	for i := range g {
		g[i] = p[i] - base[i]*float32(math.Cos(float64(step+i)))
	}
	return g
}

// oracle is the formula of Loshchilov and Hutter (2019), Kingma and Ba (2015)
// with clipping and the average, in float64.
type oracle struct {
	s            optim.Spec
	total, n     int
	p, m, v, ema []float64
}

func newOracle(s optim.Spec, total int, p []float32) *oracle {
	o := &oracle{s: s, total: total, m: make([]float64, len(p)), v: make([]float64, len(p))}
	for _, x := range p {
		o.p = append(o.p, float64(x))
	}
	o.ema = slices.Clone(o.p)
	return o
}

func (o *oracle) step(g []float32) float64 {
	s := o.s
	norm := 0.0
	for _, x := range g {
		norm += float64(x) * float64(x)
	}
	norm = math.Sqrt(norm)
	scale := 1.0
	if s.Clip > 0 && norm > s.Clip {
		scale = s.Clip / norm
	}
	rate := s.RateAt(o.n, o.total)
	o.n++
	for i := range o.p {
		gi := scale * float64(g[i])
		if s.Method == "sgd" {
			o.m[i] = s.Beta1*o.m[i] + gi
			o.p[i] -= rate * (o.m[i] + s.WeightDecay*o.p[i])
		} else {
			o.m[i] = s.Beta1*o.m[i] + (1-s.Beta1)*gi
			o.v[i] = s.Beta2*o.v[i] + (1-s.Beta2)*gi*gi
			mh := o.m[i] / (1 - math.Pow(s.Beta1, float64(o.n)))
			vh := o.v[i] / (1 - math.Pow(s.Beta2, float64(o.n)))
			o.p[i] -= rate * s.WeightDecay * o.p[i]
			o.p[i] -= rate * mh / (math.Sqrt(vh) + s.Eps)
		}
		d := min(s.EMA, float64(o.n)/float64(9+o.n)) // o.n is one further
		o.ema[i] = d*o.ema[i] + (1-d)*o.p[i]
	}
	return norm
}

func TestStepFollowsTheFormulas(t *testing.T) {
	decay := optim.Post()
	decay.WeightDecay = 0.1
	clip := optim.Defaults()
	clip.Clip, clip.Warmup, clip.EMA = 0.5, 10, 0.9
	momentum := optim.Spec{Method: "sgd", Rate: 0.02, Schedule: "constant", Beta1: 0.9, WeightDecay: 0.05, EMA: 0.5}
	plain := optim.Spec{Method: "sgd", Rate: 0.1, Schedule: "cosine", FinalRate: 0.01, Clip: 5}
	for name, s := range map[string]optim.Spec{"adam": optim.Post(), "adamw": decay, "clipped, averaged": clip, "sgd with momentum": momentum, "sgd": plain} {
		for _, k := range kernel.Available() {
			const n, steps = 37, 50
			p, base := normals(n, "p"), normals(n, "base")
			o, ref := make1(t, s, steps, p, k), newOracle(s, steps, p)
			for i := range steps {
				g := gradient(p, base, i)
				norm, want := o.Step(g), ref.step(g)
				if math.Abs(norm-want) > 1e-6*want {
					t.Fatalf("%s on %s: norm of step %d is %v, want %v", name, k.Name(), i, norm, want)
				}
			}
			average := p
			if s.EMA > 0 {
				average = o.Average()
			} else {
				ref.ema = ref.p
				if &o.Average()[0] != &p[0] {
					t.Errorf("%s: without an average, Average is not the arena", name)
				}
			}
			for i := range p {
				if d := math.Abs(float64(p[i]) - ref.p[i]); d > 2e-5 {
					t.Fatalf("%s on %s: parameter %d is %v, want %v", name, k.Name(), i, p[i], ref.p[i])
				}
				if d := math.Abs(float64(average[i]) - ref.ema[i]); d > 2e-5 {
					t.Fatalf("%s on %s: average %d is %v, want %v", name, k.Name(), i, average[i], ref.ema[i])
				}
			}
		}
	}
}

func TestRates(t *testing.T) {
	s := optim.Spec{Rate: 1, Schedule: "cosine", FinalRate: 0.2, Warmup: 4}
	for _, c := range []struct {
		step int
		want float64
	}{
		{0, 0.2 * 1}, // one fifth of the way up
		{50, 0.6},    // half-way down
		{25, 0.2 + 0.8*(1+math.Sqrt2/2)/2},
		{100, 0.2},
		{150, 0.2}, // beyond the end
	} {
		if got := s.RateAt(c.step, 101); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("rate at step %d is %v, want %v", c.step, got, c.want)
		}
	}
	s.Schedule = "constant"
	for step, want := range []float64{0.2, 0.4, 0.6, 0.8, 1, 1} {
		if got := s.RateAt(step, 10); math.Abs(got-want) > 1e-12 {
			t.Errorf("warm-up: rate at step %d is %v, want %v", step, got, want)
		}
	}
}

func TestGradientThatIsNotFiniteMovesNothing(t *testing.T) {
	for _, s := range []optim.Spec{optim.Post(), optim.Defaults(), {Method: "sgd", Rate: 1, Schedule: "constant", Beta1: 0.9}} {
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			p := normals(20, "p")
			o := make1(t, s, 10, p, kernel.Best())
			o.Step(normals(20, "g"))
			before, state := slices.Clone(p), copied(o.State())
			g := normals(20, "g")
			g[13] = bad
			if norm := o.Step(g); !math.IsNaN(norm) && !math.IsInf(norm, 0) {
				t.Errorf("%s: a gradient with %v has the norm %v", s.Method, bad, norm)
			}
			if !slices.Equal(p, before) || !equal(o.State(), state) {
				t.Errorf("%s: a gradient with %v moved something", s.Method, bad)
			}
		}
	}
}

func copied(s optim.State) optim.State {
	return optim.State{Step: s.Step, M: slices.Clone(s.M), V: slices.Clone(s.V), EMA: slices.Clone(s.EMA)}
}

func equal(a, b optim.State) bool {
	return a.Step == b.Step && slices.Equal(a.M, b.M) && slices.Equal(a.V, b.V) && slices.Equal(a.EMA, b.EMA)
}

// many is an arena of several pieces, the last one odd.
const many = 1<<17 + 77

func TestStateRestoreIsExact(t *testing.T) {
	for _, s := range []optim.Spec{optim.Defaults(), {Method: "sgd", Rate: 0.1, Schedule: "constant"}} {
		p, base := normals(100, "p"), normals(100, "base")
		o := make1(t, s, 20, p, kernel.Best())
		for i := range 7 {
			o.Step(gradient(p, base, i))
		}
		q, state := slices.Clone(p), copied(o.State())
		r := make1(t, s, 20, q, kernel.Best())
		if err := r.Restore(state); err != nil {
			t.Fatal(err)
		}
		for i := 7; i < 20; i++ {
			o.Step(gradient(p, base, i))
			r.Step(gradient(q, base, i))
		}
		if !slices.Equal(p, q) || !slices.Equal(o.Average(), r.Average()) || !equal(o.State(), r.State()) {
			t.Errorf("%s: the restored optimiser goes another way", s.Method)
		}
	}
	o := make1(t, optim.Defaults(), 1, normals(5, "p"), kernel.Best())
	if err := o.Restore(optim.State{M: make([]float32, 5), V: make([]float32, 4), EMA: make([]float32, 5)}); !errors.Is(err, flow.ErrShape) || !strings.Contains(err.Error(), "second moment") {
		t.Errorf("restoring a state of other sizes: %v", err)
	}
}

// The first run asks for the shared pool, which has then four workers.
func TestSameBitsOnAnyNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, method := range optim.Methods() {
		for _, k := range kernel.Available() {
			s := optim.Defaults()
			s.Method = method
			var want, average []float32
			var norm float64
			for i, c := range []struct{ procs, workers int }{{4, 0}, {1, 1}, {1, 0}, {2, 0}, {4, 2}} {
				runtime.GOMAXPROCS(c.procs)
				p, g := normals(many, "p"), normals(many, "g")
				o := make1(t, s, 10, p, k)
				o.Workers = c.workers
				var got float64
				for range 3 {
					got = o.Step(g)
				}
				if i == 0 {
					want, average, norm = p, o.Average(), got
					continue
				}
				if !slices.Equal(p, want) || !slices.Equal(o.Average(), average) || got != norm {
					t.Errorf("%s on %s: other bits with GOMAXPROCS %d and %d workers", method, k.Name(), c.procs, c.workers)
				}
			}
		}
	}
}

// TestPieces shows that every element of a large arena is moved, and as it
// would be alone.
func TestPieces(t *testing.T) {
	s := optim.Post()
	s.EMA = 0.9
	p, g := normals(many, "p"), normals(many, "g")
	tail, tailGrad := slices.Clone(p[many-1000:]), g[many-1000:]
	o, alone := make1(t, s, 10, p, kernel.Best()), make1(t, s, 10, tail, kernel.Best())
	for range 3 {
		o.Step(g)
		alone.Step(tailGrad)
	}
	if !slices.Equal(p[many-1000:], tail) || !slices.Equal(o.Average()[many-1000:], alone.Average()) {
		t.Error("the end of a large arena moves otherwise than alone")
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	for _, n := range []int{100, many} {
		p, g := normals(n, "p"), normals(n, "g")
		o := make1(t, optim.Defaults(), 1000, p, kernel.Best())
		if a := testing.AllocsPerRun(10, func() { o.Step(g) }); a != 0 {
			t.Errorf("a step over %d parameters allocates %v times", n, a)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, s := range []optim.Spec{optim.Post(), optim.Defaults()} {
		if err := s.Validate("optim"); err != nil {
			t.Error(err)
		}
	}
	for field, c := range map[string]struct {
		edit func(*optim.Spec)
		says string
	}{
		"method":       {func(s *optim.Spec) { s.Method = "lion" }, "adamw, muon, sgd"},
		"schedule":     {func(s *optim.Spec) { s.Schedule = "" }, "constant, cosine"},
		"rate":         {func(s *optim.Spec) { s.Rate = 0 }, "0"},
		"final_rate":   {func(s *optim.Spec) { s.FinalRate = math.NaN() }, "NaN"},
		"beta1":        {func(s *optim.Spec) { s.Beta1 = 1 }, "1"},
		"beta2":        {func(s *optim.Spec) { s.Beta2 = -0.1 }, "-0.1"},
		"eps":          {func(s *optim.Spec) { s.Eps = 0 }, "0"},
		"weight_decay": {func(s *optim.Spec) { s.WeightDecay = -1 }, "-1"},
		"clip":         {func(s *optim.Spec) { s.Clip = math.Inf(1) }, "Inf"},
		"ema":          {func(s *optim.Spec) { s.EMA = 1 }, "1"},
		"warmup":       {func(s *optim.Spec) { s.Warmup = -3 }, "-3"},
	} {
		s := optim.Defaults()
		c.edit(&s)
		err := s.Validate("optim")
		var f *flow.FieldError
		if !errors.As(err, &f) || f.Path != "optim."+field || !strings.Contains(f.Msg, c.says) {
			t.Errorf("%s: %v", field, err)
		}
		if _, err := optim.New(s, 1, nil, kernel.Best()); !errors.Is(err, flow.ErrConfig) {
			t.Errorf("New with a faulty %s: %v", field, err)
		}
	}
}

// BenchmarkStep moves a small and a large arena, alone and on all cores.
func BenchmarkStep(b *testing.B) {
	for _, n := range []int{4610, 1 << 18, 1 << 21} {
		for _, workers := range []int{1, 0} {
			b.Run(fmt.Sprintf("n=%d/workers=%d", n, workers), func(b *testing.B) {
				p, g := normals(n, "p"), normals(n, "g")
				o := make1(b, optim.Defaults(), 1, p, kernel.Best())
				o.Workers = workers
				b.SetBytes(int64(n) * 4)
				b.ReportAllocs()
				for b.Loop() {
					o.Step(g)
				}
			})
		}
	}
}
