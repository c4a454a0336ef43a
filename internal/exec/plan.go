package exec

import (
	"fmt"
	"slices"

	"laminar/graph"
)

const (
	// defaultBlockBytes fits the second-level cache of the processors of the
	// last ten years, with room for the weights.
	defaultBlockBytes = 512 << 10
	// A block has maxBlock rows, or the next smaller power of two that keeps
	// to its bytes. Products of few rows are slow: from goodBlock rows down a
	// block may take 8 times its bytes, from minBlock down 100 times.
	maxBlock, goodBlock, minBlock = 256, 64, 16
	// largeRow is the memory of a row from which on a block of a few is enough work
	// for a core.
	largeRow = 128 << 10
	// lanesBytes bounds the memory of all lanes, within minLanes and maxLanes.
	lanesBytes         = 4 << 20
	minLanes, maxLanes = 4, 8
	// pieceLen is the number of elements of lanes that are added at a time.
	pieceLen = 1 << 13
	// shareFrom is the number of elements from which packing weights is shared
	// between cores.
	shareFrom = 1 << 15
	// align is the number of elements in a cache line.
	align = 16
)

// space is a piece of memory that values live in.
type space uint8

const (
	inConsts  space = iota // Program.consts
	inStatic               // Session.static
	inParams               // a bound arena
	inRows                 // a bound row input
	inScratch              // the block's scratch
	inStrip                // the strips' memory
	inAcc                  // a sum over rows: the lane's, or the final one
)

// ref is where a value lives.
type ref struct {
	space space
	row   bool // size elements for each row of the block
	index int  // of the group, row input or acc
	off   int
	size  int
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

// plan decides the memory of every value and writes the instructions.
func (c *compiler) plan() {
	p := c.prog
	order := c.order()
	if !c.opt.Plain && !c.opt.apart {
		order = c.strips(order)
		c.stripPlaces(order)
	}
	c.placeInputs(order)
	c.placeRows(order)

	// A block's rows follow from the memory that one row takes.
	perRow := p.rowLen
	for _, r := range c.src.Rows {
		perRow += sizeOf(r.Shape)
	}
	for _, i := range order {
		if n := &c.nodes[i]; n.Op == graph.OpToRows && n.root == i {
			perRow += n.Size()
		}
	}
	p.block = maxBlock
	for p.block > 1 {
		bytes := 4 * perRow * p.block
		if bytes <= c.opt.BlockBytes || (p.block <= goodBlock && bytes <= 8*c.opt.BlockBytes) ||
			(p.block <= minBlock && bytes <= 100*c.opt.BlockBytes) {
			break
		}
		p.block /= 2
	}
	if 4*perRow >= largeRow {
		for p.block > 1 && c.opt.Rows > 0 && minLanes*p.block > c.opt.Rows {
			p.block /= 2
		}
	}
	for i := range c.nodes {
		if at := &c.nodes[i].at; at.space == inScratch {
			at.off *= p.block
		}
	}
	c.placeOnce(order)
	p.lanes = maxLanes
	for p.lanes > minLanes && p.lanes*p.accLen*4 > lanesBytes {
		p.lanes /= 2
	}
	for k, a := range p.accs {
		for lo := 0; lo < a.size; lo += pieceLen {
			p.pieces = append(p.pieces, piece{k, lo, min(lo+pieceLen, a.size)})
		}
	}
	c.outputs()
	c.emit(order)
}

func sizeOf(shape []int) int {
	s := 1
	for _, d := range shape {
		s *= d
	}
	return s
}

// placeInputs places parameters and row inputs where the caller binds them.
func (c *compiler) placeInputs(order []int) {
	p := c.prog
	for _, i := range order {
		n := &c.nodes[i]
		switch n.Op {
		case graph.OpParam:
			g := slices.Index(p.groups, n.Group)
			if g < 0 {
				c.fail("parameter %s/%s is not declared", n.Group, n.Name)
				return
			}
			for _, e := range p.layout[g].Entries {
				if e.Name == n.Name {
					n.at = ref{space: inParams, index: g, off: e.Offset, size: e.Size}
				}
			}
			p.needGroup[g] = true
		case graph.OpRow:
			k := slices.IndexFunc(c.src.Rows, func(r graph.RowInput) bool { return r.Name == n.Name })
			if k < 0 {
				c.fail("row input %s is not declared", n.Name)
				return
			}
			n.at = ref{space: inRows, row: true, index: k, size: n.Size()}
			p.needRow[k] = true
		}
	}
}

func (c *compiler) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: exec: "+format, append([]any{graph.ErrProgram}, args...)...)
	}
}

// placeRows gives the row values places in the scratch of a block, in elements
// per row: one place serves several values that do not live at the same time,
// and an elementwise operation writes over an operand that nothing reads later.
func (c *compiler) placeRows(order []int) {
	last := make([]int, len(c.nodes)) // position at which a root is read last
	for at, i := range order {
		for _, j := range c.nodes[i].in {
			last[c.nodes[j].root] = at
		}
	}
	for _, o := range c.src.Outputs {
		last[c.nodes[o.Value].root] = len(order)
	}
	var free freeList
	var ended []int // operands that the members of the strip at hand read last
	strip := -1
	for at, i := range order {
		n := &c.nodes[i]
		if n.strip != strip && n.root == i {
			for _, r := range ended {
				free.give(c.nodes[r].at.off, c.nodes[r].at.size)
			}
			ended, strip = nil, n.strip
		}
		if (n.stage != stageRow && n.stage != stageSum) || n.root != i || n.Op == graph.OpRow {
			continue
		}
		var ending []int // operands that this node reads last
		for _, j := range n.in {
			r := c.nodes[j].root
			if last[r] == at && c.nodes[r].at.space == inScratch && c.nodes[r].at.size > 0 && !slices.Contains(ending, r) {
				ending = append(ending, r)
			}
		}
		if n.stage == stageRow && n.Op != opAct && n.at.space != inStrip {
			n.at = ref{space: inScratch, row: true, size: n.Size()}
			reused := false
			if elementwise(n.Op) {
				for k, r := range ending {
					if c.nodes[r].at.size == n.Size() {
						n.at.off = c.nodes[r].at.off
						ending = slices.Delete(ending, k, k+1)
						reused = true
						break
					}
				}
			}
			if (n.Op == opDense || n.Op == opConv || n.Op == opWino) && n.acts >= 0 {
				// The activation is computed with it. If nothing else reads
				// the pre-activation it needs no memory.
				y := &c.nodes[n.acts]
				y.at = ref{space: inScratch, row: true, size: y.Size()}
				y.at.off = free.take(y.Size())
				if n.uses == 1 {
					n.at.size, reused = 0, true
				}
			}
			if !reused {
				n.at.off = free.take(n.Size())
			}
			if last[i] == 0 {
				c.fail("node %d is live but never read", i)
			}
		}
		if n.strip >= 0 {
			ended = append(ended, ending...)
			continue
		}
		for _, r := range ending {
			free.give(c.nodes[r].at.off, c.nodes[r].at.size)
		}
	}
	c.prog.rowLen = free.high
}

// freeList hands out intervals of a line of memory, lowest first.
type freeList struct {
	gaps [][2]int // offset and length, in order
	high int
}

func (f *freeList) take(n int) int {
	if n == 0 {
		return 0
	}
	for k, g := range f.gaps {
		if g[1] >= n {
			if g[1] == n {
				f.gaps = slices.Delete(f.gaps, k, k+1)
			} else {
				f.gaps[k] = [2]int{g[0] + n, g[1] - n}
			}
			return g[0]
		}
	}
	if k := len(f.gaps) - 1; k >= 0 && f.gaps[k][0]+f.gaps[k][1] == f.high {
		// Grow the gap at the end.
		off := f.gaps[k][0]
		f.gaps = f.gaps[:k]
		f.high = off + n
		return off
	}
	f.high += n
	return f.high - n
}

func (f *freeList) give(off, n int) {
	if n == 0 {
		return
	}
	k, _ := slices.BinarySearchFunc(f.gaps, off, func(g [2]int, off int) int { return g[0] - off })
	f.gaps = slices.Insert(f.gaps, k, [2]int{off, n})
	if k+1 < len(f.gaps) && off+n == f.gaps[k+1][0] {
		f.gaps[k][1] += f.gaps[k+1][1]
		f.gaps = slices.Delete(f.gaps, k+1, k+2)
	}
	if k > 0 && f.gaps[k-1][0]+f.gaps[k-1][1] == off {
		f.gaps[k-1][1] += f.gaps[k][1]
		f.gaps = slices.Delete(f.gaps, k, k+1)
	}
}

// placeOnce places what is computed once: constants, static values, sums.
func (c *compiler) placeOnce(order []int) {
	p := c.prog
	constLen := 0
	for _, i := range order {
		n := &c.nodes[i]
		if n.root != i || n.Op == graph.OpParam {
			continue
		}
		size, total := n.Size(), n.Size()
		if n.Op == opPack || n.Op == opWinoPack {
			size = p.kernel.PackedLen(n.Shape[1], n.Shape[0])
			if n.Op == opWinoPack {
				g := c.wino(n.win, n.Shape[0], n.Shape[1])
				size *= g.planes()
			}
			total = size
		}
		row := n.Op == graph.OpToRows
		if row {
			total *= p.block
		}
		switch n.stage {
		case stageConst:
			n.at = ref{space: inConsts, row: row, off: constLen, size: size}
			constLen = roundUp(constLen+total, align)
		case stageStatic, stageFinal:
			n.at = ref{space: inStatic, row: row, off: p.staticLen, size: size}
			p.staticLen = roundUp(p.staticLen+total, align)
		case stageSum:
			n.at = ref{space: inAcc, index: len(p.accs), size: size}
			p.accs = append(p.accs, acc{off: p.accLen, size: size, group: -1, home: p.staticLen})
			p.accLen = roundUp(p.accLen+size, align)
			p.staticLen = roundUp(p.staticLen+size, align)
		}
	}
	p.consts = aligned(constLen)
}

// outputs decides where the results go.
func (c *compiler) outputs() {
	p := c.prog
	offset := make([]int, len(c.src.Params)) // in the group's arena
	fill := map[string]int{}
	for k, q := range c.src.Params {
		offset[k] = fill[q.Group]
		fill[q.Group] += sizeOf(q.Shape)
	}
	for _, o := range c.src.Outputs {
		n := &c.nodes[o.Value]
		r := c.place(int(o.Value))
		u := out{name: o.Name, from: r, size: n.Size(), row: n.Kind == graph.Row, ints: n.DType == graph.Int32, group: -1}
		if o.GradOf >= 0 {
			q := c.src.Params[o.GradOf]
			if u.row || u.ints || sizeOf(q.Shape) != u.size {
				c.fail("output %s cannot be the gradient of %s/%s", o.Name, q.Group, q.Name)
				return
			}
			u.group, u.pos = slices.Index(p.groups, q.Group), offset[o.GradOf]
			if r.space == inAcc && p.accs[r.index].group < 0 {
				a := &p.accs[r.index]
				a.group, a.pos, u.accumulated = u.group, u.pos, true
			}
		}
		p.outs = append(p.outs, u)
	}
}

// place returns where node i's value lives.
func (c *compiler) place(i int) ref { return c.nodes[c.nodes[i].root].at }

// emit writes the instructions of every stage and runs the constant one.
func (c *compiler) emit(order []int) {
	p := c.prog
	var constant []instr
	copied := make([]bool, len(p.outs))
	copyOut := func(root int) {
		for k, o := range c.src.Outputs {
			if !copied[k] && p.outs[k].row && (root < 0 || c.nodes[o.Value].root == root) {
				copied[k] = true
				p.rows = append(p.rows, instr{op: opOut, rowWise: true, in: [4]ref{p.outs[k].from}, n: k})
			}
		}
	}
	for _, i := range order {
		n := &c.nodes[i]
		if n.root != i || n.Op == graph.OpParam || n.Op == graph.OpRow || n.Op == opAct {
			continue
		}
		ins := c.instruction(i)
		switch n.stage {
		case stageConst:
			constant = append(constant, ins)
		case stageStatic:
			ins.groups = n.groups
			if n.Op == opPack || n.Op == opWinoPack {
				p.packs = append(p.packs, ins)
				p.packLen += ins.dst.size
			} else {
				p.static = append(p.static, ins)
			}
		case stageFinal:
			p.final = append(p.final, ins)
		default:
			ins.rowWise = true
			if n.strip >= 0 {
				s := &p.strips[n.strip]
				per, _ := c.perLine(i, s.lines)
				if len(s.ops) == 0 {
					p.rows = append(p.rows, instr{op: opStrip, rowWise: true, n: n.strip})
				}
				s.ops, s.per = append(s.ops, ins), append(s.per, per)
				continue // an output of it is copied at the end
			}
			p.rows = append(p.rows, ins)
			copyOut(i)
			if n.acts >= 0 {
				copyOut(n.acts)
			}
		}
	}
	copyOut(-1)
	if c.err != nil {
		return
	}
	s := &Session{prog: p}
	f := &frame{s: s, rows: p.block}
	for k := range constant {
		f.run(&constant[k])
	}
}
