package cli

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"laminar/data"
	"laminar/flow"
	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
	"laminar/sample"
	"laminar/tensor"
)

// interpolated is what `laminar interpolate --json` prints.
type interpolated struct {
	Pairs   int         `json:"pairs"`
	Steps   int         `json:"steps"`
	NFE     float64     `json:"nfe"`
	NFEMax  int         `json:"nfe_max"`
	File    *string     `json:"file"`
	Columns []string    `json:"columns,omitempty"`
	Points  [][]float64 `json:"points,omitempty"`
}

// interpolateCall is one call of the verb interpolate.
type interpolateCall struct {
	*app
	flags sampleFlags
	rows  []int
	steps int
	out   string
}

func (a *app) interpolateCommand() *cobra.Command {
	p := &interpolateCall{app: a, flags: sampleFlags{solverFlags: solverFlags{precise: true}}}
	cmd := &cobra.Command{
		Use: "interpolate MODEL [FILE]", Short: "Draw what lies between two points",
		Long: `Carry latents between two points to data. The ends are noise, -n pairs of it by
--seed, or two rows of FILE, which are carried back to noise first. Gaussian
noise is joined along a great circle. -o writes .csv, .npy or .jsonl, a picture
(.png, .svg) of points of the plane or of images, a film (.gif) of those, or
what sample writes of the model: sounds as .wav. There is no guidance unless
--guidance is given; both ways are then guided.`,
		Example: `  laminar interpolate runs/digits --steps 12 -n 8 -o between.png
  laminar interpolate runs/moons points.csv --rows 1,7 -o between.csv
  laminar interpolate runs/moons -n 200 --steps 40 -o between.gif`,
		Args: takes(1, 2, "MODEL"),
		RunE: p.run,
	}
	p.flags.add(cmd, 1)
	f := cmd.Flags()
	f.Lookup("n").Usage = "number of pairs of noise"
	f.IntSliceVar(&p.rows, "rows", []int{1, 2}, "the two rows of FILE, counted from 1")
	f.IntVar(&p.steps, "steps", 10, "points of each pair, the ends among them")
	f.StringVarP(&p.out, "output", "o", "", "`file` to write: .csv, .npy, .jsonl, .png, .svg or .gif")
	return cmd
}

func (p *interpolateCall) run(cmd *cobra.Command, args []string) error {
	if p.steps < 2 {
		return usagef("--steps: %d is too few to hold both ends; give at least 2", p.steps)
	}
	s, err := p.loadUntabled(args[0])
	if err != nil {
		return err
	}
	film := strings.HasSuffix(strings.ToLower(p.out), ".gif")
	format := "gif"
	if !film {
		if format, err = formatOf(p.out, rowFormats(s)); err != nil {
			return err
		}
	}
	c, err := p.flags.config(cmd, p.app, s)
	if err != nil {
		return err
	}
	a, b, c, err := p.ends(cmd, s, c, args[1:])
	if err != nil {
		return err
	}
	x, stats, err := sample.Interpolate(cmd.Context(), s.Model, c, a, b, p.steps)
	if err != nil {
		return err
	}
	res := interpolated{Pairs: a.N, Steps: p.steps, NFE: stats.NFE, NFEMax: stats.MaxNFE}
	t := &data.Table{Columns: columnNames(s.Model.Columns, x.D), X: x}
	if p.json && (p.out == "" || p.out == "-") {
		res.Columns = t.Columns
		for i := range x.N {
			res.Points = append(res.Points, x.Row(i))
		}
		return p.printJSON(res)
	}
	err = p.write(p.out, func(w io.Writer) error {
		if !film && format != "png" && format != "svg" {
			return writeRows(w, format, s, t)
		}
		plan, err := s.Plan(cmd.Context(), "", nil)
		if err != nil {
			plan = &recipe.Plan{Recipe: s.Recipe, Transform: s.Model.Transform} // without the data beneath
		}
		points := tensor.Convert[float32](x)
		if film {
			return run.InterpolationFilm(w, s, plan, points, p.steps)
		}
		lo, hi := 0.0, 0.0
		if s.Form == nil {
			lo, hi = shades(s)
		}
		fig, err := run.InterpolationPicture(s, plan, points, p.steps, lo, hi)
		if err != nil {
			return err
		}
		return fig.Write(w, format)
	})
	if err != nil {
		return err
	}
	if p.json {
		res.File = &p.out
		return p.printJSON(res)
	}
	if p.out != "" && p.out != "-" {
		p.note("%s of %d points in %s, %s evaluations each", counted(a.N, "pair"), p.steps, p.out, spent(stats.NFE, stats.MaxNFE))
	}
	return nil
}

// ends returns the latents between which to draw, and c with the conditions of
// the pairs.
func (p *interpolateCall) ends(cmd *cobra.Command, s *run.Saved, c sample.Config, file []string) (a, b tensor.Mat, _ sample.Config, err error) {
	if len(file) == 0 {
		if cmd.Flags().Changed("rows") {
			return a, b, c, usagef("--rows are those of a file: name it after the model")
		}
		first, second := c, c
		first.Seed, second.Seed = rng.New(p.flags.seed), rng.New(p.flags.seed).Split("second")
		if a, err = sample.Start(s.Model, first); err != nil {
			return a, b, c, err
		}
		b, err = sample.Start(s.Model, second)
		return a, b, c, err
	}
	if cmd.Flags().Changed("n") {
		return a, b, c, usagef("-n counts pairs of noise; a file gives one pair, --rows")
	}
	rows, err := p.read(s, file[0])
	if err != nil {
		return a, b, c, err
	}
	if len(p.rows) != 2 {
		return a, b, c, usagef("--rows: name two rows, not %d", len(p.rows))
	}
	ends := tensor.New(2, s.Model.Dim())
	chosen := tensor.NewOf[float64](2, s.Model.Dim())
	cond := flow.Cond{}
	if !rows.Cond.Real.IsEmpty() {
		cond.Real = tensor.New(2, rows.Cond.Real.D)
	}
	for k, r := range p.rows {
		if r < 1 || r > rows.X.N {
			return a, b, c, usagef("--rows: there is no row %d; %s has %d", r, file[0], rows.X.N)
		}
		copy(chosen.Row(k), rows.X.Row(r-1))
		if len(rows.Cond.Class) > 0 {
			cond.Class = append(cond.Class, rows.Cond.Class[r-1])
		}
		if !cond.Real.IsEmpty() {
			copy(cond.Real.Row(k), rows.Cond.Real.Row(r-1))
		}
	}
	if len(c.Cond.Class) > 0 || !c.Cond.Real.IsEmpty() {
		return a, b, c, usagef("--class and --cond go with noise; rows of a file bring their own label and conditions")
	}
	if len(cond.Class) == 2 && cond.Class[0] != cond.Class[1] {
		p.note("note: the rows have different labels: both are carried without one")
		cond.Class = nil
	}
	if r := cond.Real; !r.IsEmpty() && !slices.Equal(r.Row(0), r.Row(1)) {
		p.note("note: the rows have different conditions: both are carried without any")
		cond.Real = tensor.Mat{}
	}
	if err := s.Model.Transform.Forward(ends, chosen); err != nil {
		return a, b, c, err
	}
	back := c
	back.Cond = cond
	if _, err := sample.Carry(cmd.Context(), s.Model, back, ends, 1, 0); err != nil {
		return a, b, c, err
	}
	if len(cond.Class) > 0 || !cond.Real.IsEmpty() {
		c.Cond = cond.Rows(0, 1)
	}
	return ends.Rows(0, 1), ends.Rows(1, 2), c, nil
}
