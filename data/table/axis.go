package table

import (
	"math"
	"slices"
)

// axis is the map of a Scale, ready for use: straight between knots, beyond the
// ends z = end +- asinh(distance / slope).
type axis struct {
	x, z   []float64
	lo, hi float64 // units of x in one of z, at the ends
}

func newAxis(s *Scale) axis {
	a := axis{x: s.Knots, z: s.Normal}
	n := len(a.x)
	// The slope of an end is that over half a unit of z, not of the last gap.
	j := 1
	for j < n-1 && a.z[j]-a.z[0] < 0.5 {
		j++
	}
	a.lo = (a.x[j] - a.x[0]) / (a.z[j] - a.z[0])
	j = n - 2
	for j > 0 && a.z[n-1]-a.z[j] < 0.5 {
		j--
	}
	a.hi = (a.x[n-1] - a.x[j]) / (a.z[n-1] - a.z[j])
	return a
}

// forward returns the place of x and the derivative dz/dx there.
func (a *axis) forward(x float64) (z, slope float64) {
	n := len(a.x)
	switch {
	case x < a.x[0]:
		u := (a.x[0] - x) / a.lo
		return a.z[0] - math.Asinh(u), 1 / (a.lo * math.Hypot(1, u))
	case x > a.x[n-1]:
		u := (x - a.x[n-1]) / a.hi
		return a.z[n-1] + math.Asinh(u), 1 / (a.hi * math.Hypot(1, u))
	}
	k, _ := slices.BinarySearch(a.x, x)
	k = min(max(k, 1), n-1)
	slope = (a.z[k] - a.z[k-1]) / (a.x[k] - a.x[k-1])
	return a.z[k-1] + (x-a.x[k-1])*slope, slope
}

// farthest is how far beyond an end an inverse is followed.
const farthest = 50

// inverse returns the value at z.
func (a *axis) inverse(z float64) float64 {
	n := len(a.z)
	switch {
	case z < a.z[0]:
		return a.x[0] - a.lo*math.Sinh(min(a.z[0]-z, farthest))
	case z > a.z[n-1]:
		return a.x[n-1] + a.hi*math.Sinh(min(z-a.z[n-1], farthest))
	}
	k, _ := slices.BinarySearch(a.z, z)
	k = min(max(k, 1), n-1)
	return a.x[k-1] + (z-a.z[k-1])*(a.x[k]-a.x[k-1])/(a.z[k]-a.z[k-1])
}
