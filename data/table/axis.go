package table

import (
	"math"
	"slices"
	"strconv"
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

// restore is the value at z: rounded to its column's unit and, where that is
// finer than a float32 tells apart, to the fewest decimals that it does tell;
// within the column's bounds.
func (c *coder) restore(z float32, column *Column) float64 {
	s := c.scale
	v := min(max(c.axis.inverse(float64(z)), -largest), largest)
	inf := float32(math.Inf(1))
	lo, hi := c.axis.inverse(float64(math.Nextafter32(z, -inf))), c.axis.inverse(float64(math.Nextafter32(z, inf)))
	if s.Unit > hi-lo {
		if r := math.Round(v / s.Unit); math.Abs(r) < 1<<53 {
			v = r * s.Unit
		}
	} else {
		v = shortest(v, lo, hi)
		if s.Unit >= 1 { // whole numbers and dates stay what they are
			v = math.Round(v/s.Unit) * s.Unit
		}
	}
	if s.Min != nil {
		v = max(v, *s.Min)
	}
	if s.Max != nil {
		v = min(v, *s.Max)
	}
	if column.Number != nil {
		v = column.Number.round(v)
	}
	return v
}

// shortest rounds v to the fewest decimals, or the most zeros, that stay between
// lo and hi.
func shortest(v, lo, hi float64) float64 {
	if lo <= 0 && hi >= 0 {
		return 0
	}
	width := hi - lo
	if !(width > 0) || math.IsInf(width, 0) {
		return v
	}
	for d := -int(math.Floor(math.Log10(width))) - 1; d < maxDecimals; d++ {
		var r float64
		if d >= 0 {
			var b [400]byte
			r, _ = strconv.ParseFloat(string(strconv.AppendFloat(b[:0], v, 'f', d, 64)), 64)
		} else {
			ten := math.Pow(10, float64(-d))
			r = math.Round(v/ten) * ten
		}
		if r >= lo && r <= hi {
			return r
		}
	}
	return v
}
