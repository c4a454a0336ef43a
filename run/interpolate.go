package run

import (
	"fmt"
	"io"

	"laminar/flow"
	"laminar/plot"
	"laminar/recipe"
	"laminar/rng"
	"laminar/tensor"
)

// InterpolationPicture shows points between pairs, steps of each pair, in the
// numbers of the data: images one pair a line, points of the plane over the data.
func InterpolationPicture(s *Saved, plan *recipe.Plan, x tensor.Mat, steps int, lo, hi float64) (plot.Figure, error) {
	if m, err := mediumOf(s.Kind()); err != nil || m != nil {
		if err != nil {
			return plot.Figure{}, err
		}
		return m.Picture(s, tensor.Convert[float64](x), PictureOptions{Columns: steps})
	}
	if k := side(x.D); k > 0 {
		return plot.Images{Title: s.Recipe.Data.Name, Rows: x, Width: k, Height: k, Columns: steps, Lo: lo, Hi: hi}.Figure()
	}
	if err := needPlane(s, "of an interpolation", 2, 2); err != nil {
		return plot.Figure{}, err
	}
	data, err := shownData(s, plan, 2000, rng.New(0))
	if err != nil {
		return plot.Figure{}, err
	}
	return plot.Scatter{Title: s.Recipe.Data.Name, Data: data, Samples: x, Names: axisNames(s.Recipe.Data.Name, s.Model.Columns)}.Figure()
}

// InterpolationFilm writes a GIF in which a point of each pair moves from one end
// to the other, over the data; for models of the plane, of images and of sounds.
func InterpolationFilm(w io.Writer, s *Saved, plan *recipe.Plan, x tensor.Mat, steps int) error {
	if f, ok := s.Form.(galleried); ok {
		return f.gallery(s).between(w, x, steps)
	}
	if s.Form != nil {
		return fmt.Errorf("%w: there is no film of %s between two; write .png", flow.ErrConfig, s.Plural())
	}
	if err := needPlane(s, "of an interpolation", 2, 2); err != nil {
		return err
	}
	film := plot.Animation{Title: s.Recipe.Data.Name, Frames: max(60, steps), Names: axisNames(s.Recipe.Data.Name, s.Model.Columns)}
	var err error
	if film.Data, err = shownData(s, plan, 2000, rng.New(0)); err != nil {
		return err
	}
	for k := range steps {
		z := tensor.New(x.N/steps, x.D)
		for i := range z.N {
			copy(z.Row(i), x.Row(i*steps+k))
		}
		film.T, film.Z = append(film.T, float64(k)/float64(steps-1)), append(film.Z, z)
	}
	return film.GIF(w)
}
