package model

import (
	"fmt"
	"sync"

	"laminar/flow"
	"laminar/graph"
	"laminar/internal/exec"
	"laminar/internal/kernel"
	"laminar/nn"
)

// form is how a network is compiled: by what the rows of an evaluation have in common,
// which is computed once for all of them.
type form int

const (
	apart   form = iota // nothing: each row has a time and conditions of its own
	oneTime             // the time, and of a network for long steps the span
	free                // and no conditions
	formCount
)

// common is the group of parameters that stand for what rows have in common.
const common = "common"

// compiled are the compiled forms of a network, made when they are needed.
type compiled struct {
	net     *graph.Program
	cond    flow.CondSpec
	kernels *kernel.Set
	mu      sync.Mutex
	made    [formCount]*exec.Program
}

func (f *compiled) get(k form) (*exec.Program, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.made[k] != nil {
		return f.made[k], nil
	}
	p := f.net
	if k != apart {
		var err error
		if p, err = f.program(k); err != nil {
			return nil, err
		}
	}
	var err error
	f.made[k], err = exec.Compile(p, exec.Options{Kernels: f.kernels, Workers: 1})
	return f.made[k], err
}

// program writes the network with what rows have in common as parameters, or as
// constants where it is always the same.
func (f *compiled) program(k form) (*graph.Program, error) {
	b := graph.NewBuilder()
	inputs := map[string]graph.Value{}
	for _, name := range []string{nn.InT, nn.InSpan} {
		if f.net.Row(name) != nil {
			inputs[name] = b.Param(common, name, 1)
		}
	}
	if c := f.cond; k == free {
		dim := f.net.Row(nn.InX).Shape[0]
		if c.Classes > 0 {
			inputs[nn.InClass] = b.Convert(b.Const(0), graph.Int32)
		}
		if c.Real > 0 {
			inputs[nn.InReal], inputs[nn.InKnown] = b.Const(0, c.Real), b.Const(0, 1)
		}
		if c.Mask {
			inputs[nn.InMask], inputs[nn.InObserved] = b.Const(0, dim), b.Const(0, dim)
		}
	}
	v := b.IncludeWith(f.net, inputs)
	b.Output(nn.Out, b.ToRows(v[f.net.Output(nn.Out).Value]))
	p, err := b.Build()
	if err != nil {
		return nil, fmt.Errorf("the network at one time: %w", err)
	}
	return p, nil
}
