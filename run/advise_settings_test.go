package run

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"laminar/recipe"
)

// Where evaluations are many, one solver is tried: the first that can be.
func TestAdviceTriesTheFirstThatCan(t *testing.T) {
	r, err := recipe.Preset("fast")
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name, r.Train.Steps = "moons", 2
	res, err := Train(context.Background(), r, Options{Dir: filepath.Join(t.TempDir(), "run")})
	if err != nil {
		t.Fatal(err)
	}
	o := AdviseDefaults()
	o.Solvers, o.Grids, o.NFE = []string{"jump", "euler", "heun"}, []string{equalSteps}, []int{8, 24} // moons cannot jump
	for several, want := range map[int]int{16: 3, math.MaxInt: 4} {
		tried, err := o.settings(res.Saved, EvalOptions{}, 8, several)
		if err != nil || len(tried) != want || tried[1].Solver != "euler" || tried[1].NFE != 24 {
			t.Errorf("beyond %d: %v, %v", several, tried, err)
		}
	}
}
