package run

import (
	"context"
	"math"
	"testing"

	"laminar/metric"
	"laminar/recipe"
)

// The share of each moon is reported, though the model knows no classes.
func TestEvaluateReportsModeShares(t *testing.T) {
	_, res := small(t, func(*recipe.Recipe) {})
	o := EvalDefaults()
	o.N, o.Fine, o.Pairs, o.Triples, o.Queries, o.Settings = 50, 4000, 2, 2000, 200, []metric.Setting{{Solver: "euler", NFE: 2}}
	rep, err := Evaluate(context.Background(), res.Saved, res.Plan, o)
	if err != nil {
		t.Fatal(err)
	}
	for name, shares := range map[string][]metric.Number{"data": rep.Floor.Shares, "samples": rep.Rows[0].Shares} {
		if len(shares) != 2 || math.Abs(float64(shares[0]+shares[1])-1) > 1e-9 {
			t.Errorf("%s: shares %v, want two that sum to 1", name, shares)
		}
	}
	if s := float64(rep.Floor.Shares[0]); math.Abs(s-0.5) > 0.04 {
		t.Errorf("the first moon has %v of the data", s)
	}
}
