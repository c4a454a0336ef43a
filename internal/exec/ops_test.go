package exec

import (
	"fmt"
	"testing"

	"laminar/graph"
	"laminar/rng"
)

// TestEveryOp runs every operation on static and on row values, sums the
// results over rows, and adds to the sums.
func TestEveryOp(t *testing.T) {
	b := graph.NewBuilder()
	k := 0
	covered := map[graph.Op]bool{}
	output := func(v graph.Value) {
		k++
		b.Output(fmt.Sprint("o", k), v)
	}
	values := func(f func(name string, shape ...int) graph.Value) {
		x, y := f("x", 2, 3, 4), f("y", 2, 3, 4)
		pos := b.Add(b.Abs(x), b.Const(0.5))
		m := b.Greater(x, y)
		for _, v := range []graph.Value{
			b.Neg(x), b.Abs(x), b.Sign(x), b.Exp(x), b.Log(pos), b.Sqrt(pos), b.Sin(x), b.Cos(x), b.Tanh(x),
			b.Sigmoid(x), b.Erf(x), b.ReLU(x), b.Step(x), b.Add(x, y), b.Sub(x, y), b.Mul(x, y), b.Div(x, pos),
			b.Max(x, y), b.Min(x, y), m, b.Equal(b.Step(x), b.Step(y)), b.Select(m, x, y), b.SiLU(x), b.GELU(x), b.SELU(x),
			b.Reshape(x, 6, 4), b.Transpose(x, 2, 0, 1), b.Transpose(x, 1, 0, 2), b.Transpose(x, 0, 2, 1),
			b.Broadcast(b.Slice(x, 1, 1, 2), 2, 5, 4), b.Broadcast(b.Slice(x, 2, 1, 2), 2, 3, 5), b.Broadcast(b.Slice(x, 0, 1, 2), 2, 3, 4),
			b.Sum(x, 0), b.Sum(x, 1), b.Sum(x, 2), b.Sum(x, 0, 2), b.Sum(x, 1, 2), b.Sum(x, 0, 1, 2), b.Sum(x, 0, 1),
			b.ReduceMax(x, 0), b.ReduceMax(x, 1), b.ReduceMax(x, 2), b.ReduceMax(x, 1, 2), b.ReduceMax(x, 0, 2),
			b.Slice(x, 0, 1, 2), b.Slice(x, 1, 1, 3), b.Slice(x, 2, 0, 3), b.Pad(x, 0, 1, 2), b.Pad(x, 1, 0, 1), b.Pad(x, 2, 1, 0),
			b.Concat(0, x, y), b.Concat(1, x, f("z", 2, 1, 4), y), b.Concat(2, x, f("u", 2, 3, 1)),
			b.MatMul(x, y, false, true), b.MatMul(x, y, true, false), b.MatMul(x, f("v", 2, 4, 5), false, false), b.MatMul(x, f("w", 2, 5, 3), true, true),
			b.Linear(x, b.Param("q", "w", 4, 6), false), b.Linear(x, b.Param("q", "wt", 6, 4), true),
			b.Add(b.Linear(x, b.Param("q", "w", 4, 6), false), b.Param("q", "bias", 6)),
			b.Sub(b.Const(1), x), b.Sub(x, b.Const(2)), b.Scale(x, 3), b.Div(x, b.Const(4)), b.Add(b.Const(2), x), b.Div(b.Const(1), pos),
			b.Mul(x, b.Slice(x, 2, 0, 1)), b.Mul(x, b.ConstOf([]float64{1, 2, 3, 4}, 4)), b.Softmax(x, 2), b.Softmax(x, 1), b.LayerNorm(x, 2, 1e-5), b.GroupNorm(x, 2, 1e-5),
			b.Mul(x, b.Slice(x, 0, 0, 1)), b.Sub(x, f("line", 4)), b.Add(b.Mul(x, b.Param("q", "scale", 4)), b.Param("q", "shift", 3, 4)), b.Sub(b.Param("q", "scale", 4), x),
			b.StopGradient(x), b.Convert(x, graph.Int32), b.Convert(b.Convert(b.Scale(x, 3), graph.Int32), graph.Float32),
			b.Equal(b.Convert(x, graph.Int32), b.Convert(y, graph.Int32)), b.Equal(b.Convert(x, graph.Int32), y),
			b.Transpose(b.Convert(x, graph.Int32), 2, 0, 1), b.Concat(0, b.Convert(x, graph.Int32), b.Convert(y, graph.Int32)),
		} {
			output(v)
		}
	}
	values(func(name string, shape ...int) graph.Value { return b.Row(name, graph.Float32, shape...) })
	values(func(name string, shape ...int) graph.Value { return b.Param("p", name, shape...) })
	values(func(name string, shape ...int) graph.Value {
		return b.Scale(b.RowSum(b.Row(name, graph.Float32, shape...)), 0.1)
	})

	x, y := b.Row("x", graph.Float32, 2, 3, 4), b.Row("y", graph.Float32, 2, 3, 4)
	idx := b.Row("idx", graph.Int32, 3)
	table := b.Param("p", "table", 5, 4)
	fixed := b.Convert(b.ConstOf([]float64{4, 0, 2}, 3), graph.Int32)
	rowTable := b.Row("table", graph.Float32, 5, 2)
	entries := b.Row("entries", graph.Float32, 3, 4)
	for _, v := range []graph.Value{
		b.ToRows(table), b.ToRows(fixed), idx, x, table, fixed, b.Const(3, 2),
		b.Gather(table, idx), b.Gather(table, fixed), b.Gather(rowTable, idx), b.Gather(rowTable, b.ToRows(fixed)),
		b.Scatter(idx, entries, 5), b.Scatter(b.ToRows(fixed), entries, 5), b.Scatter(fixed, b.Param("p", "e", 3, 2), 6),
		b.RowSum(x), b.Sum(b.RowSum(x), 0), b.Sum(b.RowSum(x), 1), b.Sum(b.RowSum(x), 2), b.Sum(b.RowSum(x), 0, 1), b.Sum(b.RowSum(x), 0, 2),
		b.RowContract(x, y), b.RowContract(b.Reshape(x, 2, 12), b.Row("y2", graph.Float32, 2, 3)), b.RowContract(b.Row("y2", graph.Float32, 2, 3), b.Reshape(x, 2, 12)), b.RowContract(b.Reshape(x, 6, 4), b.Reshape(y, 6, 4)), b.RowScatterAdd(idx, entries, 7),
		b.Reshape(b.RowContract(x, x), 16), b.Exp(b.Scale(b.RowSum(x), 1e-3)),
		b.Linear(b.ConstOf([]float64{1, 2, 3, 4}, 4), b.RowContract(x, y), true),
		b.RowSum(b.ToRows(b.Param("p", "x", 2, 3, 4))),
		b.Row("empty", graph.Float32, 0, 3), b.Sum(b.Row("empty", graph.Float32, 0, 3), 0),
		b.Linear(b.Row("none", graph.Float32, 0), b.Param("p", "nothing", 0, 3), false),
	} {
		output(v)
	}
	for i, w := range []graph.Window{graph.Same(5, 6, 3, 1), graph.Same(5, 6, 3, 2), graph.SameLine(9, 5, 2), {H: 4, W: 4, KH: 2, KW: 2, StrideH: 2, StrideW: 2, OutH: 2, OutW: 2}} {
		for _, channels := range []int{1, 3, 20} {
			name := func(s string) string { return fmt.Sprint(s, i, "/", channels) }
			image := b.Row(name("image"), graph.Float32, w.H, w.W, channels)
			still := b.Param("p", name("still"), w.H, w.W, channels)
			weight := b.Param("p", name("kernel"), 18, w.KH*w.KW*channels)
			bias := b.Param("p", name("bias"), 18)
			conv := b.Add(b.Conv(image, weight, w), bias)
			seed := b.Row(name("seed"), graph.Float32, w.OutH, w.OutW, 18)
			output(b.Unfold(image, w))
			output(b.Unfold(still, w))
			output(b.Fold(b.Unfold(still, w), w))
			output(b.Fold(b.Row(name("windows"), graph.Float32, w.OutH, w.OutW, w.KH*w.KW*channels), w))
			output(b.SiLU(conv))
			output(b.Conv(still, weight, w))
			for _, g := range b.VJP([]graph.Value{b.SiLU(conv)}, []graph.Value{seed}, []graph.Value{image, weight, bias}) {
				output(g)
			}
			output(b.JVP([]graph.Value{b.SiLU(conv)}, []graph.Value{image}, []graph.Value{b.Row(name("tangent"), graph.Float32, w.H, w.W, channels)})[0])
		}
	}
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range p.Nodes {
		covered[n.Op] = true
	}
	for op := graph.Op(0); op <= graph.OpRowScatterAdd; op++ {
		if !covered[op] {
			t.Errorf("%s is not tested", op)
		}
	}
	for _, n := range []int{0, 1, 5, 67} {
		f := newFeed(p, n, rng.New(7))
		t.Run(fmt.Sprint("rows=", n), func(t *testing.T) {
			want := f.exact(t, p)
			everyway(t, func(t *testing.T, o Options) { compareTo(t, p, f, want, o, 4e-6) })
		})
	}
}

// random draws programs.
type random struct {
	s rng.Stream
	b *graph.Builder
	v []graph.Value // of shape [3, 4]
}

func (r *random) below(n int) int   { return int(r.s.Uint64() % uint64(n)) }
func (r *random) pick() graph.Value { return r.v[r.below(len(r.v))] }

// step appends an operation whose derivatives stay of the order of 1.
func (r *random) step(i int) graph.Value {
	b := r.b
	x, y := r.pick(), r.pick()
	tame := func(v graph.Value) graph.Value { return b.Scale(b.Tanh(v), 1.5) }
	switch r.below(22) {
	case 0:
		return b.Add(x, y)
	case 1:
		return b.Sub(x, b.Scale(y, 0.5))
	case 2:
		return b.Mul(tame(x), y)
	case 3:
		return b.Div(x, b.Add(b.Square(tame(y)), b.Const(1)))
	case 4:
		return b.SiLU(x)
	case 5:
		return b.ReLU(x)
	case 6:
		return b.Sigmoid(x)
	case 7:
		return tame(x)
	case 8:
		return b.Exp(b.Neg(b.Square(tame(x))))
	case 9:
		return b.Log(b.Add(b.Square(tame(x)), b.Const(1)))
	case 10:
		return b.Sqrt(b.Add(b.Square(tame(x)), b.Const(0.5)))
	case 11:
		return b.Sin(b.Add(x, b.Cos(y)))
	case 12:
		return b.GELU(x)
	case 13:
		return b.Max(x, y)
	case 14:
		return b.Select(b.Greater(x, y), tame(x), b.Sigmoid(y))
	case 15:
		return b.LayerNorm(x, 1, 0.1)
	case 16:
		return b.Softmax(x, 1)
	case 17:
		return b.Reshape(b.Transpose(b.Reshape(x, 4, 3), 1, 0), 3, 4)
	case 18:
		return b.Concat(0, b.Slice(x, 0, 1, 3), b.Slice(y, 0, 0, 1))
	case 19:
		return b.MatMul(b.Softmax(b.MatMul(x, y, false, true), 1), tame(y), false, false)
	case 20:
		w := b.Scale(b.Param("net", fmt.Sprint("w", i), 4, 4), 0.5)
		return b.ReLU(b.Add(b.Linear(x, w, r.below(2) == 0), b.Param("net", fmt.Sprint("b", i), 4)))
	default:
		w := b.Param("net", fmt.Sprint("w", i), 4, 4)
		return b.SiLU(b.Add(b.Linear(tame(x), w, r.below(2) == 0), b.Param("net", fmt.Sprint("b", i), 4)))
	}
}

// program draws a program with a gradient, a forward derivative, a gradient of
// that, and a gradient with respect to rows.
func (r *random) program(t *testing.T, size int) *graph.Program {
	b := graph.NewBuilder()
	r.b = b
	x := b.Row("x", graph.Float32, 3, 4)
	r.v = []graph.Value{x, b.Row("y", graph.Float32, 3, 4), b.Broadcast(b.Param("net", "a", 4), 3, 4)}
	for i := range size {
		r.v = append(r.v, r.step(i))
	}
	y := b.Scale(b.Add(r.v[len(r.v)-1], r.pick()), 0.5)
	y = b.Add(y, b.Scale(x, 0.1))
	b.Output("y", y)
	loss := b.Reshape(b.Sum(b.Square(b.Tanh(y)), 0, 1), 1)
	b.Output("loss", loss)
	seed := b.Row("seed", graph.Float32, 1)
	tan := b.JVP([]graph.Value{y}, []graph.Value{x}, []graph.Value{b.Row("dx", graph.Float32, 3, 4)})[0]
	if tan != graph.None {
		b.Output("tangent", tan)
		if g := b.VJP([]graph.Value{b.Sum(b.Tanh(tan), 0, 1)}, []graph.Value{b.Const(1, 1, 1)}, []graph.Value{x}); g[0] != graph.None {
			b.Output("gradient of tangent", g[0])
		}
	}
	if g := b.VJP([]graph.Value{loss}, []graph.Value{seed}, []graph.Value{x}); g[0] != graph.None {
		b.Output("dloss/dx", g[0])
	}
	b.OutputGradients(b.Gradient(loss, seed, "net"))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRandomPrograms(t *testing.T) {
	for i := range 40 {
		key := rng.New(uint64(i))
		r := random{s: key.Split("program").Stream()}
		p := r.program(t, 3+i/3)
		f := newFeed(p, 37, key.Split("feed"))
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			everyway(t, func(t *testing.T, o Options) { compare(t, p, f, o, 2e-5) })
		})
	}
}

// TestNarrow: convolutions with more channels on one side than on the other.
func TestNarrow(t *testing.T) {
	for _, w := range []graph.Window{graph.Same(6, 5, 3, 1), graph.Same(7, 6, 5, 1), graph.SameLine(9, 5, 1), graph.Same(6, 5, 3, 2)} {
		for _, channels := range [][2]int{{20, 1}, {17, 3}, {3, 20}, {16, 2}} {
			p := convolved(t, w, channels[0], channels[1])
			f := newFeed(p, 3, rng.New(6))
			t.Run(fmt.Sprint(w.KH, w.KW, w.StrideH, channels), func(t *testing.T) {
				want := f.exact(t, p)
				everyway(t, func(t *testing.T, o Options) { compareTo(t, p, f, want, o, 2e-5) })
			})
		}
	}
	b := graph.NewBuilder()
	w := graph.Same(6, 5, 3, 1)
	x, weight := b.Row("x", graph.Float32, 6, 5, 20), b.Param("p", "w", 2, 180)
	b.Output("bare", b.Conv(x, weight, w))
	b.Output("biased", b.Add(b.Conv(x, b.Neg(weight), w), b.Param("p", "b", 2)))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	everyway(t, func(t *testing.T, o Options) { compare(t, p, newFeed(p, 3, rng.New(6)), o, 2e-5) })
	prog, err := Compile(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range prog.rows {
		if i.op == opConv || i.op == graph.OpUnfold {
			t.Error("the windows of the wide side are laid out")
		}
	}
}

// TestConvChunks: an image whose windows are unfolded in several pieces.
func TestConvChunks(t *testing.T) {
	b := graph.NewBuilder()
	w := graph.Same(17, 16, 3, 1)
	x, weight := b.Row("x", graph.Float32, 17, 16, 20), b.Param("p", "w", 5, 180)
	y := b.Conv(x, weight, w)
	b.Output("y", y)
	for i, g := range b.VJP([]graph.Value{y}, []graph.Value{b.Row("seed", graph.Float32, 17, 16, 5)}, []graph.Value{x, weight}) {
		b.Output(fmt.Sprint("g", i), g)
	}
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if c := (&windows{Window: w, c: 20}).chunk(); c >= 17*16 {
		t.Fatalf("one chunk of %d holds all windows", c)
	}
	everyway(t, func(t *testing.T, o Options) { compare(t, p, newFeed(p, 3, rng.New(2)), o, 2e-5) })
}
