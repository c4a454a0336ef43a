package objective

import (
	"fmt"
	"math"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/path"
	"laminar/rng"
)

// BridgeScore trains a second network beside a flow along path.Bridge: the score
// of the points on the bridge, by which a stochastic equation samples what the
// flow does (SF2M, Tong et al. 2024). A bridge has no schedule from which a
// velocity would tell its score.
//
//	loss = |sigma_t s(x_t, t) + eps|^2 / D,  x_t = (1-t) x0 + t x1 + sigma_t eps,
//	sigma_t = Sigma sqrt(t(1-t)),  t ~ Times within path.BridgeClip of the ends
//
// so that s is grad log p_t. The paper's network answers Sigma^2/2 times that, and
// its equation, with drift u + Sigma^2/2 s and noise Sigma dW, is that of
//
//	solve.Config{Method: "em", Diffusion: "constant", DiffusionScale: Sigma^2/2}
//
// with solve.Solver.Score a field of this network. The pairs are those of the flow.
type BridgeScore struct {
	Path  path.Bridge
	Times flow.TimeSampler
	// Drop is the probability with which a row's conditions are hidden.
	Drop float64
}

// Phases returns the single phase "score", which trains nn.Group.
func (o BridgeScore) Phases(net nn.Network) ([]Phase, error) {
	if !(o.Path.Sigma > 0) || o.Times == nil || !(o.Drop >= 0 && o.Drop < 1) {
		return nil, &flow.FieldError{Path: "objective", Msg: fmt.Sprintf("a bridge's score needs a width above 0 (it is %v), times, and drop in [0, 1)", o.Path.Sigma)}
	}
	times := path.Within{Of: o.Times, Lo: path.BridgeClip, Hi: 1 - path.BridgeClip}
	dim := net.Dim()
	b := graph.NewBuilder()
	s := net.Apply(b, nn.Group, nn.InputsOf(b, net))
	noise := b.Row("noise", graph.Float32, dim)
	b.Row("velocity", graph.Float32, dim) // for Fill alone
	miss := b.Sum(b.Square(b.Add(b.Mul(b.Row("width", graph.Float32, 1), s), noise)), 0)
	p, err := finish(b, miss, b.Scale(miss, 1/float64(dim)), dim)
	if err != nil {
		return nil, err
	}
	fill := func(in *Inputs, batch *flow.Batch, key rng.Key) error {
		t, width, x, noise := in.Mat(nn.InT).Data, in.Mat("width").Data, in.Mat(nn.InX), in.Mat("noise")
		times.Times(t, key.Split("time"))
		if err := o.Path.At(x, in.Mat("velocity"), batch.X0, batch.X1, t, key.Split("path")); err != nil {
			return err
		}
		for i, at := range t {
			width[i] = o.Path.Sigma * float32(math.Sqrt(float64(at*(1-at))))
			x0, x1, eps := batch.X0.Row(i), batch.X1.Row(i), noise.Row(i)
			for j, v := range x.Row(i) {
				eps[j] = (v - (1-at)*x0[j] - at*x1[j]) / width[i]
			}
		}
		in.seed(batch)
		in.Conditions(batch.Cond, o.Drop, key.Split("drop"))
		return nil
	}
	return []Phase{{Name: "score", Trains: nn.Group, Program: p, Fill: fill}}, nil
}
