package run

import (
	"context"
	"io"
	"math"

	"laminar/plot"
	"laminar/recipe"
	"laminar/tensor"
)

// AnimateOptions says what a film shows.
type AnimateOptions struct {
	PictureOptions
	// Frames is the number of frames from noise to data; 0 means 60.
	Frames int
}

// filmer is a medium whose rows can be watched on their way.
type filmer interface {
	Film(ctx context.Context, w io.Writer, s *Saved, plan *recipe.Plan, o AnimateOptions) error
}

// Animate writes a GIF of particles that travel from noise to data, in the
// numbers of the data, over the data and, in the plane, over the field. Of more
// dimensions it shows the first two. Rows with a form are shown as their kind
// shows them.
func Animate(ctx context.Context, w io.Writer, s *Saved, plan *recipe.Plan, o AnimateOptions) error {
	if s.Form != nil {
		if m, ok := media[s.Kind()].(filmer); ok {
			return m.Film(ctx, w, s, plan, o)
		}
		return noPicture("film")
	}
	if err := needPlane(s, "film", 2, math.MaxInt); err != nil {
		return err
	}
	if err := s.watchable(); err != nil {
		return err
	}
	o.followed()
	c, err := o.config(s, plan, 1000)
	if err != nil {
		return err
	}
	tr, err := journey(ctx, s, c)
	if err != nil {
		return err
	}
	film := plot.Animation{Title: plan.Recipe.Data.Name, T: tr.T, Z: tr.Z, Frames: o.Frames, Names: axisNames(s.Recipe.Data.Name, s.Model.Columns), Dark: o.Dark}
	if film.Data, err = shownData(s, plan, 2000, c.Seed); err != nil {
		return err
	}
	if s.Model.Dim() == 2 {
		film.Field = o.field(s)
	}
	return film.GIF(w)
}

// way returns a number of rows on their way from noise to data, in the numbers of
// the data, at equal times: one t and one matrix for each frame.
func (o AnimateOptions) way(ctx context.Context, s *Saved, plan *recipe.Plan, rows int) (t []float64, z []tensor.Mat, err error) {
	if err := s.watchable(); err != nil {
		return nil, nil, err
	}
	o.followed()
	c, err := o.config(s, plan, rows)
	if err != nil {
		return nil, nil, err
	}
	tr, err := journey(ctx, s, c)
	if err != nil {
		return nil, nil, err
	}
	n := max(o.Frames, 2)
	if o.Frames == 0 {
		n = 60
	}
	for k := range n {
		u := float64(k) / float64(n-1)
		t, z = append(t, u), append(z, plot.Between(tr.T, tr.Z, u))
	}
	return t, z, nil
}
