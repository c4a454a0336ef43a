package graph

import (
	"fmt"
	"math"
)

// Feed holds what a program is run with, in float64. Arenas holds one slice per
// parameter group in its Layout's order; Rows holds n times the size of each
// row input, row after row. Int32 inputs hold whole numbers.
type Feed struct {
	N      int
	Arenas map[string][]float64
	Rows   map[string][]float64
}

// Interpret runs the program in float64, operation by operation, and returns
// its outputs by name: n times the size of row values, the size of others. It
// is the oracle that every executor is tested against, and makes no attempt at
// speed. The error wraps ErrProgram when the feed does not fit.
func (p *Program) Interpret(f Feed) (map[string][]float64, error) {
	if f.N < 0 {
		return nil, fmt.Errorf("%w: %d rows", ErrProgram, f.N)
	}
	vals := make([][]float64, len(p.Nodes))
	for _, g := range p.Groups() {
		l := p.Layout(g)
		if len(f.Arenas[g]) != l.Size {
			return nil, fmt.Errorf("%w: arena %q has %d elements, want %d", ErrProgram, g, len(f.Arenas[g]), l.Size)
		}
	}
	offset := map[string]int{}
	for _, q := range p.Params {
		n := size(q.Shape)
		if q.Node != None {
			vals[q.Node] = f.Arenas[q.Group][offset[q.Group] : offset[q.Group]+n]
		}
		offset[q.Group] += n
	}
	for _, r := range p.Rows {
		if r.Node == None {
			continue
		}
		if len(f.Rows[r.Name]) != f.N*size(r.Shape) {
			return nil, fmt.Errorf("%w: row input %q has %d elements, want %d rows of %d", ErrProgram, r.Name, len(f.Rows[r.Name]), f.N, size(r.Shape))
		}
		vals[r.Node] = f.Rows[r.Name]
	}
	for i := range p.Nodes {
		n := &p.Nodes[i]
		if vals[i] != nil || n.Op == OpParam || n.Op == OpRow {
			continue
		}
		copies := 1
		if n.Kind == Row {
			copies = f.N
		}
		out := make([]float64, copies*n.Size())
		vals[i] = out
		in := make([]*Node, len(n.In))
		for j, v := range n.In {
			in[j] = &p.Nodes[v]
		}
		// A row operation runs once per row; a reduction adds row by row.
		runs := copies
		if n.Kind == Reduced && len(in) > 0 {
			for _, x := range in {
				if x.Kind == Row {
					runs = f.N
				}
			}
		}
		args := make([][]float64, len(in))
		for r := range runs {
			for j, x := range in {
				args[j] = vals[n.In[j]]
				if x.Kind == Row {
					args[j] = args[j][r*x.Size() : (r+1)*x.Size()]
				}
			}
			dst := out
			if n.Kind == Row {
				dst = out[r*n.Size() : (r+1)*n.Size()]
			}
			eval(n, in, args, dst)
		}
	}
	res := map[string][]float64{}
	for _, o := range p.Outputs {
		res[o.Name] = append([]float64(nil), vals[o.Value]...)
	}
	return res, nil
}

// eval computes one operation on one row, or on static values. For reductions
// over rows it adds to dst; otherwise dst is zero on entry.
func eval(n *Node, in []*Node, a [][]float64, dst []float64) {
	switch n.Op {
	case OpConst:
		for i := range dst {
			dst[i] = n.Const[i%len(n.Const)]
		}
	case OpToRows, OpStopGradient, OpReshape:
		copy(dst, a[0])
	case OpConvert:
		for i, x := range a[0] {
			if n.DType == Int32 {
				x = math.Trunc(x)
			}
			dst[i] = x
		}
	case OpSelect:
		for i, m := range a[0] {
			if m != 0 {
				dst[i] = a[1][i]
			} else {
				dst[i] = a[2][i]
			}
		}
	case OpTranspose:
		xs := strides(in[0].Shape)
		each(n.Shape, func(i int, at []int) {
			k := 0
			for d, c := range at {
				k += c * xs[n.Ints[d]]
			}
			dst[i] = a[0][k]
		})
	case OpBroadcast:
		xs := strides(in[0].Shape)
		each(n.Shape, func(i int, at []int) {
			k := 0
			for d, c := range at {
				if in[0].Shape[d] != 1 {
					k += c * xs[d]
				}
			}
			dst[i] = a[0][k]
		})
	case OpSum, OpReduceMax:
		ys := strides(n.Shape)
		if n.Op == OpReduceMax {
			for i := range dst {
				dst[i] = math.Inf(-1)
			}
		}
		each(in[0].Shape, func(i int, at []int) {
			k := 0
			for d, c := range at {
				if n.Shape[d] != 1 {
					k += c * ys[d]
				}
			}
			if n.Op == OpSum {
				dst[k] += a[0][i]
			} else {
				dst[k] = math.Max(dst[k], a[0][i])
			}
		})
	case OpSlice:
		outer, inner := around(in[0].Shape, n.Ints[0])
		from, to := in[0].Shape[n.Ints[0]]*inner, n.Shape[n.Ints[0]]*inner
		for o := range outer {
			copy(dst[o*to:(o+1)*to], a[0][o*from+n.Ints[1]*inner:])
		}
	case OpPad:
		outer, inner := around(in[0].Shape, n.Ints[0])
		from, to := in[0].Shape[n.Ints[0]]*inner, n.Shape[n.Ints[0]]*inner
		for o := range outer {
			copy(dst[o*to+n.Ints[1]*inner:], a[0][o*from:(o+1)*from])
		}
	case OpConcat:
		outer, inner := around(n.Shape, n.Ints[0])
		to, at := n.Shape[n.Ints[0]]*inner, 0
		for j, x := range in {
			w := x.Shape[n.Ints[0]] * inner
			for o := range outer {
				copy(dst[o*to+at:], a[j][o*w:(o+1)*w])
			}
			at += w
		}
	case OpGather:
		w := size(in[0].Shape[1:])
		for i, ix := range a[1] {
			k := clamp(ix, in[0].Shape[0])
			copy(dst[i*w:(i+1)*w], a[0][k*w:])
		}
	case OpScatter, OpRowScatterAdd:
		w := size(n.Shape[1:])
		for i, ix := range a[0] {
			k := clamp(ix, n.Shape[0])
			for c := range w {
				dst[k*w+c] += a[1][i*w+c]
			}
		}
	case OpUnfold, OpFold:
		w := n.Geometry()
		c := n.Shape[2]
		if n.Op == OpUnfold {
			c = in[0].Shape[2]
		}
		w.Each(func(window, at, y, x, size int) {
			for i := range size * c {
				f, g := (window*w.KH*w.KW+at)*c+i, (y*w.W+x)*c+i
				if n.Op == OpUnfold {
					dst[f] = a[0][g]
				} else {
					dst[g] += a[0][f]
				}
			}
		})
	case OpLinear:
		k, cols := in[0].Shape[len(in[0].Shape)-1], n.Shape[len(n.Shape)-1]
		for r := range len(dst) / max(cols, 1) {
			matmul(dst[r*cols:(r+1)*cols], a[0][r*k:(r+1)*k], a[1], 1, cols, k, false, n.TransB)
		}
	case OpMatMul:
		r := len(n.Shape)
		rows, cols := n.Shape[r-2], n.Shape[r-1]
		k := in[0].Shape[r-1]
		if n.TransA {
			k = in[0].Shape[r-2]
		}
		for b := range size(n.Shape[:r-2]) {
			matmul(dst[b*rows*cols:(b+1)*rows*cols], a[0][b*rows*k:(b+1)*rows*k], a[1][b*k*cols:(b+1)*k*cols], rows, cols, k, n.TransA, n.TransB)
		}
	case OpRowSum:
		for i, x := range a[0] {
			dst[i] += x
		}
	case OpRowContract:
		k, cols := n.Shape[0], n.Shape[1]
		lead := 1
		for _, d := range in[0].Shape[:len(in[0].Shape)-1] {
			lead *= d
		}
		for l := range lead {
			for i := range k {
				for j := range cols {
					dst[i*cols+j] += a[0][l*k+i] * a[1][l*cols+j]
				}
			}
		}
	default:
		if n.Op.IsUnary() {
			for i, x := range a[0] {
				dst[i] = unary(n.Op, x)
			}
			return
		}
		for i, x := range a[0] {
			dst[i] = binary(n.Op, x, a[1][i])
		}
	}
}

func matmul(c, a, b []float64, m, n, k int, ta, tb bool) {
	for i := range m {
		for j := range n {
			s := 0.0
			for p := range k {
				ai, bi := i*k+p, p*n+j
				if ta {
					ai = p*m + i
				}
				if tb {
					bi = j*k + p
				}
				s += a[ai] * b[bi]
			}
			c[i*n+j] = s
		}
	}
}

func unary(op Op, x float64) float64 {
	switch op {
	case OpNeg:
		return -x
	case OpAbs:
		return math.Abs(x)
	case OpSign:
		return truth(x > 0) - truth(x < 0)
	case OpExp:
		return math.Exp(x)
	case OpLog:
		return math.Log(x)
	case OpSqrt:
		return math.Sqrt(x)
	case OpSin:
		return math.Sin(x)
	case OpCos:
		return math.Cos(x)
	case OpTanh:
		return math.Tanh(x)
	case OpSigmoid:
		return 1 / (1 + math.Exp(-x))
	case OpErf:
		return math.Erf(x)
	case OpReLU:
		return max(x, 0)
	case OpStep:
		return truth(x > 0)
	}
	return math.NaN()
}

func binary(op Op, x, y float64) float64 {
	switch op {
	case OpAdd:
		return x + y
	case OpSub:
		return x - y
	case OpMul:
		return x * y
	case OpDiv:
		return x / y
	case OpMax:
		return max(x, y)
	case OpMin:
		return min(x, y)
	case OpGreater:
		return truth(x > y)
	case OpEqual:
		return truth(x == y)
	}
	return math.NaN()
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// clamp returns the index x, moved into 0..n-1; NaN is 0.
func clamp(x float64, n int) int {
	switch {
	case !(x > 0):
		return 0
	case x >= float64(n-1):
		return n - 1
	}
	return int(x)
}

// strides returns the distance in memory between neighbours along each axis.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = step
		step *= shape[i]
	}
	return s
}

// around returns how many elements lie before and after an axis.
func around(shape []int, axis int) (outer, inner int) {
	return size(shape[:axis]), size(shape[axis+1:])
}

// each visits all index tuples of a shape in memory order.
func each(shape []int, visit func(i int, at []int)) {
	at := make([]int, len(shape))
	for i := range size(shape) {
		visit(i, at)
		for d := len(at) - 1; d >= 0; d-- {
			at[d]++
			if at[d] < shape[d] {
				break
			}
			at[d] = 0
		}
	}
}
