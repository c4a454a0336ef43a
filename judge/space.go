package judge

import (
	"math"
	"slices"

	"laminar/data/table"
	"laminar/tensor"
)

// Space measures how far rows are apart: Gower's distance, the sum over columns of
// the difference of two numbers over the range of the real ones, and of 1 for two
// levels that differ. It equals the L1 distance of min-max scaled numbers and
// one-hot categories halved, as ForestDiffusion and TabSyn compare rows. A missing
// number stands at the median, and being missing counts as a level.
type Space struct {
	cols []column
	dims []dim
}

// dim is a coordinate: a scaled number, or a level by its code.
type dim struct {
	at    int // the column of the rows
	level bool
	gap   bool // the level says whether the number at is missing
	col   column
	lo    float64
	width float64
	fill  float64 // the scaled place of a missing number
}

// NewSpace takes the ranges of numbers from real rows. A number that does not vary
// is compared as it is.
func NewSpace(s *table.Schema, real matrix) (*Space, error) {
	cols := columnsOf(s)
	if err := check("real", s, cols, real, 1); err != nil {
		return nil, err
	}
	return newSpace(cols, real), nil
}

func newSpace(cols []column, real matrix) *Space {
	sp := &Space{cols: cols}
	for _, c := range cols {
		if !c.number() {
			sp.dims = append(sp.dims, dim{at: c.at, level: true, col: c})
			continue
		}
		d := dim{at: c.at, col: c, width: 1}
		if v := present(real, c.at); len(v) > 0 {
			slices.Sort(v)
			d.lo = v[0]
			if w := v[len(v)-1] - v[0]; w > 0 && !math.IsInf(w, 0) {
				d.width = w
			}
			d.fill = (quantile(v, 0.5) - d.lo) / d.width
		}
		sp.dims = append(sp.dims, d, dim{at: c.at, level: true, gap: true})
	}
	return sp
}

// place returns the coordinates of rows.
func (sp *Space) place(m matrix) tensor.Mat {
	out := tensor.New(m.N, len(sp.dims))
	blocks(m.N, 1024, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row, src := out.Row(i), m.Row(i)
			for k := range sp.dims {
				d := &sp.dims[k]
				v := src[d.at]
				switch {
				case d.gap:
					if v != v {
						row[k] = 1
					}
				case d.level:
					row[k] = float32(d.col.code(v))
				case v != v:
					row[k] = float32(d.fill)
				default:
					row[k] = float32((v - d.lo) / d.width)
				}
			}
		}
	})
	return out
}

// distance is how coordinates add up to a distance.
type distance struct {
	level   []bool
	squared bool    // numbers by the square of their difference
	differ  float32 // what two different levels are apart
}

func (sp *Space) distance(squared bool, differ float32) distance {
	m := distance{squared: squared, differ: differ}
	for _, d := range sp.dims {
		m.level = append(m.level, d.level)
	}
	return m
}

// gower is the distance of Space itself.
func (sp *Space) gower() distance { return sp.distance(false, 1) }

// of returns the distance of two points, or something above limit once that is
// passed.
func (m *distance) of(a, b []float32, limit float32) float32 {
	var s float32
	b = b[:len(a)]
	level := m.level[:len(a)]
	for k, v := range a {
		s += m.one(level[k], v-b[k])
		if s > limit {
			return s
		}
	}
	return s
}

func (m *distance) one(level bool, d float32) float32 {
	switch {
	case level:
		if d != 0 {
			return m.differ
		}
		return 0
	case m.squared:
		return d * d
	case d < 0:
		return -d
	}
	return d
}
