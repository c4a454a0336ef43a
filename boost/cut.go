package boost

import (
	"cmp"
	"slices"
)

// cut is a way to split a leaf; a gain of 0 is none.
type cut struct {
	gain    float64
	feature int
	bin     uint8
	missing bool
	set     *[4]uint64
	left    bucket
}

// rank is a level's place in the order of g/h.
type rank struct {
	bin uint8
	at  float64
}

// best is the best split of a leaf by column j, whose histogram and sum are given.
func (g *grower) best(j int, hist []bucket, sum bucket) cut {
	if g.b.columns[j].level != nil {
		return g.bestSet(j, hist, sum)
	}
	c := cut{feature: j}
	gap := hist[0]
	var left bucket
	for b := 1; b < len(hist)-1; b++ {
		left.g += hist[b].g
		left.h += hist[b].h
		g.try(&c, left, sum, 0, uint8(b), false)
		if gap.h > 0 {
			g.try(&c, bucket{left.g + gap.g, left.h + gap.h}, sum, 0, uint8(b), true)
		}
	}
	if gap.h > 0 && len(hist) > 1 { // missing against all others
		g.try(&c, gap, sum, 0, 0, true)
	}
	return c
}

// try takes a split if it is better than c.
func (g *grower) try(c *cut, left, sum bucket, smooth float64, bin uint8, missing bool) bool {
	right := bucket{sum.g - left.g, sum.h - left.h}
	// What is left of a difference of equal sums is no row.
	if least := max(g.c.Weight, 1e-9*sum.h); left.h < least || right.h < least {
		return false
	}
	l := g.c.Lambda + smooth
	gain := (left.g*left.g/(left.h+l)+right.g*right.g/(right.h+l)-sum.g*sum.g/(sum.h+g.c.Lambda))/2 - g.c.Gamma
	// What rounding makes is no gain.
	if !(gain > c.gain) || gain <= 1e-12*(sum.g*sum.g/(sum.h+g.c.Lambda)) {
		return false
	}
	c.gain, c.left, c.bin, c.missing = gain, left, bin, missing
	return true
}

// bestSet orders the levels by g/h, missing cells as one of them, and tries every
// prefix.
func (g *grower) bestSet(j int, hist []bucket, sum bucket) cut {
	order := g.scratch[j][:0]
	for b, s := range hist {
		if s.h > 1e-9*sum.h { // as in try
			order = append(order, rank{uint8(b), s.g / (s.h + g.c.Smooth)})
		}
	}
	g.scratch[j] = order
	slices.SortFunc(order, func(a, b rank) int {
		if d := cmp.Compare(a.at, b.at); d != 0 {
			return d
		}
		return cmp.Compare(a.bin, b.bin)
	})
	c := cut{feature: j}
	var left bucket
	most := -1
	for k := range len(order) - 1 {
		s := hist[order[k].bin]
		left.g += s.g
		left.h += s.h
		if g.try(&c, left, sum, g.c.Smooth, 0, false) {
			most = k
		}
	}
	if most >= 0 {
		c.set = new([4]uint64)
		for _, r := range order[:most+1] {
			c.set[r.bin>>6] |= 1 << (r.bin & 63)
		}
	}
	return c
}
