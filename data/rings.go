package data

import (
	"math"

	"laminar/rng"
)

// Rings is concentric circles, each equally likely whatever its radius, with
// Gaussian noise of standard deviation Noise on either coordinate.
type Rings struct {
	Radii []float64
	Noise float64
}

// Dim returns 2.
func (r Rings) Dim() int { return 2 }

// Modes returns the number of circles.
func (r Rings) Modes() int { return len(r.Radii) }

// Mode returns the nearest circle.
func (r Rings) Mode(x []float32) int {
	at := math.Hypot(float64(x[0]), float64(x[1]))
	best := 0
	for k, radius := range r.Radii {
		if math.Abs(at-radius) < math.Abs(at-r.Radii[best]) {
			best = k
		}
	}
	return best
}

// Point draws circle, angle and noise.
func (r Rings) Point(dst []float32, key rng.Key) int {
	s := key.Stream()
	k := s.IntN(len(r.Radii))
	sin, cos := math.Sincos(2 * math.Pi * s.Float64())
	dst[0] = float32(r.Radii[k]*cos + r.Noise*s.NormFloat64())
	dst[1] = float32(r.Radii[k]*sin + r.Noise*s.NormFloat64())
	return k
}
