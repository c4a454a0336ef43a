package metric

import (
	"math"

	"laminar/tensor"
)

// kdTree finds nearest points exactly. It keeps a copy of them in the order of
// its leaves. Many goroutines may search it at once.
type kdTree struct {
	d    int
	pts  []float32 // in tree order
	id   []int32   // the row of each point
	node []kdNode
}

// kdNode is an inner node (dim >= 0) whose children are left = self+1 and
// right, or a leaf (dim < 0) that holds points lo to hi-1.
type kdNode struct {
	dim    int32
	split  float32
	right  int32
	lo, hi int32
}

const leafSize = 12

func newKDTree(x tensor.Mat) *kdTree {
	t := &kdTree{d: x.D, id: make([]int32, x.N), pts: make([]float32, x.N*x.D)}
	for i := range t.id {
		t.id[i] = int32(i)
	}
	t.build(x, 0, x.N)
	for i, r := range t.id {
		copy(t.pts[i*x.D:(i+1)*x.D], x.Row(int(r)))
	}
	return t
}

func (t *kdTree) build(x tensor.Mat, lo, hi int) {
	self := len(t.node)
	t.node = append(t.node, kdNode{dim: -1, lo: int32(lo), hi: int32(hi)})
	if hi-lo <= leafSize {
		return
	}
	dim, width := 0, float32(-1)
	for j := range x.D {
		least, most := x.At(int(t.id[lo]), j), x.At(int(t.id[lo]), j)
		for _, r := range t.id[lo+1 : hi] {
			v := x.Data[int(r)*x.D+j]
			least, most = min(least, v), max(most, v)
		}
		if most-least > width {
			dim, width = j, most-least
		}
	}
	if width <= 0 {
		return // all points equal: one large leaf
	}
	mid := (lo + hi) / 2
	split := selectNth(t.id[lo:hi], mid-lo, x.Data[dim:], x.D)
	t.build(x, lo, mid)
	t.node[self] = kdNode{dim: int32(dim), split: split, right: int32(len(t.node)), lo: int32(lo), hi: int32(hi)}
	t.build(x, mid, hi)
}

// selectNth reorders id so that the values v[id*stride] before position nth are
// at most, and those after at least, the one there, which it returns.
func selectNth(id []int32, nth int, v []float32, stride int) float32 {
	at := func(i int) float32 { return v[int(id[i])*stride] }
	lo, hi := 0, len(id)-1
	for lo < hi {
		a, b, c := at(lo), at((lo+hi)/2), at(hi)
		pivot := max(min(a, b), min(max(a, b), c))
		i, j := lo, hi
		for i <= j {
			for at(i) < pivot {
				i++
			}
			for at(j) > pivot {
				j--
			}
			if i <= j {
				id[i], id[j] = id[j], id[i]
				i++
				j--
			}
		}
		switch {
		case nth <= j:
			hi = j
		case nth >= i:
			lo = i
		default:
			return pivot
		}
	}
	return at(nth)
}

// nearest is a search's result and its scratch: the rows of the k nearest
// points, nearest first.
type nearest struct {
	tree  *kdTree
	query []float32
	off   []float32 // per dimension, how far the current cell is from query
	id    []int32
	dist  []float32 // squared
}

func (t *kdTree) search(k int) *nearest {
	return &nearest{tree: t, off: make([]float32, t.d), id: make([]int32, k), dist: make([]float32, k)}
}

// find fills s.id with the k points nearest to q.
func (s *nearest) find(q []float32) {
	s.query = q
	for i := range s.dist {
		s.dist[i], s.id[i] = float32(math.Inf(1)), -1
	}
	s.visit(0, 0)
}

func (s *nearest) visit(i int32, gap float32) {
	n := &s.tree.node[i]
	last := len(s.dist) - 1
	if n.dim < 0 {
		d := s.tree.d
		for p := int(n.lo); p < int(n.hi); p++ {
			worst := s.dist[last]
			if r := distWithin(s.query, s.tree.pts[p*d:(p+1)*d], worst); r < worst {
				k := last
				for ; k > 0 && s.dist[k-1] > r; k-- {
					s.dist[k], s.id[k] = s.dist[k-1], s.id[k-1]
				}
				s.dist[k], s.id[k] = r, s.tree.id[p]
			}
		}
		return
	}
	near, far := i+1, n.right
	diff := s.query[n.dim] - n.split
	if diff >= 0 {
		near, far = far, near
	}
	s.visit(near, gap)
	old := s.off[n.dim]
	if g := gap - old*old + diff*diff; g < s.dist[last] {
		s.off[n.dim] = diff
		s.visit(far, g)
		s.off[n.dim] = old
	}
}

// distWithin returns the squared distance of a and b, or something not below
// limit once that is passed.
func distWithin(a, b []float32, limit float32) float32 {
	var s float32
	for len(a) >= 8 && len(b) >= 8 {
		d0, d1, d2, d3 := a[0]-b[0], a[1]-b[1], a[2]-b[2], a[3]-b[3]
		d4, d5, d6, d7 := a[4]-b[4], a[5]-b[5], a[6]-b[6], a[7]-b[7]
		s += (d0*d0 + d1*d1 + d2*d2 + d3*d3) + (d4*d4 + d5*d5 + d6*d6 + d7*d7)
		if s >= limit {
			return s
		}
		a, b = a[8:], b[8:]
	}
	b = b[:len(a)]
	for j, v := range a {
		d := v - b[j]
		s += d * d
	}
	return s
}
