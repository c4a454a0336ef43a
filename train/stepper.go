package train

import (
	"fmt"

	"laminar/flow"
	"laminar/graph"
	"laminar/internal/exec"
	"laminar/internal/kernel"
	"laminar/nn"
	"laminar/optim"
	"laminar/rng"
	"laminar/tensor"
)

// Stepper is a network with an optimiser, for loops of your own: forward, your
// loss, backward, step. It takes networks without conditions; a Trainer does
// all the rest. It is a flow.Field, and is not safe for concurrent use.
//
//	v, err := s.Forward(xt, t)
//	// loss and its gradient dv = dloss/dv are yours
//	err = s.Backward(dv)
//	s.Step()
type Stepper struct {
	dim               int
	params, grads     []float32
	opt               *optim.Optimiser
	forward, backward *exec.Session
	x                 tensor.Mat
	t                 []float32
	v                 tensor.Mat
	times             []float32
}

// NewStepper initialises the network under key. steps is the length of the
// whole loop, for learning rates that change on the way.
func NewStepper(net nn.Network, o optim.Spec, steps int, key rng.Key) (*Stepper, error) {
	if !net.CondSpec().IsZero() {
		return nil, fmt.Errorf("%w: a Stepper takes no conditions; use a Trainer", flow.ErrConfig)
	}
	answer, err := nn.Velocity(net)
	if err != nil {
		return nil, err
	}
	b := graph.NewBuilder()
	v := net.Apply(b, nn.Group, nn.RowInputs(b, net.Dim(), flow.CondSpec{}))
	b.OutputGradients(b.Gradient(v, b.Row("dv", graph.Float32, net.Dim()), nn.Group))
	pull, err := b.Build()
	if err != nil {
		return nil, err
	}
	l := answer.Layout(nn.Group)
	s := &Stepper{dim: net.Dim(), params: make([]float32, l.Size), grads: make([]float32, l.Size)}
	net.Init(s.params, l, key)
	k := kernel.Best()
	if s.opt, err = optim.New(o, steps, s.params, k); err != nil {
		return nil, err
	}
	s.opt.Shape(l)
	for _, p := range []struct {
		g   *graph.Program
		dst **exec.Session
	}{{answer, &s.forward}, {pull, &s.backward}} {
		exe, err := exec.Compile(p.g, exec.Options{Kernels: k})
		if err != nil {
			return nil, err
		}
		*p.dst = exe.NewSession()
		if err := (*p.dst).BindParams(nn.Group, s.params); err != nil {
			return nil, err
		}
	}
	return s, s.backward.BindGrads(nn.Group, s.grads)
}

// Forward returns the network's velocity at each row of x and its time in t.
// The result is valid until the next call; x and t must stay as they are until
// Backward.
func (s *Stepper) Forward(x tensor.Mat, t []float32) (tensor.Mat, error) {
	if err := x.Check("x", len(t), s.dim); err != nil {
		return tensor.Mat{}, err
	}
	if s.v.N != x.N {
		s.v = tensor.New(x.N, s.dim)
	}
	s.x, s.t = x, t
	return s.v, s.run(s.forward, s.v)
}

func (s *Stepper) run(e *exec.Session, v tensor.Mat) error {
	if err := e.BindRow(nn.InX, s.x.Data); err != nil {
		return err
	}
	if err := e.BindRow(nn.InT, s.t); err != nil {
		return err
	}
	if !v.IsEmpty() {
		if err := e.BindOutput(nn.Out, v.Data); err != nil {
			return err
		}
	}
	return e.Run(s.x.N)
}

// Backward computes the gradient of the parameters from that of the last
// Forward's result.
func (s *Stepper) Backward(dv tensor.Mat) error {
	if err := dv.Check("dv", s.x.N, s.dim); err != nil {
		return err
	}
	if err := s.backward.BindRow("dv", dv.Data); err != nil {
		return err
	}
	return s.run(s.backward, tensor.Mat{})
}

// Step moves the parameters against the gradient.
func (s *Stepper) Step() { s.opt.Step(s.grads) }

// Params returns the parameters, which Step changes.
func (s *Stepper) Params() []float32 { return s.params }

// Dim is the dimension of x.
func (s *Stepper) Dim() int { return s.dim }

// Velocity makes s a flow.Field.
func (s *Stepper) Velocity(dst, x tensor.Mat, t float64) error {
	if cap(s.times) < x.N {
		s.times = make([]float32, x.N)
	}
	s.times = s.times[:x.N]
	for i := range s.times {
		s.times[i] = float32(t)
	}
	s.x, s.t = x, s.times
	return s.run(s.forward, dst)
}
