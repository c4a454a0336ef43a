package exec

import (
	"math"

	"laminar/graph"
	"laminar/internal/kernel"
)

// fuse rewrites groups of operations to kernels that do them at once. It comes
// after differentiation, so that derivatives need to know primitive operations
// only. A rewrite changes the node that has the group's result; what else the
// group consisted of dies unless something else reads it.
func (c *compiler) fuse() {
	for i := range c.nodes {
		if c.nodes[i].root == i && c.nodes[i].DType == graph.Float32 {
			c.fuseSlopes(i)
		}
	}
	for i := range c.nodes {
		if c.nodes[i].root == i && c.nodes[i].DType == graph.Float32 {
			c.fuseNumber(i)
			c.fuseColumn(i)
		}
	}
	for i := range c.nodes {
		c.turnContract(i)
	}
	c.mark()
	c.fuseCommon()
	c.mark()
	c.fuseDense()
	c.mark()
	c.fuseConv()
	c.fuseWinograd()
	c.fuseNarrow()
	for i := range c.nodes {
		if c.nodes[i].live && c.nodes[i].root == i {
			c.fuseRow(i)
		}
	}
}

// turnContract computes a sum of products that has many rows and few columns,
// such as the gradient of a first layer's weight, the other way round: the
// kernels work on vectors of columns.
func (c *compiler) turnContract(i int) {
	n := &c.nodes[i]
	if n.Op != graph.OpRowContract || n.Shape[1] >= narrow || n.Shape[0] <= n.Shape[1] {
		return
	}
	x, y, shape := n.in[0], n.in[1], []int{n.Shape[1], n.Shape[0]}
	turned := c.append(node{Node: graph.Node{Op: graph.OpRowContract, Kind: graph.Reduced, Shape: shape}, in: []int{y, x}})
	c.rewrite(i, graph.OpTranspose, turned).Ints = []int{1, 0}
}

// narrow is the number of elements of a vector register.
const narrow = 16

// rewrite makes node i the operation op of in.
func (c *compiler) rewrite(i int, op graph.Op, in ...int) *node {
	n := &c.nodes[i]
	n.Op, n.in = op, in
	return n
}

// is returns the root of i and whether it is an operation op.
func (c *compiler) is(i int, op graph.Op) (int, bool) {
	r := c.nodes[i].root
	return r, c.nodes[r].Op == op
}

func (c *compiler) same(i, j int) bool { return c.nodes[i].root == c.nodes[j].root }

// sides calls try with the operands of a commutative operation in both orders,
// until it says true.
func (c *compiler) sides(i int, try func(x, y int) bool) bool {
	in := c.nodes[i].in
	return try(in[0], in[1]) || try(in[1], in[0])
}

// product reports whether i is x times y.
func (c *compiler) product(i, x, y int) bool {
	i, ok := c.is(i, graph.OpMul)
	return ok && c.sides(i, func(a, b int) bool { return c.same(a, x) && c.same(b, y) })
}

// fuseSlopes recognises SiLU and what differentiation makes of activations and
// of repeated vectors.
func (c *compiler) fuseSlopes(i int) {
	switch c.nodes[i].Op {
	case graph.OpMul:
		c.sides(i, func(g, slope int) bool {
			if s, ok := c.is(slope, graph.OpSigmoid); ok && c.same(g, c.nodes[s].in[0]) {
				c.rewrite(i, opSiLU, g)
				return true
			}
			if s, ok := c.is(slope, graph.OpStep); ok {
				c.rewrite(i, opReLUGrad, g, c.nodes[s].in[0])
				return true
			}
			if s, ok := c.is(slope, graph.OpSub); ok { // 1 - y y
				one, square := c.nodes[s].in[0], c.nodes[s].in[1]
				if v, ok := c.number(one); ok && v == 1 {
					if q, ok := c.is(square, graph.OpMul); ok && c.same(c.nodes[q].in[0], c.nodes[q].in[1]) {
						c.rewrite(i, opTanhGrad, g, c.nodes[q].in[0])
						return true
					}
				}
			}
			if s, ok := c.is(slope, graph.OpMul); ok { // y (1 - y)
				return c.sides(s, func(y, rest int) bool {
					r, ok := c.is(rest, graph.OpSub)
					if !ok || !c.same(y, c.nodes[r].in[1]) {
						return false
					}
					if v, ok := c.number(c.nodes[r].in[0]); !ok || v != 1 {
						return false
					}
					c.rewrite(i, opSigmoidGrad, g, y)
					return true
				})
			}
			return false
		})
	case graph.OpSum:
		// The gradient of a vector that was repeated along leading axes.
		if r, ok := c.is(c.nodes[i].in[0], graph.OpRowSum); ok {
			in, out := c.nodes[c.nodes[i].in[0]].Shape, c.nodes[i].Shape
			if leading(in, out) {
				c.rewrite(i, graph.OpRowSum, c.nodes[r].in[0])
			}
		}
	case graph.OpAdd:
		// The slope of x s with s = sigmoid(x), times g: g s + (g x) s' in
		// reverse mode, g s + x (g s') in forward mode.
		c.sides(i, func(p, q int) bool {
			if r, ok := c.is(q, opSigmoidGrad); ok {
				gx, s := c.nodes[r].in[0], c.nodes[r].in[1]
				if s, ok := c.is(s, graph.OpSigmoid); ok {
					x := c.nodes[s].in[0]
					if m, ok := c.is(gx, graph.OpMul); ok {
						return c.sides(m, func(g, x2 int) bool {
							if !c.same(x, x2) || !c.product(p, g, s) {
								return false
							}
							c.rewrite(i, opSiLUGrad, g, x)
							return true
						})
					}
				}
			}
			if r, ok := c.is(q, graph.OpMul); ok {
				return c.sides(r, func(x, gs int) bool {
					gs, ok := c.is(gs, opSigmoidGrad)
					if !ok {
						return false
					}
					g := c.nodes[gs].in[0]
					s, ok := c.is(c.nodes[gs].in[1], graph.OpSigmoid)
					if !ok || !c.same(x, c.nodes[s].in[0]) || !c.product(p, g, s) {
						return false
					}
					c.rewrite(i, opSiLUGrad, g, x)
					return true
				})
			}
			return false
		})
	}
}

// leading reports whether a sum from shape in to shape out is over the first
// axes.
func leading(in, out []int) bool {
	d := 0
	for d < len(in) && out[d] == 1 {
		d++
	}
	for ; d < len(in); d++ {
		if in[d] != out[d] {
			return false
		}
	}
	return true
}

// number returns the constant that stands in every element of i.
func (c *compiler) number(i int) (float64, bool) {
	for {
		n := &c.nodes[i]
		switch n.Op {
		case graph.OpConst:
			return n.Const[0], len(n.Const) == 1 && n.DType == graph.Float32
		case graph.OpToRows, graph.OpBroadcast, graph.OpReshape, graph.OpStopGradient:
			i = n.in[0]
		default:
			return 0, false
		}
	}
}

// fuseNumber makes x op constant an operation of one operand.
func (c *compiler) fuseNumber(i int) {
	n := &c.nodes[i]
	if !n.Op.IsBinary() {
		return
	}
	x, y := n.in[0], n.in[1]
	v, ok := c.number(y)
	if !ok {
		v, ok = c.number(x)
		if !ok || (n.Op != graph.OpAdd && n.Op != graph.OpMul) {
			return
		}
		x = y
	}
	op := opScale
	switch n.Op {
	case graph.OpAdd:
		op = opShift
	case graph.OpSub:
		op, v = opShift, -v
	case graph.OpMul:
	case graph.OpDiv:
		v = 1 / v
		if math.IsInf(float64(float32(v)), 0) || math.Abs(v) < 0x1p-126 {
			return
		}
	default:
		return
	}
	c.rewrite(i, op, x).num = float32(v)
}

// fuseColumn adds or multiplies by a value that was repeated along the last
// axes without repeating it.
func (c *compiler) fuseColumn(i int) {
	op, minus := opMulCol, false
	switch c.nodes[i].Op {
	case graph.OpAdd:
		op = opAddCol
	case graph.OpSub:
		op, minus = opAddCol, true
	case graph.OpMul:
	default:
		return
	}
	right := c.nodes[i].in[1]
	c.sides(i, func(x, y int) bool {
		if minus && y != right {
			return false
		}
		b, ok := c.is(y, graph.OpBroadcast)
		if !ok || c.same(x, y) {
			return false
		}
		v := c.nodes[b].in[0]
		if !lastAxes(c.nodes[v].Shape, c.nodes[b].Shape) {
			return false
		}
		if minus {
			n := &c.nodes[v]
			v = c.append(node{Node: graph.Node{Op: graph.OpNeg, Kind: n.Kind, Shape: n.Shape}, in: []int{v}})
		}
		c.rewrite(i, op, x, v)
		return true
	})
}

// fuseRow adds or multiplies by a value that was repeated along the first axes,
// perhaps also for every row, without repeating it.
func (c *compiler) fuseRow(i int) {
	op, minus := opMulRow, false
	switch c.nodes[i].Op {
	case graph.OpAdd:
		op = opAddRow
	case graph.OpSub:
		op, minus = opAddRow, true
	case graph.OpMul:
	default:
		return
	}
	if c.nodes[i].DType != graph.Float32 {
		return
	}
	right := c.nodes[i].in[1]
	c.sides(i, func(x, y int) bool {
		if minus && y != right || c.same(x, y) {
			return false
		}
		b := c.nodes[y].root
		if c.nodes[b].Op == graph.OpToRows {
			b = c.nodes[c.nodes[b].in[0]].root
		}
		if c.nodes[b].Op != graph.OpBroadcast {
			return false
		}
		v := c.nodes[b].in[0]
		if !leading(c.nodes[b].Shape, c.nodes[v].Shape) {
			return false
		}
		if minus {
			n := &c.nodes[v]
			v = c.append(node{Node: graph.Node{Op: graph.OpNeg, Kind: n.Kind, Shape: n.Shape}, in: []int{v}})
		}
		c.rewrite(i, op, x, v)
		return true
	})
}

// lastAxes reports whether only the last axes of small are repeated to make
// big.
func lastAxes(small, big []int) bool {
	repeated := false
	for d := range big {
		if small[d] != big[d] {
			repeated = true
		} else if repeated && big[d] != 1 {
			return false
		}
	}
	return repeated
}

// readers returns the live nodes that read each node itself.
func (c *compiler) readers() [][]int {
	out := make([][]int, len(c.nodes))
	for i := range c.nodes {
		if c.nodes[i].live {
			for _, j := range c.nodes[i].in {
				out[j] = append(out[j], i)
			}
		}
	}
	return out
}

// fuseDense gives products with weights a packed weight, which is made once per
// Run, and takes in a bias and an activation.
func (c *compiler) fuseDense() {
	readers := c.readers()
	packs := map[[3]int]int{}
	for i := range len(readers) {
		n := c.nodes[i]
		if !n.live || n.Op != graph.OpLinear || n.Kind != graph.Row {
			continue
		}
		at := i
		bias, add := -1, -1
		x, w := n.in[0], n.in[1]
		cols := n.Shape[len(n.Shape)-1]
		if n.uses == 1 && len(readers[i]) == 1 {
			if a := readers[i][0]; c.nodes[a].Op == graph.OpAdd {
				if v, ok := c.bias(a, i, cols); ok {
					bias, add, at = v, a, a
				}
			}
		}
		act := -1
		for _, y := range readers[at] {
			if _, ok := denseActs[c.nodes[y].Op]; ok {
				act = y
				break
			}
		}
		if add < 0 && act < 0 && !n.TransB && c.nodes[w].Size() < packFrom && !c.windowed(i, readers) {
			continue // the kernel reads the weight where it is
		}
		// The weight, packed once for all products that read it this way.
		key := [3]int{c.nodes[w].root, cols, 0}
		if n.TransB {
			key[2] = 1
		}
		pack, ok := packs[key]
		if !ok {
			rows := c.nodes[x].Shape[len(c.nodes[x].Shape)-1]
			pack = c.append(node{
				Node: graph.Node{Op: opPack, Kind: graph.Static, Shape: []int{rows, cols}, TransB: n.TransB},
				in:   []int{w},
			})
			packs[key] = pack
		}
		if add < 0 {
			c.rewrite(i, opDense, x, pack)
		} else {
			c.rewrite(add, opDense, x, pack, bias)
		}
		if act >= 0 {
			kind := denseActs[c.nodes[act].Op]
			c.rewrite(act, opAct, at).act = kind
			c.nodes[at].acts = act
		}
	}
}

// packFrom is the number of elements from which packing a weight pays that
// need not be transposed.
const packFrom = 1 << 14

var denseActs = map[graph.Op]kernel.Act{
	graph.OpReLU:    kernel.ReLU,
	graph.OpTanh:    kernel.Tanh,
	graph.OpSigmoid: kernel.Sigmoid,
	opSiLU:          kernel.SiLU,
}

// bias returns the vector of cols elements that node add adds to every line of
// product.
func (c *compiler) bias(add, product, cols int) (int, bool) {
	in := c.nodes[add].in
	v := in[1]
	if v == product {
		v = in[0]
	}
	if c.nodes[v].Op != graph.OpToRows {
		return 0, false
	}
	v = c.nodes[v].in[0]
	if c.nodes[v].Size() == cols {
		return v, true
	}
	if n := &c.nodes[v]; n.Op == graph.OpBroadcast {
		from := &c.nodes[n.in[0]]
		if s := from.Shape; from.Size() == cols && len(s) > 0 && s[len(s)-1] == cols {
			return n.in[0], true
		}
	}
	return 0, false
}
