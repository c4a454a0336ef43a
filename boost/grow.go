package boost

import (
	"math"

	"laminar/internal/par"
	"laminar/rng"
)

// bucket is the sum of derivatives in one bin.
type bucket struct{ g, h float64 }

// grower grows one tree after the other on the same bins.
type grower struct {
	b      *bins
	c      Config
	offset []int // of a column's buckets in a histogram; the last is the size
	// grad and hess are those of all rows.
	grad, hess []float64

	rows, other []int32  // the rows of the leaves, partitioned, and scratch
	ordered     []bucket // derivatives of a leaf's rows, in their order
	spare       [][]bucket
	seen        [2][]bool // the columns looked at for a leaf and for its sibling
	found       [2][]cut
	scratch     [][]rank
	tree        tree
	key         rng.Key
	serial      bool // the caller spreads trees over the cores
}

// leaf is a node that may be split.
type leaf struct {
	node   int32
	lo, hi int // its rows
	depth  int
	sum    bucket
	hist   []bucket
	best   cut
}

func newGrower(b *bins, c Config) *grower {
	g := &grower{b: b, c: c, offset: make([]int, len(b.columns)+1), scratch: make([][]rank, len(b.columns))}
	for j, col := range b.columns {
		g.offset[j+1] = g.offset[j] + col.bins
	}
	for k := range g.found {
		g.found[k], g.seen[k] = make([]cut, len(b.columns)), make([]bool, len(b.columns))
	}
	return g
}

// take sets the derivatives for the next tree.
func (g *grower) take(grad, hess []float64) { g.grad, g.hess = grad, hess }

// grow grows a tree on some rows, of which one may occur several times.
func (g *grower) grow(rows []int32, key rng.Key) tree {
	g.rows = append(g.rows[:0], rows...)
	if cap(g.other) < len(rows) {
		g.other, g.ordered = make([]int32, len(rows)), make([]bucket, len(rows))
	}
	g.tree, g.key = nil, key
	root := leaf{hi: len(rows)}
	for _, i := range g.rows {
		root.sum.g += g.grad[i]
		root.sum.h += g.hess[i]
	}
	g.tree = append(g.tree, node{feature: -1, value: g.answer(root.sum)})
	if g.splittable(&root) {
		root.hist = g.space()
		g.look(&root, nil)
	}
	open := []leaf{root}
	deep := g.c.Leaves >= len(rows) // then the order does not matter, and depth first keeps few histograms
	for leaves := 1; leaves < g.c.Leaves && len(open) > 0; {
		at := len(open) - 1
		if !deep {
			for k := range open {
				if open[k].best.gain > open[at].best.gain || (open[k].best.gain == open[at].best.gain && k < at) {
					at = k
				}
			}
		}
		l := open[at]
		open = append(open[:at], open[at+1:]...)
		if !(l.best.gain > 0) {
			g.free(&l)
			if deep {
				continue
			}
			open = append(open, l)
			break // nor has any other
		}
		left, right := g.split(&l)
		open = append(open, right, left)
		leaves++
	}
	for k := range open {
		g.free(&open[k])
	}
	return g.tree
}

func (g *grower) answer(s bucket) float64 {
	if d := s.h + g.c.Lambda; d > 0 {
		return -s.g / d * g.c.Rate
	}
	return 0
}

func (g *grower) splittable(l *leaf) bool {
	return l.hi-l.lo > 1 && l.depth < g.c.Depth && l.sum.h >= 2*g.c.Weight
}

func (g *grower) space() []bucket {
	if n := len(g.spare); n > 0 {
		h := g.spare[n-1]
		g.spare = g.spare[:n-1]
		return h
	}
	return make([]bucket, g.offset[len(g.offset)-1])
}

func (g *grower) free(l *leaf) {
	if l.hist != nil {
		g.spare = append(g.spare, l.hist)
		l.hist = nil
	}
}

// split makes a leaf a node with two leaves, and looks for their splits.
func (g *grower) split(l *leaf) (left, right leaf) {
	id := int32(len(g.tree))
	d := &g.tree[l.node]
	d.feature, d.left, d.right = int32(l.best.feature), id, id+1
	d.bin, d.missing, d.set, d.gain = l.best.bin, l.best.missing, l.best.set, l.best.gain
	bin := g.b.of[d.feature]
	lo, kept := l.lo, g.other[:0]
	for _, i := range g.rows[l.lo:l.hi] {
		if d.next(bin[i]) == id {
			g.rows[lo] = i
			lo++
		} else {
			kept = append(kept, i)
		}
	}
	copy(g.rows[lo:l.hi], kept)
	left = leaf{node: id, lo: l.lo, hi: lo, depth: l.depth + 1, sum: l.best.left}
	right = leaf{node: id + 1, lo: lo, hi: l.hi, depth: l.depth + 1, sum: bucket{l.sum.g - l.best.left.g, l.sum.h - l.best.left.h}}
	g.tree = append(g.tree, node{feature: -1, value: g.answer(left.sum)}, node{feature: -1, value: g.answer(right.sum)})
	a, b := &left, &right
	if b.hi-b.lo < a.hi-a.lo {
		a, b = b, a
	}
	switch {
	case g.splittable(b): // the larger takes the parent's histogram, less that of the smaller
		a.hist, b.hist, l.hist = g.space(), l.hist, nil
		g.look(a, b)
	case g.splittable(a):
		a.hist, l.hist = l.hist, nil
		g.look(a, nil)
	}
	g.free(l)
	return left, right
}

// look fills the histogram of a leaf from its rows, takes it off that of its
// sibling, if there is one, and finds the best split of both.
func (g *grower) look(a, sibling *leaf) {
	rows := g.rows[a.lo:a.hi]
	ordered := g.ordered[:len(rows)]
	for k, i := range rows {
		ordered[k] = bucket{g.grad[i], g.hess[i]}
	}
	forA, forSibling := g.splittable(a), sibling != nil
	g.choose(g.seen[0], a)
	if forSibling {
		g.choose(g.seen[1], sibling)
	}
	one := func(j int) {
		lo, hi := g.offset[j], g.offset[j+1]
		hist := a.hist[lo:hi]
		clear(hist)
		bin := g.b.of[j]
		for k, i := range rows {
			s := &hist[bin[i]]
			s.g += ordered[k].g
			s.h += ordered[k].h
		}
		g.found[0][j], g.found[1][j] = cut{}, cut{}
		if forA && g.seen[0][j] {
			g.found[0][j] = g.best(j, hist, a.sum)
		}
		if forSibling {
			of := sibling.hist[lo:hi]
			for k := range of {
				of[k].g -= hist[k].g
				of[k].h -= hist[k].h
			}
			if g.seen[1][j] {
				g.found[1][j] = g.best(j, of, sibling.sum)
			}
		}
	}
	if g.serial {
		for j := range g.b.columns {
			one(j)
		}
	} else {
		par.Default().Run(len(g.b.columns), job(one))
	}
	for j := range g.b.columns {
		if g.found[0][j].gain > a.best.gain {
			a.best = g.found[0][j]
		}
		if forSibling && g.found[1][j].gain > sibling.best.gain {
			sibling.best = g.found[1][j]
		}
	}
}

// choose draws the columns that are looked at for the split of a leaf.
func (g *grower) choose(seen []bool, l *leaf) {
	n := len(seen)
	want := int(math.Ceil(g.c.Columns * float64(n)))
	if want >= n {
		for j := range seen {
			seen[j] = true
		}
		return
	}
	clear(seen)
	s := g.key.At(uint64(l.node)).Stream()
	for j := range n { // selection sampling (Knuth, TAOCP 3.4.2 S)
		if s.Float64()*float64(n-j) < float64(want) {
			seen[j] = true
			want--
		}
	}
}
