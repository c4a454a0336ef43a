package data

import "laminar/rng"

// Gaussian is the standard normal distribution in D dimensions.
type Gaussian struct {
	modeless
	D int
}

// Dim returns D.
func (g Gaussian) Dim() int { return g.D }

// Point draws from N(0, I).
func (g Gaussian) Point(dst []float32, key rng.Key) int {
	s := key.Stream()
	s.Normal(dst)
	return -1
}
