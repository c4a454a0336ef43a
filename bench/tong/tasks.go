package main

import (
	"fmt"
	"math"
	"sync"

	"laminar/data"
	"laminar/flow"
	"laminar/metric"
	"laminar/rng"
	"laminar/tensor"
)

// The split of every set: rows to train on, to choose the checkpoint by, and to
// judge by.
const (
	trainRows = 10_000
	validRows = 1_000
	testRows  = 1_000
	allRows   = trainRows + validRows + testRows
)

// Task is one transport problem of the table.
type Task struct {
	Name string
	// source is nil for N(0, I).
	source, target func(key rng.Key) (tensor.Mat, error)
	// perEpoch is the number of steps in one pass over the training rows.
	perEpoch int
}

var tasks = []Task{
	{Name: "N-8gaussians", target: ring(5, 1), perEpoch: 20},
	{Name: "moons-8gaussians", source: wideMoons, target: ring(12, 1.5), perEpoch: 19},
	{Name: "N-moons", target: narrowMoons, perEpoch: 20},
	{Name: "N-scurve", target: scurve, perEpoch: 20},
}

// ring is eight Gaussians, as many rows of each, in the order of a random split.
func ring(radius, std float64) func(rng.Key) (tensor.Mat, error) {
	return func(key rng.Key) (tensor.Mat, error) {
		x, order, s := tensor.New(allRows, 2), make([]int32, allRows), key.Split("noise").Stream()
		shuffle := key.Split("order").Stream()
		shuffle.Perm(order)
		for i := range allRows {
			sin, cos := math.Sincos(2 * math.Pi * float64(i%8) / 8)
			p := x.Row(int(order[i]))
			p[0] = float32(radius*cos + std*s.NormFloat64())
			p[1] = float32(radius*sin + std*s.NormFloat64())
		}
		return x, nil
	}
}

// draw is one draw of all rows.
func draw(d flow.Dataset, key rng.Key) (tensor.Mat, error) {
	s := flow.NewSample(d, allRows)
	return s.X, d.Draw(s, key, 0)
}

// narrowMoons is scikit-learn's make_moons(noise=0.05) by 2, moved left by 1.
func narrowMoons(key rng.Key) (tensor.Mat, error) {
	x, err := draw(data.SklearnMoons(0.05), key)
	for i := range x.N {
		p := x.Row(i)
		p[0], p[1] = 2*p[0]-1, 2*p[1]
	}
	return x, err
}

// wideMoons is make_moons(noise=0.1) less its overall mean, over its overall
// standard deviation, by 7.
func wideMoons(key rng.Key) (tensor.Mat, error) {
	x, err := draw(data.SklearnMoons(0.1), key)
	if err != nil {
		return x, err
	}
	mean, square := 0.0, 0.0
	for _, v := range x.Data {
		mean += float64(v) / float64(len(x.Data))
	}
	for _, v := range x.Data {
		square += (float64(v) - mean) * (float64(v) - mean) / float64(len(x.Data)-1)
	}
	for i, v := range x.Data {
		x.Data[i] = float32(7 * (float64(v) - mean) / math.Sqrt(square))
	}
	return x, nil
}

// scurve is the first and third coordinate of make_s_curve(noise=0.05) by 1.5.
func scurve(key rng.Key) (tensor.Mat, error) {
	x, err := draw(data.Toy{Shape: data.SCurve{Noise: 0.05}}, key)
	for i := range x.Data {
		x.Data[i] *= 1.5
	}
	return x, err
}

// Set is a task's rows under one seed.
type Set struct {
	Task
	// X0 holds the source's rows: for N(0, I), fresh ones.
	X0, X1 tensor.Mat
	// reference is the squared distance of the training rows' ends, found once:
	// of n points it is somewhat too large, by about 1 % of the least of the four.
	reference func() (float64, error)
}

func part(x tensor.Mat, name string) tensor.Mat {
	switch name {
	case "train":
		return x.Rows(0, trainRows)
	case "valid":
		return x.Rows(trainRows, trainRows+validRows)
	}
	return x.Rows(trainRows+validRows, allRows)
}

// load draws a task's rows.
func (t Task) load(seed uint64) (Set, error) {
	key := rng.New(seed).Split(t.Name)
	x1, err := t.target(key.Split("target"))
	if err != nil {
		return Set{}, err
	}
	source := t.source
	if source == nil {
		source = func(key rng.Key) (tensor.Mat, error) { return draw(data.Noise(2), key) }
	}
	x0, err := source(key.Split("source"))
	s := Set{Task: t, X0: x0, X1: x1}
	s.reference = sync.OnceValues(func() (float64, error) {
		d, err := metric.W2(part(x0, "train"), part(x1, "train"))
		return d * d, err
	})
	return s, err
}

// source is where training draws x0 from: fresh noise, or the source's rows of
// the named part.
func (s Set) sourceOf(name string) (data.RowSource, error) {
	if s.source == nil {
		return data.Noise(2), nil
	}
	return stored(part(s.X0, name))
}

func stored(x tensor.Mat) (*data.Stored, error) {
	return data.NewStored(x, flow.Cond{}, flow.CondSpec{}, nil)
}

func taskNamed(name string) (Task, error) {
	for _, t := range tasks {
		if t.Name == name {
			return t, nil
		}
	}
	return Task{}, fmt.Errorf("no task is called %q", name)
}
