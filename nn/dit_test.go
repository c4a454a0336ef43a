package nn_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/graph"
	"laminar/internal/exec"
	"laminar/internal/kernel"
	"laminar/internal/par"
	"laminar/nn"
	"laminar/optim"
	"laminar/rng"
)

// digits names classes as they are read.
var digits = []string{"zero", "one", "two"}

func transformers() []nn.Spec {
	dit := nn.Spec{Kind: "dit", Width: 8, Depth: 2, Activation: "gelu", TimeFeatures: 4, Shape: []int{6, 4, 3}, Patch: 2, Heads: 2}
	learnt, letters := dit, dit
	learnt.Kind, learnt.Context = "mmdit", 2
	letters.Kind, letters.Labels = "mmdit", digits
	return []nn.Spec{dit, learnt, letters}
}

func ExampleSpec_transformer() {
	spec := nn.Spec{
		Kind: "dit", Width: 128, Depth: 4, Activation: "gelu", TimeFeatures: 32,
		Shape: []int{28, 28, 1}, Patch: 4, Heads: 4,
	}
	net, err := spec.Network(784, flow.CondSpec{Classes: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := nn.Velocity(net)
	fmt.Println(p.Layout(nn.Group).Size, "parameters", err)
	// Output: 1247120 parameters <nil>
}

func ExampleSpec_labels() {
	// A network that reads the names of the classes letter by letter.
	spec := nn.Spec{
		Kind: "mmdit", Width: 64, Depth: 3, Activation: "gelu", TimeFeatures: 32,
		Shape: []int{28, 28, 1}, Patch: 4, Heads: 4, Labels: []string{"shirt", "trouser", "sandal"},
	}
	net, err := spec.Network(784, flow.CondSpec{Classes: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := nn.Velocity(net)
	for _, e := range p.Layout(nn.Group).Entries {
		if strings.HasPrefix(e.Name, "letter.") {
			fmt.Println(e.Name, e.Shape, err)
		}
	}
	// Output:
	// letter.embedding [13 64] <nil>
	// letter.place [7 64] <nil>
}

// moved are parameters with noise on them.
func moved(n nn.Network, p *graph.Program, size float64) []float64 {
	arena := wide(initial(n, p, rng.New(1)))
	s := rng.New(2).Stream()
	for i := range arena {
		arena[i] += size * s.NormFloat64()
	}
	return arena
}

// TestTransformersStartAtRest: the velocity of a fresh network is 0; with only
// the last layer awake every block is the identity still, so that a token is
// what its own patch alone makes of it.
func TestTransformersStartAtRest(t *testing.T) {
	const dim = 6 * 4 * 3
	for _, s := range transformers() {
		net := network(t, s, dim, flow.CondSpec{Classes: 3})
		p := velocity(t, net)
		arena := wide(initial(net, p, rng.New(1)))
		x := make([]float64, dim)
		st := rng.New(3).Stream()
		for i := range x {
			x[i] = st.NormFloat64()
		}
		in := map[string][]float64{nn.InX: x, nn.InT: {0.3}, nn.InClass: {1}}
		if y := answers(t, p, arena, in); slices.ContainsFunc(y, func(v float64) bool { return v != 0 }) {
			t.Errorf("%s: the velocity of a fresh network is %v", s.Kind, y)
		}
		e := entry(t, p.Layout(nn.Group), "out.weight")
		for i := range e.Size {
			arena[e.Offset+i] = st.NormFloat64()
		}
		before := answers(t, p, arena, in)
		x[0]++ // a pixel of the first patch, lines 0 and 1, columns 0 and 1
		after := answers(t, p, arena, in)
		for i := range after {
			y, col := i/12, i/3%4
			if changed := before[i] != after[i]; changed != (y < 2 && col < 2) {
				t.Errorf("%s: pixel (%d, %d): changed %v", s.Kind, y, col, changed)
			}
		}
	}
}

// TestTransformersSeeAll: in a network that is awake the last pixel depends on
// the first, on the class and on the letters of its label, and on where a patch
// stands.
func TestTransformersSeeAll(t *testing.T) {
	const dim = 6 * 4 * 3
	for _, s := range transformers() {
		net := network(t, s, dim, flow.CondSpec{Classes: 3})
		p := velocity(t, net)
		arena := moved(net, p, 0.3)
		x := make([]float64, dim)
		in := map[string][]float64{nn.InX: x, nn.InT: {0.3}, nn.InClass: {1}}
		base := answers(t, p, arena, in)
		for i := range 3 {
			if base[i] == base[dim-3+i] {
				t.Errorf("%s: two patches of nothing have the same answer", s.Kind)
			}
		}
		x[0] = 2
		if far := answers(t, p, arena, in); far[dim-1] == base[dim-1] {
			t.Errorf("%s: the last pixel does not depend on the first", s.Kind)
		}
		x[0], in[nn.InClass] = 0, []float64{2}
		if other := answers(t, p, arena, in); other[dim-1] == base[dim-1] {
			t.Errorf("%s: the class is of no matter", s.Kind)
		}
		if s.Labels == nil {
			continue
		}
		// The letters are e, n, o, r, t, w, z: "n" is in "one" only.
		e := entry(t, p.Layout(nn.Group), "letter.embedding")
		if e.Shape[0] != 8 {
			t.Errorf("%d letters, want 7 and none", e.Shape[0])
		}
		other := slices.Clone(arena)
		other[e.Offset+2*e.Shape[1]]++
		for class, want := range []bool{false, false, true, false} {
			in[nn.InClass] = []float64{float64(class)}
			a, b := answers(t, p, arena, in), answers(t, p, other, in)
			if slices.Equal(a, b) == want {
				t.Errorf("class %d: the letter n matters: %v, want %v", class, !want, want)
			}
		}
	}
}

// TestAttentionOfATransformer computes a network of one head, one block and two
// tokens, whose weights leave little of it, by hand: with values alone, uniform
// attention gives every token the mean of the values.
func TestAttentionOfATransformer(t *testing.T) {
	s := nn.Spec{Kind: "dit", Width: 4, Depth: 1, Activation: "relu", TimeFeatures: 2, Shape: []int{1, 2, 1}, Heads: 1}
	net := network(t, s, 2, flow.CondSpec{})
	p := velocity(t, net)
	l := p.Layout(nn.Group)
	arena := make([]float64, l.Size)
	set := func(name string, at int, v float64) { arena[entry(t, l, name).Offset+at] = v }
	for i := range 4 {
		set("in.weight", i, float64(i+1))       // tokens are x (1, 2, 3, 4) and their place
		set("block.0.qkv.weight", 4*(8+i)+i, 1) // values are the normed tokens
		set("block.0.join.weight", 5*i, 1)
		set("block.0.modulation.bias", 2*4+i, 0.5) // half of the attention is added
		set("out.weight", i, float64(i*i))
	}
	x := []float64{0.7, -1.1}
	got := answers(t, p, arena, map[string][]float64{nn.InX: x, nn.InT: {0.3}})
	norm := func(v [4]float64) (n [4]float64) {
		mean, square := 0.0, 0.0
		for _, a := range v {
			mean += a / 4
		}
		for _, a := range v {
			square += (a - mean) * (a - mean) / 4
		}
		for i, a := range v {
			n[i] = (a - mean) / math.Sqrt(square+1e-6)
		}
		return n
	}
	var h [2][4]float64
	for k := range h {
		place := [4]float64{0, 1, math.Sin(float64(k)), math.Cos(float64(k))}
		for i := range 4 {
			h[k][i] = x[k]*float64(i+1) + place[i]
		}
	}
	a, b := norm(h[0]), norm(h[1])
	for k := range h {
		for i := range 4 {
			h[k][i] += 0.5 * (a[i] + b[i]) / 2
		}
		want := 0.0
		for i, v := range norm(h[k]) {
			want += float64(i*i) * v
		}
		if math.Abs(got[k]-want) > 1e-9 {
			t.Errorf("token %d gives %v, want %v", k, got[k], want)
		}
	}
}

// step is a training program of a network with its inputs bound.
func trainable(t *testing.T, net nn.Network, n, workers int) (s *exec.Session, params, grads, loss []float32) {
	t.Helper()
	b := graph.NewBuilder()
	v := net.Apply(b, nn.Group, nn.InputsOf(b, net))
	l := b.Sum(b.Square(b.Sub(v, b.Row("target", graph.Float32, net.Dim()))), 0)
	b.Output("loss", l)
	b.OutputGradients(b.Gradient(l, b.Row("seed", graph.Float32, 1), nn.Group))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	prog, err := exec.Compile(p, exec.Options{Pool: par.NewPool(workers)})
	if err != nil {
		t.Fatal(err)
	}
	s = prog.NewSession()
	params = initial(net, p, rng.New(1))
	grads, loss = make([]float32, len(params)), make([]float32, n)
	_, single, class := rows(p, n)
	for i := range class {
		class[i] = int32(i % 3)
	}
	for i := range single["seed"] {
		single["seed"][i] = 1 / float32(n)
	}
	// The target is the image the other way up, of the class's colour.
	x, target, dim := single[nn.InX], single["target"], net.Dim()
	for i := range x {
		target[i] = x[i/dim*dim+dim-1-i%dim] + float32(class[i/dim]-1)
	}
	errs := []error{s.BindParams(nn.Group, params), s.BindGrads(nn.Group, grads), s.BindOutput("loss", loss), s.BindRowInts(nn.InClass, class)}
	for _, r := range p.Rows {
		if r.DType == graph.Float32 {
			errs = append(errs, s.BindRow(r.Name, single[r.Name]))
		}
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return s, params, grads, loss
}

// TestTransformersLearn: a few steps of AdamW make most of the loss vanish, with
// the same bits on any number of cores.
func TestTransformersLearn(t *testing.T) {
	const n, few, many = 24, 3, 50
	for _, s := range append(transformers(), images()) {
		if s.Kind == "unet" {
			s.Shape = []int{6, 4, 3}
		}
		net := network(t, s, 6*4*3, flow.CondSpec{Classes: 3})
		var start []float32 // the parameters after a few steps on one core
		for _, workers := range []int{1, 3} {
			run, params, grads, loss := trainable(t, net, n, workers)
			c := optim.Post()
			c.Rate = 1e-2
			adam, err := optim.New(c, many, params, kernel.Best())
			if err != nil {
				t.Fatal(err)
			}
			var means []float64
			for step := range many {
				if err := run.Run(n); err != nil {
					t.Fatal(err)
				}
				mean := 0.0
				for _, v := range loss {
					mean += float64(v) / n
				}
				means = append(means, mean)
				adam.Step(grads)
				if step+1 < few {
					continue
				}
				if workers == 1 && start == nil {
					start = slices.Clone(params)
				}
				if workers > 1 {
					if !slices.Equal(start, params) {
						t.Errorf("%s: one core and %d lead to other parameters", s.Kind, workers)
					}
					break
				}
			}
			if before, after := means[0], means[len(means)-1]; workers == 1 && !(after < before/2) {
				t.Errorf("%s: the loss goes from %.3f to %.3f", s.Kind, before, after)
			}
		}
	}
}

func TestTransformerFaults(t *testing.T) {
	some := flow.CondSpec{Classes: 3, Real: 6}
	for want, c := range map[string]struct {
		cond flow.CondSpec
		edit func(s *nn.Spec)
	}{
		"network.shape: is missing":       {some, func(s *nn.Spec) { s.Shape = nil }},
		"network.shape: [6 4] is not":     {some, func(s *nn.Spec) { s.Shape = []int{6, 4} }},
		"network.shape: images of [6 4 1": {some, func(s *nn.Spec) { s.Shape = []int{6, 4, 1} }},
		"network.patch: -1 is not":        {some, func(s *nn.Spec) { s.Patch = -1 }},
		"network.width: 6 is not":         {some, func(s *nn.Spec) { s.Width = 6 }},
		"network.heads: 3 heads":          {some, func(s *nn.Spec) { s.Heads = 3 }},
		"network.heads: 0 heads":          {some, func(s *nn.Spec) { s.Heads = 0 }},
		"network.kind: a dit reads no":    {some, func(s *nn.Spec) { s.Kind = "dit" }},
		"network.kind: an mmdit reads":    {flow.CondSpec{}, func(s *nn.Spec) {}},
		"network.context: 0: give":        {some, func(s *nn.Spec) { s.Context = 0 }},
		"network.context: 4 tokens do":    {some, func(s *nn.Spec) { s.Context = 4 }},
		"network.context: 2000 is not":    {some, func(s *nn.Spec) { s.Context = 2000 }},
		"network.labels: 2 labels for 3":  {some, func(s *nn.Spec) { s.Labels = digits[:2] }},
		"network.labels[1]: 0 letters":    {some, func(s *nn.Spec) { s.Labels = []string{"a", "", "b"} }},
	} {
		s := transformers()[1]
		c.edit(&s)
		if _, err := s.Network(6*4*3, c.cond); !errors.Is(err, flow.ErrConfig) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
