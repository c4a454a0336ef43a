package data

import (
	"math"

	"laminar/rng"
)

// Spirals is Arms interleaved spirals of Archimedes that make Turns turns from
// the origin, radius = angle/3, with Gaussian noise of standard deviation Noise
// on either coordinate. The angle grows as the square root of a uniform number,
// so that the points thin out little towards the end.
type Spirals struct {
	Arms  int
	Turns float64
	Noise float64
}

// Dim returns 2.
func (p Spirals) Dim() int { return 2 }

// Modes returns the number of arms.
func (p Spirals) Modes() int { return p.Arms }

// Mode returns the arm whose angle at the point's radius is nearest.
func (p Spirals) Mode(x []float32) int {
	a, b := float64(x[0]), float64(x[1])
	return sector(math.Atan2(b, a)-3*math.Hypot(a, b), p.Arms)
}

// Point draws arm, angle and noise.
func (p Spirals) Point(dst []float32, key rng.Key) int {
	s := key.Stream()
	arm := s.IntN(p.Arms)
	angle := 2 * math.Pi * p.Turns * math.Sqrt(s.Float64())
	sin, cos := math.Sincos(angle + 2*math.Pi*float64(arm)/float64(p.Arms))
	dst[0] = float32(angle/3*cos + p.Noise*s.NormFloat64())
	dst[1] = float32(angle/3*sin + p.Noise*s.NormFloat64())
	return arm
}

// sector returns which of n evenly spaced directions, the first at angle 0, is
// nearest to angle.
func sector(angle float64, n int) int {
	k := int(math.Round(math.Mod(angle/(2*math.Pi), 1)*float64(n))) % n
	return (k + n) % n
}
