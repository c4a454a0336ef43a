package kernel

import (
	"fmt"
	"testing"
	"time"
)

// peakGFLOPS measures the peak of one core: the best of a few short runs.
func peakGFLOPS(s *Set) float64 {
	best := 0.0
	for range 20 {
		start := time.Now()
		flops := s.PeakFMA(8_000_000)
		best = max(best, float64(flops)/float64(time.Since(start).Nanoseconds()))
	}
	return best
}

func report(b *testing.B, s *Set, flops int, peak float64) {
	gf := float64(flops) * float64(b.N) / float64(b.Elapsed().Nanoseconds())
	b.ReportMetric(gf, "GFLOP/s")
	b.ReportMetric(100*gf/peak, "%peak")
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range Available() {
		if s.Name() == "go" {
			continue
		}
		for _, d := range []struct {
			m, n, k        int
			transA, transB bool
		}{
			{256, 64, 3, false, false},
			{256, 64, 64, false, false},
			{256, 64, 64, false, true},
			{64, 64, 256, true, false},
			{256, 2, 64, false, false},
			{256, 128, 128, false, false},
			{256, 256, 256, false, false},
			{256, 256, 256, true, false},
			{256, 256, 256, false, true},
			{512, 512, 512, false, false},
			{1024, 1024, 1024, false, false},
			{1024, 1024, 1024, true, false},
			{1024, 1024, 1024, false, true},
		} {
			name := fmt.Sprintf("%s/%dx%dx%d", s.Name(), d.m, d.n, d.k)
			if d.transA {
				name += "/At"
			}
			if d.transB {
				name += "/Bt"
			}
			b.Run(name, func(b *testing.B) {
				x, y, z := make([]float32, d.m*d.k), make([]float32, d.k*d.n), make([]float32, d.m*d.n)
				lda, ldb := d.k, d.n
				if d.transA {
					lda = d.m
				}
				if d.transB {
					ldb = d.k
				}
				var ws Workspace
				peak := peakGFLOPS(s)
				b.ResetTimer()
				for b.Loop() {
					s.Gemm(d.transA, d.transB, d.m, d.n, d.k, x, lda, y, ldb, false, z, d.n, &ws)
				}
				report(b, s, 2*d.m*d.n*d.k, peak)
			})
		}
	}
}

func BenchmarkLinear(b *testing.B) {
	s := Best()
	for _, act := range []Act{None, ReLU, SiLU} {
		for _, d := range [][3]int{{256, 64, 3}, {256, 64, 64}, {256, 256, 256}} {
			b.Run(fmt.Sprintf("%v/%dx%dx%d", act, d[0], d[1], d[2]), func(b *testing.B) {
				m, n, k := d[0], d[1], d[2]
				x, y, w, bias := make([]float32, m*k), make([]float32, m*n), make([]float32, s.PackedLen(n, k)), make([]float32, n)
				var ws Workspace
				peak := peakGFLOPS(s)
				b.ResetTimer()
				for b.Loop() {
					s.Linear(m, n, k, x, k, w, bias, act, y, n, nil, 0, &ws)
				}
				report(b, s, 2*m*n*k, peak)
			})
		}
	}
}

func BenchmarkElementwise(b *testing.B) {
	s := Best()
	const n = 1 << 14
	dst, x, y, z := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = float32(i%17) - 8
	}
	for _, name := range []string{"Add", "MulAdd", "Exp", "Log", "Sin", "Tanh", "Sigmoid", "SiLU", "SiLUGrad", "Erf"} {
		f := operands(s)[name]
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f(dst, x, y, z)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
		})
	}
	b.Run("AdamW", func(b *testing.B) {
		h := AdamWStep{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Correct1: 1, Correct2: 1, GradScale: 1, EMADecay: 0.999}
		for b.Loop() {
			s.AdamW(dst, x, y, z, nil, h)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
	})
}
