// Package optim updates parameters from gradients: stochastic gradient descent,
// AdamW and Muon, gradient clipping, learning-rate shapes, and an exponential moving
// average (EMA) of the parameters, in one pass over one arena.
//
//	o, err := optim.New(optim.Defaults(), steps, arena, kernels)
//	o.Step(grads)         // arena moves
//	use(o.Average())      // the EMA, or the arena itself without one
//
// The state is plain slices, so that it can be stored and restored exactly.
package optim

import (
	"fmt"
	"math"
	"strings"
	"sync/atomic"

	"laminar/flow"
	"laminar/internal/kernel"
	"laminar/internal/par"
)

// Spec describes an optimiser. Start from Defaults or Post.
type Spec struct {
	// Method is "adamw", "muon" or "sgd". Adam is adamw with WeightDecay 0. Muon
	// (Jordan et al. 2024) moves matrices by orthogonal ones (see
	// Optimiser.Shape), all else as adamw does.
	Method string `json:"method"`
	// Rate is the learning rate at its highest.
	Rate float64 `json:"rate"`
	// Schedule is "constant" or "cosine": from Rate down to FinalRate at the
	// last step along half a cosine.
	Schedule  string  `json:"schedule"`
	FinalRate float64 `json:"final_rate"`
	// Warmup is the number of first steps over which the rate rises linearly.
	Warmup int `json:"warmup"`
	// Beta1 and Beta2 are AdamW's decay rates; Beta1 is sgd's momentum.
	Beta1 float64 `json:"beta1"`
	Beta2 float64 `json:"beta2"`
	// Momentum is the decay rate of Muon's mean gradient of a matrix.
	Momentum float64 `json:"momentum"`
	// Eps is added to AdamW's denominator.
	Eps float64 `json:"eps"`
	// WeightDecay is decoupled: each step first shrinks a parameter by
	// rate x WeightDecay.
	WeightDecay float64 `json:"weight_decay"`
	// Clip bounds the Euclidean norm of the whole gradient; 0 is no bound.
	Clip float64 `json:"clip"`
	// EMA is the decay of the moving average; 0 is no average. Step n uses
	// min(EMA, (1+n)/(10+n)), so that the average forgets the start.
	EMA float64 `json:"ema"`
}

// Post is Adam as the post uses it: rate 1e-3, nothing else.
func Post() Spec {
	return Spec{Method: "adamw", Rate: 1e-3, Schedule: "constant", Beta1: 0.9, Beta2: 0.999, Momentum: 0.95, Eps: 1e-8}
}

// Defaults is what Laminar trains with unless told otherwise.
func Defaults() Spec {
	s := Post()
	s.Rate, s.Schedule, s.FinalRate, s.Warmup, s.Clip, s.EMA = 2e-3, "cosine", 1e-5, 100, 1, 0.999
	return s
}

// Methods and Schedules list the valid names.
func Methods() []string { return []string{"adamw", "muon", "sgd"} }

// Schedules lists the learning-rate shapes.
func Schedules() []string { return []string{"constant", "cosine"} }

// Validate reports the first fault, as a *flow.FieldError below path.
func (s Spec) Validate(path string) error {
	fault := func(field, format string, a ...any) error {
		return &flow.FieldError{Path: path + "." + field, Msg: fmt.Sprintf(format, a...)}
	}
	has := func(list []string, v string) bool {
		for _, l := range list {
			if l == v {
				return true
			}
		}
		return false
	}
	if !has(Methods(), s.Method) {
		return fault("method", "unknown %q; one of %s", s.Method, strings.Join(Methods(), ", "))
	}
	if !has(Schedules(), s.Schedule) {
		return fault("schedule", "unknown %q; one of %s", s.Schedule, strings.Join(Schedules(), ", "))
	}
	for _, f := range []struct {
		name      string
		v, lo, hi float64
		open      bool // lo itself is not allowed
	}{
		{"rate", s.Rate, 0, 1e6, true},
		{"final_rate", s.FinalRate, 0, 1e6, false},
		{"beta1", s.Beta1, 0, 0.9999999, false},
		{"beta2", s.Beta2, 0, 0.9999999, false},
		{"momentum", s.Momentum, 0, 0.9999999, false},
		{"eps", s.Eps, 0, 1, s.Method != "sgd"},
		{"weight_decay", s.WeightDecay, 0, 1e6, false},
		{"clip", s.Clip, 0, math.MaxFloat64, false},
		{"ema", s.EMA, 0, 0.9999999, false},
	} {
		if !(f.v >= f.lo && f.v <= f.hi) || f.open && f.v == f.lo {
			return fault(f.name, "%v is not between %v and %v", f.v, f.lo, f.hi)
		}
	}
	if s.Warmup < 0 {
		return fault("warmup", "%d is negative", s.Warmup)
	}
	return nil
}

// RateAt returns the learning rate of a step, counted from 0, of a run of
// total steps.
func (s Spec) RateAt(step, total int) float64 {
	r := s.Rate
	if s.Schedule == "cosine" && total > 1 {
		u := min(1, float64(step)/float64(total-1))
		r = s.FinalRate + (s.Rate-s.FinalRate)*(1+math.Cos(math.Pi*u))/2
	}
	if step < s.Warmup {
		r *= float64(step+1) / float64(s.Warmup+1)
	}
	return r
}

// State is what an optimiser remembers between steps. M, V and EMA are nil
// where the Spec does not use them.
type State struct {
	Step      int
	M, V, EMA []float32
}

// Optimiser moves one arena of parameters. It is not safe for concurrent use.
// Large arenas are moved by several cores, in pieces of a fixed size: results
// do not depend on the number of cores, and a Step allocates nothing.
type Optimiser struct {
	Spec  Spec
	Total int // steps of the whole run, which the rate's shape refers to
	// Workers is how many cores a Step uses at most; 0 means all, 1 keeps it
	// on the caller's goroutine.
	Workers int

	state State
	arena []float32
	k     *kernel.Set

	// What the pieces of the current Step read and write.
	grads []float32
	now   kernel.AdamWStep
	sums  []float64 // of squares, by piece
	next  atomic.Int64

	matrices []matrix
	turners  []turner // one for each core
}

// piece is the number of parameters that are moved together, shareFrom the
// number from which other cores are asked to help.
const (
	piece     = 1 << 14
	shareFrom = 1 << 16
)

// New returns an optimiser for a run of total steps over the arena, which it
// changes in place.
func New(s Spec, total int, arena []float32, k *kernel.Set) (*Optimiser, error) {
	if err := s.Validate("optim"); err != nil {
		return nil, err
	}
	o := &Optimiser{Spec: s, Total: total, arena: arena, k: k, sums: make([]float64, (len(arena)+piece-1)/piece)}
	if s.Method != "sgd" {
		o.state.V = make([]float32, len(arena))
	}
	if s.Method != "sgd" || s.Beta1 > 0 {
		o.state.M = make([]float32, len(arena))
	}
	if s.EMA > 0 {
		o.state.EMA = append([]float32(nil), arena...)
	}
	return o, nil
}

// Step moves the parameters against grads, which it does not change, and
// returns the gradient's norm. Where the norm is not finite nothing moves, and
// the state stays as it was.
func (o *Optimiser) Step(grads []float32) float64 {
	s, n := o.Spec, o.state.Step
	o.grads = grads
	o.share((*summer)(o))
	norm := 0.0
	for _, v := range o.sums {
		norm += v
	}
	norm = math.Sqrt(norm)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return norm
	}
	scale := 1.0
	if s.Clip > 0 && norm > s.Clip {
		scale = s.Clip / norm
	}
	o.now = kernel.AdamWStep{
		LR: s.RateAt(n, o.Total), Beta1: s.Beta1, Beta2: s.Beta2, Eps: s.Eps, Decay: s.WeightDecay,
		Correct1: 1 / (1 - math.Pow(s.Beta1, float64(n+1))), Correct2: 1 / (1 - math.Pow(s.Beta2, float64(n+1))),
		GradScale: scale, EMADecay: math.Min(s.EMA, float64(1+n)/float64(10+n)),
	}
	o.share((*mover)(o))
	o.turn()
	o.state.Step++
	return norm
}

// share has the pieces done by job, on several cores if that is worth it. A job
// takes pieces as long as there are any.
func (o *Optimiser) share(job par.Job) {
	o.next.Store(0)
	if len(o.arena) >= shareFrom && o.Workers != 1 {
		pool := par.Default()
		workers := pool.Workers()
		if o.Workers > 0 {
			workers = min(workers, o.Workers)
		}
		pool.Run(min(workers, len(o.sums)), job)
		return
	}
	job.Do(0)
}

// take returns the next piece as a range of parameters; lo == hi when all are
// taken.
func (o *Optimiser) take() (k, lo, hi int) {
	k = int(o.next.Add(1) - 1)
	return k, min(k*piece, len(o.arena)), min((k+1)*piece, len(o.arena))
}

// summer is an Optimiser at the work of summing squares of gradients.
type summer Optimiser

// Do sums pieces on one core.
func (w *summer) Do(int) {
	o := (*Optimiser)(w)
	for k, lo, hi := o.take(); lo < hi; k, lo, hi = o.take() {
		o.sums[k] = o.k.SumSq(o.grads[lo:hi])
	}
}

// mover is an Optimiser at the work of moving parameters.
type mover Optimiser

// Do moves pieces on one core.
func (w *mover) Do(int) {
	o := (*Optimiser)(w)
	for _, lo, hi := o.take(); lo < hi; _, lo, hi = o.take() {
		if o.Spec.Method == "sgd" {
			sgd(o.arena[lo:hi], o.grads[lo:hi], part(o.state.M, lo, hi), part(o.state.EMA, lo, hi), o.now)
			continue
		}
		for _, m := range o.matrices { // which muon moves
			if m.offset < hi && m.end() > lo {
				o.adamw(lo, m.offset)
				lo = m.end()
			}
		}
		o.adamw(lo, hi)
	}
}

// adamw moves a range of parameters, if there are any in it.
func (o *Optimiser) adamw(lo, hi int) {
	if lo < hi {
		o.k.AdamW(o.arena[lo:hi], o.grads[lo:hi], part(o.state.M, lo, hi), part(o.state.V, lo, hi), part(o.state.EMA, lo, hi), o.now)
	}
}

// part is x[lo:hi], nil of nil.
func part(x []float32, lo, hi int) []float32 {
	if x == nil {
		return nil
	}
	return x[lo:hi]
}

// sgd is p -= rate (m + decay p) with m = Beta1 m + g, as PyTorch's SGD without
// dampening; m and ema may be nil.
func sgd(p, grads, m, ema []float32, h kernel.AdamWStep) {
	rate, scale, beta := float32(h.LR), float32(h.GradScale), float32(h.Beta1)
	shrink, toward := float32(1-h.LR*h.Decay), float32(1-h.EMADecay)
	for i, g := range grads {
		g *= scale
		if m != nil {
			g += beta * m[i]
			m[i] = g
		}
		p[i] = shrink*p[i] - rate*g
		if ema != nil {
			ema[i] += toward * (p[i] - ema[i])
		}
	}
}

// Average returns the EMA, or the parameters themselves if the Spec keeps none.
// The slice is the optimiser's own and changes with every step.
func (o *Optimiser) Average() []float32 {
	if o.state.EMA != nil {
		return o.state.EMA
	}
	return o.arena
}

// State returns the state; its slices are the optimiser's own.
func (o *Optimiser) State() State { return o.state }

// Restore copies a state back. The error wraps flow.ErrShape if its slices do
// not have the sizes that this optimiser uses.
func (o *Optimiser) Restore(s State) error {
	for _, p := range []struct {
		name     string
		own, got []float32
	}{{"first moment", o.state.M, s.M}, {"second moment", o.state.V, s.V}, {"average", o.state.EMA, s.EMA}} {
		if len(p.own) != len(p.got) {
			return fmt.Errorf("%w: the optimiser's %s has %d elements, the stored one %d", flow.ErrShape, p.name, len(p.own), len(p.got))
		}
		copy(p.own, p.got)
	}
	o.state.Step = s.Step
	return nil
}
