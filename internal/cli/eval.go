package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"laminar/metric"
	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
	"laminar/solve"
)

// evalCall is one call of the verb eval.
type evalCall struct {
	*app
	data     string
	solver   solverFlags
	nfe      []int
	n, pairs int
	guidance float64
	seed     uint64
}

func (a *app) evalCommand() *cobra.Command {
	e := &evalCall{app: a}
	cmd := &cobra.Command{
		Use: "eval MODEL", Short: "Judge a model against its data, and the data against itself",
		Long: `Judge samples of MODEL against data it has not seen. Every distance stands
beside its floor, that of two independent draws of the data, and has an
interval from several pairs of draws.`,
		Example: "  laminar eval runs/moons --nfe 1,2,4,8\n  laminar eval runs/moons --solver heun --nfe 2,4,8 --json\n  laminar eval runs/moons --rtol 1e-4 --atol 1e-4",
		Args:    takes(1, 1, "MODEL"),
		RunE:    e.run,
	}
	o, f := run.EvalDefaults(), cmd.Flags()
	var nfe []int
	for _, s := range o.Settings {
		nfe = append(nfe, s.NFE)
	}
	f.StringVar(&e.data, "data", "", "judge against this built-in set or `file` instead of the model's own data")
	f.StringVar(&e.solver.method, "solver", "euler", "method (default the model's own): "+list(solverNames(nil)))
	f.IntSliceVar(&e.nfe, "nfe", nfe, fmt.Sprintf("network evaluations per point; a guided step counts 2 (default %s, or what suits the kind of data)", strings.Trim(strings.ReplaceAll(fmt.Sprint(nfe), " ", ","), "[]")))
	e.solver.addTolerances(cmd)
	e.solver.addGrid(cmd)
	f.IntVarP(&e.n, "n", "n", o.N, fmt.Sprintf("points on each side of an exact distance, or samples (default %d points, 1000 images, sounds or molecules)", o.N))
	f.IntVar(&e.pairs, "pairs", o.Pairs, "pairs of draws that W2 is averaged over")
	f.Float64Var(&e.guidance, "guidance", 1, "scale of guidance towards the conditions that the data have, or where a model has a weaker copy of itself, as molecules do, away from that; 1 is none (default 2 with a weaker copy, else 1; images are judged with both 1 and 1.5)")
	f.Uint64Var(&e.seed, "seed", 0, "seed of all that is random")
	complete(cmd, "solver", solverNames(nil)...)
	_ = cmd.RegisterFlagCompletionFunc("data", completeDataFlag)
	return cmd
}

func completeDataFlag(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return dataNames(), cobra.ShellCompDirectiveDefault
}

func (e *evalCall) run(cmd *cobra.Command, args []string) error {
	s, err := e.load(args[0])
	if err != nil {
		return err
	}
	o, err := e.options(cmd, s)
	if err != nil {
		return err
	}
	bar := newProgress(e.stderr)
	plan, err := s.Plan(cmd.Context(), e.data, bar.reading)
	bar.end()
	if err != nil {
		return err
	}
	bar.judging(&o)
	rep, err := run.Judge(cmd.Context(), s, plan, o)
	bar.end()
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(rep)
	}
	return rep.WriteText(e.stdout)
}

func (e *evalCall) options(cmd *cobra.Command, s *run.Saved) (run.EvalOptions, error) {
	o := s.EvalDefaults()
	o.Threads = e.threads
	if cmd.Flags().Changed("guidance") {
		if s.Kind() == recipe.Table {
			return o, usagef("--guidance is not for models of tables")
		}
		o.Guidance = e.guidance
	}
	e.guidance = o.Guidance
	if cmd.Flags().Changed("n") {
		o.N = e.n
	}
	if cmd.Flags().Changed("pairs") {
		o.Pairs = e.pairs
	}
	o.Diffusion, o.DiffusionScale, o.GridShift = e.solver.diffusion, e.solver.scale, e.solver.gridShift
	grid := e.solver.grid
	if grid == uniformGrid {
		grid = ""
	}
	if cmd.Flags().Changed("seed") {
		o.Key = rng.New(e.seed)
	}
	if cmd.Flags().Changed("rtol") || cmd.Flags().Changed("atol") {
		c, err := e.solver.config(cmd, s.Solve(), cost(e.guidance))
		if err != nil {
			return o, err
		}
		o.Settings = []metric.Setting{{Solver: c.Method, RTol: c.RTol, ATol: c.ATol}}
		return o, o.Validate()
	}
	given := cmd.Flags().Changed
	if !given("solver") && !given("nfe") && cost(e.guidance) == 1 {
		return o, o.Validate()
	}
	if s.Recipe.Once() {
		return o, usagef("the model takes 1 evaluation by its own step and nothing else: leave --solver, --nfe and --guidance out")
	}
	if !given("solver") {
		e.solver.method = s.Recipe.Method()
	}
	m, err := solve.Named(e.solver.method)
	if err != nil {
		return o, err
	}
	all := e.nfe
	if !given("nfe") {
		all = nil
		for _, set := range o.Settings {
			all = append(all, set.NFE)
		}
	}
	if given("nfe") && !given("guidance") {
		// What was not asked for does not stand in the way of what was.
		if guided := spendable(m, all, cost(e.guidance)); guided != nil && spendable(m, all, 1) == nil {
			e.guidance, o.Guidance = 1, 1
			e.noteUnguided("judged", guided)
		}
	}
	o.Settings = nil
	for _, nfe := range all {
		if _, err := stepsOf(m, nfe, cost(e.guidance)); err != nil {
			if cmd.Flags().Changed("nfe") {
				return o, err
			}
			continue // a default that this method cannot spend
		}
		o.Settings = append(o.Settings, metric.Setting{Solver: e.solver.method, NFE: nfe, Grid: grid})
	}
	return o, o.Validate()
}

// spendable is what keeps a method from spending one of several numbers of evaluations.
func spendable(m *solve.Method, nfe []int, cost int) error {
	for _, n := range nfe {
		if _, err := stepsOf(m, n, cost); err != nil {
			return err
		}
	}
	return nil
}

// cost is the number of network evaluations of one evaluation of the field.
func cost(guidance float64) int {
	if guidance == 0 || guidance == 1 {
		return 1
	}
	return 2
}
