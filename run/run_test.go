package run_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"laminar/flow"
	"laminar/internal/kernel"
	"laminar/metric"
	"laminar/nn"
	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
	"laminar/sample"
	"laminar/solve"
)

// small is a recipe that takes a fraction of a second.
func small(t testing.TB, set string) recipe.Recipe {
	t.Helper()
	r, err := recipe.Preset("fast")
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name = set
	r.Data.Standardise = !recipe.IsBuiltIn(set) || set == "iris" // distributions take 100,000 draws to standardise
	r.Network.Width, r.Network.Depth, r.Network.TimeFeatures = 16, 1, 4
	r.Train.Steps, r.Train.Batch, r.Train.ValidateEvery = 130, 32, 30
	r.Optim.Warmup = 10
	return r
}

func carryOut(t testing.TB, r recipe.Recipe, o run.Options) *run.Result {
	t.Helper()
	res, err := run.Train(context.Background(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func load(t testing.TB, path string) *run.Saved {
	t.Helper()
	s, err := run.Load(path, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t testing.TB, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, b []byte, path ...string) string {
	t.Helper()
	p := filepath.Join(path...)
	if err := os.WriteFile(p, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// names lists a folder.
func names(t testing.TB, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}

// same fails unless two run folders hold the same run, clocks apart.
func same(t *testing.T, what, a, b string) {
	t.Helper()
	x, y := load(t, a), load(t, b)
	if !slices.Equal(x.Model.Params, y.Model.Params) || !reflect.DeepEqual(x.State, y.State) {
		t.Errorf("%s: other bits", what)
	}
	if x.Steps != y.Steps || x.Loss != y.Loss || x.Finished != y.Finished || !reflect.DeepEqual(x.Recipe, y.Recipe) {
		t.Errorf("%s: %d steps, loss %v, finished %v; want %d, %v, %v", what, y.Steps, y.Loss, y.Finished, x.Steps, x.Loss, x.Finished)
	}
	for _, f := range []string{run.MetricsFile, run.RecipeFile} {
		if p, q := read(t, a, f), read(t, b, f); !bytes.Equal(p, q) {
			t.Errorf("%s: %s differs:\n%s\n%s", what, f, p, q)
		}
	}
}

func TestTrainLeavesAFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "run")
	steps := 0
	res := carryOut(t, small(t, "rings"), run.Options{Dir: dir, Watch: func(p run.Progress) {
		steps++
		if p.Step != steps || p.Total != 130 || p.Seconds <= 0 {
			t.Errorf("told %+v at step %d", p, steps)
		}
	}})
	if steps != 130 || res.Path != filepath.Join(dir, run.ModelFile) || res.Resumed || !res.Saved.Finished || res.Saved.Steps != 130 {
		t.Errorf("%d steps, %+v", steps, res)
	}
	if got := names(t, dir); !slices.Equal(got, []string{run.MetricsFile, run.ModelFile, run.RecipeFile}) {
		t.Errorf("the folder holds %v", got)
	}
	lines, err := run.ReadMetrics(filepath.Join(dir, run.MetricsFile))
	if err != nil || len(lines) != 6 || lines[5].Step != 120 || !(lines[5].Loss > 0) {
		t.Errorf("%+v, %v", lines, err)
	}
	r, err := run.ReadRecipe(filepath.Join(dir, run.RecipeFile))
	if err != nil || !reflect.DeepEqual(r, res.Saved.Recipe) {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := run.ReadMetrics(filepath.Join(dir, "none.jsonl")); err != nil {
		t.Errorf("no metrics yet: %v", err)
	}
}

// Interrupted anywhere and continued, a run ends in the bits of one that was
// never interrupted, the metrics file included.
func TestResumeIsExact(t *testing.T) {
	// Without and with held-out rows, and with what the coupling has learnt.
	for _, c := range [][2]string{{"rings", "auto"}, {"iris", "auto"}, {"iris", "semidiscrete"}} {
		set := c[0]
		r := small(t, set)
		r.Coupling.Name = c[1]
		whole := filepath.Join(t.TempDir(), "whole")
		carryOut(t, r, run.Options{Dir: whole})
		stops := []int{1, 20, 47, 129}
		if racing || testing.Short() {
			stops = []int{47}
		}
		for _, at := range stops {
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(context.Background())
			res, err := run.Train(ctx, r, run.Options{Dir: dir, Threads: 1, Watch: func(p run.Progress) {
				if p.Step == at {
					cancel()
				}
			}})
			if !errors.Is(err, context.Canceled) || res == nil || res.Saved.Steps != at || res.Saved.Finished {
				t.Fatalf("cancelled at step %d: %+v, %v", at, res, err)
			}
			res = carryOut(t, r, run.Options{Dir: dir, Resume: true})
			if !res.Resumed {
				t.Errorf("step %d: not resumed", at)
			}
			same(t, fmt.Sprintf("%s, interrupted at step %d", set, at), whole, dir)
		}
	}
}

// A process that is killed leaves the folder as it stands at some moment, with
// metrics beyond the checkpoint and perhaps half a line.
func TestResumeAfterKill(t *testing.T) {
	r := small(t, "rings")
	whole, dir := t.TempDir(), t.TempDir()
	carryOut(t, r, run.Options{Dir: whole})
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := run.Train(ctx, r, run.Options{Dir: dir, Watch: func(p run.Progress) {
		if p.Step == 50 {
			cancel()
		}
	}}); err == nil {
		t.Fatal("not cancelled")
	}
	// Lines that were written after the checkpoint, the last one cut.
	all := read(t, whole, run.MetricsFile)
	write(t, all[:len(all)-9], dir, run.MetricsFile)
	carryOut(t, r, run.Options{Dir: dir, Resume: true})
	same(t, "killed after the checkpoint", whole, dir)

	// Before the first checkpoint: the recipe is there, the model is not.
	if err := os.Remove(filepath.Join(dir, run.ModelFile)); err != nil {
		t.Fatal(err)
	}
	var told []string
	res := carryOut(t, r, run.Options{Dir: dir, Resume: true, Notify: func(l string) { told = append(told, l) }})
	if res.Resumed || !strings.Contains(strings.Join(told, "\n"), "no checkpoint") {
		t.Errorf("resumed %v; told %q", res.Resumed, told)
	}
	same(t, "killed before the first checkpoint", whole, dir)

	// In the first instant, when the checkpoint of step 0 is all there is.
	first := t.TempDir()
	copied := false
	carryOut(t, r, run.Options{Dir: t.TempDir(), Kernels: "go"})
	scratch := t.TempDir()
	carryOut(t, r, run.Options{Dir: scratch, Kernels: "go", Watch: func(run.Progress) {
		if !copied {
			for _, n := range names(t, scratch) {
				write(t, read(t, scratch, n), first, n)
			}
			copied = true
		}
	}})
	carryOut(t, r, run.Options{Dir: first, Resume: true})
	same(t, "killed at the first step, on other kernels than the best", scratch, first)
	// Nothing at all.
	if res := carryOut(t, r, run.Options{Dir: filepath.Join(t.TempDir(), "new"), Resume: true}); res.Resumed {
		t.Error("resumed from nothing")
	}
}

func TestFinishedRunReturnsAtOnce(t *testing.T) {
	dir := t.TempDir()
	r := small(t, "rings")
	want := carryOut(t, r, run.Options{Dir: dir})
	before := read(t, dir, run.ModelFile)
	res := carryOut(t, recipe.Recipe{}, run.Options{Dir: dir, Resume: true, Watch: func(run.Progress) { t.Error("a step was taken") }})
	if !res.Resumed || res.Saved.Steps != 130 || res.Saved.Loss != want.Saved.Loss || res.Plan == nil || !bytes.Equal(before, read(t, dir, run.ModelFile)) {
		t.Errorf("%+v", res)
	}
}

func TestMoreSteps(t *testing.T) {
	r := small(t, "rings")
	r.Optim.Schedule = "constant" // so that a longer run begins as a shorter one
	whole, dir := t.TempDir(), t.TempDir()
	carryOut(t, r, run.Options{Dir: dir})
	r.Train.Steps = 170
	carryOut(t, r, run.Options{Dir: whole})
	if res := carryOut(t, r, run.Options{Dir: dir, Resume: true}); res.Saved.Steps != 170 || !res.Saved.Finished {
		t.Errorf("%+v", res.Saved)
	}
	same(t, "steps raised", whole, dir)
	r.Train.Steps = 160
	if _, err := run.Train(context.Background(), r, run.Options{Dir: dir, Resume: true}); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "170 steps, which can be raised but not lowered to 160") {
		t.Error(err)
	}
}

// TestResumeThatFailsChangesNothing: a state that does not fit is found before a
// file of the run is touched.
func TestResumeThatFailsChangesNothing(t *testing.T) {
	dir := t.TempDir()
	r := small(t, "rings")
	carryOut(t, r, run.Options{Dir: dir})
	s := load(t, dir)
	s.State.Groups[0].Optim.M = s.State.Groups[0].Optim.M[1:]
	if err := run.Save(filepath.Join(dir, run.ModelFile), s); err != nil {
		t.Fatal(err)
	}
	write(t, []byte("{}"), dir, run.EvalFile)
	before := map[string][]byte{}
	for _, name := range names(t, dir) {
		before[name] = read(t, dir, name)
	}
	r.Train.Steps = 170
	if _, err := run.Train(context.Background(), r, run.Options{Dir: dir, Resume: true}); !errors.Is(err, flow.ErrShape) {
		t.Errorf("want flow.ErrShape, got %v", err)
	}
	if got := names(t, dir); len(got) != len(before) {
		t.Errorf("the folder holds %v", got)
	}
	for name, b := range before {
		if !bytes.Equal(b, read(t, dir, name)) {
			t.Errorf("%s was changed", name)
		}
	}
}

func TestExistingRunIsKept(t *testing.T) {
	dir := t.TempDir()
	r := small(t, "rings")
	carryOut(t, r, run.Options{Dir: dir})
	before := read(t, dir, run.ModelFile)
	for name, c := range map[string]struct {
		edit func(*recipe.Recipe)
		o    run.Options
		kind error
		want string
	}{
		"neither flag":         {o: run.Options{}, kind: run.ErrExists, want: "--resume to continue it, --force to replace it"},
		"seed":                 {func(r *recipe.Recipe) { r.Train.Seed = 1 << 62 }, run.Options{Resume: true}, flow.ErrConfig, "another train.seed (0, not 4611686018427387904)"},
		"coupling":             {func(r *recipe.Recipe) { r.Coupling.Name = "independent" }, run.Options{Resume: true}, flow.ErrConfig, "another coupling.name (ot, not independent)"},
		"data":                 {func(r *recipe.Recipe) { r.Data.Name = "moons" }, run.Options{Resume: true}, flow.ErrConfig, "another data.name"},
		"label":                {func(r *recipe.Recipe) { r.Data.Label = "class" }, run.Options{Resume: true}, flow.ErrConfig, "another data.label"},
		"width":                {func(r *recipe.Recipe) { r.Network.Width = 17 }, run.Options{Resume: true}, flow.ErrConfig, "another network.width (16, not 17)"},
		"kernels":              {nil, run.Options{Resume: true, Kernels: "sse9"}, flow.ErrConfig, `"sse9"`},
		"no such data, forced": {func(r *recipe.Recipe) { r.Data.Name = "mons" }, run.Options{Force: true}, nil, "mons"},
		"no such file, forced": {func(r *recipe.Recipe) { r.Data.Name = "./none.csv" }, run.Options{Force: true}, nil, "none.csv"},
		"bad recipe, forced":   {func(r *recipe.Recipe) { r.Train.Batch = 0 }, run.Options{Force: true}, flow.ErrConfig, "train.batch"},
		"bad weights, forced":  {nil, run.Options{Force: true, Weights: make([]float32, 3)}, flow.ErrShape, "3 weights for a network of"},
	} {
		q := r
		if c.edit != nil {
			c.edit(&q)
		}
		c.o.Dir = dir
		_, err := run.Train(context.Background(), q, c.o)
		if err == nil || c.kind != nil && !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, got %v", name, c.want, err)
		}
		if !bytes.Equal(before, read(t, dir, run.ModelFile)) || len(names(t, dir)) != 3 {
			t.Fatalf("%s: the old run was touched: %v", name, names(t, dir))
		}
	}
	// Seeds that differ in their last bit only are different.
	r.Train.Seed = 1<<62 + 1
	carryOut(t, r, run.Options{Dir: dir, Force: true})
	r.Train.Seed = 1 << 62
	if _, err := run.Train(context.Background(), r, run.Options{Dir: dir, Resume: true}); err == nil {
		t.Error("another seed continues the run")
	}
}

func TestForceStartsOver(t *testing.T) {
	dir, fresh := t.TempDir(), t.TempDir()
	r := small(t, "rings")
	carryOut(t, r, run.Options{Dir: dir})
	write(t, []byte("{}"), dir, run.EvalFile)
	write(t, []byte("mine"), dir, "notes.txt")
	r.Train.Seed = 9
	carryOut(t, r, run.Options{Dir: dir, Force: true})
	carryOut(t, r, run.Options{Dir: fresh})
	same(t, "forced", fresh, dir)
	if got := names(t, dir); slices.Contains(got, run.EvalFile) || !slices.Contains(got, "notes.txt") {
		t.Errorf("left in the folder: %v", got)
	}
}

func TestKernelsAreRecorded(t *testing.T) {
	dir := t.TempDir()
	r := small(t, "rings")
	carryOut(t, r, run.Options{Dir: dir, Kernels: "go"})
	s := load(t, dir)
	if s.Kernels != "go" || s.Model.Kernels.Name() != "go" {
		t.Errorf("recorded %q, running on %q", s.Kernels, s.Model.Kernels.Name())
	}
	best := kernel.Best().Name()
	if s, err := run.Load(dir, "auto"); err != nil || s.Kernels != "go" || s.Model.Kernels.Name() != best {
		t.Errorf("auto: %v", err)
	}
	if s, err := run.Load(dir, best); err != nil || s.Model.Kernels.Name() != best {
		t.Errorf("forced: %v", err)
	}
	if _, err := run.Load(dir, "sse9"); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "choose one of auto") {
		t.Errorf("unknown: %v", err)
	}
	if best == "go" {
		return
	}
	r.Train.Steps = 140
	if _, err := run.Train(context.Background(), r, run.Options{Dir: dir, Resume: true, Kernels: best}); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "use --kernels go") {
		t.Errorf("continued on other kernels: %v", err)
	}
}

func TestTimeFixesTheSteps(t *testing.T) {
	dir := t.TempDir()
	r := small(t, "rings")
	r.Network.Width = 8
	res := carryOut(t, r, run.Options{Dir: dir, Time: 100 * time.Millisecond})
	n := res.Saved.Steps
	if n < 2 || !res.Saved.Finished || res.Saved.Recipe.Train.Steps != n {
		t.Fatalf("%d steps, %+v", n, res.Saved.Recipe.Train)
	}
	// The figure holds from there on, without a checkpoint too.
	if res = carryOut(t, r, run.Options{Dir: dir, Resume: true, Time: time.Hour}); res.Saved.Steps != n {
		t.Errorf("resumed: %d steps", res.Saved.Steps)
	}
	if err := os.Remove(filepath.Join(dir, run.ModelFile)); err != nil {
		t.Fatal(err)
	}
	if res = carryOut(t, r, run.Options{Dir: dir, Resume: true, Time: time.Hour}); res.Saved.Steps != n {
		t.Errorf("started afresh: %d steps", res.Saved.Steps)
	}
	// The run is the one that its recipe describes.
	r.Train.Steps, r.Train.Planned = n, res.Saved.Recipe.Train.Planned
	straight := t.TempDir()
	carryOut(t, r, run.Options{Dir: straight})
	same(t, "by time", straight, dir)
}

func TestFilesAreKnownByTheirDigest(t *testing.T) {
	in := write(t, []byte("a,b\n1,2\n2,4\n3,5\n4,9\n5,7\n6,1\n7,3\n8,8\n9,6\n0,0\n"), t.TempDir(), "in.csv")
	dir := t.TempDir()
	r := small(t, in)
	carryOut(t, r, run.Options{Dir: dir})
	r.Train.Steps = 140
	write(t, []byte("a,b\n1,2\n2,4\n3,5\n4,9\n5,7\n6,1\n7,3\n8,8\n9,6\n0,1\n"), in)
	for _, q := range []recipe.Recipe{r, {}} {
		q.Train.Steps = 140
		if _, err := run.Train(context.Background(), q, run.Options{Dir: dir, Resume: true}); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "is not the file that the run was trained on") {
			t.Errorf("other data: %v", err)
		}
	}
	write(t, []byte("a,b\n1,2\n2,4\n3,5\n4,9\n5,7\n6,1\n7,3\n8,8\n9,6\n0,0\n"), in)
	if res := carryOut(t, r, run.Options{Dir: dir, Resume: true}); res.Saved.Steps != 140 {
		t.Errorf("%d steps", res.Saved.Steps)
	}
}

// Imported weights are where a run starts, in its averages too, and a killed
// run starts from them again.
func TestStartsFromWeights(t *testing.T) {
	r := small(t, "rings")
	from := carryOut(t, r, run.Options{Dir: t.TempDir()})
	w, err := run.ImportWeights(from.Path, from.Saved.Model.Program.Layout(nn.Group))
	if err != nil || !slices.Equal(w, from.Saved.Model.Params) {
		t.Fatalf("the weights of a model file come back otherwise: %v", err)
	}
	r.Optim.Rate, r.Optim.FinalRate, r.Train.Steps = 1e-30, 0, 1
	if got := carryOut(t, r, run.Options{Dir: t.TempDir(), Weights: w}); !slices.Equal(got.Saved.Model.Params, w) {
		t.Error("training at no rate moves away from the weights")
	}
}

func TestDivergence(t *testing.T) {
	dir := t.TempDir()
	r := small(t, "rings")
	r.Optim.Method, r.Optim.Rate, r.Optim.Clip, r.Optim.Warmup, r.Optim.EMA = "sgd", 1e6, 0, 0, 0
	_, err := run.Train(context.Background(), r, run.Options{Dir: dir})
	if !errors.Is(err, flow.ErrDiverged) || !strings.Contains(err.Error(), "lower learning rate") {
		t.Fatal(err)
	}
	if s := load(t, dir); s.Steps != 0 || s.Finished || !math.IsNaN(s.Loss) {
		t.Errorf("kept: step %d, loss %v", s.Steps, s.Loss)
	}
}

// A saved model samples to the same bits, from any source.
func TestSaveLoad(t *testing.T) {
	csv := write(t, []byte("1,2\n2,4\n3,5\n4,9\n5,7\n6,1\n7,3\n8,8\n9,6\n0,0\n"), t.TempDir(), "source.csv")
	for _, c := range []struct{ set, label, source string }{
		{"moons", "", "gaussian"},
		{"8gaussians", "class", "gaussian"},
		{"iris", "class", "gaussian"},
		{"moons", "", "rings"},
		{"moons", "", csv},
	} {
		r := small(t, c.set)
		r.Data.Label, r.Source, r.Train.Steps = c.label, c.source, 40
		dir := t.TempDir()
		res := carryOut(t, r, run.Options{Dir: dir})
		got := load(t, dir)
		if !reflect.DeepEqual(got.State, res.Saved.State) || !reflect.DeepEqual(got.Recipe, res.Saved.Recipe) || !slices.Equal(got.Model.Classes, res.Saved.Model.Classes) ||
			!slices.Equal(got.Model.Columns, res.Saved.Model.Columns) || got.Model.Cond != res.Saved.Model.Cond || got.Loss != res.Saved.Loss {
			t.Errorf("%+v: came back otherwise", c)
		}
		draw := func(s *run.Saved) []float64 {
			cfg := sample.Config{N: 20, Seed: rng.New(3), Source: s.Source, Solve: solve.Config{Method: "heun", Steps: 3}}
			if s.Model.Cond.Classes > 0 {
				cfg.Cond.Class = make([]int32, 20)
			}
			x, _, err := sample.Draw(context.Background(), s.Model, cfg)
			if err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			return x.Data
		}
		if !slices.Equal(draw(got), draw(res.Saved)) {
			t.Errorf("%+v: other samples", c)
		}
		// Saving what was loaded gives the same file.
		again := filepath.Join(dir, "again")
		if err := run.Save(again, got); err != nil || !bytes.Equal(read(t, again), read(t, dir, run.ModelFile)) {
			t.Errorf("%+v: saved again, other bytes (%v)", c, err)
		}
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := write(t, []byte("old"), dir, "f")
	fail := errors.New("no more")
	if err := run.WriteFile(path, func(w io.Writer) error {
		if _, err := w.Write([]byte("half")); err != nil {
			t.Fatal(err)
		}
		return fail
	}); !errors.Is(err, fail) {
		t.Errorf("%v", err)
	}
	if got := names(t, dir); string(read(t, path)) != "old" || len(got) != 1 {
		t.Errorf("after a failure: %q, %v", read(t, path), got)
	}
	if err := run.WriteFile(path, func(w io.Writer) error { _, err := w.Write([]byte("new")); return err }); err != nil || string(read(t, path)) != "new" || len(names(t, dir)) != 1 {
		t.Errorf("%q, %v", read(t, path), err)
	}
	for _, bad := range []string{filepath.Join(dir, "none", "f"), filepath.Join(path, "f")} {
		if err := run.WriteFile(bad, func(io.Writer) error { return nil }); err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), bad+": ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestEvaluate(t *testing.T) {
	r := small(t, "rings")
	res := carryOut(t, r, run.Options{Dir: t.TempDir()})
	s := load(t, res.Path)
	plan, err := s.Plan(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := run.Trace(context.Background(), s, 5, rng.New(1))
	if err != nil || len(tr.T) != 51 || tr.Z[50].N != 5 || tr.T[50] != 1 {
		t.Errorf("%d times, %v", len(tr.T), err)
	}
	if testing.Short() || racing {
		return
	}
	o := run.EvalDefaults()
	o.N, o.Fine, o.Pairs, o.Paths, o.Triples, o.Queries = 200, 500, 3, 100, 2000, 200
	o.Settings = []metric.Setting{{Solver: "euler", NFE: 1}, {Solver: "euler", NFE: 4}, {Solver: "dopri5", RTol: 1e-3, ATol: 1e-3}}
	rep, err := run.Evaluate(context.Background(), s, plan, o)
	if err != nil || len(rep.Rows) != 3 || !(rep.Rows[0].W2 > 0) || rep.Rows[2].NFE < 7 {
		t.Errorf("%+v, %v", rep, err)
	}
	if _, err := s.Plan(t.Context(), "iris", nil); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "iris has 4 columns, the model 2") {
		t.Errorf("%v", err)
	}
	if plan, err = s.Plan(t.Context(), "moons", nil); err != nil || plan.Recipe.Data.Name != "moons" || plan.Judge.Dim() != 2 {
		t.Errorf("%v", err)
	}
}

func ExampleTrain() {
	dir, err := os.MkdirTemp("", "laminar")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	r, _ := recipe.Preset("post")
	r.Data.Name, r.Train.Steps = "moons", 60

	res, err := run.Train(context.Background(), r, run.Options{Dir: dir})
	fmt.Println(res.Saved.Steps, res.Resumed, err)
	// Again, for longer: the run goes on where it ended.
	r.Train.Steps = 80
	res, err = run.Train(context.Background(), r, run.Options{Dir: dir, Resume: true})
	fmt.Println(res.Saved.Steps, res.Resumed, err)

	s, err := run.Load(dir, "")
	fmt.Println(s.Model.Dim(), s.Finished, err)
	// Output:
	// 60 false <nil>
	// 80 true <nil>
	// 2 true <nil>
}
