package field

import (
	"fmt"
	"sync"

	"laminar/flow"
	"laminar/path"
	"laminar/tensor"
)

// Convert returns the field that answers to where f answers from, both about the
// affine path of s: a x + b f(x, t) with the numbers of path.Convert. Data from
// velocities, say, to see where each point is headed.
//
// Where the conversion or the prediction is infinite, at one of the ends, f is
// asked and converted at the nearest time of path.Clip. A score is meaningful for
// Gaussian noise drawn independently of the data. The error wraps flow.ErrConfig.
func Convert[T tensor.Float](f flow.FieldOf[T], from, to path.Prediction, s flow.Schedule) (flow.FieldOf[T], error) {
	for _, p := range []path.Prediction{from, to} {
		if err := p.Validate(); err != nil {
			return nil, err
		}
	}
	if from == to {
		return f, nil
	}
	if s == nil {
		return nil, fmt.Errorf("%w: a conversion needs the schedule of an affine path", flow.ErrConfig)
	}
	lo, hi := path.Clip(from, s)
	if to != path.Velocity {
		first, last := path.Clip(to, s)
		lo, hi = max(lo, first), min(hi, last)
	}
	return combine(f, func(t float64) coefficients {
		c := coefficients{scale: 1, t: min(max(t, lo), hi)}
		alpha, sigma, dalpha, dsigma := s.At(c.t)
		c.a, c.b = path.Convert(from, to, alpha, sigma, dalpha, dsigma)
		return c
	}), nil
}

// Score returns the score of the marginals of a velocity field: Convert from
// velocities, for sampling by a stochastic equation.
func Score[T tensor.Float](f flow.FieldOf[T], s flow.Schedule) (flow.FieldOf[T], error) {
	return Convert(f, path.Velocity, path.Score, s)
}

// Rescheduled returns the velocity field along the schedule to of a network that
// was trained along from, both without noise of their own. Points of equal ratio
// of data to noise differ by a factor s alone,
//
//	x = s x', u(x, t) = (s'/s) x + s r' f(x/s, r),  r(t) = from.Time(to's ratio)
//
// (Lipman et al. 2024). Noise and data at the ends, and the map between them, stay
// the same; what changes is where a solver spends its steps.
func Rescheduled[T tensor.Float](f flow.FieldOf[T], from, to flow.Schedule) flow.FieldOf[T] {
	return combine(f, func(t float64) coefficients {
		alpha, sigma, dalpha, dsigma := to.At(t)
		r := from.Time(alpha / sigma)
		fa, fs, fda, fds := from.At(r)
		s := sigma / fs
		if fa > fs { // the same number, and sigma may be 0
			s = alpha / fa
		}
		c := coefficients{scale: 1 / s, t: r}
		c.a, c.b = path.Express(fds, fda, sigma, alpha, dsigma, dalpha)
		return c
	})
}

// coefficients say that a field is a x + b f(scale x, t).
type coefficients struct{ a, b, scale, t float64 }

func combine[T tensor.Float](f flow.FieldOf[T], at func(t float64) coefficients) flow.FieldOf[T] {
	w := combined[T]{f, at, &sync.Pool{New: func() any { return new(combination[T]) }}}
	if r, ok := f.(flow.RowTimed[T]); ok {
		return combinedAt[T]{w, r}
	}
	return w
}

type combined[T tensor.Float] struct {
	inner   flow.FieldOf[T]
	at      func(t float64) coefficients
	scratch *sync.Pool // of *combination[T]
}

type combination[T tensor.Float] struct {
	x     []T
	t     []float64
	terms []coefficients
}

func (f combined[T]) Dim() int { return f.inner.Dim() }

func (f combined[T]) Evaluations() int { return flow.Evaluations(f.inner) }

func (f combined[T]) Velocity(dst, x tensor.Matrix[T], t float64) error {
	if err := check(f.Dim(), dst, x, nil); err != nil {
		return err
	}
	p := f.scratch.Get().(*combination[T])
	defer f.scratch.Put(p)
	c := f.at(t)
	in := x
	if c.scale != 1 {
		in = p.points(x)
		for i, v := range x.Data {
			in.Data[i] = T(c.scale * float64(v))
		}
	}
	if err := f.inner.Velocity(dst, in, c.t); err != nil {
		return err
	}
	for i, v := range dst.Data {
		dst.Data[i] = T(c.a*float64(x.Data[i]) + c.b*float64(v))
	}
	return nil
}

func (p *combination[T]) points(x tensor.Matrix[T]) tensor.Matrix[T] {
	if n := x.N * x.D; cap(p.x) < n {
		p.x = make([]T, n)
	}
	return tensor.Matrix[T]{N: x.N, D: x.D, Data: p.x[:x.N*x.D]}
}

type combinedAt[T tensor.Float] struct {
	combined[T]
	rows flow.RowTimed[T]
}

func (f combinedAt[T]) VelocityAt(dst, x tensor.Matrix[T], t []float64, rows []int32) error {
	if err := check(f.Dim(), dst, x, t); err != nil {
		return err
	}
	p := f.scratch.Get().(*combination[T])
	defer f.scratch.Put(p)
	p.t, p.terms = p.t[:0], p.terms[:0]
	in := p.points(x)
	for i := range x.N {
		c := f.at(t[i])
		p.t, p.terms = append(p.t, c.t), append(p.terms, c)
		for j, v := range x.Row(i) {
			in.Row(i)[j] = T(c.scale * float64(v))
		}
	}
	if err := f.rows.VelocityAt(dst, in, p.t, rows); err != nil {
		return err
	}
	for i := range x.N {
		c := p.terms[i]
		for j, v := range dst.Row(i) {
			dst.Row(i)[j] = T(c.a*float64(x.Row(i)[j]) + c.b*float64(v))
		}
	}
	return nil
}
