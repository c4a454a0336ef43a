package run

import (
	"context"
	"fmt"
	"math"

	"laminar/data/table"
	"laminar/data/table/where"
	"laminar/flow"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// tableChunk is the number of rows of a table that are drawn at a time.
var tableChunk = 1 << 14

// Emit takes rows in the numbers of a schema, the first of them number first.
type Emit func(rows tensor.Matrix[float64], first int) error

// TableDraws says what rows of a table to draw: First and the N - 1 after it of Total.
// They depend on Seed and their number, those of Where and Balance on Total too, so
// that parts of a table make up the whole.
type TableDraws struct {
	sample.Config
	// Total is the number of rows of the whole, 0 if it ends with these.
	Total int
	// Where, if not nil, is what the rows satisfy.
	Where *where.Condition
	// Balance, if not nil, is a column of levels of which each is had by as many
	// rows as any other.
	Balance *int
	// Seek is told how many rows have been drawn to find those of Where or Balance.
	// Optional.
	Seek func(drawn int)
}

// TableStats tells what drawing took.
type TableStats struct {
	solve.Stats
	// Tried is the number of rows that were looked at to find those of Where or Balance,
	// and Found those that were. Given is the number of rows that were drawn given
	// their cells in the columns that these name, for want of more.
	Tried, Found, Given int
}

// DrawTable draws rows of a model of tables in the numbers of its schema and hands
// them to emit, chunk by chunk, so that any number of them takes no more memory
// than a few.
func (s *Saved) DrawTable(ctx context.Context, d TableDraws, emit Emit) (TableStats, error) {
	if _, err := s.tableOf(); err != nil {
		return TableStats{}, err
	}
	switch {
	case d.Where != nil && d.Balance != nil:
		return TableStats{}, &flow.FieldError{Path: "balance", Msg: "goes without a condition: give one or the other"}
	case d.Where != nil:
		return s.drawWhere(ctx, d, emit)
	case d.Balance != nil:
		return s.drawBalanced(ctx, d, emit)
	}
	return s.drawAll(ctx, d, emit)
}

// drawAll draws all rows. The next chunk is drawn while one is handed on.
func (s *Saved) drawAll(ctx context.Context, d TableDraws, emit Emit) (total TableStats, err error) {
	type chunk struct {
		z     tensor.Mat
		first int
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	chunks, end := make(chan chunk), make(chan error, 1)
	go func() {
		defer close(chunks)
		end <- d.chunks(func(part sample.Config) error {
			z, stats, err := sample.Latent(ctx, s.Model, part)
			if err != nil {
				return err
			}
			total.add(stats, float64(part.N)/float64(d.N))
			select {
			case chunks <- chunk{z, part.First}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	for c := range chunks {
		rows, err := s.cells(c.z)
		if err == nil {
			err = emit(rows, c.first)
		}
		if err != nil {
			stop()
			for range chunks { // until the drawing has stopped
			}
			return total, err
		}
	}
	return total, <-end
}

func (t *TableStats) add(s solve.Stats, share float64) {
	t.NFE += share * s.NFE
	t.MaxNFE = max(t.MaxNFE, s.MaxNFE)
}

// chunks calls do for the rows of d, tableChunk at a time.
func (d TableDraws) chunks(do func(part sample.Config) error) error {
	for lo := 0; lo < d.N; lo += tableChunk {
		part := d.Config
		part.N, part.First = min(tableChunk, d.N-lo), d.First+lo
		if err := do(part); err != nil {
			return err
		}
	}
	return nil
}

// drawCells is sample.Draw in the numbers of the schema.
func (s *Saved) drawCells(ctx context.Context, c sample.Config) (tensor.Matrix[float64], solve.Stats, error) {
	z, stats, err := sample.Latent(ctx, s.Model, c)
	if err != nil {
		return tensor.Matrix[float64]{}, stats, err
	}
	rows, err := s.cells(z)
	return rows, stats, err
}

// givable returns an error unless the model was trained to be given columns.
func (s *Saved) givable() error {
	if s.Model.Cond.Mask {
		return nil
	}
	return fmt.Errorf("%w: the model was not trained to be given columns, which takes the family flow, its objective velocity and a Gaussian source", flow.ErrConfig)
}

// drawGiven draws rows that have the given cells in some columns.
func (s *Saved) drawGiven(ctx context.Context, c sample.Config, given tensor.Matrix[float64], columns []int) (tensor.Matrix[float64], solve.Stats, error) {
	var none tensor.Matrix[float64]
	if err := s.givable(); err != nil {
		return none, solve.Stats{}, err
	}
	t, err := s.tableOf()
	if err != nil {
		return none, solve.Stats{}, err
	}
	known := make([]bool, len(given.Data))
	for i := range given.N {
		for _, j := range columns {
			known[i*given.D+j] = true
		}
	}
	c.Cond.Observed, c.Cond.Mask = tensor.New(given.N, t.Dim()), tensor.New(given.N, t.Dim())
	if err := t.ForwardKnown(c.Cond.Observed, c.Cond.Mask, given, known); err != nil {
		return none, solve.Stats{}, err
	}
	z, stats, err := sample.Latent(ctx, s.Model, c)
	if err != nil {
		return none, stats, err
	}
	// Curves are those of whole rows, whose margins these have not.
	rows := tensor.NewOf[float64](z.N, given.D)
	if err := t.Unbent().Inverse(rows, z); err != nil {
		return none, stats, err
	}
	for k, is := range known {
		if is { // the same number, whatever float32 made of it
			rows.Data[k] = given.Data[k]
		}
	}
	return rows, stats, nil
}

// imputeTries is how often a gap is drawn anew that the model leaves open.
const imputeTries = 64

// Impute fills the gaps of rows in the numbers of the schema, NaN, by draws given
// the other cells of their row. Row i depends on c.Seed, c.First + i and its own
// cells only; c.N is not used. Columns that the model does not learn stay as they
// are.
func (s *Saved) Impute(ctx context.Context, c sample.Config, rows tensor.Matrix[float64]) error {
	if err := s.givable(); err != nil {
		return err
	}
	t, err := s.tableOf()
	if err != nil {
		return err
	}
	for j, column := range t.Schema().Columns {
		for i := range rows.N {
			if v := &rows.Row(i)[j]; column.Kind == table.Constant && len(column.Levels) == 1 && math.IsNaN(*v) {
				*v = 0
			}
		}
	}
	learnt := map[int]bool{}
	for _, b := range t.Blocks() {
		learnt[b.Column] = true
	}
	gap := func(row []float64) bool {
		for j, v := range row {
			if math.IsNaN(v) && learnt[j] {
				return true
			}
		}
		return false
	}
	// Rows are done one by one where the model is concerned: each has noise of its
	// own number.
	var todo []int
	for i := range rows.N {
		if gap(rows.Row(i)) {
			todo = append(todo, i)
		}
	}
	for try := 0; len(todo) > 0; try++ {
		part := tensor.NewOf[float64](len(todo), rows.D)
		for k, i := range todo {
			copy(part.Row(k), rows.Row(i))
		}
		observed, mask := tensor.New(part.N, t.Dim()), tensor.New(part.N, t.Dim())
		if err := t.ForwardObserved(observed, mask, part); err != nil {
			return err
		}
		draw := c
		draw.Seed = c.Seed.Split("impute").At(uint64(try))
		draw.N, draw.Rows = part.N, make([]int, part.N)
		for k, i := range todo {
			draw.Rows[k] = c.First + i
		}
		draw.Cond.Observed, draw.Cond.Mask = observed, mask
		z, _, err := sample.Latent(ctx, s.Model, draw)
		if err != nil {
			return err
		}
		if try == imputeTries {
			if err := s.drawPresent(t, z, draw); err != nil {
				return err
			}
		}
		drawn := tensor.NewOf[float64](part.N, part.D)
		if err := t.Unbent().Inverse(drawn, z); err != nil {
			return err
		}
		var left []int
		for k, i := range todo {
			if try < imputeTries && open(part.Row(k), drawn.Row(k), learnt) {
				left = append(left, i)
				continue
			}
			for j, v := range part.Row(k) {
				if math.IsNaN(v) {
					rows.Row(i)[j] = drawn.Row(k)[j]
				}
			}
		}
		todo = left
	}
	return nil
}

// drawPresent draws anew what is still missing in rows that were drawn as c has it: of
// the other options, by their chances given the cells that are known.
func (s *Saved) drawPresent(t *table.Transform, z tensor.Mat, c sample.Config) error {
	start, err := sample.Start(s.Model, c)
	if err != nil {
		return err
	}
	f, err := sample.Field(s.Model, c, 0, c.N)
	if err != nil {
		return err
	}
	means := tensor.New(z.N, z.D)
	if err := f.Velocity(means, start, 0); err != nil {
		return err
	}
	for k, v := range start.Data { // E[x1] = x0 + v, where x0 of a mask is 0
		means.Data[k] += v
	}
	return t.DrawPresent(z, means, func(i int) rng.Key { return c.Seed.Split("present").At(uint64(c.Rows[i])) })
}

// open reports whether a gap of a row is a gap in what was drawn for it.
func open(row, drawn []float64, learnt map[int]bool) bool {
	for j, v := range row {
		if math.IsNaN(v) && math.IsNaN(drawn[j]) && learnt[j] {
			return true
		}
	}
	return false
}
