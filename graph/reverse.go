package graph

import (
	"fmt"
	"math"
	"slices"
)

// Gradient is the gradient of one scalar with respect to a group of
// parameters: Of[i] is the index of a parameter among the builder's, Values[i]
// its gradient.
type Gradient struct {
	Of     []int
	Values []Value
}

// Gradient appends the reverse-mode derivative of sum over rows and elements of
// seed y with respect to every parameter of a group. seed has y's shape. For a
// per-row loss y of shape [1] and the mean over a batch, feed the row input
// seed with 1/n, or with a row's weight.
//
// A parameter on which y does not depend has a zero gradient.
func (b *Builder) Gradient(y, seed Value, group string) Gradient {
	var g Gradient
	var wrt []Value
	for i, p := range b.params {
		if p.Group == group {
			g.Of = append(g.Of, i)
			wrt = append(wrt, p.Node)
		}
	}
	if len(wrt) == 0 {
		b.fail(fmt.Errorf("%w: no parameter in group %q", ErrProgram, group))
		return g
	}
	g.Values = b.VJP([]Value{y}, []Value{seed}, wrt)
	for i, v := range g.Values {
		if v == None && b.err == nil {
			g.Values[i] = b.Const(0, b.Shape(wrt[i])...)
		}
	}
	return g
}

// OutputGradients makes each gradient an output called grad:group/name.
func (b *Builder) OutputGradients(g Gradient) {
	for i, v := range g.Values {
		p := b.params[g.Of[i]]
		b.output("grad:"+p.Group+"/"+p.Name, v, g.Of[i])
	}
}

// VJP appends the reverse-mode derivative: for each value of wrt the sum over
// all elements (and, if it is static, over all rows) of seeds[i] dys[i]/dwrt.
// seeds[i] has the shape and kind of ys[i]; a static seed of a row value is
// repeated for every row. The result for a value on which no y depends is None.
func (b *Builder) VJP(ys, seeds, wrt []Value) []Value {
	if b.err != nil {
		return repeatNone(len(wrt))
	}
	if len(ys) != len(seeds) {
		b.fail(fmt.Errorf("%w: %d values and %d seeds", ErrProgram, len(ys), len(seeds)))
		return repeatNone(len(wrt))
	}
	top := Value(0)
	for i, y := range ys {
		if y < 0 || int(y) >= len(b.nodes) || seeds[i] < 0 || int(seeds[i]) >= len(b.nodes) {
			b.fail(fmt.Errorf("%w: value or seed %d is no value of this builder", ErrProgram, i))
			return repeatNone(len(wrt))
		}
		if !slices.Equal(b.Shape(y), b.Shape(seeds[i])) {
			b.fail(fmt.Errorf("%w: seed %d has shape %v, its value %v", ErrProgram, i, b.Shape(seeds[i]), b.Shape(y)))
			return repeatNone(len(wrt))
		}
		if b.Kind(seeds[i]) == Row && b.Kind(y) != Row {
			b.fail(fmt.Errorf("%w: seed %d is a row value, its value is %s", ErrProgram, i, b.Kind(y)))
			return repeatNone(len(wrt))
		}
		top = max(top, y)
	}
	// needed marks what lies between wrt and ys.
	needed := make([]bool, top+1)
	for _, v := range wrt {
		if v >= 0 && v <= top {
			needed[v] = true
		}
	}
	for i := range needed {
		n := &b.nodes[i]
		if n.Op == OpStopGradient || n.DType != Float32 {
			continue
		}
		for _, v := range n.In {
			needed[i] = needed[i] || needed[v]
		}
	}
	cot := make([]Value, top+1)
	for i := range cot {
		cot[i] = None
	}
	accumulate := func(v, g Value) {
		if g == None || v > top || !needed[v] {
			return
		}
		if cot[v] == None {
			cot[v] = g
		} else {
			cot[v] = b.Add(cot[v], g)
		}
	}
	for i, y := range ys {
		s := seeds[i]
		if b.Kind(y) == Row {
			s = b.ToRows(s)
		}
		accumulate(y, s)
	}
	for i := int(top); i >= 0; i-- {
		if cot[i] == None || !needed[i] || len(b.nodes[i].In) == 0 {
			continue
		}
		n := b.nodes[i] // a copy: b.nodes grows
		for j, v := range n.In {
			if needed[v] {
				accumulate(v, b.pullback(Value(i), n, j, cot[i]))
			}
		}
	}
	out := repeatNone(len(wrt))
	for i, v := range wrt {
		if v >= 0 && v <= top {
			out[i] = cot[v]
		}
	}
	return out
}

func repeatNone(n int) []Value {
	out := make([]Value, n)
	for i := range out {
		out[i] = None
	}
	return out
}

// pullback returns what the cotangent g of node v (described by n) gives to
// its operand j.
func (b *Builder) pullback(v Value, n Node, j int, g Value) Value {
	x := n.In[0]
	var y Value
	if len(n.In) > 1 {
		y = n.In[1]
	}
	switch n.Op {
	case OpToRows:
		return b.RowSum(g)
	case OpStopGradient, OpConvert, OpSign, OpStep, OpGreater, OpEqual:
		return None
	case OpAdd:
		return g
	case OpSub:
		if j == 0 {
			return g
		}
		return b.Neg(g)
	case OpMul:
		return b.Mul(g, n.In[1-j])
	case OpDiv:
		if j == 0 {
			return b.Div(g, y)
		}
		return b.Neg(b.Div(b.Mul(g, v), y))
	case OpMax, OpMin:
		toY := b.Greater(y, x)
		if n.Op == OpMin {
			toY = b.Greater(x, y)
		}
		zero := b.Const(0)
		if j == 0 {
			return b.Select(toY, zero, g)
		}
		return b.Select(toY, g, zero)
	case OpSelect:
		zero := b.Const(0)
		switch j {
		case 1:
			return b.Select(x, g, zero)
		case 2:
			return b.Select(x, zero, g)
		}
		return None
	case OpReshape:
		return b.Reshape(g, b.Shape(x)...)
	case OpTranspose:
		inverse := make([]int, len(n.Ints))
		for i, a := range n.Ints {
			inverse[a] = i
		}
		return b.Transpose(g, inverse...)
	case OpBroadcast:
		var axes []int
		for i, d := range b.Shape(x) {
			if d != n.Shape[i] {
				axes = append(axes, i)
			}
		}
		return b.Sum(g, axes...)
	case OpSum:
		return b.Broadcast(g, b.Shape(x)...)
	case OpReduceMax:
		return b.Mul(b.Broadcast(g, b.Shape(x)...), b.maxShare(v, x, n.Ints))
	case OpSlice:
		return b.Pad(g, n.Ints[0], n.Ints[1], b.Shape(x)[n.Ints[0]]-n.Ints[2])
	case OpPad:
		return b.Slice(g, n.Ints[0], n.Ints[1], n.Ints[1]+b.Shape(x)[n.Ints[0]])
	case OpConcat:
		a, lo := n.Ints[0], 0
		for _, u := range n.In[:j] {
			lo += b.Shape(u)[a]
		}
		return b.Slice(g, a, lo, lo+b.Shape(n.In[j])[a])
	case OpGather:
		if j == 1 {
			return None
		}
		size := b.Shape(x)[0]
		if b.Kind(x) == Row {
			return b.Scatter(b.ToRows(y), b.ToRows(g), size)
		}
		if b.Kind(y) == Row {
			return b.RowScatterAdd(y, g, size)
		}
		return b.Scatter(y, g, size)
	case OpScatter, OpRowScatterAdd:
		if j == 0 {
			return None
		}
		return b.Gather(g, x)
	case OpUnfold:
		return b.Fold(g, n.Geometry())
	case OpFold:
		return b.Unfold(g, n.Geometry())
	case OpLinear:
		if j == 0 {
			return b.Linear(g, y, !n.TransB)
		}
		if n.TransB {
			return b.contract(g, x)
		}
		return b.contract(x, g)
	case OpMatMul:
		// c = op(x) op(y): dop(x) = g op(y)', dop(y) = op(x)' g.
		if j == 0 {
			if n.TransA {
				return b.MatMul(y, g, n.TransB, true)
			}
			return b.MatMul(g, y, false, !n.TransB)
		}
		if n.TransB {
			return b.MatMul(g, x, true, n.TransA)
		}
		return b.MatMul(x, g, !n.TransA, false)
	case OpRowSum:
		return b.ToRows(g)
	case OpRowContract:
		// c = x'y: dx = y c', dy = x c.
		if j == 0 {
			return b.Linear(y, g, true)
		}
		return b.Linear(x, g, false)
	}
	if n.Op.IsUnary() {
		return b.Mul(g, b.slope(v, n.Op, x))
	}
	return b.fail(fmt.Errorf("%w: %s has no derivative", ErrProgram, n.Op))
}

// slope returns the derivative of the unary operation v = op(x).
func (b *Builder) slope(v Value, op Op, x Value) Value {
	switch op {
	case OpNeg:
		return b.Const(-1)
	case OpAbs:
		return b.Sign(x)
	case OpExp:
		return v
	case OpLog:
		return b.Div(b.Const(1), x)
	case OpSqrt:
		return b.Div(b.Const(0.5), v)
	case OpSin:
		return b.Cos(x)
	case OpCos:
		return b.Neg(b.Sin(x))
	case OpTanh:
		return b.Sub(b.Const(1), b.Square(v))
	case OpSigmoid:
		return b.Mul(v, b.Sub(b.Const(1), v))
	case OpErf:
		return b.Scale(b.Exp(b.Neg(b.Square(x))), 2/math.Sqrt(math.Pi))
	case OpReLU:
		return b.Step(v)
	}
	return b.Const(0)
}

// maxShare is 1 at the largest elements of x over axes, divided by their
// number, else 0. v is ReduceMax(x, axes).
func (b *Builder) maxShare(v, x Value, axes []int) Value {
	at := b.Equal(x, b.Broadcast(v, b.Shape(x)...))
	return b.Div(at, b.Sum(at, axes...))
}

// contract returns x'y summed over leading axes, and over rows if they are row
// values.
func (b *Builder) contract(x, y Value) Value {
	if b.Kind(x) == Row || b.Kind(y) == Row {
		return b.RowContract(b.ToRows(x), b.ToRows(y))
	}
	flat := func(v Value) Value {
		s := b.Shape(v)
		last := s[len(s)-1]
		lead := 1
		for _, d := range s[:len(s)-1] {
			lead *= d
		}
		return b.Reshape(v, lead, last)
	}
	return b.MatMul(flat(x), flat(y), true, false)
}
