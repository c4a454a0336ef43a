package objective

import (
	"fmt"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/path"
	"laminar/rng"
	"laminar/tensor"
)

// FlowMatching regresses the network onto what is known of a pair's path (Lipman
// et al. 2023; Tong et al. 2024):
//
//	loss = w(t) |f(x_t, t) - target|^2 / D,  x_t = Path(x0, x1, t),  t ~ Times
//
// averaged over the rows and over the D coordinates. The target is the velocity
// u_t, the data x1, the noise x0, or the score -x0/sigma, as Predict says. With
// noise on a VP schedule this is the training of a diffusion model (Ho et al. 2020).
//
// A score is as long as 1/sigma, so the plain loss is made of its last instants
// alone: errors of scores are multiplied by sigma^2 beside w, the lambda(t) of Song
// et al. (2021). The network still has to answer numbers of every size; that is why
// denoising score matching is hard to get right, and noise is what people predict.
//
// Where the target or its conversion into a velocity is infinite, Times are
// squeezed into path.Clip.
//
// A network with masks (flow.CondSpec.Mask) is trained for rows that are known in
// part: observed coordinates stand at their values from the start, their velocity
// is 0, and they do not count in the loss. Its mask is drawn without regard to
// the noise, so that of N(0, I) elsewhere the flow makes the data given what is
// observed. Conditions that Drop hides are not observed.
//
// At the choices of a path.Masked the network answers the log-odds of the options,
// whatever Predict is, and is trained by the cross-entropy of the masked ones (Gat et
// al. 2024), which is least where the chances are those of the data given x_t. The
// velocity at a masked choice is the one that leads to the mean of the data that the
// chances tell, at one that is made 0; so package solve finds the chances in it.
type FlowMatching struct {
	Path  flow.Path
	Times flow.TimeSampler
	// Drop is the probability with which a row's conditions are hidden.
	Drop float64
	// Predict is what the network answers; "" is path.Velocity.
	Predict path.Prediction
	// Schedule is that of Path. It may be nil for velocities; else it is a
	// path.Drawn.
	Schedule flow.Schedule
	// Weight is w; nil is 1.
	Weight path.Weight
}

// check returns what is wrong with o, as a *flow.FieldError.
func (o FlowMatching) check() error {
	bad := func(path, format string, a ...any) error {
		return &flow.FieldError{Path: path, Msg: fmt.Sprintf(format, a...)}
	}
	if o.Path == nil || o.Times == nil {
		return bad("objective", "flow matching needs a path and a time sampler")
	}
	if !(o.Drop >= 0 && o.Drop < 1) {
		return bad("objective.drop", "%v is not in [0, 1)", o.Drop)
	}
	of, _ := o.parted()
	if of == nil {
		return bad("objective", "a masked path needs a path for its other coordinates")
	}
	if o.velocities() {
		return nil
	}
	if err := o.Predict.Validate(); err != nil {
		return bad("objective.predict", "%v", err)
	}
	if _, ok := o.Schedule.(path.Drawn); !ok {
		return bad("objective.predict", "%s needs the schedule of an affine path without noise", o.Predict)
	}
	if _, ok := of.(path.Target); ok && o.Predict != path.Data {
		return bad("objective.predict", "this path draws its own noise, which is not that of the pair")
	}
	return nil
}

// parted returns the path of the values, and which coordinates are choices.
func (o FlowMatching) parted() (flow.Path, []flow.Choice) {
	if m, ok := o.Path.(path.Masked); ok {
		return m.Of, m.Choices
	}
	return o.Path, nil
}

// choicesEnd is the time from which on a network with choices is asked as at that
// time: at 1 none is masked.
const choicesEnd = 0.999

func (o FlowMatching) velocities() bool { return o.Predict == "" || o.Predict == path.Velocity }

// Clip returns the times between which the network is trained; see path.Clip.
func (o FlowMatching) Clip() (lo, hi float64) {
	of, choices := o.parted()
	predict, schedule := o.Predict, o.Schedule
	if o.velocities() {
		predict = path.Velocity
	}
	if p, ok := of.(path.Affine); ok && schedule == nil { // noise about it; its velocity is as steep
		schedule = p.Schedule
	}
	lo, hi = 0, 1
	if schedule != nil {
		lo, hi = path.Clip(predict, schedule)
	}
	if len(choices) > 0 {
		hi = min(hi, choicesEnd)
	}
	return lo, hi
}

// Phases returns the single phase "flow", which trains nn.Group.
func (o FlowMatching) Phases(net nn.Network) ([]Phase, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	times := o.Times
	if lo, hi := o.Clip(); lo > 0 || hi < 1 {
		times = path.Within{Of: times, Lo: lo, Hi: hi}
	}
	weighted := o.weighted()
	dim := net.Dim()
	_, choices := o.parted()
	parts, err := stretches(dim, choices)
	if err != nil {
		return nil, err
	}
	p, err := o.program(net, dim, parts)
	if err != nil {
		return nil, err
	}
	var cuts []*graph.Program
	if c, ok := net.(nn.Cuttable); ok && plain(parts, nn.Inputs{Mask: graph.None}) {
		for _, n := range c.Cuts() {
			parts[0].width = n.Dim()
			cut, err := o.program(n, dim, parts)
			if err != nil {
				return nil, err
			}
			cuts = append(cuts, cut)
		}
	}
	fill := func(in *Inputs, batch *flow.Batch, key rng.Key) error {
		t := in.Mat(nn.InT).Data
		times.Times(t, key.Split("time"))
		if err := o.Path.At(in.Mat(nn.InX), in.Mat("target"), batch.X0, batch.X1, t, key.Split("path")); err != nil {
			return err
		}
		o.aim(in, batch)
		shares(in.Mat("target"), batch.X1, parts)
		if weighted {
			o.weigh(in.Mat("weight").Data, t)
		}
		if batch.T0 != nil {
			if !o.velocities() {
				return fmt.Errorf("%w: pairs between marginals in time are for networks that answer velocities, not %s", flow.ErrConfig, o.Predict)
			}
			between(batch, t, in.Mat("target"))
		}
		seed := in.Mat("seed").Data
		for i := range seed {
			seed[i] = 1 / float32(in.N*dim)
			if batch.Weight != nil {
				seed[i] *= batch.Weight[i]
			}
		}
		in.Conditions(batch.Cond, o.Drop, key.Split("drop"))
		hold(in.Mat(nn.InX), in.Mat(nn.InMask), in.Mat(nn.InObserved))
		return nil
	}
	return []Phase{{Name: "flow", Trains: nn.Group, Program: p, Cuts: cuts, Fill: fill}}, nil
}

func (o FlowMatching) weighted() bool { return o.Weight != nil || o.Predict == path.Score }

// program writes the loss of net, averaged over dim coordinates.
func (o FlowMatching) program(net nn.Network, dim int, parts []stretch) (*graph.Program, error) {
	b := graph.NewBuilder()
	inputs := nn.InputsOf(b, net)
	answer := net.Apply(b, nn.Group, inputs)
	loss := mixedLoss(b, parts, inputs, answer, b.Row("target", graph.Float32, net.Dim()))
	if o.weighted() {
		loss = b.Mul(b.Row("weight", graph.Float32, 1), loss)
	}
	b.Output(Loss, b.Scale(loss, 1/float64(dim)))
	b.OutputGradients(b.Gradient(loss, b.Row("seed", graph.Float32, 1), nn.Group))
	return b.Build()
}

// between takes times and velocities of paths that run from 0 to 1 to those of
// paths between the times at which a batch's ends stand.
func between(b *flow.Batch, t []float32, u tensor.Mat) {
	for i := range t {
		length := b.T1[i] - b.T0[i]
		t[i] = b.T0[i] + length*t[i]
		for j := range u.Row(i) {
			u.Row(i)[j] /= length
		}
	}
}

// aim replaces the velocities in "target" by what the network is to answer.
func (o FlowMatching) aim(in *Inputs, b *flow.Batch) {
	target := in.Mat("target")
	switch o.Predict {
	case path.Data:
		copy(target.Data, b.X1.Data)
	case path.Noise:
		copy(target.Data, b.X0.Data)
	case path.Score:
		for i, t := range in.Mat(nn.InT).Data {
			_, sigma, _, _ := o.Schedule.At(float64(t))
			for j, noise := range b.X0.Row(i) {
				target.Row(i)[j] = -noise / float32(sigma)
			}
		}
	}
}

func (o FlowMatching) weigh(weight, times []float32) {
	for i, t := range times {
		w := o.Weight.At(o.Schedule, float64(t))
		if o.Predict == path.Score {
			_, sigma, _, _ := o.Schedule.At(float64(t))
			w *= sigma * sigma
		}
		weight[i] = float32(w)
	}
}

// Velocity is the method of Converter. The conversion is written into the
// program as operations of the time, so whoever runs it, here or elsewhere, sees
// velocities. Outside Clip the network is asked at the nearest time.
func (o FlowMatching) Velocity(net nn.Network) (nn.Network, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	lo, hi := o.Clip()
	if o.velocities() && lo == 0 && hi == 1 && !net.CondSpec().Mask {
		return net, nil
	}
	_, choices := o.parted()
	parts, err := stretches(net.Dim(), choices)
	if err != nil {
		return nil, err
	}
	s, _ := o.Schedule.(path.Drawn)
	predict := o.Predict
	if o.velocities() {
		predict = path.Velocity
	}
	return converted{net, predict, s, parts, lo, hi}, nil
}

// converted is a network with the conversion of its answers behind it.
type converted struct {
	nn.Network
	predict  path.Prediction
	schedule path.Drawn
	parts    []stretch
	lo, hi   float64
}

func (n converted) Apply(b *graph.Builder, group string, in nn.Inputs) graph.Value {
	if n.lo > 0 {
		in.T = b.Max(in.T, b.Const(n.lo, 1))
	}
	if n.hi < 1 {
		in.T = b.Min(in.T, b.Const(n.hi, 1))
	}
	return mixedVelocity(b, n.parts, n.schedule, n.predict, in, n.Network.Apply(b, group, in))
}
