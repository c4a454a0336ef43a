package exec

import (
	"laminar/graph"
	"laminar/internal/kernel"
)

// winograd is a convolution with 3 x 3 taps (or 1 x 3, of signals), stride 1 and
// zeros around, done by the transforms of kernel.Mix: the image is cut into
// tiles of 4 x 4 outputs, each of which needs 6 x 6 inputs. Position p of all
// transformed tiles, number p of 36 planes (or 6), is one product with position
// p of the transformed weight. So 36 products do the work of 144.
type winograd struct {
	h, w    int
	in, out int  // channels
	flat    bool // lines of w, with 1 x 3 taps
}

// winoLen is about the number of elements of the transformed tiles that are
// worked on at a time: they stay in the second-level cache.
const winoLen = 1 << 17

// side is the number of lines that a tile has when transformed, planes that of
// its pixels, tall and wide the number of tiles down and across an image.
func (g *winograd) side() int {
	if g.flat {
		return 1
	}
	return 6
}
func (g *winograd) planes() int { return 6 * g.side() }
func (g *winograd) tall() int   { return (g.h + 3) / 4 }
func (g *winograd) wide() int   { return (g.w + 3) / 4 }
func (g *winograd) taps() int   { return g.side()/2 + g.side()%2 } // down: 3 or 1

// step is the number of rows of tiles that are worked on at a time, of rows
// images. Results do not depend on it.
func (g *winograd) step(rows int) int {
	tile := g.planes() * g.wide() * (g.in + g.out)
	return min(rows*g.tall(), max(1, winoLen/tile))
}

// winoSpace is the memory of one winograd: planes of transformed tiles of both
// sides, and lines on the way to them.
type winoSpace struct {
	tiles  int // of a plane
	v, m   []float32
	lines  []float32 // of one row of tiles, transformed in one direction, the image's side
	others []float32 // likewise of the other side
	edge   []float32 // lines at the edge of an image
}

// wino returns memory for tiles of step rows of tiles, and more elements.
func (f *frame) wino(g *winograd, step, more int) (s winoSpace, rest []float32) {
	s.tiles = step * g.wide()
	width := 4 * g.wide()
	sizes := []int{
		g.planes() * s.tiles * g.in, g.planes() * s.tiles * g.out,
		g.side() * (width + 2) * g.in, g.side() * width * g.out, 6 * width * max(g.in, g.out),
	}
	all := more
	for _, n := range sizes {
		all += n
	}
	p := f.patch(all)
	for k, to := range []*[]float32{&s.v, &s.m, &s.lines, &s.others, &s.edge} {
		*to, p = p[:sizes[k]], p[sizes[k]:]
	}
	clear(s.lines)
	clear(s.others)
	return s, p
}

// rowsAt returns lines of n elements of an image, from line top on, as many as
// edge holds; those outside the image are 0.
func rowsAt(edge, image []float32, top, count, n int) []float32 {
	if top >= 0 && (top+count)*n <= len(image) {
		return image[top*n:]
	}
	edge = edge[:count*n]
	clear(edge)
	for k := range count {
		if at := (top + k) * n; at >= 0 && at < len(image) {
			copy(edge[k*n:(k+1)*n], image[at:at+n])
		}
	}
	return edge
}

// input transforms row ty of an image's tiles to s.v, from tile number tile on.
func (g *winograd) input(k *kernel.Set, s *winoSpace, image []float32, ty, tile int) {
	c, n := g.in, g.w*g.in
	line := (4*g.wide() + 2) * c
	if g.flat {
		copy(s.lines[c:], image)
	} else {
		k.Mix(kernel.InputMix, s.lines[c:], line, 0, rowsAt(s.edge, image, 4*ty-1, 6, n), n, 0, n, 1)
	}
	for i := range g.side() {
		k.Mix(kernel.InputMix, s.v[(6*i*s.tiles+tile)*c:], s.tiles*c, c, s.lines[i*line:], c, 4*c, c, g.wide())
	}
}

// output transforms tiles of s.m back to row ty of an image's tiles, and returns
// the lines of the image that it wrote.
func (g *winograd) output(k *kernel.Set, s *winoSpace, image []float32, ty, tile int) (lo, hi int) {
	c, n := g.out, g.w*g.out
	line := 4 * g.wide() * c
	for i := range g.side() {
		k.Mix(kernel.OutputMix, s.others[i*line:], c, 4*c, s.m[(6*i*s.tiles+tile)*c:], s.tiles*c, c, c, g.wide())
	}
	lo, hi = 4*ty, min(4*ty+4, g.h)
	switch {
	case g.flat:
		copy(image, s.others[:n])
	case hi == lo+4:
		k.Mix(kernel.OutputMix, image[lo*n:], n, 0, s.others, line, 0, n, 1)
	default:
		k.Mix(kernel.OutputMix, s.edge, n, 0, s.others, line, 0, n, 1)
		copy(image[lo*n:hi*n], s.edge)
	}
	return lo, hi
}

// outputT is the transpose of output.
func (g *winograd) outputT(k *kernel.Set, s *winoSpace, image []float32, ty, tile int) {
	c, n := g.out, g.w*g.out
	line := 4 * g.wide() * c
	if g.flat {
		copy(s.others, image)
	} else {
		k.Mix(kernel.OutputMixT, s.others, line, 0, rowsAt(s.edge, image, 4*ty, 4, n), n, 0, n, 1)
	}
	for i := range g.side() {
		k.Mix(kernel.OutputMixT, s.m[(6*i*s.tiles+tile)*c:], s.tiles*c, c, s.others[i*line:], c, 4*c, c, g.wide())
	}
}

// winoPack transforms a weight [out, taps*in] and packs every plane of it; where
// turned, it is that of the transpose with respect to the image, with the taps
// in reverse and the channels exchanged.
func (f *frame) winoPack(i *instr, dst, w []float32) {
	g, k := &i.wino, f.s.prog.kernel
	in, out := g.in, g.out
	if i.transA {
		in, out = out, in // of the weight as it stands
	}
	down, size := g.taps(), 3*g.taps()*in
	p := f.patch((size + g.side()*3*in + 6*in) * out)
	turned, lines, planes := p[:size*out], p[size*out:(size+g.side()*3*in)*out], p[(size+g.side()*3*in)*out:]
	if i.transA {
		for t := range 3 * down {
			copyRows(turned[(3*down-1-t)*in:], size, w[t*in:], size, out, in)
		}
		w = turned
	}
	if g.flat {
		lines = w
	} else {
		k.Mix(kernel.WeightMix, lines, out*3*in, 3*in, w, 3*in, size, 3*in, out)
	}
	n := k.PackedLen(g.out, g.in)
	for a := range g.side() {
		k.Mix(kernel.WeightMix, planes, out*in, in, lines[a*out*3*in:], in, 3*in, in, out)
		for b := range 6 {
			at := (6*a + b) * n
			k.PackB(!i.transA, g.out, g.in, planes[b*out*in:(b+1)*out*in], in, dst[at:at+n])
		}
	}
}

// winoConv is conv, or convImage where the weight is turned.
func (f *frame) winoConv(i *instr, dst, pre, x, packed, bias []float32, rows int) {
	g, k := &i.wino, f.s.prog.kernel
	step := g.step(rows)
	s, _ := f.wino(g, step, 0)
	n := k.PackedLen(g.out, g.in)
	from, to := g.h*g.w*g.in, g.h*g.w*g.out
	for first := 0; first < rows*g.tall(); first += step {
		last := min(first+step, rows*g.tall())
		tiles := (last - first) * g.wide()
		for t := first; t < last; t++ {
			r, ty := t/g.tall(), t%g.tall()
			g.input(k, &s, x[r*from:(r+1)*from], ty, (t-first)*g.wide())
		}
		for p := range g.planes() {
			v, m := s.v[p*s.tiles*g.in:], s.m[p*s.tiles*g.out:]
			k.Linear(tiles, g.out, g.in, v, g.in, packed[p*n:(p+1)*n], nil, kernel.None, m, g.out, nil, 0, &f.ws)
		}
		for t := first; t < last; t++ {
			r, ty := t/g.tall(), t%g.tall()
			y := dst[r*to : (r+1)*to]
			z := y
			if pre != nil {
				z = pre[r*to : (r+1)*to]
			}
			lo, hi := g.output(k, &s, z, ty, (t-first)*g.wide())
			lo, hi = lo*g.w*g.out, hi*g.w*g.out
			if bias != nil {
				k.AddRow(z[lo:hi], z[lo:hi], bias, (hi-lo)/g.out, g.out)
			}
			if pre != nil || i.act != kernel.None {
				k.Activate(i.act, y[lo:hi], z[lo:hi])
			}
		}
	}
}

// winoWeight is convWeight, of images x and values y: the products are summed
// over all tiles of the block before they are transformed back.
func (f *frame) winoWeight(i *instr, dst, x, y []float32, rows int) {
	g, k := &i.wino, f.s.prog.kernel
	step, plane, down := g.step(rows), g.out*g.in, g.taps()
	s, rest := f.wino(g, step, (g.planes()+6*down+3*down)*plane)
	sums, rest := rest[:g.planes()*plane], rest[g.planes()*plane:]
	lines, back := rest[:6*down*plane], rest[6*down*plane:]
	from, to := g.h*g.w*g.in, g.h*g.w*g.out
	for first := 0; first < rows*g.tall(); first += step {
		last := min(first+step, rows*g.tall())
		tiles := (last - first) * g.wide()
		for t := first; t < last; t++ {
			r, ty := t/g.tall(), t%g.tall()
			g.input(k, &s, x[r*from:(r+1)*from], ty, (t-first)*g.wide())
			g.outputT(k, &s, y[r*to:(r+1)*to], ty, (t-first)*g.wide())
		}
		for p := range g.planes() {
			v, m := s.v[p*s.tiles*g.in:], s.m[p*s.tiles*g.out:]
			k.Gemm(true, false, g.out, g.in, tiles, m, g.out, v, g.in, first > 0, sums[p*plane:(p+1)*plane], g.in, &f.ws)
		}
	}
	if g.flat {
		lines = sums
	} else {
		k.Mix(kernel.WeightMixT, lines, 6*plane, 0, sums, 6*plane, 0, 6*plane, 1)
	}
	if f.first {
		back = dst
	}
	size := 3 * down * g.in
	for a := range down {
		k.Mix(kernel.WeightMixT, back[3*a*g.in:], g.in, size, lines[6*a*plane:], plane, g.in, g.in, g.out)
	}
	if !f.first {
		k.Add(dst, dst, back[:len(dst)])
	}
}

// wino returns the convolution of node u's windows, an unfold or a fold as the
// graph has it.
func (c *compiler) wino(u, in, out int) winograd {
	w := c.geometry(u)
	return winograd{h: w.H, w: w.W, in: in, out: out, flat: w.KH == 1}
}

// winoKey names a transformed weight.
type winoKey struct {
	weight, in, out int
	turned          bool
}

// fuseWinograd lets convolutions that fit do with fewer products.
func (c *compiler) fuseWinograd() {
	last := func(i int) int { s := c.nodes[i].Shape; return s[len(s)-1] }
	packs := map[winoKey]int{}
	for i := range len(c.nodes) {
		n := c.nodes[i]
		if !n.live || n.win < 0 {
			continue
		}
		w := c.geometry(n.win)
		square := w.KH == 3 && w.PadH == 1 || w.KH == 1 && w.H == 1
		if !square || w.KW != 3 || w.PadW != 1 || w.StrideH != 1 || w.StrideW != 1 || w.OutH != w.H || w.OutW != w.W {
			continue
		}
		switch n.Op {
		case opConv, opConvImage:
			p := c.nodes[n.in[1]]
			in, out := last(n.in[0]), last(i)
			turned := n.Op == opConvImage
			if in%16 != 0 || out%16 != 0 || p.TransB == turned {
				continue
			}
			key := winoKey{c.nodes[p.in[0]].root, in, out, turned}
			pack, ok := packs[key]
			if !ok {
				pack = c.append(node{
					Node: graph.Node{Op: opWinoPack, Kind: graph.Static, Shape: []int{in, out}, TransA: turned},
					in:   p.in,
				})
				c.nodes[pack].win = n.win
				packs[key] = pack
			}
			c.nodes[i].Op = opWino
			c.nodes[i].in[1] = pack
		case opConvWeight:
			if !n.winLeft && last(n.in[0])%16 == 0 && last(n.in[1])%16 == 0 {
				c.nodes[i].Op = opWinoWeight
			}
		}
	}
}
