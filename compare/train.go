package compare

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"laminar/internal/cputime"
	"laminar/nn"
	"laminar/recipe"
	"laminar/run"
	"laminar/train"
)

// work is a comparison under way.
type work struct {
	cfg     Config
	data    string
	watch   func(Progress)
	methods []method
	steps   []int     // by method
	seconds []float64 // of one training, by method
	trials  [][]trial // by method, then seed
	floor   []float64 // by seed
	shown   []picture
	against string
	units   string
}

// trial is one training of a method, and its figures.
type trial struct {
	plan  *recipe.Plan
	saved *run.Saved
	// marks are the weights along the way.
	marks []mark
	// phases is the number of updates in a training step, networks the number of
	// those trained, solved the evaluations of a solver that one training took.
	phases, networks, solved int

	loss, straightness, energy, npe, crossing float64
	w2                                        []float64 // as in evaluations
	needed                                    float64
	toTarget                                  float64   // NaN if not reached
	along                                     []float64 // W2 at the marks
	watched                                   []float64 // W2 at watchTimes of the way from noise to data
}

// mark is the averaged weights after a number of steps.
type mark struct {
	step   int
	params []float32
}

// leastSteps is the shortest training that is of use.
const leastSteps = 100

func (w *work) threads() int {
	if w.cfg.Threads > 0 {
		return w.cfg.Threads
	}
	return runtime.GOMAXPROCS(0)
}

// start composes a method's recipe and its trainer. teacher is the first model of
// a method that learns from one, nil for that model itself.
func (w *work) start(ctx context.Context, m method, seed uint64, steps int, teacher *recipe.Teacher) (*recipe.Plan, *train.Trainer, error) {
	r, err := m.recipe(w.data, seed, steps)
	if err != nil {
		return nil, nil, err
	}
	if teacher != nil {
		d := recipe.DistillDefaults(m.student, "the first model")
		d.Pool = pool
		if r, err = r.Distilled(d); err != nil {
			return nil, nil, err
		}
		r.Train.Steps = steps // a student's own default is shorter
	}
	material, err := run.Gather(ctx, &r, nil)
	if err != nil {
		return nil, nil, err
	}
	material.Teacher = teacher
	plan, err := r.Compose(material)
	if err != nil {
		return nil, nil, err
	}
	if err := plan.Generate(ctx, 1, nil); err != nil {
		return nil, nil, err
	}
	t, err := plan.Trainer(train.Options{Workers: 1})
	if err != nil || teacher == nil {
		return plan, t, err
	}
	first, err := plan.Begin()
	if first != nil {
		copy(t.Params(nn.Group), first)
		copy(t.Average(nn.Group), first)
	}
	return plan, t, err
}

// pool is the number of pairs that a first model makes for the second.
const pool = 1 << 15

// teach makes a teacher of what has been trained so far.
func teach(plan *recipe.Plan, t *train.Trainer) (*recipe.Teacher, error) {
	m, err := plan.Model(slices.Clone(t.Average(nn.Group)), nil)
	return &recipe.Teacher{Model: m, Recipe: plan.Recipe}, err
}

// probe is the processor time for which the cost of a step is measured.
const probe = 400 * time.Millisecond

// budget finds how many steps of each method the budget buys, alone on the
// machine's cores, one method after the other.
func (w *work) budget(ctx context.Context) error {
	w.steps, w.seconds = make([]int, len(w.methods)), make([]float64, len(w.methods))
	for i, m := range w.methods {
		w.watch(Progress{"measuring the cost of a step", i, len(w.methods)})
		if w.steps[i] = w.cfg.Steps[m.Name]; w.steps[i] > 0 {
			continue
		}
		steps, err := w.affordable(ctx, m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		w.steps[i] = max(leastSteps, round(steps))
	}
	return nil
}

// affordable is the number of steps that the budget buys: what is left of it once
// the method is set up, over the cost of a step.
func (w *work) affordable(ctx context.Context, m method) (float64, error) {
	used := cputime.Used()
	plan, t, err := w.start(ctx, m, w.cfg.Seed, 1<<30, nil)
	if err != nil {
		return 0, err
	}
	setUp := cputime.Used() - used
	n, first, since := 0, 0, time.Duration(0)
	for p, err := range t.Run(ctx) {
		if err != nil {
			return 0, err
		}
		if n++; n == 20 { // warm
			first, since = p.Step, cputime.Used()
		}
		if n > 40 && (cputime.Used()-since > probe || n > 100_000) {
			break
		}
	}
	cost := (cputime.Used() - since).Seconds() / float64(n-first)
	if m.student != "" {
		teacher, err := teach(plan, t)
		if err != nil {
			return 0, err
		}
		used := cputime.Used()
		if _, _, err := w.start(ctx, m, w.cfg.Seed, 1<<30, teacher); err != nil {
			return 0, err
		}
		setUp += cputime.Used() - used
	}
	return max(0, (w.cfg.Budget-setUp).Seconds()) / max(cost, 1e-9), nil
}

// round keeps two digits: no more of a budget is certain.
func round(x float64) int {
	unit := math.Pow(10, math.Floor(math.Log10(max(x, 1)))-1)
	return int(math.Floor(x/unit) * unit)
}

// marksOf are the steps at which weights are kept: 200 and every √2 times more,
// and the last.
func marksOf(steps int) []int {
	var out []int
	for k := 0; ; k++ {
		n := int(math.Round(200 * math.Pow(2, float64(k)/2)))
		if n >= steps {
			return append(out, steps)
		}
		out = append(out, n)
	}
}

// train trains every method from every seed, the seeds of a method side by side,
// so that the processor time of a method is known.
func (w *work) train(ctx context.Context) error {
	done, total := 0, len(w.methods)*w.cfg.Seeds
	var mu sync.Mutex
	for i, m := range w.methods {
		stage := "training " + m.Name
		w.watch(Progress{stage, done, total})
		w.trials = append(w.trials, make([]trial, w.cfg.Seeds))
		used := cputime.Used()
		err := w.each(ctx, w.cfg.Seeds, func(ctx context.Context, s int) error {
			t, err := w.trainOne(ctx, m, w.cfg.Seed+uint64(s), w.steps[i])
			if err != nil {
				return fmt.Errorf("%s, seed %d: %w", m.Name, w.cfg.Seed+uint64(s), err)
			}
			w.trials[i][s] = t
			mu.Lock()
			defer mu.Unlock()
			done++
			w.watch(Progress{stage, done, total})
			return nil
		})
		if err != nil {
			return err
		}
		w.seconds[i] = (cputime.Used() - used).Seconds() / float64(w.cfg.Seeds)
	}
	return nil
}

func (w *work) trainOne(ctx context.Context, m method, seed uint64, steps int) (trial, error) {
	var tr trial
	marks, before := marksOf(steps), 0
	plan, t, err := w.start(ctx, m, seed, steps, nil)
	if err != nil {
		return tr, err
	}
	if m.student != "" {
		before = steps / 2
		if err := w.advance(ctx, t, &tr, marks, 0, before); err != nil {
			return tr, err
		}
		teacher, err := teach(plan, t)
		if err != nil {
			return tr, err
		}
		if plan, t, err = w.start(ctx, m, seed, steps-before, teacher); err != nil {
			return tr, err
		}
		tr.solved = pool * plan.Recipe.Distill.NFE
	}
	if err := w.advance(ctx, t, &tr, marks, before, steps); err != nil {
		return tr, err
	}
	phases, err := plan.Objective.Phases(plan.Net)
	if err != nil {
		return tr, err
	}
	trained := map[string]bool{}
	for _, p := range phases {
		trained[p.Trains] = true
	}
	tr.plan, tr.loss, tr.phases, tr.networks = plan, t.Loss(100), len(phases), len(trained)
	if tr.saved, err = run.Snapshot(plan, t, nil); err != nil {
		return tr, err
	}
	tr.saved.State = nil
	return tr, nil
}

// advance trains from one step of the whole to another and keeps the weights at
// the marks in between.
func (w *work) advance(ctx context.Context, t *train.Trainer, tr *trial, marks []int, from, to int) error {
	for p, err := range t.Run(ctx) {
		if err != nil {
			return err
		}
		if from+p.Step == marks[len(tr.marks)] {
			tr.marks = append(tr.marks, mark{from + p.Step, slices.Clone(t.Average(nn.Group))})
		}
		if from+p.Step >= to {
			return nil
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	done, _ := t.Steps()
	return fmt.Errorf("training ended at step %d of %d", from+done, to)
}

// each calls f for 0 to n-1 over the cores and returns the first error.
func (w *work) each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	for range min(n, w.threads()) {
		wg.Go(func() {
			for i := range next {
				if ctx.Err() != nil {
					return
				}
				if err := f(ctx, i); err != nil {
					stop(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
