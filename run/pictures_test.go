package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/gif"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/metric"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// small trains a small model for a few steps in a folder of its own.
func small(t *testing.T, edit func(*recipe.Recipe)) (string, *Result) {
	t.Helper()
	r, err := recipe.Preset("fast")
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name = "moons"
	r.Network.Width, r.Train.Steps, r.Train.Batch = 16, 60, 64
	edit(&r)
	dir := t.TempDir()
	res, err := Train(context.Background(), r, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return dir, res
}

// judged is an evaluation made up for a picture.
func judged() *metric.Report {
	nan := metric.Number(math.NaN())
	return &metric.Report{
		Kind: "points", Data: "moons", N: 100, Fine: 200, Pairs: 3,
		Floor: metric.Floor{W2: 0.05, W2CI: metric.Interval{0.04, 0.06}, W2SD: 0.01},
		Rows: []metric.Row{
			{Solver: "euler", NFE: 1, W2: 0.3, W2CI: metric.Interval{0.2, 0.4}, W2Ratio: 6},
			{Solver: "euler", NFE: 4, W2: nan, W2CI: metric.Interval{nan, nan}, W2Ratio: nan},
			{Solver: "euler", NFE: 100, W2: 0.1, W2CI: metric.Interval{0.08, 0.12}, W2Ratio: 2.25},
		},
		NPE: 0.125, Straightness: nan, Crossing: nan,
	}
}

func names(files []string) string {
	var out []string
	for _, f := range files {
		out = append(out, filepath.Base(f))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestIllustrate(t *testing.T) {
	ctx := context.Background()
	plane := "crossing.png eval.json field-000.png field-033.png field-067.png field-100.png independent.png loss.png paths.png quality.png report.html samples.png"
	for _, c := range []struct {
		name string
		rep  *metric.Report
		edit func(*recipe.Recipe)
		want string
	}{
		{"moons", judged(), func(*recipe.Recipe) {}, plane},
		{"moons unjudged", nil, func(r *recipe.Recipe) { r.Coupling.Name = "independent" }, "crossing.png field-000.png field-033.png field-067.png field-100.png loss.png paths.png report.html samples.png"},
		{"moons by class from gaussians", judged(), func(r *recipe.Recipe) { r.Data.Label, r.Source, r.Coupling.Name = "class", "8gaussians", "ot" }, plane},
		{"one column", judged(), func(r *recipe.Recipe) { r.Data.Name = oneColumn(t) }, "crossing.png eval.json independent.png loss.png paths.png quality.png report.html samples.png"},
		{"iris", judged(), func(r *recipe.Recipe) { r.Data.Name = "iris" }, "crossing.png eval.json independent.png loss.png paths.png quality.png report.html samples.png"},
		{"rows with times", judged(), func(r *recipe.Recipe) { r.Data.Name, r.Data.TimeColumn = timesFile(t), "day" }, "crossing.png eval.json field-000.png field-033.png field-067.png field-100.png loss.png paths.png quality.png report.html samples.png"},
		{"digits by class", judged(), func(r *recipe.Recipe) { r.Data.Name, r.Data.Label = "digits", "class"; r.Train.Steps = 20 }, "eval.json loss.png quality.png report.html samples.png"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, res := small(t, c.edit)
			files, err := Illustrate(ctx, dir, res.Saved, res.Plan, c.rep)
			if err != nil {
				t.Fatal(err)
			}
			if got := names(files); got != c.want {
				t.Errorf("wrote %s\nwant  %s", got, c.want)
			}
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil || strings.HasSuffix(f, ".png") && !bytes.HasPrefix(b, []byte("\x89PNG")) {
					t.Errorf("%s: %v, or no PNG", f, err)
				}
			}
			page, _ := os.ReadFile(filepath.Join(dir, ReportFile))
			wants := []string{"laminar train --recipe " + filepath.Join(dir, RecipeFile), "--kernels " + res.Saved.Kernels, "&#34;batch&#34;: 64"}
			if c.rep != nil {
				wants = append(wants, "2.25", "0.1250", "data (floor)")
			}
			for _, want := range wants {
				if !bytes.Contains(page, []byte(want)) {
					t.Errorf("the report does not say %q", want)
				}
			}
			if n := bytes.Count(page, []byte("<img")); n != strings.Count(c.want, ".png") {
				t.Errorf("%d pictures in the report, want %d", n, strings.Count(c.want, ".png"))
			}
			if err := clearRun(dir); err != nil {
				t.Fatal(err)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("clearing the run left %v", left)
			}
		})
	}
}

// The report and the pictures are the same when drawn again.
func TestIllustrateAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("long under the race detector; other tests start the same goroutines")
	}
	dir, res := small(t, func(*recipe.Recipe) {})
	var first []byte
	for range 2 {
		if _, err := Illustrate(context.Background(), dir, res.Saved, res.Plan, judged()); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, ReportFile))
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, b) {
			t.Error("the report differs when drawn again")
		}
		first = b
	}
}

func TestPictureKinds(t *testing.T) {
	ctx := context.Background()
	dir, res := small(t, func(*recipe.Recipe) {})
	if err := writeJSON(filepath.Join(dir, EvalFile), judged()); err != nil {
		t.Fatal(err)
	}
	o, err := PictureDefaults(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Lines) != 3 || o.Report == nil || o.Report.Rows[2].W2 != 0.1 {
		t.Fatalf("read %d lines and %+v", len(o.Lines), o.Report)
	}
	o.Sample.N = 50
	for _, kind := range PictureKinds() {
		_, err := Picture(ctx, kind, res.Saved, res.Plan, o)
		if want := kind == "images"; errors.Is(err, flow.ErrConfig) != want || err != nil && !want {
			t.Errorf("%s: error %v", kind, err)
		}
	}
	// Without the data, what needs none is drawn all the same.
	bare := &recipe.Plan{Recipe: res.Saved.Recipe, Transform: res.Saved.Model.Transform}
	for _, kind := range PictureKinds() {
		_, err := Picture(ctx, kind, res.Saved, bare, o)
		want := slices.Contains([]string{"images", "crossing", "independent"}, kind)
		if errors.Is(err, flow.ErrConfig) != want || err != nil && !want {
			t.Errorf("%s without data: error %v", kind, err)
		}
	}
	if _, err := Picture(ctx, "portrait", res.Saved, res.Plan, o); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "samples") {
		t.Errorf("an unknown kind: %v", err)
	}
	for _, kind := range []string{"loss", "quality"} {
		if _, err := Picture(ctx, kind, res.Saved, res.Plan, PictureOptions{}); !errors.Is(err, flow.ErrConfig) {
			t.Errorf("%s of nothing: %v", kind, err)
		}
	}
}

// Following the field in the numbers of the data ends where samples are.
func TestFieldInDataSpace(t *testing.T) {
	ctx := context.Background()
	_, res := small(t, func(r *recipe.Recipe) { r.Data.Name = "8gaussians" })
	s := res.Saved
	c := sample.Config{N: 40, Solve: solve.Defaults()}
	want, _, err := sample.Draw(ctx, s.Model, c)
	if err != nil {
		t.Fatal(err)
	}
	x, err := sample.Start(s.Model, c)
	if err == nil {
		x, err = back(s, x)
	}
	if err != nil {
		t.Fatal(err)
	}
	solver, err := solve.New[float32](c.Solve)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := solver.Solve(ctx, PictureOptions{}.field(s), x, 0, 1); err != nil {
		t.Fatal(err)
	}
	for i, v := range x.Data {
		if math.Abs(float64(v)-want.Data[i]) > 1e-3 {
			t.Fatalf("coordinate %d ends at %v, the sample is %v", i, v, want.Data[i])
		}
	}
	tr, err := journey(ctx, s, c)
	if err != nil {
		t.Fatal(err)
	}
	last := tr.Z[len(tr.Z)-1]
	for i, v := range last.Data {
		if math.Abs(float64(v)-want.Data[i]) > 1e-4 {
			t.Fatalf("coordinate %d of the path ends at %v, the sample is %v", i, v, want.Data[i])
		}
	}
}

// The field of a model that is guided away from its weak copy is the guided one.
func TestFieldIsGuidedAsSamplesAre(t *testing.T) {
	_, res := small(t, func(r *recipe.Recipe) { r.Train.Weak, r.Data.Standardise = 0.3, false })
	s := res.Saved
	if s.Model.Weak == nil {
		t.Fatal("no weak copy")
	}
	at := tensor.New(3, 2)
	answer := func(f flow.Field, err error) []float32 {
		t.Helper()
		v := tensor.New(3, 2)
		if err == nil {
			err = f.Velocity(v, at, 0.5)
		}
		if err != nil {
			t.Fatal(err)
		}
		return v.Data
	}
	own, guided := answer(s.Model.Bind(flow.Cond{})), answer(sample.Field(s.Model, sample.Config{Guidance: s.Guidance()}, 0, 3))
	if slices.Equal(own, guided) {
		t.Fatal("guidance changes nothing: the test would be empty")
	}
	var o PictureOptions
	if got := answer(o.field(s), nil); !slices.Equal(got, guided) {
		t.Errorf("the field is %v, want %v", got, guided)
	}
	if o.Sample.Guidance = 1; !slices.Equal(answer(o.field(s), nil), own) {
		t.Error("guidance 1 guides")
	}
}

// One row of conditions serves all points, and a field.
func TestPictureOfOneClass(t *testing.T) {
	ctx := context.Background()
	_, res := small(t, func(r *recipe.Recipe) { r.Data.Label = "class"; r.Train.Steps = 400 })
	var o PictureOptions
	o.Sample.Cond = flow.Cond{Class: []int32{1}}
	c, err := o.config(res.Saved, res.Plan, 30)
	if err != nil || len(c.Cond.Class) != 30 || c.Cond.Class[29] != 1 {
		t.Fatalf("conditions %v, error %v", c.Cond.Class, err)
	}
	at := tensor.New(3, 2)
	v := [2]tensor.Mat{tensor.New(3, 2), tensor.New(3, 2)}
	for k := range v {
		o.Sample.Cond.Class[0] = int32(k)
		if err := o.field(res.Saved).Velocity(v[k], at, 0.5); err != nil {
			t.Fatal(err)
		}
	}
	if slices.Equal(v[0].Data, v[1].Data) {
		t.Error("both classes have the same field")
	}
	for _, kind := range []string{"samples", "paths", "field"} {
		if _, err := Picture(ctx, kind, res.Saved, res.Plan, o); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestAnimate(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"moons", "iris"} {
		_, res := small(t, func(r *recipe.Recipe) { r.Data.Name = name })
		o := AnimateOptions{Frames: 4}
		o.Sample.N = 20
		var b bytes.Buffer
		if err := Animate(ctx, &b, res.Saved, res.Plan, o); err != nil {
			t.Fatal(err)
		}
		g, err := gif.DecodeAll(&b)
		if err != nil || len(g.Image) < 4 {
			t.Fatalf("%s: error %v", name, err)
		}
	}
	if err := Animate(canceled(), new(bytes.Buffer), nilSaved(t), &recipe.Plan{}, AnimateOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a film that was called off: %v", err)
	}
}

func canceled() context.Context {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	return ctx
}

func nilSaved(t *testing.T) *Saved {
	_, res := small(t, func(*recipe.Recipe) {})
	return res.Saved
}

func TestPictureDefaultsBroken(t *testing.T) {
	dir, _ := small(t, func(*recipe.Recipe) {})
	if err := os.WriteFile(filepath.Join(dir, EvalFile), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := PictureDefaults(dir); !errors.Is(err, flow.ErrFormat) {
		t.Errorf("a broken evaluation: %v", err)
	}
	if _, err := PictureDefaults(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{"runs/moons-1": "runs/moons-1", "my run": "'my run'", "it's": `'it'\''s'`, "$x": "'$x'"} {
		if got := quote(in); got != want {
			t.Errorf("%q is quoted as %s, want %s", in, got, want)
		}
	}
}

func ExamplePicture() {
	dir, err := os.MkdirTemp("", "laminar")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	r, _ := recipe.Preset("fast")
	r.Data.Name, r.Train.Steps = "moons", 10
	res, err := Train(context.Background(), r, Options{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	fig, err := Picture(context.Background(), "paths", res.Saved, res.Plan, PictureOptions{})
	var b bytes.Buffer
	fmt.Println(err, fig.SVG(&b), strings.HasPrefix(b.String(), "<svg"))
	// Output: <nil> <nil> true
}

// oneColumn writes a table of a single column and returns its path.
func oneColumn(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("v\n")
	s := rng.New(4).Stream()
	for range 200 {
		fmt.Fprintf(&b, "%g\n", s.NormFloat64())
	}
	path := filepath.Join(t.TempDir(), "one.csv")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// timesFile writes points of the plane at three times.
func timesFile(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("x,y,day\n")
	for i := range 300 {
		fmt.Fprintf(&b, "%v,%v,%d\n", float64(i%3)+0.1*math.Sin(float64(i)), math.Cos(float64(i)), i%3)
	}
	file := filepath.Join(t.TempDir(), "cells.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
