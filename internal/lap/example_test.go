package lap_test

import (
	"fmt"

	"laminar/internal/lap"
	"laminar/tensor"
)

func ExampleSolver_AssignPoints() {
	x0, _ := tensor.FromRows([][]float32{{0, 0}, {1, 0}, {2, 0}})
	x1, _ := tensor.FromRows([][]float32{{2, 1}, {0, 1}, {1, 1}})
	var s lap.Solver
	match := make([]int32, 3)
	res, err := s.AssignPoints(x0, x1, lap.SqEuclidean, match)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(match, res.Cost)
	// Output: [1 2 0] 3
}

func ExampleSolver_Assign() {
	cost := []float32{
		4, 1, 3,
		2, 0, 5,
		3, 2, 2,
	}
	var s lap.Solver
	rowToCol := make([]int32, 3)
	res, err := s.Assign(cost, 3, rowToCol)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rowToCol, res.Cost)
	// Output: [1 0 2] 5
}

func ExampleTransport() {
	cost := []float64{
		1, 2, 3,
		3, 1, 1,
	}
	plan, err := lap.Transport(cost, []float64{.5, .5}, []float64{.25, .5, .25})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range plan.Flows {
		fmt.Println(f.I, "->", f.J, f.Mass)
	}
	fmt.Println("cost", plan.Cost)
	// Output:
	// 0 -> 0 0.25
	// 0 -> 1 0.25
	// 1 -> 1 0.25
	// 1 -> 2 0.25
	// cost 1.25
}
