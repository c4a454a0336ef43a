package model

import (
	"fmt"
	"sync"

	"laminar/flow"
	"laminar/graph"
	"laminar/internal/exec"
	"laminar/nn"
	"laminar/tensor"
)

// The inputs and the output that a program for divergences has beyond the
// network's own.
const (
	inFirst  = "trace.first"
	outForms = "trace.forms"
)

// mostTangents is the number of tangents of one program; an exact divergence of
// more dimensions runs it several times.
const mostTangents = 64

// tracing is the network with a number of tangents, which share its evaluation:
// each gives the form p' J p of its probe p. Exact probes are unit vectors, those
// of the coordinates from first on.
type tracing struct {
	exact    bool
	tangents int
}

func probeName(i int) string { return fmt.Sprintf("trace.probe%d", i) }

// traces holds the compiled programs by kind.
type traces struct {
	mu   sync.Mutex
	made map[tracing]*tracer
}

type tracer struct {
	exe      *exec.Program
	sessions sync.Pool
	probes   []string // names of the row inputs
}

// program writes the network with its tangents.
func (k tracing) program(net *graph.Program, dim int) (*graph.Program, error) {
	b := graph.NewBuilder()
	nodes := b.Include(net)
	x, v := b.Row(nn.InX, graph.Float32, dim), nodes[net.Output(nn.Out).Value]
	var coordinate, first graph.Value
	if k.exact {
		count := make([]float64, dim)
		for i := range count {
			count[i] = float64(i)
		}
		coordinate, first = b.ToRows(b.ConstOf(count, dim)), b.Row(inFirst, graph.Float32, 1)
	}
	forms := make([]graph.Value, k.tangents)
	for i := range forms {
		var probe graph.Value
		if k.exact {
			probe = b.Equal(coordinate, b.Add(first, b.Const(float64(i), 1)))
		} else {
			probe = b.Row(probeName(i), graph.Float32, dim)
		}
		moved := b.JVP([]graph.Value{v}, []graph.Value{x}, []graph.Value{probe})[0]
		if moved == graph.None && b.Err() == nil { // a network that ignores x
			forms[i] = b.ToRows(b.Const(0, 1))
			continue
		}
		forms[i] = b.Sum(b.Mul(probe, moved), 0)
	}
	b.Output(nn.Out, v)
	b.Output(outForms, b.Concat(0, forms...))
	return b.Build()
}

// tracer returns the compiled program of a kind, which is made once.
func (m *Model) tracer(k tracing) (*tracer, error) {
	m.traces.mu.Lock()
	defer m.traces.mu.Unlock()
	if t := m.traces.made[k]; t != nil {
		return t, nil
	}
	p, err := k.program(m.Program, m.dim)
	if err != nil {
		return nil, err
	}
	exe, err := exec.Compile(p, exec.Options{Kernels: m.Kernels, Workers: 1})
	if err != nil {
		return nil, err
	}
	t := &tracer{exe: exe}
	for i := range k.tangents {
		t.probes = append(t.probes, probeName(i))
	}
	t.sessions.New = func() any { return new(evaluator) }
	if m.traces.made == nil {
		m.traces.made = map[tracing]*tracer{}
	}
	m.traces.made[k] = t
	return t, nil
}

// VelocityDivergence is the method of flow.DivergentOf. The derivatives are
// those of the network's own program in forward mode: all probes, or up to 64
// coordinates of the exact divergence, share one evaluation.
func (f *Bound) VelocityDivergence(dst, div, x tensor.Mat, t []float64, rows []int32, probes []tensor.Mat) error {
	if err := f.check(dst, x, rows); err != nil {
		return err
	}
	if len(t) != x.N {
		return fmt.Errorf("%w: %d times for %d rows", flow.ErrShape, len(t), x.N)
	}
	if err := div.Check("divergences", x.N, max(1, len(probes))); err != nil {
		return err
	}
	for _, p := range probes {
		if err := p.Check("probe", x.N, f.m.dim); err != nil {
			return err
		}
	}
	exact, total := len(probes) == 0, len(probes)
	if exact {
		total = f.m.dim
	}
	parts := (total + mostTangents - 1) / mostTangents
	kind := tracing{exact: exact, tangents: (total + parts - 1) / parts}
	tr, err := f.m.tracer(kind)
	if err != nil {
		return err
	}
	e := tr.sessions.Get().(*evaluator)
	defer tr.sessions.Put(e)
	if err := e.bind(f, tr.exe, x, t, rows); err != nil {
		return err
	}
	if err := e.s.BindOutput(nn.Out, dst.Data); err != nil {
		return err
	}
	e.first, e.forms = resize(e.first, x.N), resize(e.forms, x.N*kind.tangents)
	if err := e.s.BindOutput(outForms, e.forms); err != nil {
		return err
	}
	if kind.exact {
		clear(div.Data)
	}
	for lo := 0; lo < total; lo += kind.tangents {
		if kind.exact {
			for i := range e.first {
				e.first[i] = float32(lo)
			}
			err = e.s.BindRow(inFirst, e.first)
		}
		for k := 0; k < kind.tangents && !kind.exact && err == nil; k++ {
			// A probe too many is the last one again, and not read.
			err = e.s.BindRow(tr.probes[k], probes[min(lo+k, total-1)].Data)
		}
		if err != nil {
			return err
		}
		if err := e.s.Run(x.N); err != nil {
			return err
		}
		for i := range x.N {
			forms, to := e.forms[i*kind.tangents:(i+1)*kind.tangents], div.Row(i)
			if !kind.exact {
				copy(to[lo:], forms)
				continue
			}
			sum := float64(to[0])
			for _, v := range forms {
				sum += float64(v)
			}
			to[0] = float32(sum)
		}
	}
	return nil
}
