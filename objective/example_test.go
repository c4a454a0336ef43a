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

// The score along a Brownian bridge is a network of its own, trained on the pairs
// of its flow.
func ExampleBridgeScore() {
	net, err := nn.Post().Network(2, flow.CondSpec{})
	if err != nil {
		panic(err)
	}
	for _, sigma := range []float32{0.5, 0} {
		phases, err := objective.BridgeScore{Path: path.Bridge{Sigma: sigma}, Times: path.Uniform{}}.Phases(net)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println("phase", phases[0].Name, "trains", phases[0].Trains)
	}
	// Output:
	// phase score trains net
	// objective: a bridge's score needs a width above 0 (it is 0), times, and drop in [0, 1)
}
