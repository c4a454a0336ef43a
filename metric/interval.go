package metric

import (
	"encoding/json"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"laminar/rng"
)

// Number is a float64 that JSON can hold: NaN and infinities are null.
type Number float64

// MarshalJSON writes the shortest decimal that reads back equal, or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return json.Marshal(f)
	}
	return []byte("null"), nil
}

// UnmarshalJSON reads a number; null becomes NaN.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

// Interval is a lower and an upper end, [lo, hi] in JSON.
type Interval [2]Number

// Student returns the mean of v with the 95 % interval of Student's t, exact for
// normal values: for a few figures of equal worth, such as one for each training
// seed. With fewer than two values the ends are NaN.
func Student(v []float64) (mean float64, ci Interval) {
	mean, sd := meanSD(v)
	if len(v) < 2 {
		return mean, Interval{Number(math.NaN()), Number(math.NaN())}
	}
	half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(len(v) - 1)}.Quantile(0.975) * sd / math.Sqrt(float64(len(v)))
	return mean, Interval{Number(mean - half), Number(mean + half)}
}

const resamples = 4000

// Bootstrap returns the mean of v with a 95 % bootstrap interval. The interval
// is the expanded percentile interval (Hesterberg 2015, section 4.3), whose
// level makes up for the narrowness of the plain one when len(v) is as small as
// ten. With fewer than two values the ends are NaN.
func Bootstrap(v []float64, key rng.Key) (mean float64, ci Interval) {
	mean, _ = meanSD(v)
	return mean, resample(len(v), key, func(pick []int) float64 {
		var s float64
		for _, i := range pick {
			s += v[i]
		}
		return s / float64(len(pick))
	})
}

// BootstrapRatio returns the ratio of the means of v and floor with a 95 %
// bootstrap interval. v[i] and floor[i] belong to one draw of the data and are
// resampled together; a draw that is far from others raises both, so that the
// ratio is steadier than either mean. The slices have equal length.
func BootstrapRatio(v, floor []float64, key rng.Key) (ratio float64, ci Interval) {
	a, _ := meanSD(v)
	b, _ := meanSD(floor)
	return a / b, resample(min(len(v), len(floor)), key, func(pick []int) float64 {
		var s, f float64
		for _, i := range pick {
			s += v[i]
			f += floor[i]
		}
		return s / f
	})
}

func resample(n int, key rng.Key, f func(pick []int) float64) Interval {
	if n < 2 {
		return Interval{Number(math.NaN()), Number(math.NaN())}
	}
	s := key.Stream()
	pick, stat := make([]int, n), make([]float64, resamples)
	for r := range stat {
		for i := range pick {
			pick[i] = s.IntN(n)
		}
		stat[r] = f(pick)
	}
	slices.Sort(stat)
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(n - 1)}.Quantile(0.975)
	tail := distuv.UnitNormal.CDF(-t * math.Sqrt(float64(n)/float64(n-1)))
	at := func(p float64) Number { return Number(stat[int(math.Round(p*float64(resamples-1)))]) }
	return Interval{at(tail), at(1 - tail)}
}
