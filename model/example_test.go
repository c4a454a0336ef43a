package model_test

import (
	"fmt"

	"laminar/flow"
	"laminar/graph"
	"laminar/model"
	"laminar/nn"
	"laminar/tensor"
)

// A model of a program of one parameter, v = a x: bound to its conditions (none
// here) it is a flow.Field.
func ExampleModel_Bind() {
	b := graph.NewBuilder()
	in := nn.RowInputs(b, 1, flow.CondSpec{})
	b.Output(nn.Out, b.Mul(in.X, b.ToRows(b.Param(nn.Group, "a", 1))))
	p, err := b.Build()
	if err != nil {
		panic(err)
	}
	m, err := model.New(model.Config{Program: p, Params: []float32{-2}})
	if err != nil {
		panic(err)
	}
	f, err := m.Bind(flow.Cond{})
	if err != nil {
		panic(err)
	}
	x := tensor.Mat{N: 3, D: 1, Data: []float32{1, 2, 3}}
	v := tensor.New(3, 1)
	if err := f.Velocity(v, x, 0.5); err != nil {
		panic(err)
	}
	fmt.Println(v.Data)
	// Output: [-2 -4 -6]
}
