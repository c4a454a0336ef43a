package boost_test

import (
	"context"
	"fmt"

	"laminar/boost"
	"laminar/tensor"
)

// A category of three levels decides the class; the number says nothing.
func Example() {
	x := tensor.NewOf[float64](300, 2)
	y := make([]float64, x.N)
	for i := range x.N {
		x.Row(i)[0], x.Row(i)[1] = float64(i%3), float64(i%7)
		if i%3 == 1 {
			y[i] = 1
		}
	}
	c := boost.Defaults()
	c.Classes = 2
	m, err := boost.Train(context.Background(), x, []int{3, 0}, y, c)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := tensor.NewOf[float64](3, m.Outputs())
	if err := m.Predict(p, x.Rows(0, 3)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f %.2f %.2f\n", p.At(0, 1), p.At(1, 1), p.At(2, 1))
	fmt.Printf("%.1f\n", m.Importance())
	// Output:
	// 0.01 0.99 0.01
	// [1.0 0.0]
}

func ExampleTrainForest() {
	x := tensor.NewOf[float64](100, 1)
	y := make([]float64, x.N)
	for i := range x.N {
		x.Data[i], y[i] = float64(i), float64(i/50)
	}
	m, err := boost.TrainForest(context.Background(), x, nil, y, boost.ForestDefaults())
	if err != nil {
		fmt.Println(err)
		return
	}
	p := tensor.NewOf[float64](1, 1)
	if err := m.Predict(p, x.Rows(10, 11)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f\n", p.Data[0])
	// Output: 0.00
}
