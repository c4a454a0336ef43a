package cli

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"laminar/recipe"
	"laminar/run"
	"laminar/solve"
)

// plotted is what `laminar plot --json` prints; Width and Height are in SVG's
// pixels, half of PNG's.
type plotted struct {
	Kind   string  `json:"kind"`
	File   string  `json:"file"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

// pictureOptions are the options for the model at path: what lies beside it,
// and what the flags say.
func (f *sampleFlags) pictureOptions(cmd *cobra.Command, a *app, path string, s *run.Saved) (run.PictureOptions, error) {
	o, err := run.PictureDefaults(path)
	if err != nil {
		return o, err
	}
	if o.Sample, err = f.config(cmd, a, s); err != nil {
		return o, err
	}
	given := cmd.Flags().Changed
	if !given("n") {
		// Each picture has a number of its own.
		o.Sample.N = 0
		if f.class == "" {
			o.Sample.Cond.Class = nil // those of the data
		}
		if len(o.Sample.Cond.Class) > 0 {
			o.Sample.Cond = o.Sample.Cond.Rows(0, 1)
		}
	}
	if !given("solver") && !given("nfe") && !given("rtol") && !given("atol") {
		o.Sample.Solve = solve.Config{}
	}
	return o, nil
}

// planForPicture is the plan of a model; if its data are not to be had, one
// without them, for pictures that show the model alone.
func (a *app) planForPicture(ctx context.Context, s *run.Saved, other string) (*recipe.Plan, error) {
	bar := newProgress(a.stderr)
	plan, err := s.Plan(ctx, other, bar.reading)
	bar.end()
	if err != nil && other == "" {
		a.note("note: the picture is without the data: %s", oneLine(err))
		return &recipe.Plan{Recipe: s.Recipe, Transform: s.Model.Transform}, nil
	}
	return plan, err
}

func (a *app) plotCommand() *cobra.Command {
	f := sampleFlags{turns: true}
	var out, other string
	var t float64
	var dark bool
	kinds := run.PictureKinds()
	cmd := &cobra.Command{
		Use: "plot MODEL [KIND]", Short: "Draw a picture of a model",
		Long: `Draw a picture of MODEL as .png or .svg, in the numbers of its data. KIND is

  samples      samples over data (the default)
  images       samples beside data, for 8 x 8 columns and more
  paths        how points travel from noise to data
  field        the velocity of the plane at the time --t, guided as samples are
  density      how thick the samples lie
  crossing     a batch of pairs as the model was trained on them
  independent  the same batch paired by chance
  loss         the loss of the run folder
  quality      the distance to data of the run folder's evaluation`,
		Example: `  laminar plot runs/moons -o samples.png
  laminar plot runs/moons field --t 0.3 -o field.svg
  laminar plot runs/moons paths --solver euler --nfe 4 -n 50 -o paths.png`,
		Args: takes(1, 2, "MODEL"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return kinds, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := kinds[0]
			if len(args) > 1 {
				kind = args[1]
			}
			format, err := a.artFormat(out, "png", "svg")
			if err != nil {
				return err
			}
			if !(t >= 0 && t <= 1) {
				return usagef("--t: %v is no time of a flow; give one from 0 (noise) to 1 (data)", t)
			}
			s, err := a.load(args[0])
			if err != nil {
				return err
			}
			plan, err := a.planForPicture(cmd.Context(), s, other)
			if err != nil {
				return err
			}
			o, err := f.pictureOptions(cmd, a, args[0], s)
			if err != nil {
				return err
			}
			o.T, o.Dark = t, dark
			fig, err := run.Picture(cmd.Context(), kind, s, plan, o)
			if err != nil {
				return err
			}
			if err := a.write(out, func(w io.Writer) error { return fig.Write(w, format) }); err != nil {
				return err
			}
			if a.json {
				w, h := fig.Size()
				return a.printJSON(plotted{kind, out, w, h})
			}
			return nil
		},
	}
	f.add(cmd, 2000)
	fs := cmd.Flags()
	fs.StringVarP(&out, "output", "o", "", "`file` to write: .png or .svg")
	fs.StringVar(&other, "data", "", "show this built-in set or `file` instead of the model's own data")
	fs.Float64Var(&t, "t", 0.5, "time of a field, from 0 to 1")
	fs.BoolVar(&dark, "dark", false, "draw on a dark page")
	_ = cmd.RegisterFlagCompletionFunc("data", completeDataFlag)
	return cmd
}

// artFormat is the format of a picture's file by its extension, one of formats.
func (a *app) artFormat(path string, formats ...string) (string, error) {
	if path == "" {
		return "", usagef("-o is missing; name the file to write, .%s", strings.Join(formats, " or ."))
	}
	ext := strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
	for _, f := range formats {
		if ext == f {
			return f, ready(path)
		}
	}
	return "", usagef("-o %s: the extension picks the format; use .%s", path, strings.Join(formats, " or ."))
}
