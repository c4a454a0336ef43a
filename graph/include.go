package graph

import "fmt"

// Include appends the operations of a finished program to b, so that they can be
// computed with and differentiated further, and returns the value of each of the
// program's nodes: value v of p is at index v. Parameters and row inputs keep
// their names and order, the unused ones too, and are those that b has under
// these names already; outputs are the caller's to name.
func (b *Builder) Include(p *Program) []Value {
	for _, q := range p.Params {
		b.Param(q.Group, q.Name, q.Shape...)
	}
	for _, r := range p.Rows {
		b.Row(r.Name, r.DType, r.Shape...)
	}
	to := make([]Value, len(p.Nodes))
	for i, n := range p.Nodes {
		switch n.Op {
		case OpParam:
			to[i] = b.Param(n.Group, n.Name, n.Shape...)
			continue
		case OpRow:
			to[i] = b.Row(n.Name, n.DType, n.Shape...)
			continue
		}
		in := make([]Value, len(n.In))
		for j, v := range n.In {
			if v < 0 || int(v) >= i {
				b.fail(fmt.Errorf("%w: node %d comes before its operand", ErrProgram, i))
				return repeatNone(len(p.Nodes))
			}
			in[j] = to[v]
		}
		n.In = in
		to[i] = b.add(n)
	}
	return to
}
