package graph

import (
	"math"
	"testing"
)

func TestComposites(t *testing.T) {
	phi := func(x float64) float64 { return (1 + erf(x/math.Sqrt2)) / 2 }
	moments := func(x []float64) (mean, variance float64) {
		for _, v := range x {
			mean += v / float64(len(x))
		}
		for _, v := range x {
			variance += (v - mean) * (v - mean) / float64(len(x))
		}
		return mean, variance
	}
	cases := []struct {
		name  string
		build func(b *Builder, x Value) Value
		want  func(x [][]float64) []float64
	}{
		{"silu", (*Builder).SiLU, map1(func(x float64) float64 { return x / (1 + math.Exp(-x)) })},
		{"gelu", (*Builder).GELU, map1(func(x float64) float64 { return x * phi(x) })},
		{"selu", (*Builder).SELU, map1(func(x float64) float64 {
			if x > 0 {
				return 1.0507009873554805 * x
			}
			return 1.0507009873554805 * 1.6732632423543772 * math.Expm1(x)
		})},
		{"square", (*Builder).Square, map1(func(x float64) float64 { return x * x })},
		{"mean", func(b *Builder, x Value) Value { return b.Mean(x, 0) }, func(x [][]float64) []float64 {
			m, _ := moments(x[0])
			return []float64{m}
		}},
		{"softmax", func(b *Builder, x Value) Value { return b.Softmax(x, 0) }, func(x [][]float64) []float64 {
			y, sum := map1(math.Exp)(x), 0.0
			for _, v := range y {
				sum += v
			}
			for i := range y {
				y[i] /= sum
			}
			return y
		}},
		{"layernorm", func(b *Builder, x Value) Value { return b.LayerNorm(x, 0, 1e-3) }, func(x [][]float64) []float64 {
			m, v := moments(x[0])
			return map1(func(x float64) float64 { return (x - m) / math.Sqrt(v+1e-3) })(x)
		}},
	}
	for _, c := range cases {
		for _, kinds := range []string{"s", "r"} {
			t.Run(c.name+"/"+kinds, func(t *testing.T) {
				testOp(t, opCase{
					name: c.name, in: []operand{num(5)}, want: c.want,
					build: func(b *Builder, v []Value) Value { return c.build(b, v[0]) },
				}, kinds)
			})
		}
	}
}

// TestImages: what networks for images are made of, against plain loops.
func TestImages(t *testing.T) {
	w := Same(3, 4, 3, 2)
	normalise := func(x []float64, eps float64, centre bool) []float64 {
		m, v := 0.0, 0.0
		for _, e := range x {
			if centre {
				m += e / float64(len(x))
			}
		}
		for _, e := range x {
			v += (e - m) * (e - m) / float64(len(x))
		}
		return map1(func(e float64) float64 { return (e - m) / math.Sqrt(v+eps) })([][]float64{x})
	}
	cases := []struct {
		name  string
		in    []operand
		kinds []string
		build func(b *Builder, v []Value) Value
		want  func(x [][]float64) []float64
	}{
		{
			"conv",
			[]operand{num(3, 4, 2), num(5, 18)},
			[]string{"ss", "rs"},
			func(b *Builder, v []Value) Value { return b.Conv(v[0], v[1], w) },
			func(x [][]float64) []float64 {
				var y []float64
				for i := range 2 {
					for j := range 2 {
						for o := range 5 {
							sum := 0.0
							for a := range 3 {
								for c := range 3 {
									py, px := 2*i-1+a, 2*j-1+c
									if py < 0 || py >= 3 || px < 0 || px >= 4 {
										continue
									}
									for k := range 2 {
										sum += x[0][(py*4+px)*2+k] * x[1][o*18+(a*3+c)*2+k]
									}
								}
							}
							y = append(y, sum)
						}
					}
				}
				return y
			},
		},
		{
			"conv 1x1",
			[]operand{num(2, 2, 2), num(3, 2)},
			[]string{"rs"},
			func(b *Builder, v []Value) Value { return b.Conv(v[0], v[1], Same(2, 2, 1, 1)) },
			func(x [][]float64) []float64 { return mul(x[0], flip(x[1], 3, 2), 4, 2, 3) },
		},
		{
			"upsample",
			[]operand{num(1, 2, 1)},
			[]string{"s", "r"},
			func(b *Builder, v []Value) Value { return b.Upsample(v[0], 2, 3) },
			pick(0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1),
		},
		{
			"pool",
			[]operand{num(2, 4, 1)},
			[]string{"s", "r"},
			func(b *Builder, v []Value) Value { return b.Pool(v[0], 2, 2) },
			func(x [][]float64) []float64 {
				v := x[0]
				return []float64{(v[0] + v[1] + v[4] + v[5]) / 4, (v[2] + v[3] + v[6] + v[7]) / 4}
			},
		},
		{
			"groupnorm",
			[]operand{num(2, 1, 4)},
			[]string{"s", "r"},
			func(b *Builder, v []Value) Value { return b.GroupNorm(v[0], 2, 1e-3) },
			func(x [][]float64) []float64 {
				v := x[0]
				p := normalise([]float64{v[0], v[1], v[4], v[5]}, 1e-3, true)
				q := normalise([]float64{v[2], v[3], v[6], v[7]}, 1e-3, true)
				return []float64{p[0], p[1], q[0], q[1], p[2], p[3], q[2], q[3]}
			},
		},
		{
			"rmsnorm",
			[]operand{num(4)},
			[]string{"s", "r"},
			func(b *Builder, v []Value) Value { return b.RMSNorm(v[0], 0, 1e-3) },
			func(x [][]float64) []float64 { return normalise(x[0], 1e-3, false) },
		},
		{
			"attention",
			[]operand{num(1, 2, 3), num(1, 3, 3), num(1, 3, 2), num(1, 2, 3)},
			[]string{"ssss", "rrrr"},
			func(b *Builder, v []Value) Value { return b.Attention(v[0], v[1], v[2], v[3]) },
			func(x [][]float64) []float64 {
				s := mul(x[0], flip(x[1], 3, 3), 2, 3, 3)
				for i := range 2 {
					sum := 0.0
					for j := range 3 {
						s[3*i+j] = math.Exp(s[3*i+j]/math.Sqrt(3) + x[3][3*i+j])
						sum += s[3*i+j]
					}
					for j := range 3 {
						s[3*i+j] /= sum
					}
				}
				return mul(s, x[2], 2, 3, 2)
			},
		},
	}
	for _, c := range cases {
		for _, kinds := range c.kinds {
			t.Run(c.name+"/"+kinds, func(t *testing.T) {
				testOp(t, opCase{name: c.name, in: c.in, want: c.want, build: c.build}, kinds)
			})
		}
	}
}

// TestWindowErrors: windows that fit no image are refused, and what a hostile
// file says of them.
func TestWindowErrors(t *testing.T) {
	ok := Same(3, 3, 3, 1)
	for _, edit := range []func(w *Window){
		func(w *Window) { w.H = 4 }, func(w *Window) { w.W = 0 }, func(w *Window) { w.StrideH = 0 }, func(w *Window) { w.PadW = 3 },
		func(w *Window) { w.OutH = 9 }, func(w *Window) { w.KW = -1 }, func(w *Window) { w.OutW = 1 << 40 },
	} {
		w := ok
		edit(&w)
		b := NewBuilder()
		b.Unfold(b.Row("x", Float32, 3, 3, 1), w)
		if b.Err() == nil {
			t.Errorf("%+v is taken", w)
		}
	}
	b := NewBuilder()
	if b.Pool(b.Row("x", Float32, 3, 3, 1), 2, 2); b.Err() == nil {
		t.Error("blocks that do not divide are taken")
	}
	b = NewBuilder()
	if b.GroupNorm(b.Row("x", Float32, 3, 3, 4), 3, 0); b.Err() == nil {
		t.Error("groups that do not divide are taken")
	}
}

// TestSoftmaxLarge: the largest element is subtracted, so nothing overflows.
func TestSoftmaxLarge(t *testing.T) {
	b := NewBuilder()
	b.Output("y", b.Softmax(b.Row("x", Float32, 2), 0))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, p, Feed{N: 1, Rows: map[string][]float64{"x": {5000, 5000 + math.Ln2}}})
	near(t, "softmax", out["y"], []float64{1. / 3, 2. / 3}, 1e-11)
}

// TestTies: at a tie Max and Min give the derivative to x, ReduceMax shares it.
func TestTies(t *testing.T) {
	b := NewBuilder()
	x, y := b.Row("x", Float32, 3), b.Row("y", Float32, 3)
	u := b.Const(1, 3)
	for _, f := range []struct {
		name string
		y    Value
	}{{"max", b.Max(x, y)}, {"min", b.Min(x, y)}} {
		g := b.VJP([]Value{f.y}, []Value{u}, []Value{x, y})
		b.Output(f.name+"x", g[0])
		b.Output(f.name+"y", g[1])
	}
	top := b.ReduceMax(x, 0)
	b.Output("reduce", b.VJP([]Value{top}, []Value{b.Const(1, 1)}, []Value{x})[0])
	b.Output("abs", b.VJP([]Value{b.Abs(b.Sub(x, y))}, []Value{u}, []Value{x})[0])
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, p, Feed{N: 1, Rows: map[string][]float64{"x": {1, 2, 2}, "y": {1, 2, 2}}})
	for name, want := range map[string][]float64{
		"maxx": {1, 1, 1}, "maxy": {0, 0, 0}, "minx": {1, 1, 1}, "miny": {0, 0, 0}, "reduce": {0, 0.5, 0.5}, "abs": {0, 0, 0},
	} {
		near(t, name, out[name], want, 0)
	}
}
