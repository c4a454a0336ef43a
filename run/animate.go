package run

import (
	"context"
	"io"
	"math"

	"laminar/plot"
	"laminar/recipe"
)

// AnimateOptions says what a film shows.
type AnimateOptions struct {
	PictureOptions
	// Frames is the number of frames from noise to data; 0 means 60.
	Frames int
}

// filmer is a medium with a film of its own.
type filmer interface {
	Film(ctx context.Context, w io.Writer, s *Saved, plan *recipe.Plan, o AnimateOptions) error
}

// Animate writes a GIF of particles that travel from noise to data, in the
// numbers of the data, over the data and, in the plane, over the field. Of more
// dimensions it shows the first two. Rows with a form are shown as their kind
// shows them.
func Animate(ctx context.Context, w io.Writer, s *Saved, plan *recipe.Plan, o AnimateOptions) error {
	if s.Kind() == recipe.Table {
		return noPicture("film")
	}
	if m, ok := media[s.Kind()].(filmer); ok {
		return m.Film(ctx, w, s, plan, o)
	}
	if s.Form != nil {
		return animateForm(ctx, w, s, plan, o)
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
