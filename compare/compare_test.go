package compare

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"laminar/flow"
)

// TestRatio: the interval is scipy's for the logarithms of the ratios.
func TestRatio(t *testing.T) {
	// scipy.stats.t.interval(0.95, 2, mean(l), sem(l)), l = log(u/v)
	mean, ci := Ratio([]float64{1, 2, 3}, []float64{2, 3, 4})
	for i, c := range [][2]float64{{mean, 0.629961}, {float64(ci[0]), 0.375220}, {float64(ci[1]), 1.057646}} {
		if math.Abs(c[0]-c[1]) > 1e-5 {
			t.Errorf("figure %d: %v, want %v", i, c[0], c[1])
		}
	}
}

func TestNeeded(t *testing.T) {
	for _, c := range []struct {
		w2   []float64
		want float64
	}{
		{[]float64{1.2, 1, 1, 1, 1, 1, 1}, 1},          // all within 1.25 of the last
		{[]float64{8, 4, 2, 1.25, 1, 1, 1}, 8},         // just reached
		{[]float64{8, 4, 2, 1, 1, 1, 1}, 6.4},          // between 4 and 8: 4 · 2^(log 1.6/log 2)
		{[]float64{1, 1, 1, 1, 2, 1, 1}, 16 * 2.16543}, // a later rise counts: 16 · (50/16)^(log 1.6/log 2)
		{[]float64{math.NaN(), 2, 1, 1, 1, 1, 1}, 3.2}, // nothing at 1
		{[]float64{1, 1, 1, 1, 1, 1, math.NaN()}, math.NaN()},
	} {
		got := needed(c.w2)
		if math.IsNaN(c.want) != math.IsNaN(got) || math.Abs(got-c.want) > 1e-3*c.want {
			t.Errorf("needed(%v) = %v, want %v", c.w2, got, c.want)
		}
	}
}

func TestMarks(t *testing.T) {
	if got, want := marksOf(500), []int{200, 283, 400, 500}; !slices.Equal(got, want) {
		t.Errorf("marks %v, want %v", got, want)
	}
	if got := marksOf(100); !slices.Equal(got, []int{100}) {
		t.Errorf("marks of the shortest training %v", got)
	}
	if round(12345) != 12000 || round(99.9) != 99 {
		t.Errorf("round: %d, %d", round(12345), round(99.9))
	}
}

// TestReached: training is timed to 1.5 times the floor, between the weights kept
// before and after in logarithms of both.
func TestReached(t *testing.T) {
	marks := []mark{{step: 100}, {step: 200}, {step: 400}}
	for _, c := range []struct {
		along []float64
		want  float64
	}{
		{[]float64{3, 1.5, 1}, 200},
		{[]float64{3, 2, 1.6}, math.NaN()},
		{[]float64{1.4, 2, 1}, 100},
		{[]float64{4, 2.25, 1}, 200 * math.Sqrt2}, // 1.5 is half way from 2.25 to 1
		{[]float64{math.NaN(), math.NaN(), 1.2}, 400},
	} {
		if got := reached(marks, c.along, 1); !(math.Abs(got-c.want) < 1e-9 || math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%v: %v steps, want %v", c.along, got, c.want)
		}
	}
	if got := reached(marks, []float64{3, 1.5, 1}, 0.5); !math.IsNaN(got) {
		t.Errorf("a floor of 0.5: %v steps", got)
	}
}

// made returns trials with the given losses, one for each seed.
func made(loss ...float64) (out []trial) {
	for _, l := range loss {
		out = append(out, trial{loss: l, toTarget: l, marks: []mark{{step: 10}}})
	}
	return out
}

// TestLess: a claim is decided by its interval and by nothing else.
func TestLess(t *testing.T) {
	loss := func(t trial) float64 { return t.loss }
	for _, c := range []struct {
		a, b []trial
		want string
	}{
		{made(1, 1.1, 1.2), made(2, 2.1, 2.5), "holds"},
		{made(2, 2.1, 2.5), made(1, 1.1, 1.2), "FAILS"},
		{made(1, 1.1, 3), made(1.5, 1.6, 1.7), "undecided"},
		{made(1), made(2), "undecided"},                         // one seed has no interval
		{made(1, 1, 1), made(2, 2, math.NaN()), "undecided"},    // a figure that is not there
		{made(1, 10, 100), made(1.1, 11.2, 108), "holds"},       // paired by seed: the seeds differ more than the methods
		{made(1, 10, 100), made(108, 1.1, 11.2), "undecided"},   // the same figures, pairs broken
		{nil, made(1, 2), "undecided"},                          // not trained
		{made(0.5, 0.5, 0.5), made(0.5, 0.5, 0.5), "undecided"}, // no difference
	} {
		f := &figures{trials: map[string][]trial{"a": c.a, "b": c.b}}
		holds, e := f.less("a", "b", "loss", loss)
		if got := (Claim{Holds: holds}).word(); got != c.want {
			t.Errorf("%v, %v: %s (%s), want %s", c.a, c.b, got, e.Text, c.want)
		}
	}
}

// TestConverges: a training that never reaches the target cannot make a claim
// hold or fail in favour of its own method.
func TestConverges(t *testing.T) {
	never := math.NaN()
	for _, c := range []struct {
		ot, independent []float64
		want            string
	}{
		{[]float64{1, 1.1, 1}, []float64{5, 5.2, 5.1}, "holds"},
		{[]float64{1, 1.1, 1}, []float64{5, never, never}, "holds"}, // 10 steps or more
		{[]float64{5, 5.2, never}, []float64{1, 1.1, 1}, "FAILS"},
		{[]float64{never, never, never}, []float64{15, 16, 15}, "undecided"}, // not 10 against 15
	} {
		f := &figures{trials: map[string][]trial{"ot": made(c.ot...), "independent": made(c.independent...)}}
		holds, e := converges(f)
		if got := (Claim{Holds: holds}).word(); got != c.want {
			t.Errorf("%v against %v: %s (%s), want %s", c.ot, c.independent, got, e.Text, c.want)
		}
	}
}

// TestNeeds: the numbers of the claim are the bounds, not the order of the two.
func TestNeeds(t *testing.T) {
	of := func(needed ...float64) (out []trial) {
		for _, n := range needed {
			out = append(out, trial{needed: n})
		}
		return out
	}
	for _, c := range []struct {
		diffusion, flow []trial
		want            string
	}{
		{of(25, 26, 25), of(5, 5.2, 5.1), "holds"},
		{of(12, 12.5, 12), of(5, 5.2, 5.1), "FAILS"},   // fewer than claimed
		{of(25, 26, 25), of(15, 15.5, 16), "FAILS"},    // more than claimed
		{of(10, 20, 50), of(5, 5.2, 5.1), "undecided"}, // too wide
		{nil, of(5), "undecided"},
	} {
		f := &figures{trials: map[string][]trial{"diffusion": c.diffusion, "ot": c.flow}}
		holds, e := f.needs("ot")
		if got := (Claim{Holds: holds}).word(); got != c.want {
			t.Errorf("%s (%s), want %s", got, e.Text, c.want)
		}
	}
}

// TestCounted: what is counted can contradict the claims.
func TestCounted(t *testing.T) {
	flow := trial{networks: 1, phases: 1, watched: []float64{1, 0.8, 0.5, 0.3, 0.1}}
	for _, c := range []struct {
		change       func(*trial)
		plain, watch string
	}{
		{func(*trial) {}, "holds", "holds"},
		{func(t *trial) { t.phases = 2 }, "FAILS", "holds"},
		{func(t *trial) { t.networks = 2 }, "FAILS", "holds"},
		{func(t *trial) { t.solved = 1 }, "FAILS", "holds"},
		{func(t *trial) { t.watched = []float64{1, 1.2, 0.5, 0.3, 0.1} }, "holds", "undecided"},
	} {
		changed := flow
		c.change(&changed)
		f := &figures{trials: map[string][]trial{"independent": {flow}, "ot": {changed}, "gan": {{networks: 2, phases: 2}}}}
		f.trials["independent"][0].watched = changed.watched
		for _, d := range []struct {
			decide func(*figures) (verdict, Evidence)
			want   string
		}{{plain, c.plain}, {unwatched, c.watch}} {
			holds, e := d.decide(f)
			if got := (Claim{Holds: holds}).word(); got != d.want {
				t.Errorf("%s (%s), want %s", got, e.Text, d.want)
			}
		}
	}
	f := &figures{trials: map[string][]trial{"independent": {flow}, "gan": {{watched: []float64{1}}}}}
	if holds, _ := unwatched(f); holds == nil || *holds {
		t.Error("a GAN with states on the way can be watched")
	}
}

func TestValidate(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	for path, change := range map[string]func(*Config){
		"methods": func(c *Config) { c.Methods = []string{"ot", "magic"} },
		"seeds":   func(c *Config) { c.Seeds = 0 },
		"budget":  func(c *Config) { c.Budget = time.Millisecond },
		"steps":   func(c *Config) { c.Steps = map[string]int{"ot": 3} },
		"n":       func(c *Config) { c.N = 5 },
		"pairs":   func(c *Config) { c.Pairs = 0 },
		"threads": func(c *Config) { c.Threads = -1 },
	} {
		c := Defaults()
		change(&c)
		err := c.Validate()
		var field *flow.FieldError
		if !errors.As(err, &field) || field.Path != "compare."+path {
			t.Errorf("%s: %v", path, err)
		}
	}
	c := Defaults()
	c.Methods = []string{"magic"}
	if err := c.Validate(); !strings.Contains(err.Error(), "independent, ot") {
		t.Errorf("%v does not list the methods", err)
	}
}
