package kernel

import "fmt"

// AdamWStep holds the numbers of one AdamW update (Loshchilov and Hutter
// 2019), worked out once per step in float64.
type AdamWStep struct {
	LR           float64 // learning rate of this step
	Beta1, Beta2 float64 // decay of the first and second moment
	Eps          float64 // added to the root of the second moment
	Decay        float64 // decoupled weight decay; multiplied by LR
	Correct1     float64 // 1 / (1 - Beta1^step)
	Correct2     float64 // 1 / (1 - Beta2^step)
	GradScale    float64 // multiplies the gradient, as clipping asks; 1 for none
	EMADecay     float64 // decay of the moving average, used when ema is given
}

// adamConst is AdamWStep in the form that the kernels use.
type adamConst struct {
	gs, b1, c1, b2, c2, m1, m2, eps, shrink, d1 float32
}

// AdamW makes one update, in one pass over memory:
//
//	g' = GradScale g
//	m  = Beta1 m + (1 - Beta1) g'
//	v  = Beta2 v + (1 - Beta2) g' g'
//	p  = p (1 - LR Decay) - LR Correct1 m / (sqrt(Correct2 v) + Eps)
//	ema = ema + (1 - EMADecay) (p - ema)
//
// ema may be nil, and the last line is left out then. The slices have equal
// lengths and do not overlap. g is not changed.
func (s *Set) AdamW(p, g, m, v, ema []float32, h AdamWStep) {
	if len(g) != len(p) || len(m) != len(p) || len(v) != len(p) {
		mismatch("AdamW", len(p), len(g), len(m), len(v))
	}
	if ema != nil && len(ema) != len(p) {
		panic(fmt.Sprintf("kernel: AdamW: %d averages of %d parameters", len(ema), len(p)))
	}
	c := adamConst{
		gs: float32(h.GradScale),
		b1: float32(h.Beta1), c1: float32(1 - h.Beta1),
		b2: float32(h.Beta2), c2: float32(1 - h.Beta2),
		m1: float32(h.LR * h.Correct1), m2: float32(h.Correct2),
		eps: float32(h.Eps), shrink: float32(1 - h.LR*h.Decay), d1: float32(1 - h.EMADecay),
	}
	for i := 0; i < len(p); i += chunk {
		j := min(i+chunk, len(p))
		if ema == nil {
			s.adamW(p[i:j], g[i:j], m[i:j], v[i:j], c)
		} else {
			s.adamWEMA(p[i:j], g[i:j], m[i:j], v[i:j], ema[i:j], c)
		}
	}
}
