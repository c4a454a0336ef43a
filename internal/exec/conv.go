package exec

import (
	"laminar/graph"
)

// windows unfolds and folds images of c channels.
type windows struct {
	graph.Window
	c int
}

// size is the number of elements of one window.
func (w *windows) size() int { return w.KH * w.KW * w.c }

// count is the number of windows of one image.
func (w *windows) count() int { return w.OutH * w.OutW }

// image is the number of elements of one image.
func (w *windows) image() int { return w.H * w.W * w.c }

// patchLen is about the number of elements of the windows that a product works
// on at a time: they stay in the second-level cache beside the weight.
const patchLen = 1 << 15

// chunk is the number of windows that a product takes at a time. It depends on
// the program only.
func (w *windows) chunk() int {
	return min(w.count(), max(32, patchLen/max(w.size(), 1)&^7))
}

// lines calls visit for every line of pixels of windows lo to hi-1: n elements
// of the windows (counted from window lo) from place at on are those of the
// image from place from on. Lines outside the image are left out.
func (w *windows) lines(lo, hi int, visit func(at, from, n int)) {
	i, j := lo/w.OutW, lo%w.OutW
	for k := lo; k < hi; k++ {
		top, left := i*w.StrideH-w.PadH, j*w.StrideW-w.PadW
		b0, b1 := max(0, -left), min(w.KW, w.W-left)
		if n := (b1 - b0) * w.c; n > 0 {
			at := (k-lo)*w.size() + b0*w.c
			for a := max(0, -top); a < min(w.KH, w.H-top); a++ {
				visit(at+a*w.KW*w.c, ((top+a)*w.W+left+b0)*w.c, n)
			}
		}
		if j++; j == w.OutW {
			i, j = i+1, 0
		}
	}
}

// unfold writes windows lo to hi-1 of the image x to dst.
func (w *windows) unfold(dst, x []float32, lo, hi int) {
	if w.PadH > 0 || w.PadW > 0 || (w.OutH-1)*w.StrideH+w.KH > w.H || (w.OutW-1)*w.StrideW+w.KW > w.W {
		clear(dst)
	}
	w.lines(lo, hi, func(at, from, n int) {
		if n <= 8 {
			for i, v := range x[from : from+n] {
				dst[at+i] = v
			}
			return
		}
		copy(dst[at:at+n], x[from:from+n])
	})
}

// fold adds windows lo to hi-1, which stand in x, to the image dst.
func (w *windows) fold(f *frame, dst, x []float32, lo, hi int) {
	k := f.s.prog.kernel
	w.lines(lo, hi, func(at, from, n int) {
		if n <= 16 {
			for i, v := range x[at : at+n] {
				dst[from+i] += v
			}
			return
		}
		k.Add(dst[from:from+n], dst[from:from+n], x[at:at+n])
	})
}

// patch is memory for n elements of windows.
func (f *frame) patch(n int) []float32 {
	if cap(f.patches) < n {
		f.patches = make([]float32, n)
	}
	return f.patches[:n]
}

// unfold is the operation of that name, and its transpose.
func (f *frame) unfold(i *instr, dst, x []float32, rows int) {
	w := &i.win
	image, all := w.image(), w.count()*w.size()
	if i.op == graph.OpFold {
		clear(dst)
		for r := range rows {
			w.fold(f, dst[r*image:(r+1)*image], x[r*all:(r+1)*all], 0, w.count())
		}
		return
	}
	for r := range rows {
		w.unfold(dst[r*all:(r+1)*all], x[r*image:(r+1)*image], 0, w.count())
	}
}

// conv is a product with the windows of an image, unfolded a few at a time.
func (f *frame) conv(i *instr, dst, pre, x, packed, bias []float32, rows int) {
	w := &i.win
	step, size := w.chunk(), w.size()
	patch := f.patch(step * size)
	for r := range rows {
		image := x[r*w.image() : (r+1)*w.image()]
		for lo := 0; lo < w.count(); lo += step {
			hi := min(lo+step, w.count())
			p := patch[:(hi-lo)*size]
			w.unfold(p, image, lo, hi)
			from := (r*w.count() + lo) * i.n
			to := from + (hi-lo)*i.n
			var keep []float32
			if pre != nil {
				keep = pre[from:to]
			}
			f.s.prog.kernel.Linear(hi-lo, i.n, size, p, size, packed, bias, i.act, dst[from:to], i.n, keep, i.n, &f.ws)
		}
	}
}

// convImage is the transpose of conv with respect to the image: products x w,
// folded a few windows at a time.
func (f *frame) convImage(i *instr, dst, x, packed []float32, rows int) {
	w := &i.win
	step, size := w.chunk(), w.size()
	patch := f.patch(step * size)
	clear(dst)
	for r := range rows {
		image := dst[r*w.image() : (r+1)*w.image()]
		for lo := 0; lo < w.count(); lo += step {
			hi := min(lo+step, w.count())
			p := patch[:(hi-lo)*size]
			from := (r*w.count() + lo) * i.k
			f.s.prog.kernel.Linear(hi-lo, size, i.k, x[from:from+(hi-lo)*i.k], i.k, packed, nil, 0, p, size, nil, 0, &f.ws)
			w.fold(f, image, p, lo, hi)
		}
	}
}

// convWeight is the sum over rows of the products of windows and values, one of
// the two sides being an image that is unfolded a few windows at a time.
func (f *frame) convWeight(i *instr, dst, x, y []float32, rows int) {
	w := &i.win
	step, size := w.chunk(), w.size()
	patch := f.patch(step * size)
	image, other, width := y, x, i.m
	if i.winLeft {
		image, other, width = x, y, i.n
	}
	k := f.s.prog.kernel
	acc := !f.first
	for r := range rows {
		from := image[r*w.image() : (r+1)*w.image()]
		for lo := 0; lo < w.count(); lo += step {
			hi := min(lo+step, w.count())
			p := patch[:(hi-lo)*size]
			w.unfold(p, from, lo, hi)
			at := (r*w.count() + lo) * width
			o := other[at : at+(hi-lo)*width]
			if i.winLeft {
				k.Gemm(true, false, i.m, i.n, hi-lo, p, i.m, o, i.n, acc, dst, i.n, &f.ws)
			} else {
				k.Gemm(true, false, i.m, i.n, hi-lo, o, i.m, p, i.n, acc, dst, i.n, &f.ws)
			}
			acc = true
		}
	}
}

// fuseConv lets products unfold the windows that they read by themselves, so
// that those never stand in memory as a whole.
func (c *compiler) fuseConv() {
	unfolded := func(i int) (int, bool) {
		r := c.nodes[i].root
		n := &c.nodes[r]
		return r, n.Op == graph.OpUnfold && n.Kind == graph.Row
	}
	for i := range c.nodes {
		n := &c.nodes[i]
		if !n.live {
			continue
		}
		switch n.Op {
		case opDense:
			if u, ok := unfolded(n.in[0]); ok {
				n.win, n.in[0] = u, c.nodes[u].in[0]
				n.Op = opConv
			}
		case graph.OpRowContract:
			for side := range 2 {
				if u, ok := unfolded(n.in[side]); ok && n.win < 0 {
					n.win, n.winLeft, n.in[side] = u, side == 0, c.nodes[u].in[0]
					n.Op = opConvWeight
				}
			}
		case graph.OpFold:
			p := c.nodes[n.in[0]].root
			d := &c.nodes[p]
			if n.Kind == graph.Row && d.Op == opDense && d.uses == 1 && c.nodes[n.in[0]].uses == 1 && d.acts < 0 && len(d.in) == 2 {
				n.win, n.in = i, []int{d.in[0], d.in[1]}
				n.Op = opConvImage
			}
		}
	}
}

// turn writes the weight x [out, taps*in] of a convolution as that of its
// transpose, [in, taps*out], with the taps in reverse.
func turn(dst, x []float32, out, in, taps int) {
	for o := range out {
		for t := range taps {
			for i, v := range x[(o*taps+taps-1-t)*in:][:in] {
				dst[(i*taps+t)*out+o] = v
			}
		}
	}
}

// fuseNarrow lets convolutions with few channels on one side lay out the windows
// of that side: a convolution with stride 1 and as many windows as pixels is the
// transpose of one with its weight turned. What is laid out is then 9 times the
// narrow side, not the wide one.
func (c *compiler) fuseNarrow() {
	last := func(i int) int { s := c.nodes[i].Shape; return s[len(s)-1] }
	for i := range len(c.nodes) {
		n := c.nodes[i]
		if !n.live || n.win < 0 {
			continue
		}
		w := c.geometry(n.win)
		if w.StrideH != 1 || w.StrideW != 1 || w.OutH != w.H || w.OutW != w.W || w.KH != 2*w.PadH+1 || w.KW != 2*w.PadW+1 {
			continue
		}
		taps := w.KH * w.KW
		// pack is the weight of out channels turned, packed.
		pack := func(weight, in, out int, trans bool) int {
			turned := c.append(node{Node: graph.Node{Op: opTurn, Kind: graph.Static, Shape: []int{in, taps * out}}, in: []int{weight}})
			shape := []int{in, taps * out}
			if trans {
				shape = []int{taps * out, in}
			}
			return c.append(node{Node: graph.Node{Op: opPack, Kind: graph.Static, Shape: shape, TransB: trans}, in: []int{turned}})
		}
		switch n.Op {
		case opConv:
			in, out := last(n.in[0]), last(i)
			if p := c.nodes[n.in[1]]; out < narrow && out < in && n.acts < 0 && p.TransB {
				y := node{Node: graph.Node{Op: opConvImage, Kind: graph.Row, Shape: n.Shape}, in: []int{n.in[0], pack(p.in[0], in, out, false)}}
				if len(n.in) == 2 {
					c.nodes[i].Op, c.nodes[i].in = y.Op, y.in
					continue
				}
				k := c.append(y)
				c.nodes[k].win = n.win
				c.rewrite(i, opAddRow, k, n.in[2]).win = -1
			}
		case opConvImage:
			in, out := last(i), last(n.in[0])
			if p := c.nodes[n.in[1]]; out < narrow && out < in && !p.TransB {
				c.rewrite(i, opConv, n.in[0], pack(p.in[0], in, out, true))
			}
		case opConvWeight:
			in, out := last(n.in[1]), last(n.in[0])
			if !n.winLeft && out < narrow && out < in {
				k := c.append(node{Node: graph.Node{Op: opConvWeight, Kind: graph.Reduced, Shape: []int{in, taps * out}}, in: []int{n.in[1], n.in[0]}})
				c.nodes[k].win = n.win
				c.rewrite(i, opTurn, k).win = -1
			}
		}
	}
}

// windowed reports whether Linear node i reads windows of an image or writes
// such.
func (c *compiler) windowed(i int, readers [][]int) bool {
	if _, ok := c.is(c.nodes[i].in[0], graph.OpUnfold); ok {
		return true
	}
	for _, r := range readers[i] {
		if c.nodes[r].Op == graph.OpFold {
			return true
		}
	}
	return false
}

// geometry returns the windows of node u, an unfold or a fold as the graph has
// it.
func (c *compiler) geometry(u int) windows {
	n := &c.nodes[u]
	w := windows{Window: n.Geometry()}
	if c.src.Nodes[u].Op == graph.OpUnfold {
		w.c = n.Shape[2] / (w.KH * w.KW)
	} else {
		w.c = n.Shape[2]
	}
	return w
}
