package sample_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/data"
	"laminar/flow"
	"laminar/model"
	"laminar/nn"
	"laminar/path"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
	"laminar/train"
)

// still is a model whose velocity is 0: its data are N(mean, std^2).
func still(t testing.TB, mean, std []float64) *model.Model {
	t.Helper()
	net, err := nn.Post().Network(len(mean), flow.CondSpec{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.Velocity(net)
	if err != nil {
		t.Fatal(err)
	}
	z, err := data.NewStandardise(mean, std)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(model.Config{Program: p, Params: make([]float32, p.Layout(nn.Group).Size), Transform: z})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func precise() solve.Config {
	c := solve.Defaults()
	c.Method, c.NFE, c.Adaptive = "dopri5", 0, true
	return c
}

// Densities are in the units of the data.
func TestDensityHasTheTransformInIt(t *testing.T) {
	mean, std := []float64{100, -3}, []float64{20, 0.01}
	m := still(t, mean, std)
	x, _ := tensor.FromRows([][]float64{{100, -3}, {140, -2.995}, {60, -3.02}})
	d, _, err := sample.LogProb(context.Background(), m, sample.Config{Solve: precise()}, x)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range d.LogP {
		want := 0.0
		for j := range mean {
			z := (x.At(i, j) - mean[j]) / std[j]
			want -= z*z/2 + math.Log(std[j]*math.Sqrt(2*math.Pi))
		}
		if math.Abs(got-want) > 1e-4 {
			t.Errorf("row %d: %v, want %v", i, got, want)
		}
	}
	if got, want := sample.Bits(-2*math.Ln2, 2), 1.0; math.Abs(got-want) > 1e-12 {
		t.Errorf("%v bits, want %v", got, want)
	}
}

// trained returns a small model of moons.
func trained(t testing.TB) *model.Model {
	t.Helper()
	r, err := recipe.Preset("fast")
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name, r.Coupling.Name = "moons", "independent"
	r.Network.Width, r.Train.Steps, r.Train.Batch = 32, 400, 128
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
	return m
}

// The density of a trained network integrates to 1, in the data's units, and
// Hutchinson's estimate agrees with it within its bars.
func TestDensityOfATrainedModel(t *testing.T) {
	if racing || testing.Short() {
		t.Skip("trains a model")
	}
	m := trained(t)
	const h = 0.05
	var grid tensor.Matrix[float64]
	grid.D = 2
	for a := -2.5; a < 3.5; a += h {
		for b := -2.0; b < 2.5; b += h {
			grid.Data, grid.N = append(grid.Data, a, b), grid.N+1
		}
	}
	c := sample.Config{Solve: precise(), Seed: rng.New(3)}
	c.Solve.RTol, c.Solve.ATol = 1e-4, 1e-4
	d, _, err := sample.LogProb(context.Background(), m, c, grid)
	if err != nil {
		t.Fatal(err)
	}
	mass := 0.0
	for _, l := range d.LogP {
		mass += math.Exp(l) * h * h
	}
	if math.Abs(mass-1) > 0.01 {
		t.Errorf("the density integrates to %v", mass)
	}

	// Points bring the density with them that they have as data.
	c.N, c.Solve = 300, precise()
	x, drawn, stats, err := sample.DrawLogProb(context.Background(), m, c)
	if err != nil {
		t.Fatal(err)
	}
	if plain := draw(t, m, c); !close(plain.Data, x.Data, 1e-3) {
		t.Error("other points than Draw's")
	}
	d, _, err = sample.LogProb(context.Background(), m, c, x)
	if err != nil {
		t.Fatal(err)
	}
	if !close(d.LogP, drawn.LogP, 2e-3) || stats.NFE < 10 {
		t.Errorf("drawn with density %.3v, which as data have %.3v", drawn.LogP[:4], d.LogP[:4])
	}

	c.Probes = 16
	e, _, err := sample.LogProb(context.Background(), m, c, x)
	if err != nil {
		t.Fatal(err)
	}
	beyond, square := 0, 0.0
	for i := range e.LogP {
		z := (e.LogP[i] - d.LogP[i]) / e.Err[i]
		square += z * z / float64(len(e.LogP))
		if math.Abs(z) > 4.5 {
			beyond++
		}
	}
	// In two dimensions a probe of signs has two values only, so that the bars
	// have fatter tails than Student's.
	if beyond > len(e.LogP)/50 || square > 2.5 || square < 0.4 {
		t.Errorf("%d of %d estimates beyond 4.5 bars, mean square %v", beyond, len(e.LogP), square)
	}
}

func close(a, b []float64, tol float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= tol*(1+math.Abs(x)) })
}

// A row's density depends on the row alone, whatever comes with it.
func TestDensityRows(t *testing.T) {
	spec := flow.CondSpec{Classes: 3, Real: 2}
	m := wild(t, 2, spec)
	const n = 600
	c := sample.Config{Cond: conditions(n), Seed: rng.New(3), Probes: 2, Solve: solve.Config{Method: "heun", Steps: 5}}
	x := tensor.NewOf[float64](n, 2)
	for i := range x.Data {
		x.Data[i] = math.Sin(float64(i))
	}
	whole, _, err := sample.LogProb(context.Background(), m, c, x)
	if err != nil {
		t.Fatal(err)
	}
	for _, lo := range []int{0, 13, 511, 590} {
		part := c
		part.First, part.Cond = lo, c.Cond.Rows(lo, lo+10)
		d, _, err := sample.LogProb(context.Background(), m, part, x.Rows(lo, min(lo+10, n)))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(d.LogP, whole.LogP[lo:lo+10]) || !slices.Equal(d.Err, whole.Err[lo:lo+10]) {
			t.Errorf("rows from %d on differ", lo)
		}
	}
}

func TestDensityRefuses(t *testing.T) {
	m, classed := wild(t, 2, flow.CondSpec{}), wild(t, 2, flow.CondSpec{Classes: 3})
	x := tensor.NewOf[float64](3, 2)
	for _, c := range []struct {
		m    *model.Model
		edit func(*sample.Config)
		want string
	}{
		{m, func(c *sample.Config) { c.Source = data.Noise(2) }, "starts from other data"},
		{classed, func(c *sample.Config) { c.Guidance = 2 }, "without guidance"},
		{m, func(c *sample.Config) { c.Solve.Method = "em" }, "no likelihood"},
		{m, func(c *sample.Config) { c.Probes = -1 }, "probes"},
		{classed, func(c *sample.Config) { c.Cond.Class = []int32{1} }, "conditions of 1 rows"},
	} {
		cfg := sample.Config{Solve: solve.Defaults()}
		c.edit(&cfg)
		if _, _, err := sample.LogProb(context.Background(), c.m, cfg, x); !(errors.Is(err, flow.ErrConfig) || errors.Is(err, flow.ErrShape)) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// A model of one step runs neither backwards nor in several steps, and tells no
// density.
func TestOnceRefuses(t *testing.T) {
	m := wild(t, 2, flow.CondSpec{})
	c := m.Config
	c.Once = true
	m, err := model.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, one := context.Background(), solve.Config{Method: "euler", NFE: 1}
	if _, _, err := sample.Draw(ctx, m, sample.Config{N: 3, Solve: one}); err != nil {
		t.Errorf("one step: %v", err)
	}
	for _, s := range []solve.Config{{Method: "euler", NFE: 4}, {Method: "euler", Steps: 4}, {Method: "heun", NFE: 2}} {
		if _, _, err := sample.Draw(ctx, m, sample.Config{N: 3, Solve: s}); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "1 evaluation") {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if _, err := sample.Carry(ctx, m, sample.Config{Solve: one}, tensor.New(3, 2), 1, 0); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "backwards") {
		t.Errorf("backwards: %v", err)
	}
	if _, _, err := sample.LogProb(ctx, m, sample.Config{Solve: solve.Defaults()}, tensor.NewOf[float64](3, 2)); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "no density") {
		t.Errorf("density: %v", err)
	}
}

// A stochastic method is refused where a coupling makes scores untrue, and works
// elsewhere, with rows of their own.
func TestStochasticDraw(t *testing.T) {
	m := wild(t, 2, flow.CondSpec{})
	c := sample.Config{N: 700, Seed: rng.New(5), Solve: solve.Defaults()}
	c.Solve.Method, c.Solve.NFE = "em", 10
	if _, _, err := sample.Draw(context.Background(), m, c); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "schedule") {
		t.Errorf("without a schedule: %v", err)
	}
	parts := m.Config
	parts.Schedule, parts.Coupled = linear{}, true
	coupled, err := model.New(parts)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := sample.Draw(context.Background(), coupled, c); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "paired by chance") {
		t.Errorf("coupled: %v", err)
	}
	parts.Coupled = false
	free, err := model.New(parts)
	if err != nil {
		t.Fatal(err)
	}
	whole := draw(t, free, c)
	c.First, c.N = 510, 5
	if part := draw(t, free, c); !slices.Equal(part.Data, whole.Rows(510, 515).Data) {
		t.Error("rows depend on what is drawn with them")
	}
}

// Guidance of scale 1 is no guidance, bit for bit, with every method.
func TestGuidanceOfOne(t *testing.T) {
	parts := wild(t, 2, flow.CondSpec{Classes: 3}).Config
	parts.Schedule = linear{}
	m, err := model.New(parts)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range solve.Catalogue() {
		if method.Kind == solve.Jump {
			continue
		}
		c := sample.Config{N: 9, Seed: rng.New(5), Solve: solve.Defaults(), Cond: flow.Cond{Class: []int32{0, 1, 2, 0, 1, 2, 0, 1, -1}}}
		c.Solve.Method, c.Solve.NFE, c.Solve.Steps = method.Name, 0, 4
		none := draw(t, m, c)
		c.Guidance = 1
		if one := draw(t, m, c); !slices.Equal(one.Data, none.Data) {
			t.Errorf("%s: a guidance of 1 changes the samples", method.Name)
		}
		c.Guidance = 2
		two, stats, err := sample.Draw(context.Background(), m, c)
		if err != nil || slices.Equal(two.Data, none.Data) || stats.MaxNFE != 8*method.StageCount() {
			t.Errorf("%s: a guidance of 2: %+v, %v", method.Name, stats, err)
		}
	}
}

// linear is the schedule of straight lines.
type linear struct{ path.CondOT }

// The log density of two points under a model.
func ExampleLogProb() {
	net, _ := nn.Post().Network(2, flow.CondSpec{})
	p, _ := nn.Velocity(net)
	w := make([]float32, p.Layout(nn.Group).Size) // all 0: the flow stands still
	m, err := model.New(model.Config{Program: p, Params: w})
	if err != nil {
		panic(err)
	}
	x, _ := tensor.FromRows([][]float64{{0, 0}, {1, 2}})
	c := sample.Config{Solve: solve.Config{Method: "rk4", Steps: 10}}
	d, stats, err := sample.LogProb(context.Background(), m, c, x)
	fmt.Printf("%.4f nats with %d evaluations, %v\n", d.LogP, stats.MaxNFE, err)
	// Output: [-1.8379 -4.3379] nats with 40 evaluations, <nil>
}
