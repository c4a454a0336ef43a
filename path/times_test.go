package path_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/path"
	"laminar/rng"
)

func ExampleShift() {
	fmt.Println(path.Shift(0.5, 3))
	// Output: 0.25
}

func ExampleGrid() {
	t, err := path.Grid("shift", 4, path.GridDefaults())
	if err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%.3f\n", t)
	// Output: [0.000 0.100 0.250 0.500 1.000]
}

func ExampleNewTimes() {
	c := path.Defaults()
	c.Time, c.Shift = "logit-normal", 3
	s, err := path.NewTimes(c)
	if err != nil {
		fmt.Println(err)
	}
	t := make([]float32, 10000)
	s.Times(t, rng.New(1))
	late := 0
	for _, v := range t {
		if v > 0.5 {
			late++
		}
	}
	fmt.Println("more noise than data:", late < 2000)
	// Output: more noise than data: true
}

func ExampleNewWeight() {
	c := path.Defaults()
	c.Weight = "cosmap"
	w, err := path.NewWeight(c)
	if err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%.4f\n", w.At(path.CondOT{}, 0.7))
	// Output: 1.0976
}

func TestWarps(t *testing.T) {
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"mode(.3)", path.Mode{K: 1.29}.Warp(0.3), .5788785},
		{"cosmap(.3)", path.CosMap{}.Warp(0.3), .3375402},
		{"shift 3 of sigma .5", 1 - path.Shift(1-0.5, 3), .75},
		{"there and back", path.Shift(path.Shift(0.3, 5), 0.2), 0.3},
		{"ln of Flux at 1024", math.Log(path.DynamicShift(1024)), .63},
		{"ln of Flux at 4096", math.Log(path.DynamicShift(4096)), 1.15},
		{"exponential dynamic shift", 1 - path.Shift(1-0.3, math.Exp(0.63)), math.Exp(0.63) / (math.Exp(0.63) + 1/0.3 - 1)},
	} {
		if math.Abs(c.got-c.want) > 6e-8 {
			t.Errorf("%s is %.9f, want %.9f", c.what, c.got, c.want)
		}
	}
}

// Every sampler's times have the density that it documents, by chi-square over
// 20 bins, are the same for a row alone, and cost no memory.
func TestTimeDensities(t *testing.T) {
	const n, bins = 200_000, 20
	normal := func(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }
	logit := func(t float64) float64 { return math.Log(t / (1 - t)) }
	mode := func(t float64) float64 { // by bisection: Warp falls from 1 to 0
		lo, hi := 0.0, 1.0
		for range 60 {
			if mid := (lo + hi) / 2; (path.Mode{K: 1.29}).Warp(mid) > t {
				lo = mid
			} else {
				hi = mid
			}
		}
		return 1 - lo
	}
	cosmap := func(t float64) float64 { return 0.5 + math.Atan(2*t-1)*2/math.Pi } // integral of its density
	for name, c := range map[string]struct {
		s   flow.TimeSampler
		cdf func(t float64) float64
	}{
		"uniform":      {path.Uniform{}, func(t float64) float64 { return t }},
		"logit-normal": {path.LogitNormal{Mean: -0.4, Scale: 0.8}, func(t float64) float64 { return normal((logit(t) + 0.4) / 0.8) }},
		"mode":         {path.Mode{K: 1.29}, mode},
		"cosmap":       {path.CosMap{}, cosmap},
		"u-shaped":     {path.UShaped{Rate: 4}, func(t float64) float64 { return 0.5 + math.Sinh(4*(t-0.5))/(2*math.Sinh(2)) }},
		"edm":          {path.EDM{}, func(t float64) float64 { return 1 - normal((math.Log(1/t-1)+1.2)/1.2) }},
		"shifted":      {path.Shifted{Of: path.Uniform{}, K: 3}, func(t float64) float64 { return path.Shift(t, 1./3) }},
	} {
		at := make([]float32, n)
		c.s.Times(at, rng.New(5))
		var seen [bins]float64
		for _, v := range at {
			if !(v >= 0 && v <= 1) {
				t.Fatalf("%s: time %v", name, v)
			}
			seen[min(bins-1, int(v*bins))]++
		}
		chi := 0.0
		for k := range bins {
			lo, hi := 0.0, 1.0
			if k > 0 {
				lo = c.cdf(float64(k) / bins)
			}
			if k < bins-1 {
				hi = c.cdf(float64(k+1) / bins)
			}
			want := n * (hi - lo)
			chi += (seen[k] - want) * (seen[k] - want) / max(want, 1)
		}
		if chi > 50 { // 19 degrees of freedom: beyond 1e-4
			t.Errorf("%s: chi-square %.1f over %v", name, chi, seen)
		}
		few := make([]float32, 3)
		c.s.Times(few, rng.New(5))
		if !slices.Equal(few, at[:3]) {
			t.Errorf("%s: a row's time depends on the others", name)
		}
		if a := testing.AllocsPerRun(5, func() { c.s.Times(few, rng.New(1)) }); a != 0 {
			t.Errorf("%s: %v allocations", name, a)
		}
	}
	at := make([]float32, 1000)
	path.Within{Of: path.Uniform{}, Lo: 0.01, Hi: 0.99}.Times(at, rng.New(1))
	if lo, hi := slices.Min(at), slices.Max(at); lo < 0.01 || hi > 0.99 || lo > 0.02 || hi < 0.98 {
		t.Errorf("clipped times run from %v to %v", lo, hi)
	}
}

// Every catalogue entry can be made, and a shift reaches the sampler.
func TestTimeCatalogue(t *testing.T) {
	for _, e := range path.TimeCatalogue() {
		c := path.Defaults()
		c.Time = e.Name
		plain, err := path.NewTimes(c)
		if err != nil {
			t.Fatal(err)
		}
		c.ShiftLength = 4096
		moved, err := path.NewTimes(c)
		if err != nil {
			t.Fatal(err)
		}
		a, b := make([]float32, 100), make([]float32, 100)
		plain.Times(a, rng.New(2))
		moved.Times(b, rng.New(2))
		for i := range a {
			if want := path.Shift(float64(a[i]), path.DynamicShift(4096)); math.Abs(float64(b[i])-want) > 1e-6 {
				t.Fatalf("%s: %v moved to %v, want %v", e.Name, a[i], b[i], want)
			}
		}
	}
}

func TestWeights(t *testing.T) {
	c := path.Defaults()
	weight := func(name string) path.Weight {
		c.Weight = name
		w, err := path.NewWeight(c)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	for _, e := range path.WeightCatalogue() {
		w := weight(e.Name)
		for _, s := range schedules {
			for _, at := range []float64{0, 0.3, 1} {
				if v := w.At(s, at); !(v >= 0 && v <= 1e4+1) {
					t.Errorf("%s of %T at %v is %v", e.Name, s, at, v)
				}
			}
		}
	}
	for _, c := range []struct {
		name    string
		t, want float64
	}{
		{"uniform", 0.2, 1},
		{"sigma-sqrt", 0.5, 4},
		{"cosmap", 0.7, 1.0976203},
		{"snr-truncated", 0.25, 1},
		{"snr-truncated", 0.75, 9},
		{"snr-capped", 0.25, 1. / 9},
		{"snr-capped", 0.75, 5},
	} {
		if v := weight(c.name).At(nil, c.t); math.Abs(v-c.want) > 1e-7 {
			t.Errorf("%s at %v is %v, want %v", c.name, c.t, v, c.want)
		}
	}
}

func TestGrids(t *testing.T) {
	for _, e := range path.GridCatalogue() {
		for _, n := range []int{1, 2, 3, 7, 50, 250} {
			g, err := path.Grid(e.Name, n, path.GridDefaults())
			if err != nil {
				t.Errorf("%s of %d: %v", e.Name, n, err)
				continue
			}
			if len(g) != n+1 || g[0] != 0 || g[n] != 1 || !slices.IsSorted(g) {
				t.Errorf("%s of %d: %v", e.Name, n, g)
			}
		}
	}
	// Values of diffusers' scheduler, as noise levels; and EDM's second level.
	for _, c := range []struct {
		shift float64
		want  []float64
	}{{3, []float64{1, .857692, .602151, .008929}}, {5, []float64{1, -1, -1, .02441}}} {
		p := path.GridDefaults()
		p.Shift = c.shift
		g, err := path.Grid("diffusers", 4, p)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.want {
			if want >= 0 && math.Abs(1-g[i]-want) > 6e-6 {
				t.Errorf("double shift %v: %v, want the noise %v", c.shift, g, c.want)
			}
		}
	}
	g, err := path.Grid("edm", 18, path.GridDefaults())
	if err != nil {
		t.Fatal(err)
	}
	// The levels of EDM with 18 steps go 80, 57.5860, 40.7856, ... .002.
	for i, sigma := range map[int]float64{1: 57.5860, 2: 40.7856, 17: 0.002} {
		if math.Abs(1/g[i]-1-sigma) > 1e-3*sigma {
			t.Errorf("EDM level %d is %v, want %v", i, 1/g[i]-1, sigma)
		}
	}
}

func TestGridErrors(t *testing.T) {
	p := path.GridDefaults()
	bad := p
	bad.Shift = 0
	swapped := p
	swapped.SigmaMin = 100
	for want, f := range map[string]func() ([]float64, error){
		"choose one of uniform, shift": func() ([]float64, error) { return path.Grid("linear", 3, p) },
		"steps":                        func() ([]float64, error) { return path.Grid("uniform", 0, p) },
		"grid.shift":                   func() ([]float64, error) { return path.Grid("shift", 3, bad) },
		"grid.sigma_min":               func() ([]float64, error) { return path.Grid("edm", 3, swapped) },
	} {
		if _, err := f(); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
