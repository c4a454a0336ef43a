package run

import (
	"cmp"
	"context"

	"laminar/flow"
	"laminar/plot"
	"laminar/recipe"
	"laminar/sample"
	"laminar/tensor"
)

// dataField is the model's field between points in the numbers of the data.
type dataField struct {
	s *Saved
	c sample.Config // Cond holds one row or none
}

func (f dataField) Dim() int { return f.s.Model.Dim() }

// Velocity maps the network's velocity v at z to that of the data. Transforms
// are affine, so that it is the difference of what z + v and z mean.
func (f dataField) Velocity(dst, x tensor.Mat, t float64) error {
	m, c := f.s.Model, f.c
	if conditioned(c.Cond) {
		c.Cond = repeat(f.s, c.Cond, x.N)
	}
	net, err := sample.Field(m, c, 0, x.N)
	if err != nil {
		return err
	}
	z, v := tensor.New(x.N, x.D), tensor.New(x.N, x.D)
	if err := m.Transform.Forward(z, tensor.Convert[float64](x)); err != nil {
		return err
	}
	if err := net.Velocity(v, z, t); err != nil {
		return err
	}
	for i := range v.Data {
		v.Data[i] += z.Data[i]
	}
	from, to := tensor.NewOf[float64](x.N, x.D), tensor.NewOf[float64](x.N, x.D)
	if err := m.Transform.Inverse(from, z); err != nil {
		return err
	}
	if err := m.Transform.Inverse(to, v); err != nil {
		return err
	}
	for i := range dst.Data {
		dst.Data[i] = float32(to.Data[i] - from.Data[i])
	}
	return nil
}

// field is the field in the numbers of the data that the options ask for, guided as
// samples are.
func (o PictureOptions) field(s *Saved) flow.Field {
	c := sample.Config{Cond: o.Sample.Cond, Guidance: o.Sample.Guidance}
	switch {
	case s.Model.Weak != nil:
		c.Guidance = cmp.Or(c.Guidance, s.Guidance())
	case !conditioned(c.Cond):
		c.Guidance = 1
	}
	return dataField{s, c}
}

func fieldPicture(_ context.Context, s *Saved, plan *recipe.Plan, o PictureOptions) (plot.Figure, error) {
	if err := s.watchable(); err != nil {
		return plot.Figure{}, err
	}
	if err := needPlane(s, "field", 2, 2); err != nil {
		return plot.Figure{}, err
	}
	c, err := o.config(s, plan, 1000)
	if err != nil {
		return plot.Figure{}, err
	}
	// Noise and data set the region, so that all times share it.
	start, err := sample.Start(s.Model, c)
	if err == nil {
		start, err = back(s, start)
	}
	if err != nil {
		return plot.Figure{}, err
	}
	real, err := shownData(s, plan, c.N, c.Seed)
	if err != nil {
		return plot.Figure{}, err
	}
	if real.N == 0 {
		real = start
	}
	return plot.Quiver{Title: "velocity field", Field: o.field(s), T: o.T, Data: real, Names: axisNames(s.Recipe.Data.Name, s.Model.Columns), Dark: o.Dark}.Figure()
}
