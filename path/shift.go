package path

import "math"

// Shift moves a time towards the noise for k > 1, towards the data for k < 1:
//
//	t' = t / (1 + (k-1)(1-t))
//
// More points, or pixels, of a kind need more noise to hide the same thing, so
// large images are trained and sampled with k = 3 or so (Esser et al. 2024,
// section 5.3.2; there sigma = 1-t, sigma' = k sigma / (1 + (k-1) sigma)).
// Shift(Shift(t, k), 1/k) is t.
func Shift(t, k float64) float64 { return t / (1 + (k-1)*(1-t)) }

// maxLength is the longest sequence of Config.ShiftLength: its shift is 1e5, and
// that of much longer ones no number.
const maxLength = 1 << 16

// DynamicShift returns the k that Flux uses for sequences of length tokens:
// e^mu, where mu is .5 at 256 tokens, 1.15 at 4096 and linear between and beyond.
func DynamicShift(length int) float64 {
	const slope = (1.15 - 0.5) / (4096 - 256)
	return math.Exp(0.5 + slope*(float64(length)-256))
}
