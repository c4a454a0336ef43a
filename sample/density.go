package sample

import (
	"context"
	"fmt"
	"math"

	"laminar/flow"
	"laminar/model"
	"laminar/solve"
	"laminar/tensor"
)

// Density is the log density of points, in nats, in the units of the data.
type Density struct {
	// LogP is log p(x) of each row.
	LogP []float64
	// Err is its standard error over the probes: nil where the divergence is exact,
	// NaN with a single probe. The error of the solver's steps is not in it.
	Err []float64
}

// Bits returns the bits per dimension of a log density of d columns,
// -log2 p(x) / d.
func Bits(logP float64, d int) float64 { return -logP / (float64(d) * math.Ln2) }

// LogProb returns the log density of the rows of x, in the numbers of the data,
// under the model and c's conditions: rows are carried back to noise together with
// the change of volume, and the volume of the model's transform is added. N is not
// used, and First counts the probes. c.Solve must be a Runge-Kutta method or ab2.
// The errors are those of Draw; ErrConfig too for a model whose flow does not start
// from N(0, I), and for guidance, under which samples follow no density known here.
func LogProb(ctx context.Context, m *model.Model, c Config, x tensor.Matrix[float64]) (Density, solve.Stats, error) {
	z := tensor.New(x.N, m.Dim())
	if err := x.Check("points", -1, m.Dim()); err != nil {
		return Density{}, solve.Stats{}, err
	}
	if err := m.Transform.Forward(z, x); err != nil {
		return Density{}, solve.Stats{}, err
	}
	state := tensor.Convert[float64](z)
	out, stats, err := volumes(ctx, m, c, state, 1, 0)
	if err != nil {
		return Density{}, stats, err
	}
	stretch := make([]float64, x.N)
	if err := m.Transform.LogDet(stretch, x); err != nil {
		return Density{}, stats, err
	}
	for i := range out.LogP {
		out.LogP[i] += solve.LogNormal(state.Row(i)) + stretch[i]
	}
	return out, stats, nil
}

// DrawLogProb is Draw together with the log density of every row, in one
// solution.
func DrawLogProb(ctx context.Context, m *model.Model, c Config) (tensor.Matrix[float64], Density, solve.Stats, error) {
	var none tensor.Matrix[float64]
	start, err := Start(m, c)
	if err != nil {
		return none, Density{}, solve.Stats{}, err
	}
	state := tensor.Convert[float64](start)
	out, stats, err := volumes(ctx, m, c, state, 0, 1)
	if err != nil {
		return none, Density{}, stats, err
	}
	for i := range out.LogP {
		out.LogP[i] = solve.LogNormal(tensor.Convert[float64](start.Rows(i, i+1)).Data) - out.LogP[i]
	}
	x := tensor.NewOf[float64](state.N, state.D)
	if err := m.Transform.Inverse(x, tensor.Convert[float32](state)); err != nil {
		return none, Density{}, stats, err
	}
	stretch := make([]float64, x.N)
	if err := m.Transform.LogDet(stretch, x); err != nil {
		return none, Density{}, stats, err
	}
	for i := range out.LogP {
		out.LogP[i] += stretch[i]
	}
	return x, out, stats, nil
}

// volumes carries x from t0 to t1 and returns the volumes as LogP.
func volumes(ctx context.Context, m *model.Model, c Config, x tensor.Matrix[float64], t0, t1 float64) (Density, solve.Stats, error) {
	if m.Once {
		return Density{}, solve.Stats{}, fmt.Errorf("%w: this model maps noise to data at once (a GAN, or a network distilled into one step): it tells no density", flow.ErrConfig)
	}
	if len(m.Choices) > 0 {
		return Density{}, solve.Stats{}, fmt.Errorf("%w: this model draws choices beside its flow, which alone tells no density", flow.ErrConfig)
	}
	if c.Source != nil {
		return Density{}, solve.Stats{}, fmt.Errorf("%w: a density needs a flow that starts from N(0, I); this one starts from other data", flow.ErrConfig)
	}
	if c.Guidance != 0 && c.Guidance != 1 {
		return Density{}, solve.Stats{}, &flow.FieldError{Path: "guidance", Msg: "a density is that of the model without guidance; leave it at 1"}
	}
	if err := c.fits(x.N); err != nil {
		return Density{}, solve.Stats{}, err
	}
	out := Density{LogP: make([]float64, x.N)}
	if c.Probes > 0 {
		out.Err = make([]float64, x.N)
	}
	tangents := c.Probes
	if tangents == 0 {
		tangents = m.Dim()
	}
	rows := min(max(leastRows, chunkOf(m.Dim())), chunkOf(m.Dim()*(1+tangents)/64)) // as many tangents share an evaluation
	stats, err := each(ctx, x.N, rows, c, func() (task, error) {
		l, err := solve.NewLikelihood[float32](c.Solve)
		if err != nil {
			return nil, err
		}
		l.Probes, l.Key = c.Probes, c.Seed.Split("probes")
		return func(ctx context.Context, lo, hi int) (solve.Stats, error) {
			f, err := Field(m, c, lo, hi)
			if err != nil {
				return solve.Stats{}, err
			}
			g, ok := f.(flow.DivergentOf[float32])
			if !ok {
				return solve.Stats{}, fmt.Errorf("%w: this model's field tells no divergence, and so no density", flow.ErrConfig)
			}
			l.First = c.First + lo
			v, stats, err := l.Solve(ctx, g, x.Rows(lo, hi), t0, t1)
			copy(out.LogP[lo:hi], v.Log)
			if out.Err != nil {
				copy(out.Err[lo:hi], v.Err)
			}
			return stats, err
		}, nil
	})
	return out, stats, err
}
