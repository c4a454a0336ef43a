// Package laminar learns to turn noise into data by flow matching.
//
// A network learns the velocity field u_t(x) of
//
//	dx/dt = u_t(x),
//
// which carries noise at t = 0 to data at t = 1 along nearly straight lines, so
// that a few steps of an ODE solver make a sample:
//
//	m, err := laminar.Fit(ctx, points, laminar.Defaults())
//	x, err := m.Sample(ctx, 500, laminar.Draw{NFE: 8, Seed: 1})
//	err = m.Save("model.safetensors")
//
// This package is the short way. The parts that it is made of are packages of
// their own, to be used one by one: coupling (which noise goes with which
// data), path, objective, nn, train, solve, sample, metric, plot. See the
// Examples of this package for the training loop written out.
//
// Everything is a pure function of its seed: the same call gives the same bits
// on any number of cores.
package laminar

import (
	"context"
	"fmt"

	"laminar/data"
	"laminar/flow"
	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
	"laminar/sample"
	"laminar/tensor"
	"laminar/train"
)

// Config is the configuration of a training run; see package recipe for its
// fields. Start from Defaults or Preset. The data's name is not used by Fit.
type Config = recipe.Recipe

// Defaults returns the default preset.
func Defaults() Config {
	c, err := Preset("default")
	if err != nil {
		panic("laminar: the default preset is gone: " + err.Error())
	}
	return c
}

// Preset returns a preset by name: default, fast or post.
func Preset(name string) (Config, error) {
	c, err := recipe.Preset(name)
	c.Data.Name = inMemory
	return c, err
}

const inMemory = "memory"

// Model is a trained flow, safe for concurrent use.
type Model struct{ saved *run.Saved }

// Fit trains on points, one per row and all of one length, of any dimension of
// at least 1; they are not changed. It returns when the configured steps are
// done, or with ctx's error. At least two points are needed; values must be
// finite.
func Fit(ctx context.Context, points [][]float64, c Config) (*Model, error) {
	x, err := tensor.FromRows(points)
	if err != nil {
		return nil, err
	}
	return FitTable(ctx, &data.Table{Name: inMemory, X: x}, c)
}

// FitTable trains on a table, with its class labels and real conditions if it
// has any; see package data for readers.
func FitTable(ctx context.Context, t *data.Table, c Config) (*Model, error) {
	if t.X.N < 2 || t.X.D < 1 {
		return nil, fmt.Errorf("%w: %d points of %d numbers; at least 2 points are needed", flow.ErrConfig, t.X.N, t.X.D)
	}
	if len(t.Columns) == 0 {
		named := *t
		for i := range t.X.D {
			named.Columns = append(named.Columns, fmt.Sprintf("x%d", i+1))
		}
		t = &named
	}
	if c.Data.Name == "" {
		c.Data.Name = inMemory
	}
	return fit(ctx, recipe.Material{Data: recipe.Given{Table: t}}, c)
}

// FitBuiltIn trains on the built-in data set that c.Data.Name names.
func FitBuiltIn(ctx context.Context, c Config) (*Model, error) {
	m, err := recipe.BuiltIn(c)
	if err != nil {
		return nil, err
	}
	return fit(ctx, m, c)
}

func fit(ctx context.Context, m recipe.Material, c Config) (*Model, error) {
	plan, err := c.Compose(m)
	if err != nil {
		return nil, err
	}
	t, err := plan.Trainer(train.Options{})
	if err != nil {
		return nil, err
	}
	if err := t.Fit(ctx); err != nil {
		return nil, err
	}
	s, err := run.Snapshot(plan, t, nil)
	if err != nil {
		return nil, err
	}
	return &Model{s}, nil
}

// Load reads a model file, or the one in a run folder.
func Load(path string) (*Model, error) {
	s, err := run.Load(path, "")
	if err != nil {
		return nil, err
	}
	return &Model{s}, nil
}

// Save writes the model to one safetensors file, by way of a temporary file, so
// that path holds the old content or the new one and nothing between.
func (m *Model) Save(path string) error { return run.Save(path, m.saved) }

// Dim is the number of coordinates of a point.
func (m *Model) Dim() int { return m.saved.Model.Dim() }

// Loss is the mean training loss over the last 100 steps.
func (m *Model) Loss() float64 { return m.saved.Loss }

// Columns returns the names of the coordinates.
func (m *Model) Columns() []string { return m.saved.Model.Columns }

// Classes returns the names of the classes, nil for a model without.
func (m *Model) Classes() []string { return m.saved.Model.Classes }

// Draw says how to sample. The zero value is the model's own way, 100 Euler steps
// for most, from seed 0.
type Draw struct {
	// Method is a solver's name, of solve.Catalogue; "" is the model's own: euler,
	// or jump for one that was trained for few steps.
	Method string
	// NFE is the number of network evaluations per row; 0 is the model's own, 100
	// for most. An adaptive
	// method (bosh3, dopri5, tsit5) chooses its own where Adaptive is set.
	NFE      int
	Adaptive bool
	// Seed decides the noise.
	Seed uint64
	// Class is the name of the class to draw, "" for any; the model must have
	// been trained with labels.
	Class string
	// Guidance is the scale of classifier-free guidance; 0 and 1 are none.
	Guidance float64
}

// Sample draws n points, in the units of the training data, one per row.
func (m *Model) Sample(ctx context.Context, n int, d Draw) (tensor.Matrix[float64], error) {
	c, err := m.config(n, d)
	if err != nil {
		return tensor.Matrix[float64]{}, err
	}
	x, _, err := sample.Draw(ctx, m.saved.Model, c)
	return x, err
}

func (m *Model) config(n int, d Draw) (sample.Config, error) {
	c := sample.Config{N: n, Seed: rng.New(d.Seed), Source: m.saved.Source, Guidance: d.Guidance, Solve: m.saved.Solve()}
	if d.Method != "" {
		c.Solve.Method = d.Method
	}
	if d.NFE != 0 {
		c.Solve.NFE = d.NFE
	}
	if d.Adaptive {
		c.Solve.Adaptive, c.Solve.NFE = true, 0
	}
	if d.Class != "" {
		id, err := m.saved.Model.ClassID(d.Class)
		if err != nil {
			return c, err
		}
		c.Cond.Class = make([]int32, n)
		for i := range c.Cond.Class {
			c.Cond.Class[i] = id
		}
	}
	return c, nil
}

// Encode carries data points back to noise, along the same field run from
// t = 1 to 0, and returns them in the network's space, where the source is
// N(0, I) unless another was chosen.
func (m *Model) Encode(ctx context.Context, x tensor.Matrix[float64], d Draw) (tensor.Mat, error) {
	z := tensor.New(x.N, x.D)
	if err := m.saved.Model.Transform.Forward(z, x); err != nil {
		return z, err
	}
	c, err := m.config(x.N, d)
	if err != nil {
		return z, err
	}
	_, err = sample.Carry(ctx, m.saved.Model, c, z, 1, 0)
	return z, err
}

// LogProb returns the log density of points, in nats and in the units of the
// training data, as the model has it; with d.Class, given that class. d.Method and
// d.NFE say how to follow the flow; without them it is followed to a tolerance of
// 1e-5. Seed, Guidance and Adaptive are not used.
func (m *Model) LogProb(ctx context.Context, x tensor.Matrix[float64], d Draw) ([]float64, error) {
	d.Guidance = 1
	c, err := m.config(x.N, d)
	if err != nil {
		return nil, err
	}
	if d.Method == "" && d.NFE == 0 {
		c.Solve.Method, c.Solve.Adaptive, c.Solve.NFE = "dopri5", true, 0
	}
	p, _, err := sample.LogProb(ctx, m.saved.Model, c, x)
	return p.LogP, err
}

// Field returns the velocity field in the network's space, without conditions.
func (m *Model) Field() flow.Field {
	f, err := m.saved.Model.Bind(flow.Cond{})
	if err != nil {
		panic("laminar: a model refused to be unconditional: " + err.Error())
	}
	return f
}
