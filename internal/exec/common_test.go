package exec

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"laminar/graph"
	"laminar/internal/kernel"
	"laminar/rng"
)

// timed is a network of x, a time and conditions, which are joined in the order given
// by their names; weights are transposed in the layers where trans says so.
func timed(t testing.TB, order []string, trans, bias bool) *graph.Program {
	t.Helper()
	b := graph.NewBuilder()
	in := map[string]graph.Value{}
	for _, name := range order {
		in[name] = b.Row(name, graph.Float32, map[string]int{"x": 3, "t": 1, "mask": 3, "seen": 2}[name])
	}
	in["t"] = b.Concat(0, in["t"], b.Sin(in["t"]))
	var parts []graph.Value
	for _, name := range order {
		parts = append(parts, in[name])
	}
	layer := func(h graph.Value, name string, n int) graph.Value {
		k := b.Shape(h)[0]
		shape := []int{k, n}
		if trans {
			shape = []int{n, k}
		}
		h = b.Linear(h, b.Param("net", name+".weight", shape...), trans)
		if bias {
			h = b.Add(h, b.Param("net", name+".bias", n))
		}
		return h
	}
	h := b.SiLU(layer(b.Concat(0, parts...), "in", 37))
	h = b.Add(h, b.Tanh(layer(b.Concat(0, in["t"], h), "middle", 37)))
	h = b.Div(layer(h, "out", 3), b.Add(b.Square(b.Slice(in["t"], 0, 0, 1)), b.Const(1)))
	b.Output("y", b.Div(h, b.Add(b.Square(b.Param("net", "scale", 3)), b.Const(1))))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// together is p with the time of all rows as the parameter of a group, and mask and
// seen constants.
func together(t testing.TB, p *graph.Program, seen float64) *graph.Program {
	t.Helper()
	b := graph.NewBuilder()
	v := b.IncludeWith(p, map[string]graph.Value{
		"t": b.Param("common", "t", 1), "mask": b.Const(0, 3), "seen": b.Const(seen, 2),
	})
	b.Output("y", b.ToRows(v[p.Output("y").Value]))
	q, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// What rows have in common is computed once, to the same result: in every order of the
// joined parts, for every time, whether parameters are held or not.
func TestCommonParts(t *testing.T) {
	const n = 300 // more than a block
	for _, order := range [][]string{{"x", "t", "mask", "seen"}, {"t", "seen", "x", "mask"}, {"mask", "x", "seen", "t"}} {
		for _, how := range [][2]bool{{true, true}, {false, true}, {true, false}, {false, false}} {
			p := timed(t, order, how[0], how[1])
			for _, seen := range []float64{0, 1.5} {
				q := together(t, p, seen)
				for _, k := range kernel.Available() {
					name := fmt.Sprint(order, how, seen, k.Name())
					f := newFeed(p, n, rng.New(7))
					f.arenas["common"] = []float32{0}
					b := bind(t, q, feed{n, f.arenas, map[string][]float32{"x": f.rows["x"]}, nil}, Options{Kernels: k})
					if slices.ContainsFunc(b.prog.rows, func(i instr) bool { return i.op == graph.OpConcat }) {
						t.Fatalf("%s: parts are joined for every row", name)
					}
					if err := b.HoldParams("net", f.arenas["net"]); err != nil {
						t.Fatal(err)
					}
					for _, time := range []float32{0.25, 0.75} {
						fill := func(name string, c float32) {
							for i := range f.rows[name] {
								f.rows[name][i] = c
							}
						}
						fill("t", time)
						fill("mask", 0)
						fill("seen", float32(seen))
						f.arenas["common"][0] = time
						want := f.exact(t, p)["y"]
						for _, m := range []int{1, n} { // what is held serves blocks of any size
							if err := b.BindRow("x", f.rows["x"][:3*m]); err != nil {
								t.Fatal(err)
							}
							got := make([]float32, 3*m)
							if err := b.BindOutput("y", got); err != nil {
								t.Fatal(err)
							}
							if err := b.Run(m); err != nil {
								t.Fatal(err)
							}
							for i, v := range got {
								if math.Abs(float64(v)-want[i]) > 1e-5*(1+math.Abs(want[i])) {
									t.Fatalf("%s, t=%v, %d rows: element %d is %v, want %v", name, time, m, i, v, want[i])
								}
							}
						}
					}
				}
			}
		}
	}
}

// Held parameters are read by the first Run only, others by each.
func TestHoldParams(t *testing.T) {
	p := together(t, timed(t, []string{"x", "t", "mask", "seen"}, true, true), 1)
	f := newFeed(p, 20, rng.New(8))
	b := bind(t, p, f, Options{})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	net := slices.Clone(f.arenas["net"])
	must(b.HoldParams("net", net))
	first := b.run(t)["y"]
	net[0] += 0.5 // of a packed weight
	if !sameBits(b.run(t)["y"], first) {
		t.Error("a held weight was read again")
	}
	must(b.BindParams("common", f.arenas["common"]))
	if !sameBits(b.run(t)["y"], first) {
		t.Error("a held weight was read again after another group was bound")
	}
	must(b.HoldParams("net", net))
	if sameBits(b.run(t)["y"], first) {
		t.Error("binding anew did not read the weights")
	}
	must(b.BindParams("net", net))
	net[0] = f.arenas["net"][0]
	if !sameBits(b.run(t)["y"], first) {
		t.Error("a weight that is not held was not read again")
	}
}

// TestTangentsShareCuts: however many products read the same lines of a weight, these are
// cut and packed once.
func TestTangentsShareCuts(t *testing.T) {
	net := timed(t, []string{"x", "t"}, true, true)
	packs := func(tangents int) int {
		b := graph.NewBuilder()
		x := b.Row("x", graph.Float32, 3)
		v := b.IncludeWith(net, map[string]graph.Value{"x": x, "t": b.Param("common", "t", 1)})
		y := b.ToRows(v[net.Output("y").Value])
		b.Output("y", y)
		for k := range tangents {
			d := b.Row(fmt.Sprint("d", k), graph.Float32, 3)
			b.Output(fmt.Sprint("dy", k), b.ToRows(b.JVP([]graph.Value{y}, []graph.Value{x}, []graph.Value{d})[0]))
		}
		p, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		e, err := Compile(p, Options{Kernels: kernel.Best(), Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		return len(e.packs)
	}
	if one, many := packs(2), packs(9); one == 0 || one != many {
		t.Errorf("%d packs for 2 tangents, %d for 9", one, many)
	}
}

// TestReshapedCommonPart: what all rows have in common may be seen in another shape.
func TestReshapedCommonPart(t *testing.T) {
	b := graph.NewBuilder()
	q := b.Reshape(b.ToRows(b.Param("p", "q", 2, 2)), 4)
	b.Output("y", b.Linear(b.Concat(0, b.Row("x", graph.Float32, 2), q), b.Param("p", "w", 6, 3), false))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	params := make([]float32, p.Layout("p").Size)
	for i := range params {
		params[i] = float32(i)
	}
	var got [2][]float32
	for k, plain := range []bool{true, false} {
		e, err := Compile(p, Options{Kernels: kernel.Best(), Plain: plain, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		s := e.NewSession()
		got[k] = make([]float32, 6)
		for _, err := range []error{
			s.BindParams("p", params), s.BindRow("x", []float32{1, 2, 3, 4}), s.BindOutput("y", got[k]), s.Run(2),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if !slices.Equal(got[0], got[1]) {
		t.Errorf("%v, plainly %v", got[1], got[0])
	}
}
