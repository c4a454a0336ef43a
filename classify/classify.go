// Package classify trains the small classifiers by which Laminar judges what it
// draws. Images and sounds have no distance of their own that agrees with the
// eye or the ear; a network that has learnt to tell their classes apart has
// features in which one can be measured, and can say whether a seven was drawn
// when a seven was asked for.
//
//	c, err := classify.Train(ctx, classify.Defaults(28, 28, 1), rows)
//	reading, err := c.Read(x)
//	reading.Class[0], reading.Features.Row(0)
//
// The figures of two classifiers are not comparable: a classifier is a pure
// function of its configuration and data, and its own accuracy on data that it
// has not seen belongs beside every figure it gives.
package classify

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"laminar/data"
	"laminar/flow"
	"laminar/graph"
	"laminar/internal/exec"
	"laminar/internal/kernel"
	"laminar/nn"
	"laminar/objective"
	"laminar/optim"
	"laminar/rng"
	"laminar/tensor"
	"laminar/train"
)

// Config says what to train. Start from Defaults.
type Config struct {
	// H, W and C are the height, width and channels of an image.
	H, W, C int
	// Width and Features are those of nn.Reader.
	Width, Features int
	// Steps is the number of training steps, Batch the rows of each.
	Steps, Batch int
	// Shift is the number of pixels by which images are moved at random in
	// training, in either direction along both axes (along time for H = 1).
	Shift int
	Seed  uint64
	// Kernels is the kernel set; nil is the best of this machine. Workers bounds
	// the cores, 0 is all.
	Kernels *kernel.Set
	Workers int
}

// Defaults returns a classifier that reads handwritten digits at 99 % after some
// seconds.
func Defaults(h, w, c int) Config {
	return Config{H: h, W: w, C: c, Width: 32, Features: 64, Steps: 3000, Batch: 128, Shift: 2}
}

// Classifier tells the classes of images. It is safe for concurrent use.
type Classifier struct {
	net    nn.Reader
	exe    *exec.Program
	params []float32
	pool   sync.Pool // of *exec.Session
	cores  int
}

// rows are the images of a data set as pairs for training, moved about.
type rows struct {
	data.RowSource
	Config
}

func (r rows) Fill(b *flow.Batch, key rng.Key, i int) error {
	b.Weight = nil
	if err := r.Draw(flow.Sample{X: b.X1, Cond: b.Cond}, key.Split("data"), i); err != nil || r.Shift == 0 {
		return err
	}
	moves := key.Split("shift").At(uint64(i)).Stream()
	moved := make([]float32, r.Dim())
	for n := range b.X1.N {
		dy, dx := moves.IntN(2*r.Shift+1)-r.Shift, moves.IntN(2*r.Shift+1)-r.Shift
		if r.H == 1 {
			dy = 0
		}
		row := b.X1.Row(n)
		for y := range r.H {
			for x := range r.W {
				from := (min(max(y+dy, 0), r.H-1)*r.W + min(max(x+dx, 0), r.W-1)) * r.C
				copy(moved[(y*r.W+x)*r.C:(y*r.W+x+1)*r.C], row[from:from+r.C])
			}
		}
		copy(row, moved)
	}
	return nil
}

// Train fits a classifier to the labelled rows of set, whose numbers should be
// of the order of 1. The errors wrap flow.ErrConfig, or are those of training.
func Train(ctx context.Context, c Config, set data.RowSource) (*Classifier, error) {
	net := nn.Reader{H: c.H, W: c.W, C: c.C, Classes: set.CondSpec().Classes, Width: c.Width, Features: c.Features}
	if set.Dim() != net.Dim() {
		return nil, fmt.Errorf("%w: rows of %d numbers are no images of %d x %d x %d", flow.ErrConfig, set.Dim(), c.H, c.W, c.C)
	}
	if c.Shift < 0 {
		return nil, &flow.FieldError{Path: "shift", Msg: fmt.Sprintf("%d is negative", c.Shift)}
	}
	how := train.Defaults()
	how.Steps, how.Batch, how.Seed = c.Steps, c.Batch, c.Seed
	if c.Kernels == nil {
		c.Kernels = kernel.Best()
	}
	t, err := train.New(how, optim.Defaults(), objective.Classification{}, net, rows{set, c}, train.Options{Kernels: c.Kernels, Workers: c.Workers})
	if err != nil {
		return nil, err
	}
	if err := t.Fit(ctx); err != nil {
		return nil, err
	}
	b := graph.NewBuilder()
	features, logits := net.Layers(b, nn.Group, b.Row(nn.InX, graph.Float32, net.Dim()))
	b.Output("features", features)
	b.Output("logits", logits)
	p, err := b.Build()
	if err != nil {
		return nil, err
	}
	r := &Classifier{net: net, params: t.Average(nn.Group), cores: c.Workers}
	if r.cores <= 0 {
		r.cores = runtime.GOMAXPROCS(0)
	}
	if r.exe, err = exec.Compile(p, exec.Options{Kernels: c.Kernels, Workers: 1}); err != nil {
		return nil, err
	}
	r.pool.New = func() any { return r.exe.NewSession() }
	return r, nil
}

// Reading is what a classifier sees in images.
type Reading struct {
	// Class is the likeliest class of each row.
	Class []int32
	// Features has one row for each image.
	Features tensor.Mat
}

// readRows is the number of rows that one core reads at a time.
const readRows = 256

// Read reads every row of x. The error wraps flow.ErrShape when the rows are no
// images of the classifier's size.
func (c *Classifier) Read(x tensor.Mat) (Reading, error) {
	if err := x.Check("images", -1, c.net.Dim()); err != nil {
		return Reading{}, err
	}
	out := Reading{Class: make([]int32, x.N), Features: tensor.New(x.N, c.net.Features)}
	chunks := (x.N + readRows - 1) / readRows
	errs := make([]error, chunks)
	var wg sync.WaitGroup
	next := make(chan int, chunks)
	for i := range chunks {
		next <- i
	}
	close(next)
	for range min(c.cores, chunks) {
		wg.Go(func() {
			s := c.pool.Get().(*exec.Session)
			defer c.pool.Put(s)
			logits := make([]float32, readRows*c.net.Classes)
			for i := range next {
				lo, hi := i*readRows, min((i+1)*readRows, x.N)
				errs[i] = c.read(s, out, x, logits[:(hi-lo)*c.net.Classes], lo, hi)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return Reading{}, err
		}
	}
	return out, nil
}

func (c *Classifier) read(s *exec.Session, out Reading, x tensor.Mat, logits []float32, lo, hi int) error {
	for _, do := range []func() error{
		func() error { return s.BindParams(nn.Group, c.params) },
		func() error { return s.BindRow(nn.InX, x.Rows(lo, hi).Data) },
		func() error { return s.BindOutput("features", out.Features.Rows(lo, hi).Data) },
		func() error { return s.BindOutput("logits", logits) },
		func() error { return s.Run(hi - lo) },
	} {
		if err := do(); err != nil {
			return err
		}
	}
	for i := lo; i < hi; i++ {
		f := logits[(i-lo)*c.net.Classes : (i-lo+1)*c.net.Classes]
		for k, v := range f {
			if v > f[out.Class[i]] {
				out.Class[i] = int32(k)
			}
		}
	}
	return nil
}

// Agreement is the share of rows whose class is the one that is asked for.
func (r Reading) Agreement(class []int32) float64 {
	if len(class) == 0 {
		return 0
	}
	n := 0
	for i, k := range r.Class {
		if k == class[i] {
			n++
		}
	}
	return float64(n) / float64(len(class))
}
