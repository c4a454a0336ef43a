package lap

import (
	"fmt"
	"math"
	"slices"
)

// tree is a basis of the transport problem: a spanning tree of sources 0..m-1
// and sinks m..m+n-1. Every arc goes from a source to a sink, so that the arc
// between a node and its parent points up, to the root, if the node is a
// source, and down if it is a sink.
//
// The tree is strongly feasible: an arc that carries nothing points up. The
// rule by which pivot chooses the leaving arc keeps it so, and therefore no
// basis comes twice (Cunningham 1976).
type tree struct {
	cost  []float64 // m x n
	m, n  int
	width float64   // of the range of the costs
	v     []float64 // duals of the sinks, when solved

	parent            []int32 // -1 at the root
	child, next, prev []int32 // the list of a node's children, -1 where it ends
	depth             []int32
	flow              []int64   // on the arc to the parent
	pot               []float64 // dual of the node: u_i or v_j, u_i+v_j = c_ij on the tree
	root              int32
	at                int // where the search for an entering arc goes on
}

// simplex runs the network simplex on whole masses a and b of equal sums.
func (t *tree) simplex(a, b []int64, total float64) ([]Flow, error) {
	t.start(a, b)
	m, n := t.m, t.n
	for pivots, limit := 0, 100*m*n+10000; ; pivots++ {
		i, j := t.entering()
		if i < 0 {
			break
		}
		if pivots == limit {
			return nil, fmt.Errorf("lap: no optimal plan of %d sources and %d sinks after %d pivots", m, n, limit)
		}
		t.pivot(i, j)
	}
	t.v = t.pot[m:]
	flows := make([]Flow, 0, m+n-1)
	for x, p := range t.parent {
		if f := t.flow[x]; p >= 0 && f > 0 {
			i, j := int32(x), p
			if x >= m {
				i, j = p, int32(x)
			}
			flows = append(flows, Flow{i, j - int32(m), float64(f) / whole * total})
		}
	}
	slices.SortFunc(flows, func(x, y Flow) int {
		if x.I != y.I {
			return int(x.I) - int(y.I)
		}
		return int(x.J) - int(y.J)
	})
	return flows, nil
}

// entering returns a source and a sink whose arc would lower the cost, i < 0 if
// there is none: block search, the most violating arc of the first block that
// has one, going on where the last call stopped.
func (t *tree) entering() (i, j int32) {
	arcs := t.m * t.n
	block := max(int(math.Sqrt(float64(arcs))), min(arcs, 64))
	best := -1e-11 * t.width
	i, j = -1, -1
	for seen := 0; seen < arcs && i < 0; {
		for end := min(seen+block, arcs); seen < end; {
			r, c := t.at/t.n, t.at%t.n
			k := min(t.n-c, end-seen)
			u, pot := t.pot[r], t.pot[t.m+c:t.m+c+k]
			for x, cost := range t.cost[t.at : t.at+k] {
				if red := cost - u - pot[x]; red < best {
					best, i, j = red, int32(r), int32(t.m+c+x)
				}
			}
			seen += k
			if t.at += k; t.at == arcs {
				t.at = 0
			}
		}
	}
	return i, j
}

// start builds the first tree: row after row takes the cheapest column that
// wants mass. Each step sends what it can and closes either the row or the
// column, which becomes the child of the other. When both are exhausted the
// column is closed, so that an arc that points down always carries mass.
func (t *tree) start(a, b []int64) {
	m, n := t.m, t.n
	all := make([]int32, 5*(m+n))
	for _, s := range []*[]int32{&t.parent, &t.child, &t.next, &t.prev, &t.depth} {
		*s, all = all[:m+n:m+n], all[m+n:]
	}
	for x := range t.parent {
		t.parent[x], t.child[x] = -1, -1
	}
	t.flow, t.pot = make([]int64, m+n), make([]float64, m+n)

	wanted := make([]int32, n) // open columns
	for j := range wanted {
		wanted[j] = int32(j)
	}
	for i := 0; i < m; {
		row := t.cost[i*n : (i+1)*n]
		k := 0
		for x, j := range wanted {
			if row[j] < row[wanted[k]] {
				k = x
			}
		}
		j := wanted[k]
		if len(wanted) > 1 && (i == m-1 || b[j] <= a[i]) {
			a[i] -= b[j]
			t.flow[int32(m)+j] = b[j]
			t.hang(int32(m)+j, int32(i))
			wanted[k] = wanted[len(wanted)-1]
			wanted = wanted[:len(wanted)-1]
			continue
		}
		b[j] -= a[i]
		t.flow[i] = a[i]
		t.hang(int32(i), int32(m)+j)
		i++
	}
	t.root = int32(m) + wanted[0]
	t.refresh(t.root)
}

// hang makes x a child of p.
func (t *tree) hang(x, p int32) {
	c := t.child[p]
	t.parent[x], t.prev[x], t.next[x] = p, -1, c
	if c >= 0 {
		t.prev[c] = x
	}
	t.child[p] = x
}

// cut takes x off its parent's list of children.
func (t *tree) cut(x int32) {
	p, before, after := t.parent[x], t.prev[x], t.next[x]
	if before >= 0 {
		t.next[before] = after
	} else {
		t.child[p] = after
	}
	if after >= 0 {
		t.prev[after] = before
	}
}

// refresh computes depth and potential of top and all below it, from the
// parent's: no error adds up from pivot to pivot.
func (t *tree) refresh(top int32) {
	for x := top; ; {
		if p := t.parent[x]; p >= 0 {
			t.depth[x] = t.depth[p] + 1
			i, j := int(x), int(p)
			if i > j {
				i, j = j, i
			}
			t.pot[x] = t.cost[i*t.n+j-t.m] - t.pot[p]
		}
		if c := t.child[x]; c >= 0 {
			x = c
			continue
		}
		for x != top && t.next[x] < 0 {
			x = t.parent[x]
		}
		if x == top {
			return
		}
		x = t.next[x]
	}
}

// pivot brings the arc from source i to sink j into the tree. Mass goes round
// the cycle that it closes, in its direction, until an arc is empty. Of several
// that become empty the last one leaves, counted in the direction of the cycle
// from its apex: on j's side the one nearest to the apex, else on i's side the
// one nearest to i.
func (t *tree) pivot(i, j int32) {
	m := int32(t.m)
	room, leave, side := int64(math.MaxInt64), int32(-1), i
	x, y := i, j
	onJ := int64(math.MaxInt64)
	var leaveJ int32
	for x != y {
		if t.depth[x] >= t.depth[y] {
			if x < m && t.flow[x] < room { // points up: against the cycle
				room, leave = t.flow[x], x
			}
			x = t.parent[x]
		} else {
			if y >= m && t.flow[y] <= onJ { // points down: against the cycle
				onJ, leaveJ = t.flow[y], y
			}
			y = t.parent[y]
		}
	}
	if onJ <= room {
		room, leave, side = onJ, leaveJ, j
	}
	apex := x
	for x := i; x != apex; x = t.parent[x] {
		if x < m {
			t.flow[x] -= room
		} else {
			t.flow[x] += room
		}
	}
	for y := j; y != apex; y = t.parent[y] {
		if y < m {
			t.flow[y] += room
		} else {
			t.flow[y] -= room
		}
	}
	// Turn the path from side up to leave over, and hang it on the other end.
	x, p, f := side, i+j-side, room
	for {
		up, old := t.parent[x], t.flow[x]
		t.cut(x)
		t.hang(x, p)
		t.flow[x] = f
		if x == leave {
			break
		}
		x, p, f = up, x, old
	}
	t.refresh(side)
}
