package metric

import (
	"math"

	"laminar/tensor"
)

// Estimate is a figure with its standard error.
type Estimate struct{ Value, SE float64 }

// Energy returns the unbiased estimate of the energy distance (Székely, Rizzo
// 2013),
//
//	2 E‖x-y‖ - E‖x-x'‖ - E‖y-y'‖
//
// as a U-statistic over all pairs of points, O(n² D). It is zero on average when
// x and y are draws of the same law, so that it may be negative. No root is
// taken.
//
// SE is the delete-one jackknife over the points of both samples. For clearly
// different laws it is accurate; for equal laws, where the statistic
// degenerates, its square is about twice the variance: an error on the safe side.
func Energy(x, y tensor.Mat) (Estimate, error) {
	if err := checkPair(x, y, 3); err != nil {
		return Estimate{}, err
	}
	sums := newEnergySums(x.N, y.N)
	within := func(s []float64, m tensor.Mat) {
		for i := range m.N {
			for j := range i {
				d := math.Sqrt(dist2(m.Row(i), m.Row(j)))
				s[i] += d
				s[j] += d
			}
		}
	}
	within(sums.xx, x)
	within(sums.yy, y)
	for i := range x.N {
		for j := range y.N {
			d := math.Sqrt(dist2(x.Row(i), y.Row(j)))
			sums.xy[i] += d
			sums.yx[j] += d
		}
	}
	return sums.estimate(), nil
}

// SlicedEnergy returns the energy distance as Energy does, in O(n log n) for
// each row of dirs, unit vectors from Directions. It rests on
//
//	‖z‖ = mean over θ of |θ·z| / c,  c = Γ(D/2) / (√π Γ((D+1)/2))
//
// which is exact when θ runs over the whole sphere. In two dimensions 64 even
// directions reproduce Energy to about 1e-4 of each term; in more, the value is
// the energy distance seen along these directions. It is zero on average for
// equal laws whatever the directions.
func SlicedEnergy(x, y, dirs tensor.Mat) (Estimate, error) {
	if err := checkPair(x, y, 3); err != nil {
		return Estimate{}, err
	}
	if err := dirs.Check("directions", -1, x.D); err != nil {
		return Estimate{}, err
	}
	sums := newEnergySums(x.N, y.N)
	var sx, sy sorted
	for k := range dirs.N {
		sx.project(x, dirs.Row(k))
		sy.project(y, dirs.Row(k))
		sums.addSorted(&sx, &sy)
	}
	sums.scale(1 / (float64(dirs.N) * meanAbsCosine(x.D)))
	return sums.estimate(), nil
}

// meanAbsCosine is the mean of |θ·e| over the unit sphere of dimension d.
func meanAbsCosine(d int) float64 {
	a, _ := math.Lgamma(float64(d) / 2)
	b, _ := math.Lgamma(float64(d+1) / 2)
	return math.Exp(a-b) / math.Sqrt(math.Pi)
}

// energySums holds, for each point, the sum of its distances to the points of
// either sample: xx[i] to the other x, xy[i] to all y, and so on.
type energySums struct{ xx, xy, yx, yy []float64 }

func newEnergySums(n, m int) *energySums {
	return &energySums{make([]float64, n), make([]float64, n), make([]float64, m), make([]float64, m)}
}

// addSorted adds the distances along one direction. For an ascending cloud v
// with prefix sums P, the sum of |a - v_j| is a·k - P_k + (P_n - P_k) - a·(n-k),
// k being the number of v_j below a.
func (s *energySums) addSorted(x, y *sorted) {
	potential(s.xx, x, x)
	potential(s.xy, x, y)
	potential(s.yx, y, x)
	potential(s.yy, y, y)
}

// potential adds to dst[a.row] the sum of |a - b_j| over b.
func potential(dst []float64, a, b *sorted) {
	var total float64
	for _, v := range b.val {
		total += float64(v)
	}
	var below float64
	k, n := 0, len(b.val)
	for i, v := range a.val {
		for k < n && b.val[k] < v {
			below += float64(b.val[k])
			k++
		}
		dst[a.row[i]] += float64(v)*float64(2*k-n) + total - 2*below
	}
}

func (s *energySums) scale(c float64) {
	for _, v := range [][]float64{s.xx, s.xy, s.yx, s.yy} {
		for i := range v {
			v[i] *= c
		}
	}
}

func (s *energySums) estimate() Estimate {
	n, m := float64(len(s.xx)), float64(len(s.yy))
	var xx, xy, yy float64
	for i, v := range s.xx {
		xx += v
		xy += s.xy[i]
	}
	for _, v := range s.yy {
		yy += v
	}
	value := 2*xy/(n*m) - xx/(n*(n-1)) - yy/(m*(m-1))
	// without returns the statistic less one point of the sample of size n.
	without := func(n, m, within, other, self, cross float64) float64 {
		return 2*(xy-cross)/((n-1)*m) - (within-2*self)/((n-1)*(n-2)) - other/(m*(m-1))
	}
	variance := jackknife(len(s.xx), func(i int) float64 { return without(n, m, xx, yy, s.xx[i], s.xy[i]) }) +
		jackknife(len(s.yy), func(i int) float64 { return without(m, n, yy, xx, s.yy[i], s.yx[i]) })
	return Estimate{value, math.Sqrt(variance)}
}

// jackknife returns (n-1)/n Σ (f_i - mean f)², f_i the statistic without i.
func jackknife(n int, f func(i int) float64) float64 {
	var mean, m2 float64
	for i := range n { // Welford
		d := f(i) - mean
		mean += d / float64(i+1)
		m2 += d * (f(i) - mean)
	}
	return m2 * float64(n-1) / float64(n)
}
