package model

import (
	"fmt"

	"laminar/flow"
	"laminar/internal/exec"
	"laminar/nn"
	"laminar/tensor"
)

// evaluator is one goroutine's means to run the network.
type evaluator struct {
	s           *exec.Session
	t, span     []float32
	common      [2]float32 // the time and the span of all rows
	class       []int32
	real, known []float32
	mask, seen  []float32

	// For divergences only.
	first, forms []float32
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// begin starts a session of exe, unless there is one.
func (e *evaluator) begin(f *Bound, exe *exec.Program) error {
	if e.s != nil {
		return nil
	}
	e.s = exe.NewSession()
	return e.s.HoldParams(nn.Group, f.m.Params)
}

// bindTogether binds the inputs of exe, one of the forms in which all rows have one
// time and span.
func (e *evaluator) bindTogether(f *Bound, exe *exec.Program, x tensor.Mat, t, span float64) error {
	if err := e.begin(f, exe); err != nil {
		return err
	}
	e.common = [2]float32{float32(t), float32(span)}
	n := 1
	if f.m.LongSteps() {
		n = 2
	}
	if err := e.s.BindParams(common, e.common[:n]); err != nil {
		return err
	}
	if err := e.s.BindRow(nn.InX, x.Data); err != nil {
		return err
	}
	if f.rows() == 0 {
		return nil
	}
	return e.bindConditions(f, x.N, nil)
}

// bind binds the inputs of exe, the network's program or one that includes it: the
// parameters, the points, their times, and conditions. Spans are 0.
func (e *evaluator) bind(f *Bound, exe *exec.Program, x tensor.Mat, times []float64, rows []int32) error {
	if err := e.begin(f, exe); err != nil {
		return err
	}
	e.t = resize(e.t, x.N)
	for i := range e.t {
		e.t[i] = float32(times[i])
	}
	if err := e.s.BindRow(nn.InX, x.Data); err != nil {
		return err
	}
	if err := e.s.BindRow(nn.InT, e.t); err != nil {
		return err
	}
	if f.m.LongSteps() {
		e.span = resize(e.span, x.N)
		clear(e.span)
		if err := e.s.BindRow(nn.InSpan, e.span); err != nil {
			return err
		}
	}
	return e.bindConditions(f, x.N, rows)
}

// bindConditions writes the conditions of n rows: row i is row rows[i] of the
// bound ones, or row i if rows is nil.
func (e *evaluator) bindConditions(f *Bound, n int, rows []int32) error {
	spec, c, dim := f.m.Cond, f.cond, f.m.dim
	if spec.IsZero() {
		return nil
	}
	have := f.rows()
	at := func(i int) int {
		if rows != nil {
			return int(rows[i])
		}
		return i
	}
	if have > 0 && rows == nil && have != n {
		return fmt.Errorf("%w: conditions of %d rows for %d points", flow.ErrShape, have, n)
	}
	for i := range n {
		if have > 0 && (at(i) < 0 || at(i) >= have) {
			return fmt.Errorf("%w: row %d has no condition; %d are bound", flow.ErrShape, at(i), have)
		}
	}
	if spec.Classes > 0 {
		e.class = resize(e.class, n)
		for i := range e.class {
			e.class[i] = 0
			if len(c.Class) > 0 {
				e.class[i] = c.Class[at(i)] + 1
			}
		}
		if err := e.s.BindRowInts(nn.InClass, e.class); err != nil {
			return err
		}
	}
	if r := spec.Real; r > 0 {
		e.real, e.known = resize(e.real, n*r), resize(e.known, n)
		for i := range n {
			if c.Real.IsEmpty() {
				nn.SetReal(e.real[i*r:(i+1)*r], e.known[i:i+1], e.real[i*r:(i+1)*r], true)
				continue
			}
			nn.SetReal(e.real[i*r:(i+1)*r], e.known[i:i+1], c.Real.Row(at(i)), false)
		}
		if err := e.s.BindRow(nn.InReal, e.real); err != nil {
			return err
		}
		if err := e.s.BindRow(nn.InKnown, e.known); err != nil {
			return err
		}
	}
	if spec.Mask {
		e.mask, e.seen = resize(e.mask, n*dim), resize(e.seen, n*dim)
		clear(e.mask)
		clear(e.seen)
		if !c.Mask.IsEmpty() {
			for i := range n {
				copy(e.mask[i*dim:(i+1)*dim], c.Mask.Row(at(i)))
				nn.SetObserved(e.seen[i*dim:(i+1)*dim], c.Mask.Row(at(i)), c.Observed.Row(at(i)))
			}
		}
		if err := e.s.BindRow(nn.InMask, e.mask); err != nil {
			return err
		}
		return e.s.BindRow(nn.InObserved, e.seen)
	}
	return nil
}
