package plot

// canvas is a surface to draw on; x grows rightward, y downward, in units.
type canvas interface {
	// fill fills a polygon.
	fill(p []pt, c rgba)
	// stroke draws a line through p with round joins and ends.
	stroke(p []pt, width float64, c rgba)
	// strokes draws many lines of one colour with flat ends, so that translucent
	// pieces laid end to end do not show their joints.
	strokes(lines [][]pt, width float64, c rgba)
	// discs draws a disc of radius r around each point, one over the other.
	discs(p []pt, r float64, c rgba)
	// text writes s with its baseline at p.
	text(p pt, s string, f textStyle)
	// picture draws pixels w by h, each of them scaled up, over r.
	picture(r rect, w, h int, at func(x, y int) rgba, smooth bool)
	// clip restricts drawing to r until unclip.
	clip(r rect)
	unclip()
}

type pt struct{ x, y float64 }

type rect struct{ x0, y0, x1, y1 float64 }

func (r rect) corners() []pt { return []pt{{r.x0, r.y0}, {r.x1, r.y0}, {r.x1, r.y1}, {r.x0, r.y1}} }

type anchor int

const (
	left anchor = iota
	middle
	right
)

type textStyle struct {
	size   float64
	bold   bool
	anchor anchor
	up     bool // turned a quarter to the left, reading upward
	color  rgba
}
