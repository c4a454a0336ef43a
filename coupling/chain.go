package coupling

import (
	"fmt"
	"sync"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Chain is the flow.PairSource of several marginals that follow each other in
// time: snapshots of cells, say, of which none can be followed. A batch holds
// about as many pairs between each marginal and the next, in the order of time,
// joined by a coupling of their own; T0 and T1 of the batch are their times,
// scaled so that the first marginal stands at 0 and the last at 1. A field that
// is trained on it carries each marginal to the next: from marginal k to k+1 by
// solving from Time(k) to Time(k+1) (Tong et al., TMLR 2024, section 5.3).
//
// It is safe for concurrent use and allocates nothing once warm.
type Chain struct {
	times     []float64
	marginals []flow.Dataset
	pairer    flow.Pairer
	scratch   sync.Pool // of *draws
}

// NewChain returns the batches of marginals at the given times, which increase.
// The error wraps flow.ErrShape when the marginals have not one dimension, and
// flow.ErrConfig for fewer than two, times that do not increase, marginals with
// conditions, and couplings that draw the data themselves.
func NewChain(times []float64, marginals []flow.Dataset, pairer flow.Pairer) (*Chain, error) {
	if len(times) != len(marginals) || len(times) < 2 {
		return nil, fmt.Errorf("%w: %d times for %d marginals: need as many, and 2 at least", flow.ErrConfig, len(times), len(marginals))
	}
	if _, ok := pairer.(chooser); ok {
		return nil, fmt.Errorf("%w: a chain pairs batches; the semidiscrete coupling does not", flow.ErrConfig)
	}
	c := &Chain{marginals: marginals, pairer: pairer}
	first, last := times[0], times[len(times)-1]
	for k, t := range times {
		if k > 0 && !(t > times[k-1]) || t-t != 0 {
			return nil, fmt.Errorf("%w: time %d of the chain is %v; times must increase", flow.ErrConfig, k, t)
		}
		if m := marginals[k]; m.Dim() != marginals[0].Dim() {
			return nil, fmt.Errorf("%w: marginal %d has dimension %d, the first %d", flow.ErrShape, k, m.Dim(), marginals[0].Dim())
		} else if !m.CondSpec().IsZero() {
			return nil, fmt.Errorf("%w: marginal %d has conditions; a chain has none", flow.ErrConfig, k)
		}
		c.times = append(c.times, (t-first)/(last-first))
	}
	return c, nil
}

// Dim is the dimension of all marginals.
func (c *Chain) Dim() int { return c.marginals[0].Dim() }

// CondSpec is that of no condition.
func (c *Chain) CondSpec() flow.CondSpec { return flow.CondSpec{} }

// Time returns where marginal k stands in [0, 1].
func (c *Chain) Time(k int) float64 { return c.times[k] }

// Fill overwrites b with batch i under key. b holds at least one pair for each
// step of the chain.
func (c *Chain) Fill(b *flow.Batch, key rng.Key, i int) error {
	n, steps := b.X0.N, len(c.times)-1
	for _, m := range []struct {
		what string
		m    tensor.Mat
	}{{"x0 of the batch", b.X0}, {"x1 of the batch", b.X1}} {
		if err := m.m.Check(m.what, n, c.Dim()); err != nil {
			return fmt.Errorf("batch %d: %w", i, err)
		}
	}
	if n < steps {
		return fmt.Errorf("batch %d: %w: %d rows for %d steps of the chain", i, flow.ErrShape, n, steps)
	}
	b.Weight = nil
	b.T0, b.T1 = b.T0[:0], b.T1[:0]
	for s := range steps {
		lo, hi := s*n/steps, (s+1)*n/steps
		d, _ := c.scratch.Get().(*draws)
		if d == nil || d.x0.X.N != hi-lo {
			d = &draws{x0: flow.NewSample(c.marginals[s], hi-lo), x1: flow.NewSample(c.marginals[s+1], hi-lo)}
		}
		part := flow.Batch{X0: b.X0.Rows(lo, hi), X1: b.X1.Rows(lo, hi)}
		pairs := Source{source: c.marginals[s], data: c.marginals[s+1], pairer: c.pairer, block: 1}
		if err := pairs.draw(d, key.Split("step").At(uint64(s)), i); err != nil {
			return fmt.Errorf("batch %d, step %d of the chain: %w", i, s, err)
		}
		if d.pairs.Weight != nil {
			return fmt.Errorf("batch %d: %w: a chain has no room for weights", i, flow.ErrConfig)
		}
		d.deal(&part, 0)
		c.scratch.Put(d)
		for range hi - lo {
			b.T0, b.T1 = append(b.T0, float32(c.times[s])), append(b.T1, float32(c.times[s+1]))
		}
	}
	return nil
}
