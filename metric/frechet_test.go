package metric_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"laminar/flow"
	"laminar/metric"
	"laminar/rng"
	"laminar/tensor"
)

func ExampleFrechet() {
	x, _ := tensor.FromRows([][]float32{{0, 0}, {2, 0}, {0, 2}, {2, 2}})
	y, _ := tensor.FromRows([][]float32{{3, 0}, {5, 0}, {3, 2}, {5, 2}})
	d, err := metric.Frechet(x, y)
	fmt.Printf("%.3f %v\n", d, err)
	// Output: 9.000 <nil>
}

// shear returns n rows of A z + m, z normal.
func shear(n int, a [2][2]float64, m [2]float64, key rng.Key) tensor.Mat {
	x := tensor.New(n, 2)
	s := key.Stream()
	for i := range n {
		u, v := s.NormFloat64(), s.NormFloat64()
		for j := range 2 {
			x.Row(i)[j] = float32(a[j][0]*u + a[j][1]*v + m[j])
		}
	}
	return x
}

// TestFrechet: Gaussians that do not commute, against the closed form for two
// dimensions, tr (M)^(1/2) = (tr M + 2 det(M)^(1/2))^(1/2).
func TestFrechet(t *testing.T) {
	a, b := [2][2]float64{{1, 0.5}, {0, 2}}, [2][2]float64{{0.7, -0.3}, {1, 0.4}}
	cov := func(a [2][2]float64) (c [2][2]float64) {
		for i := range 2 {
			for j := range 2 {
				c[i][j] = a[i][0]*a[j][0] + a[i][1]*a[j][1]
			}
		}
		return c
	}
	ca, cb := cov(a), cov(b)
	tr, det := 0.0, (ca[0][0]*ca[1][1]-ca[0][1]*ca[1][0])*(cb[0][0]*cb[1][1]-cb[0][1]*cb[1][0])
	for i := range 2 {
		for j := range 2 {
			tr += ca[i][j] * cb[j][i]
		}
	}
	want := 1.0 + 4 + ca[0][0] + ca[1][1] + cb[0][0] + cb[1][1] - 2*math.Sqrt(tr+2*math.Sqrt(det))
	x := shear(200000, a, [2]float64{0, 0}, rng.New(1))
	y := shear(200000, b, [2]float64{1, -2}, rng.New(2))
	got, err := metric.Frechet(x, y)
	if err != nil || math.Abs(got-want) > 0.05 {
		t.Errorf("%v, want %v (%v)", got, want, err)
	}
	if self, err := metric.Frechet(x, x); err != nil || self > 1e-9 {
		t.Errorf("a sample lies %v from itself (%v)", self, err)
	}
	flat := tensor.New(5, 2) // no covariance at all
	if d, err := metric.Frechet(flat, flat); err != nil || d != 0 {
		t.Error(d, err)
	}
}

func TestManifold(t *testing.T) {
	normal := func(n int, scale float32, key uint64) tensor.Mat {
		x := tensor.New(n, 2)
		s := rng.New(key).Stream()
		s.Normal(x.Data)
		for i := range x.Data {
			x.Data[i] *= scale
		}
		return x
	}
	real := normal(1500, 1, 1)
	for _, c := range []struct {
		name              string
		scale             float32
		precision, recall [2]float64
	}{
		{"alike", 1, [2]float64{0.9, 1}, [2]float64{0.9, 1}},
		{"narrow", 0.2, [2]float64{0.95, 1}, [2]float64{0, 0.35}},
		{"wide", 8, [2]float64{0, 0.2}, [2]float64{0.9, 1}},
	} {
		p, r, err := metric.Manifold(normal(1500, c.scale, 2), real, 3)
		if err != nil || p < c.precision[0] || p > c.precision[1] || r < c.recall[0] || r > c.recall[1] {
			t.Errorf("%s: precision %v, recall %v (%v)", c.name, p, r, err)
		}
	}
	// Few points, by sorting all distances.
	x, y := normal(40, 0.5, 3), normal(30, 1, 4)
	share := func(x, y tensor.Mat) float64 {
		gap := func(a, b []float32) float64 {
			return math.Hypot(float64(a[0])-float64(b[0]), float64(a[1])-float64(b[1]))
		}
		in := 0
		for i := range x.N {
			for j := range y.N {
				var all []float64
				for k := range y.N {
					all = append(all, gap(y.Row(j), y.Row(k)))
				}
				slices.Sort(all)
				if gap(x.Row(i), y.Row(j)) <= all[2] { // all[0] is its own
					in++
					break
				}
			}
		}
		return float64(in) / float64(x.N)
	}
	if p, r, err := metric.Manifold(x, y, 2); err != nil || p != share(x, y) || r != share(y, x) {
		t.Errorf("precision %v, recall %v, want %v and %v (%v)", p, r, share(x, y), share(y, x), err)
	}
	if _, _, err := metric.Manifold(real, real.Rows(0, 3), 3); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
}

func TestNearest(t *testing.T) {
	x, _ := tensor.FromRows([][]float32{{0, 0}, {10, 10}})
	y, _ := tensor.FromRows([][]float32{{9, 10}, {3, 4}, {100, 0}})
	d, at, err := metric.Nearest(x, y)
	if err != nil || d[0] != 5 || at[0] != 1 || d[1] != 1 || at[1] != 0 {
		t.Error(d, at, err)
	}
}
