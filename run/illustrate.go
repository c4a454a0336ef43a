package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"laminar/flow"
	"laminar/metric"
	"laminar/plot"
	"laminar/recipe"
	"laminar/report"
	"laminar/rng"
)

// plate is a picture of the run folder.
type plate struct {
	file, kind string
	t          float64
	section    string
	caption    string
}

// plates lists the pictures in the order of the report. A model has those of
// its kind: one of digits has no field.
var plates = []plate{
	{"quality.png", "quality", 0, "Quality", "2-Wasserstein distance to data against network evaluations, with 95 % intervals. The band is data against data."},
	{"loss.png", "loss", 0, "Quality", "Training loss, the mean of every 20 steps, and its running mean."},
	{"samples.png", "samples", 0, "Samples", "Samples of the model over the data."},
	{"paths.png", "paths", 0, "Samples", "How 200 points travel from t = 0 to t = 1."},
	{"field-000.png", "field", 0, "Velocity field", "At t = 0, where points start."},
	{"field-033.png", "field", 1. / 3, "Velocity field", "At a third of the way."},
	{"field-067.png", "field", 2. / 3, "Velocity field", "At two thirds."},
	{"field-100.png", "field", 1, "Velocity field", "At t = 1, where points arrive."},
	{"crossing.png", "crossing", 0, "Coupling", "A batch of pairs as the model was trained on them."},
	{"independent.png", "independent", 0, "Coupling", "The same noise and data paired by chance. Where lines cross, no field can follow both."},
}

// pictureFiles are the pictures that a run folder can hold.
var pictureFiles = func() []string {
	var names []string
	for _, p := range plates {
		names = append(names, p.file)
	}
	return names
}()

// shows tells whether a picture suits a model and what is known of it.
func (p plate) shows(s *Saved, plan *recipe.Plan, o PictureOptions) bool {
	d, images := s.Model.Dim(), side(s.Model.Dim()) > 0
	switch p.kind {
	case "paths":
		return !images && s.watchable() == nil
	case "field":
		return d == 2 && s.watchable() == nil
	case "crossing":
		return !images && plan.TrainPairs() != nil && s.Recipe.Family != "gan"
	case "independent":
		return !images && plan.Pairs != nil && plan.TrainPairs() != nil && s.Recipe.Family != "gan" && plan.Recipe.Coupling.Name != "independent"
	case "loss":
		return len(o.Lines) > 0
	case "quality":
		return o.Report != nil && slices.ContainsFunc(o.Report.Rows, func(r metric.Row) bool {
			return r.W2 > 0 && !math.IsInf(float64(r.W2), 0) // the axis is logarithmic
		})
	}
	return true
}

// Illustrate writes into a run folder the pictures that suit the model,
// eval.json with the figures of j, and report.html with all of them, and
// returns the paths written. Without j, which may be nil, the pictures and
// tables that need it are left out. All is in the numbers of the data.
func Illustrate(ctx context.Context, dir string, s *Saved, plan *recipe.Plan, j Judgement) ([]string, error) {
	if s.Form != nil {
		return illustrateForm(ctx, dir, s, plan, j)
	}
	rep, _ := j.(*metric.Report)
	lines, err := ReadMetrics(filepath.Join(dir, MetricsFile))
	if err != nil {
		return nil, err
	}
	o := PictureOptions{Lines: lines, Report: rep}
	o.Sample.Seed = rng.New(plan.Recipe.Train.Seed).Split("pictures")
	folder := shelf{dir: dir}
	shown, err := draw(ctx, s, plan, o)
	if err != nil {
		return nil, err
	}
	for _, p := range plates {
		png, ok := shown[p.file]
		if !ok {
			continue
		}
		if err := folder.picture(p.file, png); err != nil {
			return folder.files, err
		}
	}
	if rep != nil {
		if err := folder.judgement(rep); err != nil {
			return folder.files, err
		}
	}
	page, err := reportPage(dir, s, plan, rep, shown)
	if err != nil {
		return folder.files, err
	}
	return folder.files, folder.add(ReportFile, page.WriteHTML)
}

// shelf is a run folder that results are put into.
type shelf struct {
	dir   string
	files []string // the paths written
}

func (f *shelf) add(name string, write func(io.Writer) error) error {
	path := filepath.Join(f.dir, name)
	err := WriteFile(path, write)
	if err == nil {
		f.files = append(f.files, path)
	}
	return err
}

func (f *shelf) picture(name string, b []byte) error {
	return f.add(name, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

func (f *shelf) judgement(j Judgement) error {
	path := filepath.Join(f.dir, EvalFile)
	err := writeJSON(path, j)
	if err == nil {
		f.files = append(f.files, path)
	}
	return err
}

// draw draws all plates that suit the model, over all cores, as PNG by file
// name. Those of samples that diverge are left out: the figures of the report
// tell.
func draw(ctx context.Context, s *Saved, plan *recipe.Plan, o PictureOptions) (map[string][]byte, error) {
	var wg sync.WaitGroup
	pngs, errs := make([]bytes.Buffer, len(plates)), make([]error, len(plates))
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, p := range plates {
		if !p.shows(s, plan, o) {
			continue
		}
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			o := o
			o.T = p.t
			err := ctx.Err()
			var fig plot.Figure
			if err == nil {
				fig, err = Picture(ctx, p.kind, s, plan, o)
			}
			if err == nil {
				err = fig.PNG(&pngs[i])
			}
			if err != nil && !errors.Is(err, flow.ErrDiverged) {
				errs[i] = fmt.Errorf("%s: %w", p.file, err)
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	shown := map[string][]byte{}
	for i, p := range plates {
		if pngs[i].Len() > 0 {
			shown[p.file] = pngs[i].Bytes()
		}
	}
	return shown, errors.Join(errs...)
}

// reportPage is the report of a run, with the pictures that were drawn.
func reportPage(dir string, s *Saved, plan *recipe.Plan, rep *metric.Report, shown map[string][]byte) (report.Page, error) {
	r := s.Recipe
	p := report.Page{Title: filepath.Base(r.Data.Name), Facts: facts(s, rep), Footer: "Laminar, flow matching in Go"}
	source, paired := r.Source, r.Coupling.Name+" coupling"
	switch {
	case len(s.Times) > 0:
		source = fmt.Sprintf("the rows at %s = %v", r.Data.TimeColumn, s.Times[0])
	case source == "gaussian":
		source = "Gaussian noise"
	}
	switch r.Coupling.Name {
	case "ot":
		paired = "optimal transport"
	case "independent":
		paired = "chance"
	}
	kind := "A flow"
	if r.Family != "flow" {
		kind = "A " + r.Family + " model"
	}
	p.Summary = fmt.Sprintf("%s from %s to %s (%d columns), trained on pairs joined by %s.", kind, source, p.Title, s.Model.Dim(), paired)
	section := func(title, text string) *report.Section {
		for i := range p.Sections {
			if p.Sections[i].Title == title {
				return &p.Sections[i]
			}
		}
		p.Sections = append(p.Sections, report.Section{Title: title, Text: text})
		return &p.Sections[len(p.Sections)-1]
	}
	if rep != nil {
		q := section("Quality", fmt.Sprintf("Samples against %s%s. W2 is the mean over %d pairs of %d points, with a 95 %% interval; SW2 and energy use %d points. The floor is what two draws of the data are apart: its W2 varies by %s from pair to pair, so that a ratio near 1 is no verdict.", orElse(rep.Against, "data"), in(rep.Units),
			rep.Pairs, rep.N, rep.Fine, digits(rep.Floor.W2SD, 3)))
		for _, note := range rep.Notes {
			q.Text += " Note: " + note + "."
		}
		q.Tables = append(q.Tables, distances(*rep))
		if t, ok := pathTable(*rep); ok {
			q.Tables = append(q.Tables, t)
		}
		if len(rep.Marginals) > 0 {
			q.Tables = append(q.Tables, marginalTable(rep.Marginals))
		}
	}
	for _, x := range plates {
		if png := shown[x.file]; png != nil {
			sec := section(x.section, "")
			sec.Figures = append(sec.Figures, report.Figure{Caption: x.caption, Light: png})
		}
	}
	last, err := again(dir, s, "points.csv")
	p.Sections = append(p.Sections, last)
	return p, err
}

// again is the section that tells how a run is had again.
func again(dir string, s *Saved, file string) (report.Section, error) {
	text, err := json.Marshal(s.Recipe)
	return report.Section{
		Title: "How to get this run again",
		Text:  "These settings and this kernel set (" + s.Kernels + ") give the same bits on any number of cores:",
		Tables: []report.Table{{
			Columns: []string{"to", "run"},
			Rows: [][]string{
				{"train", fmt.Sprintf("laminar train --recipe %s --kernels %s -o %s", quote(filepath.Join(dir, RecipeFile)), s.Kernels, quote(filepath.Clean(dir)+"-again"))},
				{"judge", "laminar eval " + quote(dir)},
				{"sample", fmt.Sprintf("laminar sample %s -n 1000 -o %s", quote(dir), file)},
			},
		}},
		JSON: text,
	}, err
}

// facts is the short list under the title.
func facts(s *Saved, rep *metric.Report) []report.Fact {
	f := []report.Fact{
		{Name: "steps", Value: thousands(s.Steps)},
		{Name: "training", Value: fmt.Sprintf("%.1f s", s.Seconds)},
		{Name: "loss", Value: digits(metric.Number(s.Loss), 4)},
		{Name: "parameters", Value: thousands(len(s.Model.Params))},
		{Name: "batch", Value: strconv.Itoa(s.Recipe.Train.Batch)},
	}
	if n := len(s.Model.Classes); n > 0 {
		f = append(f, report.Fact{Name: "classes", Value: strconv.Itoa(n)})
	}
	if rep != nil && len(rep.Rows) > 0 {
		last := rep.Rows[len(rep.Rows)-1]
		f = append(f, report.Fact{Name: fmt.Sprintf("W2 over floor, %d evaluations", last.NFE), Value: digits(last.W2Ratio, 2)})
	}
	return f
}

// distances is the table of the report's rows and its floor.
func distances(r metric.Report) report.Table {
	t := report.Table{
		Columns: []string{"solver", "evaluations", "W2", "95 %", "over floor", "95 %", "SW2", "energy", "s.e.", "MMD²"},
		Numeric: []bool{false, true, true, true, true, true, true, true, true, true},
	}
	for _, x := range r.Rows {
		t.Rows = append(t.Rows, []string{
			x.Solver, strconv.Itoa(x.NFE), digits(x.W2, 3), interval(x.W2CI, 3), digits(x.W2Ratio, 2), interval(x.W2RatioCI, 2),
			digits(x.SW2, 4), power(x.Energy), power(x.EnergySE), power(x.MMD),
		})
	}
	f := r.Floor
	t.Rows = append(t.Rows, []string{"data (floor)", "", digits(f.W2, 3), interval(f.W2CI, 3), "1", "", digits(f.SW2, 4), power(f.Energy), power(f.EnergySE), power(f.MMD)})
	return t
}

// pathTable holds the figures of the paths and of the coupling, if there are
// any.
func pathTable(r metric.Report) (report.Table, bool) {
	t := report.Table{Columns: []string{"figure", "value", "meaning"}, Numeric: []bool{false, true, false}}
	for _, x := range []struct {
		name    string
		value   metric.Number
		meaning string
	}{
		{"normalised path energy", r.NPE, "excess of the paths' energy over that of optimal transport; 0 is best"},
		{"straightness", r.Straightness, "mean deviation of the velocity from the straight line; 0 is straight"},
		{"crossing", r.Crossing, "share of the training target that no field can follow"},
	} {
		if !math.IsNaN(float64(x.value)) {
			t.Rows = append(t.Rows, []string{x.name, digits(x.value, 4), x.meaning})
		}
	}
	return t, len(t.Rows) > 0
}

// marginalTable tells how well real points are carried from one time to the next.
func marginalTable(all []metric.Marginal) report.Table {
	t := report.Table{
		Columns: []string{"from", "to", "W1", "W1 standing still", "W1 between halves of the data", "points"},
		Numeric: []bool{true, true, true, true, true, true},
	}
	for _, m := range all {
		to := fmt.Sprint(m.Time)
		if m.LeftOut {
			to += " (left out)"
		}
		t.Rows = append(t.Rows, []string{fmt.Sprint(m.From), to, digits(m.W1, 3), digits(m.Still, 3), digits(m.Floor, 3), strconv.Itoa(m.N)})
	}
	return t
}

func digits(n metric.Number, places int) string {
	if v := float64(n); v-v == 0 {
		return strconv.FormatFloat(v, 'f', places, 64)
	}
	return "-"
}

func power(n metric.Number) string {
	if v := float64(n); v-v == 0 {
		return fmt.Sprintf("%.1e", v)
	}
	return "-"
}

func interval(i metric.Interval, places int) string {
	return digits(i[0], places) + " to " + digits(i[1], places)
}

// thousands writes a count with its thousands parted.
func thousands(n int) string {
	t := strconv.Itoa(n)
	for i := len(t) - 3; i > 0; i -= 3 {
		t = t[:i] + "," + t[i:]
	}
	return t
}

// quote quotes a path for a shell where it has to be.
func quote(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool {
		return !strings.ContainsRune("_-./+,:@%=", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r < 128
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func in(units string) string {
	if units == "" {
		return ""
	}
	return ", in " + units
}
