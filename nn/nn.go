// Package nn builds networks. A network is a velocity field with parameters,
//
//	v = f(x, t, condition),
//
// written as operations of package graph. It is made from a Spec, a small
// serialisable description:
//
//	spec := nn.Spec{Kind: "mlp", Width: 64, Depth: 2, Activation: "relu"}
//	net, err := spec.Network(2, flow.CondSpec{})
//
// Your own network is any type with the methods of Network; a trained
// model file holds its program, so it is loaded and sampled without your code.
//
// The package trains nothing and runs nothing.
package nn

import (
	"fmt"
	"math"
	"strings"

	"laminar/flow"
	"laminar/graph"
	"laminar/rng"
)

// Inputs are the row values that enter a velocity network. Values that the
// CondSpec does not name are graph.None.
type Inputs struct {
	X graph.Value // [Dim], the point x_t
	T graph.Value // [1], the time in [0, 1]
	// Span is [1], the length of time over which to average the velocity, for
	// networks that take long steps; None for all others.
	Span graph.Value

	Class    graph.Value // int32 []: 0 for unknown, k+1 for class k
	Real     graph.Value // [CondSpec.Real]
	Known    graph.Value // [1]: 1 where Real is known, else 0
	Mask     graph.Value // [Dim]: 1 where observed
	Observed graph.Value // [Dim]: the observed values
}

// The names of the row inputs of a velocity program.
const (
	InX        = "x"
	InT        = "t"
	InClass    = "class"
	InReal     = "real"
	InKnown    = "known"
	InMask     = "mask"
	InObserved = "observed"
	InSpan     = "span"
)

// RowInputs declares the row inputs of a network of dimension dim with the
// conditions c; Span is not among them (see InputsOf).
func RowInputs(b *graph.Builder, dim int, c flow.CondSpec) Inputs {
	in := NoInputs()
	in.X, in.T = b.Row(InX, graph.Float32, dim), b.Row(InT, graph.Float32, 1)
	if c.Classes > 0 {
		in.Class = b.Row(InClass, graph.Int32)
	}
	if c.Real > 0 {
		in.Real, in.Known = b.Row(InReal, graph.Float32, c.Real), b.Row(InKnown, graph.Float32, 1)
	}
	if c.Mask {
		in.Mask, in.Observed = b.Row(InMask, graph.Float32, dim), b.Row(InObserved, graph.Float32, dim)
	}
	return in
}

// InputsOf declares the row inputs of n, the span included if n is a LongStep.
func InputsOf(b *graph.Builder, n Network) Inputs {
	in := RowInputs(b, n.Dim(), n.CondSpec())
	if TakesSpan(n) {
		in.Span = b.Row(InSpan, graph.Float32, 1)
	}
	return in
}

// NoInputs is Inputs without any, to be filled by hand.
func NoInputs() Inputs {
	return Inputs{X: graph.None, T: graph.None, Span: graph.None, Class: graph.None, Real: graph.None, Known: graph.None, Mask: graph.None, Observed: graph.None}
}

// LongStep makes a network one that takes long steps: beside the time t it is
// told a span, and answers the mean velocity of the flow line through x from t to
// t + span, so that x + span v is the whole step. At span 0 it answers the
// velocity. The network must look at Inputs.Span, as the built-in ones do
// wherever it is not graph.None; a LongStep has other parameters than the
// network that it wraps, which come last in the layers that they enter.
type LongStep struct{ Network }

// TakesSpan reports whether n is a LongStep.
func TakesSpan(n Network) bool {
	_, ok := n.(LongStep)
	return ok
}

// Network is a velocity network.
type Network interface {
	// Dim is the dimension of x and of the velocity.
	Dim() int
	// CondSpec says which conditions Apply expects among its inputs.
	CondSpec() flow.CondSpec
	// Apply appends the network to b and returns the velocity, a row value of
	// shape [Dim]. All its parameters are declared in group, the same ones in
	// the same order at every call. Faults are left in b (graph.Builder.Fail).
	Apply(b *graph.Builder, group string, in Inputs) graph.Value
	// Init writes initial parameters into an arena of the layout that Apply's
	// declarations have; a pure function of its arguments.
	Init(arena []float32, layout graph.Layout, key rng.Key)
}

// Cuttable is a Network of rows that may end early: where x is 0 from some
// coordinate on, so is the answer, and what comes before does not depend on the
// zeros.
type Cuttable interface {
	Network
	// Cuts returns networks of ascending dimensions below Dim, with the same
	// parameters in the same order, that answer the same for rows that end within
	// their dimension.
	Cuts() []Network
}

// Velocity returns the program of a network alone: row inputs by the names
// above, parameters in the group "net", one output "v".
func Velocity(n Network) (*graph.Program, error) {
	b := graph.NewBuilder()
	v := n.Apply(b, Group, InputsOf(b, n))
	if s := b.Shape(v); b.Err() == nil && (len(s) != 1 || s[0] != n.Dim() || b.Kind(v) != graph.Row) {
		return nil, fmt.Errorf("%w: the network answers %s%v, want one row of %d", flow.ErrConfig, b.Kind(v), s, n.Dim())
	}
	b.Output(Out, v)
	return b.Build()
}

// Group is the parameter group of a model's velocity network; Out the name of
// its output.
const (
	Group = "net"
	Out   = "v"
)

// Spec describes one of the built-in networks.
type Spec struct {
	// Kind is "mlp", "resmlp", "unet", "dit", "mmdit" or "egnn".
	Kind string `json:"kind"`
	// Width is the number of units of every hidden layer, of a unet the channels
	// of its finest resolution.
	Width int `json:"width"`
	// Depth is the number of hidden layers of an mlp, of residual blocks of a
	// resmlp or a transformer, of layers of an egnn, and of each resolution of a
	// unet.
	Depth int `json:"depth"`
	// Activation is one of relu, silu, tanh, gelu, selu.
	Activation string `json:"activation"`
	// TimeFeatures is the number of Fourier features of the time (even), for all
	// but the mlp.
	TimeFeatures int `json:"time_features,omitempty"`
	// Shape is the height, width and channels of the images of a unet: x holds
	// their pixels line by line, the channels last. A signal has the height 1. Of an
	// egnn it is the number of atoms and that of elements. nil leaves the shape to
	// who has the data; there is no network without it.
	Shape []int `json:"shape,omitempty"`
	// Levels are the channels of a unet's resolutions, the finest first, in units
	// of Width; each is half as high and wide as the one before.
	Levels []int `json:"levels,omitempty"`
	// Patch is the side of the squares of pixels that a unet takes as one pixel of
	// more channels, and a transformer as one token; 0 and 1 are none. Images that do
	// not divide into it are filled with zeros within the network.
	Patch int `json:"patch,omitempty"`
	// Heads is the number of attention heads at the coarsest resolution of a
	// unet, 0 for no attention, and in every block of a transformer.
	Heads int `json:"heads,omitempty"`
	// Messages is the number of units of an egnn between two atoms, whose Width is
	// that of an atom.
	Messages int `json:"messages,omitempty"`
	// Context is the number of tokens as which an mmdit reads the class, unless it
	// has a label, and of the parts of equal length as which it reads the vector of
	// real conditions.
	Context int `json:"context,omitempty"`
	// Labels are the names of the classes, which an mmdit reads letter by letter.
	Labels []string `json:"labels,omitempty"`
}

// Post is the network of the post: x and t concatenated, two hidden layers of
// 64 units with ReLU.
func Post() Spec { return Spec{Kind: "mlp", Width: 64, Depth: 2, Activation: "relu"} }

// Defaults is the network that Laminar trains unless told otherwise.
func Defaults() Spec {
	return Spec{Kind: "resmlp", Width: 128, Depth: 3, Activation: "silu", TimeFeatures: 16}
}

// Kinds lists the built-in networks for points of any dimension. ImageKinds are for
// images and signals and "egnn" for molecules, whose shape their Spec must say.
func Kinds() []string { return []string{"mlp", "resmlp"} }

// ImageKinds lists the built-in networks for images and signals: the U-Net and the
// transformers.
func ImageKinds() []string { return []string{"unet", "dit", "mmdit"} }

// Activations lists the activation functions.
func Activations() []string { return []string{"relu", "silu", "tanh", "gelu", "selu"} }

// Validate reports the first fault, as a *flow.FieldError below path.
func (s Spec) Validate(path string) error {
	fault := func(field, format string, a ...any) error {
		return &flow.FieldError{Path: path + "." + field, Msg: fmt.Sprintf(format, a...)}
	}
	oneOf := func(field, v string, list []string) error {
		for _, l := range list {
			if v == l {
				return nil
			}
		}
		return fault(field, "unknown %q; one of %s", v, strings.Join(list, ", "))
	}
	if err := oneOf("kind", s.Kind, append(append(Kinds(), ImageKinds()...), "egnn")); err != nil {
		return err
	}
	if err := oneOf("activation", s.Activation, Activations()); err != nil {
		return err
	}
	if s.Width < 1 || s.Width > 16384 {
		return fault("width", "%d is not in 1..16384", s.Width)
	}
	if s.Depth < 1 || s.Depth > 256 {
		return fault("depth", "%d is not in 1..256", s.Depth)
	}
	if s.Kind != "mlp" && (s.TimeFeatures < 2 || s.TimeFeatures%2 != 0 || s.TimeFeatures > 1024) {
		return fault("time_features", "%d is not an even number in 2..1024", s.TimeFeatures)
	}
	switch s.Kind {
	case "unet":
		return s.validImage(fault)
	case "egnn":
		return s.validMolecule(fault)
	case "dit", "mmdit":
		return s.validTokens(fault)
	}
	return nil
}

// Network returns the network that s describes for points of dimension dim.
func (s Spec) Network(dim int, c flow.CondSpec) (Network, error) {
	if err := s.Validate("network"); err != nil {
		return nil, err
	}
	if dim < 1 {
		return nil, fmt.Errorf("%w: a network needs at least one dimension, not %d", flow.ErrConfig, dim)
	}
	base := base{dim: dim, cond: c, Spec: s}
	if s.Kind == "mlp" {
		return &mlp{base}, nil
	}
	if s.Kind == "dit" || s.Kind == "mmdit" {
		return s.transformer(base)
	}
	if s.Kind == "unet" {
		if s.Shape == nil {
			return nil, &flow.FieldError{Path: "network.shape", Msg: "is missing; give the height, width and channels of an image"}
		}
		if n := s.Shape[0] * s.Shape[1] * s.Shape[2]; n != dim {
			return nil, &flow.FieldError{Path: "network.shape", Msg: fmt.Sprintf("images of %v have %d numbers, the data %d columns", s.Shape, n, dim)}
		}
		return &unet{base}, nil
	}
	if s.Kind == "egnn" {
		if s.Shape == nil {
			return nil, &flow.FieldError{Path: "network.shape", Msg: "is missing; give the numbers of atoms and of elements"}
		}
		if n := s.Shape[0] * (s.Shape[1] + 4); n != dim {
			return nil, &flow.FieldError{Path: "network.shape", Msg: fmt.Sprintf("molecules of %v have %d numbers, the data %d columns", s.Shape, n, dim)}
		}
		return &egnn{base, s.Shape[0]}, nil
	}
	return &resmlp{base}, nil
}

type base struct {
	Spec
	dim  int
	cond flow.CondSpec
}

func (n *base) Dim() int                { return n.dim }
func (n *base) CondSpec() flow.CondSpec { return n.cond }

func (n *base) activate(b *graph.Builder, x graph.Value) graph.Value {
	switch n.Activation {
	case "relu":
		return b.ReLU(x)
	case "silu":
		return b.SiLU(x)
	case "tanh":
		return b.Tanh(x)
	case "gelu":
		return b.GELU(x)
	default:
		return b.SELU(x)
	}
}

// linear appends x W' + bias with W stored [out, in], as PyTorch's Linear does.
func linear(b *graph.Builder, group, name string, x graph.Value, out int) graph.Value {
	s := b.Shape(x)
	if b.Err() != nil {
		return graph.None
	}
	w := b.Param(group, name+".weight", out, s[len(s)-1])
	bias := b.Param(group, name+".bias", out)
	return b.Add(b.Linear(x, w, true), bias)
}

// conditions returns the row values that describe the conditions, to be
// concatenated with other features: a learnt embedding of the class, the real
// vector or its learnt null, the mask and the observed values.
func (n *base) conditions(b *graph.Builder, group string, in Inputs) []graph.Value {
	var out []graph.Value
	if c := n.cond.Classes; c > 0 {
		table := b.Param(group, "class.embedding", c+1, min(32, max(4, c)))
		out = append(out, b.Gather(table, in.Class))
	}
	if n.cond.Real > 0 {
		out = append(out, n.real(b, group, in), in.Known)
	}
	if n.cond.Mask {
		out = append(out, in.Mask, b.Mul(in.Mask, in.Observed))
	}
	return out
}

// Init is PyTorch's default for Linear layers, U(-1/sqrt(fan_in),
// +1/sqrt(fan_in)) for weights and biases alike, and N(0, 1) for embeddings.
// Each parameter's numbers depend on its name and the key alone.
func (n *base) Init(arena []float32, l graph.Layout, key rng.Key) { initLinear(arena, l, key) }

func initLinear(arena []float32, l graph.Layout, key rng.Key) {
	fanIn := map[string]int{}
	for _, e := range l.Entries {
		if layer, ok := strings.CutSuffix(e.Name, ".weight"); ok {
			fanIn[layer] = e.Shape[1]
		}
	}
	for _, e := range l.Entries {
		dst := arena[e.Offset : e.Offset+e.Size]
		s := key.Split(e.Name).Stream()
		layer := strings.TrimSuffix(strings.TrimSuffix(e.Name, ".weight"), ".bias")
		if in, ok := fanIn[layer]; ok {
			bound := float32(1 / math.Sqrt(float64(in)))
			for i := range dst {
				dst[i] = bound * (2*s.Float32() - 1)
			}
			continue
		}
		s.Normal(dst)
	}
}

// AnswerBias returns where in an arena of layout l the bias of the answer begins: the
// dim numbers that are added to the dim coordinates which a network answers, as the
// networks of plain rows have it (mlp, resmlp). ok is false for other networks.
func AnswerBias(l graph.Layout, dim int) (offset int, ok bool) {
	if len(l.Entries) == 0 {
		return 0, false
	}
	e := l.Entries[len(l.Entries)-1]
	if !strings.HasSuffix(e.Name, ".bias") || len(e.Shape) != 1 || e.Shape[0] != dim {
		return 0, false
	}
	return e.Offset, true
}
