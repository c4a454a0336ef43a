package run_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"laminar/data/audio"
	"laminar/flow"
	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
	"laminar/sample"
	"laminar/tensor"
)

// toneRate is a rate at which spectrograms are small.
const toneRate = 1000

// tone is a WAV file of a sound that glides up from low or high, of one of some
// lengths, with some noise.
func tone(t testing.TB, k int, high bool, rate int) []byte {
	t.Helper()
	s := rng.New(uint64(k)).Stream()
	x := make([]float32, rate/8+s.IntN(rate/8))
	hz, phase := 100+30*s.Float64(), 0.0
	if high {
		hz *= 3
	}
	for i := range x {
		phase += 2 * math.Pi * hz * (1 + 0.3*float64(i)/float64(len(x))) / float64(rate)
		x[i] = float32(0.5*math.Sin(phase) + 0.002*s.NormFloat64())
	}
	var b bytes.Buffer
	if err := audio.WriteWAV(&b, audio.PCM16, rate, x); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tones writes n low and n high tones of one speaker, named low_a_0.wav and on.
func tones(t testing.TB, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tones")
	for k := range n {
		put(t, filepath.Join(dir, fmt.Sprintf("low_a_%d.wav", k)), tone(t, 2*k, false, toneRate))
		put(t, filepath.Join(dir, fmt.Sprintf("high_a_%d.wav", k)), tone(t, 2*k+1, true, toneRate))
	}
	return dir
}

// soundRecipe is a small run over a folder of sounds.
func soundRecipe(t testing.TB, dir string, steps int) recipe.Recipe {
	t.Helper()
	if kind := run.KindOf(dir); kind != recipe.Sound {
		t.Fatalf("%s is taken for %s", dir, kind)
	}
	r, err := recipe.PresetFor(recipe.Sound, "default")
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name, r.Network.Width = dir, 8
	r.Train.Steps, r.Train.Batch, r.Train.ValidateEvery = steps, 16, 50
	return r
}

// split composes the recipe of a folder of sounds.
func split(t testing.TB, r recipe.Recipe) (*recipe.Plan, error) {
	t.Helper()
	m, err := run.Gather(t.Context(), &r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.Compose(m)
}

func held(p *recipe.Plan) int {
	if p.HeldOut == nil {
		return 0
	}
	return p.HeldOut.Len()
}

// Names of the form label_speaker_take hold the takes 0 to 4 out; a pattern, a
// share and nothing can be asked for.
func TestSoundHeldOut(t *testing.T) {
	dir := tones(t, 12)
	for _, c := range []struct {
		name  string
		edit  func(*recipe.Recipe)
		held  int
		named string
	}{
		{"takes", func(*recipe.Recipe) {}, 10, "*_[0-4].wav"},
		{"pattern", func(r *recipe.Recipe) { r.Data.HeldOutNames = "low_*_7.wav" }, 1, "low_*_7.wav"},
		{"share", func(r *recipe.Recipe) { r.Data.HeldOutNames, r.Data.HeldOut = "", 0.25 }, 6, ""},
		{"none", func(r *recipe.Recipe) { r.Data.HeldOut = 0 }, 0, "*_[0-4].wav"},
	} {
		r := soundRecipe(t, dir, 1)
		c.edit(&r)
		p, err := split(t, r)
		if err != nil || held(p) != c.held || p.Train.Len() != 24-c.held || p.Recipe.Data.HeldOutNames != c.named {
			t.Fatalf("%s: %d held out, %q, %v", c.name, held(p), p.Recipe.Data.HeldOutNames, err)
		}
		if !slices.Equal(p.Classes, []string{"high", "low"}) || !slices.Equal(p.Recipe.Network.Shape, []int{16, 24, 1}) {
			t.Errorf("%s: classes %v, shape %v", c.name, p.Classes, p.Recipe.Network.Shape)
		}
		all := flow.NewSample(p.Train, p.Train.Len())
		if err := p.Train.Draw(all, rng.New(1), 0); err != nil {
			t.Fatal(err)
		}
		mean, square := 0.0, 0.0
		for _, v := range all.X.Data {
			mean += float64(v) / float64(len(all.X.Data))
			square += float64(v) * float64(v) / float64(len(all.X.Data))
		}
		if math.Abs(mean) > 1e-4 || math.Abs(square-1) > 1e-4 {
			t.Errorf("%s: mean %v, mean square %v", c.name, mean, square)
		}
	}
	r := soundRecipe(t, dir, 1)
	r.Data.HeldOutNames = "nobody*"
	var f *flow.FieldError
	if _, err := split(t, r); !errors.As(err, &f) || f.Path != "data.held_out_names" || !strings.Contains(err.Error(), "matches 0 of 24") {
		t.Errorf("%v", err)
	}
	r = soundRecipe(t, dir, 1)
	r.Data.Label = audio.Unlabel
	if p, err := split(t, r); err != nil || len(p.Classes) != 0 || !p.Train.CondSpec().IsZero() {
		t.Errorf("without labels: %v, %v", p.Classes, err)
	}
}

func tarOf(t testing.TB, dir string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := errors.Join(w.AddFS(os.DirFS(dir)), w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A folder, an archive of it and a folder that holds the archive are the same
// data; what is none of them is not claimed.
func TestSoundArchives(t *testing.T) {
	dir := tones(t, 2)
	archive := filepath.Join(t.TempDir(), "tones.tar.gz")
	put(t, archive, tarOf(t, dir))
	digest := ""
	for _, path := range []string{dir, archive, filepath.Dir(archive)} {
		r := soundRecipe(t, path, 1)
		m, err := run.Gather(t.Context(), &r, nil)
		if err != nil || m.Data.Set == nil || digest != "" && r.Data.Digest != digest {
			t.Fatalf("%s: digest %s after %s, %v", path, r.Data.Digest, digest, err)
		}
		digest = r.Data.Digest
	}
	other := t.TempDir()
	put(t, filepath.Join(other, "points.csv"), []byte("1,2\n"))
	put(t, filepath.Join(other, "points.zip"), []byte("PK"))
	for _, path := range []string{other, filepath.Join(other, "points.csv"), filepath.Join(other, "points.zip"), filepath.Join(other, "none")} {
		if kind := run.KindOf(path); kind == recipe.Sound {
			t.Errorf("%s is taken for %s", path, kind)
		}
	}
}

// What is wrong with a folder of sounds is told in one line.
func TestHostileSounds(t *testing.T) {
	empty := t.TempDir()
	cut, mixed := tones(t, 2), tones(t, 2)
	put(t, filepath.Join(cut, "low_a_1.wav"), tone(t, 1, false, toneRate)[:100])
	put(t, filepath.Join(mixed, "low_a_1.wav"), tone(t, 1, false, 2*toneRate))
	for _, c := range []struct{ dir, label, want string }{
		{empty, "", empty + " holds no WAV file"},
		{cut, "", "low_a_1.wav is cut off: it has 56 of the"},
		{mixed, "", "low_a_1.wav has 2000 samples a second, high_a_0.wav and others 1000"},
		{tones(t, 1), "ear", `data.label: unknown "ear"`},
		{filepath.Join(empty, "none"), "", "no such file"},
	} {
		r := soundRecipe(t, mixed, 1)
		r.Data.Name, r.Data.Label = c.dir, c.label
		_, err := run.Gather(t.Context(), &r, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
}

// A run over sounds that is stopped and continued ends in the bits of one that was not.
func TestSoundResumes(t *testing.T) {
	if racing {
		t.Skip("trains a model")
	}
	r := soundRecipe(t, tones(t, 8), 4)
	out, half := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "half")
	res, err := run.Train(t.Context(), r, run.Options{Dir: out})
	if err != nil {
		t.Fatal(err)
	}
	again := inTwo(t, r, half, 2)
	if !again.Resumed || !slices.Equal(again.Saved.Model.Params, res.Saved.Model.Params) {
		t.Error("in two pieces the run ends in other bits")
	}
}

// inTwo trains into dir, stops after a step, and goes on by what is saved there.
func inTwo(t testing.TB, r recipe.Recipe, dir string, step int) *run.Result {
	t.Helper()
	stopped, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop := func(p run.Progress) {
		if p.Step == step {
			cancel()
		}
	}
	if _, err := run.Train(stopped, r, run.Options{Dir: dir, Watch: stop}); !errors.Is(err, context.Canceled) {
		t.Fatalf("the run was not stopped: %v", err)
	}
	again, err := run.Train(t.Context(), recipe.Recipe{}, run.Options{Dir: dir, Resume: true})
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// A run over sounds from data to files: its samples are heard, shown and judged.
func TestSoundRun(t *testing.T) {
	if racing || testing.Short() {
		t.Skip("trains a model")
	}
	dir := tones(t, 45)
	r := soundRecipe(t, dir, 150)
	r.Optim.Rate = 4e-3
	out := filepath.Join(t.TempDir(), "whole")
	if _, err := run.Train(t.Context(), r, run.Options{Dir: out}); err != nil {
		t.Fatal(err)
	}
	s, err := run.Load(out, "")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := s.Plan(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if about := fmt.Sprint(s.Form); !strings.Contains(about, "at 1000 Hz, as 16 bands x 24 frames") {
		t.Errorf("the form is %s", about)
	}
	o := s.EvalDefaults()
	o.N, o.Settings = 40, o.Settings[:2]
	j, err := run.Judge(t.Context(), s, plan, o)
	if err != nil {
		t.Fatal(err)
	}
	rep := j.(*run.ReadingReport)
	if rep.Kind != "sound" || rep.Classifier < 0.95 || rep.Floor.Classifier < 0.9 || rep.Rows[1].Classifier < 0.8 || !(rep.Rows[1].FD > 0) || !(rep.Floor.FD > 0) || !(rep.Nearest > 0) {
		t.Errorf("%s", jsonOf(t, rep))
	}
	if twice, err := run.Judge(t.Context(), s, plan, o); err != nil || jsonOf(t, twice) != jsonOf(t, j) {
		t.Errorf("judged twice:\n%s\n%s\n%v", jsonOf(t, j), jsonOf(t, twice), err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(jsonOf(t, j)), &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"kind", "rows", "classifier_real", "nearest_train", "floor"} {
		if _, ok := got[key]; !ok {
			t.Errorf("the figures lack %q", key)
		}
	}
	var text strings.Builder
	if err := j.WriteText(&text); err != nil || !strings.Contains(text.String(), "Griffin-Lim") || !strings.Contains(text.String(), "decibels away") {
		t.Errorf("%s %v", text.String(), err)
	}
	files, err := run.Illustrate(t.Context(), out, s, plan, j)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"beside.png", "waves.png", "samples.png", "nearest.png", "quality.png", "way.png", "loss.png", "report.html", "eval.json"} {
		if !slices.Contains(files, filepath.Join(out, name)) {
			t.Errorf("%s is not among %q", name, files)
		}
	}
	testSoundFiles(t, s, plan)
	testOtherSounds(t, s)
}

// testSoundFiles: a file holds the sounds one after the other; each is the same
// alone, and reads as the row that it was made of.
func testSoundFiles(t *testing.T, s *run.Saved, plan *recipe.Plan) {
	c := sample.Config{N: 3, Seed: rng.New(1), Solve: s.Solve()}
	c.Cond.Class = []int32{1, 1, 1}
	rows, _, err := sample.Draw(t.Context(), s.Model, c)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := s.Write(&b, "wav", rows, 0); err != nil {
		t.Fatal(err)
	}
	rate, all, err := audio.ReadWAV(&b, "all")
	if err != nil || rate != toneRate {
		t.Fatal(rate, err)
	}
	dir := filepath.Join(t.TempDir(), "made")
	if err := s.WriteFolder(dir, rows, 0); err != nil {
		t.Fatal(err)
	}
	for i := range rows.N {
		b, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%06d.wav", i)))
		if err != nil {
			t.Fatal(err)
		}
		_, x, err := audio.ReadWAV(bytes.NewReader(b), "one")
		if err != nil || len(x) > len(all) || !slices.Equal(x, all[:len(x)]) {
			t.Fatalf("sound %d is not where it should be in the file of all: %v", i, err)
		}
		if all = all[len(x):]; i < rows.N-1 {
			if len(all) < toneRate/4 || slices.ContainsFunc(all[:toneRate/4], func(v float32) bool { return v != 0 }) {
				t.Fatalf("no gap after sound %d", i)
			}
			all = all[toneRate/4:]
		}
	}
	if len(all) != 0 {
		t.Errorf("%d samples after the last sound", len(all))
	}
	// A sound of the data that is made from its row reads as that row again.
	real := flow.NewSample(plan.Judge, 1)
	if err := plan.Judge.Draw(real, rng.New(1), 0); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteFolder(dir, tensor.Convert[float64](real.X), 7); err != nil {
		t.Fatal(err)
	}
	read, err := s.ReadRows(filepath.Join(dir, "000007.wav"))
	if err != nil || read.X.N != 1 || read.X.D != rows.D {
		t.Fatalf("%d x %d, %v", read.X.N, read.X.D, err)
	}
	e, n := 0.0, 0.0
	for k, v := range real.X.Row(0) {
		if v > -30 {
			e, n = e+math.Abs(read.X.Row(0)[k]-float64(v)), n+1
		}
	}
	if n < 20 || e/n > 2 {
		t.Errorf("a file differs from its row by %.1f dB over %v numbers", e/n, n)
	}
	b.Reset()
	if err := s.Write(&b, "svg", rows, 0); err != nil || !strings.Contains(b.String(), "<svg") {
		t.Error(err)
	}
	b.Reset()
	film := run.AnimateOptions{Frames: 4}
	film.Sample.N = 4
	if err := run.Animate(t.Context(), &b, s, plan, film); err != nil || !bytes.HasPrefix(b.Bytes(), []byte("GIF89a")) {
		t.Errorf("film: %v", err)
	}
}

// testOtherSounds: a model is judged by sounds of its rate, with its own classes.
func testOtherSounds(t *testing.T, s *run.Saved) {
	other := filepath.Join(t.TempDir(), "other")
	for k := range 6 {
		put(t, filepath.Join(other, "low", fmt.Sprintf("%d.wav", k)), tone(t, 1000+k, false, toneRate))
	}
	put(t, filepath.Join(other, "high", "long.wav"), bytes.Clone(tone(t, 1, true, toneRate)))
	plan, err := s.Plan(t.Context(), other, nil)
	if err != nil || plan.Judge.Len() != 7 || plan.Judge.Dim() != s.Model.Dim() {
		t.Fatalf("%v", err)
	}
	rows := flow.NewSample(plan.Judge, 7)
	if err := plan.Judge.Draw(rows, rng.New(0), 0); err != nil {
		t.Fatal(err)
	}
	low := slices.Index(s.Model.Classes, "low")
	if n := len(slices.DeleteFunc(slices.Clone(rows.Cond.Class), func(k int32) bool { return k != int32(low) })); n != 6 {
		t.Errorf("classes %v", rows.Cond.Class)
	}
	put(t, filepath.Join(other, "middle", "1.wav"), tone(t, 1, true, toneRate))
	if _, err := s.Plan(t.Context(), other, nil); err == nil || !strings.Contains(err.Error(), `the class "middle"`) {
		t.Errorf("%v", err)
	}
	fast := filepath.Join(t.TempDir(), "fast")
	put(t, filepath.Join(fast, "low_b_1.wav"), tone(t, 1, false, 2*toneRate))
	put(t, filepath.Join(fast, "low_b_2.wav"), tone(t, 1, false, 2*toneRate))
	if _, err := s.Plan(t.Context(), fast, nil); !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), "2000 samples a second, the model makes 1000") {
		t.Errorf("%v", err)
	}
}
