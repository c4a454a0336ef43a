package run

import (
	"context"
	"io"

	"laminar/data/image"
	"laminar/data/npy"
	"laminar/metric"
	"laminar/plot"
	"laminar/recipe"
	"laminar/report"
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
	return formOf(s).gallery(s).picture(rows, o)
}

// gallery shows pictures as they are, as a square.
func (f imageForm) gallery(*Saved) gallery {
	return gallery{
		kind: recipe.Images, many: "images", one: "image", h: f.Height, w: f.Width, c: f.Channels, unit: "grey levels", scale: 127.5,
		grid: func(rows tensor.Mat) plot.Images {
			return plot.Images{Rows: rows, Width: f.Width, Height: f.Height, Channels: f.Channels, Hi: 255, Columns: square(rows.N)}
		},
	}
}

// judgedImages is the number of samples by which a model is judged unless told
// otherwise.
const judgedImages = 1000

// tune makes the defaults of judging those of images, an evaluation of whose
// networks is dear.
func (images) tune(o *EvalOptions) {
	o.N, o.Settings = judgedImages, nil
	for _, nfe := range []int{1, 2, 4, 8, 16, 32} {
		o.Settings = append(o.Settings, metric.Setting{Solver: "euler", NFE: nfe})
	}
}

// Judge judges a model by a classifier of the images that it has learnt from.
func (images) Judge(ctx context.Context, s *Saved, plan *recipe.Plan, o EvalOptions) (Judgement, error) {
	r, err := formOf(s).gallery(s).judge(ctx, s, plan, o)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Quality draws the figures of an eval.json.
func (images) Quality(judged []byte) (plot.Figure, error) { return readingQuality(judged) }

func (images) Files() []string { return galleryFiles }

func (images) Sections(ctx context.Context, s *Saved, plan *recipe.Plan, j Judgement, o PictureOptions) ([]report.Section, error) {
	r, _ := j.(*ReadingReport)
	return formOf(s).gallery(s).sections(ctx, s, r, o)
}

// Film writes a GIF of images that come out of noise.
func (images) Film(ctx context.Context, w io.Writer, s *Saved, plan *recipe.Plan, o AnimateOptions) error {
	return formOf(s).gallery(s).film(ctx, w, s, plan, o)
}
