package exec

import (
	"fmt"

	"laminar/graph"
)

// fuseCommon takes what all rows have in common out of the products of weights with
// values that were joined from several parts: with s the same for all rows,
//
//	[x, s] W + b = x W1 + (s W2 + b),
//
// where the bracket is computed once. Parts that are 0 drop out.
func (c *compiler) fuseCommon() {
	readers := c.readers()
	for i := range len(readers) {
		n := &c.nodes[i]
		if n.live && n.Op == graph.OpLinear && n.Kind == graph.Row && len(n.Shape) == 1 {
			if joined, ok := c.is(n.in[0], graph.OpConcat); ok && len(c.nodes[joined].Shape) == 1 {
				c.part(i, joined, readers)
			}
		}
	}
}

// parts are some of the values that were joined, and the lines of the weight that
// they meet.
type parts struct {
	values []int
	lines  [][2]int
}

func (p *parts) add(value, lo, hi int) {
	p.values = append(p.values, value)
	if k := len(p.lines) - 1; k >= 0 && p.lines[k][1] == lo {
		p.lines[k][1] = hi
		return
	}
	p.lines = append(p.lines, [2]int{lo, hi})
}

// part rewrites product i of what node joined has joined.
func (c *compiler) part(i, joined int, readers [][]int) {
	var own, common parts
	at, cut := 0, false
	for _, j := range c.nodes[joined].in {
		lo, hi := at, at+c.nodes[j].Size()
		at = hi
		r, same := c.is(j, graph.OpToRows)
		if !same || len(c.nodes[c.nodes[r].in[0]].Shape) != 1 {
			own.add(j, lo, hi)
			continue
		}
		cut = true
		if v, ok := c.number(j); !ok || v != 0 {
			common.add(c.nodes[r].in[0], lo, hi)
		}
	}
	if !cut || len(own.values) == 0 {
		return
	}
	if len(common.values) == 0 {
		x, w := c.join(own, graph.Row), c.lines(i, own.lines)
		c.rewrite(i, graph.OpLinear, x, w)
		return
	}
	once := c.times(i, common, graph.Static)
	sum := i
	if len(readers[i]) == 1 && c.nodes[i].uses == 1 {
		if a := readers[i][0]; c.nodes[a].Op == graph.OpAdd {
			if bias, ok := c.bias(a, i, c.nodes[i].Size()); ok && len(c.nodes[bias].Shape) == 1 {
				once = c.append(node{Node: graph.Node{Op: graph.OpAdd, Kind: graph.Static, Shape: c.nodes[i].Shape}, in: []int{bias, once}})
				sum = a
			}
		}
	}
	rows := c.append(node{Node: graph.Node{Op: graph.OpToRows, Kind: graph.Row, Shape: c.nodes[i].Shape}, in: []int{once}})
	c.rewrite(sum, graph.OpAdd, c.times(i, own, graph.Row), rows)
}

// times returns the product of some of the parts with their lines of the weight of
// product i.
func (c *compiler) times(i int, p parts, kind graph.Kind) int {
	x, w := c.join(p, kind), c.lines(i, p.lines)
	n := &c.nodes[i]
	return c.append(node{Node: graph.Node{Op: graph.OpLinear, Kind: kind, Shape: n.Shape, TransB: n.TransB}, in: []int{x, w}})
}

// join returns the parts side by side.
func (c *compiler) join(p parts, kind graph.Kind) int {
	if len(p.values) == 1 {
		return p.values[0]
	}
	size := 0
	for _, j := range p.values {
		size += c.nodes[j].Size()
	}
	return c.append(node{Node: graph.Node{Op: graph.OpConcat, Kind: kind, Shape: []int{size}, Ints: []int{0}}, in: p.values})
}

// lines returns some lines of the weight of product i, the same node for all products
// that ask for the same ones, so that they are cut and packed once: those of many
// tangents do.
func (c *compiler) lines(i int, lines [][2]int) int {
	w := c.nodes[i].in[1]
	key := fmt.Sprint(c.nodes[w].root, c.nodes[w].Shape, c.nodes[i].TransB, lines)
	if cut, ok := c.cuts[key]; ok {
		return cut
	}
	if c.cuts == nil {
		c.cuts = map[string]int{}
	}
	c.cuts[key] = c.cutOf(w, i, lines)
	return c.cuts[key]
}

// cutOf writes the lines of w, the weight of product i.
func (c *compiler) cutOf(w, i int, lines [][2]int) int {
	axis := 0
	if c.nodes[i].TransB {
		axis = 1
	}
	var pieces []int
	total := 0
	cut := func(op graph.Op, size int, ints, in []int) int {
		shape := []int{c.nodes[w].Shape[0], c.nodes[w].Shape[1]}
		shape[axis] = size
		return c.append(node{Node: graph.Node{Op: op, Kind: graph.Static, Shape: shape, Ints: ints}, in: in})
	}
	for _, l := range lines {
		total += l[1] - l[0]
		pieces = append(pieces, cut(graph.OpSlice, l[1]-l[0], []int{axis, l[0], l[1]}, []int{w}))
	}
	if len(pieces) == 1 {
		return pieces[0]
	}
	return cut(graph.OpConcat, total, []int{axis}, pieces)
}
