package metric

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// TestEvaluateAdaptive: the row of a tolerance tells what was spent, rounded.
func TestEvaluateAdaptive(t *testing.T) {
	s, cfg := subject(0), small()
	s.Pairs, s.Trace = nil, nil
	draw := s.Draw
	s.Draw = func(ctx context.Context, n int, set Setting, key rng.Key) (tensor.Mat, float64, error) {
		if !set.Adaptive() || set.RTol != 1e-3 {
			t.Errorf("drawn at %+v", set)
		}
		x, _, err := draw(ctx, n, Setting{NFE: 1}, key)
		return x, 37.6, err
	}
	cfg.Settings = []Setting{{Solver: "dopri5", RTol: 1e-3}}
	r := must(Evaluate(context.Background(), cfg, s))
	if row := r.Rows[0]; row.Solver != "dopri5" || row.NFE != 38 || !(row.W2 > 0) {
		t.Errorf("%+v", row)
	}
	for _, bad := range []Setting{{Solver: "dopri5", NFE: 8, ATol: 1e-3}, {Solver: "dopri5", RTol: -1}, {Solver: "dopri5", ATol: math.NaN()}, {Solver: "dopri5"}} {
		cfg.Settings = []Setting{bad}
		if err := cfg.Validate(); !errors.Is(err, flow.ErrConfig) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestDefaultCrossingBudget(t *testing.T) {
	for _, dim := range []int{17, 64, 65, 784, 10000, 16384} {
		c := DefaultCrossing(dim)
		if c.Triples < 512 || c.Queries < 32 || c.Triples*c.Queries*dim > 1<<28 {
			t.Errorf("%d dimensions: %+v", dim, c)
		}
	}
	if c := DefaultCrossing(10000); c.Triples != 655 || c.Queries != 40 {
		t.Errorf("10,000 dimensions: %+v", c)
	}
	if c := DefaultCrossing(20000); c.Triples != 0 || c.Queries != 0 {
		t.Errorf("20,000 dimensions: %+v", c)
	}
}

// widePairs says it is too wide for a crossing; it is never asked for pairs.
type widePairs struct{ normalPairs }

func (widePairs) Dim() int { return 20000 }

func TestCrossingLeftOut(t *testing.T) {
	s, cfg := subject(0), small()
	s.Pairs, s.Trace = widePairs{}, nil
	cfg.Settings, cfg.Triples, cfg.Queries = nil, 0, 0
	r := must(Evaluate(context.Background(), cfg, s))
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(float64(r.Crossing)) || len(r.Notes) != 1 || !strings.Contains(text.String(), "in 20000 dimensions") {
		t.Errorf("crossing %v, notes %q in\n%s", r.Crossing, r.Notes, text.String())
	}
}
