// Package field wraps velocity fields and holds closed-form ones.
//
// A wrapper changes what a field answers: Guided mixes a conditional and an
// unconditional field (classifier-free guidance), Reversed runs time backwards,
// Rescheduled follows another schedule than the network was trained on, Convert
// answers data, noise or scores instead of velocities, Counter counts evaluations,
// Func makes a field of a function.
//
// A closed-form field is the exact solution of a flow matching problem, the
// minimiser of its loss,
//
//	u_t(x) = E[x1 - x0 | x_t = x]
//
// on the straight path, and its like on others (Under), against which networks, solvers and metrics are tested.
//
//	f, err := field.Gaussian[float64](m0, s0, m1, s1) // N(m0, s0^2) to N(m1, s1^2)
//	err = f.Velocity(dst, x, 0.5)
//
// All of them take a time per row (flow.RowTimed) whenever what they wrap does,
// are safe for concurrent use, and allocate nothing once warm. The package
// integrates nothing; see solve.
package field

import (
	"fmt"
	"sync"
	"sync/atomic"

	"laminar/flow"
	"laminar/tensor"
)

// check returns an error that wraps flow.ErrShape unless dst and x are n x dim
// and t, if not nil, has one time per row.
func check[T tensor.Float](dim int, dst, x tensor.Matrix[T], t []float64) error {
	if err := x.Check("points", -1, dim); err != nil {
		return err
	}
	if err := dst.Check("velocities", x.N, dim); err != nil {
		return err
	}
	if t != nil && len(t) != x.N {
		return fmt.Errorf("%w: %d times for %d rows", flow.ErrShape, len(t), x.N)
	}
	return nil
}

// Func returns the field of dimension dim that f computes row by row: f writes
// the velocity of x at time t into dst. f must be safe for concurrent use.
func Func[T tensor.Float](dim int, f func(dst, x []T, t float64)) flow.RowTimed[T] {
	return function[T]{dim, f}
}

type function[T tensor.Float] struct {
	dim int
	f   func(dst, x []T, t float64)
}

func (f function[T]) Dim() int { return f.dim }

func (f function[T]) Velocity(dst, x tensor.Matrix[T], t float64) error {
	if err := check(f.dim, dst, x, nil); err != nil {
		return err
	}
	for i := range x.N {
		f.f(dst.Row(i), x.Row(i), t)
	}
	return nil
}

func (f function[T]) VelocityAt(dst, x tensor.Matrix[T], t []float64, _ []int32) error {
	if err := check(f.dim, dst, x, t); err != nil {
		return err
	}
	for i := range x.N {
		f.f(dst.Row(i), x.Row(i), t[i])
	}
	return nil
}

// Counter counts what passes through Counted fields. It is safe for concurrent
// use; the zero value starts at 0.
type Counter struct{ calls, evals atomic.Int64 }

// Calls returns the number of calls.
func (c *Counter) Calls() int64 { return c.calls.Load() }

// Evaluations returns the number of network evaluations: rows times the field's
// cost, summed over the calls.
func (c *Counter) Evaluations() int64 { return c.evals.Load() }

func (c *Counter) add(rows, cost int) {
	c.calls.Add(1)
	c.evals.Add(int64(rows) * int64(cost))
}

// Counted returns f with its evaluations added to c.
func Counted[T tensor.Float](f flow.FieldOf[T], c *Counter) flow.FieldOf[T] {
	w := counted[T]{f, c, flow.Evaluations(f)}
	if r, ok := f.(flow.RowTimed[T]); ok {
		return countedAt[T]{w, r}
	}
	return w
}

type counted[T tensor.Float] struct {
	flow.FieldOf[T]
	counter *Counter
	cost    int
}

func (f counted[T]) Evaluations() int { return f.cost }

func (f counted[T]) Velocity(dst, x tensor.Matrix[T], t float64) error {
	f.counter.add(x.N, f.cost)
	return f.FieldOf.Velocity(dst, x, t)
}

type countedAt[T tensor.Float] struct {
	counted[T]
	inner flow.RowTimed[T]
}

func (f countedAt[T]) VelocityAt(dst, x tensor.Matrix[T], t []float64, rows []int32) error {
	f.counter.add(x.N, f.cost)
	return f.inner.VelocityAt(dst, x, t, rows)
}

// Reversed returns the field that runs f backwards in time: -u_{1-t}(x).
// Following it from 0 to 1 undoes f; it also translates a field whose author
// has noise at t = 1.
func Reversed[T tensor.Float](f flow.FieldOf[T]) flow.FieldOf[T] {
	w := reversed[T]{f, flow.Evaluations(f)}
	if r, ok := f.(flow.RowTimed[T]); ok {
		return reversedAt[T]{w, r, &sync.Pool{New: func() any { return new([]float64) }}}
	}
	return w
}

type reversed[T tensor.Float] struct {
	flow.FieldOf[T]
	cost int
}

func (f reversed[T]) Evaluations() int { return f.cost }

func (f reversed[T]) Velocity(dst, x tensor.Matrix[T], t float64) error {
	err := f.FieldOf.Velocity(dst, x, 1-t)
	negate(dst.Data)
	return err
}

type reversedAt[T tensor.Float] struct {
	reversed[T]
	inner flow.RowTimed[T]
	times *sync.Pool // of *[]float64
}

func (f reversedAt[T]) VelocityAt(dst, x tensor.Matrix[T], t []float64, rows []int32) error {
	p := f.times.Get().(*[]float64)
	defer f.times.Put(p)
	*p = (*p)[:0]
	for _, v := range t {
		*p = append(*p, 1-v)
	}
	err := f.inner.VelocityAt(dst, x, *p, rows)
	negate(dst.Data)
	return err
}

func negate[T tensor.Float](v []T) {
	for i := range v {
		v[i] = -v[i]
	}
}

// Guided returns the classifier-free guidance of two fields,
//
//	u = u_uncond + scale (u_cond - u_uncond)
//
// (Ho, Salimans 2022). Scale 1 is no guidance and returns cond, 0 returns
// uncond; anything else costs the evaluations of both. The error wraps
// flow.ErrShape when the dimensions differ.
func Guided[T tensor.Float](cond, uncond flow.FieldOf[T], scale float64) (flow.FieldOf[T], error) {
	if cond.Dim() != uncond.Dim() {
		return nil, fmt.Errorf("%w: the conditional field has dimension %d, the unconditional one %d", flow.ErrShape, cond.Dim(), uncond.Dim())
	}
	if scale-scale != 0 {
		return nil, &flow.FieldError{Path: "guidance", Msg: fmt.Sprintf("%v is no number", scale)}
	}
	switch scale {
	case 0:
		return uncond, nil
	case 1:
		return cond, nil
	}
	w := guided[T]{cond, uncond, T(scale), &sync.Pool{New: func() any { return new([]T) }}}
	c, ok := cond.(flow.RowTimed[T])
	u, ok2 := uncond.(flow.RowTimed[T])
	if ok && ok2 {
		return guidedAt[T]{w, c, u}, nil
	}
	return w, nil
}

type guided[T tensor.Float] struct {
	cond, uncond flow.FieldOf[T]
	scale        T
	scratch      *sync.Pool // of *[]T
}

func (f guided[T]) Dim() int { return f.cond.Dim() }

func (f guided[T]) Evaluations() int { return flow.Evaluations(f.cond) + flow.Evaluations(f.uncond) }

func (f guided[T]) Velocity(dst, x tensor.Matrix[T], t float64) error {
	p, c := f.take(x)
	defer f.scratch.Put(p)
	if err := f.cond.Velocity(c, x, t); err != nil {
		return err
	}
	if err := f.uncond.Velocity(dst, x, t); err != nil {
		return err
	}
	f.mix(dst, c)
	return nil
}

// Average is flow.AverageOf: the same mix of the two averages. The error wraps
// flow.ErrConfig unless both fields know theirs.
func (f guided[T]) Average(dst, x tensor.Matrix[T], t, to float64) error {
	cond, ok := f.cond.(flow.AverageOf[T])
	uncond, ok2 := f.uncond.(flow.AverageOf[T])
	if !ok || !ok2 {
		return fmt.Errorf("%w: the guided fields answer velocities, not their mean over a step", flow.ErrConfig)
	}
	p, c := f.take(x)
	defer f.scratch.Put(p)
	if err := cond.Average(c, x, t, to); err != nil {
		return err
	}
	if err := uncond.Average(dst, x, t, to); err != nil {
		return err
	}
	f.mix(dst, c)
	return nil
}

func (f guided[T]) take(x tensor.Matrix[T]) (*[]T, tensor.Matrix[T]) {
	p := f.scratch.Get().(*[]T)
	if n := x.N * x.D; cap(*p) < n {
		*p = make([]T, n)
	}
	return p, tensor.Matrix[T]{N: x.N, D: x.D, Data: (*p)[:x.N*x.D]}
}

func (f guided[T]) mix(dst, c tensor.Matrix[T]) {
	for i, u := range dst.Data {
		dst.Data[i] = u + f.scale*(c.Data[i]-u)
	}
}

type guidedAt[T tensor.Float] struct {
	guided[T]
	condAt, uncondAt flow.RowTimed[T]
}

func (f guidedAt[T]) VelocityAt(dst, x tensor.Matrix[T], t []float64, rows []int32) error {
	p, c := f.take(x)
	defer f.scratch.Put(p)
	if err := f.condAt.VelocityAt(c, x, t, rows); err != nil {
		return err
	}
	if err := f.uncondAt.VelocityAt(dst, x, t, rows); err != nil {
		return err
	}
	f.mix(dst, c)
	return nil
}
