package run

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"laminar/data/table"
	"laminar/model"
	"laminar/nn"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/tensor"
)

// What the margins of drawn rows are measured on: at most calibrationRows a time,
// and calibrationNumbers coordinates, but not so few that chance would do more than
// is mended; rounds of them that shift the log-odds, and one more. The curves are
// those of all rounds but the first. A training so short that these would take more than about
// a tenth of it is left as it is, and so is a model of few rows: what they show is
// not known so well, and rows drawn a little inwards are nearer to new ones.
const (
	calibrationRows    = 1 << 15
	calibrationNumbers = 1 << 22
	calibrationLeast   = 1 << 12
	calibrationShare   = 20 // rows that training looks at for each evaluation of a drawn one
)

// calibrationGains are the gains of the rounds: a whole step first, then smaller ones
// that average over the chances of the draws.
var calibrationGains = []float64{1, 0.5, 0.35, 0.25, 0.2}

// Finish is the method of finisher. A network trained to the last still draws
// columns a little too narrow and rare options too seldom: at rows that it has not
// seen it is drawn to those that it has. What columns show for themselves is known
// exactly, so drawn rows are made to show it: the biases of the log-odds are shifted
// until options are as frequent as in the data, and curves bring values to their
// quantiles. Neither needs more of the data than the schema holds already: shares
// of options, and clipped quantiles.
func (tableMedium) Finish(ctx context.Context, s *Saved, plan *recipe.Plan, o Options) error {
	t, err := s.tableOf()
	if err != nil {
		return err
	}
	n, rows := calibrationSize(s, t.Dim()), rawRows(plan.Train)
	switch wide := calibrationNumbers / calibrationLeast; {
	case t.Schema().Rows < fewRows || len(s.Model.Choices) != len(choicesOf(t)):
		return nil
	case t.Dim() > wide:
		o.note("the columns are not calibrated: of %d coordinates, more than %d, too few rows can be drawn to tell", t.Dim(), wide)
		return nil
	case n < calibrationLeast:
		return nil
	}
	return s.calibrate(ctx, t, rows, n, o)
}

// calibrationSize is the number of rows that are drawn a time.
func calibrationSize(s *Saved, dim int) int {
	return min(calibrationRows, calibrationNumbers/dim, s.Steps*s.Recipe.Train.Batch/(calibrationShare*max(s.Solve().NFE, 1)))
}

// calibrate makes the columns of drawn rows show what those of the data show.
func (s *Saved) calibrate(ctx context.Context, t *table.Transform, rows *tableRows, n int, o Options) error {
	o.note("calibrating the columns: %d draws of %d rows", len(calibrationGains)+1, n)
	key := rng.New(s.Recipe.Train.Seed).Split("calibrate")
	data := t.Margins()
	if err := rows.each(2*calibrationNumbers/t.Dim(), key.Split("data"), data.Add); err != nil {
		return err
	}
	m := s.Model
	at, biased := nn.AnswerBias(m.Program.Layout(nn.Group), t.Dim())
	values := t.Margins()
	for round := range len(calibrationGains) + 1 {
		z, _, err := sample.Latent(ctx, m, sample.Config{N: n, Seed: key.Split("draw").At(uint64(round)), Solve: s.Solve(), Workers: o.Threads})
		if err != nil {
			return err
		}
		if round > 0 {
			if err := values.Add(z); err != nil {
				return err
			}
		}
		if round == len(calibrationGains) || !biased {
			continue
		}
		drawn, shift := t.Margins(), make([]float64, t.Dim())
		if err := errors.Join(drawn.Add(z), data.Shift(shift, drawn, calibrationGains[round])); err != nil {
			return err
		}
		if m, err = biasedBy(m, at, shift); err != nil {
			return err
		}
	}
	bent, err := t.Bend(data.Curves(values))
	if err != nil {
		return fmt.Errorf("calibrating: %w", err)
	}
	s.Model, s.Form = m, tableForm{bent}
	return nil
}

// biasedBy is m with by added to the bias of its answer, which begins at parameter at.
func biasedBy(m *model.Model, at int, by []float64) (*model.Model, error) {
	c := m.Config
	c.Params = slices.Clone(c.Params)
	for k, v := range by {
		c.Params[at+k] += float32(v)
	}
	return model.New(c)
}

// each calls do with the coordinates of at most n rows, or of all if they are fewer,
// some at a time.
func (s *tableRows) each(n int, key rng.Key, do func(z tensor.Mat) error) error {
	const chunk = 1024
	x := tensor.NewOf[float64](min(chunk, s.rows.Len()), len(s.t.Schema().Columns))
	z := tensor.New(x.N, s.t.Dim())
	have, first := 0, 0
	flush := func() error {
		if have == 0 {
			return nil
		}
		part := z.Rows(0, have)
		if err := s.t.ForwardSpread(part, x.Rows(0, have), key.Split("cells"), uint64(first)); err != nil {
			return err
		}
		first, have = first+have, 0
		return do(part)
	}
	for i := range s.picked(n, key) {
		if err := s.rows.At(x.Row(have), i); err != nil {
			return err
		}
		if have++; have == x.N {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
