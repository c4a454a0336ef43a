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
	"laminar/internal/kernel"
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

	loss                                float64
	straightness, energy, npe, crossing float64
	w2                                  []float64 // as in evaluations
	needed                              float64
	toTarget                            float64 // NaN if not reached
	path                                []float64
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

// start composes a method's recipe and its trainer.
func (w *work) start(m method, seed uint64, steps int) (*recipe.Plan, *train.Trainer, error) {
	r, err := m.recipe(w.data, seed, steps)
	if err != nil {
		return nil, nil, err
	}
	material, err := run.Gather(&r)
	if err != nil {
		return nil, nil, err
	}
	plan, err := r.Compose(material)
	if err != nil {
		return nil, nil, err
	}
	t, err := plan.Trainer(train.Options{Workers: 1})
	return plan, t, err
}

// probe is the processor time for which the cost of a step is measured.
const probe = 400 * time.Millisecond

// budget finds how many steps of each method the budget buys, alone on the
// machine's cores, one method after the other.
func (w *work) budget(ctx context.Context) error {
	w.steps, w.seconds = make([]int, len(w.methods)), make([]float64, len(w.methods))
	for i, m := range w.methods {
		w.watch(Progress{"measuring the cost of a step", i, len(w.methods)})
		if n := w.cfg.Steps[m.Name]; n > 0 {
			w.steps[i] = n
			continue
		}
		_, t, err := w.start(m, w.cfg.Seed, 1<<30)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		n, first, since := 0, 0, time.Duration(0)
		for p, err := range t.Run(ctx) {
			if err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
			if n++; n == 20 { // warm
				first, since = p.Step, cputime.Used()
			}
			if n > 40 && (cputime.Used()-since > probe || n > 100_000) {
				break
			}
		}
		cost := (cputime.Used() - since).Seconds() / float64(n-first)
		w.steps[i] = max(leastSteps, round(w.cfg.Budget.Seconds()/max(cost, 1e-9)))
	}
	return nil
}

// round keeps two digits: no more of a budget is certain.
func round(x float64) int {
	unit := math.Pow(10, math.Floor(math.Log10(max(x, 1)))-1)
	return int(math.Floor(x/unit) * unit)
}

// marksOf are the steps at which weights are kept: 100 and every √2 times more,
// and the last.
func marksOf(steps int) []int {
	var out []int
	for k := 0; ; k++ {
		n := int(math.Round(100 * math.Pow(2, float64(k)/2)))
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
	plan, t, err := w.start(m, seed, steps)
	if err != nil {
		return trial{}, err
	}
	tr := trial{plan: plan}
	marks := marksOf(steps)
	for p, err := range t.Run(ctx) {
		if err != nil {
			return tr, err
		}
		if p.Step == marks[len(tr.marks)] {
			tr.marks = append(tr.marks, mark{p.Step, slices.Clone(t.Average("net"))})
			if len(tr.marks) == len(marks) {
				break
			}
		}
	}
	tr.loss = t.Loss(100)
	tr.saved, err = run.Snapshot(plan, t, kernel.Best())
	tr.saved.State = nil
	return tr, err
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
