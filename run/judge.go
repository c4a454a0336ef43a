package run

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"laminar/data/table"
	"laminar/flow"
	"laminar/judge"
	"laminar/report"
	"laminar/tensor"
)

// Tables are a real table, a synthetic one, and rows held out, under one schema:
// what judge.Judge compares.
type Tables struct {
	Name                 string // of the real file
	Schema               *table.Schema
	Real, Synth, Holdout tensor.Matrix[float64]
	// Notes say what the files have not in common.
	Notes []string
}

// mostUnseen is the largest number of levels of a column that other files may add
// to those of the real one.
const mostUnseen = 1000

// ReadTables reads the files of a judgement. The schema is that of the real file,
// as far as given, which may be nil, does not say; levels that only the other files
// have are added to it and noted. holdout may be "". The error wraps flow.ErrFormat
// and names file, row and column where a file does not fit; it is that of ctx where
// that ends. tell may be nil.
func ReadTables(ctx context.Context, real, synth, holdout string, given *table.Schema, tell PassWatch) (*Tables, error) {
	of := func(path string) *pass { return &pass{ctx, tell, filepath.Base(path)} }
	var read table.ReadOptions
	if given != nil {
		read = asGiven(given.Format)
	}
	src, file, err := openTable(of(real), real, read)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	t := &Tables{Name: filepath.Base(real)}
	if t.Schema, err = table.Infer(src, table.InferOptions{Given: given}); err != nil {
		return nil, err
	}
	others := []string{synth}
	if holdout != "" {
		others = append(others, holdout)
	}
	o := table.ReadOptions{}
	if f := src.Format(); f.Kind == "csv" { // a short file does not tell
		o.Header = map[bool]string{true: "yes", false: "no"}[f.Header]
	}
	var open []table.Source
	for _, path := range others {
		other, file, err := openTable(of(path), path, o)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		if err := t.Schema.Match(other); err != nil {
			return nil, fmt.Errorf("%w; both files need the same columns in the same order", err)
		}
		open = append(open, other)
	}
	for _, o := range open {
		if err := t.widen(o); err != nil {
			return nil, err
		}
	}
	if t.Real, err = table.Read(src, t.Schema); err != nil {
		return nil, err
	}
	for k, to := range []*tensor.Matrix[float64]{&t.Synth, &t.Holdout}[:len(open)] {
		if *to, err = table.Read(open[k], t.Schema); err != nil {
			return nil, err
		}
		if to.N == 0 {
			return nil, fmt.Errorf("%w: %s: the file holds no rows", flow.ErrFormat, open[k].Name())
		}
	}
	return t, nil
}

// widen adds the levels of src that the schema has not got.
func (t *Tables) widen(src table.Source) error {
	p := table.NewParser(t.Schema)
	unseen := make([][]string, len(t.Schema.Columns))
	seen := make([]map[string]bool, len(unseen))
	for r, err := range src.Rows() {
		if err != nil {
			return err
		}
		for j, cell := range r.Cells {
			switch t.Schema.Columns[j].Kind {
			case table.Category, table.Ordered, table.Boolean, table.Constant:
			default:
				continue
			}
			if seen[j][cell] {
				continue
			}
			if _, err := p.Cell(j, cell); err == nil {
				continue
			}
			if seen[j] == nil {
				seen[j] = map[string]bool{}
			}
			seen[j][cell] = true
			if unseen[j] = append(unseen[j], cell); len(unseen[j]) > mostUnseen {
				return fmt.Errorf("%w: %s: column %q has more than %d values that %s has not; is it the same column?", flow.ErrFormat, src.Name(), t.Schema.Columns[j].Name, mostUnseen, t.Name)
			}
		}
	}
	for j, levels := range unseen {
		if len(levels) == 0 {
			continue
		}
		c := &t.Schema.Columns[j]
		if c.Kind != table.Ordered {
			c.Kind = table.Category
		}
		c.Levels = append(c.Levels, levels...)
		named := levels[:min(5, len(levels))]
		more := ""
		if len(levels) > len(named) {
			more = ", ..."
		}
		t.Notes = append(t.Notes, fmt.Sprintf("column %q of %s has %d values that %s has not: %s%s", c.Name, filepath.Base(src.Name()), len(levels), t.Name, strings.Join(named, ", "), more))
	}
	return nil
}

// Judge judges the synthetic table; see judge.Judge.
func (t *Tables) Judge(ctx context.Context, c judge.Config) (*judge.Report, error) {
	r, err := judge.Judge(ctx, t.Schema, t.Real, t.Synth, t.Holdout, c)
	if err != nil {
		return nil, err
	}
	r.Notes = append(r.Notes, t.Notes...)
	return r, nil
}

// Page is the report with pictures; see judge.Page.
func (t *Tables) Page(ctx context.Context, r *judge.Report) (report.Page, error) {
	return judge.Page(ctx, t.Name, t.Schema, t.Real, t.Synth, r)
}
