package lap

import (
	"fmt"
	"math"
	"testing"

	"laminar/rng"
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
