package nn

import (
	"fmt"
	"strings"

	"laminar/graph"
	"laminar/rng"
)

// unet is the residual U-Net of diffusion models (Ronneberger et al. 2015; Ho et
// al. 2020; Dhariwal, Nichol 2021) for images, and, with a height of 1, for
// signals in time. From the finest resolution to the coarsest and back, every
// block is
//
//	h = x + conv(act((1 + a) norm(conv(act(norm(x)))) + b)),  a, b = linear(act(e))
//
// with e the embedding of the time and the conditions. What the way down leaves
// at each resolution is joined to the way up. The last convolution of every
// block and of the network starts at 0. With patches, a pixel of all that is a
// patch of the image, whose pixels are its channels.
type unet struct{ base }

// image is a value of h x w pixels of c channels.
type image struct {
	v       graph.Value
	h, w, c int
}

func (n *unet) Apply(b *graph.Builder, group string, in Inputs) graph.Value {
	u := unetBuilder{unet: n, b: b, group: group}
	u.embed(in)
	s := n.Shape
	x := image{b.Reshape(in.X, s...), s[0], s[1], s[2]}
	if n.cond.Mask {
		// What is observed of the image comes as further channels.
		x.v = b.Concat(2, x.v, b.Reshape(in.Mask, s...), b.Reshape(b.Mul(in.Mask, in.Observed), s...))
		x.c *= 3
	}
	x = n.patches(b, x)
	h := u.conv("in", x, n.Width, 3, 1)
	var skips []image
	for l, m := range n.Levels {
		if l > 0 {
			h = u.conv(fmt.Sprintf("down.%d", l), h, h.c, 3, 2)
		}
		for i := range n.Depth {
			h = u.block(fmt.Sprintf("down.%d.%d", l, i), h, m*n.Width)
			skips = append(skips, h)
		}
	}
	h = u.block("middle.0", h, h.c)
	if n.Heads > 0 {
		h = u.attention("middle.attention", h)
	}
	h = u.block("middle.1", h, h.c)
	for l := len(n.Levels) - 1; l >= 0; l-- {
		for i := n.Depth - 1; i >= 0; i-- {
			skip := skips[len(skips)-1]
			skips = skips[:len(skips)-1]
			h = image{b.Concat(2, h.v, skip.v), h.h, h.w, h.c + skip.c}
			h = u.block(fmt.Sprintf("up.%d.%d", l, i), h, n.Levels[l]*n.Width)
		}
		if l > 0 {
			h = u.upsample(fmt.Sprintf("up.%d", l), h, skips[len(skips)-1])
		}
	}
	h.v = n.activate(b, u.norm("out.norm", h))
	fh, fw := n.patch()
	return b.Reshape(n.pixels(b, u.conv("out", h, fh*fw*s[2], 3, 1)).v, n.dim)
}

// patch is the height and width of a patch; signals have a height of 1.
func (s Spec) patch() (h, w int) {
	w = max(s.Patch, 1)
	return min(w, s.Shape[0]), w
}

// patches makes the pixels of each patch its channels. What lacks at the lower and
// the right end is filled with zeros.
func (s Spec) patches(b *graph.Builder, x image) image {
	fh, fw := s.patch()
	if fh*fw == 1 {
		return x
	}
	h, w := (x.h+fh-1)/fh, (x.w+fw-1)/fw
	fill := func(axis int, shape ...int) {
		if n := shape[0] * shape[1] * shape[2]; n > 0 {
			x.v = b.Concat(axis, x.v, b.ToRows(b.ConstOf(make([]float64, n), shape...)))
		}
	}
	fill(0, h*fh-x.h, x.w, x.c)
	fill(1, h*fh, w*fw-x.w, x.c)
	v := b.Transpose(b.Reshape(x.v, h, fh, w, fw*x.c), 0, 2, 1, 3)
	return image{b.Reshape(v, h, w, fh*fw*x.c), h, w, fh * fw * x.c}
}

// pixels is the way back from patches.
func (s Spec) pixels(b *graph.Builder, x image) image {
	fh, fw := s.patch()
	if fh*fw == 1 {
		return x
	}
	c := x.c / (fh * fw)
	v := b.Transpose(b.Reshape(x.v, x.h, x.w, fh, fw*c), 0, 2, 1, 3)
	v = b.Reshape(v, x.h*fh, x.w*fw, c)
	if s.Shape[0] < x.h*fh {
		v = b.Slice(v, 0, 0, s.Shape[0])
	}
	if s.Shape[1] < x.w*fw {
		v = b.Slice(v, 1, 0, s.Shape[1])
	}
	return image{v, s.Shape[0], s.Shape[1], c}
}

// unetBuilder writes one application of a unet.
type unetBuilder struct {
	*unet
	b     *graph.Builder
	group string
	e     graph.Value // act of the embedding of time and conditions
}

func (u *unetBuilder) embed(in Inputs) {
	u.e = u.activate(u.b, u.embedding(u.b, u.group, in, 4*u.Width))
}

func (u *unetBuilder) conv(name string, x image, out, k, stride int) image {
	w := graph.Same(x.h, x.w, k, stride)
	if x.h == 1 {
		w = graph.SameLine(x.w, k, stride)
	}
	weight := u.b.Param(u.group, name+".weight", out, w.KH*w.KW*x.c)
	bias := u.b.Param(u.group, name+".bias", out)
	return image{u.b.Add(u.b.Conv(x.v, weight, w), bias), w.OutH, w.OutW, out}
}

// norm is a group norm with a learnt scale and shift.
func (u *unetBuilder) norm(name string, x image) graph.Value {
	b := u.b
	scale, shift := b.Param(u.group, name+".scale", x.c), b.Param(u.group, name+".shift", x.c)
	return b.Add(b.Mul(b.GroupNorm(x.v, groups(x.c), 1e-5), scale), shift)
}

// groups is the number of groups of a norm over c channels: as many as divide
// it, at most 8.
func groups(c int) int {
	for g := 8; g > 1; g-- {
		if c%g == 0 {
			return g
		}
	}
	return 1
}

func (u *unetBuilder) block(name string, x image, out int) image {
	b := u.b
	h := x
	h.v = u.activate(b, u.norm(name+".norm0", x))
	h = u.conv(name+".conv0", h, out, 3, 1)
	e := linear(b, u.group, name+".embed", u.e, 2*out)
	a := b.Reshape(b.Slice(e, 0, 0, out), 1, 1, out)
	c := b.Reshape(b.Slice(e, 0, out, 2*out), 1, 1, out)
	normed := u.norm(name+".norm1", h)
	h.v = u.activate(b, b.Add(b.Mul(normed, b.Add(a, b.Const(1))), c))
	h = u.conv(name+".conv1", h, out, 3, 1)
	if x.c != out {
		x = u.conv(name+".skip", x, out, 1, 1)
	}
	h.v = b.Add(x.v, h.v)
	return h
}

// upsample doubles the resolution to that of like.
func (u *unetBuilder) upsample(name string, x, like image) image {
	fh := 2
	if x.h == 1 && like.h == 1 {
		fh = 1
	}
	v := u.b.Upsample(x.v, fh, 2)
	v = u.b.Slice(u.b.Slice(v, 0, 0, like.h), 1, 0, like.w)
	return u.conv(name, image{v, like.h, like.w, x.c}, x.c, 3, 1)
}

// attention lets all pixels of an image look at each other.
func (u *unetBuilder) attention(name string, x image) image {
	b, n, d := u.b, x.h*x.w, x.c/u.Heads
	flat := b.Reshape(u.norm(name+".norm", x), n, x.c)
	heads := func(part string) graph.Value {
		v := linear(b, u.group, name+"."+part, flat, x.c)
		return b.Transpose(b.Reshape(v, n, u.Heads, d), 1, 0, 2)
	}
	y := b.Attention(heads("q"), heads("k"), heads("v"), graph.None)
	y = linear(b, u.group, name+".out", b.Reshape(b.Transpose(y, 1, 0, 2), n, x.c), x.c)
	x.v = b.Add(x.v, b.Reshape(y, x.h, x.w, x.c))
	return x
}

// Init is that of linear layers, with norms that start as the identity, and
// with the last convolution of each block at 0.
func (n *unet) Init(arena []float32, l graph.Layout, key rng.Key) {
	initLinear(arena, l, key)
	for _, e := range l.Entries {
		dst := arena[e.Offset : e.Offset+e.Size]
		switch {
		case strings.HasSuffix(e.Name, ".scale"):
			for i := range dst {
				dst[i] = 1
			}
		case strings.HasSuffix(e.Name, ".shift"), e.Name == "out.weight", e.Name == "out.bias",
			strings.Contains(e.Name, ".conv1."), strings.Contains(e.Name, "attention.out."):
			clear(dst)
		}
	}
}

// validImage checks the fields that only a unet has.
func (s Spec) validImage(fault func(field, format string, a ...any) error) error {
	if s.Shape == nil {
		return nil // left to the data, and with it the rest
	}
	if len(s.Shape) != 3 || s.Shape[0] < 1 || s.Shape[1] < 1 || s.Shape[2] < 1 {
		return fault("shape", "%v is not the height, width and channels of an image", s.Shape)
	}
	if len(s.Levels) < 1 || len(s.Levels) > 8 {
		return fault("levels", "%v: give the widths of 1 to 8 resolutions, in units of the width", s.Levels)
	}
	for _, m := range s.Levels {
		if m < 1 || m > 64 {
			return fault("levels", "%d is not in 1..64", m)
		}
	}
	if s.Heads < 0 || s.Heads > 0 && s.Width*s.Levels[len(s.Levels)-1]%s.Heads != 0 {
		return fault("heads", "%d heads do not divide the %d channels of the coarsest resolution", s.Heads, s.Width*s.Levels[len(s.Levels)-1])
	}
	if s.Patch < 0 || s.Patch > 64 {
		return fault("patch", "%d is not in 0..64", s.Patch)
	}
	fh, fw := s.patch()
	if side := max((s.Shape[0]+fh-1)/fh, (s.Shape[1]+fw-1)/fw); side>>(len(s.Levels)-1) < 1 {
		return fault("levels", "%d resolutions are too many for images of %d x %d", len(s.Levels), s.Shape[0], s.Shape[1])
	}
	return nil
}
