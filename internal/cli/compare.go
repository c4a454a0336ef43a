package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"laminar/compare"
	"laminar/recipe"
	"laminar/run"
)

// compareCall is one call of the verb compare.
type compareCall struct {
	*app
	compare.Config
	steps []string
	dir   string
}

func (a *app) compareCommand() *cobra.Command {
	c := &compareCall{app: a, Config: compare.Defaults()}
	var names, about []string
	for _, e := range compare.Catalogue() {
		names = append(names, e.Name)
		about = append(about, fmt.Sprintf("  %-14s %s", e.Name, e.About))
	}
	cmd := &cobra.Command{
		Use: "compare DATA", Short: "Put kinds of generative model to the same test, claim by claim",
		Long: `Train kinds of generative model on DATA with one network and one budget of
processor time, several times each, judge them by the same figures, and decide
what is claimed of them: each claim with the rule that decides it, fixed before
the figures, and the figures that do. Writes report.html and compare.json.

Methods:
` + strings.Join(about, "\n"),
		Example:           "  laminar compare moons\n  laminar compare points.csv --seeds 5 --budget 20s -o compared\n  laminar compare moons --methods independent,ot --steps independent=4000,ot=900",
		Args:              takes(1, 1, "DATA"),
		ValidArgsFunction: completeData,
		RunE:              c.run,
	}
	f := cmd.Flags()
	f.IntVar(&c.Seeds, "seeds", c.Seeds, "trainings of each method")
	f.DurationVar(&c.Budget, "budget", c.Budget, "processor time of one training")
	f.StringSliceVar(&c.Methods, "methods", c.Methods, "methods to compare")
	f.Lookup("methods").DefValue = "all"
	f.StringSliceVar(&c.steps, "steps", nil, "training steps as METHOD=STEPS, in place of the budget")
	f.IntVarP(&c.N, "n", "n", c.N, "points on each side of a distance")
	f.IntVar(&c.Pairs, "pairs", c.Pairs, "pairs of draws for each seed")
	f.Uint64Var(&c.Seed, "seed", 0, "first seed")
	f.StringVarP(&c.dir, "output", "o", "", "`folder` of the report (default runs/compare-DATA)")
	complete(cmd, "methods", names...)
	complete(cmd, "budget", "5s", "10s", "30s")
	return cmd
}

func (c *compareCall) run(cmd *cobra.Command, args []string) error {
	if k := run.KindOf(args[0]); k != recipe.Points && k != recipe.Table {
		return usagef("%s holds %s, and methods are compared on points", args[0], k)
	}
	c.Threads, c.Steps = c.threads, map[string]int{}
	for _, s := range c.steps {
		name, count, _ := strings.Cut(s, "=")
		n, err := strconv.Atoi(count)
		if err != nil {
			return usagef("--steps: %q is not METHOD=STEPS, as in ot=4000", s)
		}
		c.Steps[name] = n
	}
	if c.dir == "" {
		c.dir = filepath.Join("runs", "compare-"+strings.TrimSuffix(filepath.Base(args[0]), filepath.Ext(args[0])))
	}
	page, figures := filepath.Join(c.dir, "report.html"), filepath.Join(c.dir, "compare.json")
	if err := run.Writable(page, true); err != nil {
		return err
	}
	shown := newStages(c.stderr)
	start := time.Now()
	res, err := compare.Run(cmd.Context(), args[0], c.Config, shown.show)
	shown.end()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	if err := run.WriteFile(page, res.WriteHTML); err != nil {
		return err
	}
	if err := run.WriteFile(figures, res.WriteJSON); err != nil {
		return err
	}
	if c.json {
		return res.WriteJSON(c.stdout)
	}
	if err := res.WriteText(c.stdout); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stdout, "\n%s  the report, %s the figures (%.0f s)\n", page, figures, time.Since(start).Seconds())
	return err
}

// stages shows work that has several stages.
type stages struct {
	*progress
	last  compare.Progress
	shown time.Time
}

func newStages(w io.Writer) *stages { return &stages{progress: newProgress(w)} }

func (s *stages) show(p compare.Progress) {
	now := time.Now()
	if p.Stage == s.last.Stage && now.Sub(s.shown) < s.every && p.Done < p.Total {
		return
	}
	s.last, s.shown = p, now
	if !s.terminal {
		fmt.Fprintf(s.w, "%s, %d of %d\n", p.Stage, p.Done, p.Total)
		return
	}
	s.open = true
	share := float64(p.Done) / float64(max(p.Total, 1))
	fmt.Fprintf(s.w, "\r%s %3.0f %%  %s\x1b[K", bar(share, 24), 100*share, p.Stage)
}
