package plot

import (
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"io"
	"slices"

	"laminar/flow"
)

// Film is figures of one size, one after the other.
type Film struct {
	Frames []Figure
}

// GIF writes the film with one pixel per unit, 25 frames a second, endless, with a
// pause at either end. Its colours are the 255 that occur most. The error wraps
// flow.ErrShape, or is w's.
func (f Film) GIF(w io.Writer) error {
	if len(f.Frames) == 0 {
		return fmt.Errorf("%w: a film without frames", flow.ErrShape)
	}
	var seen []*image.RGBA
	for _, fig := range f.Frames {
		img := fig.Image(1)
		if len(seen) > 0 && img.Rect != seen[0].Rect {
			return fmt.Errorf("%w: frames of %v and %v pixels", flow.ErrShape, seen[0].Rect.Size(), img.Rect.Size())
		}
		seen = append(seen, img)
	}
	pal := commonest(seen)
	film := &gif.GIF{Config: image.Config{ColorModel: pal.colors, Width: seen[0].Rect.Dx(), Height: seen[0].Rect.Dy()}}
	var before *image.Paletted
	for k, img := range seen {
		now := pal.quantise(img)
		delay := 4
		switch k {
		case len(seen) - 1:
			delay = 180
		case 0:
			delay = 60
		}
		film.Image = append(film.Image, changed(before, now))
		film.Delay = append(film.Delay, delay)
		film.Disposal = append(film.Disposal, gif.DisposalNone)
		before = now
	}
	return gif.EncodeAll(w, film)
}

// commonest is the palette of the colours that occur most, of those that differ in
// the five high bits of a channel.
func commonest(frames []*image.RGBA) *palette {
	type cell struct {
		count   int
		r, g, b int
	}
	cells := map[int]*cell{}
	for _, img := range frames {
		for i := 0; i < len(img.Pix); i += 4 {
			r, g, b := int(img.Pix[i]), int(img.Pix[i+1]), int(img.Pix[i+2])
			at := r>>3<<10 | g>>3<<5 | b>>3
			c := cells[at]
			if c == nil {
				c = &cell{}
				cells[at] = c
			}
			c.count++
			c.r, c.g, c.b = c.r+r, c.g+g, c.b+b
		}
	}
	var keys []int
	for k := range cells {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b int) int {
		if d := cells[b].count - cells[a].count; d != 0 {
			return d
		}
		return a - b
	})
	p := &palette{cache: map[[3]uint8]uint8{}, colors: color.Palette{color.NRGBA{}}}
	for _, k := range keys[:min(len(keys), 255)] {
		c := cells[k]
		p.colors = append(p.colors, color.NRGBA{R: uint8(c.r / c.count), G: uint8(c.g / c.count), B: uint8(c.b / c.count), A: 255})
	}
	return p
}
