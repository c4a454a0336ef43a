package recipe_test

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"laminar/data"
	"laminar/flow"
	"laminar/recipe"
	"laminar/rng"
)

// snapshots is a file of points about (10 t, -t) at each of times, shuffled, of
// rows points each.
func snapshots(t testing.TB, rows int, times ...float64) recipe.Material {
	t.Helper()
	var text strings.Builder
	text.WriteString("x,when,y\n")
	s := rng.New(5).Stream()
	for range rows {
		for k := range times {
			at := times[len(times)-1-k]
			for j, v := range []float64{10*at + s.NormFloat64(), at, -at + 0.1*s.NormFloat64()} {
				if j > 0 {
					text.WriteByte(',')
				}
				text.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
			}
			text.WriteByte('\n')
		}
	}
	d := recipe.Data{TimeColumn: "when"}
	table, err := data.ReadCSV(strings.NewReader(text.String()), "cells.csv", d.TableOptions())
	if err != nil {
		t.Fatal(err)
	}
	return recipe.Material{Data: recipe.Given{Table: table}}
}

func timed(t testing.TB) recipe.Recipe {
	r := preset(t, "fast", "cells.csv")
	r.Data.TimeColumn = "when"
	return r
}

// The column of times leaves the points; pairs join each time that is learnt
// from with the next; the source is the first.
func TestTimes(t *testing.T) {
	r := timed(t)
	r.Data.LeaveOut = []float64{3}
	p := compose(t, r, snapshots(t, 30, 1, 2, 3, 5))
	if !slices.Equal(p.Columns, []string{"x", "y"}) || !slices.Equal(p.Times, []float64{1, 2, 5}) || p.Recipe.Coupling.Name != "ot" {
		t.Fatalf("columns %v, times %v, coupling %s", p.Columns, p.Times, p.Recipe.Coupling.Name)
	}
	if p.Train.Len() != 27 || p.Source.Len() != 27 || p.HeldOut.Len() != 3 || p.Judge.Len() != 30 {
		t.Errorf("%d rows to train on, %d of the source, %d held out, %d to judge by", p.Train.Len(), p.Source.Len(), p.HeldOut.Len(), p.Judge.Len())
	}
	var left []bool
	for _, m := range p.Marginals {
		left = append(left, m.LeftOut)
		if m.Rows.N != 30 {
			t.Errorf("%d rows at time %v", m.Rows.N, m.Time)
		}
	}
	if !slices.Equal(left, []bool{false, false, true, false}) {
		t.Errorf("left out: %v", left)
	}
	if s, err := p.Recipe.Schedule(); s != nil || err != nil {
		t.Errorf("schedule %v of a path from rows, %v", s, err)
	}
	b := flow.NewBatch(64, 2, flow.CondSpec{})
	if err := p.TimedPairs.Fill(&b, rng.New(1), 0); err != nil {
		t.Fatal(err)
	}
	// Times 1, 2 and 5 stand at 0, 1/4 and 1; a point tells its time by y.
	z := p.Transform.(*data.Standardise)
	y := func(m float32) float64 { return z.Mean()[1] + z.Std()[1]*float64(m) }
	for at, rows := range map[float64]data.RowSource{1: p.Source, 5: p.Train} {
		s := flow.NewSample(rows, 1)
		if err := rows.DrawAt(s, rng.New(2), 0); err != nil || math.Abs(y(s.X.Row(0)[1])+at) > 0.5 {
			t.Errorf("an end of the flow has y = %v, not that of time %v; %v", y(s.X.Row(0)[1]), at, err)
		}
	}
	for i := range 64 {
		want := [2]float32{0, 0.25}
		ends := [2]float64{1, 2}
		if i >= 32 {
			want, ends = [2]float32{0.25, 1}, [2]float64{2, 5}
		}
		if b.T0[i] != want[0] || b.T1[i] != want[1] {
			t.Fatalf("pair %d is from %v to %v, want %v", i, b.T0[i], b.T1[i], want)
		}
		for k, m := range []float32{b.X0.Row(i)[1], b.X1.Row(i)[1]} {
			if math.Abs(y(m)+ends[k]) > 0.5 {
				t.Fatalf("end %d of pair %d has y = %v, not that of time %v", k, i, y(m), ends[k])
			}
		}
	}
}

func TestTimesRefused(t *testing.T) {
	for _, c := range []struct {
		path, says string
		change     func(*recipe.Recipe)
	}{
		{"data.label", "column of times", func(r *recipe.Recipe) { r.Data.Label = "kind" }},
		{"data.conditions", "column of times", func(r *recipe.Recipe) { r.Data.Conditions = []string{"dose"} }},
		{"source", "first time", func(r *recipe.Recipe) { r.Source = "moons" }},
		{"family", "diffusion", func(r *recipe.Recipe) { r.Family = "diffusion" }},
		{"predict", "only velocity", func(r *recipe.Recipe) { r.Predict = "data" }},
		{"path.name", "only linear", func(r *recipe.Recipe) { r.Path.Name = "vp" }},
		{"coupling.name", "semidiscrete", func(r *recipe.Recipe) { r.Coupling.Name = "semidiscrete" }},
		{"coupling.name", "unbalanced", func(r *recipe.Recipe) { r.Coupling.Name = "unbalanced" }},
		{"coupling.block", "one by one", func(r *recipe.Recipe) { r.Coupling.Block = 4 }},
		{"data.time_column", "built-in", func(r *recipe.Recipe) { r.Data.Name = "iris" }},
		{"data.leave_out", "twice", func(r *recipe.Recipe) { r.Data.LeaveOut = []float64{2, 2} }},
		{"data.leave_out", "needs data.time_column", func(r *recipe.Recipe) { r.Data.TimeColumn, r.Data.LeaveOut = "", []float64{2} }},
	} {
		r := timed(t)
		c.change(&r)
		refused(t, r.Validate(), c.path, c.says)
	}
	three := snapshots(t, 30, 1, 2, 3)
	for _, c := range []struct {
		path, says string
		m          recipe.Material
		change     func(*recipe.Recipe)
	}{
		{"data.time_column", "one time only, 7", snapshots(t, 30, 7), nil},
		{"data.time_column", "was not read", recipe.Material{Data: recipe.Given{Table: &data.Table{Name: "cells.csv"}}}, nil},
		{"data.time_column", "9 rows at time 1", snapshots(t, 9, 1, 2), nil},
		{"data.leave_out", "those of cells.csv are 2", three, func(r *recipe.Recipe) { r.Data.LeaveOut = []float64{3} }},
		{"data.leave_out", "2.5 is not a time", three, func(r *recipe.Recipe) { r.Data.LeaveOut = []float64{2.5} }},
		{"train.batch", "give 2 or more", three, func(r *recipe.Recipe) { r.Train.Batch = 1 }},
	} {
		r := timed(t)
		if c.change != nil {
			c.change(&r)
		}
		_, err := r.Compose(c.m)
		refused(t, err, c.path, c.says)
	}
}

func refused(t *testing.T, err error, path, says string) {
	t.Helper()
	var f *flow.FieldError
	if !errors.As(err, &f) || f.Path != path || !strings.Contains(f.Msg, says) || strings.Contains(err.Error(), "\n") {
		t.Errorf("want %s: %q, got %v", path, says, err)
	}
}
