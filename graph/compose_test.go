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
