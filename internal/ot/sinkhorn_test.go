package ot

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"

	"laminar/internal/lap"
	"laminar/rng"
	"laminar/tensor"
)

// stored are problems with the answers of another library; the file names it.
type stored struct {
	Cases []struct {
		N, M       int
		Cost, A, B []float64
		Sinkhorn   []struct{ Epsilon, Cost, First float64 }
		Unbalanced []struct {
			Epsilon, Penalty, Cost, Mass float64
			Rows                         []float64
		}
		Partial []struct{ Mass, Cost float64 }
	}
}

func load(t *testing.T) (s stored) {
	t.Helper()
	b, err := os.ReadFile("testdata/pot.json")
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil || len(s.Cases) == 0 {
		t.Fatal(err)
	}
	return s
}

func floats(v []float64) (out []float32) {
	for _, x := range v {
		out = append(out, float32(x))
	}
	return out
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*max(1e-3, math.Abs(want))) {
		t.Errorf("%s = %.9g, want %.9g", what, got, want)
	}
}

func TestSinkhornAgreesWithPOT(t *testing.T) {
	var s Sinkhorn
	for _, c := range load(t).Cases {
		cost := floats(c.Cost)
		for _, w := range c.Sinkhorn {
			cfg := SinkhornDefaults(w.Epsilon)
			cfg.Tolerance, cfg.MaxIter = 1e-7, 100_000
			if _, err := s.Solve(cost, c.A, c.B, cfg); err != nil {
				t.Fatal(err)
			}
			got, mass := s.Cost()
			near(t, "cost", got, w.Cost, 1e-5)
			near(t, "mass", mass, 1, 1e-6)
			plan := make([]float32, len(cost))
			s.Plan(plan)
			near(t, "P[0,0]", float64(plan[0]), w.First, 1e-4)
		}
		for _, w := range c.Unbalanced {
			cfg := SinkhornDefaults(w.Epsilon)
			cfg.Penalty, cfg.Tolerance, cfg.MaxIter = w.Penalty, 1e-7, 100_000
			if _, err := s.Solve(cost, c.A, c.B, cfg); err != nil {
				t.Fatal(err)
			}
			got, mass := s.Cost()
			near(t, "unbalanced cost", got, w.Cost, 1e-5)
			near(t, "unbalanced mass", mass, w.Mass, 1e-5)
			plan := make([]float32, len(cost))
			s.Plan(plan)
			for i, want := range w.Rows {
				sum := 0.0
				for _, p := range plan[i*c.M : (i+1)*c.M] {
					sum += float64(p)
				}
				near(t, "row's mass", sum, want, 2e-5)
			}
		}
	}
}

// An iteration that is cut short leaves its error in the sums of the rows; those
// of the columns, scaled last, hold.
func TestSinkhornMarginals(t *testing.T) {
	c := load(t).Cases[0]
	var s Sinkhorn
	cfg := SinkhornDefaults(0.02)
	cfg.MaxIter, cfg.Tolerance = 2, 0
	res, err := s.Solve(floats(c.Cost), c.A, c.B, cfg)
	if err != nil {
		t.Fatal(err)
	}
	plan := make([]float32, len(c.Cost))
	s.Plan(plan)
	rows, cols := make([]float64, len(c.A)), make([]float64, c.M)
	for k, p := range plan {
		rows[k/c.M] += float64(p)
		cols[k%c.M] += float64(p)
	}
	off := 0.0
	for i, v := range rows {
		off += math.Abs(v - c.A[i])
	}
	if off < 1e-3 || off > res.Error {
		t.Errorf("the rows are off by %v, the error is said to be %v", off, res.Error)
	}
	for j, v := range cols {
		near(t, "column's mass", v, c.B[j], 1e-5)
	}
}

// A small epsilon does not underflow: the plan is near the exact one.
func TestSinkhornSmallEpsilon(t *testing.T) {
	c := load(t).Cases[0]
	exact, err := lap.Transport(c.Cost, c.A, c.B)
	if err != nil {
		t.Fatal(err)
	}
	var s Sinkhorn
	cfg := SinkhornDefaults(2e-3)
	cfg.MaxIter, cfg.Tolerance = 200_000, 1e-6
	res, err := s.Solve(floats(c.Cost), c.A, c.B, cfg)
	if err != nil {
		t.Fatal(err)
	}
	got, mass := s.Cost()
	near(t, "mass", mass, 1, 1e-5)
	if got < exact.Cost-1e-4 || got > exact.Cost+5e-3 {
		t.Errorf("cost %v after %d iterations, the exact one is %v", got, res.Iterations, exact.Cost)
	}
}

func TestSinkhornErrors(t *testing.T) {
	var s Sinkhorn
	one := []float64{0.5, 0.5}
	for name, err := range map[string]error{
		"shape":   second(s.Solve(make([]float32, 3), one, one, SinkhornDefaults(1))),
		"epsilon": second(s.Solve(make([]float32, 4), one, one, SinkhornDefaults(0))),
		"mass":    second(s.Solve(make([]float32, 4), []float64{1, 0}, one, SinkhornDefaults(1))),
		"sums":    second(s.Solve(make([]float32, 4), []float64{1, 1}, one, SinkhornDefaults(1))),
		"nan":     second(s.Solve([]float32{0, float32(math.NaN()), 0, 0}, one, one, SinkhornDefaults(1))),
	} {
		if want := map[bool]error{true: tensor.ErrShape, false: ErrNumber}[name == "shape"]; !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestPartialAgreesWithPOT(t *testing.T) {
	for _, c := range load(t).Cases {
		for _, w := range c.Partial {
			plan, err := Partial(c.Cost, c.A, c.B, w.Mass)
			if err != nil {
				t.Fatal(err)
			}
			var cost, mass float64
			row, col := make([]float64, c.N), make([]float64, c.M)
			for _, f := range plan.Flows {
				cost += f.Mass * c.Cost[int(f.I)*c.M+int(f.J)]
				mass += f.Mass
				row[f.I] += f.Mass
				col[f.J] += f.Mass
			}
			near(t, "partial cost", cost, w.Cost, 1e-5)
			near(t, "partial mass", mass, w.Mass, 1e-9)
			for i, v := range row {
				if v > c.A[i]*(1+1e-9) {
					t.Errorf("row %d gives %v of %v", i, v, c.A[i])
				}
			}
			for j, v := range col {
				if v > c.B[j]*(1+1e-9) {
					t.Errorf("column %d takes %v of %v", j, v, c.B[j])
				}
			}
		}
	}
	if _, err := Partial([]float64{1}, []float64{1}, []float64{1}, 1.5); !errors.Is(err, lap.ErrCost) {
		t.Error(err)
	}
}

// Whole pairs have the plan as their mean, and every row and column once.
func TestRounderKeepsThePlan(t *testing.T) {
	n := 16
	s := rng.New(5).Stream()
	cost := make([]float32, n*n)
	for k := range cost {
		cost[k] = s.Float32()
	}
	mass := make([]float64, n)
	for i := range mass {
		mass[i] = 1 / float64(n)
	}
	var sk Sinkhorn
	cfg := SinkhornDefaults(0.2)
	cfg.Tolerance = 1e-6
	if _, err := sk.Solve(cost, mass, mass, cfg); err != nil {
		t.Fatal(err)
	}
	plan := make([]float32, n*n)
	sk.Plan(plan)
	const draws = 15_000
	count := make([]float64, n*n)
	var r Rounder
	for k := range draws {
		i, j := r.Draw(nil, nil, plan, n, n, n, true, rng.New(9).At(uint64(k)))
		if len(i) != n {
			t.Fatalf("%d pairs", len(i))
		}
		var rows, cols uint
		for p := range i {
			rows |= 1 << i[p]
			cols |= 1 << j[p]
			count[int(i[p])*n+int(j[p])]++
		}
		if rows != 1<<n-1 || cols != 1<<n-1 {
			t.Fatalf("draw %d is no bijection: %v %v", k, i, j)
		}
	}
	chi := 0.0
	for k, p := range plan {
		want := draws * float64(n) * float64(p)
		chi += (count[k] - want) * (count[k] - want) / (want * (1 - float64(n)*float64(p)))
	}
	// The sum of n^2 squares of which (n-1)^2 are free; 5 deviations of that.
	if free := float64((n - 1) * (n - 1)); chi > free*256/225+5*math.Sqrt(2*free) {
		t.Errorf("chi-square %.0f of %.0f degrees of freedom", chi, free)
	}
}

// Of an uneven plan each row and column comes up as often as its mass, rounded.
func TestRounderUneven(t *testing.T) {
	n, m, count := 7, 5, 12
	s := rng.New(6).Stream()
	plan := make([]float32, n*m)
	var total float64
	for k := range plan {
		plan[k] = s.Float32() * s.Float32()
		total += float64(plan[k])
	}
	row, col := make([]float64, n), make([]float64, m)
	for k, p := range plan {
		row[k/m] += float64(p) / total * float64(count)
		col[k%m] += float64(p) / total * float64(count)
	}
	var r Rounder
	mean := make([]float64, n*m)
	const draws = 20_000
	for k := range draws {
		i, j := r.Draw(nil, nil, plan, n, m, count, false, rng.New(9).At(uint64(k)))
		if len(i) != count {
			t.Fatalf("%d pairs, want %d", len(i), count)
		}
		rows, cols := make([]float64, n), make([]float64, m)
		for p := range i {
			rows[i[p]]++
			cols[j[p]]++
			mean[int(i[p])*m+int(j[p])] += 1.0 / draws
		}
		for x, v := range rows {
			if math.Abs(v-row[x]) >= 1 {
				t.Fatalf("row %d comes up %v times, its mass is %v", x, v, row[x])
			}
		}
		for x, v := range cols {
			if math.Abs(v-col[x]) >= 1 {
				t.Fatalf("column %d comes up %v times, its mass is %v", x, v, col[x])
			}
		}
	}
	for k, p := range plan {
		if want := float64(p) / total * float64(count); math.Abs(mean[k]-want) > 0.02 {
			t.Errorf("pair %d comes up %.3f times, want %.3f", k, mean[k], want)
		}
	}
}

func TestWarmSolversAllocateNothing(t *testing.T) {
	c := load(t).Cases[1]
	cost := floats(c.Cost)
	var s Sinkhorn
	var r Rounder
	plan := make([]float32, len(cost))
	var i, j []int32
	a := make([]float64, c.N)
	for k := range a {
		a[k] = 1 / float64(c.N)
	}
	once := func() {
		if _, err := s.Solve(cost, a, a, SinkhornDefaults(0.5)); err != nil {
			t.Fatal(err)
		}
		s.Plan(plan)
		i, j = r.Draw(i[:0], j[:0], plan, c.N, c.N, c.N, true, rng.New(1))
	}
	once()
	if n := testing.AllocsPerRun(5, once); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
