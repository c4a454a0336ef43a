package exec

import (
	"unsafe"

	"laminar/internal/kernel"
)

// All values lie in float32 memory. Those of type int32 are stored bit by bit
// in it; intsOf looks at them. Code that only moves values uses the copy
// built in or int32, so that no bit pattern is touched as a floating-point
// number.

func intsOf(x []float32) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

func floatsOf(x []int32) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// aligned returns n zeros that begin at a cache line.
func aligned(n int) []float32 {
	s := make([]float32, n+align)
	skip := 0
	if n > 0 {
		skip = int(-uintptr(unsafe.Pointer(&s[0])) & (4*align - 1) / 4)
	}
	return s[skip : skip+n : skip+n]
}

func fill(dst []float32, c []float64, ints bool) {
	for i := range dst {
		v := c[i%len(c)]
		if ints {
			intsOf(dst)[i] = int32(v)
		} else {
			dst[i] = float32(v)
		}
	}
}

// repeat fills dst with copies of x.
func repeat(dst, x []float32) {
	if len(x) == 0 || len(dst) == 0 {
		return
	}
	n := copy(dst, x)
	for n < len(dst) {
		n += copy(dst[n:], dst[:n])
	}
}

// convert truncates to int32 or converts int32 to float32; dst may be x.
func convert(dst, x []float32, toInt bool) {
	if toInt {
		d := intsOf(dst)
		for i, v := range x {
			d[i] = int32(v)
		}
		return
	}
	for i, v := range intsOf(x) {
		dst[i] = float32(v)
	}
}

// equalInts is Equal where at least one operand holds int32.
func equalInts(dst, x, y []float32, ints [2]bool) {
	number := func(v []float32, i int, isInt bool) float64 {
		if isInt {
			return float64(intsOf(v)[i])
		}
		return float64(v[i])
	}
	for i := range dst {
		var one float32
		if number(x, i, ints[0]) == number(y, i, ints[1]) {
			one = 1
		}
		dst[i] = one
	}
}

// copyRows copies n pieces of w elements that lie lds apart to places ldd
// apart.
func copyRows(dst []float32, ldd int, src []float32, lds, n, w int) {
	if w == 0 || n == 0 {
		return
	}
	if w == ldd && w == lds {
		copy(dst[:n*w], src[:n*w])
		return
	}
	d, s := intsOf(dst), intsOf(src)
	switch w {
	case 1:
		for r := range n {
			d[r*ldd] = s[r*lds]
		}
	case 2:
		for r := range n {
			*(*[2]int32)(d[r*ldd:]) = *(*[2]int32)(s[r*lds:])
		}
	case 3:
		for r := range n {
			*(*[3]int32)(d[r*ldd:]) = *(*[3]int32)(s[r*lds:])
		}
	default:
		for r := range n {
			copy(d[r*ldd:r*ldd+w], s[r*lds:r*lds+w])
		}
	}
}

// maxRank is the largest number of axes of a value.
const maxRank = 16

// walk visits the elements of one operand in memory order, and with each an
// element of the other, whose place moves by a stride along each axis.
type walk struct {
	shape, stride []int
	size          int // elements of one row on the strided side
	total         int // elements of one row on the side in order
}

func newWalk(shape, stride []int, size int) walk {
	w := walk{size: size, total: sizeOf(shape)}
	// Axes of size 1 vanish; neighbours that move as one become one.
	for d, n := range shape {
		if n == 1 {
			continue
		}
		if k := len(w.shape) - 1; k >= 0 && w.stride[k] == n*stride[d] {
			w.shape[k] *= n
			w.stride[k] = stride[d]
			continue
		}
		w.shape, w.stride = append(w.shape, n), append(w.stride, stride[d])
	}
	if len(w.shape) == 0 {
		w.shape, w.stride = []int{1}, []int{0}
	}
	return w
}

// strides returns the distance between neighbours along each axis.
func strides(shape []int) []int {
	s, step := make([]int, len(shape)), 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = step
		step *= shape[i]
	}
	return s
}

// spread returns the strides with which a value of shape small, of whose axes
// some have size 1, is read in the shape big.
func spread(small, big []int) []int {
	s := strides(small)
	for d := range s {
		if small[d] != big[d] {
			s[d] = 0
		}
	}
	return s
}

// trailing returns the number of elements, n, of the axes that are summed from
// in to out, and that before them, if those are the last axes; else n is 0.
func trailing(in, out []int) (n, lead int) {
	n, lead = 1, 1
	summed := false
	for d := range in {
		switch {
		case in[d] != out[d]:
			summed = true
			n *= in[d]
		case in[d] == 1:
		case summed:
			return 0, 0
		default:
			lead *= in[d]
		}
	}
	return n, lead
}

// middle returns the number of elements of the axes that are summed from in to
// out, and those before and after them, if the summed axes are neighbours; else
// inner is 0.
func middle(in, out []int) (lead, n, inner int) {
	lead, n, inner = 1, 1, 1
	for d, size := range in {
		switch {
		case size != out[d] && inner > 1:
			return 0, 0, 0
		case size != out[d]:
			n *= size
		case n > 1:
			inner *= size
		default:
			lead *= size
		}
	}
	return lead, n, inner
}

// lines calls visit for every line along the last axis: the position in order
// of its first element, and the strided one.
func (w *walk) lines(rows int, visit func(i, k int)) {
	if w.total == 0 {
		return
	}
	last := len(w.shape) - 1
	var at [maxRank]int
	for r := range rows {
		i, k := r*w.total, r*w.size
		for {
			visit(i, k)
			i += w.shape[last]
			d := last - 1
			for ; d >= 0; d-- {
				at[d]++
				k += w.stride[d]
				if at[d] < w.shape[d] {
					break
				}
				k -= at[d] * w.stride[d]
				at[d] = 0
			}
			if d < 0 {
				break
			}
		}
	}
}

// gather writes dst in order from strided places of src.
func (w *walk) gather(dst, src []float32, rows int) {
	n, step := w.shape[len(w.shape)-1], w.stride[len(w.shape)-1]
	d, s := intsOf(dst), intsOf(src)
	if len(w.shape) == 1 && step == 0 {
		for r := range rows {
			v := s[r*w.size]
			for j := r * n; j < (r+1)*n; j++ {
				d[j] = v
			}
		}
		return
	}
	if step == 1 && n > 8 {
		w.lines(rows, func(i, k int) { copy(d[i:i+n], s[k:k+n]) })
		return
	}
	w.lines(rows, func(i, k int) {
		for j := range d[i : i+n] {
			d[i+j] = s[k]
			k += step
		}
	})
}

// add adds src in order to strided places of dst.
func (w *walk) add(set *kernel.Set, dst, src []float32, rows int) {
	n, step := w.shape[len(w.shape)-1], w.stride[len(w.shape)-1]
	if step == 1 && n >= narrow {
		w.lines(rows, func(i, k int) { set.Add(dst[k:k+n], dst[k:k+n], src[i:i+n]) })
		return
	}
	w.lines(rows, func(i, k int) {
		for _, v := range src[i : i+n] {
			dst[k] += v
			k += step
		}
	})
}

// max keeps in strided places of dst the largest of src's elements, or a NaN.
func (w *walk) max(dst, src []float32, rows int) {
	for i := range dst {
		dst[i] = lowest
	}
	n, step := w.shape[len(w.shape)-1], w.stride[len(w.shape)-1]
	w.lines(rows, func(i, k int) {
		for _, v := range src[i : i+n] {
			dst[k] = max(dst[k], v)
			k += step
		}
	})
}

func clampIndex(x int32, n int) int { return min(max(int(x), 0), n-1) }

// gather copies table entries: i.k indices per row into a table of i.m entries
// of i.n elements, either of which may be the same for all rows.
func (f *frame) gather(i *instr, dst, table, idx []float32, rows int) {
	ix := intsOf(idx)
	for r := range rows {
		t, at := table, ix
		if i.in[0].row {
			t = table[r*i.in[0].size:]
		}
		if i.in[1].row {
			at = ix[r*i.k:]
		}
		d := dst[r*i.dst.size:]
		for j, x := range at[:i.k] {
			e := clampIndex(x, i.m) * i.n
			copy(d[j*i.n:(j+1)*i.n], t[e:e+i.n])
		}
	}
}

// scatter adds entries into tables step elements apart (0: all rows into one).
func (f *frame) scatter(i *instr, dst, idx, x []float32, rows, step int) {
	ix := intsOf(idx)
	for r := range rows {
		t := dst[r*step:]
		for j, at := range ix[r*i.k : (r+1)*i.k] {
			e := clampIndex(at, i.m) * i.n
			v := x[(r*i.k+j)*i.n:]
			if i.n >= narrow {
				f.s.prog.kernel.Add(t[e:e+i.n], t[e:e+i.n], v[:i.n])
				continue
			}
			for c := range i.n {
				t[e+c] += v[c]
			}
		}
	}
}
