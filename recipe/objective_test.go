package recipe_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/internal/kernel"
	"laminar/metric"
	"laminar/path"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
	"laminar/train"
)

// Every contradiction is one fault, on the field that has to change.
func TestContradictions(t *testing.T) {
	for _, c := range []struct {
		path, says string
		change     func(*recipe.Recipe)
	}{
		{"family", "one of flow, diffusion, score", func(r *recipe.Recipe) { r.Family = "vae" }},
		{"predict", "one of auto, velocity", func(r *recipe.Recipe) { r.Predict = "speed" }},
		{"coupling.name", "only independent", func(r *recipe.Recipe) { r.Family, r.Coupling.Name = "diffusion", "ot" }},
		{"source", "Gaussian noise", func(r *recipe.Recipe) { r.Family, r.Source = "diffusion", "rings" }},
		{"predict", "answers score", func(r *recipe.Recipe) { r.Family, r.Predict = "score", "noise" }},
		{"predict", "not score", func(r *recipe.Recipe) { r.Predict = "score" }},
		{"predict", "velocity or data", func(r *recipe.Recipe) { r.Source, r.Predict = "rings", "noise" }},
		{"path.sigma", "must be 0", func(r *recipe.Recipe) { r.Predict, r.Path.Sigma = "data", 0.1 }},
		{"path.sigma", "must be 0", func(r *recipe.Recipe) { r.Family, r.Path.Sigma = "diffusion", 0.1 }},
		{"path.name", "a bridge leads", func(r *recipe.Recipe) { r.Predict, r.Path.Name, r.Path.Sigma = "data", "bridge", 0.1 }},
		{"path.sigma", "too narrow", func(r *recipe.Recipe) { r.Path.Name = "bridge" }},
		{"path.name", "one of linear", func(r *recipe.Recipe) { r.Path.Name = "spiral" }},
		{"path.weight", "one of uniform", func(r *recipe.Recipe) { r.Path.Weight = "heavy" }},
		{"coupling.name", "own noise", func(r *recipe.Recipe) { r.Path.Name, r.Coupling.Name = "target", "ot" }},
		{"source", "own Gaussian noise", func(r *recipe.Recipe) { r.Path.Name, r.Source = "target", "rings" }},
		{"predict", "not known on the path target", func(r *recipe.Recipe) { r.Path.Name, r.Predict = "target", "noise" }},
	} {
		r := preset(t, "default", "moons")
		c.change(&r)
		err := r.Validate()
		var f *flow.FieldError
		if !errors.As(err, &f) || f.Path != c.path || !strings.Contains(f.Msg, c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want %s: %q, got %v", c.path, c.says, err)
		}
	}
}

// The family settles what was left open, and nothing else.
func TestSettled(t *testing.T) {
	for _, c := range []struct{ family, path, predict, coupling string }{
		{"flow", "linear", "velocity", "auto"},
		{"diffusion", "vp", "noise", "independent"},
		{"score", "vp", "score", "independent"},
	} {
		r := preset(t, "default", "moons")
		r.Family = c.family
		s := r.Settled()
		if s.Path.Name != c.path || s.Predict != c.predict || s.Coupling.Name != c.coupling || s.Settled().Path != s.Path {
			t.Errorf("%s: %+v, %s, %s", c.family, s.Path, s.Predict, s.Coupling.Name)
		}
		if _, err := solve.Named(r.Method()); err != nil {
			t.Error(err)
		}
		p := builtIn(t, r)
		if p.Recipe.Path.Name != c.path || p.Recipe.Predict != c.predict {
			t.Errorf("composed as %+v", p.Recipe)
		}
		if got := strings.Contains(strings.Join(p.Notes, "\n"), "singular"); got != (c.family != "flow") {
			t.Errorf("%s: notes %q", c.family, p.Notes)
		}
		schedule, err := r.Schedule()
		if err != nil || (schedule == flow.Schedule(path.CondOT{})) != (c.family == "flow") {
			t.Errorf("%s: schedule %v, %v", c.family, schedule, err)
		}
		r.Path.Name, r.Predict = "cosine", "velocity"
		if c.family == "score" {
			r.Predict = "score"
		}
		if k := r.Settled(); k.Path.Name != "cosine" || k.Predict != r.Predict {
			t.Errorf("%s: what was asked for became %+v", c.family, k)
		}
	}
	r := preset(t, "default", "moons")
	r.Path.Name = "target"
	if s := r.Settled(); s.Coupling.Name != "independent" {
		t.Errorf("a path with noise of its own is coupled by %s", s.Coupling.Name)
	}
	if len(recipe.FamilyCatalogue()) != len(recipe.Families()) {
		t.Error("families without words")
	}
}

// Small models of the kinds that answer no velocity learn moons: their samples,
// followed as velocities, are far nearer to the data than noise is.
func TestEveryPredictionLearns(t *testing.T) {
	if testing.Short() {
		t.Skip("trains models")
	}
	for _, c := range []struct{ family, predict, path string }{
		{"diffusion", "auto", "auto"},
		{"diffusion", "velocity", "cosine"},
		{"flow", "velocity", "linear"},
		{"flow", "data", "linear"},
		{"flow", "noise", "linear"},
		{"score", "auto", "auto"},
	} {
		r := preset(t, "fast", "moons")
		r.Family, r.Predict, r.Path.Name = c.family, c.predict, c.path
		r.Train.Steps, r.Train.Batch, r.Optim.EMA, r.Coupling.Name = 3000, 128, 0.99, "independent"
		p := builtIn(t, r)
		tr, err := p.Trainer(train.Options{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.Fit(context.Background()); err != nil {
			t.Fatal(err)
		}
		m, err := p.Model(tr.Best(), kernel.Best())
		if err != nil {
			t.Fatal(err)
		}
		const n = 1000
		far, near := 0.0, 0.0
		solver := solve.Defaults()
		solver.Method, solver.NFE = "euler", 50
		got, _, err := sample.Latent(context.Background(), m, sample.Config{N: n, Seed: rng.New(3), Solve: solver})
		if err != nil {
			t.Fatal(err)
		}
		want := flow.NewSample(p.Train, n)
		if err := p.Train.Draw(want, rng.New(4), 0); err != nil {
			t.Fatal(err)
		}
		noise := tensor.New(n, 2)
		s := rng.New(5).Stream()
		s.Normal(noise.Data)
		if far, err = metric.W2(noise, want.X); err != nil {
			t.Fatal(err)
		}
		if near, err = metric.W2(got, want.X); err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v: W2 %.3f, noise %.3f", c, near, far)
		if !(near < 0.6*far) {
			t.Errorf("%+v: W2 %.3f, of noise %.3f", c, near, far)
		}
	}
}

// Settings that an objective does not look at are told, not passed over.
func TestUnusedSettingsAreTold(t *testing.T) {
	for _, c := range []struct {
		says   string
		change func(*recipe.Recipe)
	}{
		{"the objective meanflow makes no use of path.time, path.weight", func(r *recipe.Recipe) {
			r.Objective, r.Path.Time, r.Path.Weight = "meanflow", "mode", "cosmap"
		}},
		{"velocities from 0.999 on are those of that time: along the path vp they are infinite at the end", func(r *recipe.Recipe) {
			r.Objective, r.Path.Name = "shortcut", "vp"
		}},
		{"the family gan makes no use of path.name", func(r *recipe.Recipe) { r.Family, r.Path.Name = "gan", "vp" }},
		{"", func(r *recipe.Recipe) { r.Path.Time, r.Path.Weight = "mode", "cosmap" }},
		{"the path linear makes no use of path.power\nthe times uniform makes no use of path.time_mean", func(r *recipe.Recipe) { r.Path.Power, r.Path.TimeMean = 5, 1 }},
		{"the objective velocity makes no use of loss.segments\nthe family flow makes no use of loss.r1", func(r *recipe.Recipe) { r.Loss.Segments, r.Loss.R1 = 3, 7 }},
		{"the path of plain numbers makes no use of path.choices_by", func(r *recipe.Recipe) { r.Path.ChoicesBy = 0.3 }},
		{"", func(r *recipe.Recipe) {
			r.Path.Name, r.Path.Power, r.Path.Time, r.Path.TimeMean = "polynomial", 5, "logit-normal", 1
		}},
	} {
		r, err := recipe.Preset("fast")
		if err != nil {
			t.Fatal(err)
		}
		r.Data.Name = "moons"
		c.change(&r)
		m, err := recipe.BuiltIn(r)
		if err != nil {
			t.Fatal(err)
		}
		p, err := r.Compose(m)
		if err != nil {
			t.Fatal(err)
		}
		if notes := strings.Join(p.Notes, "\n"); notes != c.says {
			t.Errorf("the notes are %q, want %q", notes, c.says)
		}
	}
}
