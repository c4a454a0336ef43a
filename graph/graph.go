// Package graph describes a network as a program of operations, and derives
// other programs from it.
//
// A program is data: it can be differentiated, printed as JSON, run by the CPU
// executor, by the float64 interpreter of this package, or lowered to another
// engine. It is written with a Builder:
//
//	b := graph.NewBuilder()
//	x := b.Row("x", graph.Float32, 3)          // one point of 3 numbers per row
//	w := b.Param("net", "weight", 2, 3)        // shared by all rows
//	y := b.Linear(x, w, true)                  // y = x w'
//	loss := b.Sum(b.Square(b.Sub(y, b.Row("target", graph.Float32, 2))), 0)
//	b.Output("loss", loss)
//	b.OutputGradients(b.Gradient(loss, b.Row("seed", graph.Float32, 1), "net"))
//	p, err := b.Build()
//
// # Three kinds of value
//
// A Static value is the same for every row: a parameter, a constant, what is
// computed from them. A Row value exists once for each row of the batch and has
// a static shape per row; how many rows there are is not part of the program.
// Rows never mix: no operation makes one row depend on another. The one way out
// is a Reduced value, a sum over all rows (RowSum, RowContract, RowScatterAdd),
// which can be computed with further but can never flow back into a row. This
// is what allows an executor to run the rows in blocks, on any number of cores,
// with the same bits.
//
// # Closed under differentiation
//
// Gradient (reverse mode) and JVP (forward mode) append operations of this same
// set to the same builder. So derivatives nest to any depth: a gradient penalty
// is a Gradient of a Gradient, MeanFlow's target a JVP inside a loss.
//
// The builder shares equal subexpressions as they are made and Build removes
// what no output needs. Errors of shape, kind or type are kept by the builder,
// the first one is returned by Build; the methods themselves never fail.
//
// The package does not run on float32, does not fuse and does not plan memory;
// see internal/exec.
package graph

import (
	"errors"
	"fmt"
)

// ErrProgram is wrapped by every error about a program that is not well formed:
// shapes, kinds or types that do not fit an operation.
var ErrProgram = errors.New("invalid program")

// DType is the element type of a value.
type DType uint8

// The element types. Int32 values are indices; no derivative flows into them.
const (
	Float32 DType = iota
	Int32
)

func (t DType) String() string { return name(uint8(t), "float32", "int32") }

// Kind says how a value depends on the rows of the batch.
type Kind uint8

// The kinds: Static values know no rows, Row values exist once per row,
// Reduced values are sums over all rows.
const (
	Static Kind = iota
	Row
	Reduced
)

func (k Kind) String() string { return name(uint8(k), "static", "row", "reduced") }

func name(i uint8, names ...string) string {
	if int(i) < len(names) {
		return names[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}

// Value names the result of one operation within its builder or program: the
// index of its node. None is the value of a failed or absent operation.
type Value int32

// None is no value.
const None Value = -1

// Node is one operation with its result's description. Which attributes matter
// depends on Op; see the constants.
type Node struct {
	Op    Op      `json:"op"`
	In    []Value `json:"in,omitempty"`
	Kind  Kind    `json:"kind,omitempty"`
	DType DType   `json:"dtype,omitempty"`
	// Shape is the shape of one row for Row values, of the whole otherwise.
	// The empty shape is a scalar.
	Shape []int `json:"shape"`

	// Group and Name identify parameters; Name identifies row inputs.
	Group string `json:"group,omitempty"`
	Name  string `json:"name,omitempty"`
	// Ints holds axes, permutations, bounds and sizes, as the operation says.
	Ints []int `json:"ints,omitempty"`
	// TransA and TransB transpose the operands of matrix products.
	TransA bool `json:"transA,omitempty"`
	TransB bool `json:"transB,omitempty"`
	// Const holds a constant: one element for each of the shape, or a single
	// one that stands for all.
	Const []float64 `json:"const,omitempty"`
}

// Size is the number of elements of the value, per row for Row values.
func (n *Node) Size() int { return size(n.Shape) }

func size(shape []int) int {
	s := 1
	for _, d := range shape {
		s *= d
	}
	return s
}

func (n *Node) String() string {
	return fmt.Sprintf("%s %s%v %s", n.Op, n.Kind, n.Shape, n.DType)
}

// Param is one parameter of a program. The parameters of a group, in this
// order and without gaps, form its arena; see Program.Layout.
type Param struct {
	Group string `json:"group"`
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
	// Node is the value of the parameter, None if no output depends on it.
	Node Value `json:"node"`
}

// RowInput is one input that the caller supplies for each row.
type RowInput struct {
	Name  string `json:"name"`
	DType DType  `json:"dtype,omitempty"`
	Shape []int  `json:"shape"`
	// Node is the value of the input, None if no output depends on it.
	Node Value `json:"node"`
}

// Output is one result of a program.
type Output struct {
	Name  string `json:"name"`
	Value Value  `json:"value"`
	// GradOf is the index in Program.Params of the parameter whose gradient
	// this is, or -1.
	GradOf int `json:"gradOf"`
}

// Program is a finished program. It is immutable and safe for concurrent use.
// Nodes stand in an order in which every node follows its inputs.
type Program struct {
	Nodes   []Node     `json:"nodes"`
	Params  []Param    `json:"params"`
	Rows    []RowInput `json:"rows"`
	Outputs []Output   `json:"outputs"`
}

// Groups returns the parameter groups in order of first appearance.
func (p *Program) Groups() []string {
	var out []string
	seen := map[string]bool{}
	for _, q := range p.Params {
		if !seen[q.Group] {
			seen[q.Group] = true
			out = append(out, q.Group)
		}
	}
	return out
}

// Entry is the place of one parameter in its group's arena.
type Entry struct {
	Name   string
	Shape  []int
	Offset int // in elements
	Size   int
}

// Layout is the order of a group's parameters in one contiguous arena.
type Layout struct {
	Entries []Entry
	Size    int // elements in all
}

// Layout returns the layout of a group, empty for an unknown one.
func (p *Program) Layout(group string) Layout {
	var l Layout
	for _, q := range p.Params {
		if q.Group == group {
			n := size(q.Shape)
			l.Entries = append(l.Entries, Entry{q.Name, q.Shape, l.Size, n})
			l.Size += n
		}
	}
	return l
}

// Output returns the output called name, or nil.
func (p *Program) Output(name string) *Output {
	for i := range p.Outputs {
		if p.Outputs[i].Name == name {
			return &p.Outputs[i]
		}
	}
	return nil
}

// Row returns the row input called name, or nil.
func (p *Program) Row(name string) *RowInput {
	for i := range p.Rows {
		if p.Rows[i].Name == name {
			return &p.Rows[i]
		}
	}
	return nil
}
