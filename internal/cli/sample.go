package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"laminar/data"
	"laminar/flow"
	"laminar/plot"
	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
	"laminar/sample"
	"laminar/tensor"
)

// sampled is what `laminar sample --json` prints. Columns and Points are there
// when no file is written.
type sampled struct {
	N       int         `json:"n"`
	NFE     float64     `json:"nfe"`
	NFEMax  int         `json:"nfe_max"`
	File    *string     `json:"file"`
	Columns []string    `json:"columns,omitempty"`
	Points  [][]float64 `json:"points,omitempty"`
}

// sampleFlags say what to draw; plot and animate share them.
type sampleFlags struct {
	solverFlags
	n        int
	class    string
	cond     []string
	guidance float64
	seed     uint64
	// turns draws each class of images and sounds in turn where none is named, and
	// guides as the model is best guided.
	turns bool
}

// noClass names the samples of a model with classes that are of none.
const noClass = "none"

func (f *sampleFlags) add(cmd *cobra.Command, n int) {
	f.solverFlags.add(cmd)
	fs := cmd.Flags()
	fs.IntVarP(&f.n, "n", "n", n, fmt.Sprintf("number of points (default 64 images, 10 sounds, 100 molecules, %d others)", n))
	fs.StringVar(&f.class, "class", "", "class to draw, by name or number, of a model with classes; none for samples of no class (default of images and sounds each in turn)")
	fs.StringSliceVar(&f.cond, "cond", nil, "values of a model trained with --cond, as NAME=VALUE,...")
	_ = cmd.RegisterFlagCompletionFunc("class", completeClass)
	usage := "scale of guidance towards --class or --cond, or where a model has a weaker copy of itself, as molecules do, away from that; 1 is none"
	if f.turns {
		usage += " (default 1.5 for classes of images, 2 with a weaker copy, else 1)"
	}
	fs.Float64Var(&f.guidance, "guidance", 1, usage)
	fs.Uint64Var(&f.seed, "seed", 0, "seed of the noise")
}

// config returns what the flags ask a model for.
func (f *sampleFlags) config(cmd *cobra.Command, a *app, s *run.Saved) (sample.Config, error) {
	given := cmd.Flags().Changed
	if !given("n") && f.turns {
		f.n = s.Few(f.n)
	}
	anew := cmd.Flags().Lookup("rows") != nil && given("rows") // of their own classes
	inTurn := f.turns && f.class == "" && len(f.cond) == 0 && !anew
	if f.turns && !given("guidance") && f.class != noClass && (f.class != "" || inTurn) {
		f.guidance = s.Guidance()
	}
	c := sample.Config{N: f.n, Seed: rng.New(f.seed), Source: s.Source, Guidance: f.guidance, Workers: a.threads}
	if f.n < 1 {
		return c, usagef("-n: cannot draw %d points; give at least 1", f.n)
	}
	if most := sample.MaxRows(s.Model.Dim()); f.n > most && s.Kind() != recipe.Table { // which is drawn in parts
		return c, usagef("-n: %d points are more than the %d that are drawn at once; draw them in parts, with another --seed each", f.n, most)
	}
	if math.IsNaN(f.guidance) || math.IsInf(f.guidance, 0) {
		return c, usagef("--guidance: %v is not a scale", f.guidance)
	}
	var err error
	how := f.solverFlags
	how.precise = how.precise && !s.Model.Once // which takes one step only
	c.Solve, err = how.config(cmd, s.Solve(), cost(f.guidance))
	if err != nil && cost(f.guidance) > 1 && !given("guidance") {
		// What was not asked for does not stand in the way of what was.
		guided := err
		if c.Solve, err = how.config(cmd, s.Solve(), 1); err == nil {
			f.guidance, c.Guidance = 1, 1
			a.noteUnguided("drawn", guided)
		}
	}
	if err != nil {
		return c, err
	}
	if len(f.cond) > 0 {
		value := map[string]float64{}
		for _, part := range f.cond {
			name, text, ok := strings.Cut(part, "=")
			v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if !ok || err != nil {
				return c, usagef("--cond: %q is not NAME=VALUE with a number", part)
			}
			value[strings.TrimSpace(name)] = v
		}
		if c.Cond.Real, err = s.Model.RealCond(f.n, value); err != nil {
			return c, err
		}
	}
	if inTurn && f.n > 0 {
		c.Cond.Class = s.Turns(f.n)
	}
	if f.class == "" || f.class == noClass && !slices.Contains(s.Model.Classes, noClass) {
		if len(c.Cond.Class) > 0 {
			return c, nil
		}
		if cost(f.guidance) > 1 && len(f.cond) == 0 && s.Model.Weak == nil {
			return c, usagef("--guidance leads towards a condition: name it with --class or --cond")
		}
		return c, nil
	}
	c.Cond, err = ofClass(s, c.Cond, f.class, f.n)
	return c, err
}

// noteUnguided tells that samples go without the guidance that they would have, because
// of the number of evaluations, and what allows it.
func (a *app) noteUnguided(what string, because error) {
	reason := because.Error()
	var f *flow.FieldError
	if errors.As(because, &f) {
		reason = f.Msg
	}
	a.note("note: %s without guidance: %s for guided samples", what, reason)
}

func (a *app) sampleCommand() *cobra.Command {
	f := sampleFlags{turns: true}
	var span timeFlags
	var of tableFlags
	var out string
	var dense bool
	cmd := &cobra.Command{
		Use: "sample MODEL", Short: "Draw points from a model",
		Long: `Draw points from MODEL, in the numbers of its data. The extension of -o picks
the format: .csv, .npy, .jsonl, or a picture as .png or .svg; without -o they go
to stdout as CSV. Point i depends on the seed and on i only. Models of another
kind have formats of their own: of images .png, a grid or a single picture, and
.npy, of sounds .wav, one after the other; -o FOLDER/ writes a file for each.

A model trained with --time-column starts from rows of its first time; --to
stops before the last. --rows carries given rows from the time --from.

--rows with --strength takes given rows back towards noise and carries them to
data again: 0.3 changes details, 0.8 leaves an idea of them; --class may be
another one. --mask keeps the black part of pictures and paints the white anew.


A model of a table writes rows as its data were written, in the same format or
in another by the extension: .csv, .tsv, .jsonl, .arff, also with .gz, or
.parquet. --where draws rows that satisfy a condition: = != < <= > >= IN BETWEEN
IS NULL, with AND, OR, NOT and parentheses. --shard draws a part of the rows, so
that several machines can draw them.`,
		Example: `  laminar sample runs/moons -n 1000 -o points.csv
  laminar sample runs/moons --solver heun --nfe 8 -o points.png
  laminar sample runs/mnist --class 7 -n 64 -o sevens.png
  laminar sample runs/mnist --class 7 -n 500 -o sevens/
  laminar sample runs/digits --class 7 -n 10 -o seven.wav
  laminar sample runs/mnist --rows 3.png --strength 0.6 --class 8 -n 9 -o 8s.png
  laminar sample runs/mnist --rows three.png --mask half.png -n 16 -o halves.png
  laminar sample runs/moons --rtol 1e-4 --json -o points.npy
  laminar sample runs/moons --logprob --solver rk4 --nfe 80
  laminar sample runs/cells --to 2 -n 500 -o at2.csv
  laminar sample runs/cells --rows cells.csv --from 2 --to 3 -o carried.csv
  laminar sample runs/adult -n 100000 -o synth.parquet
  laminar sample runs/adult --where "income = '>50K' and age > 60" -o rich.csv
  laminar sample runs/adult --balance income -n 20000 --shard 1/4 -o part1.csv`,
		Args: takes(1, 1, "MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.load(args[0])
			if err != nil {
				return err
			}
			format, err := formatOf(out, s.Formats())
			if s.Form != nil && isFolder(out) {
				format, err = s.Formats()[0], nil
			}
			if err != nil {
				return err
			}
			if err := of.check(cmd, s.Kind()); err != nil {
				return err
			}
			c, err := f.config(cmd, a, s)
			if err != nil {
				return err
			}
			if dense && s.Form != nil {
				return usagef("--logprob writes a column beside points; a model of %s has no such column", s.Kind())
			}
			if dense && (format == "png" || format == "svg") {
				return usagef("-o %s: a density is a number; use .csv, .npy or .jsonl", out)
			}
			if s.Kind() == recipe.Table && format != "png" && format != "svg" {
				d, err := of.draws(s, c)
				if err != nil {
					return err
				}
				return a.writeTableSamples(cmd, out, s, d)
			}
			draw := span.draw
			if dense {
				draw = span.drawDensity
			}
			bar := newProgress(a.stderr)
			c.Watch = func(done, n int) { bar.count(done, n, s.Plural()) }
			x, stats, err := draw(cmd, a, s, c)
			bar.end()
			if err != nil {
				return err
			}
			res := sampled{N: x.N, NFE: stats.NFE, NFEMax: stats.MaxNFE}
			if s.Form != nil {
				return a.writeForm(out, format, s, x, res)
			}
			columns := columnNames(s.Model.Columns, s.Model.Dim())
			if dense {
				columns = append(slices.Clone(columns), densityColumn)
			}
			if a.json && (out == "" || out == "-") {
				res.Columns = columns
				for i := range x.N {
					res.Points = append(res.Points, x.Row(i))
				}
				return a.printJSON(res)
			}
			t := &data.Table{Columns: columns, X: x}
			err = a.write(out, func(w io.Writer) error { return writePoints(w, format, s, t) })
			if err != nil {
				return err
			}
			if a.json {
				res.File = &out
				return a.printJSON(res)
			}
			if out != "" && out != "-" {
				a.note("%s in %s, %s evaluations each", counted(x.N, "point"), out, spent(stats.NFE, stats.MaxNFE))
			}
			return nil
		},
	}
	f.add(cmd, 1000)
	span.add(cmd)
	of.add(cmd)
	cmd.Flags().BoolVar(&dense, "logprob", false, "write the log density of each point beside it, from the same solution")
	cmd.Flags().StringVarP(&out, "output", "o", "", "`file` to write: .csv, .npy, .jsonl, .png or .svg; or FOLDER/, of images and such")
	return cmd
}

// completeClass offers the classes of the model that is named before the flag.
func completeClass(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	s, err := run.Load(args[0], "")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return s.Model.Classes, cobra.ShellCompDirectiveNoFileComp
}

// spent writes the mean and the largest number of evaluations.
func spent(mean float64, most int) string {
	if math.Abs(mean-float64(most)) < 0.05 { // as the mean of many rows is rounded
		return fmt.Sprint(most)
	}
	return fmt.Sprintf("%.1f (at most %d)", mean, most)
}

// pointFormats are the extensions of files of points, the default first.
var pointFormats = []string{"csv", "npy", "jsonl"}

// formatOf is the format of an output file by its extension: one of formats,
// which nil makes those of points, or a picture; the first one without. The
// error tells, too, why the file cannot be written.
func formatOf(path string, formats []string) (string, error) {
	if formats == nil {
		formats = pointFormats
	}
	ext := extension(path)
	formats = append(slices.Clone(formats), "png", "svg")
	switch {
	case ext == "":
		return formats[0], ready(path)
	case slices.Contains(formats, ext):
		return ext, ready(path)
	case ext == "gif":
		return "", usagef("-o %s: sample draws no film; use laminar animate", path)
	}
	return "", usagef("-o %s: no format is called .%s; use one of .%s", path, ext, strings.Join(formats, ", ."))
}

// rowFormats are the extensions of files that rows of a model can be written to:
// those of points, and those of its form.
func rowFormats(s *run.Saved) []string {
	out := slices.Clone(pointFormats)
	for _, f := range s.Formats() {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// writeRows writes rows of a model in a format of rowFormats.
func writeRows(w io.Writer, format string, s *run.Saved, t *data.Table) error {
	if slices.Contains(pointFormats, format) {
		return writeTable(w, format, t)
	}
	return s.Write(w, format, t.X, 0)
}

// extension is a file's extension in lower case and without the dot, that before
// .gz included.
func extension(path string) string {
	name := strings.ToLower(filepath.Base(path))
	if plain, zipped := strings.CutSuffix(name, ".gz"); zipped {
		return strings.TrimPrefix(filepath.Ext(plain)+".gz", ".")
	}
	return strings.TrimPrefix(filepath.Ext(name), ".")
}

// writeForm writes samples of a model with a form to a file, or to stdout
// without one, in a format of formatOf.
func (a *app) writeForm(out, format string, s *run.Saved, x tensor.Matrix[float64], res sampled) error {
	if a.json && (out == "" || out == "-") {
		return usagef("--json tells of a file of %s: name it with -o", s.Plural())
	}
	var err error
	if isFolder(out) {
		err = s.WriteFolder(out, x, 0)
	} else {
		err = a.write(out, func(w io.Writer) error { return s.Write(w, format, x, 0) })
	}
	if err != nil {
		return err
	}
	if a.json {
		res.File = &out
		return a.printJSON(res)
	}
	if out != "" && out != "-" {
		a.note("%s in %s, %s evaluations each", counted(x.N, strings.TrimSuffix(s.Plural(), "s")), out, spent(res.NFE, res.NFEMax))
	}
	return nil
}

// isFolder tells whether -o names a folder: one that is there, or a name that
// ends as those of folders do.
func isFolder(path string) bool {
	if strings.HasSuffix(path, "/") || strings.HasSuffix(path, string(filepath.Separator)) {
		return true
	}
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// writePoints writes points of a model in a format of formatOf.
func writePoints(w io.Writer, format string, s *run.Saved, t *data.Table) error {
	switch format {
	case "npy":
		return t.WriteNPY(w)
	case "jsonl":
		return t.WriteJSONL(w)
	case "csv":
		return t.WriteCSV(w)
	}
	fig, err := picture(s, t.Columns, tensor.Convert[float32](t.X))
	if err != nil {
		return err
	}
	return fig.Write(w, format)
}

// picture shows points: images as a grid, points of one column as a histogram,
// of the plane as a scatter, others as a grid of pairs.
func picture(s *run.Saved, columns []string, x tensor.Mat) (plot.Figure, error) {
	title := s.Recipe.Data.Name
	var names []string // of data of one's own
	if !recipe.IsBuiltIn(title) {
		names = columns
	}
	side := int(math.Round(math.Sqrt(float64(x.D))))
	switch {
	case side >= 8 && side*side == x.D:
		lo, hi := shades(s)
		return plot.Images{Title: title, Rows: x, Width: side, Height: side, Lo: lo, Hi: hi}.Figure()
	case x.D == 1:
		return plot.Histogram{Title: title, Samples: x, Name: columns[0]}.Figure()
	case x.D == 2:
		return plot.Scatter{Title: title, Samples: x, Names: names}.Figure()
	}
	return plot.PairGrid{Title: title, Samples: x, Names: columns}.Figure()
}

// shades is the range of the data that a model was trained on, 0 and 0 where
// they are not at hand: images then span their own.
func shades(s *run.Saved) (lo, hi float64) {
	plan, err := s.Plan(context.Background(), "", nil)
	if err != nil {
		return 0, 0
	}
	rows := flow.NewSample(plan.Judge, 500)
	if err := plan.Judge.DrawAt(rows, rng.New(0), 0); err != nil {
		return 0, 0
	}
	return float64(slices.Min(rows.X.Data)), float64(slices.Max(rows.X.Data))
}
