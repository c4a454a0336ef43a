package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"laminar/plot"
	"laminar/rng"
	"laminar/run"
)

// advised is what `laminar advise --json` prints.
type advised struct {
	run.Advice
	Command string  `json:"command"`
	File    *string `json:"file"`
}

// adviseCall is one call of the verb advise.
type adviseCall struct {
	*app
	o    run.AdviseOptions
	data string
	out  string
	seed uint64
}

func (a *app) adviseCommand() *cobra.Command {
	v := &adviseCall{app: a, o: run.AdviseDefaults()}
	cmd := &cobra.Command{
		Use: "advise MODEL", Short: "Find the cheapest way to sample a model well",
		Long: `Try solvers, grids and numbers of evaluations, and name the cheapest whose W2 to
the data is within --tolerance of the best. All settings start from the same
noise and are measured against the same data; the advice is measured once more
on fresh draws, with a 95 % interval, and given only if it holds there too. -o
draws the best W2 against the number of evaluations.

Models of images and sounds are measured by the Frechet distance in the features
of the classifier that eval trains, with fewer settings, -n samples each and
a tolerance of 1.2; it says beforehand how many evaluations that takes.`,
		Example: `  laminar advise runs/moons
  laminar advise runs/moons --tolerance 1.05 -o curve.png
  laminar advise runs/moons --nfe 1,2,4,8,16 --json`,
		Args: takes(1, 1, "MODEL"),
		RunE: v.run,
	}
	f := cmd.Flags()
	f.Float64Var(&v.o.Tolerance, "tolerance", v.o.Tolerance, "how many times the best W2 is good enough")
	f.IntSliceVar(&v.o.NFE, "nfe", v.o.NFE, "numbers of evaluations to try")
	f.StringSliceVar(&v.o.Solvers, "solvers", v.o.Solvers, "methods to try")
	f.StringSliceVar(&v.o.Grids, "grids", v.o.Grids, "grids to try")
	f.IntVarP(&v.o.N, "n", "n", v.o.N, "points on each side of an exact distance")
	f.Float64Var(&v.o.Guidance, "guidance", v.o.Guidance, "scale of classifier-free guidance of images and sounds (default that of sample)")
	f.IntVar(&v.o.Pairs, "pairs", v.o.Pairs, "pairs of draws that W2 is averaged over")
	f.StringVar(&v.data, "data", "", "judge against this built-in set or `file` instead of the model's own data")
	f.StringVarP(&v.out, "output", "o", "", "`file` to draw the curve in: .png or .svg")
	f.Uint64Var(&v.seed, "seed", 0, "seed of all that is random")
	complete(cmd, "solvers", solverNames(nil)...)
	_ = cmd.RegisterFlagCompletionFunc("data", completeDataFlag)
	return cmd
}

func (v *adviseCall) run(cmd *cobra.Command, args []string) error {
	format := ""
	if v.out != "" {
		var err error
		if format, err = v.artFormat(v.out, "png", "svg"); err != nil {
			return err
		}
	}
	if cmd.Flags().Changed("seed") {
		v.o.Key = rng.New(v.seed)
	}
	v.o.Threads = v.threads
	if err := v.o.Validate(); err != nil {
		return err
	}
	s, err := v.loadUntabled(args[0])
	if err != nil {
		return err
	}
	if s.Form != nil {
		return v.runReading(cmd, s, args[0], format)
	}
	if cmd.Flags().Changed("guidance") {
		return usagef("--guidance is for models of images and sounds")
	}
	bar := newProgress(v.stderr)
	plan, err := s.Plan(cmd.Context(), v.data, bar.reading)
	bar.end()
	if err != nil {
		return err
	}
	v.o.Watch = func(done, total int) { bar.count(done, total, "settings") }
	a, err := run.Advise(cmd.Context(), s, plan, v.o)
	bar.end()
	if err != nil {
		return err
	}
	out := advised{Advice: a, Command: fmt.Sprintf("laminar sample %s --solver %s", args[0], a.Chosen.Solver)}
	if a.Chosen.Grid != uniformGrid {
		out.Command += " --grid " + a.Chosen.Grid
	}
	out.Command += fmt.Sprintf(" --nfe %d", a.Chosen.NFE)
	if out.File, err = v.picture(a, s, format); err != nil {
		return err
	}
	if v.json {
		return v.printJSON(out)
	}
	return v.tell(out)
}

// picture writes the figure of some advice where -o says, and returns that place, nil
// without one.
func (v *adviseCall) picture(a interface {
	Figure(title string, dark bool) (plot.Figure, error)
}, s *run.Saved, format string,
) (*string, error) {
	if v.out == "" {
		return nil, nil
	}
	fig, err := a.Figure(s.Recipe.Data.Name, false)
	if err != nil {
		return nil, err
	}
	return &v.out, v.write(v.out, func(w io.Writer) error { return fig.Write(w, format) })
}

// tell writes the advice for people: the best setting at every cost, and the
// choice.
func (v *adviseCall) tell(a advised) error {
	t := tabwriter.NewWriter(v.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "NFE\tsolver\tgrid\tW2\t×best\t95 % interval\t")
	for _, r := range a.BestAt() {
		fmt.Fprintf(t, "%d\t%s\t%s\t%.4f\t%.3f\t%.3f .. %.3f\t\n", r.NFE, r.Solver, r.Grid, r.W2, r.Ratio, r.RatioCI[0], r.RatioCI[1])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(v.stdout, "\n%d settings tried; W2 of %d points, %d pairs; data against data %.4f\n", a.Tried, a.N, a.Pairs, a.Floor)
	for _, r := range a.Rejected {
		fmt.Fprintf(v.stdout, "%s, %s, %d: %.3f times the best on fresh draws (%.3f .. %.3f), given up\n", r.Solver, r.Grid, r.NFE, r.Ratio, r.RatioCI[0], r.RatioCI[1])
	}
	c, b := a.Chosen, a.Best
	if c.Solver == b.Solver && c.Grid == b.Grid && c.NFE == b.NFE {
		fmt.Fprintf(v.stdout, "on fresh draws: W2 %.4f; nothing cheaper is within %g of it\n", c.W2, a.Tolerance)
	} else {
		fmt.Fprintf(v.stdout, "on fresh draws: W2 %.4f, %.3f times the best (%.3f .. %.3f), which %s, %s, %d has\n",
			c.W2, c.Ratio, c.RatioCI[0], c.RatioCI[1], b.Solver, b.Grid, b.NFE)
		if !a.Within {
			fmt.Fprintln(v.stdout, "the interval reaches beyond the tolerance: more --pairs would tell")
		}
	}
	_, err := fmt.Fprintf(v.stdout, "\n  %s\n", a.Command)
	return err
}
