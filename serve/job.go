package serve

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"laminar/flow"
	"laminar/metric"
	"laminar/nn"
	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
	"laminar/train"
)

// The states of a run.
const (
	waiting   = "waiting" // for its turn
	running   = "running"
	paused    = "paused"
	finishing = "finishing" // the last measurement
	done      = "done"
	stopped   = "stopped"
	failed    = "failed"
)

// The rhythm of a run.
const (
	slice      = 40 * time.Millisecond // of training, before others have their turn
	tellEvery  = 50 * time.Millisecond
	frameEvery = 33 * time.Millisecond
	// lead is how many steps a run may be ahead of the one beside it.
	lead = 50
	// cores bounds the goroutines of one run; more do not help small networks.
	cores = 4
)

// job is a run: a goroutine that trains, one that measures, and what requests
// see of both.
type job struct {
	server     *Server
	id, client string
	plan       *recipe.Plan
	about      about
	story      *story
	cancel     context.CancelFunc
	over       chan struct{} // closed when the run has ended

	// beside is the run to stay in step with, if any.
	beside atomic.Pointer[job]
	step   atomic.Int64

	// trainer is held by the training goroutine while it takes a step.
	trainer sync.Mutex
	t       *train.Trainer

	latest atomic.Pointer[frame]
	// wanted asks the training goroutine for a frame to measure, fresh tells that
	// there is one.
	wanted atomic.Bool
	fresh  chan struct{}

	mu        sync.Mutex
	state     string
	hold      bool // paused by a person
	todo      int  // steps to take while paused
	listeners int
	seen      time.Time // when somebody last asked
	wake      chan struct{}
	seconds   float64 // of training
	err       error

	ruler sync.Mutex
	rule  *ruler // made at the first measurement, as is lossFloor
	// lossFloor is nil where it is not known.
	lossFloor *metric.Number
}

// about is what stays the same of a run, as POST /api/runs answers.
type about struct {
	ID        string        `json:"id"`
	Recipe    recipe.Recipe `json:"recipe"`
	Notes     []string      `json:"notes"`
	Program   any           `json:"program"`
	Params    int           `json:"params"`
	Transform any           `json:"transform"`
	// Once tells that a step from 0 to 1 is the network's only use.
	Once   bool       `json:"once"`
	Source string     `json:"source"`
	Box    [4]float64 `json:"box"`
}

// frame is the averaged parameters at a step.
type frame struct {
	step    int
	seq     int
	params  []float32
	fetched atomic.Bool
}

// newJob prepares a run; start begins it.
func (s *Server) newJob(plan *recipe.Plan, id, client string) (*job, error) {
	size, err := s.size(plan)
	if err != nil {
		return nil, err
	}
	t, err := plan.Trainer(train.Options{Workers: min(cores, runtime.GOMAXPROCS(0))})
	if err != nil {
		return nil, err
	}
	// Whatever the network answers, the model's program answers velocities.
	m, err := plan.Model(slices.Clone(t.Best()), nil)
	if err != nil {
		return nil, err
	}
	box, err := view(plan)
	if err != nil {
		return nil, err
	}
	r := plan.Recipe
	return &job{
		server: s, id: id, client: client, plan: plan, t: t, story: newStory(), over: make(chan struct{}),
		state: waiting, seen: time.Now(), wake: make(chan struct{}, 1), fresh: make(chan struct{}, 1),
		about: about{
			ID: id, Recipe: r, Notes: append([]string{}, plan.Notes...), Program: m.Program, Params: size,
			Transform: plan.Transform, Once: m.Once, Source: r.Source, Box: box,
		},
	}, nil
}

// size is the number of parameters of the plan's network, if neither it nor a
// GAN's critic is too large.
func (s *Server) size(plan *recipe.Plan) (int, error) {
	critic, err := plan.Recipe.Loss.Critic.Network(plan.Net.Dim(), plan.Net.CondSpec())
	if err == nil {
		_, err = s.sizeOf("loss.critic", critic)
	}
	if err != nil {
		return 0, err
	}
	return s.sizeOf("network", plan.Net)
}

func (s *Server) sizeOf(path string, net nn.Network) (int, error) {
	prog, err := nn.Velocity(net)
	if err != nil {
		return 0, err
	}
	n := prog.Layout(nn.Group).Size
	if n > s.cfg.Limits.Params {
		return 0, &flow.FieldError{Path: path + ".width", Msg: fmt.Sprintf("the network has %d parameters, the playground trains up to %d; lower its width or depth", n, s.cfg.Limits.Params)}
	}
	return n, nil
}

// view is the box around the data and the source, in the network's space.
func view(plan *recipe.Plan) ([4]float64, error) {
	x, err := drawRows(plan.Train, 2000, rng.New(0))
	if err != nil {
		return [4]float64{}, err
	}
	y, err := drawRows(plan.Source, 2000, rng.New(0))
	if err != nil {
		return [4]float64{}, err
	}
	return boxOf(x, y), nil
}

// start begins the run; hold begins it paused.
func (j *job) start(ctx context.Context, hold bool) {
	j.hold = hold
	ctx, j.cancel = context.WithCancel(ctx)
	j.server.jobs.Go(func() {
		defer close(j.over)
		defer j.cancel()
		j.frame() // the beginning
		watching, quiet := context.WithCancel(ctx)
		var watcher sync.WaitGroup
		watcher.Go(func() { j.guard(func() error { return j.watch(watching) }) })
		j.guard(func() error { return j.train(ctx) })
		quiet()
		watcher.Wait()
		if ctx.Err() == nil {
			j.become(finishing)
			j.guard(func() error { return j.measureLast(ctx) })
		}
		j.end(ctx.Err() != nil)
	})
}

// guard runs a part of the job. An error that is no order to stop, or what it
// panics with, ends the run.
func (j *job) guard(part func() error) {
	defer func() {
		if v := recover(); v != nil {
			j.fail(fmt.Errorf("a fault in the program: %v", v))
		}
	}()
	if err := part(); err != nil && !errors.Is(err, context.Canceled) {
		j.fail(err)
	}
}

// fail ends the run with an error, the first one.
func (j *job) fail(err error) {
	j.mu.Lock()
	if j.err == nil {
		j.err = err
	}
	j.mu.Unlock()
	j.cancel()
}

// train takes all steps, in turns with other runs.
func (j *job) train(ctx context.Context) error {
	if err := j.turn(ctx, true); err != nil {
		return err
	}
	j.trainer.Lock()
	training := true
	leave := func() {
		j.trainer.Unlock()
		j.server.training.give()
		training = false
	}
	defer func() {
		if training {
			leave()
		}
	}()
	begin := time.Now() // of this turn
	told := telling{at: begin}
	var framed time.Time
	for p, err := range j.t.Run(ctx) {
		if err != nil {
			return err
		}
		now := time.Now()
		j.step.Store(int64(p.Step))
		_, total := j.t.Steps()
		last := p.Stopped || p.Step == total
		pause := j.interrupted() || j.ahead()
		if now.Sub(told.at) >= tellEvery || last || pause {
			j.tell(&told, p, total, now, now.Sub(begin))
		}
		if j.wanted.Load() || last || now.Sub(framed) >= frameEvery && j.latest.Load().fetched.Load() {
			framed = now
			j.frame()
		}
		if now.Sub(begin) < slice && !last && !pause {
			continue
		}
		j.mu.Lock()
		j.seconds += now.Sub(begin).Seconds()
		j.mu.Unlock()
		leave()
		if last {
			return nil
		}
		if err := j.turn(ctx, false); err != nil {
			return err
		}
		j.trainer.Lock()
		training, begin = true, time.Now()
	}
	return ctx.Err()
}

// turn returns when the run may train: it is not paused, the run beside it has
// caught up, and its turn has come. The error is that of ctx.
func (j *job) turn(ctx context.Context, first bool) error {
	for {
		j.mu.Lock()
		hold := j.hold && j.todo == 0
		j.mu.Unlock()
		switch {
		case hold:
			if j.become(paused) && !first {
				j.frame() // what a person looks at meanwhile
			}
			select {
			case <-j.wake:
			case <-ctx.Done():
				return ctx.Err()
			}
		case j.ahead():
			select {
			case <-j.wake:
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		default:
			if err := j.server.training.take(ctx); err != nil {
				return err
			}
			j.become(running)
			return nil
		}
	}
}

// interrupted reports, once for every step, whether a person wants the run to
// pause after it.
func (j *job) interrupted() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.hold && j.todo > 0 {
		j.todo--
	}
	return j.hold && j.todo == 0
}

// ahead reports whether the run beside this one is to catch up first.
func (j *job) ahead() bool {
	other := j.beside.Load()
	if other == nil || j.step.Load() < other.step.Load()+lead {
		return false
	}
	switch other.status() {
	case waiting, running:
		return true
	}
	return false
}

// progress is the event of that name.
type progress struct {
	Step    int            `json:"step"`
	Steps   int            `json:"steps"`
	Loss    metric.Number  `json:"loss"`
	HeldOut *metric.Number `json:"held_out"`
	Rate    float64        `json:"rate"`
	Seconds float64        `json:"seconds"`
}

// telling is what the last event of progress said.
type telling struct {
	at      time.Time
	step    int
	seconds float64
	rate    float64
	heldOut *metric.Number
}

// tell tells of a step that ended at now, in a turn that has lasted this long.
func (j *job) tell(last *telling, p train.Progress, total int, now time.Time, lasted time.Duration) {
	j.mu.Lock()
	seconds := j.seconds + lasted.Seconds()
	j.mu.Unlock()
	if d := seconds - last.seconds; d > 0 {
		rate := float64(p.Step-last.step) / d
		if last.rate > 0 {
			rate = 0.7*last.rate + 0.3*rate
		}
		last.rate = rate
	}
	if p.Validated {
		h := metric.Number(p.HeldOut)
		last.heldOut = &h
	}
	last.at, last.step, last.seconds = now, p.Step, seconds
	j.story.add(tellProgress, progress{
		Step: p.Step, Steps: total, Loss: metric.Number(j.t.Loss(100)), HeldOut: last.heldOut, Rate: last.rate, Seconds: seconds,
	})
}

// frame makes a frame of the parameters as they are. Only the training goroutine
// calls it.
func (j *job) frame() {
	f := &frame{step: int(j.step.Load()), params: slices.Clone(j.t.Best())}
	if old := j.latest.Load(); old != nil {
		f.seq = old.seq + 1
	}
	j.wanted.Store(false)
	j.latest.Store(f)
	j.story.add(tellFrame, map[string]int{"step": f.step, "seq": f.seq})
	select {
	case j.fresh <- struct{}{}:
	default:
	}
}

// become changes the state and tells of it; it reports whether it was another.
func (j *job) become(state string) bool {
	j.mu.Lock()
	changed := j.state != state
	j.state = state
	j.mu.Unlock()
	if changed {
		j.story.add(tellState, map[string]string{"state": state})
	}
	return changed
}

func (j *job) status() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state
}

// ended reports whether the run takes no more steps, and measures nothing more.
func (j *job) ended() bool {
	switch j.status() {
	case done, stopped, failed:
		return true
	}
	return false
}

// end tells how the run came out.
func (j *job) end(halted bool) {
	j.mu.Lock()
	err, seconds := j.err, j.seconds
	j.mu.Unlock()
	v := ending{State: done, Step: int(j.step.Load()), Seconds: seconds}
	switch {
	case err != nil:
		v.State, v.Error = failed, strings.ReplaceAll(err.Error(), "\n", "; ")
	case halted:
		v.State = stopped
	}
	if other := j.beside.Swap(nil); other != nil {
		other.beside.CompareAndSwap(j, nil)
	}
	if v.State == stopped {
		j.frame() // the last word of a run that was cut short
	}
	j.become(v.State)
	j.story.add(tellEnd, v)
}

// ending is the event "end".
type ending struct {
	State   string  `json:"state"`
	Step    int     `json:"step"`
	Seconds float64 `json:"seconds"`
	Error   string  `json:"error,omitempty"`
}

// errOver answers requests for what an ended run cannot do.
var errOver = &fault{status: 409, err: errors.New("the run has ended")}

// listened reports whether somebody listens to the run's events.
func (j *job) listened() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.listeners > 0
}

// listen counts a listener more or less.
func (j *job) listen(by int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.listeners += by
	j.seen = time.Now()
}

// lonely is how long nobody has asked for the run.
func (j *job) lonely(now time.Time) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.listeners > 0 {
		return 0
	}
	return now.Sub(j.seen)
}

// act does what a person asks of the run.
func (j *job) act(action string, n int) error {
	j.mu.Lock()
	switch state := j.state; {
	case action == "stop":
		j.mu.Unlock()
		j.cancel()
		<-j.over
		return nil
	case state == done || state == stopped || state == failed || state == finishing:
		j.mu.Unlock()
		return errOver
	case action == "pause":
		j.hold, j.todo = true, 0
	case action == "resume":
		j.hold, j.todo = false, 0
	case action == "step" && !j.hold:
		j.mu.Unlock()
		return faultf(409, "single steps are for a paused run; pause it first")
	case action == "step":
		j.todo += n
	}
	j.mu.Unlock()
	select {
	case j.wake <- struct{}{}:
	default:
	}
	return nil
}

// snapshot is the model as it is, with all that a model file holds.
func (j *job) snapshot() (*run.Saved, error) {
	j.trainer.Lock()
	defer j.trainer.Unlock()
	s, err := run.Snapshot(j.plan, j.t, nil)
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	s.Seconds = j.seconds
	j.mu.Unlock()
	return s, nil
}
