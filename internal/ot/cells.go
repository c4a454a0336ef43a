package ot

import (
	"math"
	"slices"

	"laminar/internal/kernel"
	"laminar/internal/par"
	"laminar/tensor"
)

// Cells are the regions of space that belong to each of a fixed set of points
// with potentials: x is in the cell of the j for which |x - y_j|^2 - g_j is
// least (a power diagram). Many goroutines may search at once while the
// potentials stay.
//
// Up to treeDim dimensions a k-d tree whose nodes know their largest potential
// finds the cell; above, a matrix product looks at all points.
type Cells struct {
	y    tensor.Mat
	g    []float32
	most float32 // the largest potential

	// The tree: points and potentials in the order of its leaves.
	id   []int32
	at   []int32 // where point j stands in id
	pts  []float32
	gt   []float32
	node []cellNode

	// The product: price_j = |y_j|^2 - g_j.
	kernels *kernel.Set
	price   []float32
	norm    []float32
}

// cellNode holds points lo to hi-1: an inner node (dim >= 0) with children self+1
// and right, or a leaf (dim < 0). g is the largest potential below it.
type cellNode struct {
	dim, right, lo, hi int32
	split, g           float32
}

const (
	treeDim  = 10
	cellLeaf = 8
	// searchBlock rows are looked up by one task, and one product.
	searchBlock = 64
)

// NewCells returns the cells of the rows of y, of which it keeps the memory, with
// potentials 0. k nil means the best kernels.
func NewCells(y tensor.Mat, k *kernel.Set) *Cells {
	if k == nil {
		k = kernel.Best()
	}
	c := &Cells{y: y, g: make([]float32, y.N), kernels: k}
	if y.D <= treeDim {
		c.id, c.at = make([]int32, y.N), make([]int32, y.N)
		for i := range c.id {
			c.id[i] = int32(i)
		}
		c.build(0, y.N)
		c.pts, c.gt = make([]float32, y.N*y.D), make([]float32, y.N)
		for i, r := range c.id {
			copy(c.pts[i*y.D:(i+1)*y.D], y.Row(int(r)))
			c.at[r] = int32(i)
		}
	} else {
		c.price, c.norm = make([]float32, y.N), make([]float32, y.N)
		for j := range y.N {
			c.norm[j] = float32(k.SumSq(y.Row(j)))
		}
	}
	c.SetPotentials(c.g)
	return c
}

// Points returns the points, which must not be changed.
func (c *Cells) Points() tensor.Mat { return c.y }

// Potentials returns the potentials, which must not be changed.
func (c *Cells) Potentials() []float32 { return c.g }

// SetPotentials copies g, one potential for every point. No search may be under
// way.
func (c *Cells) SetPotentials(g []float32) {
	copy(c.g, g)
	c.most = slices.Max(c.g)
	if c.id == nil {
		c.kernels.Sub(c.price, c.norm, c.g)
		return
	}
	for i, r := range c.id {
		c.gt[i] = c.g[r]
	}
	for i := len(c.node) - 1; i >= 0; i-- { // children stand behind their parents
		n := &c.node[i]
		if n.dim < 0 {
			n.g = slices.Max(c.gt[n.lo:n.hi])
		} else {
			n.g = max(c.node[i+1].g, c.node[n.right].g)
		}
	}
}

func (c *Cells) build(lo, hi int) {
	self := len(c.node)
	c.node = append(c.node, cellNode{dim: -1, lo: int32(lo), hi: int32(hi)})
	if hi-lo <= cellLeaf {
		return
	}
	dim, width := 0, float32(-1)
	for k := range c.y.D {
		least, most := float32(math.Inf(1)), float32(math.Inf(-1))
		for _, r := range c.id[lo:hi] {
			v := c.y.At(int(r), k)
			least, most = min(least, v), max(most, v)
		}
		if most-least > width {
			dim, width = k, most-least
		}
	}
	if width <= 0 {
		return // equal points stay one leaf
	}
	slices.SortFunc(c.id[lo:hi], func(a, b int32) int {
		x, y := c.y.At(int(a), dim), c.y.At(int(b), dim)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return int(a - b)
	})
	mid := (lo + hi) / 2
	split := c.y.At(int(c.id[mid]), dim)
	c.build(lo, mid)
	c.node[self] = cellNode{dim: int32(dim), split: split, right: int32(len(c.node)), lo: int32(lo), hi: int32(hi)}
	c.build(mid, hi)
}

// Search is what one goroutine needs to find cells. The zero value is ready.
type Search struct {
	c            *Cells
	x            []float32
	off          []float32
	best, second float32
	limit        *float32 // the one of them that prunes
	arg          int32
	cost         []float32
	ws           kernel.Workspace
}

// Find writes the cell of every row of x to cell, and, unless they are nil, the
// least |x - y_j|^2 - g_j to value and by how much the second least is above it
// to margin. A row that is not finite has the cell -1.
func (s *Search) Find(c *Cells, x tensor.Mat, cell []int32, value, margin []float32) {
	s.c = c
	if c.id == nil {
		s.product(x, cell, value, margin)
		return
	}
	grow(&s.off, x.D)
	s.limit = &s.best
	if margin != nil {
		s.limit = &s.second
	}
	for i := range x.N {
		s.x = x.Row(i)
		clear(s.off)
		s.best, s.second, s.arg = float32(math.Inf(1)), float32(math.Inf(1)), -1
		s.visit(0, 0)
		if cell[i] = s.arg; s.arg >= 0 {
			cell[i] = c.id[s.arg]
		}
		if value != nil {
			value[i] = s.best
		}
		if margin != nil {
			margin[i] = s.second - s.best
		}
	}
}

func (s *Search) visit(i int32, gap float32) {
	n := &s.c.node[i]
	if n.dim < 0 {
		d := len(s.x)
		for p := int(n.lo); p < int(n.hi); p++ {
			v := -s.c.gt[p]
			for k, y := range s.c.pts[p*d : (p+1)*d] {
				e := s.x[k] - y
				v += float32(e * e)
			}
			if v < s.best {
				s.best, s.second, s.arg = v, s.best, int32(p)
			} else if v < s.second {
				s.second = v
			}
		}
		return
	}
	near, far := i+1, n.right
	diff := s.x[n.dim] - n.split
	farGap := gap - s.off[n.dim]*s.off[n.dim] + diff*diff
	if diff >= 0 {
		near, far = far, near
	}
	// The nearer child is not always the better one, so both are held to what
	// their largest potential allows.
	if gap-s.c.node[near].g < *s.limit {
		s.visit(near, gap)
	}
	if farGap-s.c.node[far].g < *s.limit {
		old := s.off[n.dim]
		s.off[n.dim] = diff
		s.visit(far, farGap)
		s.off[n.dim] = old
	}
}

func (s *Search) product(x tensor.Mat, cell []int32, value, margin []float32) {
	c := s.c
	m, d := c.y.N, c.y.D
	grow(&s.cost, searchBlock*m)
	grow(&s.off, searchBlock*d)
	for lo := 0; lo < x.N; lo += searchBlock {
		n := min(searchBlock, x.N-lo)
		twice := s.off[:n*d]
		c.kernels.Scale(twice, x.Rows(lo, lo+n).Data, -2)
		c.kernels.Gemm(false, true, n, m, d, twice, d, c.y.Data, d, false, s.cost, m, &s.ws)
		for i := range n {
			best, second, arg := c.kernels.RowMin2(s.cost[i*m:(i+1)*m], c.price)
			if cell[lo+i] = int32(arg); best-best != 0 {
				cell[lo+i] = -1
			}
			if value != nil {
				value[lo+i] = best + float32(c.kernels.SumSq(x.Row(lo+i)))
			}
			if margin != nil {
				margin[lo+i] = second - best
			}
		}
	}
}

// finder looks up the cells of many rows on all cores.
type finder struct {
	c             *Cells
	x             tensor.Mat
	cell          []int32
	value, margin []float32
	search        []Search
	tasks         int
}

// Do is the method of par.Job.
func (f *finder) Do(task int) {
	lo, hi := task*f.x.N/f.tasks, (task+1)*f.x.N/f.tasks
	cut := func(v []float32) []float32 {
		if v == nil {
			return nil
		}
		return v[lo:hi]
	}
	f.search[task].Find(f.c, f.x.Rows(lo, hi), f.cell[lo:hi], cut(f.value), cut(f.margin))
}

func (f *finder) find(x tensor.Mat, cell []int32, value, margin []float32) {
	pool := par.Default()
	f.x, f.cell, f.value, f.margin = x, cell, value, margin
	f.tasks = max(1, min(4*pool.Workers(), x.N/searchBlock))
	if len(f.search) < f.tasks {
		f.search = append(f.search, make([]Search, f.tasks-len(f.search))...)
	}
	pool.Run(f.tasks, f)
}
