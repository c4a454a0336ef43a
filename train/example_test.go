package train_test

import (
	"context"
	"fmt"

	"laminar/coupling"
	"laminar/data"
	"laminar/flow"
	"laminar/nn"
	"laminar/objective"
	"laminar/optim"
	"laminar/path"
	"laminar/rng"
	"laminar/tensor"
	"laminar/train"
)

// A run is a loop that can be left and entered again.
func ExampleTrainer() {
	net, err := nn.Post().Network(2, flow.CondSpec{})
	if err != nil {
		panic(err)
	}
	pairs, err := coupling.NewSource(data.Noise(2), data.Toy{Shape: data.Moons{Noise: 0.05}}, coupling.Independent{})
	if err != nil {
		panic(err)
	}
	cfg := train.Config{Steps: 200, Batch: 128, Seed: 1, ValidateEvery: 100}
	goal := objective.FlowMatching{Path: path.Linear{}, Times: path.Uniform{}}
	t, err := train.New(cfg, optim.Post(), goal, net, pairs, train.Options{})
	if err != nil {
		panic(err)
	}
	for p, err := range t.Run(context.Background()) {
		if err != nil {
			panic(err)
		}
		if p.Step == 50 {
			break
		}
	}
	early := t.Loss(10)
	if err := t.Fit(context.Background()); err != nil {
		panic(err)
	}
	done, total := t.Steps()
	fmt.Println(done, "of", total, "steps; the loss fell:", t.Loss(10) < early)
	// Output: 200 of 200 steps; the loss fell: true
}

// A Stepper leaves the loop to you: here the network learns the field v = -x.
func ExampleStepper() {
	net, err := nn.Post().Network(1, flow.CondSpec{})
	if err != nil {
		panic(err)
	}
	o := optim.Post()
	o.Rate = 1e-2
	s, err := train.NewStepper(net, o, 300, rng.New(1))
	if err != nil {
		panic(err)
	}
	x, dv, t := tensor.New(64, 1), tensor.New(64, 1), make([]float32, 64)
	for i := range t {
		x.Data[i], t[i] = float32(i)/32-1, 0.5
	}
	for range 300 {
		v, err := s.Forward(x, t)
		if err != nil {
			panic(err)
		}
		for i := range dv.Data {
			dv.Data[i] = (v.Data[i] + x.Data[i]) / 32 // of the mean of (v + x)^2
		}
		if err := s.Backward(dv); err != nil {
			panic(err)
		}
		s.Step()
	}
	v := tensor.New(64, 1)
	if err := s.Velocity(v, x, 0.5); err != nil {
		panic(err)
	}
	fmt.Printf("v(-0.5) = %.1f, v(0.5) = %.1f\n", v.Data[16], v.Data[48])
	// Output: v(-0.5) = 0.5, v(0.5) = -0.5
}
