package sample_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"laminar/data"
	"laminar/flow"
	"laminar/model"
	"laminar/nn"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
	"laminar/train"
)

// wild returns a model with random parameters, large enough for a field that
// is far from straight.
func wild(t testing.TB, dim int, c flow.CondSpec) *model.Model {
	t.Helper()
	net, err := nn.Spec{Kind: "mlp", Width: 24, Depth: 2, Activation: "silu"}.Network(dim, c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.Velocity(net)
	if err != nil {
		t.Fatal(err)
	}
	l := p.Layout(nn.Group)
	w := make([]float32, l.Size)
	net.Init(w, l, rng.New(3))
	for i := range w {
		w[i] *= 2.5
	}
	m, err := model.New(model.Config{Program: p, Params: w, Cond: c})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// methods are the ways to solve that the row tests go through.
func methods() map[string]solve.Config {
	euler, rk4, adaptive := solve.Defaults(), solve.Defaults(), solve.Defaults()
	euler.NFE = 6
	rk4.Method, rk4.NFE = "rk4", 8
	adaptive.Method, adaptive.NFE, adaptive.Adaptive = "dopri5", 0, true
	adaptive.RTol, adaptive.ATol = 1e-4, 1e-4
	return map[string]solve.Config{"euler": euler, "rk4": rk4, "adaptive": adaptive}
}

// conditions returns n rows of classes and real values, some of them unknown.
func conditions(n int) flow.Cond {
	c := flow.NewCond(flow.CondSpec{Classes: 3, Real: 2}, n, 2)
	for i := range n {
		c.Class[i] = int32(i%4) - 1
		c.Real.Row(i)[0], c.Real.Row(i)[1] = float32(i%7)/3, float32(i%5)
		if i%11 == 0 {
			c.Real.Row(i)[0] = float32(math.NaN())
		}
	}
	return c
}

func draw(t testing.TB, m *model.Model, c sample.Config) tensor.Matrix[float64] {
	t.Helper()
	x, _, err := sample.Draw(context.Background(), m, c)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// A row's bits depend on the seed and its index only: alone, in sevens and in
// thousands they are equal, with and without conditions and guidance, also where
// rows choose their own steps.
func TestRowsAlone(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 600 // more than one chunk
	}
	spec := flow.CondSpec{Classes: 3, Real: 2}
	for _, kind := range []struct {
		name     string
		m        *model.Model
		cond     flow.Cond
		guidance float64
	}{
		{"plain", wild(t, 2, flow.CondSpec{}), flow.Cond{}, 1},
		{"conditional", wild(t, 2, spec), conditions(n), 1},
		{"guided", wild(t, 2, spec), conditions(n), 1.5},
	} {
		for name, how := range methods() {
			whole := sample.Config{N: n, Seed: rng.New(7), Solve: how, Cond: kind.cond, Guidance: kind.guidance}
			want := draw(t, kind.m, whole)
			part := func(lo, hi int) {
				t.Helper()
				c := whole
				c.First, c.N = lo, hi-lo
				if len(kind.cond.Class) > 0 {
					c.Cond = kind.cond.Rows(lo, hi)
				}
				if got := draw(t, kind.m, c); !slices.Equal(got.Data, want.Rows(lo, hi).Data) {
					t.Errorf("%s, %s: rows %d to %d differ from those of the whole", kind.name, name, lo, hi-1)
				}
			}
			for _, i := range []int{0, 5, 511, 512, n - 1} {
				part(i, i+1)
			}
			for lo := 0; lo < 70; lo += 7 {
				part(lo, lo+7)
			}
			part(300, n)
			few := whole
			few.Workers = 1
			if got := draw(t, kind.m, few); !slices.Equal(got.Data, want.Data) {
				t.Errorf("%s, %s: one worker gives other bits", kind.name, name)
			}
		}
	}
}

// One model serves many goroutines.
func TestConcurrent(t *testing.T) {
	m := wild(t, 3, flow.CondSpec{Classes: 3, Real: 2})
	c := sample.Config{N: 600, Seed: rng.New(1), Solve: methods()["rk4"], Cond: conditions(600)}
	want := draw(t, m, c)
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			c := c
			c.Workers = 1 + g%3
			x, _, err := sample.Draw(context.Background(), m, c)
			if err != nil || !slices.Equal(x.Data, want.Data) {
				t.Errorf("goroutine %d: other bits (%v)", g, err)
			}
		})
	}
	wg.Wait()
}

func TestGuidanceCostsTwo(t *testing.T) {
	m := wild(t, 2, flow.CondSpec{Classes: 3})
	c := sample.Config{N: 10, Seed: rng.New(1), Solve: solve.Config{Method: "euler", Steps: 5}}
	c.Cond.Class = make([]int32, 10)
	for scale, want := range map[float64]float64{0: 5, 1: 5, 2: 10} {
		c.Guidance = scale
		_, stats, err := sample.Draw(context.Background(), m, c)
		if err != nil || stats.NFE != want || stats.MaxNFE != int(want) {
			t.Errorf("guidance %v: %+v, %v; want %v evaluations", scale, stats, err, want)
		}
	}
	c.Guidance, c.Solve = 2, solve.Config{Method: "euler", NFE: 7}
	if _, _, err := sample.Draw(context.Background(), m, c); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("7 evaluations of a guided field: %v", err)
	}
}

// Without conditions the guided field is v_w + s (v - v_w), w the weak parameters.
func TestGuidedAwayFromTheWeak(t *testing.T) {
	m := wild(t, 2, flow.CondSpec{})
	weak := slices.Clone(m.Params)
	for i := range weak {
		weak[i] *= 0.7
	}
	m, err := m.WithWeak(weak)
	if err != nil {
		t.Fatal(err)
	}
	c := sample.Config{N: 4, Seed: rng.New(2)}
	x, err := sample.Start(m, c)
	if err != nil {
		t.Fatal(err)
	}
	at := func(f flow.Field, err error) tensor.Mat {
		v := tensor.New(4, 2)
		if err == nil {
			err = f.Velocity(v, x, 0.3)
		}
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	own, w := at(m.Bind(flow.Cond{})), at(m.Weaker().Bind(flow.Cond{}))
	if slices.Equal(own.Data, w.Data) {
		t.Fatal("the weak parameters answer the same: the test would be empty")
	}
	c.Guidance = 3
	for i, v := range at(sample.Field(m, c, 0, 4)).Data {
		if want := w.Data[i] + 3*(own.Data[i]-w.Data[i]); math.Abs(float64(v-want)) > 1e-5*(1+math.Abs(float64(want))) {
			t.Errorf("coordinate %d is %v, want %v", i, v, want)
		}
	}
	if _, err := m.WithWeak(weak[1:]); !errors.Is(err, flow.ErrShape) {
		t.Errorf("too few weak parameters: %v", err)
	}
	if m, err = m.WithWeak(nil); err != nil || m.Weaker() != nil {
		t.Errorf("no weak parameters: %v, %v", m.Weaker(), err)
	}
}

// The guided field is v_u + s (v_c - v_u).
func TestGuidedField(t *testing.T) {
	m := wild(t, 2, flow.CondSpec{Classes: 3})
	c := sample.Config{N: 4, Seed: rng.New(2), Cond: flow.Cond{Class: []int32{0, 1, 2, flow.NoClass}}}
	x, err := sample.Start(m, c)
	if err != nil {
		t.Fatal(err)
	}
	at := func(cond flow.Cond, s float64) tensor.Mat {
		c := c
		c.Cond, c.Guidance = cond, s
		f, err := sample.Field(m, c, 0, 4)
		if err != nil {
			t.Fatal(err)
		}
		v := tensor.New(4, 2)
		if err := f.Velocity(v, x, 0.3); err != nil {
			t.Fatal(err)
		}
		return v
	}
	cond, free, guided := at(c.Cond, 1), at(flow.Cond{}, 1), at(c.Cond, 3)
	for i, g := range guided.Data {
		want := free.Data[i] + 3*(cond.Data[i]-free.Data[i])
		if math.Abs(float64(g-want)) > 1e-5*(1+math.Abs(float64(want))) {
			t.Errorf("element %d is %v, the formula gives %v", i, g, want)
		}
	}
	if slices.Equal(cond.Rows(0, 3).Data, free.Rows(0, 3).Data) {
		t.Error("classes make no difference")
	}
	for j, v := range cond.Row(3) {
		if w := free.At(3, j); math.Abs(float64(v-w)) > 2e-6*(1+math.Abs(float64(w))) {
			t.Errorf("a row without a class has %v, the unconditional field %v", v, w)
		}
	}
}

// Encoding samples leads back to the noise that they came from.
func TestEncode(t *testing.T) {
	m := wild(t, 2, flow.CondSpec{Classes: 3, Real: 2})
	how := methods()["adaptive"]
	how.RTol, how.ATol = 1e-6, 1e-6
	c := sample.Config{N: 600, Seed: rng.New(4), Solve: how, Cond: conditions(600)}
	start, err := sample.Start(m, c)
	if err != nil {
		t.Fatal(err)
	}
	x, _, err := sample.Latent(context.Background(), m, c)
	if err != nil {
		t.Fatal(err)
	}
	moved := 0.0
	for i := range x.Data {
		moved = max(moved, math.Abs(float64(x.Data[i]-start.Data[i])))
	}
	if _, err := sample.Carry(context.Background(), m, c, x, 1, 0); err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i := range x.Data {
		worst = max(worst, math.Abs(float64(x.Data[i]-start.Data[i])))
	}
	if moved < 0.5 || worst > 2e-3 {
		t.Errorf("there and back is off by %v, having moved %v", worst, moved)
	}
}

// Solving takes no memory step by step.
func TestNoAllocationsPerStep(t *testing.T) {
	if racing {
		t.Skip("the race detector empties pools")
	}
	for name, c := range map[string]sample.Config{
		"plain":  {},
		"guided": {Cond: conditions(64), Guidance: 2},
	} {
		m := wild(t, 2, flow.CondSpec{})
		if c.Guidance != 0 {
			m = wild(t, 2, flow.CondSpec{Classes: 3, Real: 2})
		}
		f, err := sample.Field(m, c, 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		x := tensor.New(64, 2)
		count := func(steps int) float64 {
			s, err := solve.New[float32](solve.Config{Method: "rk4", Steps: steps})
			if err != nil {
				t.Fatal(err)
			}
			return testing.AllocsPerRun(5, func() {
				clear(x.Data)
				if _, err := s.Solve(context.Background(), f, x, 0, 1); err != nil {
					t.Fatal(err)
				}
			})
		}
		if a, b := count(4), count(104); b-a >= 10 {
			t.Errorf("%s: 100 more steps take %v more allocations", name, b-a)
		}
	}
}

// labelled trains a small classifier-free model on a built-in set with classes.
func labelled(t testing.TB, name string, steps int) (*model.Model, *recipe.Plan) {
	t.Helper()
	r, err := recipe.Preset("fast")
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name, r.Data.Label = name, "class"
	r.Network.Width, r.Train.Steps, r.Train.Batch = 32, steps, 128
	r.Coupling.Name = "independent"
	material, err := recipe.BuiltIn(r)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Compose(material)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := plan.Trainer(train.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Fit(context.Background()); err != nil {
		t.Fatal(err)
	}
	m, err := plan.Model(slices.Clone(tr.Best()), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m, plan
}

// A class asked for is the class that comes.
func TestClassPicksTheClass(t *testing.T) {
	if racing || testing.Short() {
		t.Skip("trains a model")
	}
	m, plan := labelled(t, "8gaussians", 700)
	shape := data.Moded(nil)
	if toy, ok := plan.Judge.(data.Toy); ok {
		shape, _ = toy.Shape.(data.Moded)
	}
	if shape == nil {
		t.Fatalf("%T has no modes", plan.Judge)
	}
	const n = 400
	c := sample.Config{N: n, Seed: rng.New(5), Solve: solve.Config{Method: "midpoint", NFE: 16}}
	for i := range n {
		c.Cond.Class = append(c.Cond.Class, int32(i%8))
	}
	x := tensor.Convert[float32](draw(t, m, c))
	right := 0
	for i := range n {
		if shape.Mode(x.Row(i)) == i%8 {
			right++
		}
	}
	if right < n*9/10 {
		t.Errorf("%d of %d samples are of the class asked for", right, n)
	}
}

func TestDrawRefuses(t *testing.T) {
	plain, classed := wild(t, 2, flow.CondSpec{}), wild(t, 2, flow.CondSpec{Classes: 3})
	ok := sample.Config{N: 3, Seed: rng.New(1), Solve: solve.Config{Method: "euler", Steps: 2}}
	for _, c := range []struct {
		name string
		m    *model.Model
		edit func(*sample.Config)
		kind error
		want string
	}{
		{"negative rows", plain, func(c *sample.Config) { c.N = -1 }, flow.ErrConfig, "cannot draw -1 rows"},
		{"negative first", plain, func(c *sample.Config) { c.First = -1 }, flow.ErrConfig, "from row -1"},
		{"source", plain, func(c *sample.Config) { c.Source = data.Noise(3) }, flow.ErrConfig, "the source has 3 columns"},
		{"solver", plain, func(c *sample.Config) { c.Solve.Method = "eular" }, flow.ErrConfig, "eular"},
		{"guidance", plain, func(c *sample.Config) { c.Guidance = 2 }, flow.ErrConfig, "guidance needs a model"},
		{"guidance is NaN", classed, func(c *sample.Config) { c.Guidance = math.NaN() }, flow.ErrConfig, "guidance"},
		{"a condition it lacks", plain, func(c *sample.Config) { c.Cond.Class = []int32{0, 0, 0} }, flow.ErrConfig, "not trained with a class condition"},
		{"too few conditions", classed, func(c *sample.Config) { c.Cond.Class = []int32{0} }, flow.ErrShape, "conditions of 1 rows for 3 points"},
		{"too many conditions", classed, func(c *sample.Config) { c.Cond.Class = make([]int32, 9) }, flow.ErrShape, "conditions of 9 rows for 3 points"},
		{"class out of range", classed, func(c *sample.Config) { c.Cond.Class = []int32{0, 3, 0} }, flow.ErrConfig, "class id 3 of row 1"},
	} {
		cfg := ok
		c.edit(&cfg)
		_, _, err := sample.Draw(context.Background(), c.m, cfg)
		if err == nil || c.kind != nil && !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, got %v", c.name, c.want, err)
		}
	}
	if _, err := sample.Carry(context.Background(), plain, ok, tensor.New(3, 4), 0, 1); !errors.Is(err, flow.ErrShape) {
		t.Errorf("points of another dimension: %v", err)
	}
	if x := draw(t, plain, sample.Config{Solve: ok.Solve}); x.N != 0 {
		t.Errorf("no rows asked for, %d drawn", x.N)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	ok.N = 5000
	if _, _, err := sample.Draw(ctx, plain, ok); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A flow may start from other data than noise.
func TestSource(t *testing.T) {
	m := wild(t, 2, flow.CondSpec{})
	c := sample.Config{N: 5, First: 2, Seed: rng.New(1), Source: data.Toy{Shape: data.Checkerboard{}}}
	x, err := sample.Start(m, c)
	if err != nil {
		t.Fatal(err)
	}
	want := flow.NewSample(c.Source, 7)
	if err := c.Source.DrawAt(want, c.Seed, 0); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(x.Data, want.X.Rows(2, 7).Data) {
		t.Error("the rows are not those of the source from First on")
	}
}

func ExampleDraw() {
	// A model made of untrained weights; package recipe makes trained ones.
	net, _ := nn.Post().Network(2, flow.CondSpec{})
	p, _ := nn.Velocity(net)
	w := make([]float32, p.Layout(nn.Group).Size)
	net.Init(w, p.Layout(nn.Group), rng.New(0))
	m, err := model.New(model.Config{Program: p, Params: w})
	if err != nil {
		panic(err)
	}

	c := sample.Config{N: 1000, Seed: rng.New(7), Solve: solve.Config{Method: "heun", NFE: 20}}
	all, stats, err := sample.Draw(context.Background(), m, c)
	fmt.Println(all.N, all.D, stats.NFE, err)

	// Another machine draws the second half, and gets the same rows.
	c.First, c.N = 500, 500
	half, _, err := sample.Draw(context.Background(), m, c)
	fmt.Println(slices.Equal(half.Data, all.Rows(500, 1000).Data), err)
	// Output:
	// 1000 2 20 <nil>
	// true <nil>
}

// Encoding follows the field backwards.
func ExampleCarry() {
	net, _ := nn.Post().Network(2, flow.CondSpec{})
	p, _ := nn.Velocity(net)
	w := make([]float32, p.Layout(nn.Group).Size)
	net.Init(w, p.Layout(nn.Group), rng.New(0))
	m, err := model.New(model.Config{Program: p, Params: w})
	if err != nil {
		panic(err)
	}
	c := sample.Config{N: 3, Seed: rng.New(7), Solve: solve.Config{Method: "rk4", NFE: 80}}
	noise, _ := sample.Start(m, c)
	x := noise.Clone()
	_, err = sample.Carry(context.Background(), m, c, x, 0, 1)
	fmt.Println("sampled:", err)
	_, err = sample.Carry(context.Background(), m, c, x, 1, 0)
	fmt.Println("encoded:", err)
	worst := 0.0
	for i, v := range x.Data {
		worst = max(worst, math.Abs(float64(v-noise.Data[i])))
	}
	fmt.Println("the noise it came from:", worst < 1e-4)
	// Output:
	// sampled: <nil>
	// encoded: <nil>
	// the noise it came from: true
}
