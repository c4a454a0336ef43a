package main

import (
	"context"

	"laminar/rng"
	"laminar/tensor"

	"laminar/data/table"
)

// generator learns from training rows and draws sets of n rows each.
type generator func(ctx context.Context, s *table.Schema, train matrix, n, sets int, key rng.Key) ([]matrix, error)

// generators is the catalogue.
var generators = map[string]generator{
	"oracle":    oracle,
	"bootstrap": bootstrap,
	"shuffle":   shuffle,
	"laminar":   laminar,
}

// oracle answers with the training rows themselves.
func oracle(_ context.Context, _ *table.Schema, train matrix, n, sets int, key rng.Key) ([]matrix, error) {
	out := make([]matrix, sets)
	for k := range out {
		rows := make([]int, n)
		for i := range rows {
			rows[i] = i % train.N
		}
		out[k] = pick(train, rows)
	}
	return out, nil
}

// bootstrap draws training rows with replacement.
func bootstrap(_ context.Context, _ *table.Schema, train matrix, n, sets int, key rng.Key) ([]matrix, error) {
	out := make([]matrix, sets)
	for k := range out {
		s := key.At(uint64(k)).Stream()
		rows := make([]int, n)
		for i := range rows {
			rows[i] = s.IntN(train.N)
		}
		out[k] = pick(train, rows)
	}
	return out, nil
}

// shuffle draws every column by itself: no dependence is kept.
func shuffle(_ context.Context, _ *table.Schema, train matrix, n, sets int, key rng.Key) ([]matrix, error) {
	out := make([]matrix, sets)
	for k := range out {
		out[k] = tensor.NewOf[float64](n, train.D)
		for j := range train.D {
			s := key.At(uint64(k)).At(uint64(j)).Stream()
			for i := range n {
				out[k].Row(i)[j] = train.At(s.IntN(train.N), j)
			}
		}
	}
	return out, nil
}
