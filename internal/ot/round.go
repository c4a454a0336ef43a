package ot

import (
	"math/bits"

	"laminar/rng"
)

// Rounder draws whole pairs from a plan: pair (i, j) comes up P_ij times on
// average, every row and every column its sum rounded up or down, and all pairs
// together are as many as asked for. The zero value is ready; a Rounder of the
// same size again allocates nothing. It is not safe for concurrent use.
//
// Masses are whole numbers of a small unit, a power of 1/2, and every sum is a
// whole number (a dummy point on either side takes the rest). In the edges of
// odd mass every point then has an even degree: they fall apart into closed
// trails of even length, along each of which a unit is added and taken by turns,
// either way with probability 1/2. All masses are even then, the unit doubles,
// and so on until it is 1.
type Rounder struct {
	n, m   int // with the dummies
	one    int32
	edges  []edge
	row    []int32 // by vertex, the first edge of its list of odd edges, or -1
	col    []int32
	sum    []int64 // of columns
	excess []int64
	taken  []bool
}

// edge is mass that is not 0, with its followers in the lists of its ends.
type edge struct{ i, j, w, inRow, inCol int32 }

// resolution is the binary logarithm of the number of units in the mean mass of
// an entry when a row sums to 1.
const resolution = 5

// Draw draws count pairs from the n x m plan, which is scaled to sum to count,
// and appends them to i and j. bijective tells that rows and columns are as many
// as pairs and that the plan's sums are equal but for the error of their
// computation: every row and column then comes up exactly once.
func (r *Rounder) Draw(i, j []int32, plan []float32, n, m, count int, bijective bool, key rng.Key) ([]int32, []int32) {
	s := key.Stream()
	r.fill(plan, n, m, count, bijective, &s)
	for unit := int32(1); unit < r.one; unit *= 2 {
		r.double(unit, &s)
	}
	first := len(i)
	for _, e := range r.edges {
		if int(e.i) < n && int(e.j) < m {
			for range e.w / r.one {
				i, j = append(i, e.i), append(j, e.j)
			}
		}
	}
	if bijective && len(i)-first < count {
		i, j = r.complete(i, j, first, count)
	}
	return i, j
}

// double makes all masses multiples of 2 unit.
func (r *Rounder) double(unit int32, s *rng.Stream) {
	for v := range r.row {
		r.row[v] = -1
	}
	for v := range r.col {
		r.col[v] = -1
	}
	live := r.edges[:0]
	for _, e := range r.edges {
		if e.w == 0 {
			continue
		}
		if e.w&unit != 0 {
			id := int32(len(live))
			e.inRow, r.row[e.i] = r.row[e.i], id
			e.inCol, r.col[e.j] = r.col[e.j], id
		}
		live = append(live, e)
	}
	r.edges = live
	var coins uint64
	var left int
	for start := range r.row {
		for r.odd(&r.row[start], unit, true) >= 0 {
			if left == 0 {
				coins, left = s.Uint64(), 64
			}
			up := unit
			if coins&1 != 0 {
				up = -unit
			}
			coins, left = coins>>1, left-1
			for at := int32(start); ; {
				e := &r.edges[r.odd(&r.row[at], unit, true)]
				e.w += up
				e = &r.edges[r.odd(&r.col[e.j], unit, false)]
				e.w -= up
				if at = e.i; at == int32(start) {
					break
				}
			}
		}
	}
}

// odd returns the first edge of a list that is still odd, dropping those before
// it, or -1.
func (r *Rounder) odd(head *int32, unit int32, inRow bool) int32 {
	for *head >= 0 && r.edges[*head].w&unit == 0 {
		if inRow {
			*head = r.edges[*head].inRow
		} else {
			*head = r.edges[*head].inCol
		}
	}
	return *head
}

// complete pairs the rows and columns that the dummies took: as many as the
// plan's error is large.
func (r *Rounder) complete(i, j []int32, first, count int) ([]int32, []int32) {
	taken := grow(&r.taken, 2*count)
	clear(taken)
	rows, cols := taken[:count], taken[count:]
	for k := first; k < len(i); k++ {
		rows[i[k]], cols[j[k]] = true, true
	}
	next := 0
	for x, done := range rows {
		if done {
			continue
		}
		for cols[next] {
			next++
		}
		cols[next] = true
		i, j = append(i, int32(x)), append(j, int32(next))
	}
	return i, j
}

// fill lists the plan's masses in units, with a dummy row and a dummy column
// that make all sums whole. Rounding to units is random and keeps the
// expectation, since the running sum is what is rounded; the sum of all stays
// count.
func (r *Rounder) fill(plan []float32, n, m, count int, bijective bool, s *rng.Stream) {
	r.n, r.m = n+1, m+1
	r.one = 1 << min(resolution+bits.Len(uint(max(n, m))), 24)
	r.edges = r.edges[:0]
	grow(&r.row, r.n)
	grow(&r.col, r.m)
	col := grow(&r.sum, m)
	clear(col)
	var total float64
	for _, p := range plan[:n*m] {
		total += float64(p)
	}
	units := float64(count) * float64(r.one)
	offset, run, before := s.Float64(), 0.0, int64(0)
	for i := range n {
		row := plan[i*m : (i+1)*m]
		scale := units / total
		if bijective { // each row is whole
			var sum float64
			for _, p := range row {
				sum += float64(p)
			}
			scale = float64(r.one) / sum
			offset, run, before = s.Float64(), 0, 0
		}
		for j, p := range row {
			run += float64(p) * scale
			if bijective && j == m-1 {
				run = float64(r.one)
			} else if i == n-1 && j == m-1 {
				run = units
			}
			upTo := int64(run + offset)
			if w := upTo - before; w > 0 {
				r.edges = append(r.edges, edge{i: int32(i), j: int32(j), w: int32(w)})
				col[j] += w
			}
			before = upTo
		}
	}
	if bijective {
		r.clip(col)
	}
	r.dummies(n, m, col)
}

// clip takes from columns what they hold above a whole.
func (r *Rounder) clip(col []int64) {
	excess := grow(&r.excess, len(col))
	for {
		over := false
		for j, c := range col {
			excess[j] = max(0, c-int64(r.one))
			over = over || excess[j] > 0
		}
		if !over {
			return
		}
		for k := range r.edges {
			e := &r.edges[k]
			if excess[e.j] == 0 || e.w == 0 {
				continue
			}
			take := min(excess[e.j], (int64(e.w)*excess[e.j]+col[e.j]-1)/col[e.j])
			e.w -= int32(take)
			excess[e.j] -= take
			col[e.j] -= take
		}
	}
}

// dummies adds the edges that make all sums whole.
func (r *Rounder) dummies(n, m int, col []int64) {
	one := int64(r.one)
	add := func(i, j int, sum int64) int64 {
		slack := (one - sum%one) % one
		if slack > 0 {
			r.edges = append(r.edges, edge{i: int32(i), j: int32(j), w: int32(slack)})
		}
		return slack
	}
	var rows, sum int64
	last := len(r.edges)
	for k := 0; k < last; {
		i := r.edges[k].i
		for sum = 0; k < last && r.edges[k].i == i; k++ {
			sum += int64(r.edges[k].w)
		}
		rows += add(int(i), m, sum)
	}
	for j, sum := range col {
		add(n, j, sum)
	}
	// Rows and columns have one total, so that this corner makes both whole.
	add(n, m, rows)
}
