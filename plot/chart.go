package plot

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"laminar/flow"
)

const (
	chartWidth  = 640.0
	chartHeight = 400.0
)

func chartBox() rect { return rect{72, 78, chartWidth - 24, chartHeight - 56} }

// Loss shows a training run: the loss of each step, faint, its running mean,
// bold, and the held-out loss, over a logarithmic axis.
type Loss struct {
	Title string
	// Step and Loss have equal length, steps ascending. Losses that are not
	// positive and finite are left out.
	Step, Loss []float64
	// HeldStep and Held are the held-out losses. Optional.
	HeldStep, Held []float64
	Dark           bool
}

// Figure lays the picture out; the error wraps flow.ErrShape.
func (l Loss) Figure() (Figure, error) {
	if len(l.Step) == 0 || len(l.Step) != len(l.Loss) || len(l.HeldStep) != len(l.Held) {
		return Figure{}, fmt.Errorf("%w: %d steps with %d losses, %d with %d held-out losses: need as many, at least one", flow.ErrShape, len(l.Step), len(l.Loss), len(l.HeldStep), len(l.Held))
	}
	step, loss := positive(l.Step, l.Loss)
	heldStep, held := positive(l.HeldStep, l.Held)
	if len(step) == 0 {
		return Figure{}, fmt.Errorf("%w: no loss is positive and finite", flow.ErrDiverged)
	}
	return Figure{w: chartWidth, h: chartHeight, look: themeOf(l.Dark), paint: func(c canvas, th theme) {
		smooth := runningMean(loss, max(1, len(loss)/60))
		last := step[len(step)-1]
		if len(heldStep) > 0 {
			last = max(last, heldStep[len(heldStep)-1])
		}
		first := min(step[0], last-1)
		if first < last*0.05 {
			first = 0
		}
		values := slices.Concat(loss, held)
		slices.Sort(values)
		lo, hi := values[len(values)/500]*0.85, values[len(values)-1-len(values)/500]*1.15
		a := axes{box: chartBox(), x: scale{lo: first, hi: last}, y: scale{lo: lo, hi: hi, log: true}}
		a.draw(c, th, "training step", "loss", 6, 5)
		c.clip(rect{a.box.x0 - 3, a.box.y0, a.box.x1 + 3, a.box.y1})
		line := func(x, y []float64) (p []pt) {
			thin := max(1, len(x)/1200)
			for i := 0; i < len(x); i += thin {
				p = append(p, a.pt(x[i], y[i]))
			}
			return append(p, a.pt(x[len(x)-1], y[len(x)-1]))
		}
		c.stroke(line(step, loss), 0.8, alpha(th.sample, 0.28))
		c.stroke(line(step, smooth), 2.2, th.sample)
		legend := []entry{{"loss", lineMark, mix(th.page, th.sample, 0.35)}, {"running mean", lineMark, th.sample}}
		if len(held) > 0 {
			c.stroke(line(heldStep, held), 2.2, th.held)
			legend = append(legend, entry{"held out", lineMark, th.held})
		}
		c.unclip()
		heading(c, th, l.Title, legend...)
	}}, nil
}

func positive(x, y []float64) (px, py []float64) {
	for i, v := range y {
		if v > 0 && finite(v) && finite(x[i]) {
			px, py = append(px, x[i]), append(py, v)
		}
	}
	return px, py
}

// runningMean averages v over a window of 2h+1 values, fewer at the ends.
func runningMean(v []float64, h int) []float64 {
	sum := make([]float64, len(v)+1)
	for i, x := range v {
		sum[i+1] = sum[i] + x
	}
	out := make([]float64, len(v))
	for i := range v {
		lo, hi := max(0, i-h), min(len(v), i+h+1)
		out[i] = (sum[hi] - sum[lo]) / float64(hi-lo)
	}
	return out
}

// Series is one line of a Quality chart. Lo and Hi, if not nil, are the ends of
// an interval at each point. Values that are not positive and finite, those of
// diverged samples, are left out.
type Series struct {
	Name    string
	NFE, W2 []float64
	Lo, Hi  []float64
}

// Quality shows a distance to data against the number of network evaluations, or
// against something else that is spent, both logarithmic, with the floor of data
// against data as a band.
type Quality struct {
	Title  string
	Series []Series
	// Over names the axis along which the series run, where it is not network
	// evaluations per sample; Label names the other one, where it is not W2.
	Over, Label string
	// Floor is the distance of data to data, FloorLo to FloorHi its interval;
	// 0 leaves them out.
	Floor, FloorLo, FloorHi float64
	Dark                    bool
}

// Figure lays the picture out; the error wraps flow.ErrShape.
func (q Quality) Figure() (Figure, error) {
	x := scale{lo: math.Inf(1), hi: 0, log: true}
	y := scale{lo: math.Inf(1), hi: 0, log: true}
	for _, s := range q.Series {
		if len(s.NFE) != len(s.W2) || (s.Lo != nil && len(s.Lo) != len(s.W2)) || len(s.Lo) != len(s.Hi) {
			return Figure{}, fmt.Errorf("%w: series %q has %d evaluations, %d distances, %d and %d interval ends", flow.ErrShape, s.Name, len(s.NFE), len(s.W2), len(s.Lo), len(s.Hi))
		}
		for i, v := range s.W2 {
			if !s.shown(i) {
				continue
			}
			x.lo, x.hi = min(x.lo, s.NFE[i]), max(x.hi, s.NFE[i])
			y.lo, y.hi = min(y.lo, v), max(y.hi, v)
			if s.interval(i) {
				y.lo, y.hi = min(y.lo, s.Lo[i]), max(y.hi, s.Hi[i])
			}
			x.at = append(x.at, s.NFE[i])
		}
	}
	if x.hi == 0 {
		return Figure{}, fmt.Errorf("%w: no distance is positive and finite", flow.ErrShape)
	}
	for _, v := range []float64{q.Floor, q.FloorLo, q.FloorHi} {
		if v > 0 && finite(v) {
			y.lo, y.hi = min(y.lo, v), max(y.hi, v)
		}
	}
	slices.Sort(x.at)
	if x.at = slices.Compact(x.at); len(x.at) > 10 {
		x.at = nil // too many to be read side by side
	}
	x.lo, x.hi = x.lo/1.12, x.hi*1.12
	y.lo, y.hi = y.lo/1.15, y.hi*1.15
	return Figure{w: chartWidth, h: chartHeight, look: themeOf(q.Dark), paint: func(c canvas, th theme) {
		a := axes{box: chartBox(), x: x, y: y}
		a.draw(c, th, cmp.Or(q.Over, "network evaluations per sample"), cmp.Or(q.Label, "W2 to data"), 6, 5)
		var legend []entry
		for k, s := range q.Series {
			color := th.series[k%len(th.series)]
			var line, up, down []pt
			for i := range s.W2 {
				if !s.shown(i) {
					continue
				}
				line = append(line, a.pt(s.NFE[i], s.W2[i]))
				if s.interval(i) {
					up, down = append(up, a.pt(s.NFE[i], s.Hi[i])), append(down, a.pt(s.NFE[i], s.Lo[i]))
				}
			}
			if len(up) > 1 {
				slices.Reverse(down)
				c.fill(append(up, down...), alpha(color, 0.14))
			}
			if len(line) > 0 {
				c.stroke(line, 2.2, color)
				c.discs(line, 5, th.page)
				c.discs(line, 3.6, color)
			}
			legend = append(legend, entry{s.Name, lineMark, color})
		}
		if q.Floor > 0 && finite(q.Floor) {
			if q.FloorLo > 0 && finite(q.FloorHi) {
				lo, hi := a.pt(x.lo, q.FloorLo), a.pt(x.hi, q.FloorHi)
				c.fill(rect{lo.x, hi.y, hi.x, lo.y}.corners(), alpha(th.muted, 0.16))
			}
			p := a.pt(x.lo, q.Floor)
			var dashes [][]pt
			for u := p.x; u < a.box.x1; u += 10 {
				dashes = append(dashes, []pt{{u + 1, p.y}, {min(u+6, a.box.x1), p.y}})
			}
			c.strokes(dashes, 1.4, th.muted)
			legend = append(legend, entry{"floor: data against data", lineMark, th.muted})
		}
		heading(c, th, q.Title, legend...)
	}}, nil
}

func (s Series) shown(i int) bool { return s.W2[i] > 0 && finite(s.W2[i]) && s.NFE[i] > 0 }

func (s Series) interval(i int) bool {
	return s.Lo != nil && s.Lo[i] > 0 && finite(s.Lo[i]) && finite(s.Hi[i])
}
