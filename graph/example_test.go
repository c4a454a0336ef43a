package graph_test

import (
	"fmt"

	"laminar/graph"
)

// A network of one layer, run by the interpreter on two rows.
func ExampleBuilder() {
	b := graph.NewBuilder()
	x := b.Row("x", graph.Float32, 3)   // a point of 3 numbers per row
	w := b.Param("net", "weight", 2, 3) // shared by all rows
	bias := b.Param("net", "bias", 2)   // repeated for every row
	y := b.ReLU(b.Add(b.Linear(x, w, true), bias))
	b.Output("y", y)
	p, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("parameters:", p.Layout("net").Size)
	out, err := p.Interpret(graph.Feed{
		N:      2,
		Arenas: map[string][]float64{"net": {1, 0, 0, 0, 1, 1, 0.5, -0.5}},
		Rows:   map[string][]float64{"x": {1, 2, 3, -4, 5, -6}},
	})
	fmt.Println(out["y"], err)
	// Output:
	// parameters: 8
	// [1.5 4.5 0 0] <nil>
}

// The gradient of a mean squared error: the mean is in the seed.
func ExampleBuilder_Gradient() {
	b := graph.NewBuilder()
	x, target := b.Row("x", graph.Float32, 1), b.Row("target", graph.Float32, 1)
	w := b.Param("net", "w", 1, 1)
	loss := b.Sum(b.Square(b.Sub(b.Linear(x, w, false), target)), 0)
	b.OutputGradients(b.Gradient(loss, b.Row("seed", graph.Float32, 1), "net"))
	p, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := p.Interpret(graph.Feed{
		N:      2,
		Arenas: map[string][]float64{"net": {3}},
		Rows:   map[string][]float64{"x": {1, 2}, "target": {2, 4}, "seed": {0.5, 0.5}},
	})
	fmt.Println(out["grad:net/w"], err) // mean of 2 (w x - target) x
	// Output: [5] <nil>
}

// The derivative of a product along a direction.
func ExampleBuilder_JVP() {
	b := graph.NewBuilder()
	x, t := b.Row("x", graph.Float32, 1), b.Row("t", graph.Float32, 1)
	y := b.Mul(b.Square(x), t)
	one := b.Const(1, 1)
	d := b.JVP([]graph.Value{y}, []graph.Value{x, t}, []graph.Value{one, one})
	b.Output("d", d[0])
	p, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := p.Interpret(graph.Feed{N: 1, Rows: map[string][]float64{"x": {3}, "t": {5}}})
	fmt.Println(out["d"], err) // 2 x t + x^2
	// Output: [39] <nil>
}

// Derivatives nest: the second derivative of x^3.
func ExampleBuilder_VJP() {
	b := graph.NewBuilder()
	x := b.Row("x", graph.Float32, 1)
	one := []graph.Value{b.Const(1, 1)}
	first := b.VJP([]graph.Value{b.Mul(x, b.Square(x))}, one, []graph.Value{x})
	second := b.VJP(first, one, []graph.Value{x})
	b.Output("second", second[0])
	p, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := p.Interpret(graph.Feed{N: 1, Rows: map[string][]float64{"x": {2}}})
	fmt.Println(out["second"], err)
	// Output: [12] <nil>
}
