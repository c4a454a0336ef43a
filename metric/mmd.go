package metric

import (
	"math"

	"laminar/tensor"
)

// sigmas are the widths of the kernels that MMD sums, those of torchcfm.
var sigmas = [...]float64{0.01, 0.1, 1, 10, 100}

// MMD returns the squared maximum mean discrepancy (Gretton et al. 2012) of the
// sum of five RBF kernels,
//
//	k(x, y) = Σ over σ of exp(-‖x-y‖²/(2σ²)),  σ in {0.01, 0.1, 1, 10, 100}
//
// in its biased form, with the pairs of a point with itself: the definition of
// torchcfm. It is never negative, and about 5·(1/n + 1/m) less the kernel's mean
// for equal laws. MMDUnbiased leaves those pairs out. O(n² D).
func MMD(x, y tensor.Mat) (float64, error) {
	if err := checkPair(x, y, 1); err != nil {
		return 0, err
	}
	return mmdOf(kernelWithin(x), kernelWithin(y), kernelBetween(x, y), x.N, y.N), nil
}

// mmdOf is the biased statistic from the kernel sums of n and m points.
func mmdOf(xx, yy, xy float64, n, m int) float64 {
	a, b, k := float64(n), float64(m), float64(len(sigmas))
	return max(0, (2*xx+a*k)/(a*a)+(2*yy+b*k)/(b*b)-2*xy/(a*b))
}

// MMDUnbiased returns the squared discrepancy of MMD as a U-statistic, zero on
// average for equal laws; it may be negative.
func MMDUnbiased(x, y tensor.Mat) (float64, error) {
	if err := checkPair(x, y, 2); err != nil {
		return 0, err
	}
	n, m := float64(x.N), float64(y.N)
	return 2*kernelWithin(x)/(n*(n-1)) + 2*kernelWithin(y)/(m*(m-1)) - 2*kernelBetween(x, y)/(n*m), nil
}

// kernelWithin sums k over the pairs i < j.
func kernelWithin(x tensor.Mat) (sum float64) {
	for i := range x.N {
		var row float64
		for j := range i {
			row += kernel(dist2(x.Row(i), x.Row(j)))
		}
		sum += row
	}
	return sum
}

func kernelBetween(x, y tensor.Mat) (sum float64) {
	for i := range x.N {
		var row float64
		for j := range y.N {
			row += kernel(dist2(x.Row(i), y.Row(j)))
		}
		sum += row
	}
	return sum
}

func kernel(d2 float64) (k float64) {
	for i := len(sigmas) - 1; i >= 0; i-- {
		a := d2 / (2 * sigmas[i] * sigmas[i])
		if a > 40 { // below 4e-18, and the narrower kernels more so
			break
		}
		k += expNeg(a)
	}
	return k
}

// expNeg is exp(-a) for a in [0, 40], to a relative 2e-12: a table in steps of
// 1/32 and the series of the rest.
func expNeg(a float64) float64 {
	i := int(a * 32)
	a -= float64(i) / 32
	return expTable[i] * (1 - a*(1-a*(1.0/2-a*(1.0/6-a*(1.0/24-a/120)))))
}

var expTable = func() (t [40*32 + 1]float64) {
	for i := range t {
		t[i] = math.Exp(-float64(i) / 32)
	}
	return t
}()
