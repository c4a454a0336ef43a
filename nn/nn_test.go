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
	"laminar/nn"
	"laminar/rng"
)

func network(t testing.TB, s nn.Spec, dim int, c flow.CondSpec) nn.Network {
	t.Helper()
	n, err := s.Network(dim, c)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func velocity(t testing.TB, n nn.Network) *graph.Program {
	t.Helper()
	p, err := nn.Velocity(n)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func initial(n nn.Network, p *graph.Program, key rng.Key) []float32 {
	l := p.Layout(nn.Group)
	arena := make([]float32, l.Size)
	n.Init(arena, l, key)
	return arena
}

func entry(t testing.TB, l graph.Layout, name string) graph.Entry {
	t.Helper()
	for _, e := range l.Entries {
		if e.Name == name {
			return e
		}
	}
	t.Fatalf("no parameter %q", name)
	return graph.Entry{}
}

// TestPostIsATorchSequential: the parameters of the post's network are those of
// torch.nn.Sequential(Linear(3, 64), ReLU(), Linear(64, 64), ReLU(), Linear(64, 2)).
func TestPostIsATorchSequential(t *testing.T) {
	p := velocity(t, network(t, nn.Post(), 2, flow.CondSpec{}))
	var got []string
	for _, e := range p.Layout(nn.Group).Entries {
		got = append(got, fmt.Sprint(e.Name, e.Shape))
	}
	want := []string{"net.0.weight[64 3]", "net.0.bias[64]", "net.2.weight[64 64]", "net.2.bias[64]", "net.4.weight[2 64]", "net.4.bias[2]"}
	if !slices.Equal(got, want) {
		t.Errorf("parameters are %v, want %v", got, want)
	}
}

// TestPostIsTheFormula computes the post's network by hand.
func TestPostIsTheFormula(t *testing.T) {
	p := velocity(t, network(t, nn.Spec{Kind: "mlp", Width: 2, Depth: 1, Activation: "relu"}, 1, flow.CondSpec{}))
	// net.0: rows (1, 2) and (-1, 1), biases 0.5 and -3; net.2: (2, 10), bias 0.25
	arena := []float64{1, 2, -1, 1, 0.5, -3, 2, 10, 0.25}
	out, err := p.Interpret(graph.Feed{N: 1, Arenas: map[string][]float64{nn.Group: arena}, Rows: map[string][]float64{nn.InX: {3}, nn.InT: {0.5}}})
	if err != nil {
		t.Fatal(err)
	}
	// 2 relu(3 + 1 + 0.5) + 10 relu(-3 + 0.5 - 3) + 0.25
	if got := out[nn.Out][0]; got != 9.25 {
		t.Errorf("the network answers %v, want 9.25", got)
	}
}

func TestInitIsTorchs(t *testing.T) {
	for _, s := range []nn.Spec{nn.Post(), nn.Defaults()} {
		n := network(t, s, 2, flow.CondSpec{Classes: 5, Real: 300})
		p := velocity(t, n)
		l := p.Layout(nn.Group)
		a := initial(n, p, rng.New(1))
		for _, e := range l.Entries {
			layer, weight := strings.CutSuffix(e.Name, ".weight")
			if !weight {
				continue
			}
			bound := 1 / math.Sqrt(float64(e.Shape[1]))
			for _, q := range []graph.Entry{e, entry(t, l, layer+".bias")} {
				sum, high := 0.0, 0.0
				for _, v := range a[q.Offset : q.Offset+q.Size] {
					sum += float64(v) * float64(v)
					high = max(high, math.Abs(float64(v)))
				}
				if s.Kind == "resmlp" && layer == "out" {
					if high != 0 {
						t.Errorf("%s: a residual network starts at rest, %s is not 0", s.Kind, q.Name)
					}
					continue
				}
				if high > bound {
					t.Errorf("%s: %s reaches %v beyond 1/sqrt(fan in) = %v", s.Kind, q.Name, high, bound)
				}
				// The variance of U(-b, b) is b^2/3; the mean of n squares has
				// the relative deviation sqrt(4/5/n).
				if ratio, n := sum/float64(q.Size)/(bound*bound/3), float64(q.Size); n > 50 && math.Abs(ratio-1) > 4*math.Sqrt(0.8/n) {
					t.Errorf("%s: the variance of %s is %.3f of that of U(-%v, %[4]v)", s.Kind, q.Name, ratio, bound)
				}
			}
		}
		e := entry(t, l, "real.null")
		sum := 0.0
		for _, v := range a[e.Offset : e.Offset+e.Size] {
			sum += float64(v) * float64(v) / float64(e.Size)
		}
		if math.Abs(sum-1) > 4*math.Sqrt(2.0/300) {
			t.Errorf("%s: the variance of the null is %v, want 1", s.Kind, sum)
		}
		if !slices.Equal(a, initial(n, p, rng.New(1))) {
			t.Errorf("%s: the same key gives other numbers", s.Kind)
		}
		if slices.Equal(a, initial(n, p, rng.New(2))) {
			t.Errorf("%s: another key gives the same numbers", s.Kind)
		}
	}
}

// TestInitDependsOnNamesOnly: a network with a condition starts its further
// layers as one without.
func TestInitDependsOnNamesOnly(t *testing.T) {
	a, b := network(t, nn.Post(), 2, flow.CondSpec{}), network(t, nn.Post(), 2, flow.CondSpec{Classes: 3})
	pa, pb := velocity(t, a), velocity(t, b)
	xa, xb := initial(a, pa, rng.New(3)), initial(b, pb, rng.New(3))
	for _, name := range []string{"net.2.weight", "net.4.bias"} {
		ea, eb := entry(t, pa.Layout(nn.Group), name), entry(t, pb.Layout(nn.Group), name)
		if !slices.Equal(xa[ea.Offset:ea.Offset+ea.Size], xb[eb.Offset:eb.Offset+eb.Size]) {
			t.Errorf("%s starts elsewhere when there is a condition", name)
		}
	}
}

var all = flow.CondSpec{Classes: 3, Real: 2, Mask: true}

// rows draws inputs for every row input of p; class 0 and an unknown real
// vector are among them.
func rows(p *graph.Program, n int) (map[string][]float64, map[string][]float32, []int32) {
	exact, single := map[string][]float64{}, map[string][]float32{}
	var class []int32
	for _, r := range p.Rows {
		size := 1
		for _, d := range r.Shape {
			size *= d
		}
		v := make([]float32, n*size)
		s := rng.New(11).Split(r.Name).Stream()
		switch r.Name {
		case nn.InClass:
			for i := range v {
				v[i] = float32(i % 4)
				class = append(class, int32(i%4))
			}
		case nn.InKnown, nn.InMask:
			for i := range v {
				v[i] = float32(s.IntN(2))
			}
		case nn.InT, "seed":
			s.Fill(v)
		default:
			s.Normal(v)
		}
		single[r.Name] = v
		for _, x := range v {
			exact[r.Name] = append(exact[r.Name], float64(x))
		}
	}
	return exact, single, class
}

func wide(x []float32) []float64 {
	var y []float64
	for _, v := range x {
		y = append(y, float64(v))
	}
	return y
}

// kinds are all built-in networks.
func kinds() []string { return append(nn.Kinds(), nn.ImageKinds()...) }

// spec is a small network for points of two numbers: for images, signals of two
// steps.
func spec(kind string, width, depth int, act string) nn.Spec {
	s := nn.Spec{Kind: kind, Width: width, Depth: depth, Activation: act, TimeFeatures: 4}
	if kind == "unet" {
		s.Width, s.Depth, s.Shape, s.Levels, s.Heads = 2, 1, []int{1, 2, 1}, []int{1, 2}, 2
	}
	if kind == "dit" || kind == "mmdit" {
		s.Width, s.Depth, s.Shape, s.Heads = 4, 1, []int{1, 2, 1}, 2
	}
	if kind == "mmdit" {
		s.Depth, s.Context = 2, 2
	}
	return s
}

// TestGradientOfEveryNetwork compares the gradient of parameters with
// differences of the float64 interpreter, and the executor with both.
func TestGradientOfEveryNetwork(t *testing.T) {
	const n = 8
	for _, kind := range kinds() {
		for _, act := range nn.Activations() {
			if !slices.Contains(nn.Kinds(), kind) && act != "silu" {
				continue // its activations are those of the others
			}
			for _, c := range []flow.CondSpec{{}, all} {
				if kind == "mmdit" && c.IsZero() {
					continue // it needs something to read
				}
				name := fmt.Sprintf("%s/%s/%+v", kind, act, c)
				net := network(t, spec(kind, 5, 2, act), 2, c)
				b := graph.NewBuilder()
				v := net.Apply(b, nn.Group, nn.RowInputs(b, 2, c))
				miss := b.Sub(v, b.Row("target", graph.Float32, 2))
				loss := b.Sum(b.Square(miss), 0)
				b.Output("loss", loss)
				b.OutputGradients(b.Gradient(loss, b.Row("seed", graph.Float32, 1), nn.Group))
				p, err := b.Build()
				if err != nil {
					t.Fatal(name, err)
				}
				l := p.Layout(nn.Group)
				params := make([]float32, l.Size)
				s := rng.New(5).Stream()
				s.Normal(params)
				for i := range params {
					params[i] /= 2
				}
				arena := wide(params)
				exact, single, class := rows(p, n)
				seed := exact["seed"]
				run := func() (map[string][]float64, float64) {
					out, err := p.Interpret(graph.Feed{N: n, Arenas: map[string][]float64{nn.Group: arena}, Rows: exact})
					if err != nil {
						t.Fatal(name, err)
					}
					total := 0.0
					for i, x := range out["loss"] {
						total += seed[i] * x
					}
					return out, total
				}
				out, _ := run()
				grad := make([]float64, l.Size)
				for _, o := range p.Outputs {
					if o.GradOf >= 0 {
						e := entry(t, l, p.Params[o.GradOf].Name)
						copy(grad[e.Offset:e.Offset+e.Size], out[o.Name])
					}
				}
				const h = 1e-6
				worst := 0.0
				// Of a large network a part, from every layer.
				for i := 0; i < l.Size; i += 1 + l.Size/150 {
					at := arena[i]
					arena[i] = at + h
					_, up := run()
					arena[i] = at - h
					_, down := run()
					arena[i] = at
					d := (up - down) / (2 * h)
					worst = max(worst, math.Abs(d-grad[i])/(1+math.Abs(d)))
				}
				if worst > 1e-6 {
					t.Errorf("%s: the gradient misses the differences by %.1e", name, worst)
				}
				for _, k := range kernel.Available() {
					got := execute(t, p, k, params, single, class, n)
					for i := range got {
						if d := math.Abs(float64(got[i]) - grad[i]); d > 1e-4*(1+math.Abs(grad[i])) {
							t.Fatalf("%s on %s: gradient %d is %v, want %v", name, k.Name(), i, got[i], grad[i])
						}
					}
				}
			}
		}
	}
}

func execute(t *testing.T, p *graph.Program, k *kernel.Set, params []float32, rows map[string][]float32, class []int32, n int) []float32 {
	t.Helper()
	exe, err := exec.Compile(p, exec.Options{Kernels: k, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := exe.NewSession()
	grads := make([]float32, len(params))
	errs := []error{s.BindParams(nn.Group, params), s.BindGrads(nn.Group, grads)}
	for _, r := range p.Rows {
		if r.DType == graph.Int32 {
			errs = append(errs, s.BindRowInts(r.Name, class))
		} else {
			errs = append(errs, s.BindRow(r.Name, rows[r.Name]))
		}
	}
	if err := errors.Join(append(errs, s.Run(n))...); err != nil {
		t.Fatal(err)
	}
	return grads
}

// answers runs the velocity program in float64 for one row.
func answers(t *testing.T, p *graph.Program, arena []float64, rows map[string][]float64) []float64 {
	t.Helper()
	out, err := p.Interpret(graph.Feed{N: 1, Arenas: map[string][]float64{nn.Group: arena}, Rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	return out[nn.Out]
}

// TestLearntNull: class 0 is a row of the embedding of its own, and an unknown
// real vector is answered by the null and by nothing that stands in its place.
func TestLearntNull(t *testing.T) {
	for _, kind := range kinds() {
		net := network(t, spec(kind, 8, 1, "tanh"), 2, all)
		p := velocity(t, net)
		l := p.Layout(nn.Group)
		arena := make([]float64, l.Size)
		s := rng.New(6).Stream()
		for i := range arena {
			arena[i] = s.NormFloat64()
		}
		with := func(class int, real, known float64, edit string) []float64 {
			a := slices.Clone(arena)
			if edit != "" {
				e := entry(t, l, edit)
				for i := range e.Size {
					if edit != "class.embedding" || i < e.Shape[1] { // row 0, the null
						a[e.Offset+i]++
					}
				}
			}
			return answers(t, p, a, map[string][]float64{
				nn.InX: {0.3, -1}, nn.InT: {0.4}, nn.InClass: {float64(class)}, nn.InReal: {real, real}, nn.InKnown: {known},
				nn.InMask: {1, 0}, nn.InObserved: {0.7, real},
			})
		}
		same := func(what string, a, b []float64, want bool) {
			t.Helper()
			if slices.Equal(a, b) != want {
				t.Errorf("%s: %s: equal is %v, want %v", kind, what, !want, want)
			}
		}
		same("the unknown class against class 0", with(0, 1, 1, ""), with(1, 1, 1, ""), false)
		same("the unknown class, its embedding moved", with(0, 1, 1, ""), with(0, 1, 1, "class.embedding"), false)
		same("a known class, the null moved", with(2, 1, 1, ""), with(2, 1, 1, "class.embedding"), true)
		same("two unknown real vectors", with(1, 1, 0, ""), with(1, 5, 0, ""), true)
		same("two known real vectors", with(1, 1, 1, ""), with(1, 5, 1, ""), false)
		same("an unknown real vector, the null moved", with(1, 1, 0, ""), with(1, 1, 0, "real.null"), false)
		same("a known real vector, the null moved", with(1, 1, 1, ""), with(1, 1, 1, "real.null"), true)
	}
}

func TestConditionValues(t *testing.T) {
	nan := float32(math.NaN())
	dst, known := []float32{9, 9}, []float32{9}
	for _, c := range []struct {
		src     []float32
		dropped bool
		want    []float32
		known   float32
	}{
		{[]float32{1, 2}, false, []float32{1, 2}, 1},
		{[]float32{1, 2}, true, []float32{0, 0}, 0},
		{[]float32{1, nan}, false, []float32{0, 0}, 0},
	} {
		nn.SetReal(dst, known, c.src, c.dropped)
		if !slices.Equal(dst, c.want) || known[0] != c.known {
			t.Errorf("SetReal of %v, dropped %v: %v and %v", c.src, c.dropped, dst, known)
		}
	}
	seen := []float32{9, 9, 9}
	nn.SetObserved(seen, []float32{1, 0, 1}, []float32{4, nan, 5})
	if !slices.Equal(seen, []float32{4, 0, 5}) {
		t.Errorf("SetObserved: %v", seen)
	}
}

func TestValidate(t *testing.T) {
	for _, s := range []nn.Spec{nn.Post(), nn.Defaults()} {
		if err := s.Validate("network"); err != nil {
			t.Error(err)
		}
	}
	for field, c := range map[string]struct {
		edit func(*nn.Spec)
		says string
	}{
		"kind":          {func(s *nn.Spec) { s.Kind = "transformer" }, "mlp, resmlp"},
		"activation":    {func(s *nn.Spec) { s.Activation = "" }, "relu, silu, tanh, gelu, selu"},
		"width":         {func(s *nn.Spec) { s.Width = 0 }, "1..16384"},
		"depth":         {func(s *nn.Spec) { s.Depth = 257 }, "1..256"},
		"time_features": {func(s *nn.Spec) { s.TimeFeatures = 7 }, "even"},
	} {
		s := nn.Defaults()
		c.edit(&s)
		_, err := s.Network(2, flow.CondSpec{})
		var f *flow.FieldError
		if !errors.As(err, &f) || f.Path != "network."+field || !strings.Contains(f.Msg, c.says) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := nn.Post().Network(0, flow.CondSpec{}); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("a network of no dimension: %v", err)
	}
}

// wrong answers with a shape of its own choice.
type wrong struct{ nn.Network }

func (wrong) Apply(b *graph.Builder, group string, in nn.Inputs) graph.Value { return in.T }

func TestVelocityRefusesOtherShapes(t *testing.T) {
	_, err := nn.Velocity(wrong{network(t, nn.Post(), 2, flow.CondSpec{})})
	if !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "want one row of 2") {
		t.Errorf("a network that answers its time: %v", err)
	}
}

// TestResidualIsTheFormula computes a residual network by hand:
// h = W [x, phi] + b; h += tanh(U [h, phi] + c); v = O h + o, with
// phi = (t, sin pi t, sin 2 pi t, cos pi t, cos 2 pi t).
func TestResidualIsTheFormula(t *testing.T) {
	p := velocity(t, network(t, nn.Spec{Kind: "resmlp", Width: 1, Depth: 1, Activation: "tanh", TimeFeatures: 4}, 1, flow.CondSpec{}))
	arena := []float64{
		0.5, 1, 2, 3, 4, 5, 0.25, // in
		-1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, // block.0
		3, 0.125, // out
	}
	const x, s = 1.5, 0.3
	phi := []float64{s, math.Sin(math.Pi * s), math.Sin(2 * math.Pi * s), math.Cos(math.Pi * s), math.Cos(2 * math.Pi * s)}
	h, u := 0.5*x+0.25, 0.75
	for i, f := range phi {
		h += float64(i+1) * f
		u += 0.1 * float64(i+1) * f
	}
	u -= h
	want := 3*(h+math.Tanh(u)) + 0.125
	if got := answers(t, p, arena, map[string][]float64{nn.InX: {x}, nn.InT: {s}})[0]; math.Abs(got-want) > 1e-12 {
		t.Errorf("the network answers %v, want %v", got, want)
	}
}

func TestConditionParameters(t *testing.T) {
	for _, c := range []struct {
		classes int
		want    []int
	}{{2, []int{3, 4}}, {10, []int{11, 10}}, {100, []int{101, 32}}} {
		p := velocity(t, network(t, nn.Post(), 2, flow.CondSpec{Classes: c.classes}))
		l := p.Layout(nn.Group)
		if got := entry(t, l, "class.embedding").Shape; !slices.Equal(got, c.want) {
			t.Errorf("%d classes and the unknown one have embeddings %v, want %v", c.classes, got, c.want)
		}
		if got := entry(t, l, "net.0.weight").Shape[1]; got != 3+c.want[1] {
			t.Errorf("%d classes: the first layer reads %d values", c.classes, got)
		}
	}
}

// What is added at AnswerBias is added to the answer.
func TestAnswerBias(t *testing.T) {
	for _, kind := range []string{"mlp", "resmlp"} {
		net := network(t, spec(kind, 8, 2, "silu"), 3, flow.CondSpec{})
		p, err := nn.Velocity(net)
		if err != nil {
			t.Fatal(err)
		}
		l := p.Layout(nn.Group)
		at, ok := nn.AnswerBias(l, 3)
		if !ok {
			t.Errorf("%s has no bias of its answer", kind)
			continue
		}
		params := make([]float32, l.Size) // all else is 0
		copy(params[at:], []float32{1, -2, 3})
		exact, _, _ := rows(p, 1)
		if got := answers(t, p, wide(params), exact); !slices.Equal(got, []float64{1, -2, 3}) {
			t.Errorf("%s answers %v", kind, got)
		}
		if _, ok := nn.AnswerBias(l, 4); ok {
			t.Errorf("%s: a bias of 4 numbers is none of 3", kind)
		}
	}
	if _, ok := nn.AnswerBias(graph.Layout{}, 3); ok {
		t.Error("an empty layout has a bias")
	}
}
