package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"laminar/run"
)

// advisedReading is what `laminar advise --json` prints of images and sounds.
type advisedReading struct {
	run.ReadingAdvice
	Command string  `json:"command"`
	File    *string `json:"file"`
}

// runReading advises on a model of images or sounds.
func (v *adviseCall) runReading(cmd *cobra.Command, s *run.Saved, model, format string) error {
	given := cmd.Flags().Changed
	if given("pairs") {
		return usagef("--pairs is for points: %s are measured once with -n samples, and again with fresh noise", s.Plural())
	}
	o := s.AdviseReadingDefaults()
	o.Key, o.Threads = v.o.Key, v.threads
	if given("tolerance") {
		o.Tolerance = v.o.Tolerance
	}
	if given("nfe") {
		o.NFE = v.o.NFE
	}
	if given("solvers") {
		o.Solvers = v.o.Solvers
	}
	if given("grids") {
		o.Grids = v.o.Grids
	}
	if given("guidance") {
		o.Guidance = v.o.Guidance
	}
	if given("n") {
		o.N, o.Screen = v.o.N, max(v.o.N/4, 5)
	}
	reading := newProgress(v.stderr)
	plan, err := s.Plan(cmd.Context(), v.data, reading.reading)
	reading.end()
	if err != nil {
		return err
	}
	v.note("training the classifier that reads %s ...", s.Plural())
	var bar *progress
	o.Watch = func(done, total int) {
		if bar == nil {
			v.note("about %s network evaluations in all", thousands(total))
			bar = newProgress(v.stderr)
		}
		bar.count(done, total, "evaluations")
	}
	a, err := run.AdviseReading(cmd.Context(), s, plan, o)
	if bar != nil {
		bar.end()
	}
	if err != nil {
		return err
	}
	out := advisedReading{ReadingAdvice: a, Command: fmt.Sprintf("laminar sample %s --solver %s", model, a.Chosen.Solver)}
	if a.Chosen.Grid != "" {
		out.Command += " --grid " + a.Chosen.Grid
	}
	out.Command += fmt.Sprintf(" --nfe %d", a.Chosen.NFE)
	if a.Guidance != s.Guidance() {
		out.Command += fmt.Sprintf(" --guidance %g", a.Guidance)
	}
	out.Command += " -o samples." + s.Formats()[0]
	if out.File, err = v.picture(a, s, format); err != nil {
		return err
	}
	if v.json {
		return v.printJSON(out)
	}
	return v.tellReading(s, out)
}

// tellReading writes the advice for people.
func (v *adviseCall) tellReading(s *run.Saved, a advisedReading) error {
	var b strings.Builder
	name := func(t run.ReadingTrial) string {
		if t.Grid == "" {
			return t.Solver + ", " + uniformGrid
		}
		return t.Solver + ", " + t.Grid
	}
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "NFE\tsolver, grid\tFD\t×best\t95 % interval\tread right %\t")
	for _, r := range a.Curve {
		right := "-"
		if c := float64(r.Classifier); c == c {
			right = fmt.Sprintf("%.1f", 100*c)
		}
		fmt.Fprintf(t, "%d\t%s\t%.1f\t%.2f\t%.2f .. %.2f\t%s\t\n", r.NFE, name(r), r.FD, r.Ratio, r.RatioCI[0], r.RatioCI[1], right)
	}
	t.Flush()
	fmt.Fprintf(&b, "\n%d settings tried with guidance %g, the best at each cost with %d samples; training %s are at %.1f\n", a.Tried, a.Guidance, a.N, s.Plural(), a.Floor.FD)
	for _, r := range a.Rejected {
		fmt.Fprintf(&b, "%s, %d: %.2f times the best on fresh noise (%.2f .. %.2f), given up\n", name(r), r.NFE, r.Ratio, r.RatioCI[0], r.RatioCI[1])
	}
	c, best := a.Chosen, a.Best
	if c.Solver == best.Solver && c.Grid == best.Grid && c.NFE == best.NFE {
		fmt.Fprintf(&b, "on fresh noise: FD %.1f; nothing cheaper is within %g times that\n", c.FD, a.Tolerance)
	} else {
		fmt.Fprintf(&b, "on fresh noise: FD %.1f, %.2f times the best (%.2f .. %.2f), which %s, %d has\n", c.FD, c.Ratio, c.RatioCI[0], c.RatioCI[1], name(best), best.NFE)
		if !a.Within {
			fmt.Fprintln(&b, "the interval reaches beyond the tolerance: a larger -n would tell")
		}
	}
	fmt.Fprintf(&b, "\n  %s\n", a.Command)
	_, err := io.WriteString(v.stdout, b.String())
	return err
}
