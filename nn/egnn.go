package nn

import (
	"fmt"
	"math"
	"strings"

	"laminar/graph"
	"laminar/rng"
)

// egnn is an equivariant network for molecules (Satorras, Hoogeboom, Welling
// 2021; Hoogeboom et al. 2022). A row is Shape[0] atoms of which some may be
// missing, atom by atom: its place x in space, Shape[1] numbers h that tell its
// element, and 1, or 0 where there is no atom. With a message between each pair of
// atoms that are there,
//
//	m_ij = act(V act(W h_i + U h_j + K(d_ij, d0_ij) + b)),  d = |x_i - x_j|
//	x_i += c sum_j (x_i - x_j) / (d_ij + 1) w m_ij
//	h_i += MLP(h_i, sum_j g(m_ij) m_ij),                    g a learnt gate
//
// where K are smooth bumps over the distance, d0 is that of the input, and c
// depends on the time and the conditions, as the h at the start do. Turning,
// shifting, mirroring and renumbering the atoms does the same to the answer.
//
// The answer is where the path ends (path.Data): the last places and a multiple of
// the first ones, about the centre of the first ones, and the probabilities of
// the elements. An atom that is missing, or not, stays so.
type egnn struct{ base }

// bumps is the number of bumps over the distance, reach where the last one is, in
// the network's units.
const (
	bumps = 16
	reach = 2.5
)

func (n *egnn) Apply(b *graph.Builder, group string, in Inputs) graph.Value {
	atoms, kinds := n.Shape[0], n.Shape[1]
	rows := b.Reshape(in.X, atoms, kinds+4)
	start, here := b.Slice(rows, 1, 0, 3), b.Slice(rows, 1, kinds+3, kinds+4)
	e := egnnBuilder{egnn: n, b: b, group: group, atoms: atoms, here: here}
	e.count = b.Max(b.Sum(here, 0), b.Const(1, 1, 1))
	mean := e.mean(start)
	x := b.Mul(b.Sub(start, mean), here)
	pair := b.Mul(b.Reshape(here, atoms, 1, 1), b.Reshape(here, 1, atoms, 1))
	apart := make([]float64, atoms*atoms)
	for i := range apart {
		if i/atoms != i%atoms {
			apart[i] = 1
		}
	}
	e.pair = b.Mul(pair, b.ConstOf(apart, atoms, atoms, 1))

	known := []graph.Value{n.timeFeatures(b, in.T)}
	if in.Span != graph.None {
		known = append(known, n.timeFeatures(b, in.Span))
	}
	known = append(known, n.conditions(b, group, in)...)
	known = append(known, b.Scale(b.Reshape(e.count, 1), 1/float64(atoms)))
	about := linear(b, group, "about", b.Concat(0, known...), n.Width)
	e.about = n.activate(b, about)
	h := b.Add(linear(b, group, "in", b.Slice(rows, 1, 3, kinds+3), n.Width), about)

	e.start = x
	_, first := e.distances(x)
	first = e.weigh("first", first, n.Messages)
	for l := range n.Depth {
		x, h = e.layer(fmt.Sprintf("layer.%d", l), x, h, first)
	}
	// The pushes lead from distances to those of the data, however far the noise is
	// from it; that noise is wider than the data is told by the time alone.
	left := b.Mul(linear(b, group, "stretch", e.about, 1), b.Sub(b.Const(1, 1), in.T))
	x = b.Add(x, b.Mul(e.start, b.Reshape(left, 1, 1)))
	x = b.Mul(b.Add(b.Sub(x, e.mean(x)), mean), here)
	share := b.Softmax(linear(b, group, "out", e.norm("out.norm", h), kinds), 1)
	share = b.Mul(share, here)
	return b.Reshape(b.Concat(1, x, share, here), n.dim)
}

// egnnBuilder writes one application of an egnn.
type egnnBuilder struct {
	*egnn
	b     *graph.Builder
	group string
	atoms int
	here  graph.Value // [atoms, 1]
	start graph.Value // [atoms, 3], the places about their centre
	about graph.Value // [Width], what is known of the whole
	count graph.Value // [1, 1], the number of atoms
	pair  graph.Value // [atoms, atoms, 1]: 1 for two atoms that are there
}

// mean is that of the atoms that are there, [1, 3].
func (e *egnnBuilder) mean(x graph.Value) graph.Value {
	b := e.b
	return b.Div(b.Sum(b.Mul(x, e.here), 0), e.count)
}

// distances returns |x_i - x_j|, [atoms, atoms, 1], and smooth bumps over it,
// [atoms, atoms, bumps].
func (e *egnnBuilder) distances(x graph.Value) (d, seen graph.Value) {
	b, n := e.b, e.atoms
	square := b.Sum(b.Square(x), 1)
	d2 := b.Add(b.Sub(square, b.Scale(b.MatMul(x, x, false, true), 2)), b.Reshape(square, 1, n))
	d = b.Reshape(b.Sqrt(b.Max(d2, b.Const(1e-6))), n, n, 1)
	width := reach / (bumps - 1)
	at := make([]float64, bumps)
	for k := range at {
		at[k] = math.Sqrt(0.5) * float64(k)
	}
	away := b.Sub(b.Scale(d, math.Sqrt(0.5)/width), b.ConstOf(at, 1, 1, bumps))
	return d, b.Exp(b.Neg(b.Square(away)))
}

func (e *egnnBuilder) layer(name string, x, h, first graph.Value) (graph.Value, graph.Value) {
	b, n, m := e.b, e.atoms, e.Messages
	d, seen := e.distances(x)
	hn := e.norm(name+".norm", h)
	from := b.Reshape(linear(b, e.group, name+".from", hn, m), n, 1, m)
	to := b.Reshape(e.weigh(name+".to", hn, m), 1, n, m)
	u := b.Add(b.Add(b.Add(from, to), first), e.weigh(name+".distance", seen, m))
	msg := e.activate(b, linear(b, e.group, name+".message", e.activate(b, u), m))
	push := b.Mul(b.Div(e.weigh(name+".push", msg, 1), b.Add(d, b.Const(1))), e.pair)
	push = b.Reshape(push, n, n)
	way := b.Sub(b.Mul(x, b.Sum(push, 1)), b.MatMul(push, x, false, false))
	gain := b.Add(linear(b, e.group, name+".gain", e.about, 1), b.Const(1, 1))
	moved := b.Add(x, b.Mul(way, b.Reshape(gain, 1, 1)))
	gate := b.Mul(b.Sigmoid(linear(b, e.group, name+".gate", msg, 1)), e.pair)
	sum := b.Reshape(b.MatMul(b.Reshape(gate, n, 1, n), msg, false, false), n, m)
	v := e.activate(b, linear(b, e.group, name+".node.0", b.Concat(1, hn, sum), e.Width))
	return moved, b.Add(h, linear(b, e.group, name+".node.1", v, e.Width))
}

// weigh is linear without a bias.
func (e *egnnBuilder) weigh(name string, x graph.Value, out int) graph.Value {
	s := e.b.Shape(x)
	if e.b.Err() != nil {
		return graph.None
	}
	return e.b.Linear(x, e.b.Param(e.group, name+".weight", out, s[len(s)-1]), true)
}

// norm is an RMS norm with a learnt scale.
func (e *egnnBuilder) norm(name string, x graph.Value) graph.Value {
	return e.b.Mul(e.b.RMSNorm(x, 1, 1e-5), e.b.Param(e.group, name+".scale", e.Width))
}

// Init is that of linear layers, with the moves of the first step small and the
// norms' scales 1.
func (n *egnn) Init(arena []float32, l graph.Layout, key rng.Key) {
	initLinear(arena, l, key)
	for _, e := range l.Entries {
		dst := arena[e.Offset : e.Offset+e.Size]
		switch {
		case strings.HasSuffix(e.Name, "norm.scale"):
			for i := range dst {
				dst[i] = 1
			}
		case strings.HasSuffix(e.Name, ".push.weight"):
			for i := range dst {
				dst[i] *= 0.1
			}
		}
	}
}

// validMolecule checks the fields that only an egnn has.
func (s Spec) validMolecule(fault func(field, format string, a ...any) error) error {
	if s.Shape != nil && (len(s.Shape) != 2 || s.Shape[0] < 1 || s.Shape[1] < 1 || s.Shape[0] > 1024) {
		return fault("shape", "%v is not the number of atoms, up to 1024, and of elements of molecules", s.Shape)
	}
	if s.Messages < 1 || s.Messages > 4096 {
		return fault("messages", "%d is not in 1..4096", s.Messages)
	}
	return nil
}
