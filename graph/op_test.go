package graph

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"laminar/rng"
)

// operand describes one input of an operation under test. Float operands stay
// within lo..hi in absolute value, with random signs if signed; index operands
// are whole numbers below index.
type operand struct {
	shape  []int
	lo, hi float64
	signed bool
	index  int
}

func num(shape ...int) operand { return operand{shape: shape, lo: 0.2, hi: 1.6, signed: true} }
func pos(shape ...int) operand { return operand{shape: shape, lo: 0.3, hi: 2} }
func index(n int, shape ...int) operand {
	return operand{shape: shape, index: n}
}

// opCase is one operation (as the builder makes it) with its own formula for
// one row. kinds lists the kinds of the operands to try: s static, r row.
type opCase struct {
	op    Op
	name  string
	in    []operand
	kinds []string
	build func(b *Builder, v []Value) Value
	want  func(x [][]float64) []float64
	flat  bool // a derivative would not be the operation's own: none is taken
}

// map1 and map2 are formulas of elementwise operations.
func map1(f func(x float64) float64) func([][]float64) []float64 {
	return func(x [][]float64) []float64 {
		var y []float64
		for _, v := range x[0] {
			y = append(y, f(v))
		}
		return y
	}
}

func map2(f func(x, y float64) float64) func([][]float64) []float64 {
	return func(x [][]float64) []float64 {
		var y []float64
		for i, v := range x[0] {
			y = append(y, f(v, x[1][i]))
		}
		return y
	}
}

func pick(order ...int) func([][]float64) []float64 {
	return func(x [][]float64) []float64 {
		var y []float64
		for _, i := range order {
			if i < 0 {
				y = append(y, 0)
			} else {
				y = append(y, x[0][i])
			}
		}
		return y
	}
}

// erf is the error function by its Maclaurin series.
func erf(x float64) float64 {
	sum, term := 0.0, x
	for n := 0; n < 60; n++ {
		sum += term / float64(2*n+1)
		term *= -x * x / float64(n+1)
	}
	return 2 / math.Sqrt(math.Pi) * sum
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// mul is the plain product of an m x k and a k x n matrix.
func mul(x, y []float64, m, k, n int) []float64 {
	out := make([]float64, m*n)
	for i := range m {
		for j := range n {
			for l := range k {
				out[i*n+j] += x[i*k+l] * y[l*n+j]
			}
		}
	}
	return out
}

func flip(x []float64, m, n int) []float64 {
	out := make([]float64, len(x))
	for i := range m {
		for j := range n {
			out[j*m+i] = x[i*n+j]
		}
	}
	return out
}

func opCases() []opCase {
	var cs []opCase
	add := func(c opCase) { cs = append(cs, c) }
	one := []string{"s", "r"}
	two := []string{"ss", "rr", "sr", "rs"}

	add(opCase{
		op: OpParam, in: []operand{num(2, 2)}, kinds: []string{"s"}, want: pick(0, 1, 2, 3),
		build: func(b *Builder, v []Value) Value { return v[0] },
	})
	add(opCase{
		op: OpRow, in: []operand{num(2, 2)}, kinds: []string{"r"}, want: pick(0, 1, 2, 3),
		build: func(b *Builder, v []Value) Value { return v[0] },
	})
	add(opCase{
		op: OpConst, in: []operand{num(3)}, kinds: one,
		build: func(b *Builder, v []Value) Value { return b.Mul(v[0], b.ConstOf([]float64{2, -3, 5}, 3)) },
		want:  func(x [][]float64) []float64 { return []float64{2 * x[0][0], -3 * x[0][1], 5 * x[0][2]} },
	})
	add(opCase{
		op: OpConst, name: "splat", in: []operand{num(3)}, kinds: one,
		build: func(b *Builder, v []Value) Value { return b.Scale(v[0], 2.5) },
		want:  map1(func(x float64) float64 { return 2.5 * x }),
	})
	add(opCase{
		op: OpToRows, in: []operand{num(2)}, kinds: []string{"s"}, want: pick(0, 1),
		build: func(b *Builder, v []Value) Value { return b.ToRows(v[0]) },
	})
	add(opCase{
		op: OpStopGradient, in: []operand{num(2)}, kinds: one, want: pick(0, 1), flat: true,
		build: func(b *Builder, v []Value) Value { return b.StopGradient(v[0]) },
	})
	add(opCase{
		op: OpConvert, in: []operand{num(4)}, kinds: one, want: map1(math.Trunc), flat: true,
		build: func(b *Builder, v []Value) Value { return b.Convert(b.Convert(v[0], Int32), Float32) },
	})

	unary := func(op Op, x operand, f func(b *Builder, x Value) Value, want func(float64) float64) {
		add(opCase{
			op: op, in: []operand{x}, kinds: one, want: map1(want),
			build: func(b *Builder, v []Value) Value { return f(b, v[0]) },
		})
	}
	sigmoid := func(x float64) float64 { return (1 + math.Tanh(x/2)) / 2 }
	unary(OpNeg, num(3), (*Builder).Neg, func(x float64) float64 { return 0 - x })
	unary(OpAbs, num(3), (*Builder).Abs, func(x float64) float64 { return math.Sqrt(x * x) })
	unary(OpSign, num(3), (*Builder).Sign, func(x float64) float64 { return math.Copysign(1, x) })
	unary(OpExp, num(3), (*Builder).Exp, func(x float64) float64 { return math.Pow(math.E, x) })
	unary(OpLog, pos(3), (*Builder).Log, func(x float64) float64 { return math.Log2(x) * math.Ln2 })
	unary(OpSqrt, pos(3), (*Builder).Sqrt, func(x float64) float64 { return math.Pow(x, 0.5) })
	unary(OpSin, num(3), (*Builder).Sin, func(x float64) float64 { return imag(cmplx.Exp(complex(0, x))) })
	unary(OpCos, num(3), (*Builder).Cos, func(x float64) float64 { return real(cmplx.Exp(complex(0, x))) })
	unary(OpTanh, num(3), (*Builder).Tanh, func(x float64) float64 { return math.Expm1(2*x) / (math.Expm1(2*x) + 2) })
	unary(OpSigmoid, num(3), (*Builder).Sigmoid, sigmoid)
	unary(OpErf, num(3), (*Builder).Erf, erf)
	unary(OpReLU, num(3), (*Builder).ReLU, func(x float64) float64 { return (x + math.Abs(x)) / 2 })
	unary(OpStep, num(3), (*Builder).Step, func(x float64) float64 { return indicator(x > 0) })

	binary := func(op Op, y operand, f func(b *Builder, x, y Value) Value, want func(x, y float64) float64) {
		add(opCase{
			op: op, in: []operand{num(3), y}, kinds: two, want: map2(want),
			build: func(b *Builder, v []Value) Value { return f(b, v[0], v[1]) },
		})
	}
	binary(OpAdd, num(3), (*Builder).Add, func(x, y float64) float64 { return x + y })
	binary(OpSub, num(3), (*Builder).Sub, func(x, y float64) float64 { return x - y })
	binary(OpMul, num(3), (*Builder).Mul, func(x, y float64) float64 { return x * y })
	binary(OpDiv, num(3), (*Builder).Div, func(x, y float64) float64 { return x / y })
	binary(OpMax, num(3), (*Builder).Max, func(x, y float64) float64 { return (x + y + math.Abs(x-y)) / 2 })
	binary(OpMin, num(3), (*Builder).Min, func(x, y float64) float64 { return (x + y - math.Abs(x-y)) / 2 })
	binary(OpGreater, num(3), (*Builder).Greater, func(x, y float64) float64 { return indicator(x-y > 0) })
	add(opCase{
		op: OpEqual, in: []operand{index(2, 6), index(2, 6)}, kinds: two, flat: true,
		want:  map2(func(x, y float64) float64 { return indicator(x-y == 0) }),
		build: func(b *Builder, v []Value) Value { return b.Equal(v[0], v[1]) },
	})
	add(opCase{
		op: OpSelect, in: []operand{index(2, 4), num(4), num(4)}, kinds: []string{"sss", "rrr", "srs", "rss", "ssr"},
		build: func(b *Builder, v []Value) Value { return b.Select(b.Convert(v[0], Float32), v[1], v[2]) },
		want: func(x [][]float64) []float64 {
			var y []float64
			for i, m := range x[0] {
				y = append(y, m*x[1][i]+(1-m)*x[2][i])
			}
			return y
		},
	})

	shape := func(op Op, x operand, want func([][]float64) []float64, f func(b *Builder, x Value) Value) {
		add(opCase{
			op: op, in: []operand{x}, kinds: one, want: want,
			build: func(b *Builder, v []Value) Value { return f(b, v[0]) },
		})
	}
	shape(OpReshape, num(2, 3), pick(0, 1, 2, 3, 4, 5), func(b *Builder, x Value) Value { return b.Reshape(x, 3, 1, 2) })
	shape(OpTranspose, num(2, 3), pick(0, 3, 1, 4, 2, 5), func(b *Builder, x Value) Value { return b.Transpose(x, 1, 0) })
	shape(OpTranspose, num(2, 1, 3), pick(0, 3, 1, 4, 2, 5), func(b *Builder, x Value) Value { return b.Transpose(x, 2, 0, 1) })
	shape(OpBroadcast, num(2, 1), pick(0, 0, 0, 1, 1, 1), func(b *Builder, x Value) Value { return b.Broadcast(x, 2, 3) })
	shape(OpBroadcast, num(2), pick(0, 1, 0, 1, 0, 1), func(b *Builder, x Value) Value { return b.Broadcast(x, 3, 2) })
	shape(OpSum, num(2, 3), func(x [][]float64) []float64 {
		return []float64{x[0][0] + x[0][1] + x[0][2], x[0][3] + x[0][4] + x[0][5]}
	}, func(b *Builder, x Value) Value { return b.Sum(x, 1) })
	shape(OpSum, num(2, 1, 2), func(x [][]float64) []float64 {
		return []float64{x[0][0] + x[0][1] + x[0][2] + x[0][3]}
	}, func(b *Builder, x Value) Value { return b.Sum(x, 2, 0) })
	shape(OpReduceMax, num(2, 3), func(x [][]float64) []float64 {
		return []float64{max(x[0][0], x[0][3]), max(x[0][1], x[0][4]), max(x[0][2], x[0][5])}
	}, func(b *Builder, x Value) Value { return b.ReduceMax(x, 0) })
	shape(OpSlice, num(2, 3), pick(1, 2, 4, 5), func(b *Builder, x Value) Value { return b.Slice(x, 1, 1, 3) })
	shape(OpSlice, num(3, 2), pick(2, 3), func(b *Builder, x Value) Value { return b.Slice(x, 0, 1, 2) })
	shape(OpPad, num(2, 2), pick(-1, 0, 1, -1, -1, -1, 2, 3, -1, -1), func(b *Builder, x Value) Value { return b.Pad(x, 1, 1, 2) })
	add(opCase{
		op: OpConcat, in: []operand{num(2, 1), num(2, 2)}, kinds: two,
		build: func(b *Builder, v []Value) Value { return b.Concat(1, v...) },
		want: func(x [][]float64) []float64 {
			return []float64{x[0][0], x[1][0], x[1][1], x[0][1], x[1][2], x[1][3]}
		},
	})
	add(opCase{
		op: OpGather, in: []operand{num(3, 2), index(3, 4)}, kinds: two,
		build: func(b *Builder, v []Value) Value { return b.Gather(v[0], v[1]) },
		want: func(x [][]float64) []float64 {
			var y []float64
			for _, i := range x[1] {
				y = append(y, x[0][2*int(i)], x[0][2*int(i)+1])
			}
			return y
		},
	})
	scatter := func(x [][]float64) []float64 {
		y := make([]float64, 6)
		for k, i := range x[0] {
			y[2*int(i)] += x[1][2*k]
			y[2*int(i)+1] += x[1][2*k+1]
		}
		return y
	}
	add(opCase{
		op: OpScatter, in: []operand{index(3, 4), num(4, 2)}, kinds: []string{"ss", "rr"}, want: scatter,
		build: func(b *Builder, v []Value) Value { return b.Scatter(v[0], v[1], 3) },
	})
	add(opCase{
		op: OpRowScatterAdd, in: []operand{index(3, 4), num(4, 2)}, kinds: []string{"rr"}, want: scatter,
		build: func(b *Builder, v []Value) Value { return b.RowScatterAdd(v[0], v[1], 3) },
	})

	for _, w := range []Window{
		Same(3, 4, 3, 1), Same(4, 3, 3, 2), SameLine(5, 3, 2),
		{H: 3, W: 4, KH: 2, KW: 2, StrideH: 1, StrideW: 2, OutH: 2, OutW: 2},
	} {
		// pixel is the number of the pixel at (a, c) of window (i, j), or -1.
		pixel := func(i, j, a, c int) int {
			y, x := i*w.StrideH-w.PadH+a, j*w.StrideW-w.PadW+c
			if y < 0 || y >= w.H || x < 0 || x >= w.W {
				return -1
			}
			return y*w.W + x
		}
		var pixels []int
		for i := range w.OutH {
			for j := range w.OutW {
				for a := range w.KH {
					for c := range w.KW {
						pixels = append(pixels, pixel(i, j, a, c))
					}
				}
			}
		}
		var order []int
		for _, p := range pixels {
			for c := range 2 {
				if p < 0 {
					order = append(order, -1)
				} else {
					order = append(order, 2*p+c)
				}
			}
		}
		shape(OpUnfold, num(w.H, w.W, 2), pick(order...), func(b *Builder, x Value) Value { return b.Unfold(x, w) })
		shape(OpFold, num(w.OutH, w.OutW, w.KH*w.KW*2), func(x [][]float64) []float64 {
			y := make([]float64, w.H*w.W*2)
			for i, p := range order {
				if p >= 0 {
					y[p] += x[0][i]
				}
			}
			return y
		}, func(b *Builder, x Value) Value { return b.Fold(x, w) })
	}

	for _, trans := range []bool{false, true} {
		w := num(3, 2)
		if trans {
			w = num(2, 3)
		}
		add(opCase{
			op: OpLinear, name: fmt.Sprint(trans), in: []operand{num(2, 3), w}, kinds: []string{"ss", "rs"},
			build: func(b *Builder, v []Value) Value { return b.Linear(v[0], v[1], trans) },
			want: func(x [][]float64) []float64 {
				w := x[1]
				if trans {
					w = flip(w, 2, 3)
				}
				return mul(x[0], w, 2, 3, 2)
			},
		})
		for _, transX := range []bool{false, true} {
			x, y := num(2, 1, 3), num(2, 3, 2)
			if transX {
				x = num(2, 3, 1)
			}
			if trans {
				y = num(2, 2, 3)
			}
			add(opCase{
				op: OpMatMul, name: fmt.Sprint(transX, trans), in: []operand{x, y}, kinds: two,
				build: func(b *Builder, v []Value) Value { return b.MatMul(v[0], v[1], transX, trans) },
				want: func(x [][]float64) []float64 {
					var out []float64
					for k := range 2 {
						l, r := x[0][3*k:3*k+3], x[1][6*k:6*k+6]
						if trans {
							r = flip(r, 2, 3)
						}
						out = append(out, mul(l, r, 1, 3, 2)...)
					}
					return out
				},
			})
		}
	}
	add(opCase{
		op: OpMatMul, name: "square", in: []operand{num(2, 2), num(2, 3)}, kinds: []string{"rr"},
		build: func(b *Builder, v []Value) Value { return b.MatMul(v[0], v[1], true, false) },
		want:  func(x [][]float64) []float64 { return mul(flip(x[0], 2, 2), x[1], 2, 2, 3) },
	})
	add(opCase{
		op: OpRowSum, in: []operand{num(2, 2)}, kinds: []string{"r"}, want: pick(0, 1, 2, 3),
		build: func(b *Builder, v []Value) Value { return b.RowSum(v[0]) },
	})
	add(opCase{
		op: OpRowContract, in: []operand{num(2, 2), num(2, 3)}, kinds: []string{"rr"},
		build: func(b *Builder, v []Value) Value { return b.RowContract(v[0], v[1]) },
		want:  func(x [][]float64) []float64 { return mul(flip(x[0], 2, 2), x[1], 2, 2, 3) },
	})
	return cs
}

// bench is a program under test with the numbers that it is fed.
type bench struct {
	*Builder
	key  rng.Key
	feed Feed
}

func newBench(seed string) *bench {
	return &bench{NewBuilder(), rng.New(1).Split(seed), Feed{N: 3, Arenas: map[string][]float64{}, Rows: map[string][]float64{}}}
}

// input declares an input called name, a group of its own if it is static, and
// fills it.
func (b *bench) input(name string, kind Kind, o operand) Value {
	n := size(o.shape)
	if kind == Row {
		n *= b.feed.N
	}
	s := b.key.Split(name).Stream()
	x := make([]float64, n)
	for i := range x {
		if o.index > 0 {
			x[i] = float64(s.IntN(o.index))
			continue
		}
		x[i] = o.lo + (o.hi-o.lo)*s.Float64()
		if o.signed && s.Float64() < 0.5 {
			x[i] = -x[i]
		}
	}
	t := Float32
	if o.index > 0 {
		t = Int32
	}
	if kind == Row {
		b.feed.Rows[name] = x
		return b.Row(name, t, o.shape...)
	}
	b.feed.Arenas[name] = x
	return b.Convert(b.Param(name, name, o.shape...), t)
}

// like declares a random input of v's shape and kind; Reduced values get a
// static one.
func (b *bench) like(name string, v Value) Value {
	k := b.Kind(v)
	if k == Reduced {
		k = Static
	}
	return b.input(name, k, num(b.Shape(v)...))
}

func (b *bench) values(name string) []float64 {
	if x, ok := b.feed.Rows[name]; ok {
		return x
	}
	return b.feed.Arenas[name]
}

func run(t *testing.T, p *Program, f Feed) map[string][]float64 {
	t.Helper()
	out, err := p.Interpret(f)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func dot(x, y []float64) float64 {
	s := 0.0
	for i := range x {
		s += x[i] * y[i]
	}
	return s
}

func near(t *testing.T, what string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s has %d elements, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tol*(1+math.Abs(want[i]))) {
			t.Errorf("%s[%d] = %.12g, want %.12g", what, i, got[i], want[i])
			return
		}
	}
}

const (
	step     = 1e-5 // of central differences
	exact    = 1e-12
	measured = 1e-7 // agreement with central differences
)

// partial returns the central differences of f by every element of x.
func partial(x []float64, f func() float64) []float64 {
	g := make([]float64, len(x))
	for i, v := range x {
		x[i] = v + step
		hi := f()
		x[i] = v - step
		lo := f()
		x[i] = v
		g[i] = (hi - lo) / (2 * step)
	}
	return g
}

// along returns the central difference of f as every xs[i] moves along ts[i].
func along(xs, ts [][]float64, f func() []float64) []float64 {
	move := func(h float64) []float64 {
		for i, x := range xs {
			for j := range x {
				x[j] += h * ts[i][j]
			}
		}
		y := slices.Clone(f())
		for i, x := range xs {
			for j := range x {
				x[j] -= h * ts[i][j]
			}
		}
		return y
	}
	hi, lo := move(step), move(-step)
	for i := range hi {
		hi[i] = (hi[i] - lo[i]) / (2 * step)
	}
	return hi
}

// TestOps checks every operation in every kind: its value against a formula;
// VJP and JVP against central differences and against each other; and the
// derivatives' derivatives: VJP and JVP of the VJP, VJP of the JVP.
func TestOps(t *testing.T) {
	covered := map[Op]bool{}
	for _, c := range opCases() {
		for _, kinds := range c.kinds {
			t.Run(fmt.Sprintf("%s%s/%s", c.op, c.name, kinds), func(t *testing.T) {
				if testOp(t, c, kinds) {
					covered[c.op] = true
				}
			})
		}
	}
	for op := range opCount {
		if !covered[op] {
			t.Errorf("operation %s has no row in the table", op)
		}
	}
}

func testOp(t *testing.T, c opCase, kinds string) (found bool) {
	b := newBench(c.op.String() + c.name + kinds)
	var v, xs, ts []Value
	var names []string
	for i, o := range c.in {
		k := Static
		if kinds[i] == 'r' {
			k = Row
		}
		name := fmt.Sprint("x", i)
		x := b.input(name, k, o)
		v = append(v, x)
		if o.index == 0 {
			names = append(names, name)
			xs = append(xs, x)
			ts = append(ts, b.like("t"+name, x))
		}
	}
	y := c.build(b.Builder, v)
	b.Output("y", y)
	u := b.like("u", y)
	output := func(name string, values []Value) {
		for i, v := range values {
			if v != None {
				b.Output(fmt.Sprint(name, i), v)
			}
		}
	}
	// First derivatives g = J'u and d = J t, then theirs.
	g := b.VJP([]Value{y}, []Value{u}, xs)
	d := b.JVP([]Value{y}, xs, ts)
	output("g", g)
	output("d", d)
	var live, seeds []Value
	var liveNames []string
	for i, v := range g {
		if v != None {
			live = append(live, v)
			liveNames = append(liveNames, fmt.Sprint("g", i))
			seeds = append(seeds, b.like(fmt.Sprint("w", i), v))
		}
	}
	output("gg", b.VJP(live, seeds, xs))
	output("dg", b.JVP(live, xs, ts))
	if d[0] != None {
		output("gd", b.VJP(d, []Value{b.like("wd", d[0])}, xs))
	}
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range p.Nodes {
		found = found || n.Op == c.op
	}
	out := run(t, p, b.feed)

	// Values, row by row.
	var want []float64
	rows := b.feed.N
	if b.Kind(y) == Static {
		rows = 1
	}
	for r := range rows {
		args := make([][]float64, len(c.in))
		for i, o := range c.in {
			args[i] = b.values(fmt.Sprint("x", i))
			if kinds[i] == 'r' {
				n := size(o.shape)
				args[i] = args[i][r*n : (r+1)*n]
			}
		}
		w := c.want(args)
		if b.Kind(y) == Reduced && r > 0 {
			for i := range w {
				want[i] += w[i]
			}
		} else {
			want = append(want, w...)
		}
	}
	near(t, "value", out["y"], want, exact)

	if c.flat {
		for name := range out {
			if name != "y" {
				t.Errorf("%s has a derivative %s", c.op, name)
			}
		}
		return found
	}
	// None is a derivative of zero.
	get := func(name string, n int) []float64 {
		if x, ok := out[name]; ok {
			return x
		}
		return make([]float64, n)
	}
	value := func() []float64 { return run(t, p, b.feed)["y"] }
	weighted := func(names, by []string) func() float64 {
		return func() float64 {
			out, s := run(t, p, b.feed), 0.0
			for i, n := range names {
				s += dot(out[n], b.values(by[i]))
			}
			return s
		}
	}
	var xvals, tvals [][]float64
	seedNames := make([]string, len(liveNames))
	for i, n := range liveNames {
		seedNames[i] = "w" + n[1:]
	}
	reverse := 0.0
	for i, n := range names {
		x := b.values(n)
		xvals, tvals = append(xvals, x), append(tvals, b.values("t"+n))
		gi := get(fmt.Sprint("g", i), len(x))
		near(t, "VJP by "+n, gi, partial(x, weighted([]string{"y"}, []string{"u"})), measured)
		near(t, "VJP of VJP by "+n, get(fmt.Sprint("gg", i), len(x)), partial(x, weighted(liveNames, seedNames)), measured)
		if d[0] != None {
			near(t, "VJP of JVP by "+n, get(fmt.Sprint("gd", i), len(x)), partial(x, weighted([]string{"d0"}, []string{"wd"})), measured)
		}
		reverse += dot(gi, b.values("t"+n))
	}
	d0 := get("d0", len(out["y"]))
	near(t, "JVP", d0, along(xvals, tvals, value), measured)
	near(t, "<u, J t> against <J'u, t>", []float64{dot(b.values("u"), d0)}, []float64{reverse}, exact)
	for i, n := range liveNames {
		got := get(fmt.Sprint("dg", i), len(out[n]))
		near(t, "JVP of VJP "+n, got, along(xvals, tvals, func() []float64 { return run(t, p, b.feed)[n] }), measured)
	}
	return found
}
