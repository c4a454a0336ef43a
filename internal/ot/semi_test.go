package ot

import (
	"context"
	"errors"
	"math"
	"testing"

	"laminar/rng"
	"laminar/tensor"
)

// ring is m points about an ellipse, in d dimensions.
func ring(m, d int, key rng.Key) tensor.Mat {
	y := tensor.New(m, d)
	s := key.Stream()
	s.Normal(y.Data)
	for i := range m {
		a := 2 * math.Pi * s.Float64()
		y.Row(i)[0] = 0.1*y.Row(i)[0] + float32(2*math.Cos(a))
		y.Row(i)[1] = 0.1*y.Row(i)[1] + float32(math.Sin(a))
	}
	return y
}

func noise(dst tensor.Mat, key rng.Key) error {
	s := key.Stream()
	s.Normal(dst.Data)
	return nil
}

// The tree and the product find what looking at all points finds.
func TestCellsFindTheLeast(t *testing.T) {
	for _, d := range []int{1, 2, 5, 10, 11, 40} {
		y := tensor.New(700, d)
		x := tensor.New(300, d)
		s := rng.New(uint64(d)).Stream()
		s.Normal(y.Data)
		s.Normal(x.Data)
		g := make([]float32, y.N)
		s.Normal(g)
		c := NewCells(y, nil)
		c.SetPotentials(g)
		cell, value, margin := make([]int32, x.N), make([]float32, x.N), make([]float32, x.N)
		var search Search
		search.Find(c, x, cell, value, margin)
		for i := range x.N {
			best, second := math.Inf(1), math.Inf(1)
			cost := func(j int) float64 {
				v := -float64(g[j])
				for k, a := range x.Row(i) {
					e := float64(a) - float64(y.At(j, k))
					v += e * e
				}
				return v
			}
			for j := range y.N {
				if v := cost(j); v < best {
					best, second = v, best
				} else if v < second {
					second = v
				}
			}
			tol := 1e-5 * (10 + float64(d))
			if got := cost(int(cell[i])); got > best+tol || math.Abs(float64(value[i])-best) > tol || math.Abs(float64(margin[i])-(second-best)) > tol {
				t.Fatalf("%d dimensions, row %d: cell of cost %v, value %v and margin %v; the least is %v, the second %v", d, i, got, value[i], margin[i], best, second)
			}
		}
	}
}

// On the line the optimal map is monotone: the cells of m points are the m
// intervals of equal probability, whose ends the potentials must give.
func TestLearnOnTheLine(t *testing.T) {
	m := 16
	y := tensor.New(m, 1)
	for j := range m {
		y.Data[j] = float32(j*j) / 20
	}
	c := NewCells(y, nil)
	cfg := LearnDefaults()
	cfg.Tolerance = 5e-4
	l, err := c.Learn(context.Background(), noise, rng.New(1), cfg)
	if err != nil {
		t.Fatal(err)
	}
	g := c.Potentials()
	for j := range m - 1 {
		// (x-y0)^2 - g0 = (x-y1)^2 - g1
		y0, y1 := float64(y.Data[j]), float64(y.Data[j+1])
		end := (y1*y1 - y0*y0 + float64(g[j]-g[j+1])) / (2 * (y1 - y0))
		if p, want := 0.5*math.Erfc(-end/math.Sqrt2), float64(j+1)/float64(m); math.Abs(p-want) > 0.015 {
			t.Errorf("the first %d cells hold %.4f, want %.4f (chi-square %.2g)", j+1, p, want, l.ChiSquare)
		}
	}
}

func TestLearnChiSquare(t *testing.T) {
	for _, d := range []int{2, 12} {
		c := NewCells(ring(300, d, rng.New(3)), nil)
		l, err := c.Learn(context.Background(), noise, rng.New(1), LearnDefaults())
		if err != nil || l.ChiSquare > 1e-2 {
			t.Fatalf("%d dimensions: chi-square %v, %v", d, l.ChiSquare, err)
		}
		// Counted anew, on draws of its own.
		x := tensor.New(300_000, d)
		if err := noise(x, rng.New(77)); err != nil {
			t.Fatal(err)
		}
		cell, count := make([]int32, x.N), make([]float64, 300)
		new(Search).Find(c, x, cell, nil, nil)
		for _, j := range cell {
			count[j]++
		}
		chi := -300.0 / float64(x.N) // what chance alone adds
		for _, n := range count {
			e := n*300/float64(x.N) - 1
			chi += e * e / 300
		}
		if chi > 1e-2 {
			t.Errorf("%d dimensions: chi-square of shares counted anew %v, told %v", d, chi, l.ChiSquare)
		}
	}
}

func TestLearnStops(t *testing.T) {
	c := NewCells(ring(50, 2, rng.New(3)), nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Learn(ctx, noise, rng.New(1), LearnDefaults()); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	if _, err := c.Learn(context.Background(), noise, rng.New(1), LearnConfig{}); !errors.Is(err, ErrNumber) {
		t.Errorf("err = %v", err)
	}
}
