package run_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image/gif"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"laminar/data/molecule"
	"laminar/flow"
	"laminar/metric"
	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
	"laminar/sample"
	"laminar/solve"
)

const smallMolecules = "../data/molecule/testdata/small.xyz"

// molecular is a recipe for molecules that takes a moment.
func molecular(t testing.TB, path string) recipe.Recipe {
	t.Helper()
	r, err := recipe.PresetFor("molecules", "fast")
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name = path
	r.Network.Width, r.Network.Depth, r.Network.Messages, r.Network.TimeFeatures = 8, 1, 4, 4
	r.Train.Steps, r.Train.Batch, r.Train.ValidateEvery, r.Optim.Warmup = 30, 8, 10, 5
	return r
}

func TestKindOfMolecules(t *testing.T) {
	folder := t.TempDir()
	write(t, []byte("notes"), folder, "a.txt")
	if k := run.KindOf(folder); k != recipe.Points {
		t.Errorf("a folder of notes holds %s", k)
	}
	write(t, read(t, smallMolecules), folder, "b.XYZ")
	for _, path := range []string{smallMolecules, filepath.Dir(smallMolecules), folder} {
		if k := run.KindOf(path); k != "molecules" {
			t.Errorf("%s holds %s", path, k)
		}
	}
}

// TestMolecules walks the whole way: train, save, load, sample, write, judge, show.
func TestMolecules(t *testing.T) {
	dir := t.TempDir()
	r := molecular(t, smallMolecules)
	res := carryOut(t, r, run.Options{Dir: dir})
	if r := res.Saved.Recipe; r.Coupling.Name != "ot" || r.Predict != "data" || r.Network.Kind != "egnn" || !slices.Equal(r.Network.Shape, []int{12, 5}) {
		t.Fatalf("the recipe: %+v", r)
	}
	s := load(t, dir)
	if s.Kind() != "molecules" || s.Source == nil || s.Model.Schedule != nil {
		t.Fatalf("kind %s, source %v, schedule %v", s.Kind(), s.Source, s.Model.Schedule)
	}
	if !reflect.DeepEqual(s.Form, res.Saved.Form) {
		t.Errorf("the form was %+v, is %+v", res.Saved.Form, s.Form)
	}
	if w := s.Model.Weak; w == nil || !slices.Equal(w, res.Saved.Model.Weak) || slices.Equal(w, s.Model.Params) || s.Guidance() != 2 {
		t.Errorf("%d weak parameters were stored, %d are read; guidance %v", len(res.Saved.Model.Weak), len(w), s.Guidance())
	}
	c := sample.Config{N: 40, Seed: rng.New(3), Source: s.Source, Solve: solve.Defaults(), Guidance: s.Guidance()}
	c.Solve.NFE = 4
	rows, _, err := sample.Draw(context.Background(), s.Model, c)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := sample.Draw(context.Background(), res.Saved.Model, c)
	if err != nil || !slices.Equal(rows.Data, again.Data) {
		t.Errorf("the loaded model draws something else: %v", err)
	}
	sizes := map[int]bool{}
	for _, m := range small16(t) {
		sizes[m.Len()] = true
	}
	for _, format := range s.Formats() {
		var text bytes.Buffer
		if err := s.Write(&text, format, rows, 5); err != nil {
			t.Fatal(err)
		}
		seq := molecule.ReadXYZ(&text, format)
		if format == "sdf" {
			seq = molecule.ReadSDF(&text, format)
		}
		n := 0
		for m, err := range seq {
			if err != nil {
				t.Fatal(err)
			}
			if !sizes[m.Len()] || m.Title != fmt.Sprintf("sample %d", 5+n) {
				t.Errorf("%s: %q has %d atoms, as no molecule of the data", format, m.Title, m.Len())
			}
			var mean [3]float64
			for _, p := range m.X {
				for k := range 3 {
					mean[k] += p[k] / float64(m.Len())
				}
			}
			if math.Abs(mean[0])+math.Abs(mean[1])+math.Abs(mean[2]) > 1e-3 {
				t.Errorf("%s: the centre of %q is %v", format, m.Title, mean)
			}
			n++
		}
		if n != 40 {
			t.Errorf("%s: %d molecules", format, n)
		}
	}
	var picture bytes.Buffer
	if err := s.Write(&picture, "png", rows, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(&picture); err != nil {
		t.Error(err)
	}
	plan, err := s.Plan(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	o := s.EvalDefaults()
	o.N, o.Settings = 20, []metric.Setting{{Solver: "euler", NFE: 4}}
	j, err := run.Judge(context.Background(), s, plan, o)
	if err != nil {
		t.Fatal(err)
	}
	rep := j.(*run.MoleculeReport)
	if rep.Kind != "molecules" || len(rep.Rows) != 1 || rep.Rows[0].NFE != 4 || rep.Floor.AtomStable < 0.98 || rep.Floor.Unique != 1 {
		t.Errorf("%+v", rep)
	}
	if n := s.Longer(j); n != 10000 || s.Longer(nil) != 0 {
		t.Errorf("poor samples after 30 steps ask for %d steps", n)
	}
	rep.Rows[0].Valid = 0.6
	if n := s.Longer(j); n != 0 {
		t.Errorf("good samples ask for %d steps", n)
	}
	text, err := json.Marshal(j)
	if err != nil || !strings.Contains(string(text), `"atom_stable":`) || !strings.Contains(string(text), `"floor":{"atom_stable":`) {
		t.Errorf("%s, %v", text, err)
	}
	var table bytes.Buffer
	if err := j.WriteText(&table); err != nil || !strings.Contains(table.String(), "data") {
		t.Errorf("%s, %v", &table, err)
	}
	const told = "amples are guided away from a weaker copy, scale 2: two evaluations a step"
	if !strings.Contains(string(text), `"guidance":2`) || !strings.Contains(table.String(), "S"+told) {
		t.Errorf("guidance is not told in %s and\n%s", text, &table)
	}
	files, err := run.Illustrate(context.Background(), dir, s, plan, j)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"samples.png", "data.png", run.ReportFile, run.EvalFile} {
		if _, err := os.Stat(filepath.Join(dir, want)); err != nil || !slices.Contains(files, filepath.Join(dir, want)) {
			t.Errorf("%s: %v, of %v", want, err, files)
		}
	}
	if page := read(t, dir, run.ReportFile); !bytes.Contains(page, []byte(told)) || !bytes.Contains(page, []byte("100 evaluations each, guidance 2")) {
		t.Error("guidance is not told on the page")
	}
	if m, err := s.Model.WithWeak(nil); err != nil || s.Solve().NFE != 100 {
		t.Errorf("%d evaluations with guidance, %v", s.Solve().NFE, err)
	} else if s := (run.Saved{Model: m, Recipe: s.Recipe, Form: s.Form}); s.Solve().NFE != 50 {
		t.Errorf("%d evaluations without guidance", s.Solve().NFE)
	}
	var film bytes.Buffer
	ao := run.AnimateOptions{Frames: 4}
	ao.Sample.N = 2
	if err := run.Animate(context.Background(), &film, s, plan, ao); err != nil {
		t.Fatal(err)
	}
	if g, err := gif.DecodeAll(&film); err != nil || len(g.Image) != 4 {
		t.Errorf("%v", err)
	}
}

// TestMoleculesAsRows: files are read as rows of a model, and told from those that
// it has no room for; advice, which is about rows, is refused.
func TestMoleculesAsRows(t *testing.T) {
	dir := t.TempDir()
	r := molecular(t, smallMolecules)
	r.Train.Steps = 1
	carryOut(t, r, run.Options{Dir: dir})
	s := load(t, dir)
	all := small16(t)
	fewer := filepath.Join(t.TempDir(), "few.sdf")
	f, err := os.Create(fewer)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(molecule.WriteSDF(f, all[3], all[1]), f.Close()); err != nil {
		t.Fatal(err)
	}
	rows, err := s.ReadRows(fewer)
	if err != nil || rows.X.N != 2 || rows.X.D != s.Model.Dim() {
		t.Fatalf("%d x %d, %v", rows.X.N, rows.X.D, err)
	}
	var back bytes.Buffer
	if err := s.Write(&back, "xyz", rows.X, 0); err != nil {
		t.Fatal(err)
	}
	for m, err := range molecule.ReadXYZ(&back, "back") {
		if want := all[3].Elements; err != nil || !slices.Equal(m.Elements, want) {
			t.Errorf("%v are %v, %v", want, m.Elements, err)
		}
		break
	}
	plan, err := s.Plan(context.Background(), fewer, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := s.EvalDefaults()
	o.N, o.Settings = 2, []metric.Setting{{Solver: "euler", NFE: 2}}
	if j, err := run.Judge(context.Background(), s, plan, o); err != nil || j.(*run.MoleculeReport).Floor.Unique != 1 {
		t.Errorf("%+v, %v", j, err)
	}
	strange := write(t, []byte("2\n\nSi 0 0 0\nH 0 0 1.4\n"), t.TempDir(), "strange.xyz")
	if _, err := s.ReadRows(strange); err == nil || !strings.Contains(err.Error(), "strange.xyz: molecule 1: ") || !strings.Contains(err.Error(), "it holds Si, which is none of [H C N O") {
		t.Errorf("%v", err)
	}
	long := write(t, []byte("13\n\n"+strings.Repeat("H 0 0 0\n", 13)), t.TempDir(), "long.xyz")
	if _, err := s.Plan(context.Background(), long, nil); err == nil || !strings.Contains(err.Error(), "long.xyz: molecule 1: ") || !strings.Contains(err.Error(), "13 atoms, of which there may be 12") {
		t.Errorf("%v", err)
	}
	if _, err := run.Advise(context.Background(), s, plan, run.AdviseDefaults()); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "says nothing of molecules") {
		t.Errorf("%v", err)
	}
	both := filepath.Join(t.TempDir(), "both")
	if err := os.Mkdir(both, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, read(t, smallMolecules), both, "b.xyz")
	write(t, read(t, fewer), both, "a.sdf")
	r.Data.Name, r.Data.Digest = both, ""
	m, err := run.Gather(context.Background(), &r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := m.Data.Set.Split(0, rng.New(0)); err != nil || got.Len() != len(all)+2 {
		t.Errorf("a folder of both formats has %d rows, want %d: %v", got.Len(), len(all)+2, err)
	}
}

func small16(t *testing.T) []molecule.Molecule {
	t.Helper()
	var out []molecule.Molecule
	for m, err := range molecule.ReadXYZ(bytes.NewReader(read(t, smallMolecules)), "small.xyz") {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

// TestJudgingIsWatched: evaluations are counted up to their number, and a judgement
// ends where its context does.
func TestJudgingIsWatched(t *testing.T) {
	dir := t.TempDir()
	r := molecular(t, smallMolecules)
	r.Train.Steps = 4
	carryOut(t, r, run.Options{Dir: dir})
	s := load(t, dir)
	plan, err := s.Plan(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	o := s.EvalDefaults()
	o.N, o.Settings = 1000, []metric.Setting{{Solver: "euler", NFE: 2}, {Solver: "euler", NFE: 4}}
	var seen []int
	o.Watch = func(done, total int) {
		if total != 1000*6 {
			t.Fatalf("%d evaluations in all", total)
		}
		seen = append(seen, done)
	}
	if _, err := run.Judge(t.Context(), s, plan, o); err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(seen) || seen[0] != 0 || seen[len(seen)-1] != 1000*6 || len(seen) < 8 {
		t.Errorf("told %v", seen)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	after := 0
	o.Threads = 1
	o.Watch = func(done, _ int) {
		if ctx.Err() != nil {
			after++
		} else if done > 0 {
			stop()
		}
	}
	if _, err := run.Judge(ctx, s, plan, o); !errors.Is(err, context.Canceled) || after > 2 {
		t.Errorf("%v, %d pieces after the end", err, after)
	}
}

// TestMoleculesResume: a run that is cut in two ends in the same bits.
func TestMoleculesResume(t *testing.T) {
	r := molecular(t, smallMolecules)
	r.Train.Weak = 0.4 // which is before the cut, and too late there to lead away from
	whole := carryOut(t, r, run.Options{Dir: t.TempDir()})
	dir := t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	_, err := run.Train(ctx, r, run.Options{Dir: dir, Threads: 2, Watch: func(p run.Progress) {
		if p.Step == 13 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if s := load(t, dir); s.Model.Weak != nil || s.State.Weak == nil {
		t.Errorf("in between there are %d weak parameters, %d in the state", len(s.Model.Weak), len(s.State.Weak))
	}
	rest := carryOut(t, recipe.Recipe{}, run.Options{Dir: dir, Resume: true, Threads: 1})
	if w := whole.Saved.Model.Weak; w == nil || !slices.Equal(w, rest.Saved.Model.Weak) {
		t.Errorf("%d weak parameters, and %d of the run that was cut in two", len(w), len(rest.Saved.Model.Weak))
	}
	if !slices.Equal(whole.Saved.Model.Params, rest.Saved.Model.Params) {
		t.Error("the run that was cut in two ends elsewhere")
	}
}

// TestMoleculesFaults: what cannot be is told in one line.
func TestMoleculesFaults(t *testing.T) {
	folder := t.TempDir()
	cut := read(t, smallMolecules)
	large := []byte("300\n\n" + strings.Repeat("H 0 0 0\n", 300))
	for name, c := range map[string]struct {
		edit func(r *recipe.Recipe)
		want string
	}{
		"network":   {func(r *recipe.Recipe) { r.Network.Kind = "resmlp" }, "network.kind: resmlp does not know"},
		"predict":   {func(r *recipe.Recipe) { r.Predict = "velocity" }, "predict: the network of molecules answers data"},
		"coupling":  {func(r *recipe.Recipe) { r.Coupling.Name = "sinkhorn" }, "coupling.name: molecules are paired by ot or independent"},
		"source":    {func(r *recipe.Recipe) { r.Source = "moons" }, "source"},
		"missing":   {func(r *recipe.Recipe) { r.Data.Name = "none.xyz" }, "none.xyz: no such file"},
		"empty":     {func(r *recipe.Recipe) { r.Data.Name = folder }, "the folder holds no .xyz"},
		"truncated": {func(r *recipe.Recipe) { r.Data.Name = write(t, cut[:len(cut)-60], t.TempDir(), "cut.xyz") }, "it is truncated"},
		"large":     {func(r *recipe.Recipe) { r.Data.Name = write(t, large, t.TempDir(), "large.xyz") }, "large.xyz: molecule 1 has 300 atoms; up to 256 can be learnt"},
		"format":    {func(r *recipe.Recipe) { r.Data.Name = write(t, cut, t.TempDir(), "a.pdb") }, "molecules are read from .xyz, .sdf and .mol"},
	} {
		r := molecular(t, smallMolecules)
		c.edit(&r)
		_, err := run.Train(context.Background(), r, run.Options{Dir: t.TempDir()})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: want %q, got %v", name, c.want, err)
		}
	}
}

// TestMoleculesForm: a file whose form contradicts it, or itself, is refused.
func TestMoleculesForm(t *testing.T) {
	dir := t.TempDir()
	r := molecular(t, smallMolecules)
	r.Train.Steps = 1
	carryOut(t, r, run.Options{Dir: dir})
	good := read(t, dir, run.ModelFile)
	path := filepath.Join(t.TempDir(), "m")
	for _, c := range []struct{ from, to, want string }{
		{`"atoms":12`, `"atoms":13`, "the form has rows of 117 numbers, the model of 108"},
		{`"elements":["H","C"`, `"elements":["H","H"`, "the elements [H H"},
		{`"elements":["H"`, `"elements":["X"`, "the elements [X"},
		{`"sizes":[0`, `"sizes":[1`, "molecules of 0 atoms"},
		{`"sizes":`, `"lengths":`, `unknown field "lengths"`},
		{`"kind":"molecules"`, `"kind":"crystals"`, `unknown kind "crystals"`},
	} {
		b := bytes.Replace(good, []byte(strings.ReplaceAll(c.from, `"`, `\"`)), []byte(strings.ReplaceAll(c.to, `"`, `\"`)), 1)
		if bytes.Equal(b, good) {
			t.Fatalf("the file holds no %s", c.from)
		}
		// The header of a safetensors file begins with its length.
		n := binary.LittleEndian.Uint64(b) + uint64(len(b)-len(good))
		binary.LittleEndian.PutUint64(b, n)
		write(t, b, path)
		if _, err := run.Load(path, ""); !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, got %v", c.to, c.want, err)
		}
	}
}
