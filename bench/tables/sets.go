package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"laminar/data/table"
	"laminar/tensor"
)

// matrix is rows of a schema.
type matrix = tensor.Matrix[float64]

// set is a table of a protocol: its file, what of it counts, and what the authors
// published of it.
type set struct {
	name string
	file string
	// instead stands for file where DIR has it not: the same table in another order.
	instead *set
	skip    int   // lines at the top that are no rows
	drop    []int // columns left out
	// category lists the columns that are categories, by their place in the file, -1
	// for the last; all others are numbers.
	category []int
	// class: the last column is a class, by which splits are stratified.
	class bool
	// target is the column that is predicted, by its place in the file; 0 for the
	// last.
	target int
	// test is a second file, of test rows.
	test string
	// complete drops the rows in which the target is missing.
	complete bool
	// logarithm: the target is predicted on a logarithm.
	logarithm bool
	published map[string][]float64 // by method, see the protocols
}

// smallSets are those of ForestDiffusion; what is published of each is W1 to
// training and to test rows, and coverage of the test rows.
var smallSets = []set{
	{name: "iris", file: "sklearn/iris.csv", skip: 1, category: []int{-1}, class: true, published: rows(0, .236, .933, .197, .328, .931, .193, .329, .918)},
	{name: "wine", file: "sklearn/wine_data.csv", skip: 1, category: []int{-1}, class: true, published: rows(0, 1.440, .944, .845, 1.421, .954, .712, 1.531, .907)},
	{name: "concrete", file: "uci-regression/concrete_data.csv.gz", published: rows(0, .485, .961, .319, .542, .889, .223, .513, .917)},
	{name: "airfoil", file: "uci-forestdiffusion/airfoil_self_noise.csv", instead: &set{file: "uci-regression/airfoil_data.csv.gz"}, published: rows(0, .241, .963, .133, .256, .945, .114, .253, .945)},
	{name: "ionosphere", file: "uci-forestdiffusion/ionosphere.csv", drop: []int{1}, category: []int{0, -1}, class: true, published: rows(0, 4.418, .953, 3.239, 4.298, .901, 8.097, 8.844, .823)},
	{name: "seeds", file: "uci-forestdiffusion/wheat-seeds.csv", category: []int{-1}, class: true, published: rows(0, .460, .976, .307, .515, .970, .263, .516, .963)},
	{name: "ecoli", file: "uci-forestdiffusion/ecoli.csv", category: []int{-1}, class: true, published: rows(0, .401, .975, .244, .449, .958, .232, .454, .948)},
	{name: "concrete slump", file: "uci-forestdiffusion/slump_test.csv", drop: []int{0, 8, 9}, instead: &set{file: "uci-regression/concreteslump_data.csv.gz"}, published: rows(0, 1.100, .905, .539, 1.171, .892, .442, 1.149, .883)},
	{name: "wine quality red", file: "uci-forestdiffusion/winequality-red.csv", drop: []int{0}, published: rows(0, .504, .981, .385, .516, .973, .297, .530, .976)},
	{name: "car", file: "uci-forestdiffusion/car.arff", category: span(0, 6), class: true, published: rows(0, 1.102, .329, .509, 1.002, .616, .793, 1.183, .548)},
	{name: "congress", file: "uci-forestdiffusion/vote.arff", category: span(0, 16), class: true, published: rows(0, 2.400, .931, 3.125, 3.671, .354, 1.047, 2.386, .874)},
	{name: "tic-tac-toe", file: "uci-forestdiffusion/tic-tac-toe.arff", category: span(0, 9), class: true, published: rows(0, 2.034, .144, 1.230, 1.945, .728, .802, 2.008, .227)},
}

// largeSets are those of TabSyn, with what was published of each: Shape and Trend
// error in percent.
var largeSets = []set{
	{name: "Adult", file: "adult/adult-train.csv.gz", test: "adult/adult-test.csv.gz", category: []int{1, 3, 5, 6, 7, 8, 9, 13, 14}, published: errorsOf(.63, 1.49, .81, 1.93, 1.75, 3.01, .37, .88)},
	{name: "Default", file: "tabular/default_UCI_Credit_Card.csv.gz", category: append(span(1, 3), append(span(5, 10), 23)...), published: errorsOf(1.24, 2.55, 1.01, 2.81, 1.57, 4.89, .43, .67)},
	{name: "Shoppers", file: "tabular/online_shoppers_intention.csv.gz", category: span(10, 17), published: errorsOf(1.28, 1.74, 1.44, 2.13, 2.72, 6.61, .68, 1.08)},
	{name: "Beijing", file: "tabular/beijing_PRSA_data_2010-2014.csv.gz", drop: []int{0}, category: []int{1, 2, 3, 4, 9}, target: 5, complete: true, logarithm: true, published: errorsOf(1.03, 2.59, 1.26, 3.13, 1.30, 2.71, .45, 1.21)},
	{name: "California", file: "tabular/california_housing.csv.gz", category: []int{9}, target: 8},
}

func rows(v ...float64) map[string][]float64 {
	return map[string][]float64{"oracle": v[:3], "Forest-Flow": v[3:6], "TabDDPM": v[6:]}
}

func errorsOf(v ...float64) map[string][]float64 {
	return map[string][]float64{"TabDiff": v[:2], "TabSyn": v[2:4], "TabDDPM": v[4:6], "bootstrap": v[6:]}
}

func span(lo, hi int) (out []int) {
	for k := lo; k <= hi; k++ {
		out = append(out, k)
	}
	return out
}

// loaded is a set in memory.
type loaded struct {
	set
	schema *table.Schema
	rows   matrix // training rows, where there is a file of test rows
	test   matrix
	at     int // the target's column
}

func (s set) load(dir string) (*loaded, error) {
	if s.instead != nil {
		if _, err := os.Stat(filepath.Join(dir, s.file)); errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(os.Stderr, "tables: %s: no %s in %s, so %s is taken, whose splits are others than the published ones\n", s.name, s.file, dir, s.instead.file)
			s.file, s.skip, s.drop, s.instead = s.instead.file, s.instead.skip, s.instead.drop, nil
		}
	}
	src, err := s.source(filepath.Join(dir, s.file))
	if err != nil {
		return nil, err
	}
	plain, err := table.Infer(src, table.InferOptions{})
	if err != nil {
		return nil, err
	}
	n := len(plain.Columns)
	place := func(j int) int { return (j + n) % n }
	given := &table.Schema{Version: 1, Format: plain.Format}
	for j, c := range plain.Columns {
		kind := table.Numeric
		if c.Kind == table.Integer || c.Kind == table.Ordered || c.Kind == table.Identifier { // all whole numbers
			kind = table.Integer
		}
		for _, k := range s.category {
			if place(k) == j {
				kind = table.Category
			}
		}
		if slices.Contains(s.drop, j) {
			kind = table.Text // is judged by nothing
		}
		given.Columns = append(given.Columns, table.Column{Name: c.Name, Kind: kind})
	}
	l := &loaded{set: s, at: s.target}
	if s.target == 0 {
		l.at = n - 1
	}
	if l.schema, err = table.Infer(src, table.InferOptions{Given: given}); err != nil {
		return nil, err
	}
	levels := make([]int, n)
	for j := range l.schema.Columns {
		levels[j] = len(l.schema.Columns[j].Levels)
	}
	if s.test != "" {
		if err := l.readTest(filepath.Join(dir, s.test), levels); err != nil {
			return nil, err
		}
	}
	if l.rows, err = table.Read(src, l.schema); err != nil {
		return nil, err
	}
	if s.complete {
		l.rows = where(l.rows, func(row []float64) bool { return row[l.at] == row[l.at] })
	}
	if s.class {
		l.filled()
	}
	if s.name == "Adult" {
		trimmed(l.schema, l.at, l.test)
	}
	return l, nil
}

// source opens a file without the lines at its top.
func (s set) source(path string) (table.Source, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if b, err = io.ReadAll(z); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	for range s.skip {
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	return table.Open(strings.TrimSuffix(path, ".gz"), func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(b)), nil
	}, table.ReadOptions{})
}

// readTest reads a file of test rows. Levels that it alone has come last.
func (l *loaded) readTest(path string, levels []int) error {
	src, err := set{}.source(path)
	if err != nil {
		return err
	}
	p := table.NewParser(l.schema)
	for r, err := range src.Rows() {
		if err != nil {
			return err
		}
		for j, cell := range r.Cells {
			if levels[j] == 0 {
				continue
			}
			c := &l.schema.Columns[j]
			if _, err := p.Cell(j, cell); err != nil && !slices.Contains(c.Levels, cell) {
				c.Levels = append(c.Levels, cell)
			}
		}
	}
	l.test, err = table.Read(src, l.schema)
	return err
}

// filled makes missing a level of its own, as the authors read it.
func (l *loaded) filled() {
	for j := range l.schema.Columns {
		c := &l.schema.Columns[j]
		if len(c.Levels) == 0 {
			continue
		}
		k := len(c.Levels)
		for i := range l.rows.N {
			if v := l.rows.At(i, j); v != v {
				l.rows.Row(i)[j] = float64(k)
				if len(c.Levels) == k {
					c.Levels = append(c.Levels, "?")
				}
			}
		}
	}
}

// trimmed makes the levels that end in a full stop, as the labels of Adult's test
// file do, those without.
func trimmed(s *table.Schema, at int, m matrix) {
	c := &s.Columns[at]
	to := make([]int, len(c.Levels))
	kept := len(c.Levels)
	for k, level := range c.Levels {
		to[k] = k
		if q := slices.Index(c.Levels, strings.TrimSuffix(level, ".")); q >= 0 && q != k {
			to[k], kept = q, min(kept, k)
		}
	}
	for i := range m.N {
		if v := m.At(i, at); v == v {
			m.Row(i)[at] = float64(to[int(v)])
		}
	}
	c.Levels = c.Levels[:kept]
}

// where is the rows of m that f holds for.
func where(m matrix, f func(row []float64) bool) matrix {
	var rows []int
	for i := range m.N {
		if f(m.Row(i)) {
			rows = append(rows, i)
		}
	}
	return pick(m, rows)
}

func pick(m matrix, rows []int) matrix {
	out := tensor.NewOf[float64](len(rows), m.D)
	for i, r := range rows {
		copy(out.Row(i), m.Row(r))
	}
	return out
}

// classes are those of the rows in the order of their first row, or in the order
// of their names if these are numbers: as the authors' factorisation has them.
func (l *loaded) classes() []int {
	if !l.class {
		return nil
	}
	c := l.schema.Columns[l.at]
	id := map[int]int{}
	if numbers := !slices.ContainsFunc(c.Levels, func(s string) bool { return strings.Trim(s, "0123456789") != "" }); numbers {
		sorted := slices.Clone(c.Levels)
		slices.Sort(sorted)
		for k, level := range c.Levels {
			id[k] = slices.Index(sorted, level)
		}
	}
	out := make([]int, l.rows.N)
	for i := range out {
		k := int(l.rows.At(i, l.at))
		if _, ok := id[k]; !ok {
			id[k] = len(id)
		}
		out[i] = id[k]
	}
	return out
}

// part parts rows by TabSyn's protocol: nine of ten rows to train on, by the first
// seed from 1234 on with which every level is among them.
func (l *loaded) part() (train, test matrix) {
	if l.set.test != "" {
		return l.rows, l.test
	}
	n := l.rows.N * 9 / 10
	for seed := uint32(1234); ; seed++ {
		p := newTwister(seed).permutation(l.rows.N)
		train = pick(l.rows, p[:n])
		if l.hasAll(train) {
			return train, pick(l.rows, p[n:])
		}
	}
}

// hasAll tells whether every level occurs.
func (l *loaded) hasAll(m matrix) bool {
	for j, c := range l.schema.Columns {
		seen := map[float64]bool{}
		for i := range m.N {
			if v := m.At(i, j); !math.IsNaN(v) {
				seen[v] = true
			}
		}
		if len(c.Levels) > 0 && len(seen) < len(c.Levels) {
			return false
		}
	}
	return true
}

// eachSet calls f for the loaded sets whose names match.
func eachSet(ctx context.Context, sets []set, dir string, match func(string) bool, f func(*loaded) error) error {
	for _, s := range sets {
		if !match(s.name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		l, err := s.load(dir)
		if err == nil {
			err = f(l)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}
