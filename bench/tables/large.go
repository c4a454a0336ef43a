package main

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"laminar/judge"
	"laminar/rng"
)

// largeResult is a set's line. Errors are in percent.
type largeResult struct {
	Set       string               `json:"set"`
	Shape     float64              `json:"shape_error"`
	Trend     float64              `json:"trend_error"`
	Holdout   [2]float64           `json:"test_shape_trend"` // of real test rows
	C2ST      float64              `json:"c2st"`
	Precision float64              `json:"alpha_precision"`
	Recall    float64              `json:"beta_recall"`
	Metric    string               `json:"mle_metric"` // auc or rmse
	Real      float64              `json:"mle_real"`
	Synth     float64              `json:"mle_synth"`
	DCRShare  float64              `json:"dcr_share"` // trained on half the rows, the other half held out
	Copies    [2]int               `json:"copies"`    // of the half trained on, among generated and among held-out rows
	Seconds   float64              `json:"seconds"`
	Published map[string][]float64 `json:"published"`
}

// large measures a generator by TabSyn's protocol.
func large(ctx context.Context, o options, match *regexp.Regexp) ([]largeResult, error) {
	g, err := named(generators, "-generator", o.generator)
	if err != nil {
		return nil, err
	}
	var out []largeResult
	fmt.Printf("%s; errors in %%, published as Shape / Trend\n\n", o.generator)
	fmt.Println("| set | Shape | Trend | test rows | C2ST | alpha-precision | beta-recall | trees, real | trees, synthetic | DCR share % | copies (held out) | s | published |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	err = eachSet(ctx, largeSets, o.data, match.MatchString, func(l *loaded) error {
		r, err := l.large(ctx, g, o)
		if err != nil {
			return err
		}
		out = append(out, r)
		var published []string
		for name, v := range l.published {
			published = append(published, fmt.Sprintf("%s %.2f / %.2f", name, v[0], v[1]))
		}
		slices.Sort(published)
		fmt.Printf("| %s | %.2f | %.2f | %.2f / %.2f | %.3f | %.3f | %.3f | %s %.3f | %.3f | %.1f | %d (%d) | %.0f | %s |\n", r.Set, r.Shape, r.Trend, r.Holdout[0], r.Holdout[1], r.C2ST, r.Precision, r.Recall,
			r.Metric, r.Real, r.Synth, r.DCRShare, r.Copies[0], r.Copies[1], r.Seconds, strings.Join(published, ", "))
		return nil
	})
	return out, err
}

func (l *loaded) large(ctx context.Context, g generator, o options) (r largeResult, err error) {
	key := o.key.Split(l.name)
	train, test := l.part()
	start := time.Now()
	fakes, err := g(ctx, l.schema, train, train.N, 1, key.Split("whole"))
	if err != nil {
		return r, err
	}
	fake := fakes[0]
	r = largeResult{Set: l.name, Seconds: time.Since(start).Seconds(), Published: l.published}
	if r.Shape, r.Trend, err = l.errors(train, fake); err != nil {
		return r, err
	}
	if r.Holdout[0], r.Holdout[1], err = l.errors(train, test); err != nil {
		return r, err
	}
	if r.C2ST, err = judge.LogisticDetection(l.schema, train, fake, key); err != nil {
		return r, err
	}
	sp, err := judge.NewSpace(l.schema, train)
	if err != nil {
		return r, err
	}
	s := sp.Support(train, fake)
	r.Precision, r.Recall = s.Precision, s.Recall
	r.Metric = "AUC"
	c := l.schema.Columns[l.at]
	answer := func(m matrix) (float64, error) {
		a, err := judge.Usefulness(ctx, l.schema, c.Name, m, test, key)
		if r.Metric == "RMSE" {
			return a.RMSE, err
		}
		return a.AUC, err
	}
	learn, real := fake, train
	if len(c.Levels) == 0 {
		r.Metric = "RMSE"
	}
	if l.logarithm { // as TabSyn has it
		learn, real, test = logged(fake, l.at), logged(train, l.at), logged(test, l.at)
	}
	if r.Real, err = answer(real); err != nil {
		return r, err
	}
	if r.Synth, err = answer(learn); err != nil {
		return r, err
	}
	// Half is trained on, half held out.
	n := train.N / 2
	p := newTwister(1).permutation(train.N)
	half, other := pick(train, p[:n]), pick(train, p[n:2*n])
	if fakes, err = g(ctx, l.schema, half, n, 1, key.Split("half")); err != nil {
		return r, err
	}
	r.DCRShare = 100 * sp.DCRShare(fakes[0], half, other)
	if r.Copies[0], err = judge.Copies(l.schema, half, fakes[0]); err != nil {
		return r, err
	}
	r.Copies[1], err = judge.Copies(l.schema, half, other)
	return r, err
}

// errors are Shape and Trend error in percent.
func (l *loaded) errors(real, m matrix) (shape, trend float64, err error) {
	columns, err := judge.Shape(l.schema, real, m)
	if err != nil {
		return 0, 0, err
	}
	for _, v := range columns {
		shape += 100 * v / float64(len(columns))
	}
	pairs, err := judge.Trend(l.schema, real, m, math.MaxInt32, rng.Key{})
	for _, p := range pairs {
		trend += 100 * p.Error / float64(len(pairs))
	}
	return shape, trend, err
}

func logged(m matrix, at int) matrix {
	m = m.Clone()
	for i := range m.N {
		m.Row(i)[at] = math.Log(min(max(m.At(i, at), 1), 20000))
	}
	return m
}
