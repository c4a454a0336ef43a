package plot

import (
	"math"
	"slices"
	"strconv"

	"laminar/tensor"
)

// scale maps values lo to hi, linearly or by their logarithm.
type scale struct {
	lo, hi float64
	log    bool
	at     []float64 // ticks; nil for round numbers
}

// share is where v lies between lo (0) and hi (1).
func (s scale) share(v float64) float64 {
	if s.log {
		return math.Log(v/s.lo) / math.Log(s.hi/s.lo)
	}
	return (v - s.lo) / (s.hi - s.lo)
}

// ticks returns round values within the scale, about n of them.
func (s scale) ticks(n int) []float64 {
	if s.at != nil {
		return s.at
	}
	var out []float64
	if s.log {
		decades := math.Log10(s.hi / s.lo)
		steps := []float64{1}
		switch {
		case decades < 1:
			return scale{lo: s.lo, hi: s.hi}.ticks(n)
		case decades < 2.5:
			steps = []float64{1, 2, 5}
		}
		skip := max(1, int(math.Ceil(decades/float64(n+1))))
		for e := int(math.Floor(math.Log10(s.lo))); e <= int(math.Ceil(math.Log10(s.hi))); e += skip {
			for _, m := range steps {
				if v := m * math.Pow10(e); v >= s.lo*(1-1e-9) && v <= s.hi*(1+1e-9) {
					out = append(out, v)
				}
			}
		}
		return out
	}
	raw := (s.hi - s.lo) / float64(n)
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * unit
	for _, m := range []float64{1, 2, 5} {
		if m*unit >= raw*0.999 {
			step = m * unit
			break
		}
	}
	for k := math.Ceil(s.lo/step - 1e-9); k*step <= s.hi+step*1e-9; k++ {
		out = append(out, k*step+0) // +0 turns -0 into 0
	}
	return out
}

func tickLabel(v float64) string {
	if v != 0 && (math.Abs(v) >= 1e6 || math.Abs(v) < 1e-4) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

// axes is a frame with a scale in each direction.
type axes struct {
	box   rect
	x, y  scale
	names []string // of the two axes of a plane, nil for none
}

func (a axes) pt(x, y float64) pt {
	return pt{a.box.x0 + a.x.share(x)*(a.box.x1-a.box.x0), a.box.y1 - a.y.share(y)*(a.box.y1-a.box.y0)}
}

// points maps columns i and j of m, leaving out rows that are not finite.
func (a axes) points(m tensor.Mat, i, j int) []pt {
	out := make([]pt, 0, m.N)
	for r := range m.N {
		x, y := float64(m.At(r, i)), float64(m.At(r, j))
		if p := a.pt(x, y); finite(x) && finite(y) {
			out = append(out, p)
		}
	}
	return out
}

func finite(v float64) bool { return v-v == 0 }

// draw draws grid lines, ticks and axis titles.
func (a axes) draw(c canvas, th theme, xTitle, yTitle string, nx, ny int) {
	small := textStyle{size: 11, color: th.muted}
	var lines [][]pt
	for _, v := range a.x.ticks(nx) {
		p := a.pt(v, a.y.lo)
		lines = append(lines, []pt{{p.x, a.box.y0}, {p.x, a.box.y1}})
		f := small
		f.anchor = middle
		c.text(pt{p.x, a.box.y1 + 17}, tickLabel(v), f)
	}
	for _, v := range a.y.ticks(ny) {
		p := a.pt(a.x.lo, v)
		lines = append(lines, []pt{{a.box.x0, p.y}, {a.box.x1, p.y}})
		f := small
		f.anchor = right
		c.text(pt{a.box.x0 - 8, p.y + 4}, tickLabel(v), f)
	}
	c.strokes(lines, 1, th.grid)
	if xTitle != "" {
		c.text(pt{(a.box.x0 + a.box.x1) / 2, a.box.y1 + 37}, xTitle, textStyle{size: 12, anchor: middle, color: th.ink})
	}
	if yTitle != "" {
		c.text(pt{a.box.x0 - 46, (a.box.y0 + a.box.y1) / 2}, yTitle, textStyle{size: 12, anchor: middle, up: true, color: th.ink})
	}
}

// heading writes the title and, below it, the legend's entries, in a second line
// where a chart's width is too little for one.
func heading(c canvas, th theme, title string, entries ...entry) {
	const x0 = 20.0
	if title != "" {
		c.text(pt{x0, 32}, title, textStyle{size: 17, bold: true, color: th.ink})
	}
	f := textStyle{size: 12, color: th.muted}
	x, y := x0, 53.0
	if title == "" {
		y = 34
	}
	for _, e := range entries {
		if e.name == "" {
			continue
		}
		if w := textWidth(e.name, f) + 24; x > x0 && x+w > chartWidth-x0 {
			x, y = x0, y+16
		}
		switch e.mark {
		case dotMark:
			c.discs([]pt{{x + 5, y - 4}}, 4, e.color)
			x += 15
		case ringMark:
			ring(c, th, pt{x + 5, y - 4}, 4, e.color)
			x += 15
		case lineMark:
			c.stroke([]pt{{x + 1, y - 4}, {x + 17, y - 4}}, 2.5, e.color)
			x += 24
		case bandMark:
			c.fill(rect{x, y - 9, x + 18, y}.corners(), e.color)
			x += 24
		}
		c.text(pt{x, y}, e.name, f)
		x += textWidth(e.name, f) + 18
	}
}

type mark int

const (
	noMark mark = iota
	dotMark
	ringMark
	lineMark
	bandMark
)

// entry is one item of a legend.
type entry struct {
	name  string
	mark  mark
	color rgba
}

// equal returns a frame in box whose two axes have one unit length and hold the
// first two coordinates of all clouds, but for the outermost thousandth.
func equal(box rect, clouds ...tensor.Mat) axes {
	x0, x1 := span(0, clouds...)
	y0, y1 := span(1, clouds...)
	w, h := box.x1-box.x0, box.y1-box.y0
	unit := max((x1-x0)/w, (y1-y0)/h) * 1.1 // of data per unit of the picture
	if unit == 0 {
		unit = 2 / w
	}
	cx, cy := (x0+x1)/2, (y0+y1)/2
	return axes{box: box, x: scale{lo: cx - unit*w/2, hi: cx + unit*w/2}, y: scale{lo: cy - unit*h/2, hi: cy + unit*h/2}}
}

// span returns the range of column j over all clouds without outliers.
func span(j int, clouds ...tensor.Mat) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, m := range clouds {
		var v []float64
		for r := range m.N {
			if x := float64(m.At(r, j)); finite(x) {
				v = append(v, x)
			}
		}
		if len(v) == 0 {
			continue
		}
		slices.Sort(v)
		cut := len(v) / 1000
		lo, hi = min(lo, v[cut]), max(hi, v[len(v)-1-cut])
	}
	if lo > hi {
		return -1, 1
	}
	return lo, hi
}
