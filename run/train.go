package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"laminar/coupling"
	"laminar/flow"
	"laminar/internal/kernel"
	"laminar/nn"
	"laminar/plot"
	"laminar/recipe"
	"laminar/train"
)

// Options says where and how a run is carried out. Nothing in it changes the
// figures, but for the kernel set and, once, Time.
type Options struct {
	// Dir is the run folder.
	Dir string
	// Resume continues the run that the folder holds; Force starts over in it.
	Resume, Force bool
	// Time, if not 0, chooses the number of steps so that training takes that long, by
	// the speed at which it gets on; a run that goes on keeps its number.
	Time time.Duration
	// Kernels names the kernel set, "" or "auto" for the best; Threads bounds the
	// cores, 0 for all.
	Kernels string
	Threads int
	// Weights, if not nil, holds the network's starting parameters; WeightsFile,
	// if not empty, names a file of them for ImportWeights. A run that continues
	// from a checkpoint needs neither.
	Weights     []float32
	WeightsFile string
	// Notify is told what a person should know, one line each. Optional.
	Notify func(line string)
	// Watch is told of every step, Passes of those over the data, and Pooled of how
	// many of how many pairs a teacher has made. All are optional.
	Watch  func(Progress)
	Passes PassWatch
	Pooled func(done, total int)
}

// Progress is what Watch is told.
type Progress struct {
	train.Progress
	Total int
	// Seconds is the time spent in training so far, resumed parts included.
	Seconds float64
}

// Result is a finished or interrupted training.
type Result struct {
	Path    string // of the model file
	Saved   *Saved
	Plan    *recipe.Plan
	Resumed bool
}

// saveEvery is the time between checkpoints, below the second that is promised.
const saveEvery = 800 * time.Millisecond

func (o Options) note(format string, a ...any) {
	if o.Notify != nil {
		o.Notify(fmt.Sprintf(format, a...))
	}
}

// Train carries out the run of a recipe in a folder. Without a recipe name for
// the data, a resumed run takes the folder's. When ctx ends, the state is saved
// and ctx's error returned with the result.
func Train(ctx context.Context, r recipe.Recipe, o Options) (*Result, error) {
	path := filepath.Join(o.Dir, ModelFile)
	var saved *Saved
	begun := holdsRun(o.Dir)
	if begun && o.Resume {
		old, err := loadForResume(&r, o)
		if err != nil {
			return nil, err
		}
		saved = old
	} else if begun && !o.Force {
		return nil, fmt.Errorf("%w: %s; use --resume to continue it, --force to replace it, or -o for another folder", ErrExists, o.Dir)
	}
	if o.Resume && saved == nil {
		o.note("no checkpoint in %s: starting from the first step", o.Dir)
	}
	material, err := Gather(ctx, &r, o.Passes)
	if err != nil {
		return nil, err
	}
	teacherKernels := o.Kernels
	if saved != nil {
		teacherKernels = saved.Kernels
	}
	if material.Teacher, err = gatherTeacher(&r, teacherKernels); err != nil {
		return nil, err
	}
	plan, err := r.Compose(material)
	if err != nil {
		return nil, err
	}
	// Chosen by the data and the family, if they were left open.
	r.Coupling, r.Path, r.Predict = plan.Recipe.Coupling, plan.Recipe.Path, plan.Recipe.Predict
	if material.Data.Set != nil {
		r = plan.Recipe // which the set has completed
	}
	if o.Time > 0 && saved != nil {
		o.note("the number of steps was fixed when the run began, at %d: --time is not used", r.Train.Steps)
	}
	for _, n := range plan.Notes {
		o.note("%s", n)
	}
	recorded := ""
	if saved != nil {
		recorded = saved.Kernels
	}
	k, err := pickKernels(o.Kernels, recorded)
	if err != nil {
		return nil, err
	}
	if saved != nil && k.Name() != saved.Kernels {
		return nil, fmt.Errorf("%w: the run was started on the kernels %q, which would be continued on %q with other bits; use --kernels %s, or --force to start over", flow.ErrConfig, saved.Kernels, k.Name(), saved.Kernels)
	}
	if saved != nil && saved.State == nil {
		return nil, fmt.Errorf("%w: %s holds no training state; use --force to start over", flow.ErrFormat, path)
	}
	if saved == nil && o.WeightsFile != "" {
		prog, err := nn.Velocity(plan.Net)
		if err != nil {
			return nil, err
		}
		if o.Weights, err = ImportWeights(o.WeightsFile, prog.Layout(nn.Group)); err != nil {
			return nil, err
		}
	}
	if saved == nil && o.Weights == nil {
		if o.Weights, err = plan.Begin(); err != nil {
			return nil, err
		}
	}
	if err := makeFolder(o.Dir); err != nil {
		return nil, err
	}
	if err := prepare(ctx, plan, saved, o); err != nil {
		return nil, err
	}
	complete := saved != nil && saved.Finished && saved.Steps >= r.Train.Steps
	if !complete {
		if plan.Recipe.Distill != nil {
			o.note("learning from %s by %s", plan.Recipe.Distill.Teacher, plan.Recipe.Distill.Method)
		}
		if err := plan.Generate(ctx, o.Threads, o.Pooled); err != nil {
			return nil, err
		}
	}
	// The steps of a run that has begun are written down already.
	var by *pace
	if o.Time > 0 && !(begun && o.Resume) {
		by = newPace(o.Time)
		if r.Train.Steps, err = by.trial(ctx, plan, k, o.Threads); err != nil {
			return nil, err
		}
		r.Train.Planned = nil
		plan.Recipe.Train.Steps, plan.Recipe.Train.Planned = r.Train.Steps, nil
		o.note("--time %s: about %d steps", o.Time, r.Train.Steps)
	}
	res := &Result{Path: path, Plan: plan, Saved: saved, Resumed: saved != nil}
	if complete {
		return res, nil
	}
	t, err := plan.Trainer(train.Options{Kernels: k, Workers: o.Threads})
	if err != nil {
		return nil, err
	}
	if saved == nil && o.Weights != nil {
		if err := begin(t, o.Weights); err != nil {
			return nil, err
		}
	}
	l := loop{Options: o, t: t, plan: plan, k: k, path: path, recipe: r, pace: by}
	if saved != nil {
		if err := t.Restore(*saved.State); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		l.before = saved.Seconds
	}
	if t.Done() && saved != nil && saved.Finished {
		if done, total := t.Steps(); done < total {
			o.note("the run ended at step %d for want of progress on held-out rows; to go on, train anew with a larger --patience", done)
		}
		return res, nil
	}
	// Nothing of an older run goes before all else has been found in order.
	remove := clearResults
	if begun && !o.Resume {
		remove = clearRun
	}
	if err := remove(o.Dir); err != nil {
		return nil, err
	}
	sweep(o.Dir)
	if err := writeJSON(filepath.Join(o.Dir, RecipeFile), r); err != nil {
		return nil, err
	}
	err = l.run(ctx)
	if l.saved != nil {
		res.Saved = l.saved
	}
	return res, err
}

// begin sets the parameters from which a run starts, averages included.
func begin(t *train.Trainer, weights []float32) error {
	st := t.State()
	for _, g := range st.Groups {
		if g.Name != nn.Group {
			continue
		}
		if len(weights) != len(g.Params) {
			return fmt.Errorf("%w: %d weights for a network of %d", flow.ErrShape, len(weights), len(g.Params))
		}
		copy(g.Params, weights)
		copy(g.Optim.EMA, weights)
	}
	return t.Restore(st)
}

// loop is one stretch of training with its clock.
type loop struct {
	Options
	t      *train.Trainer
	plan   *recipe.Plan
	k      *kernel.Set
	path   string
	before float64 // seconds of earlier stretches
	start  time.Time
	saving time.Duration // time spent in saving, which is not training
	// glimpsing is the part of it that pictures took.
	glimpsing time.Duration
	m         *metrics
	saved     *Saved
	recipe    recipe.Recipe // that of the folder
	pace      *pace         // nil for a number of steps that stays
}

func (l *loop) seconds() float64 {
	return l.before + (time.Since(l.start) - l.saving).Seconds()
}

func (l *loop) run(ctx context.Context) (err error) {
	done, total := l.t.Steps()
	if l.m, err = openMetrics(filepath.Join(l.Dir, MetricsFile), done); err != nil {
		return err
	}
	defer func() {
		if e := l.m.close(); err == nil {
			err = e
		}
	}()
	l.start = time.Now()
	if done == 0 {
		// What the recipe does not say, the kernels and imported weights, is
		// written down before the first step.
		if err := l.save(); err != nil {
			return err
		}
	}
	last := time.Now()
	var stopped error
	for p, err := range l.t.Run(ctx) {
		if err != nil {
			stopped = err
			break
		}
		if p.Step%lineEvery == 0 || p.Validated {
			line := Line{Step: p.Step, Loss: l.t.Loss(lineEvery)}
			if p.Validated {
				line.HeldOut = finite(p.HeldOut)
			}
			if err := l.m.add(line); err != nil {
				return err
			}
		}
		if p.Stopped {
			l.note("stopped at step %d of %d: the held-out loss has not improved for %d looks (--patience)", p.Step, total, l.plan.Recipe.Train.Patience)
		}
		if l.Watch != nil {
			l.Watch(Progress{Progress: p, Total: total, Seconds: l.seconds()})
		}
		if err := l.glimpse(ctx, p.Step, total); err != nil {
			return err
		}
		if n := l.pace.replan(time.Now(), p.Step, total); n != total && !l.t.Done() {
			if err := l.replan(n); err != nil {
				return err
			}
			_, total = l.t.Steps()
		}
		if time.Since(last) > saveEvery {
			if err := l.save(); err != nil {
				return err
			}
			last = time.Now()
		}
	}
	switch {
	case stopped == nil:
		return l.finish(ctx)
	case errors.Is(stopped, context.Canceled) || errors.Is(stopped, context.DeadlineExceeded):
		if err := l.save(); err != nil {
			return err
		}
	case errors.Is(stopped, flow.ErrDiverged) && l.saved != nil && l.saved.Steps > 0:
		return fmt.Errorf("%w; the last checkpoint, of step %d, is kept in %s", stopped, l.saved.Steps, l.path)
	}
	return stopped
}

// replan changes the number of steps, and writes that down.
func (l *loop) replan(steps int) error {
	l.t.Replan(steps)
	c := l.t.Config()
	for _, of := range []*train.Config{&l.recipe.Train, &l.plan.Recipe.Train} {
		of.Steps, of.Planned = c.Steps, c.Planned
	}
	if err := writeJSON(filepath.Join(l.Dir, RecipeFile), l.recipe); err != nil {
		return err
	}
	return l.save()
}

// finisher is a medium whose models get a last touch once they are trained.
type finisher interface {
	// Finish changes the model, or its form, in s.
	Finish(ctx context.Context, s *Saved, plan *recipe.Plan, o Options) error
}

// finish saves the trained model and gives it its last touch, if any. A run that is
// stopped before that has been saved as unfinished, and nothing else is left to do
// when it is resumed.
func (l *loop) finish(ctx context.Context) error {
	if err := l.save(); err != nil {
		return err
	}
	m, ok := media[l.plan.Recipe.Data.Kind].(finisher)
	if !ok {
		return nil
	}
	switch err := m.Finish(ctx, l.saved, l.plan, l.Options); {
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case err != nil: // the model is as it was trained
		l.note("%v", err)
	}
	l.saved.Finished, l.saved.Seconds = true, l.seconds()
	return Save(l.path, l.saved)
}

// glimpser is a medium that shows samples of a model still in training.
type glimpser interface {
	Glimpse(ctx context.Context, s *Saved, threads int) (plot.Figure, error)
}

// glimpses is the number of pictures of a whole training.
const glimpses = 10

// glimpsePart is the part of its time for which a run by time may stop for pictures.
const glimpsePart = 10

// glimpse writes a picture of the model so far, at every tenth of the run, where
// its kind has one, and fewer where they would take a run by time too long. It changes
// nothing of the training.
func (l *loop) glimpse(ctx context.Context, step, total int) error {
	m, ok := media[l.plan.Recipe.Data.Kind].(glimpser)
	if k := (step*glimpses + total - 1) / total; !ok || step != k*total/glimpses {
		return nil
	}
	begin := time.Now()
	if l.pace != nil && l.glimpsing > begin.Sub(l.start)/glimpsePart {
		return nil
	}
	defer func() {
		took := time.Since(begin)
		l.saving, l.glimpsing = l.saving+took, l.glimpsing+took
		l.pace.stop(took)
	}()
	s, err := Snapshot(l.plan, l.t, l.k)
	if err != nil {
		return err
	}
	fig, err := m.Glimpse(ctx, s, l.Threads)
	if errors.Is(err, flow.ErrDiverged) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil // training tells of both
	}
	if err != nil {
		return err
	}
	return WriteFile(filepath.Join(l.Dir, fmt.Sprintf("%s%06d.png", progressPrefix, step)), fig.PNG)
}

// progressPrefix begins the names of the pictures of a training.
const progressPrefix = "progress-"

// save writes a checkpoint. Metrics go first: a checkpoint never knows more
// steps than the metrics beside it.
func (l *loop) save() error {
	begin := time.Now()
	defer func() { l.saving += time.Since(begin) }()
	seconds := l.seconds()
	if err := l.m.flush(); err != nil {
		return err
	}
	s, err := Snapshot(l.plan, l.t, l.k)
	if err != nil {
		return err
	}
	s.Seconds = seconds
	if _, more := media[l.plan.Recipe.Data.Kind].(finisher); more {
		s.Finished = false // until finish is through
	}
	if err := Save(l.path, s); err != nil {
		return err
	}
	l.saved = s
	return nil
}

// Snapshot copies what a run is at this moment: the model so far and the state
// from which training continues. k nil is the best kernel set.
func Snapshot(plan *recipe.Plan, t *train.Trainer, k *kernel.Set) (*Saved, error) {
	if k == nil {
		k = kernel.Best()
	}
	m, err := plan.Model(slices.Clone(t.Best()), k)
	if err != nil {
		return nil, err
	}
	st := t.State()
	if m, err = m.WithWeak(slices.Clone(t.Weak())); err != nil {
		return nil, err
	}
	s := &Saved{
		Model: m, Recipe: plan.Recipe, Kernels: k.Name(), Steps: st.Step, Loss: t.Loss(100),
		Finished: t.Done(), State: &st,
	}
	if !plan.Recipe.GaussianSource() {
		s.Source = plan.Source
	}
	s.Times, s.Form = plan.Times, plan.Form
	if own := recipe.SourceOf(plan.Form); own != nil {
		s.Source = own
	}
	if plan.Pairs != nil {
		s.Coupling, err = plan.Pairs.State()
	}
	return s, err
}

// prepare has the coupling learn what it needs before the first step, or takes
// what the checkpoint kept of that.
func prepare(ctx context.Context, plan *recipe.Plan, saved *Saved, o Options) error {
	if plan.Pairs == nil || !plan.Pairs.NeedsPrepare() {
		return nil
	}
	if saved != nil {
		if saved.Coupling == nil {
			return fmt.Errorf("%w: the checkpoint lacks what its coupling %s had learnt; use --force to start over", flow.ErrFormat, plan.Recipe.Coupling.Name)
		}
		return plan.RestoreCoupling(saved.Coupling)
	}
	o.note("preparing the coupling %s ...", plan.Recipe.Coupling.Name)
	if err := plan.Prepare(ctx); err != nil {
		return err
	}
	if s, ok := plan.Pairs.Pairer().(*coupling.Semidiscrete); ok {
		o.note("chi-square of the rows' shares of the noise: %.4f", s.ChiSquare())
	}
	return nil
}

// clearRun removes the files of an older run, and nothing else.
func clearRun(dir string) error {
	if err := clearResults(dir); err != nil {
		return err
	}
	names := []string{ModelFile, RecipeFile, MetricsFile}
	shown, _ := filepath.Glob(filepath.Join(dir, progressPrefix+"*.png")) // the pattern is valid
	for _, path := range shown {
		names = append(names, filepath.Base(path))
	}
	return remove(dir, names...)
}

// clearResults removes what was found out about the model as it was: the
// evaluation, the pictures and the report.
func clearResults(dir string) error {
	names := append([]string{EvalFile, ReportFile}, pictureFiles...)
	for _, m := range media {
		names = append(names, m.Files()...)
	}
	return remove(dir, names...)
}

func remove(dir string, names ...string) error {
	for _, n := range names {
		if err := os.Remove(filepath.Join(dir, n)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return explain(filepath.Join(dir, n), err)
		}
	}
	return nil
}

// ReadRecipe reads a recipe.json.
func ReadRecipe(path string) (recipe.Recipe, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return recipe.Recipe{}, explain(path, err)
	}
	r, err := recipe.Decode(b)
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func writeJSON(path string, v any) error {
	return WriteFile(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(v)
	})
}
