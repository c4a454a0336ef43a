package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"laminar/recipe"
	"laminar/sample"
	"laminar/tensor"
)

func people(n int) string {
	return csvText("age,town,pay", n, func(i int) string {
		return strings.Join([]string{[]string{"31", "44", "58", ""}[i%4], []string{"Paris", "Rome", "Oslo"}[i*i%7%3], []string{"10.5", "20.25", "31.75"}[i%3]}, ",")
	})
}

// An interrupted run on a table continues to the bits of one that was not.
func TestTableResumes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "people.csv")
	r := tableRecipe(t, file, people(300))
	r.Network.Width, r.Train.Batch, r.Train.Steps = 16, 32, 60
	whole, err := Train(context.Background(), r, Options{Dir: filepath.Join(dir, "whole")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	o := Options{Dir: filepath.Join(dir, "parts"), Watch: func(p Progress) {
		if p.Step == 25 {
			stop()
		}
	}}
	if _, err := Train(ctx, r, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	o.Watch, o.Resume = nil, true
	parts, err := Train(context.Background(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	if !parts.Resumed || parts.Saved.Steps != 60 || !slices.Equal(parts.Saved.Model.Params, whole.Saved.Model.Params) {
		t.Errorf("resumed %v, %d steps; equal %v", parts.Resumed, parts.Saved.Steps, slices.Equal(parts.Saved.Model.Params, whole.Saved.Model.Params))
	}
	if err := os.WriteFile(file, []byte(people(301)), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Train(context.Background(), r, o); err == nil || !strings.Contains(err.Error(), "is not the file that the run was trained on") {
		t.Errorf("other data: %v", err)
	}
}

// What suits few rows is put in once: what a user changes afterwards stays. Of the columns
// age is a number and whether there is one, town and pay are levels.
func TestSuitedOnce(t *testing.T) {
	res := trainTable(t, "people.csv", people(60), func(r *recipe.Recipe) { r.Train.Steps = 3 })
	f := res.Saved.Form.(suiter)
	r, err := recipe.PresetFor(recipe.Table, "default")
	if err != nil {
		t.Fatal(err)
	}
	preset := r
	f.suit(&r)
	if r.Train.Steps >= preset.Train.Steps || r.Network.Depth == preset.Network.Depth || r.Train.Steps != leastSteps || r.Path.ChoicesBy != 2.0/3 || !r.Suited {
		t.Errorf("not suited: %+v", r)
	}
	r.Train.Steps = preset.Train.Steps
	f.suit(&r)
	if r.Train.Steps != preset.Train.Steps {
		t.Errorf("%d steps, raised to %d", r.Train.Steps, preset.Train.Steps)
	}
}

// A column without levels cannot be balanced.
func TestBalanceWithoutLevels(t *testing.T) {
	s := trainTable(t, "people.csv", people(60), func(r *recipe.Recipe) { r.Train.Steps = 3 }).Saved
	d, err := s.tableOf()
	if err != nil {
		t.Fatal(err)
	}
	j := 1 // town
	was := d.Schema().Columns[j].Levels
	defer func() { d.Schema().Columns[j].Levels = was }()
	d.Schema().Columns[j].Levels = nil
	_, err = s.DrawTable(context.Background(), TableDraws{Config: sample.Config{N: 5, Solve: s.Solve()}, Balance: &j}, nil)
	if err == nil || !strings.Contains(err.Error(), "no levels") {
		t.Errorf("%v", err)
	}
}

// Rows that do not fit into memory are learnt from a file to the same bits.
func TestTableSpills(t *testing.T) {
	train := func(memory int) []float32 {
		defer func(was int) { tableMemory = was }(tableMemory)
		tableMemory = memory
		return trainTable(t, "people.csv", people(500), nil).Saved.Model.Params
	}
	if !slices.Equal(train(1<<20), train(100)) {
		t.Error("rows in a file lead to another model than rows in memory")
	}
}

// An edited schema is taken; where the model is read again it draws by it.
func TestTableSchema(t *testing.T) {
	dir := t.TempDir()
	file, edited := filepath.Join(dir, "people.csv"), filepath.Join(dir, "schema.json")
	if err := os.WriteFile(file, []byte(people(200)), 0o644); err != nil {
		t.Fatal(err)
	}
	text := `{"version":1,"format":{"kind":"csv","delimiter":",","quote":"\"","header":true},"columns":[{"name":"age","kind":"category"},{"name":"town","kind":"text"},{"name":"pay","kind":"number"}]}`
	if err := os.WriteFile(edited, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := recipe.PresetFor(recipe.Table, "fast")
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name, r.Data.Schema = file, edited
	r.Network.Width, r.Train.Batch, r.Train.Steps = 16, 32, 5
	res, err := Train(context.Background(), r, Options{Dir: filepath.Join(dir, "run")})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Load(res.Path, "")
	if err != nil {
		t.Fatal(err)
	}
	out := drawn(t, s, 40, "")
	for _, town := range []string{"Paris", "Rome", "Oslo"} {
		if strings.Contains(out, town) {
			t.Errorf("a column of text is drawn: %s", town)
		}
	}
	if !strings.HasPrefix(out, "age,town,pay\n") {
		t.Errorf("%.40s", out)
	}
}

// A missing cell is no point of the picture, and levels have their names.
func TestPictured(t *testing.T) {
	res := trainTable(t, "gaps.csv", csvText("mass,sex", 200, func(i int) string {
		return []string{fmt.Sprintf("%d.5,male", 100+i), ",female"}[i%2]
	}), nil)
	tr, err := res.Saved.tableOf()
	if err != nil {
		t.Fatal(err)
	}
	rows := tensor.NewOf[float64](2, 2)
	copy(rows.Data, []float64{120.5, 1, math.NaN(), 0})
	x, names, levels := pictured(tr, rows)
	if x.At(0, 0) != 120.5 || x.At(1, 0) == x.At(1, 0) || names[0] != "mass" || levels[0] != nil || len(levels[1]) != 2 {
		t.Errorf("%v of %q, levels %q", x.Data, names, levels)
	}
	if s := (tableMedium{}).Summary(res.Saved); s != "Learnt from a table of 200 rows and 2 columns: 1 number; 1 category." {
		t.Error(s)
	}
}

// Points that a file writes as whole numbers are told of the kind that keeps them.
func TestLikeTable(t *testing.T) {
	for _, c := range []struct {
		cell func(i int) string
		want string
	}{
		{func(i int) string { return fmt.Sprintf("%d,%g", i, float64(i)*0.1234567) }, "(a)"},
		{func(i int) string { return fmt.Sprintf("%d,%.2f", i, float64(i)*0.1234567) }, "(a and 1 more)"},
		{func(i int) string { return fmt.Sprintf("1,%g", float64(i)*0.1234567) }, ""},
	} {
		file := filepath.Join(t.TempDir(), "points.csv")
		if err := os.WriteFile(file, []byte(csvText("a,b", 60, c.cell)), 0o644); err != nil {
			t.Fatal(err)
		}
		r := recipe.Data{Name: file}
		given, err := gatherData(&pass{ctx: context.Background()}, &r)
		if err != nil {
			t.Fatal(err)
		}
		notes := strings.Join(given.Table.Notes, "\n")
		if told := strings.Contains(notes, "--kind table"); told != (c.want != "") || !strings.Contains(notes, c.want) {
			t.Errorf("want %q, notes %q", c.want, notes)
		}
	}
}

// A look at a text file tells tables from points.
func TestTableClaims(t *testing.T) {
	many := func(line string) string { return strings.Repeat(line+"\n", 30) }
	for text, want := range map[string]string{
		"x,y\n0.5,1.25\n-1.5,2\n":      recipe.Points,
		"x,y\n1.0,1e3\n2.0,2e3\n":      recipe.Points, // numbers that happen to be whole
		"age,x\n31,0.5\n47,0.25\n":     recipe.Points, // few rows
		many("0,1"):                    recipe.Points, // no header
		"one,x\n" + many("1,0.5"):      recipe.Points, // a constant
		"age,x\n47,1\n" + many("31,1"): recipe.Table,
		"x,name\n0.5,a\n1.5,b\n":       recipe.Table,
		"x,y\n0.5,\n1.5,3.5\n0.1,1\n":  recipe.Table, // a gap
	} {
		file := filepath.Join(t.TempDir(), "rows.csv")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := KindOf(file); got != want {
			t.Errorf("%q is taken for %s, want %s", text, got, want)
		}
	}
}
