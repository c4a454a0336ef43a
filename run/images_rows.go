package run

import (
	"context"
	"fmt"
	"os"

	"laminar/data/image"
	"laminar/flow"
	"laminar/plot"
	"laminar/tensor"
)

// ReadRows reads pictures as rows of a model: a PNG or JPEG file, or whatever
// train takes, with their classes where they have some.
func (images) ReadRows(s *Saved, path string) (Rows, error) {
	var out Rows
	set, err := readImages(path)
	if err != nil {
		return out, err
	}
	f := formOf(s)
	if set.C == 1 && f.Channels == 3 {
		set = set.Coloured()
	}
	if set.H != f.Height || set.W != f.Width || set.C != f.Channels {
		return out, fmt.Errorf("%w: %s: a picture of %d x %d pixels and %d channels; the model makes %d x %d with %d", flow.ErrFormat, path, set.W, set.H, set.C, f.Width, f.Height, f.Channels)
	}
	out.X = tensor.NewOf[float64](set.Len(), f.size())
	for i, p := range set.Pixels {
		out.X.Data[i] = float64(p)
	}
	if s.Model.Cond.Classes == 0 || set.Class == nil {
		return out, nil
	}
	same, err := imageSet{Set: set}.fit(s, path)
	if err != nil {
		return out, err
	}
	for _, k := range same.(imageSet).Class {
		out.Cond.Class = append(out.Cond.Class, k)
		out.Class = append(out.Class, s.Model.Classes[k])
	}
	return out, nil
}

func readImages(path string) (*image.Set, error) {
	f, err := findImages(path)
	if err != nil {
		return nil, err
	}
	if f.how != nothing || !isPicture(path) {
		s, _, err := f.read(path)
		return s.Set, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, explain(path, err)
	}
	h, w, c, pixels, err := image.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", flow.ErrFormat, path, err)
	}
	return &image.Set{H: h, W: w, C: c, Pixels: pixels}, nil
}

// ReadMask reads a picture that says what of a model's images to make anew: what
// is brighter than middle grey. The answer has one number for each of a row: 1
// where it is kept, 0 where it is made anew.
func (s *Saved) ReadMask(path string) ([]float32, error) {
	f, ok := s.Form.(imageForm)
	if !ok {
		return nil, fmt.Errorf("%w: a mask is a picture, for models of images; this one makes %s", flow.ErrConfig, s.Kind())
	}
	set, err := readImages(path)
	if err != nil {
		return nil, err
	}
	if set.H != f.Height || set.W != f.Width || set.Len() != 1 {
		return nil, fmt.Errorf("%w: %s: a mask of %d x %d pixels; the model makes %d x %d", flow.ErrFormat, path, set.W, set.H, f.Width, f.Height)
	}
	keep := make([]float32, f.size())
	for i := range keep {
		bright := 0
		for k := range set.C {
			bright += int(set.Pixels[i/f.Channels*set.C+k])
		}
		if bright < 128*set.C {
			keep[i] = 1
		}
	}
	return keep, nil
}

// Glimpse shows samples of a model that is still in training.
func (m images) Glimpse(ctx context.Context, s *Saved, threads int) (plot.Figure, error) {
	var o PictureOptions
	o.Sample.Workers = threads
	grid, err := formOf(s).gallery(s).byClass(ctx, s, o)
	if err != nil {
		return plot.Figure{}, err
	}
	return grid.Figure()
}
