package cli

import (
	"github.com/spf13/cobra"

	"laminar/solve"
)

// solverFlags are the flags that say how to follow the field.
type solverFlags struct {
	method     string
	nfe        int
	rtol, atol float64
}

func (f *solverFlags) add(cmd *cobra.Command) {
	d := solve.Defaults()
	fs := cmd.Flags()
	fs.StringVar(&f.method, "solver", d.Method, "method (default the model's own): "+list(solverNames()))
	fs.IntVar(&f.nfe, "nfe", d.NFE, "network evaluations per point (default the model's own); a guided step counts 2")
	f.addTolerances(cmd)
	complete(cmd, "solver", solverNames()...)
}

// addTolerances adds the flags that make steps adaptive.
func (f *solverFlags) addTolerances(cmd *cobra.Command) {
	d, fs := solve.Defaults(), cmd.Flags()
	fs.Float64Var(&f.rtol, "rtol", d.RTol, "relative tolerance; given, steps are adaptive")
	fs.Float64Var(&f.atol, "atol", d.ATol, "absolute tolerance; given, steps are adaptive")
}

func solverNames() []string {
	var names []string
	for _, m := range solve.Catalogue() {
		names = append(names, m.Name)
	}
	return names
}

// config returns the solver asked for. An evaluation of the field costs cost
// evaluations of the network: 2 under guidance, else 1. A number of evaluations
// that the user gave must be divided by what a step costs; the default is
// lowered until it is.
//
// What the user did not give is the model's own.
func (f *solverFlags) config(cmd *cobra.Command, own solve.Config, cost int) (solve.Config, error) {
	c := own
	given := cmd.Flags().Changed
	if given("solver") {
		c.Method = f.method
	}
	if given("nfe") {
		c.NFE = f.nfe
	}
	c.RTol, c.ATol = f.rtol, f.atol
	if given("rtol") || given("atol") {
		if given("nfe") {
			return c, usagef("--nfe fixes the steps, --rtol and --atol let them vary: give one or the other")
		}
		if !given("solver") {
			c.Method = "dopri5"
		}
		c.Adaptive, c.NFE = true, 0
		return c, c.Validate()
	}
	m, err := solve.Named(c.Method)
	if err != nil {
		return c, err
	}
	_, err = solve.Steps(m, c.NFE, cost)
	for err != nil && !given("nfe") && c.NFE > 1 {
		c.NFE--
		_, err = solve.Steps(m, c.NFE, cost)
	}
	if err != nil {
		return c, err
	}
	return c, c.Validate()
}
