package cli

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"laminar/data"
	"laminar/flow"
	"laminar/metric"
	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// scored is what `laminar logprob --json` prints. Rows is there when no file is
// written.
type scored struct {
	N       int           `json:"n"`
	Mean    metric.Number `json:"mean_log_density"`
	Bits    metric.Number `json:"mean_bits_per_dim"`
	Error   metric.Number `json:"mean_standard_error"` // null where the divergence is exact
	NFE     float64       `json:"nfe"`
	NFEMax  int           `json:"nfe_max"`
	File    *string       `json:"file"`
	Columns []string      `json:"columns,omitempty"`
	// A standard error of one probe is null.
	Rows [][]metric.Number `json:"rows,omitempty"`
}

// densityColumn is the name of a column of log densities.
const densityColumn = "log_density"

// logprobCall is one call of the verb logprob.
type logprobCall struct {
	*app
	solver  solverFlags
	probes  int
	bits    bool
	rank    bool
	explain bool
	class   string
	out     string
	seed    uint64
}

func (a *app) logprobCommand() *cobra.Command {
	l := &logprobCall{app: a, solver: solverFlags{precise: true, only: func(m *solve.Method) bool { return !m.Scheduled && m.Kind != solve.Jump }}}
	cmd := &cobra.Command{
		Use: "logprob MODEL FILE", Short: "Say how likely a model finds the rows of a file",
		Long: `Write the log density that MODEL gives each row of FILE, in nats and in the
units of the data: one column, as .csv, .npy or .jsonl after -o, or CSV on
stdout. FILE holds the columns of the model, and its label or conditions if the
density is to be that given them.

With --probes the divergence is estimated, which is cheaper in many dimensions
and what is done of images and sounds, and a second column holds the standard
error. --rank sorts the rows by density,
the least likely first, with their numbers counted from 1: a list of anomalies.

Of a table it is the chance of the row's categories times the density of its
numbers. --explain adds, for every column, the surprise of its cell given all
the others of the row, in nats, and names the columns that surprise most.`,
		Example: `  laminar logprob runs/moons points.csv -o density.csv
  laminar logprob runs/iris iris.csv --rank | head
  laminar logprob runs/adult adult.csv --rank --explain -o odd.csv
  laminar logprob runs/digits digits.npy --probes 8 --bits --json`,
		Args: takes(2, 2, "MODEL or FILE"),
		RunE: l.run,
	}
	l.solver.add(cmd)
	fs := cmd.Flags()
	fs.IntVar(&l.probes, "probes", 0, fmt.Sprintf("random probes of the divergence; 0 is exact (default %d beyond %d numbers a row)", wideProbes, mostExact))
	fs.BoolVar(&l.bits, "bits", false, "write bits per dimension, -log2 p / columns, instead of nats")
	fs.BoolVar(&l.rank, "rank", false, "sort by density, the least likely first, with row numbers")
	fs.BoolVar(&l.explain, "explain", false, "say of each row of a table how much each of its cells surprises")
	fs.StringVar(&l.class, "class", "", "class of all rows, by name or number, in place of the file's own")
	_ = cmd.RegisterFlagCompletionFunc("class", completeClass)
	fs.StringVarP(&l.out, "output", "o", "", "`file` to write: .csv, .npy or .jsonl")
	fs.Uint64Var(&l.seed, "seed", 0, "seed of the probes")
	return cmd
}

func (l *logprobCall) run(cmd *cobra.Command, args []string) error {
	format, err := formatOf(l.out, nil)
	if err != nil {
		return err
	}
	if format == "png" || format == "svg" {
		return usagef("-o %s: densities are numbers; use .csv, .npy or .jsonl", l.out)
	}
	c := sample.Config{Seed: rng.New(l.seed), Workers: l.threads}
	if c.Solve, err = l.solver.config(cmd, solve.Defaults(), 1); err != nil {
		return err
	}
	s, err := l.load(args[0])
	if err != nil {
		return err
	}
	switch {
	case s.Kind() == recipe.Table:
		return l.runTable(cmd, s, args[0], args[1])
	case l.explain:
		return usagef("--explain is for models of tables, and this one makes %s", s.Kind())
	}
	if !cmd.Flags().Changed("probes") && s.Model.Dim() > mostExact {
		l.probes = wideProbes
		l.note("note: of %d numbers a row the divergence is estimated by %d random probes; --probes 0 is exact, and takes some %d times as long", s.Model.Dim(), l.probes, s.Model.Dim()/(l.probes+1))
	}
	c.Probes = l.probes
	rows, err := l.read(s, args[1])
	if err != nil {
		return err
	}
	if rows.Cond, err = ofClass(s, rows.Cond, l.class, rows.X.N); err != nil {
		return err
	}
	c.Source, c.Cond = s.Source, rows.Cond
	var d sample.Density
	res := scored{N: rows.X.N, Error: metric.Number(math.NaN())}
	tangents := l.probes
	if tangents == 0 {
		tangents = rows.X.D
	}
	err = l.inPieces(rows.X.N, rows.X.D*(1+tangents), func(lo, hi int) error {
		part := c
		part.First, part.Cond = lo, c.Cond.Rows(lo, hi)
		e, stats, err := sample.LogProb(cmd.Context(), s.Model, part, rows.X.Rows(lo, hi))
		if err != nil {
			return atRow(err, lo)
		}
		d.LogP, d.Err = append(d.LogP, e.LogP...), append(d.Err, e.Err...)
		res.NFE += stats.NFE * float64(hi-lo) / float64(rows.X.N)
		res.NFEMax = max(res.NFEMax, stats.MaxNFE)
		return nil
	})
	if err != nil {
		return err
	}
	res.Mean = metric.Number(mean(d.LogP))
	res.Bits = metric.Number(sample.Bits(mean(d.LogP), rows.X.D))
	if d.Err != nil {
		res.Error = metric.Number(mean(d.Err))
	}
	t := l.table(d, rows.X.D)
	if l.json && (l.out == "" || l.out == "-") {
		res.Columns = t.Columns
		for i := range t.X.N {
			row := make([]metric.Number, t.X.D)
			for j, v := range t.X.Row(i) {
				row[j] = metric.Number(v)
			}
			res.Rows = append(res.Rows, row)
		}
		return l.printJSON(res)
	}
	if err := l.write(l.out, func(w io.Writer) error { return writeTable(w, format, t) }); err != nil {
		return err
	}
	if l.json {
		res.File = &l.out
		return l.printJSON(res)
	}
	l.note("%s, %.4f nats each on average, %.4f bits per dimension; %s evaluations each",
		counted(res.N, "row"), float64(res.Mean), float64(res.Bits), spent(res.NFE, res.NFEMax))
	return nil
}

// table is what is written: the density, its error if it has one, and with --rank
// the row numbers.
func (l *logprobCall) table(d sample.Density, dim int) *data.Table {
	t := &data.Table{}
	order := make([]int, len(d.LogP))
	for i := range order {
		order[i] = i
	}
	if l.rank {
		t.Columns = append(t.Columns, "row")
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(d.LogP[a], d.LogP[b]) })
	}
	value := func(v float64) float64 { return v }
	name, errName, scale := densityColumn, "standard_error", 1.0
	if l.bits {
		value = func(v float64) float64 { return sample.Bits(v, dim) }
		name, scale = "bits_per_dim", -sample.Bits(1, dim)
	}
	t.Columns = append(t.Columns, name)
	if d.Err != nil {
		t.Columns = append(t.Columns, errName)
	}
	t.X = tensor.NewOf[float64](len(order), len(t.Columns))
	for i, r := range order {
		row := t.X.Row(i)[:0]
		if l.rank {
			row = append(row, float64(r+1))
		}
		row = append(row, value(d.LogP[r]))
		if d.Err != nil {
			_ = append(row, scale*d.Err[r])
		}
	}
	return t
}

// read reads the rows of a file for a model, and passes on what the user should
// know.
func (a *app) read(s *run.Saved, path string) (run.Rows, error) {
	rows, err := s.ReadRows(path)
	if err != nil {
		return rows, err
	}
	for _, n := range rows.Notes {
		a.note("note: %s", n)
	}
	return rows, nil
}

// ofClass is the condition cond of n rows, or that of a named class of the model.
func ofClass(s *run.Saved, cond flow.Cond, class string, n int) (flow.Cond, error) {
	if class == "" {
		return cond, nil
	}
	id, err := s.Model.ClassID(class)
	if err != nil {
		return cond, err
	}
	cond.Class = slices.Repeat([]int32{id}, n)
	return cond, nil
}

// Rows of more numbers than mostExact, of images say, have their divergence
// estimated by wideProbes probes unless told otherwise.
const (
	mostExact  = 128
	wideProbes = 4
)

// inPieces has n rows, each the work of so many numbers, done piece by piece, with
// progress on stderr.
func (a *app) inPieces(n, work int, do func(lo, hi int) error) error {
	piece := min(4096, max(2*runtime.GOMAXPROCS(0), 1<<18/work))
	bar := newProgress(a.stderr)
	defer bar.end()
	bar.count(0, n, "rows")
	for lo := 0; lo < n; lo += piece {
		hi := min(lo+piece, n)
		if err := do(lo, hi); err != nil {
			return err
		}
		bar.count(hi, n, "rows")
	}
	return nil
}

// atRow tells which rows of the file an error is about.
func atRow(err error, lo int) error {
	if lo == 0 {
		return err
	}
	return fmt.Errorf("rows from %d on: %w", lo+1, err)
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// writeTable writes numbers in a format of formatOf that is no picture.
func writeTable(w io.Writer, format string, t *data.Table) error {
	switch format {
	case "npy":
		return t.WriteNPY(w)
	case "jsonl":
		return t.WriteJSONL(w)
	}
	return t.WriteCSV(w)
}
