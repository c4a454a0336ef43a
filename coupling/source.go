package coupling

import (
	"context"
	"fmt"
	"sync"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Source is the flow.PairSource of two data sets and a coupling: batch i pairs
// draw i of the source with draw i of the data. It is safe for concurrent use,
// after Prepare or Restore if its coupling is a flow.Preparer, and allocates
// nothing once warm.
type Source struct {
	source, data flow.Dataset
	pairer       flow.Pairer
	block        int       // batches that are paired together
	scratch      sync.Pool // of *draws
	blocks       blocks
	prepared     bool
}

// draws is what one Fill, or one block, works on.
type draws struct {
	x0, x1 flow.Sample
	pairs  flow.Pairs
}

// NewSource returns the batches that pair joins from source (t = 0, often noise)
// and data (t = 1). Conditions are those of data; those of source, if it has
// any, are not used. The error wraps flow.ErrShape when the dimensions differ.
func NewSource(source, data flow.Dataset, pairer flow.Pairer) (*Source, error) {
	if source.Dim() != data.Dim() {
		return nil, fmt.Errorf("%w: the source has dimension %d, the data %d", flow.ErrShape, source.Dim(), data.Dim())
	}
	return &Source{source: source, data: data, pairer: pairer, block: 1}, nil
}

// Build returns the batches of the coupling that c describes. With c.Block = k
// above 1, k batches are drawn and paired together: batch i is part i mod k of
// block i/k, a pure function of (key, i) as ever, and the block is kept until
// its batches are dealt. The error is that of Config.Validate or NewSource.
func Build(c Config, source, data flow.Dataset) (*Source, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	pairer, err := New(c)
	if err != nil {
		return nil, err
	}
	s, err := NewSource(source, data, pairer)
	if err == nil && !s.chooses() {
		s.block = c.Block
	}
	return s, err
}

// chooser is a coupling that draws the data itself.
type chooser interface {
	choose(dst flow.Sample, x0 tensor.Mat, key rng.Key) error
}

func (s *Source) chooses() bool {
	_, ok := s.pairer.(chooser)
	return ok
}

// Dim is the dimension of both ends.
func (s *Source) Dim() int { return s.data.Dim() }

// CondSpec is that of the data.
func (s *Source) CondSpec() flow.CondSpec { return s.data.CondSpec() }

// Pairer returns the coupling.
func (s *Source) Pairer() flow.Pairer { return s.pairer }

// Prepare has the coupling learn what it must know of the whole source and data,
// once; it does nothing for those that learn nothing, or have. A run gives the
// same key whenever it begins or resumes.
func (s *Source) Prepare(ctx context.Context, key rng.Key) error {
	p, ok := s.pairer.(flow.Preparer)
	if !ok || s.prepared {
		return nil
	}
	if err := p.Prepare(ctx, s.source, s.data, key); err != nil {
		return fmt.Errorf("coupling: %w", err)
	}
	s.prepared = true
	return nil
}

// NeedsPrepare reports whether Fill waits for Prepare or Restore.
func (s *Source) NeedsPrepare() bool {
	_, ok := s.pairer.(flow.Preparer)
	return ok && !s.prepared
}

// State returns what Prepare has learnt, nil for couplings that learn nothing.
func (s *Source) State() ([]byte, error) {
	if p, ok := s.pairer.(flow.Preparer); ok {
		return p.State()
	}
	return nil, nil
}

// Restore takes a State in place of Prepare, under the same key.
func (s *Source) Restore(key rng.Key, state []byte) error {
	p, ok := s.pairer.(flow.Preparer)
	if !ok {
		return nil
	}
	if err := p.Restore(s.source, s.data, key, state); err != nil {
		return err
	}
	s.prepared = true
	return nil
}

// Fill overwrites b, made by flow.NewBatch, with batch i under key. The source
// is drawn under key.Split("source"), the data under key.Split("data"), and the
// coupling gets key.Split("pair").At(i), or that of the block. Errors name the
// batch.
func (s *Source) Fill(b *flow.Batch, key rng.Key, i int) error {
	if err := s.check(b); err != nil {
		return fmt.Errorf("batch %d: %w", i, err)
	}
	n := b.X0.N
	if s.block > 1 && n > 0 {
		k := s.blocks.take(s, key, n, i)
		defer s.blocks.leave(k)
		if k.err != nil {
			return fmt.Errorf("batch %d: %w", i, k.err)
		}
		k.deal(b, i%s.block*n)
		return nil
	}
	d, _ := s.scratch.Get().(*draws)
	if d == nil || d.x0.X.N != n {
		d = s.newDraws(n)
	}
	defer s.scratch.Put(d)
	if err := s.draw(d, key, i); err != nil {
		return fmt.Errorf("batch %d: %w", i, err)
	}
	d.deal(b, 0)
	return nil
}

func (s *Source) newDraws(n int) *draws {
	return &draws{x0: flow.NewSample(s.source, n), x1: flow.NewSample(s.data, n)}
}

// draw draws and pairs the i-th rows of d's number.
func (s *Source) draw(d *draws, key rng.Key, i int) error {
	n := d.x0.X.N
	if err := s.source.Draw(d.x0, key.Split("source"), i); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	p, pair := &d.pairs, key.Split("pair").At(uint64(i))
	if c, ok := s.pairer.(chooser); ok {
		start(p, n)
		return c.choose(d.x1, d.x0.X, pair)
	}
	if err := s.data.Draw(d.x1, key.Split("data"), i); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if err := s.pairer.Pair(p, d.x0.X, d.x1.X, d.x1.Cond, pair); err != nil {
		return fmt.Errorf("coupling: %w", err)
	}
	if len(p.I) != n || len(p.J) != n || p.Weight != nil && len(p.Weight) != n {
		return fmt.Errorf("%w: the coupling answered %d and %d indices and %d weights for %d rows", flow.ErrShape, len(p.I), len(p.J), len(p.Weight), n)
	}
	for k := range n {
		if from, to := int(p.I[k]), int(p.J[k]); from < 0 || from >= n || to < 0 || to >= n {
			return fmt.Errorf("%w: the coupling joins rows %d and %d of %d", flow.ErrShape, from, to, n)
		}
	}
	return nil
}

// deal writes the pairs from number first on to b.
func (d *draws) deal(b *flow.Batch, first int) {
	p := &d.pairs
	for k := range b.X0.N {
		from, to := int(p.I[first+k]), int(p.J[first+k])
		x0, x1 := b.X0.Row(k), b.X1.Row(k)
		copy(x0, d.x0.X.Row(from))
		copy(x1, d.x1.X.Row(to))
		b.Cond.CopyRow(k, d.x1.Cond, to)
		if p.Align != nil {
			p.Align(first+k, x0, x1)
		}
	}
	if p.Weight == nil {
		b.Weight = nil
	} else {
		b.Weight = append(b.Weight[:0], p.Weight[first:first+b.X0.N]...)
	}
}

// check returns an error unless b has the sizes of a batch of s. Only sizes are
// looked at: the values are those of an older batch.
func (s *Source) check(b *flow.Batch) error {
	n, dim, spec := b.X0.N, s.Dim(), s.CondSpec()
	if err := b.X0.Check("x0 of the batch", n, dim); err != nil {
		return err
	}
	if err := b.X1.Check("x1 of the batch", n, dim); err != nil {
		return err
	}
	classes, observed := 0, 0
	if spec.Classes > 0 {
		classes = n
	}
	if spec.Mask {
		observed = n * dim
	}
	if len(b.Cond.Class) != classes {
		return fmt.Errorf("%w: the batch has room for %d class ids, want %d", flow.ErrShape, len(b.Cond.Class), classes)
	}
	for _, m := range []struct {
		what string
		m    tensor.Mat
		want int
	}{
		{"real conditions", b.Cond.Real, n * spec.Real},
		{"mask values", b.Cond.Mask, observed},
		{"observed values", b.Cond.Observed, observed},
	} {
		if len(m.m.Data) != m.want {
			return fmt.Errorf("%w: the batch has room for %d %s, want %d", flow.ErrShape, len(m.m.Data), m.what, m.want)
		}
	}
	return nil
}
