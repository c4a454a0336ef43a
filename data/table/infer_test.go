package table_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/data/table"
)

// column is a file of one named column beside one of numbers.
func column(name string, n int, cell func(i int) string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s|other\n", name)
	for i := range n {
		fmt.Fprintf(&b, "%s|%d.5\n", cell(i), i%11)
	}
	return []byte(b.String())
}

// The rules of Infer, one by one.
func TestInfer(t *testing.T) {
	list := func(cells ...string) func(int) string { return func(i int) string { return cells[i%len(cells)] } }
	for _, c := range []struct {
		name string
		n    int
		cell func(i int) string
		want table.Kind
		more string // of the column, printed
	}{
		{"fnlwgt", 200, func(i int) string { return fmt.Sprint(12285 + i*7919%190*1000) }, table.Integer, ""},
		{"customer_id", 200, func(i int) string { return fmt.Sprint(5000 + i*37) }, table.Identifier, "{n}"},
		{"customer_id", 200, func(i int) string { return fmt.Sprint(5000 + i/2*37) }, table.Integer, ""},
		{"price", 200, func(i int) string { return fmt.Sprint(5000 + i*37) }, table.Integer, ""},
		{"No", 50, func(i int) string { return fmt.Sprint(i + 1) }, table.Identifier, "{n}"},
		{"year", 50, func(i int) string { return fmt.Sprint(1950 + i) }, table.Integer, ""},
		{"grade", 60, list("1", "2", "3"), table.Ordered, "[1 2 3]"},
		{"grade", 12, list("1", "2", "3"), table.Integer, ""},
		{"target", 60, list("1", "0"), table.Boolean, "[0 1]"},
		{"sex", 60, list("M", "F"), table.Category, ""},
		{"weekend", 60, list("TRUE", "FALSE", "TRUE"), table.Boolean, "[FALSE TRUE]"},
		{"month", 60, list("Feb", "Dec", "Mar"), table.Ordered, "[Feb Mar Dec]"},
		{"zip", 60, list("01234", "99999", "00501"), table.Category, ""},
		{"uuid", 60, func(i int) string { return fmt.Sprintf("%08x-%04x-4abc", i*2654435761%4294967296, i*40503%65536) }, table.Identifier, "-4abc"},
		{"mail", 60, func(i int) string { return fmt.Sprintf("a%d@example.org", i) }, table.Text, "text of its own"},
		{"answer", 60, list("None", "some", "all"), table.Category, "[None all some]"},
		{"mass", 60, list("None", "1.5", "2"), table.Numeric, "[None]"},
		{"comma", 60, list("1,23", "4,56", "78,90"), table.Numeric, "Comma:true"},
		{"comma", 60, list("1,2345", "4,5", "78,9"), table.Numeric, "Comma:true"},
		{"thousand", 60, list("1,234", "4,567", "78"), table.Integer, "Thousands:,"},
		{"lakh", 60, list("1,23,456", "2,34,567"), table.Category, ""},
		{"swiss", 60, list("1'234.50", "4.50", "12'345'678.25"), table.Numeric, "Thousands:'"},
		{"day", 60, list("13/02/2024", "01/12/2023"), table.Date, "02/01/2006"},
		{"day", 60, list("03/02/2024", "01/12/2023"), table.Date, "cannot be told apart"},
		{"clock", 60, list("23:59", "00:01"), table.Date, "15:04"},
		{"nothing", 60, list("NA", "", "NA"), table.Constant, "[NA ]"},
		{"gone", 60, list("NA", "x", "NA"), table.Constant, "[x]"},
	} {
		s, _ := must(t, "t.txt", column(c.name, c.n, c.cell))
		got := s.Columns[0]
		text := fmt.Sprintf("%+v", got)
		if got.Number != nil {
			text += fmt.Sprintf("%+v", *got.Number)
		}
		if got.Kind != c.want || !strings.Contains(text, c.more) {
			t.Errorf("%s like %s: %s\nwant %s with %s", c.name, c.cell(0), text, c.want, c.more)
		}
	}
}

// Two values of a grid, half the rows each: knots at the edges of their cells, the
// middle one at 0.
func TestCellsOfAGrid(t *testing.T) {
	s, _ := must(t, "t.txt", column("x", 1000, func(i int) string { return fmt.Sprint([]int{3, 4}[i%2]) }))
	s.Columns[0].Kind, s.Columns[0].Number = table.Integer, &table.Number{}
	src, err := table.Open("t.txt", opener(column("x", 1000, func(i int) string { return fmt.Sprint([]int{3, 4}[i%2]) })), table.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Fit(src, s, nil); err != nil {
		t.Fatal(err)
	}
	sc := s.Columns[0].Scale
	k := slices.Index(sc.Knots, 3.5)
	if k < 0 || math.Abs(sc.Normal[k]) > 1e-9 || sc.Knots[0] != 2.5 || sc.Knots[len(sc.Knots)-1] != 4.5 {
		t.Errorf("knots %v at %v", sc.Knots, sc.Normal)
	}
	if *sc.Min != 3 || *sc.Max != 4 {
		t.Errorf("bounds %v, %v", *sc.Min, *sc.Max)
	}
}

// A value that fewer than 5 rows have is not cut out by knots on both its sides.
func TestRareValuesHaveNoCell(t *testing.T) {
	s, _ := must(t, "t.txt", column("x", 400, func(i int) string { return fmt.Sprint(1000 + i%150*17) }))
	sc := s.Columns[0].Scale
	if s.Columns[0].Kind != table.Integer || len(sc.Knots) < 10 || len(sc.Knots) > 400/5+2 {
		t.Fatalf("%+v", s.Columns[0])
	}
	for i := 1; i < len(sc.Knots); i++ {
		if sc.Knots[i]-sc.Knots[i-1] <= sc.Unit {
			t.Fatalf("the knots %v and %v enclose one value, of 2 rows", sc.Knots[i-1], sc.Knots[i])
		}
	}
}
