// Package kernel is the float32 arithmetic under everything that Laminar
// computes: matrix products, activations, elementwise functions, reductions
// and the AdamW update. It knows rows and columns, and no network.
//
// A [Set] is one implementation of all kernels. Three exist: "avx512" and
// "avx2" in assembly (amd64, chosen by what the processor offers) and "go",
// the plain reference, which is always there and is the only one under the
// build tag purego or on other architectures.
//
//	s := kernel.Best()
//	var ws kernel.Workspace
//	// C = A B, A 256x64, B 64x64
//	s.Gemm(false, false, 256, 64, 64, a, 64, b, 64, false, c, 64, &ws)
//
// # What every set keeps
//
// Element (i, j) of a product is
//
//	c = c0; for l = 0 to k-1: c = fma(A[i,l], B[l,j], c)
//
// with c0 zero, the bias, or the C that was there: one order of operations for
// every shape, block, tail and packing. An elementwise result depends on its
// own operands only. So the bits of a row never depend on the other rows, on
// their number, or on where the row lies, and work may be cut into blocks of
// rows at will. The "go" set rounds the product before it adds (no fused
// multiply-add), and gives the same bits on every platform; the two assembly
// sets agree with each other in all functions, and with "go" up to rounding.
//
// # Contracts common to all methods
//
// Lengths are checked; a slice that is too short, or lengths that differ
// where they must not, is a programming error and panics, as indexing does.
// A dst may be the very slice of an operand, but must not overlap one
// otherwise, except where noted; the C of a product must not overlap A or B.
// Nothing is allocated. A Set is immutable and safe for concurrent use.
// Special values follow IEEE 754; what a function does beyond is noted there.
package kernel

import (
	"fmt"
	"strings"
)

// Set is one implementation of all kernels. See [Best], [Named].
type Set struct {
	name string

	nr    int // columns of a panel of the right-hand operand, 16 or 32
	mr    int // rows of the register tile; the packing of A goes by it
	panel panelFunc
	mix   [5]mixFunc // by Transform

	transpose8 func(dst []float32, ldd int, src []float32, lds, blocks int) // nil: plain loop

	neg, abs, sign, sqrt, exp, log, tanh, sigmoid, erf, relu, step, silu unary

	// sin and cos stop before the first group of lanes that holds a number
	// too large for them, and return how many elements they did.
	sin, cos func(dst, a []float32) int

	add, sub, mul, div, max, min, greater, equal, siluGrad, reluGrad, tanhGrad, sigmoidGrad binary

	mulAdd, sel ternary

	addRows, mulRows rowsFunc

	scale, addScalar, addScaled func(dst, a []float32, s float32)

	sum, sumSq func(a []float32) float64
	dot        func(a, b []float32) float64
	maxOf      func(a []float32) float32
	rowMin2    func(cost, price []float32) (best, second float32, arg int)

	adamW    func(p, g, m, v []float32, c adamConst)
	adamWEMA func(p, g, m, v, ema []float32, c adamConst)

	peak func(n int)
	// lanes is the number of elements of one vector, accs the number of
	// independent multiply-adds in one turn of peak.
	lanes, accs int
}

type (
	unary   = func(dst, a []float32)
	binary  = func(dst, a, b []float32)
	ternary = func(dst, a, b, c []float32)
	// rowsFunc is a binary one of rows x cols elements and a vector for every row.
	rowsFunc = func(rows, cols int, dst, a, v []float32)
)

// Name returns "avx512", "avx2" or "go".
func (s *Set) Name() string { return s.name }

// Available returns the sets that run on this machine, fastest first. The last
// is always the Go reference.
func Available() []*Set { return append([]*Set(nil), sets...) }

// Best returns the fastest set of this machine.
func Best() *Set { return sets[0] }

// Named returns the set of a name; "auto" is [Best]. The error of an unknown
// name, or of one that this machine cannot run, lists those that it can.
func Named(name string) (*Set, error) {
	if name == "auto" {
		return Best(), nil
	}
	valid := []string{"auto"}
	for _, s := range sets {
		if s.name == name {
			return s, nil
		}
		valid = append(valid, s.name)
	}
	return nil, fmt.Errorf("kernels %q are not available on this machine; choose one of %s", name, strings.Join(valid, ", "))
}

var sets = append(accelerated(), reference())

// chunk is the number of elements that one call into assembly handles at
// most: such calls cannot be preempted, so they are kept to microseconds.
const chunk = 1 << 14

func mismatch(what string, n int, others ...int) {
	panic(fmt.Sprintf("kernel: %s: lengths differ: %d, %v", what, n, others))
}
