package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/gif"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// moons draws n points of two half circles.
func moons(n int, key rng.Key) tensor.Mat {
	m := tensor.New(n, 2)
	s := key.Stream()
	for i := range n {
		sin, cos := math.Sincos(math.Pi * s.Float64())
		x, y := cos, sin
		if i%2 == 1 {
			x, y = 1-cos, 0.5-sin
		}
		m.Row(i)[0] = float32(x + 0.05*s.NormFloat64())
		m.Row(i)[1] = float32(y + 0.05*s.NormFloat64())
	}
	return m
}

func normal(n, d int, key rng.Key) tensor.Mat {
	m := tensor.New(n, d)
	s := key.Stream()
	s.Normal(m.Data)
	return m
}

// swirl turns about (0.5, 0.25) and slows with time.
type swirl struct{}

func (swirl) Dim() int { return 2 }
func (swirl) Velocity(dst, x tensor.Mat, t float64) error {
	for i := range x.N {
		a, b := x.At(i, 0)-0.5, x.At(i, 1)-0.25
		dst.Row(i)[0], dst.Row(i)[1] = (-b-0.3*a)*float32(2-t), (a-0.3*b)*float32(2-t)
	}
	return nil
}

// journey bends noise into data over k steps.
func journey(x0, x1 tensor.Mat, k int) (ts []float64, zs []tensor.Mat) {
	for s := range k + 1 {
		t := float64(s) / float64(k)
		z := tensor.New(x0.N, x0.D)
		for i := range z.Data {
			bend := 0.25 * math.Sin(math.Pi*t) * float64(x0.Data[i^1])
			z.Data[i] = float32((1-t)*float64(x0.Data[i]) + t*float64(x1.Data[i]) + bend)
		}
		ts, zs = append(ts, t), append(zs, z)
	}
	return ts, zs
}

type drawable interface{ Figure() (Figure, error) }

// gallery holds one of each picture.
func gallery(dark bool, n int) map[string]drawable {
	key := rng.New(1)
	data, x := moons(n, key.At(0)), moons(n, key.At(1))
	noise := normal(n, 2, key.At(2))
	ts, zs := journey(noise, x, 24)
	var step, loss, heldStep, held []float64
	s := key.At(3).Stream()
	for i := range 2000 {
		v := 0.055 + 1.4*math.Exp(-float64(i)/120)
		step, loss = append(step, float64(i+1)), append(loss, v*math.Exp(0.25*s.NormFloat64()))
		if i%100 == 99 {
			heldStep, held = append(heldStep, float64(i+1)), append(held, v*1.15)
		}
	}
	nfe := []float64{1, 2, 4, 8, 16, 100}
	ot, ind := []float64{0.140, 0.124, 0.113, 0.106, 0.102, 0.101}, []float64{0.915, 0.544, 0.277, 0.197, 0.147, 0.136}
	around := func(v []float64, f float64) (out []float64) {
		for _, x := range v {
			out = append(out, x*f)
		}
		return out
	}
	wide := normal(n/4*3, 5, key.At(4))
	for i := range wide.N {
		r := wide.Row(i)
		r[1] = r[0]*r[0]*0.6 + 0.4*r[1]
		r[2] = 0.7*r[2] + 0.9*r[0]
		r[3] = float32(math.Copysign(1.6, float64(r[3]))) + 0.4*r[3]
	}
	digits := tensor.New(40, 64)
	for i := range digits.N {
		cx, rad := 3.5+0.6*float64(i%3-1), 2.0+0.2*float64(i%5)
		for p := range 64 {
			d := math.Hypot(float64(p%8)-cx, (float64(p/8)-3.5)*0.8)
			digits.Row(i)[p] = float32(16 * math.Exp(-(d-rad)*(d-rad)*1.2))
		}
	}
	return map[string]drawable{
		"scatter": Scatter{Title: "moons, 100 Euler steps", Data: data, Samples: x, Dark: dark},
		"paths":   Paths{Title: "From noise to moons", T: ts, Z: zs, Data: data, Dark: dark},
		"steps":   Histogram{Title: "One column", Data: data, Samples: x, Dark: dark},
		"curves":  Curves{Title: "One column, from noise to data", T: ts, Z: zs, Data: data, Dark: dark},
		"lines":   Lines{Title: "Independent coupling: lines cross", X0: noise, X1: x, Dark: dark},
		"pairs":   PairGrid{Title: "Five dimensions, four shown", Data: wide.Rows(0, wide.N/2), Samples: wide.Rows(wide.N/2, wide.N), Names: []string{"length", "width", "depth"}, Dark: dark},
		"quiver":  Quiver{Title: "Velocity field", Field: swirl{}, T: 0.5, Data: data, Dark: dark},
		"density": Density{Title: "Density of samples", Points: moons(25*n, key.At(5)), Dark: dark},
		"images":  Images{Title: "Samples of digits", Rows: digits, Width: 8, Height: 8, Lo: 0, Hi: 16, Dark: dark},
		"column":  Marginal{Title: "A column of numbers with a name that is too long for its width", Data: doubled(data.Data), Samples: doubled(x.Data), Dark: dark},
		"levels":  Marginal{Title: "colour", Levels: []string{"red", "yellow", "ultramarine of Afghanistan", "green"}, Data: []float64{0.5, 0.2, 0.2, 0.1}, Samples: []float64{0.4, 0.2, 0.25, math.NaN()}, Dark: dark},
		"heat":    Heat{Title: "Correlations", Names: []string{"length", "width", "a long name of a column"}, Values: [][]float64{{1, 0.5, -0.5}, {0.5, 1, math.NaN()}, {-0.5, 0, 1}}, Dark: dark},
		"loss":    Loss{Title: "Training loss on moons", Step: step, Loss: loss, HeldStep: heldStep, Held: held, Dark: dark},
		"quality": Quality{
			Title: "Few steps are enough with optimal transport", Floor: 0.076, FloorLo: 0.065, FloorHi: 0.087, Dark: dark,
			Series: []Series{{"optimal transport", nfe, ot, around(ot, 0.9), around(ot, 1.12)}, {"independent", nfe, ind, around(ind, 0.93), around(ind, 1.08)}},
		},
	}
}

func doubled(v []float32) (out []float64) {
	for _, x := range v {
		out = append(out, float64(x))
	}
	return out
}

// Each picture is drawn twice in each format: equal bytes, well formed. With
// LAMINAR_GALLERY set to a folder, the pictures are left there to look at.
func TestGallery(t *testing.T) {
	dir, n := os.Getenv("LAMINAR_GALLERY"), 100
	if dir != "" {
		n = 2000
	}
	for _, dark := range []bool{false, true} {
		for name, d := range gallery(dark, n) {
			if dark && dir == "" && name != "quality" {
				continue // the paint is the same code
			}
			fig, err := d.Figure()
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for _, format := range []string{"png", "svg"} {
				var a, b bytes.Buffer
				if format == "png" && dir == "" && name != "images" && name != "quality" {
					fig.Image(0.25) // the raster alone, small
					continue
				}
				if err := fig.Write(&a, format); err != nil {
					t.Errorf("%s.%s: %v", name, format, err)
				}
				again, _ := d.Figure()
				again.Write(&b, format)
				if !bytes.Equal(a.Bytes(), b.Bytes()) {
					t.Errorf("%s.%s differs when drawn again", name, format)
				}
				if format == "svg" {
					wellFormed(t, name, a.Bytes())
				} else if img, err := png.Decode(bytes.NewReader(a.Bytes())); err != nil {
					t.Errorf("%s.png: %v", name, err)
				} else if w, h := fig.Size(); img.Bounds().Dx() != int(math.Round(2*w)) || img.Bounds().Dy() != int(math.Round(2*h)) {
					t.Errorf("%s.png is %v, want twice %vx%v", name, img.Bounds(), w, h)
				}
				if dir != "" {
					if dark {
						name := filepath.Join(dir, name+"-dark."+format)
						os.WriteFile(name, a.Bytes(), 0o644)
					} else {
						os.WriteFile(filepath.Join(dir, name+"."+format), a.Bytes(), 0o644)
					}
				}
			}
		}
	}
}

func wellFormed(t *testing.T, name string, b []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		_, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Errorf("%s.svg is not XML: %v", name, err)
			return
		}
	}
	for _, bad := range []string{"NaN", "Inf"} {
		if bytes.Contains(b, []byte(bad)) {
			t.Errorf("%s.svg contains %s", name, bad)
		}
	}
}

func film(frames int) Animation {
	key := rng.New(1)
	x := moons(1500, key.At(1))
	ts, zs := journey(normal(1500, 2, key.At(2)), x, 24)
	return Animation{Title: "moons", T: ts, Z: zs, Data: x, Field: swirl{}, Frames: frames}
}

func TestAnimation(t *testing.T) {
	var b bytes.Buffer
	if err := film(6).GIF(&b); err != nil {
		t.Fatal(err)
	}
	again := bytes.Buffer{}
	film(6).GIF(&again)
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("the film differs when drawn again")
	}
	g, err := gif.DecodeAll(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Image) != 6 || g.Config.Width != 480 || g.Config.Height != 480 || g.LoopCount != 0 {
		t.Errorf("%d frames of %dx%d, loop %d", len(g.Image), g.Config.Width, g.Config.Height, g.LoopCount)
	}
	if dir := os.Getenv("LAMINAR_GALLERY"); dir != "" {
		var whole bytes.Buffer
		if err := film(60).GIF(&whole); err != nil {
			t.Fatal(err)
		}
		os.WriteFile(filepath.Join(dir, "film.gif"), whole.Bytes(), 0o644)
		t.Logf("60 frames are %d bytes", whole.Len())
	}
}

// Laying each frame over the last must give the frame that was meant.
func TestFramesAddUp(t *testing.T) {
	g, err := film(4).film()
	if err != nil {
		t.Fatal(err)
	}
	th := themeOf(false)
	sum := newPalette(th).quantise(newRaster(480, 480, 1).img)
	for _, f := range g.Image {
		for y := f.Rect.Min.Y; y < f.Rect.Max.Y; y++ {
			for x := f.Rect.Min.X; x < f.Rect.Max.X; x++ {
				if v := f.ColorIndexAt(x, y); v != 0 {
					sum.SetColorIndex(x, y, v)
				}
			}
		}
	}
	a := film(4)
	last := Animation{Title: a.Title, T: []float64{1 - 1e-9, 1}, Z: a.Z[23:], Data: a.Data, Field: a.Field, Frames: 2}
	last.Z[0] = last.Z[1]
	// The view spans noise and data, so compare only the time bar, full at the end.
	if got, want := sum.At(400, 466), th.sample; got != (rgba{R: want.R, G: want.G, B: want.B, A: 255}) {
		t.Errorf("the time bar's end is %v in the last frame, want %v", got, want)
	}
	if bytes.Contains(sum.Pix, []byte{0}) {
		t.Error("some pixels were never painted")
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		s    scale
		want []float64
	}{
		{scale{lo: 0, hi: 2000}, []float64{0, 500, 1000, 1500, 2000}},
		{scale{lo: -1.3, hi: 2.2}, []float64{-1, 0, 1, 2}},
		{scale{lo: 0.05, hi: 2, log: true}, []float64{0.05, 0.1, 0.2, 0.5, 1, 2}},
		{scale{lo: 1e-4, hi: 10, log: true}, []float64{1e-4, 1e-3, 1e-2, 0.1, 1, 10}},
	} {
		got := c.s.ticks(4)
		if c.s.log {
			got = c.s.ticks(6)
		}
		if len(got) != len(c.want) {
			t.Errorf("ticks of %+v are %v, want %v", c.s, got, c.want)
			continue
		}
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > 1e-9*math.Abs(c.want[i])+1e-12 {
				t.Errorf("ticks of %+v are %v, want %v", c.s, got, c.want)
				break
			}
		}
	}
}

// A disc's pixels add up to its area, and a line's to its length times width.
func TestRasterArea(t *testing.T) {
	ink := func(draw func(r *raster)) (sum float64) {
		r := newRaster(100, 100, 2)
		r.fill(rect{0, 0, 100, 100}.corners(), hex(0xFFFFFF))
		draw(r)
		for i := 0; i < len(r.img.Pix); i += 4 {
			sum += (255 - float64(r.img.Pix[i])) / 255 / 4
		}
		return sum
	}
	black := hex(0)
	for _, c := range []struct {
		what string
		got  float64
		want float64
	}{
		{"disc", ink(func(r *raster) { r.discs([]pt{{50.3, 49.1}}, 10, black) }), math.Pi * 100},
		{"rectangle", ink(func(r *raster) { r.fill(rect{10, 10, 30.25, 20}.corners(), black) }), 202.5},
		{"line with round ends", ink(func(r *raster) { r.stroke([]pt{{10, 10}, {40, 50}}, 4, black) }), 50*4 + math.Pi*4},
		{"line with flat ends", ink(func(r *raster) { r.strokes([][]pt{{{10, 10}, {40, 50}}}, 4, black) }), 50 * 4},
		{"line there and back, its edges twice", ink(func(r *raster) { r.stroke([]pt{{10, 10}, {40, 50}, {10, 10}}, 4, black) }), (50*4 + math.Pi*4) * 1.05},
		{"clipped disc", ink(func(r *raster) { r.clip(rect{0, 0, 50, 100}); r.discs([]pt{{50, 50}}, 10, black) }), math.Pi * 50},
		{"outside", ink(func(r *raster) { r.stroke([]pt{{-500, -50}, {1e9, -50}}, 4, black) }), 0},
	} {
		if math.Abs(c.got-c.want) > 0.02*c.want+0.5 {
			t.Errorf("%s covers %.1f, want %.1f", c.what, c.got, c.want)
		}
	}
}

func TestEqualAxes(t *testing.T) {
	m := tensor.Mat{N: 3, D: 2, Data: []float32{0, 0, 10, 1, float32(math.NaN()), 4}}
	a := panel(nil, m)
	p, q := a.pt(0, 0), a.pt(1, 1)
	if math.Abs((q.x-p.x)-(p.y-q.y)) > 1e-9 {
		t.Errorf("one unit is %v wide and %v high", q.x-p.x, p.y-q.y)
	}
	if n := len(a.points(m, 0, 1)); n != 2 {
		t.Errorf("%d points are drawn, want the 2 finite ones", n)
	}
}

func TestTextIsEscaped(t *testing.T) {
	fig, err := Scatter{Title: `a<b & "c"`, Data: moons(10, rng.New(1))}.Figure()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := fig.SVG(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "a&lt;b &amp;") {
		t.Error("the title is not escaped")
	}
}

func TestBadInput(t *testing.T) {
	ok, line := moons(5, rng.New(1)), tensor.New(5, 1)
	for name, d := range map[string]drawable{
		"scatter of nothing":       Scatter{},
		"scatter of a line":        Scatter{Data: line},
		"scatter with few classes": Scatter{Samples: ok, Class: []int32{1}},
		"paths of one time":        Paths{T: []float64{0}, Z: []tensor.Mat{ok}},
		"paths of unequal states":  Paths{T: []float64{0, 1}, Z: []tensor.Mat{ok, moons(4, rng.New(1))}},
		"lines of unequal ends":    Lines{X0: ok, X1: moons(4, rng.New(1))},
		"pairs of one dimension":   PairGrid{Data: line},
		"quiver without field":     Quiver{Data: ok},
		"density of nothing":       Density{},
		"images of another size":   Images{Rows: ok, Width: 3, Height: 1},
		"loss of nothing":          Loss{},
		"quality of nothing":       Quality{},
		"quality of unequal":       Quality{Series: []Series{{NFE: []float64{1}}, {W2: []float64{1}}}},
	} {
		if _, err := d.Figure(); !errors.Is(err, flow.ErrShape) {
			t.Errorf("%s: error %v, want one that is ErrShape", name, err)
		}
	}
	if err := (Animation{}).GIF(io.Discard); !errors.Is(err, flow.ErrShape) {
		t.Errorf("empty film: %v", err)
	}
	fig, _ := Scatter{Data: ok}.Figure()
	if err := fig.Write(io.Discard, "bmp"); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("unknown format: %v", err)
	}
}

// Hostile values must not panic.
func TestOddValues(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	odd := tensor.Mat{N: 4, D: 2, Data: []float32{0, float32(nan), float32(inf), 1, 2, 2, 2, 2}}
	same := tensor.Mat{N: 2, D: 2, Data: []float32{3, 3, 3, 3}}
	far := tensor.Mat{N: 2, D: 2, Data: []float32{-3e38, 0, 3e38, 1}}
	for name, d := range map[string]drawable{
		"scatter": Scatter{Data: odd, Samples: same}, "scatter far": Scatter{Data: far, Samples: same},
		"paths": Paths{T: []float64{0, 1}, Z: []tensor.Mat{odd, odd}}, "lines": Lines{X0: odd, X1: odd}, "pairs": PairGrid{Data: odd},
		"density": Density{Points: odd}, "density of one": Density{Points: same}, "images": Images{Rows: odd, Width: 2, Height: 1},
		"quiver":  Quiver{Data: same, Field: swirl{}},
		"loss":    Loss{Step: []float64{1, 2, 3}, Loss: []float64{nan, 0.5, -1}},
		"quality": Quality{Series: []Series{{NFE: []float64{1, 2}, W2: []float64{nan, 1}, Lo: []float64{nan, 0}, Hi: []float64{nan, 2}}}, Floor: nan},
	} {
		fig, err := d.Figure()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		fig.Image(1)
		var b bytes.Buffer
		if err := fig.SVG(&b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wellFormed(t, name, b.Bytes())
	}
}

// Named axes carry their names and values, and columns of very different units have
// a scale each.
func TestNamedAxes(t *testing.T) {
	x := tensor.New(200, 2)
	draw := rng.New(3).Stream()
	for i := range x.N {
		x.Row(i)[0], x.Row(i)[1] = float32(draw.Float64()), 5000+4000*float32(draw.Float64())
	}
	names := []string{"carat", "price"}
	figures := map[string]func() (Figure, error){
		"scatter": Scatter{Samples: x, Names: names}.Figure,
		"paths":   Paths{T: []float64{0, 1}, Z: []tensor.Mat{x, x}, Names: names}.Figure,
		"lines":   Lines{X0: x, X1: x, Names: names}.Figure,
		"density": Density{Points: x, Names: names}.Figure,
		"quiver":  Quiver{Data: x, Field: swirl{}, Names: names}.Figure,
	}
	for name, figure := range figures {
		f, err := figure()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := f.SVG(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{">carat<", ">price<", ">0.4<", ">8000<"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %s", name, want)
			}
		}
	}
	if a := panel(names, x); a.x.hi-a.x.lo > 1.5 || a.y.hi-a.y.lo > 6000 {
		t.Errorf("scales %+v, %+v", a.x, a.y)
	}
	if a := panel(nil, x); a.x.hi-a.x.lo < 4000 {
		t.Error("without names the units are one")
	}
}
