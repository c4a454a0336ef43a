package main

import (
	"fmt"
	"math"
)

// Work is one row of the table.
type Work struct {
	// Name is unique; it names the row and is what -only matches.
	Name string
	// Against is what Laminar is measured against.
	Against Peer
	// Go sets Laminar's side up, outside the measured time. Nil means that it
	// is not written yet.
	Go func() (Job, error)
	// Tolerance is the relative difference allowed between the two answers; 0
	// means that they are not compared.
	Tolerance float64
	// Floor and Aim are the ratios to reach, peer's time over Laminar's, or
	// with OfPeak the shares of the core's peak. 0 means none is set.
	Floor, Aim float64
	OfPeak     bool
	// Flops is the number of operations of one repetition, of works told by
	// rate.
	Flops float64
	// Memory tells the most memory that both sides have held, too.
	Memory bool
	// Cores is how many cores Laminar may use, 1 if left out, and Wall tells
	// times by the clock on the wall instead of CPU time.
	Cores int
	Wall  bool
}

// Job is Laminar's side of a work, set up.
type Job struct {
	// Prepare makes the input of a round, outside the measured time; nil when
	// every round does the same.
	Prepare func(round int) error
	// Step does one repetition.
	Step func() error
	// Answer is the figure of the last repetition that the peer must
	// reproduce.
	Answer func() float64
}

// Peer is the other side of a work: peers.py with Args, on as many cores as
// Laminar, or Laminar itself on one core.
type Peer struct {
	Name    string
	Args    []string
	Threads int // of OpenBLAS and PyTorch, 1 if left out
	OneCore bool
}

func python(name string, args ...any) Peer {
	p := Peer{Name: name}
	for _, a := range args {
		p.Args = append(p.Args, fmt.Sprint(a))
	}
	return p
}

var works = []Work{
	product(256, 64, 64, false, false),
	product(256, 64, 64, true, false),
	product(256, 64, 64, false, true),
	product(256, 256, 256, false, false),
	product(256, 256, 256, true, false),
	product(256, 256, 256, false, true),
	product(1024, 1024, 1024, false, false),
	product(1024, 1024, 1024, true, false),
	product(1024, 1024, 1024, false, true),
	{Name: "train step 3-64-64-2, batch 256", Against: python("PyTorch", "train", 64, 256), Go: trainStep(64, 256), Tolerance: 1e-4, Floor: 4, Aim: 6},
	{Name: "train step 3-64-64-2, batch 256, multi-tensor Adam", Against: python("PyTorch", "train", 64, 256, "--foreach"), Go: trainStep(64, 256), Tolerance: 1e-4},
	{Name: "train step 3-256-256-2, batch 256", Against: python("PyTorch", "train", 256, 256), Go: trainStep(256, 256), Tolerance: 1e-4, Floor: 1.4, Aim: 2.2},
	{Name: "train step 3-512-512-2, batch 512", Against: python("PyTorch", "train", 512, 512), Go: trainStep(512, 512), Tolerance: 1e-4, Floor: 1.2, Aim: 1.7},
	convolution(64, 28, 32, 32, false),
	convolution(64, 28, 32, 32, true),
	convolution(64, 14, 64, 64, false),
	convolution(64, 14, 64, 64, true),
	convolution(64, 32, 64, 64, false),
	convolution(64, 32, 64, 64, true),
	attention(64, 4, 49, 32, false),
	attention(64, 4, 49, 32, true),
	attention(32, 6, 256, 64, false),
	attention(32, 6, 256, 64, true),
	{Name: "train step of a U-Net, 64 images of 28x28", Against: python("PyTorch", "unet", 64, 28, 1, 32), Go: imageStep("unet", 64, 28, 1, 32), Tolerance: 1e-3, Floor: 0.9, Aim: 1.5, Memory: true},
	{Name: "train step of a U-Net, 32 images of 32x32x3", Against: python("PyTorch", "unet", 32, 32, 3, 32), Go: imageStep("unet", 32, 32, 3, 32), Tolerance: 1e-3, Floor: 0.9, Aim: 1.5, Memory: true},
	{Name: "train step of a DiT, 64 images of 28x28", Against: python("PyTorch", "dit", 64, 28, 1, 128), Go: imageStep("dit", 64, 28, 1, 128), Tolerance: 1e-3, Floor: 0.9, Aim: 1.5, Memory: true},
	{Name: "sample 2000 points, 100 Euler steps, 64 wide", Against: python("PyTorch", "sample", 2000, 100, 64), Go: draw(2000, 100, 64), Tolerance: 1e-4, Floor: 1.3, Aim: 2.2},
	{Name: "sample 2000 points, Dopri5 at 1e-5, 64 wide", Against: python("PyTorch", "adaptive", 2000, 1e-5, 64), Go: adaptive(2000, 1e-5, 64), Tolerance: 1e-3},
	{Name: "log-density of 500 points, exact divergence, 20 steps of RK4, 64 wide", Against: python("PyTorch", "likelihood", 500, 20, 64), Go: likelihood(500, 20, 64), Tolerance: 1e-4},
	{Name: "200 training steps, batch 256, independent pairs", Against: python("torchcfm", "cfm", "independent", 200), Go: trainRun("independent", 200), Tolerance: 0.2},
	{Name: "200 training steps, batch 256, exact transport", Against: python("torchcfm", "cfm", "exact", 200), Go: trainRun("ot", 200), Tolerance: 0.5},
	{Name: "200 training steps, batch 256, Sinkhorn", Against: python("torchcfm", "cfm", "sinkhorn", 200), Go: trainRun("sinkhorn", 200), Tolerance: 0.5},
	{Name: "200 training steps, batch 256, unbalanced", Against: python("torchcfm", "cfm", "unbalanced", 200), Go: trainRun("unbalanced", 200), Tolerance: 0.5},
	{Name: "assignment 256, 2-D", Against: python("SciPy", "assign", 256, 2), Go: assignment(256, 2), Tolerance: 1e-9, Floor: 12, Aim: 20},
	{Name: "assignment 1024, 2-D", Against: python("SciPy", "assign", 1024, 2), Go: assignment(1024, 2), Tolerance: 1e-9, Floor: 30, Aim: 60},
	{Name: "assignment 4096, 2-D", Against: python("SciPy", "assign", 4096, 2), Go: assignment(4096, 2), Tolerance: 1e-9, Floor: 30, Aim: 60},
	{Name: "assignment 256, 32-D", Against: python("SciPy", "assign", 256, 32), Go: assignment(256, 32), Tolerance: 1e-9, Floor: 20},
	{Name: "assignment 1024, 32-D", Against: python("SciPy", "assign", 1024, 32), Go: assignment(1024, 32), Tolerance: 1e-9, Floor: 60},
	{Name: "assignment 4096, 32-D", Against: python("SciPy", "assign", 4096, 32), Go: assignment(4096, 32), Tolerance: 1e-9, Floor: 100},
	{Name: "Sinkhorn 256, 100 iterations", Against: python("POT", "sinkhorn", 256), Go: entropic(256, math.Inf(1)), Tolerance: 1e-3, Floor: 1.4, Aim: 2},
	{Name: "Sinkhorn 4096, 100 iterations", Against: python("POT", "sinkhorn", 4096), Go: entropic(4096, math.Inf(1)), Tolerance: 1e-3, Floor: 2, Aim: 4},
	{Name: "unbalanced Sinkhorn 256, 100 iterations", Against: python("POT", "unbalanced", 256), Go: entropic(256, 1), Tolerance: 1e-5, Floor: 1.4, Aim: 2},
	{Name: "unbalanced Sinkhorn 1024, 100 iterations", Against: python("POT", "unbalanced", 1024), Go: entropic(1024, 1), Tolerance: 1e-5, Floor: 1.4, Aim: 2},
	{Name: "OT training run, 2000 steps, batch 256, 2 cores", Against: python("PyTorch + SciPy", "post"), Go: postRun(2000), Tolerance: 0.2, Floor: 10, Aim: 16, Cores: 2, Wall: true},
	{Name: "train steps 3-256-256-2, 2 cores against 1", Against: Peer{Name: "Laminar, 1 core", OneCore: true}, Go: trainStep(256, 256), Tolerance: 1e-12, Floor: 1.6, Aim: 1.9, Cores: 2, Wall: true},
}

// product is C = A B in float32, the transposed factor stored transposed.
func product(m, n, k int, transA, transB bool) Work {
	w := Work{
		Name:      fmt.Sprintf("GEMM %dx%dx%d", m, n, k),
		Against:   python("OpenBLAS", "gemm", m, n, k),
		Go:        gemm(m, n, k, transA, transB),
		Tolerance: 1e-5,
		Floor:     0.75, Aim: 0.88, OfPeak: true,
		Flops: 2 * float64(m) * float64(n) * float64(k),
	}
	if transA {
		w.Name += ", A transposed"
		w.Against.Args = append(w.Against.Args, "--ta")
	}
	if transB {
		w.Name += ", B transposed"
		w.Against.Args = append(w.Against.Args, "--tb")
	}
	return w
}
