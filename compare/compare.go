// Package compare puts kinds of generative model to the same test: every method
// trains on the same data with the same network for the same processor time,
// several times from different seeds, and is judged by the same figures. From
// those it decides, claim by claim, what is said in favour of flow matching:
//
//	r, err := compare.Run(ctx, "moons", compare.Defaults(), nil)
//	err = r.WriteHTML(w) // or encode it as JSON
//
// What decides a claim is a Rule, a sentence and a function that stand before any
// figure is known. The function looks at intervals: for each seed the two figures
// at hand are divided by each other, since methods of one seed share their
// starting weights and the points they are judged by, and the logarithms of these
// ratios have a mean with a 95 % interval of Student's t over the seeds. A claim
// whose interval holds no difference is undecided.
//
// The cost of a step is measured once, before training, and turned into a number
// of steps for each method, which the report states; from there every figure is a
// pure function of data, steps and seeds (Config.Steps gives them back).
//
// It is no benchmark of methods at their best: one small network, one short
// budget, no tuning beyond each method's own defaults.
package compare

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"laminar/flow"
	"laminar/metric"
	"laminar/recipe"
	"laminar/run"
)

// Config says what to compare and how long. Start from Defaults.
type Config struct {
	// Methods are names of the Catalogue.
	Methods []string
	// Seeds is the number of trainings of each method; intervals need two.
	Seeds int
	// Budget is the processor time of one training, teachers included.
	Budget time.Duration
	// Steps are numbers of training steps by method, for those that are not to be
	// found from Budget.
	Steps map[string]int
	// N is the number of points on each side of a distance, Pairs the number of
	// pairs of draws that it is averaged over for each seed. With less than 2000
	// points the other figures are measured with fewer, too.
	N, Pairs int
	// Seed is the first seed.
	Seed uint64
	// Threads bounds the cores; 0 is all.
	Threads int
}

// Defaults compares all methods over three seeds of 5 seconds.
func Defaults() Config {
	c := Config{Seeds: 3, Budget: 5 * time.Second, N: 2000, Pairs: 3}
	for _, e := range Catalogue() {
		c.Methods = append(c.Methods, e.Name)
	}
	return c
}

// Validate reports the first fault, a *flow.FieldError.
func (c Config) Validate() error {
	bad := func(path, format string, a ...any) error {
		return &flow.FieldError{Path: path, Msg: fmt.Sprintf(format, a...)}
	}
	var names []string
	for _, e := range Catalogue() {
		names = append(names, e.Name)
	}
	if len(c.Methods) == 0 {
		return bad("compare.methods", "none is named; choose from %s", strings.Join(names, ", "))
	}
	for i, m := range c.Methods {
		if !slices.Contains(names, m) {
			return bad("compare.methods", "unknown %q; choose from %s", m, strings.Join(names, ", "))
		}
		if slices.Contains(c.Methods[:i], m) {
			return bad("compare.methods", "%q is named twice", m)
		}
	}
	for m, n := range c.Steps {
		if !slices.Contains(c.Methods, m) {
			return bad("compare.steps", "given for %q, which is not compared", m)
		}
		if n < leastSteps {
			return bad("compare.steps", "%d for %s; give %d or more", n, m, leastSteps)
		}
	}
	switch {
	case c.Seeds < 1 || c.Seeds > 1000:
		return bad("compare.seeds", "%d is not in 1..1000", c.Seeds)
	case c.Budget < 100*time.Millisecond:
		return bad("compare.budget", "%s is too short; give 100ms or more", c.Budget)
	case c.N < 100 || c.N > 20_000:
		return bad("compare.n", "%d is not in 100..20000", c.N)
	case c.Pairs < 1 || c.Pairs > 1000:
		return bad("compare.pairs", "%d is not in 1..1000", c.Pairs)
	case c.Threads < 0:
		return bad("compare.threads", "%d is negative; 0 means all cores", c.Threads)
	}
	return nil
}

// Progress is told of the work: Done of Total in the present stage.
type Progress struct {
	Stage       string
	Done, Total int
}

// Result is a finished comparison.
type Result struct {
	Report
	pictures []picture
}

// Run compares methods on data, a built-in set or a file. watch, which may be
// nil, is told of the progress, from one goroutine at a time.
func Run(ctx context.Context, data string, c Config, watch func(Progress)) (*Result, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if !recipe.IsBuiltIn(data) {
		if kind := run.KindOf(data); kind == recipe.Images || kind == recipe.Sound || kind == recipe.Molecules {
			return nil, fmt.Errorf("%w: %s holds %s, and methods are compared on points, by distances that mean nothing between %s; train each with laminar train --family and set laminar eval side by side", flow.ErrConfig, data, kind, kind)
		}
	}
	if watch == nil {
		watch = func(Progress) {}
	}
	w := &work{cfg: c, data: data, watch: watch}
	for _, name := range c.Methods {
		w.methods = append(w.methods, named(name))
	}
	for _, stage := range []func(context.Context) error{w.budget, w.train, w.judge, w.draw} {
		if err := stage(ctx); err != nil {
			return nil, err
		}
	}
	return w.result(), nil
}

// Report is what a comparison found; its JSON is that of `laminar compare --json`.
type Report struct {
	Data string `json:"data"`
	// Against says what samples were compared with, Units the unit of distances
	// where it is not the data's own.
	Against string `json:"against"`
	Units   string `json:"units,omitempty"`
	Seeds   int    `json:"seeds"`
	// Budget is the processor time meant for each training, in seconds; 0 where
	// all numbers of steps were given.
	Budget  float64   `json:"budget_core_seconds"`
	N       int       `json:"n"`
	Pairs   int       `json:"pairs"`
	Network string    `json:"network"`
	Methods []Outcome `json:"methods"`
	Claims  []Claim   `json:"claims"`
	// Floor is W2 between two draws of the data, with its interval over seeds.
	Floor   metric.Number   `json:"floor"`
	FloorCI metric.Interval `json:"floor_ci"`
	// Kernels is the kernel set, on which the last bits depend.
	Kernels string `json:"kernels"`
}

// Outcome holds a method's figures: means over the seeds, and 95 % intervals. A
// figure that the method has not got is null.
type Outcome struct {
	Name  string `json:"name"`
	About string `json:"about"`
	Seeds int    `json:"seeds"`
	// Steps is the number of training steps, TrainSeconds the processor time of
	// one training, teachers included.
	Steps        int           `json:"steps"`
	TrainSeconds metric.Number `json:"train_seconds"`
	// Loss is the mean over the last 100 steps. Only losses of one kind compare.
	Loss     metric.Number   `json:"loss"`
	LossCI   metric.Interval `json:"loss_ci"`
	LossKind string          `json:"loss_kind"`
	// Crossing is that of the pairs it was trained on.
	Crossing       metric.Number   `json:"crossing"`
	Straightness   metric.Number   `json:"straightness"`
	StraightnessCI metric.Interval `json:"straightness_ci"`
	PathEnergy     metric.Number   `json:"path_energy"`
	NPE            metric.Number   `json:"npe"`
	// W2 is by number of network evaluations per sample.
	W2   map[string]metric.Number   `json:"w2"`
	W2CI map[string]metric.Interval `json:"w2_ci"`
	// NFENeeded is the number of evaluations from which W2 stays within
	// Tolerance of the method's own at 100.
	NFENeeded metric.Number `json:"nfe_needed"`
	// StepsToTarget is the number of training steps to Target times the floor,
	// null unless every seed got there; Reached is the number of those that did.
	StepsToTarget metric.Number `json:"steps_to_target"`
	Reached       int           `json:"seeds_at_target"`
}

// Claim is a statement about methods, and what the figures say of it.
type Claim struct {
	Claim string `json:"claim"`
	// Rule says what decides it; it is part of the program and does not depend on the figures.
	Rule string `json:"rule"`
	// Holds is null when the figures do not decide.
	Holds    *bool    `json:"holds"`
	Evidence Evidence `json:"evidence"`
}
