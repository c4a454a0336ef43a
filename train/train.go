// Package train runs the training loop: for each step a batch of pairs, one or
// more phases of an objective, and an update of the parameters.
//
//	t, err := train.New(cfg, objective.FlowMatching{...}, net, pairs)
//	for p, err := range t.Run(ctx) {
//		fmt.Println(p.Step, p.Loss)
//	}
//
// A run is a pure function of its configuration, network, objective and pairs:
// batch i is drawn under the key of i, results do not depend on the number of
// cores, and a run continued from a State ends in the same bits as one that was
// never interrupted. The package opens no files and reads no clock.
package train

import (
	"context"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"
	"sync/atomic"

	"laminar/coupling"
	"laminar/flow"
	"laminar/graph"
	"laminar/internal/exec"
	"laminar/internal/kernel"
	"laminar/nn"
	"laminar/objective"
	"laminar/optim"
	"laminar/rng"
)

// Config is how to train. Start from Defaults.
type Config struct {
	// Steps is the length of the run, Batch the number of pairs of a step.
	Steps int `json:"steps"`
	Batch int `json:"batch"`
	// Seed decides every random number of the run.
	Seed uint64 `json:"seed"`
	// ValidateEvery is the number of steps between looks at held-out pairs, if
	// there are any; Patience is the number of looks without a better loss after
	// which training stops, 0 for never.
	ValidateEvery int `json:"validate_every"`
	Patience      int `json:"patience"`
	// Weak is the share of the steps after which a copy of the averaged parameters
	// is kept: a weaker network, away from which samples can be guided. 0 keeps
	// none; see Trainer.Weak.
	Weak float64 `json:"weak,omitempty"`
	// Planned tells how long the run was meant to be at first, where that was changed on
	// the way (Trainer.Replan): what depends on the length of a run went by that.
	Planned []Plan `json:"planned,omitempty"`
}

// Plan is a number of steps that a run was meant to have until the step Until.
type Plan struct {
	Until int `json:"until"`
	Steps int `json:"steps"`
}

// Defaults returns a run of 16,000 steps of 256 pairs, stopped early when
// held-out pairs, if there are any, have not improved for 4000 steps.
func Defaults() Config {
	return Config{Steps: 16000, Batch: 256, ValidateEvery: 200, Patience: 20}
}

// Validate reports the first fault, as a *flow.FieldError below path.
func (c Config) Validate(path string) error {
	for _, f := range []struct {
		name      string
		v, lo, hi int
	}{
		{"steps", c.Steps, 1, 1 << 40},
		{"batch", c.Batch, 1, 1 << 20},
		{"validate_every", c.ValidateEvery, 1, 1 << 40},
		{"patience", c.Patience, 0, 1 << 40},
	} {
		if f.v < f.lo || f.v > f.hi {
			return &flow.FieldError{Path: path + "." + f.name, Msg: fmt.Sprintf("%d is not in %d..%d", f.v, f.lo, f.hi)}
		}
	}
	if !(c.Weak >= 0 && c.Weak < 1) {
		return &flow.FieldError{Path: path + ".weak", Msg: fmt.Sprintf("%v is not in [0, 1)", c.Weak)}
	}
	last := 0
	for _, p := range c.Planned {
		if p.Until <= last || p.Steps < 1 {
			return &flow.FieldError{Path: path + ".planned", Msg: fmt.Sprintf("%d steps until step %d, after step %d", p.Steps, p.Until, last)}
		}
		last = p.Until
	}
	return nil
}

// total is the length that the run was meant to have at a step.
func (c Config) total(step int) int {
	for _, p := range c.Planned {
		if step < p.Until {
			return p.Steps
		}
	}
	return c.Steps
}

// weakStep is the step after which the weak copy is kept in a run of total steps, 0 for
// none.
func (c Config) weakStep(total int) int {
	if c.Weak == 0 {
		return 0
	}
	return max(1, int(c.Weak*float64(total)))
}

// Options is what a run needs of the machine; it never changes a result, but
// for the kernel set.
type Options struct {
	// Kernels is the kernel set; nil is the best of this machine.
	Kernels *kernel.Set
	// Workers bounds the cores in use; 0 is GOMAXPROCS.
	Workers int
	// HeldOut supplies pairs for validation; nil is none.
	HeldOut flow.PairSource
}

// Progress is what a step reports.
type Progress struct {
	// Step is the number of steps done.
	Step int
	// Loss is the step's mean loss; of several phases, the first one's.
	Loss float64
	// HeldOut is the loss over held-out pairs if Validated, under the averaged
	// parameters.
	HeldOut   float64
	Validated bool
	// Stopped tells that patience ran out: this was the last step.
	Stopped bool
}

// Trainer is one run. It is not safe for concurrent use.
type Trainer struct {
	cfg    Config
	opts   Options
	net    nn.Network
	pairs  flow.PairSource
	key    rng.Key
	phases []*phase
	groups map[string]*group
	order  []string // groups, in order of first appearance
	step   int
	recent [window]float64 // losses of the last steps, by step mod window
	held   *heldOut
	weak   []float32 // averaged parameters of early, nil before
	ended  bool      // by patience
}

// window is the number of last steps whose mean loss is reported.
const window = 100

// group is one arena of parameters. frozen groups have no optimiser.
type group struct {
	params []float32
	grads  []float32
	opt    *optim.Optimiser
}

type phase struct {
	objective.Phase
	in     *objective.Inputs
	pieces []*piece
	queue  []*piece // those of a step, in the order of their work
	next   atomic.Int64
	loss   []float32
	key    rng.Key
}

// New prepares a run from freshly initialised parameters.
func New(c Config, o optim.Spec, obj objective.Objective, net nn.Network, pairs flow.PairSource, opts Options) (*Trainer, error) {
	if err := c.Validate("train"); err != nil {
		return nil, err
	}
	if pairs.Dim() != net.Dim() {
		return nil, fmt.Errorf("%w: pairs of dimension %d for a network of dimension %d", flow.ErrConfig, pairs.Dim(), net.Dim())
	}
	if pairs.CondSpec() != net.CondSpec() {
		return nil, fmt.Errorf("%w: pairs carry conditions %+v, the network takes %+v", flow.ErrConfig, pairs.CondSpec(), net.CondSpec())
	}
	if opts.Kernels == nil {
		opts.Kernels = kernel.Best()
	}
	t := &Trainer{cfg: c, opts: opts, net: net, pairs: pairs, key: rng.New(c.Seed), groups: map[string]*group{}}
	phases, err := obj.Phases(net)
	if err != nil {
		return nil, err
	}
	if len(phases) == 0 {
		return nil, fmt.Errorf("%w: the objective has no phase", flow.ErrConfig)
	}
	for _, ph := range phases {
		if err := t.addPhase(ph); err != nil {
			return nil, err
		}
	}
	for _, p := range t.phases {
		g := t.groups[p.Trains]
		if g == nil {
			return nil, fmt.Errorf("%w: phase %s trains group %q, which no program has", flow.ErrConfig, p.Name, p.Trains)
		}
		if g.opt == nil {
			spec := o
			if p.Optim != nil {
				spec = p.Optim(o)
			}
			if g.opt, err = optim.New(spec, c.Steps, g.params, opts.Kernels); err != nil {
				return nil, err
			}
			g.opt.Workers = opts.Workers
			g.opt.Shape(p.Program.Layout(p.Trains))
			g.grads = make([]float32, len(g.params))
		}
	}
	for _, p := range t.phases {
		if err := t.bind(p); err != nil {
			return nil, err
		}
	}
	if opts.HeldOut != nil && !t.phases[0].Unjudged {
		if err := t.addHeldOut(); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *Trainer) addPhase(ph objective.Phase) error {
	p := &phase{
		Phase: ph, in: objective.NewInputs(ph.Program, t.cfg.Batch),
		loss: make([]float32, t.cfg.Batch), key: t.key.Split("phase " + ph.Name),
	}
	if err := t.addPieces(p); err != nil {
		return fmt.Errorf("phase %s: %w", ph.Name, err)
	}
	for _, name := range ph.Program.Groups() {
		if ph.Average[name] != "" {
			continue // bound once there are optimisers
		}
		if t.groups[name] == nil {
			l := ph.Program.Layout(name)
			g := &group{params: make([]float32, l.Size)}
			init := t.net.Init
			if f := ph.Init[name]; f != nil {
				init = f
			}
			init(g.params, l, t.key.Split("init "+name))
			t.groups[name] = g
			t.order = append(t.order, name)
		}
	}
	t.phases = append(t.phases, p)
	return nil
}

// bindAverages binds the groups of a phase that read averaged parameters.
func (t *Trainer) bindAverages(ph objective.Phase, s *exec.Session) error {
	for name, of := range ph.Average {
		if g := t.groups[of]; g == nil || g.opt == nil {
			return fmt.Errorf("%w: phase %s reads the average of the group %q, which nothing trains", flow.ErrConfig, ph.Name, of)
		}
		if err := s.BindParams(name, t.Average(of)); err != nil {
			return fmt.Errorf("phase %s: the average of %q as %q: %w", ph.Name, of, name, err)
		}
	}
	return nil
}

// Params returns the arena of a parameter group, which further steps change;
// nil if there is none of that name. Writing to it before the first step sets
// the starting point of the parameters; write to Average too if there is one.
func (t *Trainer) Params(name string) []float32 {
	if g := t.groups[name]; g != nil {
		return g.params
	}
	return nil
}

// Average returns the averaged parameters of a group (its parameters if the
// optimiser keeps no average); further steps change them.
func (t *Trainer) Average(name string) []float32 {
	g := t.groups[name]
	if g == nil || g.opt == nil {
		return t.Params(name)
	}
	return g.opt.Average()
}

// Best returns the averaged parameters of the velocity network at the best
// held-out loss so far; those of now without held-out data.
func (t *Trainer) Best() []float32 {
	if t.held != nil && t.held.best != nil {
		return t.held.best
	}
	return t.Average(nn.Group)
}

// Weak returns the copy of Config.Weak, which does not change any more, if Best was
// trained for leadSteps times as many steps at least; else nil: away from a network
// that is as good as Best, or better, leads nowhere.
func (t *Trainer) Weak() []float32 {
	if t.bestStep() < leadSteps*t.cfg.weakStep(t.cfg.Steps) {
		return nil
	}
	return t.weak
}

// leadSteps is how many times as long as the weak copy the best parameters have
// been trained where one leads away from the other.
const leadSteps = 2

// bestStep is the number of steps after which the parameters were those of Best.
func (t *Trainer) bestStep() int {
	if t.held == nil || t.held.best == nil {
		return t.step
	}
	return (t.step/t.cfg.ValidateEvery - t.held.without) * t.cfg.ValidateEvery
}

// Layout returns the layout of a group's arena.
func (t *Trainer) Layout(name string) (l graph.Layout) {
	for _, p := range t.phases {
		if l = p.Program.Layout(name); l.Size > 0 {
			return l
		}
	}
	return l
}

// Steps returns the steps done and the steps of the whole run.
func (t *Trainer) Steps() (done, total int) { return t.step, t.cfg.Steps }

// Replan changes the length of the run, to one step more than are done at least; what
// depends on it goes by the new one from here on. To be called between two steps. The
// run stays a pure function of its Config, which remembers (Config.Planned).
func (t *Trainer) Replan(steps int) {
	if steps = max(steps, t.step+1); steps == t.cfg.Steps {
		return
	}
	if n := len(t.cfg.Planned); t.step > 0 && (n == 0 || t.cfg.Planned[n-1].Until < t.step) { // else nothing went by it
		t.cfg.Planned = append(slices.Clone(t.cfg.Planned), Plan{Until: t.step, Steps: t.cfg.Steps})
	}
	t.cfg.Steps = steps
}

// Config returns the configuration of the run as it is by now.
func (t *Trainer) Config() Config { return t.cfg }

// Done reports whether the run is complete.
func (t *Trainer) Done() bool { return t.step >= t.cfg.Steps || t.ended }

// Loss returns the mean loss over the last n steps, at most 100 and at most
// those done; NaN before the first.
func (t *Trainer) Loss(n int) float64 {
	n = min(n, t.step, window)
	sum := 0.0
	for i := t.step - n; i < t.step; i++ {
		sum += t.recent[i%window]
	}
	return sum / float64(n)
}

// Run takes the remaining steps, and yields after each one. Breaking out of the
// loop or cancelling ctx leaves a state from which Run continues; ctx's error is
// yielded last. A loss or gradient that is not finite is reported as
// flow.ErrDiverged with advice, before it reaches the parameters.
func (t *Trainer) Run(ctx context.Context) iter.Seq2[Progress, error] {
	return func(yield func(Progress, error) bool) {
		if t.Done() {
			return
		}
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		ahead, err := coupling.NewAhead(ctx, t.pairs, t.key.Split("batch"), coupling.AheadConfig{
			Batch: t.cfg.Batch, Start: t.step, Workers: t.workers(), Depth: 2 * t.workers(),
		})
		if err != nil {
			yield(Progress{Step: t.step}, err)
			return
		}
		defer ahead.Close()
		for !t.Done() {
			if err := ctx.Err(); err != nil {
				yield(Progress{Step: t.step}, err)
				return
			}
			b, err := ahead.Next()
			if err != nil {
				yield(Progress{Step: t.step}, err)
				return
			}
			p, err := t.take(b)
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// workers is the number of goroutines that compute batches ahead: one for every
// core, since the consumer sleeps whenever it is they who are behind.
func (t *Trainer) workers() int {
	if t.opts.Workers > 0 {
		return t.opts.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// Fit takes the remaining steps.
func (t *Trainer) Fit(ctx context.Context) error {
	for _, err := range t.Run(ctx) {
		if err != nil {
			return err
		}
	}
	return nil
}

// take makes one step with batch b.
func (t *Trainer) take(b *flow.Batch) (Progress, error) {
	var loss float64
	for i, p := range t.phases {
		if err := p.Fill(p.in, b, p.key.At(uint64(t.step))); err != nil {
			return Progress{Step: t.step}, err
		}
		if err := t.compute(p); err != nil {
			return Progress{Step: t.step}, err
		}
		l := mean(p.loss)
		if i == 0 {
			loss = l
		}
		if math.IsNaN(l) || math.IsInf(l, 0) {
			return Progress{Step: t.step, Loss: l}, diverged("loss", t.step, l)
		}
		g := t.groups[p.Trains]
		g.opt.Total = t.cfg.total(t.step)
		if norm := g.opt.Step(g.grads); math.IsNaN(norm) || math.IsInf(norm, 0) {
			return Progress{Step: t.step, Loss: l}, diverged("gradient's norm", t.step, norm)
		}
	}
	t.recent[t.step%window] = loss
	if at := t.cfg.weakStep(t.cfg.total(t.step)); at > 0 && t.step+1 >= at && t.weak == nil {
		t.weak = slices.Clone(t.Average(nn.Group))
	}
	t.step++
	p := Progress{Step: t.step, Loss: loss}
	if t.held != nil && t.step%t.cfg.ValidateEvery == 0 {
		if err := t.validate(&p); err != nil {
			return p, err
		}
	}
	return p, nil
}

func diverged(what string, step int, v float64) error {
	return fmt.Errorf("%w: the %s became %v at step %d; use a lower learning rate, gradient clipping, or standardised data", flow.ErrDiverged, what, v, step+1)
}

func mean(x []float32) float64 {
	s := 0.0
	for _, v := range x {
		s += float64(v)
	}
	return s / float64(len(x))
}
