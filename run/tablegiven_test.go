package run

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/tensor"
)

// trainTable trains on the text of a table in a folder of its own. change edits the
// recipe of the preset fast.
func trainTable(t testing.TB, name, text string, change func(*recipe.Recipe)) *Result {
	t.Helper()
	dir := t.TempDir()
	r := tableRecipe(t, filepath.Join(dir, name), text)
	r.Network.Width, r.Train.Batch, r.Train.Steps = 32, 64, 50
	if change != nil {
		change(&r)
	}
	res, err := Train(context.Background(), r, Options{Dir: filepath.Join(dir, "run")})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// tableRecipe is the preset fast for the text of a table, which it writes into file.
func tableRecipe(t testing.TB, file, text string) recipe.Recipe {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := recipe.PresetFor(recipe.Table, "fast")
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name = file
	return r
}

// The rows of a correlated Gaussian given one of its coordinates have the mean and
// the variance of the closed form: the noise is independent of what is observed, in
// training as in sampling.
func TestGivenGaussian(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for seconds")
	}
	const rows, rho = 20000, 0.8
	noise := rng.New(5).Stream()
	var text strings.Builder
	text.WriteString("x,y\n")
	var sx, sy, sxx, sxy, syy float64
	for range rows {
		x := noise.NormFloat64()
		y := rho*x + math.Sqrt(1-rho*rho)*noise.NormFloat64()
		sx, sy, sxx, sxy, syy = sx+x, sy+y, sxx+x*x, sxy+x*y, syy+y*y
		fmt.Fprintf(&text, "%.6f,%.6f\n", x, y)
	}
	mx, my := sx/rows, sy/rows
	slope := (sxy/rows - mx*my) / (sxx/rows - mx*mx)
	rest := syy/rows - my*my - slope*(sxy/rows-mx*my)
	res := trainTable(t, "gauss.csv", text.String(), func(r *recipe.Recipe) {
		r.Network.Width, r.Train.Batch, r.Train.Steps, r.Drop = 32, 512, 6000, 0.2
		r.Optim.Rate = 4e-3
		r.Data.HeldOut = 0
	})
	s := res.Saved
	points := tensor.NewOf[float64](200, 2)
	mean := 0.0
	for i := range points.N {
		x := noise.NormFloat64()
		y := rho*x + math.Sqrt(1-rho*rho)*noise.NormFloat64()
		points.Row(i)[0], points.Row(i)[1] = x, y
		mean -= (math.Log(2*math.Pi) + math.Log(1-rho*rho)/2 + (x*x-2*rho*x*y+y*y)/(2*(1-rho*rho))) / 200
	}
	d, err := s.TableLogProb(context.Background(), points, true, 0, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	got := 0.0
	for i, v := range d.LogP {
		got += v / 200
		// Given the rest, the second coordinate is normal about rho x.
		r := points.Row(i)[1] - rho*points.Row(i)[0]
		want := (math.Log(2*math.Pi) + math.Log(1-rho*rho) + r*r/(1-rho*rho)) / 2
		if have := d.Surprise.Row(i)[1]; math.Abs(have-want) > 0.15+0.05*want && math.Abs(points.Row(i)[0]) < 2 && math.Abs(points.Row(i)[1]) < 2 {
			t.Errorf("row %v: surprise %.3f, want %.3f", points.Row(i), have, want)
		}
	}
	if math.Abs(got-mean) > 0.03 {
		t.Errorf("mean log density %.4f, want %.4f", got, mean)
	}
	const n = 15000
	c := sample.Config{N: n, Seed: rng.New(3), Solve: s.Solve()}
	c.Solve.Method, c.Solve.NFE = "heun", 60
	pooled := 0.0
	for _, x := range []float64{-1, 0, 1} {
		given := tensor.NewOf[float64](n, 2)
		for i := range n {
			given.Row(i)[0] = x
		}
		out, _, err := s.drawGiven(context.Background(), c, given, []int{0})
		if err != nil {
			t.Fatal(err)
		}
		mean, square := 0.0, 0.0
		for i := range n {
			if out.Row(i)[0] != x {
				t.Fatalf("row %d has x = %v, want %v", i, out.Row(i)[0], x)
			}
			mean += out.Row(i)[1] / n
			square += out.Row(i)[1] * out.Row(i)[1] / n
		}
		variance := square - mean*mean
		want := my + slope*(x-mx)
		t.Logf("given %v: mean %.4f, want %.4f; variance %.4f, want %.4f", x, mean, want, variance, rest)
		pooled += variance / rest / 3
		// In units of the whole spread, which is 1.
		if math.Abs(mean-want) > 0.02 || math.Abs(variance/rest-1) > 0.04 {
			t.Errorf("given %v: mean %.4f, want %.4f; variance %.4f, want %.4f", x, mean, want, variance, rest)
		}
	}
	if math.Abs(pooled-1) > 0.02 {
		t.Errorf("the conditional variance is %.4f of the closed form's", pooled)
	}
}
