package main

import (
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
