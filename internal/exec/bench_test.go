package exec

import (
	"fmt"
	"testing"
	"time"

	"laminar/graph"
	"laminar/internal/kernel"
	"laminar/rng"
)

// mlpFlops is the number of floating-point operations of the products of a
// 3-w-w-2 network for n rows: forward, and backward without the first layer's
// input.
func mlpFlops(w, n int, train bool) float64 {
	forward := float64(3*w + w*w + 2*w)
	if train {
		return 2 * float64(n) * (2*forward + float64(w*w+2*w))
	}
	return 2 * float64(n) * forward
}

// peak is the multiply-add rate of one core, in FLOP/s.
func peak(k *kernel.Set) float64 {
	best := 0.0
	for range 20 {
		begin := time.Now()
		flops := k.PeakFMA(1_000_000)
		best = max(best, float64(flops)/time.Since(begin).Seconds())
	}
	return best
}

// report adds what a benchmark that did flops operations per turn has used of
// the processors, which other programs disturb less than the time on the wall.
func report(b *testing.B, k *kernel.Set, flops, cpu float64) {
	cpu /= float64(b.N)
	if cpu > 0 {
		b.ReportMetric(1e6*cpu, "cpu-µs")
		b.ReportMetric(flops/cpu/1e9, "GFLOP/s")
		b.ReportMetric(100*flops/cpu/peak(k), "%peak")
	}
}

// BenchmarkTrainStep is one step of training on one core: forward, squared
// error, backward, AdamW.
func BenchmarkTrainStep(b *testing.B) {
	for _, c := range []struct{ w, n int }{{64, 256}, {256, 256}, {512, 512}} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%d/workers=%d", c.w, workers), func(b *testing.B) {
				k := kernel.Best()
				p := mlp(b, c.w, (*graph.Builder).ReLU)
				f := newFeed(p, c.n, rng.New(1))
				for i := range f.rows["seed"] {
					f.rows["seed"][i] = 1 / float32(2*c.n)
				}
				s := bind(b, p, f, Options{Kernels: k, Workers: workers})
				s.BindOutput("y", nil)
				for _, o := range p.Outputs {
					if o.GradOf >= 0 {
						s.BindOutput(o.Name, nil)
					}
				}
				m, v := make([]float32, len(f.arenas["net"])), make([]float32, len(f.arenas["net"]))
				h := kernel.AdamWStep{LR: 1e-6, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Correct1: 1, Correct2: 1, GradScale: 1}
				b.ResetTimer()
				cpu := cpuSeconds()
				for b.Loop() {
					if err := s.Run(c.n); err != nil {
						b.Fatal(err)
					}
					k.AdamW(f.arenas["net"], s.grads["net"], m, v, nil, h)
				}
				report(b, k, mlpFlops(c.w, c.n, true), cpuSeconds()-cpu)
			})
		}
	}
}

// BenchmarkSample is 100 Euler steps of 2000 points.
func BenchmarkSample(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			const n, steps = 2000, 100
			k := kernel.Best()
			g := graph.NewBuilder()
			h := g.Concat(0, g.Row("x", graph.Float32, 2), g.Row("t", graph.Float32, 1))
			in := 3
			for l, out := range []int{64, 64, 2} {
				h = g.Add(g.Linear(h, g.Param("net", fmt.Sprint("w", l), out, in), true), g.Param("net", fmt.Sprint("b", l), out))
				if l < 2 {
					h = g.ReLU(h)
				}
				in = out
			}
			g.Output("y", h)
			p, err := g.Build()
			if err != nil {
				b.Fatal(err)
			}
			f := newFeed(p, n, rng.New(1))
			s := bind(b, p, f, Options{Kernels: k, Workers: workers})
			b.ResetTimer()
			cpu := cpuSeconds()
			for b.Loop() {
				for i := range steps {
					k.Fill(f.rows["t"], float32(i)/steps)
					if err := s.Run(n); err != nil {
						b.Fatal(err)
					}
					k.AddScaled(f.rows["x"], 1./steps, s.out["y"])
				}
			}
			report(b, k, steps*mlpFlops(64, n, false), cpuSeconds()-cpu)
		})
	}
}
