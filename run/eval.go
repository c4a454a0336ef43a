package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"laminar/data"
	"laminar/flow"
	"laminar/metric"
	"laminar/path"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// EvalOptions says how a model is judged. Start from EvalDefaults.
type EvalOptions struct {
	metric.Config
	// Guidance is the scale of guidance towards conditions, or away from the weak
	// copy of a model that has one; 1 is none.
	Guidance float64
	// Diffusion and DiffusionScale are those of stochastic solvers; "" is the
	// default of package solve.
	Diffusion      string
	DiffusionScale float64
	// GridShift is the factor of the grid shift; 0 is its default.
	GridShift float64
	// Threads bounds the cores; 0 is all.
	Threads int
	// Watch, if not nil, is told how many of how many network evaluations of samples
	// are done, Stage what else is being done. Points are soon judged, and tell nothing.
	Watch func(done, total int)
	Stage func(name string)
}

// stage tells what is being done.
func (o EvalOptions) stage(name string) {
	if o.Stage != nil {
		o.Stage(name)
	}
}

// adaptiveWork stands for the evaluations of a row by adaptive steps in what Watch is
// told.
const adaptiveWork = 100

// work is the number of network evaluations of n rows at a setting.
func work(n int, set metric.Setting) int {
	if set.Adaptive() {
		return n * adaptiveWork
	}
	return n * set.NFE
}

// drawn returns what sample.Draw tells of the samples of a setting: done evaluations
// of total were made before.
func (o EvalOptions) drawn(done, total int, set metric.Setting) func(rows, n int) {
	if o.Watch == nil {
		return nil
	}
	o.Watch(done, total)
	return func(rows, _ int) { o.Watch(done+work(rows, set), total) }
}

// guided says in words how samples are guided, "" where they are not.
func (o EvalOptions) guided(s *Saved) string {
	if o.Guidance == 0 || o.Guidance == 1 {
		return ""
	}
	from := "towards their conditions"
	if s.Model.Weak != nil {
		from = "away from a weaker copy"
	}
	return fmt.Sprintf("samples are guided %s, scale %g: two evaluations a step", from, o.Guidance)
}

// EvalDefaults is metric.Defaults without guidance.
func EvalDefaults() EvalOptions { return EvalOptions{Config: metric.Defaults(), Guidance: 1} }

// Plan composes the recipe of a saved model again, for its data and coupling.
// other names a file or built-in set to judge against instead of the recipe's
// own, "" for none. ctx and tell are those of Gather.
func (s *Saved) Plan(ctx context.Context, other string, tell PassWatch) (*recipe.Plan, error) {
	r := s.Recipe
	material, err := Gather(ctx, &r, tell)
	if err != nil && other == "" {
		return nil, fmt.Errorf("%w; name the data with --data", err)
	}
	if err != nil {
		// The coupling needs the data the model was trained on; without them it
		// is judged by its samples alone.
		material = recipe.Material{}
	}
	var plan *recipe.Plan
	if !material.Data.IsZero() {
		if plan, err = r.Compose(material); err != nil {
			return nil, err
		}
		if s.Coupling != nil {
			if err := plan.RestoreCoupling(s.Coupling); err != nil {
				return nil, err
			}
		}
	} else {
		plan = &recipe.Plan{Recipe: r}
	}
	plan.Transform = s.Model.Transform
	if other == "" {
		return plan, nil
	}
	r.Data.Name, r.Data.Digest, r.Data.HeldOut, r.Data.Standardise = other, "", 0, false
	given, err := gatherData(&pass{ctx: ctx, tell: tell}, &r.Data)
	if err != nil {
		return nil, err
	}
	if given.Set != nil {
		return plan, s.judgeBySet(plan, given.Set, other)
	}
	if len(s.Times) > 0 {
		err = s.judgeAt(plan, given, other)
	} else if t := given.Table; t != nil {
		if err := renumber(t, s.Model.Classes); err != nil {
			return nil, err
		}
		err = plan.JudgeBy(t, s.Model.CondTransform)
	} else {
		plan.JudgeByDraws(given.Toy)
	}
	if err != nil {
		return nil, err
	}
	if plan.Judge.Dim() != s.Model.Dim() {
		return nil, fmt.Errorf("%w: %s has %d columns, the model %d", flow.ErrConfig, other, plan.Judge.Dim(), s.Model.Dim())
	}
	plan.Recipe.Data.Name, plan.Against = other, other
	return plan, nil
}

// fitter is a set that can be read as rows of a model, by the ids that it knows
// classes by; path is the set's name.
type fitter interface {
	fit(s *Saved, path string) (recipe.Set, error)
}

// judgeBySet makes all rows of a set what a model of its kind is judged by.
func (s *Saved) judgeBySet(plan *recipe.Plan, set recipe.Set, name string) error {
	if got := set.Form().Kind(); got != s.Kind() {
		return fmt.Errorf("%w: %s holds %s, the model makes %s", flow.ErrConfig, name, got, s.Kind())
	}
	if f, ok := set.(fitter); ok {
		var err error
		if set, err = f.fit(s, name); err != nil {
			return err
		}
	}
	rows, _, err := set.Split(0, rng.New(0))
	if err != nil {
		return err
	}
	if rows.Dim() != s.Model.Dim() {
		return fmt.Errorf("%w: %s has rows of %d numbers, the model of %d", flow.ErrConfig, name, rows.Dim(), s.Model.Dim())
	}
	plan.JudgeByDraws(rows)
	plan.Recipe.Data.Name, plan.Against = name, name
	return nil
}

// renumber gives the classes of a table the ids that a model knows them by.
func renumber(t *data.Table, classes []string) error {
	if len(classes) == 0 || len(t.Classes) == 0 {
		return nil
	}
	id := make([]int32, len(t.Classes))
	for i, name := range t.Classes {
		id[i] = int32(slices.Index(classes, name))
		if id[i] < 0 {
			return fmt.Errorf("%w: %s holds the class %q, which the model was not trained with", flow.ErrConfig, t.Name, name)
		}
	}
	for i, k := range t.Class {
		if k != flow.NoClass {
			t.Class[i] = id[k]
		}
	}
	t.Classes = classes
	return nil
}

// Evaluate judges a model against its data.
func Evaluate(ctx context.Context, s *Saved, plan *recipe.Plan, o EvalOptions) (metric.Report, error) {
	subject, err := subjectOf(s, plan, o)
	if err != nil {
		return metric.Report{}, err
	}
	if pairs := plan.TrainPairs(); pairs != nil && s.Recipe.Family != "gan" {
		subject.Pairs = pairs
	}
	if s.watchable() != nil {
		return metric.Evaluate(ctx, o.Config, subject)
	}
	if f, err := s.Model.Bind(flow.Cond{}); err == nil {
		subject.Field = f
		subject.Trace = func(ctx context.Context, n int, key rng.Key) (metric.Trajectory, error) {
			return Trace(ctx, s, n, key)
		}
		if plan.Train != nil {
			// Paths are solved in the network's space, and so compared there.
			subject.PathData = plan.Train
		}
	}
	rep, err := metric.Evaluate(ctx, o.Config, subject)
	if note := o.guided(s); err == nil && note != "" {
		rep.Notes = append(rep.Notes, note)
	}
	if err == nil && len(plan.Marginals) > 0 {
		rep.Marginals, err = marginals(ctx, s, plan, o)
	}
	return rep, err
}

// subjectOf returns what a model's samples are judged by, without the figures of
// its flow.
func subjectOf(s *Saved, plan *recipe.Plan, o EvalOptions) (metric.Subject, error) {
	m := s.Model
	judge, about, err := plan.Measured()
	if err != nil {
		return metric.Subject{}, err
	}
	base := sample.Config{Source: s.Source, Workers: o.Threads, Guidance: o.Guidance, Solve: solve.Defaults()}
	subject := metric.Subject{
		Name: plan.Recipe.Data.Name, Data: judge, Against: plan.Against, Batch: s.Recipe.Train.Batch,
		Draw: func(ctx context.Context, n int, set metric.Setting, key rng.Key) (tensor.Mat, float64, error) {
			if !s.suits(set) {
				lost := tensor.New(n, m.Dim()) // a row of nulls in the report
				lost.Data[0] = float32(math.NaN())
				return lost, float64(set.NFE), nil
			}
			c := base
			c.N, c.Seed = n, key.Split("noise")
			c.Solve.Method, c.Solve.NFE = set.Solver, set.NFE
			if o.Diffusion != "" {
				c.Solve.Diffusion, c.Solve.DiffusionScale = o.Diffusion, o.DiffusionScale
			}
			if set.Adaptive() {
				c.Solve.Adaptive, c.Solve.RTol, c.Solve.ATol = true, set.RTol, set.ATol
			}
			if set.Grid != "" {
				grid, err := gridOf(set, o)
				if err != nil {
					return tensor.Mat{}, 0, err
				}
				c.Solve.Grid, c.Solve.NFE = grid, 0
			}
			if !m.Cond.IsZero() {
				// Conditions as the data have them.
				like := flow.NewSample(judge, n)
				if err := judge.DrawAt(like, key.Split("conditions"), 0); err != nil {
					return tensor.Mat{}, 0, err
				}
				c.Cond = like.Cond
			}
			x, stats, err := sample.Draw(ctx, m, c)
			if errors.Is(err, flow.ErrDiverged) {
				lost := tensor.New(n, m.Dim()) // a row of nulls in the report
				lost.Data[0] = float32(math.NaN())
				return lost, stats.NFE, nil
			}
			if err != nil {
				return tensor.Mat{}, 0, err
			}
			y := tensor.New(x.N, x.D)
			if err := about.Forward(y, x); err != nil {
				// Samples beyond float32 are a diverged row of the report.
				return tensor.Convert[float32](x), stats.NFE, nil
			}
			return y, stats.NFE, nil
		},
	}
	if _, scaled := about.(*data.Standardise); scaled {
		subject.Units = "standard deviations of each column"
	}
	subject.Modes, err = modes(judge, o.Key.Split("modes"))
	return subject, err
}

// gridOf returns the steps of a setting with a grid.
func gridOf(set metric.Setting, o EvalOptions) ([]float64, error) {
	m, err := solve.Named(set.Solver)
	if err != nil {
		return nil, err
	}
	cost := 1
	if o.Guidance != 0 && o.Guidance != 1 {
		cost = 2
	}
	steps, err := solve.Steps(m, set.NFE, cost)
	if err != nil {
		return nil, err
	}
	p := path.GridDefaults()
	if o.GridShift != 0 {
		p.Shift = o.GridShift
	}
	return path.Grid(set.Grid, steps, p)
}

// modePoints is the number of points that say where a distribution's modes are.
const modePoints = 2000

// modes returns labelled points of a distribution that is made of components
// and does not carry them as classes, so that their shares are reported; nothing
// for other data.
func modes(d data.RowSource, key rng.Key) (flow.Sample, error) {
	c, ok := d.(data.Classed)
	if !ok || d.Len() > 0 || d.CondSpec().Classes > 0 || len(c.ClassNames()) < 2 {
		return flow.Sample{}, nil
	}
	labelled, err := c.WithClasses()
	if err != nil {
		return flow.Sample{}, err
	}
	s := flow.NewSample(labelled, modePoints)
	return s, labelled.Draw(s, key, 0)
}

// traceSteps is the number of Euler steps of a written-down path.
const traceSteps = 50

// Trace solves n unconditional paths in the network's space and writes down
// all points of them.
func Trace(ctx context.Context, s *Saved, n int, key rng.Key) (metric.Trajectory, error) {
	var tr metric.Trajectory
	c := sample.Config{N: n, Seed: key, Source: s.Source}
	x, err := sample.Start(s.Model, c)
	if err != nil {
		return tr, err
	}
	f, err := s.Model.Bind(flow.Cond{})
	if err != nil {
		return tr, err
	}
	solver, err := solve.New[float32](solve.Config{Method: "euler", Steps: traceSteps})
	if err != nil {
		return tr, err
	}
	for p, err := range solver.Trajectory(ctx, f, x, 0, 1) {
		if err != nil {
			return tr, err
		}
		tr.T = append(tr.T, p.T)
		tr.Z = append(tr.Z, p.X.Clone())
	}
	return tr, nil
}
