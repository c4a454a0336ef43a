package run

import (
	"context"

	"laminar/plot"
	"laminar/recipe"
	"laminar/report"
	"laminar/tensor"
)

func (molecules) Picture(s *Saved, rows tensor.Matrix[float64], o PictureOptions) (plot.Figure, error) {
	return plot.Figure{}, nil
}

func (molecules) Sections(ctx context.Context, s *Saved, plan *recipe.Plan, j Judgement, o PictureOptions) ([]report.Section, error) {
	return nil, nil
}

func (molecules) Files() []string { return nil }
