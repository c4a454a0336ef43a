package graph_test

import (
	"fmt"
	"reflect"
	"testing"

	"laminar/graph"
)

// A program that is included and given its outputs again is the same program.
func TestIncludeIsFaithful(t *testing.T) {
	b := graph.NewBuilder()
	b.Param("net", "unused", 7)
	x, k := b.Row("x", graph.Float32, 3), b.Row("class", graph.Int32)
	b.Row("idle", graph.Float32, 2)
	h := b.Add(b.Linear(x, b.Param("net", "w", 4, 3), true), b.Gather(b.Param("net", "table", 5, 4), k))
	b.Output("y", b.Concat(0, b.SiLU(h), b.Slice(h, 0, 1, 3)))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	c := graph.NewBuilder()
	v := c.Include(p)
	c.Output("y", v[p.Output("y").Value])
	q, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(p.Layout("net"), q.Layout("net")) || !reflect.DeepEqual(p.Outputs, q.Outputs) || len(p.Nodes) != len(q.Nodes) || len(p.Rows) != len(q.Rows) {
		t.Errorf("another program:\n%+v\n%+v", p, q)
	}
}

// A stored program, differentiated: d(x^2)/dx along 1.
func ExampleBuilder_Include() {
	b := graph.NewBuilder()
	x := b.Row("x", graph.Float32, 1)
	b.Output("y", b.Square(x))
	p, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	d := graph.NewBuilder()
	v := d.Include(p)
	at := v[p.Row("x").Node]
	d.Output("dy", d.JVP([]graph.Value{v[p.Output("y").Value]}, []graph.Value{at}, []graph.Value{d.Const(1, 1)})[0])
	q, err := d.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := q.Interpret(graph.Feed{N: 2, Rows: map[string][]float64{"x": {3, -1}}})
	fmt.Println(out["dy"], err)
	// Output: [6 -2] <nil>
}
