package sample

import (
	"context"
	"fmt"
	"math"

	"laminar/flow"
	"laminar/model"
	"laminar/solve"
	"laminar/tensor"
)

// Slerp writes the point a share u of the way from a to b along a great circle
// into dst: between points of N(0, I) it keeps the distance from 0 that such
// points have, where the straight line would cut through the middle (Shoemake
// 1985). Lengths change evenly; points in line with 0 are joined straight.
func Slerp(dst, a, b []float32, u float64) {
	var aa, bb, ab float64
	for j := range a {
		aa += float64(a[j]) * float64(a[j])
		bb += float64(b[j]) * float64(b[j])
		ab += float64(a[j]) * float64(b[j])
	}
	la, lb := math.Sqrt(aa), math.Sqrt(bb)
	angle := math.Acos(min(1, max(-1, ab/(la*lb))))
	wa, wb := 1-u, u
	if sin := math.Sin(angle); sin > 1e-6 { // and not NaN
		length := la + u*(lb-la)
		wa, wb = length*math.Sin((1-u)*angle)/sin/la, length*math.Sin(u*angle)/sin/lb
	}
	for j := range dst {
		dst[j] = float32(wa*float64(a[j]) + wb*float64(b[j]))
	}
}

// Interpolate carries latents between those of a and b to data: for each pair of
// rows, steps points from a to b, both ends among them, in the numbers of the data.
// Latents that start from N(0, I) are joined by Slerp, others straight. The
// conditions of c, if it has any, are those of the pairs; N and First are not used.
func Interpolate(ctx context.Context, m *model.Model, c Config, a, b tensor.Mat, steps int) (tensor.Matrix[float64], solve.Stats, error) {
	var none tensor.Matrix[float64]
	if steps < 2 {
		return none, solve.Stats{}, &flow.FieldError{Path: "steps", Msg: fmt.Sprintf("%d is too few to hold both ends; take at least 2", steps)}
	}
	if err := a.Check("first latents", -1, m.Dim()); err != nil {
		return none, solve.Stats{}, err
	}
	if err := b.Check("second latents", a.N, m.Dim()); err != nil {
		return none, solve.Stats{}, err
	}
	if err := c.fits(a.N); err != nil {
		return none, solve.Stats{}, err
	}
	if most := MaxRows(m.Dim()); steps > most/max(1, a.N) {
		return none, solve.Stats{}, fmt.Errorf("%w: %d points of each of %d pairs are more than %d; draw them in parts", flow.ErrConfig, steps, a.N, most)
	}
	z := tensor.New(a.N*steps, m.Dim())
	cond := flow.NewCond(flow.CondSpec{Classes: len(c.Cond.Class), Real: c.Cond.Real.D}, z.N, m.Dim())
	for i := range z.N {
		pair, u := i/steps, float64(i%steps)/float64(steps-1)
		if c.Source == nil {
			Slerp(z.Row(i), a.Row(pair), b.Row(pair), u)
		} else {
			for j, v := range a.Row(pair) {
				z.Row(i)[j] = v + float32(u)*(b.At(pair, j)-v)
			}
		}
		if len(cond.Class) > 0 {
			cond.Class[i] = c.Cond.Class[pair]
		}
		if !cond.Real.IsEmpty() {
			copy(cond.Real.Row(i), c.Cond.Real.Row(pair))
		}
	}
	c.Cond = cond
	stats, err := Carry(ctx, m, c, z, 0, 1)
	if err != nil {
		return none, stats, err
	}
	x := tensor.NewOf[float64](z.N, z.D)
	return x, stats, m.Transform.Inverse(x, z)
}
