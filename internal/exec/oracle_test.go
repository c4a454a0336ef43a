package exec

import (
	"fmt"
	"math"
	"testing"

	"laminar/graph"
	"laminar/internal/kernel"
	"laminar/internal/par"
	"laminar/rng"
)

// feed is what a program is run with, in both precisions.
type feed struct {
	n      int
	arenas map[string][]float32
	rows   map[string][]float32
	ints   map[string][]int32
}

// newFeed draws numbers for every input of p. Index inputs are drawn from -1
// to 8, beyond most tables.
func newFeed(p *graph.Program, n int, key rng.Key) feed {
	f := feed{n, map[string][]float32{}, map[string][]float32{}, map[string][]int32{}}
	for _, g := range p.Groups() {
		a := make([]float32, p.Layout(g).Size)
		s := key.Split("group " + g).Stream()
		s.Normal(a)
		f.arenas[g] = a
	}
	for _, r := range p.Rows {
		k := key.Split("row " + r.Name)
		size := sizeOf(r.Shape)
		if r.DType == graph.Int32 {
			v := make([]int32, n*size)
			for i := range v {
				s := k.At(uint64(i)).Stream()
				v[i] = int32(s.Uint64()%10) - 1
			}
			f.ints[r.Name] = v
			continue
		}
		v := make([]float32, n*size)
		for i := range n {
			s := k.At(uint64(i)).Stream()
			s.Normal(v[i*size : (i+1)*size])
		}
		f.rows[r.Name] = v
	}
	return f
}

// exact runs p in float64.
func (f feed) exact(t testing.TB, p *graph.Program) map[string][]float64 {
	t.Helper()
	in := graph.Feed{N: f.n, Arenas: map[string][]float64{}, Rows: map[string][]float64{}}
	for g, a := range f.arenas {
		for _, v := range a {
			in.Arenas[g] = append(in.Arenas[g], float64(v))
		}
	}
	for g, a := range f.rows {
		for _, v := range a {
			in.Rows[g] = append(in.Rows[g], float64(v))
		}
	}
	for g, a := range f.ints {
		for _, v := range a {
			in.Rows[g] = append(in.Rows[g], float64(v))
		}
	}
	out, err := p.Interpret(in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// bound is a session with everything bound, and where its results lie.
type bound struct {
	*Session
	f     feed
	out   map[string][]float32
	grads map[string][]float32
}

func bind(t testing.TB, p *graph.Program, f feed, o Options) bound {
	t.Helper()
	prog, err := Compile(p, o)
	if err != nil {
		t.Fatal(err)
	}
	b := bound{prog.NewSession(), f, map[string][]float32{}, map[string][]float32{}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for g, a := range f.arenas {
		must(b.BindParams(g, a))
		b.grads[g] = make([]float32, len(a))
		must(b.BindGrads(g, b.grads[g]))
	}
	for name, v := range f.rows {
		must(b.BindRow(name, v))
	}
	for name, v := range f.ints {
		must(b.BindRowInts(name, v))
	}
	for _, u := range p.Outputs {
		n := &p.Nodes[u.Value]
		size := n.Size()
		if n.Kind == graph.Row {
			size *= f.n
		}
		v := make([]float32, size)
		b.out[u.Name] = v
		if n.DType == graph.Int32 {
			must(b.BindOutputInts(u.Name, intsOf(v)))
		} else {
			must(b.BindOutput(u.Name, v))
		}
	}
	return b
}

// run runs the session and returns all that it wrote, by name.
func (b bound) run(t testing.TB) map[string][]float32 {
	t.Helper()
	if err := b.Run(b.f.n); err != nil {
		t.Fatal(err)
	}
	all := map[string][]float32{}
	for name, v := range b.out {
		all[name] = append([]float32(nil), v...)
	}
	for g, v := range b.grads {
		all["arena "+g] = append([]float32(nil), v...)
	}
	return all
}

// compare runs p under o and compares with the interpreter, relative to the
// largest element of an output.
func compare(t testing.TB, p *graph.Program, f feed, o Options, tol float64) {
	t.Helper()
	compareTo(t, p, f, f.exact(t, p), o, tol)
}

// compareTo is compare with what the interpreter has said before.
func compareTo(t testing.TB, p *graph.Program, f feed, want map[string][]float64, o Options, tol float64) {
	t.Helper()
	b := bind(t, p, f, o)
	got := b.run(t)
	for _, u := range p.Outputs {
		w, g := want[u.Name], got[u.Name]
		if p.Nodes[u.Value].DType == graph.Int32 {
			for i, v := range intsOf(g) {
				if float64(v) != w[i] {
					t.Errorf("%s: element %d is %d, want %g", u.Name, i, v, w[i])
					break
				}
			}
			continue
		}
		if len(w) != len(g) {
			t.Errorf("%s: %d elements, want %d", u.Name, len(g), len(w))
			continue
		}
		scale := 1.0
		for _, v := range w {
			if !math.IsInf(v, 0) {
				scale = max(scale, math.Abs(v))
			}
		}
		for i, v := range g {
			x := float64(v)
			if x == w[i] || (math.IsNaN(x) && math.IsNaN(w[i])) {
				continue
			}
			if !(math.Abs(x-w[i]) <= tol*scale) {
				t.Errorf("%s: element %d of %d is %g, want %g (largest %g)", u.Name, i, len(g), x, w[i], scale)
				break
			}
		}
		if u.GradOf >= 0 {
			q := p.Params[u.GradOf]
			for _, e := range p.Layout(q.Group).Entries {
				if e.Name == q.Name && !sameBits(b.grads[q.Group][e.Offset:e.Offset+e.Size], g) {
					t.Errorf("%s: the gradient arena differs from the output", u.Name)
				}
			}
		}
	}
}

func sameBits(a, b []float32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return false
		}
	}
	return true
}

// everyway calls do for each kernel set, fused and plain, whole and in small
// blocks.
func everyway(t *testing.T, do func(t *testing.T, o Options)) {
	for _, k := range kernel.Available() {
		for _, plain := range []bool{false, true} {
			for _, bytes := range []int{0, 1} {
				t.Run(fmt.Sprintf("%s/plain=%v/block=%d", k.Name(), plain, bytes), func(t *testing.T) {
					do(t, Options{Kernels: k, Plain: plain, BlockBytes: bytes})
				})
			}
		}
	}
}

var four = par.NewPool(4)

// mlp builds the training program of a 3-w-w-2 network with an activation.
func mlp(t testing.TB, w int, act func(*graph.Builder, graph.Value) graph.Value) *graph.Program {
	t.Helper()
	b := graph.NewBuilder()
	h := b.Row("x", graph.Float32, 3)
	in := 3
	for l, out := range []int{w, w, 2} {
		name := fmt.Sprint("layer", l)
		h = b.Linear(h, b.Param("net", name+".weight", out, in), true)
		h = b.Add(h, b.Param("net", name+".bias", out))
		if l < 2 {
			h = act(b, h)
		}
		in = out
	}
	b.Output("y", h)
	loss := b.Sum(b.Square(b.Sub(h, b.Row("target", graph.Float32, 2))), 0)
	b.Output("loss", loss)
	b.OutputGradients(b.Gradient(loss, b.Row("seed", graph.Float32, 1), "net"))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var activations = map[string]func(*graph.Builder, graph.Value) graph.Value{
	"relu": (*graph.Builder).ReLU,
	"silu": (*graph.Builder).SiLU,
	"tanh": (*graph.Builder).Tanh,
	"sigm": (*graph.Builder).Sigmoid,
	"gelu": (*graph.Builder).GELU,
	"selu": (*graph.Builder).SELU,
	"none": func(_ *graph.Builder, x graph.Value) graph.Value { return x },
}

func TestMLP(t *testing.T) {
	for name, act := range activations {
		p := mlp(t, 24, act)
		f := newFeed(p, 131, rng.New(1))
		t.Run(name, func(t *testing.T) {
			everyway(t, func(t *testing.T, o Options) { compare(t, p, f, o, 3e-6) })
		})
	}
}
