// Package metric says how far a set of samples is from a set of data, and how
// straight and how uncrossed a flow is.
//
// Distances between two clouds of points x (n rows) and y:
//
//	W2²  = min over matchings π of mean ‖x_i - y_π(i)‖²   exact, O(n³) at worst
//	W1   = min over matchings π of mean ‖x_i - y_π(i)‖
//	SW2² = mean over directions θ of W2²(θ·x, θ·y)        sorting, O(n log n)
//	E    = 2 E‖x-y‖ - E‖x-x'‖ - E‖y-y'‖                   energy distance, unbiased
//	MMD² = E k(x,x') + E k(y,y') - 2 E k(x,y)             sum of RBF kernels
//
// A distance between finite samples is never zero, not even between two draws
// of the same data. That value, the floor, belongs beside every figure:
//
//	w, err := metric.W2(samples, data)
//	floor, err := metric.W2(moreData, data)
//	fmt.Println(w / floor)
//
// Evaluate does this for a whole sampler, over several pairs of draws, with
// bootstrap intervals, and returns the Report that `laminar eval` prints. A
// ratio to the floor of a few pairs scatters by a tenth: it is no verdict. The
// figures to judge small changes by are the unbiased energy distance, which is
// zero on average for a perfect sampler and comes with its standard error, and
// SW2 at n_fine points.
//
// Figures of the flow itself: Crossing is a property of the coupling (the share
// of the target's variance that no field can follow, because lines cross);
// PathFigures holds the path energy and the straightness of solved paths.
//
// Everything is a pure function of its arguments: directions, resampling and
// draws come from keys, sums run in a fixed order, and the number of cores does
// not change a bit. All functions are safe for concurrent use. The package
// opens no file, solves no ODE and trains nothing.
package metric

import (
	"fmt"
	"math"

	"laminar/flow"
	"laminar/tensor"
)

// checkPair returns an error unless x and y are well-formed, finite, of the
// same dimension, and hold at least least rows each.
func checkPair(x, y tensor.Mat, least int) error {
	if err := x.Check("first sample", -1, -1); err != nil {
		return err
	}
	if err := y.Check("second sample", -1, x.D); err != nil {
		return err
	}
	if x.N < least || y.N < least || x.D < 1 {
		return fmt.Errorf("%w: %dx%d and %dx%d points, need at least %d rows and 1 column", flow.ErrShape, x.N, x.D, y.N, y.D, least)
	}
	if err := checkFinite("first sample", x); err != nil {
		return err
	}
	return checkFinite("second sample", y)
}

func checkFinite(what string, m tensor.Mat) error {
	for i, v := range m.Data {
		if v-v != 0 {
			return fmt.Errorf("%w: %s has %v in row %d, column %d", flow.ErrDiverged, what, v, i/m.D, i%m.D)
		}
	}
	return nil
}

// dist2 returns the squared Euclidean distance of two points, in float64.
func dist2(a, b []float32) float64 {
	var s float64
	b = b[:len(a)]
	for j, v := range a {
		d := float64(v) - float64(b[j])
		s += d * d
	}
	return s
}

// meanSD returns the mean and the unbiased standard deviation of v.
func meanSD(v []float64) (mean, sd float64) {
	if len(v) == 0 {
		return math.NaN(), math.NaN()
	}
	for _, x := range v {
		mean += x
	}
	mean /= float64(len(v))
	for _, x := range v {
		sd += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(sd / float64(len(v)-1))
}
