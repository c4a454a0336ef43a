// Package sample draws from a model: noise at t = 0, carried along the field to
// t = 1, and back through the model's transform.
//
//	x, stats, err := sample.Draw(ctx, m, sample.Config{N: 500, Seed: rng.New(7), Solve: solve.Defaults()})
//
// LogProb gives the log density of points of the data, DrawLogProb draws points
// and their density in one solution. A model follows its flow with any method of
// package solve; what it lacks for one is the method's error.
//
// Row i depends on the seed and on i only: not on N, on the number of cores or
// on how rows are grouped. So ten thousand rows can be drawn in one piece, or by
// ten machines with First set, and are the same.
package sample

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"laminar/data"
	"laminar/field"
	"laminar/flow"
	"laminar/model"
	"laminar/rng"
	"laminar/solve"
	"laminar/tensor"
)

// Config says what to draw and how.
type Config struct {
	// N is the number of rows, First the index of the first one. Rows, if not nil,
	// holds the indices of all N instead.
	N, First int
	Rows     []int
	// Seed is the key of the noise.
	Seed rng.Key
	// Solve is how to follow the field.
	Solve solve.Config
	// Source is where the flow starts, in the network's space; nil is N(0, I).
	Source data.RowSource
	// Cond holds N rows of conditions, or none.
	Cond flow.Cond
	// Guidance is the scale s of classifier-free guidance,
	// v_u + s (v_c - v_u), or for a model without conditions that of guidance away
	// from its weak parameters w, v_w + s (v - v_w); 0 and 1 mean none. It doubles
	// the cost.
	Guidance float64
	// Probes is the number of random probes of a density, 0 for the exact one.
	Probes int
	// Workers bounds the goroutines; 0 is GOMAXPROCS.
	Workers int
	// Watch is told how many rows of how many are done, by one goroutine at a time.
	// Optional.
	Watch func(done, total int)
}

// A worker solves at most mostRows rows at a time, and fewer where a row is much
// work, as an image or a molecule is, about as many as the network computes together:
// all cores have some, and a cancelled context is soon seen.
const (
	mostRows = 512
	rowWork  = 1 << 15
	// leastRows is the fewest that share the setting up of an evaluation.
	leastRows = 16
)

// chunkOf is the number of rows that a worker solves at a time where work numbers
// of a row are computed together. It changes no bits, as rows do not mix.
func chunkOf(work int) int { return max(1, min(mostRows, rowWork/max(work, 1))) }

// MaxRows is the most rows of dim columns that are drawn at once: 2^30 numbers.
func MaxRows(dim int) int { return 1 << 30 / max(1, dim) }

// Start returns the rows from which Draw starts, at most MaxRows: noise, or rows
// of Source, with the choices of the model masked and the observed coordinates of
// Cond at their values.
func Start(m *model.Model, c Config) (tensor.Mat, error) {
	src := c.Source
	if src == nil {
		src = data.Noise(m.Dim())
	}
	if src.Dim() != m.Dim() {
		return tensor.Mat{}, fmt.Errorf("%w: the source has %d columns, the model %d", flow.ErrConfig, src.Dim(), m.Dim())
	}
	if c.N < 0 || c.First < 0 {
		return tensor.Mat{}, fmt.Errorf("%w: cannot draw %d rows from row %d", flow.ErrConfig, c.N, c.First)
	}
	if most := MaxRows(m.Dim()); c.N > most {
		return tensor.Mat{}, fmt.Errorf("%w: %d rows of %d columns are more than %d; draw them in parts", flow.ErrConfig, c.N, m.Dim(), most)
	}
	if err := c.indexed(c.N); err != nil {
		return tensor.Mat{}, err
	}
	s := flow.NewSample(src, c.N)
	if c.Rows == nil {
		if err := src.DrawAt(s, c.Seed, c.First); err != nil {
			return s.X, err
		}
	}
	for i, r := range c.Rows {
		if err := src.DrawAt(flow.Sample{X: s.X.Rows(i, i+1), Cond: s.Cond.Rows(i, i+1)}, c.Seed, r); err != nil {
			return s.X, err
		}
	}
	for i := range s.X.N {
		for _, k := range m.Choices {
			clear(s.X.Row(i)[k.Offset : k.Offset+k.Width()])
		}
	}
	if !c.Cond.Mask.IsEmpty() {
		if err := errors.Join(c.Cond.Mask.Check("observed mask", c.N, m.Dim()), c.Cond.Observed.Check("observed values", c.N, m.Dim())); err != nil {
			return s.X, err
		}
		for k, seen := range c.Cond.Mask.Data {
			if seen != 0 {
				s.X.Data[k] = c.Cond.Observed.Data[k]
			}
		}
	}
	return s.X, nil
}

// Field returns the field that Draw follows for rows lo to hi-1: conditions
// bound, guidance applied.
func Field(m *model.Model, c Config, lo, hi int) (flow.Field, error) {
	cond := flow.Cond{}
	if len(c.Cond.Class) > 0 || !c.Cond.Real.IsEmpty() || !c.Cond.Mask.IsEmpty() {
		cond = c.Cond.Rows(lo, hi)
	}
	f, err := m.Bind(cond)
	if err != nil {
		return nil, err
	}
	if c.Guidance == 0 || c.Guidance == 1 {
		return f, nil
	}
	from := m
	if m.Cond.IsZero() {
		if from = m.Weaker(); from == nil {
			return nil, fmt.Errorf("%w: guidance needs a model that was trained with conditions, or has a weak copy of itself", flow.ErrConfig)
		}
	}
	free, err := from.Bind(flow.Cond{})
	if err != nil {
		return nil, err
	}
	return field.Guided[float32](f, free, c.Guidance)
}

// Latent draws in the network's space, without the transform.
func Latent(ctx context.Context, m *model.Model, c Config) (tensor.Mat, solve.Stats, error) {
	x, err := Start(m, c)
	if err != nil {
		return x, solve.Stats{}, err
	}
	stats, err := Carry(ctx, m, c, x, 0, 1)
	return x, stats, err
}

// Carry moves the rows of x, in the network's space, from time t0 to t1 along
// the field, over all cores: forwards to sample, backwards to encode. It
// overwrites x.
func Carry(ctx context.Context, m *model.Model, c Config, x tensor.Mat, t0, t1 float64) (solve.Stats, error) {
	if err := x.Check("rows", -1, m.Dim()); err != nil {
		return solve.Stats{}, err
	}
	if err := c.Solve.Validate(); err != nil {
		return solve.Stats{}, err
	}
	if err := c.fits(x.N); err != nil {
		return solve.Stats{}, err
	}
	if err := c.once(m, t0, t1); err != nil {
		return solve.Stats{}, err
	}
	if _, err := Solver(m, c); err != nil {
		return solve.Stats{}, err
	}
	chunk := max(leastRows, min(chunkOf(m.Dim()), 2*m.BlockRows()))
	return each(ctx, x.N, chunk, c, func() (task, error) {
		solver, err := Solver(m, c)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, lo, hi int) (solve.Stats, error) {
			f, err := Field(m, c, lo, hi)
			if err != nil {
				return solve.Stats{}, err
			}
			if solver.First = c.First + lo; c.Rows != nil {
				solver.Rows = c.Rows[lo:hi]
			}
			return solver.Solve(ctx, f, x.Rows(lo, hi), t0, t1)
		}, nil
	})
}

// once refuses all but a single step from noise to data to a model that takes no
// other.
func (c Config) once(m *model.Model, t0, t1 float64) error {
	if !m.Once {
		return nil
	}
	if t0 != 0 || t1 != 1 {
		return fmt.Errorf("%w: this model maps noise to data at once (a GAN, or a network distilled into one step): it has no flow to run backwards", flow.ErrConfig)
	}
	cost := 1
	if c.Guidance != 0 && c.Guidance != 1 {
		cost = 2
	}
	if s := c.Solve; s.Adaptive || s.Method != "euler" || s.NFE > cost || s.Steps > 1 || len(s.Grid) > 2 {
		return &flow.FieldError{Path: "nfe", Msg: "this model maps noise to data at once (a GAN, or a network distilled into one step): it takes 1 evaluation by euler, and more make it worse"}
	}
	return nil
}

// indexed tells whether the indices are those of n rows, or none.
func (c Config) indexed(n int) error {
	if c.Rows != nil && len(c.Rows) != n {
		return fmt.Errorf("%w: %d indices for %d rows", flow.ErrShape, len(c.Rows), n)
	}
	return nil
}

// fits tells whether the conditions are those of n rows, or none, and the indices too.
func (c Config) fits(n int) error {
	if err := c.indexed(n); err != nil {
		return err
	}
	for _, have := range []int{len(c.Cond.Class), c.Cond.Real.N, c.Cond.Mask.N, c.Cond.Observed.N} {
		if have != 0 && have != n {
			return fmt.Errorf("%w: conditions of %d rows for %d points", flow.ErrShape, have, n)
		}
	}
	return nil
}

// Solver returns the solver that Draw uses, with what the model knows: the
// schedule of its paths, its choices, and for these and the noise of an SDE a key of
// the seed. The error is
// a *flow.FieldError on "method" for an SDE where the model's coupling makes scores
// untrue, or that of solve.New.
func Solver(m *model.Model, c Config) (*solve.Solver[float32], error) {
	s, err := solve.New[float32](c.Solve)
	if err != nil {
		return nil, err
	}
	method, err := solve.Named(c.Solve.Method)
	if err != nil {
		return nil, err
	}
	if method.Kind == solve.SDE && m.Coupled {
		return nil, &flow.FieldError{Path: "method", Msg: method.Name + " needs a score, which the velocity tells only where noise and data were paired by chance; " +
			"this model was trained with another coupling, or on pairs that a teacher made: choose an ODE method such as heun, or train with --coupling independent"}
	}
	s.Schedule, s.Choices = m.Schedule, m.Choices
	s.Key, s.First, s.Rows = c.Seed.Split("sde"), c.First, c.Rows
	return s, nil
}

// task solves rows lo to hi-1.
type task func(ctx context.Context, lo, hi int) (solve.Stats, error)

// each has n rows solved in chunks over the cores; worker makes the task of one
// goroutine.
func each(ctx context.Context, n, chunk int, c Config, worker func() (task, error)) (solve.Stats, error) {
	chunks, workers := (n+chunk-1)/chunk, c.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = max(1, min(workers, chunks))
	stats := make([]solve.Stats, chunks)
	errs := make([]error, chunks)
	next := make(chan int, chunks)
	for i := range chunks {
		next <- i
	}
	close(next)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for range workers {
		wg.Go(func() {
			do, err := worker()
			for i := range next {
				lo, hi := i*chunk, min((i+1)*chunk, n)
				if err == nil {
					stats[i], err = do(ctx, lo, hi)
				}
				if errs[i] = err; err != nil {
					stop()
				} else if c.Watch != nil {
					mu.Lock()
					done += hi - lo
					c.Watch(done, n)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	var total solve.Stats
	for i, s := range stats {
		rows := float64(min((i+1)*chunk, n) - i*chunk)
		total.NFE += rows * s.NFE
		total.Steps += rows * s.Steps
		total.Rejected += rows * s.Rejected
		total.MaxNFE = max(total.MaxNFE, s.MaxNFE)
	}
	if n > 0 {
		total.NFE, total.Steps, total.Rejected = total.NFE/float64(n), total.Steps/float64(n), total.Rejected/float64(n)
	}
	return total, firstCause(errs)
}

// firstCause returns the first error that is not the echo of another one.
func firstCause(errs []error) error {
	var echo error
	for _, err := range errs {
		if err == nil {
			continue
		}
		if !errors.Is(err, context.Canceled) {
			return err
		}
		echo = err
	}
	return echo
}

// Draw returns N rows in the numbers of the user's data.
func Draw(ctx context.Context, m *model.Model, c Config) (tensor.Matrix[float64], solve.Stats, error) {
	x, stats, err := Latent(ctx, m, c)
	if err != nil {
		return tensor.Matrix[float64]{}, stats, err
	}
	out := tensor.NewOf[float64](x.N, x.D)
	return out, stats, m.Transform.Inverse(out, x)
}
