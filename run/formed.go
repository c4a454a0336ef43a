package run

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"laminar/recipe"
	"laminar/report"
	"laminar/rng"
)

// illustrateForm is Illustrate for a model with a form.
func illustrateForm(ctx context.Context, dir string, s *Saved, plan *recipe.Plan, j Judgement) ([]string, error) {
	m, err := mediumOf(s.Kind())
	if err != nil {
		return nil, err
	}
	o := PictureOptions{}
	if o.Lines, err = ReadMetrics(filepath.Join(dir, MetricsFile)); err != nil {
		return nil, err
	}
	o.Sample.Seed = rng.New(plan.Recipe.Train.Seed).Split("pictures")
	page := report.Page{
		Title: filepath.Base(s.Recipe.Data.Name), Facts: facts(s, nil), Footer: "Laminar, flow matching in Go",
		Summary: fmt.Sprintf("A %s model of %s, %d numbers to a row.", s.Recipe.Family, s.Kind(), s.Model.Dim()),
	}
	if of, ok := m.(summarised); ok {
		page.Summary = of.Summary(s)
	}
	if page.Sections, err = m.Sections(ctx, s, plan, j, o); err != nil {
		return nil, err
	}
	if len(o.Lines) > 0 {
		fig, err := lossPicture(ctx, s, plan, o)
		if err != nil {
			return nil, err
		}
		var png bytes.Buffer
		if err := fig.PNG(&png); err != nil {
			return nil, err
		}
		page.Sections = append(page.Sections, report.Section{Title: "Training", Figures: []report.Figure{{
			File: "loss.png", Caption: "Training loss, the mean of every 20 steps, and its running mean.", Light: png.Bytes(),
		}}})
	}
	last, err := again(dir, s, "samples."+m.Formats()[0])
	if err != nil {
		return nil, err
	}
	page.Sections = append(page.Sections, last)
	folder := shelf{dir: dir}
	for _, sec := range page.Sections {
		for _, f := range sec.Figures {
			if f.File == "" {
				continue
			}
			if err := folder.picture(f.File, f.Light); err != nil {
				return folder.files, err
			}
		}
	}
	if j != nil {
		if err := folder.judgement(j); err != nil {
			return folder.files, err
		}
	}
	return folder.files, folder.add(ReportFile, page.WriteHTML)
}
