package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// TestTasks holds the generators to the moments of scikit-learn 1.2's make_moons
// and make_s_curve and of eight Gaussians, over 200,000 points, transformed as
// the protocol says.
func TestTasks(t *testing.T) {
	for _, c := range []struct {
		task   string
		mean   [2]float64
		std    [2]float64
		source bool
	}{
		{task: "N-8gaussians", std: [2]float64{3.674, 3.674}},
		{task: "moons-8gaussians", std: [2]float64{8.617, 8.617}},
		{task: "moons-8gaussians", source: true, mean: [2]float64{1.209, -1.209}, std: [2]float64{8.440, 4.883}},
		{task: "N-moons", mean: [2]float64{0, 0.5}, std: [2]float64{1.735, 0.994}},
		{task: "N-scurve", std: [2]float64{1.062, 2.084}},
	} {
		task, err := taskNamed(c.task)
		if err != nil {
			t.Fatal(err)
		}
		s, err := task.load(7)
		if err != nil {
			t.Fatal(err)
		}
		x := s.X1
		if c.source {
			x = s.X0
		}
		if x.N != allRows {
			t.Errorf("%s has %d rows", c.task, x.N)
		}
		for j := range 2 {
			mean, std := moments(x, j)
			// Five standard errors of 12,000 rows.
			if e := 5 * c.std[j] / math.Sqrt(allRows); math.Abs(mean-c.mean[j]) > e || math.Abs(std-c.std[j]) > e {
				t.Errorf("%s, source %v, column %d: mean %.3f, standard deviation %.3f; want %.3f, %.3f", c.task, c.source, j, mean, std, c.mean[j], c.std[j])
			}
		}
		// The parts are alike: rows are in no order.
		for _, name := range []string{"valid", "test"} {
			for j := range 2 {
				mean, _ := moments(part(x, name), j)
				if e := 5 * c.std[j] / math.Sqrt(validRows); math.Abs(mean-c.mean[j]) > e {
					t.Errorf("%s, %s, column %d: mean %.3f, want %.3f", c.task, name, j, mean, c.mean[j])
				}
			}
		}
	}
}

func moments(x tensor.Mat, j int) (mean, std float64) {
	for i := range x.N {
		mean += float64(x.At(i, j)) / float64(x.N)
	}
	for i := range x.N {
		std += (float64(x.At(i, j)) - mean) * (float64(x.At(i, j)) - mean) / float64(x.N)
	}
	return mean, math.Sqrt(std)
}

func TestEnergy(t *testing.T) {
	// A point that goes 3 in the first of two steps and 4 in the second: speeds
	// 6 and 8, mean square 50.
	places := []tensor.Mat{tensor.New(1, 2), tensor.New(1, 2), tensor.New(1, 2)}
	places[1].Data[0] = 3
	copy(places[2].Data, []float32{3, 4})
	if got := energy(places); math.Abs(got-50) > 1e-9 {
		t.Errorf("energy %v, want 50", got)
	}
}

func TestJoinedPairs(t *testing.T) {
	rows := tensor.New(3, 4)
	for i := range rows.Data {
		rows.Data[i] = float32(i)
	}
	set, err := stored(rows)
	if err != nil {
		t.Fatal(err)
	}
	b := flow.NewBatch(3, 2, flow.CondSpec{})
	if err := (joinedPairs{set}).Fill(&b, rng.New(1), 0); err != nil {
		t.Fatal(err)
	}
	for r := range 3 {
		if b.X1.At(r, 0) != b.X0.At(r, 0)+2 || b.X1.At(r, 1) != b.X0.At(r, 1)+2 {
			t.Errorf("row %d: %v with %v, want the halves of one row", r, b.X0.Row(r), b.X1.Row(r))
		}
	}
}

func TestJudge(t *testing.T) {
	f := figures{mean: 1, low: 0.876, n: 5}
	for _, c := range []struct {
		a, b interval
		want Verdict
	}{
		{interval{0.9, 1.1}, interval{}, held},
		{interval{1.5, 2}, interval{}, held}, // better
		{interval{0.5, 0.8}, interval{0.9, 1.05}, held},
		{interval{0.5, 0.95}, interval{}, spreadOnly},
		{interval{0.5, 0.87}, interval{}, missed},
		{interval{}, interval{}, none},
	} {
		if got := judge(f, c.a, c.b); got != c.want {
			t.Errorf("judge(%v, %v) = %q, want %q", c.a, c.b, got, c.want)
		}
	}
}

// TestKeep: finished cells are read back, those of another protocol are not.
func TestKeep(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deep", "cells.json")
	cells := []Cell{{Protocol: protocol, Task: "N-moons", Method: "FM", Seed: 3, W2: []float64{1, 2}}, {Protocol: protocol - 1}}
	if err := store(file, cells); err != nil {
		t.Fatal(err)
	}
	got, err := load(file)
	if err != nil || len(got) != 1 || got[0].Method != "FM" || got[0].W2[1] != 2 {
		t.Errorf("load: %v, %v", got, err)
	}
	task, _ := taskNamed("N-moons")
	if !has(got, task, Method{Name: "FM"}, 3) || has(got, task, Method{Name: "FM"}, 4) {
		t.Error("has does not tell the seeds apart")
	}
}

// TestDocument: the table in the document is that of the cells kept beside it.
func TestDocument(t *testing.T) {
	cells, err := load("cells.json")
	if err != nil || len(cells) == 0 {
		t.Fatalf("%d cells, %v", len(cells), err)
	}
	text, err := os.ReadFile("../../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), beginMark)
	table, _, found := strings.Cut(rest, endMark)
	if !found || table != markdown(cells) {
		t.Error("docs/benchmarks.md does not hold the table of cells.json: go run ./bench/tong -cells - -keep bench/tong/cells.json -write docs/benchmarks.md")
	}
}

func TestReplace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.md")
	if err := os.WriteFile(file, []byte("a\n"+beginMark+"old\n"+endMark+"b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := replace(file, "new\n"); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(file)
	if want := "a\n" + beginMark + "new\n" + endMark + "b\n"; string(b) != want {
		t.Errorf("%q, want %q", b, want)
	}
}

// TestCell measures a whole cell, of a task and protocol made small.
func TestCell(t *testing.T) {
	task, err := taskNamed("N-moons")
	if err != nil {
		t.Fatal(err)
	}
	s, err := task.load(42)
	if err != nil {
		t.Fatal(err)
	}
	s.perEpoch = 1 // 1000 steps
	ctx := context.Background()
	m, err := methodNamed("I-CFM").train(ctx, s, 42, 0)
	if err != nil {
		t.Fatal(err)
	}
	places, err := carry(ctx, m, part(s.X0, "test"), 100)
	if err != nil {
		t.Fatal(err)
	}
	// Mean and spread of the target, which the noise does not have.
	for j, want := range []float64{1.735, 0.994} {
		if _, std := moments(places[100], j); math.Abs(std-want) > 0.25 {
			t.Errorf("column %d of the samples has standard deviation %.3f, want about %.3f", j, std, want)
		}
	}
}

func methodNamed(name string) Method {
	for _, m := range methods {
		if m.Name == name {
			return m
		}
	}
	panic(name)
}
