package run

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"laminar/coupling"
	"laminar/flow"
	"laminar/metric"
	"laminar/plot"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// PictureOptions says what a picture shows. The zero value is what Illustrate
// uses.
type PictureOptions struct {
	// Sample says how to draw: 2000 points (1000 particles in a film, 200 paths,
	// 64 images) if N is 0, by 100 Euler steps if Solve is zero. Conditions are
	// those that the data have if Cond is empty; a single row of Cond serves all
	// points. A field is that of Cond's first row, or of unknown conditions.
	// Source is that of the model if nil.
	Sample sample.Config
	// Title replaces that of samples and paths if not empty.
	Title string
	// T is the time of a field.
	T float64
	// Columns is the number of images to a line; 0 is the picture's own.
	Columns int
	// Lines are the losses; Report holds the figures of quality, of a model of
	// points, and Judged those of another kind as its eval.json has them.
	Lines  []Line
	Report *metric.Report
	Judged []byte
	Dark   bool
}

// pictureKinds has one small function for each kind of picture.
var pictureKinds = []struct {
	name string
	draw func(context.Context, *Saved, *recipe.Plan, PictureOptions) (plot.Figure, error)
}{
	{"samples", samplesPicture},
	{"images", imagesPicture},
	{"paths", pathsPicture},
	{"field", fieldPicture},
	{"density", densityPicture},
	{"crossing", crossingPicture},
	{"independent", independentPicture},
	{"loss", lossPicture},
	{"quality", qualityPicture},
}

// PictureKinds lists what Picture draws: samples over data (a histogram, a scatter, a
// grid of pairs, or images), images, paths, the field at one time, the density of
// samples, the lines of one batch under the model's coupling (crossing) and
// under none (independent), the loss, and quality against evaluations.
func PictureKinds() []string {
	var names []string
	for _, k := range pictureKinds {
		names = append(names, k.name)
	}
	return names
}

// Picture draws one picture of a model, in the numbers of its data. plan is
// s.Plan; where it lacks the data, they are left out. The error wraps
// flow.ErrConfig for an unknown kind and for one that the model has not got,
// such as the field of a model of more than two dimensions.
func Picture(ctx context.Context, kind string, s *Saved, plan *recipe.Plan, o PictureOptions) (plot.Figure, error) {
	if s.Kind() == recipe.Table && kind != "samples" && kind != "loss" {
		return plot.Figure{}, noPicture(kind)
	}
	for _, k := range pictureKinds {
		if k.name == kind {
			return k.draw(ctx, s, plan, o)
		}
	}
	return plot.Figure{}, fmt.Errorf("%w: no picture is called %q; use one of %s", flow.ErrConfig, kind, strings.Join(PictureKinds(), ", "))
}

// PictureDefaults are the options for a model file or run folder: its losses
// and its evaluation, where they lie beside it.
func PictureDefaults(path string) (PictureOptions, error) {
	var o PictureOptions
	path, err := modelPath(path)
	if err != nil {
		return o, err
	}
	dir := filepath.Dir(path)
	if o.Lines, err = ReadMetrics(filepath.Join(dir, MetricsFile)); err != nil {
		return o, err
	}
	b, err := os.ReadFile(filepath.Join(dir, EvalFile))
	var of struct {
		Kind string `json:"kind"`
	}
	if json.Unmarshal(b, &of) == nil && of.Kind == recipe.Table {
		return o, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err != nil {
		return o, explain(dir, err)
	}
	var head struct {
		Kind string `json:"kind"`
	}
	if json.Unmarshal(b, &head) == nil && media[head.Kind] != nil {
		o.Judged = b
		return o, nil
	}
	o.Report = new(metric.Report)
	if err := json.Unmarshal(b, o.Report); err != nil {
		return o, fmt.Errorf("%w: %s: %w; remove it, or judge the model again with laminar train --resume", flow.ErrFormat, filepath.Join(dir, EvalFile), err)
	}
	return o, nil
}

// side is the width of the square images that a model draws, 0 if it draws
// none: images have k x k columns, k at least 8.
func side(dim int) int {
	k := int(math.Round(math.Sqrt(float64(dim))))
	if k < 8 || k*k != dim {
		return 0
	}
	return k
}

// needPlane refuses a model that is not of the plane.
func needPlane(s *Saved, kind string, least, most int) error {
	d := s.Model.Dim()
	switch {
	case d < least:
		return fmt.Errorf("%w: the picture %s needs at least %d columns, the model has %d", flow.ErrConfig, kind, least, d)
	case d > most:
		return fmt.Errorf("%w: the picture %s needs a model of %d columns, this one has %d", flow.ErrConfig, kind, most, d)
	}
	return nil
}

// column is the name of a model's first column, empty if it has none.
func column(s *Saved) string {
	if len(s.Model.Columns) == 0 {
		return ""
	}
	return s.Model.Columns[0]
}

// axisNames are the columns of data of one's own, for the axes of a picture; built-in
// sets are shapes whose axes mean nothing.
func axisNames(data string, columns []string) []string {
	if recipe.IsBuiltIn(data) {
		return nil
	}
	return columns
}

// config completes what the options leave open.
func (o PictureOptions) config(s *Saved, plan *recipe.Plan, n int) (sample.Config, error) {
	c := o.Sample
	if c.Source == nil {
		c.Source = s.Source
	}
	if c.N == 0 {
		c.N = n
	}
	if c.Solve.Method == "" {
		c.Solve = s.Solve()
	}
	if conditioned(c.Cond) && max(len(c.Cond.Class), c.Cond.Real.N, c.Cond.Mask.N) == 1 {
		c.Cond = repeat(s, c.Cond, c.N)
	}
	if s.Model.Weak != nil {
		c.Guidance = cmp.Or(c.Guidance, s.Guidance())
	}
	if s.Model.Cond.IsZero() || conditioned(c.Cond) {
		return c, nil
	}
	if plan.Judge == nil {
		c.Cond.Class = s.Turns(c.N)
		return c, nil
	}
	like := flow.NewSample(plan.Judge, c.N)
	err := plan.Judge.DrawAt(like, c.Seed.Split("conditions"), 0)
	c.Cond = like.Cond
	return c, err
}

// followed has paths solved in small steps where nothing else is asked for, also
// those of a model that is sampled in few.
func (o *PictureOptions) followed() {
	if o.Sample.Solve.Method == "" {
		o.Sample.Solve = solve.Defaults()
	}
}

// conditioned tells whether c holds any condition.
func conditioned(c flow.Cond) bool {
	return len(c.Class) > 0 || !c.Real.IsEmpty() || !c.Mask.IsEmpty()
}

// repeat is n rows of the first one of c.
func repeat(s *Saved, c flow.Cond, n int) flow.Cond {
	spec := s.Model.Cond
	if len(c.Class) == 0 {
		spec.Classes = 0
	}
	if c.Real.IsEmpty() {
		spec.Real = 0
	}
	spec.Mask = !c.Mask.IsEmpty()
	all := flow.NewCond(spec, n, s.Model.Dim())
	for i := range n {
		all.CopyRow(i, c, 0)
	}
	return all
}

// shownData is at most n rows of the data, none where they are not at hand.
// Of a stored set they are those of training, since few are kept from it.
func shownData(s *Saved, plan *recipe.Plan, n int, key rng.Key) (tensor.Mat, error) {
	if plan.Judge == nil {
		return tensor.Mat{}, nil
	}
	from, own := plan.Judge, plan.Recipe.Data.Name == s.Recipe.Data.Name
	stored := own && plan.Judge.Len() > 0 && plan.Train != nil
	if stored {
		from = plan.Train
	}
	if l := from.Len(); l > 0 {
		n = min(n, l)
	}
	d := flow.NewSample(from, n)
	if err := from.DrawAt(d, key.Split("data"), 0); err != nil || !stored {
		return d.X, err
	}
	return back(s, d.X)
}

// drawn is samples and data for a picture, with the samples' classes if there
// are few enough to colour.
func (o PictureOptions) drawn(ctx context.Context, s *Saved, plan *recipe.Plan, n int) (x, real tensor.Mat, class []int32, err error) {
	c, err := o.config(s, plan, n)
	if err != nil {
		return
	}
	if real, err = shownData(s, plan, c.N, c.Seed); err != nil {
		return
	}
	y, _, err := sample.Draw(ctx, s.Model, c)
	if err != nil {
		return
	}
	if s.Model.Cond.Classes <= 6 {
		class = c.Cond.Class
	}
	return tensor.Convert[float32](y), real, class, nil
}

func samplesPicture(ctx context.Context, s *Saved, plan *recipe.Plan, o PictureOptions) (plot.Figure, error) {
	if s.Form != nil {
		return formPicture(ctx, s, plan, o)
	}
	if side(s.Model.Dim()) > 0 {
		return imagesPicture(ctx, s, plan, o)
	}
	n := 2000
	if plan.Train != nil && plan.Train.Len() > 0 {
		n = min(n, max(plan.Train.Len(), 250)) // more would hide the data
	}
	x, real, class, err := o.drawn(ctx, s, plan, n)
	if err != nil {
		return plot.Figure{}, err
	}
	title := cmp.Or(o.Title, plan.Recipe.Data.Name)
	switch d := s.Model.Dim(); {
	case d == 1:
		return plot.Histogram{Title: title, Data: real, Samples: x, Name: column(s), Dark: o.Dark}.Figure()
	case d > 2:
		return plot.PairGrid{Title: title, Data: real, Samples: x, Names: s.Model.Columns, Dark: o.Dark}.Figure()
	}
	return plot.Scatter{Title: title, Data: real, Samples: x, Class: class, Names: axisNames(s.Recipe.Data.Name, s.Model.Columns), Dark: o.Dark}.Figure()
}

// formSamples is the number of samples that a picture of a model with a form
// shows.
const formSamples = 64

// formPicture shows samples as their kind shows them.
func formPicture(ctx context.Context, s *Saved, plan *recipe.Plan, o PictureOptions) (plot.Figure, error) {
	m, err := mediumOf(s.Kind())
	if err != nil {
		return plot.Figure{}, err
	}
	c, err := o.config(s, plan, formSamples)
	if err != nil {
		return plot.Figure{}, err
	}
	o.Sample = c
	rows, _, err := sample.Draw(ctx, s.Model, c)
	if err != nil {
		return plot.Figure{}, err
	}
	return m.Picture(s, rows, o)
}

func imagesPicture(ctx context.Context, s *Saved, plan *recipe.Plan, o PictureOptions) (plot.Figure, error) {
	k := side(s.Model.Dim())
	if k == 0 {
		return plot.Figure{}, fmt.Errorf("%w: the model draws no images: they have 8 x 8, 9 x 9, ... columns, it has %d", flow.ErrConfig, s.Model.Dim())
	}
	x, real, _, err := o.drawn(ctx, s, plan, 64)
	if err != nil {
		return plot.Figure{}, err
	}
	g := plot.Images{Title: plan.Recipe.Data.Name + ": samples", Width: k, Height: k, Rows: x, Dark: o.Dark}
	if real.N == 0 {
		return g.Figure()
	}
	// Samples on the left, data on the right, an empty column between.
	g.Title += " on the left, data on the right"
	g.Lo, g.Hi = float64(slices.Min(real.Data)), float64(slices.Max(real.Data))
	const across = 8
	g.Columns = 2*across + 1
	lines := (x.N + across - 1) / across
	g.Rows = tensor.New(lines*g.Columns, x.D)
	for i := range g.Rows.Data {
		g.Rows.Data[i] = float32(g.Lo)
	}
	for i := range x.N {
		at := i/across*g.Columns + i%across
		copy(g.Rows.Row(at), x.Row(i))
		if i < real.N {
			copy(g.Rows.Row(at+across+1), real.Row(i))
		}
	}
	return g.Figure()
}

// journey solves paths and writes down where each step leads, in the numbers of
// the data.
func journey(ctx context.Context, s *Saved, c sample.Config) (metric.Trajectory, error) {
	var tr metric.Trajectory
	x, err := sample.Start(s.Model, c)
	if err != nil {
		return tr, err
	}
	f, err := sample.Field(s.Model, c, 0, c.N)
	if err != nil {
		return tr, err
	}
	if c.Solve.Adaptive && len(c.Solve.Grid) == 0 {
		c.Solve.Grid = solve.Uniform(traceSteps)
	}
	solver, err := sample.Solver(s.Model, c)
	if err != nil {
		return tr, err
	}
	for p, err := range solver.Trajectory(ctx, f, x, 0, 1) {
		if err != nil {
			return tr, err
		}
		z, err := back(s, p.X)
		if err != nil {
			return tr, err
		}
		tr.T, tr.Z = append(tr.T, p.T), append(tr.Z, z)
	}
	return tr, nil
}

// back maps points of the network's space to the numbers of the data.
func back(s *Saved, z tensor.Mat) (tensor.Mat, error) {
	x := tensor.NewOf[float64](z.N, z.D)
	if err := s.Model.Transform.Inverse(x, z); err != nil {
		return tensor.Mat{}, err
	}
	return tensor.Convert[float32](x), nil
}

func pathsPicture(ctx context.Context, s *Saved, plan *recipe.Plan, o PictureOptions) (plot.Figure, error) {
	if err := s.watchable(); err != nil {
		return plot.Figure{}, err
	}
	o.followed()
	c, err := o.config(s, plan, 200)
	if err != nil {
		return plot.Figure{}, err
	}
	tr, err := journey(ctx, s, c)
	if err != nil {
		return plot.Figure{}, err
	}
	real, err := shownData(s, plan, 2000, c.Seed)
	if err != nil {
		return plot.Figure{}, err
	}
	if s.Model.Dim() == 1 {
		return plot.Curves{Title: cmp.Or(o.Title, "paths from noise to data"), T: tr.T, Z: tr.Z, Data: real, Name: column(s), Count: c.N, Dark: o.Dark}.Figure()
	}
	return plot.Paths{Title: cmp.Or(o.Title, "paths from noise to data"), T: tr.T, Z: tr.Z, Data: real, Count: c.N, Names: axisNames(s.Recipe.Data.Name, s.Model.Columns), Dark: o.Dark}.Figure()
}

func densityPicture(ctx context.Context, s *Saved, plan *recipe.Plan, o PictureOptions) (plot.Figure, error) {
	if err := needPlane(s, "density", 2, math.MaxInt); err != nil {
		return plot.Figure{}, err
	}
	x, real, _, err := o.drawn(ctx, s, plan, 20000)
	if err != nil {
		return plot.Figure{}, err
	}
	return plot.Density{Title: "density of the samples", Points: x, Around: real, Names: axisNames(s.Recipe.Data.Name, s.Model.Columns), Dark: o.Dark}.Figure()
}

func crossingPicture(_ context.Context, s *Saved, plan *recipe.Plan, o PictureOptions) (plot.Figure, error) {
	name := plan.Recipe.Coupling.Name
	if name == "ot" {
		name = "OT"
	}
	name += " coupling"
	if plan.Reflow != nil {
		name = "the teacher's pairs"
	}
	return lines(s, plan, plan.TrainPairs(), name, o)
}

func independentPicture(_ context.Context, s *Saved, plan *recipe.Plan, o PictureOptions) (plot.Figure, error) {
	if plan.Times != nil {
		return plot.Figure{}, fmt.Errorf("%w: rows with times are not paired by chance; draw crossing", flow.ErrConfig)
	}
	if plan.Pairs == nil {
		return lines(s, plan, nil, "", o)
	}
	pairs, err := coupling.NewSource(plan.Source, plan.Train, coupling.Independent{})
	if err != nil {
		return plot.Figure{}, err
	}
	return lines(s, plan, pairs, "independent coupling", o)
}

// lines draws a batch of pairs in the numbers of the data.
func lines(s *Saved, plan *recipe.Plan, pairs flow.PairSource, title string, o PictureOptions) (plot.Figure, error) {
	if pairs == nil {
		return plot.Figure{}, fmt.Errorf("%w: the pairs cannot be drawn without %s, the data of the model", flow.ErrConfig, plan.Recipe.Data.Name)
	}
	n := s.Recipe.Train.Batch
	if l := plan.Train.Len(); l > 0 {
		n = min(n, l)
	}
	b := flow.NewBatch(n, s.Model.Dim(), plan.Train.CondSpec())
	if err := pairs.Fill(&b, o.Sample.Seed.Split("pairs"), 0); err != nil {
		return plot.Figure{}, err
	}
	x0, err := back(s, b.X0)
	if err != nil {
		return plot.Figure{}, err
	}
	x1, err := back(s, b.X1)
	if err != nil {
		return plot.Figure{}, err
	}
	title = fmt.Sprintf("%s, a batch of %d", title, n)
	if s.Model.Dim() == 1 {
		return plot.Curves{Title: title, T: []float64{0, 1}, Z: []tensor.Mat{x0, x1}, Name: column(s), End: "data", Count: n, Dark: o.Dark}.Figure()
	}
	return plot.Lines{Title: title, X0: x0, X1: x1, Count: n, Names: axisNames(s.Recipe.Data.Name, s.Model.Columns), Dark: o.Dark}.Figure()
}

func lossPicture(_ context.Context, _ *Saved, _ *recipe.Plan, o PictureOptions) (plot.Figure, error) {
	if len(o.Lines) == 0 {
		return plot.Figure{}, fmt.Errorf("%w: no losses; they are in the %s of a run folder", flow.ErrConfig, MetricsFile)
	}
	f := plot.Loss{Title: "training loss", Dark: o.Dark}
	for _, l := range o.Lines {
		f.Step, f.Loss = append(f.Step, float64(l.Step)), append(f.Loss, l.Loss)
		if l.HeldOut != nil {
			f.HeldStep, f.Held = append(f.HeldStep, float64(l.Step)), append(f.Held, *l.HeldOut)
		}
	}
	return f.Figure()
}

func qualityPicture(_ context.Context, s *Saved, _ *recipe.Plan, o PictureOptions) (plot.Figure, error) {
	if m, ok := media[s.Kind()].(interface {
		Quality(judged []byte) (plot.Figure, error)
	}); ok && o.Judged != nil {
		return m.Quality(o.Judged)
	}
	r := o.Report
	if r == nil {
		return plot.Figure{}, fmt.Errorf("%w: no %s lies beside the model; laminar train writes it", flow.ErrConfig, EvalFile)
	}
	q := plot.Quality{Title: "distance to data", Dark: o.Dark}
	if w := float64(r.Floor.W2); w > 0 {
		q.Floor, q.FloorLo, q.FloorHi = w, float64(r.Floor.W2CI[0]), float64(r.Floor.W2CI[1])
	}
	for _, x := range r.Rows {
		i := slices.IndexFunc(q.Series, func(s plot.Series) bool { return s.Name == x.Solver })
		if i < 0 {
			i = len(q.Series)
			q.Series = append(q.Series, plot.Series{Name: x.Solver})
		}
		s := &q.Series[i]
		s.NFE, s.W2 = append(s.NFE, float64(x.NFE)), append(s.W2, float64(x.W2))
		s.Lo, s.Hi = append(s.Lo, float64(x.W2CI[0])), append(s.Hi, float64(x.W2CI[1]))
	}
	return q.Figure()
}
