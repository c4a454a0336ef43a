package sample

import (
	"context"
	"fmt"
	"sync"

	"laminar/data"
	"laminar/flow"
	"laminar/model"
	"laminar/rng"
	"laminar/tensor"
)

// Reflow is the pairs (z0, z1) that a model makes of its own noise, z1 being where
// the flow carries z0 (Liu et al. 2023). Lines between such pairs cross less than
// those of the model's own training, so a model that learns them is straighter;
// and z1 is a function of z0, which a network can learn in one step. It is a
// flow.PairSource over a stored pool, shuffled anew in each epoch.
type Reflow struct {
	pool    *data.Stored // z0 and z1 side by side
	dim     int
	scratch sync.Pool // of *tensor.Mat
}

// NewReflow has m carry c.N rows from noise to data as c says, over all cores.
// Conditions are drawn from like, which may be nil for a model without any; c.Cond
// is not used.
func NewReflow(ctx context.Context, m *model.Model, c Config, like data.RowSource) (*Reflow, error) {
	if m.Cond.Mask || len(m.Choices) > 0 {
		return nil, fmt.Errorf("%w: pairs for models with masks or choices are not generated", flow.ErrConfig)
	}
	if !m.Cond.IsZero() {
		if like == nil || like.CondSpec() != m.Cond || like.Dim() != m.Dim() {
			return nil, fmt.Errorf("%w: pairs of a model with conditions %+v need a data set that has them", flow.ErrConfig, m.Cond)
		}
		s := flow.NewSample(like, c.N)
		if err := like.DrawAt(s, c.Seed.Split("conditions"), 0); err != nil {
			return nil, err
		}
		c.Cond = s.Cond
	}
	z0, err := Start(m, c)
	if err != nil {
		return nil, err
	}
	z1 := z0.Clone()
	if _, err := Carry(ctx, m, c, z1, 0, 1); err != nil {
		return nil, err
	}
	both := tensor.New(c.N, 2*m.Dim())
	for i := range c.N {
		copy(both.Row(i), z0.Row(i))
		copy(both.Row(i)[m.Dim():], z1.Row(i))
	}
	pool, err := data.NewStored(both, c.Cond, m.Cond, nil)
	if err != nil {
		return nil, err
	}
	return &Reflow{pool: pool, dim: m.Dim()}, nil
}

// Len is the number of pairs in the pool.
func (r *Reflow) Len() int { return r.pool.Len() }

// Dim is the dimension of both ends.
func (r *Reflow) Dim() int { return r.dim }

// CondSpec is that of the model.
func (r *Reflow) CondSpec() flow.CondSpec { return r.pool.CondSpec() }

// Fill overwrites b with batch i under key; see flow.PairSource.
func (r *Reflow) Fill(b *flow.Batch, key rng.Key, i int) error {
	n := b.X0.N
	if err := b.X0.Check("x0 of the batch", n, r.dim); err != nil {
		return err
	}
	if err := b.X1.Check("x1 of the batch", n, r.dim); err != nil {
		return err
	}
	x, _ := r.scratch.Get().(*tensor.Mat)
	if x == nil || x.N != n {
		m := tensor.New(n, 2*r.dim)
		x = &m
	}
	defer r.scratch.Put(x)
	s := flow.Sample{X: *x, Cond: b.Cond}
	if err := r.pool.Draw(s, key, i); err != nil {
		return fmt.Errorf("batch %d: %w", i, err)
	}
	for k := range n {
		both := s.X.Row(k)
		copy(b.X0.Row(k), both)
		copy(b.X1.Row(k), both[r.dim:])
	}
	b.Weight = nil
	return nil
}
