package metric

import (
	"context"
	"math"
	"slices"
	"testing"

	"laminar/rng"
	"laminar/tensor"
)

func TestNearestAgainstBruteForce(t *testing.T) {
	for _, c := range []struct{ n, d, k int }{{1, 2, 1}, {13, 1, 8}, {700, 2, 32}, {500, 5, 16}, {300, 19, 8}} {
		x := gauss(c.n, rng.New(1), 1, make([]float64, c.d)...)
		for i := range c.n / 3 { // ties
			copy(x.Row(i), x.Row(c.n/2))
		}
		s := newKDTree(x).search(c.k)
		for q := c.n - 1; q >= max(0, c.n-60); q-- {
			s.find(x.Row(q))
			all := make([]float32, c.n)
			for i := range all {
				all[i] = distWithin(x.Row(q), x.Row(i), float32(math.Inf(1)))
			}
			slices.Sort(all)
			if !slices.Equal(all[:c.k], s.dist) {
				t.Fatalf("%+v, query %d: distances %v, want %v", c, q, s.dist, all[:c.k])
			}
			ids := slices.Clone(s.id)
			slices.Sort(ids)
			if len(slices.Compact(ids)) != c.k {
				t.Fatalf("%+v, query %d: a point twice in %v", c, q, s.id)
			}
		}
	}
}

func TestCrossing(t *testing.T) {
	ctx := context.Background()
	const n = 12000
	x0, x1 := gauss(n, rng.New(2), 1, 0, 0), gauss(n, rng.New(3), 1, 0, 0)
	f := must(CrossingOf(ctx, x0, x1, 1500))
	near(t, "independent Gaussians", f.Value, math.Pi/4, 0.02)
	near(t, "with 8 neighbours", f.K8, math.Pi/4, 0.025)
	near(t, "with 32 neighbours", f.K32, math.Pi/4, 0.02)

	moved := must(CrossingOf(ctx, shifted(x0, 5, 0), shifted(x1, -2, 3), 1500))
	near(t, "after a shift", moved.Value, f.Value, 1e-3)

	// A monotone map of each coordinate is optimal: its lines do not cross.
	for i, v := range x0.Data {
		x1.Data[i] = v*v*v + 2*v
	}
	near(t, "monotone map", must(CrossingOf(ctx, x0, x1, 1500)).Value, 0, 0.02)

	// x1 = -x0 sends every line through 0, yet only at t = 1/2, one time of nine.
	// There all points coincide and any 16 of them answer, hence the tolerance.
	for i, v := range x0.Data {
		x1.Data[i] = -v
	}
	near(t, "reflection", must(CrossingOf(ctx, x0, x1, 1500)).Value, 1.0/9, 0.05)

	near(t, "a constant shift", must(CrossingOf(ctx, x0, shifted(x0, 1, 1), 100)).Value, 0, 1e-3)
}

type rotation struct{ speed float64 }

func (rotation) Dim() int { return 2 }
func (r rotation) Velocity(dst, x tensor.Mat, t float64) error {
	for i := range x.N {
		dst.Row(i)[0], dst.Row(i)[1] = -float32(r.speed)*x.At(i, 1), float32(r.speed)*x.At(i, 0)
	}
	return nil
}

type constant struct{ v []float32 }

func (c constant) Dim() int { return len(c.v) }
func (c constant) Velocity(dst, x tensor.Mat, t float64) error {
	for i := range x.N {
		copy(dst.Row(i), c.v)
	}
	return nil
}

// trace solves f by Euler steps.
func trace(f interface {
	Velocity(dst, x tensor.Mat, t float64) error
}, x0 tensor.Mat, steps int,
) Trajectory {
	p := Trajectory{T: []float64{0}, Z: []tensor.Mat{x0}}
	v := tensor.New(x0.N, x0.D)
	for k := range steps {
		z := p.Z[k].Clone()
		f.Velocity(v, z, p.T[k])
		for i := range z.Data {
			z.Data[i] += v.Data[i] / float32(steps)
		}
		p.T, p.Z = append(p.T, float64(k+1)/float64(steps)), append(p.Z, z)
	}
	return p
}

func TestPathFigures(t *testing.T) {
	x := gauss(200, rng.New(4), 1, 0, 0)
	f := constant{[]float32{3, 4}}
	got := must(Path(f, trace(f, x, 10)))
	near(t, "energy of a shift", got.Energy, 25, 1e-4)
	near(t, "straightness of a shift", got.Straightness, 0, 1e-8)
	near(t, "NPE of a shift", NPE(got.Energy, must(W2(x, shifted(x, 3, 4)))), 0, 1e-5)

	// A quarter turn of the unit circle: the energy is (π/2)², the chord² is 2,
	// and straightness is their difference.
	one := tensor.Mat{N: 1, D: 2, Data: []float32{1, 0}}
	turn := rotation{math.Pi / 2}
	got = must(Path(turn, trace(turn, one, 4000)))
	near(t, "energy of a turn", got.Energy, math.Pi*math.Pi/4, 2e-3)
	near(t, "straightness of a turn", got.Straightness, math.Pi*math.Pi/4-2, 2e-3)
	near(t, "NPE of a turn", NPE(got.Energy, math.Sqrt2), math.Pi*math.Pi/8-1, 2e-3)

	if _, err := Path(f, Trajectory{T: []float64{0, 0}, Z: []tensor.Mat{x, x}}); err == nil {
		t.Error("repeated time is accepted")
	}
	if _, err := Path(f, Trajectory{T: []float64{0, 1}, Z: []tensor.Mat{x, tensor.New(3, 2)}}); err == nil {
		t.Error("states of different size are accepted")
	}
}

func BenchmarkCrossing2D(b *testing.B) {
	x0, x1 := gauss(65536, rng.New(2), 1, 0, 0), gauss(65536, rng.New(3), 1, 0, 0)
	for b.Loop() {
		must(CrossingOf(context.Background(), x0, x1, 16384))
	}
}

func BenchmarkCrossing64D(b *testing.B) {
	c := DefaultCrossing(64)
	x0, x1 := gauss(c.Triples, rng.New(2), 1, make([]float64, 64)...), gauss(c.Triples, rng.New(3), 1, make([]float64, 64)...)
	for b.Loop() {
		must(CrossingOf(context.Background(), x0, x1, c.Queries))
	}
}

func BenchmarkSlicedFine(b *testing.B) {
	x, y := gauss(50000, rng.New(2), 1, 0, 0), gauss(50000, rng.New(3), 1, 0, 0)
	dirs := Directions(2, 64, rng.New(0))
	b.Run("w2", func(b *testing.B) {
		for b.Loop() {
			must(SlicedW2(x, y, dirs))
		}
	})
	b.Run("energy", func(b *testing.B) {
		for b.Loop() {
			must(SlicedEnergy(x, y, dirs))
		}
	})
}

func BenchmarkMMD2000(b *testing.B) {
	x, y := gauss(2000, rng.New(2), 1, 0, 0), gauss(2000, rng.New(3), 1, 0, 0)
	for b.Loop() {
		must(MMD(x, y))
	}
}

func BenchmarkW2(b *testing.B) {
	x, y := gauss(2000, rng.New(2), 1, 0, 0), gauss(2000, rng.New(3), 1, 0, 0)
	for b.Loop() {
		must(W2(x, y))
	}
}
