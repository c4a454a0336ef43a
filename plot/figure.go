// Package plot draws the pictures of flow matching: samples over data, paths,
// velocity fields, densities, losses, image grids and animations.
//
// Every picture is a config struct whose Figure method returns a Figure, which
// writes itself as PNG (two pixels per unit) or SVG:
//
//	fig, err := plot.Scatter{Title: "moons", Data: data, Samples: x}.Figure()
//	if err != nil { ... }
//	err = fig.PNG(w)
//
// Animation writes a GIF. The same input gives the same bytes.
//
// One look serves all: a white page (or a dark one, Dark: true), data in soft
// grey, and three hues of Okabe and Ito's palette, which colour-blind readers
// tell apart: blue #0072B2 for samples and t = 1, amber #E69F00 for noise and
// t = 0, green #009E73 for held-out figures; then vermilion #D55E00, purple
// #CC79A7 and sky #56B4E9 where a chart has more lines. Time runs from amber
// by rose to blue. Text is set in the Go fonts, in SVG in the reader's own sans-serif.
//
// Points that are not finite are left out. Points of more than two dimensions
// show their first two coordinates, except in PairGrid; Histogram and Curves
// are for points of one and show the first. The package lays out
// these pictures and no others: it is not a general charting library, reads no
// file and solves no equation.
package plot

import (
	"fmt"
	"image"
	"image/png"
	"io"

	"laminar/flow"
	"laminar/tensor"
)

// Figure is a picture ready to be written. It is immutable.
type Figure struct {
	w, h  float64
	look  theme
	paint func(c canvas, th theme)
}

// Size returns the width and height in units: SVG's pixels, half of PNG's.
func (f Figure) Size() (w, h float64) { return f.w, f.h }

// PNG writes the figure with two pixels per unit.
func (f Figure) PNG(w io.Writer) error {
	return png.Encode(w, f.Image(2))
}

// Image returns the figure as pixels, scale of them per unit.
func (f Figure) Image(scale float64) *image.RGBA {
	r := newRaster(f.w, f.h, scale)
	f.paintOn(r)
	return r.img
}

// SVG writes the figure as one SVG document that refers to nothing outside.
func (f Figure) SVG(w io.Writer) error {
	s := newSVG(f.w, f.h)
	f.paintOn(s)
	return s.writeTo(w)
}

// Write writes the figure in the named format, "png" or "svg".
func (f Figure) Write(w io.Writer, format string) error {
	switch format {
	case "png":
		return f.PNG(w)
	case "svg":
		return f.SVG(w)
	}
	return fmt.Errorf("%w: picture format %q, choose png or svg", flow.ErrConfig, format)
}

func (f Figure) paintOn(c canvas) {
	c.fill(rect{0, 0, f.w, f.h}.corners(), f.look.page)
	f.paint(c, f.look)
}

// points checks that m is well formed with at least least columns; what names it.
func points(what string, m tensor.Mat, least int) error {
	if err := m.Check(what, -1, -1); err != nil {
		return err
	}
	if m.N < 1 || m.D < least {
		return fmt.Errorf("%w: %s is %dx%d, need at least 1 point of %d coordinates", flow.ErrShape, what, m.N, m.D, least)
	}
	return nil
}

// optional is points for a matrix that may be left out.
func optional(what string, m tensor.Mat, least int) error {
	if m.IsEmpty() {
		return nil
	}
	return points(what, m, least)
}
