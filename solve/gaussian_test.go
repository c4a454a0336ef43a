package solve_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/field"
	"laminar/flow"
	"laminar/metric"
	"laminar/rng"
	"laminar/solve"
	"laminar/tensor"
)

// schedule is a flow.Schedule made of a function.
type schedule func(t float64) (alpha, sigma, dalpha, dsigma float64)

func (s schedule) At(t float64) (alpha, sigma, dalpha, dsigma float64) { return s(t) }
func (schedule) Time(float64) float64                                  { panic("not asked for here") }

var schedules = map[string]schedule{
	"linear": func(t float64) (a, s, da, ds float64) { return t, 1 - t, 1, -1 },
	"cosine": func(t float64) (a, s, da, ds float64) {
		sin, cos := math.Sincos(math.Pi / 2 * t)
		return sin, cos, math.Pi / 2 * cos, -math.Pi / 2 * sin
	},
	"cubic": func(t float64) (a, s, da, ds float64) { return t * t * t, 1 - t*t*t, 3 * t * t, -3 * t * t },
	"vp": func(t float64) (a, s, da, ds float64) {
		const b, B = 0.1, 20
		at := min(t, 1-1e-5)
		T, dT := (1-at)*(1-at)*(B-b)/2+(1-at)*b, -(1-at)*(B-b)-b
		da, ds = -dT/2*math.Exp(-T/2), dT/2*math.Exp(-T)/math.Sqrt(-math.Expm1(-T))
		T = (1-t)*(1-t)*(B-b)/2 + (1-t)*b
		return math.Exp(-T / 2), math.Sqrt(-math.Expm1(-T)), da, ds
	},
}

// bell is the exact field from N(0, 1) to N(mean, dev^2) on a schedule, each
// coordinate by itself.
type bell struct {
	schedule
	mean, dev float64
}

func (bell) Dim() int { return 1 }

// moments returns mean and variance at t, and their derivatives.
func (b bell) moments(t float64) (m, v, dm, dv float64) {
	a, s, da, ds := b.schedule(t)
	return a * b.mean, a*a*b.dev*b.dev + s*s, da * b.mean, 2 * (a*da*b.dev*b.dev + s*ds)
}

func (b bell) Velocity(dst, x tensor.Matrix[float64], t float64) error {
	m, v, dm, dv := b.moments(t)
	for i, e := range x.Data {
		dst.Data[i] = dm + dv/v/2*(e-m)
	}
	return nil
}

// moved is where the flow carries x.
func (b bell) moved(x, from, to float64) float64 {
	m0, v0, _, _ := b.moments(from)
	m1, v1, _, _ := b.moments(to)
	return m1 + math.Sqrt(v1/v0)*(x-m0)
}

func slope(x, y []float64) float64 {
	var sx, sy, sxx, sxy float64
	for i := range x {
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	n := float64(len(x))
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

// scheduled returns the solver of a method on a schedule.
func scheduled(t testing.TB, c solve.Config, s flow.Schedule) *solve.Solver[float64] {
	d := solve.Defaults()
	if c.Diffusion == "" {
		c.Diffusion = d.Diffusion
	}
	if c.DiffusionScale == 0 {
		c.DiffusionScale = 1
	}
	out := solver[float64](t, c)
	out.Schedule, out.Key = s, rng.New(17)
	return out
}

// The multistep methods have their order on every schedule, inside the interval
// where log(alpha/sigma) is finite and over the whole of it.
func TestScheduledOrders(t *testing.T) {
	for _, m := range solve.Catalogue() {
		if m.Kind != solve.Multistep || !m.Scheduled {
			continue
		}
		for name, s := range schedules {
			for _, span := range [][2]float64{{0.15, 0.9}, {0.9, 0.15}, {0, 1}} {
				if m.Forward && span[0] > span[1] || name == "vp" && span[1] == 1 {
					continue // vp's velocity is infinite at the end
				}
				var lh, le []float64
				least := 80
				if span == [2]float64{0, 1} {
					least = 640
				}
				for steps := least; steps <= 8*least; steps *= 2 {
					worst := 0.0
					for _, f := range []bell{{s, 1.5, 0.6}, {s, -1, 0.3}, {s, 0.5, 1.4}, {s, 0, 0.8}} {
						x := matrix(t, []float64{-2}, []float64{-1}, []float64{0.1}, []float64{1.3})
						want := make([]float64, x.N)
						for i, v := range x.Data {
							want[i] = f.moved(v, span[0], span[1])
						}
						if _, err := scheduled(t, solve.Config{Method: m.Name, Steps: steps}, s).Solve(bg, f, x, span[0], span[1]); err != nil {
							t.Fatal(err)
						}
						worst = max(worst, gap(x.Data, want))
					}
					lh, le = append(lh, -math.Log(float64(steps))), append(le, math.Log(worst))
				}
				low, high := float64(m.Order)-0.35, float64(m.Order)+0.35
				if span == [2]float64{0, 1} && m.Order > 1 {
					// The ends, where lambda is infinite, leave an error of order two but
					// for a logarithm.
					low = 1.6
				}
				if got := slope(lh, le); got < low || got > high {
					t.Errorf("%s, %s from %v to %v: order %.2f, want %d (log errors %.3v)", m.Name, name, span[0], span[1], got, m.Order, le)
				}
			}
		}
	}
}

// Multistep methods keep their order on grids whose steps differ much from the
// ones before them.
func TestUnevenOrders(t *testing.T) {
	for _, m := range solve.Catalogue() {
		if m.Kind != solve.Multistep || m.Order < 2 {
			continue
		}
		for name, s := range schedules {
			var lh, le []float64
			for steps := 60; steps <= 480; steps *= 2 {
				grid := []float64{0}
				for i := range steps {
					grid = append(grid, grid[i]+[]float64{0.5, 1.5}[i%2]/float64(steps))
				}
				grid[steps] = 1
				f := bell{s, 1.5, 0.6}
				x := matrix(t, []float64{-2}, []float64{-1}, []float64{0.1}, []float64{1.3})
				want := make([]float64, x.N)
				for i, v := range x.Data {
					want[i] = f.moved(v, 0.15, 0.9)
				}
				if _, err := scheduled(t, solve.Config{Method: m.Name, Grid: grid}, s).Solve(bg, f, x, 0.15, 0.9); err != nil {
					t.Fatal(err)
				}
				lh, le = append(lh, -math.Log(float64(steps))), append(le, math.Log(gap(x.Data, want)))
			}
			if got := slope(lh, le); got < float64(m.Order)-0.35 {
				t.Errorf("%s, %s: order %.2f, want %d (log errors %.3v)", m.Name, name, got, m.Order, le)
			}
		}
	}
}

// DPM-Solver++ 2M by its own formula, on straight lines and two uneven steps:
// lambda = log(t/(1-t)), D = x + (1-t) v, and with h = lambda' - lambda and
// r = h_last/h, x' = (1-t')/(1-t) x - t' (e^-h - 1) [(1 + 1/2r) D - 1/2r D_last].
func TestDPMIsItsFormula(t *testing.T) {
	f := bell{schedules["linear"], 1.5, 0.6}
	lambda := func(t float64) float64 { return math.Log(t / (1 - t)) }
	estimate := func(x, at float64) float64 {
		v := tensor.NewOf[float64](1, 1)
		if err := f.Velocity(v, matrix(t, []float64{x}), at); err != nil {
			t.Fatal(err)
		}
		return x + (1-at)*v.Data[0]
	}
	const a, b, c = 0.2, 0.3, 0.7
	x := matrix(t, []float64{-0.4})
	h1, h2 := lambda(b)-lambda(a), lambda(c)-lambda(b)
	r := h1 / h2
	d1 := estimate(x.Data[0], a)
	y := (1-b)/(1-a)*x.Data[0] - b*math.Expm1(-h1)*d1
	d2 := estimate(y, b)
	want := (1-c)/(1-b)*y - c*math.Expm1(-h2)*((1+1/(2*r))*d2-1/(2*r)*d1)
	if _, err := scheduled(t, solve.Config{Method: "dpmpp2m", Grid: []float64{0, 0.2, 1}}, f.schedule).Solve(bg, f, x, a, c); err != nil {
		t.Fatal(err)
	}
	if math.Abs(x.Data[0]-want) > 1e-12 {
		t.Errorf("%v, want %v", x.Data[0], want)
	}
}

// The step that ends at the data adds no noise: one step of a stochastic method
// from noise to data is that of the flow.
func TestLastStepHasNoNoise(t *testing.T) {
	f := bell{schedules["linear"], 1.5, 0.6}
	for _, c := range []struct{ method, flow string }{{"em", "euler"}, {"sde-heun", "heun"}} {
		a, b := matrix(t, []float64{0.3}, []float64{-1}), matrix(t, []float64{0.3}, []float64{-1})
		if _, err := scheduled(t, solve.Config{Method: c.method, Steps: 1, Diffusion: "constant"}, f.schedule).Solve(bg, f, a, 0, 1); err != nil {
			t.Fatal(err)
		}
		if _, err := solver[float64](t, solve.Config{Method: c.flow, Steps: 1}).Solve(bg, f, b, 0, 1); err != nil {
			t.Fatal(err)
		}
		if gap(a.Data, b.Data) > 1e-12 {
			t.Errorf("one step of %s leads to %v, of %s to %v", c.method, a.Data, c.flow, b.Data)
		}
	}
}

// DDIM by its own formula, from the predicted noise of a variance-preserving
// process: sqrt(abar') (x - sqrt(1-abar) eps)/sqrt(abar) + sqrt(1-abar') eps.
func TestDDIMIsItsFormula(t *testing.T) {
	s := schedules["vp"]
	f := bell{s, -0.7, 0.3}
	grid := []float64{0, 0.2, 0.3, 0.75, 1}
	x := 1.2
	for i := 1; i < len(grid); i++ {
		a, sd, _, _ := s(grid[i-1])
		abar := a * a
		m, v, _, _ := f.moments(grid[i-1])
		eps := sd * (x - m) / v // E[eps | x] of a Gaussian
		next, _, _, _ := s(grid[i])
		x = next*(x-math.Sqrt(1-abar)*eps)/math.Sqrt(abar) + math.Sqrt(1-next*next)*eps
	}
	got := matrix(t, []float64{1.2})
	if _, err := scheduled(t, solve.Config{Method: "ddim", Grid: grid}, s).Solve(bg, f, got, 0, 1); err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.Data[0]-x) > 1e-9 {
		t.Errorf("%v, the formula gives %v", got.Data[0], x)
	}
	// On the linear schedule it is Euler.
	lin := bell{schedules["linear"], -0.7, 0.3}
	a, b := matrix(t, []float64{1.2}), matrix(t, []float64{1.2})
	if _, err := scheduled(t, solve.Config{Method: "ddim", Grid: grid}, lin.schedule).Solve(bg, lin, a, 0, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := solver[float64](t, solve.Config{Method: "euler", Grid: grid}).Solve(bg, lin, b, 0, 1); err != nil {
		t.Fatal(err)
	}
	if math.Abs(a.Data[0]-b.Data[0]) > 1e-14 {
		t.Errorf("ddim %v, euler %v", a.Data[0], b.Data[0])
	}
}

// Ancestral sampling is the posterior of Ho et al. 2020, (6) and (7), with
// beta = 1 - abar/abar'.
func TestAncestralIsThePosterior(t *testing.T) {
	s := schedules["vp"]
	f := bell{s, -0.7, 0.3}
	grid := []float64{0, 0.2, 0.3, 0.75, 1}
	solver := scheduled(t, solve.Config{Method: "ancestral", Grid: grid}, s)
	solver.First = 5
	x := 1.2
	for i := 1; i < len(grid); i++ {
		a, sd, _, _ := s(grid[i-1])
		b, _, _, _ := s(grid[i])
		abar, next := a*a, b*b
		m, v, _, _ := f.moments(grid[i-1])
		x1 := (x - sd*sd*(x-m)/v) / a
		beta := 1 - abar/next
		mean := math.Sqrt(next)*beta/(1-abar)*x1 + math.Sqrt(abar/next)*(1-next)/(1-abar)*x
		noise := solver.Key.At(5).At(uint64(i)).Stream()
		x = mean + math.Sqrt((1-next)/(1-abar)*beta)*noise.NormFloat64()
	}
	got := matrix(t, []float64{1.2})
	if _, err := solver.Solve(bg, f, got, 0, 1); err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.Data[0]-x) > 1e-9 {
		t.Errorf("%v, the formula gives %v", got.Data[0], x)
	}
}

// The stochastic step of diffusers, in our direction of time: the estimate
// x + (1-t) v, then t' of it and 1-t' of fresh noise.
func TestRenoiseIsItsFormula(t *testing.T) {
	f := bell{schedules["linear"], -0.7, 0.3}
	grid := []float64{0, 0.2, 0.3, 0.75, 1}
	solver := scheduled(t, solve.Config{Method: "renoise", Grid: grid}, f.schedule)
	x, v := matrix(t, []float64{1.2}), tensor.NewOf[float64](1, 1)
	for i := 1; i < len(grid); i++ {
		if err := f.Velocity(v, x, grid[i-1]); err != nil {
			t.Fatal(err)
		}
		noise := solver.Key.At(0).At(uint64(i)).Stream()
		x.Data[0] = grid[i]*(x.Data[0]+(1-grid[i-1])*v.Data[0]) + (1-grid[i])*noise.NormFloat64()
	}
	got := matrix(t, []float64{1.2})
	if _, err := solver.Solve(bg, f, got, 0, 1); err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.Data[0]-x.Data[0]) > 1e-12 {
		t.Errorf("%v, the formula gives %v", got.Data[0], x.Data[0])
	}
}

// variance returns the variance that a method gives to the end of a linear
// equation, without chance: the end is b + a x0 + sum_n c_n z_n, whose numbers
// follow from as many rows.
func variance(t *testing.T, c solve.Config, f bell, from, to float64) float64 {
	s := scheduled(t, c, f.schedule)
	n := c.Steps + 2
	x := tensor.NewOf[float64](n, 1)
	rows := make([][]float64, n)
	for i := range n {
		x.Data[i] = math.Sin(float64(i * i)) // any numbers
		rows[i] = append(rows[i], 1, x.Data[i])
		for k := 1; k <= c.Steps; k++ {
			z := s.Key.At(uint64(i)).At(uint64(k)).Stream()
			rows[i] = append(rows[i], z.NormFloat64())
		}
	}
	if _, err := s.Solve(bg, f, x, from, to); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		rows[i] = append(rows[i], x.Data[i])
	}
	for p := range n { // Gauss and Jordan
		best := p
		for i := p; i < n; i++ {
			if math.Abs(rows[i][p]) > math.Abs(rows[best][p]) {
				best = i
			}
		}
		rows[p], rows[best] = rows[best], rows[p]
		for i := range n {
			if i == p {
				continue
			}
			q := rows[i][p] / rows[p][p]
			for j := p; j <= n; j++ {
				rows[i][j] -= q * rows[p][j]
			}
		}
	}
	_, start, _, _ := f.moments(from)
	total := 0.0
	for i := 1; i < n; i++ {
		e := rows[i][n] / rows[i][i]
		if i == 1 {
			e *= math.Sqrt(start)
		}
		total += e * e
	}
	return total
}

// The variance at the end of a stochastic solution is that of the flow, up to an
// error of the method's weak order, for every diffusion and schedule.
func TestStochasticOrders(t *testing.T) {
	for _, method := range []string{"em", "sde-heun"} {
		m, _ := solve.Named(method)
		for _, d := range solve.Diffusions() {
			for name, s := range schedules {
				f := bell{s, 1.5, 0.6}
				_, want, _, _ := f.moments(0.8)
				var lh, le []float64
				for steps := 32; steps <= 128; steps *= 2 {
					got := variance(t, solve.Config{Method: method, Steps: steps, Diffusion: d.Name}, f, 0.3, 0.8)
					lh, le = append(lh, -math.Log(float64(steps))), append(le, math.Log(math.Abs(got-want)))
				}
				if got := slope(lh, le); got < float64(m.Order)-0.35 {
					t.Errorf("%s, %s, %s: weak order %.2f, want %d (log errors %.3v)", method, d.Name, name, got, m.Order, le)
				}
			}
		}
	}
}

// The SDE methods, but for renoise, keep the marginals: at the end its samples have the
// distribution of a mixture, by Kolmogorov and Smirnov's distance, where the bound
// is that of one in a thousand for n draws and a little for the steps.
func TestMarginals(t *testing.T) {
	weight, mean, dev := []float64{1, 3}, []float64{-1.5, 1}, []float64{0.25, 0.6}
	f, err := field.Mixture[float64](weight, [][]float64{{-1.5}, {1}}, dev)
	if err != nil {
		t.Fatal(err)
	}
	cdf := func(x float64) (p float64) {
		for k := range weight {
			p += weight[k] / 4 * 0.5 * math.Erfc((mean[k]-x)/dev[k]/math.Sqrt2)
		}
		return p
	}
	n, steps := 6000, 100
	if testing.Short() {
		n = 2000
	}
	distance := func(c solve.Config) float64 {
		x := tensor.Convert[float64](normal(n, 1, 9))
		if _, err := scheduled(t, c, schedules["linear"]).Solve(bg, f, x, 0, 1); err != nil {
			t.Fatal(err)
		}
		slices.Sort(x.Data)
		worst := 0.0
		for i, v := range x.Data {
			p := cdf(v)
			worst = max(worst, math.Abs(p-float64(i)/float64(n)), math.Abs(p-float64(i+1)/float64(n)))
		}
		return worst
	}
	bound := 1.95/math.Sqrt(float64(n)) + 0.006
	for _, m := range solve.Catalogue() {
		if m.Kind != solve.SDE || m.Name == "renoise" {
			continue
		}
		for _, d := range solve.Diffusions() {
			if got := distance(solve.Config{Method: m.Name, Steps: steps, Diffusion: d.Name}); got > bound {
				t.Errorf("%s with diffusion %s: distance %.4f, at most %.4f", m.Name, d.Name, got, bound)
			}
			if m.Name == "ancestral" {
				break // without a diffusion
			}
		}
	}
	// The test can fail.
	if got := distance(solve.Config{Method: "euler", Steps: 3}); got < bound {
		t.Errorf("three Euler steps pass: %.4f", got)
	}
}

// At 250 steps W2 of the stochastic methods' samples to data is that of the
// flow's own, but for less than the 95 % interval of the floor, which is data
// against data.
func TestMarginalsInW2(t *testing.T) {
	const n, pairs = 400, 8
	f := mixture2(t)
	data := func(seed int) tensor.Mat {
		s := rng.New(uint64(seed)).Stream()
		x := tensor.New(n, 2)
		for i := range n {
			c := [][]float64{{-1, 0, 0.3}, {1, 1, 0.5}, {1, 1, 0.5}, {0.5, -1.5, 0.2}}[s.IntN(4)]
			for j := range 2 {
				x.Row(i)[j] = float32(c[j] + c[2]*s.NormFloat64())
			}
		}
		return x
	}
	w2 := func(x, y tensor.Mat) float64 {
		d, err := metric.W2(x, y)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	var floor []float64
	for p := range pairs {
		floor = append(floor, w2(data(p), data(100+p)))
	}
	_, ci := metric.Student(floor)
	allowed := float64(ci[1]-ci[0]) / 2
	distance := func(c solve.Config) (mean float64) {
		x := tensor.Convert[float64](normal(n*pairs, 2, 31))
		if _, err := scheduled(t, c, schedules["linear"]).Solve(bg, f, x, 0, 1); err != nil {
			t.Fatal(err)
		}
		for p := range pairs {
			mean += w2(tensor.Convert[float32](x.Rows(p*n, (p+1)*n)), data(p)) / pairs
		}
		return mean
	}
	flow := distance(solve.Config{Method: "euler", Steps: 250})
	for _, c := range []solve.Config{
		{Method: "em"},
		{Method: "em", Diffusion: "constant"},
		{Method: "sde-heun"},
		{Method: "ancestral"},
	} {
		c.Steps = 250
		if got := distance(c); math.Abs(got-flow) > allowed {
			t.Errorf("%s %s: W2 %.4f, the flow's %.4f, allowed %.4f", c.Method, c.Diffusion, got, flow, allowed)
		}
	}
	// The test can fail.
	if got := distance(solve.Config{Method: "em", Steps: 3}); math.Abs(got-flow) < allowed {
		t.Errorf("3 steps pass: %.4f, the flow's %.4f, allowed %.4f", got, flow, allowed)
	}
}

// scoreOf is the exact score of a bell.
type scoreOf struct{ bell }

func (s scoreOf) Velocity(dst, x tensor.Matrix[float64], t float64) error {
	m, v, _, _ := s.moments(t)
	for i, e := range x.Data {
		dst.Data[i] = -(e - m) / v
	}
	return nil
}

// A score of its own beside the flow (SF2M) gives what the score from the
// velocity gives, needs no schedule, and is paid for.
func TestOwnScore(t *testing.T) {
	f := bell{schedules["cosine"], 1.5, 0.6}
	for _, method := range []string{"em", "sde-heun"} {
		c := solve.Config{Method: method, Steps: 20, Diffusion: "constant", DiffusionScale: 0.1}
		a, b := matrix(t, []float64{0.3}, []float64{-1}), matrix(t, []float64{0.3}, []float64{-1})
		s := scheduled(t, c, f.schedule)
		if _, err := s.Solve(bg, f, a, 0.2, 0.7); err != nil {
			t.Fatal(err)
		}
		s.Schedule, s.Score = nil, scoreOf{f}
		st, err := s.Solve(bg, f, b, 0.2, 0.7)
		if err != nil {
			t.Fatal(err)
		}
		if gap(a.Data, b.Data) > 1e-12 {
			t.Errorf("%s: %v with its own score, %v without", method, b.Data, a.Data)
		}
		m, _ := solve.Named(method)
		if st.MaxNFE != 40*m.StageCount() {
			t.Errorf("%s: %+v", method, st)
		}
		c.Diffusion = "sbdm"
		s = scheduled(t, c, nil)
		s.Score = scoreOf{f}
		if _, err := s.Solve(bg, f, a, 0.2, 0.7); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "diffusion: sbdm needs") {
			t.Error(err)
		}
	}
}

// A score that is infinite at the data is not asked there.
func TestInfiniteScore(t *testing.T) {
	f := bell{schedules["linear"], 1.5, 0} // all data at one point
	for _, method := range []string{"em", "sde-heun"} {
		s, err := solve.New[float64](solve.Config{Method: method, Steps: 200, Diffusion: "linear", DiffusionScale: 0.1})
		if err != nil {
			t.Fatal(err)
		}
		s.Score, s.Key = scoreOf{f}, rng.New(1)
		x := matrix(t, []float64{0.3}, []float64{-1})
		if _, err := s.Solve(bg, field.Func(1, func(dst, x []float64, t float64) { dst[0] = 0 }), x, 0, 1); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// swirl32 is a float32 field for the row tests; any field will do.
var swirl32 flow.Field = rows[float32]{dim: 2, f: curl}

// Rows do not mix, and no method allocates step by step.
func TestScheduledRows(t *testing.T) {
	const n = 40
	for _, m := range solve.Catalogue() {
		if !m.Scheduled {
			continue
		}
		s := solver[float32](t, solve.Config{Method: m.Name, Steps: 6, Diffusion: "sigma", DiffusionScale: 1})
		s.Schedule, s.Key = schedules["linear"], rng.New(3)
		start := normal(n, 2, 8)
		whole := start.Clone()
		if _, err := s.Solve(bg, swirl32, whole, 0, 1); err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{1, 7} {
			for lo := 0; lo < n; lo += size {
				part := start.Rows(lo, min(lo+size, n)).Clone()
				s.First = lo
				if _, err := s.Solve(bg, swirl32, part, 0, 1); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(part.Data, whole.Rows(lo, min(lo+size, n)).Data) {
					t.Errorf("%s: rows from %d on, %d of them, differ", m.Name, lo, size)
				}
			}
		}
		s.First = 0
		x := start.Clone()
		if a := testing.AllocsPerRun(3, func() {
			copy(x.Data, start.Data)
			if _, err := s.Solve(bg, swirl32, x, 0, 1); err != nil {
				t.Fatal(err)
			}
		}); a != 0 {
			t.Errorf("%s allocates %v times", m.Name, a)
		}
		s.Key = rng.New(4)
		if _, err := s.Solve(bg, swirl32, start, 0, 1); err != nil {
			t.Fatal(err)
		}
		if same := slices.Equal(start.Data, whole.Data); same != (m.Kind != solve.SDE) {
			t.Errorf("%s: another key gives the same rows: %v", m.Name, same)
		}
	}
}

// average is the exact mean velocity of a bell.
type average struct{ bell }

func (a average) Average(dst, x tensor.Matrix[float64], t, to float64) error {
	for i, e := range x.Data {
		dst.Data[i] = (a.moved(e, t, to) - e) / (to - t)
	}
	return nil
}

// An exact average needs one evaluation.
func TestJump(t *testing.T) {
	f := average{bell{schedules["linear"], 1.5, 0.6}}
	for _, steps := range []int{1, 3} {
		x := matrix(t, []float64{0.3})
		st, err := solver[float64](t, solve.Config{Method: "jump", Steps: steps}).Solve(bg, f, x, 0, 1)
		if err != nil || st.MaxNFE != steps || math.Abs(x.Data[0]-f.moved(0.3, 0, 1)) > 1e-12 {
			t.Errorf("%v after %+v, %v", x.Data, st, err)
		}
	}
}

func TestMethodsSayWhatTheyLack(t *testing.T) {
	f := bell{schedules["linear"], 1, 1}
	x := matrix(t, []float64{0})
	for _, m := range solve.Catalogue() {
		s := scheduled(t, solve.Config{Method: m.Name, Steps: 2}, nil)
		var fe *flow.FieldError
		_, err := s.Solve(bg, f, x, 0, 1)
		lacks := m.Scheduled || m.Kind == solve.Jump
		if errors.As(err, &fe) != lacks || lacks && (fe.Path != "method" || !strings.Contains(err.Error(), "choose one of euler")) {
			t.Errorf("%s without a schedule: %v", m.Name, err)
		}
		s.Schedule = f.schedule
		_, err = s.Solve(bg, f, x, 0.9, 0.1)
		if errors.As(err, &fe) != (m.Forward || m.Kind == solve.Jump) {
			t.Errorf("%s backwards: %v", m.Name, err)
		}
	}
	for want, c := range map[string]solve.Config{
		`unknown diffusion "brown"; choose one of sigma, constant`: {Method: "em", Steps: 1, Diffusion: "brown", DiffusionScale: 1},
		"diffusion_scale": {Method: "sde-heun", Steps: 1, Diffusion: "sigma"},
	} {
		if err := c.Validate(); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
