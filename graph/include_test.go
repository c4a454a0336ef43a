package graph_test

import (
	"errors"
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

// A value in place of an input gives what the input would with that value, and what
// depends on nothing else becomes static.
func TestIncludeWith(t *testing.T) {
	b := graph.NewBuilder()
	x, s, k := b.Row("x", graph.Float32, 3), b.Row("t", graph.Float32, 2), b.Row("class", graph.Int32)
	phi := b.Sin(b.Add(s, b.Param("net", "shift", 2)))
	phi = b.Mul(phi, b.Sum(b.Linear(phi, b.Param("net", "w", 2, 2), false), 0))
	known := b.Gather(b.Param("net", "table", 5, 3), k)
	h := b.Concat(0, b.Add(b.Tanh(x), known), phi)
	b.Output("y", b.Select(b.Greater(h, b.Const(0)), h, b.Square(h)))
	b.Output("phi", phi)
	b.Output("sum", b.RowSum(phi))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	feed := graph.Feed{N: 3, Arenas: map[string][]float64{"net": make([]float64, p.Layout("net").Size)}, Rows: map[string][]float64{
		"x": {1, -2, 3, 0.5, -0.5, 2, 1, 0, -1}, "t": {0.3, 0.9, 0.3, 0.9, 0.3, 0.9}, "class": {2, 2, 2},
	}}
	for i := range feed.Arenas["net"] {
		feed.Arenas["net"][i] = 0.1*float64(i) - 0.7
	}
	want, err := p.Interpret(feed)
	if err != nil {
		t.Fatal(err)
	}
	c := graph.NewBuilder()
	v := c.IncludeWith(p, map[string]graph.Value{"t": c.Param("common", "t", 2), "class": c.Convert(c.Const(2), graph.Int32)})
	for _, o := range p.Outputs {
		c.Output(o.Name, v[o.Value])
	}
	q, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	if k := q.Nodes[q.Output("phi").Value].Kind; k != graph.Static {
		t.Errorf("what depends on the time alone is %s", k)
	}
	if len(q.Rows) != 1 || q.Rows[0].Name != "x" {
		t.Errorf("row inputs %+v", q.Rows)
	}
	feed.Arenas["common"] = []float64{0.3, 0.9}
	delete(feed.Rows, "t")
	delete(feed.Rows, "class")
	got, err := q.Interpret(feed)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"y", "sum"} {
		if !reflect.DeepEqual(got[name], want[name]) {
			t.Errorf("%s is %v, want %v", name, got[name], want[name])
		}
	}
	if !reflect.DeepEqual(got["phi"], want["phi"][:2]) {
		t.Errorf("phi is %v, want %v", got["phi"], want["phi"][:2])
	}
}

func TestIncludeWithErrors(t *testing.T) {
	b := graph.NewBuilder()
	b.Output("y", b.Square(b.Row("x", graph.Float32, 2)))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]func(c *graph.Builder) graph.Value{
		"shape": func(c *graph.Builder) graph.Value { return c.Const(1, 3) },
		"type":  func(c *graph.Builder) graph.Value { return c.Convert(c.Const(1, 2), graph.Int32) },
		"kind":  func(c *graph.Builder) graph.Value { return c.RowSum(c.Row("z", graph.Float32, 2)) },
		"none":  func(*graph.Builder) graph.Value { return graph.None },
	} {
		c := graph.NewBuilder()
		c.IncludeWith(p, map[string]graph.Value{"x": of(c)})
		if !errors.Is(c.Err(), graph.ErrProgram) {
			t.Errorf("%s: %v", name, c.Err())
		}
	}
}
