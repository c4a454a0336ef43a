package path

import (
	"fmt"
	"slices"
	"strings"

	"laminar/flow"
	"laminar/graph"
)

// Prediction says what a network, or a field, answers about a point x_t of an
// affine path. All four are linear in each other and x_t: see Convert.
type Prediction string

// The predictions. Expectations are over the pairs whose path goes through x.
const (
	Velocity Prediction = "velocity" // E[sigma' x0 + alpha' x1 | x_t = x]
	Data     Prediction = "data"     // E[x1 | x_t = x]
	Noise    Prediction = "noise"    // E[x0 | x_t = x]
	// Score is the gradient of log p_t at x. It is -E[x0|x]/sigma where x0 is
	// N(0, I) and independent of x1, and means nothing elsewhere.
	Score Prediction = "score"
)

// Predictions lists them, Velocity first.
func Predictions() []Prediction { return []Prediction{Velocity, Data, Noise, Score} }

// Validate returns an error that wraps flow.ErrConfig unless p is one of
// Predictions.
func (p Prediction) Validate() error {
	if slices.Contains(Predictions(), p) {
		return nil
	}
	var names []string
	for _, q := range Predictions() {
		names = append(names, string(q))
	}
	return fmt.Errorf("%w: unknown prediction %q; one of %s", flow.ErrConfig, p, strings.Join(names, ", "))
}

// parts returns the share of x0 and of x1 in a prediction, for all but Score.
func (p Prediction) parts(dalpha, dsigma float64) (noise, data float64) {
	switch p {
	case Velocity:
		return dsigma, dalpha
	case Data:
		return 0, 1
	default:
		return 1, 0
	}
}

// Convert returns a and b with
//
//	to = a x_t + b from
//
// at a time where a schedule is (alpha, sigma, dalpha, dsigma). Since x_t and
// every prediction are sums of the noise x0 and the data x1, it is the solution
// of two equations with two unknowns. It is infinite or NaN where from does not
// determine to: data at sigma = 0, noise at alpha = 0, a score's target at sigma =
// 0. Clip says which times to keep to.
func Convert(from, to Prediction, alpha, sigma, dalpha, dsigma float64) (a, b float64) {
	if from == to {
		return 0, 1
	}
	fn, fd := from.parts(dalpha, dsigma)
	tn, td := to.parts(dalpha, dsigma)
	switch {
	case from == Score && to == Noise:
		return 0, -sigma
	case from == Noise && to == Score:
		return 0, -1 / sigma
	}
	a, b = Express(fn, fd, sigma, alpha, tn, td)
	if from == Score {
		b *= -sigma
	}
	if to == Score {
		a, b = -a/sigma, -b/sigma
	}
	return a, b
}

// Express returns a and b with tn x0 + td x1 = a (sigma x0 + alpha x1) + b (fn x0 +
// fd x1) for every x0 and x1: how a quantity with the parts (tn, td) follows from
// a point and a quantity with the parts (fn, fd).
func Express(fn, fd, sigma, alpha, tn, td float64) (a, b float64) {
	det := sigma*fd - alpha*fn
	return (tn*fd - td*fn) / det, (sigma*td - alpha*tn) / det
}

// Clip returns the times between which a network that answers p can be trained
// on the schedule s and converted to a velocity: away from the ends where the
// conversion divides by 0 or the velocity itself is infinite. Outside them it is
// asked at the nearest.
//
// At the data end the limit is where sigma is .01, but no nearer than .001: .99
// for straight lines, .999 for VP. At the noise end, for noise and scores, it is
// .01 where alpha(0) = 0, or where alpha is 1e-6 if that is later, as for steep
// polynomials; and 0 for VP, which keeps a trace of data there.
func Clip(p Prediction, s flow.Schedule) (lo, hi float64) {
	_, last, _, slope := s.At(1)
	if p == Data || p == Score || slope < -steepest {
		hi = lastTime(s)
	}
	if last >= clipSigma || hi == 0 {
		hi = 1
	}
	if first, _, _, _ := s.At(0); first == 0 && (p == Noise || p == Score) {
		lo = firstTime(s)
	}
	return lo, hi
}

const (
	clipSigma = 0.01  // least share of noise
	clipTime  = 0.01  // first time where alpha(0) = 0
	clipAlpha = 1e-6  // least share of data; less drowns in float32
	clipEnd   = 0.001 // least distance from t = 1
	steepest  = 1e3   // a steeper sigma is singular
)

// firstTime returns the first time from clipTime on at which alpha is clipAlpha.
func firstTime(s flow.Schedule) float64 {
	lo, hi := clipTime, 1.0
	if alpha, _, _, _ := s.At(lo); alpha >= clipAlpha*(1-1e-9) {
		return lo
	}
	for range 60 {
		mid := (lo + hi) / 2
		if alpha, _, _, _ := s.At(mid); alpha < clipAlpha {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// lastTime returns the time at which sigma is clipSigma, at most 1-clipEnd.
func lastTime(s flow.Schedule) float64 {
	lo, hi := 0.0, 1-clipEnd
	if _, sigma, _, _ := s.At(hi); sigma >= clipSigma {
		return hi
	}
	for range 60 {
		mid := (lo + hi) / 2
		if _, sigma, _, _ := s.At(mid); sigma >= clipSigma {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// A Drawn schedule can be written into a program: Coefficients returns its values
// and derivatives at t, a row value of shape [1]. All schedules of this package
// are Drawn.
type Drawn interface {
	flow.Schedule
	Coefficients(b *graph.Builder, t graph.Value) (alpha, sigma, dalpha, dsigma graph.Value)
}

// ToVelocity appends to b the velocity that follows from a network's answer at
// the point x, [D] each, and the time t, [1]:
//
//	v = sigma' x0 + alpha' x1
//
// with x0 and x1 as the answer and x_t = sigma x0 + alpha x1 give them. t must be
// within Clip. Velocities pass unchanged. Faults are left in b.
func ToVelocity(b *graph.Builder, s Drawn, from Prediction, answer, x, t graph.Value) graph.Value {
	if from == Velocity {
		return answer
	}
	if err := from.Validate(); err != nil {
		return b.Fail(err)
	}
	alpha, sigma, dalpha, dsigma := s.Coefficients(b, t)
	noise, data := answer, answer
	if from == Data {
		noise = b.Div(b.Sub(x, b.Mul(alpha, data)), sigma)
	} else {
		if from == Score {
			noise = b.Neg(b.Mul(sigma, answer))
		}
		data = b.Div(b.Sub(x, b.Mul(sigma, noise)), alpha)
	}
	return b.Add(b.Mul(dsigma, noise), b.Mul(dalpha, data))
}
