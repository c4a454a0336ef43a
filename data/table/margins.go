package table

import (
	"fmt"
	"math"
	"slices"

	"laminar/flow"
	"laminar/tensor"
)

// Margins is what rows of coordinates show of each column for itself: how often
// each option of a choice is had, and where plain values lie on the normal axis.
// Those of drawn rows beside those of the data tell what to correct: Shift the
// log-odds of options, Curves the places of values.
type Margins struct {
	t       *Transform
	rows    int
	options []float64   // for each coordinate of a choice, how often it is that of the option
	values  [][]float32 // of each column, the places of plain values
}

// Margins returns the margins of no rows yet.
func (t *Transform) Margins() *Margins {
	return &Margins{t: t, options: make([]float64, t.dim), values: make([][]float32, len(t.columns))}
}

// Add takes rows of coordinates into account: data as ForwardSpread writes them,
// or rows that were drawn. The error wraps flow.ErrShape, or flow.ErrDiverged when
// a coordinate is not finite.
func (m *Margins) Add(z tensor.Mat) error {
	if err := z.Check("network rows", -1, m.t.dim); err != nil {
		return err
	}
	for i := range z.N {
		row := z.Row(i)
		for _, v := range row {
			if v-v != 0 {
				return fmt.Errorf("%w: row %d of the samples holds %v", flow.ErrDiverged, m.rows+i+1, v)
			}
		}
		for j := range m.t.columns {
			c := &m.t.columns[j]
			if c.choice != nil {
				m.count(c.choice, row)
			}
			if c.value != nil && (c.choice == nil || c.choice.Option(row) == 0) {
				m.values[j] = append(m.values[j], row[c.value.Offset])
			}
		}
	}
	m.rows += z.N
	return nil
}

// count counts the option of each digit of a choice: of two options the second, which
// has their one coordinate.
func (m *Margins) count(b *Block, row []float32) {
	at := b.Offset
	for _, n := range b.Digits {
		w := width(n)
		switch digit := nearestOption(row[at:at+w], n); {
		case n > 2:
			m.options[at+digit]++
		case digit == 1:
			m.options[at]++
		}
		at += w
	}
}

// prior is the number of rows that every option is taken to have had beside those
// counted, so that rare ones are not shifted by chance.
const prior = 10

// Shift adds to dst, one number for each coordinate, what the log-odds of the
// options lacked where drawn rows were answered by them: gain times the logarithm
// of how much more often the data, m, have an option. The error wraps
// flow.ErrShape.
func (m *Margins) Shift(dst []float64, drawn *Margins, gain float64) error {
	if len(dst) != m.t.dim || len(drawn.options) != m.t.dim {
		return fmt.Errorf("%w: shifts of %d coordinates for %d", flow.ErrShape, len(dst), m.t.dim)
	}
	if m.rows == 0 || drawn.rows == 0 {
		return nil
	}
	more := func(k int, other bool) float64 {
		p, q := m.options[k]/float64(m.rows), drawn.options[k]/float64(drawn.rows)
		if other {
			p, q = 1-p, 1-q
		}
		n := float64(drawn.rows)
		return math.Log((p*n + prior) / (q*n + prior))
	}
	for _, b := range m.t.blocks {
		if b.Role != Choice {
			continue
		}
		at := b.Offset
		for _, n := range b.Digits {
			switch {
			case n == 2:
				dst[at] += gain * (more(at, false) - more(at, true))
			case n > 2:
				for k := range n {
					dst[at+k] += gain * more(at+k, false)
				}
			}
			at += width(n)
		}
	}
	return nil
}

// Curve is an increasing map of the normal axis that brings drawn values to where
// those of the data lie: straight between the places From, which increase, and
// those To, which do not decrease; beyond the ends it keeps its distance. Without
// places it is the identity.
type Curve struct {
	From []float64 `json:"from,omitempty"`
	To   []float64 `json:"to,omitempty"`
}

// at is the place that z is brought to.
func (c *Curve) at(z float64) float64 {
	n := len(c.From)
	switch {
	case n == 0:
		return z
	case z <= c.From[0]:
		return z + c.To[0] - c.From[0]
	case z >= c.From[n-1]:
		return z + c.To[n-1] - c.From[n-1]
	}
	k, _ := slices.BinarySearch(c.From, z)
	f := (z - c.From[k-1]) / (c.From[k] - c.From[k-1])
	return c.To[k-1] + f*(c.To[k]-c.To[k-1])
}

// mostCurve is the most places of a curve.
const mostCurve = 64

// validate returns what is wrong with c, "" for nothing.
func (c *Curve) validate() string {
	if len(c.From) != len(c.To) || len(c.From) > mostCurve {
		return fmt.Sprintf("%d places lead to %d; they are as many of either, and at most %d", len(c.From), len(c.To), mostCurve)
	}
	for i := range c.From {
		if !(math.Abs(c.From[i]) <= 1e6 && math.Abs(c.To[i]) <= 1e6) {
			return fmt.Sprintf("place %d, %v to %v, is beyond 1e6", i+1, c.From[i], c.To[i])
		}
		if i > 0 && !(c.From[i] > c.From[i-1] && c.To[i] >= c.To[i-1]) {
			return fmt.Sprintf("place %d is not above the one before", i+1)
		}
	}
	return ""
}

// Curves returns for each column the curve that gives drawn values the margin that
// those of the data, m, have: at even steps of the normal axis the quantiles of
// both, none of them nearer to an end than the outermost knots of a Scale. A column
// of few values has none.
func (m *Margins) Curves(drawn *Margins) []Curve {
	out := make([]Curve, len(m.t.columns))
	for j := range out {
		if m.t.columns[j].value != nil {
			out[j] = curve(m.values[j], drawn.values[j])
		}
	}
	return out
}

// curve leads from the quantiles of b to those of a; it sorts both.
func curve(a, b []float32) (c Curve) {
	n := min(len(a), len(b))
	count := min(mostCurve, n/clipRows)
	if count < 2 {
		return c
	}
	slices.Sort(a)
	slices.Sort(b)
	edge := -normalQuantile(float64(clip(n)) / float64(n))
	for i := range count {
		p := normalShare(-edge + 2*edge*float64(i)/float64(count-1))
		from, to := quantileOf(b, p), quantileOf(a, p)
		if k := len(c.From); k > 0 && !(from > c.From[k-1]) {
			continue
		}
		c.From, c.To = append(c.From, from), append(c.To, to)
	}
	return c
}

// quantileOf is the quantile of share p of sorted places: row r lies at (r+1/2)/n, and
// between rows the quantile is straight.
func quantileOf(z []float32, p float64) float64 {
	pos := min(max(p*float64(len(z))-0.5, 0), float64(len(z)-1))
	k := int(pos)
	a := float64(z[k])
	if k+1 == len(z) {
		return a
	}
	return a + (pos-float64(k))*(float64(z[k+1])-a)
}

// Bend returns a transform that is t but for that it brings drawn rows back by way of curves,
// one for each column, in place of those that t may have. Forward and the methods like
// it do not follow them: they write what the network learns from. The error holds
// FieldErrors.
func (t *Transform) Bend(curves []Curve) (*Transform, error) {
	if len(curves) != len(t.columns) {
		return nil, fmt.Errorf("%w: %d curves for %d columns", flow.ErrShape, len(curves), len(t.columns))
	}
	bent := *t
	bent.columns = slices.Clone(t.columns)
	for j := range curves {
		if msg := curves[j].validate(); msg != "" {
			return nil, &flow.FieldError{Path: fmt.Sprintf("curves[%d]", j), Msg: msg}
		}
		bent.columns[j].curve = curves[j]
	}
	return &bent, nil
}

// Unbent is t without curves.
func (t *Transform) Unbent() *Transform {
	if !t.Bent() {
		return t
	}
	straight, _ := t.Bend(make([]Curve, len(t.columns))) // as many as there must be
	return straight
}

// Bent reports whether drawn rows are brought back by way of curves.
func (t *Transform) Bent() bool {
	return slices.ContainsFunc(t.columns, func(c coder) bool { return len(c.curve.From) > 0 })
}
