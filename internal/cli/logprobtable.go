package cli

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"laminar/flow"
	"laminar/metric"
	"laminar/run"
)

// scoredRow is a row of what `laminar logprob --json` prints for a table.
type scoredRow struct {
	Row        int                      `json:"row"`
	LogDensity metric.Number            `json:"log_density"`
	Surprise   map[string]metric.Number `json:"surprise,omitempty"`
}

// scoredTable is what `laminar logprob --json` prints for a table.
type scoredTable struct {
	N    int           `json:"n"`
	Mean metric.Number `json:"mean_log_density"`
	File *string       `json:"file"`
	Rows []scoredRow   `json:"rows,omitempty"`
}

// runTable scores the rows of a table by the model s, which was read from model.
func (l *logprobCall) runTable(cmd *cobra.Command, s *run.Saved, model, path string) error {
	for _, name := range []string{"probes", "bits", "class", "solver", "nfe", "rtol", "atol", "grid"} {
		if cmd.Flags().Changed(name) {
			return usagef("--%s is not for tables, whose density is found cell by cell", name)
		}
	}
	if f := extension(l.out); l.out != "" && l.out != "-" && f != "csv" {
		return usagef("-o %s: the scores of a table are written as .csv", l.out)
	}
	bar := newProgress(l.stderr)
	rows, err := s.ReadCells(cmd.Context(), path, bar.reading)
	if err != nil {
		return err
	}
	d, err := s.TableLogProb(cmd.Context(), rows, l.explain, l.threads, func(done int) { bar.count(done, rows.N, "rows") })
	bar.end()
	if errors.Is(err, flow.ErrFormat) {
		return fmt.Errorf("%s: %w; gaps are filled by laminar impute %s %s -o FILE", path, err, quoted(model), quoted(path))
	}
	if err != nil {
		return err
	}
	schema, err := s.Schema()
	if err != nil {
		return err
	}
	order := make([]int, rows.N)
	for i := range order {
		order[i] = i
	}
	if l.rank {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(d.LogP[a], d.LogP[b]) })
	}
	var names []string
	for _, c := range schema.Columns {
		names = append(names, c.Name)
	}
	res := scoredTable{N: rows.N, Mean: metric.Number(mean(d.LogP))}
	if l.json && (l.out == "" || l.out == "-") {
		for _, i := range order {
			r := scoredRow{Row: i + 1, LogDensity: metric.Number(d.LogP[i])}
			if l.explain {
				r.Surprise = map[string]metric.Number{}
				for j, v := range d.Surprise.Row(i) {
					if !math.IsNaN(v) {
						r.Surprise[names[j]] = metric.Number(v)
					}
				}
			}
			res.Rows = append(res.Rows, r)
		}
		return l.printJSON(res)
	}
	err = l.write(l.out, func(w io.Writer) error { return l.writeScores(w, order, names, d) })
	if err != nil {
		return err
	}
	if l.json {
		res.File = &l.out
		return l.printJSON(res)
	}
	l.note("%s, %.4f nats each on average", counted(res.N, "row"), float64(res.Mean))
	return nil
}

// writeScores writes one line for each row: its number where they are sorted, its
// density, and with --explain the three columns that surprise most and the
// surprise of every column.
func (l *logprobCall) writeScores(w io.Writer, order []int, names []string, d run.TableDensity) error {
	out := csv.NewWriter(w)
	var head []string
	if l.rank || l.explain {
		head = append(head, "row")
	}
	head = append(head, "log_density")
	if l.explain {
		head = append(append(head, "odd"), names...)
	}
	if err := out.Write(head); err != nil {
		return err
	}
	number := func(v float64, digits int) string { return strconv.FormatFloat(v, 'g', digits, 64) }
	for _, i := range order {
		var line []string
		if l.rank || l.explain {
			line = append(line, fmt.Sprint(i+1))
		}
		line = append(line, number(d.LogP[i], 8))
		if l.explain {
			line = append(line, oddest(d.Surprise.Row(i), names))
			for _, v := range d.Surprise.Row(i) {
				cell := ""
				if !math.IsNaN(v) {
					cell = number(v, 4)
				}
				line = append(line, cell)
			}
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// oddest names the columns with the largest surprise, three at most, and none whose
// cell surprises by less than is shown.
func oddest(surprise []float64, names []string) string {
	var order []int
	for j, v := range surprise {
		if v >= leastShown {
			order = append(order, j)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(surprise[b], surprise[a]) })
	var parts []string
	for _, j := range order[:min(3, len(order))] {
		parts = append(parts, fmt.Sprintf("%s %.1f", names[j], surprise[j]))
	}
	return strings.Join(parts, "; ")
}

// leastShown is the surprise that is written as 0.1, not as 0.0.
const leastShown = 0.05
