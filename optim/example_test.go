package optim_test

import (
	"fmt"

	"laminar/internal/kernel"
	"laminar/optim"
)

// Gradient descent finds the lowest point of (p - 3)^2.
func ExampleOptimiser() {
	spec := optim.Spec{Method: "sgd", Rate: 0.1, Schedule: "cosine", FinalRate: 0.01, Beta1: 0.5}
	p := []float32{0}
	o, err := optim.New(spec, 100, p, kernel.Best())
	if err != nil {
		panic(err)
	}
	for range 100 {
		o.Step([]float32{2 * (p[0] - 3)})
	}
	fmt.Printf("%.3f\n", p[0])
	// Output: 3.000
}

// The learning rate warms up and falls along half a cosine.
func ExampleSpec_RateAt() {
	s := optim.Spec{Rate: 1, Schedule: "cosine", Warmup: 1}
	for step := range 5 {
		fmt.Printf("%.2f ", s.RateAt(step, 5))
	}
	// Output: 0.50 0.85 0.50 0.15 0.00
}

// A fault names its field and lists what is valid.
func ExampleSpec_Validate() {
	s := optim.Defaults()
	s.Method = "adagrad"
	fmt.Println(s.Validate("optim"))
	// Output: optim.method: unknown "adagrad"; one of adamw, muon, sgd
}
