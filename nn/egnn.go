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
// missing, atom by atom: its place x in space, Shape[1] numbers h, a 1 at its element
// and 0 at the others, and 1, or 0 where there is no atom. With a message for each pair
// of atoms that are there, the same to both,
//
//	m_ij = act(V act(U h_i + U h_j + e_ij + K d_ij + A a_ij + b))
//	a_ij = ((v_j - v_i) r_ij, v_i v_j),   r_ij = (x_i - x_j) / (d_ij + 1), within ±30
//	x_i += c sum_j w m_ij r_ij,           d_ij = |x_i - x_j|
//	v_i += sum_j (W m_ij) r_ij
//	h_i += MLP(h_i, sum_j g(m_ij) m_ij),  g a learnt gate
//	e_ij += m_ij
//
// where K weighs smooth bumps over the distance, e_ij is at first such a sum over
// the distance in the input, and c depends on the time, the conditions and the number of
// atoms of each element, as the h at the start do. The v_i are arrows, a few to an atom and none at first, whose
// products tell angles (Schütt, Unke, Gastegger 2021). In each round the h and e_ij that
// messages are made of are normalised, and the h moved by a map of their mean over the
// molecule; e_ij by their length and 1, so that short ones stay short. Turning, shifting, mirroring and
// renumbering the atoms does the same to the answer.
//
// The answer is where the path ends (path.Data): the last places and a multiple of
// the first ones, about the centre of the first ones. Elements stay what they are, and
// an atom that is missing, or not, stays so.
type egnn struct {
	base
	most int // atoms of the largest molecule
}

// bumps is the number of bumps over the distance, reach where the last one is, in
// the network's units: noise lies some 2.5 apart, molecules end at 5. arrows is the
// number of arrows of an atom, and steepest bounds their products, smoothly: the
// square of a square of a square would grow beyond all numbers in a few rounds.
const (
	bumps    = 24
	reach    = 5.0
	arrows   = 8
	steepest = 30
)

// MostAtoms is the largest number of atoms of a row of an egnn, whose memory grows
// with its square.
const MostAtoms = 256

func (n *egnn) Apply(b *graph.Builder, group string, in Inputs) graph.Value {
	atoms, kinds := n.Shape[0], n.Shape[1]
	rows := b.Reshape(in.X, atoms, kinds+4)
	start, here := b.Slice(rows, 1, 0, 3), b.Slice(rows, 1, kinds+3, kinds+4)
	e := egnnBuilder{egnn: n, b: b, group: group, atoms: atoms, here: here}
	e.count = b.Max(b.Sum(here, 0), b.Const(1, 1, 1))
	mean := e.mean(start)
	x := b.Mul(b.Sub(start, mean), here)
	e.enumerate()
	e.pair = b.Mul(b.Gather(here, e.left), b.Gather(here, e.right))

	known := []graph.Value{n.timeFeatures(b, in.T)}
	if in.Span != graph.None {
		known = append(known, n.timeFeatures(b, in.Span))
	}
	known = append(known, n.conditions(b, group, in)...)
	elements := b.Mul(b.Slice(rows, 1, 3, kinds+3), here)
	formula := b.Sum(elements, 0)
	known = append(known, b.Scale(b.Reshape(e.count, 1), 1/float64(n.most)), b.Scale(b.Reshape(formula, kinds), 0.25))
	about := linear(b, group, "about", b.Concat(0, known...), n.Width)
	e.about = n.activate(b, about)
	h := b.Add(linear(b, group, "in", elements, n.Width), about)

	e.start = x
	_, seen := e.distances(x)
	at := place{x: x, h: h, arrows: graph.None, pairs: e.weigh("first", seen, n.Messages)}
	for l := range n.Depth {
		at = e.layer(fmt.Sprintf("layer.%d", l), at, l == n.Depth-1)
	}
	// The pushes lead from distances to those of the data, however far the noise is
	// from it; that noise is wider than the data is told by the time alone.
	left := b.Mul(linear(b, group, "stretch", e.about, 1), b.Sub(b.Const(1, 1), in.T))
	x = b.Add(at.x, b.Mul(e.start, b.Reshape(left, 1, 1)))
	x = b.Mul(b.Add(b.Sub(x, e.mean(x)), mean), here)
	return b.Reshape(b.Concat(1, x, elements, here), n.dim)
}

// Cuts are networks of fewer atoms: of half as many, and up in eighths.
func (n *egnn) Cuts() []Network {
	var out []Network
	for eighths := 4; eighths < 8; eighths++ {
		c := *n
		atoms := (n.most*eighths + 7) / 8
		if atoms < 2 || atoms == n.Shape[0] || len(out) > 0 && atoms == out[len(out)-1].(*egnn).Shape[0] {
			continue
		}
		c.Shape = []int{atoms, n.Shape[1]}
		c.dim = atoms * (n.Shape[1] + 4)
		out = append(out, &c)
	}
	return out
}

// egnnBuilder writes one application of an egnn.
type egnnBuilder struct {
	*egnn
	b           *graph.Builder
	group       string
	atoms       int
	here        graph.Value // [atoms, 1]
	start       graph.Value // [atoms, 3], the places about their centre
	about       graph.Value // [Width], what is known of the whole
	count       graph.Value // [1, 1], the number of atoms
	left, right graph.Value // [pairs], the atoms of each pair
	pair        graph.Value // [pairs, 1]: 1 for two atoms that are there
}

// enumerate lists the pairs of different atoms.
func (e *egnnBuilder) enumerate() {
	var left, right []float64
	for j := range e.atoms {
		for i := range j {
			left, right = append(left, float64(i)), append(right, float64(j))
		}
	}
	b := e.b
	e.left = b.ToRows(b.Convert(b.ConstOf(left, len(left)), graph.Int32))
	e.right = b.ToRows(b.Convert(b.ConstOf(right, len(right)), graph.Int32))
}

// mean is that of the atoms that are there, [1, 3].
func (e *egnnBuilder) mean(x graph.Value) graph.Value {
	b := e.b
	return b.Div(b.Sum(b.Mul(x, e.here), 0), e.count)
}

// distances returns r_ij, [pairs, 3], and smooth bumps over the distance, [pairs,
// bumps].
func (e *egnnBuilder) distances(x graph.Value) (r, seen graph.Value) {
	b := e.b
	apart := b.Sub(b.Gather(x, e.left), b.Gather(x, e.right))
	d := b.Sqrt(b.Max(b.Sum(b.Square(apart), 1), b.Const(1e-6)))
	width := reach / (bumps - 1)
	at := make([]float64, bumps)
	for k := range at {
		at[k] = math.Sqrt(0.5) * float64(k)
	}
	away := b.Square(b.Sub(b.Scale(d, math.Sqrt(0.5)/width), b.ConstOf(at, 1, bumps)))
	// Numbers below 1e-38 would make every product they are in many times slower.
	return b.Div(apart, b.Add(d, b.Const(1))), b.Exp(b.Neg(b.Min(away, b.Const(30))))
}

// place is what is known between two rounds of messages: places and features of
// the atoms, arrows [atoms, 3, arrows] or None, and features of pairs, [pairs,
// Messages].
type place struct{ x, h, arrows, pairs graph.Value }

// layer is one round of messages, the last one of which only moves the atoms.
func (e *egnnBuilder) layer(name string, at place, last bool) place {
	b, n, m := e.b, e.atoms, e.Messages
	r, seen := e.distances(at.x)
	hn := e.norm(name+".norm", at.h)
	mean := b.Div(b.Sum(b.Mul(hn, e.here), 0), e.count)
	hn = b.Add(hn, linear(b, e.group, name+".mean", mean, e.Width))
	ends := linear(b, e.group, name+".ends", hn, m)
	known := b.Mul(b.RMSNorm(at.pairs, 1, 1), b.Param(e.group, name+".pairs.scale", m))
	u := b.Add(b.Add(b.Gather(ends, e.left), b.Gather(ends, e.right)), b.Add(known, e.weigh(name+".distance", seen, m)))
	if at.arrows != graph.None {
		u = b.Add(u, e.weigh(name+".angles", e.angles(at.arrows, r), m))
	}
	msg := e.activate(b, linear(b, e.group, name+".message", e.activate(b, u), m))
	push := b.Mul(e.weigh(name+".push", msg, 1), e.pair)
	gain := b.Add(linear(b, e.group, name+".gain", e.about, 1), b.Const(1, 1))
	way := b.Mul(r, push)
	way = b.Sub(b.Scatter(e.left, way, n), b.Scatter(e.right, way, n))
	x := b.Add(at.x, b.Mul(way, b.Reshape(gain, 1, 1)))
	if last {
		return place{x: x}
	}
	gate := b.Mul(b.Sigmoid(linear(b, e.group, name+".gate", msg, 1)), e.pair)
	told := b.Mul(msg, gate)
	sum := b.Add(b.Scatter(e.left, told, n), b.Scatter(e.right, told, n))
	v := e.activate(b, linear(b, e.group, name+".node.0", b.Concat(1, hn, sum), e.Width))
	return place{
		x:      x,
		h:      b.Add(at.h, linear(b, e.group, name+".node.1", v, e.Width)),
		arrows: e.turned(name, at.arrows, r, msg),
		pairs:  b.Add(at.pairs, msg),
	}
}

// angles returns a_ij, [pairs, 2 arrows].
func (e *egnnBuilder) angles(of, r graph.Value) graph.Value {
	b := e.b
	left, right := b.Gather(of, e.left), b.Gather(of, e.right)
	pairs := e.atoms * (e.atoms - 1) / 2
	along := b.Sum(b.Mul(b.Sub(right, left), b.Reshape(r, pairs, 3, 1)), 1)
	both := b.Sum(b.Mul(left, right), 1)
	a := b.Concat(1, b.Reshape(along, pairs, arrows), b.Reshape(both, pairs, arrows))
	return b.Scale(b.Tanh(b.Scale(a, 1.0/steepest)), steepest)
}

// turned returns the arrows after a round of messages.
func (e *egnnBuilder) turned(name string, before, r, msg graph.Value) graph.Value {
	b, pairs := e.b, e.atoms*(e.atoms-1)/2
	// The length of arrows is at first about that of one r.
	w := b.Scale(b.Mul(e.weigh(name+".arrows", msg, arrows), e.pair), 0.3)
	sent := b.Mul(b.Reshape(r, pairs, 3, 1), b.Reshape(w, pairs, 1, arrows))
	got := b.Sub(b.Scatter(e.left, sent, e.atoms), b.Scatter(e.right, sent, e.atoms))
	if before == graph.None {
		return got
	}
	return b.Add(before, got)
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
		case strings.HasSuffix(e.Name, "norm.scale"), strings.HasSuffix(e.Name, "pairs.scale"):
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
	if s.Shape != nil && (len(s.Shape) != 2 || s.Shape[0] < 2 || s.Shape[1] < 1 || s.Shape[0] > MostAtoms) {
		return fault("shape", "%v is not the number of atoms, 2 to %d, and of elements of molecules", s.Shape, MostAtoms)
	}
	if s.Messages < 1 || s.Messages > 4096 {
		return fault("messages", "%d is not in 1..4096", s.Messages)
	}
	return nil
}
