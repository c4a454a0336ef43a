package data

import "laminar/rng"

// Uniform is the uniform distribution on the cube [-1, 1)^D.
type Uniform struct {
	modeless
	D int
}

// Dim returns D.
func (u Uniform) Dim() int { return u.D }

// Point draws every coordinate by itself.
func (u Uniform) Point(dst []float32, key rng.Key) int {
	s := key.Stream()
	s.Fill(dst)
	for i, v := range dst {
		dst[i] = 2*v - 1
	}
	return -1
}
