package solve_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/rng"
	"laminar/solve"
	"laminar/tensor"
)

var bg = context.Background()

// rows is a field given row by row.
type rows[T tensor.Float] struct {
	dim   int
	f     func(dst, x []T, t float64)
	calls *int // calls of Velocity
	evals *int // rows evaluated
}

func (f rows[T]) Dim() int { return f.dim }

func (f rows[T]) Velocity(dst, x tensor.Matrix[T], t float64) error {
	if f.calls != nil {
		*f.calls++
		*f.evals += x.N
	}
	for i := range x.N {
		f.f(dst.Row(i), x.Row(i), t)
	}
	return nil
}

// timed is a rows that can take a time per row.
type timed[T tensor.Float] struct{ rows[T] }

func (f timed[T]) VelocityAt(dst, x tensor.Matrix[T], t []float64, _ []int32) error {
	if f.calls != nil {
		*f.calls++
		*f.evals += x.N
	}
	for i := range x.N {
		f.f(dst.Row(i), x.Row(i), t[i])
	}
	return nil
}

// A nonlinear, time-dependent problem with a known solution:
// x = 1/(1+t^2) solves x' = -2 t x^2, y = exp(sin t) solves y' = y cos t, and
// z = x y solves z' = z (cos t - 2 t x).
func nonlinear(dst, x []float64, t float64) {
	dst[0] = -2 * t * x[0] * x[0]
	dst[1] = x[1] * math.Cos(t)
	dst[2] = x[2] * (math.Cos(t) - 2*t*x[0])
}

func solution(t float64) []float64 { return solutionOf(1, t) }

// solutionOf is the one with x = 1/(c+t^2).
func solutionOf(c, t float64) []float64 {
	x, y := 1/(c+t*t), math.Exp(math.Sin(t))
	return []float64{x, y, x * y}
}

// plain are the methods that need nothing but a velocity.
func plain() (out []*solve.Method) {
	for _, m := range solve.Catalogue() {
		if !m.Scheduled && m.Kind != solve.Jump {
			out = append(out, m)
		}
	}
	return out
}

func matrix[T tensor.Float](t testing.TB, r ...[]T) tensor.Matrix[T] {
	m, err := tensor.FromRows(r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func solver[T tensor.Float](t testing.TB, c solve.Config) *solve.Solver[T] {
	s, err := solve.New[T](c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func gap(a, b []float64) float64 {
	worst := 0.0
	for i := range a {
		worst = max(worst, math.Abs(a[i]-b[i]))
	}
	return worst
}

// family holds solutions whose errors change sign at different times, so that
// their mean does not.
func family(t testing.TB, at float64) tensor.Matrix[float64] {
	var r [][]float64
	for c := 0.6; c < 2; c += 0.2 {
		r = append(r, solutionOf(c, at))
	}
	return matrix(t, r...)
}

func distance(a, b []float64) float64 {
	var sum float64
	for i := range a {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return math.Sqrt(sum)
}

// The slope of log error against log step is the order, in both directions.
func TestOrderSlopes(t *testing.T) {
	f := rows[float64]{dim: 3, f: nonlinear}
	for _, m := range plain() {
		for _, span := range [][2]float64{{0, 1.5}, {1.5, 0}} {
			var sx, sy, sxx, sxy, n float64
			first := 16
			if m.Order >= 5 {
				first = 90
			}
			for k := range 5 {
				steps := first << k
				if m.Order >= 5 {
					steps = first + 30*k
				}
				x, want := family(t, span[0]), family(t, span[1])
				s := solver[float64](t, solve.Config{Method: m.Name, Steps: steps})
				if _, err := s.Solve(bg, f, x, span[0], span[1]); err != nil {
					t.Fatal(err)
				}
				lh, le := -math.Log(float64(steps)), math.Log(distance(x.Data, want.Data))
				sx, sy, sxx, sxy, n = sx+lh, sy+le, sxx+lh*lh, sxy+lh*le, n+1
			}
			slope := (n*sxy - sx*sy) / (n*sxx - sx*sx)
			if math.Abs(slope-float64(m.Order)) > 0.3 {
				t.Errorf("%s from %v to %v: order %.2f, want %d", m.Name, span[0], span[1], slope, m.Order)
			}
		}
	}
}

// An uneven grid is followed as given.
func TestGrid(t *testing.T) {
	f := rows[float64]{dim: 3, f: nonlinear}
	grid := []float64{0, 0.1, 0.15, 0.5, 0.8, 1}
	s := solver[float64](t, solve.Config{Method: "rk4", Grid: grid})
	x := matrix(t, solution(1))
	var seen []float64
	for p, err := range s.Trajectory(bg, f, x, 1, -0.5) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, p.T)
		if d := gap(p.X.Row(0), solution(p.T)); d > 2e-3 {
			t.Errorf("off by %g at %g", d, p.T)
		}
	}
	for i, g := range grid {
		if len(seen) != len(grid) || math.Abs(seen[i]-(1-1.5*g)) > 1e-12 {
			t.Fatalf("stopped at %v", seen)
		}
	}
	if seen[5] != -0.5 || s.Stats().MaxNFE != 20 {
		t.Errorf("ended at %v with %+v", seen[5], s.Stats())
	}
}

// The last time is t1 itself, not what rounding makes of t0 + (t1 - t0).
func TestEndIsExact(t *testing.T) {
	for _, cfg := range []solve.Config{{Method: "euler", Grid: solve.Uniform(3)}, {Method: "euler", Steps: 3}} {
		last := 0.0
		for p, err := range solver[float64](t, cfg).Trajectory(bg, rows[float64]{dim: 3, f: nonlinear}, matrix(t, solution(1)), 1, 0.1) {
			if err != nil {
				t.Fatal(err)
			}
			last = p.T
		}
		if last != 0.1 {
			t.Errorf("ended at %v", last)
		}
	}
}

func TestAdaptiveMeetsTolerance(t *testing.T) {
	for _, name := range []string{"bosh3", "dopri5", "tsit5"} {
		for _, span := range [][2]float64{{0, 3}, {3, 0}} {
			cfg := solve.Config{Method: name, Adaptive: true, RTol: 1e-7, ATol: 1e-7, MaxSteps: 5000}
			x := matrix(t, solution(span[0]))
			var calls, evals int
			st, err := solver[float64](t, cfg).Solve(bg, timed[float64]{rows[float64]{3, nonlinear, &calls, &evals}}, x, span[0], span[1])
			if err != nil {
				t.Fatal(err)
			}
			if d := gap(x.Row(0), solution(span[1])); d > 2e-5 || d == 0 {
				t.Errorf("%s %v: off by %g with %+v", name, span, d, st)
			}
			if st.MaxNFE != evals || st.NFE != float64(evals) {
				t.Errorf("%s: reports %+v for %d evaluations", name, st, evals)
			}
			m, _ := solve.Named(name)
			if want := 2 + (st.Steps+st.Rejected)*float64(m.StageCount()); st.NFE != want {
				t.Errorf("%s: %v evaluations, want %v (first same as last)", name, st.NFE, want)
			}
			if name != "bosh3" && (st.MaxNFE > 500 || st.Rejected > st.Steps/3) {
				t.Errorf("%s needs %+v", name, st)
			}
		}
	}
}

// A tighter tolerance gives a smaller error.
func TestToleranceProportional(t *testing.T) {
	f := timed[float64]{rows[float64]{dim: 3, f: nonlinear}}
	last := 1.0
	for _, tol := range []float64{1e-3, 1e-5, 1e-7, 1e-9} {
		x := matrix(t, solution(0))
		if _, err := solver[float64](t, solve.Config{Method: "tsit5", Adaptive: true, RTol: tol, ATol: tol, MaxSteps: 9999}).Solve(bg, f, x, 0, 2); err != nil {
			t.Fatal(err)
		}
		d := gap(x.Row(0), solution(2))
		if d > last/5 || d > 100*tol {
			t.Errorf("tolerance %g: error %g after %g", tol, d, last)
		}
		last = d
	}
}

// curl is a field of unequal difficulty: some rows need far more steps.
func curl(dst, x []float32, t float64) {
	r := x[0]*x[0] + x[1]*x[1]
	w := 1 + 8*r/(2+r)
	dst[0] = -w*x[1] + float32(math.Sin(5*t))
	dst[1] = w * x[0]
}

func normal(n, d int, seed uint64) tensor.Mat {
	x := tensor.New(n, d)
	for i := range n {
		s := rng.New(seed).At(uint64(i)).Stream()
		s.Normal(x.Row(i))
	}
	return x
}

// A row's bits do not depend on the other rows: alone, in sevens, all at once;
// and not on whether the field takes a time per row.
func TestRowIndependence(t *testing.T) {
	const n = 2000
	fields := map[string]flow.Field{"timed": timed[float32]{rows[float32]{dim: 2, f: curl}}, "plain": rows[float32]{dim: 2, f: curl}}
	configs := []solve.Config{
		{Method: "tsit5", Adaptive: true, RTol: 1e-3, ATol: 1e-3, MaxSteps: 1000},
		{Method: "bosh3", Adaptive: true, RTol: 1e-2, ATol: 1e-2, MaxSteps: 1000, Grid: []float64{0, 0.3, 1}},
	}
	for _, m := range plain() {
		configs = append(configs, solve.Config{Method: m.Name, Steps: 5})
	}
	for _, cfg := range configs {
		start := normal(n, 2, 3)
		whole := start.Clone()
		st, err := solver[float32](t, cfg).Solve(bg, fields["timed"], whole, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Adaptive && !(float64(st.MaxNFE) > 1.3*st.NFE) {
			t.Errorf("%s: rows should differ in cost: %+v", cfg.Method, st)
		}
		for _, chunk := range []int{1, 7, n} {
			name := "timed"
			if chunk == n || chunk == 7 && cfg.Adaptive {
				name = "plain"
			}
			s := solver[float32](t, cfg)
			for lo := 0; lo < n; lo += chunk {
				if chunk == 1 && lo > 100 {
					break
				}
				part := start.Rows(lo, min(lo+chunk, n)).Clone()
				if _, err := s.Solve(bg, fields[name], part, 0, 1); err != nil {
					t.Fatal(err)
				}
				for i, v := range part.Data {
					if w := whole.Data[lo*2+i]; v != w {
						t.Fatalf("%s adaptive=%v, chunks of %d: row %d is %v, among all %v", cfg.Method, cfg.Adaptive, chunk, lo+i/2, v, w)
					}
				}
			}
		}
	}
}

func TestForwardBackward(t *testing.T) {
	for _, cfg := range []solve.Config{
		{Method: "rk4", Steps: 200},
		{Method: "dopri5", NFE: 300},
		{Method: "tsit5", Adaptive: true, RTol: 1e-8, ATol: 1e-8, MaxSteps: 1000},
	} {
		f := rows[float64]{dim: 2, f: func(dst, x []float64, t float64) { dst[0], dst[1] = -x[1]+math.Sin(5*t), x[0]*(1+t) }}
		start := tensor.Convert[float64](normal(20, 2, 4))
		x := start.Clone()
		s := solver[float64](t, cfg)
		for _, span := range [][2]float64{{0, 1}, {1, 0}} {
			if _, err := s.Solve(bg, f, x, span[0], span[1]); err != nil {
				t.Fatal(err)
			}
			if span[1] == 1 && gap(x.Data, start.Data) < 0.1 {
				t.Error("nothing moved")
			}
		}
		if d := gap(x.Data, start.Data); d > 1e-6 {
			t.Errorf("%s: round trip is off by %g", cfg.Method, d)
		}
	}
}

// NFE counts what the field really did, in every method.
func TestFixedNFE(t *testing.T) {
	for _, m := range plain() {
		var calls, evals int
		f := rows[float64]{3, nonlinear, &calls, &evals}
		x := matrix(t, solution(0), solution(0))
		nfe := 12
		st, err := solver[float64](t, solve.Config{Method: m.Name, NFE: nfe}).Solve(bg, f, x, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if calls != nfe || st.MaxNFE != nfe || st.NFE != float64(nfe) || st.Steps != float64(nfe/m.StageCount()) {
			t.Errorf("%s: %d calls, %+v", m.Name, calls, st)
		}
	}
}

type costly struct{ rows[float64] }

func (costly) Evaluations() int { return 2 }

func TestCostedField(t *testing.T) {
	f := costly{rows[float64]{dim: 3, f: nonlinear}}
	st, err := solver[float64](t, solve.Config{Method: "heun", NFE: 8}).Solve(bg, f, matrix(t, solution(0)), 0, 1)
	if err != nil || st.Steps != 2 || st.MaxNFE != 8 {
		t.Errorf("%+v, %v", st, err)
	}
	_, err = solver[float64](t, solve.Config{Method: "heun", NFE: 6}).Solve(bg, f, matrix(t, solution(0)), 0, 1)
	if !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "use 4 or 8") {
		t.Error(err)
	}
}

func TestFailures(t *testing.T) {
	blow := rows[float64]{dim: 1, f: func(dst, x []float64, t float64) {
		dst[0] = 1
		if x[0] >= 5.25 {
			dst[0] = math.Inf(1)
		}
	}}
	// Row 1 meets an infinity; row 0 does not.
	fixed := solver[float64](t, solve.Config{Method: "euler", Steps: 10})
	_, err := fixed.Solve(bg, blow, matrix(t, []float64{0}, []float64{5}), 0, 1)
	if !errors.Is(err, flow.ErrDiverged) || !strings.Contains(err.Error(), "row 1") || !strings.Contains(err.Error(), "t=0.4") {
		t.Error(err)
	}
	cfg := solve.Config{Method: "tsit5", Adaptive: true, RTol: 1e-4, ATol: 1e-4, MaxSteps: 1000}
	_, err = solver[float64](t, cfg).Solve(bg, blow, matrix(t, []float64{0}, []float64{5}), 0, 1)
	if !errors.Is(err, flow.ErrDiverged) || !strings.Contains(err.Error(), "row 1 at t=0.25") {
		t.Error(err)
	}
	_, err = solver[float64](t, cfg).Solve(bg, blow, matrix(t, []float64{0}, []float64{math.NaN()}), 0, 1)
	if !errors.Is(err, flow.ErrDiverged) || !strings.Contains(err.Error(), "row 1 ") {
		t.Error(err)
	}
	cfg.MaxSteps, cfg.RTol, cfg.ATol = 5, 1e-12, 1e-12
	_, err = solver[float64](t, cfg).Solve(bg, rows[float64]{dim: 3, f: nonlinear}, matrix(t, solution(0)), 0, 1)
	if !errors.Is(err, flow.ErrDiverged) || !strings.Contains(err.Error(), "max_steps=5") {
		t.Error(err)
	}
	if _, err := fixed.Solve(bg, blow, tensor.NewOf[float64](3, 2), 0, 1); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
	if _, err := fixed.Solve(bg, blow, tensor.NewOf[float64](3, 1), 0, math.NaN()); !errors.Is(err, flow.ErrConfig) {
		t.Error(err)
	}
	own := errors.New("own")
	if _, err := fixed.Solve(bg, failing{own}, tensor.NewOf[float64](3, 1), 0, 1); !errors.Is(err, own) {
		t.Error(err)
	}
	if st, err := fixed.Solve(bg, blow, tensor.NewOf[float64](0, 1), 0, 1); err != nil || st.MaxNFE != 0 {
		t.Error(st, err)
	}
}

type failing struct{ err error }

func (failing) Dim() int                                                { return 1 }
func (f failing) Velocity(_, _ tensor.Matrix[float64], _ float64) error { return f.err }

// An overflow of the step itself is caught, though its error estimate is small.
func TestOverflow(t *testing.T) {
	f := rows[float32]{dim: 1, f: func(dst, x []float32, t float64) { dst[0] = 3e38 }}
	cfg := solve.Config{Method: "tsit5", Adaptive: true, RTol: 1e-3, ATol: 1e-3, MaxSteps: 1000}
	if _, err := solver[float32](t, cfg).Solve(bg, f, matrix(t, []float32{2e38}), 0, 1); !errors.Is(err, flow.ErrDiverged) {
		t.Error(err)
	}
}

// A step cut short to land on the grid does not shorten the steps after it.
func TestShortGridInterval(t *testing.T) {
	steps := func(grid ...float64) float64 {
		cfg := solve.Config{Method: "tsit5", Adaptive: true, RTol: 1e-6, ATol: 1e-6, MaxSteps: 1000, Grid: grid}
		st, err := solver[float64](t, cfg).Solve(bg, rows[float64]{dim: 3, f: nonlinear}, matrix(t, solution(0)), 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		return st.Steps + st.Rejected
	}
	if a, b := steps(0, 0.5, 1), steps(0, 0.5, 0.500001, 1); b > a+1 {
		t.Errorf("%v steps, %v with a short interval between", a, b)
	}
}

// A discontinuity in time is stepped over, not a failure.
func TestKink(t *testing.T) {
	f := timed[float64]{rows[float64]{dim: 1, f: func(dst, x []float64, t float64) {
		dst[0] = 1
		if t > 0.37 {
			dst[0] = -20
		}
	}}}
	x := matrix(t, []float64{0})
	st, err := solver[float64](t, solve.Config{Method: "dopri5", Adaptive: true, RTol: 1e-6, ATol: 1e-6, MaxSteps: 1000}).Solve(bg, f, x, 0, 1)
	if err != nil || math.Abs(x.Data[0]-(0.37-20*0.63)) > 1e-4 || st.Rejected == 0 {
		t.Errorf("%v, %+v, %v", x.Data[0], st, err)
	}
}

func TestCancelAndBreak(t *testing.T) {
	for _, cfg := range []solve.Config{
		{Method: "euler", Steps: 100},
		{Method: "tsit5", Adaptive: true, RTol: 1e-9, ATol: 1e-9, MaxSteps: 1000, Grid: solve.Uniform(10)},
	} {
		ctx, cancel := context.WithCancel(bg)
		s := solver[float64](t, cfg)
		seen := 0
		var last error
		for _, err := range s.Trajectory(ctx, rows[float64]{dim: 3, f: nonlinear}, matrix(t, solution(0)), 0, 1) {
			if seen++; seen == 3 {
				cancel()
			}
			last = err
		}
		if seen != 4 || !errors.Is(last, context.Canceled) {
			t.Errorf("%s: %d points, then %v", cfg.Method, seen, last)
		}
		cancel()
		seen = 0
		for range s.Trajectory(bg, rows[float64]{dim: 3, f: nonlinear}, matrix(t, solution(0)), 0, 1) {
			if seen++; seen == 4 {
				break
			}
		}
		if st := s.Stats(); seen != 4 || st.Steps == 0 || cfg.Steps > 0 && st.Steps != 3 {
			t.Errorf("%s: stopped after %d points with %+v", cfg.Method, seen, st)
		}
	}
}

func TestValidateReportsEveryFault(t *testing.T) {
	err := solve.Config{Method: "rk9", NFE: -1, Steps: -2, Grid: []float64{0, 0.5, 0.5}, RTol: -1}.Validate()
	for _, want := range []string{"method", "nfe", "steps", "grid: must run", "entry 2"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing from: %v", want, err)
		}
	}
	for want, c := range map[string]solve.Config{
		"exactly one":       {Method: "euler"},
		"(2 are set)":       {Method: "euler", NFE: 4, Steps: 4},
		"own steps":         {Method: "tsit5", NFE: 4, Adaptive: true, RTol: 1, MaxSteps: 1},
		"one of bosh3, dop": {Method: "rk4", Adaptive: true, RTol: 1, MaxSteps: 1},
		"both 0":            {Method: "tsit5", Adaptive: true, MaxSteps: 1},
		"max_steps":         {Method: "tsit5", Adaptive: true, RTol: 1e-3},
		"atol":              {Method: "tsit5", Adaptive: true, ATol: math.Inf(1), MaxSteps: 1},
		"use 6 or 8":        {Method: "heun", NFE: 7},
	} {
		var fe *flow.FieldError
		if _, err := solve.New[float32](c); !errors.As(err, &fe) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
	if err := solve.Defaults().Validate(); err != nil {
		t.Error(err)
	}
}

// A warm solver allocates nothing, however many steps it takes.
func TestNoAllocations(t *testing.T) {
	start := normal(64, 2, 5)
	x := start.Clone()
	for name, f := range map[string]flow.Field{"timed": timed[float32]{rows[float32]{dim: 2, f: curl}}, "plain": rows[float32]{dim: 2, f: curl}} {
		for _, cfg := range []solve.Config{
			{Method: "euler", Steps: 20},
			{Method: "dopri5", Steps: 20},
			{Method: "tsit5", Adaptive: true, RTol: 1e-4, ATol: 1e-4, MaxSteps: 1000},
		} {
			s := solver[float32](t, cfg)
			n := testing.AllocsPerRun(5, func() {
				copy(x.Data, start.Data)
				if _, err := s.Solve(bg, f, x, 0, 1); err != nil {
					t.Fatal(err)
				}
			})
			if n != 0 {
				t.Errorf("%s on a %s field allocates %v times", cfg.Method, name, n)
			}
		}
	}
	l := tangled()
	s, blank := l.solver(t, "unipc", 4), l.blank(64)
	y := blank.Clone()
	n := testing.AllocsPerRun(5, func() {
		copy(y.Data, blank.Data)
		if _, err := s.Solve(bg, steady{l.dim}, y, 0, 1); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("choices allocate %v times", n)
	}
}

// steady is a field of 0.
type steady struct{ dim int }

func (f steady) Dim() int { return f.dim }
func (f steady) Velocity(dst, _ tensor.Matrix[float64], _ float64) error {
	clear(dst.Data)
	return nil
}

// still is a field without cost, so that the benchmark sees the solver's own.
type still struct{}

func (still) Dim() int { return 2 }
func (still) Velocity(dst, x tensor.Mat, _ float64) error {
	copy(dst.Data, x.Data)
	return nil
}

func (s still) VelocityAt(dst, x tensor.Mat, _ []float64, _ []int32) error {
	return s.Velocity(dst, x, 0)
}

func BenchmarkStep(b *testing.B) {
	for _, c := range []struct {
		name string
		cfg  solve.Config
	}{
		{"euler", solve.Config{Method: "euler", Steps: 100}},
		{"heun", solve.Config{Method: "heun", Steps: 50}},
		{"dopri5", solve.Config{Method: "dopri5", Steps: 20}},
		{"tsit5-adaptive", solve.Config{Method: "tsit5", Adaptive: true, RTol: 1e-5, ATol: 1e-5, MaxSteps: 1000}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := solver[float32](b, c.cfg)
			start := normal(2000, 2, 1)
			x := start.Clone()
			var evals int
			b.ReportAllocs()
			for b.Loop() {
				copy(x.Data, start.Data)
				st, err := s.Solve(bg, still{}, x, 0, 1)
				if err != nil {
					b.Fatal(err)
				}
				evals += st.MaxNFE
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(evals), "ns/evaluation")
		})
	}
}
