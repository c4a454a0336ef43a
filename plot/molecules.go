package plot

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"laminar/flow"
)

// Molecules shows molecules as balls and sticks in a grid, all to one scale. Atoms
// are coloured by element as chemists do (Corey, Pauling 1953; Koltun 1965).
type Molecules struct {
	Title     string
	Molecules []Molecule
	// Columns is the number of molecules to a line; 0 is what makes the picture
	// about square.
	Columns int
	// Mark says in words what a marked atom is, for the legend of a picture with one.
	Mark string
	Dark bool
}

// Molecule is one of Molecules: X are places in ångström seen from above, the
// first coordinate to the right, the second upwards and the third to the reader.
type Molecule struct {
	Symbols []string // of the elements
	X       [][3]float64
	Bonds   []Stick
	// Marked are atoms to be ringed, nil for none.
	Marked []bool
}

// Stick is a bond between two atoms of order 1, 2 or 3.
type Stick struct{ I, J, Order int }

// balls are the radius of a ball in ångström and its colour.
var balls = map[string]struct {
	radius float64
	color  rgba
}{
	"H": {0.29, hex(0xE9ECEF)}, "C": {0.42, hex(0x4B525C)}, "N": {0.41, hex(0x3F66D9)}, "O": {0.40, hex(0xD93A34)},
	"F": {0.38, hex(0x6CC46B)}, "P": {0.50, hex(0xE68A2E)}, "S": {0.51, hex(0xE3BE3A)}, "Cl": {0.50, hex(0x3FA34A)},
}

func ballOf(symbol string) (radius float64, color rgba) {
	if b, ok := balls[symbol]; ok {
		return b.radius, b.color
	}
	return 0.48, hex(0xB57EDC)
}

// Figure lays the picture out; the error wraps flow.ErrShape.
func (g Molecules) Figure() (Figure, error) {
	if len(g.Molecules) == 0 {
		return Figure{}, fmt.Errorf("%w: no molecules to show", flow.ErrShape)
	}
	reach := 2.0 // half the width of a tile, in ångström
	for i, m := range g.Molecules {
		if len(m.X) != len(m.Symbols) || m.Marked != nil && len(m.Marked) != len(m.X) {
			return Figure{}, fmt.Errorf("%w: molecule %d has %d places, %d symbols and %d marks", flow.ErrShape, i, len(m.X), len(m.Symbols), len(m.Marked))
		}
		for _, b := range m.Bonds {
			if min(b.I, b.J) < 0 || max(b.I, b.J) >= len(m.X) {
				return Figure{}, fmt.Errorf("%w: molecule %d has a bond of atoms %d and %d, of %d", flow.ErrShape, i, b.I, b.J, len(m.X))
			}
		}
		for _, p := range m.X {
			if r := math.Max(math.Abs(p[0]), math.Abs(p[1])) + 0.6; r < 8 {
				reach = max(reach, r)
			}
		}
	}
	n := len(g.Molecules)
	cols := g.Columns
	if cols <= 0 {
		cols = int(math.Ceil(math.Sqrt(float64(n))))
	}
	cols = min(cols, n)
	lines := (n + cols - 1) / cols
	const gap = 4.0
	tile := min(220.0, max(84, 900/float64(cols)))
	head := inset
	if g.Title != "" {
		head = 50
	}
	w := max(float64(cols)*(tile+gap)-gap, textWidth(g.Title, textStyle{size: 17, bold: true}))
	var legend entry
	if g.Mark != "" && slices.ContainsFunc(g.Molecules, func(m Molecule) bool { return slices.Contains(m.Marked, true) }) {
		legend = entry{g.Mark, ringMark, themeOf(g.Dark).series[3]}
		head += 20
		w = max(w, textWidth(g.Mark, textStyle{size: 12})+15)
	}
	return Figure{w: w + 2*inset, h: head + float64(lines)*(tile+gap) - gap + inset, look: themeOf(g.Dark), paint: func(c canvas, th theme) {
		heading(c, th, g.Title, legend)
		for i, m := range g.Molecules {
			x, y := inset+float64(i%cols)*(tile+gap), head+float64(i/cols)*(tile+gap)
			r := rect{x, y, x + tile, y + tile}
			c.clip(r)
			m.draw(c, th, pt{x + tile/2, y + tile/2}, tile/2/reach)
			c.unclip()
		}
	}}, nil
}

// part is a ball or a stick with its height above the page.
type part struct {
	height float64
	draw   func()
}

// draw draws the molecule about a point of the page, from the lowest part to the
// highest.
func (m Molecule) draw(c canvas, th theme, at pt, scale float64) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range m.X {
		low, high = min(low, p[2]), max(high, p[2])
	}
	depth := max(high-low, 3)
	shade := func(k rgba, z float64) rgba { return mix(th.page, k, 1-0.45*(high-z)/depth) }
	place := func(p [3]float64) pt { return pt{at.x + p[0]*scale, at.y - p[1]*scale} }
	var parts []part
	for _, b := range m.Bonds {
		p, q := m.X[b.I], m.X[b.J]
		z := (p[2] + q[2]) / 2
		parts = append(parts, part{z - 0.1, func() { stick(c, th, place(p), place(q), b.Order, scale, func(k rgba) rgba { return shade(k, z) }) }})
	}
	for i, p := range m.X {
		radius, color := ballOf(m.Symbols[i])
		marked := m.Marked != nil && m.Marked[i]
		parts = append(parts, part{p[2], func() { ball(c, th, place(p), radius*scale, shade(color, p[2]), marked) }})
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.height, b.height) })
	for _, p := range parts {
		p.draw()
	}
}

// ball is a shaded disc, lit from the upper left.
func ball(c canvas, th theme, at pt, r float64, color rgba, marked bool) {
	black, white := hex(0x10141C), hex(0xFFFFFF)
	if marked {
		ring(c, th, at, r*1.27, th.series[3])
	}
	for _, l := range []struct{ size, off, dark, light float64 }{
		{1, 0, 0.45, 0}, {0.93, 0.02, 0.14, 0}, {0.78, 0.10, 0, 0}, {0.55, 0.20, 0, 0.18}, {0.34, 0.28, 0, 0.40}, {0.15, 0.36, 0, 0.85},
	} {
		k := mix(mix(color, black, l.dark), white, l.light)
		c.discs([]pt{{at.x - l.off*r, at.y - l.off*r}}, l.size*r, k)
	}
}

// ring is a circle of radius r about at, over what lies there.
func ring(c canvas, th theme, at pt, r float64, color rgba) {
	c.discs([]pt{at}, r*1.07, color)
	c.discs([]pt{at}, r*0.93, th.page)
}

// stick is one line for each order of a bond.
func stick(c canvas, th theme, p, q pt, order int, scale float64, shade func(rgba) rgba) {
	d := math.Hypot(q.x-p.x, q.y-p.y)
	if d == 0 {
		return
	}
	nx, ny := (q.y-p.y)/d, -(q.x-p.x)/d
	width := 0.17 * scale
	if order > 1 {
		width = 0.11 * scale
	}
	for k := range order {
		off := (float64(k) - float64(order-1)/2) * 0.19 * scale
		line := []pt{{p.x + nx*off, p.y + ny*off}, {q.x + nx*off, q.y + ny*off}}
		c.strokes([][]pt{line}, width*1.3, shade(mix(th.muted, hex(0x10141C), 0.35)))
		c.strokes([][]pt{line}, width*0.75, shade(mix(th.muted, hex(0xFFFFFF), 0.45)))
	}
}
