package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"laminar/data/table"
	"laminar/judge"
	"laminar/nn"
	"laminar/rng"
	"laminar/sample"
	"laminar/tensor"
)

// skewed is a table of two numbers that go along with each other and a choice of
// which one option is rare.
func skewed(n int) string {
	noise := rng.New(2).Stream()
	return csvText("x,y,c", n, func(int) string {
		a, b := noise.NormFloat64(), noise.NormFloat64()
		return fmt.Sprintf("%.4f,%.4f,%s", math.Exp(a), a+0.3*b, []string{"a", "b", "c"}[min(noise.IntN(20)/9, 2)])
	})
}

// A training that is stopped while the columns are calibrated has only that left to
// do, with the bits of one that was not stopped; and the columns become what those
// of the data are.
func TestCalibration(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "skewed.csv")
	r := tableRecipe(t, file, skewed(5000))
	r.Network.Width, r.Network.Depth, r.Train.Batch, r.Train.Steps = 16, 1, 8192, 100
	whole, err := Train(context.Background(), r, Options{Dir: filepath.Join(dir, "whole"), Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	o := Options{Dir: filepath.Join(dir, "parts"), Threads: 2, Notify: func(line string) {
		if strings.HasPrefix(line, "calibrating") {
			stop()
		}
	}}
	if _, err := Train(ctx, r, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	before, err := Load(o.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if before.Finished || before.Form.(tableForm).Bent() || before.Steps != 100 {
		t.Errorf("stopped in calibration: finished %v, bent %v, %d steps", before.Finished, before.Form.(tableForm).Bent(), before.Steps)
	}
	o.Notify, o.Resume = nil, true
	if _, err := Train(context.Background(), r, o); err != nil {
		t.Fatal(err)
	}
	after, err := Load(o.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if !after.Finished || !slices.Equal(after.Model.Params, whole.Saved.Model.Params) {
		t.Errorf("finished %v; equal weights %v", after.Finished, slices.Equal(after.Model.Params, whole.Saved.Model.Params))
	}
	if a, b := formText(t, after), formText(t, whole.Saved); a != b {
		t.Errorf("forms differ:\n%.200s\n%.200s", a, b)
	}
	if slices.Equal(after.Model.Params, before.Model.Params) {
		t.Error("no log-odds are shifted")
	}

	// A model that draws values aside and an option too seldom is mended.
	tr := before.Form.(tableForm).Transform
	at, ok := nn.AnswerBias(before.Model.Program.Layout(nn.Group), tr.Dim())
	if !ok {
		t.Fatal("no bias of the answer")
	}
	by := make([]float64, tr.Dim())
	for _, b := range tr.Blocks() {
		if b.Role == table.Value {
			by[b.Offset] = 0.3
		} else {
			by[b.Offset+1] = -1
		}
	}
	if before.Model, err = biasedBy(before.Model, at, by); err != nil {
		t.Fatal(err)
	}
	rows := rawRows(whole.Plan.Train)
	real, err := rows.Values(5000, rng.New(0))
	if err != nil {
		t.Fatal(err)
	}
	was := shapes(t, before, real)
	if err := before.calibrate(context.Background(), tr, rows, 4096, Options{}); err != nil {
		t.Fatal(err)
	}
	for j, is := range shapes(t, before, real) {
		if was[j] < 0.08 || is > 0.025 {
			t.Errorf("column %d: a Shape error of %.4f before, %.4f after", j, was[j], is)
		}
	}
	// Resuming what is complete changes nothing.
	again, err := Train(context.Background(), r, o)
	if err != nil || !slices.Equal(again.Saved.Model.Params, after.Model.Params) {
		t.Errorf("resumed once more: %v", err)
	}
}

func formText(t *testing.T, s *Saved) string {
	t.Helper()
	b, err := json.Marshal(s.Form)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// shapes are the Shape errors of 4000 drawn rows, column by column.
func shapes(t *testing.T, s *Saved, real tensor.Matrix[float64]) []float64 {
	t.Helper()
	rows, _, err := s.drawCells(context.Background(), sample.Config{N: 4000, Seed: rng.New(9), Solve: s.Solve()})
	if err != nil {
		t.Fatal(err)
	}
	schema := s.Form.(tableForm).Schema()
	out, err := judge.Shape(schema, real, rows)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A table of very many coordinates is left as it is, and the user is told.
func TestWideTablesAreNotCalibrated(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "wide.csv")
	r := tableRecipe(t, file, csvText("a,b,c,d,e,f,g,h,i", fewRows, func(i int) string {
		cells := make([]string, 9)
		for j := range cells {
			cells[j] = fmt.Sprintf("l%d", (i+17*j)%120)
		}
		return strings.Join(cells, ",")
	}))
	r.Network.Width, r.Network.Depth, r.Train.Batch, r.Train.Steps = 4, 1, 8, 2
	var notes []string
	o := Options{Dir: filepath.Join(dir, "run"), Notify: func(line string) { notes = append(notes, line) }}
	if _, err := Train(context.Background(), r, o); err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(notes, "\n"); !strings.Contains(all, "the columns are not calibrated: of 1080 coordinates, more than 1024, too few rows can be drawn to tell") {
		t.Errorf("notes %s", all)
	}
}
