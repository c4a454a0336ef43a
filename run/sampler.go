package run

import (
	"fmt"

	"laminar/flow"
	"laminar/metric"
	"laminar/recipe"
	"laminar/solve"
)

// Solve is how the model is sampled unless told otherwise: by the method and
// the number of evaluations that its training was for, else 100 Euler steps. Molecules
// without a weak copy to guide by take one evaluation to a step, half as many.
func (s *Saved) Solve() solve.Config {
	c := solve.Defaults()
	c.Method = s.Recipe.Method()
	if nfe := s.Recipe.NFE(s.Model.Choices); nfe > 0 {
		if s.Kind() == recipe.Molecules && s.Recipe.Objective == "velocity" && s.Model.Weak == nil && !s.Recipe.Once() {
			nfe /= 2
		}
		c.NFE = nfe
	}
	return c
}

// Guidance is the scale of guidance that samples are drawn with unless told
// otherwise: of a model with weak parameters away from those, of a class of images
// towards it, else 1, none. Guidance would make sounds clearer, but less like those
// of the data.
func (s *Saved) Guidance() float64 {
	if s.Model.Weak != nil {
		return weakGuidance
	}
	if s.Kind() == recipe.Images && s.guidable() {
		return classGuidance
	}
	return 1
}

// classGuidance was chosen by the figures of ADR 20, weakGuidance by those of
// ADR 21.
const (
	classGuidance = 1.5
	weakGuidance  = 2
)

// guidable tells that a model has learnt rows both with and without their classes.
func (s *Saved) guidable() bool {
	guided := s.Recipe.Distill != nil && s.Recipe.Distill.Guidance > 1 // has it within
	return !s.Recipe.Once() && !guided && s.Model.Cond.Classes > 1 && s.Recipe.Drop > 0 && s.Recipe.Objective == "velocity"
}

// Turns are the classes of n samples where none is asked for: of images and
// sounds each in turn, since what a model makes without a class it has learnt
// from a tenth of its steps; nil for others.
func (s *Saved) Turns(n int) []int32 {
	k := s.Model.Cond.Classes
	if _, seen := s.Form.(galleried); !seen || k < 2 {
		return nil
	}
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i % k)
	}
	return out
}

// Few is the number of samples to draw unless told otherwise, where it is less
// than n, that of points.
func (s *Saved) Few(n int) int {
	switch s.Kind() {
	case recipe.Images:
		return min(n, 64)
	case recipe.Sound:
		return min(n, 10)
	case recipe.Molecules:
		return min(n, 100)
	}
	return n
}

// EvalDefaults is the package's EvalDefaults by the model's own method; a model
// that takes one number of evaluations only is judged at that.
func (s *Saved) EvalDefaults() EvalOptions {
	o := EvalDefaults()
	if m, ok := media[s.Kind()].(interface{ tune(*EvalOptions) }); ok {
		m.tune(&o) // where the defaults of points do not suit the kind
	}
	if s.Model.Weak != nil {
		o.Guidance = s.Guidance()
	}
	c := s.Solve()
	if s.Kind() == recipe.Table {
		o.Settings = []metric.Setting{{Solver: c.Method, NFE: c.NFE}}
		return o
	}
	var kept []metric.Setting
	for _, set := range o.Settings {
		set.Solver = s.Recipe.Method()
		if !s.Recipe.Once() || set.NFE == c.NFE {
			kept = append(kept, set)
		}
	}
	o.Settings = kept
	return o
}

// suits reports whether the model can be sampled as set says.
func (s *Saved) suits(set metric.Setting) bool {
	return !s.Recipe.Once() || set.NFE == 1 && !set.Adaptive()
}

// watchable returns an error for a model whose map has no way between noise and
// data.
func (s *Saved) watchable() error {
	if !s.Recipe.Once() {
		return nil
	}
	what := "a GAN's generator"
	if s.Recipe.Family != "gan" {
		what = "a network distilled into one step"
	}
	return fmt.Errorf("%w: %s maps noise to data at once: there are no paths and no velocities on the way to watch; laminar plot MODEL samples shows where it leads", flow.ErrConfig, what)
}
