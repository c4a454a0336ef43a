// Package solve follows a flow
//
//	dx/dt = u_t(x)
//
// from one time to another, forwards (0 to 1, noise to data) or backwards.
//
//	s, err := solve.New[float32](solve.Config{Method: "heun", NFE: 16})
//	x := ... // rows of noise
//	stats, err := s.Solve(ctx, field, x, 0, 1) // now rows of data
//
// The unit of cost is NFE, the number of evaluations of the network per row.
// Catalogue lists the methods, of four kinds:
//
//   - Runge-Kutta methods, whose tableaux are data, with fixed steps or with steps
//     that each row chooses by itself;
//   - multistep methods (Adams-Bashforth and Moulton, DDIM, DPM-Solver++, UniPC),
//     one evaluation per step;
//   - stochastic methods, which add noise and take it away again by the score,
//     with the flow's distribution at every time;
//   - long steps, for fields that know their average over a step.
//
// Some work with the data, noise and score that a velocity of a Gaussian path
// x_t = sigma x0 + alpha x1 holds. They need its schedule:
//
//	s.Schedule, s.Key = path.CondOT{}, rng.New(7)
//
// Where some coordinates are choices among options (path.Masked), Solver.Choices has
// them drawn between the steps of a method, by the chances that the velocity tells.
//
// Likelihood carries points and the change of volume about them in one solution,
// and so gives densities.
//
// Rows never mix. A row ends in the same bits alone, among seven or among two
// thousand others: an adaptive row has a time and a step of its own, and the noise
// of a stochastic one is that of its own key.
//
// Classifier-free guidance is a field (field.Guided), so that it goes with every
// method: u = u_free + s (u_cond - u_free), where s = 1 is none. What others call w
// in (1+w) u_cond - w u_free is s - 1.
//
// The package is generic: float32 for sampling, float64 for likelihoods and for
// measuring orders. It has no implicit methods and no dense output (ask for the
// times you need as a grid).
package solve

import (
	"context"
	"fmt"
	"iter"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Stats says what a solution cost.
type Stats struct {
	// NFE is the mean number of network evaluations per row, MaxNFE the largest.
	NFE    float64 `json:"nfe"`
	MaxNFE int     `json:"nfe_max"`
	// Steps is the mean number of steps taken per row; Rejected is the mean
	// number of further steps that were tried and found too long.
	Steps    float64 `json:"steps"`
	Rejected float64 `json:"rejected"`
}

// Point is one moment of a trajectory. X is the matrix being solved: it is valid
// until the next iteration and must not be changed.
type Point[T tensor.Float] struct {
	T float64
	X tensor.Matrix[T]
}

// Solver solves one problem after another in scratch memory that it keeps;
// once warm it allocates nothing. It is not safe for concurrent use: make one
// per goroutine.
type Solver[T tensor.Float] struct {
	// Schedule is that of the Gaussian path that the field belongs to, from
	// N(0, I) at t = 0. Methods that are Scheduled need it; SDE methods also take
	// it that the noise of a path does not depend on its data, as it does after
	// a coupling by optimal transport.
	Schedule flow.Schedule
	// Score, if not nil, is a field that answers grad log p_t(x), for em and
	// sde-heun; without it they take the score from the velocity by Schedule.
	Score flow.FieldOf[T]
	// Choices are coordinates that do not flow but are drawn, from masks at t = 0
	// along the path path.Masked.
	Choices []flow.Choice
	// Key is the source of an SDE's noise and of choices: row i draws from
	// Key.At(First+i), or Key.At(Rows[i]) if Rows is not nil, and no other.
	Key   rng.Key
	First int
	Rows  []int

	cfg       Config
	method    *Method
	diffusion Diffusion
	stepper   stepper[T]
	times     []float64 // of the current problem, from its start to its end
	k         []tensor.Matrix[T]
	stage     tensor.Matrix[T] // the point at which a stage is evaluated
	rows      rowControl[T]
	choosing  choosing[T]
	last      Stats
}

// stepper is the formula of a method with fixed steps: it moves x from
// s.times[n-1] to s.times[n].
type stepper[T tensor.Float] interface {
	step(s *Solver[T], f flow.FieldOf[T], x tensor.Matrix[T], n int) error
}

// stepperOf returns the formula of a method and the number of matrices that it
// works with.
func stepperOf[T tensor.Float](m *Method) (stepper[T], int) {
	switch m.Name {
	case "ab2":
		return adams[T]{}, 2
	case "abm":
		return moulton[T]{}, 3
	case "ddim":
		return ddim[T]{}, 1
	case "dpmpp2m":
		return &dpm[T]{}, 2
	case "unipc":
		return &unipc[T]{}, 3
	case "em":
		return maruyama[T]{}, 2
	case "sde-heun":
		return stochasticHeun[T]{}, 3
	case "ancestral":
		return ancestral[T]{}, 1
	case "renoise":
		return renoise[T]{}, 1
	case "jump":
		return jump[T]{}, 1
	}
	return stages[T]{}, len(m.Tableau.C)
}

// New returns a solver for cfg. The error joins the faults that Validate finds.
func New[T tensor.Float](cfg Config) (*Solver[T], error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m, err := Named(cfg.Method)
	if err != nil {
		return nil, err
	}
	cfg.Grid = append([]float64(nil), cfg.Grid...)
	s := &Solver[T]{cfg: cfg, method: m}
	if m.diffuses {
		if s.diffusion, err = diffusionNamed(cfg.Diffusion); err != nil {
			return nil, err
		}
	}
	var scratch int
	s.stepper, scratch = stepperOf[T](m)
	s.k = make([]tensor.Matrix[T], scratch)
	return s, nil
}

// Solve carries every row of x from time t0 to time t1 and leaves it in x. A
// field that implements flow.RowTimed is called once per stage; without it an
// adaptive solution needs a call for every distinct time.
//
// After an error x holds no useful value. The error wraps flow.ErrShape when x
// does not fit the field, flow.ErrConfig when NFE does not suit the field's
// cost, flow.ErrDiverged (naming the row and time) when a solution becomes NaN
// or infinite or an adaptive row runs out of steps, the field's own error, or
// ctx.Err(), which is looked at before every step.
func (s *Solver[T]) Solve(ctx context.Context, f flow.FieldOf[T], x tensor.Matrix[T], t0, t1 float64) (Stats, error) {
	return s.run(ctx, f, x, t0, t1, nil)
}

// Trajectory solves as Solve does and yields x at the start, after every fixed
// step, and at the end; an adaptive solver stops at the times of Grid instead,
// or at the two ends without one. An error is yielded last, with a zero Point.
// Breaking out leaves x where it stands.
func (s *Solver[T]) Trajectory(ctx context.Context, f flow.FieldOf[T], x tensor.Matrix[T], t0, t1 float64) iter.Seq2[Point[T], error] {
	return func(yield func(Point[T], error) bool) {
		_, err := s.run(ctx, f, x, t0, t1, func(t float64) bool { return yield(Point[T]{T: t, X: x}, nil) })
		if err != nil {
			yield(Point[T]{}, err)
		}
	}
}

// Stats returns what the last Solve or Trajectory cost, as far as it came.
func (s *Solver[T]) Stats() Stats { return s.last }

// run solves; visit, if not nil, sees every time reached and says whether to go
// on.
func (s *Solver[T]) run(ctx context.Context, f flow.FieldOf[T], x tensor.Matrix[T], t0, t1 float64, visit func(float64) bool) (Stats, error) {
	s.last = Stats{}
	if err := x.Check("points to solve", -1, f.Dim()); err != nil {
		return s.last, err
	}
	if !finite(t0) || !finite(t1) {
		return s.last, fmt.Errorf("%w: cannot solve from t=%v to t=%v", flow.ErrConfig, t0, t1)
	}
	if err := s.fits(f, t0, t1); err != nil {
		return s.last, err
	}
	cost := flow.Evaluations(f)
	if s.method.diffuses && s.Score != nil {
		cost += flow.Evaluations(s.Score)
	}
	if err := s.plan(t0, t1, cost); err != nil {
		return s.last, err
	}
	if visit != nil && !visit(t0) {
		return s.last, nil
	}
	if x.IsEmpty() || t0 == t1 {
		if visit != nil && t0 != t1 {
			visit(t1)
		}
		return s.last, nil
	}
	y := x // what the method moves
	if len(s.Choices) > 0 {
		y, f = s.choosing.begin(s, f, x, s.times[0]), &s.choosing
	}
	for i := range s.k {
		s.k[i] = resize(s.k[i], y.N, y.D)
	}
	s.stage = resize(s.stage, y.N, y.D)
	if s.cfg.Adaptive {
		return s.adaptive(ctx, f, y, cost, visit)
	}
	return s.fixed(ctx, f, y, cost, visit)
}

// fits tells whether the method can solve this problem, with a *flow.FieldError
// on what it lacks.
func (s *Solver[T]) fits(f flow.FieldOf[T], t0, t1 float64) error {
	m := s.method
	if len(s.Choices) > 0 {
		if err := s.choosable(f.Dim(), t0, t1); err != nil {
			return err
		}
	}
	fault := func(path, format string, a ...any) error {
		return &flow.FieldError{Path: path, Msg: fmt.Sprintf(format, a...)}
	}
	if _, ok := f.(flow.AverageOf[T]); m.Kind == Jump && !ok {
		return fault("method", "%s needs a field that knows its average over a step (MeanFlow, shortcut models); this one answers velocities: choose one of %s",
			m.Name, names(func(m *Method) bool { return m.Kind == ODE }))
	}
	if m.Forward && (t1 < t0 || t0 < 0 || t1 > 1) {
		return fault("method", "%s runs from noise to data, not from t=%g to %g; choose one of %s",
			m.Name, t0, t1, names(func(m *Method) bool { return !m.Forward && m.Kind != Jump }))
	}
	if !m.Scheduled || s.Schedule != nil {
		if m.diffuses && s.Score != nil && s.Score.Dim() != f.Dim() {
			return fmt.Errorf("%w: the score has dimension %d, the field %d", flow.ErrShape, s.Score.Dim(), f.Dim())
		}
		return nil
	}
	if !m.diffuses || s.Score == nil {
		return fault("method", "%s needs the schedule of a Gaussian path, which this field has not; choose one of %s",
			m.Name, names(func(m *Method) bool { return !m.Scheduled && m.Kind != Jump }))
	}
	if s.diffusion.scheduled {
		return fault("diffusion", "%s needs the schedule of a Gaussian path, which this field has not; choose constant, linear, decreasing or sin2", s.diffusion.Name)
	}
	return nil
}

// plan lays out the times from t0 to t1.
func (s *Solver[T]) plan(t0, t1 float64, cost int) error {
	steps := s.cfg.Steps
	if s.cfg.NFE > 0 {
		var err error
		if steps, err = Steps(s.method, s.cfg.NFE, cost); err != nil {
			return err
		}
	}
	s.times = s.times[:0]
	switch grid := s.cfg.Grid; {
	case len(grid) > 0:
		for _, g := range grid {
			s.times = append(s.times, t0+g*(t1-t0))
		}
	case s.cfg.Adaptive:
		s.times = append(s.times, t0, t1)
	default:
		for i := range steps + 1 {
			s.times = append(s.times, t0+float64(i)/float64(steps)*(t1-t0))
		}
	}
	s.times[0], s.times[len(s.times)-1] = t0, t1
	return nil
}

// fixed takes one step from each time to the next.
func (s *Solver[T]) fixed(ctx context.Context, f flow.FieldOf[T], x tensor.Matrix[T], cost int, visit func(float64) bool) (Stats, error) {
	per := s.method.StageCount() * cost
	for n := 1; n < len(s.times); n++ {
		if err := ctx.Err(); err != nil {
			return s.last, err
		}
		if err := s.stepper.step(s, f, x, n); err != nil {
			return s.last, err
		}
		if len(s.Choices) > 0 {
			s.choosing.settle(s, n)
		}
		s.last = Stats{NFE: float64(n * per), MaxNFE: n * per, Steps: float64(n)}
		if row := firstBad(x); row >= 0 {
			return s.last, fmt.Errorf("%w: row %d is no finite number at t=%.6g after %d steps of %s", flow.ErrDiverged, row, s.times[n], n, s.method.Name)
		}
		if visit != nil && !visit(s.times[n]) {
			return s.last, nil
		}
	}
	return s.last, nil
}

// stages is a Runge-Kutta method.
type stages[T tensor.Float] struct{}

func (stages[T]) step(s *Solver[T], f flow.FieldOf[T], x tensor.Matrix[T], n int) error {
	m := s.method.Tableau
	t, h := s.times[n-1], s.times[n]-s.times[n-1]
	used := m.stages()
	for i := range used {
		at := x
		if i > 0 {
			at = s.stage
			s.combine(at, x, m.A[i], h)
		}
		if err := f.Velocity(s.k[i], at, t+m.C[i]*h); err != nil {
			return err
		}
	}
	s.combine(x, x, m.B[:used], h)
	return nil
}

// combine writes x + h sum_j a[j] k[j] into dst, which may be x.
func (s *Solver[T]) combine(dst, x tensor.Matrix[T], a []float64, h float64) {
	first := true
	for j, aj := range a {
		if aj == 0 {
			continue
		}
		from := dst.Data
		if first {
			from, first = x.Data, false
		}
		addScaled(dst.Data, from, T(h*aj), s.k[j].Data)
	}
	if first {
		copy(dst.Data, x.Data)
	}
}

// addScaled is dst = x + a k; dst may be x.
func addScaled[T tensor.Float](dst, x []T, a T, k []T) {
	x, k = x[:len(dst)], k[:len(dst)]
	for i := range dst {
		dst[i] = x[i] + a*k[i]
	}
}

// firstBad returns the first row that holds NaN or an infinity, or -1.
func firstBad[T tensor.Float](x tensor.Matrix[T]) int {
	// 0*v is NaN exactly when v is not finite, and NaN stays in a sum.
	var a, b, c, d T
	v := x.Data
	for len(v) >= 4 {
		a, b, c, d = a+0*v[0], b+0*v[1], c+0*v[2], d+0*v[3]
		v = v[4:]
	}
	for _, e := range v {
		a += 0 * e
	}
	if a+b+c+d == 0 {
		return -1
	}
	for i := range x.N {
		for _, e := range x.Row(i) {
			if e-e != 0 {
				return i
			}
		}
	}
	return -1
}

func finite(v float64) bool { return v-v == 0 }

// resize returns an n by d matrix on m's memory if that is large enough.
func resize[T tensor.Float](m tensor.Matrix[T], n, d int) tensor.Matrix[T] {
	if cap(m.Data) < n*d {
		return tensor.NewOf[T](n, d)
	}
	return tensor.Matrix[T]{N: n, D: d, Data: m.Data[:n*d]}
}
