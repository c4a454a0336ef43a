package graph

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Decode reads a program from the JSON that json.Marshal writes for it, and
// checks it as strictly as the builder would: every operation's shape rule,
// order, and every reference. The error wraps ErrProgram.
func Decode(data []byte) (*Program, error) {
	p := &Program{}
	if err := json.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProgram, err)
	}
	return p, p.check()
}

// maxSize bounds the elements of a value in a decoded program, so that sizes
// from a hostile file cannot overflow.
const maxSize = 1 << 31

func (p *Program) check() error {
	for i := range p.Nodes {
		n := &p.Nodes[i]
		if s := elements(n.Shape); s < 0 {
			return fmt.Errorf("%w: node %d has an impossible shape %v", ErrProgram, i, n.Shape)
		}
		if n.DType > Int32 || n.Kind > Reduced {
			return fmt.Errorf("%w: node %d has an unknown type or kind", ErrProgram, i)
		}
		in := make([]*Node, len(n.In))
		for j, v := range n.In {
			if v < 0 || int(v) >= i {
				return fmt.Errorf("%w: node %d reads node %d, which does not precede it", ErrProgram, i, v)
			}
			in[j] = &p.Nodes[v]
		}
		want := *n
		if err := infer(&want, in); err != nil {
			return fmt.Errorf("node %d: %w", i, err)
		}
		if want.Kind != n.Kind || want.DType != n.DType || !slices.Equal(want.Shape, n.Shape) {
			return fmt.Errorf("%w: node %d says %s, but is %s", ErrProgram, i, n, &want)
		}
	}
	inside := func(v Value) bool { return v >= 0 && int(v) < len(p.Nodes) }
	named := map[string]bool{}
	for _, q := range p.Params {
		id := "param " + q.Group + "/" + q.Name
		if named[id] {
			return fmt.Errorf("%w: %s twice", ErrProgram, id)
		}
		named[id] = true
		if elements(q.Shape) < 0 {
			return fmt.Errorf("%w: %s has an impossible shape %v", ErrProgram, id, q.Shape)
		}
		if q.Node == None {
			continue
		}
		if !inside(q.Node) || p.Nodes[q.Node].Op != OpParam || !slices.Equal(p.Nodes[q.Node].Shape, q.Shape) {
			return fmt.Errorf("%w: %s is not the node it names", ErrProgram, id)
		}
	}
	for _, r := range p.Rows {
		id := "row input " + r.Name
		if named[id] {
			return fmt.Errorf("%w: %s twice", ErrProgram, id)
		}
		named[id] = true
		if elements(r.Shape) < 0 {
			return fmt.Errorf("%w: %s has an impossible shape %v", ErrProgram, id, r.Shape)
		}
		if r.Node == None {
			continue
		}
		if n := r.Node; !inside(n) || p.Nodes[n].Op != OpRow || p.Nodes[n].DType != r.DType || !slices.Equal(p.Nodes[n].Shape, r.Shape) {
			return fmt.Errorf("%w: %s is not the node it names", ErrProgram, id)
		}
	}
	for i, n := range p.Nodes {
		bound := true
		switch n.Op {
		case OpParam:
			bound = slices.ContainsFunc(p.Params, func(q Param) bool { return int(q.Node) == i })
		case OpRow:
			bound = slices.ContainsFunc(p.Rows, func(r RowInput) bool { return int(r.Node) == i })
		}
		if !bound {
			return fmt.Errorf("%w: node %d is an input that is not declared", ErrProgram, i)
		}
	}
	for _, o := range p.Outputs {
		if !inside(o.Value) || o.GradOf < -1 || o.GradOf >= len(p.Params) || named["output "+o.Name] {
			return fmt.Errorf("%w: output %q is out of range or named twice", ErrProgram, o.Name)
		}
		named["output "+o.Name] = true
	}
	return nil
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		if d < 0 || d > maxSize {
			return -1
		}
		if n *= d; n > maxSize {
			return -1
		}
	}
	return n
}
