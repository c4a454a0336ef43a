package metric_test

import (
	"context"
	"math"
	"testing"

	"laminar/data"
	"laminar/flow"
	"laminar/metric"
	"laminar/rng"
	"laminar/tensor"
)

// Samples that are finite but so far away that their squared distance is not
// are told as a row of nulls, like samples that are not finite.
func TestSamplesTooFarToMeasure(t *testing.T) {
	moons, err := data.Named("moons")
	if err != nil {
		t.Fatal(err)
	}
	c := metric.Defaults()
	c.N, c.Fine, c.Pairs, c.Settings = 50, 100, 2, []metric.Setting{{Solver: "euler", NFE: 1}}
	rep, err := metric.Evaluate(context.Background(), c, metric.Subject{
		Data: moons, Against: "fresh draws",
		Draw: func(_ context.Context, n int, _ metric.Setting, key rng.Key) (tensor.Mat, float64, error) {
			s := flow.NewSample(moons, n)
			if err := moons.Draw(s, key, 0); err != nil {
				return s.X, 0, err
			}
			for i := range s.X.Data {
				s.X.Data[i] *= 1e30
			}
			return s.X, 1, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if w := float64(rep.Rows[0].W2); !math.IsNaN(w) {
		t.Errorf("W2 is %v, want NaN", w)
	}
	if rep.Against != "fresh draws" || math.IsNaN(float64(rep.Floor.W2)) {
		t.Errorf("against %q, floor %v", rep.Against, rep.Floor.W2)
	}
}
