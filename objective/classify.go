package objective

import (
	"fmt"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/rng"
)

// Classification fits a network that answers one number (a logit) for each
// class of its CondSpec to the class ids of the batch's data:
//
//	loss = w (log sum_k exp f_k(x1) - f_class(x1))
//
// the cross entropy, averaged over the rows. x0 is not looked at. Rows without a
// class (flow.NoClass) are an error.
type Classification struct{}

// Phases returns the single phase "classify", which trains nn.Group.
func (Classification) Phases(net nn.Network) ([]Phase, error) {
	dim, classes := net.Dim(), net.CondSpec().Classes
	if classes < 2 {
		return nil, fmt.Errorf("%w: a classifier needs at least 2 classes, not %d", flow.ErrConfig, classes)
	}
	b := graph.NewBuilder()
	in := nn.NoInputs()
	in.X = b.Row(nn.InX, graph.Float32, dim)
	f := net.Apply(b, nn.Group, in)
	if s := b.Shape(f); b.Err() == nil && (len(s) != 1 || s[0] != classes) {
		return nil, fmt.Errorf("%w: the network answers %v, want %d logits", flow.ErrConfig, s, classes)
	}
	top := b.StopGradient(b.ReduceMax(f, 0))
	whole := b.Add(b.Log(b.Sum(b.Exp(b.Sub(f, top)), 0)), top)
	own := b.Sum(b.Mul(f, b.Row("own", graph.Float32, classes)), 0)
	loss := b.Sub(whole, own)
	b.Output(Loss, loss)
	b.OutputGradients(b.Gradient(loss, b.Row("seed", graph.Float32, 1), nn.Group))
	p, err := b.Build()
	if err != nil {
		return nil, err
	}
	fill := func(in *Inputs, batch *flow.Batch, _ rng.Key) error {
		copy(in.Mat(nn.InX).Data, batch.X1.Data)
		own, seed := in.Mat("own"), in.Mat("seed").Data
		clear(own.Data)
		for i, k := range batch.Cond.Class {
			if k < 0 || int(k) >= classes {
				return fmt.Errorf("%w: row %d has the class %d of %d", flow.ErrConfig, i, k, classes)
			}
			own.Row(i)[k] = 1
			seed[i] = 1 / float32(in.N)
			if batch.Weight != nil {
				seed[i] *= batch.Weight[i]
			}
		}
		return nil
	}
	return []Phase{{Name: "classify", Trains: nn.Group, Program: p, Fill: fill}}, nil
}
