package run_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/metric"
	"laminar/recipe"
	"laminar/run"
)

// student is how a small teacher is distilled.
func student(method, teacher, dir string, steps int) run.DistillOptions {
	o := run.DistillDefaults(method, teacher, dir)
	o.Pool, o.NFE, o.At = 2048, 8, []int{1, 2}
	o.Eval.N, o.Eval.Pairs, o.Eval.Fine, o.Eval.Paths, o.Eval.Triples, o.Eval.Queries = 200, 4, 1000, 50, 1024, 50
	o.Change = func(r *recipe.Recipe) { r.Train.Steps = steps }
	return o
}

// needy is the recipe of a teacher that needs many evaluations.
func needy(t testing.TB, steps int) recipe.Recipe {
	r := small(t, "8gaussians")
	r.Coupling.Name = "independent"
	r.Network.Width, r.Network.Depth, r.Train.Steps, r.Train.Batch = 48, 2, steps, 64
	return r
}

func teach(t testing.TB) string {
	r := needy(t, 400)
	dir := filepath.Join(t.TempDir(), "teacher")
	carryOut(t, r, run.Options{Dir: dir})
	return dir
}

func TestDistill(t *testing.T) {
	teacher := teach(t)
	before := read(t, teacher, run.ModelFile)
	for _, method := range []string{"reflow", "distill", "shortcut"} {
		dir := filepath.Join(t.TempDir(), method)
		o := student(method, teacher, dir, 300)
		if method == "reflow" {
			o.Rounds = 2
		}
		res, err := run.Distill(context.Background(), o)
		if err != nil {
			t.Fatal(method, err)
		}
		was, is := res.Teacher.Rows, res.Student.Rows
		if len(was) != 2 || len(is) != 2 || !(is[0].W2 < was[0].W2) {
			t.Errorf("%s: %+v after %+v", method, is, was)
		}
		if only := math.IsNaN(float64(is[1].W2)); only != (method == "distill") {
			t.Errorf("%s has a figure at 2 evaluations: %v", method, !only)
		}
		s := load(t, dir)
		d := s.Recipe.Distill
		if d == nil || d.Method != method || d.Digest == "" || res.Path != filepath.Join(dir, run.ModelFile) {
			t.Fatalf("%s: the recipe says %+v of %s", method, d, res.Path)
		}
		if method == "reflow" {
			first := load(t, filepath.Join(dir, "round-1"))
			if d.Round != 2 || d.Teacher != filepath.Join(dir, "round-1", run.ModelFile) || first.Recipe.Distill.Teacher != teacher {
				t.Errorf("round 2 learnt from %s, round 1 from %s", d.Teacher, first.Recipe.Distill.Teacher)
			}
		}
		// The student is judged without its teacher.
		if err := os.Rename(teacher, teacher+"-away"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Plan(t.Context(), "", nil); err != nil {
			t.Error(err)
		}
		if err := os.Rename(teacher+"-away", teacher); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(before, read(t, teacher, run.ModelFile)) {
		t.Error("the teacher has changed")
	}
}

// TestDistillResumes: an interrupted student ends in the bits of one that was not.
func TestDistillResumes(t *testing.T) {
	teacher := teach(t)
	for _, method := range []string{"reflow", "meanflow", "consistency"} {
		whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
		for _, dir := range []string{whole, parts} {
			o := student(method, teacher, dir, 60)
			if dir == parts {
				ctx, stop := context.WithCancel(context.Background())
				o.Watch = func(p run.Progress) {
					if p.Step == 25 {
						stop()
					}
				}
				if _, err := run.Distill(ctx, o); !errors.Is(err, context.Canceled) {
					t.Fatal(method, err)
				}
				o.Watch, o.Resume = nil, true
			}
			if _, err := run.Distill(context.Background(), o); err != nil && !errors.Is(err, run.ErrWorse) {
				t.Fatal(method, err)
			}
		}
		a, b := load(t, whole), load(t, parts)
		if a.Steps != 60 || b.Steps != 60 {
			t.Fatalf("%s: %d and %d steps", method, a.Steps, b.Steps)
		}
		for i, v := range a.Model.Params {
			if v != b.Model.Params[i] {
				t.Fatalf("%s: a resumed student has other bits", method)
			}
		}
		// Another teacher under the same name is refused.
		o := student(method, teacher, parts, 90)
		o.Resume = true
		held := read(t, teacher, run.ModelFile)
		carryOut(t, needy(t, 5), run.Options{Dir: teacher, Force: true})
		if _, err := run.Distill(context.Background(), o); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "not the teacher") {
			t.Errorf("%s: another teacher: %v", method, err)
		}
		write(t, held, teacher, run.ModelFile)
	}
}

// TestDistillReplacesOnlyByBetter: a student takes its teacher's place if it is
// better at one evaluation, and lies beside it if not.
func TestDistillReplacesOnlyByBetter(t *testing.T) {
	teacher := teach(t)
	held := read(t, teacher, run.ModelFile)
	o := student("reflow", teacher, teacher, 1)
	res, err := run.Distill(context.Background(), o)
	if !errors.Is(err, run.ErrWorse) || !strings.Contains(err.Error(), "W2 at 1 evaluation") {
		t.Fatalf("a student of one step: %v", err)
	}
	if !bytes.Equal(held, read(t, teacher, run.ModelFile)) {
		t.Error("a student that is no better has replaced its teacher")
	}
	if res.Path != filepath.Join(teacher+".new", run.ModelFile) || load(t, res.Path).Steps != 1 {
		t.Errorf("it is kept in %s", res.Path)
	}
	o = student("distill", teacher, teacher, 300)
	o.Force = true
	if res, err = run.Distill(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if s := load(t, teacher); s.Recipe.Distill == nil || s.Steps != 300 || res.Path != filepath.Join(teacher, run.ModelFile) {
		t.Errorf("the better student is not in its teacher's place: %+v", s.Recipe.Distill)
	}
	if _, err := os.Stat(teacher + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the work folder is left: %v", err)
	}
	if _, err := run.Distill(context.Background(), student("magic", teacher, t.TempDir(), 1)); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("an unknown method: %v", err)
	}
	o = student("meanflow", teacher, t.TempDir(), 1)
	o.Rounds = 2
	if _, err := run.Distill(context.Background(), o); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("two rounds of meanflow: %v", err)
	}
}

// TestOneStepModels: a GAN is judged at one evaluation, has no path figures, and
// says that there is nothing to watch.
func TestOneStepModels(t *testing.T) {
	r := small(t, "8gaussians")
	r.Family, r.Train.Steps = "gan", 40
	dir := t.TempDir()
	res := carryOut(t, r, run.Options{Dir: dir})
	s := load(t, dir)
	if c := s.Solve(); c.Method != "euler" || c.NFE != 1 || s.Model.Schedule != nil {
		t.Errorf("it is sampled by %+v", c)
	}
	o := s.EvalDefaults()
	if len(o.Settings) != 1 || o.Settings[0].NFE != 1 {
		t.Fatalf("it is judged at %v", o.Settings)
	}
	o.N, o.Pairs, o.Fine, o.Paths = 100, 3, 500, 20
	o.Settings = append(o.Settings, metric.Setting{Solver: "euler", NFE: 4}, metric.Setting{Solver: "dopri5", RTol: 1e-3, ATol: 1e-3})
	rep, err := run.Evaluate(context.Background(), s, res.Plan, o)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rep.Rows {
		if null := math.IsNaN(float64(row.W2)); null != (i > 0) {
			t.Errorf("row %d at %d evaluations has W2 %v", i, row.NFE, row.W2)
		}
	}
	for _, v := range []metric.Number{rep.NPE, rep.Straightness, rep.Crossing} {
		if !math.IsNaN(float64(v)) {
			t.Errorf("a GAN has the figures %v %v %v", rep.NPE, rep.Straightness, rep.Crossing)
		}
	}
	err = run.Animate(context.Background(), io.Discard, s, res.Plan, run.AnimateOptions{})
	if !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "to watch") {
		t.Errorf("a film of a GAN: %v", err)
	}
	for _, kind := range []string{"paths", "field"} {
		if _, err := run.Picture(context.Background(), kind, s, res.Plan, run.PictureOptions{}); err == nil || !strings.Contains(err.Error(), "to watch") {
			t.Errorf("%s of a GAN: %v", kind, err)
		}
	}
	files, err := run.Illustrate(context.Background(), dir, s, res.Plan, &rep)
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(files, " "); strings.Contains(all, "paths.png") || !strings.Contains(all, "samples.png") {
		t.Errorf("the pictures of a GAN are %s", all)
	}
}
