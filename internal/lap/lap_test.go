package lap

import (
	"fmt"
	"math"
	"testing"

	"laminar/rng"
)

// moons draws n points of two half circles, with noise.
func moons(n int, key rng.Key) []float32 {
	s := key.Stream()
	x := make([]float32, 2*n)
	for i := 0; i < n; i++ {
		a, b := math.Cos(math.Pi*s.Float64()), 0.0
		b = math.Sqrt(1 - a*a)
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
	for i := 0; i < n; i++ {
		for j := 0; j < n; j++ {
			var t float32
			for k := 0; k < d; k++ {
				e := x[i*d+k] - y[j*d+k]
				t += e * e
			}
			c[i*n+j] = t
		}
	}
	return c
}

func benchCosts(n, d int, key rng.Key) []float32 {
	if d == 2 {
		return sqCosts(normal(2*n, key.Split("x")), moons(n, key.Split("y")), n, 2)
	}
	y := normal(n*d, key.Split("y"))
	for i := range y {
		y[i]++
	}
	return sqCosts(normal(n*d, key.Split("x")), y, n, d)
}

func BenchmarkAssign(b *testing.B) {
	for _, d := range []int{2, 32} {
		for _, n := range []int{256, 1024, 4096} {
			b.Run(fmt.Sprintf("%dd/%d", d, n), func(b *testing.B) {
				const problems = 4
				var cost [problems][]float32
				for k := range cost {
					if n == 4096 && k > 0 {
						cost[k] = cost[0]
						continue
					}
					cost[k] = benchCosts(n, d, rng.New(uint64(k)))
				}
				var s Solver
				p := make([]int32, n)
				k := 0
				for b.Loop() {
					if _, err := s.Assign(cost[k%problems], n, p); err != nil {
						b.Fatal(err)
					}
					k++
				}
			})
		}
	}
}

func TestPlainAgrees(t *testing.T) {
	for n := 1; n < 70; n++ {
		c := benchCosts(n, 2, rng.New(uint64(n)))
		var s Solver
		p := make([]int32, n)
		res, err := s.Assign(c, n, p)
		if err != nil {
			t.Fatal(n, err)
		}
		q := make([]int32, n)
		plain(c, n, q, make([]float64, n))
		var total float64
		for i := range q {
			total += float64(c[i*n+int(q[i])])
		}
		if math.Abs(total-res.Cost) > 1e-9*total || res.Method == Plain {
			t.Fatalf("n=%d: %v, plain %v (%v)", n, res.Cost, total, res.Method)
		}
	}
}
