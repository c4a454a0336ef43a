package main

import (
	"time"

	"laminar/internal/kernel"
	"laminar/internal/lap"
	"laminar/tensor"
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
