package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"laminar/data/table/where"
	"laminar/flow"
	"laminar/recipe"
	"laminar/run"
	"laminar/sample"
	"laminar/tensor"
)

// tableFlags are the flags of sample for models of tables.
type tableFlags struct {
	where, balance, shard string
}

func (f *tableFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.where, "where", "", "`condition` that rows of a table satisfy, as in SQL")
	fs.StringVar(&f.balance, "balance", "", "`column` of a table each of whose levels is to be as frequent as any other")
	fs.StringVar(&f.shard, "shard", "", "draw part `i/n` of the rows of a table, i from 1")
}

// check refuses the flags to a model of another kind, and as a table those of points.
func (f *tableFlags) check(cmd *cobra.Command, kind string) error {
	if kind != recipe.Table {
		for _, name := range []string{"where", "balance", "shard"} {
			if cmd.Flags().Changed(name) {
				return usagef("--%s is for models of tables, and this one makes %s", name, kind)
			}
		}
		return nil
	}
	for _, name := range []string{"from", "to", "rows"} {
		if cmd.Flags().Changed(name) {
			return usagef("--%s is for models with times, and this one makes tables", name)
		}
	}
	for _, name := range []string{"class", "cond", "guidance"} {
		if cmd.Flags().Changed(name) {
			return usagef("--%s is not for models of tables: --where draws rows under a condition", name)
		}
	}
	return nil
}

// draws returns what the flags ask for of the rows of c.
func (f *tableFlags) draws(s *run.Saved, c sample.Config) (run.TableDraws, error) {
	d := run.TableDraws{Config: c}
	schema, err := s.Schema()
	if err != nil {
		return d, err
	}
	if f.where != "" {
		e, err := where.Parse(f.where)
		if err != nil {
			return d, err
		}
		if d.Where, err = e.Bind(schema); err != nil {
			return d, err
		}
	}
	if f.balance != "" {
		j, err := schema.Column(f.balance)
		if err != nil {
			return d, told{"--balance: " + strings.TrimPrefix(err.Error(), flow.ErrConfig.Error()+": "), err}
		}
		d.Balance = &j
	}
	if f.shard != "" {
		var i, n int
		if k, err := fmt.Sscanf(f.shard, "%d/%d", &i, &n); k != 2 || err != nil || fmt.Sprintf("%d/%d", i, n) != f.shard || i < 1 || i > n {
			return d, usagef("--shard: %q is not i/n with i from 1 to n", f.shard)
		}
		d.Total = c.N
		d.First, d.N = (i-1)*c.N/n, i*c.N/n-(i-1)*c.N/n
	}
	return d, nil
}

// writeTableSamples draws rows of a model of tables and writes them as they are
// drawn.
func (a *app) writeTableSamples(cmd *cobra.Command, out string, s *run.Saved, d run.TableDraws) error {
	if a.json && (out == "" || out == "-") {
		return usagef("--json tells of a file of rows: name it with -o")
	}
	var stats run.TableStats
	bar := newProgress(a.stderr)
	err := a.write(out, func(w io.Writer) error {
		t, err := s.TableWriter(w, out, d.Seed)
		if err != nil {
			return err
		}
		done := 0
		d.Seek = func(drawn int) {
			if done == 0 {
				bar.count(drawn, 0, "rows drawn, none of those asked for yet")
			}
		}
		stats, err = s.DrawTable(cmd.Context(), d, func(rows tensor.Matrix[float64], first int) error {
			for i := range rows.N {
				if err := t.Write(rows.Row(i), uint64(first+i)); err != nil {
					return err
				}
			}
			done += rows.N
			bar.count(done, d.N, "rows")
			return nil
		})
		if err != nil {
			return err
		}
		return t.Close()
	})
	bar.end()
	if err != nil {
		return err
	}
	if stats.Tried > 0 {
		a.note("%s", keptNote(stats, d))
	}
	if a.json {
		return a.printJSON(sampled{N: d.N, NFE: stats.NFE, NFEMax: stats.MaxNFE, File: &out})
	}
	if out != "" && out != "-" {
		a.note("%s in %s, %s evaluations each", counted(d.N, "row"), out, spent(stats.NFE, stats.MaxNFE))
	}
	return nil
}

// keptNote tells how frequent the rows that were asked for are.
func keptNote(s run.TableStats, d run.TableDraws) string {
	note := fmt.Sprintf("note: %.3g %% of the model's rows satisfy the condition (%s of %s)", 100*float64(s.Found)/float64(s.Tried), thousands(s.Found), thousands(s.Tried))
	if d.Balance != nil {
		note = fmt.Sprintf("note: %s rows were drawn to have as many of each level", thousands(s.Tried))
	}
	if s.Given > 0 {
		columns := "the columns that it names"
		if d.Balance != nil {
			columns = "that column"
		}
		note += fmt.Sprintf("; more were too rare: %s rows are drawn given the cells of %s", thousands(s.Given), columns)
	}
	return note
}
