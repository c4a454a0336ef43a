package lap

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"laminar/tensor"
)

// optima holds small problems with the optima that scipy and POT found.
//
//go:embed testdata/optima.json
var optima []byte

func TestStoredOptima(t *testing.T) {
	var stored struct {
		Assign []struct {
			N, D       int
			X, Y       []int
			Sq, Euclid float64
		}
		Transport []struct {
			M, N int
			X, Y []int
			A, B []float64
			Cost float64
		}
	}
	if err := json.Unmarshal(optima, &stored); err != nil {
		t.Fatal(err)
	}
	points := func(units []int, n, d int) tensor.Mat {
		x := tensor.New(n, d)
		for k, v := range units {
			x.Data[k] = float32(v) / 64
		}
		return x
	}
	for _, c := range stored.Assign {
		var s Solver
		x, y := points(c.X, c.N, c.D), points(c.Y, c.N, c.D)
		match := make([]int32, c.N)
		cost := sqCosts(x.Data, y.Data, c.N, c.D) // exact in these units
		r, err := s.Assign(cost, c.N, match)
		if err != nil {
			t.Fatal(err)
		}
		checkAssign(t, fmt.Sprint("n=", c.N), cost, c.N, match, r)
		if math.Abs(r.Cost-c.Sq) > 1e-9*c.Sq {
			t.Errorf("n=%d d=%d: squared cost %v, scipy %v", c.N, c.D, r.Cost, c.Sq)
		}
		for k := range cost {
			cost[k] = float32(math.Sqrt(float64(cost[k])))
		}
		if r, err = s.Assign(cost, c.N, match); err != nil || math.Abs(r.Cost-c.Euclid) > 1e-9*c.Euclid {
			t.Errorf("n=%d d=%d: cost %v, scipy %v (%v)", c.N, c.D, r.Cost, c.Euclid, err)
		}
		if r, err = s.AssignPoints(x, y, SqEuclidean, match); err != nil || math.Abs(r.Cost-c.Sq) > 1e-5*c.Sq {
			t.Errorf("n=%d d=%d: points cost %v, scipy %v (%v)", c.N, c.D, r.Cost, c.Sq, err)
		}
	}
	for _, c := range stored.Transport {
		x, y := points(c.X, c.M, 2), points(c.Y, c.N, 2)
		cost := make([]float64, c.M*c.N)
		for i := range c.M {
			for j := range c.N {
				for k := range 2 {
					e := float64(x.At(i, k)) - float64(y.At(j, k))
					cost[i*c.N+j] += e * e
				}
			}
		}
		norm := func(w []float64) {
			var sum float64
			for _, v := range w {
				sum += v
			}
			for k := range w {
				w[k] /= sum
			}
		}
		norm(c.A)
		norm(c.B)
		p, err := Transport(cost, c.A, c.B)
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, fmt.Sprint(c.M, "x", c.N), cost, c.A, c.B, p)
		if math.Abs(p.Cost-c.Cost) > 1e-9*max(1, c.Cost) {
			t.Errorf("%dx%d: cost %v, POT %v", c.M, c.N, p.Cost, c.Cost)
		}
	}
}
