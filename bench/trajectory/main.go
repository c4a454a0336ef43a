// Command trajectory measures how well a chain of couplings fills in a time that
// it has not seen (Tong et al., TMLR 2024, Table 4). Of a table with a column of
// times, each interior time is left out in turn; a field is trained on the
// others; the real points of the time before are carried to the one that was
// left out, by 100 Euler steps, and W1 is that to its real points.
//
//	go run ./bench/trajectory -time time_index -seeds 3 cells.csv
//
// Columns are standardised over all points. Beside it stand the W1 of standing
// still, and that between two halves of the points of that time, whose floor it
// is.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"

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
	"laminar/tensor"
	"laminar/train"
)

func main() {
	column := flag.String("time", "time_index", "column of times")
	couplings := flag.String("coupling", "ot", "coupling of neighbours in time")
	seeds := flag.Int("seeds", 3, "training seeds")
	steps := flag.Int("steps", 5000, "training steps")
	sigma := flag.Float64("sigma", 0.1, "noise about the straight path")
	flag.Parse()
	for _, name := range flag.Args() {
		if err := table(name, *column, *couplings, *seeds, *steps, *sigma); err != nil {
			fmt.Fprintln(os.Stderr, "trajectory:", err)
			os.Exit(1)
		}
	}
}

// snapshot is the points of one time.
type snapshot struct {
	time float64
	x    tensor.Mat
}

func read(name, column string) ([]snapshot, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := data.ReadCSV(f, name, data.Options{Conditions: []string{column}})
	if err != nil {
		return nil, err
	}
	fit, err := data.FitStandardise(t.X)
	if err != nil {
		return nil, err
	}
	x := tensor.New(t.X.N, t.X.D)
	if err := fit.Forward(x, t.X); err != nil {
		return nil, err
	}
	rows := map[float64][]float32{}
	for i := range x.N {
		at := t.Real.At(i, 0)
		rows[at] = append(rows[at], x.Row(i)...)
	}
	var out []snapshot
	for _, at := range slices.Sorted(maps.Keys(rows)) {
		out = append(out, snapshot{at, tensor.Mat{N: len(rows[at]) / x.D, D: x.D, Data: rows[at]}})
	}
	if len(out) < 3 {
		return nil, fmt.Errorf("%s has %d times, too few to leave one out", name, len(out))
	}
	return out, nil
}

func table(name, column, pairer string, seeds, steps int, sigma float64) error {
	all, err := read(name, column)
	if err != nil {
		return err
	}
	var mean []float64
	fmt.Printf("%s, coupling %s, %d seeds\n", name, pairer, seeds)
	for left := 1; left < len(all)-1; left++ {
		var w []float64
		for seed := range seeds {
			v, err := without(all, left, pairer, uint64(seed), steps, sigma)
			if err != nil {
				return err
			}
			w = append(w, v)
		}
		still, err := metric.W1(all[left-1].x, all[left].x)
		if err != nil {
			return err
		}
		x := all[left].x
		floor, err := metric.W1(x.Rows(0, x.N/2), x.Rows(x.N/2, x.N))
		if err != nil {
			return err
		}
		m, sd := moments(w)
		mean = append(mean, m)
		fmt.Printf("  time %-5g W1 %.3f ± %.3f   standing still %.3f   halves %.3f   %d points\n", all[left].time, m, sd, still, floor, x.N)
	}
	m, _ := moments(mean)
	fmt.Printf("  mean W1 %.3f\n", m)
	return nil
}

func moments(v []float64) (mean, sd float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		sd += (x - mean) * (x - mean) / float64(max(1, len(v)-1))
	}
	return mean, math.Sqrt(sd)
}

// without trains on all times but one and returns the W1 there.
func without(all []snapshot, left int, name string, seed uint64, steps int, sigma float64) (float64, error) {
	c := coupling.Defaults()
	c.Name = name
	pairer, err := coupling.New(c)
	if err != nil {
		return 0, err
	}
	var times []float64
	var marginals []flow.Dataset
	for k, s := range all {
		if k == left {
			continue
		}
		d, err := data.NewStored(s.x, flow.Cond{}, flow.CondSpec{}, nil)
		if err != nil {
			return 0, err
		}
		times, marginals = append(times, s.time), append(marginals, d)
	}
	chain, err := coupling.NewChain(times, marginals, pairer)
	if err != nil {
		return 0, err
	}
	net, err := nn.Spec{Kind: "mlp", Width: 64, Depth: 3, Activation: "silu"}.Network(chain.Dim(), flow.CondSpec{})
	if err != nil {
		return 0, err
	}
	lines := path.Defaults()
	lines.Sigma = sigma
	way, err := path.New(lines)
	if err != nil {
		return 0, err
	}
	config := train.Defaults()
	config.Steps, config.Batch, config.Seed = steps, 128*(len(times)-1), seed
	t, err := train.New(config, optim.Post(), objective.FlowMatching{Path: way, Times: path.Uniform{}}, net, chain, train.Options{})
	if err != nil {
		return 0, err
	}
	if err := t.Fit(context.Background()); err != nil {
		return 0, err
	}
	program, err := nn.Velocity(net)
	if err != nil {
		return 0, err
	}
	m, err := model.New(model.Config{Program: program, Params: slices.Clone(t.Best())})
	if err != nil {
		return 0, err
	}
	x := tensor.New(all[left-1].x.N, all[left-1].x.D)
	copy(x.Data, all[left-1].x.Data)
	span := times[len(times)-1] - times[0]
	from, to := chain.Time(left-1), (all[left].time-times[0])/span
	if _, err := sample.Carry(context.Background(), m, sample.Config{N: x.N, Seed: rng.New(seed), Solve: solve.Config{Method: "euler", Steps: 100}}, x, from, to); err != nil {
		return 0, err
	}
	return metric.W1(all[left].x, x)
}
