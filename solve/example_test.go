package solve_test

import (
	"context"
	"fmt"
	"math"

	"laminar/solve"
	"laminar/tensor"
)

// A quarter turn, forwards and back.
func Example() {
	turn := rows[float64]{dim: 2, f: func(dst, x []float64, t float64) {
		dst[0], dst[1] = -math.Pi/2*x[1], math.Pi/2*x[0]
	}}
	s, err := solve.New[float64](solve.Config{Method: "rk4", NFE: 80})
	if err != nil {
		fmt.Println(err)
		return
	}
	x, _ := tensor.FromRows([][]float64{{1, 0}, {2, 3}})
	stats, err := s.Solve(context.Background(), turn, x, 0, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.3f after %d evaluations\n", x.Data, stats.MaxNFE)
	if _, err := s.Solve(context.Background(), turn, x, 1, 0); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%.3f\n", x.Data)
	// Output:
	// [0.000 1.000 -3.000 2.000] after 80 evaluations
	// [1.000 0.000 2.000 3.000]
}

// Rows choose their own steps; Grid says where to look.
func ExampleSolver_Trajectory() {
	decay := rows[float64]{dim: 1, f: func(dst, x []float64, t float64) { dst[0] = -x[0] }}
	cfg := solve.Defaults()
	cfg.Method, cfg.NFE, cfg.Adaptive, cfg.Grid = "tsit5", 0, true, solve.Uniform(2)
	s, err := solve.New[float64](cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	x, _ := tensor.FromRows([][]float64{{1}})
	for p, err := range s.Trajectory(context.Background(), decay, x, 0, 1) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%.1f %.4f\n", p.T, p.X.Data[0])
	}
	// Output:
	// 0.0 1.0000
	// 0.5 0.6065
	// 1.0 0.3679
}

func ExampleSteps() {
	heun, err := solve.Named("heun")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(solve.Steps(heun, 8, 1))
	_, err = solve.Steps(heun, 7, 1)
	fmt.Println(err)
	// Output:
	// 4 <nil>
	// nfe: 7 evaluations are no whole number of heun steps (2 each): use 6 or 8
}

func ExampleCatalogue() {
	for _, m := range solve.Catalogue() {
		fmt.Println(m.Name, m.Kind, m.Order, m.StageCount(), m.Adaptive())
	}
	// Output:
	// euler ode 1 1 false
	// midpoint ode 2 2 false
	// heun ode 2 2 false
	// rk4 ode 4 4 false
	// bosh3 ode 3 3 true
	// dopri5 ode 5 6 true
	// tsit5 ode 5 6 true
	// ab2 multistep 2 1 false
	// abm multistep 3 1 false
	// ddim multistep 1 1 false
	// dpmpp2m multistep 2 1 false
	// unipc multistep 3 1 false
	// em sde 1 1 false
	// sde-heun sde 2 2 false
	// ancestral sde 1 1 false
	// renoise sde 1 1 false
	// jump jump 1 1 false
}
