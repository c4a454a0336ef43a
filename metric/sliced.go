package metric

import (
	"math"

	"laminar/tensor"
)

// SlicedW2 returns the sliced 2-Wasserstein distance (Rabin et al. 2011; Bonneel
// et al. 2015) over the rows of dirs, unit vectors from Directions:
//
//	sqrt( mean over θ of W2²(θ·x, θ·y) )
//
// One-dimensional distances are exact, by sorting; samples of unequal size are
// compared by their quantile functions. It costs O(dirs.N n (D + log n)), and is
// at most W2/sqrt(D) when the directions average to the sphere.
func SlicedW2(x, y, dirs tensor.Mat) (float64, error) {
	if err := checkPair(x, y, 1); err != nil {
		return 0, err
	}
	if err := dirs.Check("directions", -1, x.D); err != nil {
		return 0, err
	}
	var sx, sy sorted
	var sum float64
	for k := range dirs.N {
		sx.project(x, dirs.Row(k))
		sy.project(y, dirs.Row(k))
		sum += w2Sorted(sx.val, sy.val)
	}
	return math.Sqrt(sum / float64(dirs.N)), nil
}

// w2Sorted returns W2² of two ascending samples on the line: the integral over q
// of the squared difference of their quantile functions.
func w2Sorted(a, b []float32) float64 {
	n, m := len(a), len(b)
	var sum float64
	if n == m {
		for i, v := range a {
			d := float64(v) - float64(b[i])
			sum += d * d
		}
		return sum / float64(n)
	}
	// Quantiles are steps at multiples of 1/n and 1/m; count in units of 1/(nm).
	for i, j, q := 0, 0, 0; i < n && j < m; {
		next := min((i+1)*m, (j+1)*n)
		d := float64(a[i]) - float64(b[j])
		sum += d * d * float64(next-q)
		if next == (i+1)*m {
			i++
		}
		if next == (j+1)*n {
			j++
		}
		q = next
	}
	return sum / (float64(n) * float64(m))
}
