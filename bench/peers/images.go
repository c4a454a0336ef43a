package main

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"laminar/flow"
	"laminar/graph"
	"laminar/internal/exec"
	"laminar/internal/kernel"
	"laminar/nn"
	"laminar/optim"
)

// The Go sides of the works of images: a convolution, an attention, whole
// networks.

// convolution is one of 3 x 3 taps on n images, with a bias; with backward also
// the gradients of all three operands.
func convolution(n, side, in, out int, backward bool) Work {
	w := graph.Same(side, side, 3, 1)
	work := Work{
		Name:    fmt.Sprintf("convolution of %d images, %dx%dx%d to %d", n, side, side, in, out),
		Against: python("PyTorch", "conv", n, side, side, in, out),
		Go: func() (Job, error) {
			weight := normal(2, out, 9*in).Data
			for i := range weight {
				weight[i] /= float32(math.Sqrt(float64(9 * in)))
			}
			b := graph.NewBuilder()
			x := b.Row("x", graph.Float32, side, side, in)
			f, bias := b.Param("p", "weight", out, 9*in), b.Param("p", "bias", out)
			y := b.Add(b.Conv(x, f, w), bias)
			return differentiable(b, y, backward, n, append(weight, normal(3, 1, out).Data...), map[string][]float32{
				"x": normal(1, n, side*side*in).Data,
			}, x, f, bias)
		},
	}
	return gradients(work, backward)
}

// attention is softmax(q k' / sqrt(d)) v of n rows with tokens each.
func attention(n, heads, tokens, d int, backward bool) Work {
	work := Work{
		Name:    fmt.Sprintf("attention of %d rows, %d heads of %d, %d tokens", n, heads, d, tokens),
		Against: python("PyTorch", "attention", n, heads, tokens, d),
		Go: func() (Job, error) {
			b := graph.NewBuilder()
			var in []graph.Value
			rows := map[string][]float32{}
			for i, name := range []string{"q", "k", "v"} {
				in = append(in, b.Row(name, graph.Float32, heads, tokens, d))
				rows[name] = normal(uint64(i+1), n, heads*tokens*d).Data
			}
			return differentiable(b, b.Attention(in[0], in[1], in[2], graph.None), backward, n, nil, rows, in...)
		},
	}
	return gradients(work, backward)
}

// gradients finishes a work that is done forward, or with its gradients.
func gradients(w Work, backward bool) Work {
	w.Tolerance, w.Floor, w.Aim, w.Memory = 1e-4, 0.9, 1.5, true
	if backward {
		w.Name += ", and the gradients"
		w.Against.Args = append(w.Against.Args, "--backward")
	}
	return w
}

// differentiable runs the program of y, or with backward the one of its gradients
// at the seed y/2.
func differentiable(b *graph.Builder, y graph.Value, backward bool, n int, params []float32, rows map[string][]float32, in ...graph.Value) (Job, error) {
	b.Output("y", y)
	if backward {
		for i, g := range b.VJP([]graph.Value{y}, []graph.Value{b.Scale(b.StopGradient(y), 0.5)}, in) {
			b.Output(fmt.Sprint("g", i), g)
		}
	}
	p, err := b.Build()
	if err != nil {
		return Job{}, err
	}
	prog, err := exec.Compile(p, exec.Options{})
	if err != nil {
		return Job{}, err
	}
	s := prog.NewSession()
	var errs []error
	if params != nil {
		errs = append(errs, s.BindParams("p", params))
	}
	for name, v := range rows {
		errs = append(errs, s.BindRow(name, v))
	}
	var out [][]float32
	for _, o := range p.Outputs {
		size := p.Nodes[o.Value].Size()
		if p.Nodes[o.Value].Kind == graph.Row {
			size *= n
		}
		v := make([]float32, size)
		errs = append(errs, s.BindOutput(o.Name, v))
		if (o.Name != "y") == backward {
			out = append(out, v)
		}
	}
	return Job{
		Step: func() error { return s.Run(n) },
		Answer: func() (sum float64) {
			for _, v := range out {
				mean := 0.0
				for _, x := range v {
					mean += float64(x) * float64(x)
				}
				sum += mean / float64(len(v))
			}
			return sum
		},
	}, errors.Join(errs...)
}

// imageStep is one step of Adam of a network of images on a fixed batch, without
// conditions.
func imageStep(kind string, n, side, channels, width int) func() (Job, error) {
	return func() (Job, error) {
		spec := nn.Spec{Kind: kind, Width: width, Depth: 1, Activation: "silu", TimeFeatures: 16, Shape: []int{side, side, channels}, Levels: []int{1, 2, 2}, Heads: 2}
		if kind == "dit" {
			spec.Depth, spec.Heads, spec.Patch, spec.Levels = 4, 4, 4, nil
		}
		dim := side * side * channels
		net, err := spec.Network(dim, flow.CondSpec{})
		if err != nil {
			return Job{}, err
		}
		b := graph.NewBuilder()
		v := net.Apply(b, nn.Group, nn.InputsOf(b, net))
		loss := b.Sum(b.Square(b.Sub(v, b.Row("target", graph.Float32, dim))), 0)
		b.Output("loss", loss)
		b.OutputGradients(b.Gradient(loss, b.Row("seed", graph.Float32, 1), nn.Group))
		p, err := b.Build()
		if err != nil {
			return Job{}, err
		}
		prog, err := exec.Compile(p, exec.Options{})
		if err != nil {
			return Job{}, err
		}
		arena := sharedWeights(p.Layout(nn.Group))
		adam, err := optim.New(optim.Post(), 1, arena, kernel.Best())
		if err != nil {
			return Job{}, err
		}
		t, seed := make([]float32, n), make([]float32, n)
		for i, u := range uniform(3, n) {
			t[i], seed[i] = float32(u), 1/float32(n*dim)
		}
		s, grads, losses := prog.NewSession(), make([]float32, len(arena)), make([]float32, n)
		err = errors.Join(
			s.BindParams(nn.Group, arena), s.BindGrads(nn.Group, grads), s.BindOutput("loss", losses),
			s.BindRow(nn.InX, normal(1, n, dim).Data), s.BindRow("target", normal(2, n, dim).Data), s.BindRow(nn.InT, t), s.BindRow("seed", seed),
		)
		if err != nil {
			return Job{}, err
		}
		step := func() error {
			if err := s.Run(n); err != nil {
				return err
			}
			adam.Step(grads)
			return nil
		}
		for range 3 {
			if err := step(); err != nil {
				return Job{}, err
			}
		}
		third := 0.0
		for _, l := range losses {
			third += float64(l) / float64(n*dim)
		}
		return Job{Step: step, Answer: func() float64 { return third }}, nil
	}
}

// sharedWeights are those of networks.py, in the order of the arena.
func sharedWeights(l graph.Layout) []float32 {
	arena := make([]float32, l.Size)
	for i, e := range l.Entries {
		for k, u := range uniform(uint64(100+i), e.Size) {
			v := 2*u - 1
			switch {
			case strings.HasSuffix(e.Name, ".weight"):
				v /= math.Sqrt(float64(e.Shape[1]))
			case strings.HasSuffix(e.Name, ".scale"):
				v = 1 + 0.1*v
			default:
				v *= 0.1
			}
			arena[e.Offset+k] = float32(v)
		}
	}
	return arena
}
