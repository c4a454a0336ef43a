package graph

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Builder appends operations to a growing program. A Builder is not safe for
// concurrent use. Its first error is kept and returned by Build; after it every
// method returns None.
type Builder struct {
	nodes   []Node
	params  []Param
	rows    []RowInput
	outputs []Output
	seen    map[string]Value // equal nodes are one node
	err     error
}

// NewBuilder returns an empty builder.
func NewBuilder() *Builder { return &Builder{seen: map[string]Value{}} }

// Err returns the first error so far.
func (b *Builder) Err() error { return b.err }

func (b *Builder) fail(err error) Value {
	if b.err == nil {
		b.err = err
	}
	return None
}

// Fail records err as the builder's error unless it has one already, and
// returns None: for networks whose settings turn out not to fit.
func (b *Builder) Fail(err error) Value { return b.fail(err) }

// Shape returns the shape of v (per row for row values); do not modify it.
func (b *Builder) Shape(v Value) []int {
	if v < 0 || int(v) >= len(b.nodes) {
		return nil
	}
	return b.nodes[v].Shape
}

// Kind returns the kind of v.
func (b *Builder) Kind(v Value) Kind {
	if v < 0 || int(v) >= len(b.nodes) {
		return Static
	}
	return b.nodes[v].Kind
}

func (b *Builder) add(n Node) Value {
	if b.err != nil {
		return None
	}
	in := make([]*Node, len(n.In))
	for i, v := range n.In {
		if v < 0 || int(v) >= len(b.nodes) {
			return b.fail(fmt.Errorf("%w: %s: operand %d is no value of this builder", ErrProgram, n.Op, i))
		}
		in[i] = &b.nodes[v]
	}
	if err := infer(&n, in); err != nil {
		return b.fail(err)
	}
	key := n.key()
	if v, ok := b.seen[key]; ok {
		return v
	}
	v := Value(len(b.nodes))
	b.nodes = append(b.nodes, n)
	b.seen[key] = v
	return v
}

// key is equal for two nodes exactly when they compute the same value.
func (n *Node) key() string {
	k := make([]byte, 0, 64)
	num := func(i int) { k = strconv.AppendInt(append(k, ' '), int64(i), 10) }
	num(int(n.Op))
	num(int(n.DType))
	for _, v := range n.In {
		num(int(v))
	}
	k = append(k, 's')
	for _, d := range n.Shape {
		num(d)
	}
	k = append(k, 'i')
	for _, d := range n.Ints {
		num(d)
	}
	k = strconv.AppendBool(k, n.TransA)
	k = strconv.AppendBool(k, n.TransB)
	k = strconv.AppendQuote(k, n.Group)
	k = strconv.AppendQuote(k, n.Name)
	for _, c := range n.Const {
		k = strconv.AppendUint(append(k, ' '), math.Float64bits(c), 16)
	}
	return string(k)
}

// Param declares a parameter of a group, or returns it if it was declared
// before with the same shape.
func (b *Builder) Param(group, name string, shape ...int) Value {
	for _, p := range b.params {
		if p.Group == group && p.Name == name {
			if !slices.Equal(p.Shape, shape) {
				return b.fail(fmt.Errorf("%w: parameter %s/%s has shape %v and %v", ErrProgram, group, name, p.Shape, shape))
			}
			return p.Node
		}
	}
	v := b.add(Node{Op: OpParam, Group: group, Name: name, Shape: slices.Clone(shape)})
	if v != None {
		b.params = append(b.params, Param{group, name, slices.Clone(shape), v})
	}
	return v
}

// Row declares a row input, or returns it if it was declared before with the
// same type and shape.
func (b *Builder) Row(name string, t DType, shape ...int) Value {
	for _, r := range b.rows {
		if r.Name == name {
			if r.DType != t || !slices.Equal(r.Shape, shape) {
				return b.fail(fmt.Errorf("%w: row input %s is %s%v and %s%v", ErrProgram, name, r.DType, r.Shape, t, shape))
			}
			return r.Node
		}
	}
	v := b.add(Node{Op: OpRow, Name: name, DType: t, Shape: slices.Clone(shape)})
	if v != None {
		b.rows = append(b.rows, RowInput{name, t, slices.Clone(shape), v})
	}
	return v
}

// Const returns the constant c in every element of shape.
func (b *Builder) Const(c float64, shape ...int) Value {
	return b.add(Node{Op: OpConst, Shape: slices.Clone(shape), Const: []float64{c}})
}

// ConstOf returns a constant with the given elements.
func (b *Builder) ConstOf(c []float64, shape ...int) Value {
	return b.add(Node{Op: OpConst, Shape: slices.Clone(shape), Const: slices.Clone(c)})
}

// Output names v as a result of the program.
func (b *Builder) Output(name string, v Value) { b.output(name, v, -1) }

func (b *Builder) output(name string, v Value, gradOf int) {
	if b.err != nil {
		return
	}
	if v < 0 || int(v) >= len(b.nodes) {
		b.fail(fmt.Errorf("%w: output %s is no value of this builder", ErrProgram, name))
		return
	}
	for _, o := range b.outputs {
		if o.Name == name {
			b.fail(fmt.Errorf("%w: output %s twice", ErrProgram, name))
			return
		}
	}
	b.outputs = append(b.outputs, Output{name, v, gradOf})
}

// Build returns the program that computes the outputs, without the operations
// that none of them needs. Declared parameters and row inputs stay declared, so
// that arenas keep their layout. The builder may be used further.
func (b *Builder) Build() (*Program, error) {
	if b.err != nil {
		return nil, b.err
	}
	live := make([]bool, len(b.nodes))
	for _, o := range b.outputs {
		live[o.Value] = true
	}
	for i := len(b.nodes) - 1; i >= 0; i-- {
		if live[i] {
			for _, v := range b.nodes[i].In {
				live[v] = true
			}
		}
	}
	p := &Program{}
	to := make([]Value, len(b.nodes))
	for i, n := range b.nodes {
		to[i] = None
		if !live[i] {
			continue
		}
		to[i] = Value(len(p.Nodes))
		n.In = slices.Clone(n.In)
		for j, v := range n.In {
			n.In[j] = to[v]
		}
		p.Nodes = append(p.Nodes, n)
	}
	for _, q := range b.params {
		q.Node = to[q.Node]
		p.Params = append(p.Params, q)
	}
	for _, r := range b.rows {
		r.Node = to[r.Node]
		p.Rows = append(p.Rows, r)
	}
	for _, o := range b.outputs {
		o.Value = to[o.Value]
		p.Outputs = append(p.Outputs, o)
	}
	return p, nil
}

// ToRows repeats a static value for every row; row values pass unchanged.
func (b *Builder) ToRows(x Value) Value {
	if b.Kind(x) == Row {
		return x
	}
	return b.add(Node{Op: OpToRows, In: []Value{x}})
}

// StopGradient returns x as a constant for differentiation.
func (b *Builder) StopGradient(x Value) Value { return b.add(Node{Op: OpStopGradient, In: []Value{x}}) }

// Convert returns x as type t; float32 to int32 truncates. No derivative flows
// through a change of type.
func (b *Builder) Convert(x Value, t DType) Value {
	if x >= 0 && int(x) < len(b.nodes) && b.nodes[x].DType == t {
		return x
	}
	return b.add(Node{Op: OpConvert, In: []Value{x}, DType: t})
}

// Elementwise functions of one value.

func (b *Builder) unary(op Op, x Value) Value { return b.add(Node{Op: op, In: []Value{x}}) }

// Neg returns -x.
func (b *Builder) Neg(x Value) Value { return b.unary(OpNeg, x) }

// Abs returns |x|; its derivative at 0 is 0.
func (b *Builder) Abs(x Value) Value { return b.unary(OpAbs, x) }

// Sign returns -1, 0 or 1.
func (b *Builder) Sign(x Value) Value { return b.unary(OpSign, x) }

// Exp returns e to the x.
func (b *Builder) Exp(x Value) Value { return b.unary(OpExp, x) }

// Log returns the natural logarithm.
func (b *Builder) Log(x Value) Value { return b.unary(OpLog, x) }

// Sqrt returns the square root.
func (b *Builder) Sqrt(x Value) Value { return b.unary(OpSqrt, x) }

// Sin returns the sine of x radians.
func (b *Builder) Sin(x Value) Value { return b.unary(OpSin, x) }

// Cos returns the cosine of x radians.
func (b *Builder) Cos(x Value) Value { return b.unary(OpCos, x) }

// Tanh returns the hyperbolic tangent.
func (b *Builder) Tanh(x Value) Value { return b.unary(OpTanh, x) }

// Sigmoid returns 1/(1+exp(-x)).
func (b *Builder) Sigmoid(x Value) Value { return b.unary(OpSigmoid, x) }

// Erf returns the error function.
func (b *Builder) Erf(x Value) Value { return b.unary(OpErf, x) }

// ReLU returns max(x, 0); its derivative at 0 is 0.
func (b *Builder) ReLU(x Value) Value { return b.unary(OpReLU, x) }

// Step returns 1 where x > 0, else 0.
func (b *Builder) Step(x Value) Value { return b.unary(OpStep, x) }

// Elementwise functions of several values. Operands are broadcast: a static
// value meets a row value by being repeated for every row; missing leading axes
// and axes of size 1 are repeated.

func (b *Builder) binary(op Op, x, y Value) Value {
	v := b.unify(op, x, y)
	return b.add(Node{Op: op, In: v})
}

// Add returns x + y.
func (b *Builder) Add(x, y Value) Value {
	switch {
	case b.isZero(y) && b.covers(x, y):
		return x
	case b.isZero(x) && b.covers(y, x):
		return y
	}
	return b.binary(OpAdd, x, y)
}

// Sub returns x - y.
func (b *Builder) Sub(x, y Value) Value {
	if b.isZero(y) && b.covers(x, y) {
		return x
	}
	return b.binary(OpSub, x, y)
}

// Mul returns x y, elementwise.
func (b *Builder) Mul(x, y Value) Value {
	switch {
	case b.isSplat(y, 1) && b.covers(x, y):
		return x
	case b.isSplat(x, 1) && b.covers(y, x):
		return y
	}
	return b.binary(OpMul, x, y)
}

// Div returns x / y, elementwise.
func (b *Builder) Div(x, y Value) Value { return b.binary(OpDiv, x, y) }

// Max returns the larger of x and y; where equal the derivative goes to x.
func (b *Builder) Max(x, y Value) Value { return b.binary(OpMax, x, y) }

// Min returns the smaller of x and y; where equal the derivative goes to x.
func (b *Builder) Min(x, y Value) Value { return b.binary(OpMin, x, y) }

// Greater returns 1 where x > y, else 0.
func (b *Builder) Greater(x, y Value) Value { return b.binary(OpGreater, x, y) }

// Equal returns 1 where x == y, else 0.
func (b *Builder) Equal(x, y Value) Value { return b.binary(OpEqual, x, y) }

// Select returns x where mask is not 0, else y.
func (b *Builder) Select(mask, x, y Value) Value {
	return b.add(Node{Op: OpSelect, In: b.unify(OpSelect, mask, x, y)})
}

// Scale returns c x.
func (b *Builder) Scale(x Value, c float64) Value { return b.Mul(x, b.Const(c)) }

// Square returns x x.
func (b *Builder) Square(x Value) Value { return b.Mul(x, x) }

func (b *Builder) isSplat(v Value, c float64) bool {
	for v >= 0 && int(v) < len(b.nodes) {
		n := &b.nodes[v]
		switch n.Op {
		case OpConst:
			return len(n.Const) == 1 && n.Const[0] == c
		case OpToRows, OpBroadcast, OpReshape:
			v = n.In[0]
		default:
			return false
		}
	}
	return false
}

func (b *Builder) isZero(v Value) bool { return b.isSplat(v, 0) }

// covers reports whether x already has the kind and shape that x op y has.
func (b *Builder) covers(x, y Value) bool {
	if b.err != nil || x < 0 || int(x) >= len(b.nodes) || y < 0 || int(y) >= len(b.nodes) {
		return false
	}
	if b.Kind(y) != Static && b.Kind(x) != b.Kind(y) {
		return false
	}
	if b.nodes[x].DType != b.nodes[y].DType {
		return false
	}
	s, err := broadcast(b.Shape(x), b.Shape(y))
	return err == nil && slices.Equal(s, b.Shape(x))
}

func broadcast(x, y []int) ([]int, error) {
	out := make([]int, max(len(x), len(y)))
	for i := range out {
		dx, dy := 1, 1
		if j := i - (len(out) - len(x)); j >= 0 {
			dx = x[j]
		}
		if j := i - (len(out) - len(y)); j >= 0 {
			dy = y[j]
		}
		switch {
		case dx == dy || dy == 1:
			out[i] = dx
		case dx == 1:
			out[i] = dy
		default:
			return nil, fmt.Errorf("shapes %v and %v do not broadcast: sizes %d and %d", x, y, dx, dy)
		}
	}
	return out, nil
}

// unify broadcasts values to one shape and repeats static ones for every row if
// any is a row value.
func (b *Builder) unify(op Op, vs ...Value) []Value {
	if b.err != nil {
		return vs
	}
	var shape []int
	rows := false
	for i, v := range vs {
		if v < 0 || int(v) >= len(b.nodes) {
			b.fail(fmt.Errorf("%w: %s: operand %d is no value of this builder", ErrProgram, op, i))
			return vs
		}
		s, err := broadcast(shape, b.Shape(v))
		if err != nil {
			b.fail(fmt.Errorf("%w: %s: %w", ErrProgram, op, err))
			return vs
		}
		shape = s
		rows = rows || b.Kind(v) == Row
	}
	out := make([]Value, len(vs))
	for i, v := range vs {
		out[i] = b.Broadcast(v, shape...)
		if rows && b.Kind(out[i]) == Static {
			out[i] = b.ToRows(out[i])
		}
	}
	return out
}

// Reshape returns x's elements, in order, in another shape.
func (b *Builder) Reshape(x Value, shape ...int) Value {
	if slices.Equal(b.Shape(x), shape) && b.err == nil {
		return x
	}
	return b.add(Node{Op: OpReshape, In: []Value{x}, Shape: slices.Clone(shape)})
}

// Transpose permutes the axes: axis i of the result is axis perm[i] of x.
func (b *Builder) Transpose(x Value, perm ...int) Value {
	return b.add(Node{Op: OpTranspose, In: []Value{x}, Ints: slices.Clone(perm)})
}

// Broadcast repeats axes of size 1, and adds leading axes, to reach shape.
func (b *Builder) Broadcast(x Value, shape ...int) Value {
	s := b.Shape(x)
	if b.err != nil || slices.Equal(s, shape) {
		return x
	}
	if len(shape) > len(s) {
		lead := make([]int, len(shape)-len(s))
		for i := range lead {
			lead[i] = 1
		}
		x = b.Reshape(x, append(lead, s...)...)
		if slices.Equal(b.Shape(x), shape) {
			return x
		}
	}
	return b.add(Node{Op: OpBroadcast, In: []Value{x}, Shape: slices.Clone(shape)})
}

// Sum sums over the axes, which stay with size 1.
func (b *Builder) Sum(x Value, axes ...int) Value {
	return b.reduce(OpSum, x, axes)
}

// ReduceMax is the largest element over the axes, which stay with size 1. Ties
// share the derivative equally.
func (b *Builder) ReduceMax(x Value, axes ...int) Value {
	return b.reduce(OpReduceMax, x, axes)
}

func (b *Builder) reduce(op Op, x Value, axes []int) Value {
	if len(axes) == 0 {
		return x
	}
	axes = slices.Clone(axes)
	slices.Sort(axes)
	return b.add(Node{Op: op, In: []Value{x}, Ints: axes})
}

// Slice returns the elements lo to hi-1 of an axis.
func (b *Builder) Slice(x Value, axis, lo, hi int) Value {
	if s := b.Shape(x); b.err == nil && axis >= 0 && axis < len(s) && lo == 0 && hi == s[axis] {
		return x
	}
	return b.add(Node{Op: OpSlice, In: []Value{x}, Ints: []int{axis, lo, hi}})
}

// Pad adds zeros before and after along an axis.
func (b *Builder) Pad(x Value, axis, before, after int) Value {
	return b.add(Node{Op: OpPad, In: []Value{x}, Ints: []int{axis, before, after}})
}

// Concat joins values along an axis; static ones meet row values by being
// repeated for every row.
func (b *Builder) Concat(axis int, xs ...Value) Value {
	if len(xs) == 1 {
		return xs[0]
	}
	rows := false
	for _, x := range xs {
		rows = rows || b.Kind(x) == Row
	}
	in := slices.Clone(xs)
	if rows {
		for i, x := range in {
			in[i] = b.ToRows(x)
		}
	}
	return b.add(Node{Op: OpConcat, In: in, Ints: []int{axis}})
}

// Gather returns the table's entries (along its first axis) at idx. An index
// outside the table is clamped to it.
func (b *Builder) Gather(table, idx Value) Value {
	return b.add(Node{Op: OpGather, In: []Value{table, idx}})
}

// Scatter adds x's entries into a zero table of size entries at idx, row by
// row. An index outside is clamped.
func (b *Builder) Scatter(idx, x Value, size int) Value {
	return b.add(Node{Op: OpScatter, In: []Value{idx, x}, Ints: []int{size}})
}

// Linear returns x w for x [..., k] and a static w [k, n], or [n, k] if transW.
func (b *Builder) Linear(x, w Value, transW bool) Value {
	return b.add(Node{Op: OpLinear, In: []Value{x, w}, TransB: transW})
}

// MatMul returns the matrix product over the last two axes of two values of
// one kind with equal leading axes, each transposed first if asked.
func (b *Builder) MatMul(x, y Value, transX, transY bool) Value {
	if b.Kind(x) == Row || b.Kind(y) == Row {
		x, y = b.ToRows(x), b.ToRows(y)
	}
	return b.add(Node{Op: OpMatMul, In: []Value{x, y}, TransA: transX, TransB: transY})
}

// RowSum returns the sum of x over all rows.
func (b *Builder) RowSum(x Value) Value { return b.add(Node{Op: OpRowSum, In: []Value{x}}) }

// RowContract returns the sum over all rows and leading axes of x' y, [k, n]
// for x [..., k] and y [..., n].
func (b *Builder) RowContract(x, y Value) Value {
	return b.add(Node{Op: OpRowContract, In: []Value{x, y}})
}

// RowScatterAdd returns a table of size entries into which every row's x is
// added at its idx.
func (b *Builder) RowScatterAdd(idx, x Value, size int) Value {
	return b.add(Node{Op: OpRowScatterAdd, In: []Value{idx, x}, Ints: []int{size}})
}
