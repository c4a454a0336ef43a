// Command c2ot repeats the conditional table of C2OT (Cheng, Schwing, ICCV 2025,
// Table 1): eight Gaussians to moons, without a condition, with the moon as a
// class, and with the target's first coordinate as a real condition. Every
// coupling trains the paper's network by its protocol, 20,000 steps of 256 pairs
// cut from a transport of 1024; W2 squared is that of all samples to all data,
// after one Euler step and by an adaptive solver.
//
//	go run ./bench/c2ot -seeds 3
//	go run ./bench/c2ot -conditions real -couplings independent,c2ot -ratios 0.01,0.05
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"laminar/coupling"
	"laminar/data"
	"laminar/flow"
	"laminar/metric"
	"laminar/model"
	"laminar/nn"
	"laminar/objective"
	"laminar/optim"
	"laminar/path"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/train"
)

// target is the moons of torchcfm with one of three conditions.
type target struct {
	flow.Dataset // with classes
	condition    string
}

// spread is about the standard deviation of the moons' first coordinate.
const spread = 2.6

func (d target) CondSpec() flow.CondSpec {
	switch d.condition {
	case "class":
		return flow.CondSpec{Classes: 2}
	case "real":
		return flow.CondSpec{Real: 1}
	}
	return flow.CondSpec{}
}

func (d target) Draw(dst flow.Sample, key rng.Key, i int) error {
	all := dst
	if d.condition != "class" {
		all.Cond = flow.NewCond(d.Dataset.CondSpec(), dst.X.N, dst.X.D)
	}
	if err := d.Dataset.Draw(all, key, i); err != nil {
		return err
	}
	if d.condition == "real" {
		for r := range dst.X.N {
			dst.Cond.Real.Data[r] = (dst.X.At(r, 0) - 1) / spread
		}
	}
	return nil
}

// trial is one training.
type trial struct {
	condition, name string
	coupling        coupling.Config
}

// figures are W2 squared, and network evaluations of the adaptive solver.
type figures struct{ euler, adaptive, nfe float64 }

func main() {
	conditions := flag.String("conditions", "none,class,real", "conditions, separated by commas")
	couplings := flag.String("couplings", "independent,ot,c2ot", "couplings, separated by commas")
	ratios := flag.String("ratios", "", "ratios of c2ot under a real condition; empty is the default")
	seeds := flag.Int("seeds", 3, "training seeds")
	steps := flag.Int("steps", 20_000, "training steps")
	n := flag.Int("n", 10_000, "points on each side of a distance")
	block := flag.Int("block", 4, "batches of 256 that are paired together")
	flag.Parse()
	if err := table(*conditions, *couplings, *ratios, *seeds, *steps, *n, *block); err != nil {
		fmt.Fprintln(os.Stderr, "c2ot:", err)
		os.Exit(1)
	}
}

func table(conditions, couplings, ratios string, seeds, steps, n, block int) error {
	var trials []trial
	for _, condition := range strings.Split(conditions, ",") {
		for _, name := range strings.Split(couplings, ",") {
			c := coupling.Defaults()
			c.Name, c.Block = name, block
			if name == "c2ot" && condition == "none" {
				continue // it is ot
			}
			if name != "c2ot" || condition != "real" || ratios == "" {
				trials = append(trials, trial{condition, name, c})
				continue
			}
			for _, text := range strings.Split(ratios, ",") {
				ratio, err := strconv.ParseFloat(text, 64)
				if err != nil {
					return err
				}
				c.Ratio = ratio
				trials = append(trials, trial{condition, "c2ot, ratio " + text, c})
			}
		}
	}
	for _, t := range trials {
		var all []figures
		begun := time.Now()
		for seed := range seeds {
			f, err := t.run(uint64(seed), steps, n)
			if err != nil {
				return err
			}
			all = append(all, f)
		}
		fmt.Printf("%-6s %-18s euler 1: %s  adaptive: %s  NFE %s  (%.0f s)\n", t.condition, t.name,
			told(all, func(f figures) float64 { return f.euler }, 3), told(all, func(f figures) float64 { return f.adaptive }, 3),
			told(all, func(f figures) float64 { return f.nfe }, 1), time.Since(begun).Seconds())
	}
	return nil
}

// told is the mean and standard deviation over seeds.
func told(all []figures, of func(figures) float64, digits int) string {
	var mean, square float64
	for _, f := range all {
		mean += of(f) / float64(len(all))
	}
	for _, f := range all {
		square += (of(f) - mean) * (of(f) - mean)
	}
	return fmt.Sprintf("%.*f ± %.*f", digits, mean, digits, math.Sqrt(square/float64(max(1, len(all)-1))))
}

func (t trial) run(seed uint64, steps, n int) (f figures, err error) {
	moons, err := data.TorchCFMMoons().WithClasses()
	if err != nil {
		return f, err
	}
	set := target{moons, t.condition}
	source := data.Toy{Shape: data.TorchCFMGaussians()}
	pairs, err := coupling.Build(t.coupling, source, set)
	if err != nil {
		return f, err
	}
	key := rng.New(seed)
	ctx := context.Background()
	if err := pairs.Prepare(ctx, key.Split("coupling")); err != nil {
		return f, err
	}
	net, err := nn.Spec{Kind: "mlp", Width: 128, Depth: 3, Activation: "silu"}.Network(2, set.CondSpec())
	if err != nil {
		return f, err
	}
	config, adam := train.Defaults(), optim.Post()
	config.Steps, config.Batch, config.Seed, adam.Rate = steps, 256, seed, 3e-4
	trainer, err := train.New(config, adam, objective.FlowMatching{Path: path.Linear{}, Times: path.Uniform{}}, net, pairs, train.Options{})
	if err != nil {
		return f, err
	}
	if err := trainer.Fit(ctx); err != nil {
		return f, err
	}
	program, err := nn.Velocity(net)
	if err != nil {
		return f, err
	}
	m, err := model.New(model.Config{Program: program, Params: slices.Clone(trainer.Best()), Cond: set.CondSpec()})
	if err != nil {
		return f, err
	}
	test := flow.NewSample(set, n)
	if err := set.Draw(test, key.Split("test"), 0); err != nil {
		return f, err
	}
	measure := func(c solve.Config) (float64, solve.Stats, error) {
		x, stats, err := sample.Latent(ctx, m, sample.Config{N: n, Seed: key.Split("noise"), Solve: c, Source: source, Cond: test.Cond})
		if err != nil {
			return 0, stats, err
		}
		w, err := metric.W2(test.X, x)
		return w * w, stats, err
	}
	var stats solve.Stats
	if f.euler, _, err = measure(solve.Config{Method: "euler", Steps: 1}); err != nil {
		return f, err
	}
	if f.adaptive, stats, err = measure(solve.Config{Method: "dopri5", Adaptive: true, MaxSteps: 1000, RTol: 1e-4, ATol: 1e-4}); err != nil {
		return f, err
	}
	f.nfe = stats.NFE
	return f, nil
}
