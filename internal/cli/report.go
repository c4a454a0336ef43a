package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"laminar/data/table"
	"laminar/judge"
	"laminar/rng"
	"laminar/run"
)

const reportHelp = `Judge the rows of SYNTH, a table, against those of REAL that they were made
from: how like they are (each column, pairs of columns, whether a classifier
tells them apart), how useful (trees grown on them, tested on real rows), and
how private (copies, and whether rows are nearer to training rows than chance).

Beside every figure stands its floor, what real rows get by the same measure.
--holdout is a file of real rows that training has not seen; without it privacy
cannot be decided. -o writes a page with pictures (.html) or the figures
(.json).

Files are those that schema reads; SYNTH has the columns of REAL in the same
order. The kinds of columns are inferred from REAL or given with --schema.`

func (a *app) reportCommand() *cobra.Command {
	var holdout, given, out string
	var seed uint64
	c := judge.Defaults()
	cmd := &cobra.Command{
		Use: "report REAL SYNTH", Short: "Judge a synthetic table against the real one",
		Long:    reportHelp,
		Example: "  laminar report customers.csv synthetic.csv -o report.html\n  laminar report train.csv synthetic.csv --holdout test.csv --target income\n  laminar report customers.csv synthetic.csv --json",
		Args:    takes(2, 2, "REAL or SYNTH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			html := strings.HasSuffix(strings.ToLower(out), ".html")
			if out != "" && !html && !strings.HasSuffix(strings.ToLower(out), ".json") {
				return usagef("-o %s: use .html or .json", out)
			}
			ctx := cmd.Context()
			var s *table.Schema
			if given != "" {
				var err error
				if s, err = run.ReadSchema(given); err != nil {
					return err
				}
			}
			tell := newProgress(a.stderr)
			defer tell.end()
			t, err := run.ReadTables(ctx, args[0], args[1], holdout, s, tell.reading)
			if err != nil {
				return err
			}
			c.Key, c.Watch = rng.New(seed), tell.stage
			r, err := t.Judge(ctx, c)
			if err != nil {
				return err
			}
			switch {
			case html:
				tell.stage("pictures")
				page, err := t.Page(ctx, r)
				if err != nil {
					return err
				}
				if err := a.write(out, page.WriteHTML); err != nil {
					return err
				}
			case out != "":
				err := a.write(out, func(w io.Writer) error {
					e := json.NewEncoder(w)
					e.SetIndent("", "  ")
					return e.Encode(r)
				})
				if err != nil {
					return err
				}
			}
			tell.end()
			if a.json {
				return a.printJSON(r)
			}
			if err := r.WriteText(a.stdout); err != nil {
				return err
			}
			if out != "" {
				fmt.Fprintln(a.stdout, "\nwritten:", out)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&holdout, "holdout", "", "`file` of real rows that training has not seen")
	f.StringVar(&c.Target, "target", "", "column whose prediction measures usefulness; - for none (default the last)")
	f.StringVar(&given, "schema", "", "`file` with a schema of REAL: what it says holds, what it leaves out is inferred")
	f.StringVarP(&out, "output", "o", "", "`file` for the report: .html or .json")
	f.Uint64Var(&seed, "seed", 0, "seed of draws, folds and trees")
	return cmd
}

// stage shows what is being done, once that takes long.
func (p *progress) stage(name string) {
	now := time.Now()
	if p.start.IsZero() {
		p.start, p.last = now, now
	}
	switch {
	case p.terminal:
		p.open = true
		fmt.Fprintf(p.w, "\r%s\x1b[K", name)
	case now.Sub(p.last) >= p.every:
		p.last = now
		fmt.Fprintln(p.w, name)
	}
}
