package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"laminar/data/table"
	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// changes are the fields of a recipe that differ from the preset's, as JSON;
// evaluations, if not 0, the evaluations of a draw.
var (
	changes     = "{}"
	evaluations int
)

// laminar trains a model on a file of the rows as `laminar train` does, with no other
// flag than --schema, and draws from it.
func laminar(ctx context.Context, s *table.Schema, rows matrix, n, sets int, key rng.Key) ([]matrix, error) {
	saved, done, err := trained(ctx, s, rows, key)
	if err != nil {
		return nil, err
	}
	defer done()
	to, err := backTo(s, saved)
	if err != nil {
		return nil, err
	}
	out := make([]matrix, sets)
	for k := range out {
		out[k] = tensor.NewOf[float64](n, rows.D)
		c := sample.Config{N: n, Seed: key.Split("draw").At(uint64(k)), Solve: solver(saved)}
		_, err := saved.DrawTable(ctx, run.TableDraws{Config: c}, func(drawn matrix, first int) error {
			for i := range drawn.N {
				to(out[k].Row(first+i), drawn.Row(i))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// laminarImputer trains a model on the rows with their gaps and fills these.
func laminarImputer(ctx context.Context, l *loaded, gaps matrix, draws int, key rng.Key) ([]matrix, error) {
	saved, done, err := trained(ctx, l.schema, gaps, key)
	if err != nil {
		return nil, err
	}
	defer done()
	to, err := backTo(l.schema, saved)
	if err != nil {
		return nil, err
	}
	s, err := saved.Schema()
	if err != nil {
		return nil, err
	}
	given := tensor.NewOf[float64](gaps.N, gaps.D)
	for i := range gaps.N {
		for j, v := range gaps.Row(i) {
			if c := &s.Columns[j]; len(c.Levels) > 0 && v == v {
				v = float64(slices.Index(c.Levels, level(v)))
			}
			given.Row(i)[j] = v
		}
	}
	out := make([]matrix, draws)
	for k := range out {
		filled := given.Clone()
		c := sample.Config{Seed: key.Split("draw").At(uint64(k)), Solve: solver(saved)}
		if err := saved.Impute(ctx, c, filled); err != nil {
			return nil, err
		}
		out[k] = tensor.NewOf[float64](gaps.N, gaps.D)
		for i := range filled.N {
			to(out[k].Row(i), filled.Row(i))
		}
	}
	return out, nil
}

// trained is a model of rows, whose folder done removes.
func trained(ctx context.Context, s *table.Schema, rows matrix, key rng.Key) (saved *run.Saved, done func(), err error) {
	dir, err := os.MkdirTemp("", "tables")
	if err != nil {
		return nil, nil, err
	}
	done = func() { os.RemoveAll(dir) }
	defer func() {
		if err != nil {
			done()
		}
	}()
	r, err := recipe.PresetFor(recipe.Table, "default")
	if err != nil {
		return nil, nil, err
	}
	r.Data.Name, r.Data.Schema = filepath.Join(dir, "rows.csv"), filepath.Join(dir, "schema.json")
	stream := key.Split("train").Stream()
	r.Train.Seed = stream.Uint64()
	if err := json.Unmarshal([]byte(changes), &r); err != nil {
		return nil, nil, fmt.Errorf("-recipe: %w", err)
	}
	kinds := &table.Schema{Version: 1, Format: table.Format{Kind: "csv", Delimiter: ",", Quote: `"`, Header: true}}
	for j, c := range s.Columns {
		kinds.Columns = append(kinds.Columns, table.Column{Name: fmt.Sprintf("c%d", j), Kind: c.Kind})
	}
	if err := run.WriteFile(r.Data.Schema, func(w io.Writer) error { return json.NewEncoder(w).Encode(kinds) }); err != nil {
		return nil, nil, err
	}
	if err := run.WriteFile(r.Data.Name, func(w io.Writer) error { return writeRows(w, s, rows) }); err != nil {
		return nil, nil, err
	}
	res, err := run.Train(ctx, r, run.Options{Dir: filepath.Join(dir, "run"), Notify: func(line string) { fmt.Fprintln(os.Stderr, line) }})
	if err != nil {
		return nil, nil, err
	}
	saved, err = run.Load(res.Path, "")
	return saved, done, err
}

func solver(s *run.Saved) solve.Config {
	c := s.Solve()
	if evaluations > 0 {
		c.NFE = evaluations
	}
	return c
}

// level is how the file names a level.
func level(v float64) string { return "L" + strconv.Itoa(int(v)) }

func writeRows(w io.Writer, s *table.Schema, rows matrix) error {
	b := bufio.NewWriter(w)
	for j := range s.Columns {
		fmt.Fprintf(b, "%sc%d", comma(j), j)
	}
	for i := range rows.N {
		b.WriteByte('\n')
		for j, v := range rows.Row(i) {
			b.WriteString(comma(j))
			switch c := &s.Columns[j]; {
			case v != v || c.Kind == table.Text:
			case len(c.Levels) > 0:
				b.WriteString(level(v))
			default:
				b.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
			}
		}
	}
	b.WriteByte('\n')
	return b.Flush()
}

func comma(j int) string {
	if j == 0 {
		return ""
	}
	return ","
}

// backTo returns what brings a row of the model into the numbers of s.
func backTo(s *table.Schema, saved *run.Saved) (func(to, from []float64), error) {
	m, err := saved.Schema()
	if err != nil {
		return nil, err
	}
	codes := make([][]float64, len(s.Columns))
	for j := range s.Columns {
		for _, name := range m.Columns[j].Levels {
			v, err := strconv.Atoi(name[1:])
			if err != nil {
				return nil, fmt.Errorf("level %q: %w", name, err)
			}
			codes[j] = append(codes[j], float64(v))
		}
	}
	return func(to, from []float64) {
		for j, v := range from {
			if v == v && len(codes[j]) > 0 {
				v = codes[j][int(v)]
			}
			to[j] = v
		}
	}, nil
}
