// Command quality measures how good the models of a preset are: several
// training seeds, each judged by W2 against fresh data over many pairs of
// draws, as a ratio to the same distance between two draws of the data.
//
//	go run ./bench/quality                            # the gate
//	go run ./bench/quality -data moons -steps 1000,4000,16000   # a curve
//
// The gate holds the upper end of each 95 % interval to a bound. The interval is
// a bootstrap over training seeds and pairs together, so that both the luck of a
// training and the luck of a draw are in it.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"laminar/flow"
	"laminar/internal/cputime"
	"laminar/metric"
	"laminar/model"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
	"laminar/train"
)

// bounds are the gate's: the upper end of the interval of W2's ratio to the
// floor, by number of Euler steps, for the data set moons.
var bounds = map[int]float64{100: 1.15, 4: 1.25, 1: 1.55}

func main() {
	preset := flag.String("preset", "default", "preset to train")
	names := flag.String("data", "moons", "data sets, separated by commas")
	seeds := flag.Int("seeds", 3, "training seeds")
	pairs := flag.Int("pairs", 200, "pairs of draws in all")
	n := flag.Int("n", 2000, "points on each side of a distance")
	nfes := flag.String("nfe", "1,4,100", "numbers of Euler steps")
	steps := flag.String("steps", "", "training steps, separated by commas; empty is the preset's")
	set := flag.String("set", "", "recipe fields to override, as JSON")
	flag.Parse()
	failed := false
	for _, data := range strings.Split(*names, ",") {
		for _, s := range strings.Split(*steps, ",") {
			r, err := configure(*preset, data, s, *set)
			if err == nil {
				var ok bool
				ok, err = judge(r, *seeds, *pairs, *n, ints(*nfes))
				failed = failed || !ok
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, "quality:", err)
				os.Exit(1)
			}
		}
	}
	if failed {
		fmt.Println("the gate is not met")
		os.Exit(1)
	}
}

func ints(list string) (out []int) {
	for _, s := range strings.Split(list, ",") {
		if v, err := strconv.Atoi(s); err == nil {
			out = append(out, v)
		}
	}
	return out
}

func configure(preset, data, steps, set string) (recipe.Recipe, error) {
	r, err := recipe.Preset(preset)
	if err != nil {
		return r, err
	}
	if set != "" {
		if r, err = recipe.Decode([]byte(`{"preset":"` + preset + `","data":{"name":"` + data + `"},` + strings.TrimPrefix(strings.TrimSpace(set), "{"))); err != nil {
			return r, err
		}
	}
	r.Data.Name = data
	if steps != "" {
		if r.Train.Steps, err = strconv.Atoi(steps); err != nil {
			return r, err
		}
	}
	return r, r.Validate()
}

// judge trains and measures, prints a line for each number of steps, and
// reports whether the bounds are met where there are any.
func judge(r recipe.Recipe, seeds, pairs, n int, nfes []int) (bool, error) {
	ctx := context.Background()
	var models []*model.Model
	var plan *recipe.Plan
	var loss, wall, cpu float64
	for seed := range seeds {
		r.Train.Seed = uint64(seed)
		m, err := recipe.BuiltIn(r)
		if err != nil {
			return false, err
		}
		if plan, err = r.Compose(m); err != nil {
			return false, err
		}
		t, err := plan.Trainer(train.Options{})
		if err != nil {
			return false, err
		}
		start, used := time.Now(), cputime.Used()
		if err := t.Fit(ctx); err != nil {
			return false, err
		}
		wall += time.Since(start).Seconds() / float64(seeds)
		cpu += (cputime.Used() - used).Seconds() / float64(seeds)
		loss += t.Loss(100) / float64(seeds)
		trained, err := plan.Model(slices.Clone(t.Best()), nil)
		if err != nil {
			return false, err
		}
		models = append(models, trained)
	}
	fmt.Printf("%s  %s  %d steps of %d, %d seeds: %.1f s wall, %.1f core-seconds on %d cores, loss %.4f\n",
		r.Data.Name, r.Preset, r.Train.Steps, r.Train.Batch, seeds, wall, cpu, runtime.GOMAXPROCS(0), loss)

	key := rng.New(12345)
	draw := func(k rng.Key) (tensor.Mat, error) {
		s := flow.NewSample(plan.Judge, n)
		return s.X, plan.Judge.Draw(s, k, 0)
	}
	floor := make([]float64, pairs)
	values := map[int][][]float64{} // by NFE and seed
	each := (pairs + seeds - 1) / seeds
	for _, nfe := range nfes {
		values[nfe] = make([][]float64, seeds)
	}
	type result struct {
		i     int
		floor float64
		w2    []float64
		err   error
	}
	results := make(chan result)
	next := make(chan int, pairs)
	for i := range pairs {
		next <- i
	}
	close(next)
	for range runtime.GOMAXPROCS(0) {
		go func() {
			for i := range next {
				res := result{i: i}
				k := key.At(uint64(i))
				x, err := draw(k.Split("x"))
				y, err2 := draw(k.Split("y"))
				if res.err = first(err, err2); res.err == nil {
					res.floor, res.err = metric.W2(x, y)
				}
				for _, nfe := range nfes {
					if res.err != nil {
						break
					}
					c := solve.Defaults()
					c.NFE = nfe
					var z tensor.Matrix[float64]
					z, _, res.err = sample.Draw(ctx, models[i/each], sample.Config{N: n, Seed: k.Split("z"), Solve: c, Workers: 1})
					if res.err == nil {
						var w float64
						w, res.err = metric.W2(tensor.Convert[float32](z), x)
						res.w2 = append(res.w2, w)
					}
				}
				results <- res
			}
		}()
	}
	per := make([][]float64, pairs)
	for range pairs {
		res := <-results
		if res.err != nil {
			return false, res.err
		}
		floor[res.i], per[res.i] = res.floor, res.w2
	}
	for i := range pairs {
		for j, nfe := range nfes {
			values[nfe][i/each] = append(values[nfe][i/each], per[i][j])
		}
	}
	fmt.Printf("  floor %.4f\n", mean(floor))
	ok := true
	for _, nfe := range nfes {
		lo, hi := interval(values[nfe], floor, key.Split("bootstrap"))
		ratio := mean(slices.Concat(values[nfe]...)) / mean(floor)
		line := fmt.Sprintf("  NFE %3d  W2 %.4f  x floor %.3f  [%.3f, %.3f]", nfe, mean(slices.Concat(values[nfe]...)), ratio, lo, hi)
		if b, has := bounds[nfe]; has && r.Data.Name == "moons" && r.Preset == "default" {
			verdict := "met"
			if hi >= b {
				verdict, ok = "NOT MET", false
			}
			line += fmt.Sprintf("  bound %.2f: %s", b, verdict)
		}
		fmt.Println(line)
	}
	return ok, nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func mean(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s / float64(len(v))
}

// interval is the 95 % bootstrap interval of the ratio of means, resampling
// pairs within each seed and the floor's pairs.
func interval(bySeed [][]float64, floor []float64, key rng.Key) (lo, hi float64) {
	s := key.Stream()
	ratios := make([]float64, 4000)
	for b := range ratios {
		sum, count := 0.0, 0
		for _, v := range bySeed {
			for range v {
				sum += v[s.IntN(len(v))]
				count++
			}
		}
		below := 0.0
		for range floor {
			below += floor[s.IntN(len(floor))] / float64(len(floor))
		}
		ratios[b] = sum / float64(count) / below
	}
	slices.Sort(ratios)
	at := func(q float64) float64 { return ratios[int(math.Round(q*float64(len(ratios)-1)))] }
	return at(0.025), at(0.975)
}
