// Package optim updates parameters from gradients: stochastic gradient descent
// and AdamW, gradient clipping, learning-rate shapes, and an exponential moving
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

	"laminar/flow"
	"laminar/internal/kernel"
)

// Spec describes an optimiser. Start from Defaults or Post.
type Spec struct {
	// Method is "adamw" or "sgd". Adam is adamw with WeightDecay 0.
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
	return Spec{Method: "adamw", Rate: 1e-3, Schedule: "constant", Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
}

// Defaults is what Laminar trains with unless told otherwise.
func Defaults() Spec {
	s := Post()
	s.Rate, s.Schedule, s.FinalRate, s.Warmup, s.Clip, s.EMA = 2e-3, "cosine", 1e-5, 100, 1, 0.999
	return s
}

// Methods and Schedules list the valid names.
func Methods() []string { return []string{"adamw", "sgd"} }

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
		{"eps", s.Eps, 0, 1, s.Method == "adamw"},
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
type Optimiser struct {
	Spec  Spec
	Total int // steps of the whole run, which the rate's shape refers to
	state State
	arena []float32
	k     *kernel.Set
}

// New returns an optimiser for a run of total steps over the arena, which it
// changes in place.
func New(s Spec, total int, arena []float32, k *kernel.Set) (*Optimiser, error) {
	if err := s.Validate("optim"); err != nil {
		return nil, err
	}
	o := &Optimiser{Spec: s, Total: total, arena: arena, k: k}
	if s.Method == "adamw" {
		o.state.V = make([]float32, len(arena))
	}
	if s.Method == "adamw" || s.Beta1 > 0 {
		o.state.M = make([]float32, len(arena))
	}
	if s.EMA > 0 {
		o.state.EMA = append([]float32(nil), arena...)
	}
	return o, nil
}

// Step moves the parameters against grads, which it may scale in place, and
// returns the gradient's norm (0 where the Spec does not clip).
func (o *Optimiser) Step(grads []float32) float64 {
	s := o.Spec
	n := o.state.Step
	rate := s.RateAt(n, o.Total)
	norm, scale := 0.0, 1.0
	if s.Clip > 0 {
		norm = math.Sqrt(float64(o.k.SumSq(grads)))
		if norm > s.Clip {
			scale = s.Clip / norm
		}
	}
	decay := math.Min(s.EMA, float64(1+n)/float64(10+n))
	if s.Method == "adamw" {
		o.k.AdamW(o.arena, grads, o.state.M, o.state.V, o.state.EMA, kernel.AdamWStep{
			LR: rate, Beta1: s.Beta1, Beta2: s.Beta2, Eps: s.Eps, Decay: s.WeightDecay,
			Correct1: 1 / (1 - math.Pow(s.Beta1, float64(n+1))), Correct2: 1 / (1 - math.Pow(s.Beta2, float64(n+1))),
			GradScale: scale, EMADecay: decay,
		})
	} else {
		o.sgd(grads, float32(rate), float32(scale), float32(decay))
	}
	o.state.Step++
	return norm
}

// sgd is p -= rate (m + decay p) with m = Beta1 m + g, as PyTorch's SGD without
// dampening.
func (o *Optimiser) sgd(grads []float32, rate, scale, decay float32) {
	beta, shrink := float32(o.Spec.Beta1), 1-rate*float32(o.Spec.WeightDecay)
	for i, g := range grads {
		g *= scale
		if o.state.M != nil {
			g += beta * o.state.M[i]
			o.state.M[i] = g
		}
		o.arena[i] = shrink*o.arena[i] - rate*g
		if o.state.EMA != nil {
			o.state.EMA[i] += (1 - decay) * (o.arena[i] - o.state.EMA[i])
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
