package data

import (
	"math"

	"laminar/rng"
)

// Pinwheel is Blades normals along evenly spaced directions, bent about the
// origin (Johnson et al. 2016), at the scale 2 that FFJORD uses: a point
// f = (1 + Radial e1, Tangential e2) of a straight blade is turned by
// Bend exp(f1) and doubled.
type Pinwheel struct {
	Blades                   int
	Radial, Tangential, Bend float64
}

// Dim returns 2.
func (p Pinwheel) Dim() int { return 2 }

// Modes returns the number of blades.
func (p Pinwheel) Modes() int { return p.Blades }

// Mode returns the blade whose bent axis is nearest in angle.
func (p Pinwheel) Mode(x []float32) int {
	a, b := float64(x[0])/2, float64(x[1])/2
	return sector(math.Atan2(b, a)-p.Bend*math.Exp(math.Hypot(a, b)), p.Blades)
}

// Point draws blade and noise.
func (p Pinwheel) Point(dst []float32, key rng.Key) int {
	s := key.Stream()
	blade := s.IntN(p.Blades)
	f1 := 1 + p.Radial*s.NormFloat64()
	f2 := p.Tangential * s.NormFloat64()
	sin, cos := math.Sincos(2*math.Pi*float64(blade)/float64(p.Blades) + p.Bend*math.Exp(f1))
	dst[0] = float32(2 * (f1*cos - f2*sin))
	dst[1] = float32(2 * (f1*sin + f2*cos))
	return blade
}
