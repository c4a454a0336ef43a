package graph

import (
	"fmt"
	"math"
)

// Window is the geometry of a sliding window over an image of H x W pixels, as
// convolutions use it: the window of output pixel (i, j) covers the pixels
//
//	(i*StrideH - PadH + a, j*StrideW - PadW + b),  a < KH, b < KW
//
// and what lies outside the image counts as 0. A signal in time is an image
// with H = 1 and KH = 1.
type Window struct {
	H, W             int // of the image
	KH, KW           int // of the window
	StrideH, StrideW int
	PadH, PadW       int // before the first pixel
	OutH, OutW       int // of the windows
}

// Same returns a square window of odd size k with zeros around the image, so
// that with stride 1 there is a window for every pixel, and with stride s one
// for every s x s pixels (the last ones may be incomplete).
func Same(h, w, k, stride int) Window {
	s := max(stride, 1)
	return Window{
		H: h, W: w, KH: k, KW: k, StrideH: stride, StrideW: stride, PadH: k / 2, PadW: k / 2,
		OutH: (h + s - 1) / s, OutW: (w + s - 1) / s,
	}
}

// SameLine is Same for a signal of n steps.
func SameLine(n, k, stride int) Window {
	s := max(stride, 1)
	return Window{H: 1, W: n, KH: 1, KW: k, StrideH: 1, StrideW: stride, PadW: k / 2, OutH: 1, OutW: (n + s - 1) / s}
}

// Geometry returns the window of an unfold or fold node.
func (n *Node) Geometry() Window {
	g := n.Ints
	return Window{g[0], g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8], g[9]}
}

func (w Window) ints() []int {
	return []int{w.H, w.W, w.KH, w.KW, w.StrideH, w.StrideW, w.PadH, w.PadW, w.OutH, w.OutW}
}

// maxSide bounds every number of a Window, so that their products cannot
// overflow.
const maxSide = 1 << 20

func (w Window) check() error {
	for i, v := range w.ints() {
		least := 1
		if i == 6 || i == 7 { // padding
			least = 0
		}
		if v < least || v > maxSide {
			return fmt.Errorf("impossible window %+v", w)
		}
	}
	if w.PadH >= w.KH || w.PadW >= w.KW || (w.OutH-1)*w.StrideH-w.PadH >= w.H || (w.OutW-1)*w.StrideW-w.PadW >= w.W {
		return fmt.Errorf("a window lies outside the image: %+v", w)
	}
	return nil
}

// span returns the part a to b-1 of a window side of k whose pixels, from
// start on, lie within 0..n-1.
func span(start, k, n int) (a, b int) { return max(0, -start), max(0, min(k, n-start)) }

// Each calls visit for every line of every window in order: size pixels of
// image line y from x on are elements from place at on of the window's line of
// KH*KW pixels, which is number window among OutH*OutW.
func (w Window) Each(visit func(window, at, y, x, size int)) {
	for i := range w.OutH {
		a0, a1 := span(i*w.StrideH-w.PadH, w.KH, w.H)
		for j := range w.OutW {
			left := j*w.StrideW - w.PadW
			b0, b1 := span(left, w.KW, w.W)
			if b1 <= b0 {
				continue
			}
			for a := a0; a < a1; a++ {
				visit(i*w.OutW+j, a*w.KW+b0, i*w.StrideH-w.PadH+a, left+b0, b1-b0)
			}
		}
	}
}

// Unfold returns the windows of an image x [H, W, C] as [OutH, OutW, KH*KW*C],
// each window line by line with the channels last.
func (b *Builder) Unfold(x Value, w Window) Value {
	return b.add(Node{Op: OpUnfold, In: []Value{x}, Ints: w.ints()})
}

// Fold is the transpose of Unfold: it adds windows [OutH, OutW, KH*KW*C] into
// an image of zeros [H, W, C].
func (b *Builder) Fold(x Value, w Window) Value {
	return b.add(Node{Op: OpFold, In: []Value{x}, Ints: w.ints()})
}

// Conv returns the convolution (a correlation, as networks have it) of an image
// x [H, W, C] with a static weight [out, KH*KW*C], each window line by line with
// the channels last: [OutH, OutW, out].
func (b *Builder) Conv(x, weight Value, w Window) Value {
	if w.KH == 1 && w.KW == 1 && w.StrideH == 1 && w.StrideW == 1 && w.OutH == w.H && w.OutW == w.W {
		return b.Linear(x, weight, true)
	}
	return b.Linear(b.Unfold(x, w), weight, true)
}

// Upsample repeats every pixel of x [H, W, C] fh times down and fw times across:
// [H*fh, W*fw, C].
func (b *Builder) Upsample(x Value, fh, fw int) Value {
	s := b.Shape(x)
	if b.err != nil {
		return None
	}
	if len(s) != 3 {
		return b.fail(fmt.Errorf("%w: upsampling takes [H, W, C], not %v", ErrProgram, s))
	}
	h, w, c := s[0], s[1], s[2]
	y := b.Broadcast(b.Reshape(x, h, 1, w, 1, c), h, fh, w, fw, c)
	return b.Reshape(y, h*fh, w*fw, c)
}

// Pool returns the mean over blocks of fh x fw pixels of x [H, W, C], whose
// sizes they divide: [H/fh, W/fw, C].
func (b *Builder) Pool(x Value, fh, fw int) Value {
	s := b.Shape(x)
	if b.err != nil {
		return None
	}
	if len(s) != 3 || fh < 1 || fw < 1 || s[0]%fh != 0 || s[1]%fw != 0 {
		return b.fail(fmt.Errorf("%w: blocks of %d x %d pixels do not divide %v", ErrProgram, fh, fw, s))
	}
	h, w, c := s[0]/fh, s[1]/fw, s[2]
	y := b.Sum(b.Reshape(x, h, fh, w, fw, c), 1, 3)
	return b.Reshape(b.Scale(y, 1/float64(fh*fw)), h, w, c)
}

// GroupNorm returns x [..., C] with mean 0 and variance 1 over all leading axes
// and the channels of each of groups equal parts of C; eps is added to the
// variance. Scale and shift are the caller's (Wu, He 2018).
func (b *Builder) GroupNorm(x Value, groups int, eps float64) Value {
	s := b.Shape(x)
	if b.err != nil {
		return None
	}
	c := 0
	if len(s) > 0 {
		c = s[len(s)-1]
	}
	if groups < 1 || c%groups != 0 {
		return b.fail(fmt.Errorf("%w: %d groups do not divide the channels of %v", ErrProgram, groups, s))
	}
	lead := size(s[:len(s)-1])
	// mean is taken over the leading axes first, which is fast, and comes back
	// as one number per channel.
	mean := func(v Value) Value {
		m := b.Mean(b.Reshape(b.Mean(v, 0), groups, c/groups), 1)
		return b.Reshape(b.Broadcast(m, groups, c/groups), 1, c)
	}
	y := b.Reshape(x, lead, c)
	d := b.Sub(y, mean(y))
	y = b.Mul(d, b.Div(b.Const(1), b.Sqrt(b.Add(mean(b.Square(d)), b.Const(eps)))))
	return b.Reshape(y, s...)
}

// RMSNorm returns x over its root mean square along an axis; eps is added to
// the mean square (Zhang, Sennrich 2019).
func (b *Builder) RMSNorm(x Value, axis int, eps float64) Value {
	return b.Mul(x, b.Div(b.Const(1), b.Sqrt(b.Add(b.Mean(b.Square(x), axis), b.Const(eps)))))
}

// Attention returns softmax(q k' / sqrt(d)) v for q [heads, n, d], k [heads, m,
// d] and v [heads, m, e]: [heads, n, e] (Vaswani et al. 2017). bias, if not
// None, is added to the scores, [heads, n, m] or what broadcasts to it: a large
// negative number hides an entry.
func (b *Builder) Attention(q, k, v, bias Value) Value {
	s := b.Shape(q)
	if b.err != nil {
		return None
	}
	if len(s) != 3 {
		return b.fail(fmt.Errorf("%w: attention takes [heads, n, d], not %v", ErrProgram, s))
	}
	scores := b.Scale(b.MatMul(q, k, false, true), 1/math.Sqrt(float64(s[2])))
	if bias != None {
		scores = b.Add(scores, bias)
	}
	return b.MatMul(b.Softmax(scores, 2), v, false, false)
}
