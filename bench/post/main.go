// Command post runs the program of the post (--preset post), with independent
// pairing and with optimal transport, for several seeds, and prints what
// bench/peers/post.py prints of its PyTorch original: the mean loss of the last
// 100 steps, and W2 of 2000 samples against a fresh scikit-learn draw by number
// of Euler steps.
//
//	go run ./bench/post -seeds 5
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"

	"laminar/flow"
	"laminar/metric"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
	"laminar/train"
)

var nfes = []int{1, 2, 4, 8, 16, 100}

func main() {
	seeds := flag.Int("seeds", 5, "training seeds")
	flag.Parse()
	fmt.Println("| coupling | seed | loss | W2 at 1 | 2 | 4 | 8 | 16 | 100 Euler steps |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	for _, coupling := range []string{"independent", "ot"} {
		columns := make([][]float64, 1+len(nfes))
		for seed := range *seeds {
			row, err := once(coupling, uint64(seed))
			if err != nil {
				fmt.Fprintln(os.Stderr, "post:", err)
				os.Exit(1)
			}
			line := fmt.Sprintf("| %s | %d | %.4f |", coupling, seed, row[0])
			for i, v := range row {
				columns[i] = append(columns[i], v)
				if i > 0 {
					line += fmt.Sprintf(" %.3f |", v)
				}
			}
			fmt.Println(line)
		}
		line := fmt.Sprintf("| **%s** | mean ± sd |", coupling)
		for i, c := range columns {
			digits := 3
			if i == 0 {
				digits = 4
			}
			m, sd := spread(c)
			line += fmt.Sprintf(" %.*f ± %.*f |", digits, m, digits, sd)
		}
		fmt.Println(line)
	}
}

// once trains one seed and returns the loss, then W2 by number of steps.
func once(coupling string, seed uint64) ([]float64, error) {
	ctx := context.Background()
	r, err := recipe.Preset("post")
	if err != nil {
		return nil, err
	}
	r.Data.Name, r.Coupling.Name, r.Train.Seed = "moons-sklearn", coupling, seed
	material, err := recipe.BuiltIn(r)
	if err != nil {
		return nil, err
	}
	plan, err := r.Compose(material)
	if err != nil {
		return nil, err
	}
	t, err := plan.Trainer(train.Options{})
	if err != nil {
		return nil, err
	}
	if err := t.Fit(ctx); err != nil {
		return nil, err
	}
	m, err := plan.Model(slices.Clone(t.Best()), nil)
	if err != nil {
		return nil, err
	}
	key := rng.New(seed).Split("judge")
	data := flow.NewSample(plan.Judge, 2000)
	if err := plan.Judge.Draw(data, key.Split("data"), 0); err != nil {
		return nil, err
	}
	out := []float64{t.Loss(100)}
	for _, nfe := range nfes {
		c := solve.Defaults()
		c.NFE = nfe
		x, _, err := sample.Draw(ctx, m, sample.Config{N: 2000, Seed: key.Split("noise"), Solve: c})
		if err != nil {
			return nil, err
		}
		w, err := metric.W2(tensor.Convert[float32](x), data.X)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

func spread(v []float64) (mean, sd float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		sd += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(sd / float64(max(1, len(v)-1)))
}
