package nn

import (
	"fmt"
	"slices"

	"laminar/flow"
	"laminar/graph"
	"laminar/rng"
)

// mmdit is the transformer of Stable Diffusion 3 (Esser et al. 2024): a dit with
// a second stream of tokens, those of the conditions. Each stream has weights of
// its own; the attention is one over both. The conditions are also in the
// embedding that modulates the blocks, as in a dit.
//
// The tokens are the letters of the class's label, or Context learnt tokens for
// each class, and the parts of the real vector, which may be what another network
// has made of a text.
type mmdit struct{ base }

func (n *mmdit) Apply(b *graph.Builder, group string, in Inputs) graph.Value {
	t := transformer{base: &n.base, b: b, group: group}
	h := t.begin(in)
	c := t.context(in)
	for l := range n.Depth {
		image, text := fmt.Sprintf("block.%d.image", l), fmt.Sprintf("block.%d.context", l)
		last := l == n.Depth-1
		parts, kinds := "qkv", 6
		if last {
			parts, kinds = "kv", 2 // nothing reads what becomes of the context
		}
		m, o := t.modulation(image, 6), t.modulation(text, kinds)
		x, y := t.heads(image, "qkv", t.modulate(h, m[0], m[1])), t.heads(text, parts, t.modulate(c, o[0], o[1]))
		for _, p := range parts {
			x[p] = b.Concat(1, x[p], y[p])
		}
		a, pixels := t.attend(x), b.Shape(h)[0]
		h = b.Add(h, b.Mul(m[2], t.join(image, b.Slice(a, 1, 0, pixels))))
		h = b.Add(h, b.Mul(m[5], t.mlp(image, t.modulate(h, m[3], m[4]))))
		if !last {
			c = b.Add(c, b.Mul(o[2], t.join(text, b.Slice(a, 1, pixels, b.Shape(a)[1]))))
			c = b.Add(c, b.Mul(o[5], t.mlp(text, t.modulate(c, o[3], o[4]))))
		}
	}
	return t.end(h)
}

// context returns the tokens of the conditions, [tokens, Width].
func (t *transformer) context(in Inputs) graph.Value {
	b, w := t.b, t.Width
	var parts []graph.Value
	switch {
	case t.cond.Classes == 0:
	case len(t.Labels) > 0:
		ids, letters, longest := spell(t.Labels)
		table := b.Convert(b.ConstOf(ids, len(t.Labels)+1, longest), graph.Int32)
		text := b.Gather(b.Param(t.group, "letter.embedding", letters, w), b.Gather(table, in.Class))
		parts = append(parts, b.Add(text, b.Param(t.group, "letter.place", longest, w)))
	default:
		tokens := b.Param(t.group, "class.tokens", t.cond.Classes+1, t.Context*w)
		parts = append(parts, b.Reshape(b.Gather(tokens, in.Class), t.Context, w))
	}
	if r := t.cond.Real; r > 0 {
		v := b.Reshape(t.real(b, t.group, in), t.Context, r/t.Context)
		parts = append(parts, b.Add(linear(b, t.group, "real", v, w), b.Param(t.group, "real.place", t.Context, w)))
	}
	return b.Concat(0, parts...)
}

// spell numbers the letters of labels, with 0 for none: a line of longest
// numbers for the unknown class and for each label.
func spell(labels []string) (ids []float64, letters, longest int) {
	var alphabet []rune
	for _, l := range labels {
		alphabet = append(alphabet, []rune(l)...)
		longest = max(longest, len([]rune(l)))
	}
	slices.Sort(alphabet)
	alphabet = slices.Compact(alphabet)
	ids = make([]float64, (len(labels)+1)*longest)
	for i, l := range labels {
		for k, r := range []rune(l) {
			ids[(i+1)*longest+k] = float64(1 + slices.Index(alphabet, r))
		}
	}
	return ids, 1 + len(alphabet), longest
}

// Init is that of a dit.
func (n *mmdit) Init(arena []float32, l graph.Layout, key rng.Key) { initTransformer(arena, l, key) }

// validContext checks an mmdit against the conditions that it is to read.
func (s Spec) validContext(c flow.CondSpec) error {
	fault := func(field, format string, a ...any) error {
		return &flow.FieldError{Path: "network." + field, Msg: fmt.Sprintf(format, a...)}
	}
	switch {
	case c.Classes == 0 && c.Real == 0:
		return fault("kind", "an mmdit reads conditions as tokens, and there are none; take a dit")
	case len(s.Labels) > 0 && len(s.Labels) != c.Classes:
		return fault("labels", "%d labels for %d classes", len(s.Labels), c.Classes)
	case s.Context < 1 && (c.Real > 0 || len(s.Labels) == 0):
		return fault("context", "%d: give the number of tokens of the conditions, or labels", s.Context)
	case c.Real > 0 && c.Real%s.Context != 0:
		return fault("context", "%d tokens do not divide the vector of %d conditions", s.Context, c.Real)
	}
	return nil
}
