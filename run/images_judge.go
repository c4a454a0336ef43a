package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"laminar/classify"
	"laminar/data"
	"laminar/flow"
	"laminar/metric"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

const (
	// judgedImages is the number of samples by which a model is judged unless told
	// otherwise, referenceImages the most of the data that they are compared with,
	// and nearImages those whose nearest training image is looked for.
	judgedImages    = 1000
	referenceImages = 10000
	nearImages      = 200
	// imageGroups is the number of groups of the jackknife, neighbour the one that
	// the balls of precision and recall reach to.
	imageGroups = 20
	neighbour   = 3
	// imageBytes bounds the float32 rows that are held at once.
	imageBytes = 256 << 20
)

// tune makes the defaults of judging those of images, an evaluation of whose
// networks is dear.
func (images) tune(o *EvalOptions) {
	o.N, o.Settings = judgedImages, nil
	for _, nfe := range []int{1, 2, 4, 8, 16, 32} {
		o.Settings = append(o.Settings, metric.Setting{Solver: "euler", NFE: nfe})
	}
}

// Judge trains a classifier on the images that the model has learnt from, has it
// read samples, and compares these with images that training has not seen in the
// space of its features. Without classes, images that are scaled down take the
// place of features.
func (images) Judge(ctx context.Context, s *Saved, plan *recipe.Plan, o EvalOptions) (Judgement, error) {
	if plan.Train == nil {
		return nil, fmt.Errorf("%w: images are judged by a classifier of those that the model has learnt from, %s, which are not at hand", flow.ErrConfig, s.Recipe.Data.Name)
	}
	j := &imageJudge{s: s, plan: plan, o: o, form: formOf(s)}
	if err := j.prepare(ctx); err != nil {
		return nil, err
	}
	r := &ImageReport{
		Kind: recipe.Images, Data: plan.Recipe.Data.Name, Against: plan.Against, N: j.n, Reference: j.real.N,
		Features: "classifier", Classifier: metric.Number(math.NaN()), form: j.form,
	}
	if j.reader == nil {
		r.Features = "pixels"
	} else if len(j.class) > 0 {
		seen, err := j.reader.Read(j.pixels)
		if err != nil {
			return nil, err
		}
		right := seen.Agreement(j.class)
		r.Classifier, r.ClassifierCI = metric.Number(right), metric.Share(int(math.Round(right*float64(len(j.class)))), len(j.class))
	}
	if err := j.floor(r); err != nil {
		return nil, err
	}
	for _, set := range o.Settings {
		row, rows, err := j.row(ctx, set, o.Guidance)
		if err != nil {
			return nil, err
		}
		r.Rows = append(r.Rows, row)
		if !rows.IsEmpty() {
			r.samples = rows // of the last setting that did not diverge
		}
	}
	if j.guidable() {
		for _, set := range o.Settings {
			if set.Adaptive() || set.Grid != "" || set.NFE < 4 || set.NFE > 16 {
				continue
			}
			if m, err := solve.Named(set.Solver); err != nil {
				return nil, err
			} else if _, err := solve.Steps(m, set.NFE, 2); err != nil {
				continue // too few for a guided step
			}
			row, _, err := j.row(ctx, set, shownGuidance)
			if err != nil {
				return nil, err
			}
			r.Rows = append(r.Rows, row)
		}
	}
	return r, j.memory(r)
}

// shownGuidance is the scale of the rows that show what guidance does, beside
// those without.
const shownGuidance = 2

// guidable tells that such rows are wanted: of a model that has learnt both with
// and without its classes, where the user has not named a scale.
func (j *imageJudge) guidable() bool {
	_, once := j.s.Recipe.NFE()
	return j.o.Guidance == 1 && j.reader != nil && j.s.Recipe.Drop > 0 && j.s.Recipe.Family == "flow" && !once && j.s.Recipe.Objective == "velocity"
}

// imageJudge holds what all figures of a model need.
type imageJudge struct {
	s      *Saved
	plan   *recipe.Plan
	o      EvalOptions
	form   imageForm
	reader *classify.Classifier // nil without classes
	n      int                  // samples
	pixels tensor.Mat           // reference images in the network's space
	class  []int32              // and their classes, nil without
	real   tensor.Mat           // and their features
}

func (j *imageJudge) key(name string) rng.Key { return j.o.Key.Split("images").Split(name) }

func (j *imageJudge) prepare(ctx context.Context) error {
	against := j.plan.Judge
	m := j.s.Model
	most := max(neighbour+2, imageBytes/(4*m.Dim()))
	ref, err := deal(against, min(against.Len(), referenceImages, most), j.key("reference"))
	if err != nil {
		return err
	}
	if j.pixels, err = forward(m.Transform, ref.X); err != nil {
		return err
	}
	if j.pixels.N < neighbour+2 {
		return fmt.Errorf("%w: %s has %d images, too few to judge by; at least %d are needed", flow.ErrConfig, j.plan.Recipe.Data.Name, j.pixels.N, neighbour+2)
	}
	j.n = max(min(j.o.N, most), neighbour+2)
	if m.Cond.Classes > 1 {
		c := classify.Defaults(j.form.Height, j.form.Width, j.form.Channels)
		c.Kernels, c.Workers = m.Kernels, j.o.Threads
		c.Steps = min(c.Steps, max(500, 50*j.plan.Train.Len()/c.Batch)) // few images are soon known
		if j.reader, err = classify.Train(ctx, c, j.plan.Train); err != nil {
			return fmt.Errorf("the classifier: %w", err)
		}
		j.class = ref.Cond.Class
	}
	j.real, err = j.features(j.pixels)
	return err
}

// deal draws n different rows of stored data.
func deal(from data.RowSource, n int, key rng.Key) (flow.Sample, error) {
	s := flow.NewSample(from, n)
	return s, from.Draw(s, key, 0)
}

func forward(t data.Transform, x tensor.Mat) (tensor.Mat, error) {
	z := tensor.New(x.N, x.D)
	return z, t.Forward(z, tensor.Convert[float64](x))
}

// features maps images of the network's space to where they are compared.
func (j *imageJudge) features(x tensor.Mat) (tensor.Mat, error) {
	if j.reader != nil {
		r, err := j.reader.Read(x)
		return r.Features, err
	}
	return shrunk(x, j.form), nil
}

// shrunk averages the pixels of images over a grid of at most 8 x 8.
func shrunk(x tensor.Mat, f imageForm) tensor.Mat {
	h, w := min(8, f.Height), min(8, f.Width)
	out := tensor.New(x.N, h*w*f.Channels)
	share := make([]float32, h*w)
	for y := range f.Height {
		for c := range f.Width {
			share[y*h/f.Height*w+c*w/f.Width]++
		}
	}
	for i := range x.N {
		from, to := x.Row(i), out.Row(i)
		for k, v := range from {
			p := k / f.Channels
			cell := p/f.Width*h/f.Height*w + p%f.Width*w/f.Width
			to[cell*f.Channels+k%f.Channels] += v / share[cell]
		}
	}
	return out
}

// fresh tells that training has not seen the reference.
func (j *imageJudge) fresh() bool {
	return j.plan.HeldOut != nil && j.plan.Judge.Len() == j.plan.HeldOut.Len()
}

// floor is what as many images of the training are from the reference. Where that
// is of the training itself, it is what its halves are from each other.
func (j *imageJudge) floor(r *ImageReport) error {
	half := j.real.N / 2
	feats, real := j.real.Rows(0, half), j.real.Rows(half, 2*half)
	r.halves = !j.fresh()
	if j.fresh() {
		seen, err := deal(j.plan.Train, min(j.n, j.plan.Train.Len()), j.key("floor"))
		if err != nil {
			return err
		}
		if feats, err = j.features(seen.X); err != nil {
			return err
		}
		real = j.real
	}
	var err error
	if r.Floor.FD, r.Floor.FDCI, err = distance(feats, real); err != nil {
		return err
	}
	r.Floor.Precision, r.Floor.Recall, err = manifold(feats, real)
	r.Floor.Classifier = r.Classifier
	return err
}

func (j *imageJudge) row(ctx context.Context, set metric.Setting, guidance float64) (ImageRow, tensor.Mat, error) {
	nan := metric.Number(math.NaN())
	none := metric.Interval{nan, nan}
	row := ImageRow{
		Solver: set.Solver, Grid: set.Grid, NFE: set.NFE, Guidance: guidance,
		Classifier: nan, ClassifierCI: none, FD: nan, FDCI: none, Precision: nan, Recall: nan,
	}
	var lost tensor.Mat
	if !j.s.suits(set) {
		return row, lost, nil
	}
	x, cond, nfe, err := j.draw(ctx, set, guidance)
	if errors.Is(err, flow.ErrDiverged) {
		return row, lost, nil // a row of nulls
	}
	if err != nil {
		return row, lost, err
	}
	row.NFE = int(math.Round(nfe))
	z, err := forward(j.s.Model.Transform, x)
	if err != nil {
		return row, lost, err
	}
	feats := tensor.Mat{}
	if j.reader == nil {
		feats = shrunk(z, j.form)
	} else {
		read, err := j.reader.Read(z)
		if err != nil {
			return row, lost, err
		}
		feats = read.Features
		right := read.Agreement(cond.Class)
		row.Classifier, row.ClassifierCI = metric.Number(right), metric.Share(int(math.Round(right*float64(z.N))), z.N)
	}
	if row.FD, row.FDCI, err = distance(feats, j.real); err != nil {
		return row, lost, err
	}
	row.Precision, row.Recall, err = manifold(feats, j.real)
	return row, z, err
}

// draw draws samples of the classes that the reference has.
func (j *imageJudge) draw(ctx context.Context, set metric.Setting, guidance float64) (tensor.Mat, flow.Cond, float64, error) {
	c := sample.Config{N: j.n, Seed: j.key("noise"), Source: j.s.Source, Workers: j.o.Threads, Guidance: guidance, Solve: solve.Defaults()}
	c.Solve.Method, c.Solve.NFE = set.Solver, set.NFE
	if j.o.Diffusion != "" {
		c.Solve.Diffusion, c.Solve.DiffusionScale = j.o.Diffusion, j.o.DiffusionScale
	}
	if set.Adaptive() {
		c.Solve.Adaptive, c.Solve.RTol, c.Solve.ATol = true, set.RTol, set.ATol
	}
	if set.Grid != "" {
		grid, err := gridOf(set, j.o)
		if err != nil {
			return tensor.Mat{}, c.Cond, 0, err
		}
		c.Solve.Grid, c.Solve.NFE = grid, 0
	}
	if k := j.s.Model.Cond.Classes; k > 0 {
		c.Cond.Class = make([]int32, j.n)
		for i := range c.Cond.Class {
			c.Cond.Class[i] = int32(i % k) // in turn, where the reference has none
			if len(j.class) > 0 {
				c.Cond.Class[i] = j.class[i%len(j.class)]
			}
		}
	}
	x, stats, err := sample.Draw(ctx, j.s.Model, c)
	return tensor.Convert[float32](x), c.Cond, stats.NFE, err
}

// distance is the Frechet distance of features to real ones, with its interval by
// the jackknife over both.
func distance(feats, real tensor.Mat) (metric.Number, metric.Interval, error) {
	groups := min(imageGroups, feats.N/2, real.N/2)
	v, ci, err := metric.Jackknife(groups, func(g int) (float64, error) {
		return metric.Frechet(without(feats, groups, g), without(real, groups, g))
	})
	if errors.Is(err, flow.ErrDiverged) {
		return metric.Number(math.NaN()), ci, nil
	}
	ci[0] = max(ci[0], 0)
	return metric.Number(v), ci, err
}

// without leaves every row of group g out, of rows dealt to groups in turn.
func without(x tensor.Mat, groups, g int) tensor.Mat {
	if g < 0 {
		return x
	}
	out := tensor.New(x.N-(x.N-g+groups-1)/groups, x.D)
	k := 0
	for i := range x.N {
		if i%groups != g {
			copy(out.Row(k), x.Row(i))
			k++
		}
	}
	return out
}

func manifold(feats, real tensor.Mat) (precision, recall metric.Number, err error) {
	n := min(feats.N, real.N)
	p, r, err := metric.Manifold(feats.Rows(0, n), real.Rows(0, n), min(neighbour, n-1))
	if errors.Is(err, flow.ErrDiverged) {
		return metric.Number(math.NaN()), metric.Number(math.NaN()), nil
	}
	return metric.Number(p), metric.Number(r), err
}

// memory looks for the training image nearest to each sample, and to images that
// training has not seen.
func (j *imageJudge) memory(r *ImageReport) error {
	r.Nearest, r.Copies, r.Floor.Nearest, r.Floor.Copies = metric.Number(math.NaN()), metric.Number(math.NaN()), metric.Number(math.NaN()), metric.Number(math.NaN())
	if r.samples.IsEmpty() {
		return nil
	}
	samples := r.samples.Rows(0, min(nearImages, r.samples.N))
	fresh := j.pixels.Rows(0, min(nearImages, j.pixels.N))
	both := tensor.New(samples.N+fresh.N, samples.D)
	copy(both.Data, samples.Data)
	copy(both.Data[len(samples.Data):], fresh.Data)
	dist, near, err := nearestOf(both, j.plan.Train, j.key("nearest"))
	if err != nil {
		return err
	}
	for i := range dist { // in grey levels of a pixel
		dist[i] *= 127.5 / math.Sqrt(float64(both.D))
	}
	mine, theirs := dist[:samples.N], slices.Sorted(slices.Values(dist[samples.N:]))
	r.Nearest, r.near = metric.Number(median(mine)), near.Rows(0, samples.N)
	if !j.fresh() {
		return nil // the reference was trained on: each image is its own nearest
	}
	r.Floor.Nearest = metric.Number(median(theirs))
	limit, copies := theirs[len(theirs)/100], 0
	for _, d := range mine {
		if d < limit {
			copies++
		}
	}
	r.Copies, r.Floor.Copies = metric.Number(float64(copies)/float64(len(mine))), metric.Number(0.01)
	return nil
}

// nearestOf returns the distance from every row of x to the nearest row of a
// stored set, and that row, reading the set piece by piece.
func nearestOf(x tensor.Mat, from data.RowSource, key rng.Key) ([]float64, tensor.Mat, error) {
	best, near := make([]float64, x.N), tensor.New(x.N, x.D)
	for i := range best {
		best[i] = math.Inf(1)
	}
	piece := flow.NewSample(from, min(2048, from.Len()))
	// The last piece may begin the set anew, which does no harm.
	for i := range (from.Len() + piece.X.N - 1) / piece.X.N {
		if err := from.Draw(piece, key, i); err != nil {
			return nil, near, err
		}
		d, at, err := metric.Nearest(x, piece.X)
		if err != nil {
			return nil, near, err
		}
		for k, v := range d {
			if v < best[k] {
				best[k] = v
				copy(near.Row(k), piece.X.Row(at[k]))
			}
		}
	}
	return best, near, nil
}
