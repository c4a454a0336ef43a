package plot

import (
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"io"
	"math"

	"laminar/flow"
	"laminar/tensor"
)

// Images shows rows as images in a grid.
type Images struct {
	Title string
	// Rows holds one image of Width x Height pixels per row, line after line, the
	// channels of a pixel side by side.
	Rows          tensor.Mat
	Width, Height int
	// Channels is 1 or 3 for pictures shown as they are, from black to white or in
	// red, green and blue. 0 shows numbers, one to a pixel: the lowest in the
	// page's colour, the highest in that of ink.
	Channels int
	// Lo and Hi are the values of an empty and a full pixel; both 0 takes the
	// range of the rows.
	Lo, Hi float64
	// Columns is the number of images per line; 0 means 10.
	Columns int
	// Names stand before the lines. Optional.
	Names []string
	Dark  bool
}

// Figure lays the picture out; the error wraps flow.ErrShape.
func (g Images) Figure() (Figure, error) {
	if err := points("images", g.Rows, 1); err != nil {
		return Figure{}, err
	}
	c := max(g.Channels, 1)
	if g.Width < 1 || g.Height < 1 || c != 1 && c != 3 || g.Width*g.Height*c != g.Rows.D {
		return Figure{}, fmt.Errorf("%w: rows of %d values are not images of %dx%dx%d", flow.ErrShape, g.Rows.D, g.Width, g.Height, c)
	}
	lo, hi := g.Lo, g.Hi
	if lo == 0 && hi == 0 {
		lo, hi = math.Inf(1), math.Inf(-1)
		for _, v := range g.Rows.Data {
			if x := float64(v); finite(x) {
				lo, hi = min(lo, x), max(hi, x)
			}
		}
	}
	if !(hi > lo) {
		hi = lo + 1
	}
	cols := g.Columns
	if cols <= 0 {
		cols = 10
	}
	cols = min(cols, g.Rows.N)
	const gap = 6.0
	tile := max(1, math.Round(56/float64(g.Width))) * float64(g.Width)
	high := tile * float64(g.Height) / float64(g.Width)
	lines := (g.Rows.N + cols - 1) / cols
	head, side := inset, inset
	if g.Title != "" {
		head = 50
	}
	label := textStyle{size: 13, anchor: right}
	for _, n := range g.Names {
		side = max(side, inset+textWidth(n, label)+10)
	}
	w := max(float64(cols)*(tile+gap)-gap, textWidth(g.Title, textStyle{size: 17, bold: true}))
	return Figure{w: w + side + inset, h: head + float64(lines)*(high+gap) - gap + inset, look: themeOf(g.Dark), paint: func(c canvas, th theme) {
		heading(c, th, g.Title)
		label.color = th.muted
		for k, n := range g.Names[:min(len(g.Names), lines)] {
			c.text(pt{side - 10, head + float64(k)*(high+gap) + high/2 + 4}, n, label)
		}
		for i := range g.Rows.N {
			x, y := side+float64(i%cols)*(tile+gap), head+float64(i/cols)*(high+gap)
			c.picture(rect{x, y, x + tile, y + high}, g.Width, g.Height, g.shade(th, g.Rows.Row(i), lo, hi), false)
		}
	}}, nil
}

// shade returns the colours of an image.
func (g Images) shade(th theme, row []float32, lo, hi float64) func(x, y int) rgba {
	share := func(i int) float64 { return (float64(row[i]) - lo) / (hi - lo) }
	empty := mix(th.page, th.grid, 0.6)
	level := func(i int) uint8 { return uint8(255*min(max(share(i), 0), 1) + 0.5) }
	return func(x, y int) rgba {
		i := (y*g.Width + x) * max(g.Channels, 1)
		for k := range max(g.Channels, 1) {
			if !finite(share(i + k)) {
				return th.series[3]
			}
		}
		switch g.Channels {
		case 1:
			return rgba{R: level(i), G: level(i), B: level(i), A: 255}
		case 3:
			return rgba{R: level(i), G: level(i + 1), B: level(i + 2), A: 255}
		}
		return mix(empty, th.ink, min(max(share(i), 0), 1))
	}
}

// GIF writes a film of which frame k shows the images of frames[k] in the place
// of Rows, with the title titles[k]: 12 frames a second, endless, with a pause at
// either end. Lo and Hi must be set. The error wraps flow.ErrShape, or is w's.
func (g Images) GIF(w io.Writer, frames []tensor.Mat, titles []string) error {
	if len(frames) == 0 || len(titles) != len(frames) {
		return fmt.Errorf("%w: %d frames with %d titles", flow.ErrShape, len(frames), len(titles))
	}
	colours, entry := greys()
	if g.Channels == 3 {
		colours, entry = cube()
	}
	var film gif.GIF
	var before *image.Paletted
	for k, rows := range frames {
		g.Rows, g.Title = rows, titles[k]
		fig, err := g.Figure()
		if err != nil {
			return err
		}
		img := fig.Image(1)
		now := image.NewPaletted(img.Rect, colours)
		for i := range now.Pix {
			now.Pix[i] = entry(img.Pix[4*i], img.Pix[4*i+1], img.Pix[4*i+2])
		}
		if before != nil && now.Rect != before.Rect {
			return fmt.Errorf("%w: frame %d is of another size than the first", flow.ErrShape, k)
		}
		delay := 8
		switch k {
		case 0:
			delay = 80
		case len(frames) - 1:
			delay = 200
		}
		film.Image, film.Delay = append(film.Image, changed(before, now)), append(film.Delay, delay)
		film.Disposal = append(film.Disposal, gif.DisposalNone)
		before = now
	}
	film.Config = image.Config{ColorModel: colours, Width: before.Rect.Dx(), Height: before.Rect.Dy()}
	return gif.EncodeAll(w, &film)
}

// greys is a palette of 255 greys after a transparent entry, and the entry of a
// colour by its brightness.
func greys() (color.Palette, func(r, g, b uint8) uint8) {
	p := color.Palette{color.NRGBA{}}
	for k := range 255 {
		v := uint8((k*255 + 127) / 254)
		p = append(p, color.NRGBA{R: v, G: v, B: v, A: 255})
	}
	return p, func(r, g, b uint8) uint8 {
		v := (299*int(r) + 587*int(g) + 114*int(b)) / 1000
		return uint8(1 + (v*254+127)/255)
	}
}

// cube is a palette of 6 reds x 7 greens x 6 blues after a transparent entry,
// and the nearest entry of a colour.
func cube() (color.Palette, func(r, g, b uint8) uint8) {
	p := color.Palette{color.NRGBA{}}
	for r := range 6 {
		for g := range 7 {
			for b := range 6 {
				p = append(p, color.NRGBA{R: uint8(r * 51), G: uint8((g*255 + 3) / 6), B: uint8(b * 51), A: 255})
			}
		}
	}
	step := func(v uint8, n int) int { return (int(v)*n + 127) / 255 }
	return p, func(r, g, b uint8) uint8 { return uint8(1 + (step(r, 5)*7+step(g, 6))*6 + step(b, 5)) }
}
