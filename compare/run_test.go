package compare_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"laminar/compare"
)

func small() compare.Config {
	c := compare.Defaults()
	c.Methods = []string{"independent", "ot"}
	c.Steps = map[string]int{"independent": 600, "ot": 600}
	c.Seeds, c.N, c.Pairs = 2, 400, 1
	return c
}

// TestRun: figures are complete, sensible and pure; the page holds the rules
// before the figures and refers to nothing outside.
func TestRun(t *testing.T) {
	stages := map[string]bool{}
	r, err := compare.Run(context.Background(), "moons", small(), func(p compare.Progress) {
		stages[p.Stage] = true
		if p.Done > p.Total {
			t.Errorf("%+v", p)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !stages["training ot"] || !stages["judging independent"] {
		t.Errorf("stages told: %v", stages)
	}
	ind, ot := r.Methods[0], r.Methods[1]
	if ind.Name != "independent" || ind.Steps != 600 || ind.Seeds != 2 {
		t.Errorf("%+v", ind)
	}
	// The crossing of independent pairs of standardised moons is some 0.7, that of
	// transport a fifth of it; a floor is below any sampler.
	if !(ind.Crossing > 0.6 && ind.Crossing < 0.8 && ot.Crossing < 0.2) {
		t.Errorf("crossing %v and %v", ind.Crossing, ot.Crossing)
	}
	if !(ot.Loss < ind.Loss/5 && ot.Straightness < ind.Straightness/5 && ot.NPE < ind.NPE) {
		t.Errorf("ot %+v, independent %+v", ot, ind)
	}
	for _, o := range r.Methods {
		for _, nfe := range []string{"1", "2", "4", "8", "16", "50", "100"} {
			if w := float64(o.W2[nfe]); !(w > float64(r.Floor)*0.5 && w < 2) || !(o.W2CI[nfe][0] <= o.W2[nfe] && o.W2[nfe] <= o.W2CI[nfe][1]) {
				t.Errorf("%s, %s evaluations: %v %v", o.Name, nfe, o.W2[nfe], o.W2CI[nfe])
			}
		}
	}
	if float64(ind.W2["1"]) < 2*float64(ot.W2["1"]) {
		t.Errorf("one step: independent %v, ot %v", ind.W2["1"], ot.W2["1"])
	}

	var page bytes.Buffer
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	html := page.String()
	last := -1
	for _, part := range []string{"How the claims are decided", "The claims", "The methods", "<figure>"} {
		at := strings.Index(html, part)
		if at <= last {
			t.Errorf("%q is at %d, not after the part before it", part, at)
		}
		last = at
	}
	if strings.Contains(html, "http://") || strings.Contains(html, "https://") || strings.Contains(html, "<script") {
		t.Error("the page refers to something outside itself")
	}

	a, err := json.Marshal(r.Report)
	if err != nil {
		t.Fatal(err)
	}
	var form struct {
		Methods []map[string]any
		Claims  []map[string]any
		Floor   float64
	}
	if err := json.Unmarshal(a, &form); err != nil || form.Floor != float64(r.Floor) {
		t.Error(err)
	}
	for _, name := range []string{"name", "seeds", "train_seconds", "loss", "crossing", "straightness", "npe", "w2", "w2_ci", "steps_to_target"} {
		if _, ok := form.Methods[0][name]; !ok {
			t.Errorf("the JSON of a method has no %q", name)
		}
	}
	for _, name := range []string{"claim", "holds", "evidence"} {
		if _, ok := form.Claims[0][name]; !ok {
			t.Errorf("the JSON of a claim has no %q", name)
		}
	}
	// What decided the first claim: two losses, and their ratio with its interval.
	e := r.Claims[0].Evidence.Figures
	if len(e) != 3 || e[0].Name != "loss of ot" || e[0].CI != nil || e[2].CI == nil || !(e[2].CI[0] < e[2].Value && e[2].Value < e[2].CI[1]) {
		t.Fatalf("evidence %+v", e)
	}
	if want := e[0].Value / e[1].Value; math.Abs(float64(e[2].Value-want)) > 1e-9*float64(want) {
		t.Errorf("the ratio of %v and %v is %v", e[0].Value, e[1].Value, e[2].Value)
	}
	for _, c := range r.Claims {
		if (c.Evidence.Text == "") || c.Evidence.Figures == nil {
			t.Errorf("%q has the evidence %+v", c.Claim, c.Evidence)
		}
	}
}

// TestPure: the same steps and seeds give the same bits on any number of cores,
// but for the time it took.
func TestPure(t *testing.T) {
	if testing.Short() {
		t.Skip("two comparisons")
	}
	var first []byte
	for _, threads := range []int{1, 0} {
		c := small()
		c.Methods, c.Steps, c.Threads, c.N = c.Methods[:1], map[string]int{"independent": 150}, threads, 200
		r, err := compare.Run(context.Background(), "moons", c, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Methods[0].TrainSeconds = 0
		b, err := json.Marshal(r.Report)
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, b) {
			t.Errorf("on one core and on all:\n%s\n%s", first, b)
		}
		first = b
	}
}

// TestMethods: every method trains, is judged and drawn, and has null for what it
// has not got.
func TestMethods(t *testing.T) {
	if testing.Short() {
		t.Skip("five methods")
	}
	c := compare.Defaults()
	c.Methods = []string{"semidiscrete", "diffusion", "gan", "reflow", "meanflow"}
	c.Steps = map[string]int{}
	for _, m := range c.Methods {
		c.Steps[m] = 200
	}
	c.Seeds, c.N, c.Pairs = 1, 200, 1
	r, err := compare.Run(context.Background(), "moons", c, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range r.Methods {
		for _, nfe := range []string{"1", "2", "4", "8", "16", "50", "100"} {
			if w := float64(o.W2[nfe]); math.IsNaN(w) != (o.Name == "gan" && nfe != "1") || w <= 0 {
				t.Errorf("%s at %s evaluations: %v", o.Name, nfe, w)
			}
		}
		for name, v := range map[string]float64{"straightness": float64(o.Straightness), "NPE": float64(o.NPE), "crossing": float64(o.Crossing)} {
			if math.IsNaN(v) != (o.Name == "gan") {
				t.Errorf("%s: %s is %v", o.Name, name, v)
			}
		}
		if o.Steps != 200 || math.IsNaN(float64(o.Loss)) {
			t.Errorf("%s: %d steps, loss %v", o.Name, o.Steps, o.Loss)
		}
	}
	// Pairs that a flow made of noise cross less than those of the data.
	if r.Methods[3].Crossing > r.Methods[1].Crossing/4 || r.Methods[0].Crossing > 0.1 {
		t.Errorf("crossing: semidiscrete %v, diffusion %v, reflow %v", r.Methods[0].Crossing, r.Methods[1].Crossing, r.Methods[3].Crossing)
	}
	if err := r.WriteHTML(io.Discard); err != nil {
		t.Error(err)
	}
	for _, claim := range r.Claims {
		if claim.Holds != nil {
			t.Errorf("%q is decided without a flow on independent pairs or more seeds: %s", claim.Claim, claim.Evidence.Text)
		}
	}
}

// TestBudget: what a step costs decides how many there are.
func TestBudget(t *testing.T) {
	c := small()
	c.Steps = nil
	c.Methods, c.Seeds, c.Budget = []string{"independent"}, 1, 200e6
	r, err := compare.Run(context.Background(), "moons", c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if o := r.Methods[0]; o.Steps < 100 || !math.IsNaN(float64(o.LossCI[0])) || r.Budget != 0.2 {
		t.Errorf("%d steps, interval %v, budget %v", o.Steps, o.LossCI, r.Budget)
	}
}

func TestCancelled(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	_, err := compare.Run(ctx, "moons", small(), func(p compare.Progress) {
		if p.Stage == "training independent" {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
