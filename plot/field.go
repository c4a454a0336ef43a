package plot

import (
	"fmt"
	"math"

	"laminar/flow"
	"laminar/tensor"
)

// Quiver shows a velocity field of the plane at one time as arrows, whose
// length and colour grow with the speed.
type Quiver struct {
	Title string
	Field flow.Field
	T     float64
	// Data sets the region and is drawn beneath.
	Data tensor.Mat
	// Arrows is the number of arrows across; 0 means 22.
	Arrows int
	// Names are those of the two coordinates, which then have axes; nil for none.
	Names []string
	Dark  bool
}

// Figure evaluates the field and lays the picture out. The error wraps
// flow.ErrShape or is the field's.
func (q Quiver) Figure() (Figure, error) {
	if err := points("data", q.Data, 2); err != nil {
		return Figure{}, err
	}
	n := q.Arrows
	if n <= 0 {
		n = 22
	}
	a := panel(q.Names, q.Data)
	g, err := newArrows(q.Field, a, n)
	if err != nil {
		return Figure{}, err
	}
	if err := g.at(q.T); err != nil {
		return Figure{}, err
	}
	return planeFigure(a, q.Dark, func(c canvas, th theme) {
		c.clip(a.box)
		r, o := dotSize(q.Data.N)
		c.discs(a.points(q.Data, 0, 1), r, alpha(th.data, o*0.7))
		g.draw(c, a, func(speed float64) rgba { return mix(mix(th.sample, th.page, 0.55), th.sample, speed) }, g.typical())
		c.unclip()
		frame(c, th, a.box)
		heading(c, th, q.Title, entry{"data", dotMark, th.data}, entry{fmt.Sprintf("velocity at t = %.2f", q.T), lineMark, th.sample})
	}), nil
}

// arrows evaluates a field on a grid.
type arrows struct {
	field flow.Field
	x, v  tensor.Mat
	cell  float64 // in units of the picture
	// units of the picture in one of each coordinate
	sx, sy float64
}

func newArrows(f flow.Field, a axes, n int) (*arrows, error) {
	if f == nil || f.Dim() != 2 {
		return nil, fmt.Errorf("%w: arrows need a field of the plane", flow.ErrShape)
	}
	lines := max(1, int(math.Round(float64(n)*(a.box.y1-a.box.y0)/(a.box.x1-a.box.x0))))
	g := &arrows{field: f, x: tensor.New(n*lines, 2), v: tensor.New(n*lines, 2), cell: (a.box.x1 - a.box.x0) / float64(n), sx: (a.box.x1 - a.box.x0) / (a.x.hi - a.x.lo), sy: (a.box.y1 - a.box.y0) / (a.y.hi - a.y.lo)}
	for i := range n * lines {
		g.x.Row(i)[0] = float32(a.x.lo + (a.x.hi-a.x.lo)*(float64(i%n)+0.5)/float64(n))
		g.x.Row(i)[1] = float32(a.y.lo + (a.y.hi-a.y.lo)*(float64(i/n)+0.5)/float64(lines))
	}
	return g, nil
}

func (g *arrows) at(t float64) error {
	if err := g.field.Velocity(g.v, g.x, t); err != nil {
		return fmt.Errorf("velocity at t = %g: %w", t, err)
	}
	return nil
}

// typical is a speed, in units of the picture, that few arrows exceed.
func (g *arrows) typical() float64 {
	var s float64
	n := 0
	for i := range g.v.N {
		if v := math.Hypot(g.sx*float64(g.v.At(i, 0)), g.sy*float64(g.v.At(i, 1))); finite(v) {
			s += v * v
			n++
		}
	}
	if s == 0 {
		return 1
	}
	return 1.6 * math.Sqrt(s/float64(n))
}

// draw draws the arrows; at the speed full they fill their cell.
func (g *arrows) draw(c canvas, a axes, color func(speed float64) rgba, full float64) {
	for i := range g.v.N {
		vx, vy := g.sx*float64(g.v.At(i, 0)), -g.sy*float64(g.v.At(i, 1)) // the picture's y points down
		speed := math.Hypot(vx, vy)
		if speed == 0 || !finite(speed) {
			continue
		}
		s := min(speed/full, 1)
		length := g.cell * (0.15 + 0.8*s)
		ux, uy := vx/speed, vy/speed
		m := at2(a, g.x, i)
		tail := pt{m.x - ux*length/2, m.y - uy*length/2}
		tip := pt{m.x + ux*length/2, m.y + uy*length/2}
		head := min(2+0.22*length, 6)
		neck := pt{tip.x - ux*head, tip.y - uy*head}
		col := color(s)
		c.stroke([]pt{tail, neck}, 1.1, col)
		w := head * 0.42
		c.fill([]pt{tip, {neck.x - uy*w, neck.y + ux*w}, {neck.x + uy*w, neck.y - ux*w}}, col)
	}
}

// Density shows how thick a cloud is, as a heat map smoothed over its width.
type Density struct {
	Title  string
	Points tensor.Mat
	// Around sets the region if not empty, so that two densities compare.
	Around tensor.Mat
	// Names are those of the two coordinates, which then have axes; nil for none.
	Names []string
	Dark  bool
}

// Figure lays the picture out; the error wraps flow.ErrShape.
func (d Density) Figure() (Figure, error) {
	if err := points("points", d.Points, 2); err != nil {
		return Figure{}, err
	}
	if err := optional("region", d.Around, 2); err != nil {
		return Figure{}, err
	}
	region := d.Around
	if region.IsEmpty() {
		region = d.Points
	}
	a := panel(d.Names, region)
	return planeFigure(a, d.Dark, func(c canvas, th theme) {
		const bins = 160
		lines := int(math.Round(bins * (a.box.y1 - a.box.y0) / (a.box.x1 - a.box.x0)))
		grid := make([]float64, bins*lines)
		for i := range d.Points.N {
			x := int(math.Floor(a.x.share(float64(d.Points.At(i, 0))) * bins))
			y := int(math.Floor((1 - a.y.share(float64(d.Points.At(i, 1)))) * float64(lines)))
			if x >= 0 && x < bins && y >= 0 && y < lines {
				grid[y*bins+x]++
			}
		}
		// Wider smoothing for fewer points.
		blur(grid, bins, lines, min(max(90/math.Pow(float64(d.Points.N), 0.4), 0.8), 6))
		most := 0.0
		for _, v := range grid {
			most = max(most, v)
		}
		c.picture(a.box, bins, lines, func(x, y int) rgba {
			return ramp(th.heat, math.Pow(grid[y*bins+x]/max(most, 1e-300), 0.6))
		}, true)
		frame(c, th, a.box)
		heading(c, th, d.Title, entry{fmt.Sprintf("density of %d points", d.Points.N), dotMark, ramp(th.heat, 0.7)})
	}), nil
}

// blur convolves a w by h grid with a Gaussian of the given width, in cells.
func blur(g []float64, w, h int, width float64) {
	r := int(math.Ceil(3 * width))
	kernel := make([]float64, 2*r+1)
	var sum float64
	for k := range kernel {
		kernel[k] = math.Exp(-float64((k-r)*(k-r)) / (2 * width * width))
		sum += kernel[k]
	}
	line := make([]float64, max(w, h))
	pass := func(start, step, n int) {
		for i := range n {
			line[i] = 0
			for k, c := range kernel {
				if j := i + k - r; j >= 0 && j < n {
					line[i] += c / sum * g[start+j*step]
				}
			}
		}
		for i, v := range line[:n] {
			g[start+i*step] = v
		}
	}
	for y := range h {
		pass(y*w, 1, w)
	}
	for x := range w {
		pass(x, w, h)
	}
}
