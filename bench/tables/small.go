package main

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"laminar/judge"
)

// smallResult is a set's line, means over splits and generated sets.
type smallResult struct {
	Set      string  `json:"set"`
	W1Train  float64 `json:"w1_train"`
	W1Test   float64 `json:"w1_test"`
	CovTrain float64 `json:"coverage_train"`
	CovTest  float64 `json:"coverage_test"`
	// Copies is the share of rows that are a training row, cell by cell; CopiesTest
	// that of the test rows.
	Copies     float64              `json:"copies"`
	CopiesTest float64              `json:"copies_test"`
	Seconds    float64              `json:"seconds"`
	Published  map[string][]float64 `json:"published"`
}

// small measures a generator on the small sets.
func small(ctx context.Context, o options, match *regexp.Regexp) ([]smallResult, error) {
	g, err := named(generators, "-generator", o.generator)
	if err != nil {
		return nil, err
	}
	var out []smallResult
	fmt.Printf("%s, %d splits, %d sets each; published: oracle, Forest-Flow, TabDDPM\n\n", o.generator, o.splits, o.draws)
	fmt.Println("| set | W1 train | W1 test | coverage train | coverage test | copies, of test rows | s per split | published W1 train | W1 test | coverage test |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	err = eachSet(ctx, smallSets, o.data, match.MatchString, func(l *loaded) error {
		r := smallResult{Set: l.name, Published: l.published}
		for n := range o.splits {
			trainRows, testRows := testSplit(l.rows.N, l.classes(), uint32(n))
			train, test := pick(l.rows, trainRows), pick(l.rows, testRows)
			start := time.Now()
			fakes, err := g(ctx, l.schema, train, train.N, o.draws, o.key.Split(l.name).At(uint64(n)))
			if err != nil {
				return err
			}
			r.Seconds += time.Since(start).Seconds() / float64(o.splits)
			sp, err := judge.NewSpace(l.schema, train)
			if err != nil {
				return err
			}
			share := 1 / float64(o.splits*len(fakes))
			r.CopiesTest += copies(train, test) / float64(o.splits)
			for _, fake := range fakes {
				toTrain, err := sp.W1(ctx, train, fake)
				if err != nil {
					return err
				}
				toTest, err := sp.W1(ctx, test, fake)
				if err != nil {
					return err
				}
				r.W1Train += share * toTrain
				r.W1Test += share * toTest
				r.Copies += share * copies(train, fake)
				r.CovTrain += share * sp.Cover(train, fake, 0).Coverage
				r.CovTest += share * sp.Cover(test, fake, 0).Coverage
			}
		}
		out = append(out, r)
		p := l.published
		three := func(k int) string {
			return fmt.Sprintf("%.3f, %.3f, %.3f", p["oracle"][k], p["Forest-Flow"][k], p["TabDDPM"][k])
		}
		fmt.Printf("| %s | %.3f | %.3f | %.3f | %.3f | %.3f, %.3f | %.1f | %s | %s | %s |\n", r.Set, r.W1Train, r.W1Test, r.CovTrain, r.CovTest, r.Copies, r.CopiesTest, r.Seconds, three(0), three(1), three(2))
		return nil
	})
	return out, err
}

// copies is the share of rows that are among those of train, cell by cell.
func copies(train, rows matrix) float64 {
	known, n := map[string]bool{}, 0
	for i := range train.N {
		known[fmt.Sprint(train.Row(i))] = true
	}
	for i := range rows.N {
		if known[fmt.Sprint(rows.Row(i))] {
			n++
		}
	}
	return float64(n) / float64(rows.N)
}

// named returns an entry of a catalogue.
func named[T any](m map[string]T, flag, name string) (T, error) {
	v, ok := m[name]
	if !ok {
		return v, fmt.Errorf("%s %s: choose from %s", flag, name, names(m))
	}
	return v, nil
}
