package graph

import (
	"fmt"
	"slices"
)

// Include appends the operations of a finished program to b, so that they can be
// computed with and differentiated further, and returns the value of each of the
// program's nodes: value v of p is at index v. Parameters and row inputs keep
// their names and order, the unused ones too, and are those that b has under
// these names already; outputs are the caller's to name.
func (b *Builder) Include(p *Program) []Value { return b.IncludeWith(p, nil) }

// IncludeWith is Include with values of b, static ones or those of a row, in place of
// the row inputs of these names, which must have the type and shape of the inputs.
// What depends on no other row inputs than those with a static value becomes static
// itself, and so is computed once for all rows; ToRows makes it a row value again. The
// builder's error wraps ErrProgram when a value does not fit.
func (b *Builder) IncludeWith(p *Program, inputs map[string]Value) []Value {
	for _, q := range p.Params {
		b.Param(q.Group, q.Name, q.Shape...)
	}
	for _, r := range p.Rows {
		if _, given := inputs[r.Name]; !given {
			b.Row(r.Name, r.DType, r.Shape...)
		}
	}
	to := make([]Value, len(p.Nodes))
	for i, n := range p.Nodes {
		switch n.Op {
		case OpParam:
			to[i] = b.Param(n.Group, n.Name, n.Shape...)
			continue
		case OpRow:
			if v, given := inputs[n.Name]; given {
				to[i] = b.input(v, n)
			} else {
				to[i] = b.Row(n.Name, n.DType, n.Shape...)
			}
			continue
		}
		in, rows := make([]Value, len(n.In)), n.Kind == Reduced
		for j, v := range n.In {
			if v < 0 || int(v) >= i {
				b.fail(fmt.Errorf("%w: node %d comes before its operand", ErrProgram, i))
				return repeatNone(len(p.Nodes))
			}
			in[j] = to[v]
			rows = rows || b.Kind(to[v]) == Row
		}
		if n.Op == OpToRows && len(inputs) > 0 {
			to[i] = in[0] // until it meets a row value
			continue
		}
		for j, v := range n.In {
			if rows && p.Nodes[v].Kind == Row {
				in[j] = b.ToRows(in[j])
			}
		}
		n.In = in
		to[i] = b.add(n)
	}
	return to
}

// input is v in place of the row input n.
func (b *Builder) input(v Value, n Node) Value {
	if v < 0 || int(v) >= len(b.nodes) {
		return b.fail(fmt.Errorf("%w: input %s is no value of this builder", ErrProgram, n.Name))
	}
	have := &b.nodes[v]
	if have.Kind == Reduced || have.DType != n.DType || !slices.Equal(have.Shape, n.Shape) {
		return b.fail(fmt.Errorf("%w: input %s is %s, want %s%v", ErrProgram, n.Name, have, n.DType, n.Shape))
	}
	return v
}
