package objective

import (
	"fmt"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/rng"
	"laminar/tensor"
)

// TeacherGroup is the parameter group of a frozen Teacher, and TargetGroup the
// name by which a program reads the averaged parameters of nn.Group.
const (
	TeacherGroup = "teacher"
	TargetGroup  = "target"
)

// Teacher is a trained velocity network whose answers take the place of the
// pairs' own velocities: what a student learns from it has no noise of chance
// pairs in it. Params is not changed.
type Teacher struct {
	Net    nn.Network
	Params []float32
}

// Line is what the objectives for few steps have in common: where the points come
// from, and what the velocity through them is.
type Line struct {
	// Path leads from a pair to x_t and its velocity.
	Path flow.Path
	// Drop is the probability with which a row's conditions are hidden.
	Drop float64
	// Teacher, if not nil, answers the velocities in place of Path.
	Teacher *Teacher
}

func (l Line) check(net nn.Network, what string, span bool) error {
	bad := func(path, format string, a ...any) error {
		return &flow.FieldError{Path: path, Msg: fmt.Sprintf(format, a...)}
	}
	if l.Path == nil {
		return bad("objective", "%s needs a path", what)
	}
	if !(l.Drop >= 0 && l.Drop < 1) {
		return bad("objective.drop", "%v is not in [0, 1)", l.Drop)
	}
	if nn.TakesSpan(net) != span {
		if span {
			return bad("objective", "%s needs a network that is told how long a step is: nn.LongStep", what)
		}
		return bad("objective", "%s needs a plain network, not an nn.LongStep", what)
	}
	if t := l.Teacher; t != nil && (t.Net.Dim() != net.Dim() || t.Net.CondSpec() != net.CondSpec()) {
		return bad("objective.teacher", "has dimension %d and conditions %+v, the student %d and %+v", t.Net.Dim(), t.Net.CondSpec(), net.Dim(), net.CondSpec())
	}
	return nil
}

// velocity appends the velocity at in.X and in.T. The row input "velocity" is
// where the path writes its own, needed or not.
func (l Line) velocity(b *graph.Builder, in nn.Inputs, dim int) graph.Value {
	pairs := b.Row("velocity", graph.Float32, dim)
	if l.Teacher == nil {
		return pairs
	}
	return l.Teacher.velocity(b, in)
}

func (t *Teacher) velocity(b *graph.Builder, in nn.Inputs) graph.Value {
	in.Span = graph.None
	if nn.TakesSpan(t.Net) {
		in.Span = b.ToRows(b.Const(0, 1))
	}
	return t.Net.Apply(b, TeacherGroup, in)
}

// init is the Init of a phase with this teacher.
func (l Line) init() map[string]func([]float32, graph.Layout, rng.Key) {
	if l.Teacher == nil {
		return nil
	}
	return map[string]func([]float32, graph.Layout, rng.Key){TeacherGroup: func(arena []float32, _ graph.Layout, _ rng.Key) {
		copy(arena, l.Teacher.Params)
	}}
}

// at writes the points at times t into x and the pairs' velocities into
// "velocity".
func (l Line) at(in *Inputs, x tensor.Mat, batch *flow.Batch, t []float32, key rng.Key) error {
	return l.Path.At(x, in.Mat("velocity"), batch.X0, batch.X1, t, key)
}

// seed writes what each row's loss counts in the mean over the rows.
func (in *Inputs) seed(batch *flow.Batch) {
	seed := in.Mat("seed").Data
	for i := range seed {
		seed[i] = 1 / float32(in.N)
		if batch.Weight != nil {
			seed[i] *= batch.Weight[i]
		}
	}
}
