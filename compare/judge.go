package compare

import (
	"context"
	"fmt"
	"math"
	"sync"

	"laminar/data"
	"laminar/flow"
	"laminar/metric"
	"laminar/model"
	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// Target is the multiple of the floor that training is timed to, Tolerance the
// multiple of a method's own best W2 within which fewer evaluations are enough.
const (
	Target    = 1.5
	Tolerance = 1.25
)

// judge measures every training: all figures of the finished models, then W2
// along the way.
func (w *work) judge(ctx context.Context) error {
	total := len(w.methods) * w.cfg.Seeds
	for i, m := range w.methods {
		for s := range w.trials[i] {
			w.watch(Progress{"judging " + m.Name, i*w.cfg.Seeds + s, total})
			if err := w.judgeOne(ctx, m, s, &w.trials[i][s]); err != nil {
				return fmt.Errorf("%s, seed %d: %w", m.Name, w.cfg.Seed+uint64(s), err)
			}
		}
	}
	return w.follow(ctx)
}

// key is the source of the points that all methods of a seed are judged by.
func (w *work) key(s int) rng.Key { return rng.New(w.cfg.Seed + uint64(s)).Split("compare") }

func (w *work) judgeOne(ctx context.Context, m method, s int, t *trial) error {
	o := run.EvalDefaults()
	o.N, o.Pairs, o.W2Only, o.Key, o.Threads = w.cfg.N, w.cfg.Pairs, true, w.key(s), w.cfg.Threads
	o.Settings = m.settings()
	plan := *t.plan
	plan.Pairs = nil // crossing is measured here, of the pairs trained on
	o.Paths = w.sized(o.Paths)
	rep, err := run.Evaluate(ctx, t.saved, &plan, o)
	if err != nil {
		return err
	}
	w.against, w.units = rep.Against, rep.Units
	if len(w.floor) <= s {
		w.floor = append(w.floor, float64(rep.Floor.W2))
	}
	t.straightness, t.energy, t.npe, t.crossing = float64(rep.Straightness), float64(rep.PathEnergy), float64(rep.NPE), math.NaN()
	for _, r := range rep.Rows {
		t.w2 = append(t.w2, float64(r.W2))
	}
	t.needed = needed(t.w2)
	if m.once {
		t.straightness, t.energy, t.npe, t.needed = math.NaN(), math.NaN(), math.NaN(), math.NaN()
		return nil
	}
	if s > 0 {
		return nil // what follows is shown of the first seed
	}
	cfg := metric.DefaultCrossing(t.plan.Train.Dim())
	cfg.Triples, cfg.Queries = w.sized(cfg.Triples), w.sized(cfg.Queries)
	cfg.Batch, cfg.Key = t.plan.Recipe.Train.Batch, w.key(s).Split("crossing")
	if cfg.Triples > 0 {
		c, err := metric.Crossing(ctx, t.plan.TrainPairs(), cfg)
		if err != nil {
			return err
		}
		t.crossing = c.Value
	}
	return w.watchOne(ctx, s, t)
}

// sized is what a number becomes that is meant for distances of 2000 points.
func (w *work) sized(n int) int { return n * min(w.cfg.N, 2000) / 2000 }

// watchTimes is the number of equal parts of the way from noise to data at whose
// ends its states are compared with data.
const watchTimes = 4

// watchOne measures how far the states of a flow are from data on the way.
func (w *work) watchOne(ctx context.Context, s int, t *trial) error {
	tr, err := run.Trace(ctx, t.saved, w.sized(followPoints), w.key(s).Split("watch"))
	if err != nil {
		return err
	}
	data := flow.NewSample(t.plan.Train, w.sized(followPoints))
	if err := t.plan.Train.DrawAt(data, w.key(s).Split("watched"), 0); err != nil {
		return err
	}
	for k := range watchTimes + 1 {
		d, err := metric.W2(tr.Z[k*(len(tr.Z)-1)/watchTimes], data.X)
		if err != nil {
			d = math.NaN()
		}
		t.watched = append(t.watched, d)
	}
	return nil
}

// needed is the number of evaluations from which w2, at evaluations, stays within
// Tolerance of its last value, read off straight lines between the logarithms.
func needed(w2 []float64) float64 {
	last := len(w2) - 1
	bound := Tolerance * w2[last]
	if math.IsNaN(bound) {
		return math.NaN()
	}
	for k := last; k > 0; k-- {
		if !(w2[k-1] <= bound) { // NaN too
			return cross(float64(evaluations[k-1]), float64(evaluations[k]), w2[k-1], w2[k], bound)
		}
	}
	return 1
}

// cross is where, between a and b, a quantity that goes from u to v is equal to
// bound, all in logarithms; b if u is not a number.
func cross(a, b, u, v, bound float64) float64 {
	if math.IsNaN(u) || u == v {
		return b
	}
	share := math.Log(u/bound) / math.Log(u/v)
	return a * math.Pow(b/a, share)
}

// reached is the number of steps at which the distances along a training come to
// Target times the floor, NaN if they do not.
func reached(marks []mark, along []float64, floor float64) float64 {
	bound := Target * floor
	for i, value := range along {
		switch {
		case !(value <= bound):
		case i == 0 || marks[i-1].step == 0:
			return float64(marks[i].step)
		default:
			return cross(float64(marks[i-1].step), float64(marks[i].step), along[i-1], value, bound)
		}
	}
	return math.NaN()
}

// follow measures W2 of the weights kept along the way and finds when it came to
// Target times the floor of the same points.
func (w *work) follow(ctx context.Context) error {
	type job struct{ method, seed int }
	var jobs []job
	for i := range w.methods {
		for s := range w.trials[i] {
			jobs = append(jobs, job{i, s})
		}
	}
	done := 0
	var mu sync.Mutex
	return w.each(ctx, len(jobs), func(ctx context.Context, k int) error {
		j := jobs[k]
		err := w.followOne(ctx, w.methods[j.method], j.seed, &w.trials[j.method][j.seed])
		mu.Lock()
		defer mu.Unlock()
		done++
		w.watch(Progress{"following the trainings", done, len(jobs)})
		return err
	})
}

// followPoints and followPairs are the size of a distance along the way.
const (
	followPoints = 1000
	followPairs  = 4
)

func (w *work) followOne(ctx context.Context, m method, s int, t *trial) error {
	judge, about, err := t.plan.Measured()
	if err != nil {
		return err
	}
	n := w.sized(followPoints)
	if l := judge.Len(); l > 0 {
		n = min(n, l/2)
	}
	key := w.key(s).Split("follow")
	var points [2 * followPairs]flow.Sample
	floor := 0.0
	for i := range points {
		points[i] = flow.NewSample(judge, n)
		if err := judge.Draw(points[i], key.Split("data").At(uint64(i/2)), i%2); err != nil {
			return err
		}
		if i%2 == 1 {
			f, err := metric.W2(points[i-1].X, points[i].X)
			if err != nil {
				return err
			}
			floor += f / followPairs
		}
	}
	for _, mark := range t.marks {
		trained, err := t.plan.Model(mark.params, nil)
		if err != nil {
			return err
		}
		value := 0.0
		for p := range followPairs {
			x, err := draw(ctx, trained, t.plan, about, m, n, key.Split("noise").At(uint64(p)))
			if err != nil {
				return err
			}
			d, err := metric.W2(x, points[2*p].X)
			if err != nil {
				d = math.NaN() // samples that are nowhere
			}
			value += d / followPairs
		}
		t.along = append(t.along, value)
	}
	t.toTarget = reached(t.marks, t.along, floor)
	return nil
}

// draw samples a model at its own number of evaluations, in the numbers that distances are
// measured in.
func draw(ctx context.Context, trained *model.Model, plan *recipe.Plan, about data.Transform, m method, n int, key rng.Key) (tensor.Mat, error) {
	c := sample.Config{N: n, Seed: key, Workers: 1, Solve: solve.Defaults()}
	c.Solve.Method, c.Solve.NFE = m.own().Solver, m.own().NFE
	if plan.Recipe.Source != "gaussian" {
		c.Source = plan.Source
	}
	x, _, err := sample.Draw(ctx, trained, c)
	if err != nil {
		return tensor.Mat{}, err
	}
	y := tensor.New(x.N, x.D)
	return y, about.Forward(y, x)
}
