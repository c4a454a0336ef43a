package metric

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Jackknife returns f of a whole sample with its 95 % interval by the delete-group
// jackknife: f(g), for g from 0 to groups-1, is the figure without the rows of
// group g, and f(-1) that of all rows. Unlike resampling it does not draw rows
// twice, which figures that are biased by the number of rows take amiss. The
// interval is Student's with groups-1 degrees of freedom. The error is f's.
func Jackknife(groups int, f func(without int) (float64, error)) (value float64, ci Interval, err error) {
	nan := Number(math.NaN())
	ci = Interval{nan, nan}
	if value, err = f(-1); err != nil || groups < 2 {
		return value, ci, err
	}
	parts, mean := make([]float64, groups), 0.0
	for g := range parts {
		if parts[g], err = f(g); err != nil {
			return value, ci, err
		}
		mean += parts[g] / float64(groups)
	}
	v := 0.0
	for _, p := range parts {
		v += (p - mean) * (p - mean) * float64(groups-1) / float64(groups)
	}
	half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(groups - 1)}.Quantile(0.975) * math.Sqrt(v)
	return value, Interval{Number(value - half), Number(value + half)}, nil
}

// Share returns the 95 % interval of a share of which hits of n were seen
// (Wilson 1927): it lies within 0 and 1 and is of use at both ends. With n of 0
// the ends are NaN.
func Share(hits, n int) Interval {
	if n < 1 {
		return Interval{Number(math.NaN()), Number(math.NaN())}
	}
	const z = 1.959964
	p, m := float64(hits)/float64(n), float64(n)
	mid := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return Interval{Number(max(mid-half, 0)), Number(min(mid+half, 1))}
}
