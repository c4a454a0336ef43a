package plot

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// raster is a canvas of pixels, scale per unit, with antialiased edges.
type raster struct {
	img    *image.RGBA
	scale  float64
	bounds image.Rectangle // of the clip
	shape  vector.Rasterizer
	faces  map[textStyle]font.Face
}

func newRaster(w, h, scale float64) *raster {
	img := image.NewRGBA(image.Rect(0, 0, int(math.Round(w*scale)), int(math.Round(h*scale))))
	return &raster{img: img, scale: scale, bounds: img.Rect, faces: map[textStyle]font.Face{}}
}

func (r *raster) clip(b rect) {
	r.bounds = image.Rect(int(math.Round(b.x0*r.scale)), int(math.Round(b.y0*r.scale)),
		int(math.Round(b.x1*r.scale)), int(math.Round(b.y1*r.scale))).Intersect(r.img.Rect)
}

func (r *raster) unclip() { r.bounds = r.img.Rect }

func (r *raster) fill(p []pt, c rgba) { r.polygons([][]pt{p}, c) }

func (r *raster) stroke(p []pt, width float64, c rgba) {
	r.polygons(outline(p, width/2, r.scale, true), c)
}

func (r *raster) strokes(lines [][]pt, width float64, c rgba) {
	for _, p := range lines {
		r.polygons(outline(p, width/2, r.scale, false), c)
	}
}

// outline returns polygons, all turning the same way, whose union is the line
// through p of half width h with round joins, and ends if round.
func outline(p []pt, h, scale float64, round bool) (out [][]pt) {
	sides := max(6, int(4*math.Sqrt(h*scale)+4))
	for i, a := range p {
		if round || (i > 0 && i < len(p)-1) {
			dot := make([]pt, sides)
			for k := range dot {
				s, c := math.Sincos(2 * math.Pi * float64(k) / float64(sides))
				dot[k] = pt{a.x + h*c, a.y + h*s}
			}
			out = append(out, dot)
		}
		if i == 0 {
			continue
		}
		b := p[i-1]
		d := math.Hypot(a.x-b.x, a.y-b.y)
		if d == 0 {
			continue
		}
		nx, ny := h*(a.y-b.y)/d, -h*(a.x-b.x)/d
		out = append(out, []pt{{b.x + nx, b.y + ny}, {a.x + nx, a.y + ny}, {a.x - nx, a.y - ny}, {b.x - nx, b.y - ny}})
	}
	return out
}

// polygons fills the union of polygons that turn the same way.
func (r *raster) polygons(ps [][]pt, c rgba) {
	if len(ps) == 0 { // a line without length: the box below would be the whole picture
		return
	}
	lo, hi := pt{math.Inf(1), math.Inf(1)}, pt{math.Inf(-1), math.Inf(-1)}
	for _, p := range ps {
		for _, q := range p {
			lo = pt{min(lo.x, q.x), min(lo.y, q.y)}
			hi = pt{max(hi.x, q.x), max(hi.y, q.y)}
		}
	}
	limit := func(v float64) int { return int(min(max(v, -1e5), 1e5)) }
	box := image.Rect(limit(math.Floor(lo.x*r.scale)), limit(math.Floor(lo.y*r.scale)),
		limit(math.Ceil(hi.x*r.scale)), limit(math.Ceil(hi.y*r.scale))).Intersect(r.bounds)
	if box.Empty() {
		return
	}
	r.tile(ps, box, c)
}

// tileArea is the number of pixels above which a tile is halved: a long thin
// line covers few of the pixels between its ends.
const tileArea = 128 * 128

// tile fills the part of polygons within box. The rasteriser walks all of a box
// and every pixel of an edge, seen or not, so both are kept short.
func (r *raster) tile(ps [][]pt, box image.Rectangle, c rgba) {
	near := rect{float64(box.Min.X-1) / r.scale, float64(box.Min.Y-1) / r.scale, float64(box.Max.X+1) / r.scale, float64(box.Max.Y+1) / r.scale}
	seen := make([][]pt, 0, len(ps))
	for _, p := range ps {
		if p = near.cut(p); len(p) > 2 {
			seen = append(seen, p)
		}
	}
	if len(seen) == 0 {
		return
	}
	if len(seen) == 1 && box.Dx()*box.Dy() > tileArea {
		a, b := box, box
		if box.Dx() > box.Dy() {
			a.Max.X = (box.Min.X + box.Max.X) / 2
			b.Min.X = a.Max.X
		} else {
			a.Max.Y = (box.Min.Y + box.Max.Y) / 2
			b.Min.Y = a.Max.Y
		}
		r.tile(seen, a, c)
		r.tile(seen, b, c)
		return
	}
	r.shape.Reset(box.Dx(), box.Dy())
	at := func(q pt) (x, y float32) {
		return float32(q.x*r.scale - float64(box.Min.X)), float32(q.y*r.scale - float64(box.Min.Y))
	}
	for _, p := range seen {
		r.shape.MoveTo(at(p[0]))
		for _, q := range p[1:] {
			r.shape.LineTo(at(q))
		}
		r.shape.ClosePath()
	}
	r.shape.Draw(r.img, box, image.NewUniform(c), image.Point{})
}

func (r *raster) discs(p []pt, radius float64, c rgba) {
	rad := radius * r.scale
	for _, q := range p {
		cx, cy := q.x*r.scale, q.y*r.scale
		box := image.Rect(int(math.Floor(cx-rad)), int(math.Floor(cy-rad)), int(math.Ceil(cx+rad))+1, int(math.Ceil(cy+rad))+1).Intersect(r.bounds)
		for y := box.Min.Y; y < box.Max.Y; y++ {
			for x := box.Min.X; x < box.Max.X; x++ {
				d := math.Hypot(float64(x)+0.5-cx, float64(y)+0.5-cy)
				if cover := min(max(rad+0.5-d, 0), 1); cover > 0 {
					r.blend(x, y, c, cover)
				}
			}
		}
	}
}

// blend lays c over one pixel of the opaque image.
func (r *raster) blend(x, y int, c rgba, cover float64) {
	p := r.img.Pix[r.img.PixOffset(x, y):]
	a := uint32(float64(c.A)*cover + 0.5)
	p[0] = uint8((uint32(c.R)*a + uint32(p[0])*(255-a) + 127) / 255)
	p[1] = uint8((uint32(c.G)*a + uint32(p[1])*(255-a) + 127) / 255)
	p[2] = uint8((uint32(c.B)*a + uint32(p[2])*(255-a) + 127) / 255)
	p[3] = 255
}

var parsedFonts = sync.OnceValue(func() (f [2]*opentype.Font) {
	for i, ttf := range [][]byte{goregular.TTF, gomedium.TTF} {
		var err error
		if f[i], err = opentype.Parse(ttf); err != nil {
			panic("plot: built-in font: " + err.Error()) // the bytes are compiled in
		}
	}
	return f
})

func (r *raster) face(f textStyle) font.Face {
	key := textStyle{size: f.size, bold: f.bold}
	if have, ok := r.faces[key]; ok {
		return have
	}
	src := parsedFonts()[0]
	if f.bold {
		src = parsedFonts()[1]
	}
	face, err := opentype.NewFace(src, &opentype.FaceOptions{Size: f.size * r.scale, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		panic("plot: built-in font: " + err.Error())
	}
	r.faces[key] = face
	return face
}

func (r *raster) text(p pt, s string, f textStyle) {
	face := r.face(f)
	width := font.MeasureString(face, s)
	shift := fixed.Int26_6(0)
	switch f.anchor {
	case middle:
		shift = width / 2
	case right:
		shift = width
	}
	fx := func(v float64) fixed.Int26_6 { return fixed.Int26_6(math.Round(v * 64)) }
	if !f.up {
		d := font.Drawer{Dst: r.img, Src: image.NewUniform(f.color), Face: face, Dot: fixed.Point26_6{X: fx(p.x*r.scale) - shift, Y: fx(p.y * r.scale)}}
		d.DrawString(s)
		return
	}
	// Set the line flat, then turn it a quarter to the left.
	up, down := face.Metrics().Ascent.Ceil(), face.Metrics().Descent.Ceil()
	flat := image.NewAlpha(image.Rect(0, 0, width.Ceil()+2, up+down))
	d := font.Drawer{Dst: flat, Src: image.NewUniform(color.Opaque), Face: face, Dot: fixed.Point26_6{Y: fixed.I(up)}}
	d.DrawString(s)
	x0, y0 := int(math.Round(p.x*r.scale))-up, int(math.Round(p.y*r.scale))+shift.Round()
	for y := range flat.Rect.Dy() {
		for x := range flat.Rect.Dx() {
			if q := image.Pt(x0+y, y0-x); q.In(r.img.Rect) {
				r.blend(q.X, q.Y, f.color, float64(flat.AlphaAt(x, y).A)/255)
			}
		}
	}
}

// textWidth is the width of s in units, in the raster's font.
func textWidth(s string, f textStyle) float64 {
	r := raster{scale: 4, faces: map[textStyle]font.Face{}}
	return float64(font.MeasureString(r.face(f), s)) / 64 / r.scale
}

func (r *raster) picture(b rect, w, h int, at func(x, y int) rgba, smooth bool) {
	box := image.Rect(int(math.Round(b.x0*r.scale)), int(math.Round(b.y0*r.scale)), int(math.Round(b.x1*r.scale)), int(math.Round(b.y1*r.scale)))
	seen := box.Intersect(r.bounds)
	out := image.NewNRGBA(seen)
	for y := seen.Min.Y; y < seen.Max.Y; y++ {
		for x := seen.Min.X; x < seen.Max.X; x++ {
			u := (float64(x-box.Min.X) + 0.5) * float64(w) / float64(box.Dx())
			v := (float64(y-box.Min.Y) + 0.5) * float64(h) / float64(box.Dy())
			c := at(min(int(u), w-1), min(int(v), h-1))
			if smooth {
				c = bilinear(u-0.5, v-0.5, w, h, at)
			}
			out.SetNRGBA(x, y, c)
		}
	}
	draw.Draw(r.img, seen, out, seen.Min, draw.Over)
}

func bilinear(u, v float64, w, h int, at func(x, y int) rgba) rgba {
	x, y := math.Floor(u), math.Floor(v)
	get := func(dx, dy int) rgba {
		return at(min(max(int(x)+dx, 0), w-1), min(max(int(y)+dy, 0), h-1))
	}
	return mix(mix(get(0, 0), get(1, 0), u-x), mix(get(0, 1), get(1, 1), u-x), v-y)
}
