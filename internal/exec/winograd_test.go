package exec

import (
	"fmt"
	"slices"
	"testing"

	"laminar/graph"
	"laminar/internal/kernel"
	"laminar/rng"
)

// convolved is a program of one convolution with bias and SiLU, its derivatives
// in both directions, and a gradient of the forward one.
func convolved(t *testing.T, w graph.Window, in, out int) *graph.Program {
	t.Helper()
	b := graph.NewBuilder()
	x, weight, bias := b.Row("x", graph.Float32, w.H, w.W, in), b.Param("p", "w", out, w.KH*w.KW*in), b.Param("p", "b", out)
	y := b.SiLU(b.Add(b.Conv(x, b.Scale(weight, 0.1), w), bias))
	b.Output("y", y)
	seed := b.Row("seed", graph.Float32, w.OutH, w.OutW, out)
	for i, g := range b.VJP([]graph.Value{y}, []graph.Value{seed}, []graph.Value{x, weight, bias}) {
		b.Output(fmt.Sprint("g", i), g)
	}
	tan := b.JVP([]graph.Value{y}, []graph.Value{x}, []graph.Value{b.Row("dx", graph.Float32, w.H, w.W, in)})[0]
	b.Output("tangent", tan)
	for i, g := range b.VJP([]graph.Value{tan}, []graph.Value{seed}, []graph.Value{x, weight}) {
		b.Output(fmt.Sprint("h", i), g)
	}
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestWinograd: convolutions with fewer products agree with the float64
// interpreter, whatever is left over of the tiles, in one piece and in several.
func TestWinograd(t *testing.T) {
	for _, c := range []struct {
		w       graph.Window
		in, out int
		rows    int
	}{
		{graph.Same(8, 4, 3, 1), 16, 16, 3},
		{graph.Same(7, 9, 3, 1), 16, 32, 2},
		{graph.Same(3, 2, 3, 1), 32, 16, 5},
		{graph.Same(1, 6, 3, 1), 16, 16, 2},
		{graph.Same(22, 33, 3, 1), 48, 32, 1},
		{graph.SameLine(11, 3, 1), 32, 16, 7},
		{graph.SameLine(1, 3, 1), 16, 16, 1},
	} {
		p := convolved(t, c.w, c.in, c.out)
		prog, err := Compile(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range []graph.Op{opWino, opWinoWeight} {
			if !slices.ContainsFunc(prog.rows, func(i instr) bool { return i.op == op }) {
				t.Errorf("%v: operation %d is not used", c.w, op)
			}
		}
		f := newFeed(p, c.rows, rng.New(3))
		t.Run(fmt.Sprintf("%dx%d %d-%d", c.w.H, c.w.W, c.in, c.out), func(t *testing.T) {
			want := f.exact(t, p)
			everyway(t, func(t *testing.T, o Options) { compareTo(t, p, f, want, o, 2e-5) })
		})
	}
}

// TestWinogradAnyRows: a row's bits depend neither on the number of rows nor on
// its place among them.
func TestWinogradAnyRows(t *testing.T) {
	p := convolved(t, graph.Same(9, 7, 3, 1), 16, 32)
	for _, k := range kernel.Available() {
		f := newFeed(p, 40, rng.New(5))
		all := bind(t, p, f, Options{Kernels: k}).run(t)
		for _, r := range []int{0, 17, 39} {
			one := f
			one.n = 1
			one.rows = map[string][]float32{}
			for name, v := range f.rows {
				size := len(v) / f.n
				one.rows[name] = v[r*size : (r+1)*size]
			}
			alone := bind(t, p, one, Options{Kernels: k}).run(t)
			for _, name := range []string{"y", "g0", "tangent", "h0"} {
				size := len(all[name]) / f.n
				if !sameBits(alone[name], all[name][r*size:(r+1)*size]) {
					t.Errorf("%s: %s of row %d differs when it is alone", k.Name(), name, r)
				}
			}
		}
	}
}
