package bench

import (
	"context"
	"fmt"
	"runtime"

	"laminar/flow"
	"laminar/internal/exec"
	"laminar/internal/kernel"
	"laminar/internal/lap"
	"laminar/model"
	"laminar/nn"
	"laminar/objective"
	"laminar/optim"
	"laminar/path"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

func threads(c Config) int {
	if c.Threads > 0 {
		return c.Threads
	}
	return runtime.GOMAXPROCS(0)
}

func works(c Config) ([]work, error) {
	all := []work{
		product(c.Kernels, 256, 64, 64), product(c.Kernels, 256, 256, 256), product(c.Kernels, 1024, 1024, 1024),
	}
	for _, t := range []struct{ width, batch int }{{64, 256}, {256, 256}, {512, 512}} {
		w, err := trainStep(c, t.width, t.batch)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	draw, err := sampling(c, 64, 2000, 100)
	if err != nil {
		return nil, err
	}
	return append(all, draw, assignment(256, 2), assignment(1024, 2), assignment(1024, 32)), nil
}

func normal(name string, n, d int) tensor.Mat {
	m := tensor.New(n, d)
	s := rng.New(1).Split(name).Stream()
	s.Normal(m.Data)
	return m
}

func product(set *kernel.Set, m, n, k int) work {
	a, b, c := normal("a", m, k), normal("b", k, n), tensor.New(m, n)
	var space kernel.Workspace
	return work{
		name: fmt.Sprintf("gemm %dx%dx%d", m, n, k), flops: 2 * float64(m) * float64(n) * float64(k), cores: 1,
		op: func() error {
			set.Gemm(false, false, m, n, k, a.Data, a.D, b.Data, b.D, false, c.Data, c.D, &space)
			return nil
		},
	}
}

// weights is the number of multiply-adds of one row through 3-width-width-2.
func weights(width int) float64 { return float64(width * (3 + width + 2)) }

func network(width int) (nn.Network, error) {
	s := nn.Post()
	s.Width = width
	return s.Network(2, flow.CondSpec{})
}

// trainStep is forward, loss, backward and the optimiser's update on one batch.
// Of the products of the backward pass, the one towards x is not needed.
func trainStep(c Config, width, batch int) (work, error) {
	net, err := network(width)
	if err != nil {
		return work{}, err
	}
	phases, err := objective.FlowMatching{Path: path.Linear{}, Times: path.Uniform{}}.Phases(net)
	if err != nil {
		return work{}, err
	}
	p := phases[0]
	exe, err := exec.Compile(p.Program, exec.Options{Kernels: c.Kernels, Workers: c.Threads})
	if err != nil {
		return work{}, err
	}
	layout := p.Program.Layout(nn.Group)
	arena, grads, loss := make([]float32, layout.Size), make([]float32, layout.Size), make([]float32, batch)
	net.Init(arena, layout, rng.New(1))
	adam, err := optim.New(optim.Post(), 1, arena, c.Kernels)
	if err != nil {
		return work{}, err
	}
	b := flow.Batch{X0: normal("x0", batch, 2), X1: normal("x1", batch, 2)}
	in := objective.NewInputs(p.Program, batch)
	if err := p.Fill(in, &b, rng.New(1)); err != nil {
		return work{}, err
	}
	s := exe.NewSession()
	for _, r := range p.Program.Rows {
		if err := s.BindRow(r.Name, in.Mat(r.Name).Data); err != nil {
			return work{}, err
		}
	}
	if err := s.BindParams(nn.Group, arena); err != nil {
		return work{}, err
	}
	if err := s.BindGrads(nn.Group, grads); err != nil {
		return work{}, err
	}
	if err := s.BindOutput(objective.Loss, loss); err != nil {
		return work{}, err
	}
	return work{
		name:  fmt.Sprintf("train step 3-%d-%d-2, batch %d", width, width, batch),
		flops: 2 * float64(batch) * (3*weights(width) - float64(3*width)), cores: threads(c),
		op: func() error {
			if err := s.Run(batch); err != nil {
				return err
			}
			adam.Step(grads)
			return nil
		},
	}, nil
}

// sampling is n points carried by Euler steps.
func sampling(c Config, width, n, steps int) (work, error) {
	net, err := network(width)
	if err != nil {
		return work{}, err
	}
	program, err := nn.Velocity(net)
	if err != nil {
		return work{}, err
	}
	layout := program.Layout(nn.Group)
	arena := make([]float32, layout.Size)
	net.Init(arena, layout, rng.New(1))
	m, err := model.New(model.Config{Program: program, Params: arena, Kernels: c.Kernels})
	if err != nil {
		return work{}, err
	}
	x0, x := normal("x0", n, 2), tensor.New(n, 2)
	cfg := sample.Config{N: n, Solve: solve.Config{Method: "euler", Steps: steps}, Workers: c.Threads}
	return work{
		name:  fmt.Sprintf("sample %d points, %d Euler steps, %d wide", n, steps, width),
		flops: 2 * float64(n*steps) * weights(width), cores: threads(c),
		op: func() error {
			copy(x.Data, x0.Data)
			_, err := sample.Carry(context.Background(), m, cfg, x, 0, 1)
			return err
		},
	}, nil
}

// assignment is one exact coupling of n points, costs included.
func assignment(n, dim int) work {
	var solver lap.Solver
	x0, x1, match := normal("x0", n, dim), normal("x1", n, dim), make([]int32, n)
	return work{
		name: fmt.Sprintf("assignment %d, %d-D", n, dim), cores: 1,
		op: func() error {
			_, err := solver.AssignPoints(x0, x1, lap.SqEuclidean, match)
			return err
		},
	}
}
