package plot

import (
	"fmt"
	"math"
	"slices"

	"laminar/flow"
	"laminar/tensor"
)

// Histogram shows how samples of one coordinate spread over data: the density
// of the data as a grey area, that of the samples as a blue outline.
type Histogram struct {
	Title string
	// Data and Samples have 1 or more coordinates, of which the first is shown;
	// either may be empty.
	Data, Samples tensor.Mat
	// Name is that of the coordinate; x where empty.
	Name string
	// Bins is the number of bins; 0 chooses it by the number of points.
	Bins int
	Dark bool
}

// Figure lays the picture out; the error wraps flow.ErrShape.
func (h Histogram) Figure() (Figure, error) {
	if h.Data.IsEmpty() && h.Samples.IsEmpty() {
		return Figure{}, fmt.Errorf("%w: histogram of neither data nor samples", flow.ErrShape)
	}
	if err := optional("data", h.Data, 1); err != nil {
		return Figure{}, err
	}
	if err := optional("samples", h.Samples, 1); err != nil {
		return Figure{}, err
	}
	bins := h.Bins
	if bins <= 0 { // as the cube root of the points (Scott 1979), with room for several peaks
		bins = min(max(int(3*math.Cbrt(float64(max(h.Data.N, h.Samples.N)))), 12), 60)
	}
	name := h.Name
	if name == "" {
		name = "x"
	}
	return Figure{w: chartWidth, h: chartHeight, look: themeOf(h.Dark), paint: func(c canvas, th theme) {
		s := newSteps(h.Data, h.Samples, 0, bins)
		a := s.axes(chartBox())
		a.draw(c, th, name, "density", 6, 5)
		s.draw(c, th, a)
		var legend []entry
		if !h.Data.IsEmpty() {
			legend = append(legend, entry{"data", bandMark, mix(th.page, th.data, 0.55)})
		}
		if !h.Samples.IsEmpty() {
			legend = append(legend, entry{"samples", lineMark, th.sample})
		}
		heading(c, th, h.Title, legend...)
	}}, nil
}

// steps holds the densities of one coordinate of data and samples in equal bins
// of x, nil where there are no points.
type steps struct {
	x             scale
	data, samples []float64
}

func newSteps(data, samples tensor.Mat, j, bins int) steps {
	x := widen(span(j, data, samples))
	return steps{x: x, data: densities(data, j, x, bins), samples: densities(samples, j, x, bins)}
}

// densities is the share of all points in each bin over the width of a bin.
func densities(m tensor.Mat, j int, x scale, bins int) []float64 {
	if m.IsEmpty() {
		return nil
	}
	h := make([]float64, bins)
	for i := range m.N {
		if u := x.share(float64(m.At(i, j))); u >= 0 && u < 1 {
			h[int(u*float64(bins))] += float64(bins) / (float64(m.N) * (x.hi - x.lo))
		}
	}
	return h
}

// axes is a frame in box with some room above the highest bin.
func (s steps) axes(box rect) axes {
	most := 0.0
	for _, v := range slices.Concat(s.data, s.samples) {
		most = max(most, v)
	}
	if most == 0 {
		most = 1
	}
	return axes{box: box, x: s.x, y: scale{hi: most / 0.9}}
}

// draw draws the data as a filled step and the samples as a line.
func (s steps) draw(c canvas, th theme, a axes) {
	along := func(h []float64) (out []pt) {
		w := (s.x.hi - s.x.lo) / float64(len(h))
		for b, v := range h {
			out = append(out, a.pt(s.x.lo+float64(b)*w, v), a.pt(s.x.lo+float64(b+1)*w, v))
		}
		return out
	}
	if s.data != nil {
		area := append(along(s.data), a.pt(s.x.hi, 0), a.pt(s.x.lo, 0))
		c.fill(area, alpha(th.data, 0.55))
	}
	if s.samples != nil {
		c.stroke(along(s.samples), 1.5, th.sample)
	}
}

// Curves shows how points of one coordinate travel: x against t, one curve for
// each point. Two times make straight lines, those of a coupling.
type Curves struct {
	Title string
	// T and Z are a trajectory: Z[k] holds the points at time T[k]. Of more
	// coordinates the first is shown.
	T []float64
	Z []tensor.Mat
	// Data is drawn as a density at the right end. Optional.
	Data tensor.Mat
	// Name is that of the coordinate; x where empty.
	Name string
	// End says what the last points are; samples where empty.
	End string
	// Count is the number of curves drawn, the first ones; 0 means 200.
	Count int
	Dark  bool
}

// Figure lays the picture out; the error wraps flow.ErrShape.
func (v Curves) Figure() (Figure, error) {
	if err := checkTrajectory(v.T, v.Z, 1); err != nil {
		return Figure{}, err
	}
	if err := optional("data", v.Data, 1); err != nil {
		return Figure{}, err
	}
	count := v.Count
	if count <= 0 {
		count = 200
	}
	count = min(count, v.Z[0].N)
	name, end := v.Name, v.End
	if name == "" {
		name = "x"
	}
	if end == "" {
		end = "samples"
	}
	first, last := v.Z[0].Rows(0, count), v.Z[len(v.Z)-1].Rows(0, count)
	return Figure{w: chartWidth, h: chartHeight, look: themeOf(v.Dark), paint: func(c canvas, th theme) {
		t := scale{lo: -0.02, hi: 1.02, at: []float64{0, 0.25, 0.5, 0.75, 1}}
		if !v.Data.IsEmpty() {
			t.hi = 1.2
		}
		a := axes{box: chartBox(), x: t, y: widen(span(0, first, last, v.Data))}
		a.draw(c, th, "time t", name, 5, 6)
		c.clip(a.box)
		legend := []entry{{"noise, t = 0", dotMark, th.noise}, {end + ", t = 1", dotMark, th.sample}}
		if !v.Data.IsEmpty() {
			const bins = 48
			h := densities(v.Data, 0, a.y, bins)
			most := slices.Max(h)
			area := []pt{a.pt(1.02, a.y.hi), a.pt(1.02, a.y.lo)}
			w := (a.y.hi - a.y.lo) / bins
			for b, d := range h {
				far := 1.02 + 0.16*d/max(most, 1e-300)
				area = append(area, a.pt(far, a.y.lo+float64(b)*w), a.pt(far, a.y.lo+float64(b+1)*w))
			}
			c.fill(area, alpha(th.data, 0.55))
			legend = append(legend, entry{"data", bandMark, mix(th.page, th.data, 0.55)})
		}
		pieces := max(1, 24/(len(v.T)-1)) // of a step, each in the colour of its time
		for k := range len(v.T) - 1 {
			for piece := range pieces {
				from, to := float64(piece)/float64(pieces), float64(piece+1)/float64(pieces)
				at := func(i int, s float64) pt {
					x0, x1 := float64(v.Z[k].At(i, 0)), float64(v.Z[k+1].At(i, 0))
					return a.pt(v.T[k]+s*(v.T[k+1]-v.T[k]), x0+s*(x1-x0))
				}
				lines := make([][]pt, 0, count)
				for i := range count {
					if p, q := at(i, from), at(i, to); finite(p.y) && finite(q.y) {
						lines = append(lines, []pt{p, q})
					}
				}
				c.strokes(lines, 1, alpha(th.time(v.T[k]+(from+to)/2*(v.T[k+1]-v.T[k])), 0.45))
			}
		}
		ends := func(m tensor.Mat, t float64, color rgba) {
			var dots []pt
			for i := range m.N {
				if p := a.pt(t, float64(m.At(i, 0))); finite(p.y) {
					dots = append(dots, p)
				}
			}
			c.discs(dots, 2.2, alpha(color, 0.9))
		}
		ends(first, v.T[0], th.noise)
		ends(last, v.T[len(v.T)-1], th.sample)
		c.unclip()
		heading(c, th, v.Title, legend...)
	}}, nil
}
