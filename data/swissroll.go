package data

import (
	"math"

	"laminar/rng"
)

// SwissRoll is the cross-section of scikit-learn's make_swiss_roll over 5: the
// spiral (a cos a, a sin a)/5 for a uniform in [1.5 pi, 4.5 pi), with Gaussian
// noise of standard deviation Noise on either coordinate.
type SwissRoll struct {
	modeless
	Noise float64
}

// Dim returns 2.
func (r SwissRoll) Dim() int { return 2 }

// Point draws the place on the spiral and the noise.
func (r SwissRoll) Point(dst []float32, key rng.Key) int {
	s := key.Stream()
	a := 1.5 * math.Pi * (1 + 2*s.Float64())
	sin, cos := math.Sincos(a)
	dst[0] = float32(a*cos/5 + r.Noise*s.NormFloat64())
	dst[1] = float32(a*sin/5 + r.Noise*s.NormFloat64())
	return -1
}
