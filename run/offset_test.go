package run

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"laminar/metric"
	"laminar/recipe"
	"laminar/rng"
)

// Numbers around a thousand million are told apart: float32 alone would round
// every one of them to the same few values.
func TestEvaluationFarFromZero(t *testing.T) {
	if testing.Short() {
		t.Skip("long under the race detector; other tests start the same goroutines")
	}
	dir := t.TempDir()
	write := func(name string, offset float64) string {
		var b bytes.Buffer
		fmt.Fprintln(&b, "x,y")
		s := rng.New(1).Stream()
		for range 400 {
			fmt.Fprintf(&b, "%.17g,%.17g\n", offset+s.NormFloat64(), offset+s.NormFloat64())
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var floors [2]float64
	for i, file := range []string{write("near.csv", 0), write("far.csv", 1e9)} {
		r, err := recipe.Preset("post")
		if err != nil {
			t.Fatal(err)
		}
		r.Data.Name, r.Data.Standardise, r.Data.HeldOut, r.Train.Steps = file, true, 0.3, 300
		res, err := Train(context.Background(), r, Options{Dir: filepath.Join(dir, fmt.Sprint(i))})
		if err != nil {
			t.Fatal(err)
		}
		o := EvalDefaults()
		o.Triples, o.Queries = 2000, 200
		o.Settings = []metric.Setting{{Solver: "euler", NFE: 8}}
		rep, err := Evaluate(context.Background(), res.Saved, res.Plan, o)
		if err != nil {
			t.Fatal(err)
		}
		floors[i] = float64(rep.Floor.W2)
		if ratio := float64(rep.Rows[0].W2Ratio); !(ratio > 0.5 && ratio < 2) {
			t.Errorf("%s: W2 is %v times the floor", file, ratio)
		}
	}
	if d := floors[1] - floors[0]; !(d < 1e-3 && d > -1e-3) {
		t.Errorf("the floor is %v near zero and %v far away", floors[0], floors[1])
	}
}
