package table

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Rows of which a part is observed: for training, for conditions, for gaps.

// Hide draws which columns of a row are observed, for training a network that is
// given any of them: a share of the columns that is uniform in [0, 1], each of them
// by chance. At times it is known of a column only that its cell is a plain value,
// and not which, or the leading digits of its option. mask, of Dim elements, becomes
// 1 where the coordinate is observed and 0 elsewhere.
func (t *Transform) Hide(mask []float32, row []float64, draw *rng.Stream) {
	share := draw.Float64()
	for j := range t.columns {
		c := &t.columns[j]
		if c.choice == nil && c.value == nil {
			continue
		}
		known, part := draw.Float64() < share, draw.Float64()
		c.observe(mask, known, known && c.plain(row[j]))
		if !known || c.choice == nil || part > 0.2 {
			continue
		}
		if c.value != nil {
			mask[c.value.Offset] = 0
		} else if digits := c.choice.Digits; len(digits) > 1 {
			hidden := c.choice.of(mask)
			for _, n := range digits[:1+int(part/0.2*float64(len(digits)-1))] {
				hidden = hidden[width(n):]
			}
			fill(hidden, 0)
		}
	}
}

// ForwardKnown writes the coordinates of the known cells of src into dst and marks
// them with 1 in mask, of the shape of dst; others are 0 in both. known says of
// every cell, row by row, whether it is known; a known NaN is known to be missing. The
// error is that of Forward.
func (t *Transform) ForwardKnown(dst, mask tensor.Mat, src tensor.Matrix[float64], known []bool) error {
	if err := t.sizes(dst, mask, src); err != nil {
		return err
	}
	if len(known) != len(src.Data) {
		return fmt.Errorf("%w: %d cells are known or not, of %d", flow.ErrShape, len(known), len(src.Data))
	}
	for i := range src.N {
		for j, v := range src.Row(i) {
			c := &t.columns[j]
			is := known[i*src.D+j]
			c.observe(mask.Row(i), is, is && c.plain(v))
			c.clear(dst.Row(i))
			if !is {
				continue
			}
			if err := c.forward(dst.Row(i), v, t.encoding.Separation, nil); err != nil {
				return t.misfit(i, j, err)
			}
		}
	}
	return nil
}

// ForwardObserved is Forward for rows with gaps to be filled: NaN is not a missing
// cell but an unknown one. mask, of the shape of dst, becomes 1 where the
// coordinate is known and 0 elsewhere. Of the gap in a quantity without spikes it
// is known that there is a value.
func (t *Transform) ForwardObserved(dst, mask tensor.Mat, src tensor.Matrix[float64]) error {
	known := make([]bool, len(src.Data))
	for k, v := range src.Data {
		known[k] = !math.IsNaN(v)
	}
	if err := t.ForwardKnown(dst, mask, src, known); err != nil {
		return err
	}
	for i := range src.N {
		for j, v := range src.Row(i) {
			if c := &t.columns[j]; math.IsNaN(v) && c.choice != nil && c.values && len(c.scale.Spikes) == 0 {
				c.choice.put(c.choice.of(dst.Row(i)), 0, t.encoding.Separation)
				fill(c.choice.of(mask.Row(i)), 1)
			}
		}
	}
	return nil
}

// DrawPresent draws anew, in rows of coordinates, each choice that says that its cell
// is missing, among the other options and by the chances that means tell: what the
// coordinates are expected to be given the rest of the row, of the same size. Row i
// uses keys(i). The error wraps flow.ErrShape.
func (t *Transform) DrawPresent(z, means tensor.Mat, keys func(i int) rng.Key) error {
	if err := errors.Join(z.Check("network rows", -1, t.dim), means.Check("means", z.N, t.dim)); err != nil {
		return err
	}
	for i := range z.N {
		draw := keys(i).Stream()
		for j := range t.columns {
			c := &t.columns[j]
			if c.choice == nil || c.missing < 0 || c.choice.Option(z.Row(i)) != c.missing {
				continue
			}
			total, u := 0.0, draw.Float64()
			chances := make([]float64, c.choice.Options)
			for k := range chances {
				if k != c.missing {
					chances[k] = c.choice.chance(means.Row(i), k, t.encoding.Separation)
					total += chances[k]
				}
			}
			option := -1
			for k, p := range chances {
				if k != c.missing && (option < 0 || p > 0) {
					option = k
					if u -= p / max(total, 1e-300); u < 0 {
						break
					}
				}
			}
			if option >= 0 {
				c.choice.put(c.choice.of(z.Row(i)), option, t.encoding.Separation)
			}
		}
	}
	return nil
}

// chance is that of an option by the expected coordinates of its digits.
func (b *Block) chance(row []float32, option int, separation float64) float64 {
	z, p := b.of(row), 1.0
	for k := len(b.Digits) - 1; k >= 0; k-- {
		n := b.Digits[k]
		digit := option
		if k > 0 {
			digit, option = option%n, option/n
		}
		w := width(n)
		part := z[len(z)-w:]
		z = z[:len(z)-w]
		lo, hi := corner(n, separation)
		told := func(j int) float64 { return min(max((float64(part[j])-lo)/(hi-lo), 0), 1) }
		switch {
		case n == 1:
		case n == 2 && digit == 0:
			p *= 1 - told(0)
		case n == 2:
			p *= told(0)
		default:
			p *= told(digit)
		}
	}
	return p
}

func (t *Transform) sizes(dst, mask tensor.Mat, src tensor.Matrix[float64]) error {
	if err := src.Check("table", -1, len(t.columns)); err != nil {
		return err
	}
	if err := mask.Check("mask", src.N, t.dim); err != nil {
		return err
	}
	return dst.Check("network rows", src.N, t.dim)
}

// plain reports whether v is a value that is neither a gap nor a spike.
func (c *coder) plain(v float64) bool {
	return c.value != nil && !math.IsNaN(v) && !slices.Contains(c.scale.Spikes, v)
}

// observe marks the coordinates of a column: all of its choice, and its value.
func (c *coder) observe(mask []float32, choice, value bool) {
	mark := func(b bool) float32 {
		if b {
			return 1
		}
		return 0
	}
	if c.choice != nil {
		fill(c.choice.of(mask), mark(choice))
	}
	if c.value != nil {
		mask[c.value.Offset] = mark(value) // a spike has no value to hold on to
	}
}

func (c *coder) clear(z []float32) {
	if c.choice != nil {
		fill(c.choice.of(z), 0)
	}
	if c.value != nil {
		z[c.value.Offset] = 0
	}
}
