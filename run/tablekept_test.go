package run

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"laminar/data/table/where"
	"laminar/rng"
	"laminar/sample"
	"laminar/tensor"
)

// Parts of the rows of a condition, or of balanced rows, make up the whole: of
// frequent ones, which are found, and of rare ones, which are given their cells.
func TestPartsMakeTheWhole(t *testing.T) {
	defer func(block, tries, least int) { keptBlock, whereTries, leastTries = block, tries, least }(keptBlock, whereTries, leastTries)
	keptBlock, whereTries, leastTries = 64, 1, 1000
	var text strings.Builder
	text.WriteString("x,kind\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "%d.%d,%s\n", i*7%50, i%10, []string{"rare", "often", "often", "usual"}[min(i%40, 1+i%3)])
	}
	s := trainTable(t, "t.csv", text.String(), nil).Saved
	schema, err := s.Schema()
	if err != nil {
		t.Fatal(err)
	}
	const n = 300
	for _, c := range []struct {
		name, where string
		levels      int
		open        bool // some rows are given cells
	}{
		{"frequent", "x < 1e9", 0, false},
		{"rare", "x > 49 and kind <> 'often'", 0, true},
		{"balanced", "", 3, true},
	} {
		d := TableDraws{Config: sample.Config{Seed: rng.New(4), Solve: s.Solve()}, Total: n}
		if c.where != "" {
			e, err := where.Parse(c.where)
			if err != nil {
				t.Fatal(err)
			}
			if d.Where, err = e.Bind(schema); err != nil {
				t.Fatal(err)
			}
		} else {
			j, err := schema.Column("kind")
			if err != nil {
				t.Fatal(err)
			}
			d.Balance = &j
		}
		draw := func(lo, hi int) ([]float64, TableStats) {
			part, sought := d, 0
			part.First, part.N = lo, hi-lo
			part.Seek = func(drawn int) { sought = drawn }
			var out []float64
			next := lo
			stats, err := s.DrawTable(t.Context(), part, func(rows tensor.Matrix[float64], first int) error {
				if first != next {
					t.Fatalf("%s: rows from %d on, want from %d", c.name, first, next)
				}
				next += rows.N
				out = append(out, rows.Data...)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if next != hi {
				t.Fatalf("%s: rows %d to %d end at %d", c.name, lo, hi, next)
			}
			if sought < stats.Tried || stats.Tried == 0 {
				t.Errorf("%s: %d rows were tried, and %d told of", c.name, stats.Tried, sought)
			}
			return out, stats
		}
		whole, stats := draw(0, n)
		if (stats.Given > 0) != c.open || stats.Found+stats.Given != n {
			t.Errorf("%s: of %d rows %d were found and %d given", c.name, n, stats.Found, stats.Given)
		}
		var parts []float64
		for _, p := range [][2]int{{0, 10}, {10, 100}, {100, 150}, {150, 256}, {256, n}} {
			rows, _ := draw(p[0], p[1])
			parts = append(parts, rows...)
		}
		if !slices.Equal(whole, parts) {
			t.Errorf("%s: the parts are not the whole", c.name)
		}
		count := map[float64]int{}
		for i := range n {
			row := whole[i*len(schema.Columns):][:len(schema.Columns)]
			count[row[1]]++
			if d.Where != nil && !d.Where.Holds(row) {
				t.Fatalf("%s: row %v does not satisfy the condition", c.name, row)
			}
		}
		if c.levels > 0 && (len(count) != c.levels || count[0] != n/c.levels || count[1] != n/c.levels) {
			t.Errorf("%s: levels come %v times", c.name, count)
		}
	}
}

// A condition that no row satisfies ends in an error that says how rare it is.
func TestNoSuchRow(t *testing.T) {
	defer func(tries, least int) { whereTries, leastTries = tries, least }(whereTries, leastTries)
	whereTries, leastTries = 1, 3000
	s := people60(t)
	schema, err := s.Schema()
	if err != nil {
		t.Fatal(err)
	}
	e, err := where.Parse("age > 1000")
	if err != nil {
		t.Fatal(err)
	}
	d := TableDraws{Config: sample.Config{N: 2, Solve: s.Solve()}}
	if d.Where, err = e.Bind(schema); err != nil {
		t.Fatal(err)
	}
	_, err = s.DrawTable(t.Context(), d, func(tensor.Matrix[float64], int) error { return nil })
	if !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "none of 3000 rows that the model drew satisfies the condition: its share is below 0.1 %") {
		t.Error(err)
	}
}
