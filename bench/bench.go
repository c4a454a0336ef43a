// Package bench measures this machine: the rates of matrix products, training,
// sampling and assignment, beside the peak of one core measured in the same
// moment.
//
//	r, err := bench.Run(ctx, bench.Defaults())
//
// Every work runs for a fixed time, in several rounds, of which the median is
// reported. It compares with no other program (bench/peers does) and judges no
// model (bench/quality).
package bench

import (
	"context"
	"slices"
	"time"

	"laminar/internal/kernel"
)

// Config says how long to measure.
type Config struct {
	// Rounds is the number of times that each work is measured, Time how long
	// each of them takes at least.
	Rounds int
	Time   time.Duration
	// Kernels is the kernel set; nil is the best of this machine.
	Kernels *kernel.Set
	// Threads bounds the cores of training and sampling; 0 is all.
	Threads int
}

// Defaults is seven rounds of 30 ms.
func Defaults() Config { return Config{Rounds: 7, Time: 30 * time.Millisecond} }

// Report is the outcome; its JSON is that of `laminar bench --json`.
type Report struct {
	Rows []Row `json:"rows"`
	// Peak is the float32 peak of one core, in GFLOP/s.
	Peak    float64 `json:"peak_gflops"`
	Kernels string  `json:"kernels"`
	Threads int     `json:"threads"`
}

// Row is one work. Rate and Percent are nil where operations are not counted.
// Cores is the number of cores it may use; Percent is of the peak of one.
type Row struct {
	Name    string   `json:"name"`
	Nanos   float64  `json:"ns_per_op"`
	Rate    *float64 `json:"gflops"`
	Percent *float64 `json:"percent_of_peak"`
	Cores   int      `json:"cores"`
}

// work is something to measure: op does it once, in flops operations (0 where
// they are not counted).
type work struct {
	name  string
	flops float64
	cores int
	op    func() error
}

// Run measures everything.
func Run(ctx context.Context, c Config) (Report, error) {
	if c.Kernels == nil {
		c.Kernels = kernel.Best()
	}
	works, err := works(c)
	if err != nil {
		return Report{}, err
	}
	rep := Report{Kernels: c.Kernels.Name(), Threads: threads(c)}
	peaks := []float64{}
	for _, w := range works {
		p := peak(c.Kernels)
		peaks = append(peaks, p)
		nanos, err := measure(ctx, c, w.op)
		if err != nil {
			return rep, err
		}
		row := Row{Name: w.name, Nanos: nanos, Cores: w.cores}
		if w.flops > 0 {
			rate := w.flops / nanos
			percent := 100 * rate / p
			row.Rate, row.Percent = &rate, &percent
		}
		rep.Rows = append(rep.Rows, row)
	}
	rep.Peak = median(peaks)
	return rep, nil
}

// peak is the rate of multiply-adds on registers alone, in GFLOP/s: the best of
// five looks, since nothing makes a core faster than it is.
func peak(k *kernel.Set) float64 {
	best := 0.0
	for range 5 {
		start := time.Now()
		flops := k.PeakFMA(2_000_000)
		best = max(best, float64(flops)/float64(time.Since(start).Nanoseconds()))
	}
	return best
}

// measure returns the median time of one op in nanoseconds.
func measure(ctx context.Context, c Config, op func() error) (float64, error) {
	if err := op(); err != nil { // warm
		return 0, err
	}
	var times []float64
	for range c.Rounds {
		n, start := 0, time.Now()
		for n == 0 || time.Since(start) < c.Time {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			if err := op(); err != nil {
				return 0, err
			}
			n++
		}
		times = append(times, float64(time.Since(start).Nanoseconds())/float64(n))
	}
	return median(times), nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
