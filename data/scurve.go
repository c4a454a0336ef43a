package data

import (
	"math"

	"laminar/rng"
)

// SCurve is the cross-section of scikit-learn's make_s_curve: the points
// (sin a, sign(a) (cos a - 1)) for a uniform in [-1.5 pi, 1.5 pi), with
// Gaussian noise of standard deviation Noise on either coordinate.
type SCurve struct {
	modeless
	Noise float64
}

// Dim returns 2.
func (c SCurve) Dim() int { return 2 }

// Point draws the place on the curve and the noise.
func (c SCurve) Point(dst []float32, key rng.Key) int {
	s := key.Stream()
	a := 3 * math.Pi * (s.Float64() - 0.5)
	sin, cos := math.Sincos(a)
	dst[0] = float32(sin + c.Noise*s.NormFloat64())
	dst[1] = float32(math.Copysign(cos-1, -a) + c.Noise*s.NormFloat64())
	return -1
}
