package path

import (
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Masked is the path of rows of which some coordinates are choices: discrete flow
// matching from masks (Campbell et al. 2024; Gat et al. 2024). Each choice of a row
// is masked up to a moment of its own, uniform in [0, By], and what x1 has from there
// on,
//
//	p_t(x | x1) = (1-k) delta_mask(x) + k delta_x1(x),  k = min(t/By, 1),
//
// and all other coordinates go along Of. x0 does not matter at the choices.
//
// A masked choice is made at the rate 1/(By-t), by the chances p of its options given
// all of x_t. Where By is 1 that is in coordinates the drift (E[x1 | x_t] - x_t)/(1-t),
// and so u_t, given the pair, is (x1 - x_t)/(1-t). An earlier By keeps that form, in
// which a velocity tells the mean: it says when a choice is made, and nothing of which.
// It is a flow.Path, safe for concurrent use if Of is.
type Masked struct {
	Of      flow.Path
	Choices []flow.Choice
}

// At is the method of flow.Path. The moments of row i are drawn from
// key.Split("mask").At(i), and Of has key. The error wraps flow.ErrShape or, for
// choices that do not fit the rows, flow.ErrConfig.
func (p Masked) At(xt, ut, x0, x1 tensor.Mat, t []float32, key rng.Key) error {
	if err := p.Of.At(xt, ut, x0, x1, t, key); err != nil {
		return err
	}
	if err := flow.CheckChoices(p.Choices, x1.D); err != nil {
		return err
	}
	key = key.Split("mask")
	for i := range xt.N {
		moments := key.At(uint64(i)).Stream()
		for _, c := range p.Choices {
			lo, hi := c.Offset, c.Offset+c.Width()
			x, u := xt.Row(i)[lo:hi], ut.Row(i)[lo:hi]
			copy(x, x1.Row(i)[lo:hi])
			if moments.Float32()*float32(c.End()) < t[i] {
				clear(u)
				continue
			}
			for j := range x {
				u[j] = x[j] / (1 - t[i])
			}
			clear(x)
		}
	}
	return nil
}
