package cli

import (
	"io"

	"github.com/spf13/cobra"

	"laminar/run"
	"laminar/sample"
	"laminar/tensor"
)

// writeTableSamples draws rows of a model of tables and writes them as they are
// drawn.
func (a *app) writeTableSamples(cmd *cobra.Command, out string, s *run.Saved, c sample.Config) error {
	if a.json && (out == "" || out == "-") {
		return usagef("--json tells of a file of rows: name it with -o")
	}
	res := sampled{N: c.N}
	bar := newProgress(a.stderr)
	err := a.write(out, func(w io.Writer) error {
		t, err := s.TableWriter(w, out, c.Seed)
		if err != nil {
			return err
		}
		done := 0
		stats, err := s.DrawTable(cmd.Context(), c, func(rows tensor.Matrix[float64], first int) error {
			for i := range rows.N {
				if err := t.Write(rows.Row(i), uint64(first+i)); err != nil {
					return err
				}
			}
			done += rows.N
			bar.count(done, c.N, "rows")
			return nil
		})
		if err != nil {
			return err
		}
		res.NFE, res.NFEMax = stats.NFE, stats.MaxNFE
		return t.Close()
	})
	bar.end()
	if err != nil {
		return err
	}
	if a.json {
		res.File = &out
		return a.printJSON(res)
	}
	if out != "" && out != "-" {
		a.note("%s rows in %s, %s evaluations each", thousands(c.N), out, spent(res.NFE, res.NFEMax))
	}
	return nil
}
