package run

import (
	"context"
	"fmt"
	"math"

	"laminar/data/table"
	"laminar/data/table/where"
	"laminar/flow"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// tableChunk is the number of rows of a table that are drawn at a time.
const tableChunk = 1 << 14

// Emit takes rows in the numbers of a schema, the first of them number first.
type Emit func(rows tensor.Matrix[float64], first int) error

// TableDraws says what rows of a table to draw. All of them depend on Seed and on
// their number only; those of Where and Balance on First too.
type TableDraws struct {
	sample.Config
	// Where, if not nil, is what the rows satisfy.
	Where *where.Condition
	// Balance, if not nil, is a column of levels of which each is had by as many
	// rows as any other.
	Balance *int
}

// TableStats tells what drawing took.
type TableStats struct {
	solve.Stats
	// Tried is the number of rows that were drawn to find those of Where or Balance,
	// and Found those that were. If they are fewer than asked for, the others were
	// drawn given their cells in the columns that these name.
	Tried, Found int
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
	var total TableStats
	return total, d.chunks(func(part sample.Config) error {
		rows, stats, err := s.drawCells(ctx, part)
		if err != nil {
			return err
		}
		total.add(stats, float64(part.N)/float64(d.N))
		return emit(rows, part.First)
	})
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
	rows, err := s.cells(z, c.Seed, c.First)
	return rows, stats, err
}

// whereTries and leastTries bound the rows that are drawn to find those of a
// condition: so many for each that is asked for, but no fewer than that.
const (
	whereTries = 20
	leastTries = 1 << 18
)

// drawWhere draws the rows of a condition. Where it is rare, the cells of the found
// rows in the columns that it names are used again.
func (s *Saved) drawWhere(ctx context.Context, d TableDraws, emit Emit) (TableStats, error) {
	var found tensor.Matrix[float64]
	stats, err := s.drawKept(ctx, d, emit, func(row []float64) bool {
		if !d.Where.Holds(row) {
			return false
		}
		if found.D = len(row); found.N < tableChunk {
			found.Data, found.N = append(found.Data, row...), found.N+1
		}
		return true
	}, d.Where.Columns, func(row []float64, i int) { copy(row, found.Row(i%found.N)) })
	if err == nil && stats.Found == 0 && d.N > 0 {
		return stats, fmt.Errorf("%w: none of %d rows of the model satisfies the condition, so that its share is most likely below %.2g %%; ask for more than that", flow.ErrConfig, stats.Tried, 300/float64(stats.Tried))
	}
	return stats, err
}

// drawKept draws whole rows and keeps those that keep takes, which are distributed as
// the model's rows of that kind. If too few are found, the others have the cells that
// give writes for the i-th of them in the given columns, and are drawn given those; if
// none is found, none is drawn.
func (s *Saved) drawKept(ctx context.Context, d TableDraws, emit Emit, keep func(row []float64) bool, columns []int, give func(row []float64, i int)) (TableStats, error) {
	var total TableStats
	t, err := s.tableOf()
	if err != nil {
		return total, err
	}
	most := max(whereTries*d.N, leastTries)
	part := d.Config
	part.Seed = d.Seed.Split("kept").At(uint64(d.First))
	spent := 0.0
	for total.Tried < most && total.Found < d.N {
		part.First = total.Tried
		part.N = 2 * (d.N - total.Found)
		if total.Tried > 0 { // as many as are likely to do
			part.N = (d.N - total.Found) * (total.Tried/max(total.Found, 1) + 1)
		}
		part.N = min(max(part.N, 1024), tableChunk)
		rows, stats, err := s.drawCells(ctx, part)
		if err != nil {
			return total, err
		}
		total.Tried += rows.N
		spent += stats.NFE * float64(rows.N)
		total.MaxNFE = max(total.MaxNFE, stats.MaxNFE)
		var kept tensor.Matrix[float64]
		kept.D = rows.D
		for i := range rows.N {
			if total.Found+kept.N < d.N && keep(rows.Row(i)) {
				kept.Data, kept.N = append(kept.Data, rows.Row(i)...), kept.N+1
			}
		}
		if kept.N == 0 {
			continue
		}
		if err := emit(kept, d.First+total.Found); err != nil {
			return total, err
		}
		total.Found += kept.N
	}
	total.NFE = spent / float64(max(total.Tried, 1))
	if total.Found == 0 {
		return total, nil
	}
	rest := d
	rest.N, rest.First = d.N-total.Found, d.First+total.Found
	return total, rest.chunks(func(part sample.Config) error {
		given := tensor.NewOf[float64](part.N, len(t.Schema().Columns))
		for i := range part.N {
			give(given.Row(i), part.First-rest.First+i)
		}
		rows, stats, err := s.drawGiven(ctx, part, given, columns)
		if err != nil {
			return err
		}
		total.MaxNFE = max(total.MaxNFE, stats.MaxNFE)
		return emit(rows, part.First)
	})
}

// drawBalanced draws rows until each level of the column has its part of them.
func (s *Saved) drawBalanced(ctx context.Context, d TableDraws, emit Emit) (TableStats, error) {
	t, err := s.tableOf()
	if err != nil {
		return TableStats{}, err
	}
	j := *d.Balance
	c := &t.Schema().Columns[j]
	if c.Kind != table.Category && c.Kind != table.Ordered && c.Kind != table.Boolean {
		return TableStats{}, &flow.FieldError{Path: "balance", Msg: fmt.Sprintf("the column %q is a %s; balance one of levels: a category, ordered or boolean", c.Name, c.Kind)}
	}
	// The whole is balanced, and so each shard to within a row of a level.
	left := make([]int, len(c.Levels))
	for i := range d.N {
		left[(d.First+i)%len(left)]++
	}
	level := 0
	stats, err := s.drawKept(ctx, d, emit, func(row []float64) bool {
		k := int(row[j])
		if row[j] != row[j] || left[k] == 0 {
			return false
		}
		left[k]--
		return true
	}, []int{j}, func(row []float64, _ int) {
		for left[level] == 0 {
			level++
		}
		left[level]--
		row[j] = float64(level)
	})
	if err == nil && stats.Found == 0 && d.N > 0 {
		return stats, &flow.FieldError{Path: "balance", Msg: fmt.Sprintf("none of %d rows of the model has a level of %q: it is missing in all", stats.Tried, c.Name)}
	}
	return stats, err
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
	rows, stats, err := s.drawCells(ctx, c)
	if err != nil {
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
const imputeTries = 8

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
		z := observed.Clone()
		for k, i := range todo {
			noise := c.Seed.Split("impute").At(uint64(try)).At(uint64(c.First + i)).Stream()
			for q := range z.Row(k) {
				if v := float32(noise.NormFloat64()); mask.Row(k)[q] == 0 {
					z.Row(k)[q] = v
				}
			}
		}
		draw := c
		draw.N, draw.Cond.Observed, draw.Cond.Mask = part.N, observed, mask
		if _, err := sample.Carry(ctx, s.Model, draw, z, 0, 1); err != nil {
			return err
		}
		drawn := tensor.NewOf[float64](part.N, part.D)
		to := t.Inverse
		if try == imputeTries {
			to = t.InversePresent
		}
		if err := to(drawn, z); err != nil {
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

// open reports whether a gap of a row is a gap in what was drawn for it.
func open(row, drawn []float64, learnt map[int]bool) bool {
	for j, v := range row {
		if math.IsNaN(v) && math.IsNaN(drawn[j]) && learnt[j] {
			return true
		}
	}
	return false
}
