package model_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"laminar/flow"
	"laminar/graph"
	"laminar/model"
	"laminar/nn"
	"laminar/rng"
	"laminar/tensor"
)

var all = flow.CondSpec{Classes: 3, Real: 2, Mask: true}

func parts(t testing.TB, c flow.CondSpec) model.Config {
	t.Helper()
	net, err := nn.Spec{Kind: "mlp", Width: 16, Depth: 1, Activation: "tanh"}.Network(2, c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.Velocity(net)
	if err != nil {
		t.Fatal(err)
	}
	params := make([]float32, p.Layout(nn.Group).Size)
	s := rng.New(1).Stream()
	s.Normal(params)
	return model.Config{Program: p, Params: params, Cond: c}
}

func build(t testing.TB, c model.Config) *model.Model {
	t.Helper()
	m, err := model.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func program(t testing.TB, f func(b *graph.Builder)) *graph.Program {
	t.Helper()
	b := graph.NewBuilder()
	f(b)
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNewRefusesPartsThatDoNotFit(t *testing.T) {
	for what, c := range map[string]struct {
		edit func(*model.Config)
		want error
		says string
	}{
		"no program":          {func(c *model.Config) { c.Program = nil }, flow.ErrConfig, "program"},
		"fewer parameters":    {func(c *model.Config) { c.Params = c.Params[1:] }, flow.ErrShape, "parameters"},
		"a column too many":   {func(c *model.Config) { c.Columns = []string{"a", "b", "c"} }, flow.ErrShape, "3 column names for 2"},
		"a class too few":     {func(c *model.Config) { c.Classes = []string{"a"} }, flow.ErrShape, "1 class names for 3"},
		"fewer conditions":    {func(c *model.Config) { c.Cond.Classes = 0 }, flow.ErrConfig, `"class"`},
		"no mask":             {func(c *model.Config) { c.Cond.Mask = false }, flow.ErrConfig, `"mask"`},
		"another real vector": {func(c *model.Config) { c.Cond.Real = 3 }, flow.ErrConfig, `"real"`},
		"more conditions": {func(c *model.Config) {
			d := parts(t, flow.CondSpec{})
			c.Program, c.Params = d.Program, d.Params
		}, flow.ErrConfig, "has no input"},
		"no output": {func(c *model.Config) {
			c.Program = program(t, func(b *graph.Builder) { b.Output("y", b.Row(nn.InX, graph.Float32, 2)) })
		}, flow.ErrConfig, "output"},
		"an answer of another dimension": {func(c *model.Config) {
			c.Program = program(t, func(b *graph.Builder) {
				in := nn.RowInputs(b, 2, flow.CondSpec{})
				b.Output(nn.Out, in.T)
			})
		}, flow.ErrConfig, "dimension 2"},
		"a second group": {func(c *model.Config) {
			c.Cond = flow.CondSpec{}
			c.Program = program(t, func(b *graph.Builder) {
				in := nn.RowInputs(b, 2, flow.CondSpec{})
				b.Output(nn.Out, b.Add(in.X, b.Param("critic", "bias", 2)))
			})
		}, flow.ErrConfig, `"critic"`},
	} {
		config := parts(t, all)
		c.edit(&config)
		if _, err := model.New(config); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// conditions of n rows, some of them unknown.
func conditions(n int) flow.Cond {
	c := flow.NewCond(all, n, 2)
	s := rng.New(2).Stream()
	s.Normal(c.Real.Data)
	s.Normal(c.Observed.Data)
	for i := range n {
		c.Class[i] = int32(i%4) - 1
		c.Mask.Row(i)[i%2] = 1
		if i%5 == 0 {
			c.Real.Row(i)[1] = float32(math.NaN())
		}
	}
	return c
}

// TestVelocityIsTheProgram compares a bound model with the float64 interpreter,
// inputs written out by the contract of nn.Inputs.
func TestVelocityIsTheProgram(t *testing.T) {
	const n = 24
	config := parts(t, all)
	m, c := build(t, config), conditions(n)
	x, v := tensor.New(n, 2), tensor.New(n, 2)
	s := rng.New(3).Stream()
	s.Normal(x.Data)
	f, err := m.Bind(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Velocity(v, x, 0.3); err != nil {
		t.Fatal(err)
	}
	rows := map[string][]float64{}
	for i := range n {
		known, seen := 1.0, [2]float64{}
		a, b := float64(c.Real.At(i, 0)), float64(c.Real.At(i, 1))
		if i%5 == 0 {
			known, a, b = 0, 0, 0
		}
		seen[i%2] = float64(c.Observed.At(i, i%2))
		rows[nn.InX] = append(rows[nn.InX], float64(x.At(i, 0)), float64(x.At(i, 1)))
		rows[nn.InT] = append(rows[nn.InT], 0.3)
		rows[nn.InClass] = append(rows[nn.InClass], float64(i%4))
		rows[nn.InReal] = append(rows[nn.InReal], a, b)
		rows[nn.InKnown] = append(rows[nn.InKnown], known)
		rows[nn.InMask] = append(rows[nn.InMask], float64(1-i%2), float64(i%2))
		rows[nn.InObserved] = append(rows[nn.InObserved], seen[0], seen[1])
	}
	arena := make([]float64, len(config.Params))
	for i, p := range config.Params {
		arena[i] = float64(p)
	}
	out, err := config.Program.Interpret(graph.Feed{N: n, Arenas: map[string][]float64{nn.Group: arena}, Rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range out[nn.Out] {
		if got := float64(v.Data[i]); math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
			t.Fatalf("row %d: %v, want %v", i/2, got, want)
		}
	}
	// Some rows by themselves, in another order and at times of their own, have
	// the same bits as all at times of their own, which are those at one time but for
	// rounding.
	times := make([]float64, n)
	for i := range times {
		times[i] = 0.3
	}
	one := v.Clone()
	if err := f.VelocityAt(v, x, times, nil); err != nil {
		t.Fatal(err)
	}
	if far := distance(one.Data, v.Data); far > 2e-6 {
		t.Errorf("at one time the rows answer otherwise than each at its own, by %v", far)
	}
	pick := []int32{17, 3, 23, 4}
	y, w := tensor.New(len(pick), 2), tensor.New(len(pick), 2)
	for i, r := range pick {
		copy(y.Row(i), x.Row(int(r)))
	}
	if err := f.VelocityAt(w, y, []float64{0.3, 0.3, 0.3, 0.3}, pick); err != nil {
		t.Fatal(err)
	}
	for i, r := range pick {
		if !slices.Equal(w.Row(i), v.Row(int(r))) {
			t.Errorf("row %d alone answers %v, among others %v", r, w.Row(i), v.Row(int(r)))
		}
	}
}

// distance is the largest difference of two answers, relative to the larger if that is
// above 1.
func distance(a, b []float32) float64 {
	far := 0.0
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		far = max(far, math.Abs(x-y)/max(1, math.Abs(x), math.Abs(y)))
	}
	return far
}

// TestUnknownConditions: what is not bound is unknown.
func TestUnknownConditions(t *testing.T) {
	const n = 6
	m := build(t, parts(t, all))
	x, v, w := tensor.New(n, 2), tensor.New(n, 2), tensor.New(n, 2)
	s := rng.New(3).Stream()
	s.Normal(x.Data)
	unknown := flow.NewCond(all, n, 2)
	for i := range n {
		unknown.Class[i] = flow.NoClass
		unknown.Real.Row(i)[0] = float32(math.NaN())
	}
	for i, c := range []flow.Cond{{}, unknown, {Class: unknown.Class}} {
		f, err := m.Bind(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Velocity(w, x, 0.5); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			copy(v.Data, w.Data)
		} else if far := distance(v.Data, w.Data); far > 2e-6 {
			t.Errorf("case %d of unknown conditions answers otherwise, by %v", i, far)
		}
	}
}

func TestBindErrors(t *testing.T) {
	with, without := build(t, parts(t, all)), build(t, parts(t, flow.CondSpec{}))
	c := conditions(4)
	for what, f := range map[string]struct {
		m    *model.Model
		c    flow.Cond
		want error
	}{
		"classes of a model without":     {without, flow.Cond{Class: []int32{0}}, flow.ErrConfig},
		"a vector of a model without":    {without, flow.Cond{Real: tensor.New(1, 2)}, flow.ErrConfig},
		"a mask of a model without":      {without, flow.Cond{Mask: tensor.New(1, 2), Observed: tensor.New(1, 2)}, flow.ErrConfig},
		"a class beyond the last":        {with, flow.Cond{Class: []int32{3}}, flow.ErrConfig},
		"a class below":                  {with, flow.Cond{Class: []int32{-2}}, flow.ErrConfig},
		"a longer vector":                {with, flow.Cond{Real: tensor.New(4, 3)}, flow.ErrShape},
		"parts of different numbers":     {with, flow.Cond{Class: c.Class[:3], Real: c.Real}, flow.ErrShape},
		"a mask without observed values": {with, flow.Cond{Mask: c.Mask}, flow.ErrShape},
	} {
		if _, err := f.m.Bind(f.c); !errors.Is(err, f.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	f, err := with.Bind(c)
	if err != nil {
		t.Fatal(err)
	}
	x, v := tensor.New(4, 2), tensor.New(4, 2)
	for what, err := range map[string]error{
		"points of another dimension": f.Velocity(v, tensor.New(4, 3), 0),
		"no room":                     f.Velocity(tensor.New(3, 2), x, 0),
		"three points for four rows":  f.Velocity(tensor.New(3, 2), tensor.New(3, 2), 0),
		"times too few":               f.VelocityAt(v, x, []float64{0}, nil),
		"row numbers too few":         f.VelocityAt(v, x, make([]float64, 4), []int32{0}),
		"a row beyond the last":       f.VelocityAt(v, x, make([]float64, 4), []int32{0, 1, 2, 4}),
		"a negative row":              f.VelocityAt(v, x, make([]float64, 4), []int32{0, 1, 2, -1}),
	} {
		if !errors.Is(err, flow.ErrShape) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestOneModelInManyGoroutines(t *testing.T) {
	m := build(t, parts(t, all))
	var want tensor.Mat
	var wait sync.WaitGroup
	answer := func(n int) (tensor.Mat, error) {
		c, x, v := conditions(40), tensor.New(n, 2), tensor.New(n, 2)
		for i := range x.Data {
			x.Data[i] = float32(i%80) / 40
		}
		f, err := m.Bind(c.Rows(0, n))
		if err != nil {
			return v, err
		}
		return v, f.Velocity(v, x, 0.5)
	}
	want, err := answer(40)
	if err != nil {
		t.Fatal(err)
	}
	for g := range 16 {
		wait.Go(func() {
			for i := range 20 {
				n := 1 + (g+i)%40
				v, err := answer(n)
				if err != nil || !slices.Equal(v.Data, want.Data[:2*n]) {
					t.Errorf("goroutine %d, %d rows: other bits, or %v", g, n, err)
					return
				}
			}
		})
	}
	wait.Wait()
}

func TestClassID(t *testing.T) {
	c := parts(t, all)
	c.Classes = []string{"setosa", "2", "virginica"}
	m := build(t, c)
	for name, want := range map[string]int32{"setosa": 0, "2": 1, "virginica": 2, "0": 0} {
		if got, err := m.ClassID(name); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", name, got, err, want)
		}
	}
	for _, name := range []string{"rose", "3", "-1", ""} {
		if _, err := m.ClassID(name); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "setosa, 2, virginica") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := build(t, parts(t, flow.CondSpec{})).ClassID("setosa"); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("a model without classes: %v", err)
	}
}
