package run

import (
	"context"
	"errors"
	"fmt"

	"laminar/data/table"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Rows of a kind are found among those that the model draws. Blocks of keptBlock rows
// have candidates of their own, so that each part of the rows is what it is in the
// whole: whereTries for each row at most, but the first block no fewer than leastTries.
var (
	keptBlock  = 1 << 12
	whereTries = 20
	leastTries = 1 << 18
)

// wanted is which rows are wanted of a model.
type wanted struct {
	// begin begins the block of the rows lo to hi-1: take decides, in their order,
	// which candidates are taken for it, and give then writes the cells of columns for
	// each row that is left open, where found is a row that was taken for another.
	begin   func(lo, hi int) (take func(row []float64) bool, give func(row, found []float64))
	columns []int
}

// ErrNone tells that the model draws no row of the kind that was asked for.
var ErrNone = errors.New("no such row")

// drawWhere draws the rows of a condition. Where it is rare, the cells of the found
// rows in the columns that it names are used again.
func (s *Saved) drawWhere(ctx context.Context, d TableDraws, emit Emit) (TableStats, error) {
	stats, err := s.drawWanted(ctx, d, emit, wanted{columns: d.Where.Columns, begin: func(int, int) (func([]float64) bool, func(row, found []float64)) {
		return d.Where.Holds, func(row, found []float64) { copy(row, found) }
	}})
	if errors.Is(err, ErrNone) {
		return stats, fmt.Errorf("%w: none of %d rows that the model drew satisfies the condition: its share is below %.2g %%", ErrNone, stats.Tried, 300/float64(stats.Tried))
	}
	return stats, err
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
		return TableStats{}, &flow.FieldError{Path: "balance", Msg: fmt.Sprintf("the column %q is of kind %s; balance one of levels: a category, ordered or boolean", c.Name, c.Kind)}
	}
	if len(c.Levels) == 0 {
		return TableStats{}, &flow.FieldError{Path: "balance", Msg: fmt.Sprintf("the column %q has no levels: all its cells were missing", c.Name)}
	}
	stats, err := s.drawWanted(ctx, d, emit, wanted{columns: []int{j}, begin: func(lo, hi int) (func([]float64) bool, func(row, _ []float64)) {
		left, level := make([]int, len(c.Levels)), 0
		for i := lo; i < hi; i++ {
			left[i%len(left)]++
		}
		take := func(row []float64) bool {
			k := int(row[j])
			if row[j] != row[j] || left[k] == 0 {
				return false
			}
			left[k]--
			return true
		}
		give := func(row, _ []float64) {
			for left[level] == 0 {
				level++
			}
			left[level]--
			row[j] = float64(level)
		}
		return take, give
	}})
	if errors.Is(err, ErrNone) {
		return stats, fmt.Errorf("%w: none of %d rows that the model drew has a level of %q: it is missing in all", ErrNone, stats.Tried, c.Name)
	}
	return stats, err
}

// search is a search for rows of a kind.
type search struct {
	s     *Saved
	d     TableDraws
	want  wanted
	total int // rows of the whole
	stats TableStats
	drawn int
	spent float64
	pool  tensor.Matrix[float64] // what the first block has found
}

// drawWanted draws whole rows and keeps those of a kind, which are distributed as the
// model's rows of that kind. Where a block finds too few, the others have the cells
// that give writes in the given columns, and are drawn given those; if none is found,
// none is drawn.
func (s *Saved) drawWanted(ctx context.Context, d TableDraws, emit Emit, want wanted) (TableStats, error) {
	w := &search{s: s, d: d, want: want, total: max(d.Total, d.First+d.N)}
	err := w.draw(ctx, emit)
	w.stats.NFE = w.spent / float64(max(w.drawn, 1))
	return w.stats, err
}

func (w *search) draw(ctx context.Context, emit Emit) error {
	end := w.d.First + w.d.N
	for at := w.d.First; at < end; {
		lo := at - at%keptBlock
		until := min(lo+keptBlock, end)
		found, give, err := w.block(ctx, lo, until, func(rows tensor.Matrix[float64], first int) error {
			if skip := at - first; skip > 0 { // of another part
				if skip >= rows.N {
					return nil
				}
				rows, first = rows.Rows(skip, rows.N), at
			}
			return emit(rows, first)
		})
		if err != nil {
			return err
		}
		if from := lo + found; from < until {
			if err := w.rest(ctx, give, lo, from, max(from, at), until, emit); err != nil {
				return err
			}
		}
		at = until
	}
	return nil
}

// scattered are numbers for n candidates from the first on. Rows in line are spread
// evenly over the options (package solve), so that which comes after one that is left
// out would not be chance alone; numbers far apart are as independent draws.
func scattered(key rng.Key, first, n int) []int {
	out := make([]int, n)
	for i := range out {
		draw := key.Split("number").At(uint64(first + i)).Stream()
		out[i] = int(draw.Uint64() >> 2)
	}
	return out
}

// block finds rows of the block that begins at lo, as far as the row until, and hands
// them on as they come. It returns how many there are, and what gives the others their
// cells.
func (w *search) block(ctx context.Context, lo, until int, emit Emit) (found int, give func(row, found []float64), err error) {
	hi := min(lo+keptBlock, w.total)
	most := whereTries * (hi - lo)
	if lo == 0 {
		most = max(most, leastTries)
	}
	take, give := w.want.begin(lo, hi)
	part := w.d.Config
	part.Seed = w.d.Seed.Split("kept").At(uint64(lo / keptBlock))
	tried := 0
	for tried < most && found < until-lo {
		need := until - lo - found
		part.First, part.N = tried, 2*need
		if tried > 0 { // as many as are likely to do
			part.N = need * (tried/max(found, 1) + 1)
		}
		part.N = min(max(part.N, 1024), tableChunk, most-tried)
		part.Rows = scattered(part.Seed, tried, part.N)
		rows, stats, err := w.s.drawCells(ctx, part)
		if err != nil {
			return found, give, err
		}
		tried += rows.N
		w.drawn += rows.N
		if w.d.Seek != nil {
			w.d.Seek(w.drawn)
		}
		w.spent += stats.NFE * float64(rows.N)
		w.stats.MaxNFE = max(w.stats.MaxNFE, stats.MaxNFE)
		kept := tensor.Matrix[float64]{D: rows.D}
		for i := 0; i < rows.N && kept.N < need; i++ {
			w.stats.Tried++
			if take(rows.Row(i)) {
				w.stats.Found++
				kept.Data, kept.N = append(kept.Data, rows.Row(i)...), kept.N+1
			}
		}
		if kept.N == 0 {
			continue
		}
		if lo == 0 {
			w.pool.Data, w.pool.N, w.pool.D = append(w.pool.Data, kept.Data...), w.pool.N+kept.N, kept.D
		}
		if err := emit(kept, lo+found); err != nil {
			return found, give, err
		}
		found += kept.N
	}
	return found, give, nil
}

// rest draws the rows from first to until-1 of the block at lo, which found rows as
// far as from, given their columns. The error is ErrNone where the first block, whose
// rows are used again, has none.
func (w *search) rest(ctx context.Context, give func(row, found []float64), lo, from, first, until int, emit Emit) error {
	t, err := w.s.tableOf()
	if err != nil {
		return err
	}
	if w.pool.N == 0 && lo > 0 {
		nowhere := func(tensor.Matrix[float64], int) error { return nil }
		if _, _, err := w.block(ctx, 0, min(keptBlock, w.total), nowhere); err != nil {
			return err
		}
	}
	if w.pool.N == 0 {
		return ErrNone
	}
	all := tensor.NewOf[float64](until-from, len(t.Schema().Columns))
	for i := range all.N {
		give(all.Row(i), w.pool.Row((from+i)%w.pool.N))
	}
	given := all.Rows(first-from, all.N)
	part := w.d.Config
	part.First, part.N = first, given.N
	rows, stats, err := w.s.drawGiven(ctx, part, given, w.want.columns)
	if err != nil {
		return err
	}
	w.stats.MaxNFE = max(w.stats.MaxNFE, stats.MaxNFE)
	w.stats.Given += rows.N
	return emit(rows, first)
}
