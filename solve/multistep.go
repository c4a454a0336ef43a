package solve

import (
	"math"

	"laminar/flow"
	"laminar/tensor"
)

// adams is Adams-Bashforth 2 on uneven steps: with r = h/h_last,
//
//	x + h [(1 + r/2) v - r/2 v_last],
//
// and Euler for the first step.
type adams[T tensor.Float] struct{}

func (adams[T]) step(s *Solver[T], f flow.FieldOf[T], x tensor.Matrix[T], n int) error {
	h := s.times[n] - s.times[n-1]
	if err := f.Velocity(s.k[0], x, s.times[n-1]); err != nil {
		return err
	}
	if n == 1 {
		addScaled(x.Data, x.Data, T(h), s.k[0].Data)
	} else {
		half := h / (s.times[n-1] - s.times[n-2]) / 2
		addScaled(x.Data, x.Data, T(h*(1+half)), s.k[0].Data)
		addScaled(x.Data, x.Data, T(-h*half), s.k[1].Data)
	}
	s.k[0], s.k[1] = s.k[1], s.k[0]
	return nil
}

// moulton predicts a step as adams does and corrects it once the velocity at its
// end is known, which the next step needs anyway: by the integral of the parabola
// through that velocity v, the one at its start v1 and the one before v2. With h
// the step and g the one before it,
//
//	x + h (v + v1)/2 - h^3/(6 (h+g)) [(v - v1)/h - (v1 - v2)/g].
//
// The first step is corrected by the trapezoid, the last one is not. k[1] and k[2]
// are v1 and v2, s.stage is the x that the step began from.
type moulton[T tensor.Float] struct{}

func (moulton[T]) step(s *Solver[T], f flow.FieldOf[T], x tensor.Matrix[T], n int) error {
	v, v1, v2, base := s.k[0], s.k[1], s.k[2], s.stage
	if err := f.Velocity(v, x, s.times[n-1]); err != nil {
		return err
	}
	h := s.times[n] - s.times[n-1]
	half := 0.0
	if n > 1 {
		last := s.times[n-1] - s.times[n-2]
		a, a1, a2 := last/2, last/2, 0.0
		if n > 2 {
			g := s.times[n-2] - s.times[n-3]
			c := last * last * last / (6 * (last + g))
			a, a1, a2 = a-c/last, a1+c/last+c/g, -c/g
		}
		addScaled(x.Data, base.Data, T(a), v.Data)
		addScaled(x.Data, x.Data, T(a1), v1.Data)
		if n > 2 {
			addScaled(x.Data, x.Data, T(a2), v2.Data)
		}
		half = h / last / 2
	}
	copy(base.Data, x.Data)
	addScaled(x.Data, x.Data, T(h*(1+half)), v.Data)
	if n > 1 {
		addScaled(x.Data, x.Data, T(-h*half), v1.Data)
	}
	s.k[0], s.k[1], s.k[2] = v2, v, v1
	return nil
}

// ddim takes the expected data and noise of a point and mixes them as the next
// time has it: alpha' x1 + sigma' x0. With x_t = (1-t) x0 + t x1 that is Euler.
type ddim[T tensor.Float] struct{}

func (ddim[T]) step(s *Solver[T], f flow.FieldOf[T], x tensor.Matrix[T], n int) error {
	at, to := mixtureAt(s.Schedule, s.times[n-1]), read(s.Schedule, s.times[n])
	if err := f.Velocity(s.k[0], x, s.times[n-1]); err != nil {
		return err
	}
	da, db := at.data()
	na, nb := at.noise()
	mix(x, x, s.k[0], to.alpha*da+to.sigma*na, to.alpha*db+to.sigma*nb)
	return nil
}

// The steps of the next two are even in lambda = log(alpha/sigma). A step from
// or to where lambda is about infinite, at the ends of a flow, is of first order.
const farSNR = 1e4

func far(m mixture) bool { return m.alpha <= m.sigma/farSNR || m.sigma <= m.alpha/farSNR }

// data writes the expected data at x and time t into dst.
func (s *Solver[T]) data(f flow.FieldOf[T], dst, x tensor.Matrix[T], t float64) error {
	if err := f.Velocity(dst, x, t); err != nil {
		return err
	}
	a, b := mixtureAt(s.Schedule, t).data()
	mix(dst, x, dst, a, b)
	return nil
}

// dpm is DPM-Solver++ 2M: with the expected data D, h = lambda' - lambda and
// r = h_last/h,
//
//	x' = sigma'/sigma x - alpha' (exp(-h) - 1) [D + (D - D_last)/(2r)].
type dpm[T tensor.Float] struct{ last float64 }

func (p *dpm[T]) step(s *Solver[T], f flow.FieldOf[T], x tensor.Matrix[T], n int) error {
	at, to := read(s.Schedule, s.times[n-1]), read(s.Schedule, s.times[n])
	if err := s.data(f, s.k[0], x, s.times[n-1]); err != nil {
		return err
	}
	h := to.logSNR() - at.logSNR()
	weight := -to.alpha * math.Expm1(-h)
	extra := 0.0
	if n > 1 && !far(to) && !math.IsInf(p.last, 0) {
		extra = h / (2 * p.last)
	}
	p.last = h
	if far(at) {
		p.last = math.Inf(1)
	}
	mix(x, x, s.k[0], to.sigma/at.sigma, weight*(1+extra))
	if extra != 0 {
		addScaled(x.Data, x.Data, T(-weight*extra), s.k[1].Data)
	}
	s.k[0], s.k[1] = s.k[1], s.k[0]
	return nil
}

// unipc is UniPC-2 on the expected data with B(h) = exp(-h) - 1: a step of the
// form of dpm's is predicted from the last estimates, and corrected once the
// estimate at its end is known, which the next step needs anyway. So it costs
// one evaluation per step; the last step is not corrected.
//
// k[1] is the estimate at the start of the step before, k[2] that of the one
// before that; s.stage and the prediction say how x was made.
type unipc[T tensor.Float] struct {
	last float64 // lambda step of the step before, infinite if of no use
	prediction
}

// prediction is what the corrector needs of the last prediction:
// x = base + weight sum_i rho_i (D_i - D).
type prediction struct {
	weight, h, r float64 // r is h_before/h, infinite at order 1
	done         bool
}

func (p *unipc[T]) step(s *Solver[T], f flow.FieldOf[T], x tensor.Matrix[T], n int) error {
	base := s.stage
	if n == 1 {
		p.done, p.last = false, math.Inf(1)
	}
	at, to := read(s.Schedule, s.times[n-1]), read(s.Schedule, s.times[n])
	now, before, older := s.k[0], s.k[1], s.k[2]
	if err := s.data(f, now, x, s.times[n-1]); err != nil {
		return err
	}
	if p.done {
		// x = base + weight [rho_0 (D_older - D_before)/(-r) + rho_1 (D_now - D_before)]
		first, second := p.corrector()
		for i := range x.Data {
			d := float64(before.Data[i])
			c := second * (float64(now.Data[i]) - d)
			if first != 0 {
				c += first * (float64(older.Data[i]) - d) / -p.r
			}
			x.Data[i] = base.Data[i] + T(p.weight*c)
		}
	}
	h := to.logSNR() - at.logSNR()
	weight := -to.alpha * math.Expm1(-h)
	mix(base, x, now, to.sigma/at.sigma, weight)
	r := math.Inf(1)
	if !math.IsInf(p.last, 0) && !far(to) {
		r = p.last / h
	}
	copy(x.Data, base.Data)
	if !math.IsInf(r, 0) {
		c := weight / 2 / r
		addScaled(x.Data, x.Data, T(c), now.Data)
		addScaled(x.Data, x.Data, T(-c), before.Data)
	}
	p.prediction = prediction{weight: weight, h: h, r: r, done: true}
	p.last = h
	if far(at) {
		p.last = math.Inf(1)
	}
	s.k[0], s.k[1], s.k[2] = older, now, before
	return nil
}

// corrector returns rho_0 and rho_1: the solution of
//
//	rho_0 + rho_1 = b1,  -r rho_0 + rho_1 = b2
//
// with b_i from the phi functions of -h, or 0 and 1/2 at order 1.
func (c prediction) corrector() (first, second float64) {
	if math.IsInf(c.r, 0) {
		return 0, 0.5
	}
	z := -c.h
	phi1 := math.Expm1(z)
	phi2 := phi1/z - 1
	phi3 := phi2/z - 0.5
	b1, b2 := phi2/phi1, 2*phi3/phi1
	first = (b1 - b2) / (1 + c.r)
	return first, b1 - first
}
