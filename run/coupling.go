package run

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"laminar/coupling"
	"laminar/data"
	"laminar/flow"
	"laminar/internal/kernel"
	"laminar/metric"
	"laminar/plot"
	"laminar/recipe"
	"laminar/rng"
	"laminar/tensor"
	"laminar/train"
)

// CouplingOptions says which couplings Couplings measures and how. Start from
// CouplingDefaults.
type CouplingOptions struct {
	// Names are entries of coupling.Catalogue; empty means all that fit the data.
	Names []string
	// Optimum is the number of points on each side of the exact transport that
	// stands for the true one, at least 2.
	Optimum int
	// Kernels names the kernel set of the training step, "" for the best.
	Kernels string
	// Watch is told the name of each coupling before it is measured. Optional.
	Watch func(name string)
}

// CouplingDefaults measures all couplings against transport of 8192 points.
func CouplingDefaults() CouplingOptions { return CouplingOptions{Optimum: 8192} }

// CouplingReport is what Couplings finds.
type CouplingReport struct {
	Data  string `json:"data"`
	Batch int    `json:"batch"`
	// Optimum is the mean squared distance of pairs under exact transport of
	// OptimumN points on each side.
	Optimum  float64 `json:"optimum"`
	OptimumN int     `json:"optimum_n"`
	// StepMillis is the time of a training step with independent pairs.
	StepMillis float64         `json:"step_ms"`
	Couplings  []CouplingFacts `json:"couplings"`
	Notes      []string        `json:"notes"`
}

// CouplingFacts are the figures of one coupling, in the network's space.
type CouplingFacts struct {
	Name string `json:"name"`
	// Cost is the mean squared distance of the pairs; Bias is Cost less the
	// optimum.
	Cost float64 `json:"cost"`
	Bias float64 `json:"bias"`
	// Crossing is metric.Crossing.
	Crossing metric.Number `json:"crossing"`
	// ChiSquare is that of the data's shares of the noise, of semidiscrete.
	ChiSquare *float64 `json:"chi_square,omitempty"`
	// PrepareSeconds is the time spent before the first batch, FillMillis the
	// median time to make a batch, and Share what part of a step's time that is
	// when one core does both: Fill / (Fill + Step).
	PrepareSeconds float64 `json:"prepare_seconds"`
	FillMillis     float64 `json:"fill_ms"`
	Share          float64 `json:"share"`

	x0, x1 tensor.Mat // a batch, in the network's space
}

// shownPairs is the number of pairs that Figure draws.
const shownPairs = 256

// Couplings measures couplings of the data that a recipe names: their cost beside
// the optimum, how much their lines cross, and the time they take beside a
// training step of the recipe's network.
func Couplings(ctx context.Context, r recipe.Recipe, o CouplingOptions) (*CouplingReport, *recipe.Plan, error) {
	if o.Optimum < 2 {
		return nil, nil, &flow.FieldError{Path: "optimum", Msg: fmt.Sprintf("%d points are too few: need 2 or more", o.Optimum)}
	}
	if r.Data.TimeColumn != "" {
		return nil, nil, &flow.FieldError{Path: "data.time_column", Msg: "couplings are measured from noise or one source to the data, not from time to time"}
	}
	material, err := Gather(ctx, &r, nil)
	if err != nil {
		return nil, nil, err
	}
	asked := r.Coupling.Name
	r.Coupling.Name = "independent"
	plain, err := r.Compose(material)
	if err != nil {
		return nil, nil, err
	}
	names := o.Names
	if len(names) == 0 {
		for _, e := range coupling.Catalogue() {
			if e.Name == "semidiscrete" && (plain.Train.CondSpec().Real > 0 || plain.Train.CondSpec().Mask) {
				continue
			}
			if e.Name == "c2ot" && plain.Train.CondSpec().IsZero() {
				continue // it is ot
			}
			names = append(names, e.Name)
		}
	}
	rep := &CouplingReport{Data: r.Data.Name, Batch: r.Train.Batch, Notes: []string{}}
	// Faults of settings show before the first long work.
	var plans []*recipe.Plan
	for _, name := range names {
		if r.Coupling.Name = name; name == recipe.AutoCoupling {
			r.Coupling.Name = asked
		}
		p, err := r.Compose(material)
		if err != nil {
			return nil, nil, err
		}
		plans = append(plans, p)
	}
	if o.Watch != nil {
		o.Watch(fmt.Sprintf("the optimum of %d points", o.Optimum))
	}
	if err := rep.optimum(plain, o.Optimum); err != nil {
		return nil, nil, err
	}
	if err := rep.step(ctx, plain, o.Kernels); err != nil {
		return nil, nil, err
	}
	for _, p := range plans {
		if o.Watch != nil {
			o.Watch(p.Recipe.Coupling.Name)
		}
		f, err := rep.measure(ctx, p)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p.Recipe.Coupling.Name, err)
		}
		rep.Couplings = append(rep.Couplings, f)
	}
	return rep, plain, nil
}

// optimum pairs n draws of either side exactly.
func (rep *CouplingReport) optimum(p *recipe.Plan, n int) error {
	if l := p.Train.Len(); l > 0 && l < n {
		rep.Notes = append(rep.Notes, fmt.Sprintf("the optimum repeats rows of the data: there are %d", l))
	}
	ot, err := coupling.NewOT("sqeuclidean")
	if err != nil {
		return err
	}
	pairs, err := coupling.NewSource(p.Source, unconditional{p.Train}, ot)
	if err != nil {
		return err
	}
	b := flow.NewBatch(n, pairs.Dim(), flow.CondSpec{})
	if err := pairs.Fill(&b, rng.New(p.Recipe.Train.Seed).Split("optimum"), 0); err != nil {
		return err
	}
	rep.Optimum, rep.OptimumN = squared(b), n
	return nil
}

// unconditional is a data set without its conditions.
type unconditional struct{ data.RowSource }

func (unconditional) CondSpec() flow.CondSpec { return flow.CondSpec{} }

func (u unconditional) Draw(dst flow.Sample, key rng.Key, i int) error {
	dst.Cond = flow.NewCond(u.RowSource.CondSpec(), dst.X.N, dst.X.D)
	return u.RowSource.Draw(dst, key, i)
}

// squared is the mean squared distance of a batch's pairs.
func squared(b flow.Batch) (sum float64) {
	for k, v := range b.X0.Data {
		d := float64(b.X1.Data[k]) - float64(v)
		sum += d * d
	}
	return sum / float64(b.X0.N)
}

// step times a training step with independent pairs.
func (rep *CouplingReport) step(ctx context.Context, p *recipe.Plan, kernels string) error {
	k, err := pickKernels(kernels, "")
	if err != nil {
		return err
	}
	if kernels == "" {
		k = kernel.Best()
	}
	t, err := p.Trainer(train.Options{Kernels: k})
	if err != nil {
		return err
	}
	var took []float64
	last := time.Now()
	for _, err := range t.Run(ctx) {
		if err != nil {
			return err
		}
		now := time.Now()
		took = append(took, now.Sub(last).Seconds())
		if last = now; len(took) >= 60 {
			break
		}
	}
	rep.StepMillis = 1e3 * median(took[len(took)/3:])
	return nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

func (rep *CouplingReport) measure(ctx context.Context, p *recipe.Plan) (f CouplingFacts, err error) {
	f.Name = p.Recipe.Coupling.Name
	begun := time.Now()
	if err := p.Prepare(ctx); err != nil {
		return f, err
	}
	f.PrepareSeconds = time.Since(begun).Seconds()
	if s, ok := p.Pairs.Pairer().(*coupling.Semidiscrete); ok {
		chi := s.ChiSquare()
		f.ChiSquare = &chi
	}
	key := rng.New(p.Recipe.Train.Seed).Split("measure")
	b := flow.NewBatch(rep.Batch, p.Train.Dim(), p.Train.CondSpec())
	batches := max(8*p.Recipe.Coupling.Block, (rep.OptimumN+rep.Batch-1)/rep.Batch)
	var took []float64
	for i := range batches {
		if err := ctx.Err(); err != nil {
			return f, err
		}
		begun := time.Now()
		if err := p.Pairs.Fill(&b, key, i); err != nil {
			return f, err
		}
		took = append(took, time.Since(begun).Seconds())
		f.Cost += squared(b) / float64(batches)
		if i == 0 {
			n := min(shownPairs, b.X0.N)
			f.x0, f.x1 = tensor.New(n, b.X0.D), tensor.New(n, b.X0.D)
			copy(f.x0.Data, b.X0.Data)
			copy(f.x1.Data, b.X1.Data)
		}
	}
	f.Bias = f.Cost - rep.Optimum
	// A block comes due once in its batches: the mean is what a batch takes.
	f.FillMillis = 1e3 * median(took)
	if p.Recipe.Coupling.Block > 1 {
		var sum float64
		for _, t := range took {
			sum += t
		}
		f.FillMillis = 1e3 * sum / float64(len(took))
	}
	f.Share = f.FillMillis / (f.FillMillis + rep.StepMillis)
	c := metric.DefaultCrossing(p.Train.Dim())
	if c.Triples == 0 {
		f.Crossing = metric.Number(math.NaN())
		return f, nil
	}
	c.Batch, c.Key = rep.Batch, key.Split("crossing")
	x, err := metric.Crossing(ctx, p.Pairs, c)
	f.Crossing = metric.Number(x.Value)
	return f, err
}

// Figure draws pairs of a coupling as lines, in the numbers of the data, which
// have two columns, or one.
func (f CouplingFacts) Figure(p *recipe.Plan, dark bool) (plot.Figure, error) {
	if d := f.x0.D; d != 2 && d != 1 {
		return plot.Figure{}, fmt.Errorf("%w: pairs of %d columns cannot be drawn as lines, which takes 2, or 1", flow.ErrConfig, d)
	}
	var ends [2]tensor.Mat
	for k, z := range []tensor.Mat{f.x0, f.x1} {
		x := tensor.NewOf[float64](z.N, z.D)
		if err := p.Transform.Inverse(x, z); err != nil {
			return plot.Figure{}, err
		}
		ends[k] = tensor.New(z.N, z.D)
		for i, v := range x.Data {
			ends[k].Data[i] = float32(v)
		}
	}
	title := fmt.Sprintf("%s, %d pairs", f.Name, f.x0.N)
	if f.x0.D == 1 {
		return plot.Curves{Title: title, T: []float64{0, 1}, Z: ends[:], Name: p.Columns[0], End: "data", Count: f.x0.N, Dark: dark}.Figure()
	}
	return plot.Lines{Title: title, X0: ends[0], X1: ends[1], Count: f.x0.N, Names: axisNames(p.Recipe.Data.Name, p.Columns), Dark: dark}.Figure()
}
