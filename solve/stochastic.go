package solve

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"laminar/flow"
	"laminar/tensor"
)

// A Diffusion is w(t) of the stochastic equation
//
//	dx = [u_t(x) + w(t) grad log p_t(x)] dt + sqrt(2 w(t)) dW,
//
// which has the flow's distribution at every time, whatever w >= 0 is (SiT, Ma et
// al. 2024). The methods lower w to sigma(t)^2/(2h) where a step h would overshoot
// the noise that is left.
type Diffusion struct {
	Name, About string
	// of returns w of a unit scale.
	of func(m mixture, t float64) float64
	// scheduled diffusions need the schedule even where a score field is given.
	scheduled bool
}

var diffusions = []Diffusion{
	{"sigma", "w = c sigma(t): as much noise as is left", func(m mixture, _ float64) float64 { return m.sigma }, true},
	{"constant", "w = c", func(mixture, float64) float64 { return 1 }, false},
	{"linear", "w = c (1-t)", func(_ mixture, t float64) float64 { return 1 - t }, false},
	{"decreasing", "w = (c cos(pi t) + 1)^2 / 4", nil, false}, // see diffusion
	{"sin2", "w = c sin(pi t)^2", func(_ mixture, t float64) float64 { return math.Pow(math.Sin(math.Pi*t), 2) }, false},
	{"sbdm", "w of the noising process itself: c (alpha'/alpha sigma^2 - sigma sigma')", func(m mixture, _ float64) float64 {
		return m.dalpha/m.alpha*m.sigma*m.sigma - m.sigma*m.dsigma
	}, true},
}

// Diffusions lists the choices of Config.Diffusion.
func Diffusions() []Diffusion { return slices.Clone(diffusions) }

func diffusionNamed(name string) (Diffusion, error) {
	var valid []string
	for _, d := range diffusions {
		if d.Name == name {
			return d, nil
		}
		valid = append(valid, d.Name)
	}
	return Diffusion{}, &flow.FieldError{Path: "diffusion", Msg: fmt.Sprintf("unknown diffusion %q; choose one of %s", name, strings.Join(valid, ", "))}
}

// w is the diffusion at time t for a step of length h; 0 in the step that ends at
// t = 1, which adds no noise.
func (s *Solver[T]) w(t, h float64, last bool) float64 {
	if last {
		return 0
	}
	d, c := s.diffusion, s.cfg.DiffusionScale
	var m mixture
	if s.Schedule != nil {
		m = mixtureAt(s.Schedule, t)
	}
	var w float64
	if d.of == nil {
		w = math.Pow(c*math.Cos(math.Pi*t)+1, 2) / 4
	} else {
		w = c * d.of(m, t)
	}
	if s.Schedule != nil {
		w = min(w, m.sigma*m.sigma/(2*h))
	}
	return max(w, 0)
}

// drift writes u + w score at x and time t into dst; spare is overwritten where
// the score has a field of its own.
func (s *Solver[T]) drift(f flow.FieldOf[T], dst, spare, x tensor.Matrix[T], t, w float64) error {
	if err := f.Velocity(dst, x, t); err != nil {
		return err
	}
	if w == 0 { // at the data, where a score may be infinite
		return nil
	}
	if s.Score != nil {
		if err := s.Score.Velocity(spare, x, t); err != nil {
			return err
		}
		addScaled(dst.Data, dst.Data, T(w), spare.Data)
		return nil
	}
	a, b := mixtureAt(s.Schedule, t).score()
	mix(dst, x, dst, w*a, 1+w*b)
	return nil
}

// addNoise adds c times standard normal numbers to dst: row i those of its own
// key, step n.
func (s *Solver[T]) addNoise(dst tensor.Matrix[T], c float64, n int) {
	if c == 0 {
		return
	}
	for i := range dst.N {
		stream := s.Key.At(uint64(s.number(i))).At(uint64(n)).Stream()
		row := dst.Row(i)
		for j := range row {
			row[j] += T(c * stream.NormFloat64())
		}
	}
}

// lastStep tells whether step n ends at the data.
func (s *Solver[T]) lastStep(n int) bool { return n == len(s.times)-1 && s.times[n] >= 1 }

// maruyama is the Euler-Maruyama method.
type maruyama[T tensor.Float] struct{}

func (maruyama[T]) step(s *Solver[T], f flow.FieldOf[T], x tensor.Matrix[T], n int) error {
	t, h := s.times[n-1], s.times[n]-s.times[n-1]
	w := s.w(t, h, s.lastStep(n))
	if err := s.drift(f, s.k[0], s.k[1], x, t, w); err != nil {
		return err
	}
	addScaled(x.Data, x.Data, T(h), s.k[0].Data)
	s.addNoise(x, math.Sqrt(2*w*h), n)
	return nil
}

// stochasticHeun averages the drift at the start and at the end that
// Euler-Maruyama predicts with the same noise; the noise does not depend on x,
// so that this has weak order 2 (Kloeden, Platen 1992, 15.1).
type stochasticHeun[T tensor.Float] struct{}

func (stochasticHeun[T]) step(s *Solver[T], f flow.FieldOf[T], x tensor.Matrix[T], n int) error {
	t, to := s.times[n-1], s.times[n]
	h, last := to-t, s.lastStep(n)
	w0, w1 := s.w(t, h, last), s.w(to, h, last)
	if err := s.drift(f, s.k[0], s.k[2], x, t, w0); err != nil {
		return err
	}
	s.addNoise(x, math.Sqrt((w0+w1)*h), n)
	addScaled(s.stage.Data, x.Data, T(h), s.k[0].Data)
	if err := s.drift(f, s.k[1], s.k[2], s.stage, to, w1); err != nil {
		return err
	}
	addScaled(x.Data, x.Data, T(h/2), s.k[0].Data)
	addScaled(x.Data, x.Data, T(h/2), s.k[1].Data)
	return nil
}

// ancestral draws from the posterior of the noising process between the times t
// and t' > t, given the expected data x1: with a = alpha/alpha' and
// b^2 = sigma^2 - a^2 sigma'^2,
//
//	N( (a sigma'^2 x_t + b^2 alpha' x1) / sigma^2,  b^2 sigma'^2 / sigma^2 ).
//
// On a variance-preserving schedule that is DDPM with its smaller variance.
type ancestral[T tensor.Float] struct{}

func (ancestral[T]) step(s *Solver[T], f flow.FieldOf[T], x tensor.Matrix[T], n int) error {
	at, to := read(s.Schedule, s.times[n-1]), read(s.Schedule, s.times[n])
	if err := s.data(f, s.k[0], x, s.times[n-1]); err != nil {
		return err
	}
	v, v1 := at.sigma*at.sigma, to.sigma*to.sigma
	a := at.alpha / to.alpha
	b := max(0, v-a*a*v1)
	mix(x, x, s.k[0], a*v1/v, b*to.alpha/v)
	s.addNoise(x, math.Sqrt(b*v1/v), n)
	return nil
}

// renoise keeps the expected data only and adds the next time's noise afresh:
// alpha' x1 + sigma' eps. It is meant for networks whose estimate is a sample
// already (distilled ones); with the expectation that a plain flow knows, it loses
// spread however short the steps are.
type renoise[T tensor.Float] struct{}

func (renoise[T]) step(s *Solver[T], f flow.FieldOf[T], x tensor.Matrix[T], n int) error {
	to := read(s.Schedule, s.times[n])
	if err := s.data(f, s.k[0], x, s.times[n-1]); err != nil {
		return err
	}
	mix(x, s.k[0], s.k[0], to.alpha, 0)
	s.addNoise(x, to.sigma, n)
	return nil
}

// jump follows the average velocity of each step.
type jump[T tensor.Float] struct{}

func (jump[T]) step(s *Solver[T], f flow.FieldOf[T], x tensor.Matrix[T], n int) error {
	t, to := s.times[n-1], s.times[n]
	if err := f.(flow.AverageOf[T]).Average(s.k[0], x, t, to); err != nil {
		return err
	}
	addScaled(x.Data, x.Data, T(to-t), s.k[0].Data)
	return nil
}
