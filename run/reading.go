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
	// referenceRows is the most rows of the data that samples are compared with,
	// nearRows the number whose nearest training row is looked for.
	referenceRows = 10000
	nearRows      = 200
	// readGroups is the number of groups of the jackknife, neighbour the one that
	// the balls of precision and recall reach to.
	readGroups = 20
	neighbour  = 3
	// readBytes bounds the float32 rows that are held at once.
	readBytes = 256 << 20
)

// judge trains a classifier on the rows that the model has learnt from, has it
// read samples, and compares these with rows that training has not seen in the
// space of its features. Without classes, pictures that are scaled down take the
// place of features.
func (g gallery) judge(ctx context.Context, s *Saved, plan *recipe.Plan, o EvalOptions) (*ReadingReport, error) {
	j := &reading{gallery: g, s: s, plan: plan, o: o}
	if plan.Train == nil {
		return nil, j.needsData()
	}
	if err := j.prepare(ctx); err != nil {
		return nil, err
	}
	return j.report(ctx)
}

// needsData is the fault of data that are not at hand.
func (j *reading) needsData() error {
	return fmt.Errorf("%w: %s are judged by a classifier of those that the model has learnt from, %s, which are not at hand", flow.ErrConfig, j.many, j.s.Recipe.Data.Name)
}

// Where samples are compared.
const (
	featuresClassifier = "classifier"
	featuresPixels     = "pixels"
)

// report holds all figures of the model.
func (j *reading) report(ctx context.Context) (*ReadingReport, error) {
	plan, o := j.plan, j.o
	r := &ReadingReport{
		Kind: j.kind, Data: plan.Recipe.Data.Name, Against: plan.Against, N: j.n, Reference: j.real.N,
		Features: featuresClassifier, Classifier: metric.Number(math.NaN()), gallery: j.gallery,
	}
	if j.reader == nil {
		r.Features = featuresPixels
	} else if len(j.class) > 0 {
		var err error
		if r.Classifier, r.ClassifierCI, err = j.right(j.pixels, j.class); err != nil {
			return nil, err
		}
	}
	if err := j.floor(r); err != nil {
		return nil, err
	}
	guided, err := j.guidedSettings()
	if err != nil {
		return nil, err
	}
	for _, set := range append(slices.Clone(o.Settings), guided...) {
		j.total += work(j.n, set)
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
	for _, set := range guided {
		row, _, err := j.row(ctx, set, classGuidance)
		if err != nil {
			return nil, err
		}
		r.Rows = append(r.Rows, row)
	}
	return r, j.memory(r)
}

// guidedSettings are those at which is shown what guidance does, where the user has not
// named a scale.
func (j *reading) guidedSettings() ([]metric.Setting, error) {
	if j.o.Guidance != 1 || j.reader == nil || !j.s.guidable() {
		return nil, nil
	}
	var out []metric.Setting
	for _, set := range j.o.Settings {
		if set.Adaptive() || set.Grid != "" || set.NFE < 4 || set.NFE > 16 {
			continue
		}
		m, err := solve.Named(set.Solver)
		if err != nil {
			return nil, err
		}
		if _, err := solve.Steps(m, set.NFE, 2); err == nil { // else too few for a guided step
			out = append(out, set)
		}
	}
	return out, nil
}

// reading holds what all figures of a model need.
type reading struct {
	gallery
	s      *Saved
	plan   *recipe.Plan
	o      EvalOptions
	reader *classify.Classifier // nil without classes
	n      int                  // samples
	pixels tensor.Mat           // reference rows in the network's space
	class  []int32              // and their classes, nil without
	real   tensor.Mat           // and their features

	done, total int // evaluations of samples, for o.Watch
}

func (j *reading) key(name string) rng.Key { return j.o.Key.Split(j.kind).Split(name) }

func (j *reading) prepare(ctx context.Context) error {
	against := j.plan.Judge
	m := j.s.Model
	most := max(neighbour+2, readBytes/(4*m.Dim()))
	ref, err := deal(against, min(against.Len(), referenceRows, most), j.key("reference"))
	if err != nil {
		return err
	}
	if j.pixels, err = forward(m.Transform, ref.X); err != nil {
		return err
	}
	if j.pixels.N < neighbour+2 {
		return fmt.Errorf("%w: %s has %d %s, too few to judge by; at least %d are needed", flow.ErrConfig, j.plan.Recipe.Data.Name, j.pixels.N, j.many, neighbour+2)
	}
	j.n = max(min(j.o.N, most), neighbour+2)
	if m.Cond.Classes > 1 {
		c := classify.Defaults(j.h, j.w, j.c)
		c.Kernels, c.Workers = m.Kernels, j.o.Threads
		c.Steps = min(c.Steps, max(500, 50*j.plan.Train.Len()/c.Batch)) // few rows are soon known
		if j.classifier != nil {
			j.classifier(&c, j.plan.Train.Len())
		}
		j.o.stage("training a classifier")
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

// features maps rows of the network's space to where they are compared.
func (j *reading) features(x tensor.Mat) (tensor.Mat, error) {
	if j.reader != nil {
		r, err := j.reader.Read(x)
		return r.Features, err
	}
	return j.shrunk(x), nil
}

// shrunk averages pixels over a grid of at most 8 x 8.
func (g gallery) shrunk(x tensor.Mat) tensor.Mat {
	h, w := min(8, g.h), min(8, g.w)
	out := tensor.New(x.N, h*w*g.c)
	share := make([]float32, h*w)
	for y := range g.h {
		for c := range g.w {
			share[y*h/g.h*w+c*w/g.w]++
		}
	}
	for i := range x.N {
		from, to := x.Row(i), out.Row(i)
		for k, v := range from {
			p := k / g.c
			cell := p/g.w*h/g.h*w + p%g.w*w/g.w
			to[cell*g.c+k%g.c] += v / share[cell]
		}
	}
	return out
}

// looked returns rows of the numbers of the data in the network's space, as what
// is made of them looks.
func (j *reading) looked(x tensor.Mat) (tensor.Mat, error) {
	if j.seen != nil {
		seen, err := j.seen(tensor.Convert[float64](x))
		if err != nil {
			return x, err
		}
		x = tensor.Convert[float32](seen)
	}
	return forward(j.s.Model.Transform, x)
}

// looking is looked for rows of the network's space.
func (j *reading) looking(z tensor.Mat) (tensor.Mat, error) {
	if j.seen == nil {
		return z, nil
	}
	x, err := back(j.s, z)
	if err != nil {
		return z, err
	}
	return j.looked(x)
}

// right is the share of rows of the network's space that are read as class.
func (j *reading) right(z tensor.Mat, class []int32) (metric.Number, metric.Interval, error) {
	read, err := j.reader.Read(z)
	if err != nil {
		return 0, metric.Interval{}, err
	}
	share := read.Agreement(class)
	return metric.Number(share), metric.Share(int(math.Round(share*float64(z.N))), z.N), nil
}

// fresh tells that training has not seen the reference.
func (j *reading) fresh() bool {
	return j.plan.HeldOut != nil && j.plan.Judge.Len() == j.plan.HeldOut.Len()
}

// floor is what as many rows of the training are from the reference, and how
// well what is made of the reference's own rows is read. Where the reference is
// of the training itself, the distance is that of its halves.
func (j *reading) floor(r *ReadingReport) error {
	half := j.real.N / 2
	feats, real := j.real.Rows(0, half), j.real.Rows(half, 2*half)
	r.halves = !j.fresh()
	if j.fresh() {
		learnt, err := deal(j.plan.Train, min(j.n, j.plan.Train.Len()), j.key("floor"))
		if err != nil {
			return err
		}
		z, err := j.looking(learnt.X)
		if err != nil {
			return err
		}
		if feats, err = j.features(z); err != nil {
			return err
		}
		real = j.real
	}
	var err error
	if r.Floor.FD, r.Floor.FDCI, err = distance(feats, real); err != nil {
		return err
	}
	if r.Floor.Precision, r.Floor.Recall, err = manifold(feats, real); err != nil {
		return err
	}
	r.Floor.Classifier, r.Floor.ClassifierCI = r.Classifier, r.ClassifierCI
	if j.seen == nil || len(j.class) == 0 {
		return nil
	}
	z, err := j.looking(j.pixels)
	if err != nil {
		return err
	}
	r.Floor.Classifier, r.Floor.ClassifierCI, err = j.right(z, j.class)
	return err
}

func (j *reading) row(ctx context.Context, set metric.Setting, guidance float64) (ReadingRow, tensor.Mat, error) {
	nan := metric.Number(math.NaN())
	none := metric.Interval{nan, nan}
	row := ReadingRow{
		Solver: set.Solver, Grid: set.Grid, NFE: set.NFE, Guidance: guidance,
		Classifier: nan, ClassifierCI: none, FD: nan, FDCI: none, Precision: nan, Recall: nan,
	}
	var lost tensor.Mat
	if !j.s.suits(set) {
		return row, lost, nil
	}
	v, err := j.view(ctx, set, guidance)
	if errors.Is(err, flow.ErrDiverged) {
		return row, lost, nil // a row of nulls
	}
	if err != nil {
		return row, lost, err
	}
	row.NFE, row.Classifier, row.ClassifierCI = v.nfe, v.classifier, v.classifierCI
	if row.FD, row.FDCI, err = distance(v.feats, j.real); err != nil {
		return row, lost, err
	}
	row.Precision, row.Recall, err = manifold(v.feats, j.real)
	return row, v.z, err
}

// view is what the reader sees in samples.
type view struct {
	z            tensor.Mat // the samples, in the network's space
	feats        tensor.Mat
	classifier   metric.Number // NaN without classes
	classifierCI metric.Interval
	nfe          int
}

// view draws samples and reads them.
func (j *reading) view(ctx context.Context, set metric.Setting, guidance float64) (view, error) {
	nan := metric.Number(math.NaN())
	v := view{classifier: nan, classifierCI: metric.Interval{nan, nan}}
	x, cond, nfe, err := j.draw(ctx, set, guidance)
	if err != nil {
		return v, err
	}
	v.nfe = int(math.Round(nfe))
	if v.z, err = forward(j.s.Model.Transform, x); err != nil {
		return v, err
	}
	seen := v.z
	if j.seen != nil {
		if seen, err = j.looked(x); err != nil {
			return v, err
		}
	}
	if j.reader != nil {
		if v.classifier, v.classifierCI, err = j.right(seen, cond.Class); err != nil {
			return v, err
		}
	}
	v.feats, err = j.features(seen)
	return v, err
}

// draw draws samples of the classes that the reference has.
func (j *reading) draw(ctx context.Context, set metric.Setting, guidance float64) (tensor.Mat, flow.Cond, float64, error) {
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
	c.Watch = j.o.drawn(j.done, j.total, set)
	x, stats, err := sample.Draw(ctx, j.s.Model, c)
	j.done += work(j.n, set)
	return tensor.Convert[float32](x), c.Cond, stats.NFE, err
}

// distance is the Frechet distance of features to real ones, with its interval by
// the jackknife over both.
func distance(feats, real tensor.Mat) (metric.Number, metric.Interval, error) {
	groups := min(readGroups, feats.N/2, real.N/2)
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

// memory looks for the training row nearest to each sample, and to rows that
// training has not seen.
func (j *reading) memory(r *ReadingReport) error {
	r.Nearest, r.Copies, r.Floor.Nearest, r.Floor.Copies = metric.Number(math.NaN()), metric.Number(math.NaN()), metric.Number(math.NaN()), metric.Number(math.NaN())
	if r.samples.IsEmpty() {
		return nil
	}
	samples := r.samples.Rows(0, min(nearRows, r.samples.N))
	fresh := j.pixels.Rows(0, min(nearRows, j.pixels.N))
	both := tensor.New(samples.N+fresh.N, samples.D)
	copy(both.Data, samples.Data)
	copy(both.Data[len(samples.Data):], fresh.Data)
	dist, near, err := nearestOf(both, j.plan.Train, j.key("nearest"))
	if err != nil {
		return err
	}
	for i := range dist {
		dist[i] *= j.scale / math.Sqrt(float64(both.D))
	}
	mine, theirs := dist[:samples.N], slices.Sorted(slices.Values(dist[samples.N:]))
	r.Nearest, r.near = metric.Number(median(mine)), near.Rows(0, samples.N)
	if !j.fresh() {
		return nil // the reference was trained on: each row is its own nearest
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
