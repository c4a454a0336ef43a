package run

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/model"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/tensor"
)

// A table of two columns of levels that depend on each other: rows come with the shares
// of the data, given one column with those of the other, and are scored by them. What
// fills a gap does not depend on which other rows have gaps.
func TestTableOfLevels(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for seconds")
	}
	const rows = 3000
	var text strings.Builder
	text.WriteString("a,b\n")
	noise := rng.New(5).Stream()
	shares := map[[2]float64]float64{}
	for range rows {
		a, b := 0, 0
		switch u := noise.Float64(); {
		case u > 0.8:
			a = 2
		case u > 0.5:
			a = 1
		}
		if noise.Float64() < []float64{0.05, 0.9, 0.8}[a] {
			b = 1
		}
		fmt.Fprintf(&text, "%s,%s\n", []string{"x", "y", "z"}[a], []string{"p", "q"}[b])
		shares[[2]float64{float64(a), float64(b)}] += 1.0 / rows
	}
	res := trainTable(t, "levels.csv", text.String(), func(r *recipe.Recipe) {
		r.Network.Width, r.Network.Depth, r.Train.Batch, r.Train.Steps, r.Drop = 32, 2, 256, 1200, 0.5
		r.Data.HeldOut = 0
	})
	s, err := Load(res.Path, "")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Model.Choices, res.Saved.Model.Choices) || len(s.Model.Choices) != 2 {
		t.Fatalf("choices %v, as trained %v", s.Model.Choices, res.Saved.Model.Choices)
	}
	if by := s.Recipe.Path.ChoicesBy; by != 1 || s.Model.Choices[0].By != by { // a table of nothing but levels
		t.Errorf("choices are made by %v, of the model by %v", by, s.Model.Choices[0].By)
	}
	levels := s.schemaOrder(t)
	key := func(row []float64) [2]float64 { return [2]float64{levels[0][int(row[0])], levels[1][int(row[1])]} }
	const n = 20000
	c := sample.Config{N: n, Seed: rng.New(3), Solve: s.Solve()}
	drawn, _, err := s.drawCells(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	count := map[[2]float64]float64{}
	for i := range n {
		count[key(drawn.Row(i))] += 1.0 / n
	}
	for k, want := range shares {
		if got := count[k]; math.Abs(got-want) > 0.02 {
			t.Errorf("cells %v have the share %.3f, in the data %.3f", k, got, want)
		}
	}
	d, err := s.TableLogProb(context.Background(), drawn.Rows(0, 50), false, 0, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range d.LogP {
		if want := math.Log(shares[key(drawn.Row(i))]); math.Abs(got-want) > 0.15 {
			t.Errorf("cells %v: log chance %.3f, in the data %.3f", key(drawn.Row(i)), got, want)
		}
	}
	gaps, found := drawn.Rows(0, 4000).Clone(), [2]float64{}
	for i := range gaps.N {
		if key(gaps.Row(i))[0] == 2 && i%2 == 0 {
			gaps.Row(i)[1] = math.NaN()
			found[0]++
		}
	}
	filled := gaps.Clone()
	if err := s.Impute(context.Background(), c, filled); err != nil {
		t.Fatal(err)
	}
	for i := range gaps.N {
		if math.IsNaN(gaps.Row(i)[1]) {
			found[1] += levels[1][int(filled.Row(i)[1])]
		}
	}
	want := shares[[2]float64{2, 1}] / (shares[[2]float64{2, 0}] + shares[[2]float64{2, 1}])
	if got := found[1] / found[0]; math.Abs(got-want) > 0.1 {
		t.Errorf("given z, q has the share %.3f of %v, in the data %.3f", got, found[0], want)
	}
	part := tensor.NewOf[float64](1000, 2)
	copy(part.Data, gaps.Data[2*2000:])
	c.First = 2000
	if err := s.Impute(context.Background(), c, part); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(part.Data, filled.Data[2*2000:2*3000]) {
		t.Error("rows filled apart are others")
	}
}

// Many choices take more evaluations than few.
func TestEvaluationsOfChoices(t *testing.T) {
	r, err := recipe.PresetFor(recipe.Table, "default")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		choices int
		by      float64
		want    int
	}{{0, 1, 10}, {12, 1, 10}, {24, 1, 18}, {500, 1, 32}, {1, 0.25, 10}, {8, 0.25, 24}} {
		s := &Saved{Recipe: r, Model: &model.Model{Config: model.Config{Choices: slices.Repeat([]flow.Choice{{By: c.by}}, c.choices)}}}
		if got := s.Solve().NFE; got != c.want {
			t.Errorf("%d choices are drawn by %v in %d evaluations, want %d", c.choices, c.by, got, c.want)
		}
	}
}

// schemaOrder is, for both columns, the place of each level among x, y, z and p, q.
func (s *Saved) schemaOrder(t *testing.T) (out [2][]float64) {
	t.Helper()
	schema, err := s.Schema()
	if err != nil {
		t.Fatal(err)
	}
	for j := range out {
		for _, name := range schema.Columns[j].Levels {
			out[j] = append(out[j], float64(strings.Index([]string{"xyz", "pq"}[j], name)))
		}
	}
	return out
}
