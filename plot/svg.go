package plot

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"strconv"
	"strings"
)

// svg is a canvas that writes SVG 1.1 elements.
type svg struct {
	w, h  float64
	body  strings.Builder
	clips int
}

func newSVG(w, h float64) *svg { return &svg{w: w, h: h} }

const svgFont = `Inter,system-ui,-apple-system,'Segoe UI','Helvetica Neue',Arial,sans-serif`

func (s *svg) writeTo(w io.Writer) error {
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %[1]s %[2]s" font-family="%s">`+"\n%s</svg>\n",
		num(s.w), num(s.h), svgFont, s.body.String())
	return err
}

// num writes a coordinate with two decimals at most.
func num(v float64) string {
	v = math.Round(v*100) / 100
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// paint is the attribute of a fill or stroke colour.
func paint(attr string, c rgba) string {
	out := fmt.Sprintf(`%s="#%02x%02x%02x"`, attr, c.R, c.G, c.B)
	if c.A < 255 {
		out += fmt.Sprintf(` %s-opacity="%s"`, attr, num(float64(c.A)/255))
	}
	return out
}

func pathOf(p []pt) string {
	var b strings.Builder
	for i, q := range p {
		b.WriteByte("ML"[min(i, 1)])
		b.WriteString(num(q.x) + " " + num(q.y))
	}
	return b.String()
}

func (s *svg) fill(p []pt, c rgba) {
	fmt.Fprintf(&s.body, `<path d="%sZ" %s/>`+"\n", pathOf(p), paint("fill", c))
}

func (s *svg) stroke(p []pt, width float64, c rgba) {
	fmt.Fprintf(&s.body, `<path d="%s" fill="none" stroke-width="%s" stroke-linecap="round" stroke-linejoin="round" %s/>`+"\n", pathOf(p), num(width), paint("stroke", c))
}

func (s *svg) strokes(lines [][]pt, width float64, c rgba) {
	fmt.Fprintf(&s.body, `<g fill="none" stroke-width="%s" stroke-linejoin="round" %s>`, num(width), paint("stroke", c))
	for _, p := range lines {
		fmt.Fprintf(&s.body, `<path d="%s"/>`, pathOf(p))
	}
	s.body.WriteString("</g>\n")
}

func (s *svg) discs(p []pt, r float64, c rgba) {
	fmt.Fprintf(&s.body, `<g %s>`, paint("fill", c))
	for _, q := range p {
		fmt.Fprintf(&s.body, `<circle cx="%s" cy="%s" r="%s"/>`, num(q.x), num(q.y), num(r))
	}
	s.body.WriteString("</g>\n")
}

func (s *svg) text(p pt, str string, f textStyle) {
	fmt.Fprintf(&s.body, `<text x="%s" y="%s" font-size="%s" %s`, num(p.x), num(p.y), num(f.size), paint("fill", f.color))
	if f.bold {
		s.body.WriteString(` font-weight="600"`)
	}
	if f.anchor != left {
		fmt.Fprintf(&s.body, ` text-anchor="%s"`, [...]string{middle: "middle", right: "end"}[f.anchor])
	}
	if f.up {
		fmt.Fprintf(&s.body, ` transform="rotate(-90 %s %s)"`, num(p.x), num(p.y))
	}
	s.body.WriteByte('>')
	xml.EscapeText(&s.body, []byte(str))
	s.body.WriteString("</text>\n")
}

func (s *svg) picture(b rect, w, h int, at func(x, y int) rgba, smooth bool) {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, at(x, y))
		}
	}
	var buf bytes.Buffer
	png.Encode(&buf, img) // a bytes.Buffer does not fail
	style := "image-rendering:pixelated"
	if smooth {
		style = "image-rendering:auto"
	}
	fmt.Fprintf(&s.body, `<image x="%s" y="%s" width="%s" height="%s" preserveAspectRatio="none" style="%s" href="data:image/png;base64,%s"/>`+"\n",
		num(b.x0), num(b.y0), num(b.x1-b.x0), num(b.y1-b.y0), style, base64.StdEncoding.EncodeToString(buf.Bytes()))
}

func (s *svg) clip(r rect) {
	s.clips++
	fmt.Fprintf(&s.body, `<clipPath id="c%d"><path d="%sZ"/></clipPath><g clip-path="url(#c%[1]d)">`+"\n", s.clips, pathOf(r.corners()))
}

func (s *svg) unclip() { s.body.WriteString("</g>\n") }
