package cli

import (
	"github.com/spf13/cobra"

	"laminar/flow"
	"laminar/run"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// renewFlags say how the rows of a file are made anew.
type renewFlags struct {
	strength float64
	mask     string
}

func (f *renewFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.Float64Var(&f.strength, "strength", 1, "make --rows anew: share of the way back to noise, up to 1")
	fs.StringVar(&f.mask, "mask", "", "make the white part of this picture `file` anew in --rows, keep the black")
}

func (f *renewFlags) given(cmd *cobra.Command) bool {
	return cmd.Flags().Changed("strength") || cmd.Flags().Changed("mask")
}

// maskNFE is the number of evaluations of in-painting, which takes steps several
// times.
const maskNFE = 100

// draw returns the rows of a file made anew, in the numbers of the data. Of one
// row -n makes several.
func (f *renewFlags) draw(cmd *cobra.Command, a *app, s *run.Saved, c sample.Config, file string) (x tensor.Matrix[float64], stats solve.Stats, err error) {
	if file == "" {
		return x, stats, usagef("--strength and --mask make rows anew: name them with --rows FILE")
	}
	rows, err := s.ReadRows(file)
	if err != nil {
		return x, stats, err
	}
	for _, n := range rows.Notes {
		a.note("note: %s", n)
	}
	n := rows.X.N
	if cmd.Flags().Changed("n") {
		if n > 1 && n != c.N {
			return x, stats, usagef("-n: %s has %d rows, each of which is made anew once; name a file of one row to make %d of it", file, n, c.N)
		}
		n = c.N
	}
	given := tensor.NewOf[float64](n, rows.X.D)
	cond := flow.NewCond(flow.CondSpec{Classes: min(len(rows.Cond.Class), 1)}, n, 0)
	for i := range n {
		copy(given.Row(i), rows.X.Row(i%rows.X.N))
		if len(rows.Cond.Class) > 0 {
			cond.Class[i] = rows.Cond.Class[i%rows.X.N]
		}
	}
	switch {
	case len(c.Cond.Class) > 0: // the class asked for, whatever the rows are
		k := c.Cond.Class[0]
		c.Cond.Class = make([]int32, n)
		for i := range n {
			c.Cond.Class[i] = k
		}
	case !c.Cond.Real.IsEmpty():
		return x, stats, usagef("--cond is not for rows of a file")
	default:
		c.Cond = cond
	}
	r := sample.RenewalDefaults()
	r.Strength = f.strength
	if f.mask != "" {
		keep, err := s.ReadMask(f.mask)
		if err != nil {
			return x, stats, err
		}
		r.Keep = tensor.New(n, len(keep))
		for i := range n {
			copy(r.Keep.Row(i), keep)
		}
		if !cmd.Flags().Changed("nfe") && !cmd.Flags().Changed("grid") && len(c.Solve.Grid) == 0 && !c.Solve.Adaptive {
			c.Solve.NFE = maskNFE
		}
	}
	z := tensor.New(n, given.D)
	if err := s.Model.Transform.Forward(z, given); err != nil {
		return x, stats, err
	}
	if stats, err = sample.Renew(cmd.Context(), s.Model, c, z, r); err != nil {
		return x, stats, err
	}
	x = tensor.NewOf[float64](n, given.D)
	return x, stats, s.Model.Transform.Inverse(x, z)
}
