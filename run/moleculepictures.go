package run

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"

	"laminar/data/molecule"
	"laminar/plot"
	"laminar/recipe"
	"laminar/report"
	"laminar/rng"
	"laminar/sample"
	"laminar/tensor"
)

// shownMolecules is the number of molecules of a picture of the report.
const shownMolecules = 36

// Picture shows molecules from their broadest side, with a ring about each atom
// that is not stable.
func (molecules) Picture(s *Saved, rows tensor.Matrix[float64], o PictureOptions) (plot.Figure, error) {
	all := s.Form.(moleculeForm).take(rows)
	return moleculeFigure(cmp.Or(o.Title, filepath.Base(s.Recipe.Data.Name)), all[:min(len(all), 100)], nil, o.Dark)
}

// unstableAtom says what a ring means.
const unstableAtom = "an atom whose bonds do not add up to a valence of its element"

// moleculeFigure shows molecules, in views or from their broadest side.
func moleculeFigure(title string, all []molecule.Molecule, views []molecule.View, dark bool) (plot.Figure, error) {
	g := plot.Molecules{Title: title, Mark: unstableAtom, Dark: dark}
	for i := range all {
		m := &all[i]
		bonds := molecule.Bonds(m)
		view := m.Broad()
		if views != nil {
			view = views[i]
		}
		p := plot.Molecule{X: m.Seen(view)}
		for _, e := range m.Elements {
			p.Symbols = append(p.Symbols, e.String())
		}
		for _, b := range bonds {
			p.Bonds = append(p.Bonds, plot.Stick{I: b.I, J: b.J, Order: b.Order})
		}
		if views == nil {
			for _, ok := range molecule.StableAtoms(m, bonds) {
				p.Marked = append(p.Marked, !ok)
			}
		}
		g.Molecules = append(g.Molecules, p)
	}
	return g.Figure()
}

// filmedMolecules is the number of molecules in a film.
const filmedMolecules = 16

// Film writes a GIF of molecules on their way, seen from where they are broadest in
// the end.
func (molecules) Film(ctx context.Context, w io.Writer, s *Saved, plan *recipe.Plan, o AnimateOptions) error {
	_, z, err := o.way(ctx, s, plan, filmedMolecules)
	if err != nil {
		return err
	}
	form := s.Form.(moleculeForm)
	var views []molecule.View
	last := form.take(tensor.Convert[float64](z[len(z)-1]))
	for i := range last {
		views = append(views, last[i].Broad())
	}
	var film plot.Film
	for _, rows := range z {
		fig, err := moleculeFigure(cmp.Or(o.Title, filepath.Base(s.Recipe.Data.Name)), form.take(tensor.Convert[float64](rows)), views, o.Dark)
		if err != nil {
			return err
		}
		film.Frames = append(film.Frames, fig)
	}
	return film.GIF(w)
}

func (m molecules) Sections(ctx context.Context, s *Saved, plan *recipe.Plan, j Judgement, o PictureOptions) ([]report.Section, error) {
	var out []report.Section
	if r, ok := j.(*MoleculeReport); ok {
		out = append(out, r.section())
	}
	c, err := o.config(s, plan, shownMolecules)
	if err != nil {
		return nil, err
	}
	rows, _, err := sample.Draw(ctx, s.Model, c)
	if err != nil {
		return nil, err
	}
	o.Title = "samples"
	made, err := m.Picture(s, rows, o)
	if err != nil {
		return nil, err
	}
	sec := report.Section{Title: "Samples", Text: "Molecules as they are drawn, none left out, from their broadest side. Bonds are told by distances; a ring marks " + unstableAtom + "."}
	figures := []struct {
		file, caption string
		fig           plot.Figure
	}{{"samples.png", fmt.Sprintf("Samples, %d evaluations each%s.", c.Solve.NFE, guidedBy(c.Guidance)), made}}
	if set := setOf(plan.Train); set.Len() > 0 {
		var real []molecule.Molecule
		key := rng.New(0).Stream()
		for range shownMolecules {
			real = append(real, set.At(key.IntN(set.Len())))
		}
		fig, err := moleculeFigure("data", real, nil, o.Dark)
		if err != nil {
			return nil, err
		}
		figures = append(figures, struct {
			file, caption string
			fig           plot.Figure
		}{"data.png", "Molecules of the data.", fig})
	}
	for _, f := range figures {
		var png bytes.Buffer
		if err := f.fig.PNG(&png); err != nil {
			return nil, err
		}
		sec.Figures = append(sec.Figures, report.Figure{File: f.file, Caption: f.caption, Light: png.Bytes()})
	}
	return append(out, sec), nil
}

func (molecules) Files() []string { return []string{"samples.png", "data.png"} }

// section is the report's table.
func (r *MoleculeReport) section() report.Section {
	t := report.Table{Columns: []string{"", "evaluations", "atoms stable %", "molecules stable %", "valid %", "unique %", "novel %"}}
	add := func(name, nfe string, q molecule.Quality) {
		row := []string{name, nfe}
		for _, v := range []float64{q.AtomStable, q.MolStable, q.Valid, q.Unique, q.Novel} {
			row = append(row, fmt.Sprintf("%.1f", 100*v))
		}
		t.Rows = append(t.Rows, row)
	}
	for _, row := range r.Rows {
		add(row.Solver, fmt.Sprintf("%.0f", row.NFE), row.Quality)
	}
	add("data", "", r.Floor)
	text := fmt.Sprintf("Of %d samples: atoms and molecules that are stable (every atom has a valence of its element), molecules that are valid (one piece, no atom above its highest valence), and of the valid ones the share of different ones, and of these the share that training did not see. Hydrogens included; bonds by distances.", r.N)
	if r.guided != "" {
		text += " Note: " + r.guided + "."
	}
	return report.Section{Title: "Quality", Text: text, Tables: []report.Table{t}}
}
