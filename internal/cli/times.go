package cli

import (
	"github.com/spf13/cobra"

	"laminar/run"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// timeFlags say from which time to which a model with a column of times carries
// rows, in the numbers of that column.
type timeFlags struct {
	from, to float64
	rows     string
	renew    renewFlags
}

func (f *timeFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.Float64Var(&f.from, "from", 0, "time at which --rows stand (default the first)")
	fs.Float64Var(&f.to, "to", 0, "time at which to stop (default the last)")
	fs.StringVar(&f.rows, "rows", "", "carry the rows of this `file` instead of drawing some")
	f.renew.add(cmd)
}

// drawDensity returns rows with their log density as one more column.
func (f *timeFlags) drawDensity(cmd *cobra.Command, _ *app, s *run.Saved, c sample.Config) (x tensor.Matrix[float64], stats solve.Stats, err error) {
	if changed := cmd.Flags().Changed; changed("from") || changed("to") || f.rows != "" {
		return x, stats, usagef("--logprob is told of points that are drawn from noise, not of rows between two times")
	}
	points, d, stats, err := sample.DrawLogProb(cmd.Context(), s.Model, c)
	if err != nil {
		return x, stats, err
	}
	x = tensor.NewOf[float64](points.N, points.D+1)
	for i := range x.N {
		copy(x.Row(i), points.Row(i))
		x.Row(i)[points.D] = d.LogP[i]
	}
	return x, stats, nil
}

// draw returns rows at the time f.to in the numbers of the data.
func (f *timeFlags) draw(cmd *cobra.Command, a *app, s *run.Saved, c sample.Config) (x tensor.Matrix[float64], stats solve.Stats, err error) {
	changed := cmd.Flags().Changed
	if f.renew.given(cmd) {
		if changed("from") || changed("to") {
			return x, stats, usagef("--strength and --mask make rows anew, --from and --to carry them between times: give one or the other")
		}
		return f.renew.draw(cmd, a, s, c, f.rows)
	}
	if !changed("from") && !changed("to") && f.rows == "" {
		return sample.Draw(cmd.Context(), s.Model, c)
	}
	if len(s.Times) == 0 {
		if f.rows != "" && !changed("from") && !changed("to") {
			return x, stats, usagef("--rows: say what to do with the rows: --strength 0.6 makes them anew from a half-noised state, --mask keeps a part of pictures")
		}
		return x, stats, usagef("--from and --to are for models with times; laminar train --time-column makes one")
	}
	first, last := s.Times[0], s.Times[len(s.Times)-1]
	if !changed("from") {
		f.from = first
	}
	if !changed("to") {
		f.to = last
	}
	t0, err := s.Place(f.from)
	if err != nil {
		return x, stats, err
	}
	t1, err := s.Place(f.to)
	switch {
	case err != nil:
		return x, stats, err
	case t0 == t1:
		return x, stats, usagef("--from and --to are both %v: name two times", f.from)
	case f.rows == "" && f.from != first:
		return x, stats, usagef("--from: the model holds rows of its first time, %v, only; give those of %v with --rows FILE", first, f.from)
	case f.rows != "" && changed("n"):
		return x, stats, usagef("--rows carries all rows of the file, -n draws some: give one")
	}
	var z tensor.Mat
	if f.rows == "" {
		if z, err = sample.Start(s.Model, c); err != nil {
			return x, stats, err
		}
	} else {
		rows, err := s.ReadRowsAt(f.rows, f.from)
		if err != nil {
			return x, stats, err
		}
		for _, n := range rows.Notes {
			a.note("note: %s", n)
		}
		z = tensor.New(rows.X.N, rows.X.D)
		if err := s.Model.Transform.Forward(z, rows.X); err != nil {
			return x, stats, err
		}
	}
	if stats, err = sample.Carry(cmd.Context(), s.Model, c, z, t0, t1); err != nil {
		return x, stats, err
	}
	x = tensor.NewOf[float64](z.N, z.D)
	return x, stats, s.Model.Transform.Inverse(x, z)
}
