package metric_test

import (
	"math"
	"testing"

	"laminar/metric"
)

// TestStudent holds the interval to scipy.stats.t.interval(0.95, n-1, mean, sem).
func TestStudent(t *testing.T) {
	for _, c := range []struct {
		v            []float64
		mean, lo, hi float64
	}{
		{[]float64{1, 2, 4}, 7. / 3, -1.461250, 6.127916},
		{[]float64{0.5, 0.7, 0.2, 0.9, 0.4}, 0.54, 0.204521, 0.875479},
	} {
		mean, ci := metric.Student(c.v)
		if math.Abs(mean-c.mean) > 1e-9 || math.Abs(float64(ci[0])-c.lo) > 1e-5 || math.Abs(float64(ci[1])-c.hi) > 1e-5 {
			t.Errorf("%v: %v %v, want %v [%v, %v]", c.v, mean, ci, c.mean, c.lo, c.hi)
		}
	}
	if _, ci := metric.Student([]float64{3}); !math.IsNaN(float64(ci[0])) {
		t.Errorf("one value has the interval %v", ci)
	}
}
