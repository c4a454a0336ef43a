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
	"fmt"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/rng"
	"laminar/tensor"
)

// Objective is what a network is trained for. Phases returns the phases of one
// step, in the order in which they run.
type Objective interface {
	Phases(net nn.Network) ([]Phase, error)
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
	// Fill writes the program's row inputs for a batch: a pure function of its
	// arguments, safe for concurrent use with different in.
	Fill func(in *Inputs, b *flow.Batch, key rng.Key) error
	// Init holds how groups of the program start that are not the network's own
	// (a critic's Network.Init, a copy of a teacher). A group without an entry
	// starts as the network's Init has it. Of several phases with the group, the
	// first one decides.
	Init map[string]func(arena []float32, l graph.Layout, key rng.Key)
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

// FlowMatching regresses the network onto the conditional velocity of a path
// (Lipman et al. 2023; Tong et al. 2024):
//
//	loss = w |f(x_t, t) - u_t|^2 / D,  x_t, u_t = Path(x0, x1, t),  t ~ Times
//
// averaged over the rows and over the D coordinates.
type FlowMatching struct {
	Path  flow.Path
	Times flow.TimeSampler
	// Drop is the probability with which a row's conditions are hidden.
	Drop float64
}

// Phases returns the single phase "flow", which trains nn.Group.
func (o FlowMatching) Phases(net nn.Network) ([]Phase, error) {
	if o.Path == nil || o.Times == nil {
		return nil, &flow.FieldError{Path: "objective", Msg: "flow matching needs a path and a time sampler"}
	}
	if !(o.Drop >= 0 && o.Drop < 1) {
		return nil, &flow.FieldError{Path: "objective.drop", Msg: fmt.Sprintf("%v is not in [0, 1)", o.Drop)}
	}
	dim := net.Dim()
	b := graph.NewBuilder()
	v := net.Apply(b, nn.Group, nn.RowInputs(b, dim, net.CondSpec()))
	miss := b.Sub(v, b.Row("target", graph.Float32, dim))
	loss := b.Sum(b.Square(miss), 0)
	b.Output(Loss, b.Scale(loss, 1/float64(dim)))
	b.OutputGradients(b.Gradient(loss, b.Row("seed", graph.Float32, 1), nn.Group))
	p, err := b.Build()
	if err != nil {
		return nil, err
	}
	fill := func(in *Inputs, batch *flow.Batch, key rng.Key) error {
		t := in.Mat(nn.InT).Data
		o.Times.Times(t, key.Split("time"))
		if err := o.Path.At(in.Mat(nn.InX), in.Mat("target"), batch.X0, batch.X1, t, key.Split("path")); err != nil {
			return err
		}
		between(batch, t, in.Mat("target"))
		seed := in.Mat("seed").Data
		for i := range seed {
			seed[i] = 1 / float32(in.N*dim)
			if batch.Weight != nil {
				seed[i] *= batch.Weight[i]
			}
		}
		in.Conditions(batch.Cond, o.Drop, key.Split("drop"))
		return nil
	}
	return []Phase{{Name: "flow", Trains: nn.Group, Program: p, Fill: fill}}, nil
}

// between takes times and velocities of paths that run from 0 to 1 to those of
// paths between the times at which a batch's ends stand.
func between(b *flow.Batch, t []float32, u tensor.Mat) {
	if b.T0 == nil {
		return
	}
	for i := range t {
		length := b.T1[i] - b.T0[i]
		t[i] = b.T0[i] + length*t[i]
		for j := range u.Row(i) {
			u.Row(i)[j] /= length
		}
	}
}
