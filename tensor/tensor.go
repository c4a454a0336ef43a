// Package tensor holds the one array type that crosses package borders: a
// dense matrix of N rows by D columns, stored row after row without gaps.
//
// A row is one sample (a point, a flattened image, a table row). The matrix is
// a small header passed by value; copying it shares the elements.
//
//	x := tensor.New(256, 2)
//	x.Row(3)[0] = 1.5
//
// The package does no arithmetic.
package tensor

import (
	"errors"
	"fmt"
)

// Float is the set of element types that Laminar computes in: float32 for
// training and sampling, float64 for likelihoods, order tests and transforms.
type Float interface{ ~float32 | ~float64 }

// ErrShape is wrapped by every error about sizes that do not fit together.
var ErrShape = errors.New("shape mismatch")

// Matrix is N rows of D elements in row-major order, with no gap between rows:
// element (i, j) is Data[i*D+j] and len(Data) == N*D. The zero value is the
// empty matrix, used where a matrix is optional.
type Matrix[T Float] struct {
	N, D int
	Data []T
}

// Mat is the float32 matrix that networks and samplers work on.
type Mat = Matrix[float32]

// New returns a zeroed n by d float32 matrix. It panics if n or d is negative,
// as make does.
func New(n, d int) Mat { return NewOf[float32](n, d) }

// NewOf returns a zeroed n by d matrix of the element type T.
func NewOf[T Float](n, d int) Matrix[T] {
	return Matrix[T]{N: n, D: d, Data: make([]T, n*d)}
}

// Wrap returns an n by d matrix over data, which it does not copy. The error
// wraps ErrShape when len(data) is not n*d or a size is negative.
func Wrap[T Float](n, d int, data []T) (Matrix[T], error) {
	if n < 0 || d < 0 || len(data) != n*d {
		return Matrix[T]{}, fmt.Errorf("%w: %d elements cannot be %d rows of %d", ErrShape, len(data), n, d)
	}
	return Matrix[T]{N: n, D: d, Data: data}, nil
}

// FromRows copies rows of equal length into a new matrix. The error wraps
// ErrShape and names the first row whose length differs from that of row 0.
func FromRows[T Float](rows [][]T) (Matrix[T], error) {
	if len(rows) == 0 {
		return Matrix[T]{}, nil
	}
	m := NewOf[T](len(rows), len(rows[0]))
	for i, r := range rows {
		if len(r) != m.D {
			return Matrix[T]{}, fmt.Errorf("%w: row %d has %d values, row 0 has %d", ErrShape, i, len(r), m.D)
		}
		copy(m.Row(i), r)
	}
	return m, nil
}

// Row returns row i, sharing the matrix's memory; its capacity ends with the
// row, so that appending to it cannot touch the next one.
func (m Matrix[T]) Row(i int) []T { return m.Data[i*m.D : (i+1)*m.D : (i+1)*m.D] }

// Rows returns rows lo to hi-1 as a matrix that shares m's memory.
func (m Matrix[T]) Rows(lo, hi int) Matrix[T] {
	return Matrix[T]{N: hi - lo, D: m.D, Data: m.Data[lo*m.D : hi*m.D : hi*m.D]}
}

// At returns element (i, j).
func (m Matrix[T]) At(i, j int) T { return m.Data[i*m.D+j] }

// Clone returns a copy that shares nothing with m.
func (m Matrix[T]) Clone() Matrix[T] {
	return Matrix[T]{N: m.N, D: m.D, Data: append([]T(nil), m.Data...)}
}

// IsEmpty reports whether m holds no element; an optional matrix left out is
// empty.
func (m Matrix[T]) IsEmpty() bool { return len(m.Data) == 0 }

// Check returns an error that wraps ErrShape unless m is a well-formed n by d
// matrix; what names m in the message. A negative n or d accepts any size.
func (m Matrix[T]) Check(what string, n, d int) error {
	if len(m.Data) != m.N*m.D {
		return fmt.Errorf("%w: %s says %d rows of %d but holds %d elements", ErrShape, what, m.N, m.D, len(m.Data))
	}
	if (n >= 0 && m.N != n) || (d >= 0 && m.D != d) {
		return fmt.Errorf("%w: %s is %s, want %s", ErrShape, what, size(m.N, m.D), size(n, d))
	}
	return nil
}

// Convert copies m into a matrix of another element type, rounding to nearest.
func Convert[To, From Float](m Matrix[From]) Matrix[To] {
	out := NewOf[To](m.N, m.D)
	for i, v := range m.Data {
		out.Data[i] = To(v)
	}
	return out
}

func size(n, d int) string {
	show := func(k int) string {
		if k < 0 {
			return "any"
		}
		return fmt.Sprint(k)
	}
	return show(n) + "x" + show(d)
}
