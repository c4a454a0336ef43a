package judge_test

import (
	"context"
	"fmt"

	"laminar/data/table"
	"laminar/judge"
	"laminar/rng"
	"laminar/tensor"
)

// schema is that of tables with a number and a category that follows from it.
var schema = &table.Schema{Version: 1, Columns: []table.Column{
	{Name: "height", Kind: table.Numeric},
	{Name: "tall", Kind: table.Boolean, Levels: []string{"no", "yes"}},
}}

func rows(n int, seed uint64) tensor.Matrix[float64] {
	m := tensor.NewOf[float64](n, 2)
	s := rng.New(seed).Stream()
	for i := range n {
		h := 170 + 10*s.NormFloat64()
		m.Row(i)[0] = h
		if h > 175 {
			m.Row(i)[1] = 1
		}
	}
	return m
}

func ExampleJudge() {
	real, holdout := rows(300, 1), rows(300, 2)
	c := judge.Defaults()
	c.Exact = 200
	r, err := judge.Judge(context.Background(), schema, real, real, holdout, c) // synthetic rows that are copies
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Copies, "copies; private:", r.Verdict.Private)
	page, err := judge.Page(context.Background(), "heights", schema, real, real, r)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(page.Sections[0].Title)
	// Output:
	// 300 copies; private: false
	// Verdict
}

func ExampleShape() {
	errors, err := judge.Shape(schema, rows(1000, 1), rows(1000, 2))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f\n", errors)
	// Output: [0.05 0.03]
}

func ExampleSpace_Cover() {
	real := rows(300, 1)
	sp, err := judge.NewSpace(schema, real)
	if err != nil {
		fmt.Println(err)
		return
	}
	c := sp.Cover(real, rows(300, 2), 5)
	fmt.Printf("coverage %.2f, density %.2f\n", c.Coverage, c.Density)
	// Output: coverage 0.99, density 1.05
}
