package plot

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"image/gif"
	"testing"

	"laminar/flow"
	"laminar/tensor"
)

// Pixels of pictures are shown with their own brightness and colour, at their own
// place.
func TestImagesAsTheyAre(t *testing.T) {
	rows := tensor.New(2, 12)
	copy(rows.Row(1), []float32{255, 0, 0, 0, 255, 0, 0, 0, 255, 51, 102, 204})
	fig, err := Images{Rows: rows, Width: 2, Height: 2, Channels: 3, Hi: 255, Columns: 2, Names: []string{"a line"}}.Figure()
	if err != nil {
		t.Fatal(err)
	}
	img := fig.Image(1)
	at := func(i, x, y int) color.RGBA {
		side := inset + textWidth("a line", textStyle{size: 13}) + 10
		return img.RGBAAt(int(side)+i*62+14+28*x, int(inset)+14+28*y)
	}
	for _, c := range []struct {
		i, x, y int
		want    color.RGBA
	}{
		{0, 0, 0, color.RGBA{0, 0, 0, 255}},
		{1, 0, 0, color.RGBA{255, 0, 0, 255}},
		{1, 1, 0, color.RGBA{0, 255, 0, 255}},
		{1, 0, 1, color.RGBA{0, 0, 255, 255}},
		{1, 1, 1, color.RGBA{51, 102, 204, 255}},
	} {
		if got := at(c.i, c.x, c.y); got != c.want {
			t.Errorf("image %d, pixel %d, %d is %v, want %v", c.i, c.x, c.y, got, c.want)
		}
	}
	for _, g := range []Images{{Rows: rows, Width: 2, Height: 2}, {Rows: rows, Width: 3, Height: 2, Channels: 2}, {Rows: rows, Width: 4, Height: 2, Channels: 3}} {
		if _, err := g.Figure(); !errors.Is(err, flow.ErrShape) {
			t.Errorf("%+v: %v", g, err)
		}
	}
}

// A film of pictures: its frames are what was given, in grey to the last bit but
// one, in colour to the nearest of the palette.
func TestImagesFilm(t *testing.T) {
	for _, channels := range []int{1, 3} {
		dark, light := tensor.New(1, 4*channels), tensor.New(1, 4*channels)
		for i := range light.Data {
			light.Data[i] = 204
		}
		g := Images{Width: 2, Height: 2, Channels: channels, Hi: 255}
		var b bytes.Buffer
		if err := g.GIF(&b, []tensor.Mat{dark, light, light}, []string{"", "", ""}); err != nil {
			t.Fatal(err)
		}
		film, err := gif.DecodeAll(&b)
		if err != nil || len(film.Image) != 3 {
			t.Fatalf("%v", err)
		}
		for k, want := range []uint32{0, 204} {
			c, _, _, _ := film.Image[k].At(int(inset)+20, int(inset)+20).RGBA()
			if d := int(c>>8) - int(want); d < -1 || d > 1 {
				t.Errorf("%d channels, frame %d: %d, want %d", channels, k, c>>8, want)
			}
		}
		if r := film.Image[2].Bounds(); r.Dx()*r.Dy() != 1 {
			t.Errorf("a frame that changes nothing holds %v", r)
		}
		if err := g.GIF(&b, nil, nil); !errors.Is(err, flow.ErrShape) {
			t.Error(err)
		}
	}
}

func ExampleImages() {
	rows := tensor.New(10, 64) // ten pictures of 8 x 8 grey pixels of 0 to 255
	fig, err := Images{Rows: rows, Width: 8, Height: 8, Channels: 1, Hi: 255, Columns: 5, Names: []string{"first", "second"}}.Figure()
	if err != nil {
		panic(err)
	}
	fmt.Println(fig.Size())
	// Output: 395.921875 158
}
