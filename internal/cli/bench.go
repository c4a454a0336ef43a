package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"laminar/bench"
	"laminar/internal/kernel"
)

func (a *app) benchCommand() *cobra.Command {
	c := bench.Defaults()
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure how fast this machine trains, samples and couples",
		Long: `Measure matrix products, training steps, sampling and assignment, each the
median of several rounds, beside the peak of one core measured at that moment.
Work on several cores can exceed 100 % of it.`,
		Example: "  laminar bench\n  laminar bench --threads 1 --kernels avx2 --json",
		Args:    takes(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.Rounds < 1 || c.Time <= 0 {
				return usagef("--rounds and --time must be above 0")
			}
			c.Threads = a.threads
			var err error
			if a.kernels != "" {
				if c.Kernels, err = kernel.Named(a.kernels); err != nil {
					return err
				}
			}
			r, err := bench.Run(cmd.Context(), c)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(r)
			}
			t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
			fmt.Fprintln(t, "work\ttime\tGFLOP/s\t% of peak\tcores\t")
			for _, w := range r.Rows {
				rate, percent := "-", "-"
				if w.Rate != nil {
					rate, percent = fmt.Sprintf("%.1f", *w.Rate), fmt.Sprintf("%.0f", *w.Percent)
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t\n", w.Name, brief(w.Nanos), rate, percent, w.Cores)
			}
			if err := t.Flush(); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.stdout, "\npeak of one core %.1f GFLOP/s, kernels %s\n", r.Peak, r.Kernels)
			return err
		},
	}
	f := cmd.Flags()
	f.IntVar(&c.Rounds, "rounds", c.Rounds, "times that each work is measured")
	f.DurationVar(&c.Time, "time", c.Time, "length of a round")
	return cmd
}

// brief writes a time in nanoseconds with three or four digits.
func brief(nanos float64) string {
	d := time.Duration(nanos)
	switch {
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.0f ns", nanos)
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f µs", nanos/1e3)
	}
	return fmt.Sprintf("%.1f ms", nanos/1e6)
}
