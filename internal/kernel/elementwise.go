package kernel

import "math"

// All functions of this file work element by element over slices of equal
// length. Each result is a function of its own operands alone.

func each1(what string, f unary, dst, a []float32) {
	if len(dst) != len(a) {
		mismatch(what, len(dst), len(a))
	}
	for len(dst) > chunk {
		f(dst[:chunk], a[:chunk])
		dst, a = dst[chunk:], a[chunk:]
	}
	f(dst, a)
}

func each2(what string, f binary, dst, a, b []float32) {
	if len(dst) != len(a) || len(dst) != len(b) {
		mismatch(what, len(dst), len(a), len(b))
	}
	for len(dst) > chunk {
		f(dst[:chunk], a[:chunk], b[:chunk])
		dst, a, b = dst[chunk:], a[chunk:], b[chunk:]
	}
	f(dst, a, b)
}

func each3(what string, f ternary, dst, a, b, c []float32) {
	if len(dst) != len(a) || len(dst) != len(b) || len(dst) != len(c) {
		mismatch(what, len(dst), len(a), len(b), len(c))
	}
	for len(dst) > chunk {
		f(dst[:chunk], a[:chunk], b[:chunk], c[:chunk])
		dst, a, b, c = dst[chunk:], a[chunk:], b[chunk:], c[chunk:]
	}
	f(dst, a, b, c)
}

func eachS(what string, f func(dst, a []float32, s float32), dst, a []float32, s float32) {
	if len(dst) != len(a) {
		mismatch(what, len(dst), len(a))
	}
	for len(dst) > chunk {
		f(dst[:chunk], a[:chunk], s)
		dst, a = dst[chunk:], a[chunk:]
	}
	f(dst, a, s)
}

// Add sets dst = a + b.
func (s *Set) Add(dst, a, b []float32) { each2("Add", s.add, dst, a, b) }

// Sub sets dst = a - b.
func (s *Set) Sub(dst, a, b []float32) { each2("Sub", s.sub, dst, a, b) }

// Mul sets dst = a b.
func (s *Set) Mul(dst, a, b []float32) { each2("Mul", s.mul, dst, a, b) }

// Div sets dst = a / b.
func (s *Set) Div(dst, a, b []float32) { each2("Div", s.div, dst, a, b) }

// Max sets dst = a where a > b, else b: b where either is NaN.
func (s *Set) Max(dst, a, b []float32) { each2("Max", s.max, dst, a, b) }

// Min sets dst = a where a < b, else b: b where either is NaN.
func (s *Set) Min(dst, a, b []float32) { each2("Min", s.min, dst, a, b) }

// Greater sets dst = 1 where a > b, else 0.
func (s *Set) Greater(dst, a, b []float32) { each2("Greater", s.greater, dst, a, b) }

// Equal sets dst = 1 where a == b, else 0.
func (s *Set) Equal(dst, a, b []float32) { each2("Equal", s.equal, dst, a, b) }

// Select sets dst = a where mask is not 0 (NaN counts as not 0), else b.
func (s *Set) Select(dst, mask, a, b []float32) { each3("Select", s.sel, dst, mask, a, b) }

// MulAdd sets dst = a b + c. The assembly sets round once, the Go set twice.
func (s *Set) MulAdd(dst, a, b, c []float32) { each3("MulAdd", s.mulAdd, dst, a, b, c) }

// Scale sets dst = x a for a number x.
func (s *Set) Scale(dst, a []float32, x float32) { eachS("Scale", s.scale, dst, a, x) }

// AddScalar sets dst = a + x for a number x.
func (s *Set) AddScalar(dst, a []float32, x float32) { eachS("AddScalar", s.addScalar, dst, a, x) }

// AddScaled adds x a to dst. The assembly sets round once, the Go set twice.
func (s *Set) AddScaled(dst []float32, x float32, a []float32) {
	eachS("AddScaled", s.addScaled, dst, a, x)
}

// Copy sets dst = a.
func (s *Set) Copy(dst, a []float32) {
	if len(dst) != len(a) {
		mismatch("Copy", len(dst), len(a))
	}
	copy(dst, a)
}

// Fill sets every element of dst to x.
func (s *Set) Fill(dst []float32, x float32) {
	for i := range dst {
		dst[i] = x
	}
}

// Neg sets dst = -a.
func (s *Set) Neg(dst, a []float32) { each1("Neg", s.neg, dst, a) }

// Abs sets dst = |a|.
func (s *Set) Abs(dst, a []float32) { each1("Abs", s.abs, dst, a) }

// Sign sets dst = 1, -1 or 0 by the sign of a; 0 of either sign, and NaN, give 0.
func (s *Set) Sign(dst, a []float32) { each1("Sign", s.sign, dst, a) }

// Sqrt sets dst = the square root of a, correctly rounded.
func (s *Set) Sqrt(dst, a []float32) { each1("Sqrt", s.sqrt, dst, a) }

// Exp sets dst = e^a, within 2 ulp over the whole range, denormal results
// included.
func (s *Set) Exp(dst, a []float32) { each1("Exp", s.exp, dst, a) }

// Log sets dst = ln a, within 2 ulp.
func (s *Set) Log(dst, a []float32) { each1("Log", s.log, dst, a) }

// Tanh sets dst = tanh a, within 3 ulp.
func (s *Set) Tanh(dst, a []float32) { each1("Tanh", s.tanh, dst, a) }

// Sigmoid sets dst = 1 / (1 + e^-a), within 4 ulp.
func (s *Set) Sigmoid(dst, a []float32) { each1("Sigmoid", s.sigmoid, dst, a) }

// Erf sets dst = erf a, within 4 ulp.
func (s *Set) Erf(dst, a []float32) { each1("Erf", s.erf, dst, a) }

// ReLU sets dst = a where a > 0, else 0; NaN stays NaN.
func (s *Set) ReLU(dst, a []float32) { each1("ReLU", s.relu, dst, a) }

// Step sets dst = 1 where a > 0, else 0.
func (s *Set) Step(dst, a []float32) { each1("Step", s.step, dst, a) }

// SiLU sets dst = a sigmoid(a), within 4 ulp where a > -87, and within 2^-141
// of it below; -Inf gives -0.
func (s *Set) SiLU(dst, a []float32) { each1("SiLU", s.silu, dst, a) }

// SiLUGrad sets dst = dy silu'(x), silu'(x) = p (1 + x (1 - p)), p = sigmoid(x).
func (s *Set) SiLUGrad(dst, dy, x []float32) { each2("SiLUGrad", s.siluGrad, dst, dy, x) }

// ReLUGrad sets dst = dy where y > 0, else 0. y is ReLU's result, or its
// argument: both give the same.
func (s *Set) ReLUGrad(dst, dy, y []float32) { each2("ReLUGrad", s.reluGrad, dst, dy, y) }

// TanhGrad sets dst = dy (1 - y y) where y is Tanh's result.
func (s *Set) TanhGrad(dst, dy, y []float32) { each2("TanhGrad", s.tanhGrad, dst, dy, y) }

// SigmoidGrad sets dst = dy y (1 - y) where y is Sigmoid's result.
func (s *Set) SigmoidGrad(dst, dy, y []float32) { each2("SigmoidGrad", s.sigmoidGrad, dst, dy, y) }

// Sin sets dst = sin a, within 2 ulp for every finite a; infinite gives NaN.
// The sign of a zero is not kept.
func (s *Set) Sin(dst, a []float32) { eachTrig("Sin", s.sin, math.Sin, dst, a) }

// Cos sets dst = cos a, within 2 ulp for every finite a; infinite gives NaN.
func (s *Set) Cos(dst, a []float32) { eachTrig("Cos", s.cos, math.Cos, dst, a) }

// trigMax is the largest argument that the vector code of Sin and Cos reduces
// itself.
const trigMax = 30000

// eachTrig runs f, which stops where a group of lanes holds an argument beyond
// trigMax. The large ones of that group go through exact, the rest through f.
func eachTrig(what string, f func(dst, a []float32) int, exact func(float64) float64, dst, a []float32) {
	if len(dst) != len(a) {
		mismatch(what, len(dst), len(a))
	}
	for len(dst) > 0 {
		n := min(len(dst), chunk)
		done := f(dst[:n], a[:n])
		dst, a = dst[done:], a[done:]
		if done == n {
			continue
		}
		n = min(n-done, 16)
		for i := range n {
			if math.Abs(float64(a[i])) <= trigMax {
				f(dst[i:i+1], a[i:i+1])
			} else {
				dst[i] = float32(exact(float64(a[i])))
			}
		}
		dst, a = dst[n:], a[n:]
	}
}
