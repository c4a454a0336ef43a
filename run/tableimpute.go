package run

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"

	"laminar/data/table"
	"laminar/flow"
	"laminar/rng"
	"laminar/sample"
	"laminar/tensor"
)

// openLike opens a file whose columns are those of a model's schema: detected, or
// written as the schema says.
func openLike(p *pass, path string, s *table.Schema) (table.Source, io.Closer, error) {
	src, file, err := openTable(p, path, table.ReadOptions{})
	if err != nil {
		return nil, nil, explain(path, err)
	}
	unlike := s.Match(src)
	if unlike == nil {
		return src, file, nil
	}
	file.Close()
	if src, file, err = openTable(p, path, asGiven(s.Format)); err == nil {
		if s.Match(src) == nil {
			return src, file, nil
		}
		file.Close()
	}
	return nil, nil, unlike
}

// ReadCells returns the rows of a file whose columns are those of a model of tables,
// in the numbers of its schema. tell may be nil.
func (s *Saved) ReadCells(ctx context.Context, path string, tell PassWatch) (tensor.Matrix[float64], error) {
	schema, err := s.Schema()
	if err != nil {
		return tensor.Matrix[float64]{}, err
	}
	src, file, err := openLike(&pass{ctx, tell, "rows"}, path, schema)
	if err != nil {
		return tensor.Matrix[float64]{}, err
	}
	defer file.Close()
	return table.Read(src, schema)
}

// Imputed tells what ImputeFile did.
type Imputed struct {
	Rows  int `json:"rows"`
	Gaps  int `json:"gaps"`   // cells that were missing in a column that the model learns
	InRow int `json:"in_row"` // rows that had some
}

// imputePiece is the number of rows that are in memory at a time.
const imputePiece = 4096

// ImputeFile writes the rows of the file at path, whose columns are those of the
// model, to each of out with their gaps filled by a draw of its own; all other cells
// keep their text. The names of out say the formats, as table.FormatNamed tells.
// watch is told the number of rows that are done.
func (s *Saved) ImputeFile(ctx context.Context, c sample.Config, path string, out []io.Writer, names []string, watch func(rows int)) (Imputed, error) {
	var done Imputed
	t, err := s.tableOf()
	if err != nil {
		return done, err
	}
	schema := t.Schema()
	src, file, err := openLike(&pass{ctx: ctx}, path, schema)
	if err != nil {
		return done, err
	}
	defer file.Close()
	writers, err := keepers(schema, src.Format(), out, names)
	if err != nil {
		return done, err
	}
	learnt := map[int]bool{}
	for j, c := range schema.Columns {
		learnt[j] = c.Kind != table.Identifier && c.Kind != table.Text
	}
	parser := table.NewParser(schema)
	d := len(schema.Columns)
	var text [][]string
	rows := tensor.Matrix[float64]{D: d}
	flush := func() error {
		for k, w := range writers {
			part := c
			part.First, part.Seed = done.Rows-rows.N, c.Seed.Split("draw").At(uint64(k))
			drawn := rows.Clone()
			if err := s.Impute(ctx, part, drawn); err != nil {
				return err
			}
			for i := range rows.N {
				kept := text[i]
				for j, v := range rows.Row(i) {
					if math.IsNaN(v) && !math.IsNaN(drawn.Row(i)[j]) {
						kept[j] = table.Drawn
					}
				}
				if err := write(w, drawn.Row(i), kept, uint64(part.First+i)); err != nil {
					return err
				}
			}
		}
		text, rows.Data, rows.N = text[:0], rows.Data[:0], 0
		watch(done.Rows)
		return nil
	}
	for r, err := range src.Rows() {
		if err != nil {
			return done, err
		}
		done.Rows++
		rows.Data = append(rows.Data, make([]float64, d)...)
		rows.N++
		row := rows.Row(rows.N - 1)
		if err := parser.Parse(row, r.Cells); err != nil {
			return done, fmt.Errorf("%w: %s: row %d: %s", flow.ErrFormat, path, done.Rows, strings.TrimPrefix(err.Error(), flow.ErrFormat.Error()+": "))
		}
		gaps := 0
		for j, v := range row {
			if math.IsNaN(v) && learnt[j] {
				gaps++
			}
		}
		done.Gaps += gaps
		if gaps > 0 {
			done.InRow++
		}
		text = append(text, append([]string(nil), r.Cells...))
		if rows.N == imputePiece {
			if err := flush(); err != nil {
				return done, err
			}
		}
	}
	if err := flush(); err != nil {
		return done, err
	}
	for _, w := range writers {
		if err := w.Close(); err != nil {
			return done, err
		}
	}
	return done, nil
}

func write(w table.Writer, row []float64, kept []string, i uint64) error {
	if k, ok := w.(table.Keeper); ok {
		return k.WriteKept(row, kept, i)
	}
	return w.Write(row, i)
}

// keepers returns a writer for each of out. Parquet, which has numbers and no texts,
// takes no columns that the schema does not understand.
func keepers(s *table.Schema, source table.Format, out []io.Writer, names []string) ([]table.Writer, error) {
	var writers []table.Writer
	for k, w := range out {
		if strings.HasSuffix(strings.ToLower(names[k]), ".parquet") {
			for _, c := range s.Columns {
				if c.Kind == table.Identifier || c.Kind == table.Text {
					return nil, fmt.Errorf("%w: %s: Parquet would lose the texts of the column %q; write .csv or .jsonl", flow.ErrConfig, names[k], c.Name)
				}
			}
		}
		like := *s
		like.Format = source
		tw, err := TableWriter(w, names[k], &like, identifiers(rng.New(0)))
		if err != nil {
			return nil, err
		}
		writers = append(writers, tw)
	}
	return writers, nil
}
