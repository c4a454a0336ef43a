package objective

import (
	"math"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/rng"
)

// Consistency trains a velocity network to lead straight to the end of its
// segment of [0, 1] from wherever on a path it is asked (consistency flow
// matching, Yang et al. 2024). Two points of a path, at t and r = min(t+Delta,
// end), agree about the end of it and about the velocity,
//
//	loss = |f_t - f_r|^2 + Alpha |v_t - v_r|^2,  f_t = x_t + (end - t) v(x_t, t)
//
// where r is answered by the averaged network, whose gradient is stopped. With K
// segments of equal length, K Euler steps are a sample. With a Teacher, x_r lies
// ahead of x_t on its flow line instead of the pair's.
type Consistency struct {
	Line
	Segments int
	Delta    float64
	Alpha    float64
}

// Phases returns the single phase "consistency", which trains nn.Group. Its
// held-out loss is not used: it says how well the network agrees with itself.
func (o Consistency) Phases(net nn.Network) ([]Phase, error) {
	if err := o.check(net, "consistency", false); err != nil {
		return nil, err
	}
	if o.Segments < 1 || !(o.Delta > 0) {
		return nil, &flow.FieldError{Path: "objective", Msg: "consistency needs at least one segment and a positive delta"}
	}
	dim := net.Dim()
	b := graph.NewBuilder()
	in := nn.InputsOf(b, net)
	// left and rest are the times from t and from r to the end of the segment.
	left, rest := b.Row("left", graph.Float32, 1), b.Row("rest", graph.Float32, 1)
	// For Fill alone: r, and the pairs' velocities.
	b.Row("then", graph.Float32, 1)
	b.Row("velocity", graph.Float32, dim)
	ahead := in
	step := b.Sub(left, rest)
	ahead.T = b.Add(in.T, step)
	if o.Teacher == nil {
		ahead.X = b.Row("ahead", graph.Float32, dim)
	} else {
		// Heun's step: Delta may be large.
		v := o.Teacher.velocity(b, in)
		probe := ahead
		probe.X = b.Add(in.X, b.Mul(step, v))
		v = b.Scale(b.Add(v, o.Teacher.velocity(b, probe)), 0.5)
		ahead.X = b.Add(in.X, b.Mul(step, v))
	}
	v, target := net.Apply(b, nn.Group, in), b.StopGradient(net.Apply(b, TargetGroup, ahead))
	end := b.Sub(b.Add(in.X, b.Mul(left, v)), b.StopGradient(b.Add(ahead.X, b.Mul(rest, target))))
	miss := b.Sum(b.Square(end), 0)
	if o.Alpha > 0 {
		// At the end of the segment the next one's velocity begins.
		inside := b.Greater(rest, b.Const(0, 1))
		miss = b.Add(miss, b.Scale(b.Sum(b.Square(b.Mul(inside, b.Sub(v, target))), 0), o.Alpha))
	}
	p, err := finish(b, miss, b.Scale(miss, 1/float64(dim)), dim)
	if err != nil {
		return nil, err
	}
	length := 1 / float64(o.Segments)
	fill := func(in *Inputs, batch *flow.Batch, key rng.Key) error {
		t, left, rest := in.Mat(nn.InT).Data, in.Mat("left").Data, in.Mat("rest").Data
		r := in.Mat("then").Data
		s := key.Split("time").Stream()
		for i := range t {
			at := s.Float64()
			end := min(1, length*(1+math.Floor(at/length)))
			then := min(at+o.Delta, end)
			t[i], r[i], left[i], rest[i] = float32(at), float32(then), float32(end-at), float32(end-then)
		}
		if err := o.at(in, in.Mat(nn.InX), batch, t, key.Split("path")); err != nil {
			return err
		}
		if ahead := in.Mat("ahead"); !ahead.IsEmpty() {
			if err := o.at(in, ahead, batch, r, key.Split("path")); err != nil {
				return err
			}
		}
		in.seed(batch)
		in.Conditions(batch.Cond, o.Drop, key.Split("drop"))
		return nil
	}
	return []Phase{{
		Name: "consistency", Trains: nn.Group, Program: p, Fill: fill, Init: o.init(), Unjudged: true,
		Average: map[string]string{TargetGroup: nn.Group},
	}}, nil
}
