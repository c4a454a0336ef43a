package run

import (
	"fmt"

	"laminar/flow"
	"laminar/metric"
	"laminar/recipe"
	"laminar/solve"
)

// Solve is how the model is sampled unless told otherwise: by the method and
// the number of evaluations that its training was for, else 100 Euler steps.
func (s *Saved) Solve() solve.Config {
	c := solve.Defaults()
	c.Method = s.Recipe.Method()
	if nfe, _ := s.Recipe.NFE(); nfe > 0 {
		c.NFE = nfe
	}
	return c
}

// EvalDefaults is the package's EvalDefaults by the model's own method; a model
// that takes one number of evaluations only is judged at that.
func (s *Saved) EvalDefaults() EvalOptions {
	o := EvalDefaults()
	if m, ok := media[s.Kind()].(interface{ tune(*EvalOptions) }); ok {
		m.tune(&o) // where the defaults of points do not suit the kind
	}
	nfe, only := s.Recipe.NFE()
	if s.Kind() == recipe.Table {
		c := s.Solve()
		o.Settings = []metric.Setting{{Solver: c.Method, NFE: c.NFE}}
		return o
	}
	var kept []metric.Setting
	for _, set := range o.Settings {
		set.Solver = s.Recipe.Method()
		if !only || set.NFE == nfe {
			kept = append(kept, set)
		}
	}
	o.Settings = kept
	return o
}

// suits reports whether the model can be sampled as set says.
func (s *Saved) suits(set metric.Setting) bool {
	nfe, only := s.Recipe.NFE()
	return !only || set.NFE == nfe && !set.Adaptive()
}

// watchable returns an error for a model whose map has no way between noise and
// data.
func (s *Saved) watchable() error {
	if _, only := s.Recipe.NFE(); !only {
		return nil
	}
	what := "a GAN's generator"
	if s.Recipe.Family != "gan" {
		what = "a network distilled into one step"
	}
	return fmt.Errorf("%w: %s maps noise to data at once: there are no paths and no velocities on the way to watch; laminar plot MODEL samples shows where it leads", flow.ErrConfig, what)
}
