package lap

import "math"

// The scans in plain Go: the reference of every assembly kernel, and what runs
// where there is none. Kernels agree with them on every value; ties go to the
// lowest index on every machine.

// bestTwo32Go returns the two smallest of c[j]+p[j] and the index of the
// smallest.
func bestTwo32Go(c, p []float32) (m1, m2 float32, at int) {
	m1 = float32(math.Inf(1))
	m2 = m1
	for j, x := range c {
		w := x + p[j]
		if w < m1 {
			m1, m2, at = w, m1, j
		} else if w < m2 {
			m2 = w
		}
	}
	return m1, m2, at
}

// bestTwo64Go returns the two smallest of c[j]-v[j] in float64 and the index of
// the smallest.
func bestTwo64Go(c []float32, v []float64) (m1, m2 float64, at int) {
	m1 = math.Inf(1)
	m2 = m1
	for j, x := range c {
		w := float64(x) - v[j]
		if w < m1 {
			m1, m2, at = w, m1, j
		} else if w < m2 {
			m2 = w
		}
	}
	return m1, m2, at
}

// relax64Go lowers key[j] to c[j]-v[j]-h where that is smaller, writing row to
// pred[j], and returns the smallest key with its index.
func relax64Go(c []float32, v, key []float64, pred []int64, h float64, row int64) (least float64, at int) {
	least = math.Inf(1)
	for j, x := range c {
		if w := float64(x) - v[j] - h; w < key[j] {
			key[j], pred[j] = w, row
		}
		if key[j] < least {
			least, at = key[j], j
		}
	}
	return least, at
}

// rangeGo returns the smallest and largest element, and a sum that is 0 if all
// elements are finite and NaN if not.
func rangeGo(c []float32) (lo, hi, nan float32) {
	lo, hi = float32(math.Inf(1)), float32(math.Inf(-1))
	for _, x := range c {
		nan += x - x //nolint:staticcheck // NaN for NaN and for infinities
		if x < lo {
			lo = x
		}
		if x > hi {
			hi = x
		}
	}
	return lo, hi, nan
}

// distRowGo sets dst[j] to the sum over k of (yt[k*stride+j]-x[k])^2, added in
// the order of k, or to its square root.
func distRowGo(dst, yt, x []float32, stride int, root bool) {
	clear(dst)
	for k, xk := range x {
		col := yt[k*stride : k*stride+len(dst)]
		for j, y := range col {
			d := y - xk
			dst[j] += float32(d * d)
		}
	}
	if root {
		for j, s := range dst {
			dst[j] = float32(math.Sqrt(float64(s)))
		}
	}
}
