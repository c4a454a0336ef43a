package nn

import "math"

// SetReal writes one row's real condition for the network: a row with a NaN,
// or dropped, is unknown and answered by the learnt null.
func SetReal(dst, known, src []float32, dropped bool) {
	known[0] = 1
	for _, v := range src {
		if math.IsNaN(float64(v)) {
			dropped = true
		}
	}
	if dropped {
		known[0] = 0
		clear(dst)
		return
	}
	copy(dst, src)
}

// SetObserved writes observed values where the mask is not 0, and 0 elsewhere,
// so that what stands there (a NaN, perhaps) never enters the network.
func SetObserved(dst, mask, src []float32) {
	for i, m := range mask {
		dst[i] = 0
		if m != 0 {
			dst[i] = src[i]
		}
	}
}
