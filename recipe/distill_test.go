package recipe_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/metric"
	"laminar/model"
	"laminar/nn"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
	"laminar/train"
)

// small is a recipe for moons that trains in about a second.
func small(t testing.TB, steps int) recipe.Recipe {
	r := preset(t, "default", "moons")
	r.Coupling.Name = "independent"
	r.Network.Width, r.Network.Depth = 48, 2
	r.Train.Steps, r.Train.Batch = steps, 128
	r.Optim.EMA = 0.99
	return r
}

// learn trains the plan of r and returns its model.
func learn(t testing.TB, r recipe.Recipe, teacher *recipe.Teacher) (*recipe.Plan, *model.Model) {
	t.Helper()
	m, err := recipe.BuiltIn(r)
	if err != nil {
		t.Fatal(err)
	}
	m.Teacher = teacher
	p := compose(t, r, m)
	if err := p.Generate(context.Background(), 0, nil); err != nil {
		t.Fatal(err)
	}
	tr, err := p.Trainer(train.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if w, err := p.Begin(); err != nil {
		t.Fatal(err)
	} else if w != nil {
		copy(tr.Params(nn.Group), w)
		copy(tr.Average(nn.Group), w)
	}
	if err := tr.Fit(context.Background()); err != nil {
		t.Fatal(err)
	}
	out, err := p.Model(slices.Clone(tr.Best()), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, out
}

// apart is the sliced W2 of samples at nfe evaluations to the data.
func apart(t testing.TB, p *recipe.Plan, m *model.Model, nfe int) float64 {
	t.Helper()
	const n = 10000
	c := sample.Config{N: n, Seed: rng.New(3), Solve: solve.Defaults()}
	c.Solve.Method, c.Solve.NFE = p.Recipe.Method(), nfe
	x, _, err := sample.Draw(context.Background(), m, c)
	if err != nil {
		t.Fatal(err)
	}
	real := flow.NewSample(p.Judge, n)
	if err := p.Judge.DrawAt(real, rng.New(4), 0); err != nil {
		t.Fatal(err)
	}
	d, err := metric.SlicedW2(tensor.Convert[float32](x), real.X, metric.Directions(2, 32, rng.New(5)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestStudentsNeedFewerSteps: each method brings the distance at one evaluation
// well below that of its teacher, whose own is far from the data.
func TestStudentsNeedFewerSteps(t *testing.T) {
	if testing.Short() {
		t.Skip("trains six small models")
	}
	r := small(t, 1200)
	plan, m := learn(t, r, nil)
	teacher := &recipe.Teacher{Model: m, Recipe: r}
	was, fine := apart(t, plan, m, 1), apart(t, plan, m, 100)
	if was < 0.5 || fine > 0.1 {
		t.Fatalf("the teacher is at %.3f after one evaluation and at %.3f after 100", was, fine)
	}
	for _, d := range []struct {
		method string
		share  float64
	}{{"reflow", 0.35}, {"distill", 0.25}, {"meanflow", 0.6}, {"shortcut", 0.35}, {"consistency", 0.35}} {
		how := recipe.DistillDefaults(d.method, "teacher")
		how.Pool, how.NFE = 1<<13, 16
		s, err := r.Distilled(how)
		if err != nil {
			t.Fatal(err)
		}
		if s.Train.Steps != 300 {
			t.Fatalf("%d steps of a student", s.Train.Steps)
		}
		p, student := learn(t, s, teacher)
		now := apart(t, p, student, 1)
		t.Logf("%s: %.3f after one evaluation", d.method, now)
		if !(now < d.share*was) {
			t.Errorf("%s: %.3f after one evaluation, the teacher %.3f", d.method, now, was)
		}
		if student.LongSteps() != (p.Recipe.Method() == "jump") {
			t.Errorf("%s: long steps %v, sampled by %s", d.method, student.LongSteps(), p.Recipe.Method())
		}
	}
}

// TestLearntFromData: the objectives do without a teacher too, and a GAN's one
// step is near the data.
func TestLearntFromData(t *testing.T) {
	if testing.Short() {
		t.Skip("trains four small models")
	}
	for _, c := range []struct {
		family, objective string
		most              float64
	}{{"flow", "meanflow", 0.5}, {"flow", "shortcut", 0.5}, {"flow", "consistency", 0.4}, {"gan", "velocity", 0.35}} {
		r := small(t, 1200)
		r.Family, r.Objective = c.family, c.objective
		p, m := learn(t, r, nil)
		// Flow matching on these pairs is at 0.6 and more, an untrained network at
		// more still.
		d := apart(t, p, m, 1)
		t.Logf("%s %s: %.3f after one evaluation", c.family, c.objective, d)
		if !(d < c.most) {
			t.Errorf("%s %s: %.3f after one evaluation", c.family, c.objective, d)
		}
	}
}

// TestBegin: a student starts as its teacher, also where it sees a span beside.
func TestBegin(t *testing.T) {
	for _, kind := range nn.Kinds() {
		r := small(t, 5)
		r.Network.Kind = kind
		_, m := learn(t, r, nil)
		teacher := &recipe.Teacher{Model: m, Recipe: r}
		for _, method := range []string{"meanflow", "consistency"} {
			s, err := r.Distilled(recipe.DistillDefaults(method, "teacher"))
			if err != nil {
				t.Fatal(err)
			}
			mat, err := recipe.BuiltIn(s)
			if err != nil {
				t.Fatal(err)
			}
			mat.Teacher = teacher
			p := compose(t, s, mat)
			w, err := p.Begin()
			if err != nil || w == nil {
				t.Fatalf("%s: %d weights, %v", method, len(w), err)
			}
			student, err := p.Model(w, nil)
			if err != nil {
				t.Fatal(err)
			}
			x, u, v := rows(t, p.Train, 50).X, tensor.New(50, 2), tensor.New(50, 2)
			a, err := m.Bind(flow.Cond{})
			if err != nil {
				t.Fatal(err)
			}
			b, err := student.Bind(flow.Cond{})
			if err != nil {
				t.Fatal(err)
			}
			to := 0.25
			if method == "meanflow" {
				to = 0.75 // at any span
			}
			if err := errors.Join(a.Velocity(u, x, 0.25), b.Average(v, x, 0.25, to)); err != nil {
				t.Fatal(err)
			}
			for i := range u.Data {
				if math.Abs(float64(u.Data[i]-v.Data[i])) > 1e-5 {
					t.Fatalf("%s %s: the student begins with %v, the teacher ends with %v", kind, method, v.Data[i], u.Data[i])
				}
			}
		}
	}
}

func TestDistilledRefuses(t *testing.T) {
	r := small(t, 5)
	d := recipe.DistillDefaults("reflow", "t")
	for want, f := range map[string]func(*recipe.Recipe, *recipe.Distill){
		"distill.method: unknown \"magic\"": func(_ *recipe.Recipe, d *recipe.Distill) { d.Method = "magic" },
		"distill.teacher: is empty":         func(_ *recipe.Recipe, d *recipe.Distill) { d.Teacher = "" },
		"distill.nfe: 7":                    func(_ *recipe.Recipe, d *recipe.Distill) { d.NFE = 7 },
		"distill.pool: 0":                   func(_ *recipe.Recipe, d *recipe.Distill) { d.Pool = 0 },
		"distill.round: 0":                  func(_ *recipe.Recipe, d *recipe.Distill) { d.Round = 0 },
		"is a GAN":                          func(r *recipe.Recipe, _ *recipe.Distill) { r.Family = "gan" },
		"distilled into one step": func(r *recipe.Recipe, _ *recipe.Distill) {
			one := recipe.DistillDefaults("distill", "t")
			r.Distill = &one
		},
	} {
		r, d := r, d
		f(&r, &d)
		if _, err := r.Distilled(d); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	s, err := r.Distilled(d)
	if err != nil {
		t.Fatal(err)
	}
	p := builtIn(t, s)
	if _, err := p.Trainer(train.Options{}); err == nil || !strings.Contains(err.Error(), "teacher") {
		t.Errorf("without a teacher: %v", err)
	}
	_, m := learn(t, r, nil)
	mat, err := recipe.BuiltIn(s)
	if err != nil {
		t.Fatal(err)
	}
	mat.Teacher = &recipe.Teacher{Model: m, Recipe: r}
	s.Train.Seed++
	if _, err := s.Compose(mat); err == nil || !strings.Contains(err.Error(), "another seed") {
		t.Errorf("a teacher of another seed: %v", err)
	}
}

// A recipe may say that a run learns from a model.
// A teacher that makes the pairs leaves nothing to chance, though the recipe's own
// coupling is then the independent one: a reflow student's velocity tells no score.
func TestPoolsAreCoupled(t *testing.T) {
	r := small(t, 400)
	if r.Coupled() {
		t.Error("independent pairs are said to be coupled")
	}
	for method, want := range map[string]bool{"reflow": true, "distill": true, "meanflow": false, "shortcut": false} {
		s, err := r.Distilled(recipe.DistillDefaults(method, "teacher"))
		if err != nil {
			t.Fatal(err)
		}
		if s.Coupled() != want {
			t.Errorf("%s: coupled is %v, want %v", method, s.Coupled(), want)
		}
	}
}

func ExampleRecipe_Distilled() {
	r, err := recipe.Preset("default")
	if err != nil {
		panic(err)
	}
	r.Data.Name = "moons"
	s, err := r.Distilled(recipe.DistillDefaults("meanflow", "runs/moons"))
	if err != nil {
		panic(err)
	}
	fmt.Println(s.Objective, "sampled by", s.Method(), "at", s.NFE(nil), "evaluations; no other:", s.Once())
	// Output: meanflow sampled by jump at 4 evaluations; no other: false
}
