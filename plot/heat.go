package plot

import (
	"fmt"
	"math"

	"laminar/flow"
)

// Heat shows a square matrix of values from -1 to 1, such as correlations: amber
// below 0, blue above. Values that are not finite are left blank.
type Heat struct {
	Title string
	// Names stand beside the rows, in the order of the columns too.
	Names []string
	// Values are rows of as many values as there are names.
	Values [][]float64
	// Most is the size of the strongest colour; 0 means 1.
	Most float64
	Dark bool
}

// Figure lays the picture out; the error wraps flow.ErrShape.
func (h Heat) Figure() (Figure, error) {
	n := len(h.Names)
	if n == 0 || len(h.Values) != n {
		return Figure{}, fmt.Errorf("%w: %d rows of values for %d names, need as many, at least 1", flow.ErrShape, len(h.Values), n)
	}
	for i, row := range h.Values {
		if len(row) != n {
			return Figure{}, fmt.Errorf("%w: row %d has %d values for %d names", flow.ErrShape, i, len(row), n)
		}
	}
	most := h.Most
	if !(most > 0) {
		most = 1
	}
	return Figure{w: side + 2*inset, h: side + top + inset, look: themeOf(h.Dark), paint: func(c canvas, th theme) {
		const label, foot = 108.0, 34.0
		size := side - label
		box := rect{inset + label, top, inset + label + size, top + size}
		step := size / float64(n)
		f := textStyle{size: min(12, max(7, step*0.8)), anchor: right, color: th.ink}
		ends := []rgba{th.noise, th.page, th.sample}
		every := max(1, int(math.Ceil(8/step))) // names that would run into each other
		for i, row := range h.Values {
			y := box.y0 + float64(i)*step
			for j, v := range row {
				if finite(v) {
					x := box.x0 + float64(j)*step
					c.fill(rect{x, y, x + step, y + step}.corners(), ramp(ends, (v/most+1)/2))
				}
			}
			if i%every == 0 {
				c.text(pt{box.x0 - 6, y + step/2 + f.size/3}, fitted(h.Names[i], label-8, f), f)
			}
		}
		frame(c, th, box)
		up := f
		up.up, up.anchor = true, right
		for j, name := range h.Names {
			if j%every == 0 {
				c.text(pt{box.x0 + (float64(j)+0.5)*step + f.size/3, box.y1 + 6}, fitted(name, label-foot+14, up), up)
			}
		}
		heading(c, th, h.Title, entry{fmt.Sprintf("-%.2g", most), bandMark, th.noise}, entry{fmt.Sprintf("%.2g", most), bandMark, th.sample})
	}}, nil
}
