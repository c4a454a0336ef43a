package exec

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/graph"
	"laminar/internal/kernel"
	"laminar/internal/par"
	"laminar/rng"
)

// TestRowsDoNotMix runs rows alone, in sevens and in two thousands: a row's
// bits are the same.
func TestRowsDoNotMix(t *testing.T) {
	p := mlp(t, 40, (*graph.Builder).SiLU)
	r := random{s: rng.New(3).Stream()}
	for name, p := range map[string]*graph.Program{"mlp": p, "random": r.program(t, 30)} {
		const n = 2000
		f := newFeed(p, n, rng.New(5))
		for _, k := range kernel.Available() {
			o := Options{Kernels: k}
			whole := bind(t, p, f, o)
			if whole.prog.block >= n {
				t.Fatalf("a block has %d rows", whole.prog.block)
			}
			want := whole.run(t)
			for _, m := range []int{1, 7} {
				for _, at := range []int{0, 3, 255, 256, 300, n - m} {
					part := feed{m, f.arenas, map[string][]float32{}, f.ints}
					for name, v := range f.rows {
						size := len(v) / n
						part.rows[name] = v[at*size : (at+m)*size]
					}
					got := bind(t, p, part, o).run(t)
					for _, u := range p.Outputs {
						if u.GradOf >= 0 {
							continue
						}
						size := len(want[u.Name]) / n
						if !sameBits(got[u.Name], want[u.Name][at*size:(at+m)*size]) {
							t.Errorf("%s, %s: %s of rows %d to %d depends on the other rows", k.Name(), name, u.Name, at, at+m-1)
						}
					}
				}
			}
		}
	}
}

// TestCoresDoNotMatter runs one program on 1 to 4 workers and GOMAXPROCS 1, 2
// and 4: all bits are the same.
func TestCoresDoNotMatter(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	r := random{s: rng.New(4).Stream()}
	for name, p := range map[string]*graph.Program{
		"mlp": mlp(t, 32, (*graph.Builder).ReLU), "wide": mlp(t, 150, (*graph.Builder).ReLU), "random": r.program(t, 25),
		"image": convolved(t, graph.Same(4, 3, 3, 1), 16, 16),
	} {
		n, runs := 16*23+5, 3
		if name == "image" {
			n, runs = 16*3+5, 1
		}
		f := newFeed(p, n, rng.New(6))
		for _, k := range kernel.Available() {
			var want map[string][]float32
			for _, procs := range []int{1, 2, 4} {
				runtime.GOMAXPROCS(procs)
				for workers := 1; workers <= 4; workers++ {
					b := bind(t, p, f, Options{Kernels: k, BlockBytes: 8 << 10, Workers: workers, Pool: four})
					if want == nil {
						want = b.run(t)
						if b.parts < 4 || (name == "wide" && b.prog.packLen < shareFrom) {
							t.Fatalf("%d parts, %d packed", b.parts, b.prog.packLen)
						}
					}
					for range runs {
						got := b.run(t)
						for out, w := range want {
							if !sameBits(got[out], w) {
								t.Errorf("%s, %s: %s differs with GOMAXPROCS %d and %d workers", k.Name(), name, out, procs, workers)
							}
						}
					}
				}
			}
		}
	}
}

func TestRunDoesNotAllocate(t *testing.T) {
	for _, n := range []int{1, 300} {
		for _, workers := range []int{1, 4} {
			p := mlp(t, 40, (*graph.Builder).SiLU)
			if n == 1 {
				p = convolved(t, graph.Same(24, 20, 3, 1), 16, 32) // strips, too
			}
			b := bind(t, p, newFeed(p, n, rng.New(5)), Options{Workers: workers, Pool: four, BlockBytes: 1})
			b.run(t)
			for range 10 {
				b.run(t) // until every worker has had a part
			}
			if a := testing.AllocsPerRun(50, func() { b.Run(n) }); a != 0 {
				t.Errorf("%g allocations in a Run of %d rows on %d workers", a, n, workers)
			}
		}
	}
}

// TestSessionReuse runs one session with many numbers of rows: nothing of an
// earlier Run remains.
func TestSessionReuse(t *testing.T) {
	p := mlp(t, 24, (*graph.Builder).Tanh)
	prog, err := Compile(p, Options{BlockBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := prog.NewSession()
	for _, n := range []int{100, 3, 0, 500, 17, 1} {
		f := newFeed(p, n, rng.New(uint64(n)))
		want := bind(t, p, f, Options{BlockBytes: 1}).run(t)
		grads := make([]float32, p.Layout("net").Size)
		for i := range grads {
			grads[i] = 99
		}
		y := make([]float32, 2*n)
		for _, err := range []error{
			s.BindParams("net", f.arenas["net"]), s.BindGrads("net", grads), s.BindOutput("y", y),
			s.BindRow("x", f.rows["x"]), s.BindRow("target", f.rows["target"]), s.BindRow("seed", f.rows["seed"]), s.Run(n),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if !sameBits(grads, want["arena net"]) || !sameBits(y, want["y"]) {
			t.Errorf("%d rows: a used session gives other results than a new one", n)
		}
	}
}

func TestErrors(t *testing.T) {
	p := mlp(t, 8, (*graph.Builder).ReLU)
	b := bind(t, p, newFeed(p, 4, rng.New(1)), Options{})
	for _, c := range []struct {
		err  error
		is   error
		says string
	}{
		{b.BindParams("nte", nil), flow.ErrConfig, `"nte"; it has net`},
		{b.BindParams("net", make([]float32, 3)), flow.ErrShape, "3 elements, want 122"},
		{b.BindGrads("net", make([]float32, 3)), flow.ErrShape, "3 elements, want 122"},
		{b.BindRow("X", nil), flow.ErrConfig, "x, target, seed"},
		{b.BindRowInts("x", nil), flow.ErrConfig, "float32, not int32"},
		{b.BindOutput("z", nil), flow.ErrConfig, "y, loss"},
		{b.BindOutputInts("y", make([]int32, 1)), flow.ErrConfig, "type"},
		{b.Run(5), flow.ErrShape, `row input "x" has 12 elements, want 5 rows of 3`},
		{b.Run(-1), flow.ErrShape, "-1 rows"},
		{func() error { b.BindOutput("y", make([]float32, 7)); return b.Run(4) }(), flow.ErrShape, "7 elements, want 8"},
		{b.prog.NewSession().Run(0), flow.ErrShape, "BindParams"},
		{func() error { _, err := Compile(p, Options{Workers: -1}); return err }(), flow.ErrConfig, "negative"},
	} {
		if !errors.Is(c.err, c.is) || !strings.Contains(fmt.Sprint(c.err), c.says) {
			t.Errorf("error %v, want one that is %v and says %q", c.err, c.is, c.says)
		}
	}
}

// TestBlocks keeps the rows of a block and the lanes what they are: they
// decide the rounding of every training run.
func TestBlocks(t *testing.T) {
	for w, want := range map[int][2]int{64: {256, 8}, 256: {128, 8}, 512: {64, 4}} {
		prog, err := Compile(mlp(t, w, (*graph.Builder).ReLU), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]int{prog.BlockRows(), prog.Lanes()}; got != want {
			t.Errorf("width %d: blocks of %d rows and %d lanes, want %v", w, got[0], got[1], want)
		}
	}
}

// TestFewLargeRows: runs of a few rows are cut into four blocks where rows are
// large, and left alone where they are small.
func TestFewLargeRows(t *testing.T) {
	for _, c := range []struct{ width, rows, want int }{{64, 8, 256}, {20000, 0, 16}, {20000, 8, 2}, {20000, 3, 1}, {20000, 64, 16}} {
		prog, err := Compile(mlp(t, c.width, (*graph.Builder).ReLU), Options{Rows: c.rows})
		if err != nil {
			t.Fatal(err)
		}
		if got := prog.BlockRows(); got != c.want {
			t.Errorf("width %d, %d rows: blocks of %d, want %d", c.width, c.rows, got, c.want)
		}
	}
}

func Example() {
	b := graph.NewBuilder()
	x := b.Row("x", graph.Float32, 2)
	b.Output("y", b.Linear(x, b.Param("net", "weight", 1, 2), true))
	p, err := b.Build()
	if err != nil {
		panic(err)
	}
	prog, err := Compile(p, Options{Pool: par.Default()})
	if err != nil {
		panic(err)
	}
	y := make([]float32, 3)
	s := prog.NewSession()
	s.BindParams("net", []float32{10, 1})
	s.BindRow("x", []float32{1, 2, 3, 4, 5, 6})
	s.BindOutput("y", y)
	fmt.Println(s.Run(3), y)
	// Output: <nil> [12 34 56]
}

// TestSharedGradients has one sum over rows be the gradient of two parameters,
// and binds gradients, outputs, both and neither.
func TestSharedGradients(t *testing.T) {
	b := graph.NewBuilder()
	x := b.Row("x", graph.Float32, 20)
	y := b.Add(b.Linear(x, b.Param("net", "u", 18, 20), true), b.Linear(x, b.Param("net", "v", 18, 20), true))
	loss := b.Sum(b.Square(y), 0)
	b.OutputGradients(b.Gradient(loss, b.Row("seed", graph.Float32, 1), "net"))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if p.Outputs[0].Value != p.Outputs[1].Value {
		t.Fatal("the gradients are two values")
	}
	f := newFeed(p, 50, rng.New(1))
	compare(t, p, f, Options{}, 3e-6)
	s := bind(t, p, f, Options{})
	want := s.run(t)
	name := p.Outputs[0].Name
	for _, bound := range [][2]bool{{false, true}, {true, false}, {false, false}} {
		var grads, out []float32
		if bound[0] {
			grads = make([]float32, p.Layout("net").Size)
		}
		if bound[1] {
			out = make([]float32, 18*20)
		}
		if err := errors.Join(s.BindGrads("net", grads), s.BindOutput(name, out), s.Run(50)); err != nil {
			t.Fatal(err)
		}
		if (bound[0] && !sameBits(grads, want["arena net"])) || (bound[1] && !sameBits(out, want[name])) {
			t.Errorf("with gradients and outputs bound as %v the results differ", bound)
		}
	}
}
