package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"laminar/plot"
	"laminar/run"
)

// couplingCall is one call of the verb coupling.
type couplingCall struct {
	*app
	recipeFlags
	only []string
	n    int
	out  string
	dark bool
}

// coupled is what `laminar coupling --json` prints.
type coupled struct {
	*run.CouplingReport
	Files []string `json:"files"`
}

func (a *app) couplingCommand() *cobra.Command {
	c := &couplingCall{app: a}
	cmd := &cobra.Command{
		Use: "coupling DATA", Short: "Compare the couplings of noise and data",
		Long: `Measure what each coupling makes of DATA: the mean squared distance of its
pairs beside that of exact transport of many points, how much its lines cross
(0 is none), and how long a batch of pairs takes beside a training step.

The flags are those of train: --batch, --source, --label and --ot-... matter.
With -o, pairs of data of 2 columns or 1 are drawn as lines, one picture for
each coupling.`,
		Example: `  laminar coupling moons
  laminar coupling moons --only independent,ot,semidiscrete -o pairs.png
  laminar coupling iris.csv --label species --json`,
		Args:              takes(1, 1, "DATA"),
		ValidArgsFunction: completeData,
		RunE:              c.run,
	}
	f := cmd.Flags()
	f.StringSliceVar(&c.only, "only", nil, "couplings to measure (default all that fit the data)")
	f.IntVarP(&c.n, "n", "n", run.CouplingDefaults().Optimum, "points on each side of the transport that stands for the optimum")
	f.StringVarP(&c.out, "output", "o", "", "picture `file`, .png or .svg; names get the coupling's")
	f.BoolVar(&c.dark, "dark", false, "light on dark")
	if err := c.add(cmd); err != nil {
		panic(err) // a setting of a type without flags: a fault in this package
	}
	complete(cmd, "only", couplingNames()[1:]...)
	return cmd
}

func (c *couplingCall) run(cmd *cobra.Command, args []string) error {
	r, err := c.recipe(cmd, nil, c.kind(cmd, args[0]), run.ReadRecipe)
	if err != nil {
		return err
	}
	r.Data.Name = args[0]
	format := strings.TrimPrefix(strings.ToLower(filepath.Ext(c.out)), ".")
	if c.out != "" && format != "png" && format != "svg" {
		return usagef("-o %s: pictures are .png or .svg", c.out)
	}
	if err := ready(c.out); err != nil {
		return err
	}
	if cmd.Flags().Changed("coupling") {
		if len(c.only) > 0 {
			return usagef("--coupling and --only both name couplings: give one")
		}
		c.only = []string{r.Coupling.Name}
	}
	for _, name := range c.only {
		if !slices.Contains(couplingNames(), name) {
			return usagef("--only: unknown coupling %q; choose one of %s", name, strings.Join(couplingNames()[1:], ", "))
		}
	}
	o := run.CouplingDefaults()
	o.Names, o.Optimum, o.Kernels = c.only, c.n, c.kernels
	o.Watch = func(name string) { c.note("measuring %s ...", name) }
	rep, plan, err := run.Couplings(cmd.Context(), r, o)
	if err != nil {
		return err
	}
	files := []string{}
	if c.out != "" {
		for _, f := range rep.Couplings {
			fig, err := f.Figure(plan, c.dark)
			if err != nil {
				return err
			}
			path := strings.TrimSuffix(c.out, filepath.Ext(c.out)) + "-" + f.Name + filepath.Ext(c.out)
			if err := writeFigure(path, format, fig); err != nil {
				return err
			}
			files = append(files, path)
		}
	}
	if c.json {
		return c.printJSON(coupled{rep, files})
	}
	return c.tell(rep, files)
}

func writeFigure(path, format string, fig plot.Figure) error {
	return run.WriteFile(path, func(w io.Writer) error { return fig.Write(w, format) })
}

func (c *couplingCall) tell(rep *run.CouplingReport, files []string) error {
	t := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "coupling\tcost\tbias\tcrossing\tms a batch\tof a step\t")
	for _, f := range rep.Couplings {
		fmt.Fprintf(t, "%s\t%.4f\t%+.4f\t%s\t%.2f\t%.0f %%\t\n", f.Name, f.Cost, f.Bias, digitsOf(float64(f.Crossing)), f.FillMillis, 100*f.Share)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, `
Batches of %d. Cost is the mean squared distance of a pair in the network's
space, bias what it is above that of exact transport of %d points, %.4f. A
training step with independent pairs takes %.2f ms.
`, rep.Batch, rep.OptimumN, rep.Optimum, rep.StepMillis)
	for _, f := range rep.Couplings {
		if f.ChiSquare != nil {
			fmt.Fprintf(c.stdout, "%s: %.1f s of learning, chi-square of the shares %.4f\n", f.Name, f.PrepareSeconds, *f.ChiSquare)
		}
	}
	for _, n := range rep.Notes {
		fmt.Fprintf(c.stdout, "%s\n", n)
	}
	if len(files) > 0 {
		fmt.Fprintf(c.stdout, "%s\n", wrapped(files, 76, ""))
	}
	return nil
}

// digitsOf writes a figure that may be missing.
func digitsOf(v float64) string {
	if v != v {
		return "-"
	}
	return fmt.Sprintf("%.4f", v)
}
