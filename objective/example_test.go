package objective_test

import (
	"fmt"

	"laminar/flow"
	"laminar/nn"
	"laminar/objective"
	"laminar/path"
)

// Flow matching has one phase, which trains the network's own parameters.
func ExampleFlowMatching() {
	net, err := nn.Post().Network(2, flow.CondSpec{})
	if err != nil {
		panic(err)
	}
	phases, err := objective.FlowMatching{Path: path.Linear{}, Times: path.Uniform{}}.Phases(net)
	if err != nil {
		panic(err)
	}
	for _, p := range phases {
		fmt.Println("phase", p.Name, "trains", p.Trains)
		for _, r := range p.Program.Rows {
			fmt.Println(" reads", r.Name, r.Shape)
		}
	}
	// Output:
	// phase flow trains net
	//  reads x [2]
	//  reads t [1]
	//  reads target [2]
	//  reads seed [1]
}
