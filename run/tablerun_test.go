package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"laminar/recipe"
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
	if err := os.WriteFile(file, []byte(people(300)), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := recipe.PresetFor(recipe.Table, "fast")
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name = file
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
