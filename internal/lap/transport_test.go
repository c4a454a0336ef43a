package lap

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/rng"
	"laminar/tensor"
)

// checkPlan verifies p from its definition: marginals, dual feasibility, and
// equal primal and dual values.
func checkPlan(t *testing.T, name string, cost, a, b []float64, p Plan) {
	t.Helper()
	n := len(b)
	ra, rb := make([]float64, len(a)), make([]float64, n)
	var primal, dual, total, width float64
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, f := range p.Flows {
		if !(f.Mass > 0) {
			t.Fatalf("%s: flow %v carries nothing", name, f)
		}
		ra[f.I] += f.Mass
		rb[f.J] += f.Mass
		primal += f.Mass * cost[int(f.I)*n+int(f.J)]
	}
	for i := range a {
		total += a[i]
		dual += a[i] * p.U[i]
	}
	for j := range b {
		dual += b[j] * p.V[j]
	}
	for _, c := range cost {
		lo, hi = min(lo, c), max(hi, c)
	}
	width = max(hi-lo, math.Abs(lo), math.Abs(hi))
	for i := range a {
		if math.Abs(ra[i]-a[i]) > 1e-12*total {
			t.Fatalf("%s: source %d sends %v, has %v", name, i, ra[i], a[i])
		}
		for j := range b {
			if a[i] > 0 && b[j] > 0 && cost[i*n+j]-p.U[i]-p.V[j] < -1e-9*width {
				t.Fatalf("%s: duals of (%d, %d) exceed the cost by %v", name, i, j, p.U[i]+p.V[j]-cost[i*n+j])
			}
		}
	}
	for j := range b {
		if math.Abs(rb[j]-b[j]) > 1e-12*total {
			t.Fatalf("%s: sink %d gets %v, wants %v", name, j, rb[j], b[j])
		}
	}
	if math.Abs(primal-dual) > 1e-9*total*width || math.Abs(primal-p.Cost) > 1e-12*total*width {
		t.Fatalf("%s: primal %v, dual %v, reported %v", name, primal, dual, p.Cost)
	}
	if len(p.Flows) > len(a)+n-1 {
		t.Fatalf("%s: %d flows", name, len(p.Flows))
	}
}

func TestTransport(t *testing.T) {
	for seed := range 400 {
		s := rng.New(uint64(seed)).Stream()
		m, n := 1+s.IntN(30), 1+s.IntN(30)
		if seed%5 == 0 {
			n = m
		}
		cost, a, b := make([]float64, m*n), make([]float64, m), make([]float64, n)
		for k := range cost {
			cost[k] = s.NormFloat64()
			if seed%2 == 0 {
				cost[k] = float64(s.IntN(4))
			}
		}
		weights := func(w []float64, kind int) {
			var sum float64
			for i := range w {
				w[i] = 1
				switch kind {
				case 1:
					w[i] = s.Float64()
				case 2:
					w[i] = float64(s.IntN(3)) // some are zero
				}
				sum += w[i]
			}
			if sum == 0 {
				w[0], sum = 1, 1
			}
			for i := range w {
				w[i] /= sum
			}
		}
		weights(a, seed%3)
		weights(b, seed/3%3)
		p, err := Transport(cost, a, b)
		if err != nil {
			t.Fatal(seed, err)
		}
		checkPlan(t, fmt.Sprint("seed ", seed), cost, a, b, p)
	}
}

func TestTransportRefuses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		cost, a, b []float64
		want       error
		say        string
	}{
		{[]float64{1, 2}, []float64{1}, []float64{1}, tensor.ErrShape, "want 1"},
		{[]float64{1, nan}, []float64{1}, []float64{.5, .5}, ErrCost, "row 0, column 1 is NaN"},
		{[]float64{1, inf}, []float64{.5, .5}, []float64{1}, ErrCost, "row 1, column 0 is +Inf"},
		{[]float64{1, 2}, []float64{1}, []float64{2, -1}, ErrCost, "sink 1 is -1"},
		{[]float64{1, 2}, []float64{nan}, []float64{1, 0}, ErrCost, "source 0 is NaN"},
		{[]float64{1, 2}, []float64{inf}, []float64{1, 0}, ErrCost, "source 0 is +Inf"},
		{[]float64{1, 2}, []float64{1}, []float64{.5, .4}, ErrCost, "must be equal"},
		{[]float64{1, 2}, []float64{1}, []float64{0, 0}, ErrCost, "total mass of the sinks is 0"},
		{nil, []float64{1}, nil, ErrCost, "total mass of the sinks is 0"},
	} {
		if _, err := Transport(c.cost, c.a, c.b); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%v %v %v: error %v, want %q", c.cost, c.a, c.b, err, c.say)
		}
	}
	if p, err := Transport(nil, nil, nil); err != nil || len(p.Flows) != 0 {
		t.Errorf("nothing to nothing: %v %v", p, err)
	}
}

// Whatever the order of the points, masses and ties, the value is the same.
func TestTransportOfSplitPoints(t *testing.T) {
	const n = 40
	x, y := normal(2*n, rng.New(1)), moons(n, rng.New(2))
	c32 := sqCosts(x, y, n, 2)
	whole, split := make([]float64, n*n), make([]float64, n*3*n)
	a, b, b3 := make([]float64, n), make([]float64, n), make([]float64, 3*n)
	for i := range n {
		a[i], b[i] = 2, 2
		for j := range n {
			whole[i*n+j] = float64(c32[i*n+j])
			for k := range 3 { // each sink as three of mass 1/2, 3/2 and 0
				split[i*3*n+k*n+j] = whole[i*n+j]
				b3[k*n+j] = []float64{.5, 1.5, 0}[k]
			}
		}
	}
	p, err := Transport(whole, a, b)
	if err != nil {
		t.Fatal(err)
	}
	checkPlan(t, "whole", whole, a, b, p)
	q, err := Transport(split, a, b3)
	if err != nil {
		t.Fatal(err)
	}
	checkPlan(t, "split", split, a, b3, q)
	if math.Abs(p.Cost-q.Cost) > 1e-9*p.Cost {
		t.Errorf("cost %v, with split sinks %v", p.Cost, q.Cost)
	}
}

func TestTransportFamilies(t *testing.T) {
	const n = 60
	for _, f := range families {
		c32 := fill(n, f.cost(n, rng.New(9)))
		for _, m := range []int{n, n - 13} { // the assignment, the simplex
			cost := make([]float64, m*n)
			for k := range cost {
				cost[k] = float64(c32[k])
			}
			a, b := make([]float64, m), make([]float64, n)
			for i := range a {
				a[i] = 1 / float64(m)
			}
			for j := range b {
				b[j] = 1 / float64(n)
			}
			p, err := Transport(cost, a, b)
			if err != nil {
				t.Fatal(f.name, err)
			}
			checkPlan(t, f.name, cost, a, b, p)
		}
	}
}

// Ties in the masses make most pivots degenerate. After each one the tree must
// span all nodes, carry the masses, and have mass on every arc that points down;
// without the last the simplex could go in circles.
func TestTreeStaysStronglyFeasible(t *testing.T) {
	for seed := range 60 {
		s := rng.New(uint64(seed)).Stream()
		m, n := 1+s.IntN(12), 1+s.IntN(12)
		cost := make([]float64, m*n)
		for k := range cost {
			cost[k] = float64(s.IntN(5))
		}
		a, b := make([]int64, m), make([]int64, n)
		for i := range a {
			a[i] = int64(n)
		}
		for j := range b {
			b[j] = int64(m)
		}
		tr := tree{cost: cost, m: m, n: n, width: 4}
		tr.start(slices.Clone(a), slices.Clone(b))
		for step := 0; ; step++ {
			sum := append(slices.Clone(a), b...)
			for x, p := range tr.parent {
				if int32(x) == tr.root {
					continue
				}
				if tr.flow[x] < 0 || x >= m && tr.flow[x] == 0 {
					t.Fatalf("seed %d step %d: node %d of %d+%d has %d on its arc", seed, step, x, m, n, tr.flow[x])
				}
				if tr.depth[x] != tr.depth[p]+1 {
					t.Fatalf("seed %d step %d: node %d at depth %d below %d", seed, step, x, tr.depth[x], tr.depth[p])
				}
				sum[x] -= tr.flow[x]
				sum[p] -= tr.flow[x]
			}
			for x, left := range sum {
				if left != 0 {
					t.Fatalf("seed %d step %d: node %d keeps %d", seed, step, x, left)
				}
			}
			i, j := tr.entering()
			if i < 0 {
				break
			}
			if step > 10000 {
				t.Fatalf("seed %d: no end", seed)
			}
			tr.pivot(i, j)
		}
	}
}

func FuzzTransport(f *testing.F) {
	f.Add(uint8(3), []byte{1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add(uint8(1), []byte{0, 1, 0, 1, 1})
	f.Fuzz(func(t *testing.T, size uint8, bytes []byte) {
		m := 1 + int(size)%12
		n := (len(bytes) - m) / (m + 1)
		if n < 1 || n > 30 {
			return
		}
		at := func(k int) float64 { return float64(bytes[k] % 16) }
		a, b, cost := make([]float64, m), make([]float64, n), make([]float64, m*n)
		var sa, sb float64
		for i := range a {
			a[i] = at(i)
			sa += a[i]
		}
		for j := range b {
			b[j] = at(m + j)
			sb += b[j]
		}
		if sa == 0 || sb == 0 {
			return
		}
		for i := range a {
			a[i] *= sb
		}
		for j := range b {
			b[j] *= sa
		}
		for k := range cost {
			cost[k] = float64(int8(bytes[m+n+k]))
		}
		p, err := Transport(cost, a, b)
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, "fuzz", cost, a, b, p)
	})
}

func BenchmarkTransport(b *testing.B) {
	for _, size := range [][2]int{{256, 300}, {1000, 1500}, {2000, 2001}} {
		m, n := size[0], size[1]
		x, y := normal(2*m, rng.New(1)), moons(n, rng.New(2))
		cost, wa, wb := make([]float64, m*n), make([]float64, m), make([]float64, n)
		for i := range wa {
			wa[i] = 1 / float64(m)
			for j := range wb {
				wb[j] = 1 / float64(n)
				dx, dy := float64(x[2*i]-y[2*j]), float64(x[2*i+1]-y[2*j+1])
				cost[i*n+j] = dx*dx + dy*dy
			}
		}
		b.Run(fmt.Sprintf("%dx%d", m, n), func(b *testing.B) {
			for b.Loop() {
				if _, err := Transport(cost, wa, wb); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
