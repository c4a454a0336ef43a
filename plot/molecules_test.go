package plot_test

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"image/gif"
	"io"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/plot"
)

func carbonMonoxide(apart float64) plot.Molecule {
	return plot.Molecule{
		Symbols: []string{"C", "O"}, X: [][3]float64{{-apart / 2, 0, 0}, {apart / 2, 0, 0}},
		Bonds: []plot.Stick{{I: 0, J: 1, Order: 3}},
	}
}

func ExampleMolecules() {
	write(plot.Molecules{Title: "carbon monoxide", Molecules: []plot.Molecule{carbonMonoxide(1.13)}})
	// Output: 260 x 290
}

func ExampleFilm() {
	var f plot.Film
	for k := range 3 {
		fig, err := plot.Molecules{Molecules: []plot.Molecule{carbonMonoxide(1.13 + 0.1*float64(k))}}.Figure()
		if err != nil {
			fmt.Println(err)
			return
		}
		f.Frames = append(f.Frames, fig)
	}
	fmt.Println(f.GIF(io.Discard))
	// Output: <nil>
}

// TestMoleculesColours: each atom has its colour at its place, and a mark is seen
// around it.
func TestMoleculesColours(t *testing.T) {
	m := carbonMonoxide(2)
	at := func(m plot.Molecule, x, y float64) color.RGBA {
		t.Helper()
		fig, err := plot.Molecules{Molecules: []plot.Molecule{m}}.Figure()
		if err != nil {
			t.Fatal(err)
		}
		w, h := fig.Size()
		scale := (w - 40) / 4 // 2 Å on either side of the middle
		img := fig.Image(2)
		return img.RGBAAt(int(2*(w/2+x*scale)), int(2*(h/2-y*scale)))
	}
	if c := at(m, 1, 0); !(c.R > 180 && c.R > 2*c.G && c.R > 2*c.B) {
		t.Errorf("oxygen is %v", c)
	}
	if c := at(m, -1, 0); max(c.R, c.G, c.B)-min(c.R, c.G, c.B) > 40 || c.R > 140 {
		t.Errorf("carbon is %v", c)
	}
	page := color.RGBA{255, 255, 255, 255}
	if c := at(m, 0, 1); c != page {
		t.Errorf("beside the molecule is %v", c)
	}
	if c := at(m, -1, 0.53); c != page {
		t.Errorf("above the carbon is %v", c)
	}
	m.Marked = []bool{true, false}
	if c := at(m, -1, 0.53); !(c.R > 150 && c.B < 100) {
		t.Errorf("the ring is %v", c)
	}
}

// TestMoleculesLegend: what a mark means is told where there is one, and has room.
func TestMoleculesLegend(t *testing.T) {
	m := carbonMonoxide(2)
	show := func(mark string, marked ...bool) (height float64, text string) {
		t.Helper()
		m.Marked = marked
		fig, err := plot.Molecules{Title: "molecules", Mark: mark, Molecules: []plot.Molecule{m}}.Figure()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := fig.SVG(&b); err != nil {
			t.Fatal(err)
		}
		_, height = fig.Size()
		return height, b.String()
	}
	plain, text := show("an odd atom", false, false)
	if strings.Contains(text, "an odd atom") {
		t.Error("a legend of nothing")
	}
	if h, text := show("an odd atom", false, true); !strings.Contains(text, "an odd atom") || h <= plain {
		t.Errorf("no legend, or no room for it: %v beside %v", h, plain)
	}
	if h, _ := show("", false, true); h != plain {
		t.Errorf("room for a legend without words: %v beside %v", h, plain)
	}
}

func TestMoleculesFaults(t *testing.T) {
	for name, m := range map[string]plot.Molecule{
		"places": {Symbols: []string{"C"}},
		"marks":  {Symbols: []string{"C"}, X: make([][3]float64, 1), Marked: make([]bool, 2)},
		"bond":   {Symbols: []string{"C"}, X: make([][3]float64, 1), Bonds: []plot.Stick{{I: 0, J: 1, Order: 1}}},
	} {
		if _, err := (plot.Molecules{Molecules: []plot.Molecule{m}}).Figure(); !errors.Is(err, flow.ErrShape) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (plot.Molecules{}).Figure(); !errors.Is(err, flow.ErrShape) {
		t.Errorf("none: %v", err)
	}
}

// TestFilm: the frames add up to the figures, with the colours that occur.
func TestFilm(t *testing.T) {
	var f plot.Film
	for k := range 4 {
		fig, err := plot.Molecules{Molecules: []plot.Molecule{carbonMonoxide(0.6 + 0.4*float64(k))}}.Figure()
		if err != nil {
			t.Fatal(err)
		}
		f.Frames = append(f.Frames, fig)
	}
	var b bytes.Buffer
	if err := f.GIF(&b); err != nil {
		t.Fatal(err)
	}
	g, err := gif.DecodeAll(&b)
	if err != nil || len(g.Image) != 4 || g.Delay[0] <= g.Delay[1] {
		t.Fatal(len(g.Image), g.Delay, err)
	}
	seen := g.Image[0]
	for k, img := range g.Image {
		for y := img.Rect.Min.Y; y < img.Rect.Max.Y; y++ {
			for x := img.Rect.Min.X; x < img.Rect.Max.X; x++ {
				if c := img.ColorIndexAt(x, y); c != 0 {
					seen.SetColorIndex(x, y, c)
				}
			}
		}
		want := f.Frames[k].Image(1)
		worst := 0
		for y := range want.Rect.Dy() {
			for x := range want.Rect.Dx() {
				r, gr, bl, _ := seen.At(x, y).RGBA()
				w := want.RGBAAt(x, y)
				for i, v := range []uint32{r, gr, bl} {
					worst = max(worst, abs(int(v>>8)-int([]uint8{w.R, w.G, w.B}[i])))
				}
			}
		}
		if worst > 40 {
			t.Errorf("frame %d differs by %d of 255", k, worst)
		}
	}
	if err := (plot.Film{}).GIF(io.Discard); !errors.Is(err, flow.ErrShape) {
		t.Errorf("no frames: %v", err)
	}
	two, err := plot.Molecules{Molecules: slices.Repeat([]plot.Molecule{carbonMonoxide(1)}, 2)}.Figure()
	if err != nil {
		t.Fatal(err)
	}
	f.Frames = append(f.Frames, two)
	if err := f.GIF(io.Discard); !errors.Is(err, flow.ErrShape) {
		t.Errorf("frames of two sizes: %v", err)
	}
}

func abs(v int) int { return max(v, -v) }
