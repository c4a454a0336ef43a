package objective

import (
	"fmt"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/optim"
	"laminar/rng"
)

// CriticGroup is the parameter group of a GAN's critic.
const CriticGroup = "critic"

// Adversarial trains a generator against a critic (Goodfellow et al. 2014): the
// non-saturating loss with the gradient penalty R1 (Mescheder et al. 2018). The
// generator is the velocity network at t = 0,
//
//	G(x0) = x0 + f(x0, 0),
//
// so that one Euler step is its sampler. With the critic's answer D,
//
//	critic:    softplus(-D(x1)) + softplus(D(G(x0))) + R1/2 |dD/dx1|^2
//	generator: softplus(-D(G(x0)))
//
// No coupling tells the generator where a point should go: its map has no path,
// and nothing on the way can be watched.
type Adversarial struct {
	// Critic is the second network; its answer is its first coordinate, at t = 0.
	Critic nn.Network
	R1     float64
	// Rate is the critic's learning rate in units of the generator's.
	Rate float64
	// Drop is the probability with which a row's conditions are hidden.
	Drop float64
}

// critical are Adam's decay rates in an adversarial game, for both sides.
func critical(rate float64) func(optim.Spec) optim.Spec {
	return func(s optim.Spec) optim.Spec {
		s.Beta1, s.Beta2, s.Momentum = 0, 0.9, 0
		s.Rate *= rate
		s.FinalRate *= rate
		return s
	}
}

// Phases returns the phases "critic", which trains CriticGroup, and "generator",
// which trains nn.Group. Neither loss says how good the samples are.
func (o Adversarial) Phases(net nn.Network) ([]Phase, error) {
	if o.Critic == nil || o.Critic.Dim() != net.Dim() || o.Critic.CondSpec() != net.CondSpec() {
		return nil, &flow.FieldError{Path: "objective.critic", Msg: "must take the points and conditions of the generator"}
	}
	if nn.TakesSpan(net) || nn.TakesSpan(o.Critic) {
		return nil, &flow.FieldError{Path: "objective", Msg: "a GAN needs plain networks, not an nn.LongStep"}
	}
	if !(o.R1 >= 0) || !(o.Rate > 0) || !(o.Drop >= 0 && o.Drop < 1) {
		return nil, &flow.FieldError{Path: "objective", Msg: fmt.Sprintf("r1 %v, the critic's rate %v or drop %v is out of range", o.R1, o.Rate, o.Drop)}
	}
	critic, err := o.program(net, CriticGroup)
	if err != nil {
		return nil, err
	}
	generator, err := o.program(net, nn.Group)
	if err != nil {
		return nil, err
	}
	fill := func(in *Inputs, batch *flow.Batch, key rng.Key) error {
		// The pairs of a coupling would tell the critic which noise the data belong
		// to, were it to see both; it does not.
		copy(in.Mat(nn.InX).Data, batch.X0.Data)
		copy(in.Mat("data").Data, batch.X1.Data)
		clear(in.Mat(nn.InT).Data)
		in.seed(batch)
		in.Conditions(batch.Cond, o.Drop, key.Split("drop"))
		return nil
	}
	own := map[string]func([]float32, graph.Layout, rng.Key){CriticGroup: o.Critic.Init}
	return []Phase{
		{Name: "critic", Trains: CriticGroup, Program: critic, Fill: fill, Init: own, Optim: critical(o.Rate), Unjudged: true},
		{Name: "generator", Trains: nn.Group, Program: generator, Fill: fill, Init: own, Optim: critical(1), Unjudged: true},
	}, nil
}

func (o Adversarial) program(net nn.Network, trains string) (*graph.Program, error) {
	b := graph.NewBuilder()
	in := nn.RowInputs(b, net.Dim(), net.CondSpec())
	judge := func(x graph.Value) graph.Value {
		at := in
		at.X = x
		return b.Slice(o.Critic.Apply(b, CriticGroup, at), 0, 0, 1)
	}
	fake := b.Add(in.X, net.Apply(b, nn.Group, in))
	var loss graph.Value
	if trains == nn.Group {
		loss = softplus(b, b.Neg(judge(fake)))
	} else {
		data := b.Row("data", graph.Float32, net.Dim())
		real := judge(data)
		slope := b.VJP([]graph.Value{real}, []graph.Value{b.ToRows(b.Const(1, 1))}, []graph.Value{data})[0]
		loss = b.Add(softplus(b, b.Neg(real)), softplus(b, judge(b.StopGradient(fake))))
		loss = b.Add(loss, b.Scale(b.Sum(b.Square(slope), 0), o.R1/2))
	}
	b.Output(Loss, loss)
	b.OutputGradients(b.Gradient(loss, b.Row("seed", graph.Float32, 1), trains))
	return b.Build()
}

// softplus is log(1 + e^x), written so that nothing overflows.
func softplus(b *graph.Builder, x graph.Value) graph.Value {
	return b.Add(b.ReLU(x), b.Log(b.Add(b.ToRows(b.Const(1, 1)), b.Exp(b.Neg(b.Abs(x))))))
}
