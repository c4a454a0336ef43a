package table

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sync"

	"laminar/flow"
)

// Spill is where Rows go that do not fit into memory: an empty file.
type Spill interface {
	io.Writer
	io.ReaderAt
}

// Rows keeps rows of a schema in few bytes: one, two or four for a level, eight
// for a quantity, none for an identifier or free text. Rows beyond a limit of
// memory all go to a Spill, where they can be had in any order just the same.
//
// Append is for one goroutine; after Seal, At is safe for concurrent use.
type Rows struct {
	widths []int
	size   int
	n      int
	pieces [][]byte // of each rows, those that are in memory
	each   int
	limit  int
	open   func() (Spill, error)
	spill  Spill
	work   sync.Pool // of *[]byte, one row
}

// pieceBytes is about what a piece of memory takes, and is written to a Spill at a
// time.
const pieceBytes = 1 << 20

// NewRows returns no rows yet of s, which may take limit bytes of memory. spill is
// called once if they are more; nil is for memory without limit.
func NewRows(s *Schema, limit int, spill func() (Spill, error)) *Rows {
	r := &Rows{limit: limit, open: spill}
	for j := range s.Columns {
		c := &s.Columns[j]
		w := 0
		switch {
		case c.Kind.measured():
			w = 8
		case c.Kind.levelled() && len(c.Levels) < math.MaxUint8:
			w = 1
		case c.Kind.levelled() && len(c.Levels) < math.MaxUint16:
			w = 2
		case c.Kind.levelled():
			w = 4
		}
		r.widths = append(r.widths, w)
		r.size += w
	}
	r.each = max(min(pieceBytes, limit)/max(r.size, 1), 1)
	r.work.New = func() any {
		b := make([]byte, r.size)
		return &b
	}
	return r
}

// Len is the number of rows.
func (r *Rows) Len() int { return r.n }

// Spilled reports whether the rows are in a Spill.
func (r *Rows) Spilled() bool { return r.spill != nil }

// Append adds a row, which is copied. The error is that of the Spill, or wraps
// flow.ErrShape.
func (r *Rows) Append(row []float64) error {
	if len(row) != len(r.widths) {
		return fmt.Errorf("%w: a row of %d values for %d columns", flow.ErrShape, len(row), len(r.widths))
	}
	if r.n%r.each == 0 {
		if err := r.begin(); err != nil {
			return err
		}
	}
	last := len(r.pieces) - 1
	mem := r.pieces[last]
	for j, v := range row {
		// One more than the level, 0 for missing.
		code := uint64(0)
		if !math.IsNaN(v) {
			code = uint64(int64(v)) + 1
		}
		switch r.widths[j] {
		case 1:
			mem = append(mem, byte(code))
		case 2:
			mem = binary.LittleEndian.AppendUint16(mem, uint16(code))
		case 4:
			mem = binary.LittleEndian.AppendUint32(mem, uint32(code))
		case 8:
			mem = binary.LittleEndian.AppendUint64(mem, math.Float64bits(v))
		}
	}
	r.pieces[last] = mem
	r.n++
	return nil
}

// begin makes room for a piece.
func (r *Rows) begin() error {
	if r.spill == nil && r.open != nil && (r.n+r.each)*r.size > r.limit {
		var err error
		if r.spill, err = r.open(); err != nil {
			return err
		}
	}
	if r.spill == nil || len(r.pieces) == 0 {
		r.pieces = append(r.pieces, make([]byte, 0, r.each*r.size))
		return nil
	}
	if err := r.flush(); err != nil {
		return err
	}
	r.pieces = [][]byte{r.pieces[0][:0]}
	return nil
}

func (r *Rows) flush() error {
	for _, p := range r.pieces {
		if _, err := r.spill.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// Seal ends the appending.
func (r *Rows) Seal() error {
	if r.spill == nil {
		return nil
	}
	err := r.flush()
	r.pieces = nil
	return err
}

// At writes row i to dst.
func (r *Rows) At(dst []float64, i int) error {
	if i < 0 || i >= r.n || len(dst) != len(r.widths) {
		return fmt.Errorf("%w: row %d of %d into %d values of %d", flow.ErrShape, i, r.n, len(dst), len(r.widths))
	}
	var b []byte
	if r.spill == nil {
		b = r.pieces[i/r.each][i%r.each*r.size:][:r.size]
	} else {
		p := r.work.Get().(*[]byte)
		defer r.work.Put(p)
		b = *p
		if _, err := r.spill.ReadAt(b, int64(i)*int64(r.size)); err != nil {
			return fmt.Errorf("reading row %d back: %w", i+1, err)
		}
	}
	for j, w := range r.widths {
		code := uint64(0)
		switch w {
		case 1:
			code = uint64(b[0])
		case 2:
			code = uint64(binary.LittleEndian.Uint16(b))
		case 4:
			code = uint64(binary.LittleEndian.Uint32(b))
		case 8:
			dst[j] = math.Float64frombits(binary.LittleEndian.Uint64(b))
			b = b[8:]
			continue
		}
		b = b[w:]
		dst[j] = missing
		if code > 0 {
			dst[j] = float64(code - 1)
		}
	}
	return nil
}
