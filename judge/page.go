package judge

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"math"
	"slices"
	"strings"
	"time"

	"laminar/data/table"
	"laminar/plot"
	"laminar/report"
	"laminar/rng"
	"laminar/tensor"
)

// Page is the report as one page, with pictures of the columns, of the most
// related ones in pairs, and of how columns depend on each other. s, real and
// synth are what r was made from.
func Page(ctx context.Context, title string, s *table.Schema, real, synth matrix, r *Report) (report.Page, error) {
	cols, err := pair(s, real, synth)
	if err != nil {
		return report.Page{}, err
	}
	p := report.Page{
		Title:   title + ": how good are the synthetic rows?",
		Summary: fmt.Sprintf("%d synthetic rows against the %d real rows they were learnt from.", r.Rows.Synth, r.Rows.Real),
		Facts: []report.Fact{
			{Name: "Shape error", Value: percent(r.Shape, 2)},
			{Name: "Trend error", Value: percent(r.Trend, 2)},
			{Name: "trees tell apart, AUC", Value: digits(r.TreesAUC, 3)},
		},
		Footer: "Laminar, flow matching in Go",
	}
	if r.Rows.Holdout > 0 {
		p.Summary = fmt.Sprintf("%d synthetic rows against the %d real rows they were learnt from, and %d real rows that learning has not seen.", r.Rows.Synth, r.Rows.Real, r.Rows.Holdout)
		p.Facts = append(p.Facts, report.Fact{Name: "DCR share", Value: percent(r.DCRShare, 1)})
	}
	p.Facts = append(p.Facts, report.Fact{Name: "exact copies", Value: fmt.Sprint(r.Copies)})
	if m := r.MLE; m != nil {
		p.Facts = append(p.Facts, report.Fact{Name: map[string]string{"auc": "AUC", "r2": "R²"}[m.Metric] + " of " + short(m.Target, 20), Value: digits(m.Synth, 3) + " of " + digits(m.Real, 3)})
	}
	verdict := report.Section{Title: "Verdict"}
	words := report.Table{Columns: []string{"", "in words"}}
	for _, v := range r.Verdict.all() {
		about, text, _ := strings.Cut(v, ": ")
		words.Rows = append(words.Rows, []string{about, capital(text)})
	}
	verdict.Tables = []report.Table{words}
	p.Sections = append(p.Sections, verdict)
	p.Sections = append(p.Sections, r.figures()...)
	pictures, err := illustrated(ctx, s, cols, real, synth, r)
	if err != nil {
		return p, err
	}
	p.Sections = append(p.Sections, pictures...)
	b, err := json.Marshal(r)
	if err != nil {
		return p, err
	}
	notes := "Everything in this report follows from the rows and a seed."
	for _, n := range r.Notes {
		notes += " Note: " + n + "."
	}
	p.Sections = append(p.Sections, report.Section{Title: "All figures", Text: notes, JSON: b})
	return p, nil
}

// figures are the sections with the tables.
func (r *Report) figures() []report.Section {
	var out []report.Section
	about := map[string]string{
		"fidelity":   "How like the real table the synthetic one is. Beside each figure stands its floor, what real rows get by the same measure: " + r.FloorBy + "; for Shape and Trend a bootstrap of the real rows.",
		"usefulness": "Trees are grown on synthetic rows and tested on real rows that they have not seen.",
		"privacy":    "Whether synthetic rows know more of single training rows than rows of the same origin would. The floors are those of held-out rows. None of this is a proof of privacy.",
	}
	if v := r.Holdout; v.Shape == v.Shape {
		about["fidelity"] += fmt.Sprintf(" The held-out rows themselves are %s in Shape and %s in Trend from the training rows.", percent(v.Shape, 2), percent(v.Trend, 2))
	}
	for _, l := range r.lines() {
		if len(out) == 0 || out[len(out)-1].Title != capital(l.group) {
			out = append(out, report.Section{Title: capital(l.group), Text: about[l.group], Tables: []report.Table{{
				Columns: []string{"figure", "synthetic", "floor", "best", "what it says"}, Numeric: []bool{false, true, true, true, false},
			}}})
		}
		t := &out[len(out)-1].Tables[0]
		t.Rows = append(t.Rows, []string{l.name, l.value, l.floor, l.best, l.about})
	}
	columns := report.Table{
		Caption: "Columns, the worst first. Missing cells as shares of the column; the last figure is the column's part in how trees tell synthetic rows from real ones.",
		Columns: []string{"column", "kind", "Shape error", "floor", "missing, real", "missing, synthetic", "gives away"},
		Numeric: []bool{false, false, true, true, true, true, true},
	}
	worst := slices.Clone(r.Columns)
	slices.SortStableFunc(worst, func(a, b ColumnFigure) int { return cmp.Compare(b.Shape, a.Shape) })
	for _, c := range worst {
		columns.Rows = append(columns.Rows, []string{
			short(c.Name, 40), string(c.Kind), percent(c.Shape, 2), percent(c.Floor, 2),
			percent(c.MissingReal, 1), percent(c.MissingSynth, 1), percent(c.By, 0),
		})
	}
	pairs := report.Table{Caption: "Pairs of columns of the largest Trend error", Columns: []string{"pair", "Trend error"}, Numeric: []bool{false, true}}
	for _, w := range r.worst(10) {
		pairs.Rows = append(pairs.Rows, []string{short(w.A, 40) + ", " + short(w.B, 40), percent(number(w.Error), 2)})
	}
	tables := []report.Table{columns}
	if len(pairs.Rows) > 0 {
		tables = append(tables, pairs)
	}
	return append(out, report.Section{Title: "Columns and pairs", Tables: tables})
}

// The largest numbers of columns in pictures, and of rows in scatters.
const (
	mostMarginals = 60
	mostHeat      = 40
	mostGrid      = 4
	mostPoints    = 1500
)

// illustrated are the sections with pictures.
func illustrated(ctx context.Context, s *table.Schema, cols []column, real, synth matrix, r *Report) ([]report.Section, error) {
	marginals := report.Section{Title: "Columns", Small: true, Text: "Each column by itself: real rows in grey, synthetic rows in blue."}
	if len(cols) > mostMarginals {
		marginals.Text += fmt.Sprintf(" The first %d columns are shown.", mostMarginals)
	}
	shown := cols[:min(mostMarginals, len(cols))]
	marginals.Figures = make([]report.Figure, len(shown))
	errs := make([]error, len(shown))
	each(len(shown), func(k int) {
		if ctx.Err() == nil {
			m := marginal(s, shown[k], real, synth)
			marginals.Figures[k], errs[k] = drawn(fmt.Sprintf("Error %s, floor %s.", percent(r.Columns[k].Shape, 2), percent(r.Columns[k].Floor, 2)), func(dark bool) (plot.Figure, error) {
				m.Dark = dark
				return m.Figure()
			}, svg)
			marginals.Figures[k].Alt = "Distribution of " + shown[k].name + " in real and synthetic rows."
		}
	})
	for _, err := range append(errs, ctx.Err()) {
		if err != nil {
			return nil, err
		}
	}
	out := []report.Section{marginals}
	heat := cols[:min(mostHeat, len(cols))]
	if len(heat) < 2 {
		return out, nil
	}
	a, b := association(heat, real), association(heat, synth)
	grid, err := pairGrid(s, heat, a, real, synth)
	if err != nil {
		return nil, err
	}
	out = append(out, report.Section{
		Title: "The most related columns", Large: true, Figures: []report.Figure{grid},
		Text: "The columns that depend most on each other, in pairs: real rows in grey, as many synthetic rows in blue. Levels of categories are spread a little.",
	})
	depend := report.Section{Title: "How columns depend on each other", Text: "Pearson's correlation of two numbers, the correlation ratio of a number and a category, Cramér's V of two categories, and the difference of the synthetic from the real. Blank where a column does not vary."}
	if len(cols) > mostHeat {
		depend.Text += fmt.Sprintf(" The first %d columns are shown.", mostHeat)
	}
	names := make([]string, len(heat))
	difference, most := make([][]float64, len(heat)), 0.05
	for i, c := range heat {
		names[i] = c.name
		difference[i] = make([]float64, len(heat))
		for j := range heat {
			difference[i][j] = b[i][j] - a[i][j]
			if d := math.Abs(difference[i][j]); d > most {
				most = d
			}
		}
	}
	for _, h := range []plot.Heat{
		{Title: "Real", Names: names, Values: a},
		{Title: "Synthetic", Names: names, Values: b},
		{Title: "Synthetic less real", Names: names, Values: difference, Most: math.Ceil(most*20) / 20},
	} {
		f, err := drawn("", func(dark bool) (plot.Figure, error) {
			h.Dark = dark
			return h.Figure()
		}, svg)
		if err != nil {
			return nil, err
		}
		f.Alt = h.Title + ": how the columns depend on each other."
		depend.Figures = append(depend.Figures, f)
	}
	return append(out, depend), nil
}

func svg(f plot.Figure, b *bytes.Buffer) error { return f.SVG(b) }

// pixels draws a picture of many points at the width at which a page shows it.
func pixels(f plot.Figure, b *bytes.Buffer) error { return png.Encode(b, f.Image(1.25)) }

// drawn draws a figure for light and dark pages.
func drawn(caption string, figure func(dark bool) (plot.Figure, error), write func(plot.Figure, *bytes.Buffer) error) (report.Figure, error) {
	out := report.Figure{Caption: caption}
	for _, dark := range []bool{false, true} {
		f, err := figure(dark)
		if err != nil {
			return out, err
		}
		var b bytes.Buffer
		if err := write(f, &b); err != nil {
			return out, err
		}
		if dark {
			out.Dark = b.Bytes()
		} else {
			out.Light = b.Bytes()
		}
	}
	return out, nil
}

// marginal is the picture of a column; of many levels the most frequent.
func marginal(s *table.Schema, c column, real, synth matrix) plot.Marginal {
	m := plot.Marginal{Title: c.name}
	if c.number() {
		m.Data, m.Samples = shownAs(c, present(real, c.at)), shownAs(c, present(synth, c.at))
		if len(m.Data)+len(m.Samples) > 0 {
			return m
		}
		return plot.Marginal{Title: c.name, Levels: []string{"missing"}, Data: []float64{1}, Samples: []float64{1}}
	}
	p, q := shares(c, real), shares(c, synth)
	const most = 50
	order := make([]int, c.levels)
	for k := range order {
		order[k] = k
	}
	if c.levels > most {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[b], p[a]) })
		order = order[:most]
		m.Title = fmt.Sprintf("%s, %d of %d levels", c.name, most, c.levels)
	}
	for _, k := range order {
		m.Levels, m.Data, m.Samples = append(m.Levels, s.Columns[c.at].Levels[k]), append(m.Data, p[k]), append(m.Samples, q[k])
	}
	if k := c.levels; p[k]+q[k] > 0 {
		m.Levels, m.Data, m.Samples = append(m.Levels, "missing"), append(m.Data, p[k]), append(m.Samples, q[k])
	}
	return m
}

// shownAs is the numbers of a column as an axis shows them: dates in years.
func shownAs(c column, v []float64) []float64 {
	if c.kind == table.Date {
		for i := range v {
			v[i] = 1970 + v[i]/(365.2425*24*float64(time.Hour/time.Second))
		}
	}
	return v
}

// pairGrid is the picture of the columns that depend most on each other.
func pairGrid(s *table.Schema, cols []column, a [][]float64, real, synth matrix) (report.Figure, error) {
	pairs := pairsOf(cols, math.MaxInt32, rng.Key{})
	strength := func(p [2]int) float64 {
		if v := math.Abs(a[p[0]][p[1]]); v == v {
			return v
		}
		return -1 // a column that does not vary comes last
	}
	slices.SortStableFunc(pairs, func(x, y [2]int) int { return cmp.Compare(strength(y), strength(x)) })
	var chosen []int
	for _, p := range pairs {
		for _, k := range p {
			if len(chosen) < mostGrid && !slices.Contains(chosen, k) {
				chosen = append(chosen, k)
			}
		}
	}
	slices.Sort(chosen)
	var names []string
	for _, k := range chosen {
		names = append(names, short(cols[k].name, 28))
	}
	key := rng.New(0).Split("pictures")
	n := min(mostPoints, real.N, synth.N)
	points := func(m matrix, name string) tensor.Mat {
		m = draw(m, n, key.Split(name))
		out := tensor.New(m.N, len(chosen))
		s := key.Split("spread").Stream()
		for q, k := range chosen {
			c := cols[k]
			for i := range m.N {
				v := m.At(i, c.at)
				if c.number() {
					out.Row(i)[q] = float32(shownAs(c, []float64{v})[0])
				} else {
					out.Row(i)[q] = float32(float64(c.code(v)) + 0.5*(s.Float64()-0.5))
				}
			}
		}
		return out
	}
	levels := make([][]string, len(chosen))
	for q, k := range chosen {
		if c := cols[k]; !c.number() {
			levels[q] = append(slices.Clone(s.Columns[c.at].Levels), "missing")
		}
	}
	g := plot.PairGrid{Names: names, Levels: levels, Legend: [2]string{"real", "synthetic"}, Dims: len(chosen), Data: points(real, "real"), Samples: points(synth, "synth")}
	return drawn("", func(dark bool) (plot.Figure, error) {
		g.Dark = dark
		return g.Figure()
	}, pixels)
}
