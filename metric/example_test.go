package metric_test

import (
	"context"
	"fmt"
	"os"

	"laminar/flow"
	"laminar/metric"
	"laminar/rng"
	"laminar/tensor"
)

// points draws n points of N(0, I) in the plane, moved right by shift.
func points(n int, key rng.Key, shift float32) tensor.Mat {
	x := tensor.New(n, 2)
	s := key.Stream()
	s.Normal(x.Data)
	for i := range n {
		x.Row(i)[0] += shift
	}
	return x
}

func ExampleW2() {
	key := rng.New(1)
	data, more := points(300, key.At(0), 0), points(300, key.At(1), 0)
	samples := points(300, key.At(2), 1)
	w, _ := metric.W2(samples, data)
	floor, _ := metric.W2(more, data)
	fmt.Printf("W2 %.1f, floor %.1f\n", w, floor)
	// Output: W2 1.1, floor 0.4
}

func ExampleW1() {
	x := tensor.Mat{N: 2, D: 1, Data: []float32{0, 1}}
	y := tensor.Mat{N: 2, D: 1, Data: []float32{4, 2}}
	w, _ := metric.W1(x, y)
	fmt.Println(w)
	// Output: 2.5
}

func ExampleSlicedW2() {
	x := points(20000, rng.New(1), 0)
	y := points(15000, rng.New(2), 3)
	w, _ := metric.SlicedW2(x, y, metric.Directions(2, 64, rng.New(0)))
	fmt.Printf("%.1f\n", w) // 3/√2
	// Output: 2.1
}

func ExampleSlicedEnergy() {
	dirs := metric.Directions(2, 64, rng.New(0))
	x := points(10000, rng.New(1), 0)
	for _, shift := range []float32{0, 0.2} {
		e, _ := metric.SlicedEnergy(x, points(10000, rng.New(2), shift), dirs)
		fmt.Printf("shift %.1f: clearly different: %v\n", shift, e.Value > 4*e.SE)
	}
	// Output:
	// shift 0.0: clearly different: false
	// shift 0.2: clearly different: true
}

func ExampleModeShares() {
	centres := tensor.Mat{N: 2, D: 1, Data: []float32{-1, 1}}
	x := tensor.Mat{N: 4, D: 1, Data: []float32{-0.8, 0.9, 1.1, 2}}
	shares, _ := metric.ModeShares(x, centres, []int32{0, 1}, 2)
	fmt.Println(shares)
	// Output: [0.25 0.75]
}

func ExampleCrossingOf() {
	x0 := points(12000, rng.New(1), 0)
	x1 := points(12000, rng.New(2), 0)
	c, _ := metric.CrossingOf(context.Background(), x0, x1, 2000)
	fmt.Printf("independent pairs of Gaussians: %.2f\n", c.Value)
	// Output: independent pairs of Gaussians: 0.79
}

func ExampleBootstrap() {
	mean, ci := metric.Bootstrap([]float64{2, 3, 2.5, 2.2, 2.8}, rng.New(1))
	fmt.Printf("%.1f in [%.1f, %.1f]\n", mean, ci[0], ci[1])
	// Output: 2.5 in [2.0, 3.0]
}

// gaussian is the data set of Example functions.
type gaussian struct{}

func (gaussian) Dim() int                { return 2 }
func (gaussian) Len() int                { return 0 }
func (gaussian) CondSpec() flow.CondSpec { return flow.CondSpec{} }
func (gaussian) Draw(dst flow.Sample, key rng.Key, i int) error {
	s := key.At(uint64(i)).Stream()
	s.Normal(dst.X.Data)
	return nil
}

func ExampleEvaluate() {
	cfg := metric.Defaults()
	cfg.N, cfg.Fine, cfg.Pairs = 200, 2000, 5
	cfg.Settings = []metric.Setting{{Solver: "euler", NFE: 4}}
	report, err := metric.Evaluate(context.Background(), cfg, metric.Subject{
		Name: "gaussian",
		Data: gaussian{},
		Draw: func(_ context.Context, n int, s metric.Setting, key rng.Key) (tensor.Mat, float64, error) {
			return points(n, key, 1/float32(s.NFE)), float64(s.NFE), nil
		},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Printf("%s at %d evaluations: %.1f times the floor\n", report.Rows[0].Solver, report.Rows[0].NFE, report.Rows[0].W2Ratio)
	// Output: euler at 4 evaluations: 1.2 times the floor
}
