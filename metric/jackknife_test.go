package metric_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"laminar/metric"
	"laminar/rng"
)

// The interval of a mean, which the jackknife must give as the textbook does:
// with groups of one row it is Student's.
func TestJackknifeOfAMean(t *testing.T) {
	s := rng.New(4).Stream()
	v := make([]float64, 40)
	for i := range v {
		v[i] = s.NormFloat64()
	}
	mean, want := metric.Student(v)
	got, ci, err := metric.Jackknife(len(v), func(g int) (float64, error) {
		sum, n := 0.0, 0
		for i, x := range v {
			if i != g {
				sum, n = sum+x, n+1
			}
		}
		return sum / float64(n), nil
	})
	if err != nil || math.Abs(got-mean) > 1e-12 {
		t.Fatalf("%v, %v; want %v", got, err, mean)
	}
	for k := range ci {
		if math.Abs(float64(ci[k]-want[k])) > 1e-9 {
			t.Errorf("%v, want %v", ci, want)
		}
	}
	fault := errors.New("no figure")
	if _, _, err := metric.Jackknife(3, func(g int) (float64, error) {
		if g == 1 {
			return 0, fault
		}
		return 1, nil
	}); !errors.Is(err, fault) {
		t.Error(err)
	}
}

func ExampleShare() {
	for _, hits := range []int{0, 950, 1000} {
		ci := metric.Share(hits, 1000)
		fmt.Printf("%4d of 1000: %.4f to %.4f\n", hits, float64(ci[0]), float64(ci[1]))
	}
	// Output:
	//    0 of 1000: 0.0000 to 0.0038
	//  950 of 1000: 0.9347 to 0.9619
	// 1000 of 1000: 0.9962 to 1.0000
}
