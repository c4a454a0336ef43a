package exec

import (
	"slices"

	"laminar/graph"
)

// A strip is a run of operations that look at the same lines of a row, one line
// or element after the other: elementwise ones, and sums of their results. It is
// done a few lines at a time, so that what one operation leaves is still in the
// first-level cache when the next one reads it; what nothing else reads never
// gets a place of its own. The bits are those of the operations one by one.
type strip struct {
	lines int // of a row
	step  int // lines at a time
	ops   []instr
	// per has for each operation the elements per line of its result and of its
	// operands, 0 for what is the same for all lines.
	per [][]int
}

// stripLen is about the number of elements of a value that are worked on at a
// time.
const stripLen = 1 << 12

// minStrip is the least number of elements of a row from which strips pay.
const minStrip = 1 << 11

// strips finds the strips in an order of nodes, and returns an order in which
// their members are neighbours. node.strip is the number of a member's strip.
func (c *compiler) strips(order []int) []int {
	for i := range c.nodes {
		c.nodes[i].strip = -1
	}
	var out []int
	for at := 0; at < len(order); {
		lines := c.stripLines(order[at])
		if lines == 0 {
			out = append(out, order[at])
			at++
			continue
		}
		members, end := c.grow(order[at:], lines, &out)
		if len(members) > 1 {
			for _, i := range members {
				c.nodes[i].strip = len(c.prog.strips)
			}
			step := max(1, stripLen*lines/c.nodes[members[0]].Size())
			c.prog.strips = append(c.prog.strips, strip{lines: lines, step: min(step, lines)})
		}
		out = append(out, members...)
		at += end
	}
	return out
}

// grow returns the members of the strip that begins an order of nodes, and how
// many nodes it has taken; nodes between the members that need none of them go
// to out.
func (c *compiler) grow(order []int, lines int, out *[]int) (members []int, taken int) {
	inside := map[int]bool{}   // members
	complete := map[int]bool{} // members whose result is there only at the end
	for ; taken < len(order); taken++ {
		i := order[taken]
		n := &c.nodes[i]
		if n.root != i {
			*out = append(*out, i) // a view: nothing to do
			continue
		}
		per, fits := c.perLine(i, lines)
		reads := false
		for k, j := range n.in {
			r := c.nodes[j].root
			reads = reads || inside[r]
			fits = fits && !complete[r] && (per[k+1] > 0 || !inside[r])
		}
		switch {
		case fits:
			members = append(members, i)
			inside[i], complete[i] = true, per[0] == 0
		case !reads && n.Size()*4 <= c.nodes[members[0]].Size():
			*out = append(*out, i)
		default:
			return members, taken
		}
	}
	return members, taken
}

// stripLines is the number of lines of a strip that begins with node i, 0 if
// none does.
func (c *compiler) stripLines(i int) int {
	n := &c.nodes[i]
	if n.root != i || n.stage != stageRow || !elementwise(n.Op) || n.Size() < minStrip || n.DType != graph.Float32 || len(n.Shape) == 0 {
		return 0
	}
	lines := n.Size() / n.Shape[len(n.Shape)-1]
	if lines < 8 {
		return 0
	}
	if _, ok := c.perLine(i, lines); !ok {
		return 0
	}
	return lines
}

// perLine returns the elements per line of node i's result and of each operand,
// 0 for one that is the same for all lines, if it can be a member of a strip.
func (c *compiler) perLine(i, lines int) ([]int, bool) {
	n := &c.nodes[i]
	if n.stage != stageRow && n.stage != stageSum || n.DType != graph.Float32 || len(n.in) == 0 {
		return nil, false
	}
	for _, j := range n.in {
		if c.nodes[j].DType != graph.Float32 {
			return nil, false
		}
	}
	x := c.nodes[n.in[0]].Size()
	all := func(size int) ([]int, bool) {
		per := []int{size / lines}
		for range n.in {
			per = append(per, size/lines)
		}
		return per, size > 0 && size%lines == 0
	}
	switch {
	case n.Op == opAddRow || n.Op == opMulRow:
		w := c.nodes[n.in[1]].Size()
		return []int{x / lines, x / lines, 0}, x > 0 && x%lines == 0 && x/lines%w == 0
	case n.Op == opAddCol || n.Op == opMulCol:
		w := c.nodes[n.in[1]].Size()
		return []int{x / lines, x / lines, w / lines}, w > 0 && w%lines == 0
	case n.Op == graph.OpConvert:
		return nil, false
	case elementwise(n.Op):
		return all(n.Size())
	case n.Op == graph.OpRowSum:
		return []int{0, x / lines}, n.Size() > 0 && x > 0 && x%lines == 0 && x/lines%n.Size() == 0
	case n.Op == graph.OpSum || n.Op == graph.OpReduceMax:
		if n.Kind != graph.Row || x == 0 {
			return nil, false
		}
		in := c.nodes[n.in[0]].Shape
		if k, lead := trailing(in, n.Shape); k > 0 {
			return []int{lead / lines, x / lines}, lead%lines == 0
		}
		lead, _, inner := middle(in, n.Shape)
		return []int{0, x / lines}, n.Op == graph.OpSum && lead == 1 && inner > 1 && x%lines == 0 && x/lines%inner == 0
	}
	return nil, false
}

// strip runs a strip on the frame's block.
func (f *frame) strip(s *strip) {
	for k := range s.ops {
		if i := &s.ops[k]; s.per[k][0] == 0 && (i.op == graph.OpSum || f.first) {
			clear(f.at(&i.dst))
		}
	}
	for r := range f.rows {
		for lo := 0; lo < s.lines; lo += s.step {
			hi := min(lo+s.step, s.lines)
			for k := range s.ops {
				f.piece(&s.ops[k], s.per[k], r, lo, hi)
			}
		}
	}
}

// lines returns lines lo to hi-1 of row r of a value, which has per elements in
// each; of one that is the same for all lines, all.
func (f *frame) lines(v *ref, per, r, lo, hi int) []float32 {
	switch {
	case v.space == inStrip:
		return f.strips[v.off : v.off+(hi-lo)*per]
	case per == 0 && !v.row:
		return f.at(v)
	case per == 0:
		return f.at(v)[r*v.size : (r+1)*v.size]
	case !v.row:
		return f.at(v)[lo*per : hi*per]
	}
	return f.at(v)[r*v.size+lo*per : r*v.size+hi*per]
}

// piece does lines lo to hi-1 of row r of one operation.
func (f *frame) piece(i *instr, per []int, r, lo, hi int) {
	k := f.s.prog.kernel
	dst := f.lines(&i.dst, per[0], r, lo, hi)
	x := f.lines(&i.in[0], per[1], r, lo, hi)
	var y []float32
	if len(per) > 2 {
		y = f.lines(&i.in[1], per[2], r, lo, hi)
	}
	switch i.op {
	case opAddRow:
		k.AddRow(dst, x, y, len(x)/len(y), len(y))
	case opMulRow:
		k.MulRow(dst, x, y, len(x)/len(y), len(y))
	case opAddCol:
		k.AddCol(dst, x, y, len(y), len(x)/len(y))
	case opMulCol:
		k.MulCol(dst, x, y, len(y), len(x)/len(y))
	case graph.OpRowSum:
		k.ColSum(dst, x, len(x)/len(dst), len(dst))
	case graph.OpSum:
		if per[0] == 0 {
			k.ColSum(dst, x, len(x)/len(dst), len(dst))
			return
		}
		k.RowSum(dst, x, len(dst), len(x)/len(dst))
	case graph.OpReduceMax:
		k.RowMax(dst, x, len(dst), len(x)/len(dst))
	default:
		var z []float32
		if len(per) > 3 {
			z = f.lines(&i.in[2], per[3], r, lo, hi)
		}
		f.elementwise(i, dst, x, y, z)
	}
}

// stripPlaces gives results that only members of their strip read a place in the
// memory of strips.
func (c *compiler) stripPlaces(order []int) {
	last := map[int]int{}     // by root, the position of its last reader
	outside := map[int]bool{} // roots that are read by others
	for at, i := range order {
		n := &c.nodes[i]
		for _, j := range n.in {
			r := c.nodes[j].root
			last[r] = at
			if n.root == i && (n.strip < 0 || n.strip != c.nodes[r].strip) {
				outside[r] = true
			}
		}
	}
	for _, o := range c.src.Outputs {
		outside[c.nodes[o.Value].root] = true
	}
	var free freeList
	now := -1
	space := func(i int) int {
		s := &c.prog.strips[c.nodes[i].strip]
		return roundUp(s.step*c.nodes[i].Size()/s.lines, align)
	}
	for at, i := range order {
		n := &c.nodes[i]
		if n.strip < 0 {
			continue
		}
		if n.strip != now {
			now, free = n.strip, freeList{}
		}
		s := &c.prog.strips[n.strip]
		if per, _ := c.perLine(i, s.lines); per[0] > 0 && !outside[i] {
			n.at = ref{space: inStrip, row: true, off: free.take(space(i)), size: n.Size()}
		}
		var ended []int
		for _, j := range n.in {
			r := c.nodes[j].root
			if last[r] == at && c.nodes[r].at.space == inStrip && c.nodes[r].at.size > 0 && !slices.Contains(ended, r) {
				ended = append(ended, r)
				free.give(c.nodes[r].at.off, space(r))
			}
		}
		c.prog.stripLen = max(c.prog.stripLen, free.high)
	}
}
