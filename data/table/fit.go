package table

import (
	"fmt"
	"math"
	"slices"

	"laminar/flow"
	"laminar/rng"
)

// What Fit takes for many.
const (
	sampleCells = 1 << 24 // cells kept over all columns
	maxSample   = 1 << 17 // cells kept of one column
	minSample   = 1 << 12
	spikeShare  = 0.01 // of the rows make a spike, and 20 times what a value has on average
	maxSpikes   = 16
	knotCount   = 129
	clipRows    = 5     // rows beyond the outermost knot, at least
	clipShare   = 0.001 // share of the rows beyond it, at least
	fewValues   = 200   // different values that each have knots of their own
	straight    = 0.01  // part of a straight line in every scale
)

// Fit reads src once, as s says it is written, and fills in what the transform
// needs: shares of missing cells and the Scale of every quantity. keep says
// which rows count, by number from 0; nil means all. Of a file larger than what
// is kept, the quantiles are those of a sample, drawn the same way every time.
//
// No number of the Scale is a cell of the outermost rows: at least 5 rows and
// one in a thousand lie beyond the first and the last knot, but for values
// that so many rows share.
func Fit(src Source, s *Schema, keep func(row int) bool) error {
	most := min(max(sampleCells/max(len(s.Columns), 1), minSample), maxSample)
	all := make([]reservoir, len(s.Columns))
	for j := range all {
		all[j] = reservoir{most: most, draw: rng.New(0).Split("reservoir").At(uint64(j)).Stream()}
	}
	row, rows := -1, 0
	for values, err := range Parsed(src, s) {
		if err != nil {
			return err
		}
		if row++; keep != nil && !keep(row) {
			continue
		}
		rows++
		for j, v := range values {
			if s.Columns[j].Kind.measured() || math.IsNaN(v) {
				all[j].add(v)
			}
		}
	}
	if rows == 0 {
		return fmt.Errorf("%w: %s: no rows to fit", flow.ErrFormat, src.Name())
	}
	s.Rows = rows
	for j := range s.Columns {
		c := &s.Columns[j]
		c.MissingShare = float64(all[j].missing) / float64(rows)
		c.Scale = nil
		if c.Kind == Identifier || c.Kind == Text {
			c.MissingShare = 0
		}
		if c.Kind.measured() {
			c.Scale = all[j].scale(c)
		}
	}
	return nil
}

// reservoir is a uniform sample of the values of a column (Vitter 1985), and
// what is exact of all of them.
type reservoir struct {
	most, n, missing int
	draw             rng.Stream
	values           []float64
	divisor          float64 // of all values, if whole numbers
}

func (r *reservoir) add(v float64) {
	if math.IsNaN(v) {
		r.missing++
		return
	}
	switch {
	case r.n == 0:
		r.divisor = v
	case r.divisor != 1:
		r.divisor = divisor(r.divisor, v)
	}
	r.n++
	if len(r.values) < r.most {
		r.values = append(r.values, v)
	} else if k := r.draw.IntN(r.n); k < r.most {
		r.values[k] = v
	}
}

// divisor is the greatest common divisor of two whole numbers, 0 when there is
// none to speak of.
func divisor(a, b float64) float64 {
	a, b = math.Abs(a), math.Abs(b)
	if a == 1 || b == 1 {
		return 1
	}
	if !whole(a) || !whole(b) || a >= 1<<53 || b >= 1<<53 {
		return 1
	}
	for b != 0 {
		a, b = b, math.Mod(a, b)
	}
	return a
}

// valueCount is a value with the number of its rows in the sample.
type valueCount struct {
	v float64
	n int
}

func distinct(sorted []float64) []valueCount {
	var out []valueCount
	for _, v := range sorted {
		if k := len(out) - 1; k >= 0 && out[k].v == v {
			out[k].n++
		} else {
			out = append(out, valueCount{v, 1})
		}
	}
	return out
}

func (r *reservoir) scale(c *Column) *Scale {
	s := &Scale{Unit: r.unit(c)}
	if len(r.values) == 0 {
		return s
	}
	slices.Sort(r.values)
	all := distinct(r.values)
	s.bounds(all, len(r.values))
	if c.Kind == Date && Clock(c.Layout) { // a day has its ends
		midnight, last := float64(firstSecond), firstSecond+daySeconds-s.Unit
		s.Min, s.Max = &midnight, &last
	}
	rest := s.spikes(all, len(r.values))
	s.knots(rest)
	return s
}

// unit is the grid of a column's values.
func (r *reservoir) unit(c *Column) float64 {
	switch {
	case c.Kind == Date:
		return dateUnit(c.Layout)
	case c.Kind == Integer:
		// A common divisor of many rows is a habit of rounding.
		if r.divisor > 1 && r.n >= 100 {
			return r.divisor
		}
		return 1
	case c.Number == nil || c.Number.Decimals > exact:
		return 0
	}
	return math.Pow(10, -float64(c.Number.Decimals))
}

// bounds keeps the ends of a column where enough rows share them, or where they
// are natural.
func (s *Scale) bounds(all []valueCount, n int) {
	lo, hi := all[0], all[len(all)-1]
	enough := clip(n)
	at := func(v float64) *float64 { return &v }
	switch {
	case lo.n >= enough:
		s.Min = at(lo.v)
	case lo.v >= 0:
		s.Min = at(0)
	}
	switch {
	case hi.n >= enough:
		s.Max = at(hi.v)
	case hi.v <= 0:
		s.Max = at(0)
	case lo.v >= 0 && hi.v <= 1 && s.Unit < 1:
		s.Max = at(1)
	case lo.v >= 0 && hi.v <= 100 && hi.v > 80:
		s.Max = at(100)
	}
}

// clip is the number of rows that lie beyond an end knot, of n.
func clip(n int) int {
	return min(max(clipRows, int(math.Ceil(clipShare*float64(n)))), max(n/10, 1))
}

// spikes takes out the values that many more rows share than others, where the
// column has many values: the most frequent ones.
func (s *Scale) spikes(all []valueCount, n int) []valueCount {
	if len(all) <= 20 {
		return all
	}
	need := max(spikeShare, 20/float64(len(all))) * float64(n)
	var found []valueCount
	for _, v := range all {
		if float64(v.n) >= need {
			found = append(found, v)
		}
	}
	slices.SortStableFunc(found, func(a, b valueCount) int { return b.n - a.n })
	for _, v := range found[:min(len(found), maxSpikes)] {
		s.Spikes = append(s.Spikes, v.v)
	}
	slices.Sort(s.Spikes)
	rest := all[:0:0]
	for _, v := range all {
		if !slices.Contains(s.Spikes, v.v) {
			rest = append(rest, v)
		}
	}
	return rest
}

// knots places the quantiles of the values on the axis of a standard normal.
func (s *Scale) knots(all []valueCount) {
	if len(all) == 0 {
		return
	}
	n := 0
	for _, v := range all {
		n += v.n
	}
	var x, p []float64 // values and the share of rows below
	if s.Unit > 0 && len(all) <= fewValues {
		x, p = cells(all, n, s.Unit)
	} else {
		x, p = quantiles(all, n)
	}
	x, z := places(x, p)
	if len(x) < 2 { // nearly everything is one value
		v := all[len(all)/2].v
		half := s.Unit / 2
		if half == 0 {
			half = max(math.Abs(v), 1) / 2
		}
		x, z = []float64{v - half, v + half}, []float64{-1, 1}
	}
	// A part of a straight line keeps the map invertible where no data are.
	span := (z[len(z)-1] - z[0]) / (x[len(x)-1] - x[0])
	for i := range z {
		z[i] = (1-straight)*z[i] + straight*(z[0]+(x[i]-x[0])*span)
	}
	s.Knots, s.Normal = x, z
}

// cells gives every frequent value of a grid the interval of its cell, and rare
// ones an interval of several together, with no knot of one row's making. Wide
// intervals are cut, so that within them too the axis is normal.
func cells(all []valueCount, n int, unit float64) (x, p []float64) {
	beyond := float64(clip(n)) / float64(n)
	add := func(v, share float64) {
		if len(x) == 0 || v > x[len(x)-1]+unit/1000 { // not twice by rounding
			x, p = append(x, v), append(p, share)
		}
	}
	least := min(clipRows, max(n/20, 1))
	below, since := 0.0, 0
	for k, v := range all {
		lo, hi := v.v-unit/2, v.v+unit/2
		share := float64(v.n) / float64(n)
		if k == 0 && share >= beyond {
			add(lo, beyond/2)
		}
		inside := func(q float64) bool { return q >= beyond*(1-1e-9) && q <= 1-beyond*(1-1e-9) }
		frequent := v.n >= least
		if frequent && inside(below) {
			add(lo, below)
		}
		parts := min(int(share/0.02)+1, 16)
		for i := 1; i < parts; i++ {
			f := float64(i) / float64(parts)
			if q := below + f*share; inside(q) {
				add(lo+f*unit, q)
			}
		}
		below += share
		if since += v.n; (frequent || since >= least) && inside(below) {
			add(hi, below)
			since = 0
		}
		if k == len(all)-1 && share >= beyond {
			add(hi, 1-beyond/2)
		}
	}
	return x, p
}

// quantiles are those at even places of the axis between its clipped ends. Ties
// share the mean of their places.
func quantiles(all []valueCount, n int) (x, p []float64) {
	beyond := float64(clip(n)) / float64(n)
	edge := -normalQuantile(beyond)
	count := min(knotCount, max(n/clipRows, 3))
	below, k := 0, 0
	at := func(q float64) float64 {
		// Row r lies at (r+1/2)/n; between rows the quantile is straight.
		pos := q*float64(n) - 0.5
		for k < len(all)-1 && float64(below+all[k].n-1) < pos {
			below += all[k].n
			k++
		}
		v := all[k].v
		if gap := float64(below) - pos; gap > 0 && gap < 1 && k > 0 {
			return v - gap*(v-all[k-1].v)
		}
		return v
	}
	same := 0.0
	for i := range count {
		q := normalShare(-edge + 2*edge*float64(i)/float64(count-1))
		v := at(q)
		if m := len(x) - 1; m >= 0 && x[m] == v {
			same++
			p[m] += (q - p[m]) / same
		} else {
			x, p, same = append(x, v), append(p, q), 1
		}
	}
	return x, p
}

// places turns shares into places on the normal axis and drops what does not
// increase.
func places(x, p []float64) (knots, normal []float64) {
	for i := range x {
		z := normalQuantile(p[i])
		if m := len(knots); m > 0 && (x[i] <= knots[m-1] || z < normal[m-1]) {
			continue
		}
		knots, normal = append(knots, x[i]), append(normal, z)
	}
	if m := len(normal); m > 1 && normal[m-1] <= normal[0] {
		return nil, nil
	}
	return knots, normal
}

func normalQuantile(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }

func normalShare(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }
