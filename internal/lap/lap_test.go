package lap

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"laminar/rng"
	"laminar/tensor"
)

// moons draws n points of two half circles, with noise.
func moons(n int, key rng.Key) []float32 {
	s := key.Stream()
	x := make([]float32, 2*n)
	for i := range n {
		a := math.Cos(math.Pi * s.Float64())
		b := math.Sqrt(1 - a*a)
		if s.IntN(2) == 1 {
			a, b = 1-a, .5-b
		}
		x[2*i] = float32(a + .05*s.NormFloat64())
		x[2*i+1] = float32(b + .05*s.NormFloat64())
	}
	return x
}

func normal(n int, key rng.Key) []float32 {
	s := key.Stream()
	x := make([]float32, n)
	s.Normal(x)
	return x
}

func sqCosts(x, y []float32, n, d int) []float32 {
	c := make([]float32, n*n)
	for i := range n {
		for j := range n {
			for k := range d {
				e := x[i*d+k] - y[j*d+k]
				c[i*n+j] += float32(e * e)
			}
		}
	}
	return c
}

// problem returns the costs of Gaussian noise against moons (d = 2) or against
// a shifted Gaussian.
func problem(n, d int, key rng.Key) []float32 {
	if d == 2 {
		return sqCosts(normal(2*n, key.Split("x")), moons(n, key.Split("y")), n, 2)
	}
	y := normal(n*d, key.Split("y"))
	for i := range y {
		y[i]++
	}
	return sqCosts(normal(n*d, key.Split("x")), y, n, d)
}

// families are kinds of cost that are hard in one way or another.
var families = []struct {
	name string
	cost func(n int, key rng.Key) func(i, j int) float32
}{
	{"uniform", func(n int, key rng.Key) func(i, j int) float32 {
		s := key.Stream()
		return func(i, j int) float32 { return s.Float32() }
	}},
	{"moons", func(n int, key rng.Key) func(i, j int) float32 {
		c := problem(n, 2, key)
		return func(i, j int) float32 { return c[i*n+j] }
	}},
	{"negative", func(n int, key rng.Key) func(i, j int) float32 {
		c := problem(n, 2, key)
		return func(i, j int) float32 { return -c[i*n+j] }
	}},
	{"huge", func(n int, key rng.Key) func(i, j int) float32 {
		c := problem(n, 2, key)
		return func(i, j int) float32 { return (c[i*n+j] - 1) * 1e36 }
	}},
	{"tiny", func(n int, key rng.Key) func(i, j int) float32 {
		c := problem(n, 2, key)
		return func(i, j int) float32 { return c[i*n+j] * 1e-36 }
	}},
	{"offset 1e6", func(n int, key rng.Key) func(i, j int) float32 {
		c := problem(n, 2, key)
		return func(i, j int) float32 { return c[i*n+j] + 1e6 }
	}},
	{"all equal", func(n int, key rng.Key) func(i, j int) float32 {
		return func(i, j int) float32 { return 3 }
	}},
	{"all zero", func(n int, key rng.Key) func(i, j int) float32 {
		return func(i, j int) float32 { return 0 }
	}},
	{"rank one", func(n int, key rng.Key) func(i, j int) float32 {
		a, b := normal(n, key.Split("a")), normal(n, key.Split("b"))
		return func(i, j int) float32 { return a[i] * b[j] }
	}},
	{"product", func(n int, key rng.Key) func(i, j int) float32 {
		return func(i, j int) float32 { return float32((i + 1) * (j + 1)) }
	}},
	{"row plus column", func(n int, key rng.Key) func(i, j int) float32 {
		a, b := normal(n, key.Split("a")), normal(n, key.Split("b"))
		return func(i, j int) float32 { return a[i] + b[j] }
	}},
	{"integer grid", func(n int, key rng.Key) func(i, j int) float32 {
		s := key.Stream()
		p := make([]int, 4*n)
		for k := range p {
			p[k] = s.IntN(5)
		}
		return func(i, j int) float32 {
			x, y := p[4*i]-p[4*j+2], p[4*i+1]-p[4*j+3]
			return float32(x*x + y*y)
		}
	}},
	{"three values", func(n int, key rng.Key) func(i, j int) float32 {
		s := key.Stream()
		return func(i, j int) float32 { return float32(s.IntN(3)) - 1 }
	}},
	{"one outlier row", func(n int, key rng.Key) func(i, j int) float32 {
		c := problem(n, 2, key)
		return func(i, j int) float32 {
			if i == n/2 {
				return c[i*n+j] + 1e6
			}
			return c[i*n+j]
		}
	}},
	{"one outlier", func(n int, key rng.Key) func(i, j int) float32 {
		c := problem(n, 2, key)
		c[n*n/2] = -1e30
		return func(i, j int) float32 { return c[i*n+j] }
	}},
	{"heavy tails", func(n int, key rng.Key) func(i, j int) float32 {
		a, b := normal(n, key.Split("a")), normal(n, key.Split("b"))
		return func(i, j int) float32 { return float32(math.Exp(6 * float64(a[i]-b[j]))) }
	}},
	{"same points", func(n int, key rng.Key) func(i, j int) float32 {
		a := normal(n, key)
		return func(i, j int) float32 { return (a[i] - a[j]) * (a[i] - a[j]) }
	}},
}

func fill(n int, f func(i, j int) float32) []float32 {
	c := make([]float32, n*n)
	for i := range n {
		for j := range n {
			c[i*n+j] = f(i, j)
		}
	}
	return c
}

// checkAssign verifies an answer from its definition: a bijection, dual
// feasibility, equal primal and dual values.
func checkAssign(t *testing.T, name string, cost []float32, n int, match []int32, r Result) {
	t.Helper()
	seen := make([]bool, n)
	var primal, abs, dual float64
	lo, hi := math.Inf(1), math.Inf(-1)
	for i, j := range match {
		if j < 0 || int(j) >= n || seen[j] {
			t.Fatalf("%s: column %d of row %d is no bijection", name, j, i)
		}
		seen[j] = true
		primal += float64(cost[i*n+int(j)])
		abs += math.Abs(float64(cost[i*n+int(j)]))
		dual += r.U[i] + r.V[i]
	}
	for _, c := range cost {
		lo, hi = min(lo, float64(c)), max(hi, float64(c))
	}
	scale := max(abs, hi-lo)
	for i := range n {
		for j := range n {
			if s := float64(cost[i*n+j]) - r.U[i] - r.V[j]; s < -1e-12*scale {
				t.Fatalf("%s: duals of (%d, %d) exceed the cost by %g", name, i, j, -s)
			}
		}
	}
	if math.Abs(primal-dual) > 1e-9*scale || math.Abs(primal-r.Cost) > 1e-12*scale || r.Gap > Tolerance {
		t.Fatalf("%s: primal %v, dual %v, reported %v with gap %g", name, primal, dual, r.Cost, r.Gap)
	}
	if r.Method != Augmented {
		t.Fatalf("%s: needed the %v solver", name, r.Method)
	}
}

// brute returns the least cost over all permutations.
func brute(cost []float32, n int) float64 {
	best := math.Inf(1)
	var walk func(i, used int, sum float64)
	walk = func(i, used int, sum float64) {
		if i == n {
			best = min(best, sum)
			return
		}
		for j := range n {
			if used>>j&1 == 0 {
				walk(i+1, used|1<<j, sum+float64(cost[i*n+j]))
			}
		}
	}
	walk(0, 0, 0)
	return best
}

func TestAssignEqualsBruteForce(t *testing.T) {
	var s Solver
	for n := 1; n <= 7; n++ {
		for _, f := range families {
			for seed := range 6 {
				c := fill(n, f.cost(n, rng.New(uint64(seed)).At(uint64(n))))
				match := make([]int32, n)
				r, err := s.Assign(c, n, match)
				if err != nil {
					t.Fatal(f.name, n, err)
				}
				if want := brute(c, n); math.Abs(r.Cost-want) > 1e-9*r.Scale {
					t.Fatalf("%s n=%d seed %d: cost %v, brute force %v", f.name, n, seed, r.Cost, want)
				}
			}
		}
	}
	c := problem(8, 2, rng.New(8))
	r, err := s.Assign(c, 8, make([]int32, 8))
	if want := brute(c, 8); err != nil || math.Abs(r.Cost-want) > 1e-9*want {
		t.Fatalf("n=8: %v, want %v (%v)", r.Cost, want, err)
	}
}

func TestAssignIsCertifiedAtAllSizes(t *testing.T) {
	var s Solver
	for n := 1; n <= 140; n++ {
		if n > 70 {
			n += 22
		}
		for _, f := range families {
			c := fill(n, f.cost(n, rng.New(uint64(n))))
			match, other := make([]int32, n), make([]int32, n)
			r, err := s.Assign(c, n, match)
			name := fmt.Sprintf("%s, n=%d", f.name, n)
			if err != nil {
				t.Fatal(name, err)
			}
			checkAssign(t, name, c, n, match, r)
			if n%9 != 0 {
				continue
			}
			plain(c, n, other, make([]float64, n))
			var total float64
			for i, j := range other {
				total += float64(c[i*n+int(j)])
			}
			if math.Abs(total-r.Cost) > 1e-9*r.Scale {
				t.Fatalf("%s: %v, the plain solver finds %v", name, r.Cost, total)
			}
		}
	}
}

func TestAssignLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("64 MiB of costs")
	}
	const n = 4096
	c := problem(n, 2, rng.New(1))
	match := make([]int32, n)
	var s Solver
	r, err := s.Assign(c, n, match)
	if err != nil {
		t.Fatal(err)
	}
	checkAssign(t, "4096", c, n, match, r)
}

func TestCertificateFindsAWorseAssignment(t *testing.T) {
	const n = 12
	c := problem(n, 2, rng.New(4))
	var s Solver
	if _, err := s.Assign(c, n, make([]int32, n)); err != nil {
		t.Fatal(err)
	}
	lo, hi, _ := finite(c, n)
	s.assign[0], s.assign[1] = s.assign[1], s.assign[0]
	if r := s.certify(c, n, lo, hi); r.Gap <= Tolerance {
		t.Fatalf("two rows exchanged, yet the gap is %g", r.Gap)
	}
	equal := make([]float32, n*n) // where every pair is tight
	clear(s.v)
	s.assign[1] = s.assign[0]
	if r := s.certify(equal, n, 0, 1); r.Gap <= Tolerance {
		t.Fatalf("a column given away twice, yet the gap is %g", r.Gap)
	}
}

func TestAssignRefuses(t *testing.T) {
	var s Solver
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		for _, n := range []int{1, 9, 40} {
			c := problem(n, 2, rng.New(1))
			i, j := n/2, n-1
			c[i*n+j] = bad
			_, err := s.Assign(c, n, make([]int32, n))
			if want := fmt.Sprintf("row %d, column %d is %v", i, j, bad); !errors.Is(err, ErrCost) || !strings.Contains(err.Error(), want) {
				t.Errorf("n=%d: error %v does not say %q", n, err, want)
			}
		}
	}
	for _, bad := range [][3]int{{4, 3, 3}, {9, 3, 2}, {0, -1, 0}} {
		if _, err := s.Assign(make([]float32, bad[0]), bad[1], make([]int32, bad[2])); !errors.Is(err, tensor.ErrShape) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if r, err := s.Assign(nil, 0, nil); err != nil || r.Cost != 0 {
		t.Errorf("n=0: %v %v", r, err)
	}
}

func TestAssignPoints(t *testing.T) {
	var s Solver
	for _, d := range []int{1, 2, 3, 17} {
		for _, n := range []int{1, 5, 50, 133} {
			x0, _ := tensor.Wrap(n, d, normal(n*d, rng.New(1)))
			x1, _ := tensor.Wrap(n, d, normal(n*d, rng.New(2)))
			for _, m := range []Metric{SqEuclidean, Euclidean} {
				match, want := make([]int32, n), make([]int32, n)
				r, err := s.AssignPoints(x0, x1, m, match)
				if err != nil {
					t.Fatal(err)
				}
				got := r.Cost
				c := sqCosts(x0.Data, x1.Data, n, d)
				if m == Euclidean {
					for k := range c {
						c[k] = float32(math.Sqrt(float64(c[k])))
					}
				}
				if r, err = s.Assign(c, n, want); err != nil || math.Abs(got-r.Cost) > 1e-5*r.Cost {
					t.Fatalf("n=%d d=%d %v: cost %v, want %v (%v)", n, d, m, got, r.Cost, err)
				}
			}
		}
	}
}

// A common offset of 1e6 would leave costs without precision if it were not
// taken off first: coordinates are multiples of 1/16 there, which are exact.
func TestAssignPointsTakesOffsetOff(t *testing.T) {
	const n = 100
	x0, x1 := tensor.New(n, 2), tensor.New(n, 2)
	y0, y1 := tensor.New(n, 2), tensor.New(n, 2)
	s := rng.New(5).Stream()
	for k := range x0.Data {
		x0.Data[k], x1.Data[k] = float32(s.IntN(64))/16, float32(s.IntN(64))/16
		y0.Data[k], y1.Data[k] = x0.Data[k]+1e6, x1.Data[k]+1e6
	}
	var a Solver
	match := make([]int32, n)
	r, err := a.AssignPoints(x0, x1, SqEuclidean, match)
	if err != nil {
		t.Fatal(err)
	}
	want := r.Cost
	if r, err = a.AssignPoints(y0, y1, SqEuclidean, match); err != nil || math.Abs(r.Cost-want) > 1e-4*want {
		t.Fatalf("cost %v with the offset, %v without (%v)", r.Cost, want, err)
	}
}

func TestAssignPointsRefuses(t *testing.T) {
	var s Solver
	x := tensor.New(4, 3)
	bad := tensor.New(4, 3)
	bad.Data[7] = float32(math.Inf(1))
	if _, err := s.AssignPoints(x, bad, SqEuclidean, make([]int32, 4)); !errors.Is(err, ErrCost) || !strings.Contains(err.Error(), "x1 row 2, column 1") {
		t.Error(err)
	}
	if _, err := s.AssignPoints(x, tensor.New(4, 2), SqEuclidean, make([]int32, 4)); !errors.Is(err, tensor.ErrShape) {
		t.Error(err)
	}
	if _, err := s.AssignPoints(x, x, 7, make([]int32, 4)); !errors.Is(err, ErrCost) {
		t.Error(err)
	}
	far := tensor.New(4, 3)
	far.Data[0] = 3e30
	if _, err := s.AssignPoints(x, far, SqEuclidean, make([]int32, 4)); !errors.Is(err, ErrCost) {
		t.Error(err)
	}
	if r, err := s.AssignPoints(tensor.New(5, 0), tensor.New(5, 0), Euclidean, make([]int32, 5)); err != nil || r.Cost != 0 {
		t.Errorf("points without coordinates: %v %v", r.Cost, err)
	}
}

func TestSolverAllocatesOnce(t *testing.T) {
	const n = 100
	x0, _ := tensor.Wrap(n, 2, normal(2*n, rng.New(1)))
	x1, _ := tensor.Wrap(n, 2, moons(n, rng.New(2)))
	match := make([]int32, n)
	var s Solver
	solve := func() {
		if _, err := s.AssignPoints(x0, x1, Euclidean, match); err != nil {
			t.Fatal(err)
		}
	}
	solve()
	if a := testing.AllocsPerRun(5, solve); a != 0 {
		t.Errorf("%v allocations per solve", a)
	}
}

// A solver's past must not show in its answers.
func TestSolverKeepsNothing(t *testing.T) {
	var used Solver
	for n := 60; n > 2; n -= 7 {
		for _, f := range families {
			c := fill(n, f.cost(n, rng.New(3)))
			a, b := make([]int32, n), make([]int32, n)
			if _, err := used.Assign(c, n, a); err != nil {
				t.Fatal(err)
			}
			if _, err := new(Solver).Assign(c, n, b); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(a) != fmt.Sprint(b) {
				t.Fatalf("%s n=%d: %v after other problems, %v at first", f.name, n, a, b)
			}
		}
	}
}

func FuzzAssign(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add([]byte("costs that are letters, in a row"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := int(math.Sqrt(float64(len(b))))
		if n > 40 {
			return
		}
		c := make([]float32, n*n)
		for k := range c {
			c[k] = float32(math.Ldexp(float64(int8(b[k])>>2), int(b[k]&3)*8))
		}
		match := make([]int32, n)
		r, err := new(Solver).Assign(c, n, match)
		if err != nil {
			t.Fatal(err)
		}
		checkAssign(t, "fuzz", c, n, match, r)
	})
}

func BenchmarkAssign(b *testing.B) {
	for _, d := range []int{2, 32} {
		for _, n := range []int{256, 1024, 4096} {
			b.Run(fmt.Sprintf("%dd/%d", d, n), func(b *testing.B) {
				var costs [][]float32
				for k := range max(1, 4096/n/4) {
					costs = append(costs, problem(n, d, rng.New(uint64(k))))
				}
				benchAssign(b, costs, n)
			})
		}
	}
	for _, f := range families {
		b.Run(strings.ReplaceAll(f.name, " ", "-")+"/256", func(b *testing.B) {
			benchAssign(b, [][]float32{fill(256, f.cost(256, rng.New(1)))}, 256)
		})
	}
}

func benchAssign(b *testing.B, costs [][]float32, n int) {
	var s Solver
	match := make([]int32, n)
	k := 0
	for b.Loop() {
		if _, err := s.Assign(costs[k%len(costs)], n, match); err != nil {
			b.Fatal(err)
		}
		k++
	}
}

func BenchmarkAssignPoints(b *testing.B) {
	const n = 256
	for _, d := range []int{2, 32} {
		x0, _ := tensor.Wrap(n, d, normal(n*d, rng.New(1)))
		x1, _ := tensor.Wrap(n, d, normal(n*d, rng.New(2)))
		if d == 2 {
			x1.Data = moons(n, rng.New(2))
		}
		for _, m := range []Metric{SqEuclidean, Euclidean} {
			b.Run(fmt.Sprintf("%dd/%v/%d", d, m, n), func(b *testing.B) {
				var s Solver
				match := make([]int32, n)
				for b.Loop() {
					if _, err := s.AssignPoints(x0, x1, m, match); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
