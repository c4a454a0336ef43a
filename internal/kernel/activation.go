package kernel

import "fmt"

// Act names an activation function.
type Act int

// The activations that Linear and ActGrad know.
const (
	None Act = iota
	ReLU
	SiLU
	Tanh
	Sigmoid
)

// String returns the name of the activation.
func (a Act) String() string {
	switch a {
	case None:
		return "none"
	case ReLU:
		return "relu"
	case SiLU:
		return "silu"
	case Tanh:
		return "tanh"
	case Sigmoid:
		return "sigmoid"
	}
	return fmt.Sprintf("Act(%d)", int(a))
}

// NeedsPre reports whether the derivative is a function of the pre-activation
// (SiLU), and not of the result.
func (a Act) NeedsPre() bool { return a == SiLU }

// Activate sets y = act(x), element by element; y may be x.
func (s *Set) Activate(act Act, y, x []float32) {
	switch act {
	case None:
		s.Copy(y, x)
	case ReLU:
		s.ReLU(y, x)
	case SiLU:
		s.SiLU(y, x)
	case Tanh:
		s.Tanh(y, x)
	case Sigmoid:
		s.Sigmoid(y, x)
	default:
		panic("kernel: no such activation: " + act.String())
	}
}

// ActGrad sets dpre = dy act'(x), element by element. at is the
// pre-activation x where act.NeedsPre(), else the result act(x). dpre may be
// dy or at.
func (s *Set) ActGrad(act Act, dpre, dy, at []float32) {
	switch act {
	case None:
		s.Copy(dpre, dy)
	case ReLU:
		s.ReLUGrad(dpre, dy, at)
	case SiLU:
		s.SiLUGrad(dpre, dy, at)
	case Tanh:
		s.TanhGrad(dpre, dy, at)
	case Sigmoid:
		s.SigmoidGrad(dpre, dy, at)
	default:
		panic("kernel: no such activation: " + act.String())
	}
}
