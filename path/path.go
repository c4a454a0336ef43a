// Package path holds conditional probability paths, the schedules that make
// them, and the times at which a network is trained and sampled: what lies
// between the two ends of a pair.
//
// Most paths are affine. A schedule (alpha, sigma) says how much data and how
// much noise there is at each time,
//
//	x_t = sigma(t) x0 + alpha(t) x1,   u_t = sigma'(t) x0 + alpha'(t) x1
//
// and the straight path has alpha = t, sigma = 1-t (I-CFM and OT-CFM of Tong et
// al., TMLR 2024; the rectified flow of Liu et al. 2023).
//
//	p, err := path.New(path.Defaults())
//	err = p.At(xt, ut, x0, x1, t, key)
//
// Along an affine path the velocity, the data, the noise and the score are
// linear functions of each other and of x_t, so a network may answer any of
// them: Convert. A Config names the path, its times (NewTimes) and the weight of
// the loss (NewWeight); Grid gives the times at which a sampler stops.
//
// Masked is the path of rows of which some coordinates are options: each is masked
// until it is made, while the others go along a path as above.
//
// Where a target grows without bound, times are kept away from it: Clip says
// how far. Nothing here knows of networks or of how pairs were made; Coefficients
// writes a schedule into a program for those who do.
package path

import (
	"fmt"
	"math"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Linear is the straight path with constant noise,
//
//	x_t = (1-t) x0 + t x1 + Sigma eps,   u_t = x1 - x0.
//
// It is a flow.Path, safe for concurrent use.
type Linear struct{ Sigma float32 }

// At writes x_t and u_t of every row; the noise of row i is drawn from
// key.At(i), so that it depends on no other row. The error wraps flow.ErrShape.
func (p Linear) At(xt, ut, x0, x1 tensor.Mat, t []float32, key rng.Key) error {
	if err := check(xt, ut, x0, x1, t); err != nil {
		return err
	}
	for i := range x0.N {
		a, b, x, u := x0.Row(i), x1.Row(i), xt.Row(i), ut.Row(i)
		for j := range x {
			x[j] = (1-t[i])*a[j] + t[i]*b[j]
			u[j] = b[j] - a[j]
		}
		blur(x, p.Sigma, key, i)
	}
	return nil
}

// Affine is the path of a schedule, with constant noise about it,
//
//	x_t = sigma(t) x0 + alpha(t) x1 + Sigma eps,   u_t = sigma'(t) x0 + alpha'(t) x1.
//
// Under Cosine it is VP-CFM (Albergo, Vanden-Eijnden 2023), which keeps the
// variance of standardised ends. Where the velocity grows without bound, towards
// t = 1 of VP and LinearVP, sigma' and alpha' are those of the nearest time within
// Clip. It is a flow.Path, safe for concurrent use.
type Affine struct {
	Schedule flow.Schedule
	Sigma    float32
}

// At is the method of flow.Path; the noise of row i is drawn from key.At(i). The
// error wraps flow.ErrShape.
func (p Affine) At(xt, ut, x0, x1 tensor.Mat, t []float32, key rng.Key) error {
	if err := check(xt, ut, x0, x1, t); err != nil {
		return err
	}
	_, last := Clip(Velocity, p.Schedule)
	for i := range x0.N {
		alpha, sigma, dalpha, dsigma := p.Schedule.At(float64(t[i]))
		if float64(t[i]) > last {
			_, _, dalpha, dsigma = p.Schedule.At(last)
		}
		mix(xt.Row(i), ut.Row(i), x0.Row(i), x1.Row(i), alpha, sigma, dalpha, dsigma)
		blur(xt.Row(i), p.Sigma, key, i)
	}
	return nil
}

func mix(x, u, x0, x1 []float32, alpha, sigma, dalpha, dsigma float64) {
	a, s, da, ds := float32(alpha), float32(sigma), float32(dalpha), float32(dsigma)
	for j := range x {
		x[j] = s*x0[j] + a*x1[j]
		u[j] = ds*x0[j] + da*x1[j]
	}
}

func blur(x []float32, sigma float32, key rng.Key, i int) {
	if sigma == 0 {
		return
	}
	s := key.At(uint64(i)).Stream()
	for j := range x {
		x[j] += sigma * float32(s.NormFloat64())
	}
}

// Target is the flow matching of Lipman et al. (2023) onto a data point blurred
// by SigmaMin. It is conditioned on x1 alone: x0 is ignored, the noise eps of
// row i comes from key.At(i), and
//
//	x_t = t x1 + (1 - (1-SigmaMin) t) eps,   u_t = x1 - (1-SigmaMin) eps
//
// The velocity is often written as a quotient in x_t, which is the same number
// and loses its digits near t = 1; this form is exact. It is a flow.Path, safe
// for concurrent use.
type Target struct{ SigmaMin float32 }

// At is the method of flow.Path; the error wraps flow.ErrShape.
func (p Target) At(xt, ut, x0, x1 tensor.Mat, t []float32, key rng.Key) error {
	if err := check(xt, ut, x0, x1, t); err != nil {
		return err
	}
	for i := range x0.N {
		s := key.At(uint64(i)).Stream()
		b, x, u := x1.Row(i), xt.Row(i), ut.Row(i)
		for j := range x {
			eps := float32(s.NormFloat64())
			x[j] = t[i]*b[j] + (1-(1-p.SigmaMin)*t[i])*eps
			u[j] = b[j] - (1-p.SigmaMin)*eps
		}
	}
	return nil
}

// Bridge is the Brownian bridge of Schroedinger-bridge matching (SB-CFM of Tong
// et al. 2024),
//
//	x_t = (1-t) x0 + t x1 + Sigma sqrt(t(1-t)) eps
//	u_t = x1 - x0 + Sigma (1-2t) / (2 sqrt(t(1-t))) eps
//
// which is a Schroedinger bridge when pairs come from the entropic plan of
// regularisation 2 Sigma^2. Sigma must be positive.
//
// The second term grows without bound at both ends, and its variance has a
// logarithmically divergent integral: clipped at 1e-2, 1e-3 and 1e-5 it is 1.32,
// 2.46 and 4.76 times Sigma^2. Times are therefore taken as the nearest in
// [BridgeClip, 1-BridgeClip], for x_t as for u_t. It is a flow.Path, safe for
// concurrent use.
type Bridge struct{ Sigma float32 }

// BridgeClip is the distance from both ends that the times of a Bridge keep.
const BridgeClip = 1e-3

// At is the method of flow.Path; the noise of row i is drawn from key.At(i). The
// error wraps flow.ErrShape.
func (p Bridge) At(xt, ut, x0, x1 tensor.Mat, t []float32, key rng.Key) error {
	if err := check(xt, ut, x0, x1, t); err != nil {
		return err
	}
	for i := range x0.N {
		mid := min(max(t[i], BridgeClip), 1-BridgeClip)
		width := float32(math.Sqrt(float64(mid * (1 - mid))))
		s := key.At(uint64(i)).Stream()
		a, b, x, u := x0.Row(i), x1.Row(i), xt.Row(i), ut.Row(i)
		for j := range x {
			eps := p.Sigma * float32(s.NormFloat64())
			x[j] = (1-mid)*a[j] + mid*b[j] + width*eps
			u[j] = b[j] - a[j] + (1-2*mid)/(2*width)*eps
		}
	}
	return nil
}

func check(xt, ut, x0, x1 tensor.Mat, t []float32) error {
	for _, m := range []struct {
		what string
		m    tensor.Mat
	}{{"x0", x0}, {"x1", x1}, {"xt", xt}, {"ut", ut}} {
		if err := m.m.Check(m.what, x0.N, x0.D); err != nil {
			return err
		}
	}
	if len(t) != x0.N {
		return fmt.Errorf("%w: %d times for %d rows", flow.ErrShape, len(t), x0.N)
	}
	return nil
}
