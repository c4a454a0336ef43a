package judge

import (
	"math"
	"slices"

	"laminar/tensor"
)

// tree is a k-d tree over points of numbers and levels. A node parts its points at
// a value of the coordinate in which two of them are furthest apart on average;
// of a level, those of lower codes from those of higher ones, whose distance from
// any point of the other side is that of two levels.
type tree struct {
	m    distance
	d    int
	pts  []float32 // of the leaves, in their order
	id   []int32   // the rows that the points were
	node []treeNode
}

type treeNode struct {
	dim    int32 // -1 for a leaf
	at     float32
	right  int32 // left is the next node
	lo, hi int32
}

const leafSize = 12

func newTree(x tensor.Mat, m distance) *tree {
	t := &tree{m: m, d: x.D, id: make([]int32, x.N), pts: make([]float32, x.N*x.D)}
	for i := range t.id {
		t.id[i] = int32(i)
	}
	t.build(x, 0, x.N)
	for i, r := range t.id {
		copy(t.pts[i*x.D:(i+1)*x.D], x.Row(int(r)))
	}
	return t
}

func (t *tree) build(x tensor.Mat, lo, hi int) {
	self := len(t.node)
	t.node = append(t.node, treeNode{dim: -1, lo: int32(lo), hi: int32(hi)})
	if hi-lo <= leafSize {
		return
	}
	dim, at := t.widest(x, lo, hi)
	if dim < 0 {
		return // all equal: one large leaf
	}
	id := t.id[lo:hi]
	slices.SortFunc(id, func(a, b int32) int { // few enough per level of the tree
		va, vb := x.At(int(a), dim), x.At(int(b), dim)
		switch {
		case va < vb:
			return -1
		case va > vb:
			return 1
		}
		return int(a) - int(b)
	})
	mid := len(id) / 2
	if t.m.level[dim] { // levels stay together
		mid, _ = slices.BinarySearchFunc(id, at, func(a int32, v float32) int {
			if x.At(int(a), dim) < v {
				return -1
			}
			return 1
		})
	} else {
		at = x.At(int(id[mid]), dim)
	}
	if mid == 0 || mid == len(id) {
		return
	}
	t.build(x, lo, lo+mid)
	t.node[self] = treeNode{dim: int32(dim), at: at, right: int32(len(t.node)), lo: int32(lo), hi: int32(hi)}
	t.build(x, lo+mid, hi)
}

// widest returns the coordinate in which two points differ most on average, told
// from at most 128 of them, and for a level the code that parts them most evenly.
func (t *tree) widest(x tensor.Mat, lo, hi int) (dim int, at float32) {
	step := max(1, (hi-lo)/128)
	var v []float32
	most := float32(0)
	dim = -1
	stride := (t.d + 63) / 64 // wide tables: some of the coordinates, others at each node
	for j := len(t.node) % stride; j < t.d; j += stride {
		v = v[:0]
		for i := lo; i < hi; i += step {
			v = append(v, x.At(int(t.id[i]), j))
		}
		slices.Sort(v)
		n := float32(len(v))
		spread, cut := float32(0), v[len(v)-1]
		if t.m.level[j] {
			even := float32(math.Inf(1))
			for a := 0; a < len(v); {
				b := a
				for b < len(v) && v[b] == v[a] {
					b++
				}
				p := float32(b-a) / n
				spread += p * (1 - p)
				if off := float32(math.Abs(float64(a) - float64(n)/2)); a > 0 && off < even {
					even, cut = off, v[a]
				}
				a = b
			}
			spread *= t.m.differ
		} else {
			for a, w := range v { // the mean difference of all pairs
				spread += w * (2*float32(a) - n + 1)
			}
			spread *= 2 / (n * n)
			if t.m.squared {
				spread *= spread
			}
		}
		if spread > most {
			most, dim, at = spread, j, cut
		}
	}
	if dim >= 0 {
		return dim, at
	}
	for j := range t.d { // the few that were looked at are equal: look at all
		first := x.At(int(t.id[lo]), j)
		for i := lo; i < hi; i++ {
			if w := x.At(int(t.id[i]), j); w != first {
				return j, max(w, first)
			}
		}
	}
	return -1, 0
}

// query is the scratch of searches.
type query struct {
	t    *tree
	q    []float32
	off  []float32 // what each coordinate keeps the current cell away
	dist []float32 // of the nearest, in order
	id   []int32
	skip int32 // a row that does not count
	// for counting: points nearer than dist[0]
	count int
}

func (t *tree) query(k int) *query {
	return &query{t: t, off: make([]float32, t.d), dist: make([]float32, k), id: make([]int32, k)}
}

// nearest fills dist and id with the points nearest to q, but for row skip.
func (s *query) nearest(q []float32, skip int32) {
	s.q, s.skip = q, skip
	for k := range s.dist {
		s.dist[k], s.id[k] = float32(math.Inf(1)), -1
	}
	s.visit(0, 0)
}

func (s *query) visit(i int32, gap float32) {
	n := &s.t.node[i]
	last := len(s.dist) - 1
	if n.dim < 0 {
		d := s.t.d
		for p := int(n.lo); p < int(n.hi); p++ {
			r := s.t.m.of(s.q, s.t.pts[p*d:(p+1)*d], s.dist[last])
			id := s.t.id[p]
			// Of equally near ones the lowest row, whatever the tree looks like.
			if r > s.dist[last] || id == s.skip || (r == s.dist[last] && id > s.id[last]) {
				continue
			}
			k := last
			for ; k > 0 && (s.dist[k-1] > r || (s.dist[k-1] == r && s.id[k-1] > id)); k-- {
				s.dist[k], s.id[k] = s.dist[k-1], s.id[k-1]
			}
			s.dist[k], s.id[k] = r, id
		}
		return
	}
	near, far, away := s.sides(i, n)
	s.visit(near, gap)
	old := s.off[n.dim]
	if g := gap - old + away; g <= loosened(s.dist[last]) {
		s.off[n.dim] = away
		s.visit(far, g)
		s.off[n.dim] = old
	}
}

// sides returns the child that the point belongs to, the other, and how far that
// one is away in the node's coordinate.
func (s *query) sides(i int32, n *treeNode) (near, far int32, away float32) {
	v := s.q[n.dim]
	near, far = i+1, n.right
	if v >= n.at {
		near, far = far, near
	}
	if s.t.m.level[n.dim] {
		return near, far, s.t.m.differ
	}
	return near, far, s.t.m.one(false, v-n.at)
}

// loosened makes up for the rounding of bounds, which are sums in another order
// than distances.
func loosened(r float32) float32 { return r + r*1e-5 + 1e-6 }

// within counts the points nearer to q than r.
func (s *query) within(q []float32, r float32) int {
	s.q, s.count, s.dist[0] = q, 0, r
	s.tally(0, 0)
	return s.count
}

func (s *query) tally(i int32, gap float32) {
	n := &s.t.node[i]
	if n.dim < 0 {
		d := s.t.d
		for p := int(n.lo); p < int(n.hi); p++ {
			if s.t.m.of(s.q, s.t.pts[p*d:(p+1)*d], s.dist[0]) < s.dist[0] {
				s.count++
			}
		}
		return
	}
	near, far, away := s.sides(i, n)
	s.tally(near, gap)
	old := s.off[n.dim]
	if g := gap - old + away; g < loosened(s.dist[0]) {
		s.off[n.dim] = away
		s.tally(far, g)
		s.off[n.dim] = old
	}
}

// neighbours returns for every row of q its k nearest points: distances and rows,
// k after k, infinite and -1 where there are fewer. With self, q is what the tree
// was built on, and a row is not its own neighbour. It uses all cores.
func (t *tree) neighbours(q tensor.Mat, k int, self bool) (dist []float32, id []int32) {
	dist, id = make([]float32, q.N*k), make([]int32, q.N*k)
	blocks(q.N, 256, func(lo, hi int) {
		s := t.query(k)
		for i := lo; i < hi; i++ {
			skip := int32(-1)
			if self {
				skip = int32(i)
			}
			s.nearest(q.Row(i), skip)
			copy(dist[i*k:], s.dist)
			copy(id[i*k:], s.id)
		}
	})
	return dist, id
}
