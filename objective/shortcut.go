package objective

import (
	"math"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/rng"
)

// Shortcut trains a network for steps of the lengths 1, 1/2, ..., 1/64 and 0
// (Frans et al. 2024). Most rows learn the velocity, at length 0; a share
// Bootstrap learns a step of length d from two of half the length, asked of the
// averaged network:
//
//	target = (a + b)/2,  a = u(x, t, d/2),  b = u(x + d/2 a, t + d/2, d/2)
//
// A half step of 1/128 is asked at length 0. Times are uniform in [0, 1-d].
type Shortcut struct {
	Line
	Bootstrap float64
}

// shortcutLevels is the number of lengths beside 0: down to 2^-6.
const shortcutLevels = 7

// Phases returns the single phase "shortcut", which trains nn.Group. net is an
// nn.LongStep.
func (o Shortcut) Phases(net nn.Network) ([]Phase, error) {
	if err := o.check(net, "shortcut", true); err != nil {
		return nil, err
	}
	dim := net.Dim()
	b := graph.NewBuilder()
	in := nn.InputsOf(b, net)
	u := net.Apply(b, nn.Group, in)
	half := in
	half.Span = b.Row("asked", graph.Float32, 1)
	step := b.Scale(in.Span, 0.5)
	first := net.Apply(b, TargetGroup, half)
	half.X, half.T = b.Add(in.X, b.Mul(step, first)), b.Add(in.T, step)
	second := net.Apply(b, TargetGroup, half)
	target := b.Select(b.Greater(in.Span, b.Const(0, 1)), b.Scale(b.Add(first, second), 0.5), o.velocity(b, in, dim))
	miss := b.Sum(b.Square(b.Sub(u, b.StopGradient(target))), 0)
	p, err := finish(b, miss, b.Scale(miss, 1/float64(dim)), dim)
	if err != nil {
		return nil, err
	}
	fill := func(in *Inputs, batch *flow.Batch, key rng.Key) error {
		t, span, asked := in.Mat(nn.InT).Data, in.Mat(nn.InSpan).Data, in.Mat("asked").Data
		s := key.Split("time").Stream()
		for i := range t {
			at, level, d := s.Float64(), shortcutLevels, 0.0
			if s.Float64() < o.Bootstrap {
				level = min(int(s.Float64()*shortcutLevels), shortcutLevels-1)
				d = math.Ldexp(1, -level)
			}
			asked[i] = float32(d / 2)
			if level == shortcutLevels-1 {
				asked[i] = 0
			}
			t[i], span[i] = float32(at*(1-d)), float32(d)
		}
		if err := o.at(in, in.Mat(nn.InX), batch, t, key.Split("path")); err != nil {
			return err
		}
		in.seed(batch)
		in.Conditions(batch.Cond, o.Drop, key.Split("drop"))
		return nil
	}
	return []Phase{{
		Name: "shortcut", Trains: nn.Group, Program: p, Fill: fill, Init: o.init(),
		Average: map[string]string{TargetGroup: nn.Group},
	}}, nil
}
