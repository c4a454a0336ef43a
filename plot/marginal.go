package plot

import (
	"fmt"

	"laminar/flow"
	"laminar/tensor"
)

// The size of a Marginal.
const (
	smallWidth  = 320.0
	smallHeight = 200.0
)

// Marginal shows one column of a table, small, to stand beside others: the data as
// grey areas, the samples as blue outlines. A column holds numbers, or levels with
// their shares.
type Marginal struct {
	Title string
	// Data and Samples are numbers; those that are not finite are left out.
	Data, Samples []float64
	// Levels are the names of a category's levels, in whose place Data and Samples
	// are their shares.
	Levels []string
	Dark   bool
}

// Figure lays the picture out; the error wraps flow.ErrShape.
func (m Marginal) Figure() (Figure, error) {
	paint := m.bars
	switch n := len(m.Levels); {
	case n > 0 && (len(m.Data) != n || len(m.Samples) != n):
		return Figure{}, fmt.Errorf("%w: %d levels with %d and %d shares", flow.ErrShape, n, len(m.Data), len(m.Samples))
	case n == 0 && len(m.Data)+len(m.Samples) == 0:
		return Figure{}, fmt.Errorf("%w: a marginal of neither data nor samples", flow.ErrShape)
	case n == 0:
		paint = m.steps
	}
	return Figure{w: smallWidth, h: smallHeight, look: themeOf(m.Dark), paint: func(c canvas, th theme) {
		paint(c, th, rect{14, 34, smallWidth - 14, smallHeight - 28})
		title := textStyle{size: 13, bold: true, color: th.ink}
		c.text(pt{14, 22}, fitted(m.Title, smallWidth-28, title), title)
	}}, nil
}

func (m Marginal) steps(c canvas, th theme, box rect) {
	column := func(v []float64) tensor.Mat {
		x := tensor.New(len(v), 1)
		for i, f := range v {
			x.Data[i] = float32(f)
		}
		return x
	}
	s := newSteps(column(m.Data), column(m.Samples), 0, 32)
	a := s.axes(box)
	s.draw(c, th, a)
	c.strokes([][]pt{{{box.x0, box.y1}, {box.x1, box.y1}}}, 1, th.muted)
	f := textStyle{size: 11, anchor: middle, color: th.muted}
	for _, v := range a.x.ticks(4) {
		c.text(pt{min(max(a.pt(v, 0).x, box.x0+14), box.x1-14), box.y1 + 16}, tickLabel(v), f)
	}
}

// bars draws a bar for every level; where there is no room for names, only the
// number of levels is told.
func (m Marginal) bars(c canvas, th theme, box rect) {
	most := 0.
	for k := range m.Levels {
		for _, v := range []float64{m.Data[k], m.Samples[k]} {
			if finite(v) {
				most = max(most, v)
			}
		}
	}
	if most == 0 {
		most = 1
	}
	step := (box.x1 - box.x0) / float64(len(m.Levels))
	pad := min(step*0.12, 6)
	f := textStyle{size: 11, anchor: middle, color: th.muted}
	for k := range m.Levels {
		x0, x1 := box.x0+float64(k)*step+pad, box.x0+float64(k+1)*step-pad
		height := func(v float64) float64 {
			if !finite(v) {
				v = 0
			}
			return box.y1 - (box.y1-box.y0)*v/most
		}
		c.fill(rect{x0, height(m.Data[k]), x1, box.y1}.corners(), alpha(th.data, 0.55))
		y := height(m.Samples[k])
		if step > 5 {
			c.stroke([]pt{{x0, box.y1}, {x0, y}, {x1, y}, {x1, box.y1}}, 1.5, th.sample)
		} else {
			c.stroke([]pt{{x0, y}, {x1, y}}, 1.5, th.sample)
		}
		if step >= 30 {
			c.text(pt{(x0 + x1) / 2, box.y1 + 16}, fitted(m.Levels[k], step-4, f), f)
		}
	}
	c.strokes([][]pt{{{box.x0, box.y1}, {box.x1, box.y1}}}, 1, th.muted)
	if step < 30 {
		c.text(pt{(box.x0 + box.x1) / 2, box.y1 + 16}, fmt.Sprintf("%d levels", len(m.Levels)), f)
	}
}

// fitted cuts a text to a width.
func fitted(s string, width float64, f textStyle) string {
	if textWidth(s, f) <= width {
		return s
	}
	r := []rune(s)
	for len(r) > 1 && textWidth(string(r)+"…", f) > width {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}
