package train_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"laminar/flow"
	"laminar/nn"
	"laminar/optim"
	"laminar/rng"
	"laminar/tensor"
	"laminar/train"
)

// TestStepperDescends: a step written out follows the gradient of the loss.
func TestStepperDescends(t *testing.T) {
	net := must(nn.Post().Network(2, flow.CondSpec{}))
	fresh := func() *train.Stepper { return must(train.NewStepper(net, optim.Post(), 10, rng.New(3))) }
	s := fresh()
	x, target, times := tensor.New(50, 2), tensor.New(50, 2), make([]float32, 50)
	r := rng.New(4).Stream()
	r.Normal(x.Data)
	r.Normal(target.Data)
	r.Fill(times)
	dv := tensor.New(50, 2)
	loss := func(s *train.Stepper) float64 {
		v := must(s.Forward(x, times))
		sum := 0.0
		for i := range v.Data {
			d := v.Data[i] - target.Data[i]
			dv.Data[i] = 2 * d / 100
			sum += float64(d*d) / 100
		}
		return sum
	}
	// Adam's first step is the sign of the gradient; the loss falls by the sum
	// of its magnitudes times the rate, to first order.
	start := slices.Clone(s.Params())
	before := loss(s)
	if err := s.Backward(dv); err != nil {
		t.Fatal(err)
	}
	s.Step()
	after := loss(s)
	if after >= before {
		t.Errorf("a step raised the loss from %v to %v", before, after)
	}
	for i, p := range s.Params() {
		if d := math.Abs(float64(p - start[i])); d > 1.01e-3 {
			t.Fatalf("the first step of Adam moved parameter %d by %v", i, d)
		}
	}
	if a := testing.AllocsPerRun(20, func() { loss(s); s.Backward(dv); s.Step() }); a != 0 && !racing {
		t.Errorf("a step allocates %v times", a)
	}
	v := tensor.New(50, 2)
	if err := s.Velocity(v, x, 0.25); err != nil {
		t.Fatal(err)
	}
	for i := range times {
		times[i] = 0.25
	}
	if w := must(s.Forward(x, times)); !slices.Equal(w.Data, v.Data) {
		t.Error("Velocity and Forward differ")
	}
}

func TestStepperErrors(t *testing.T) {
	if _, err := train.NewStepper(must(nn.Post().Network(2, flow.CondSpec{Classes: 2})), optim.Post(), 1, rng.New(1)); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("a network with classes: %v", err)
	}
	s := must(train.NewStepper(must(nn.Post().Network(2, flow.CondSpec{})), optim.Post(), 1, rng.New(1)))
	if _, err := s.Forward(tensor.New(3, 2), make([]float32, 4)); !errors.Is(err, flow.ErrShape) {
		t.Errorf("four times for three rows: %v", err)
	}
	must(s.Forward(tensor.New(3, 2), make([]float32, 3)))
	if err := s.Backward(tensor.New(2, 2)); !errors.Is(err, flow.ErrShape) {
		t.Errorf("the gradient of two rows for three: %v", err)
	}
}
