// Package objective turns a batch of pairs into losses: it writes the loss
// program of a training step and says how a batch fills its inputs.
//
// One step of training has one or more phases. Each phase runs one program and
// updates one group of parameters with the gradients that the program outputs.
// Flow matching has a single phase; a GAN has two, over two groups; a
// distillation reads a second, frozen group (the teacher).
//
//	phases, err := objective.FlowMatching{Path: path.Linear{}, Times: path.Uniform{}}.Phases(net)
//
// The package runs nothing; package train does.
package objective

import (
	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/optim"
	"laminar/rng"
	"laminar/tensor"
)

// Objective is what a network is trained for. Phases returns the phases of one
// step, in the order in which they run.
type Objective interface {
	Phases(net nn.Network) ([]Phase, error)
}

// Converter is an Objective whose networks may answer something else than
// velocities. Velocity returns the network, with the same parameters under the
// same names, whose answers are velocities; models are made of it.
type Converter interface {
	Objective
	Velocity(net nn.Network) (nn.Network, error)
}

// Phase is one program with the group that its gradients update.
//
// The program has the row output "loss" of shape [1], the loss of each row for
// reporting, and gradient outputs for every parameter of Trains
// (graph.Builder.OutputGradients). Its further groups are read only.
type Phase struct {
	Name    string
	Trains  string
	Program *graph.Program
	// Cuts are programs, each for more coordinates than the last, that do the same
	// as Program for rows whose nn.InX is 0 beyond their own, with less work. Their
	// row inputs are the first elements of Program's.
	Cuts []*graph.Program
	// Fill writes the program's row inputs for a batch: a pure function of its
	// arguments, safe for concurrent use with different in.
	Fill func(in *Inputs, b *flow.Batch, key rng.Key) error
	// Init holds how groups of the program start that are not the network's own
	// (a critic's Network.Init, a copy of a teacher). A group without an entry
	// starts as the network's Init has it. Of several phases with the group, the
	// first one decides.
	Init map[string]func(arena []float32, l graph.Layout, key rng.Key)
	// Average names groups of the program that are no groups of their own: each
	// reads the averaged parameters (optim.Spec.EMA) of a group that a phase
	// trains, of equal layout, as they are at the start of the step. Without an
	// average these are the parameters themselves.
	Average map[string]string
	// Optim, if not nil, changes the run's optimiser settings for the group
	// Trains: a critic's rate, say. Of several phases that train the group, the
	// first one decides.
	Optim func(optim.Spec) optim.Spec
	// Unjudged tells that the loss over held-out pairs says nothing about the
	// model, as a critic's: training then does without it.
	Unjudged bool
}

// Loss is the name of every phase's loss output.
const Loss = "loss"

// Inputs is the space of a program's row inputs for a batch of N rows.
type Inputs struct {
	N      int
	floats map[string]tensor.Mat
	ints   map[string][]int32
}

// NewInputs returns zeroed space for n rows of every row input of p.
func NewInputs(p *graph.Program, n int) *Inputs {
	in := &Inputs{N: n, floats: map[string]tensor.Mat{}, ints: map[string][]int32{}}
	for _, r := range p.Rows {
		size := 1
		for _, d := range r.Shape {
			size *= d
		}
		if r.DType == graph.Int32 {
			in.ints[r.Name] = make([]int32, n*size)
		} else {
			in.floats[r.Name] = tensor.New(n, size)
		}
	}
	return in
}

// Mat returns the float32 input of that name, N rows by its size; the empty
// matrix if there is none.
func (in *Inputs) Mat(name string) tensor.Mat { return in.floats[name] }

// Ints returns the int32 input of that name, or nil.
func (in *Inputs) Ints(name string) []int32 { return in.ints[name] }

// Conditions writes a batch's conditions into the inputs that nn.RowInputs
// declares. Each row is made unconditional with probability drop, as training
// for classifier-free guidance asks (Ho, Salimans 2022).
func (in *Inputs) Conditions(c flow.Cond, drop float64, key rng.Key) {
	class, real, known := in.ints[nn.InClass], in.floats[nn.InReal], in.floats[nn.InKnown]
	mask, seen := in.floats[nn.InMask], in.floats[nn.InObserved]
	s := key.Stream()
	for i := range in.N {
		dropped := drop > 0 && s.Float64() < drop
		if class != nil {
			class[i] = 0
			if !dropped {
				class[i] = c.Class[i] + 1
			}
		}
		if !real.IsEmpty() {
			nn.SetReal(real.Row(i), known.Row(i), c.Real.Row(i), dropped)
		}
		if !mask.IsEmpty() {
			if m := mask.Row(i); dropped {
				clear(m)
			} else {
				copy(m, c.Mask.Row(i))
			}
			nn.SetObserved(seen.Row(i), mask.Row(i), c.Observed.Row(i))
		}
	}
}
