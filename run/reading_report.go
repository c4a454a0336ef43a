package run

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"laminar/flow"
	"laminar/metric"
	"laminar/plot"
	"laminar/recipe"
	"laminar/report"
	"laminar/sample"
	"laminar/tensor"
)

// ReadingReport is the judgement of a model of images or sounds, by a classifier
// that reads them; its JSON is that of `laminar eval --json`.
type ReadingReport struct {
	Kind    string `json:"kind"`
	Data    string `json:"data"`
	Against string `json:"against"`
	// N is the number of samples, Reference that of the rows of the data that they
	// are compared with.
	N         int `json:"n"`
	Reference int `json:"reference"`
	// Features says where distances are measured: in those of a "classifier", or
	// of "pixels", averaged over a grid of 8 x 8, for data without classes.
	Features string       `json:"features"`
	Rows     []ReadingRow `json:"rows"`
	// Classifier is the share of the reference that the classifier reads right.
	Classifier   metric.Number   `json:"classifier_real"`
	ClassifierCI metric.Interval `json:"classifier_real_ci"`
	// Nearest is the median distance of samples to the nearest training row, the
	// root mean square over its numbers, of images in grey levels of 0 to 255, of
	// sounds in decibels; Copies the share that lie nearer than all but 1 % of rows
	// that training has not seen.
	Nearest metric.Number `json:"nearest_train"`
	Copies  metric.Number `json:"copies"`
	Floor   ReadingFloor  `json:"floor"`

	gallery       gallery
	halves        bool       // the floor is one half of the reference against the other
	samples, near tensor.Mat // of the network's space: samples and the training rows nearest to them
}

// ReadingRow holds the figures at one setting: the share of samples that are read
// as the class asked for, the Frechet distance, precision and recall, with 95 %
// intervals.
type ReadingRow struct {
	Solver       string          `json:"solver"`
	Grid         string          `json:"grid,omitempty"`
	NFE          int             `json:"nfe"`
	Guidance     float64         `json:"guidance"`
	Classifier   metric.Number   `json:"classifier_cond"`
	ClassifierCI metric.Interval `json:"classifier_cond_ci"`
	FD           metric.Number   `json:"fd"`
	FDCI         metric.Interval `json:"fd_ci"`
	Precision    metric.Number   `json:"precision"`
	Recall       metric.Number   `json:"recall"`
}

// ReadingFloor holds the figures of as many training rows as there are samples;
// Nearest and Copies are those of rows that training has not seen, and Classifier
// that of what is made of them: of sounds, the files that phase recovery makes.
type ReadingFloor struct {
	Classifier   metric.Number   `json:"classifier_cond"`
	ClassifierCI metric.Interval `json:"classifier_cond_ci"`
	FD           metric.Number   `json:"fd"`
	FDCI         metric.Interval `json:"fd_ci"`
	Precision    metric.Number   `json:"precision"`
	Recall       metric.Number   `json:"recall"`
	Nearest      metric.Number   `json:"nearest_train"`
	Copies       metric.Number   `json:"copies"`
}

func inPercent(n metric.Number) string {
	if v := float64(n); v-v == 0 {
		return strconv.FormatFloat(100*v, 'f', 1, 64)
	}
	return "-"
}

func endsOf(i metric.Interval, show func(metric.Number) string) string {
	if v := float64(i[0]); v-v != 0 {
		return "-"
	}
	return "[" + show(i[0]) + ", " + show(i[1]) + "]"
}

// distanceText writes a Frechet distance, large ones with one decimal.
func distanceText(n metric.Number) string {
	if math.Abs(float64(n)) >= 10 {
		return digits(n, 1)
	}
	return digits(n, 3)
}

// cells are the rows of the table, its head first.
func (r *ReadingReport) cells() [][]string {
	out := [][]string{{"solver", "NFE", "guidance", "read right %", "95 %", "FD", "95 %", "precision", "recall"}}
	for _, x := range r.Rows {
		out = append(out, []string{
			x.Solver, strconv.Itoa(x.NFE), strconv.FormatFloat(x.Guidance, 'g', 3, 64), inPercent(x.Classifier), endsOf(x.ClassifierCI, inPercent),
			distanceText(x.FD), endsOf(x.FDCI, distanceText), digits(x.Precision, 3), digits(x.Recall, 3),
		})
	}
	f := r.Floor
	return append(out, []string{"floor", "", "", inPercent(f.Classifier), endsOf(f.ClassifierCI, inPercent), distanceText(f.FD), endsOf(f.FDCI, distanceText), digits(f.Precision, 3), digits(f.Recall, 3)})
}

// WriteText writes the figures as a table for people.
func (r *ReadingReport) WriteText(w io.Writer) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, line := range r.cells() {
		fmt.Fprintln(t, strings.Join(line, "\t")+"\t")
	}
	t.Flush()
	fmt.Fprintf(&b, "\n%d samples against %d %s (%s).\n", r.N, r.Reference, r.gallery.many, r.Against)
	for _, line := range r.remarks() {
		fmt.Fprintln(&b, line)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Apart tells that the Frechet distance is more than four times its floor at every
// setting.
func (r *ReadingReport) Apart() bool {
	return !slices.ContainsFunc(r.Rows, func(x ReadingRow) bool { return x.FD <= 4*r.Floor.FD })
}

func (r *ReadingReport) remarks() []string {
	var out []string
	floor := fmt.Sprintf("The floor is training %s.", r.gallery.many)
	if r.halves {
		floor = "The floor is one half of them against the other."
	}
	if r.Features == featuresClassifier {
		out = append(out, fmt.Sprintf("A classifier trained on the same %s reads %s %% of these right; FD,", r.gallery.many, inPercent(r.Classifier)),
			"precision and recall are measured in its features.", floor)
	} else {
		out = append(out, fmt.Sprintf("The %s have no classes: FD, precision and recall are measured in their", r.gallery.many),
			"pixels, averaged over a grid.", floor)
	}
	if r.gallery.made != "" {
		out = append(out, r.gallery.made)
	}
	if v := float64(r.Nearest); v-v == 0 {
		line := fmt.Sprintf("The nearest training %s is %s %s away in the median", r.gallery.one, digits(r.Nearest, 1), r.gallery.unit)
		if v := float64(r.Floor.Nearest); v-v == 0 {
			line += fmt.Sprintf(",\nfrom %s that training has not seen %s; %s %% of samples are nearer than all\nbut 1 %% of those.", r.gallery.many, digits(r.Floor.Nearest, 1), inPercent(r.Copies))
		} else {
			line += "."
		}
		out = append(out, line)
	}
	return out
}

// The pictures of a run folder.
const (
	classesPicture = "samples.png"
	nearestPicture = "nearest.png"
	frechetPicture = "quality.png"
	wayPicture     = "way.png"
)

// galleryFiles are the files of all figures of sections.
var galleryFiles = []string{classesPicture, nearestPicture, frechetPicture, wayPicture}

// sections are those of the report; r is nil where the model was not judged.
func (g gallery) sections(ctx context.Context, s *Saved, r *ReadingReport, o PictureOptions) ([]report.Section, error) {
	var out []report.Section
	if r != nil {
		sec := report.Section{Title: "Quality", Text: strings.Join(r.remarks(), " ")}
		cells := r.cells()
		sec.Tables = []report.Table{{Columns: cells[0], Rows: cells[1:], Numeric: []bool{false, true, true, true, true, true, true, true, true}}}
		if _, ok := r.quality(false); ok {
			f, err := inBoth(frechetPicture, fmt.Sprintf("Frechet distance to %s that training has not seen, against network evaluations. The band is the floor.", g.many), func(dark bool) (plot.Figure, error) {
				fig, _ := r.quality(dark)
				return fig, nil
			})
			if err != nil {
				return nil, err
			}
			sec.Figures = append(sec.Figures, f)
		}
		out = append(out, sec)
	}
	o.Sample.Solve = s.Solve()
	sec := report.Section{Title: "Samples"}
	grid, err := g.byClass(ctx, s, o)
	if err == nil {
		var f report.Figure
		f, err = onBoth(classesPicture, fmt.Sprintf("Samples of the model with %d evaluations each%s.", s.Solve().NFE, guidedBy(s.Guidance())), grid)
		sec.Figures = append(sec.Figures, f)
	}
	if err != nil {
		return nil, err
	}
	if s.watchable() == nil {
		if grid, err = g.way(ctx, s, o); err != nil {
			return nil, err
		}
		f, err := onBoth(wayPicture, "From noise to data.", grid)
		if err != nil {
			return nil, err
		}
		sec.Figures = append(sec.Figures, f)
	}
	out = append(out, sec)
	if r != nil && !r.near.IsEmpty() {
		grid, err := r.neighbours(s)
		if err != nil {
			return nil, err
		}
		f, err := onBoth(nearestPicture, "Samples, each above the training "+g.one+" nearest to it.", grid)
		if err != nil {
			return nil, err
		}
		out = append(out, report.Section{Title: "Learnt by heart?", Text: "Samples that are copies of training " + g.kind + " would show below themselves.", Figures: []report.Figure{f}})
	}
	return out, nil
}

// guidedBy tells of a scale of guidance in a caption.
func guidedBy(scale float64) string {
	if scale == 1 {
		return ""
	}
	return fmt.Sprintf(", guidance %g", scale)
}

func asFigure(file, caption string, fig plot.Figure) (report.Figure, error) {
	var b bytes.Buffer
	err := fig.PNG(&b)
	return report.Figure{File: file, Caption: caption, Light: b.Bytes()}, err
}

// inBoth is a figure for a light page and for a dark one.
func inBoth(file, caption string, draw func(dark bool) (plot.Figure, error)) (report.Figure, error) {
	out := report.Figure{File: file, Caption: caption}
	for _, dark := range []bool{false, true} {
		fig, err := draw(dark)
		if err != nil {
			return out, err
		}
		f, err := asFigure(file, caption, fig)
		if err != nil {
			return out, err
		}
		if dark {
			out.Dark = f.Light
		} else {
			out.Light = f.Light
		}
	}
	return out, nil
}

// onBoth is inBoth of a grid.
func onBoth(file, caption string, grid plot.Images) (report.Figure, error) {
	return inBoth(file, caption, func(dark bool) (plot.Figure, error) {
		grid.Dark = dark
		return grid.Figure()
	})
}

// readingQuality draws the figures of an eval.json.
func readingQuality(judged []byte) (plot.Figure, error) {
	var r ReadingReport
	if err := json.Unmarshal(judged, &r); err != nil {
		return plot.Figure{}, fmt.Errorf("%w: %s: %w", flow.ErrFormat, EvalFile, err)
	}
	fig, ok := r.quality(false)
	if !ok {
		return fig, fmt.Errorf("%w: %s holds no Frechet distance to draw", flow.ErrConfig, EvalFile)
	}
	return fig, nil
}

// quality draws the Frechet distance against evaluations.
func (r *ReadingReport) quality(dark bool) (plot.Figure, bool) {
	q := plot.Quality{Title: "Frechet distance", Label: "FD to data", Dark: dark}
	if v := float64(r.Floor.FD); v > 0 {
		q.Floor, q.FloorLo, q.FloorHi = v, float64(r.Floor.FDCI[0]), float64(r.Floor.FDCI[1])
	}
	at := map[string]int{}
	for _, x := range r.Rows {
		if v := float64(x.FD); !(v > 0) || math.IsInf(v, 0) {
			continue
		}
		name := x.Solver
		if x.Guidance != 1 {
			name += fmt.Sprintf(", guidance %g", x.Guidance)
		}
		i, ok := at[name]
		if !ok {
			i = len(q.Series)
			at[name] = i
			q.Series = append(q.Series, plot.Series{Name: name})
		}
		s := &q.Series[i]
		s.NFE, s.W2 = append(s.NFE, float64(x.NFE)), append(s.W2, float64(x.FD))
		s.Lo, s.Hi = append(s.Lo, float64(x.FDCI[0])), append(s.Hi, float64(x.FDCI[1]))
	}
	fig, err := q.Figure()
	return fig, err == nil
}

// The grids of the report: so many to a class, and at most so many classes.
const (
	perClass    = 10
	mostClasses = 20
)

// byClass draws a line of samples of each class, or a square of samples.
func (g gallery) byClass(ctx context.Context, s *Saved, o PictureOptions) (plot.Images, error) {
	c, err := o.config(s, &recipe.Plan{}, formSamples)
	if err != nil {
		return plot.Images{}, err
	}
	classes := min(len(s.Model.Classes), mostClasses)
	if classes > 0 {
		c.N = classes * perClass
		c.Cond.Class = make([]int32, c.N)
		for i := range c.Cond.Class {
			c.Cond.Class[i] = int32(i / perClass)
		}
		c.Guidance = cmp.Or(c.Guidance, s.Guidance())
		c.Solve.NFE -= c.Solve.NFE % 2 // a guided step takes two
	}
	rows, _, err := sample.Draw(ctx, s.Model, c)
	if err != nil {
		return plot.Images{}, err
	}
	grid := g.grid(tensor.Convert[float32](rows))
	if classes > 0 {
		grid.Columns, grid.Names = perClass, s.Model.Classes[:classes]
	}
	return grid, nil
}

// wayRows and waySteps are the lines and columns of a picture of the way from
// noise to data.
const (
	wayRows  = 6
	waySteps = 9
)

// way draws what a few samples are on their way.
func (g gallery) way(ctx context.Context, s *Saved, o PictureOptions) (plot.Images, error) {
	c, err := o.config(s, &recipe.Plan{}, wayRows)
	if err != nil {
		return plot.Images{}, err
	}
	if c.Cond.Class = s.Turns(c.N); c.Cond.Class != nil {
		c.Guidance = cmp.Or(c.Guidance, s.Guidance())
	}
	tr, err := journey(ctx, s, c)
	if err != nil {
		return plot.Images{}, err
	}
	rows := tensor.New(c.N*waySteps, s.Model.Dim())
	for k := range waySteps {
		z := tr.Z[k*(len(tr.Z)-1)/(waySteps-1)]
		for i := range c.N {
			copy(rows.Row(i*waySteps+k), z.Row(i))
		}
	}
	grid := g.grid(rows)
	grid.Columns = waySteps
	return grid, nil
}

// neighbours draws samples above the training rows that are nearest to them.
func (r *ReadingReport) neighbours(s *Saved) (plot.Images, error) {
	const across = 10
	n := min(3*across, r.near.N)
	lines := (n + across - 1) / across
	z := tensor.New(2*lines*across, r.near.D)
	for i := range z.Data {
		z.Data[i] = -1
	}
	for i := range n {
		at := i/across*2*across + i%across
		copy(z.Row(at), r.samples.Row(i))
		copy(z.Row(at+across), r.near.Row(i))
	}
	rows, err := back(s, z)
	if err != nil {
		return plot.Images{}, err
	}
	grid := r.gallery.grid(rows)
	grid.Columns = across
	for range lines {
		grid.Names = append(grid.Names, "sample", "nearest")
	}
	return grid, nil
}
