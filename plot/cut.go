package plot

// cut returns the part of polygon p within b (Sutherland and Hodgman 1974): p
// itself if it lies within, none if nothing is left or a corner is not finite.
// Edges that it adds run along the border of b.
func (b rect) cut(p []pt) []pt {
	within := true
	for _, q := range p {
		if q.x-q.x != 0 || q.y-q.y != 0 {
			return nil
		}
		within = within && b.x0 <= q.x && q.x <= b.x1 && b.y0 <= q.y && q.y <= b.y1
	}
	if within {
		return p
	}
	for _, depth := range []func(pt) float64{
		func(q pt) float64 { return q.x - b.x0 },
		func(q pt) float64 { return b.x1 - q.x },
		func(q pt) float64 { return q.y - b.y0 },
		func(q pt) float64 { return b.y1 - q.y },
	} {
		var kept []pt
		for i, to := range p {
			from := p[(i+len(p)-1)%len(p)]
			df, dt := depth(from), depth(to)
			if (df < 0) != (dt < 0) {
				u := df / (df - dt)
				kept = append(kept, pt{from.x + u*(to.x-from.x), from.y + u*(to.y-from.y)})
			}
			if dt >= 0 {
				kept = append(kept, to)
			}
		}
		p = kept
	}
	return p
}
