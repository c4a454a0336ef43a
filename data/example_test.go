package data_test

import (
	"fmt"
	"os"
	"strings"

	"laminar/data"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

func ExampleNamed() {
	gaussians, err := data.Named("8gaussians")
	if err != nil {
		panic(err)
	}
	s := flow.NewSample(gaussians, 1000)
	if err := gaussians.Draw(s, rng.New(1), 0); err != nil {
		panic(err)
	}
	modes := gaussians.(data.Moded)
	count := make([]int, modes.Modes())
	for r := range s.X.N {
		count[modes.Mode(s.X.Row(r))]++
	}
	fmt.Println(len(count), "modes, all found:", min(count[0], count[1], count[2], count[3], count[4], count[5], count[6], count[7]) > 90)

	_, err = data.Named("9gaussians")
	fmt.Println(strings.HasPrefix(err.Error(), `invalid setting: no data set is called "9gaussians"; choose one of moons, `))
	// Output:
	// 8 modes, all found: true
	// true
}

// A toy with settings of its own, whose points carry their class.
func ExampleToy() {
	d := data.Toy{Shape: data.Rings{Radii: []float64{1, 2, 3}, Noise: 0.01}, Labelled: true}
	fmt.Println(d.Dim(), d.CondSpec().Classes)
	// Output: 2 3
}

// From a file to rows for training, and from samples back to a file.
func ExampleReadCSV() {
	file := strings.NewReader("height,weight,kind\n1.5,50,cat\n2.5,70,dog\n1.5,70,cat\n2.5,50,dog\n")
	t, err := data.ReadCSV(file, "pets.csv", data.Options{Label: "kind"})
	if err != nil {
		panic(err)
	}
	z, err := data.FitStandardise(t.X)
	if err != nil {
		panic(err)
	}
	set, err := t.Dataset(z, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(set.Len(), set.Dim(), set.ClassNames(), set.X().Row(0)[0])

	drawn := data.Table{Columns: t.Columns, X: tensor.NewOf[float64](2, 2)}
	if err := z.Inverse(drawn.X, set.X().Rows(0, 2)); err != nil {
		panic(err)
	}
	if err := drawn.WriteCSV(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// 4 2 [cat dog] -1
	// height,weight
	// 1.5,50
	// 2.5,70
}

func ExampleStandardise() {
	x, err := tensor.FromRows([][]float64{{1, 7}, {3, 7}})
	if err != nil {
		panic(err)
	}
	s, err := data.FitStandardise(x)
	if err != nil {
		panic(err)
	}
	z := tensor.New(2, 2)
	if err := s.Forward(z, x); err != nil {
		panic(err)
	}
	text, err := s.MarshalJSON()
	fmt.Println(z.Data, string(text), err)
	// Output: [-1 0 1 0] {"kind":"standardise","mean":[2,7],"std":[1,0]} <nil>
}
