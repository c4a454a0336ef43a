package exec

import (
	"laminar/graph"
	"laminar/internal/kernel"
)

// instr is one operation with everything decided but the numbers.
type instr struct {
	op      graph.Op
	rowWise bool  // done for every row of a block
	groups  []int // of parameters that it depends on, if it is static
	in      [4]ref
	more    []ref // Concat: its operands; nothing else uses it
	dst     ref
	pre     ref  // opDense: where the pre-activation is kept, if size > 0
	bias    bool // opDense: in[2] is one

	lead, m, n, k  int // sizes, as the operation says
	lo             int
	transA, transB bool
	num            float32
	act            kernel.Act
	ints           [2]bool // operands of Equal, Convert that are int32; ints[0] of the values moved
	walk           walk
	win            windows // of operations on windows of images
	winLeft        bool    // opConvWeight: the image is in[0]
	wino           winograd
	consts         []float64
}

// instruction describes live node i, whose operands and result have places.
func (c *compiler) instruction(i int) instr {
	n := &c.nodes[i]
	ins := instr{op: n.Op, dst: n.at, num: n.num, transA: n.TransA, transB: n.TransB, consts: n.Const, lead: 1}
	for k, j := range n.in {
		if k < len(ins.in) {
			ins.in[k] = c.place(j)
		}
	}
	var x, y *node
	if len(n.in) > 0 {
		x = &c.nodes[n.in[0]]
		ins.ints[0] = x.DType == graph.Int32
	}
	if len(n.in) > 1 {
		y = &c.nodes[n.in[1]]
		ins.ints[1] = y.DType == graph.Int32
	}
	last := func(s []int) int { return s[len(s)-1] }
	around := func(s []int, axis int) (outer, inner int) { return sizeOf(s[:axis]), sizeOf(s[axis+1:]) }
	switch n.Op {
	case graph.OpConvert:
		ins.ints = [2]bool{x.DType == graph.Int32, n.DType == graph.Int32}
	case graph.OpConst:
		ins.ints[0] = n.DType == graph.Int32
	case graph.OpTranspose:
		xs := strides(x.Shape)
		at := make([]int, len(n.Shape))
		for d, a := range n.Ints {
			at[d] = xs[a]
		}
		ins.walk = newWalk(n.Shape, at, x.Size())
	case graph.OpBroadcast:
		ins.walk = newWalk(n.Shape, spread(x.Shape, n.Shape), x.Size())
	case graph.OpSum, graph.OpReduceMax:
		ins.walk = newWalk(x.Shape, spread(n.Shape, x.Shape), n.Size())
		ins.n, ins.lead = trailing(x.Shape, n.Shape)
		if ins.n == 0 {
			ins.lead, ins.k, ins.m = middle(x.Shape, n.Shape)
		}
	case graph.OpSlice, graph.OpPad:
		var inner int
		ins.lead, inner = around(x.Shape, n.Ints[0])
		ins.m, ins.n, ins.lo = x.Shape[n.Ints[0]]*inner, n.Shape[n.Ints[0]]*inner, n.Ints[1]*inner
	case graph.OpConcat:
		var inner int
		ins.lead, inner = around(n.Shape, n.Ints[0])
		ins.n = n.Shape[n.Ints[0]] * inner
		for _, j := range n.in {
			ins.more = append(ins.more, c.place(j))
		}
	case graph.OpGather:
		ins.m, ins.n, ins.k = x.Shape[0], sizeOf(x.Shape[1:]), y.Size()
		if ins.m == 0 && n.Size() > 0 {
			c.fail("node %d gathers from an empty table", i)
		}
	case graph.OpScatter, graph.OpRowScatterAdd:
		ins.m, ins.n, ins.k = n.Shape[0], sizeOf(n.Shape[1:]), x.Size()
		if ins.m == 0 && y.Size() > 0 {
			c.fail("node %d scatters into an empty table", i)
		}
	case graph.OpLinear:
		ins.k, ins.n = last(x.Shape), last(n.Shape)
		ins.lead = sizeOf(x.Shape[:len(x.Shape)-1])
	case opPack:
		ins.k, ins.n = n.Shape[0], n.Shape[1]
	case graph.OpUnfold, graph.OpFold:
		ins.win = c.geometry(i)
	case opConvImage:
		ins.win, ins.k = c.geometry(n.win), last(x.Shape)
		ins.win.c = last(n.Shape)
	case opConvWeight:
		ins.win, ins.winLeft, ins.m, ins.n = c.geometry(n.win), n.winLeft, n.Shape[0], n.Shape[1]
		ins.win.c = last(y.Shape)
		if n.winLeft {
			ins.win.c = last(x.Shape)
		}
	case opTurn:
		ins.m, ins.n = x.Shape[0], n.Shape[0]
		ins.k = n.Shape[1] / max(ins.m, 1)
	case opWinoPack:
		ins.wino = c.wino(n.win, n.Shape[0], n.Shape[1])
	case opWinoWeight:
		ins.wino = c.wino(n.win, last(y.Shape), last(x.Shape))
	case opDense, opConv, opWino:
		if n.Op == opConv {
			ins.win = c.geometry(n.win)
			ins.win.c = last(x.Shape)
		}
		if n.Op == opWino {
			ins.wino = c.wino(n.win, last(x.Shape), last(n.Shape))
		}
		ins.k, ins.n = last(x.Shape), last(n.Shape)
		ins.lead = sizeOf(x.Shape[:len(x.Shape)-1])
		ins.bias = len(n.in) > 2
		if n.acts >= 0 {
			ins.pre = n.at
			ins.dst, ins.act = c.nodes[n.acts].at, c.nodes[n.acts].act
		}
	case graph.OpMatMul:
		r := len(n.Shape)
		ins.lead, ins.m, ins.n, ins.k = sizeOf(n.Shape[:r-2]), n.Shape[r-2], n.Shape[r-1], x.Shape[r-1]
		if n.TransA {
			ins.k = x.Shape[r-2]
		}
	case opAddRow, opMulRow:
		ins.n = y.Size()
		ins.lead = n.Size() / max(ins.n, 1)
	case opAddCol, opMulCol:
		ins.lead, ins.n = y.Size(), n.Size()/max(y.Size(), 1)
	case graph.OpRowSum:
		ins.lead = x.Size() / max(n.Size(), 1)
	case graph.OpRowContract:
		ins.lead, ins.m, ins.n = sizeOf(x.Shape[:len(x.Shape)-1]), n.Shape[0], n.Shape[1]
	}
	return ins
}

// elementwise reports whether an operation may write over its operand.
func elementwise(op graph.Op) bool {
	if op.IsUnary() || op.IsBinary() || op == graph.OpSelect {
		return true
	}
	switch op {
	case opScale, opShift, opAddCol, opMulCol, opAddRow, opMulRow, opSiLU, opSiLUGrad, opReLUGrad, opTanhGrad, opSigmoidGrad, graph.OpConvert:
		return true
	}
	return false
}

// run does one instruction on the frame's block.
func (f *frame) run(i *instr) {
	k := f.s.prog.kernel
	rows := 1
	if i.rowWise {
		rows = f.rows
	}
	switch i.op {
	case opOut:
		f.copyOut(i)
		return
	case opStrip:
		f.strip(&f.s.prog.strips[i.n])
		return
	}
	dst := f.at(&i.dst)
	var x, y []float32
	switch i.op {
	case graph.OpConst:
		fill(dst, i.consts, i.ints[0])
		return
	case graph.OpConcat:
		at := 0
		for j := range i.more {
			r := &i.more[j]
			w := r.size / max(i.lead, 1)
			copyRows(dst[min(at, len(dst)):], i.n, f.at(r), w, rows*i.lead, w)
			at += w
		}
		return
	}
	x = f.at(&i.in[0])
	if i.in[1].size > 0 {
		y = f.at(&i.in[1])
	}
	switch i.op {
	case graph.OpToRows:
		repeat(dst, x)
	case graph.OpConvert:
		convert(dst, x, i.ints[1])
	case opAddCol:
		k.AddCol(dst, x, y, rows*i.lead, i.n)
	case opMulCol:
		k.MulCol(dst, x, y, rows*i.lead, i.n)
	case opAddRow, opMulRow:
		f.line(i, dst, x, y, rows)
	case graph.OpTranspose, graph.OpBroadcast:
		i.walk.gather(dst, x, rows)
	case graph.OpSum:
		switch {
		case i.n == 0 && i.m > 0:
			clear(dst)
			w := i.k * i.m
			for r := range rows * i.lead {
				k.ColSum(dst[r*i.m:(r+1)*i.m], x[r*w:(r+1)*w], i.k, i.m)
			}
		case i.n == 0:
			clear(dst)
			i.walk.add(k, dst, x, rows)
		default:
			k.RowSum(dst, x, rows*i.lead, i.n)
		}
	case graph.OpReduceMax:
		if i.n == 0 {
			i.walk.max(dst, x, rows)
		} else {
			k.RowMax(dst, x, rows*i.lead, i.n)
		}
	case graph.OpSlice:
		copyRows(dst, i.n, x[min(i.lo, len(x)):], i.m, rows*i.lead, i.n)
	case graph.OpPad:
		clear(dst)
		copyRows(dst[min(i.lo, len(dst)):], i.n, x, i.m, rows*i.lead, i.m)
	case graph.OpGather:
		f.gather(i, dst, x, y, rows)
	case graph.OpScatter:
		clear(dst)
		f.scatter(i, dst, x, y, rows, i.dst.size)
	case graph.OpRowScatterAdd:
		if f.first {
			clear(dst)
		}
		f.scatter(i, dst, x, y, rows, 0)
	case graph.OpLinear:
		ldw := i.n
		if i.transB {
			ldw = i.k
		}
		k.Gemm(false, i.transB, rows*i.lead, i.n, i.k, x, i.k, y, ldw, false, dst, i.n, &f.ws)
	case opPack:
		ld := i.n
		if i.transB {
			ld = i.k
		}
		k.PackB(i.transB, i.n, i.k, x, ld, dst)
	case graph.OpUnfold, graph.OpFold:
		f.unfold(i, dst, x, rows)
	case opConvImage:
		f.convImage(i, dst, x, y, rows)
	case opConvWeight:
		f.convWeight(i, dst, x, y, rows)
	case opTurn:
		turn(dst, x, i.m, i.n, i.k)
	case opWinoPack:
		f.winoPack(i, dst, x)
	case opWinoWeight:
		f.winoWeight(i, dst, y, x, rows)
	case opDense, opConv, opWino:
		var bias, pre []float32
		if i.bias {
			bias = f.at(&i.in[2])
		}
		if i.pre.size > 0 {
			pre = f.at(&i.pre)
		}
		switch i.op {
		case opConv:
			f.conv(i, dst, pre, x, y, bias, rows)
			return
		case opWino:
			f.winoConv(i, dst, pre, x, y, bias, rows)
			return
		}
		k.Linear(rows*i.lead, i.n, i.k, x, i.k, y, bias, i.act, dst, i.n, pre, i.n, &f.ws)
	case graph.OpMatMul:
		f.matmul(i, dst, x, y, rows)
	case graph.OpRowSum:
		if f.first {
			clear(dst)
		}
		k.ColSum(dst, x, rows*i.lead, i.dst.size)
	case graph.OpRowContract:
		k.Gemm(true, false, i.m, i.n, rows*i.lead, x, i.m, y, i.n, !f.first, dst, i.n, &f.ws)
	default:
		var z []float32
		if i.in[2].size > 0 {
			z = f.at(&i.in[2])
		}
		f.elementwise(i, dst, x, y, z)
	}
}

// elementwise does an operation that treats every element by itself.
func (f *frame) elementwise(i *instr, dst, x, y, z []float32) {
	k := f.s.prog.kernel
	switch i.op {
	case graph.OpNeg:
		k.Neg(dst, x)
	case graph.OpAbs:
		k.Abs(dst, x)
	case graph.OpSign:
		k.Sign(dst, x)
	case graph.OpExp:
		k.Exp(dst, x)
	case graph.OpLog:
		k.Log(dst, x)
	case graph.OpSqrt:
		k.Sqrt(dst, x)
	case graph.OpSin:
		k.Sin(dst, x)
	case graph.OpCos:
		k.Cos(dst, x)
	case graph.OpTanh:
		k.Tanh(dst, x)
	case graph.OpSigmoid:
		k.Sigmoid(dst, x)
	case graph.OpErf:
		k.Erf(dst, x)
	case graph.OpReLU:
		k.ReLU(dst, x)
	case graph.OpStep:
		k.Step(dst, x)
	case graph.OpAdd:
		k.Add(dst, x, y)
	case graph.OpSub:
		k.Sub(dst, x, y)
	case graph.OpMul:
		k.Mul(dst, x, y)
	case graph.OpDiv:
		k.Div(dst, x, y)
	case graph.OpMax:
		k.Max(dst, x, y)
	case graph.OpMin:
		k.Min(dst, x, y)
	case graph.OpGreater:
		k.Greater(dst, x, y)
	case graph.OpEqual:
		if i.ints[0] || i.ints[1] {
			equalInts(dst, x, y, i.ints)
			return
		}
		k.Equal(dst, x, y)
	case graph.OpSelect:
		k.Select(dst, x, y, z)
	case opScale:
		k.Scale(dst, x, i.num)
	case opShift:
		k.AddScalar(dst, x, i.num)
	case opSiLU:
		k.SiLU(dst, x)
	case opSiLUGrad:
		k.SiLUGrad(dst, x, y)
	case opReLUGrad:
		k.ReLUGrad(dst, x, y)
	case opTanhGrad:
		k.TanhGrad(dst, x, y)
	case opSigmoidGrad:
		k.SigmoidGrad(dst, x, y)
	default:
		panic("exec: no code for " + i.op.String())
	}
}

// line adds or multiplies every line of x, i.n wide, by a vector: one for all
// rows, or one for each.
func (f *frame) line(i *instr, dst, x, v []float32, rows int) {
	op := f.s.prog.kernel.AddRow
	if i.op == opMulRow {
		op = f.s.prog.kernel.MulRow
	}
	switch {
	case i.in[1].row:
	case i.n == 1 && i.op == opMulRow:
		f.s.prog.kernel.Scale(dst, x, v[0])
		return
	case i.n == 1:
		f.s.prog.kernel.AddScalar(dst, x, v[0])
		return
	default:
		op(dst, x, v, rows*i.lead, i.n)
		return
	}
	w := i.lead * i.n
	for r := range rows {
		op(dst[r*w:(r+1)*w], x[r*w:(r+1)*w], v[r*i.n:(r+1)*i.n], i.lead, i.n)
	}
}

func (f *frame) matmul(i *instr, dst, x, y []float32, rows int) {
	lda, ldb := i.k, i.n
	if i.transA {
		lda = i.m
	}
	if i.transB {
		ldb = i.k
	}
	sx, sy, sd := i.m*i.k, i.k*i.n, i.m*i.n
	for b := range rows * i.lead {
		f.s.prog.kernel.Gemm(i.transA, i.transB, i.m, i.n, i.k, x[b*sx:(b+1)*sx], lda, y[b*sy:(b+1)*sy], ldb, false, dst[b*sd:(b+1)*sd], i.n, &f.ws)
	}
}
