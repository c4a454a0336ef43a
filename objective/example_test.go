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

// A network for long steps is told how long a step is; MeanFlow trains it.
func ExampleMeanFlow() {
	net, err := nn.Post().Network(2, flow.CondSpec{})
	if err != nil {
		panic(err)
	}
	o := objective.MeanFlow{Line: objective.Line{Path: path.Linear{}}, Equal: 0.75, TimeMean: 0.4, TimeScale: 1}
	_, err = o.Phases(net)
	fmt.Println(err)
	phases, err := o.Phases(nn.LongStep{Network: net})
	fmt.Println(len(phases), "phase,", phases[0].Name, err)
	// Output:
	// objective: meanflow needs a network that is told how long a step is: nn.LongStep
	// 1 phase, meanflow <nil>
}

// Both shortcut models and consistency models ask their own averaged parameters
// for targets.
func ExampleShortcut() {
	net, err := nn.Post().Network(2, flow.CondSpec{})
	if err != nil {
		panic(err)
	}
	line := objective.Line{Path: path.Linear{}}
	a, err := objective.Shortcut{Line: line, Bootstrap: 0.25}.Phases(nn.LongStep{Network: net})
	fmt.Println(a[0].Average, err)
	b, err := objective.Consistency{Line: line, Segments: 1, Delta: 0.02, Alpha: 1e-5}.Phases(net)
	fmt.Println(b[0].Average, err)
	// Output:
	// map[target:net] <nil>
	// map[target:net] <nil>
}

// A GAN has two phases, each of which reads the other one's network.
func ExampleAdversarial() {
	net, err := nn.Post().Network(2, flow.CondSpec{})
	if err != nil {
		panic(err)
	}
	phases, err := objective.Adversarial{Critic: net, R1: 0.1, Rate: 1}.Phases(net)
	for _, p := range phases {
		fmt.Println(p.Name, "trains", p.Trains, err)
	}
	// Output:
	// critic trains critic <nil>
	// generator trains net <nil>
}
