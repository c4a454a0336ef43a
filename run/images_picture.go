package run

import (
	"io"
	"math"

	"laminar/data/image"
	"laminar/data/npy"
	"laminar/plot"
	"laminar/tensor"
)

func formOf(s *Saved) imageForm { return s.Form.(imageForm) }

func (images) Formats() []string { return []string{"png", "npy"} }

// Write writes a single picture as PNG with its own pixels, several as a grid,
// and any number as an NPY array of bytes of the shape n x height x width x
// channels.
func (m images) Write(w io.Writer, format string, s *Saved, rows tensor.Matrix[float64], first int) error {
	f := formOf(s)
	if format == "npy" {
		b := make([]byte, len(rows.Data))
		for i, v := range rows.Data {
			b[i] = byte(min(max(v, 0), 255) + 0.5)
		}
		return npy.WriteBytes(w, []int{rows.N, f.Height, f.Width, f.Channels}, b)
	}
	if rows.N == 1 {
		return image.WritePNG(w, rows.Row(0), f.Height, f.Width, f.Channels)
	}
	fig, err := m.Picture(s, rows, PictureOptions{})
	if err != nil {
		return err
	}
	return fig.PNG(w)
}

// Picture shows rows as a grid, about as wide as it is high.
func (images) Picture(s *Saved, rows tensor.Matrix[float64], o PictureOptions) (plot.Figure, error) {
	g := gridOfImages(formOf(s), tensor.Convert[float32](rows))
	g.Title, g.Dark = o.Title, o.Dark
	if o.Columns > 0 {
		g.Columns = o.Columns
	}
	return g.Figure()
}

// gridOfImages lays pictures out as a square.
func gridOfImages(f imageForm, rows tensor.Mat) plot.Images {
	return plot.Images{
		Rows: rows, Width: f.Width, Height: f.Height, Channels: f.Channels, Hi: 255,
		Columns: max(1, int(math.Ceil(math.Sqrt(float64(rows.N))))),
	}
}
