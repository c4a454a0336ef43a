package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"laminar/flow"
	"laminar/metric"
	"laminar/recipe"
)

// ErrWorse: a student is not better than its teacher at one evaluation.
var ErrWorse = errors.New("not better than its teacher")

// DistillOptions says how a student is made. Options.Dir is where it goes.
type DistillOptions struct {
	Options
	recipe.Distill
	// Rounds is the number of students in a row, each the teacher of the next.
	Rounds int
	// Change edits each round's recipe before it is trained: steps, rate. Optional.
	Change func(*recipe.Recipe)
	// Eval sizes the comparison of teacher and student, which is at 1 evaluation
	// and at those in At; its Settings are not used.
	Eval EvalOptions
	At   []int
}

// DistillDefaults returns how a method is carried out from a teacher's file into
// a folder.
func DistillDefaults(method, teacher, dir string) DistillOptions {
	return DistillOptions{
		Options: Options{Dir: dir}, Distill: recipe.DistillDefaults(method, teacher), Rounds: 1,
		Eval: EvalDefaults(), At: []int{1, 2, 4, 8, 100},
	}
}

// Distilled is what became of a student.
type Distilled struct {
	Result
	// Teacher and Student are the figures of both; a number of evaluations that
	// one of them cannot take has a row of nulls.
	Teacher metric.Report
	Student metric.Report
	// TeacherReading and StudentReading are the figures of images and sounds, which
	// have no others; nil for points.
	TeacherReading, StudentReading *ReadingReport
	// Seconds is the training time of all rounds.
	Seconds float64
}

// Distill trains a student from the teacher in o.Teacher, judges both and, if the
// folder holds a model already, replaces that by the student. Rounds but the last
// are in the folders round-1, round-2, ... of the folder.
//
// A student whose W2 at one evaluation is not below its teacher's, by their
// intervals, replaces nothing: the error is ErrWorse, and Distilled.Path says
// where it lies, beside what it was to replace.
func Distill(ctx context.Context, o DistillOptions) (*Distilled, error) {
	if err := o.Eval.Config.Validate(); err != nil {
		return nil, err
	}
	teacher, err := Load(o.Teacher, o.Kernels)
	if err != nil {
		return nil, err
	}
	if err := teacher.comparable("distillation"); err != nil {
		return nil, err
	}
	if o.Rounds < 1 || o.Rounds > 1 && o.Method != "reflow" {
		return nil, &flow.FieldError{Path: "distill.rounds", Msg: fmt.Sprintf("%d rounds of %s: at least 1, and more than 1 of reflow only", o.Rounds, o.Method)}
	}
	if !teacher.Finished {
		o.note("the teacher's own training is not complete")
	}
	// A folder that holds a finished model is replaced at the end, not before.
	dir := filepath.Clean(o.Dir)
	work := dir
	replaces, err := holdsOther(dir, o)
	if err != nil {
		return nil, err
	}
	if replaces {
		work = dir + ".new"
	}
	d, from, seconds := o.Distill, teacher, 0.0
	var res *Result
	for round := 1; round <= o.Rounds; round++ {
		d.Round = round
		r, err := from.Recipe.Distilled(d)
		if err != nil {
			return nil, err
		}
		if o.Change != nil {
			o.Change(&r)
		}
		opts := o.Options
		if opts.Dir = work; round < o.Rounds {
			opts.Dir = filepath.Join(work, fmt.Sprintf("round-%d", round))
		}
		if o.Rounds > 1 {
			o.note("round %d of %d in %s", round, o.Rounds, opts.Dir)
		}
		if res, err = Train(ctx, r, opts); err != nil {
			if res != nil {
				return &Distilled{Result: *res}, err
			}
			return nil, err
		}
		seconds += res.Saved.Seconds
		from, d.Teacher, d.Digest = res.Saved, res.Path, ""
	}
	out := &Distilled{Result: *res, Seconds: seconds}
	o.note("judging teacher and student ...")
	plan, err := teacher.Plan(ctx, "", nil)
	if err != nil {
		return out, err
	}
	if _, ok := teacher.Form.(galleried); ok {
		if out.TeacherReading, out.StudentReading, err = o.judgeReading(ctx, teacher, res.Saved, plan); err != nil {
			return out, err
		}
		err = betterReading(out.TeacherReading, out.StudentReading)
	} else {
		err = o.judgePoints(ctx, out, teacher, plan)
	}
	if err != nil {
		return out, err
	}
	if replaces {
		if err := replace(dir, work); err != nil {
			return out, err
		}
		out.Path = filepath.Join(dir, ModelFile)
	}
	return out, nil
}

// judgePoints fills in the figures of teacher and student; the error tells, too,
// that the student is no better.
func (o DistillOptions) judgePoints(ctx context.Context, out *Distilled, teacher *Saved, plan *recipe.Plan) (err error) {
	if out.Teacher, err = o.judge(ctx, teacher, plan); err != nil {
		return err
	}
	if out.Student, err = o.judge(ctx, out.Saved, out.Plan); err != nil {
		return err
	}
	was, is := out.Teacher.Rows[0], out.Student.Rows[0]
	if !(is.W2CI[1] < was.W2CI[0]) {
		return fmt.Errorf("%w: W2 at 1 evaluation is %.3f [%.3f, %.3f], the teacher's %.3f [%.3f, %.3f]", ErrWorse,
			float64(is.W2), float64(is.W2CI[0]), float64(is.W2CI[1]), float64(was.W2), float64(was.W2CI[0]), float64(was.W2CI[1]))
	}
	return nil
}

// judge measures a model at 1 evaluation, which comes first, and at those of At.
func (o DistillOptions) judge(ctx context.Context, s *Saved, plan *recipe.Plan) (metric.Report, error) {
	e := o.Eval
	e.Threads, e.Settings = o.Threads, []metric.Setting{{Solver: s.Recipe.Method(), NFE: 1}}
	for _, nfe := range o.At {
		if nfe != 1 {
			e.Settings = append(e.Settings, metric.Setting{Solver: s.Recipe.Method(), NFE: nfe})
		}
	}
	rep, err := Evaluate(ctx, s, plan, e)
	if err == nil && (len(rep.Rows) == 0 || rep.Rows[0].NFE != 1) {
		err = fmt.Errorf("%w: the evaluation has no row of 1 evaluation", flow.ErrConfig)
	}
	return rep, err
}

// holdsOther tells whether the folder holds a model that the student is to
// replace: its teacher, or whatever there is under Force. A run of o itself, to
// be continued or complete, is none.
func holdsOther(dir string, o DistillOptions) (bool, error) {
	if !holdsRun(dir) {
		return false, nil
	}
	path, err := modelPath(o.Teacher)
	if err != nil {
		return false, err
	}
	a, err := os.Stat(path)
	if err != nil {
		return false, explain(path, err)
	}
	if b, err := os.Stat(filepath.Join(dir, ModelFile)); err == nil && os.SameFile(a, b) {
		return true, nil
	}
	return o.Force && !o.Resume, nil
}

// replace moves the files of the folder work to dir, over those of the run there.
// The model goes first, by one rename: at no moment is dir without one.
func replace(dir, work string) error {
	if err := clearResults(dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(work)
	if err != nil {
		return explain(work, err)
	}
	names := []string{ModelFile}
	for _, e := range entries {
		if e.Name() != ModelFile {
			names = append(names, e.Name())
		}
	}
	for _, name := range names {
		from, to := filepath.Join(work, name), filepath.Join(dir, name)
		if st, err := os.Stat(from); err == nil && st.IsDir() {
			if err := os.RemoveAll(to); err != nil {
				return explain(to, err)
			}
		}
		if err := os.Rename(from, to); err != nil {
			return explain(to, err)
		}
	}
	return explainMaybe(work, os.Remove(work))
}

func explainMaybe(path string, err error) error {
	if err == nil {
		return nil
	}
	return explain(path, err)
}

// gatherTeacher loads the model that a recipe learns from and fills in its digest.
func gatherTeacher(r *recipe.Recipe, kernels string) (*recipe.Teacher, error) {
	if r.Distill == nil {
		return nil, nil
	}
	d := *r.Distill
	path, err := modelPath(d.Teacher)
	if err != nil {
		return nil, err
	}
	got, err := digest(path)
	if err != nil {
		return nil, err
	}
	if d.Digest != "" && d.Digest != got {
		return nil, fmt.Errorf("%w: %s is not the teacher that the run began with; put that model back, or start over with --force", flow.ErrConfig, path)
	}
	s, err := Load(path, kernels)
	if err != nil {
		return nil, err
	}
	d.Digest = got
	r.Distill = &d
	return &recipe.Teacher{Model: s.Model, Recipe: s.Recipe, Source: s.Source}, nil
}
