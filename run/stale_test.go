package run_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"laminar/metric"
	"laminar/run"
)

// A run that goes on leaves no evaluation of the model that it was.
func TestMoreStepsDropTheEvaluation(t *testing.T) {
	dir := t.TempDir()
	r := small(t, "moons")
	carryOut(t, r, run.Options{Dir: dir})
	path := write(t, []byte("{}"), dir, run.EvalFile)
	carryOut(t, r, run.Options{Dir: dir, Resume: true})
	if _, err := os.Stat(path); err != nil {
		t.Errorf("a finished run lost its evaluation: %v", err)
	}
	r.Train.Steps += 10
	carryOut(t, r, run.Options{Dir: dir, Resume: true})
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the evaluation of fewer steps is still there: %v", err)
	}
}

// Distances that are all zero, as of data whose rows are all equal, leave out
// the picture on logarithmic axes and no other.
func TestIllustrateWithoutDistances(t *testing.T) {
	dir := t.TempDir()
	res := carryOut(t, small(t, "moons"), run.Options{Dir: dir})
	rep := metric.Report{Kind: "points", Rows: []metric.Row{{Solver: "euler", NFE: 1}}}
	if _, err := run.Illustrate(context.Background(), dir, res.Saved, res.Plan, &rep); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "quality.png")); !os.IsNotExist(err) {
		t.Errorf("quality.png was drawn from nothing: %v", err)
	}
	for _, name := range []string{"samples.png", run.EvalFile, run.ReportFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// Pictures stop with the context, and none is written.
func TestIllustrateStops(t *testing.T) {
	dir := t.TempDir()
	res := carryOut(t, small(t, "moons"), run.Options{Dir: dir})
	ctx, stop := context.WithCancel(context.Background())
	stop()
	files, err := run.Illustrate(ctx, dir, res.Saved, res.Plan, nil)
	if !errors.Is(err, context.Canceled) || len(files) > 0 {
		t.Errorf("wrote %v, %v", files, err)
	}
}
