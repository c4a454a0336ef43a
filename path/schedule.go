package path

import "math"

// near is how close to an end a singular derivative is still computed.
const near = 1e-12

// CondOT is the schedule of straight lines, alpha = t and sigma = 1-t (Lipman et
// al. 2023). It is a flow.Schedule.
type CondOT struct{}

// At is the method of flow.Schedule.
func (CondOT) At(t float64) (alpha, sigma, dalpha, dsigma float64) { return t, 1 - t, 1, -1 }

// Time is the method of flow.Schedule: snr / (1 + snr).
func (CondOT) Time(snr float64) float64 { return share(snr) }

// share returns snr / (1 + snr), which is alpha / (alpha + sigma).
func share(snr float64) float64 {
	if math.IsInf(snr, 1) {
		return 1
	}
	return snr / (1 + snr)
}

// Polynomial is alpha = t^Power and sigma = 1 - t^Power, for Power at least 1. It
// is a flow.Schedule.
type Polynomial struct{ Power float64 }

// At is the method of flow.Schedule.
func (p Polynomial) At(t float64) (alpha, sigma, dalpha, dsigma float64) {
	alpha, dalpha = math.Pow(t, p.Power), p.Power*math.Pow(t, p.Power-1)
	return alpha, 1 - alpha, dalpha, -dalpha
}

// Time is the method of flow.Schedule.
func (p Polynomial) Time(snr float64) float64 { return math.Pow(share(snr), 1/p.Power) }

// VP is the variance-preserving schedule of diffusion models (Ho et al. 2020;
// Song et al. 2021), whose noise rate beta runs from Max at t = 0 to Min at t = 1:
//
//	alpha = exp(-T/2), sigma = sqrt(1 - exp(-T)), T(t) = (1-t)^2 (Max-Min)/2 + (1-t) Min
//
// alpha(0) is small, not 0: .00657 for DDPM. sigma' is singular at t = 1. It is
// a flow.Schedule.
type VP struct{ Min, Max float64 }

// DDPM returns the VP schedule with the noise rates .1 and 20, to which DDPM's
// thousand steps converge.
func DDPM() VP { return VP{0.1, 20} }

// At is the method of flow.Schedule.
func (p VP) At(t float64) (alpha, sigma, dalpha, dsigma float64) {
	u := max(1-t, 0)
	alpha = math.Exp(-p.exponent(u) / 2)
	sigma = math.Sqrt(-math.Expm1(-p.exponent(u)))
	u = max(u, near)
	rate, e := -u*(p.Max-p.Min)-p.Min, p.exponent(u)
	return alpha, sigma, -rate / 2 * alpha, rate / 2 * math.Exp(-e) / math.Sqrt(-math.Expm1(-e))
}

// exponent is T at u = 1-t.
func (p VP) exponent(u float64) float64 { return u*u*(p.Max-p.Min)/2 + u*p.Min }

// Time is the method of flow.Schedule.
func (p VP) Time(snr float64) float64 {
	if snr == 0 {
		return 0
	}
	e := math.Log1p(1 / (snr * snr)) // T
	// The root of the quadratic in 1-t that does not cancel.
	return max(0, 1-2*e/(p.Min+math.Sqrt(p.Min*p.Min+2*(p.Max-p.Min)*e)))
}

// LinearVP is alpha = t and sigma = sqrt(1 - t^2), of which sigma' is singular
// at t = 1. It is a flow.Schedule.
type LinearVP struct{}

// At is the method of flow.Schedule.
func (LinearVP) At(t float64) (alpha, sigma, dalpha, dsigma float64) {
	c := min(t, 1-near)
	return t, math.Sqrt(max(0, (1-t)*(1+t))), 1, -c / math.Sqrt((1-c)*(1+c))
}

// Time is the method of flow.Schedule.
func (LinearVP) Time(snr float64) float64 {
	if math.IsInf(snr, 1) {
		return 1
	}
	return snr / math.Hypot(1, snr)
}

// Cosine is alpha = sin(pi t/2) and sigma = cos(pi t/2), the path of VP-CFM
// (Albergo, Vanden-Eijnden 2023) and SiT's GVP. It is a flow.Schedule.
type Cosine struct{}

// At is the method of flow.Schedule.
func (Cosine) At(t float64) (alpha, sigma, dalpha, dsigma float64) {
	alpha, sigma = math.Sin(math.Pi/2*t), math.Sin(math.Pi/2*(1-t))
	return alpha, sigma, math.Pi / 2 * sigma, -math.Pi / 2 * alpha
}

// Time is the method of flow.Schedule.
func (Cosine) Time(snr float64) float64 { return 2 / math.Pi * math.Atan(snr) }

// Blurred is the schedule of Target, alpha = t and sigma = 1 - (1-SigmaMin) t:
// some noise is left at t = 1. It is a flow.Schedule.
type Blurred struct{ SigmaMin float64 }

// At is the method of flow.Schedule.
func (p Blurred) At(t float64) (alpha, sigma, dalpha, dsigma float64) {
	return t, 1 - (1-p.SigmaMin)*t, 1, p.SigmaMin - 1
}

// Time is the method of flow.Schedule; a ratio above that of t = 1 gives 1.
func (p Blurred) Time(snr float64) float64 {
	if math.IsInf(snr, 1) {
		return 1
	}
	return min(1, snr/(1+(1-p.SigmaMin)*snr))
}
