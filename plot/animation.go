package plot

import (
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"io"
	"sort"

	"laminar/flow"
	"laminar/tensor"
)

// Animation is a film of points moving from noise to data, with the field
// beneath them.
type Animation struct {
	Title string
	// T and Z are a trajectory: Z[k] holds the points at time T[k]. Between its
	// times points move straight.
	T []float64
	Z []tensor.Mat
	// Field, of the plane, is drawn as arrows at each frame's time. Optional.
	Field flow.Field
	// Data is drawn beneath. Optional.
	Data tensor.Mat
	// Frames is the number of frames from t = 0 to 1; 0 means 60.
	Frames int
	// Names are those of the two coordinates; nil for none.
	Names []string
	Dark  bool
}

// GIF writes the film: 480 by 480 pixels, 25 frames a second, endless, with a
// pause at either end. The error wraps flow.ErrShape, or is the field's or w's.
func (f Animation) GIF(w io.Writer) error {
	film, err := f.film()
	if err != nil {
		return err
	}
	return gif.EncodeAll(w, film)
}

func (f Animation) film() (*gif.GIF, error) {
	if err := checkTrajectory(f.T, f.Z, 2); err != nil {
		return nil, err
	}
	if !sort.Float64sAreSorted(f.T) {
		return nil, fmt.Errorf("%w: the trajectory's times must ascend", flow.ErrConfig)
	}
	if err := optional("data", f.Data, 2); err != nil {
		return nil, err
	}
	frames := f.Frames
	if frames <= 0 {
		frames = 60
	}
	frames = max(frames, 2)
	const size = 480
	th := themeOf(f.Dark)
	first, last := f.Z[0], f.Z[len(f.Z)-1]
	a := fit(f.Names, rect{0, 42, size, size - 26}, first, last, f.Data) // between the caption and the bar

	var field *arrows
	full := 0.0
	if f.Field != nil {
		var err error
		if field, err = newArrows(f.Field, a, 20); err != nil {
			return nil, err
		}
		for _, t := range []float64{0, 0.5, 0.9} { // one scale of speed for the whole film
			if err := field.at(t); err != nil {
				return nil, err
			}
			full = max(full, field.typical())
		}
	}
	pal := newPalette(th)
	film := &gif.GIF{Config: image.Config{ColorModel: pal.colors, Width: size, Height: size}}
	var before *image.Paletted
	for k := range frames {
		t := f.T[0] + (f.T[len(f.T)-1]-f.T[0])*float64(k)/float64(frames-1)
		r := newRaster(size, size, 1)
		r.fill(rect{0, 0, size, size}.corners(), th.page)
		if !f.Data.IsEmpty() {
			radius, o := dotSize(f.Data.N)
			r.discs(a.points(f.Data, 0, 1), radius, alpha(th.data, o*0.55))
		}
		if field != nil {
			if err := field.at(t); err != nil {
				return nil, err
			}
			field.draw(r, a, func(s float64) rgba { return mix(th.page, th.muted, 0.3+0.4*s) }, full)
		}
		r.discs(a.points(Between(f.T, f.Z, t), 0, 1), 2.1, alpha(th.time(t), 0.8))
		f.caption(r, th, t)
		now := pal.quantise(r.img)
		delay := 4
		switch k {
		case 0:
			delay = 60
		case frames - 1:
			delay = 180
		}
		film.Image = append(film.Image, changed(before, now))
		film.Delay = append(film.Delay, delay)
		film.Disposal = append(film.Disposal, gif.DisposalNone)
		before = now
	}
	return film, nil
}

// caption writes the title, the time, and a bar that fills with it.
func (f Animation) caption(c canvas, th theme, t float64) {
	if f.Title != "" {
		c.text(pt{16, 30}, f.Title, textStyle{size: 17, bold: true, color: th.ink})
	}
	c.text(pt{464, 30}, fmt.Sprintf("t = %.2f", t), textStyle{size: 15, anchor: right, color: th.ink})
	if len(f.Names) >= 2 {
		small := textStyle{size: 12, color: th.muted}
		c.text(pt{16, 452}, fitted(f.Names[0]+" →", 300, small), small)
		small.up = true
		c.text(pt{16, 430}, fitted(f.Names[1]+" →", 300, small), small)
	}
	c.stroke([]pt{{16, 466}, {464, 466}}, 3, th.grid)
	c.stroke([]pt{{16, 466}, {16 + 448*min(max(t, 0), 1), 466}}, 3, th.time(t))
}

// Between returns the points at time t of a trajectory that has Z[k] at T[k], by
// linear interpolation.
func Between(ts []float64, z []tensor.Mat, t float64) tensor.Mat {
	k := min(max(sort.SearchFloat64s(ts, t), 1), len(ts)-1)
	h := ts[k] - ts[k-1]
	s := float32(1)
	if h > 0 {
		s = float32(min(max((t-ts[k-1])/h, 0), 1))
	}
	out := tensor.New(z[k].N, z[k].D)
	for i := range out.Data {
		out.Data[i] = z[k-1].Data[i] + s*(z[k].Data[i]-z[k-1].Data[i])
	}
	return out
}

// palette is the film's fixed palette: mixtures of the page with each colour in
// use. Entry 0 is transparent, for pixels that stay as they were.
type palette struct {
	colors color.Palette
	cache  map[[3]uint8]uint8
}

func newPalette(th theme) *palette {
	p := &palette{cache: map[[3]uint8]uint8{}, colors: color.Palette{color.NRGBA{}}}
	add := func(c rgba) { p.colors = append(p.colors, color.NRGBA{R: c.R, G: c.G, B: c.B, A: 255}) }
	add(th.page)
	for k := 1; k <= 14; k++ {
		add(mix(th.page, th.ink, float64(k)/14))
	}
	for k := 1; k <= 6; k++ {
		add(mix(th.page, th.data, float64(k)/6))
	}
	for step := range 12 { // along time
		for k := 1; k <= 6; k++ {
			add(mix(th.page, th.time(float64(step)/11), float64(k)/6))
		}
	}
	return p
}

// quantise maps each pixel to the nearest entry.
func (p *palette) quantise(img *image.RGBA) *image.Paletted {
	out := image.NewPaletted(img.Rect, p.colors)
	for i := range out.Pix {
		key := [3]uint8(img.Pix[4*i : 4*i+3])
		entry, ok := p.cache[key]
		if !ok {
			entry = p.nearest(key)
			p.cache[key] = entry
		}
		out.Pix[i] = entry
	}
	return out
}

func (p *palette) nearest(key [3]uint8) uint8 {
	best, least := 1, 1<<30
	for i, c := range p.colors[1:] {
		n := c.(color.NRGBA)
		dr, dg, db := int(n.R)-int(key[0]), int(n.G)-int(key[1]), int(n.B)-int(key[2])
		if d := 2*dr*dr + 4*dg*dg + 3*db*db; d < least {
			best, least = i+1, d
		}
	}
	return uint8(best)
}

// changed returns now with the pixels that equal before transparent, cut to the
// rectangle that changed.
func changed(before, now *image.Paletted) *image.Paletted {
	if before == nil {
		return now
	}
	box := image.Rectangle{}
	out := image.NewPaletted(now.Rect, now.Palette)
	for i, v := range now.Pix {
		if v != before.Pix[i] {
			out.Pix[i] = v
			p := image.Pt(i%now.Stride, i/now.Stride)
			box = box.Union(image.Rectangle{Min: p, Max: p.Add(image.Pt(1, 1))})
		}
	}
	if box.Empty() {
		box = image.Rect(0, 0, 1, 1)
	}
	return out.SubImage(box).(*image.Paletted)
}
