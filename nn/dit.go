package nn

import (
	"fmt"
	"math"
	"strings"

	"laminar/flow"
	"laminar/graph"
	"laminar/rng"
)

// dit is the transformer of Peebles and Xie (2023): patches of the image are
// tokens with a place, which pass through blocks
//
//	h = h + g1 attention((1 + a1) norm(h) + s1),  h = h + g2 mlp((1 + a2) norm(h) + s2)
//
// whose s, a and g are linear in act(e), e being the embedding of the time and
// the conditions, and start at 0: every block starts as the identity, and the
// last layer at 0. Queries and keys are normed by their root mean square.
type dit struct{ base }

// transformer writes one application of a dit or an mmdit.
type transformer struct {
	*base
	b     *graph.Builder
	group string
	e     graph.Value // act of the embedding of time and conditions
}

func (n *dit) Apply(b *graph.Builder, group string, in Inputs) graph.Value {
	t := transformer{base: &n.base, b: b, group: group}
	h := t.begin(in)
	for l := range n.Depth {
		name := fmt.Sprintf("block.%d", l)
		m := t.modulation(name, 6)
		a := t.attend(t.heads(name, "qkv", t.modulate(h, m[0], m[1])))
		h = b.Add(h, b.Mul(m[2], t.join(name, a)))
		h = b.Add(h, b.Mul(m[5], t.mlp(name, t.modulate(h, m[3], m[4]))))
	}
	return t.end(h)
}

// begin returns the tokens of the image, [tokens, Width].
func (t *transformer) begin(in Inputs) graph.Value {
	b := t.b
	t.e = t.activate(b, t.embedding(b, t.group, in, t.Width))
	s := t.Shape
	x, c := b.Reshape(in.X, s...), s[2]
	if t.cond.Mask {
		// What is observed of the image comes as further channels.
		x = b.Concat(2, x, b.Reshape(in.Mask, s...), b.Reshape(b.Mul(in.Mask, in.Observed), s...))
		c *= 3
	}
	p := t.patches(b, image{x, s[0], s[1], c})
	tokens := linear(b, t.group, "in", b.Reshape(p.v, p.h*p.w, p.c), t.Width)
	return b.Add(tokens, b.ConstOf(places(p.h, p.w, t.Width), p.h*p.w, t.Width))
}

// end returns the image that tokens stand for.
func (t *transformer) end(x graph.Value) graph.Value {
	b, s := t.b, t.Shape
	fh, fw := t.patch()
	m := t.modulation("out", 2)
	h, w := (s[0]+fh-1)/fh, (s[1]+fw-1)/fw
	y := linear(b, t.group, "out", t.modulate(x, m[0], m[1]), fh*fw*s[2])
	return b.Reshape(t.pixels(b, image{b.Reshape(y, h, w, fh*fw*s[2]), h, w, fh * fw * s[2]}).v, t.dim)
}

// places tells h x w tokens apart: a quarter of the width each for the sines and
// the cosines of the line and of the column, at frequencies from 1 down to almost
// 1/10000 (Vaswani et al. 2017).
func places(h, w, width int) []float64 {
	q := width / 4
	out := make([]float64, 0, h*w*width)
	for y := range h {
		for x := range w {
			for _, at := range []int{y, x} {
				for _, f := range []func(float64) float64{math.Sin, math.Cos} {
					for k := range q {
						out = append(out, f(float64(at)*math.Pow(10000, -float64(k)/float64(q))))
					}
				}
			}
		}
	}
	return out
}

// modulation returns n vectors [1, Width] that are linear in the embedding.
func (t *transformer) modulation(name string, n int) []graph.Value {
	e := linear(t.b, t.group, name+".modulation", t.e, n*t.Width)
	var out []graph.Value
	for k := range n {
		out = append(out, t.b.Reshape(t.b.Slice(e, 0, k*t.Width, (k+1)*t.Width), 1, t.Width))
	}
	return out
}

// modulate is a norm of every token with a given shift and scale.
func (t *transformer) modulate(x, shift, scale graph.Value) graph.Value {
	b := t.b
	return b.Add(b.Mul(b.LayerNorm(x, 1, 1e-6), b.Add(scale, b.Const(1))), shift)
}

// heads returns the queries, keys and values of tokens, those that parts names,
// each [Heads, tokens, Width/Heads]; queries and keys are normed.
func (t *transformer) heads(name, parts string, x graph.Value) map[rune]graph.Value {
	b, n, d := t.b, t.b.Shape(x)[0], t.Width/t.Heads
	all := linear(b, t.group, name+"."+parts, x, len(parts)*t.Width)
	all = b.Transpose(b.Reshape(all, n, len(parts), t.Heads, d), 1, 2, 0, 3)
	out := map[rune]graph.Value{}
	for k, p := range parts {
		v := b.Reshape(b.Slice(all, 0, k, k+1), t.Heads, n, d)
		if p != 'v' {
			v = b.Mul(b.RMSNorm(v, 2, 1e-6), b.Param(t.group, name+"."+string(p)+".scale", d))
		}
		out[p] = v
	}
	return out
}

// attend lets tokens look at each other.
func (t *transformer) attend(h map[rune]graph.Value) graph.Value {
	return t.b.Attention(h['q'], h['k'], h['v'], graph.None)
}

// join brings the heads of every token together.
func (t *transformer) join(name string, y graph.Value) graph.Value {
	b := t.b
	return linear(b, t.group, name+".join", b.Reshape(b.Transpose(y, 1, 0, 2), b.Shape(y)[1], t.Width), t.Width)
}

// mlp is a network of two layers on every token.
func (t *transformer) mlp(name string, x graph.Value) graph.Value {
	h := t.activate(t.b, linear(t.b, t.group, name+".mlp.0", x, 4*t.Width))
	return linear(t.b, t.group, name+".mlp.1", h, t.Width)
}

// Init is that of linear layers, with norms that start as the identity, and with
// the modulation of every block and the last layer at 0.
func (n *dit) Init(arena []float32, l graph.Layout, key rng.Key) { initTransformer(arena, l, key) }

func initTransformer(arena []float32, l graph.Layout, key rng.Key) {
	initLinear(arena, l, key)
	for _, e := range l.Entries {
		dst := arena[e.Offset : e.Offset+e.Size]
		switch {
		case strings.HasSuffix(e.Name, ".scale"):
			for i := range dst {
				dst[i] = 1
			}
		case strings.Contains(e.Name, ".modulation."), e.Name == "out.weight", e.Name == "out.bias":
			clear(dst)
		}
	}
}

// validTokens checks the fields that only transformers have.
func (s Spec) validTokens(fault func(field, format string, a ...any) error) error {
	if s.Width%4 != 0 {
		return fault("width", "%d is not a multiple of 4, as the places of tokens ask", s.Width)
	}
	if open := s.Shape == nil && s.Heads == 0; !open && (s.Heads < 1 || s.Width%s.Heads != 0) {
		return fault("heads", "%d heads do not divide the width %d", s.Heads, s.Width)
	}
	if s.Patch < 0 || s.Patch > 64 {
		return fault("patch", "%d is not in 0..64", s.Patch)
	}
	if s.Context < 0 || s.Context > 1024 {
		return fault("context", "%d is not in 0..1024", s.Context)
	}
	if s.Kind == "dit" && (s.Context > 0 || len(s.Labels) > 0) {
		return fault("kind", "a dit reads no tokens of conditions; take an mmdit, or leave context and labels out")
	}
	for i, l := range s.Labels {
		if len(l) < 1 || len(l) > 256 {
			return fault(fmt.Sprintf("labels[%d]", i), "%d letters are not in 1..256", len(l))
		}
	}
	if s.Shape == nil {
		return nil // left to the data
	}
	if len(s.Shape) != 3 || s.Shape[0] < 1 || s.Shape[1] < 1 || s.Shape[2] < 1 {
		return fault("shape", "%v is not the height, width and channels of an image", s.Shape)
	}
	return nil
}

// transformer returns the dit or mmdit that s describes.
func (s Spec) transformer(base base) (Network, error) {
	if s.Shape == nil {
		return nil, &flow.FieldError{Path: "network.shape", Msg: "is missing; give the height, width and channels of an image"}
	}
	if n := s.Shape[0] * s.Shape[1] * s.Shape[2]; n != base.dim {
		return nil, &flow.FieldError{Path: "network.shape", Msg: fmt.Sprintf("images of %v have %d numbers, the data %d columns", s.Shape, n, base.dim)}
	}
	if s.Kind == "dit" {
		return &dit{base}, nil
	}
	if err := s.validContext(base.cond); err != nil {
		return nil, err
	}
	return &mmdit{base}, nil
}
