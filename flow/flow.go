// Package flow is the vocabulary of flow matching: what a velocity field, a
// data set, a batch of pairs, a coupling and a path are. It holds interfaces
// and plain structs, and no algorithm.
//
// A generative flow carries noise x0 at t = 0 to data x1 at t = 1 along
//
//	dx/dt = u_t(x)
//
// A network learns u by regression: draw a pair (x0, x1), a time t, the point
// x_t on the path between them and its velocity, and fit u_t(x_t) to it
// (Lipman et al. 2023; Liu et al. 2023; Tong et al. 2024).
//
//	data -> pairs (coupling) -> path -> objective -> network -> train -> solve
//
// Time runs from 0 (noise) to 1 (data) everywhere in Laminar. Papers and
// libraries that count the other way are translated at the border.
package flow

import (
	"context"
	"errors"
	"fmt"

	"laminar/rng"
	"laminar/tensor"
)

// FieldOf is a velocity field u_t(x) over points of a fixed dimension.
//
// Velocity writes u_t(x_i) into row i of dst for every row x_i of x. dst and x
// have the same shape, Dim columns, and do not overlap. Row i of dst depends on
// row i of x and on nothing else about x: the same point gives the same bits
// alone and among a thousand others. A FieldOf is safe for concurrent use
// unless its documentation says otherwise.
type FieldOf[T tensor.Float] interface {
	Dim() int
	Velocity(dst, x tensor.Matrix[T], t float64) error
}

// Field is the float32 field that networks are.
type Field = FieldOf[float32]

// RowTimed is implemented by fields that can evaluate every row at its own
// time, in one call, and whose conditions may differ from row to row. Solvers
// that control each row's step by itself use it and fall back to one call per
// distinct time without it.
//
// len(t) == x.N. rows[i] says which row of the whole problem row i of x is, so
// that a field with row-aligned conditions finds its own when only some rows
// are still under way; nil means that x is the whole problem.
type RowTimed[T tensor.Float] interface {
	FieldOf[T]
	VelocityAt(dst, x tensor.Matrix[T], t []float64, rows []int32) error
}

// AverageOf is a field that also knows its mean over a stretch of time, as
// networks for few steps do (MeanFlow, shortcut models): row i of dst is
//
//	(x_to - x_t) / (to - t)
//
// along the flow line through row i of x at time t, so that one evaluation takes
// the whole step x + (to - t) dst. With to == t it is Velocity.
type AverageOf[T tensor.Float] interface {
	FieldOf[T]
	Average(dst, x tensor.Matrix[T], t, to float64) error
}

// DivergentOf is a field that can tell its divergence beside its velocity, for
// likelihoods. Row i is evaluated at its own time t[i]; rows is as RowTimed has
// it. With probes nil, div is N x 1 and holds the exact sum of du_j/dx_j at every
// row; else it is N x len(probes) and column k holds p' J p for probe k
// (Hutchinson), where each probe has the shape of x. All tangents share one
// evaluation of the velocity, which is written to dst.
type DivergentOf[T tensor.Float] interface {
	FieldOf[T]
	VelocityDivergence(dst, div, x tensor.Matrix[T], t []float64, rows []int32, probes []tensor.Matrix[T]) error
}

// Costed is implemented by fields of which one evaluation costs more than one
// evaluation of a network: a guided field answers 2.
type Costed interface{ Evaluations() int }

// Evaluations returns how many network evaluations one evaluation of f costs: 1,
// or what a Costed field says.
func Evaluations[T tensor.Float](f FieldOf[T]) int {
	if c, ok := f.(Costed); ok {
		return c.Evaluations()
	}
	return 1
}

// Schedule says how much of the noise and of the data a Gaussian path holds,
//
//	x_t = sigma(t) x0 + alpha(t) x1.
//
// At returns alpha, sigma and their derivatives by t, for t in [0, 1]; a
// derivative that is singular at an end is returned at the nearest time where it
// is finite. Time is the inverse of snr = alpha/sigma, for snr in [0, +Inf].
type Schedule interface {
	At(t float64) (alpha, sigma, dalpha, dsigma float64)
	Time(snr float64) float64
}

// CondSpec says which conditions accompany each row of a data set or enter a
// network. The zero value means none.
type CondSpec struct {
	// Classes is the number of class ids, 0 for no class.
	Classes int `json:"classes,omitempty"`
	// Real is the length of the vector of real-valued conditions, 0 for none.
	Real int `json:"real,omitempty"`
	// Mask tells whether each row carries a mask of observed coordinates.
	Mask bool `json:"mask,omitempty"`
}

// IsZero reports whether the spec asks for no condition at all.
func (s CondSpec) IsZero() bool { return s == CondSpec{} }

// NoClass is the class id of a row whose condition is unknown or dropped; the
// network answers it with its learnt null embedding.
const NoClass int32 = -1

// Cond holds the conditions of N rows, aligned with the rows of a Mat. Parts
// that the CondSpec does not name are empty.
type Cond struct {
	// Class is the class id of each row, in [0, Classes), or NoClass.
	Class []int32
	// Real is N x CondSpec.Real. A row of NaN means unknown.
	Real tensor.Mat
	// Mask is N x Dim: 1 where the coordinate is observed, else 0. Observed
	// holds the observed values there and anything elsewhere.
	Mask     tensor.Mat
	Observed tensor.Mat
}

// NewCond returns space for the conditions of n rows of dimension dim.
func NewCond(s CondSpec, n, dim int) Cond {
	var c Cond
	if s.Classes > 0 {
		c.Class = make([]int32, n)
	}
	if s.Real > 0 {
		c.Real = tensor.New(n, s.Real)
	}
	if s.Mask {
		c.Mask, c.Observed = tensor.New(n, dim), tensor.New(n, dim)
	}
	return c
}

// Rows returns the conditions of rows lo to hi-1, sharing memory.
func (c Cond) Rows(lo, hi int) Cond {
	var out Cond
	if len(c.Class) > 0 {
		out.Class = c.Class[lo:hi]
	}
	for _, m := range []struct{ dst, src *tensor.Mat }{{&out.Real, &c.Real}, {&out.Mask, &c.Mask}, {&out.Observed, &c.Observed}} {
		if !m.src.IsEmpty() {
			*m.dst = m.src.Rows(lo, hi)
		}
	}
	return out
}

// CopyRow copies the conditions of row j of src into row i of c.
func (c Cond) CopyRow(i int, src Cond, j int) {
	if len(c.Class) > 0 {
		c.Class[i] = src.Class[j]
	}
	if !c.Real.IsEmpty() {
		copy(c.Real.Row(i), src.Real.Row(j))
	}
	if !c.Mask.IsEmpty() {
		copy(c.Mask.Row(i), src.Mask.Row(j))
		copy(c.Observed.Row(i), src.Observed.Row(j))
	}
}

// Check returns an error that wraps tensor.ErrShape or ErrConfig unless c holds
// what s names for n rows of dimension dim, with class ids in range.
func (c Cond) Check(s CondSpec, n, dim int) error {
	if s.Classes == 0 && len(c.Class) > 0 || s.Classes > 0 && len(c.Class) != n {
		return fmt.Errorf("%w: %d class ids for %d rows of a model with %d classes", tensor.ErrShape, len(c.Class), n, s.Classes)
	}
	for i, k := range c.Class {
		if k != NoClass && (k < 0 || int(k) >= s.Classes) {
			return fmt.Errorf("%w: class id %d of row %d is not in 0..%d", ErrConfig, k, i, s.Classes-1)
		}
	}
	if s.Real > 0 || !c.Real.IsEmpty() {
		if err := c.Real.Check("real conditions", n, s.Real); err != nil {
			return err
		}
	}
	if s.Mask {
		if err := c.Mask.Check("observed mask", n, dim); err != nil {
			return err
		}
		return c.Observed.Check("observed values", n, dim)
	}
	return nil
}

// Sample is some rows of data with their conditions.
type Sample struct {
	X    tensor.Mat
	Cond Cond
}

// NewSample returns space for n rows of the data set d.
func NewSample(d Dataset, n int) Sample {
	return Sample{X: tensor.New(n, d.Dim()), Cond: NewCond(d.CondSpec(), n, d.Dim())}
}

// Dataset is a source of rows: a stored table or a distribution.
//
// Draw fills all rows of dst with draw i under key, a pure function of
// (key, i, dst.X.N): calling it again, from any goroutine, in any order, gives
// the same rows. Stored data is shuffled anew each epoch and dealt in order.
type Dataset interface {
	Dim() int
	// Len is the number of stored rows, 0 for a distribution.
	Len() int
	CondSpec() CondSpec
	Draw(dst Sample, key rng.Key, i int) error
}

// Pairs says which rows of x0 and x1 belong together: row I[k] of x0 with row
// J[k] of x1, for k from 0 to n-1.
type Pairs struct {
	I, J []int32
	// Weight is the weight of each pair in the loss; nil means 1.
	Weight []float32
	// Align, if not nil, moves x1's row towards x0's before interpolation (a
	// permutation and rotation of atoms, say). It edits the rows in place.
	Align func(k int, x0, x1 []float32)
}

// Pairer is a coupling of two batches of equal size. Pair overwrites dst,
// reusing its slices; conditions in cond belong to x1's rows. Pair is a pure
// function of its arguments, safe for concurrent use with different dst.
type Pairer interface {
	Pair(dst *Pairs, x0, x1 tensor.Mat, cond Cond, key rng.Key) error
}

// Preparer is a Pairer that learns something about the whole source and data
// before the first pair (a semidiscrete potential). State is stored with the
// checkpoint; Restore takes it back for the same source, data and key, which
// Prepare would have been given.
type Preparer interface {
	Pairer
	Prepare(ctx context.Context, source, data Dataset, key rng.Key) error
	State() ([]byte, error)
	Restore(source, data Dataset, key rng.Key, state []byte) error
}

// Batch is what one training step consumes: n pairs with their conditions.
type Batch struct {
	X0, X1 tensor.Mat
	Cond   Cond
	// Weight multiplies each row's loss; nil means 1.
	Weight []float32
	// T0 and T1 are the times at which the rows of X0 and of X1 stand, T0 < T1,
	// both in [0, 1]; nil means 0 and 1. A path from X0 to X1 is run through
	// between them.
	T0, T1 []float32
}

// NewBatch returns space for n pairs of dimension dim.
func NewBatch(n, dim int, s CondSpec) Batch {
	return Batch{X0: tensor.New(n, dim), X1: tensor.New(n, dim), Cond: NewCond(s, n, dim)}
}

// PairSource yields the batches of a training run. Fill overwrites b with batch
// i under key, a pure function of (key, i). It is safe for concurrent use with
// different b, so that batches can be computed ahead.
type PairSource interface {
	Dim() int
	CondSpec() CondSpec
	Fill(b *Batch, key rng.Key, i int) error
}

// Path is a conditional probability path between a pair.
//
// At writes x_t and its velocity u_t for every row, at that row's time t[i].
// All matrices have the same shape; xt and ut do not overlap the others. key is
// the only source of noise of a path that has some.
type Path interface {
	At(xt, ut, x0, x1 tensor.Mat, t []float32, key rng.Key) error
}

// TimeSampler draws the times of a training batch, in [0, 1].
type TimeSampler interface {
	Times(dst []float32, key rng.Key)
}

// The kinds of failure that cross package borders; test with errors.Is.
var (
	// ErrShape: sizes do not fit together.
	ErrShape = tensor.ErrShape
	// ErrConfig: a setting is out of range or contradicts another.
	ErrConfig = errors.New("invalid setting")
	// ErrDiverged: a loss or a solution became NaN or infinite.
	ErrDiverged = errors.New("diverged")
	// ErrFormat: a file or stream is not what it should be.
	ErrFormat = errors.New("bad format")
)

// FieldError is a fault in one field of a configuration. Path names it as it
// stands in JSON, "network.width" for instance. It is an ErrConfig.
type FieldError struct {
	Path string
	Msg  string
}

func (e *FieldError) Error() string { return e.Path + ": " + e.Msg }

// Is makes errors.Is(err, ErrConfig) true.
func (e *FieldError) Is(target error) bool { return target == ErrConfig }
