package run_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"laminar/flow"
	"laminar/metric"
	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
)

// cells is a file of points of the plane that drift and bend: about (0, 0),
// (4, 0), (4, 4), (0, 4) at the days 2, 3, 4 and 6.
func cells(t testing.TB) string {
	t.Helper()
	var text bytes.Buffer
	text.WriteString("day,x,y\n")
	s := rng.New(3).Stream()
	for range 60 {
		for k, day := range []int{2, 3, 4, 6} {
			at := [][2]float64{{0, 0}, {4, 0}, {4, 4}, {0, 4}}[k]
			fmt.Fprintf(&text, "%d,%v,%v\n", day, at[0]+0.3*s.NormFloat64(), at[1]+0.3*s.NormFloat64())
		}
	}
	return write(t, text.Bytes(), t.TempDir(), "cells.csv")
}

func timed(t testing.TB, file string) recipe.Recipe {
	r := small(t, file)
	r.Data.TimeColumn = "day"
	return r
}

// A model of rows with times carries each time to the next, and says how well.
func TestTimes(t *testing.T) {
	file := cells(t)
	r := timed(t, file)
	r.Data.LeaveOut = []float64{3}
	r.Network.Width, r.Train.Steps = 32, 900
	dir := t.TempDir()
	res := carryOut(t, r, run.Options{Dir: dir})
	s := load(t, dir)
	if !slices.Equal(s.Times, []float64{2, 4, 6}) || s.Source == nil || s.Source.Len() != 54 {
		t.Fatalf("times %v, source %v", s.Times, s.Source)
	}
	for time, want := range map[float64]float64{2: 0, 3: 0.25, 4: 0.5, 6: 1} {
		if got, err := s.Place(time); got != want || err != nil {
			t.Errorf("time %v stands at %v, want %v; %v", time, got, want, err)
		}
	}
	if _, err := s.Place(6.5); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("a time beyond the last: %v", err)
	}
	o := run.EvalDefaults()
	o.N, o.Pairs, o.Fine, o.Paths, o.Triples, o.Queries = 50, 3, 60, 50, 2000, 200
	o.Settings = []metric.Setting{{Solver: "euler", NFE: 20}}
	rep, err := run.Evaluate(context.Background(), s, res.Plan, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Marginals) != 3 {
		t.Fatalf("%+v", rep.Marginals)
	}
	for k, m := range rep.Marginals {
		if m.LeftOut != (k == 0) || m.N != 60 {
			t.Errorf("%+v", m)
		}
		// The left-out time stands off the way from 2 to 4: a flow that has not seen
		// it neither finds it nor knows where its points go.
		if k > 1 && float64(m.W1) > 0.35*float64(m.Still) {
			t.Errorf("from %v to %v: W1 %v, of points that stand still %v", m.From, m.Time, m.W1, m.Still)
		}
	}
	if w := float64(rep.Rows[0].W2Ratio); w > 2.5 {
		t.Errorf("samples of the last time are %v floors away", w)
	}
	var text bytes.Buffer
	if err := rep.WriteText(&text); err != nil || !bytes.Contains(text.Bytes(), []byte("3 (left out)")) {
		t.Errorf("%v in\n%s", err, &text)
	}
	// Another file is judged by its rows of the last time.
	plan, err := s.Plan(t.Context(), file, nil)
	if err != nil || plan.Judge.Len() != 60 {
		t.Errorf("judged by %v, %v", plan, err)
	}
}

func TestReadRowsAt(t *testing.T) {
	file := cells(t)
	dir := t.TempDir()
	carryOut(t, timed(t, file), run.Options{Dir: dir})
	s := load(t, dir)
	rows, err := s.ReadRowsAt(file, 4)
	if err != nil || rows.X.N != 60 || rows.X.D != 2 || len(rows.Notes) != 1 {
		t.Fatalf("%d rows of %d, notes %q, %v", rows.X.N, rows.X.D, rows.Notes, err)
	}
	for i := range rows.X.N {
		if x := rows.X.Row(i); x[0] < 2 || x[1] < 2 {
			t.Fatalf("row %d, %v, is not of time 4", i, x)
		}
	}
	if _, err := s.ReadRowsAt(file, 5); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("a time without rows: %v", err)
	}
	bare := write(t, []byte("y,x\n1,2\n3,4\n"), t.TempDir(), "bare.csv")
	if rows, err = s.ReadRowsAt(bare, 4); err != nil || !slices.Equal(rows.X.Data, []float64{2, 1, 4, 3}) {
		t.Errorf("rows without times: %v, %v", rows.X, err)
	}
}

func TestTimesResume(t *testing.T) {
	r := timed(t, cells(t))
	whole := filepath.Join(t.TempDir(), "whole")
	carryOut(t, r, run.Options{Dir: whole})
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	_, err := run.Train(ctx, r, run.Options{Dir: dir, Threads: 1, Watch: func(p run.Progress) {
		if p.Step == 47 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	carryOut(t, r, run.Options{Dir: dir, Resume: true})
	same(t, "interrupted at step 47", whole, dir)
	r.Data.LeaveOut = []float64{3}
	if _, err := run.Train(context.Background(), r, run.Options{Dir: dir, Resume: true}); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("resumed without a time: %v", err)
	}
}
