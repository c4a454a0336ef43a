package recipe_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"laminar/data"
	"laminar/flow"
	"laminar/recipe"
	"laminar/rng"
	"laminar/tensor"
	"laminar/train"
)

func preset(t testing.TB, name, set string) recipe.Recipe {
	t.Helper()
	r, err := recipe.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name = set
	return r
}

func compose(t testing.TB, r recipe.Recipe, m recipe.Material) *recipe.Plan {
	t.Helper()
	p, err := r.Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func builtIn(t testing.TB, r recipe.Recipe) *recipe.Plan {
	t.Helper()
	m, err := recipe.BuiltIn(r)
	if err != nil {
		t.Fatal(err)
	}
	return compose(t, r, m)
}

func TestPresets(t *testing.T) {
	for _, name := range recipe.Presets() {
		r := preset(t, name, "moons")
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		p := builtIn(t, r)
		if _, err := p.Trainer(train.Options{Workers: 1}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	post := preset(t, "post", "moons-sklearn")
	got := fmt.Sprintln(post.Network.Kind, post.Network.Width, post.Network.Depth, post.Network.Activation, post.Optim.Rate, post.Optim.EMA,
		post.Optim.Clip, post.Optim.WeightDecay, post.Optim.Schedule, post.Train.Batch, post.Train.Steps, post.Coupling.Cost, post.Data.Standardise, post.Path.Sigma)
	if want := "mlp 64 2 relu 0.001 0 0 0 constant 256 2000 l2 false 0\n"; got != want {
		t.Errorf("the post's program is %s, not %s", got, want)
	}
	_, err := recipe.Preset("posh")
	var f *flow.FieldError
	if !errors.As(err, &f) || f.Path != "preset" || !strings.Contains(f.Msg, "default, fast, post") {
		t.Errorf("unknown preset: %v", err)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, name := range recipe.Presets() {
		want := preset(t, name, "data.csv")
		want.Data.Label, want.Data.DropLabel, want.Data.Conditions, want.Data.Array = "kind", true, []string{"a", "b"}, "x"
		want.Data.Digest, want.Source, want.SourceDigest = "12", "rings", "34"
		want.Drop, want.Network.Width, want.Optim.Rate, want.Train.Seed = 0.25, 17, 0.5, math.MaxUint64
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := recipe.Decode(b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: came back as %+v, %v", name, got, err)
		}
	}
	// What a text leaves out is as in its preset, or in the default one.
	got, err := recipe.Decode([]byte(`{"preset": "post", "data": {"name": "moons"}, "train": {"steps": 5}}`))
	want := preset(t, "post", "moons")
	want.Train.Steps = 5
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = recipe.Decode([]byte(`{"data": {"name": "moons"}}`)); err != nil || !reflect.DeepEqual(got, preset(t, "default", "moons")) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for in, want := range map[string]string{
		``:                         "not JSON",
		`{"data": `:                "not JSON",
		`[]`:                       "not JSON",
		`{} {}`:                    "not JSON",
		`{"version": 2}`:           "version 2, this program knows up to 1",
		`{"preset": "best"}`:       "one of default, fast, post",
		`{"datum": {}}`:            `unknown field "datum"`,
		`{"network": {"hight":3}}`: `unknown field "hight"`,
		`{"train": {"steps": "a"}, "data": {"name": "moons"}}`: "steps",
		`{"data": {"name": "moons"}, "drop": 1}`:               "drop: 1 is not in [0, 1)",
		`{"preset": "fast"}`:                                   "data.name: is empty",
	} {
		_, err := recipe.Decode([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, flow.ErrFormat) && !errors.Is(err, flow.ErrConfig) {
			t.Errorf("%s: want %q, got %v", in, want, err)
		}
	}
}

// Every fault names its field as it stands in JSON, and all are told at once.
func TestValidate(t *testing.T) {
	faults := map[string]func(*recipe.Recipe){
		"data.name":             func(r *recipe.Recipe) { r.Data.Name = "" },
		"data.held_out":         func(r *recipe.Recipe) { r.Data.HeldOut = math.NaN() },
		"data.drop_label":       func(r *recipe.Recipe) { r.Data.DropLabel = true },
		"drop":                  func(r *recipe.Recipe) { r.Drop = -0.1 },
		"source":                func(r *recipe.Recipe) { r.Source = "" },
		"coupling.name":         func(r *recipe.Recipe) { r.Coupling.Name = "nearest" },
		"coupling.cost":         func(r *recipe.Recipe) { r.Coupling.Cost = "l3" },
		"path.sigma":            func(r *recipe.Recipe) { r.Path.Sigma = -1 },
		"network.kind":          func(r *recipe.Recipe) { r.Network.Kind = "cnn" },
		"network.width":         func(r *recipe.Recipe) { r.Network.Width = 0 },
		"network.depth":         func(r *recipe.Recipe) { r.Network.Depth = -1 },
		"network.activation":    func(r *recipe.Recipe) { r.Network.Activation = "relu6" },
		"network.time_features": func(r *recipe.Recipe) { r.Network.TimeFeatures = 3 },
		"optim.method":          func(r *recipe.Recipe) { r.Optim.Method = "lion" },
		"optim.rate":            func(r *recipe.Recipe) { r.Optim.Rate = 0 },
		"optim.schedule":        func(r *recipe.Recipe) { r.Optim.Schedule = "step" },
		"optim.ema":             func(r *recipe.Recipe) { r.Optim.EMA = 1 },
		"train.steps":           func(r *recipe.Recipe) { r.Train.Steps = 0 },
		"train.batch":           func(r *recipe.Recipe) { r.Train.Batch = -1 },
		"train.patience":        func(r *recipe.Recipe) { r.Train.Patience = -1 },
	}
	for path, spoil := range faults {
		r := preset(t, "default", "moons")
		spoil(&r)
		err := r.Validate()
		var f *flow.FieldError
		if !errors.As(err, &f) || f.Path != path || !errors.Is(err, flow.ErrConfig) {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := r.Compose(recipe.Material{}); !errors.As(err, &f) || f.Path != path {
			t.Errorf("%s: composed: %v", path, err)
		}
	}
	r := preset(t, "default", "")
	r.Drop, r.Coupling.Name, r.Train.Steps = 2, "?", 0
	for _, path := range []string{"data.name:", "drop:", "coupling.name:", "train.steps:"} {
		if err := r.Validate(); !strings.Contains(err.Error(), path) {
			t.Errorf("%v does not tell of %s", err, path)
		}
	}
}

// table is 40 rows about (10, -5), of two classes, with one real condition.
func table(conditional bool) *data.Table {
	t := &data.Table{Name: "t.csv", Columns: []string{"a", "b"}, X: tensor.NewOf[float64](400, 2)}
	for i := range 400 {
		t.X.Row(i)[0], t.X.Row(i)[1] = 10+float64(i%5), -5+100*float64(i%7)
	}
	if conditional {
		t.Label, t.Classes, t.Class = "k", []string{"u", "v"}, make([]int32, 400)
		t.Conditions, t.Real = []string{"c"}, tensor.NewOf[float64](400, 1)
		for i := range 400 {
			t.Class[i], t.Real.Data[i] = int32(i%2), 1000+float64(i)
		}
	}
	return t
}

// moments returns the mean and standard deviation of column j.
func moments(x tensor.Mat, j int) (mean, std float64) {
	for i := range x.N {
		mean += float64(x.Row(i)[j]) / float64(x.N)
	}
	for i := range x.N {
		d := float64(x.Row(i)[j]) - mean
		std += d * d / float64(x.N)
	}
	return mean, math.Sqrt(std)
}

func rows(t testing.TB, d data.RowSource, n int) flow.Sample {
	t.Helper()
	s := flow.NewSample(d, n)
	if err := d.DrawAt(s, rng.New(1), 0); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestComposeToy(t *testing.T) {
	p := builtIn(t, preset(t, "default", "moons"))
	if p.HeldOut != nil || p.Train.Dim() != 2 || !p.Train.CondSpec().IsZero() || len(p.Columns) != 2 {
		t.Fatalf("%+v", p)
	}
	for j := range 2 {
		if m, s := moments(rows(t, p.Train, 20000).X, j); math.Abs(m) > 0.03 || math.Abs(s-1) > 0.03 {
			t.Errorf("column %d goes to the network with mean %v and deviation %v", j, m, s)
		}
	}
	// The post does not standardise, and judges by the same draws.
	p = builtIn(t, preset(t, "post", "moons-sklearn"))
	if _, ok := p.Transform.(data.Identity); !ok {
		t.Errorf("the post's data go through %T", p.Transform)
	}
	if !slices.Equal(rows(t, p.Train, 50).X.Data, rows(t, p.Judge, 50).X.Data) {
		t.Error("what is learnt and what is judged by differ")
	}
}

func TestComposeLabels(t *testing.T) {
	r := preset(t, "default", "8gaussians")
	r.Data.Label = "class"
	p := builtIn(t, r)
	if got := p.Train.CondSpec(); got != (flow.CondSpec{Classes: 8}) || len(p.Classes) != 8 || p.Net.CondSpec() != got {
		t.Errorf("conditions %+v, classes %v", got, p.Classes)
	}
	r.Data.DropLabel = true
	if p = builtIn(t, r); !p.Train.CondSpec().IsZero() {
		t.Error("a dropped label is a condition")
	}
	r = preset(t, "default", "swissroll")
	r.Data.Label = "class"
	if _, err := recipe.BuiltIn(r); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("classes of a set that has none: %v", err)
	}
	// Stored sets keep rows back; labels are left out unless asked for.
	p = builtIn(t, preset(t, "default", "iris"))
	if !p.Train.CondSpec().IsZero() || p.HeldOut == nil || p.Train.Len()+p.HeldOut.Len() != 150 || p.HeldOut.Len() != 15 {
		t.Errorf("iris: %+v, %d and %d rows", p.Train.CondSpec(), p.Train.Len(), p.HeldOut.Len())
	}
}

func TestComposeTable(t *testing.T) {
	r := preset(t, "default", "t.csv")
	r.Data.HeldOut, r.Data.Label = 0.25, "k"
	in := table(true)
	p := compose(t, r, recipe.Material{Data: recipe.Given{Table: in}})
	if got := p.Train.CondSpec(); got != (flow.CondSpec{Classes: 2, Real: 1}) || !slices.Equal(p.Columns, in.Columns) || !slices.Equal(p.Classes, in.Classes) {
		t.Errorf("%+v %v %v", got, p.Columns, p.Classes)
	}
	learnt, held, judge := p.Train.(*data.Stored), p.HeldOut.(*data.Stored), p.Judge.(*data.Stored)
	if learnt.Len() != 300 || held.Len() != 100 || judge.Len() != 100 {
		t.Fatalf("%d, %d and %d rows", learnt.Len(), held.Len(), judge.Len())
	}
	for j := range 2 {
		if m, s := moments(learnt.X(), j); math.Abs(m) > 1e-5 || math.Abs(s-1) > 1e-5 {
			t.Errorf("column %d: mean %v, deviation %v", j, m, s)
		}
	}
	if m, s := moments(learnt.Cond().Real, 0); math.Abs(m) > 1e-5 || math.Abs(s-1) > 1e-5 {
		t.Errorf("the condition goes to the network with mean %v, deviation %v", m, s)
	}
	// What is judged by is in the numbers of the file, and kept from training;
	// conditions are as the network takes them.
	back := tensor.NewOf[float64](held.Len(), 2)
	if err := p.Transform.Inverse(back, held.X()); err != nil {
		t.Fatal(err)
	}
	for i, v := range back.Data {
		if math.Abs(v-float64(judge.X().Data[i])) > 1e-3 {
			t.Fatalf("held-out element %d is %v, judged by %v", i, v, judge.X().Data[i])
		}
	}
	if !slices.Equal(judge.Cond().Real.Data, held.Cond().Real.Data) || !slices.Equal(judge.Cond().Class, held.Cond().Class) {
		t.Error("conditions of the judge differ from those of the held-out rows")
	}
	seen := map[float64]bool{} // the condition names each row
	for _, c := range learnt.Cond().Real.Data {
		seen[math.Round(float64(c)*1e4)] = true
	}
	for _, c := range held.Cond().Real.Data {
		if seen[math.Round(float64(c)*1e4)] {
			t.Errorf("the row of condition %v is in both parts", c)
		}
	}
	if _, err := p.Trainer(train.Options{Workers: 2}); err != nil {
		t.Error(err)
	}
	// Another seed keeps other rows back; the same one the same.
	again := compose(t, r, recipe.Material{Data: recipe.Given{Table: in}})
	if !slices.Equal(again.HeldOut.(*data.Stored).X().Data, held.X().Data) {
		t.Error("the same seed splits otherwise")
	}
	r.Train.Seed++
	again = compose(t, r, recipe.Material{Data: recipe.Given{Table: in}})
	if slices.Equal(again.Judge.(*data.Stored).X().Data, judge.X().Data) {
		t.Error("another seed splits alike")
	}
	// Too few rows to judge by: all take their place, and the user is told.
	r.Data.HeldOut = 0.24
	p = compose(t, r, recipe.Material{Data: recipe.Given{Table: in}})
	if p.HeldOut.Len() != 96 || p.Judge.Len() != 400 || !slices.ContainsFunc(p.Notes, func(n string) bool { return strings.Contains(n, "96 held-out rows") }) {
		t.Errorf("judged by %d rows of %d held out: %q", p.Judge.Len(), p.HeldOut.Len(), p.Notes)
	}
	if len(in.Notes) > 0 {
		t.Errorf("the table was changed: %q", in.Notes)
	}
	r.Data.HeldOut, r.Data.Standardise = 0, false
	p = compose(t, r, recipe.Material{Data: recipe.Given{Table: in}})
	if p.HeldOut != nil || p.Train.Len() != 400 || p.Train.(*data.Stored).X().Data[0] != 10 {
		t.Error("data as they are do not stay as they are")
	}
}

func TestComposeSource(t *testing.T) {
	r := preset(t, "default", "moons")
	r.Source = "8gaussians"
	p := builtIn(t, r)
	// Source and data go through one transform, so that points keep their places.
	toy, err := recipe.BuiltInData("8gaussians", false)
	if err != nil {
		t.Fatal(err)
	}
	raw := rows(t, toy.Toy, 100).X
	want := tensor.New(100, 2)
	if err := p.Transform.Forward(want, tensor.Convert[float64](raw)); err != nil {
		t.Fatal(err)
	}
	for i, v := range rows(t, p.Source, 100).X.Data {
		if math.Abs(float64(v-want.Data[i])) > 1e-5 {
			t.Fatalf("element %d of the source is %v, want %v", i, v, want.Data[i])
		}
	}
	// A stored source, its label left out.
	r = preset(t, "default", "t.csv")
	r.Source = "s.csv"
	p = compose(t, r, recipe.Material{Data: recipe.Given{Table: table(false)}, Source: recipe.Given{Table: table(true)}})
	if p.Source.Len() != 400 || p.Source.CondSpec().Classes != 0 {
		t.Errorf("%d rows, %+v", p.Source.Len(), p.Source.CondSpec())
	}
	r.Source = "gaussian"
	if p = compose(t, r, recipe.Material{Data: recipe.Given{Table: table(false)}}); p.Source.Dim() != 2 || p.Source.Len() != 0 {
		t.Errorf("%+v", p.Source)
	}
	r = preset(t, "default", "iris")
	r.Source = "moons"
	m, err := recipe.BuiltIn(r)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Compose(m)
	var f *flow.FieldError
	if !errors.As(err, &f) || f.Path != "source" || !strings.Contains(f.Msg, "moons has 2 columns, iris has 4") {
		t.Errorf("%v", err)
	}
}

func TestComposeRefuses(t *testing.T) {
	r := preset(t, "default", "t.csv")
	if _, err := r.Compose(recipe.Material{}); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("no data: %v", err)
	}
	if _, err := recipe.BuiltInData("mons", false); err == nil || !strings.Contains(err.Error(), "moons") {
		t.Errorf("unknown set: %v", err)
	}
	if recipe.IsBuiltIn("mons") || !recipe.IsBuiltIn("digits") {
		t.Error("IsBuiltIn")
	}
}

// A stored source with real conditions has points of its own, and nothing else.
func TestSourceWithConditions(t *testing.T) {
	r := preset(t, "default", "t.csv")
	r.Source = "s.csv"
	p := compose(t, r, recipe.Material{Data: recipe.Given{Table: table(true)}, Source: recipe.Given{Table: table(true)}})
	s := flow.NewSample(p.Source, 8)
	if err := p.Source.Draw(s, rng.New(1), 0); err != nil {
		t.Error(err)
	}
	if !p.Source.CondSpec().IsZero() {
		t.Errorf("the source carries %+v", p.Source.CondSpec())
	}
}

func Example() {
	r, err := recipe.Preset("post")
	if err != nil {
		panic(err)
	}
	r.Data.Name = "moons"
	material, err := recipe.BuiltIn(r)
	if err != nil {
		panic(err)
	}
	plan, err := r.Compose(material)
	if err != nil {
		panic(err)
	}
	t, err := plan.Trainer(train.Options{})
	if err != nil {
		panic(err)
	}
	done, total := t.Steps()
	fmt.Println(plan.Net.Dim(), plan.Columns, done, total)
	// Output: 2 [x0 x1] 0 2000
}

// What JSON leaves out is as in the preset; faults are told by their field.
func ExampleDecode() {
	r, err := recipe.Decode([]byte(`{"preset": "post", "data": {"name": "rings"}, "network": {"width": 32}}`))
	fmt.Println(r.Network.Kind, r.Network.Width, r.Train.Steps, err)
	_, err = recipe.Decode([]byte(`{"data": {"name": "rings"}, "network": {"width": 0}}`))
	fmt.Println(err)
	// Output:
	// mlp 32 2000 <nil>
	// network.width: 0 is not in 1..16384
}

// Left open, the coupling is transport, but independent for data with
// conditions; asked for, it stays, with a word of warning.
func TestAutoCoupling(t *testing.T) {
	for _, c := range []struct {
		label, asked, want string
		notes              int
	}{
		{"", recipe.AutoCoupling, "ot", 0},
		{"class", recipe.AutoCoupling, "c2ot", 1},
		{"class", "ot", "ot", 1},
		{"class", "sinkhorn", "sinkhorn", 1},
		{"class", "semidiscrete", "semidiscrete", 0},
		{"class", "independent", "independent", 0},
	} {
		r, err := recipe.Preset("default")
		if err != nil {
			t.Fatal(err)
		}
		r.Data.Name, r.Data.Label, r.Coupling.Name = "moons", c.label, c.asked
		m, err := recipe.BuiltIn(r)
		if err != nil {
			t.Fatal(err)
		}
		p, err := r.Compose(m)
		if err != nil {
			t.Fatal(err)
		}
		if p.Recipe.Coupling.Name != c.want || len(p.Notes) != c.notes {
			t.Errorf("%+v: got %q with notes %q", c, p.Recipe.Coupling.Name, p.Notes)
		}
	}
}

func TestCheckLabel(t *testing.T) {
	for _, c := range []struct {
		set, label string
		ok         bool
	}{{"iris", "class", true}, {"iris", "nonsense", false}, {"moons", "class", true}, {"moons", "moon", false}, {"moons", "", true}} {
		err := recipe.Data{Name: c.set, Label: c.label}.CheckLabel()
		if (err == nil) != c.ok || err != nil && !errors.Is(err, flow.ErrConfig) {
			t.Errorf("%s by %q: %v", c.set, c.label, err)
		}
	}
}
