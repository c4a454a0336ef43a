package coupling

import (
	"fmt"
	"sync"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Source is the flow.PairSource of two data sets and a coupling: batch i pairs
// draw i of the source with draw i of the data. It is safe for concurrent use
// and allocates nothing once warm.
type Source struct {
	source, data flow.Dataset
	pairer       flow.Pairer
	scratch      sync.Pool // of *draws
}

// draws is what one Fill works on.
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
	return &Source{source: source, data: data, pairer: pairer}, nil
}

// Dim is the dimension of both ends.
func (s *Source) Dim() int { return s.data.Dim() }

// CondSpec is that of the data.
func (s *Source) CondSpec() flow.CondSpec { return s.data.CondSpec() }

// Fill overwrites b, made by flow.NewBatch, with batch i under key. The source
// is drawn under key.Split("source"), the data under key.Split("data"), and the
// coupling gets key.Split("pair").At(i). Errors name the batch.
func (s *Source) Fill(b *flow.Batch, key rng.Key, i int) error {
	n := b.X0.N
	if err := s.check(b); err != nil {
		return fmt.Errorf("batch %d: %w", i, err)
	}
	d, _ := s.scratch.Get().(*draws)
	if d == nil || d.x0.X.N != n {
		d = &draws{x0: flow.NewSample(s.source, n), x1: flow.NewSample(s.data, n)}
	}
	defer s.scratch.Put(d)
	if err := s.source.Draw(d.x0, key.Split("source"), i); err != nil {
		return fmt.Errorf("batch %d: source: %w", i, err)
	}
	if err := s.data.Draw(d.x1, key.Split("data"), i); err != nil {
		return fmt.Errorf("batch %d: data: %w", i, err)
	}
	p := &d.pairs
	if err := s.pairer.Pair(p, d.x0.X, d.x1.X, d.x1.Cond, key.Split("pair").At(uint64(i))); err != nil {
		return fmt.Errorf("batch %d: coupling: %w", i, err)
	}
	if len(p.I) != n || len(p.J) != n || p.Weight != nil && len(p.Weight) != n {
		return fmt.Errorf("batch %d: %w: the coupling answered %d and %d indices and %d weights for %d rows", i, flow.ErrShape, len(p.I), len(p.J), len(p.Weight), n)
	}
	for k := range n {
		from, to := int(p.I[k]), int(p.J[k])
		if from < 0 || from >= n || to < 0 || to >= n {
			return fmt.Errorf("batch %d: %w: the coupling joins rows %d and %d of %d", i, flow.ErrShape, from, to, n)
		}
		x0, x1 := b.X0.Row(k), b.X1.Row(k)
		copy(x0, d.x0.X.Row(from))
		copy(x1, d.x1.X.Row(to))
		b.Cond.CopyRow(k, d.x1.Cond, to)
		if p.Align != nil {
			p.Align(k, x0, x1)
		}
	}
	if p.Weight == nil {
		b.Weight = nil
	} else {
		b.Weight = append(b.Weight[:0], p.Weight...)
	}
	return nil
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
