package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"laminar/flow"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
)

// A model conditioned on an angle, saved and loaded, draws points near that
// angle of a circle; the numbers of the condition are those of the file.
func TestRealConditionIsFollowed(t *testing.T) {
	if testing.Short() {
		t.Skip("long under the race detector; other tests start the same goroutines")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "circle.csv")
	var text bytes.Buffer
	fmt.Fprintln(&text, "angle,x,y")
	s := rng.New(1).Stream()
	for range 2000 {
		a := 2 * math.Pi * s.Float64()
		fmt.Fprintf(&text, "%g,%g,%g\n", 100*a, 50+10*math.Cos(a)+0.3*s.NormFloat64(), 10*math.Sin(a)+0.3*s.NormFloat64())
	}
	if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Preset("fast")
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name, r.Data.Conditions, r.Train.Steps = file, []string{"angle"}, 1500
	out := filepath.Join(dir, "run")
	if _, err := Train(context.Background(), r, Options{Dir: out}); err != nil {
		t.Fatal(err)
	}
	m, err := Load(out, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, angle := range []float64{math.Pi / 2, 4} {
		c := sample.Config{N: 200, Seed: rng.New(2), Solve: solve.Defaults()}
		if c.Cond.Real, err = m.Model.RealCond(c.N, map[string]float64{"angle": 100 * angle}); err != nil {
			t.Fatal(err)
		}
		x, _, err := sample.Draw(context.Background(), m.Model, c)
		if err != nil {
			t.Fatal(err)
		}
		var off float64
		for i := range x.N {
			off += math.Hypot(x.At(i, 0)-50-10*math.Cos(angle), x.At(i, 1)-10*math.Sin(angle)) / float64(x.N)
		}
		if off > 2 {
			t.Errorf("at angle %.2f samples lie %.2f away on average, want below 2", angle, off)
		}
	}
	for _, bad := range []map[string]float64{nil, {"angle": math.NaN()}, {"angle": 1, "size": 2}} {
		if _, err := m.Model.RealCond(1, bad); !errors.Is(err, flow.ErrConfig) {
			t.Errorf("%v: %v, want flow.ErrConfig", bad, err)
		}
	}
}
