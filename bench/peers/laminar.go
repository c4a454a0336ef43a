package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"laminar/coupling"
	"laminar/data"
	"laminar/flow"
	"laminar/graph"
	"laminar/internal/exec"
	"laminar/internal/kernel"
	"laminar/internal/lap"
	"laminar/internal/ot"
	"laminar/model"
	"laminar/nn"
	"laminar/objective"
	"laminar/optim"
	"laminar/path"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
	"laminar/train"
)

// The Go sides of the works, each a function that sets one up.

func assignment(n, dim int) func() (Job, error) {
	return func() (Job, error) {
		var (
			solver lap.Solver
			cost   tensor.Mat
			total  float64
			column = make([]int32, n)
		)
		return Job{
			Prepare: func(round int) error {
				cost = squaredDistance(n, dim, round)
				return nil
			},
			Step: func() error {
				res, err := solver.Assign(cost.Data, n, column)
				total = res.Cost
				return err
			},
			Answer: func() float64 { return total },
		}, nil
	}
}

// entropic is 100 iterations of Sinkhorn at an epsilon of a tenth of the mean
// cost, between uniform masses; penalty is in units of the mean cost.
func entropic(n int, penalty float64) func() (Job, error) {
	return func() (Job, error) {
		var (
			solver ot.Sinkhorn
			cost   tensor.Mat
			mass   = make([]float64, n)
			config = ot.SinkhornConfig{Epsilon: 0.1, Penalty: penalty, MaxIter: 100}
		)
		for i := range mass {
			mass[i] = 1 / float64(n)
		}
		return Job{
			Prepare: func(round int) error {
				cost = squaredDistance(n, 2, round)
				var mean float64
				for _, c := range cost.Data {
					mean += float64(c) / float64(len(cost.Data))
				}
				for k, c := range cost.Data {
					cost.Data[k] = float32(float64(c) / mean)
				}
				return nil
			},
			Step: func() error {
				_, err := solver.Solve(cost.Data, mass, mass, config)
				return err
			},
			Answer: func() float64 {
				total, _ := solver.Cost()
				return total
			},
		}, nil
	}
}

// gemm is C = A B, with the operands of peers.py; a transposed factor is stored
// transposed.
func gemm(m, n, k int, transA, transB bool) func() (Job, error) {
	return func() (Job, error) {
		var (
			set   = kernel.Best()
			space kernel.Workspace
			a, b  = normal(1, m, k), normal(2, k, n)
			c     = tensor.New(m, n)
		)
		if transA {
			a = normal(1, k, m)
		}
		if transB {
			b = normal(2, n, k)
		}
		return Job{
			Step: func() error {
				set.Gemm(transA, transB, m, n, k, a.Data, a.D, b.Data, b.D, false, c.Data, c.D, &space)
				return nil
			},
			Answer: func() (sum float64) {
				for _, x := range c.Data {
					sum += float64(x) * float64(x)
				}
				return sum
			},
		}, nil
	}
}

// peak measures the core's float32 peak in GFLOP/s, for some 5 ms, on registers
// alone.
func peak() float64 {
	set := kernel.Best()
	flops, began := 0, cpuTime()
	for cpuTime()-began < 5*time.Millisecond {
		flops += set.PeakFMA(1 << 20)
	}
	return float64(flops) / (cpuTime() - began).Seconds() / 1e9
}

// trainStep is one step of Adam at 1e-3 on a fixed batch: forward, mean squared
// error, backward, update.
func trainStep(width, batch int) func() (Job, error) {
	return func() (Job, error) {
		net, err := nn.Spec{Kind: "mlp", Width: width, Depth: 2, Activation: "relu"}.Network(2, flow.CondSpec{})
		if err != nil {
			return Job{}, err
		}
		// The batch is given as x_t, t and u_t: neither path nor times are asked.
		phases, err := objective.FlowMatching{Path: struct{ flow.Path }{}, Times: struct{ flow.TimeSampler }{}}.Phases(net)
		if err != nil {
			return Job{}, err
		}
		program, err := exec.Compile(phases[0].Program, exec.Options{})
		if err != nil {
			return Job{}, err
		}
		arena, err := parameters(phases[0].Program, width)
		if err != nil {
			return Job{}, err
		}
		adam, err := optim.New(optim.Post(), 1, arena, kernel.Best())
		if err != nil {
			return Job{}, err
		}

		in := objective.NewInputs(phases[0].Program, batch)
		xt := normal(1, batch, 3)
		for i := range batch {
			copy(in.Mat(nn.InX).Row(i), xt.Row(i))
			in.Mat(nn.InT).Data[i] = xt.At(i, 2)
			in.Mat("seed").Data[i] = 1 / float32(2*batch)
		}
		copy(in.Mat("target").Data, normal(2, batch, 2).Data)

		session, grads, loss := program.NewSession(), make([]float32, len(arena)), make([]float32, batch)
		err = errors.Join(session.BindParams(nn.Group, arena), session.BindGrads(nn.Group, grads), session.BindOutput(objective.Loss, loss))
		for _, name := range []string{nn.InX, nn.InT, "target", "seed"} {
			err = errors.Join(err, session.BindRow(name, in.Mat(name).Data))
		}
		if err != nil {
			return Job{}, err
		}
		step := func() error {
			if err := session.Run(batch); err != nil {
				return err
			}
			adam.Step(grads)
			return nil
		}

		for range 10 {
			if err := step(); err != nil {
				return Job{}, err
			}
		}
		tenth := 0.0
		for _, l := range loss {
			tenth += float64(l) / float64(batch)
		}
		return Job{Step: step, Answer: func() float64 { return tenth }}, nil
	}
}

// parameters lays networkWeights out as the program wants them.
func parameters(p *graph.Program, width int) ([]float32, error) {
	layout, weights := p.Layout(nn.Group), networkWeights(width)
	arena := make([]float32, layout.Size)
	if len(layout.Entries) != len(weights) {
		return nil, fmt.Errorf("the network has %d parameters, PyTorch's %d", len(layout.Entries), len(weights))
	}
	for i, e := range layout.Entries {
		if e.Size != len(weights[i]) {
			return nil, fmt.Errorf("parameter %s has %d elements, PyTorch's %d", e.Name, e.Size, len(weights[i]))
		}
		copy(arena[e.Offset:], weights[i])
	}
	return arena, nil
}

// draw is n points carried by steps Euler steps through a network of that
// width.
func draw(n, steps, width int) func() (Job, error) {
	return carry(n, width, solve.Config{Method: "euler", Steps: steps})
}

// adaptive is n points carried by Dormand and Prince's method, each with steps of
// its own, where the peer has one step size for all points.
func adaptive(n int, tolerance float64, width int) func() (Job, error) {
	c := solve.Defaults()
	c.Method, c.NFE, c.Adaptive, c.RTol, c.ATol = "dopri5", 0, true, tolerance, tolerance
	return carry(n, width, c)
}

// carry is n points carried through a network of that width.
func carry(n, width int, c solve.Config) func() (Job, error) {
	return func() (Job, error) {
		m, err := carrier(width)
		if err != nil {
			return Job{}, err
		}
		config := sample.Config{N: n, Solve: c}
		x0, x := normal(1, n, 2), tensor.New(n, 2)
		return Job{
			Step: func() error {
				copy(x.Data, x0.Data)
				_, err := sample.Carry(context.Background(), m, config, x, 0, 1)
				return err
			},
			Answer: func() (mean float64) {
				for _, v := range x.Data {
					mean += float64(v) * float64(v) / float64(len(x.Data))
				}
				return mean
			},
		}, nil
	}
}

// likelihood is the mean log-density of n points under a network of that width.
func likelihood(n, steps, width int) func() (Job, error) {
	return func() (Job, error) {
		m, err := carrier(width)
		if err != nil {
			return Job{}, err
		}
		c := sample.Config{N: n, Solve: solve.Config{Method: "rk4", Steps: steps}}
		points := tensor.Convert[float64](normal(1, n, 2))
		var d sample.Density
		return Job{
			Step: func() (err error) {
				d, _, err = sample.LogProb(context.Background(), m, c, points)
				return err
			},
			Answer: func() (mean float64) {
				for _, v := range d.LogP {
					mean += v / float64(n)
				}
				return mean
			},
		}, nil
	}
}

// carrier is the model of the peer's network.
func carrier(width int) (*model.Model, error) {
	net, err := nn.Spec{Kind: "mlp", Width: width, Depth: 2, Activation: "relu"}.Network(2, flow.CondSpec{})
	if err != nil {
		return nil, err
	}
	program, err := nn.Velocity(net)
	if err != nil {
		return nil, err
	}
	arena, err := parameters(program, width)
	if err != nil {
		return nil, err
	}
	return model.New(model.Config{Program: program, Params: arena})
}

// postRun is the whole training run of post.py: steps of 256 pairs, each batch a
// fresh draw, paired by exact transport of the Euclidean cost.
func postRun(steps int) func() (Job, error) {
	return training(coupling.Config{Name: "ot", Cost: "l2"}, steps)
}

// trainRun is the same with another coupling, of squared distances, with the
// peer's regularisation.
func trainRun(name string, steps int) func() (Job, error) {
	c := coupling.Defaults()
	c.Name, c.Scale, c.Epsilon, c.Penalty = name, "absolute", 0.05, 1
	return training(c, steps)
}

func training(c coupling.Config, steps int) func() (Job, error) {
	return func() (Job, error) {
		net, err := nn.Post().Network(2, flow.CondSpec{})
		if err != nil {
			return Job{}, err
		}
		pairer, err := coupling.New(c)
		if err != nil {
			return Job{}, err
		}
		pairs, err := coupling.NewSource(data.Noise(2), data.SklearnMoons(0.05), pairer)
		if err != nil {
			return Job{}, err
		}
		config := train.Defaults()
		config.Steps, config.Batch = steps, 256
		loss := math.NaN()
		return Job{
			Prepare: func(round int) error {
				config.Seed = uint64(round)
				return nil
			},
			Step: func() error {
				t, err := train.New(config, optim.Post(), objective.FlowMatching{Path: path.Linear{}, Times: path.Uniform{}}, net, pairs, train.Options{})
				if err != nil {
					return err
				}
				err = t.Fit(context.Background())
				loss = t.Loss(100)
				return err
			},
			Answer: func() float64 { return loss },
		}, nil
	}
}
