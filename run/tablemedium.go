package run

import (
	"context"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"laminar/data/table"
	"laminar/flow"
	"laminar/plot"
	"laminar/recipe"
	"laminar/rng"
	"laminar/tensor"
)

// tableMedium is the medium of tables of mixed columns.
type tableMedium struct{}

// lookRows is the number of rows that Claims looks at, and wholeRows the fewest that
// do not have whole numbers by chance.
const (
	lookRows  = 2000
	wholeRows = 20
)

// Claims reports whether a file is a table: in a format that holds nothing else,
// or text with columns of more than plain numbers, or with a header and in many
// rows a column of whole numbers: counts, years, codes. A column whose cells are
// numbers but for some is left to the reader of points, which says where they are.
func (tableMedium) Claims(path string) bool {
	name := strings.TrimSuffix(strings.ToLower(path), ".gz")
	switch filepath.Ext(name) {
	case ".parquet", ".jsonl", ".ndjson", ".arff":
		return true
	case ".csv", ".tsv", ".tab", ".txt":
	default:
		return false
	}
	src, file, err := openTable(&pass{ctx: context.Background()}, path, table.ReadOptions{})
	if err != nil {
		return false
	}
	defer file.Close()
	columns := len(src.Columns())
	odd, gaps, rows := make([]int, columns), make([]int, columns), 0
	whole, first, differ := make([]int, columns), make([]string, columns), make([]bool, columns)
	for r, err := range src.Rows() {
		if err != nil || rows == lookRows {
			break
		}
		rows++
		for j, cell := range r.Cells {
			v, err := strconv.ParseFloat(cell, 64)
			if rows == 1 {
				first[j] = cell
			}
			differ[j] = differ[j] || cell != first[j]
			switch {
			case cell == "" || cell == "?" || cell == "NA" || cell == table.Null:
				gaps[j]++
			case err != nil:
				odd[j]++
			case v == math.Trunc(v) && !strings.ContainsAny(cell, ".eE"):
				whole[j]++
			}
		}
	}
	if rows == 1 && !src.Format().Header {
		return false // words alone are a header without rows
	}
	for j := range odd {
		if rows > 1 && gaps[j] > 0 || 2*odd[j] > rows || src.Format().Header && rows >= wholeRows && differ[j] && whole[j] == rows {
			return true
		}
	}
	return false
}

// Gather is the method of medium.
func (tableMedium) Gather(p *pass, d *recipe.Data) (recipe.Set, error) { return gatherTable(p, d) }

// Decode is the method of medium.
func (tableMedium) Decode(form []byte) (recipe.Form, error) {
	t, err := table.DecodeTransform(form)
	if err != nil {
		return nil, err
	}
	return tableForm{t}, nil
}

// Formats is the method of medium.
func (tableMedium) Formats() []string {
	return []string{"csv", "csv.gz", "tsv", "tsv.gz", "jsonl", "jsonl.gz", "arff", "arff.gz", "parquet"}
}

// tableOf returns the cells, and the map to them, of a model of tables. The error
// wraps flow.ErrConfig.
func (s *Saved) tableOf() (*table.Transform, error) {
	f, ok := s.Form.(tableForm)
	if !ok {
		return nil, fmt.Errorf("%w: the model makes %s, not a table of mixed columns; laminar train --kind table trains one that does", flow.ErrConfig, s.Kind())
	}
	return f.Transform, nil
}

// Write is the method of medium.
func (tableMedium) Write(w io.Writer, format string, s *Saved, rows tensor.Matrix[float64], first int) error {
	values, err := s.cells(tensor.Convert[float32](rows))
	if err != nil {
		return err
	}
	t, err := s.tableOf()
	if err != nil {
		return err
	}
	out, err := TableWriter(w, "table."+format, t.Schema(), identifiers(rng.New(0)))
	if err != nil {
		return err
	}
	for i := range values.N {
		if err := out.Write(values.Row(i), uint64(first+i)); err != nil {
			return err
		}
	}
	return out.Close()
}

// cells returns rows of coordinates in the numbers of the schema.
func (s *Saved) cells(z tensor.Mat) (tensor.Matrix[float64], error) {
	t, err := s.tableOf()
	if err != nil {
		return tensor.Matrix[float64]{}, err
	}
	values := tensor.NewOf[float64](z.N, len(t.Schema().Columns))
	return values, t.Inverse(values, z)
}

// Picture is the method of medium: of the first columns, quantities before
// levels.
func (tableMedium) Picture(s *Saved, rows tensor.Matrix[float64], o PictureOptions) (plot.Figure, error) {
	values, err := s.cells(tensor.Convert[float32](rows))
	if err != nil {
		return plot.Figure{}, err
	}
	t, err := s.tableOf()
	if err != nil {
		return plot.Figure{}, err
	}
	x, names, levels := pictured(t, values)
	title := filepath.Base(s.Recipe.Data.Name)
	if len(names) == 1 {
		return plot.Histogram{Title: title, Samples: x, Name: names[0], Dark: o.Dark}.Figure()
	}
	return plot.PairGrid{Title: title, Samples: x, Names: names, Levels: levels, Dark: o.Dark}.Figure()
}

// pictured returns the first columns of rows, quantities before levels, with their
// names and those of their levels. A missing cell is NaN, which is not drawn.
func pictured(t *table.Transform, values tensor.Matrix[float64]) (x tensor.Mat, names []string, levels [][]string) {
	var shown []int
	for _, role := range []table.Role{table.Value, table.Choice} {
		for _, b := range t.Blocks() {
			c := &t.Schema().Columns[b.Column]
			if b.Role == role && len(shown) < 4 && (role == table.Value || c.Scale == nil) {
				shown, names, levels = append(shown, b.Column), append(names, c.Name), append(levels, c.Levels)
			}
		}
	}
	x = tensor.New(values.N, len(shown))
	for i := range x.N {
		for k, j := range shown {
			x.Row(i)[k] = float32(values.Row(i)[j])
		}
	}
	return x, names, levels
}

// noPicture tells that a picture is not for tables.
func noPicture(kind string) error {
	return fmt.Errorf("%w: there is no %s of a table: on their way from noise its cells are coordinates that mean nothing; laminar plot MODEL samples, and the report of the run folder, show its rows", flow.ErrConfig, kind)
}

// Files is the method of medium.
func (tableMedium) Files() []string { return nil }

// identifiers is the key of the identifiers of samples under a seed.
func identifiers(seed rng.Key) rng.Key { return seed.Split("table") }
