package optim_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"laminar/graph"
	"laminar/internal/kernel"
	"laminar/optim"
)

// layout has matrices of all proportions between parameters that are none.
var layout = func() (l graph.Layout) {
	for _, shape := range [][]int{{17}, {24, 9}, {5, 40}, {3}, {8, 8}, {2, 9, 9}, {9, 33}} {
		n := 1
		for _, s := range shape {
			n *= s
		}
		l.Entries = append(l.Entries, graph.Entry{Shape: shape, Offset: l.Size, Size: n})
		l.Size += n
	}
	return l
}()

func isMatrix(e graph.Entry) bool { return len(e.Shape) == 2 && min(e.Shape[0], e.Shape[1]) >= 8 }

func muon() optim.Spec {
	s := optim.Defaults()
	s.Method, s.WeightDecay, s.Rate, s.Warmup = "muon", 0.1, 0.05, 0
	return s
}

func shaped(t testing.TB, s optim.Spec, p []float32, l graph.Layout, k *kernel.Set) *optim.Optimiser {
	o := make1(t, s, 50, p, k)
	o.Shape(l)
	return o
}

// product is the matrix a b, or a b' where turned, of the given sizes.
func product(a, b []float64, m, n, k int, turned bool) []float64 {
	c := make([]float64, m*n)
	for i := range m {
		for j := range n {
			for q := range k {
				if turned {
					c[i*n+j] += a[i*k+q] * b[j*k+q]
				} else {
					c[i*n+j] += a[i*k+q] * b[q*n+j]
				}
			}
		}
	}
	return c
}

// plainMuon is one step of Muon for a matrix of r x c in float64: momentum
// after Nesterov, five iterations by their definition, AdamW's length.
func plainMuon(p, m, g []float64, r, c int, momentum, rate, decay float64) {
	x, norm := make([]float64, len(p)), 0.0
	for i, v := range g {
		m[i] = momentum*m[i] + (1-momentum)*v
		x[i] = (1-momentum)*v + momentum*m[i]
		norm += x[i] * x[i]
	}
	for i := range x {
		x[i] /= math.Sqrt(norm) + 1e-7
	}
	for range 5 {
		a := product(x, x, r, r, c, true)
		ax := product(a, x, r, c, r, false)
		aax := product(a, ax, r, c, r, false)
		for i := range x {
			x[i] = 3.4445*x[i] - 4.775*ax[i] + 2.0315*aax[i]
		}
	}
	for i := range p {
		p[i] -= rate * (decay*p[i] + 0.2*math.Sqrt(float64(max(r, c)))*x[i])
	}
}

// TestMuonFollowsTheFormulas: matrices move by the plain formulas of Muon, all
// else bit for bit as AdamW moves it, and the average follows both.
func TestMuonFollowsTheFormulas(t *testing.T) {
	for n, k := range slices.Repeat(kernel.Available(), 3) {
		s := muon()
		s.Clip, s.Momentum = 0, []float64{0.95, 0.3, 0}[n/len(kernel.Available())]
		p, base := normals(layout.Size, "p"), normals(layout.Size, "base")
		adam, plain := slices.Clone(p), make([]float64, len(p))
		for i, v := range p {
			plain[i] = float64(v)
		}
		moment, average := make([]float64, len(p)), slices.Clone(plain)
		other := s
		other.Method = "adamw"
		o, ref := shaped(t, s, p, layout, k), make1(t, other, 50, adam, k)
		for step := range 6 {
			g := gradient(normals(layout.Size, "far"), base, step)
			o.Step(g)
			ref.Step(g)
			for _, e := range layout.Entries {
				at := func(x []float64) []float64 { return x[e.Offset : e.Offset+e.Size] }
				if !isMatrix(e) {
					if !slices.Equal(p[e.Offset:e.Offset+e.Size], adam[e.Offset:e.Offset+e.Size]) {
						t.Fatalf("%s, momentum %v, step %d: a parameter of shape %v moves otherwise than by AdamW", k.Name(), s.Momentum, step, e.Shape)
					}
					continue
				}
				var gs []float64
				for _, v := range g[e.Offset : e.Offset+e.Size] {
					gs = append(gs, float64(v))
				}
				plainMuon(at(plain), at(moment), gs, e.Shape[0], e.Shape[1], s.Momentum, s.RateAt(step, 50), s.WeightDecay)
				keep := min(s.EMA, float64(step+1)/float64(step+10))
				for i := range e.Size {
					q := e.Offset + i
					average[q] = keep*average[q] + (1-keep)*plain[q]
					if math.Abs(float64(p[q])-plain[q]) > 2e-5 || math.Abs(float64(o.Average()[q])-average[q]) > 2e-5 {
						t.Fatalf("%s, momentum %v, step %d: element %d of a matrix of %v is %v, want %v; average %v, want %v", k.Name(), s.Momentum, step, i, e.Shape, p[q], plain[q], o.Average()[q], average[q])
					}
				}
			}
		}
	}
}

// TestMuonMovesAreOrthogonal: a move of a matrix changes all directions about
// alike, however unlike the gradient's are.
func TestMuonMovesAreOrthogonal(t *testing.T) {
	const n = 16
	s := muon()
	s.WeightDecay = 0
	l := graph.Layout{Entries: []graph.Entry{{Shape: []int{n, n}, Size: n * n}}, Size: n * n}
	g := make([]float32, n*n)
	for i := range n {
		g[i*n+(i+3)%n] = float32(math.Pow(0.75, float64(i))) // singular values from 1 to 0.013
	}
	p := make([]float32, n*n)
	shaped(t, s, p, l, kernel.Best()).Step(g)
	for i := range n {
		length := 0.0
		for _, v := range p[i*n : (i+1)*n] {
			length += float64(v) * float64(v)
		}
		if r := math.Sqrt(length) / (s.Rate * 0.2 * math.Sqrt(n)); r < 0.6 || r > 1.3 {
			t.Errorf("row %d of the move is %.2f as long as it should be", i, r)
		}
	}
}

// TestMuonIsExact: the same bits on any number of cores and after a restore.
func TestMuonIsExact(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var l graph.Layout
	for l.Size < many {
		for _, e := range layout.Entries {
			l.Entries = append(l.Entries, graph.Entry{Shape: e.Shape, Offset: l.Size, Size: e.Size})
			l.Size += e.Size
		}
	}
	var want []float32
	for _, c := range []struct{ procs, workers int }{{4, 0}, {1, 1}, {4, 2}, {4, 1}} {
		runtime.GOMAXPROCS(c.procs)
		p, base := normals(l.Size, "p"), normals(l.Size, "base")
		o := make1(t, muon(), 50, p, kernel.Best())
		o.Workers = c.workers
		o.Shape(l)
		o.Step(gradient(p, base, 0))
		again := shaped(t, muon(), p, l, kernel.Best())
		if err := again.Restore(copied(o.State())); err != nil {
			t.Fatal(err)
		}
		again.Step(gradient(p, base, 1))
		if want == nil {
			want = p
		}
		if !slices.Equal(p, want) {
			t.Errorf("other bits with GOMAXPROCS %d and %d workers", c.procs, c.workers)
		}
	}
}

func TestMuonAllocatesNothing(t *testing.T) {
	p, g := normals(layout.Size, "p"), normals(layout.Size, "g")
	o := shaped(t, muon(), p, layout, kernel.Best())
	if a := testing.AllocsPerRun(10, func() { o.Step(g) }); a != 0 {
		t.Errorf("a step allocates %v times", a)
	}
}

// Muon moves a matrix alike in the directions of large and of small gradients.
func ExampleOptimiser_Shape() {
	spec := optim.Post()
	spec.Method, spec.Rate = "muon", 0.1
	p, g := make([]float32, 8*8), make([]float32, 8*8)
	for i := range 8 {
		g[i*8+i] = float32(math.Pow(4, float64(-i)))
	}
	o, err := optim.New(spec, 100, p, kernel.Best())
	if err != nil {
		fmt.Println(err)
		return
	}
	o.Shape(graph.Layout{Entries: []graph.Entry{{Name: "w", Shape: []int{8, 8}, Size: 64}}, Size: 64})
	o.Step(g)
	fmt.Printf("gradients of %.3f and %.3f, moves of %.2f and %.2f\n", g[0], g[3*8+3], p[0], p[3*8+3])
	// Output: gradients of 1.000 and 0.016, moves of -0.04 and -0.05
}
