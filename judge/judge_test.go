package judge

import (
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"laminar/data/table"
	"laminar/rng"
	"laminar/tensor"
)

// reference is what other libraries say of the two tables in testdata; see
// reference.py there.
type reference struct {
	Shape             []float64
	Trend             map[string]float64
	K                 int
	Coverage, Density float64
	W1, W2            float64
	Precision, Recall float64
	Logistic          []float64
	Cramer            float64
	Truth, Answer     []int
	Rough             []float64
	AUC, F1, R2       float64
}

func penguins(t testing.TB) (s *table.Schema, real, synth matrix, ref reference) {
	t.Helper()
	source := func(name string) table.Source {
		path := filepath.Join("testdata", name)
		src, err := table.Open(path, func() (io.ReadCloser, error) { return os.Open(path) }, table.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return src
	}
	src := source("penguins.csv")
	s, err := table.Infer(src, table.InferOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if real, err = table.Read(src, s); err != nil {
		t.Fatal(err)
	}
	if synth, err = table.Read(source("synthetic.csv"), s); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &ref); err != nil {
		t.Fatal(err)
	}
	return s, real, synth, ref
}

func rows(v ...[]float64) matrix {
	m, err := tensor.FromRows(v)
	if err != nil {
		panic(err)
	}
	return m
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// TestReference compares every figure that has no chance in it with what NumPy,
// SciPy, scikit-learn and POT say.
func TestReference(t *testing.T) {
	s, real, synth, ref := penguins(t)
	shapes, err := Shape(s, real, synth)
	if err != nil {
		t.Fatal(err)
	}
	for j, v := range shapes {
		near(t, "Shape of "+s.Columns[j].Name, v, ref.Shape[j], 1e-12)
	}
	pairs, err := Trend(s, real, synth, 100, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	if len(pairs) != len(ref.Trend) {
		t.Errorf("%d pairs, want %d", len(pairs), len(ref.Trend))
	}
	for _, p := range pairs {
		near(t, "Trend of "+p.A+", "+p.B, p.Error, ref.Trend[p.A+", "+p.B], 1e-12)
	}
	sp, err := NewSpace(s, real)
	if err != nil {
		t.Fatal(err)
	}
	c := sp.Cover(real, synth, 0)
	if c.K != ref.K {
		t.Errorf("k is %d, want %d", c.K, ref.K)
	}
	near(t, "coverage", c.Coverage, ref.Coverage, 1e-12)
	near(t, "density", c.Density, ref.Density, 1e-12)
	w1, err := sp.W1(t.Context(), real, synth)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "W1", w1, ref.W1, 1e-6)
	w2, err := sp.W2(t.Context(), real, synth)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "W2", w2, ref.W2, 1e-6)
	u := sp.Support(real, synth)
	near(t, "alpha-precision", u.Precision, ref.Precision, 1e-9)
	near(t, "beta-recall", u.Recall, ref.Recall, 1e-9)

	all, positive := stacked(real, synth)
	f := features(columnsOf(s), all)
	rows := make([]int, all.N)
	for i := range rows {
		rows[i] = i
	}
	w := f.fit(rows, positive)
	for k, want := range ref.Logistic {
		near(t, "score of a logistic regression", f.dot(40*k, w), want, 1e-3)
	}
	a, err := Association(s, real)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Cramér's V", a[0][1], ref.Cramer, 1e-12)
	near(t, "correlation", a[2][4], correlation(real, 2, 4), 0)

	is, truth := make([]bool, len(ref.Truth)), make([]float64, len(ref.Truth))
	for i, k := range ref.Truth {
		is[i], truth[i] = k == 1, float64(k)
	}
	near(t, "AUC", auc(ref.Rough, is), ref.AUC, 1e-12)
	near(t, "F1", macroF1(ref.Truth, ref.Answer, 4), ref.F1, 1e-12)
	rmse, r2 := regression(truth, ref.Rough)
	near(t, "R2", r2, ref.R2, 1e-12)
	spread := 0.
	for _, v := range truth {
		spread += (v - mean(truth)) * (v - mean(truth)) / float64(len(truth))
	}
	near(t, "RMSE", rmse, math.Sqrt((1-ref.R2)*spread), 1e-12)
}

// TestByHand holds values that can be seen without a computer.
func TestByHand(t *testing.T) {
	near(t, "KS", kolmogorov([]float64{1, 2, 3, 4}, []float64{3, 3, 5, 6}), 0.5, 0)
	near(t, "KS of one side alone", kolmogorov(nil, []float64{1}), 1, 0)
	near(t, "total variation", variation([]float64{0.5, 0.5, 0}, []float64{0.25, 0.25, 0.5}), 0.5, 0)
	near(t, "AUC", auc([]float64{1, 2, 2, 3}, []bool{false, true, false, true}), 0.875, 0)
	near(t, "quantile", quantile([]float64{0, 10, 20}, 0.25), 5, 0)
	near(t, "standard error", aucSE(50, 50), math.Sqrt(101./30000), 1e-15)

	s := &table.Schema{Version: 1, Columns: []table.Column{
		{Name: "x", Kind: table.Numeric},
		{Name: "c", Kind: table.Category, Levels: []string{"a", "b"}},
	}}
	nan := math.NaN()
	real := rows([]float64{0, 0}, []float64{10, 1}, []float64{5, 0}, []float64{nan, nan})
	sp, err := NewSpace(s, real)
	if err != nil {
		t.Fatal(err)
	}
	// Half the range and another level; missing at the median, 5, and two levels more.
	w, err := sp.W1(t.Context(), real.Rows(0, 1), rows([]float64{5, 1}))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "distance", w, 1.5, 1e-7)
	if w, err = sp.W1(t.Context(), real.Rows(3, 4), rows([]float64{5, 0})); err != nil {
		t.Fatal(err)
	}
	near(t, "distance from a gap", w, 2, 1e-7)
	near(t, "DCR share", sp.DCRShare(rows([]float64{1, 0}, []float64{9, 1}, []float64{5, 1}), real.Rows(0, 1), real.Rows(1, 2)), 1./3, 0)
	near(t, "DCR share of ties", sp.DCRShare(rows([]float64{1, 0}), real.Rows(0, 1), real.Rows(0, 1)), 0.5, 0)
	// Two levels with means 0 and 4 of values spread by 1: 4 of 5 parts of the variance.
	a, err := Association(s, rows([]float64{-1, 0}, []float64{1, 0}, []float64{3, 1}, []float64{5, 1}))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "correlation ratio", a[0][1], math.Sqrt(0.8), 1e-12)
	n, err := Copies(s, real, rows([]float64{0, 0}, []float64{0, 1}, []float64{nan, nan}, []float64{5, nan}))
	if err != nil || n != 1 {
		t.Errorf("%d copies, %v, want 1", n, err)
	}
	g, err := Gaps(s, real, rows([]float64{1, nan}, []float64{1, 0}))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "gap", g[0], -0.25, 0)
	near(t, "gap", g[1], 0.25, 0)
}

// TestNeighbours compares the tree with all distances, for tables of many ties,
// for both ways to measure, and for a row's own neighbours.
func TestNeighbours(t *testing.T) {
	s := rng.New(1).Stream()
	const n, d, k = 400, 6, 4
	points := func(n int) tensor.Mat {
		x := tensor.New(n, d)
		for i := range n {
			row := x.Row(i)
			row[0], row[1] = float32(s.NormFloat64()), float32(s.IntN(4))/4
			row[2], row[3] = float32(s.IntN(3)), float32(s.IntN(12))
			row[4], row[5] = 7, float32(s.IntN(2)*s.IntN(2))
		}
		return x
	}
	x, q := points(n), points(100)
	for _, m := range []distance{
		{level: []bool{false, false, true, true, true, true}, differ: 1},
		{level: []bool{false, false, true, true, false, true}, squared: true, differ: 2},
	} {
		tree := newTree(x, m)
		for _, self := range []bool{false, true} {
			from := q
			if self {
				from = x
			}
			dist, id := tree.neighbours(from, k, self)
			for i := range from.N {
				for r := range k {
					// The r-th nearest by looking at all.
					best, at := float32(math.Inf(1)), int32(-1)
					for j := range x.N {
						v := m.of(from.Row(i), x.Row(j), 1e30)
						if self && j == i {
							continue
						}
						if r > 0 {
							last, lastID := dist[i*k+r-1], id[i*k+r-1]
							if v < last || (v == last && int32(j) <= lastID) {
								continue
							}
						}
						if v < best {
							best, at = v, int32(j)
						}
					}
					if dist[i*k+r] != best || id[i*k+r] != at {
						t.Fatalf("neighbour %d of row %d is %d at %v, want %d at %v", r, i, id[i*k+r], dist[i*k+r], at, best)
					}
				}
			}
		}
		s := tree.query(1)
		for i := range q.N {
			for _, r := range []float32{0.5, 1, 1.25, 2} {
				want := 0
				for j := range x.N {
					if m.of(q.Row(i), x.Row(j), 1e30) < r {
						want++
					}
				}
				if got := s.within(q.Row(i), r); got != want {
					t.Fatalf("%d points within %v of row %d, want %d", got, r, i, want)
				}
			}
		}
	}
}

// TestManyLevels takes the way for wide tables of frequencies.
func TestManyLevels(t *testing.T) {
	s := rng.New(2).Stream()
	draw := func(n int, wide int32) (a, b []int32) {
		for range n {
			a, b = append(a, int32(s.IntN(5))*wide), append(b, int32(s.IntN(7))*wide)
		}
		return a, b
	}
	ra, rb := draw(300, 1)
	sa, sb := draw(200, 1)
	want := contingency(ra, rb, sa, sb)
	for _, v := range [][]int32{ra, rb, sa, sb} {
		for i := range v {
			v[i] *= 1000
		}
	}
	near(t, "total variation", contingency(ra, rb, sa, sb), want, 1e-12)
}
