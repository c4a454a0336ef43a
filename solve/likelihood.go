package solve

import (
	"context"
	"fmt"
	"math"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Likelihood carries points along a flow together with the change of volume that
// the flow makes about each of them,
//
//	V = integral from t0 to t1 of div u_t(x_t) dt = log |det dx_t1 / dx_t0|,
//
// in one solution, so that densities follow (Chen et al. 2018):
//
//	log p_t1(x_t1) = log p_t0(x_t0) - V
//
// Data are carried from 1 to 0, and log p_1(x) = log p_0(z) - (-V) = log p_0(z) + V;
// samples from 0 to 1, with log p_1 = log p_0 - V. Points and volumes are
// integrated in float64 whatever the field computes in, and an adaptive method
// controls the error of both.
//
// With Probes 0 the divergence is exact. Else it is Hutchinson's estimate, the
// mean of p' J p over that many random probes, fixed for the solution; every probe
// is integrated by itself, so that their scatter is the error bar.
//
// A Likelihood is not safe for concurrent use; once warm it allocates its result
// only.
type Likelihood[T tensor.Float] struct {
	// Probes is the number of random probes, at most 4096, 0 for the exact
	// divergence. One probe has no error bar.
	Probes int
	// Gaussian draws probes from N(0, I) instead of fair signs, which scatter less.
	Gaussian bool
	// Key is the source of the probes: those of row i come from Key.At(First+i).
	Key   rng.Key
	First int

	solver *Solver[float64]
	traced traced[T]
	state  tensor.Matrix[float64]
}

const maxProbes = 4096

// Volume is what Likelihood.Solve returns: Log[i] is V of row i, and Err[i] its
// standard error over the probes, nil where the divergence is exact and NaN with
// a single probe.
type Volume struct {
	Log, Err []float64
}

// NewLikelihood returns a Likelihood that follows the flow as cfg says, with a
// Runge-Kutta method or ab2. The errors are those of New.
func NewLikelihood[T tensor.Float](cfg Config) (*Likelihood[T], error) {
	s, err := New[float64](cfg)
	if err != nil {
		return nil, err
	}
	ok := func(m *Method) bool { return !m.Scheduled && m.Kind != Jump }
	if !ok(s.method) {
		return nil, &flow.FieldError{Path: "method", Msg: fmt.Sprintf("%s gives no likelihood; choose one of %s", s.method.Name, names(ok))}
	}
	return &Likelihood[T]{solver: s}, nil
}

// Solve carries every row of x from t0 to t1 and leaves it in x. Stats counts
// evaluations of the velocity; each brings the divergence with it. The errors are
// those of Solver.Solve.
func (l *Likelihood[T]) Solve(ctx context.Context, f flow.DivergentOf[T], x tensor.Matrix[float64], t0, t1 float64) (Volume, Stats, error) {
	if l.Probes < 0 {
		return Volume{}, Stats{}, &flow.FieldError{Path: "probes", Msg: fmt.Sprintf("%d is negative; 0 is the exact divergence", l.Probes)}
	}
	if l.Probes > maxProbes {
		return Volume{}, Stats{}, &flow.FieldError{Path: "probes", Msg: fmt.Sprintf("%d is more than %d; 0 is the exact divergence, which costs as much as a probe for every column", l.Probes, maxProbes)}
	}
	if err := x.Check("points to solve", -1, f.Dim()); err != nil {
		return Volume{}, Stats{}, err
	}
	d, k := x.D, max(1, l.Probes)
	l.state = resize(l.state, x.N, d+k)
	for i := range x.N {
		row := l.state.Row(i)
		copy(row, x.Row(i))
		clear(row[d:])
	}
	l.traced.f, l.traced.n = f, x.N
	l.draw(x.N, d)
	stats, err := l.solver.Solve(ctx, &l.traced, l.state, t0, t1)
	if err != nil {
		return Volume{}, stats, err
	}
	v := Volume{Log: make([]float64, x.N)}
	if l.Probes > 0 {
		v.Err = make([]float64, x.N)
	}
	for i := range x.N {
		row := l.state.Row(i)
		copy(x.Row(i), row)
		mean, square := 0.0, 0.0
		for j, u := range row[d:] { // Welford
			e := u - mean
			mean += e / float64(j+1)
			square += e * (u - mean)
		}
		v.Log[i] = mean
		if l.Probes > 0 {
			v.Err[i] = math.Sqrt(square / float64(k-1) / float64(k))
		}
	}
	return v, stats, nil
}

// draw fixes the probes of n rows.
func (l *Likelihood[T]) draw(n, d int) {
	p := &l.traced
	p.probes = p.probes[:0]
	for k := range l.Probes {
		if k == len(p.drawn) {
			p.drawn, p.moved = append(p.drawn, tensor.Matrix[T]{}), append(p.moved, tensor.Matrix[T]{})
		}
		p.drawn[k] = resize(p.drawn[k], n, d)
		for i := range n {
			s := l.Key.At(uint64(l.First + i)).At(uint64(k)).Stream()
			row := p.drawn[k].Row(i)
			for j := range row {
				switch {
				case l.Gaussian:
					row[j] = T(s.NormFloat64())
				case s.Uint64()>>63 == 0:
					row[j] = 1
				default:
					row[j] = -1
				}
			}
		}
	}
	p.drawn = p.drawn[:max(l.Probes, 0)]
	p.moved = p.moved[:max(l.Probes, 0)]
}

// traced is the field of points and volumes together: the velocity of the point,
// followed by its divergence, one for each probe.
type traced[T tensor.Float] struct {
	f       flow.DivergentOf[T]
	n       int                // rows of the whole problem
	drawn   []tensor.Matrix[T] // the probes of all rows
	moved   []tensor.Matrix[T] // the probes of the rows at hand
	probes  []tensor.Matrix[T] // as handed to f
	x, u, v tensor.Matrix[T]
	times   []float64
}

// Dim is that of the point and its volumes.
func (a *traced[T]) Dim() int { return a.f.Dim() + max(1, len(a.drawn)) }

// Evaluations is what one evaluation of the field costs.
func (a *traced[T]) Evaluations() int { return flow.Evaluations[T](a.f) }

// Velocity is the method of flow.FieldOf.
func (a *traced[T]) Velocity(dst, y tensor.Matrix[float64], t float64) error {
	a.times = grown(a.times, y.N)
	for i := range a.times {
		a.times[i] = t
	}
	return a.VelocityAt(dst, y, a.times, nil)
}

// VelocityAt is the method of flow.RowTimed.
func (a *traced[T]) VelocityAt(dst, y tensor.Matrix[float64], t []float64, rows []int32) error {
	n, d := y.N, a.f.Dim()
	k := y.D - d
	a.x, a.u, a.v = resize(a.x, n, d), resize(a.u, n, d), resize(a.v, n, k)
	for i := range n {
		to, from := a.x.Row(i), y.Row(i)
		for j := range to {
			to[j] = T(from[j])
		}
	}
	a.probes = a.probes[:0]
	for p, all := range a.drawn {
		if rows == nil {
			a.probes = append(a.probes, all)
			continue
		}
		a.moved[p] = resize(a.moved[p], n, d)
		for i, r := range rows {
			copy(a.moved[p].Row(i), all.Row(int(r)))
		}
		a.probes = append(a.probes, a.moved[p])
	}
	probes := a.probes
	if len(probes) == 0 {
		probes = nil
	}
	if err := a.f.VelocityDivergence(a.u, a.v, a.x, t, rows, probes); err != nil {
		return err
	}
	for i := range n {
		to := dst.Row(i)
		for j, v := range a.u.Row(i) {
			to[j] = float64(v)
		}
		for j, v := range a.v.Row(i) {
			to[d+j] = float64(v)
		}
	}
	return nil
}

// LogNormal returns the log density of N(0, I) at x, in nats.
func LogNormal(x []float64) float64 {
	sum := float64(len(x)) * math.Log(2*math.Pi)
	for _, v := range x {
		sum += v * v
	}
	return -sum / 2
}
