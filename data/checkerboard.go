package data

import (
	"math"

	"laminar/rng"
)

// Checkerboard is the uniform distribution on the eight black squares, of side
// 2, of a 4x4 board on [-4, 4).
type Checkerboard struct{}

// Dim returns 2.
func (Checkerboard) Dim() int { return 2 }

// Modes returns 8, the number of squares.
func (Checkerboard) Modes() int { return 8 }

// corner returns the lower left corner of a square.
func (Checkerboard) corner(square int) (x, y float64) {
	column, pair := square/2, square%2
	return float64(2*column - 4), float64(2*(2*pair+column%2) - 4)
}

// Mode returns the nearest square.
func (c Checkerboard) Mode(p []float32) int {
	best, least := 0, math.Inf(1)
	for k := range 8 {
		x, y := c.corner(k)
		dx := max(math.Abs(float64(p[0])-x-1)-1, 0)
		dy := max(math.Abs(float64(p[1])-y-1)-1, 0)
		if d := dx*dx + dy*dy; d < least {
			best, least = k, d
		}
	}
	return best
}

// Point draws a square by chance, then a point in it.
func (c Checkerboard) Point(dst []float32, key rng.Key) int {
	s := key.Stream()
	square := s.IntN(8)
	x, y := c.corner(square)
	dst[0], dst[1] = float32(x)+2*s.Float32(), float32(y)+2*s.Float32()
	return square
}
