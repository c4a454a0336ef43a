package plot

import (
	"cmp"
	"fmt"
	"math"

	"laminar/flow"
	"laminar/tensor"
)

// The width of pictures of the plane, and the room around them.
const (
	side  = 480.0
	inset = 20.0
	top   = 66.0
)

// panel is a frame around clouds with equal axes, as flat as they are but no
// flatter than two to one, and no higher than wide. Named axes have room for their
// values, and each a unit of its own where one would leave the cloud a line.
func panel(names []string, clouds ...tensor.Mat) axes {
	x0, x1 := span(0, clouds...)
	y0, y1 := span(1, clouds...)
	high := 1.0
	if x1 > x0 {
		high = min(max((y1-y0)/(x1-x0), 0.5), 1)
	}
	left := inset
	if len(names) >= 2 {
		left += 46
		if apart(clouds...) {
			high = 0.75
		}
	}
	return fit(names, rect{left, top, left + side, top + math.Round(side*high)}, clouds...)
}

// apart reports whether the units of two coordinates are too far from each other for
// one scale.
func apart(clouds ...tensor.Mat) bool {
	x0, x1 := span(0, clouds...)
	y0, y1 := span(1, clouds...)
	w, h := x1-x0, y1-y0
	return w > 4*h || h > 4*w
}

// fit is equal, but that named axes whose units are apart have scales of their own.
func fit(names []string, box rect, clouds ...tensor.Mat) axes {
	var a axes
	if len(names) >= 2 && apart(clouds...) {
		a = axes{box: box, x: widen(span(0, clouds...)), y: widen(span(1, clouds...))}
	} else {
		a = equal(box, clouds...)
	}
	a.names = names
	return a
}

// planeFigure is a picture of a's frame and the heading above it, on the axes if they
// have names.
func planeFigure(a axes, dark bool, paint func(c canvas, th theme)) Figure {
	f := Figure{w: a.box.x1 + inset, h: a.box.y1 + inset, look: themeOf(dark), paint: paint}
	if len(a.names) >= 2 {
		f.h += 30
		f.paint = func(c canvas, th theme) {
			title := textStyle{size: 12}
			a.draw(c, th, fitted(a.names[0], a.box.x1-a.box.x0, title), fitted(a.names[1], a.box.y1-a.box.y0, title), 6, 5)
			paint(c, th)
		}
	}
	return f
}

// frame draws the thin border of a panel.
func frame(c canvas, th theme, r rect) {
	p := append(r.corners(), pt{r.x0, r.y0})
	c.stroke(p, 1, th.grid)
}

// dotSize is the radius and opacity with which n points read well.
func dotSize(n int) (r, a float64) {
	r = min(max(62/math.Sqrt(float64(n)+1), 0.9), 3.2)
	return r, min(max(30/math.Sqrt(float64(n)+1), 0.25), 0.85)
}

// Scatter shows samples over data.
type Scatter struct {
	Title string
	// Data and Samples are clouds of 2 or more coordinates; either may be empty.
	Data, Samples tensor.Mat
	// Class, if not nil, gives a class id per sample: classes are then coloured
	// instead of named.
	Class []int32
	// Names are those of the two coordinates, which then have axes; nil for none.
	Names []string
	Dark  bool
}

// Figure lays the picture out; the error wraps flow.ErrShape.
func (s Scatter) Figure() (Figure, error) {
	if s.Data.IsEmpty() && s.Samples.IsEmpty() {
		return Figure{}, fmt.Errorf("%w: scatter of neither data nor samples", flow.ErrShape)
	}
	if err := optional("data", s.Data, 2); err != nil {
		return Figure{}, err
	}
	if err := optional("samples", s.Samples, 2); err != nil {
		return Figure{}, err
	}
	if s.Class != nil && len(s.Class) != s.Samples.N {
		return Figure{}, fmt.Errorf("%w: %d class ids for %d samples", flow.ErrShape, len(s.Class), s.Samples.N)
	}
	a := panel(s.Names, s.Data, s.Samples)
	return planeFigure(a, s.Dark, func(c canvas, th theme) {
		var legend []entry
		c.clip(a.box)
		if !s.Data.IsEmpty() {
			r, o := dotSize(s.Data.N)
			c.discs(a.points(s.Data, 0, 1), r, alpha(th.data, o))
			legend = append(legend, entry{"data", dotMark, th.data})
		}
		if !s.Samples.IsEmpty() {
			r, o := dotSize(s.Samples.N)
			if s.Class == nil {
				c.discs(a.points(s.Samples, 0, 1), r, alpha(th.sample, o))
			} else {
				for i, k := range s.Class {
					color := th.series[(int(k)%len(th.series)+len(th.series))%len(th.series)]
					c.discs(a.points(s.Samples.Rows(i, i+1), 0, 1), r, alpha(color, o))
				}
			}
			legend = append(legend, entry{"samples", dotMark, th.sample})
		}
		c.unclip()
		frame(c, th, a.box)
		heading(c, th, s.Title, legend...)
	}), nil
}

// Paths shows how points travel from noise to data.
type Paths struct {
	Title string
	// T and Z are a trajectory: Z[k] holds the points at time T[k].
	T []float64
	Z []tensor.Mat
	// Data is drawn beneath. Optional.
	Data tensor.Mat
	// Count is the number of paths drawn, the first ones; 0 means 200.
	Count int
	// Names are those of the two coordinates, which then have axes; nil for none.
	Names []string
	Dark  bool
}

// checkTrajectory checks a trajectory of at least least columns.
func checkTrajectory(t []float64, z []tensor.Mat, least int) error {
	if len(t) < 2 || len(t) != len(z) {
		return fmt.Errorf("%w: trajectory of %d times and %d states, need as many, at least 2", flow.ErrShape, len(t), len(z))
	}
	for k, m := range z {
		if err := points(fmt.Sprintf("trajectory state %d", k), m, least); err != nil {
			return err
		}
		if err := m.Check(fmt.Sprintf("trajectory state %d", k), z[0].N, z[0].D); err != nil {
			return err
		}
	}
	return nil
}

// Figure lays the picture out; the error wraps flow.ErrShape.
func (p Paths) Figure() (Figure, error) {
	if err := checkTrajectory(p.T, p.Z, 2); err != nil {
		return Figure{}, err
	}
	if err := optional("data", p.Data, 2); err != nil {
		return Figure{}, err
	}
	count := p.Count
	if count <= 0 {
		count = 200
	}
	count = min(count, p.Z[0].N)
	first, last := p.Z[0].Rows(0, count), p.Z[len(p.Z)-1].Rows(0, count)
	a := panel(p.Names, first, last, p.Data)
	return planeFigure(a, p.Dark, func(c canvas, th theme) {
		c.clip(a.box)
		if !p.Data.IsEmpty() {
			r, o := dotSize(p.Data.N)
			c.discs(a.points(p.Data, 0, 1), r, alpha(th.data, o*0.6))
		}
		for k := range len(p.Z) - 1 {
			lines := make([][]pt, 0, count)
			for i := range count {
				seg := [2]pt{at2(a, p.Z[k], i), at2(a, p.Z[k+1], i)}
				if finite(seg[0].x+seg[0].y) && finite(seg[1].x+seg[1].y) {
					lines = append(lines, seg[:])
				}
			}
			mid := (p.T[k] + p.T[k+1]) / 2
			c.strokes(lines, 1, alpha(th.time(mid), 0.45))
		}
		c.discs(a.points(first, 0, 1), 2.2, alpha(th.noise, 0.9))
		c.discs(a.points(last, 0, 1), 2.2, alpha(th.sample, 0.9))
		c.unclip()
		frame(c, th, a.box)
		legend := []entry{{"noise, t = 0", dotMark, th.noise}, {"samples, t = 1", dotMark, th.sample}}
		if !p.Data.IsEmpty() {
			legend = append(legend, entry{"data", dotMark, th.data})
		}
		heading(c, th, p.Title, legend...)
	}), nil
}

// at2 places the first two coordinates of row i of m.
func at2(a axes, m tensor.Mat, i int) pt { return a.pt(float64(m.At(i, 0)), float64(m.At(i, 1))) }

// Lines shows a coupling: one straight line from each noise point to its data
// point. Where lines cross, no velocity field can follow both.
type Lines struct {
	Title string
	// X0 and X1 are paired by rows.
	X0, X1 tensor.Mat
	// Count is the number of lines drawn, the first ones; 0 means 256.
	Count int
	// Names are those of the two coordinates, which then have axes; nil for none.
	Names []string
	Dark  bool
}

// Figure lays the picture out; the error wraps flow.ErrShape.
func (l Lines) Figure() (Figure, error) {
	if err := points("x0", l.X0, 2); err != nil {
		return Figure{}, err
	}
	if err := l.X1.Check("x1", l.X0.N, l.X0.D); err != nil {
		return Figure{}, err
	}
	count := l.Count
	if count <= 0 {
		count = 256
	}
	count = min(count, l.X0.N)
	x0, x1 := l.X0.Rows(0, count), l.X1.Rows(0, count)
	a := panel(l.Names, x0, x1)
	return planeFigure(a, l.Dark, func(c canvas, th theme) {
		c.clip(a.box)
		const pieces = 12
		for k := range pieces {
			lines := make([][]pt, 0, count)
			for i := range count {
				p, q := at2(a, x0, i), at2(a, x1, i)
				if !finite(p.x+p.y) || !finite(q.x+q.y) {
					continue
				}
				at := func(s float64) pt { return pt{p.x + s*(q.x-p.x), p.y + s*(q.y-p.y)} }
				lines = append(lines, []pt{at(float64(k) / pieces), at(float64(k+1) / pieces)})
			}
			c.strokes(lines, 1, alpha(th.time((float64(k)+0.5)/pieces), 0.5))
		}
		c.discs(a.points(x0, 0, 1), 2.4, alpha(th.noise, 0.95))
		c.discs(a.points(x1, 0, 1), 2.4, alpha(th.sample, 0.95))
		c.unclip()
		frame(c, th, a.box)
		heading(c, th, l.Title, entry{"noise", dotMark, th.noise}, entry{"data", dotMark, th.sample})
	}), nil
}

// PairGrid shows points of many dimensions: each pair of the first coordinates
// as a scatter, each coordinate as a histogram.
type PairGrid struct {
	Title string
	// Data and Samples have 2 or more coordinates; either may be empty.
	Data, Samples tensor.Mat
	// Names of the coordinates; x1, x2, ... where missing.
	Names []string
	// Dims is the number of coordinates shown; 0 means 4.
	Dims int
	// Legend names Data and Samples in place of "data" and "samples".
	Legend [2]string
	// Levels, where a coordinate has some, are the names of its values 0, 1, ...
	Levels [][]string
	Dark   bool
}

// Figure lays the picture out; the error wraps flow.ErrShape.
func (p PairGrid) Figure() (Figure, error) {
	d := p.Samples.D
	if p.Samples.IsEmpty() {
		d = p.Data.D
	}
	if d < 2 || (!p.Data.IsEmpty() && p.Data.D != d) {
		return Figure{}, fmt.Errorf("%w: pair plot of data with %d and samples with %d coordinates, need the same, at least 2", flow.ErrShape, p.Data.D, p.Samples.D)
	}
	for _, err := range []error{optional("data", p.Data, 2), optional("samples", p.Samples, 2)} {
		if err != nil {
			return Figure{}, err
		}
	}
	dims := p.Dims
	if dims <= 0 {
		dims = 4
	}
	dims = min(dims, d)
	const gap = 10.0
	cell := min(240, 720/float64(dims))
	width := float64(dims)*(cell+gap) - gap
	const ticks = 16.0
	return Figure{w: width + 2*inset + 14 + ticks, h: top + width + inset + 14 + ticks, look: themeOf(p.Dark), paint: func(c canvas, th theme) {
		for row := range dims {
			for col := range dims {
				x, y := inset+14+ticks+float64(col)*(cell+gap), top+float64(row)*(cell+gap)
				box := rect{x, y, x + cell, y + cell}
				if row == dims-1 {
					p.ticks(c, th, col, widen(span(col, p.Data, p.Samples)), box, true)
				}
				if col == 0 {
					p.ticks(c, th, row, widen(span(row, p.Data, p.Samples)), box, false)
				}
				if row == dims-1 {
					c.text(pt{x + cell/2, y + cell + 18 + ticks}, p.name(col), textStyle{size: 12, anchor: middle, color: th.ink})
				}
				if col == 0 {
					c.text(pt{inset + 4, y + cell/2}, p.name(row), textStyle{size: 12, anchor: middle, up: true, color: th.ink})
				}
				if row == col {
					h := newSteps(p.Data, p.Samples, row, 36)
					h.draw(c, th, h.axes(rect{box.x0, box.y0, box.x1, box.y1 - 1}))
					frame(c, th, box)
					continue
				}
				x0, x1 := span(col, p.Data, p.Samples)
				y0, y1 := span(row, p.Data, p.Samples)
				a := axes{box: box, x: widen(x0, x1), y: widen(y0, y1)}
				c.clip(box)
				for _, cloud := range []struct {
					m     tensor.Mat
					color rgba
				}{{p.Data, th.data}, {p.Samples, th.sample}} {
					if cloud.m.IsEmpty() {
						continue
					}
					r, o := dotSize(cloud.m.N)
					c.discs(a.points(cloud.m, col, row), max(r*0.75, 0.8), alpha(cloud.color, o*0.8))
				}
				c.unclip()
				frame(c, th, box)
			}
		}
		var legend []entry
		if !p.Data.IsEmpty() {
			legend = append(legend, entry{cmp.Or(p.Legend[0], "data"), dotMark, th.data})
		}
		if !p.Samples.IsEmpty() {
			legend = append(legend, entry{cmp.Or(p.Legend[1], "samples"), dotMark, th.sample})
		}
		heading(c, th, p.Title, legend...)
	}}, nil
}

// ticks writes values of coordinate k below or beside the outermost cells, or the
// names of its levels if there is room for them.
func (p PairGrid) ticks(c canvas, th theme, k int, s scale, box rect, below bool) {
	f := textStyle{size: 10, anchor: middle, color: th.muted, up: !below}
	write := func(v float64, text string) {
		if below {
			c.text(pt{box.x0 + s.share(v)*(box.x1-box.x0), box.y1 + 13}, text, f)
		} else {
			c.text(pt{box.x0 - 5, box.y1 - s.share(v)*(box.y1-box.y0)}, text, f)
		}
	}
	if k >= len(p.Levels) || p.Levels[k] == nil {
		for _, v := range s.ticks(3) {
			write(v, tickLabel(v))
		}
		return
	}
	step := (box.x1 - box.x0) / (s.hi - s.lo)
	if step < 24 {
		return
	}
	for v, name := range p.Levels[k] {
		if at := float64(v); at >= s.lo && at <= s.hi {
			write(at, fitted(name, step-4, f))
		}
	}
}

func (p PairGrid) name(i int) string {
	if i < len(p.Names) {
		return p.Names[i]
	}
	return fmt.Sprintf("x%d", i+1)
}

func widen(lo, hi float64) scale {
	pad := (hi - lo) * 0.06
	if pad == 0 {
		pad = 1
	}
	return scale{lo: lo - pad, hi: hi + pad}
}
