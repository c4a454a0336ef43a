package table_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"laminar/data/table"
	"laminar/rng"
	"laminar/tensor"
)

// A file is understood, its rows are taken to the space of a network and back, and
// written as they stood.
func Example() {
	file := "city;size;rent\nUlm;72;1.050,50\nBonn;?;890,00\nUlm;35;640,00\nBonn;110;1.720,25\n"
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(file)), nil }
	src, err := table.Open("flats.csv", open, table.ReadOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := table.Infer(src, table.InferOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := table.Fit(src, s, nil); err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range s.Columns {
		fmt.Println(c.Name, c.Kind, c.MissingShare)
	}
	rows, _ := table.Read(src, s)
	t, _ := table.NewTransform(s, table.DefaultEncoding())
	z := tensor.New(rows.N, t.Dim())
	if err := t.ForwardSpread(z, rows, rng.New(1), 0); err != nil {
		fmt.Println(err)
		return
	}
	back := tensor.NewOf[float64](rows.N, rows.D)
	if err := t.Inverse(back, z); err != nil {
		fmt.Println(err)
		return
	}
	var out bytes.Buffer
	w, _ := table.NewWriter(&out, s, s.Format, rng.New(2))
	for i := range back.N {
		_ = w.Write(back.Row(i), uint64(i))
	}
	_ = w.Close()
	fmt.Print(out.String())
	// Output:
	// city category 0
	// size integer 0.25
	// rent number 0
	// city;size;rent
	// Ulm;72;1.050,50
	// Bonn;?;890,00
	// Ulm;35;640,00
	// Bonn;110;1.720,25
}

// Blocks say what the coordinates mean.
func ExampleTransform_Blocks() {
	s := &table.Schema{Version: 1, Format: table.Format{Kind: "jsonl"}, Columns: []table.Column{
		{Name: "colour", Kind: table.Category, Levels: []string{"red", "green", "blue"}},
		{Name: "price", Kind: table.Numeric, MissingShare: 0.1, Scale: &table.Scale{Knots: []float64{1, 9}, Normal: []float64{-2, 2}}},
	}}
	t, err := table.NewTransform(s, table.DefaultEncoding())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range t.Blocks() {
		fmt.Println(s.Columns[b.Column].Name, b.Role, "from", b.Offset, "width", b.Width)
	}
	// Output:
	// colour choice from 0 width 3
	// price choice from 3 width 1
	// price value from 4 width 1
}

// A writer of JSON lines writes identifiers afresh.
func ExampleNewWriter() {
	s := &table.Schema{Version: 1, Format: table.Format{Kind: "jsonl"}, Columns: []table.Column{
		{Name: "id", Kind: table.Identifier, Pattern: "user-{n}"},
		{Name: "smoker", Kind: table.Boolean, Levels: []string{"no", "yes"}},
	}}
	w, err := table.NewWriter(os.Stdout, s, s.Format, rng.New(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = w.Write([]float64{0, 1}, 0)
	_ = w.Write([]float64{0, 0}, 1)
	_ = w.Close()
	// Output:
	// {"id":"user-1","smoker":"yes"}
	// {"id":"user-2","smoker":"no"}
}
