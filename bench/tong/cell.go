package main

import (
	"context"
	"math"
	"slices"
	"time"

	"laminar/coupling"
	"laminar/data"
	"laminar/flow"
	"laminar/internal/cputime"
	"laminar/metric"
	"laminar/model"
	"laminar/nn"
	"laminar/objective"
	"laminar/optim"
	"laminar/path"
	"laminar/recipe"
	"laminar/rng"
	"laminar/solve"
	"laminar/tensor"
	"laminar/train"
)

// sigma is the noise about the paths.
const sigma = 0.1

// eulers are the numbers of Euler steps of the few-step column; the last is the
// protocol's own.
var eulers = []int{1, 2, 4, 8, 16, 100}

// Cell is the outcome of one method on one task under one seed.
type Cell struct {
	Protocol int    `json:"protocol"`
	Task     string `json:"task"`
	Method   string `json:"method"`
	Seed     uint64 `json:"seed"`
	// W2 is by number of Euler steps, as in eulers; Floor is the distance of
	// the validation rows to the test rows.
	W2    []float64 `json:"w2"`
	Floor float64   `json:"floor"`
	// Mean and MeanFloor are what W2 (of 100 steps) and Floor are over ten draws
	// of 1,000 points each, against the same test rows: one draw of either is
	// mostly the luck of how many points fall to which part of the data.
	Mean      float64 `json:"w2_mean"`
	MeanFloor float64 `json:"floor_mean"`
	// Energy is the path energy of the 100 steps, Reference the squared distance
	// of source and target, NPE their normalised difference.
	Energy    float64 `json:"energy"`
	Reference float64 `json:"reference"`
	NPE       float64 `json:"npe"`
	// Core and Wall are the seconds of training, teachers included.
	Core float64 `json:"core_seconds"`
	Wall float64 `json:"wall_seconds"`
}

// protocol is raised when a change here makes older cells incomparable.
const protocol = 1

// Method is a row of the table.
type Method struct {
	Name, About string
	// train returns a trained model that starts from the source's own numbers.
	train func(ctx context.Context, s Set, seed uint64, workers int) (*model.Model, error)
	// ownNoise tells that the method starts from N(0, I) whatever the source is.
	ownNoise bool
}

var methods = []Method{
	{Name: "I-CFM", About: "independent pairs", train: matching(path.Linear{Sigma: sigma}, coupling.Independent{})},
	{Name: "FM", About: "Lipman et al.", train: matching(path.Target{SigmaMin: sigma}, coupling.Independent{}), ownNoise: true},
	{Name: "VP-CFM", About: "trigonometric path, independent pairs", train: matching(path.Affine{Schedule: path.Cosine{}, Sigma: sigma}, coupling.Independent{})},
	{Name: "2-RF", About: "I-CFM on pairs made by I-CFM", train: rectified},
	{Name: "Laminar", About: "the default preset", train: defaults},
	{Name: "OT-CFM", About: "exact transport of the batch", train: matching(path.Linear{Sigma: sigma}, transport())},
	{Name: "SB-CFM", About: "Brownian bridge, exact transport", train: matching(path.Bridge{Sigma: sigma}, transport())},
}

func transport() flow.Pairer {
	ot, err := coupling.NewOT("sqeuclidean")
	if err != nil {
		panic(err) // the cost is a valid name
	}
	return ot
}

// matching trains the protocol's network on a path and a coupling.
func matching(p flow.Path, pairer flow.Pairer) func(context.Context, Set, uint64, int) (*model.Model, error) {
	return func(ctx context.Context, s Set, seed uint64, workers int) (*model.Model, error) {
		var sources [2]flow.PairSource
		for i, name := range []string{"train", "valid"} {
			from, err := s.sourceOf(name)
			if err != nil {
				return nil, err
			}
			to, err := stored(part(s.X1, name))
			if err != nil {
				return nil, err
			}
			if sources[i], err = coupling.NewSource(from, to, pairer); err != nil {
				return nil, err
			}
		}
		return fit(ctx, s, p, sources, seed, workers)
	}
}

// fit is the protocol's training: 3 hidden layers of 64 SELU units, AdamW 1e-3
// with weight decay 1e-5, batches of 512 for 1000 epochs; of the looks at the
// validation rows every ten epochs, the best.
func fit(ctx context.Context, s Set, p flow.Path, pairs [2]flow.PairSource, seed uint64, workers int) (*model.Model, error) {
	net, err := nn.Spec{Kind: "mlp", Width: 64, Depth: 3, Activation: "selu"}.Network(2, flow.CondSpec{})
	if err != nil {
		return nil, err
	}
	adam := optim.Post()
	adam.WeightDecay = 1e-5
	cfg := train.Config{Steps: 1000 * s.perEpoch, Batch: 512, Seed: seed, ValidateEvery: 10 * s.perEpoch}
	t, err := train.New(cfg, adam, objective.FlowMatching{Path: p, Times: path.Uniform{}}, net, pairs[0], train.Options{HeldOut: pairs[1], Workers: workers})
	if err != nil {
		return nil, err
	}
	if err := t.Fit(ctx); err != nil {
		return nil, err
	}
	prog, err := nn.Velocity(net)
	if err != nil {
		return nil, err
	}
	return model.New(model.Config{Program: prog, Params: slices.Clone(t.Best())})
}

// rectified is 2-rectified flow (Liu et al. 2023): a first model by independent
// pairs carries the source's rows to their ends by 100 Euler steps, and a second
// one, from fresh parameters, is trained on those pairs.
func rectified(ctx context.Context, s Set, seed uint64, workers int) (*model.Model, error) {
	teacher, err := matching(path.Linear{Sigma: sigma}, coupling.Independent{})(ctx, s, seed, workers)
	if err != nil {
		return nil, err
	}
	var pairs [2]flow.PairSource
	for i, name := range []string{"train", "valid"} {
		x0 := part(s.X0, name)
		z, err := carry(ctx, teacher, x0, 100)
		if err != nil {
			return nil, err
		}
		joined := tensor.New(x0.N, 4)
		for r := range x0.N {
			copy(joined.Row(r), x0.Row(r))
			copy(joined.Row(r)[2:], z[len(z)-1].Row(r))
		}
		rows, err := stored(joined)
		if err != nil {
			return nil, err
		}
		pairs[i] = joinedPairs{rows}
	}
	return fit(ctx, s, path.Linear{Sigma: sigma}, pairs, rng.New(seed).Split("second").Words()[1], workers)
}

// joinedPairs deals rows that hold x0 and then x1. It is a flow.PairSource.
type joinedPairs struct{ rows *data.Stored }

func (p joinedPairs) Dim() int                { return p.rows.Dim() / 2 }
func (p joinedPairs) CondSpec() flow.CondSpec { return flow.CondSpec{} }

func (p joinedPairs) Fill(b *flow.Batch, key rng.Key, i int) error {
	s := flow.NewSample(p.rows, b.X0.N)
	if err := p.rows.Draw(s, key, i); err != nil {
		return err
	}
	for r := range s.X.N {
		copy(b.X0.Row(r), s.X.Row(r))
		copy(b.X1.Row(r), s.X.Row(r)[p.Dim():])
	}
	return nil
}

// defaults trains the default preset on the same rows, those of validation held
// out. Where the source is N(0, I), it is so in the data's numbers, as in the
// other rows, and not after standardising.
func defaults(ctx context.Context, s Set, seed uint64, workers int) (*model.Model, error) {
	r, err := recipe.Preset("default")
	if err != nil {
		return nil, err
	}
	r.Data.Name, r.Source, r.Train.Seed = s.Name, "source", seed
	r.Data.HeldOut = float64(validRows) / (trainRows + validRows)
	material := recipe.Material{Data: table(s.X1), Source: recipe.Given{Toy: data.Noise(2)}}
	if s.source != nil {
		material.Source = table(s.X0)
	}
	plan, err := r.Compose(material)
	if err != nil {
		return nil, err
	}
	t, err := plan.Trainer(train.Options{Workers: workers})
	if err != nil {
		return nil, err
	}
	if err := t.Fit(ctx); err != nil {
		return nil, err
	}
	return plan.Model(slices.Clone(t.Best()), nil)
}

func table(x tensor.Mat) recipe.Given {
	return recipe.Given{Table: &data.Table{Columns: []string{"x0", "x1"}, X: tensor.Convert[float64](x.Rows(0, trainRows+validRows))}}
}

// carry moves rows by Euler steps along a model and returns all their places, in
// the numbers of the data.
func carry(ctx context.Context, m *model.Model, x0 tensor.Mat, steps int) ([]tensor.Mat, error) {
	f, err := m.Bind(flow.Cond{})
	if err != nil {
		return nil, err
	}
	solver, err := solve.New[float32](solve.Config{Method: "euler", Steps: steps})
	if err != nil {
		return nil, err
	}
	x := tensor.New(x0.N, x0.D)
	if err := m.Transform.Forward(x, tensor.Convert[float64](x0)); err != nil {
		return nil, err
	}
	var places []tensor.Mat
	for p, err := range solver.Trajectory(ctx, f, x, 0, 1) {
		if err != nil {
			return nil, err
		}
		back := tensor.NewOf[float64](x.N, x.D)
		if err := m.Transform.Inverse(back, p.X); err != nil {
			return nil, err
		}
		places = append(places, tensor.Convert[float32](back))
	}
	return places, nil
}

// energy is the path energy of Euler steps, the mean over time and points of the
// squared speed.
func energy(places []tensor.Mat) float64 {
	steps, sum := len(places)-1, 0.0
	for k := range steps {
		for i, v := range places[k+1].Data {
			d := float64(v) - float64(places[k].Data[i])
			sum += d * d
		}
	}
	return sum * float64(steps) / float64(places[0].N)
}

// measure trains and judges one cell.
func measure(ctx context.Context, s Set, m Method, seed uint64, workers int) (Cell, error) {
	c := Cell{Protocol: protocol, Task: s.Name, Method: m.Name, Seed: seed}
	start, used := time.Now(), cputime.Used()
	trained, err := m.train(ctx, s, seed, workers)
	if err != nil {
		return c, err
	}
	c.Wall, c.Core = time.Since(start).Seconds(), (cputime.Used() - used).Seconds()
	x0, test := part(s.X0, "test"), part(s.X1, "test")
	for _, steps := range eulers {
		places, err := carry(ctx, trained, x0, steps)
		if err != nil {
			return c, err
		}
		w, err := metric.W2(places[steps], test)
		if err != nil {
			return c, err
		}
		c.W2 = append(c.W2, w)
		c.Energy = energy(places)
	}
	if c.Floor, err = metric.W2(part(s.X1, "valid"), test); err != nil {
		return c, err
	}
	for lo := 0; lo < trainRows; lo += testRows {
		places, err := carry(ctx, trained, part(s.X0, "train").Rows(lo, lo+testRows), 100)
		if err != nil {
			return c, err
		}
		w, err := metric.W2(places[100], test)
		if err != nil {
			return c, err
		}
		floor, err := metric.W2(part(s.X1, "train").Rows(lo, lo+testRows), test)
		if err != nil {
			return c, err
		}
		c.Mean += w * testRows / trainRows
		c.MeanFloor += floor * testRows / trainRows
	}
	if c.Reference, err = s.reference(); err != nil {
		return c, err
	}
	c.NPE = math.Abs(c.Energy-c.Reference) / c.Reference
	return c, nil
}
