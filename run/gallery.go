package run

import (
	"context"
	"fmt"
	"io"
	"math"

	"laminar/classify"
	"laminar/plot"
	"laminar/recipe"
	"laminar/tensor"
)

// gallery tells how rows are shown and read that are pictures, or can be seen as
// such: images, and the spectrograms of sounds.
type gallery struct {
	kind, many, one string // recipe.Images, "images" and "image"
	// h, w and c are the height, width and channels of a row.
	h, w, c int
	// unit is that of a difference between rows, which is the root mean square
	// over the numbers of the network times scale.
	unit  string
	scale float64
	// grid lays rows in the numbers of the data out.
	grid func(rows tensor.Mat) plot.Images
	// seen returns rows, both in the numbers of the data, as they are in the file
	// that is made of them; nil where that changes nothing. made says of what.
	seen func(rows tensor.Matrix[float64]) (tensor.Matrix[float64], error)
	made string
	// classifier fits the default classifier to n training rows. Optional.
	classifier func(c *classify.Config, n int)
}

// galleried is a form whose rows make a gallery.
type galleried interface{ gallery(s *Saved) gallery }

// filmRows is the number of rows in a film.
const filmRows = 36

// film writes a GIF of rows that come out of noise.
func (g gallery) film(ctx context.Context, w io.Writer, s *Saved, plan *recipe.Plan, o AnimateOptions) error {
	t, z, err := o.way(ctx, s, plan, filmRows)
	if err != nil {
		return err
	}
	var shown []tensor.Mat
	var titles []string
	for k := range z {
		shown, titles = append(shown, g.grid(z[k]).Rows), append(titles, fmt.Sprintf("t = %.2f", t[k]))
	}
	grid := g.grid(z[0])
	grid.Dark = o.Dark
	return grid.GIF(w, shown, titles)
}

// between writes a GIF in which each row turns into another.
func (g gallery) between(w io.Writer, x tensor.Mat, steps int) error {
	n := x.N / steps
	var frames []tensor.Mat
	for k := range steps {
		z := tensor.New(n, x.D)
		for i := range n {
			copy(z.Row(i), x.Row(i*steps+k))
		}
		frames = append(frames, g.grid(z).Rows)
	}
	return g.grid(x.Rows(0, n)).GIF(w, frames, make([]string, steps))
}

// picture shows rows in the numbers of the data.
func (g gallery) picture(rows tensor.Matrix[float64], o PictureOptions) (plot.Figure, error) {
	grid := g.grid(tensor.Convert[float32](rows))
	grid.Title, grid.Dark = o.Title, o.Dark
	if o.Columns > 0 {
		grid.Columns = o.Columns
	}
	return grid.Figure()
}

// square is the number of columns in which n things make a square.
func square(n int) int { return max(1, int(math.Ceil(math.Sqrt(float64(n))))) }
