package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// Decode reads a program from the JSON that json.Marshal writes for it, and
// checks it as strictly as the builder would: every operation's shape rule,
// order, and every reference. The error wraps ErrProgram.
func Decode(data []byte) (*Program, error) {
	p := &Program{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields() // an attribute that is not understood changes the meaning
	if err := d.Decode(p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProgram, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows the program", ErrProgram)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p, nil
}

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
	at := func(v Value) *Node {
		if v < 0 || int(v) >= len(p.Nodes) {
			return nil
		}
		return &p.Nodes[v]
	}
	named := map[string]bool{}
	for _, q := range p.Params {
		id := fmt.Sprintf("param %q/%q", q.Group, q.Name)
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
		n := at(q.Node)
		if n == nil || n.Op != OpParam || n.Group != q.Group || n.Name != q.Name || !slices.Equal(n.Shape, q.Shape) {
			return fmt.Errorf("%w: %s is not the node it names", ErrProgram, id)
		}
	}
	for _, r := range p.Rows {
		id := fmt.Sprintf("row input %q", r.Name)
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
		n := at(r.Node)
		if n == nil || n.Op != OpRow || n.Name != r.Name || n.DType != r.DType || !slices.Equal(n.Shape, r.Shape) {
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
		if at(o.Value) == nil || o.GradOf < -1 || o.GradOf >= len(p.Params) || named["output "+o.Name] {
			return fmt.Errorf("%w: output %q is out of range or named twice", ErrProgram, o.Name)
		}
		named["output "+o.Name] = true
		if o.GradOf >= 0 && !slices.Equal(p.Nodes[o.Value].Shape, p.Params[o.GradOf].Shape) {
			return fmt.Errorf("%w: output %q has shape %v, its parameter %v", ErrProgram, o.Name, p.Nodes[o.Value].Shape, p.Params[o.GradOf].Shape)
		}
	}
	return nil
}
