// Package judge says how good a synthetic table is: how like the real one, how
// useful in its place, and how much it tells of single real rows.
//
//	r, err := judge.Judge(ctx, schema, real, synth, holdout, judge.Defaults())
//	r.WriteText(os.Stdout)                          // or json.Marshal(r)
//	page, err := judge.Page(ctx, "adult", schema, real, synth, r)
//
// Rows are those of data/table under one schema: quantities, indices of levels,
// NaN for missing. real are the rows that the synthetic ones were learnt from,
// holdout rows of the same origin that learning has not seen; without them the
// figures that need them are missing, and real rows are parted into halves for the
// rest. Identifiers, free text and constants are not judged.
//
// No figure is good or bad by itself: beside each stands its floor, what rows
// that are real get by the same measure.
//
//	Shape, Trend, Gaps        each column, each pair of columns, missing cells
//	LogisticDetection         can a linear classifier, can trees tell them apart
//	Space.Cover, Support      how synthetic rows lie among real ones
//	Space.W1, W2              what it costs to carry one table to the other
//	Usefulness                trees grown on synthetic rows, tested on real ones
//	Space.DCRShare, Copies    whether rows are nearer to training rows than chance
//
// Everything is a pure function of its arguments on any number of cores. The
// package opens no file and knows nothing of how rows were made.
package judge

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"laminar/data/table"
	"laminar/flow"
	"laminar/metric"
	"laminar/rng"
)

// Config sets the size of a judgement. Start from Defaults.
type Config struct {
	// Target is the column whose prediction measures usefulness: "" for the last
	// one that can be, "-" for none.
	Target string
	// Rows is the largest number of rows on each side of a comparison of
	// neighbours or by a logistic regression, Trees of one by trees, Exact of an
	// exact Wasserstein distance, which is at most 5000. Of larger tables rows are
	// drawn.
	Rows, Trees, Exact int
	// Pairs is the largest number of pairs of columns compared.
	Pairs int
	// Resamples is the number of bootstraps of the real rows whose mean is the
	// floor of Shape and Trend.
	Resamples int
	// Key is the source of all chance.
	Key rng.Key
	// Watch, if not nil, is told what is done next.
	Watch func(stage string)
}

// Defaults judges a table of 15 columns in about half a minute on two cores.
func Defaults() Config {
	return Config{Rows: 40_000, Trees: 10_000, Exact: 2000, Pairs: 5000, Resamples: 3}
}

// mostExact is the largest number of rows whose distances are held at once.
const mostExact = 5000

// Validate reports every fault of c as a flow.FieldError.
func (c Config) Validate() error {
	var errs []error
	for _, f := range []struct {
		name              string
		value, least, top int
	}{
		{"Rows", c.Rows, 10, math.MaxInt32},
		{"Trees", c.Trees, 10, math.MaxInt32},
		{"Exact", c.Exact, 2, mostExact},
		{"Pairs", c.Pairs, 1, math.MaxInt32},
		{"Resamples", c.Resamples, 1, 1000},
	} {
		if f.value < f.least || f.value > f.top {
			errs = append(errs, &flow.FieldError{Path: "judge." + f.name, Msg: fmt.Sprintf("is %d, must be %d to %d", f.value, f.least, f.top)})
		}
	}
	return errors.Join(errs...)
}

// work is a judgement on its way.
type work struct {
	ctx                  context.Context
	c                    Config
	cols                 []column
	real, synth, holdout matrix
	r                    *Report

	// reference and fresh are real rows that have nothing in common: training
	// rows and held-out ones, or halves of the real rows.
	reference, fresh matrix
	sp               *Space
}

// Judge compares synthetic rows with the real ones that they were learnt from, and
// with holdout, which may be the empty matrix. The rows are those of s; real and
// synth hold at least one. Figures that so few rows do not allow are NaN, and the
// report says so. The error wraps flow.ErrShape, flow.ErrConfig, flow.ErrFormat, or
// is that of ctx.
func Judge(ctx context.Context, s *table.Schema, real, synth, holdout matrix, c Config) (*Report, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	cols, err := pair(s, real, synth)
	if err != nil {
		return nil, err
	}
	if holdout.N > 0 {
		if err := check("held-out", s, cols, holdout, 1); err != nil {
			return nil, err
		}
	}
	w := &work{ctx: ctx, c: c, cols: cols, real: real, synth: synth, holdout: holdout, r: newReport()}
	w.r.Rows = Sizes{Real: real.N, Synth: synth.N, Holdout: holdout.N}
	w.r.leftOut(s)
	w.part()
	w.sp = newSpace(cols, real)
	for _, stage := range []struct {
		name string
		do   func() error
	}{
		{"columns and pairs", w.marginals},
		{"telling apart", w.detection},
		{"neighbours", w.neighbours},
		{"transport", w.distances},
		{"usefulness", func() error { return w.usefulness(s) }},
		{"privacy", w.privacy},
	} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if c.Watch != nil {
			c.Watch(stage.name)
		}
		if err := stage.do(); err != nil {
			return nil, err
		}
	}
	w.r.decide()
	return w.r, nil
}

// leftOut notes the columns that are not judged.
func (r *Report) leftOut(s *table.Schema) {
	for _, k := range []struct {
		kind table.Kind
		text string
	}{
		{table.Text, "free text is not learnt and left empty in synthetic rows"},
		{table.Identifier, "identifiers are not learnt and made afresh"},
	} {
		var names []string
		for _, c := range s.Columns {
			if c.Kind == k.kind {
				names = append(names, c.Name)
			}
		}
		const most = 10
		more := ""
		if len(names) > most {
			names, more = names[:most], fmt.Sprintf(" and %d more", len(names)-most)
		}
		if len(names) > 0 {
			r.note("%s, and not judged: %s%s", k.text, strings.Join(names, ", "), more)
		}
	}
}

// part chooses the real rows that are compared with each other for the floors.
func (w *work) part() {
	w.reference, w.fresh = w.real, w.holdout
	w.r.FloorBy = "training rows against held-out rows"
	if w.holdout.N == 0 {
		half := draw(w.real, w.real.N, w.c.Key.Split("halves"))
		w.reference, w.fresh = half.Rows(0, half.N/2), half.Rows(half.N/2, half.N)
		w.r.FloorBy = "one half of the real rows against the other"
		w.r.note("no held-out rows were given: dcr_share, the attack and its floors are left out, and the real rows are parted into halves for the other floors")
	}
}

// sides draws equally many reference, fresh and synthetic rows, at most most.
func (w *work) sides(most int, name string) (reference, fresh, synth matrix) {
	n := min(most, w.reference.N, w.fresh.N, w.synth.N)
	k := w.c.Key.Split(name)
	return draw(w.reference, n, k.Split("reference")), draw(w.fresh, n, k.Split("fresh")), draw(w.synth, n, k.Split("synth"))
}

func (w *work) marginals() error {
	r, key := w.r, w.c.Key.Split("marginals")
	pairs := pairsOf(w.cols, w.c.Pairs, key.Split("pairs"))
	columns := shape(w.cols, w.real, w.synth)
	trends := trend(w.cols, w.real, w.synth, pairs)
	r.Shape, r.Trend = number(mean(columns)), number(trendError(trends))
	r.Pairs = trends
	floors := make([]float64, len(w.cols))
	var shapes, trendFloors []float64
	floorGaps := 0.
	for k := range w.c.Resamples {
		again := resample(w.real, w.synth.N, key.Split("bootstrap").At(uint64(k)))
		f := shape(w.cols, w.real, again)
		for j, v := range f {
			floors[j] += v / float64(w.c.Resamples)
		}
		for _, c := range w.cols {
			floorGaps += math.Abs(missingShare(again, c.at)-missingShare(w.real, c.at)) / float64(len(w.cols)*w.c.Resamples)
		}
		shapes = append(shapes, mean(f))
		trendFloors = append(trendFloors, trendError(trend(w.cols, w.real, again, pairs)))
	}
	r.Floor.Shape, r.Floor.Trend = number(mean(shapes)), number(mean(trendFloors))
	if w.holdout.N > 0 {
		r.Holdout.Shape = number(mean(shape(w.cols, w.real, w.holdout)))
		r.Holdout.Trend = number(trendError(trend(w.cols, w.real, w.holdout, pairs)))
	}
	gaps := 0.
	for j, c := range w.cols {
		f := ColumnFigure{Name: c.name, Kind: c.kind, Shape: number(columns[j]), Floor: number(floors[j]), By: number(math.NaN())}
		f.MissingReal, f.MissingSynth = number(missingShare(w.real, c.at)), number(missingShare(w.synth, c.at))
		gaps += math.Abs(float64(f.MissingReal - f.MissingSynth))
		r.Columns = append(r.Columns, f)
	}
	r.Missing, r.Floor.Missing = number(gaps/float64(len(w.cols))), number(floorGaps)
	return nil
}

func (w *work) detection() error {
	r, key := w.r, w.c.Key.Split("detection")
	reference, fresh, synth := w.sides(w.c.Rows, "detection")
	r.C2ST = number(logisticDetection(w.cols, reference, synth, key))
	r.Floor.C2ST = number(logisticDetection(w.cols, reference, fresh, key))
	reference, fresh, synth = w.sides(w.c.Trees, "detection by trees")
	d, err := detect(w.ctx, w.cols, reference, synth, key)
	if err != nil {
		return err
	}
	r.TreesAUC, r.TreesAccuracy, r.TreesAUCSE = number(d.AUC), number(d.Accuracy), number(aucSE(reference.N, synth.N))
	if d.AUC == d.AUC {
		for j := range r.Columns {
			r.Columns[j].By = number(d.By[j])
		}
	}
	if d, err = detect(w.ctx, w.cols, reference, fresh, key); err != nil {
		return err
	}
	r.Floor.TreesAUC, r.Floor.TreesAccuracy = number(d.AUC), number(d.Accuracy)
	return nil
}

func (w *work) neighbours() error {
	r := w.r
	reference, fresh, synth := w.sides(w.c.Rows, "neighbours")
	if reference.N < 10 {
		r.note("%d rows a side are too few to compare neighbours", reference.N)
		return nil
	}
	c := w.sp.Cover(reference, synth, 0)
	r.Coverage, r.Density, r.K = number(c.Coverage), number(c.Density), c.K
	c = w.sp.Cover(reference, fresh, c.K)
	r.Floor.Coverage, r.Floor.Density = number(c.Coverage), number(c.Density)
	if err := w.ctx.Err(); err != nil {
		return err
	}
	s := w.sp.Support(reference, synth)
	r.Precision, r.Recall, r.Authenticity = number(s.Precision), number(s.Recall), number(s.Authenticity)
	s = w.sp.Support(reference, fresh)
	r.Floor.Precision, r.Floor.Recall, r.Floor.Authenticity = number(s.Precision), number(s.Recall), number(s.Authenticity)
	return nil
}

func (w *work) distances() error {
	r := w.r
	reference, fresh, synth := w.sides(w.c.Exact, "transport")
	r.Exact = reference.N
	if reference.N == 0 {
		return nil
	}
	for _, f := range []struct {
		to   *metric.Number
		with matrix
		of   func(context.Context, matrix, matrix) (float64, error)
	}{
		{&r.W1, synth, w.sp.W1},
		{&r.Floor.W1, fresh, w.sp.W1},
		{&r.W2, synth, w.sp.W2},
		{&r.Floor.W2, fresh, w.sp.W2},
	} {
		v, err := f.of(w.ctx, reference, f.with)
		if err != nil {
			return err
		}
		*f.to = number(v)
	}
	return nil
}

func (w *work) usefulness(s *table.Schema) error {
	target := len(w.cols) - 1
	switch w.c.Target {
	case "-":
		return nil
	case "":
	default:
		var err error
		if target, err = targetOf(s, w.cols, w.c.Target); err != nil {
			return err
		}
	}
	key := w.c.Key.Split("usefulness")
	train, test := w.real, w.holdout
	if test.N == 0 {
		all := draw(w.real, w.real.N, key.Split("fold"))
		n := all.N * 4 / 5
		train, test = all.Rows(0, n), all.Rows(n, all.N)
	}
	c := w.cols[target]
	m := &MLE{Target: c.name, Metric: "auc", TestRows: test.N}
	if c.number() {
		m.Metric = "r2"
	}
	if train.N < 10 || test.N < 2 {
		w.r.note("%d rows to learn from and %d to test by are too few to measure usefulness", train.N, test.N)
		return nil
	}
	var answers []Answers
	for _, f := range []struct {
		main, f1, accuracy, rmse *metric.Number
		rows                     matrix
	}{
		{&m.Real, &m.RealF1, &m.RealAccuracy, &m.RealRMSE, train},
		{&m.Synth, &m.SynthF1, &m.SynthAccuracy, &m.SynthRMSE, w.synth},
	} {
		a, err := usefulness(w.ctx, w.cols, target, f.rows, test, key.Split("trees"))
		if err != nil {
			return err
		}
		answers = append(answers, a)
		*f.main, *f.f1, *f.accuracy, *f.rmse = number(a.AUC), number(a.F1), number(a.Accuracy), number(a.RMSE)
		if c.number() {
			*f.main = number(a.R2)
		}
	}
	m.LostSE = number(math.NaN())
	if real, synth := answers[0].each, answers[1].each; len(real) == len(synth) {
		se := 0.
		for i, v := range real {
			se += (v - synth[i]) * (v - synth[i])
		}
		m.LostSE = number(math.Sqrt(se))
	}
	w.r.MLE, w.r.Floor.MLE = m, m.Real
	return nil
}

func (w *work) privacy() error {
	r := w.r
	set := newRowSet(w.cols, w.real)
	of := set.copies(w.synth)
	by := set.twins()
	if w.holdout.N > 0 {
		by = by.plus(set.copies(w.holdout))
	}
	r.Copies, r.CopiesSingle = of.copies, of.single
	if of.rows > 0 && by.rows > 0 {
		mean, lo, hi := expected(by.copies, by.rows, of.rows)
		r.Floor.Copies, r.Floor.CopiesRange = number(mean), [2]metric.Number{number(lo), number(hi)}
		mean, lo, hi = expected(by.single, by.rows, of.rows)
		r.Floor.CopiesSingle, r.Floor.CopiesSingleRange = number(mean), [2]metric.Number{number(lo), number(hi)}
		const limit = 3 // standard errors
		r.copied = excess(of.copies, of.rows, by.copies, by.rows) > limit || excess(of.single, of.rows, by.single, by.rows) > limit
		if w.holdout.N > 0 {
			// Where all rows that can be are there, those not trained on are met as often.
			trained, unknown := knownSingles(w.cols, w.real, w.holdout, w.synth)
			if trained.rows > 0 && unknown.rows > 0 {
				r.copied = r.copied && excess(trained.single, trained.rows, unknown.single, unknown.rows) > limit
			}
		}
	}
	key := w.c.Key.Split("privacy")
	synth := draw(w.synth, w.c.Rows, key.Split("synth"))
	n := min(w.c.Rows, w.reference.N, w.fresh.N)
	train, others := draw(w.reference, n, key.Split("train")), draw(w.fresh, n, key.Split("others"))
	if n < 2 {
		r.note("too few real rows to measure privacy")
		return nil
	}
	s, t, o := w.sp.place(synth), w.sp.place(train), w.sp.place(others)
	trainTree := newTree(t, w.sp.gower())
	d := distancesTo(trainTree, s, false)
	r.Nearest, r.Nearest5, r.Ratio = number(quantile(d.nearest, 0.5)), number(quantile(d.nearest, 0.05)), number(d.ratio)
	f := distancesTo(trainTree, o, false)
	r.Floor.Nearest, r.Floor.Nearest5, r.Floor.Ratio = number(quantile(f.nearest, 0.5)), number(quantile(f.nearest, 0.05)), number(f.ratio)
	if w.holdout.N == 0 {
		return nil
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	a, atTrain := trainTree.neighbours(s, 1, false)
	b, atOthers := newTree(o, w.sp.gower()).neighbours(s, 1, false)
	r.DCRShare, r.DCRShareSE = number(nearer(a, b)), number(dcrSE(a, b, atTrain, atOthers, n))
	r.Floor.DCRShare = 0.5
	r.Attack, r.AttackSE = number(attack(newTree(s, w.sp.gower()), t, o)), number(aucSE(n, n))
	r.Floor.Attack = 0.5
	return nil
}
