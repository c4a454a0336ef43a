package main

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"laminar/rng"
	"laminar/tensor"
)

// flowers writes a set of the shape of iris: a line to skip, two numbers and a class
// that decides the first.
func flowers(t *testing.T) (string, set) {
	t.Helper()
	s := rng.New(1).Stream()
	var b strings.Builder
	b.WriteString("60,3\n")
	for i := range 60 {
		k := i / 20
		b.WriteString(strings.Join([]string{num(float64(3*k) + s.Float64()), num(s.NormFloat64()), []string{"rose", "aster", "tulip"}[k]}, ",") + "\n")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "flowers.csv"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, set{name: "flowers", file: "flowers.csv", skip: 1, category: []int{-1}, class: true}
}

func num(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }

func TestLoad(t *testing.T) {
	dir, s := flowers(t)
	l, err := s.load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if l.rows.N != 60 || l.rows.D != 3 || l.at != 2 {
		t.Errorf("%d rows of %d columns, target %d", l.rows.N, l.rows.D, l.at)
	}
	classes := l.classes()
	if !slices.Equal([]int{classes[0], classes[20], classes[40]}, []int{0, 1, 2}) {
		t.Errorf("classes are %v", classes)
	}
}

// TestImputers fills gaps in a column that the class decides: each of them beats
// what is typical, and MinMAE is never above AvgMAE.
func TestImputers(t *testing.T) {
	dir, s := flowers(t)
	l, err := s.load(dir)
	if err != nil {
		t.Fatal(err)
	}
	truth, gaps := l.hide(l.rows, rng.New(2))
	hidden := 0
	for i := range gaps.N {
		for j := range gaps.D {
			if gaps.At(i, j) != gaps.At(i, j) {
				hidden++
				if j == l.at {
					t.Fatal("the target was hidden")
				}
			}
		}
	}
	if hidden < 10 || hidden > 40 {
		t.Errorf("%d of 120 cells hidden", hidden)
	}
	brief(t)
	score := map[string]float64{}
	for name, f := range imputers {
		filled, err := f(t.Context(), l, gaps, 3, rng.New(3))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range filled {
			for k, v := range m.Data {
				if v != v || (gaps.Data[k] == gaps.Data[k] && v != gaps.Data[k]) {
					t.Fatalf("%s: cell %d is %v where %v was given", name, k, v, gaps.Data[k])
				}
			}
		}
		least, mean := l.errorsOf(truth, gaps, filled)
		if least > mean+1e-12 {
			t.Errorf("%s: MinMAE %v is above AvgMAE %v", name, least, mean)
		}
		score[name] = mean
	}
	if !(score["knn"] < 0.8*score["mean"]) || !(score["missforest"] < 0.8*score["mean"]) || !(score["laminar"] < 0.8*score["mean"]) {
		t.Errorf("errors %v", score)
	}
	if least, mean := l.errorsOf(truth, gaps, []matrix{truth}); least != 0 || mean != 0 {
		t.Errorf("the truth is wrong by %v, %v", least, mean)
	}
}

// TestSmall runs the protocol on one set with the oracle: its own rows cost
// nothing to carry and are all covered.
func TestSmall(t *testing.T) {
	dir, s := flowers(t)
	old := smallSets
	defer func() { smallSets = old }()
	smallSets = []set{s}
	smallSets[0].published = rows(0, 0, 0, 0, 0, 0, 0, 0, 0)
	o := options{data: dir, generator: "oracle", splits: 2, draws: 1, key: rng.New(1)}
	r, err := small(t.Context(), o, regexp.MustCompile(""))
	if err != nil {
		t.Fatal(err)
	}
	if r[0].W1Train != 0 || r[0].CovTrain != 1 || !(r[0].W1Test > 0) {
		t.Errorf("%+v", r[0])
	}
	o.generator = "shuffle"
	shuffled, err := small(t.Context(), o, regexp.MustCompile(""))
	if err != nil {
		t.Fatal(err)
	}
	if !(shuffled[0].W1Test > r[0].W1Test) || math.IsNaN(shuffled[0].CovTest) {
		t.Errorf("shuffled %+v", shuffled[0])
	}
	brief(t)
	o.generator = "laminar"
	model, err := small(t.Context(), o, regexp.MustCompile(""))
	if err != nil {
		t.Fatal(err)
	}
	if !(model[0].W1Test < 0.8*shuffled[0].W1Test) || !(model[0].W1Train > 0) {
		t.Errorf("model %+v, shuffled %+v", model[0], shuffled[0])
	}
}

// brief makes trainings short.
func brief(t *testing.T) {
	old := changes
	changes = `{"train":{"steps":400,"batch":64},"network":{"width":32,"depth":2}}`
	t.Cleanup(func() { changes = old })
}

// Copies are rows that are equal in all cells, gaps among them.
func TestCopies(t *testing.T) {
	nan := math.NaN()
	train, _ := tensor.FromRows([][]float64{{1, 2}, {3, nan}})
	rows, _ := tensor.FromRows([][]float64{{1, 2}, {3, nan}, {1, 2.5}, {3, 2}})
	if got := copies(train, rows); got != 0.5 {
		t.Errorf("%v of the rows are copies, want half", got)
	}
}

// A set whose own file is not there is read from the one instead.
func TestInstead(t *testing.T) {
	dir, own := flowers(t)
	away := set{name: own.name, file: "away.csv", drop: []int{0, 1}, category: own.category, class: own.class, instead: &own}
	l, err := away.load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if l.rows.N == 0 || l.file != own.file || len(l.drop) != len(own.drop) {
		t.Errorf("%d rows of %s without %v", l.rows.N, l.file, l.drop)
	}
}
