package graph

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// TestRules: what does not fit is refused with a message that names the
// operation, the shapes and the fault.
func TestRules(t *testing.T) {
	type builder = *Builder
	row := func(b builder, shape ...int) Value {
		return b.Row("row"+string(rune('a'+len(b.rows))), Float32, shape...)
	}
	par := func(b builder, shape ...int) Value {
		return b.Param("net", string(rune('a'+len(b.params))), shape...)
	}
	idx := func(b builder, shape ...int) Value { return b.Row("idx", Int32, shape...) }
	sum := func(b builder, shape ...int) Value { return b.RowSum(row(b, shape...)) }
	for _, c := range []struct {
		name  string
		build func(b builder)
		want  []string
	}{
		{"param twice", func(b builder) { b.Param("net", "w", 2); b.Param("net", "w", 3) }, []string{"net/w", "[2]", "[3]"}},
		{"row twice", func(b builder) { b.Row("x", Float32, 2); b.Row("x", Int32, 2) }, []string{"x", "float32[2]", "int32[2]"}},
		{"param size", func(b builder) { b.Param("net", "w", -1) }, []string{"param", "[-1]"}},
		{"param too large", func(b builder) { b.Param("net", "w", 1<<20, 1<<20) }, []string{"param", "[1048576 1048576]"}},
		{"row type", func(b builder) { b.Row("x", 7) }, []string{"row", "unknown(7)"}},
		{"const", func(b builder) { b.ConstOf([]float64{1, 2}, 3) }, []string{"const", "2 constants", "[3]"}},
		{"const infinite", func(b builder) { b.Const(math.Inf(1)) }, []string{"const", "not finite"}},
		{"torows", func(b builder) { b.ToRows(sum(b, 2)) }, []string{"torows(reduced[2])", "rows never mix"}},
		{"stopgradient", func(b builder) { b.StopGradient(7) }, []string{"stopgradient", "operand 0"}},
		{"convert", func(b builder) { b.Convert(row(b, 2), 9) }, []string{"convert(row[2])", "unknown(9)"}},
		{"unary", func(b builder) { b.Exp(idx(b, 2)) }, []string{"exp(row[2])", "float32"}},
		{"binary shapes", func(b builder) { b.Add(row(b, 2), row(b, 3)) }, []string{"add", "[2]", "[3]", "broadcast"}},
		{"binary type", func(b builder) { b.Mul(row(b, 2), idx(b, 2)) }, []string{"mul(row[2], row[2])", "float32"}},
		{"binary none", func(b builder) { b.Add(None, row(b, 2)) }, []string{"add", "operand 0"}},
		{"rows mix", func(b builder) { b.Mul(row(b, 2), sum(b, 2)) }, []string{"mul(row[2], reduced[2])", "rows never mix"}},
		{"select", func(b builder) { b.Select(row(b, 4), row(b, 2), par(b, 2)) }, []string{"select", "[4]", "[2]"}},
		{"reshape", func(b builder) { b.Reshape(row(b, 2, 3), 4) }, []string{"reshape(row[2 3])", "6 elements", "[4]"}},
		{"transpose count", func(b builder) { b.Transpose(row(b, 2, 3), 0) }, []string{"transpose(row[2 3])", "2 integer"}},
		{"transpose twice", func(b builder) { b.Transpose(row(b, 2, 3), 1, 1) }, []string{"transpose(row[2 3])", "axis 1 twice"}},
		{"broadcast", func(b builder) { b.Broadcast(row(b, 2, 3), 4, 3) }, []string{"broadcast(row[2 3])", "axis 0", "[4 3]"}},
		{"broadcast rank", func(b builder) { b.Broadcast(row(b, 2, 3), 3) }, []string{"broadcast(row[2 3])", "ranks"}},
		{"sum axis", func(b builder) { b.Sum(row(b, 2), 1) }, []string{"sum(row[2])", "axis 1"}},
		{"sum twice", func(b builder) { b.Sum(row(b, 2), 0, 0) }, []string{"sum(row[2])", "axis 0 twice"}},
		{"reducemax", func(b builder) { b.ReduceMax(row(b, 0), 0) }, []string{"reducemax(row[0])", "zero elements"}},
		{"slice", func(b builder) { b.Slice(row(b, 2), 0, 1, 3) }, []string{"slice(row[2])", "1:3"}},
		{"pad", func(b builder) { b.Pad(row(b, 2), 0, -1, 0) }, []string{"pad(row[2])", "-1"}},
		{"pad overflow", func(b builder) { b.Pad(row(b, 2), 0, math.MaxInt, math.MaxInt) }, []string{"pad(row[2])", "impossible"}},
		{"concat", func(b builder) { b.Concat(1, row(b, 2, 3), par(b, 3, 3)) }, []string{"concat(row[2 3], row[3 3])", "axis 0"}},
		{"concat ranks", func(b builder) { b.Concat(0, row(b, 2, 3), row(b, 3)) }, []string{"concat(row[2 3], row[3])", "ranks"}},
		{"concat none", func(b builder) { b.Concat(0) }, []string{"concat()", "at least one"}},
		{"concat mix", func(b builder) { b.Concat(0, row(b, 2), sum(b, 2)) }, []string{"reduced[2]", "rows never mix"}},
		{"gather index", func(b builder) { b.Gather(par(b, 3), row(b, 2)) }, []string{"gather(static[3], row[2])", "int32"}},
		{"gather table", func(b builder) { b.Gather(par(b), idx(b, 2)) }, []string{"gather(static[], row[2])", "axis"}},
		{"gather empty", func(b builder) { b.Gather(par(b, 0, 2), idx(b, 2)) }, []string{"gather(static[0 2], row[2])", "at least one entry"}},
		{"gather mix", func(b builder) { b.Gather(sum(b, 3), idx(b, 2)) }, []string{"gather(reduced[3], row[2])", "rows never mix"}},
		{"scatter shape", func(b builder) { b.Scatter(idx(b, 2), row(b, 3, 2), 4) }, []string{"scatter(row[2], row[3 2])", "begin"}},
		{"scatter size", func(b builder) { b.Scatter(idx(b, 2), row(b, 2), 0) }, []string{"scatter(row[2], row[2])", "size 0"}},
		{"linear rows", func(b builder) { b.Linear(row(b, 2), row(b, 2, 2), false) }, []string{"linear(row[2], row[2 2])", "MatMul"}},
		{"linear inner", func(b builder) { b.Linear(row(b, 2), par(b, 2, 3), true) }, []string{"linear(row[2], static[2 3])", "2 and 3"}},
		{"linear matrix", func(b builder) { b.Linear(row(b, 2), par(b, 2), true) }, []string{"linear(row[2], static[2])", "matrix"}},
		{"linear mix", func(b builder) { b.Linear(row(b, 2), sum(b, 2, 2), false) }, []string{"linear(row[2], reduced[2 2])", "rows never mix"}},
		{"matmul", func(b builder) { b.MatMul(row(b, 2, 3), par(b, 2, 3), false, false) }, []string{"matmul(row[2 3], row[2 3])", "3 and 2"}},
		{"matmul batch", func(b builder) { b.MatMul(row(b, 4, 2, 3), row(b, 5, 3, 2), false, false) }, []string{"matmul(row[4 2 3], row[5 3 2])", "batch"}},
		{"rowsum", func(b builder) { b.RowSum(par(b, 2)) }, []string{"rowsum(static[2])", "row value"}},
		{"rowcontract", func(b builder) { b.RowContract(row(b, 3, 2), row(b, 4, 2)) }, []string{"rowcontract(row[3 2], row[4 2])", "leading"}},
		{"rowcontract kind", func(b builder) { b.RowContract(row(b, 2), par(b, 2)) }, []string{"rowcontract(row[2], static[2])", "row values"}},
		{"rowscatteradd", func(b builder) { b.RowScatterAdd(idx(b, 2), par(b, 2), 3) }, []string{"rowscatteradd(row[2], static[2])", "row values"}},
		{"output", func(b builder) { b.Output("y", None) }, []string{"output y"}},
		{"output twice", func(b builder) { x := row(b, 1); b.Output("y", x); b.Output("y", x) }, []string{"output y twice"}},
		{"no group", func(b builder) { x := row(b, 1); b.Gradient(x, x, "net") }, []string{`group "net"`}},
		{"seed shape", func(b builder) { x := row(b, 1); b.VJP([]Value{x}, []Value{row(b, 2)}, []Value{x}) }, []string{"seed 0", "[2]", "[1]"}},
		{"seed kind", func(b builder) { w := par(b, 1); b.VJP([]Value{w}, []Value{row(b, 1)}, []Value{w}) }, []string{"seed 0", "row"}},
		{"seed count", func(b builder) { x := row(b, 1); b.VJP([]Value{x}, nil, []Value{x}) }, []string{"1 values", "0 seeds"}},
		{"tangent shape", func(b builder) { x := row(b, 1); b.JVP([]Value{x}, []Value{x}, []Value{row(b, 2)}) }, []string{"tangent 0", "[2]", "[1]"}},
		{"tangent kind", func(b builder) { w := par(b, 1); b.JVP([]Value{w}, []Value{w}, []Value{row(b, 1)}) }, []string{"tangent 0", "row"}},
		{"tangent count", func(b builder) { x := row(b, 1); b.JVP([]Value{x}, []Value{x}, nil) }, []string{"1 values", "0 tangents"}},
		{"jvp of nothing", func(b builder) { x := row(b, 1); b.JVP([]Value{99}, []Value{x}, []Value{x}) }, []string{"value 0"}},
		{"second derivative mixes rows", func(b builder) { // |sum of rows' gradients|^2 needs all rows before any
			w := par(b, 2)
			g := b.VJP([]Value{b.Square(b.Mul(row(b, 2), w))}, []Value{b.Const(1, 2)}, []Value{w})[0]
			b.VJP([]Value{b.Square(g)}, []Value{b.Const(1, 2)}, []Value{w})
		}, []string{"reduced[2]", "rows never mix"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := NewBuilder()
			c.build(b)
			p, err := b.Build()
			if err == nil || p != nil {
				t.Fatal("built")
			}
			if !errors.Is(err, ErrProgram) || !errors.Is(b.Err(), err) {
				t.Errorf("%v is no ErrProgram, or not the builder's", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if b.Const(1) != None {
				t.Error("a failed builder goes on")
			}
		})
	}
}

// TestFirstError: the first error stays.
func TestFirstError(t *testing.T) {
	b := NewBuilder()
	mine := errors.New("width must be positive")
	b.Fail(mine)
	b.Param("net", "w", -1)
	if _, err := b.Build(); err != mine {
		t.Errorf("error %v, want %v", err, mine)
	}
}

// TestStopGradient: nothing flows through, in either direction.
func TestStopGradient(t *testing.T) {
	b := NewBuilder()
	x := b.Row("x", Float32, 1)
	y := b.Mul(x, b.StopGradient(b.Exp(x)))
	b.Output("g", b.VJP([]Value{y}, []Value{b.Const(1, 1)}, []Value{x})[0])
	b.Output("d", b.JVP([]Value{y}, []Value{x}, []Value{b.Const(1, 1)})[0])
	s := []Value{b.StopGradient(x)}
	if v := b.VJP(s, []Value{b.Const(1, 1)}, []Value{x})[0]; v != None {
		t.Error("VJP flows through StopGradient")
	}
	if v := b.JVP(s, []Value{x}, []Value{b.Const(1, 1)})[0]; v != None {
		t.Error("JVP flows through StopGradient")
	}
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, p, Feed{N: 1, Rows: map[string][]float64{"x": {0.5}}})
	near(t, "g", out["g"], []float64{math.Exp(0.5)}, exact)
	near(t, "d", out["d"], []float64{math.Exp(0.5)}, exact)
}

// TestIntermediate: derivatives by a value that is computed itself. JVP moves it
// by its tangent alone; VJP gives each value all that flows through it.
func TestIntermediate(t *testing.T) {
	b := NewBuilder()
	x := b.Row("x", Float32, 1)
	z := b.Square(x)
	y := []Value{b.Mul(x, z)}
	one := b.Const(1, 1)
	b.Output("d", b.JVP(y, []Value{x, z}, []Value{one, b.Const(10, 1)})[0]) // z + 10 x
	for i, g := range b.VJP(y, []Value{one}, []Value{x, z}) {
		b.Output(string(rune('x'+2*i)), g) // x: 3 x^2, z: x
	}
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, p, Feed{N: 1, Rows: map[string][]float64{"x": {3}}})
	near(t, "JVP", out["d"], []float64{39}, 0)
	near(t, "VJP by x", out["x"], []float64{27}, 0)
	near(t, "VJP by z", out["z"], []float64{3}, 0)
}

// TestSharing: equal nodes are one; different ones are not; no identity is kept.
func TestSharing(t *testing.T) {
	b := NewBuilder()
	x, y := b.Row("x", Float32, 2, 2), b.Row("y", Float32, 2, 2)
	same := [][2]Value{
		{b.Add(x, y), b.Add(x, y)},
		{b.Const(2, 3), b.Const(2, 3)},
		{b.Sum(x, 0, 1), b.Sum(x, 1, 0)},
		{b.Row("x", Float32, 2, 2), x},
		{b.Param("net", "w", 2), b.Param("net", "w", 2)},
		{b.Add(x, b.Const(0)), x},
		{b.Sub(x, b.Const(0, 2)), x},
		{b.Mul(b.Const(1), x), x},
		{b.Reshape(x, 2, 2), x},
		{b.Slice(x, 0, 0, 2), x},
		{b.Convert(x, Float32), x},
		{b.ToRows(x), x},
	}
	for i, s := range same {
		if s[0] != s[1] {
			t.Errorf("pair %d: %d and %d are not shared", i, s[0], s[1])
		}
	}
	different := [][2]Value{
		{b.Add(x, y), b.Sub(x, y)},
		{b.Sub(x, y), b.Sub(y, x)},
		{b.Sum(x, 0), b.Sum(x, 1)},
		{b.Const(2, 1), b.Const(2, 1, 1)},
		{b.Const(0), b.Const(math.Copysign(0, -1))},
		{b.MatMul(x, y, true, false), b.MatMul(x, y, false, false)},
		{b.MatMul(x, y, true, false), b.MatMul(x, y, true, true)},
		{b.Param("net", "w", 2), b.Param("ema", "w", 2)},
		{b.Add(b.Const(0, 3, 2, 2), x), x},
	}
	for i, s := range different {
		if s[0] == s[1] {
			t.Errorf("pair %d is one node %d", i, s[0])
		}
	}
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
}

// TestDead: what no output needs is absent, but inputs stay declared, in order.
func TestDead(t *testing.T) {
	b := NewBuilder()
	x, unused := b.Row("x", Float32, 2), b.Row("unused", Float32, 3)
	first := b.Param("net", "first", 3)
	w := b.Param("net", "w", 2)
	b.Exp(b.Mul(unused, first))
	y := b.Mul(x, w)
	b.Output("y", y)
	b.OutputGradients(b.Gradient(y, b.Const(1, 2), "net"))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range p.Nodes {
		if n.Op == OpExp || n.Name == "unused" || n.Name == "first" {
			t.Errorf("dead node %s %s", &n, n.Name)
		}
	}
	if len(p.Params) != 2 || p.Params[0].Node != None || p.Params[1].Node == None || p.Row("unused") == nil || p.Row("none") != nil {
		t.Errorf("declared: %+v %+v", p.Params, p.Rows)
	}
	l := p.Layout("net")
	if l.Size != 5 || l.Entries[0].Name != "first" || l.Entries[1].Offset != 3 || p.Layout("none").Size != 0 {
		t.Errorf("layout %+v", l)
	}
	if g := p.Groups(); len(g) != 1 || g[0] != "net" {
		t.Errorf("groups %q", g)
	}
	if o := p.Output("grad:net/first"); o == nil || o.GradOf != 0 {
		t.Errorf("no gradient of an unused parameter: %+v", p.Outputs)
	}
	feed := Feed{N: 1, Arenas: map[string][]float64{"net": {0, 0, 0, 3, 4}}, Rows: map[string][]float64{"x": {5, 6}}}
	out := run(t, p, feed)
	near(t, "y", out["y"], []float64{15, 24}, 0)
	near(t, "gradient", out["grad:net/w"], []float64{5, 6}, 0)
	near(t, "gradient", out["grad:net/first"], []float64{0, 0, 0}, 0)

	for name, f := range map[string]Feed{
		"rows": {N: 2, Arenas: feed.Arenas, Rows: feed.Rows}, "arena": {N: 1, Rows: feed.Rows}, "negative": {N: -1, Arenas: feed.Arenas, Rows: feed.Rows},
	} {
		if _, err := p.Interpret(f); !errors.Is(err, ErrProgram) {
			t.Errorf("feed with wrong %s: error %v", name, err)
		}
	}
	none := run(t, p, Feed{Arenas: feed.Arenas})
	near(t, "gradient of no rows", none["grad:net/w"], []float64{0, 0}, 0)
}

// TestRowsAlone: a row's values are those it has alone.
func TestRowsAlone(t *testing.T) {
	b := newBench("alone")
	x := b.input("x", Row, num(3))
	b.arena(3*4 + 4 + 2*4)
	b.Output("y", b.Softmax(mlp(b.Builder, x, 3, 4, 2), 0))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	all := run(t, p, b.feed)["y"]
	for i := range b.feed.N {
		one := run(t, p, Feed{N: 1, Arenas: b.feed.Arenas, Rows: map[string][]float64{"x": b.values("x")[3*i : 3*i+3]}})
		near(t, "row", one["y"], all[2*i:2*i+2], 0)
	}
}

// TestClamp: an index outside the table is moved to its nearest end.
func TestClamp(t *testing.T) {
	b := NewBuilder()
	b.Output("y", b.Gather(b.ConstOf([]float64{10, 20, 30}, 3), b.Row("i", Int32, 5)))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, p, Feed{N: 1, Rows: map[string][]float64{"i": {-1, 3, 1e300, math.NaN(), 1}}})
	near(t, "y", out["y"], []float64{10, 30, 30, 10, 20}, 0)
}
