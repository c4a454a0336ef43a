package graph

import (
	"fmt"
	"slices"
)

// JVP appends the forward-mode derivative: the derivative of each y along the
// direction in which every xs[i] moves by tangents[i], which has its shape and
// kind (a static tangent of a row value is repeated for every row). The result
// for a y that does not move is None.
func (b *Builder) JVP(ys, xs, tangents []Value) []Value {
	if b.err != nil {
		return repeatNone(len(ys))
	}
	if len(xs) != len(tangents) {
		b.fail(fmt.Errorf("%w: %d values and %d tangents", ErrProgram, len(xs), len(tangents)))
		return repeatNone(len(ys))
	}
	top := Value(-1)
	for i, y := range ys {
		if int(y) >= len(b.nodes) {
			b.fail(fmt.Errorf("%w: value %d is no value of this builder", ErrProgram, i))
			return repeatNone(len(ys))
		}
		top = max(top, y)
	}
	tan := repeatNone(int(top) + 1)
	fixed := make([]bool, top+1)
	for i, x := range xs {
		if x < 0 || int(x) >= len(b.nodes) || !slices.Equal(b.Shape(x), b.Shape(tangents[i])) {
			b.fail(fmt.Errorf("%w: tangent %d has shape %v, its value %v", ErrProgram, i, b.Shape(tangents[i]), b.Shape(x)))
			return repeatNone(len(ys))
		}
		t := tangents[i]
		if b.Kind(x) == Row {
			t = b.ToRows(t)
		} else if b.Kind(t) == Row {
			b.fail(fmt.Errorf("%w: tangent %d is a row value, its value is %s", ErrProgram, i, b.Kind(x)))
			return repeatNone(len(ys))
		}
		if x <= top {
			tan[x], fixed[x] = t, true
		}
	}
	needed := make([]bool, top+1)
	for _, y := range ys {
		if y >= 0 {
			needed[y] = true
		}
	}
	for i := int(top); i >= 0; i-- {
		if needed[i] && !fixed[i] {
			for _, v := range b.nodes[i].In {
				needed[v] = true
			}
		}
	}
	for i := range tan {
		if !needed[i] || fixed[i] || b.nodes[i].DType != Float32 {
			continue
		}
		n := b.nodes[i]
		ts := make([]Value, len(n.In))
		moves := false
		for j, v := range n.In {
			ts[j] = tan[v]
			moves = moves || ts[j] != None
		}
		if moves {
			tan[i] = b.push(Value(i), n, ts)
		}
	}
	out := repeatNone(len(ys))
	for i, y := range ys {
		if y >= 0 {
			out[i] = tan[y]
		}
	}
	return out
}

// push returns the tangent of node v (described by n) from its operands'
// tangents, of which at least one is not None.
func (b *Builder) push(v Value, n Node, t []Value) Value {
	x := n.In[0]
	var y Value
	if len(n.In) > 1 {
		y = n.In[1]
	}
	// product sums f(tangent, other) over the operands that move.
	product := func(left func(tx Value) Value, right func(ty Value) Value) Value {
		switch {
		case t[1] == None:
			return left(t[0])
		case t[0] == None:
			return right(t[1])
		}
		return b.Add(left(t[0]), right(t[1]))
	}
	again := func(in ...Value) Value {
		n.In = in
		return b.add(n)
	}
	orZero := func(u, like Value) Value {
		if u != None {
			return u
		}
		z := b.Const(0, b.Shape(like)...)
		if b.Kind(like) == Row {
			z = b.ToRows(z)
		}
		return z
	}
	switch n.Op {
	case OpStopGradient, OpConvert, OpSign, OpStep, OpGreater, OpEqual:
		return None
	case OpToRows, OpReshape, OpTranspose, OpBroadcast, OpSum, OpSlice, OpPad, OpUnfold, OpFold, OpRowSum:
		return again(t[0])
	case OpAdd:
		return product(func(u Value) Value { return u }, func(u Value) Value { return u })
	case OpSub:
		if t[0] != None && t[1] != None {
			return b.Sub(t[0], t[1])
		}
		return product(func(u Value) Value { return u }, b.Neg)
	case OpMul:
		return product(func(u Value) Value { return b.Mul(u, y) }, func(u Value) Value { return b.Mul(x, u) })
	case OpDiv:
		return product(func(u Value) Value { return b.Div(u, y) },
			func(u Value) Value { return b.Neg(b.Div(b.Mul(v, u), y)) })
	case OpMax, OpMin:
		toY := b.Greater(y, x)
		if n.Op == OpMin {
			toY = b.Greater(x, y)
		}
		return b.Select(toY, orZero(t[1], y), orZero(t[0], x))
	case OpSelect:
		if t[1] == None && t[2] == None {
			return None
		}
		return b.Select(x, orZero(t[1], y), orZero(t[2], n.In[2]))
	case OpReduceMax:
		return b.Sum(b.Mul(t[0], b.maxShare(v, x, n.Ints)), n.Ints...)
	case OpConcat:
		for j, u := range t {
			t[j] = orZero(u, n.In[j])
		}
		return again(t...)
	case OpGather:
		if t[0] == None {
			return None
		}
		return again(t[0], y)
	case OpScatter, OpRowScatterAdd:
		if t[1] == None {
			return None
		}
		return again(x, t[1])
	case OpLinear, OpMatMul, OpRowContract:
		return product(func(u Value) Value { return again(u, y) }, func(u Value) Value { return again(x, u) })
	}
	if n.Op.IsUnary() {
		return b.Mul(t[0], b.slope(v, n.Op, x))
	}
	return b.fail(fmt.Errorf("%w: %s has no derivative", ErrProgram, n.Op))
}
