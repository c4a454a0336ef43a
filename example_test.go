package laminar_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"laminar"
	"laminar/coupling"
	"laminar/data"
	"laminar/flow"
	"laminar/nn"
	"laminar/optim"
	"laminar/rng"
	"laminar/tensor"
	"laminar/train"
)

// Train on points of your own, sample, and save.
func Example() {
	var points [][]float64 // a circle of radius 10 about (50, 50)
	for i := range 1000 {
		a := 2 * math.Pi * float64(i) / 1000
		points = append(points, []float64{50 + 10*math.Cos(a), 50 + 10*math.Sin(a)})
	}
	c := laminar.Defaults()
	c.Train.Steps = 400
	m, err := laminar.Fit(context.Background(), points, c)
	if err != nil {
		panic(err)
	}
	x, err := m.Sample(context.Background(), 500, laminar.Draw{NFE: 8, Seed: 1})
	if err != nil {
		panic(err)
	}
	mean := 0.0
	for i := range x.N {
		mean += math.Hypot(x.At(i, 0)-50, x.At(i, 1)-50) / float64(x.N)
	}
	fmt.Printf("%d samples at a mean radius of %.0f\n", x.N, mean)

	dir, _ := os.MkdirTemp("", "laminar")
	defer os.RemoveAll(dir)
	fmt.Println(m.Save(filepath.Join(dir, "circle.safetensors")))
	// Output:
	// 500 samples at a mean radius of 10
	// <nil>
}

// The post's program with its loop open: a batch, forward, loss, backward,
// step; then Euler. Optimal transport is the one line that is marked.
func Example_loop() {
	key := rng.New(0)
	moons, noise := data.SklearnMoons(0.05), data.Noise(2)
	ot, _ := coupling.NewOT("l2")
	net, _ := nn.Post().Network(2, flow.CondSpec{})
	model, _ := train.NewStepper(net, optim.Post(), 500, key.Split("init"))

	const n = 256
	x0, x1 := flow.NewSample(noise, n), flow.NewSample(moons, n)
	xt, dv := flow.NewSample(noise, n).X, flow.NewSample(noise, n).X
	t := make([]float32, n)
	pairs := flow.Pairs{I: make([]int32, n), J: make([]int32, n)}
	for i := range n {
		pairs.I[i], pairs.J[i] = int32(i), int32(i)
	}
	sum := 0.0
	for step := range 500 {
		// a batch
		_ = noise.Draw(x0, key.Split("x0"), step)
		_ = moons.Draw(x1, key.Split("x1"), step)
		s := key.Split("t").At(uint64(step)).Stream()
		s.Fill(t)
		_ = ot.Pair(&pairs, x0.X, x1.X, flow.Cond{}, key) // optimal transport
		for i := range n {
			a, b := x0.X.Row(int(pairs.I[i])), x1.X.Row(int(pairs.J[i]))
			for j := range xt.D {
				xt.Row(i)[j] = a[j] + t[i]*(b[j]-a[j])
				dv.Row(i)[j] = b[j] - a[j] // the target, for now
			}
		}
		v, _ := model.Forward(xt, t)
		loss := 0.0 // mean squared error over rows and coordinates, and its gradient
		for i, target := range dv.Data {
			miss := v.Data[i] - target
			loss += float64(miss*miss) / float64(len(dv.Data))
			dv.Data[i] = 2 * miss / float32(len(dv.Data))
		}
		_ = model.Backward(dv)
		model.Step()
		if step >= 400 {
			sum += loss / 100
		}
	}
	// Euler, 20 steps
	_ = noise.Draw(x0, key.Split("sample"), 0)
	v := flow.NewSample(noise, n).X
	for k := range 20 {
		_ = model.Velocity(v, x0.X, float64(k)/20)
		for i := range v.Data {
			x0.X.Data[i] += v.Data[i] / 20
		}
	}
	fmt.Println("loss below 0.1:", sum < 0.1)
	// Output: loss below 0.1: true
}

// How likely points are under a model.
func ExampleModel_LogProb() {
	c := laminar.Defaults()
	c.Train.Steps = 300
	c.Data.Name = "moons"
	m, err := laminar.FitBuiltIn(context.Background(), c)
	if err != nil {
		panic(err)
	}
	x, _ := tensor.FromRows([][]float64{{0, 1}, {5, 5}}) // on the upper moon, far off
	p, err := m.LogProb(context.Background(), x, laminar.Draw{})
	fmt.Println(p[0] > -3, p[1] < -20, err)
	// Output: true true <nil>
}
