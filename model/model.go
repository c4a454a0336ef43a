// Package model is what training leaves: a velocity network with its
// parameters, the transform between the user's numbers and the network's, and
// what the data were called.
//
//	m, err := model.New(model.Config{Program: p, Params: w, Transform: z})
//	field, err := m.Bind(flow.Cond{})     // a flow.Field in the network's space
//	err = field.Velocity(v, x, 0.5)
//
// A Model is immutable and safe for concurrent use. It neither samples (package
// sample) nor reads files (package run).
package model

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"laminar/data"
	"laminar/flow"
	"laminar/graph"
	"laminar/internal/kernel"
	"laminar/nn"
	"laminar/tensor"
)

// Config is what a Model is made of.
type Config struct {
	// Program is a velocity program as nn.Velocity builds it.
	Program *graph.Program
	// Params is the arena of the group nn.Group. It is not copied and must not
	// change afterwards.
	Params []float32
	// Weak is another arena, of the same network after little training, away from
	// which samples can be guided (Karras et al. 2024, "Guiding a diffusion model
	// with a bad version of itself"); nil for none. It is treated as Params is.
	Weak []float32
	// Cond says which conditions the program takes.
	Cond flow.CondSpec
	// Transform leads from data to the network's space; nil is the identity.
	Transform data.Transform
	// Columns names the coordinates and Classes the class ids; both may be nil.
	Columns []string
	Classes []string
	// Conditions names the real-valued conditions, and CondTransform leads from
	// their numbers in the data to the network's; nil is the identity.
	Conditions    []string
	CondTransform data.Transform
	// Schedule is that of the Gaussian paths which the network was trained on:
	// it turns velocities into scores and noise. nil where there is none (a
	// source that is no Gaussian, a GAN).
	Schedule flow.Schedule
	// Coupled tells that noise was paired with data by anything but chance. Given
	// its data, the noise of a path is then not N(0, I), and its velocities tell no
	// score.
	Coupled bool
	// Choices are the coordinates that are drawn and do not flow, along the path
	// path.Masked; nil where there are none.
	Choices []flow.Choice
	// Once tells that the network answers where a whole path ends (a GAN, a network
	// distilled into one step): one Euler step from 0 to 1 is its only use. It has
	// no flow to run backwards and no density.
	Once bool
	// Kernels is the kernel set; nil is the best of this machine.
	Kernels *kernel.Set
}

// Model is a trained flow.
type Model struct {
	Config
	dim      int
	compiled *compiled
	sessions [formCount]sync.Pool
	traces   traces
}

// New checks that the parts fit together. The errors wrap flow.ErrConfig or
// flow.ErrShape.
func New(c Config) (*Model, error) {
	if c.Program == nil {
		return nil, fmt.Errorf("%w: a model without a program", flow.ErrConfig)
	}
	x, out := c.Program.Row(nn.InX), c.Program.Output(nn.Out)
	if x == nil || out == nil || len(x.Shape) != 1 || x.Shape[0] < 1 {
		return nil, fmt.Errorf("%w: the program has no input %q or no output %q", flow.ErrConfig, nn.InX, nn.Out)
	}
	dim := x.Shape[0]
	if n := &c.Program.Nodes[out.Value]; n.Kind != graph.Row || len(n.Shape) != 1 || n.Shape[0] != dim {
		return nil, fmt.Errorf("%w: the program answers %s%v to points of dimension %d", flow.ErrConfig, n.Kind, n.Shape, dim)
	}
	if err := checkInputs(c.Program, dim, c.Cond); err != nil {
		return nil, err
	}
	for _, g := range c.Program.Groups() {
		if g != nn.Group {
			return nil, fmt.Errorf("%w: the program has a parameter group %q beside %q", flow.ErrConfig, g, nn.Group)
		}
	}
	if l := c.Program.Layout(nn.Group); l.Size != len(c.Params) {
		return nil, fmt.Errorf("%w: %d parameters for a program that has %d", flow.ErrShape, len(c.Params), l.Size)
	}
	if err := flow.CheckChoices(c.Choices, dim); err != nil {
		return nil, err
	}
	if c.Weak != nil && len(c.Weak) != len(c.Params) {
		return nil, fmt.Errorf("%w: %d weak parameters beside %d", flow.ErrShape, len(c.Weak), len(c.Params))
	}
	if len(c.Columns) > 0 && len(c.Columns) != dim {
		return nil, fmt.Errorf("%w: %d column names for %d coordinates", flow.ErrShape, len(c.Columns), dim)
	}
	if len(c.Classes) > 0 && len(c.Classes) != c.Cond.Classes {
		return nil, fmt.Errorf("%w: %d class names for %d classes", flow.ErrShape, len(c.Classes), c.Cond.Classes)
	}
	if c.Kernels == nil {
		c.Kernels = kernel.Best()
	}
	if c.Transform == nil {
		c.Transform = data.Identity{}
	}
	f := &compiled{net: c.Program, cond: c.Cond, kernels: c.Kernels}
	if _, err := f.get(apart); err != nil {
		return nil, err
	}
	return assemble(c, dim, f), nil
}

func assemble(c Config, dim int, f *compiled) *Model {
	m := &Model{Config: c, dim: dim, compiled: f}
	for k := range m.sessions {
		m.sessions[k].New = func() any { return new(evaluator) }
	}
	return m
}

// WithWeak returns the model with other weak parameters, which are not copied. The
// error wraps flow.ErrShape unless there are as many as parameters, or none.
func (m *Model) WithWeak(params []float32) (*Model, error) {
	if params != nil && len(params) != len(m.Params) {
		return nil, fmt.Errorf("%w: %d weak parameters beside %d", flow.ErrShape, len(params), len(m.Params))
	}
	c := m.Config
	c.Weak = params
	return assemble(c, m.dim, m.compiled), nil
}

// Weaker returns the model with its weak parameters in place of its own, nil for
// a model without.
func (m *Model) Weaker() *Model {
	if m.Weak == nil {
		return nil
	}
	c := m.Config
	c.Params, c.Weak = c.Weak, nil
	return assemble(c, m.dim, m.compiled)
}

// checkInputs returns an error unless the row inputs of p are those of a network
// of dimension dim under the conditions c.
func checkInputs(p *graph.Program, dim int, c flow.CondSpec) error {
	b := graph.NewBuilder()
	nn.RowInputs(b, dim, c)
	if p.Row(nn.InSpan) != nil {
		b.Row(nn.InSpan, graph.Float32, 1)
	}
	want, err := b.Build()
	if err != nil {
		return fmt.Errorf("%w: conditions %+v: %w", flow.ErrConfig, c, err)
	}
	for _, r := range p.Rows {
		w := want.Row(r.Name)
		if w == nil {
			return fmt.Errorf("%w: the program asks for the input %q, which conditions %+v do not provide", flow.ErrConfig, r.Name, c)
		}
		if r.DType != w.DType || !slices.Equal(r.Shape, w.Shape) {
			return fmt.Errorf("%w: the program's input %q is %s%v, want %s%v", flow.ErrConfig, r.Name, r.DType, r.Shape, w.DType, w.Shape)
		}
	}
	for _, w := range want.Rows {
		if p.Row(w.Name) == nil {
			return fmt.Errorf("%w: the program has no input %q, which conditions %+v provide", flow.ErrConfig, w.Name, c)
		}
	}
	return nil
}

// Dim is the number of coordinates of a point.
func (m *Model) Dim() int { return m.dim }

// BlockRows is the number of rows that the network computes together: the more
// work a row is, the fewer.
func (m *Model) BlockRows() int {
	exe, err := m.compiled.get(free)
	if err != nil {
		return 1 // who evaluates it is told why
	}
	return exe.BlockRows()
}

// LongSteps reports whether the network knows its mean velocity over a span
// (nn.LongStep), so that the fields of Bind answer Average over any.
func (m *Model) LongSteps() bool { return m.Program.Row(nn.InSpan) != nil }

// Bound is a model with its conditions fixed: a velocity field in the network's
// space. It is safe for concurrent use.
type Bound struct {
	m    *Model
	cond flow.Cond
}

// Bind fixes the conditions, one row for each row of the points to come. Parts
// of the model's conditions that cond leaves empty are unknown for every row,
// which the network answers with its learnt null; so Bind(flow.Cond{}) is the
// unconditional field, for any number of rows. cond is not copied. The errors wrap
// flow.ErrConfig or flow.ErrShape.
func (m *Model) Bind(cond flow.Cond) (*Bound, error) {
	for _, part := range []struct {
		name         string
		given, taken bool
	}{
		{"class", len(cond.Class) > 0, m.Cond.Classes > 0},
		{"real", !cond.Real.IsEmpty(), m.Cond.Real > 0},
		{"mask", !cond.Mask.IsEmpty(), m.Cond.Mask},
	} {
		if part.given && !part.taken {
			return nil, fmt.Errorf("%w: the model was not trained with a %s condition", flow.ErrConfig, part.name)
		}
	}
	c := m.Cond
	if len(cond.Class) == 0 {
		c.Classes = 0
	}
	if cond.Real.IsEmpty() {
		c.Real = 0
	}
	if cond.Mask.IsEmpty() {
		c.Mask = false
	}
	n := max(len(cond.Class), cond.Real.N, cond.Mask.N)
	if err := cond.Check(c, n, m.dim); err != nil {
		return nil, err
	}
	return &Bound{m: m, cond: cond}, nil
}

// Dim is the number of coordinates of a point.
func (f *Bound) Dim() int { return f.m.dim }

// Velocity writes the network's answer; see flow.FieldOf.
func (f *Bound) Velocity(dst, x tensor.Mat, t float64) error {
	return f.eval(dst, x, nil, t, 0, nil)
}

// Average writes the mean velocity from t to to; see flow.AverageOf. The error of
// a model whose network does not take spans wraps flow.ErrConfig, but for to == t.
func (f *Bound) Average(dst, x tensor.Mat, t, to float64) error {
	if to != t && !f.m.LongSteps() {
		return &flow.FieldError{Path: "method", Msg: "jump needs a network that was trained for long steps (meanflow, shortcut); this one answers velocities: choose another solver, such as euler"}
	}
	return f.eval(dst, x, nil, t, to-t, nil)
}

// VelocityAt evaluates each row at its own time; see flow.RowTimed.
func (f *Bound) VelocityAt(dst, x tensor.Mat, t []float64, rows []int32) error {
	if len(t) != x.N {
		return fmt.Errorf("%w: %d times for %d rows", flow.ErrShape, len(t), x.N)
	}
	return f.eval(dst, x, t, 0, 0, rows)
}

func (f *Bound) eval(dst, x tensor.Mat, times []float64, t, span float64, rows []int32) error {
	if err := f.check(dst, x, rows); err != nil {
		return err
	}
	k := apart
	if times == nil {
		if k = oneTime; f.rows() == 0 {
			k = free
		}
	}
	exe, err := f.m.compiled.get(k)
	if err != nil {
		return err
	}
	e := f.m.sessions[k].Get().(*evaluator)
	defer f.m.sessions[k].Put(e)
	if k == apart {
		err = e.bind(f, exe, x, times, rows)
	} else {
		err = e.bindTogether(f, exe, x, t, span)
	}
	if err != nil {
		return err
	}
	if err := e.s.BindOutput(nn.Out, dst.Data); err != nil {
		return err
	}
	return e.s.Run(x.N)
}

func (f *Bound) check(dst, x tensor.Mat, rows []int32) error {
	if err := x.Check("x", -1, f.m.dim); err != nil {
		return err
	}
	if err := dst.Check("velocity", x.N, f.m.dim); err != nil {
		return err
	}
	if rows != nil && len(rows) != x.N {
		return fmt.Errorf("%w: %d row numbers for %d rows", flow.ErrShape, len(rows), x.N)
	}
	return nil
}

// rows is the number of rows that the bound conditions are of, 0 for none.
func (f *Bound) rows() int { return max(len(f.cond.Class), f.cond.Real.N, f.cond.Mask.N) }

// ClassID returns the id of a class by its name or, if none has that name, its
// number. The error wraps flow.ErrConfig and lists the classes.
func (m *Model) ClassID(name string) (int32, error) {
	if m.Cond.Classes == 0 {
		return 0, fmt.Errorf("%w: the model has no classes; train with a label to have them", flow.ErrConfig)
	}
	for i, c := range m.Classes {
		if c == name {
			return int32(i), nil
		}
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < m.Cond.Classes {
		return int32(i), nil
	}
	known := strings.Join(m.Classes[:min(len(m.Classes), 20)], ", ")
	switch {
	case len(m.Classes) == 0:
		known = fmt.Sprintf("the numbers 0..%d", m.Cond.Classes-1)
	case len(m.Classes) > 20:
		known += ", ..."
	}
	return 0, fmt.Errorf("%w: no class is called %q; choose one of %s", flow.ErrConfig, name, known)
}

// RealCond returns real-valued conditions for n rows, all with the given values
// in the numbers of the data. A condition without a value cannot be left out by
// itself: the network knows all of them or none. The error wraps flow.ErrConfig
// and lists the names.
func (m *Model) RealCond(n int, value map[string]float64) (tensor.Mat, error) {
	r := m.Cond.Real
	if r == 0 {
		return tensor.Mat{}, fmt.Errorf("%w: the model has no real-valued conditions; train with --cond to have them", flow.ErrConfig)
	}
	names := strings.Join(m.Conditions, ", ")
	given := tensor.NewOf[float64](1, r)
	for i := range r {
		name := ""
		if i < len(m.Conditions) {
			name = m.Conditions[i]
		}
		v, ok := value[name]
		if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
			return tensor.Mat{}, fmt.Errorf("%w: the condition %q needs a finite value; the model is conditioned on %s together", flow.ErrConfig, name, names)
		}
		given.Data[i] = v
	}
	for name := range value {
		if !slices.Contains(m.Conditions, name) {
			return tensor.Mat{}, fmt.Errorf("%w: no condition is called %q; the model is conditioned on %s", flow.ErrConfig, name, names)
		}
	}
	row := tensor.New(1, r)
	z := m.CondTransform
	if z == nil {
		z = data.Identity{}
	}
	if err := z.Forward(row, given); err != nil {
		return tensor.Mat{}, err
	}
	out := tensor.New(n, r)
	for i := range n {
		copy(out.Row(i), row.Data)
	}
	return out, nil
}
