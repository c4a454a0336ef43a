package solve

import (
	"errors"
	"fmt"
	"math"

	"laminar/flow"
)

// Config says how to solve. Start from Defaults, change what you need. Exactly
// one of NFE, Steps and Grid is set for fixed steps; with Adaptive, NFE and
// Steps are 0 and Grid is optional.
type Config struct {
	// Method names a method of the catalogue.
	Method string `json:"method"`
	// NFE is the number of network evaluations per row, to be divided into equal
	// steps; see Steps.
	NFE int `json:"nfe,omitempty"`
	// Steps is the number of equal steps.
	Steps int `json:"steps,omitempty"`
	// Grid holds the times between the ends of the interval as fractions, from 0
	// (its start) to 1 (its end), strictly increasing; so one grid serves both
	// directions. Fixed steps go from each to the next; adaptive steps land on
	// each, which is where a Trajectory stops.
	Grid []float64 `json:"grid,omitempty"`
	// Adaptive lets each row choose its steps so that the estimated error of a
	// step stays below ATol + RTol |x|, root mean square over the coordinates.
	Adaptive bool `json:"adaptive,omitempty"`
	// RTol and ATol are the tolerances of Adaptive.
	RTol float64 `json:"rtol"`
	ATol float64 `json:"atol"`
	// MaxSteps bounds the attempted adaptive steps of each row.
	MaxSteps int `json:"max_steps"`
	// Diffusion names an entry of Diffusions, for em and sde-heun, and
	// DiffusionScale is its factor c.
	Diffusion      string  `json:"diffusion,omitempty"`
	DiffusionScale float64 `json:"diffusion_scale,omitempty"`
}

// Defaults returns 100 Euler steps; the tolerances are those used once Adaptive
// is set, the diffusion that of em and sde-heun once Method is one of them.
func Defaults() Config {
	return Config{Method: "euler", NFE: 100, RTol: 1e-5, ATol: 1e-5, MaxSteps: 10000, Diffusion: "sigma", DiffusionScale: 1}
}

// Uniform returns the grid of n equal steps as fractions: n+1 numbers from 0
// to 1.
func Uniform(n int) []float64 {
	g := make([]float64, n+1)
	for i := range g {
		g[i] = float64(i) / float64(n)
	}
	return g
}

// Validate reports every fault of c, each a *flow.FieldError, joined. Whether
// NFE suits a field that costs more than one evaluation is known to Solve only.
func (c Config) Validate() error {
	var errs []error
	bad := func(path, format string, a ...any) {
		errs = append(errs, &flow.FieldError{Path: path, Msg: fmt.Sprintf(format, a...)})
	}
	m, err := Named(c.Method)
	if err != nil {
		errs = append(errs, err)
	}
	if c.NFE < 0 {
		bad("nfe", "%d is negative", c.NFE)
	}
	if c.Steps < 0 {
		bad("steps", "%d is negative", c.Steps)
	}
	set := 0
	for _, on := range []bool{c.NFE != 0, c.Steps != 0, len(c.Grid) > 0} {
		if on {
			set++
		}
	}
	switch {
	case c.Adaptive && (c.NFE != 0 || c.Steps != 0):
		bad("adaptive", "an adaptive solver chooses its own steps: leave nfe and steps at 0")
	case !c.Adaptive && set != 1:
		bad("nfe", "set exactly one of nfe, steps and grid, or adaptive (%d are set)", set)
	}
	if m != nil && c.NFE > 0 && !c.Adaptive {
		if _, err := Steps(m, c.NFE, 1); err != nil {
			errs = append(errs, err)
		}
	}
	if n := len(c.Grid); n > 0 {
		if n < 2 || c.Grid[0] != 0 || c.Grid[n-1] != 1 {
			bad("grid", "must run from 0 to 1")
		}
		for i := 1; i < n; i++ {
			if !(c.Grid[i] > c.Grid[i-1]) {
				bad("grid", "entry %d (%v) does not exceed the one before it (%v)", i, c.Grid[i], c.Grid[i-1])
				break
			}
		}
	}
	if m != nil && (m.diffuses || c.Diffusion != "") {
		if _, err := diffusionNamed(c.Diffusion); err != nil {
			errs = append(errs, err)
		}
	}
	if m != nil && m.diffuses {
		if !(c.DiffusionScale > 0) || math.IsInf(c.DiffusionScale, 0) {
			bad("diffusion_scale", "%v is not a positive number; without noise, use euler or heun", c.DiffusionScale)
		}
	}
	if c.Adaptive {
		if m != nil && !m.Adaptive() {
			bad("method", "%s cannot control its step; choose one of %s", m.Name, names((*Method).Adaptive))
		}
		if !(c.RTol >= 0) || math.IsInf(c.RTol, 0) {
			bad("rtol", "%v is not a tolerance", c.RTol)
		}
		if !(c.ATol >= 0) || math.IsInf(c.ATol, 0) {
			bad("atol", "%v is not a tolerance", c.ATol)
		}
		if c.RTol == 0 && c.ATol == 0 {
			bad("rtol", "rtol and atol are both 0: no step would ever be accepted")
		}
		if c.MaxSteps < 1 {
			bad("max_steps", "%d must be at least 1", c.MaxSteps)
		}
	}
	return errors.Join(errs...)
}
