package graph

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Op is an operation. Elementwise operations take operands of one shape and
// kind; the builder's methods broadcast for them.
type Op uint8

// The operation set. x, y are operands, d a per-row or static shape.
const (
	OpParam Op = iota // a parameter: Group, Name, Shape
	OpRow             // a row input: Name, DType, Shape
	OpConst           // a constant: Const, Shape

	OpToRows       // a Static value repeated for every row
	OpStopGradient // x, of which no derivative is taken
	OpConvert      // x in the node's DType

	// Elementwise, one operand.
	OpNeg
	OpAbs
	OpSign // -1, 0, 1
	OpExp
	OpLog
	OpSqrt
	OpSin
	OpCos
	OpTanh
	OpSigmoid // 1 / (1 + exp(-x))
	OpErf
	OpReLU // max(x, 0)
	OpStep // 1 if x > 0, else 0

	// Elementwise, two operands.
	OpAdd
	OpSub
	OpMul
	OpDiv
	OpMax
	OpMin
	OpGreater // 1 if x > y, else 0
	OpEqual   // 1 if x == y, else 0

	OpSelect // In[1] where In[0] != 0, else In[2]

	// Shape. All keep the elements' order in memory unless they say otherwise.
	OpReshape   // to Shape
	OpTranspose // axis i of the result is axis Ints[i] of x
	OpBroadcast // axes of size 1 are repeated to Shape
	OpSum       // sums over the axes Ints, which stay with size 1
	OpReduceMax // largest element over the axes Ints, which stay with size 1
	OpSlice     // axis Ints[0], from Ints[1] to Ints[2]-1
	OpPad       // axis Ints[0], Ints[1] zeros before and Ints[2] after
	OpConcat    // along axis Ints[0]
	OpGather    // In[0] [v, d...] at the rows In[1] (int32, shape s): s + d
	OpScatter   // adds In[1] (s + d) into the rows In[0] (s) of [Ints[0], d...]

	// Windows of an image (Window in Ints), each the transpose of the other.
	OpUnfold // [H, W, C] to [OutH, OutW, KH*KW*C]
	OpFold   // and back, adding where windows overlap

	// Products.
	OpLinear // x [..., k] times a Static w [k, n], or [n, k] with TransB
	OpMatMul // x [batch..., m, k] times y [batch..., k, n], of one kind

	// Rows to one: the only operations that cross rows. Results are Reduced.
	OpRowSum        // sum of x over the rows
	OpRowContract   // sum over rows and leading axes of x [..., k]' y [..., n]: [k, n]
	OpRowScatterAdd // as OpScatter, summed over the rows: [Ints[0], d...]

	opCount
)

var opNames = [opCount]string{
	"param", "row", "const", "torows", "stopgradient", "convert",
	"neg", "abs", "sign", "exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "erf", "relu", "step",
	"add", "sub", "mul", "div", "max", "min", "greater", "equal", "select",
	"reshape", "transpose", "broadcast", "sum", "reducemax", "slice", "pad", "concat", "gather", "scatter",
	"unfold", "fold",
	"linear", "matmul", "rowsum", "rowcontract", "rowscatteradd",
}

func (o Op) String() string {
	if o < opCount {
		return opNames[o]
	}
	return fmt.Sprintf("op(%d)", uint8(o))
}

// MarshalJSON writes the operation's name.
func (o Op) MarshalJSON() ([]byte, error) { return json.Marshal(o.String()) }

// UnmarshalJSON reads an operation's name.
func (o *Op) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	i := slices.Index(opNames[:], s)
	if i < 0 {
		return fmt.Errorf("%w: unknown operation %q", ErrProgram, s)
	}
	*o = Op(i)
	return nil
}

// IsUnary reports whether o maps one operand elementwise.
func (o Op) IsUnary() bool { return o >= OpNeg && o <= OpStep }

// IsBinary reports whether o maps two operands elementwise.
func (o Op) IsBinary() bool { return o >= OpAdd && o <= OpEqual }

// infer is the shape rule of every operation: from the operands and the
// attributes in n it sets n's kind, type and shape, or says what does not fit.
func infer(n *Node, in []*Node) error {
	if err := rule(n, in); err != nil {
		return err
	}
	if elements(n.Shape) < 0 {
		return fmt.Errorf("%w: %s: the result's shape %v is too large", ErrProgram, n.Op, n.Shape)
	}
	return nil
}

// maxSize bounds the elements of a value, so that sizes, from a hostile file
// say, cannot overflow.
const maxSize = 1 << 30

// elements is the number of elements of a shape, -1 if a size is negative or
// there are more than maxSize.
func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		if d < 0 || d > maxSize/max(n, 1) {
			return -1
		}
		n *= d
	}
	return n
}

func rule(n *Node, in []*Node) error {
	fail := func(format string, args ...any) error {
		s := n.Op.String() + "("
		for i, x := range in {
			if i > 0 {
				s += ", "
			}
			s += fmt.Sprintf("%s%v", x.Kind, x.Shape)
		}
		return fmt.Errorf("%w: %s): %s", ErrProgram, s, fmt.Sprintf(format, args...))
	}
	arity := func(want int) error {
		if len(in) != want {
			return fail("takes %d operands", want)
		}
		return nil
	}
	// meet is the kind of a result of several operands.
	meet := func(xs ...*Node) (Kind, error) {
		k := Static
		for _, x := range xs {
			switch {
			case x.Kind == k || x.Kind == Static:
			case k == Static:
				k = x.Kind
			default:
				return 0, fail("a sum over all rows cannot flow back into rows: rows never mix")
			}
		}
		return k, nil
	}
	floats := func(xs ...*Node) error {
		for _, x := range xs {
			if x.DType != Float32 {
				return fail("operands must be float32; use Convert")
			}
		}
		return nil
	}
	axis := func(a, rank int) error {
		if a < 0 || a >= rank {
			return fail("axis %d is not in 0..%d", a, rank-1)
		}
		return nil
	}
	ints := func(want int) error {
		if len(n.Ints) != want {
			return fail("needs %d integer attributes, has %d", want, len(n.Ints))
		}
		return nil
	}
	if elements(n.Shape) < 0 {
		return fail("impossible shape %v", n.Shape)
	}
	if n.DType > Int32 {
		return fail("unknown element type %s", n.DType)
	}

	switch op := n.Op; {
	case op == OpParam || op == OpRow || op == OpConst:
		if err := arity(0); err != nil {
			return err
		}
		n.Kind = Static
		if op == OpRow {
			n.Kind = Row
		}
		if op == OpParam && n.DType != Float32 {
			return fail("parameters are float32")
		}
		if op == OpConst && len(n.Const) != 1 && len(n.Const) != n.Size() {
			return fail("%d constants for shape %v", len(n.Const), n.Shape)
		}
		for _, c := range n.Const {
			if math.IsNaN(c) || math.IsInf(c, 0) {
				return fail("constant %v is not finite", c)
			}
		}
		return nil

	case op == OpToRows:
		if err := arity(1); err != nil {
			return err
		}
		if in[0].Kind != Static {
			return fail("only a static value can be repeated for every row: rows never mix")
		}
		n.Kind, n.DType, n.Shape = Row, in[0].DType, in[0].Shape
		return nil

	case op == OpStopGradient || op == OpConvert:
		if err := arity(1); err != nil {
			return err
		}
		n.Kind, n.Shape = in[0].Kind, in[0].Shape
		if op == OpStopGradient {
			n.DType = in[0].DType
		}
		return nil

	case op.IsUnary() || op.IsBinary() || op == OpSelect:
		want := 1
		if op.IsBinary() {
			want = 2
		} else if op == OpSelect {
			want = 3
		}
		if err := arity(want); err != nil {
			return err
		}
		if op != OpEqual {
			if err := floats(in...); err != nil {
				return err
			}
		}
		k, err := meet(in...)
		if err != nil {
			return err
		}
		for _, x := range in[1:] {
			if !slices.Equal(x.Shape, in[0].Shape) {
				return fail("shapes differ")
			}
			if (x.Kind == Row) != (in[0].Kind == Row) {
				return fail("a row value meets one that is not; use ToRows")
			}
		}
		n.Kind, n.DType, n.Shape = k, Float32, in[0].Shape
		return nil
	}

	switch n.Op {
	case OpReshape:
		if err := arity(1); err != nil {
			return err
		}
		if size(n.Shape) != in[0].Size() {
			return fail("%v has %d elements, %v has %d", in[0].Shape, in[0].Size(), n.Shape, size(n.Shape))
		}
		n.Kind, n.DType = in[0].Kind, in[0].DType

	case OpTranspose:
		if err := arity(1); err != nil {
			return err
		}
		x := in[0]
		if err := ints(len(x.Shape)); err != nil {
			return err
		}
		seen := make([]bool, len(x.Shape))
		shape := make([]int, len(x.Shape))
		for i, a := range n.Ints {
			if err := axis(a, len(x.Shape)); err != nil {
				return err
			}
			if seen[a] {
				return fail("axis %d twice in permutation %v", a, n.Ints)
			}
			seen[a], shape[i] = true, x.Shape[a]
		}
		n.Kind, n.DType, n.Shape = x.Kind, x.DType, shape

	case OpBroadcast:
		if err := arity(1); err != nil {
			return err
		}
		x := in[0]
		if len(n.Shape) != len(x.Shape) {
			return fail("cannot broadcast %v to %v: ranks differ", x.Shape, n.Shape)
		}
		for i, d := range x.Shape {
			if d != n.Shape[i] && d != 1 {
				return fail("cannot broadcast %v to %v: axis %d has size %d, not 1", x.Shape, n.Shape, i, d)
			}
		}
		n.Kind, n.DType = x.Kind, x.DType

	case OpSum, OpReduceMax:
		if err := arity(1); err != nil {
			return err
		}
		if err := floats(in...); err != nil {
			return err
		}
		shape := slices.Clone(in[0].Shape)
		for i, a := range n.Ints {
			if err := axis(a, len(shape)); err != nil {
				return err
			}
			if slices.Contains(n.Ints[:i], a) {
				return fail("axis %d twice", a)
			}
			if n.Op == OpReduceMax && shape[a] == 0 {
				return fail("no largest of zero elements")
			}
			shape[a] = 1
		}
		n.Kind, n.DType, n.Shape = in[0].Kind, Float32, shape

	case OpSlice, OpPad:
		if err := arity(1); err != nil {
			return err
		}
		if err := ints(3); err != nil {
			return err
		}
		x := in[0]
		a, lo, hi := n.Ints[0], n.Ints[1], n.Ints[2]
		if err := axis(a, len(x.Shape)); err != nil {
			return err
		}
		shape := slices.Clone(x.Shape)
		if n.Op == OpSlice {
			if lo < 0 || hi < lo || hi > shape[a] {
				return fail("bounds %d:%d are not within 0..%d", lo, hi, shape[a])
			}
			shape[a] = hi - lo
		} else {
			if lo < 0 || hi < 0 || lo > maxSize || hi > maxSize {
				return fail("impossible padding %d, %d", lo, hi)
			}
			shape[a] += lo + hi
		}
		n.Kind, n.DType, n.Shape = x.Kind, x.DType, shape

	case OpConcat:
		if len(in) == 0 {
			return fail("takes at least one operand")
		}
		if err := ints(1); err != nil {
			return err
		}
		a := n.Ints[0]
		if err := axis(a, len(in[0].Shape)); err != nil {
			return err
		}
		shape := slices.Clone(in[0].Shape)
		shape[a] = 0
		for _, x := range in {
			if len(x.Shape) != len(shape) {
				return fail("ranks differ")
			}
			for i, d := range x.Shape {
				if i != a && d != shape[i] {
					return fail("sizes of axis %d differ", i)
				}
			}
			if x.DType != in[0].DType {
				return fail("types differ")
			}
			if (x.Kind == Row) != (in[0].Kind == Row) {
				return fail("a row value meets one that is not; use ToRows")
			}
			shape[a] += x.Shape[a]
		}
		k, err := meet(in...)
		n.Kind, n.DType, n.Shape = k, in[0].DType, shape
		return err

	case OpGather:
		if err := arity(2); err != nil {
			return err
		}
		table, idx := in[0], in[1]
		if idx.DType != Int32 {
			return fail("the index must be int32")
		}
		if len(table.Shape) == 0 || table.Shape[0] == 0 {
			return fail("the table needs a first axis with at least one entry")
		}
		k, err := meet(table, idx)
		n.Kind, n.DType, n.Shape = k, table.DType, append(slices.Clone(idx.Shape), table.Shape[1:]...)
		return err

	case OpScatter, OpRowScatterAdd:
		if err := arity(2); err != nil {
			return err
		}
		if err := ints(1); err != nil {
			return err
		}
		idx, x := in[0], in[1]
		if idx.DType != Int32 || x.DType != Float32 {
			return fail("takes an int32 index and float32 values")
		}
		if len(x.Shape) < len(idx.Shape) || !slices.Equal(x.Shape[:len(idx.Shape)], idx.Shape) {
			return fail("the values' shape must begin with the index's")
		}
		if n.Ints[0] < 1 {
			return fail("table size %d is not positive", n.Ints[0])
		}
		n.DType, n.Shape = Float32, append([]int{n.Ints[0]}, x.Shape[len(idx.Shape):]...)
		if n.Op == OpRowScatterAdd {
			if idx.Kind != Row || x.Kind != Row {
				return fail("operands must be row values")
			}
			n.Kind = Reduced
			return nil
		}
		if (x.Kind == Row) != (idx.Kind == Row) {
			return fail("a row value meets one that is not; use ToRows")
		}
		k, err := meet(in...)
		n.Kind = k
		return err

	case OpUnfold, OpFold:
		if err := arity(1); err != nil {
			return err
		}
		if err := floats(in...); err != nil {
			return err
		}
		if err := ints(10); err != nil {
			return err
		}
		w := n.Geometry()
		if err := w.check(); err != nil {
			return fail("%s", err)
		}
		s := in[0].Shape
		if len(s) != 3 {
			return fail("takes [height, width, channels]")
		}
		n.Kind, n.DType = in[0].Kind, Float32
		if n.Op == OpUnfold {
			if s[0] != w.H || s[1] != w.W {
				return fail("the image is not the window's, %d x %d", w.H, w.W)
			}
			n.Shape = []int{w.OutH, w.OutW, w.KH * w.KW * s[2]}
			return nil
		}
		if s[0] != w.OutH || s[1] != w.OutW || s[2]%(w.KH*w.KW) != 0 {
			return fail("the operand does not hold %d x %d windows of %d x %d pixels", w.OutH, w.OutW, w.KH, w.KW)
		}
		n.Shape = []int{w.H, w.W, s[2] / (w.KH * w.KW)}

	case OpLinear:
		if err := arity(2); err != nil {
			return err
		}
		if err := floats(in...); err != nil {
			return err
		}
		x, w := in[0], in[1]
		if w.Kind == Row {
			return fail("the weight must not depend on rows; use MatMul")
		}
		if len(w.Shape) != 2 || len(x.Shape) < 1 {
			return fail("takes [..., k] and a matrix")
		}
		wk, wn := w.Shape[0], w.Shape[1]
		if n.TransB {
			wk, wn = wn, wk
		}
		last := len(x.Shape) - 1
		if x.Shape[last] != wk {
			return fail("inner sizes %d and %d differ", x.Shape[last], wk)
		}
		k, err := meet(x, w)
		n.Kind, n.DType, n.Shape = k, Float32, append(slices.Clone(x.Shape[:last]), wn)
		return err

	case OpMatMul:
		if err := arity(2); err != nil {
			return err
		}
		if err := floats(in...); err != nil {
			return err
		}
		x, y := in[0], in[1]
		r := len(x.Shape)
		if r < 2 || len(y.Shape) != r || !slices.Equal(x.Shape[:r-2], y.Shape[:r-2]) {
			return fail("takes [batch..., m, k] and [batch..., k, n]")
		}
		if (x.Kind == Row) != (y.Kind == Row) {
			return fail("a row value meets one that is not; use ToRows or Linear")
		}
		m, xk := x.Shape[r-2], x.Shape[r-1]
		if n.TransA {
			m, xk = xk, m
		}
		yk, yn := y.Shape[r-2], y.Shape[r-1]
		if n.TransB {
			yk, yn = yn, yk
		}
		if xk != yk {
			return fail("inner sizes %d and %d differ", xk, yk)
		}
		k, err := meet(in...)
		n.Kind, n.DType, n.Shape = k, Float32, append(slices.Clone(x.Shape[:r-2]), m, yn)
		return err

	case OpRowSum:
		if err := arity(1); err != nil {
			return err
		}
		if err := floats(in...); err != nil {
			return err
		}
		if in[0].Kind != Row {
			return fail("the operand must be a row value")
		}
		n.Kind, n.DType, n.Shape = Reduced, Float32, in[0].Shape

	case OpRowContract:
		if err := arity(2); err != nil {
			return err
		}
		if err := floats(in...); err != nil {
			return err
		}
		x, y := in[0], in[1]
		r := len(x.Shape)
		if r < 1 || len(y.Shape) != r || !slices.Equal(x.Shape[:r-1], y.Shape[:r-1]) {
			return fail("takes [..., k] and [..., n] with equal leading sizes")
		}
		if x.Kind != Row || y.Kind != Row {
			return fail("operands must be row values")
		}
		n.Kind, n.DType, n.Shape = Reduced, Float32, []int{x.Shape[r-1], y.Shape[r-1]}

	default:
		return fmt.Errorf("%w: unknown operation %d", ErrProgram, n.Op)
	}
	return nil
}
