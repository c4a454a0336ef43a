package run

import (
	"context"
	"path/filepath"

	"laminar/metric"
	"laminar/recipe"
)

var pictureFiles = []string{"samples.png", "paths.png", "loss.png", "quality.png", "field.png"}

// Illustrate writes eval.json.
func Illustrate(_ context.Context, dir string, _ *Saved, _ *recipe.Plan, rep *metric.Report) ([]string, error) {
	return []string{EvalFile}, writeJSON(filepath.Join(dir, EvalFile), rep)
}
