package run

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/recipe"
	"laminar/rng"
)

// The advice on a rough model: a row for every number of evaluations, the best
// has a ratio of 1, the chosen one is the cheapest within the tolerance or was
// given up on fresh draws, and the same seed gives the same advice.
func TestAdvise(t *testing.T) {
	_, res := small(t, func(*recipe.Recipe) {})
	s, plan := res.Saved, res.Plan
	o := AdviseDefaults()
	o.NFE, o.Solvers, o.Grids = []int{1, 2, 4, 8}, []string{"euler", "midpoint", "unipc", "jump"}, []string{"uniform", "quadratic"}
	o.N, o.Pairs, o.Screen, o.Tolerance, o.Key = 150, 4, 300, 1.2, rng.New(3)
	last, total := 0, 0
	o.Watch = func(done, of int) { last, total = done, of }
	a, err := Advise(context.Background(), s, plan, o)
	if err != nil {
		t.Fatal(err)
	}
	if last != total || last == 0 {
		t.Errorf("progress ends at %d of %d", last, total)
	}
	// euler 4 + 3, midpoint 3 + 2, unipc 4 + 3; jump needs another model.
	if a.Tried != 19 {
		t.Errorf("%d settings tried, want 19", a.Tried)
	}
	best := math.Inf(1)
	for _, r := range a.Curve {
		best = min(best, float64(r.W2))
	}
	at := a.BestAt()
	if len(at) != 4 {
		t.Fatalf("%+v", at)
	}
	for i, r := range at {
		if r.NFE != o.NFE[i] || math.Abs(float64(r.Ratio)*best-float64(r.W2)) > 1e-9 {
			t.Errorf("%+v, the best W2 is %v", r, best)
		}
		given := r.NFE == a.Chosen.NFE
		for _, g := range a.Rejected {
			given = given || g.NFE == r.NFE
		}
		if float64(r.Ratio) <= o.Tolerance && r.NFE <= a.Chosen.NFE && !given {
			t.Errorf("%d evaluations are within the tolerance, %d were advised", r.NFE, a.Chosen.NFE)
		}
	}
	if c := a.Chosen; !(float64(c.Ratio) <= o.Tolerance) || !(float64(c.RatioCI[0]) <= float64(c.Ratio)) {
		t.Errorf("advised %+v", c)
	}
	if a.Within != (float64(a.Chosen.RatioCI[1]) <= o.Tolerance) {
		t.Errorf("within: %v, %+v", a.Within, a.Chosen)
	}
	again, err := Advise(context.Background(), s, plan, o)
	if err != nil || again.Chosen.W2 != a.Chosen.W2 || again.Chosen.NFE != a.Chosen.NFE {
		t.Errorf("another advice from the same seed: %+v, %v", again.Chosen, err)
	}
	if _, err := a.Figure("moons", false); err != nil {
		t.Error(err)
	}
	for want, edit := range map[string]func(*AdviseOptions){
		"tolerance":  func(o *AdviseOptions) { o.Tolerance = 0.9 },
		"eval.Pairs": func(o *AdviseOptions) { o.Pairs = 1 },
		"nfe":        func(o *AdviseOptions) { o.NFE = []int{0} },
		"method":     func(o *AdviseOptions) { o.Solvers = []string{"eular"} },
		"grid":       func(o *AdviseOptions) { o.Grids = []string{"round"} },
		"can sample": func(o *AdviseOptions) { o.Solvers = []string{"jump"} },
	} {
		p := o
		edit(&p)
		if _, err := Advise(context.Background(), s, plan, p); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// What was chosen by the luck of its draws is given up on fresh ones. Where all
// settings are about as good and next to nothing is tolerated, that happens.
func TestAdviseGivesUp(t *testing.T) {
	_, res := small(t, func(r *recipe.Recipe) { r.Coupling.Name = "independent" })
	o := AdviseDefaults()
	o.NFE, o.Solvers, o.Grids = []int{1, 2, 4, 8}, []string{"euler", "midpoint"}, []string{"uniform", "quadratic"}
	o.N, o.Pairs, o.Screen, o.Tolerance = 60, 3, 300, 1.002
	for seed := uint64(25); seed < 85; seed++ { // the first that does so on most machines is 30
		o.Key = rng.New(seed)
		a, err := Advise(context.Background(), res.Saved, res.Plan, o)
		if err != nil {
			t.Fatal(err)
		}
		if !(float64(a.Chosen.Ratio) <= o.Tolerance) {
			t.Fatalf("seed %d: advised %+v", seed, a.Chosen)
		}
		for _, r := range a.Rejected {
			if float64(r.Ratio) <= o.Tolerance || r.setting() == a.Chosen.setting() || r.NFE > a.Chosen.NFE {
				t.Errorf("seed %d: gave up %+v, advised %+v", seed, r, a.Chosen)
			}
		}
		if len(a.Rejected) > 0 {
			return
		}
	}
	t.Error("nothing was given up in 60 tries")
}
