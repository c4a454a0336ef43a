package kernel_test

import (
	"fmt"

	"laminar/internal/kernel"
)

func ExampleSet_Gemm() {
	s, err := kernel.Named("auto")
	if err != nil {
		panic(err)
	}
	var ws kernel.Workspace
	a := []float32{1, 2, 3, 4, 5, 6} // 2 x 3
	c := make([]float32, 4)
	s.Gemm(false, true, 2, 2, 3, a, 3, a, 3, false, c, 2, &ws) // C = A A'
	fmt.Println(c)
	// Output: [14 32 32 77]
}

func ExampleSet_Linear() {
	s := kernel.Best()
	var ws kernel.Workspace
	w := []float32{1, 0, 0, -1} // 2 x 2
	packed := make([]float32, s.PackedLen(2, 2))
	s.PackB(false, 2, 2, w, 2, packed)
	x := []float32{1, 2, -3, -4} // 2 rows
	y := make([]float32, 4)
	s.Linear(2, 2, 2, x, 2, packed, []float32{0.5, 0}, kernel.ReLU, y, 2, nil, 0, &ws)
	fmt.Println(y)
	// Output: [1.5 0 0 4]
}

func ExampleSet_AdamW() {
	s := kernel.Best()
	p, g := []float32{1}, []float32{0.2}
	m, v := []float32{0}, []float32{0}
	// The first step: its corrections are 1 / (1 - beta).
	s.AdamW(p, g, m, v, nil, kernel.AdamWStep{
		LR: 0.1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8,
		Correct1: 1 / (1 - 0.9), Correct2: 1 / (1 - 0.999), GradScale: 1,
	})
	fmt.Printf("%.3f\n", p[0])
	// Output: 0.900
}
