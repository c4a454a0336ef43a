package objective

import (
	"math"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/rng"
)

// MeanFlow trains a network for steps of any length (Geng et al. 2025, their time
// reversed): it answers the mean velocity u(z, s, q) of the flow line through z
// from time s to time q >= s, which satisfies
//
//	u = v + (q - s) du/ds,  du/ds = (v d/dz + d/ds) u
//
// with the velocity v at (z, s). The right side is the target of a regression, its
// gradient stopped; du/ds is one forward derivative of the network. The loss of a
// row is |u - target|^2, divided by its own value + 0.01 under a stopped gradient.
// s and q are the smaller and the larger of two logit-normal times; a share Equal
// of the rows has one such time, q = s, at which u learns v. (The released code
// takes the noisier of the two there.)
type MeanFlow struct {
	Line
	Equal float64
	// TimeMean and TimeScale are those of the normal number whose sigmoid is a
	// time; a positive mean leans towards the data.
	TimeMean, TimeScale float64
}

// meanFlowFloor is what is added to the loss by which the loss is divided.
const meanFlowFloor = 0.01

// Phases returns the single phase "meanflow", which trains nn.Group. net is an
// nn.LongStep.
func (o MeanFlow) Phases(net nn.Network) ([]Phase, error) {
	if err := o.check(net, "meanflow", true); err != nil {
		return nil, err
	}
	dim := net.Dim()
	b := graph.NewBuilder()
	in := nn.InputsOf(b, net)
	u := net.Apply(b, nn.Group, in)
	v := o.velocity(b, in, dim)
	du := b.JVP([]graph.Value{u}, []graph.Value{in.X, in.T, in.Span}, []graph.Value{v, b.Const(1, 1), b.Const(-1, 1)})[0]
	target := b.StopGradient(b.Add(v, b.Mul(in.Span, du)))
	miss := b.Sum(b.Square(b.Sub(u, target)), 0)
	scaled := b.Div(miss, b.StopGradient(b.Add(miss, b.Const(meanFlowFloor))))
	p, err := finish(b, miss, scaled, dim)
	if err != nil {
		return nil, err
	}
	fill := func(in *Inputs, batch *flow.Batch, key rng.Key) error {
		t, span := in.Mat(nn.InT).Data, in.Mat(nn.InSpan).Data
		s := key.Split("time").Stream()
		for i := range t {
			var z [2]float32
			s.Normal(z[:])
			from, to := sigmoid(o.TimeMean+o.TimeScale*float64(z[0])), sigmoid(o.TimeMean+o.TimeScale*float64(z[1]))
			if s.Float64() < o.Equal {
				to = from
			}
			t[i], span[i] = float32(min(from, to)), float32(math.Abs(to-from))
		}
		if err := o.at(in, in.Mat(nn.InX), batch, t, key.Split("path")); err != nil {
			return err
		}
		in.seed(batch)
		in.Conditions(batch.Cond, o.Drop, key.Split("drop"))
		return nil
	}
	return []Phase{{Name: "meanflow", Trains: nn.Group, Program: p, Fill: fill, Init: o.init()}}, nil
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// finish outputs miss, a row's squared error, and the gradient of loss over the
// rows, and builds the program.
func finish(b *graph.Builder, miss, loss graph.Value, dim int) (*graph.Program, error) {
	b.Output(Loss, b.Scale(miss, 1/float64(dim)))
	b.OutputGradients(b.Gradient(loss, b.Row("seed", graph.Float32, 1), nn.Group))
	return b.Build()
}
