package run

import (
	"context"
	"fmt"
	"strings"

	"laminar/data"
	"laminar/data/table"
	"laminar/flow"
	"laminar/judge"
	"laminar/recipe"
	"laminar/report"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// judgedRows bounds the rows on each side of a judgement.
const judgedRows = 50_000

// tableJudgement is a judge.Report with what it was made from.
type tableJudgement struct {
	*judge.Report
	real, synth tensor.Matrix[float64]
}

// Judge is the method of medium: as many rows as training had, against those, beside
// the rows that were held out.
func (tableMedium) Judge(ctx context.Context, s *Saved, plan *recipe.Plan, o EvalOptions) (Judgement, error) {
	t, err := s.tableOf()
	if err != nil {
		return nil, err
	}
	var j tableJudgement
	var held tensor.Matrix[float64]
	real := rawRows(plan.Train)
	if plan.Against == plan.Recipe.Data.Name { // judged by another file
		real = rawRows(plan.Judge)
	} else if h := rawRows(plan.HeldOut); h != nil {
		if held, err = h.Values(judgedRows, o.Key.Split("held out")); err != nil {
			return nil, err
		}
	}
	if real == nil {
		return nil, fmt.Errorf("%w: the rows that the model was trained on are not at hand", flow.ErrConfig)
	}
	if j.real, err = real.Values(judgedRows, o.Key.Split("real")); err != nil {
		return nil, err
	}
	if len(o.Settings) != 1 {
		return nil, &flow.FieldError{Path: "nfe", Msg: "a table is judged at one number of evaluations: give one"}
	}
	c := sample.Config{N: j.real.N, Seed: o.Key.Split("table"), Solve: solve.Defaults(), Workers: o.Threads}
	set := o.Settings[0]
	c.Solve.Method, c.Solve.NFE = set.Solver, set.NFE
	if set.Adaptive() {
		c.Solve.Adaptive, c.Solve.RTol, c.Solve.ATol = true, set.RTol, set.ATol
	}
	if set.Grid != "" {
		if c.Solve.Grid, err = gridOf(set, o); err != nil {
			return nil, err
		}
		c.Solve.NFE = 0
	}
	j.synth.D = j.real.D
	drawn := o.drawn(0, work(c.N, set), set)
	_, err = s.DrawTable(ctx, TableDraws{Config: c}, func(rows tensor.Matrix[float64], _ int) error {
		j.synth.Data, j.synth.N = append(j.synth.Data, rows.Data...), j.synth.N+rows.N
		if drawn != nil {
			drawn(j.synth.N, c.N)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	cfg := judge.Defaults()
	cfg.Key, cfg.Watch = o.Key, o.Stage
	j.Report, err = judge.Judge(ctx, t.Schema(), j.real, j.synth, held, cfg)
	return j, err
}

// rawRows returns the rows of a table behind a data set of a plan, nil if there are
// none.
func rawRows(d data.RowSource) *tableRows {
	if t, ok := d.(data.Transformed); ok {
		d = t.RowSource
	}
	r, _ := d.(*tableRows)
	return r
}

// Summary is the method of summarised.
func (tableMedium) Summary(s *Saved) string {
	t, err := s.tableOf()
	if err != nil {
		return ""
	}
	schema := t.Schema()
	named := map[table.Kind][2]string{
		table.Numeric: {"number", "numbers"}, table.Integer: {"whole number", "whole numbers"}, table.Category: {"category", "categories"},
		table.Ordered: {"ordered category", "ordered categories"}, table.Boolean: {"yes or no", "yes or no"}, table.Date: {"date", "dates"},
		table.Constant: {"constant", "constants"}, table.Identifier: {"identifier, made afresh", "identifiers, made afresh"},
		table.Text: {"free text, left empty", "free texts, left empty"},
	}
	var kinds []string
	for _, e := range table.Kinds() {
		n := 0
		for _, c := range schema.Columns {
			if c.Kind == e.Kind {
				n++
			}
		}
		if n > 0 {
			kinds = append(kinds, counted(n, named[e.Kind]))
		}
	}
	return fmt.Sprintf("Learnt from a table of %s and %s: %s.", counted(schema.Rows, [2]string{"row", "rows"}),
		counted(len(schema.Columns), [2]string{"column", "columns"}), strings.Join(kinds, "; "))
}

// counted is a number with its noun, of one and of many.
func counted(n int, noun [2]string) string {
	if n == 1 {
		return "1 " + noun[0]
	}
	return thousands(n) + " " + noun[1]
}

// Sections is the method of medium: those of the judge's page.
func (tableMedium) Sections(ctx context.Context, s *Saved, plan *recipe.Plan, j Judgement, _ PictureOptions) ([]report.Section, error) {
	of, ok := j.(tableJudgement)
	if !ok {
		return nil, nil
	}
	t, err := s.tableOf()
	if err != nil {
		return nil, err
	}
	page, err := judge.Page(ctx, plan.Recipe.Data.Name, t.Schema(), of.real, of.synth, of.Report)
	return page.Sections, err
}
