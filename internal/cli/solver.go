package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"laminar/flow"
	"laminar/path"
	"laminar/solve"
)

// solverFlags are the flags that say how to follow the field.
type solverFlags struct {
	method     string
	nfe        int
	rtol, atol float64
	grid       string
	gridShift  float64
	diffusion  string
	scale      float64
	precise    bool // adaptive steps unless told otherwise
	// only, if not nil, says which methods are of use. It leaves no stochastic one.
	only func(*solve.Method) bool
}

const uniformGrid = "uniform"

func (f *solverFlags) add(cmd *cobra.Command) {
	d := solve.Defaults()
	method, nfe, own := d.Method, "network evaluations per point (default the model's own); a guided step counts 2", " (default the model's own)"
	if f.precise {
		own = ""
		method, d.NFE, nfe = "dopri5", 0, "network evaluations per point; 0 lets an adaptive method choose"
	}
	fs := cmd.Flags()
	fs.StringVar(&f.method, "solver", method, "method"+own+": "+list(solverNames(f.only)))
	fs.IntVar(&f.nfe, "nfe", d.NFE, nfe)
	complete(cmd, "solver", solverNames(f.only)...)
	f.addTolerances(cmd)
	f.addGrid(cmd)
}

// addTolerances adds the flags that make steps adaptive.
func (f *solverFlags) addTolerances(cmd *cobra.Command) {
	d, fs := solve.Defaults(), cmd.Flags()
	fs.Float64Var(&f.rtol, "rtol", d.RTol, "relative tolerance; given, steps are adaptive")
	fs.Float64Var(&f.atol, "atol", d.ATol, "absolute tolerance; given, steps are adaptive")
}

// addGrid adds the flags that say where the steps are and, where there are such
// methods, what noise an SDE adds.
func (f *solverFlags) addGrid(cmd *cobra.Command) {
	d, fs := solve.Defaults(), cmd.Flags()
	grids := entries(path.GridCatalogue())
	var diffusions []string
	for _, e := range solve.Diffusions() {
		diffusions = append(diffusions, e.Name)
	}
	fs.StringVar(&f.grid, "grid", uniformGrid, "where the steps are: "+list(grids))
	fs.Float64Var(&f.gridShift, "grid-shift", path.GridDefaults().Shift, "factor of the grid shift")
	complete(cmd, "grid", grids...)
	f.diffusion, f.scale = d.Diffusion, d.DiffusionScale
	if f.only != nil {
		return
	}
	fs.StringVar(&f.diffusion, "diffusion", d.Diffusion, "noise of em and sde-heun: "+list(diffusions))
	fs.Float64Var(&f.scale, "diffusion-scale", d.DiffusionScale, "factor of the diffusion")
	complete(cmd, "diffusion", diffusions...)
}

// solverNames lists the methods that only allows; nil allows all.
func solverNames(only func(*solve.Method) bool) []string {
	var names []string
	for _, m := range solve.Catalogue() {
		if only == nil || only(m) {
			names = append(names, m.Name)
		}
	}
	return names
}

// stepsOf is solve.Steps, but for numbers that are none of evaluations.
func stepsOf(m *solve.Method, nfe, cost int) (int, error) {
	if nfe < 1 {
		return 0, &flow.FieldError{Path: "nfe", Msg: fmt.Sprintf("%d evaluations lead nowhere: a step of %s takes %d", nfe, m.Name, m.StageCount()*cost)}
	}
	return solve.Steps(m, nfe, cost)
}

// config returns the solver asked for. An evaluation of the field costs cost
// evaluations of the network: 2 under guidance, else 1. A number of evaluations
// that the user gave must be divided by what a step costs; the default is
// lowered until it is.
//
// What the user did not give is the model's own, or, for precise flags, dopri5
// with adaptive steps.
func (f *solverFlags) config(cmd *cobra.Command, own solve.Config, cost int) (solve.Config, error) {
	c := own
	given := func(flag string) bool {
		if flag == "nfe" && f.precise && f.nfe == 0 {
			return false // 0 lets the method choose
		}
		return cmd.Flags().Changed(flag)
	}
	if given("solver") || f.precise {
		c.Method = f.method
	}
	if given("nfe") || f.precise {
		c.NFE = f.nfe
	}
	c.RTol, c.ATol, c.Diffusion, c.DiffusionScale = f.rtol, f.atol, f.diffusion, f.scale
	m, err := solve.Named(c.Method)
	if err != nil {
		return c, err
	}
	free := f.precise && !given("nfe") && !given("grid") && m.Adaptive()
	if given("rtol") || given("atol") || free {
		if given("nfe") || given("grid") {
			return c, usagef("--nfe and --grid fix the steps, --rtol and --atol let them vary: give one or the other")
		}
		if !given("solver") {
			c.Method = "dopri5"
		}
		c.Adaptive, c.NFE = true, 0
		return c, c.Validate()
	}
	if c.NFE == 0 && !given("nfe") {
		c.NFE = solve.Defaults().NFE
	}
	steps, err := stepsOf(m, c.NFE, cost)
	for err != nil && !given("nfe") && c.NFE > 1 {
		c.NFE--
		steps, err = solve.Steps(m, c.NFE, cost)
	}
	if err != nil {
		return c, err
	}
	if f.grid != uniformGrid && f.grid != "" {
		p := path.GridDefaults()
		p.Shift = f.gridShift
		if c.Grid, err = path.Grid(f.grid, steps, p); err != nil {
			return c, err
		}
		c.NFE = 0
	}
	return c, c.Validate()
}
