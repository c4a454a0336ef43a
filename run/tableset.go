package run

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime"
	"strings"
	"sync"

	"laminar/data"
	"laminar/data/table"
	"laminar/flow"
	"laminar/recipe"
	"laminar/rng"
	"laminar/tensor"
)

// tableForm is what a row of a model of tables stands for: the cells of a schema,
// as coordinates.
type tableForm struct{ *table.Transform }

func (tableForm) Kind() string { return recipe.Table }

// MarshalJSON writes the transform, which is its schema and encoding.
func (f tableForm) MarshalJSON() ([]byte, error) { return json.Marshal(f.Transform) }

// tableSet is a file of mixed columns. Its rows are coordinates already: the
// numbers of a cell may need more digits than float32 has.
type tableSet struct {
	path   string
	source table.Source
	form   tableForm
	given  bool // rows know what is observed of them
	// remarks are those about columns, for the user.
	remarks []string
}

// gatherTable reads the schema of the table that d names, in two passes.
func gatherTable(p *pass, d *recipe.Data) (*tableSet, error) {
	p.stage = "checksum"
	sum, err := p.digest(d.Name)
	if err != nil {
		return nil, err
	}
	o := table.InferOptions{Rare: d.Rare}
	var read table.ReadOptions
	if d.Schema != "" {
		if o.Given, err = ReadSchema(d.Schema); err != nil {
			return nil, err
		}
		text, err := os.ReadFile(d.Schema)
		if err != nil {
			return nil, explain(d.Schema, err)
		}
		both := sha256.Sum256(append([]byte(sum), text...))
		sum = hex.EncodeToString(both[:])
		read = asGiven(o.Given.Format)
	}
	if err := held(&d.Digest, sum, d.Name); err != nil {
		return nil, err
	}
	p.stage = "encoding"
	src, file, err := openTable(p, d.Name, read)
	if err != nil {
		return nil, explain(d.Name, err)
	}
	set := &tableSet{path: d.Name, source: src}
	runtime.AddCleanup(set, func(f io.Closer) { f.Close() }, file)
	s, err := p.understand(src, o)
	if err != nil {
		return nil, err
	}
	p.stage = "rows"
	// A remark may quote a cell, which is not for the model file.
	for j := range s.Columns {
		c := &s.Columns[j]
		for _, n := range c.Notes {
			set.remarks = append(set.remarks, c.Name+": "+n)
		}
		c.Notes = nil
	}
	if set.form.Transform, err = table.NewTransform(s, table.DefaultEncoding()); err != nil {
		return nil, fmt.Errorf("%s: %w", d.Name, err)
	}
	return set, nil
}

// asGiven reads a file as the format of an edited schema says that it is written.
func asGiven(f table.Format) table.ReadOptions {
	if f.Kind != "csv" {
		return table.ReadOptions{}
	}
	header := "no"
	if f.Header {
		header = "yes"
	}
	return table.ReadOptions{Delimiter: f.Delimiter, Header: header, Encoding: f.Encoding}
}

// Suit is the method of recipe.Set. It leaves room for conditions only where the
// model can be given some.
func (s *tableSet) Suit(r *recipe.Recipe) error {
	s.given = takesGiven(r)
	before := *r
	s.form.suit(r)
	if said := suited(before, *r); said != "" {
		s.remarks = append([]string{fmt.Sprintf("suited to %d rows: %s", s.form.Schema().Rows, said)}, s.remarks...)
	}
	return nil
}

// suited says in words what suit changed of the preset.
func suited(before, after recipe.Recipe) string {
	var parts []string
	for _, v := range []struct {
		name    string
		was, is any
	}{
		{"width", before.Network.Width, after.Network.Width},
		{"depth", before.Network.Depth, after.Network.Depth},
		{"batch", before.Train.Batch, after.Train.Batch},
		{"steps", before.Train.Steps, after.Train.Steps},
		{"rate", before.Optim.Rate, after.Optim.Rate},
		{"choices by", before.Path.ChoicesBy, after.Path.ChoicesBy},
		{"drop", before.Drop, after.Drop},
	} {
		if v.was != v.is {
			parts = append(parts, fmt.Sprintf("%s %v (was %v)", v.name, v.is, v.was))
		}
	}
	return strings.Join(parts, ", ")
}

// suit completes a recipe as its rows have it.
func (f tableForm) suit(r *recipe.Recipe) {
	if r.Suited {
		return
	}
	r.Suited = true
	given := takesGiven(r)
	if !given {
		r.Drop = 0
	}
	// What the recipe has as its preset has it suits tables of many rows; the post's
	// stays as it is.
	p, err := recipe.PresetFor(recipe.Table, r.Preset)
	if err != nil || r.Preset == "post" {
		return
	}
	if rows := f.Schema().Rows; rows >= fewRows {
		suitFew(&r.Train.Steps, p.Train.Steps, min(p.Train.Steps, passes*rows/max(r.Train.Batch, 1)))
	} else {
		suitFew(&r.Network.Width, p.Network.Width, min(p.Network.Width, 192))
		suitFew(&r.Network.Depth, p.Network.Depth, 5)
		suitFew(&r.Train.Batch, p.Train.Batch, min(p.Train.Batch, 256))
		suitFew(&r.Train.Steps, p.Train.Steps, min(p.Train.Steps, f.fewSteps()))
		suitFew(&r.Optim.Rate, p.Optim.Rate, 5e-3)
		if given {
			suitFew(&r.Drop, p.Drop, 0.9)
		}
		if s, err := r.Schedule(); given && err == nil && s != nil { // else levels are numbers to it
			suitFew(&r.Path.ChoicesBy, p.Path.ChoicesBy, f.choicesBy())
		}
	}
}

// values is the number of quantities.
func (f tableForm) values() (n int) {
	for _, b := range f.Blocks() {
		if b.Role == table.Value {
			n++
		}
	}
	return n
}

// fewSteps is the length of training of a small table: two steps for each cell that is
// a quantity, within bounds. Levels are learnt sooner, and by heart sooner.
func (f tableForm) fewSteps() int {
	return min(max(2*f.values()*f.Schema().Rows, leastSteps), mostSteps)
}

// choicesBy is the time by which a small table's choices are made: early, so that
// numbers flow with them known, but with as much of the time as they are of all that is
// to be drawn.
func (f tableForm) choicesBy() float64 {
	choices := len(choicesOf(f.Transform))
	if choices == 0 {
		return 0
	}
	return max(earliest, float64(choices)/float64(choices+f.values()))
}

// What small tables are trained for: a number of steps between leastSteps and mostSteps,
// with choices made by earliest where they are few.
const (
	leastSteps = 2000
	mostSteps  = 12000
	earliest   = 0.15
)

// takesGiven tells whether a model of the recipe can be given some of its columns.
func takesGiven(r *recipe.Recipe) bool {
	return r.Family == "flow" && r.Objective == "velocity" && r.Source == "gaussian"
}

// suitFew puts what suits few rows where the preset's value is unchanged.
func suitFew[T comparable](at *T, preset, few T) {
	if *at == preset {
		*at = few
	}
}

// fewRows is the number of rows below which a table has a smaller network, and
// passes the number of times that training sees the rows of any other at most:
// beyond it the held-out loss tells little, and samples come nearer to the rows.
const (
	fewRows = 5000
	passes  = 250
)

// Choices is the method of recipe.Choosing.
func (s *tableSet) Choices() []flow.Choice { return choicesOf(s.form.Transform) }

func choicesOf(t *table.Transform) []flow.Choice {
	var out []flow.Choice
	for _, b := range t.Blocks() {
		if b.Role != table.Choice {
			continue
		}
		at := b.Offset
		for _, n := range b.Digits {
			c := flow.Choice{Offset: at, Options: n}
			if n == 1 {
				at++
				continue // nothing to choose
			}
			c.Lo, c.Hi = t.Corner(n)
			out = append(out, c)
			at += c.Width()
		}
	}
	return out
}

// Form is the method of recipe.Set.
func (s *tableSet) Form() recipe.Form { return s.form }

// Transform is the identity: the rows are coordinates.
func (s *tableSet) Transform() data.Transform { return data.Identity{} }

// Notes tells what was found in the columns.
func (s *tableSet) Notes() []string {
	schema := s.form.Schema()
	out := []string{fmt.Sprintf("a table of %d rows and %d columns, %d coordinates for the network; laminar schema %s shows each column", schema.Rows, len(schema.Columns), s.form.Dim(), s.path)}
	for _, e := range table.Kinds() {
		var names []string
		for _, c := range schema.Columns {
			if c.Kind == e.Kind {
				names = append(names, c.Name)
			}
		}
		if len(names) == 0 {
			continue
		}
		const most = 12
		more := ""
		if len(names) > most {
			names, more = names[:most], fmt.Sprintf(" and %d more", len(names)-most)
		}
		about := ""
		switch e.Kind {
		case table.Text:
			about = ", left empty in samples"
		case table.Identifier:
			about = ", made afresh"
		}
		out = append(out, fmt.Sprintf("%s%s: %s%s", e.Kind, about, strings.Join(names, ", "), more))
	}
	const most = 10
	out = append(out, s.remarks[:min(most, len(s.remarks))]...)
	if more := len(s.remarks) - most; more > 0 {
		out = append(out, fmt.Sprintf("%d more remarks: laminar schema %s", more, s.path))
	}
	return out
}

// tableMemory is what the rows of a table may take of memory before they go to a
// temporary file.
var tableMemory = 64 << 20

// Split is the method of recipe.Set: it reads the rows, and keeps a share of
// them, drawn row by row, from training.
func (s *tableSet) Split(heldOut float64, key rng.Key) (train, held data.RowSource, err error) {
	schema := s.form.Schema()
	a, b := table.NewRows(schema, tableMemory, temporary), table.NewRows(schema, tableMemory, temporary)
	least := 2
	if schema.Rows < 20 {
		heldOut = 0 // too few to keep some from training
	}
	row := 0
	for values, err := range table.Parsed(s.source, schema) {
		if err != nil {
			return nil, nil, err
		}
		to := a
		draw := key.At(uint64(row)).Stream()
		if draw.Float64() < heldOut {
			to = b
		}
		if err := to.Append(values); err != nil {
			return nil, nil, err
		}
		row++
	}
	if err := errors.Join(a.Seal(), b.Seal()); err != nil {
		return nil, nil, err
	}
	if a.Len() == 0 {
		return nil, nil, fmt.Errorf("%w: %s: all rows are held out: --held-out %v leaves none to train on", flow.ErrConfig, s.path, heldOut)
	}
	t := newTableRows(a, s.form.Transform, s.given)
	if b.Len() < least {
		return t, nil, nil
	}
	return t, newTableRows(b, s.form.Transform, s.given), nil
}

// temporary returns a file that is gone when it is no longer used.
func temporary() (table.Spill, error) {
	f, err := os.CreateTemp("", "laminar-rows-*")
	if err != nil {
		return nil, explain(os.TempDir(), err)
	}
	_ = os.Remove(f.Name()) // where open files cannot be removed, the cleanup does it
	t := &tempFile{f}
	runtime.AddCleanup(t, func(f *os.File) {
		f.Close()
		_ = os.Remove(f.Name())
	}, f)
	return t, nil
}

type tempFile struct{ *os.File }

// tableRows are rows of a table in the network's space: a data.RowSource. Each row
// knows which of its columns are observed: any number of them, drawn for each row
// by chance, and of a quantity sometimes only that it is a plain value.
type tableRows struct {
	rows  *table.Rows
	t     *table.Transform
	given bool
	work  sync.Pool // of *tensor.Matrix[float64]
}

func newTableRows(rows *table.Rows, t *table.Transform, given bool) *tableRows {
	return &tableRows{rows: rows, t: t, given: given}
}

func (s *tableRows) Dim() int                { return s.t.Dim() }
func (s *tableRows) Len() int                { return s.rows.Len() }
func (s *tableRows) CondSpec() flow.CondSpec { return flow.CondSpec{Mask: s.given} }

// Values returns n rows, drawn by key, in the numbers of the schema and in their
// order, or all if they are fewer.
func (s *tableRows) Values(n int, key rng.Key) (tensor.Matrix[float64], error) {
	out := tensor.NewOf[float64](min(n, s.rows.Len()), len(s.t.Schema().Columns))
	k := 0
	for i := range s.picked(n, key) {
		if err := s.rows.At(out.Row(k), i); err != nil {
			return out, err
		}
		k++
	}
	return out, nil
}

// picked yields the numbers of n rows drawn by key, in ascending order, or all if
// they are fewer.
func (s *tableRows) picked(n int, key rng.Key) iter.Seq[int] {
	return func(yield func(int) bool) {
		all := s.rows.Len()
		left := min(n, all)
		draw := key.Stream()
		for i := 0; left > 0; i++ { // each row with the chance that leaves n
			if draw.Float64()*float64(all-i) >= float64(left) {
				continue
			}
			if left--; !yield(i) {
				return
			}
		}
	}
}

// Draw is the method of flow.Dataset: rows are dealt as data.Deal has it.
func (s *tableRows) Draw(dst flow.Sample, key rng.Key, i int) error {
	if i < 0 {
		return fmt.Errorf("%w: draw %d of a data set", flow.ErrConfig, i)
	}
	x := s.space(dst.X.N)
	defer s.work.Put(x)
	err := data.Deal(key, s.rows.Len(), i, dst.X.N, func(r, from int) error { return s.rows.At(x.Row(r), from) })
	if err != nil {
		return err
	}
	return s.put(dst, *x, key.Split("cells").At(uint64(i)), 0)
}

// DrawAt is the method of data.RowSource.
func (s *tableRows) DrawAt(dst flow.Sample, key rng.Key, first int) error {
	x := s.space(dst.X.N)
	defer s.work.Put(x)
	for r := range dst.X.N {
		pick := key.At(uint64(first + r)).Stream()
		if err := s.rows.At(x.Row(r), pick.IntN(s.rows.Len())); err != nil {
			return err
		}
	}
	return s.put(dst, *x, key.Split("cells"), first)
}

func (s *tableRows) space(n int) *tensor.Matrix[float64] {
	if x, ok := s.work.Get().(*tensor.Matrix[float64]); ok && x.N == n {
		return x
	}
	x := tensor.NewOf[float64](n, len(s.t.Schema().Columns))
	return &x
}

// put writes rows, the first of them number first, as coordinates.
func (s *tableRows) put(dst flow.Sample, x tensor.Matrix[float64], key rng.Key, first int) error {
	if err := s.t.ForwardSpread(dst.X, x, key, uint64(first)); err != nil {
		return err
	}
	if !s.given {
		return nil
	}
	key = key.Split("observed")
	for r := range x.N {
		draw := key.At(uint64(first + r)).Stream()
		s.t.Hide(dst.Cond.Mask.Row(r), x.Row(r), &draw)
		copy(dst.Cond.Observed.Row(r), dst.X.Row(r))
	}
	return nil
}
