package data

import (
	"fmt"

	"laminar/flow"
	"laminar/rng"
)

// Noisy is a distribution with independent N(0, Std^2) added to every coordinate
// of its points. Conditions pass unchanged.
type Noisy struct {
	RowSource
	Std float64
}

// Draw fills row r of dst with row r of draw i, and noise from
// key.Split("noise").At(i).At(r).
func (d Noisy) Draw(dst flow.Sample, key rng.Key, i int) error {
	if err := d.RowSource.Draw(dst, key, i); err != nil {
		return err
	}
	d.add(dst, key.Split("noise").At(uint64(i)), 0)
	return nil
}

// DrawAt adds noise from key.Split("noise").At(first+r) to row r.
func (d Noisy) DrawAt(dst flow.Sample, key rng.Key, first int) error {
	if err := d.RowSource.DrawAt(dst, key, first); err != nil {
		return err
	}
	d.add(dst, key.Split("noise"), first)
	return nil
}

func (d Noisy) add(dst flow.Sample, key rng.Key, first int) {
	for r := range dst.X.N {
		s := key.At(uint64(first + r)).Stream()
		row := dst.X.Row(r)
		for j := range row {
			row[j] += float32(d.Std * s.NormFloat64())
		}
	}
}

// ClassNames returns those of the distribution below, nil if it has none.
func (d Noisy) ClassNames() []string {
	if c, ok := d.RowSource.(Classed); ok {
		return c.ClassNames()
	}
	return nil
}

// WithClasses returns the same data with class ids; see Classed.
func (d Noisy) WithClasses() (flow.Dataset, error) {
	c, ok := d.RowSource.(Classed)
	if !ok {
		return nil, fmt.Errorf("%w: the data set has no classes", flow.ErrConfig)
	}
	labelled, err := c.WithClasses()
	if err != nil {
		return nil, err
	}
	rows, ok := labelled.(RowSource)
	if !ok {
		return nil, fmt.Errorf("%w: rows of the labelled data set cannot be drawn one by one", flow.ErrConfig)
	}
	return Noisy{rows, d.Std}, nil
}
