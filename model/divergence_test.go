package model

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/rng"
	"laminar/tensor"
)

// random returns a model of dimension dim with random parameters.
func random(t testing.TB, dim int, c flow.CondSpec) *Model {
	t.Helper()
	net, err := nn.Spec{Kind: "resmlp", Width: 24, Depth: 2, Activation: "silu", TimeFeatures: 4}.Network(dim, c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.Velocity(net)
	if err != nil {
		t.Fatal(err)
	}
	w := make([]float32, p.Layout(nn.Group).Size)
	s := rng.New(1).Stream()
	s.Normal(w)
	for i := range w {
		w[i] *= 0.3
	}
	m, err := New(Config{Program: p, Params: w, Cond: c})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// forms returns p' J p of each row by central differences in float64.
func forms(t *testing.T, m *Model, x, p tensor.Mat, at []float64, class []int32) []float64 {
	const h = 1e-4
	eval := func(sign float64) []float64 {
		feed := graph.Feed{N: x.N, Arenas: map[string][]float64{nn.Group: nil}, Rows: map[string][]float64{nn.InT: nil}}
		for _, v := range m.Params {
			feed.Arenas[nn.Group] = append(feed.Arenas[nn.Group], float64(v))
		}
		for i, v := range x.Data {
			feed.Rows[nn.InX] = append(feed.Rows[nn.InX], float64(v)+sign*h*float64(p.Data[i]))
		}
		for i := range x.N {
			feed.Rows[nn.InT] = append(feed.Rows[nn.InT], float64(float32(at[i])))
			feed.Rows[nn.InClass] = append(feed.Rows[nn.InClass], float64(class[i]+1))
		}
		out, err := m.Program.Interpret(feed)
		if err != nil {
			t.Fatal(err)
		}
		return out[nn.Out]
	}
	up, down := eval(1), eval(-1)
	out := make([]float64, x.N)
	for i := range up {
		out[i/x.D] += float64(p.Data[i]) * (up[i] - down[i]) / (2 * h)
	}
	return out
}

// Divergences are those of differences in float64, exact and with probes, in
// more dimensions than one program has tangents; rows find their conditions, and
// the velocity has the bits of the plain one.
func TestDivergence(t *testing.T) {
	const n = 5
	for _, dim := range []int{2, mostTangents + 7} {
		m := random(t, dim, flow.CondSpec{Classes: 3})
		class := []int32{2, 0, flow.NoClass, 1, 2}
		f, err := m.Bind(flow.Cond{Class: class})
		if err != nil {
			t.Fatal(err)
		}
		s := rng.New(2).Stream()
		x := tensor.New(n, dim)
		s.Normal(x.Data)
		at := []float64{0, 0.25, 0.5, 0.9, 1}
		var probes []tensor.Mat
		for range mostTangents + 3 {
			p := tensor.New(n, dim)
			s.Normal(p.Data)
			probes = append(probes, p)
		}
		exact := make([]float64, n)
		for j := range dim {
			e := tensor.New(n, dim)
			for i := range n {
				e.Row(i)[j] = 1
			}
			for i, v := range forms(t, m, x, e, at, class) {
				exact[i] += v
			}
		}
		check := func(what string, got float32, want float64) {
			t.Helper()
			if math.Abs(float64(got)-want) > 2e-4*(1+math.Abs(want))*math.Sqrt(float64(dim)) {
				t.Errorf("%d dimensions, %s: %v, by differences %v", dim, what, got, want)
			}
		}
		v, plain := tensor.New(n, dim), tensor.New(n, dim)
		if err := f.VelocityAt(plain, x, at, nil); err != nil {
			t.Fatal(err)
		}
		div := tensor.New(n, 1)
		if err := f.VelocityDivergence(v, div, x, at, nil, nil); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			check("exact", div.Data[i], exact[i])
		}
		if !slices.Equal(v.Data, plain.Data) {
			t.Error("another velocity beside the divergence")
		}
		for _, k := range []int{1, 3, len(probes)} {
			div := tensor.New(n, k)
			if err := f.VelocityDivergence(v, div, x, at, nil, probes[:k]); err != nil {
				t.Fatal(err)
			}
			for c := range k {
				for i, want := range forms(t, m, x, probes[c], at, class) {
					check("probe", div.At(i, c), want)
				}
			}
		}
		// Some rows, with the conditions of their own.
		some, back := tensor.New(2, dim), tensor.New(2, dim)
		copy(some.Row(0), x.Row(3))
		copy(some.Row(1), x.Row(0))
		part := tensor.New(2, 1)
		if err := f.VelocityDivergence(back, part, some, []float64{at[3], at[0]}, []int32{3, 0}, nil); err != nil {
			t.Fatal(err)
		}
		if part.Data[0] != div.Data[3] || part.Data[1] != div.Data[0] {
			t.Errorf("rows 3 and 0 are %v, among all %v", part.Data, div.Data)
		}
	}
}

// All tangents share one evaluation: however many there are, the program takes
// the activations' sigmoid once each.
func TestTangentsShareTheirPrimal(t *testing.T) {
	m := random(t, 20, flow.CondSpec{})
	count := func(p *graph.Program, op graph.Op) (n int) {
		for _, node := range p.Nodes {
			if node.Op == op {
				n++
			}
		}
		return n
	}
	for _, k := range []tracing{{true, 20}, {false, 5}} {
		p, err := k.program(m.Program, 20)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := count(m.Program, graph.OpSigmoid), count(p, graph.OpSigmoid); a == 0 || a != b {
			t.Errorf("%+v: %d sigmoids, the network has %d", k, b, a)
		}
		if a, b := count(m.Program, graph.OpLinear), count(p, graph.OpLinear); b > a*(1+k.tangents) {
			t.Errorf("%+v: %d products, the network has %d", k, b, a)
		}
	}
}

func TestDivergenceRefuses(t *testing.T) {
	m := random(t, 2, flow.CondSpec{})
	f, err := m.Bind(flow.Cond{})
	if err != nil {
		t.Fatal(err)
	}
	x, v, div := tensor.New(3, 2), tensor.New(3, 2), tensor.New(3, 1)
	at := make([]float64, 3)
	for what, err := range map[string]error{
		"times":  f.VelocityDivergence(v, div, x, at[:2], nil, nil),
		"div":    f.VelocityDivergence(v, tensor.New(3, 2), x, at, nil, nil),
		"probe":  f.VelocityDivergence(v, div, x, at, nil, []tensor.Mat{tensor.New(2, 2)}),
		"points": f.VelocityDivergence(v, div, tensor.New(3, 3), at, nil, nil),
	} {
		if err == nil {
			t.Errorf("%s of the wrong shape pass", what)
		}
	}
	var _ flow.DivergentOf[float32] = f
}

func BenchmarkDivergence(b *testing.B) {
	for _, dim := range []int{2, 64} {
		b.Run(fmt.Sprint(dim), func(b *testing.B) {
			m := random(b, dim, flow.CondSpec{})
			f, err := m.Bind(flow.Cond{})
			if err != nil {
				b.Fatal(err)
			}
			x, v, div, at := tensor.New(512, dim), tensor.New(512, dim), tensor.New(512, 1), make([]float64, 512)
			b.ReportAllocs()
			for b.Loop() {
				if err := f.VelocityDivergence(v, div, x, at, nil, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
