package coupling_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"laminar/coupling"
	"laminar/flow"
	"laminar/rng"
)

func ExampleChain() {
	snapshots := []flow.Dataset{cloud{dim: 2}, cloud{dim: 2, shift: 4}, cloud{dim: 2, shift: 5}}
	chain, err := coupling.NewChain([]float64{2, 6, 10}, snapshots, coupling.Independent{})
	if err != nil {
		fmt.Println(err)
		return
	}
	b := flow.NewBatch(4, 2, chain.CondSpec())
	err = chain.Fill(&b, rng.New(1), 0)
	fmt.Println(b.T0, b.T1, chain.Time(1), err)
	// Output: [0 0 0.5 0.5] [0.5 0.5 1 1] 0.5 <nil>
}

// Pairs join each marginal with the next, by transport, purely.
func TestChain(t *testing.T) {
	ot, err := coupling.NewOT("sqeuclidean")
	if err != nil {
		t.Fatal(err)
	}
	snapshots := []flow.Dataset{cloud{dim: 2}, cloud{dim: 2, shift: 40}, cloud{dim: 2, shift: 100}}
	c, err := coupling.NewChain([]float64{0, 1, 3}, snapshots, ot)
	if err != nil {
		t.Fatal(err)
	}
	b, again := flow.NewBatch(61, 2, flow.CondSpec{}), flow.NewBatch(61, 2, flow.CondSpec{})
	if err := errors.Join(c.Fill(&again, rng.New(1), 4), c.Fill(&b, rng.New(1), 5), c.Fill(&again, rng.New(1), 5)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.X0.Data, again.X0.Data) || !slices.Equal(b.X1.Data, again.X1.Data) || !slices.Equal(b.T0, again.T0) {
		t.Error("a batch is not a function of its index")
	}
	near := func(x float32, want float64) bool { return math.Abs(float64(x)-want) < 8 }
	seen := map[float32]int{}
	for k := range 61 {
		seen[b.T0[k]]++
		from, to, at, end := 0.0, 40.0, float32(0), float32(1.0/3)
		if b.T0[k] != 0 {
			from, to, at, end = 40, 100, end, 1
		}
		if b.T0[k] != at || b.T1[k] != end || !near(b.X0.At(k, 0), from) || !near(b.X1.At(k, 0), to) {
			t.Fatalf("pair %d: %v at %v to %v at %v", k, b.X0.Row(k), b.T0[k], b.X1.Row(k), b.T1[k])
		}
	}
	if seen[0] != 30 || len(seen) != 2 {
		t.Errorf("pairs by their times: %v", seen)
	}
	for what, f := range map[string]func() (*coupling.Chain, error){
		"one":   func() (*coupling.Chain, error) { return coupling.NewChain([]float64{0}, snapshots[:1], ot) },
		"order": func() (*coupling.Chain, error) { return coupling.NewChain([]float64{0, 2, 1}, snapshots, ot) },
		"nan":   func() (*coupling.Chain, error) { return coupling.NewChain([]float64{0, 1, math.NaN()}, snapshots, ot) },
		"conditions": func() (*coupling.Chain, error) {
			return coupling.NewChain([]float64{0, 1}, []flow.Dataset{cloud{dim: 2}, cloud{dim: 2, spec: flow.CondSpec{Real: 1}}}, ot)
		},
		"chooser": func() (*coupling.Chain, error) {
			return coupling.NewChain([]float64{0, 1, 2}, snapshots, new(coupling.Semidiscrete))
		},
	} {
		if _, err := f(); !errors.Is(err, flow.ErrConfig) {
			t.Errorf("%s: %v", what, err)
		}
	}
	small := flow.NewBatch(1, 2, flow.CondSpec{})
	if err := c.Fill(&small, rng.New(1), 0); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
}
