package table_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/data/table"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// gapped is a table of a number with a heavy tail and gaps, a choice of three and
// one of two.
func gapped(t *testing.T, n int) (*table.Transform, tensor.Matrix[float64]) {
	t.Helper()
	s := rng.New(3).Stream()
	var b strings.Builder
	b.WriteString("x,c,d\n")
	for range n {
		x := "?"
		if s.Float64() < 0.8 {
			x = jsonNumber(math.Exp(s.NormFloat64()))
		}
		b.WriteString(x + "," + []string{"a", "b", "c"}[min(s.IntN(10)/4, 2)] + "," + []string{"yes", "no"}[min(s.IntN(4), 1)] + "\n")
	}
	schema, x := must(t, "rows.csv", []byte(b.String()))
	tr, err := table.NewTransform(schema, table.DefaultEncoding())
	if err != nil {
		t.Fatal(err)
	}
	return tr, x
}

func jsonNumber(v float64) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func spread(t *testing.T, tr *table.Transform, x tensor.Matrix[float64]) tensor.Mat {
	t.Helper()
	z := tensor.New(x.N, tr.Dim())
	if err := tr.ForwardSpread(z, x, rng.New(1), 0); err != nil {
		t.Fatal(err)
	}
	return z
}

func marginsOf(t *testing.T, tr *table.Transform, z tensor.Mat) *table.Margins {
	t.Helper()
	m := tr.Margins()
	if err := m.Add(z); err != nil {
		t.Fatal(err)
	}
	return m
}

// Values that are drawn too narrow and aside come back with the data's quantiles.
func TestCurvesMendMargins(t *testing.T) {
	tr, x := gapped(t, 4000)
	z := spread(t, tr, x)
	at := slices.IndexFunc(tr.Blocks(), func(b table.Block) bool { return b.Role == table.Value })
	at = tr.Blocks()[at].Offset
	drawn := z.Clone()
	for i := range drawn.N {
		drawn.Row(i)[at] = 0.8*drawn.Row(i)[at] + 0.1
	}
	bent, err := tr.Bend(marginsOf(t, tr, z).Curves(marginsOf(t, tr, drawn)))
	if err != nil {
		t.Fatal(err)
	}
	if tr.Bent() || !bent.Bent() {
		t.Error("only the result of Bend is bent")
	}
	back := func(tr *table.Transform) []float64 {
		y := tensor.NewOf[float64](drawn.N, x.D)
		if err := tr.Inverse(y, drawn); err != nil {
			t.Fatal(err)
		}
		var v []float64
		for i := range y.N {
			if c := y.At(i, 0); c == c {
				v = append(v, c)
			}
		}
		slices.Sort(v)
		return v
	}
	var real []float64
	for i := range x.N {
		if c := x.At(i, 0); c == c {
			real = append(real, c)
		}
	}
	slices.Sort(real)
	for _, p := range []float64{0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99} {
		k := int(p * float64(len(real)))
		want, narrow, got := real[k], back(tr)[k], back(bent)[k]
		if math.Abs(got/want-1) > 0.02 {
			t.Errorf("quantile %v is %.4g, want %.4g", p, got, want)
		}
		if p != 0.75 && math.Abs(narrow/want-1) < 0.04 {
			t.Errorf("quantile %v was %.4g before, nothing to mend", p, narrow)
		}
	}
	// What the network learns from stays as it was.
	same := spread(t, bent, x)
	if !slices.Equal(same.Data, z.Data) {
		t.Error("Forward follows the curves")
	}
}

// Options that a network's log-odds make too rare become as frequent as in the data
// by the shift that they lack.
func TestShiftMendsShares(t *testing.T) {
	tr, x := gapped(t, 4000)
	data := marginsOf(t, tr, spread(t, tr, x))
	odds := make([]float64, tr.Dim())
	for k := range odds {
		odds[k] = math.Sin(float64(3 * k)) // what the network says of every row
	}
	// Rows whose options are as frequent as these log-odds have it.
	answered := func() (z tensor.Mat) {
		z = tensor.New(4000, tr.Dim())
		for _, b := range tr.Blocks() {
			if b.Role != table.Choice {
				continue
			}
			lo, hi := tr.Corner(b.Options)
			e, sum := []float64{1, math.Exp(odds[b.Offset])}, 1+math.Exp(odds[b.Offset])
			if b.Options > 2 {
				e, sum = nil, 0
				for k := range b.Options {
					e = append(e, math.Exp(odds[b.Offset+k]))
					sum += e[k]
				}
			}
			option, until := 0, e[0]/sum
			for i := range z.N {
				for float64(i) >= until*float64(z.N) && option < len(e)-1 {
					option++
					until += e[option] / sum
				}
				for k := range b.Width {
					z.Row(i)[b.Offset+k] = float32(lo)
					if b.Options == 2 && option == 1 || b.Options > 2 && k == option {
						z.Row(i)[b.Offset+k] = float32(hi)
					}
				}
			}
		}
		return z
	}
	shares := func(z tensor.Mat, b table.Block) (p []float64) {
		p = make([]float64, b.Width)
		for i := range z.N {
			for k := range p {
				if z.At(i, b.Offset+k) > 0 {
					p[k] += 1 / float64(z.N)
				}
			}
		}
		return p
	}
	before := answered()
	if err := data.Shift(odds, marginsOf(t, tr, before), 1); err != nil {
		t.Fatal(err)
	}
	after, real := answered(), spread(t, tr, x)
	for _, b := range tr.Blocks() {
		if b.Role != table.Choice {
			continue
		}
		for k, want := range shares(real, b) {
			was, got := shares(before, b)[k], shares(after, b)[k]
			if math.Abs(got-want) > 0.01 {
				t.Errorf("column %d, option %d has a share of %.4f, want %.4f", b.Column, k, got, want)
			}
			if math.Abs(was-want) < 0.02 {
				t.Errorf("column %d, option %d had a share of %.4f before, want another than %.4f", b.Column, k, was, want)
			}
		}
	}
	// A smaller gain shifts less.
	half, whole := make([]float64, tr.Dim()), make([]float64, tr.Dim())
	drawn := marginsOf(t, tr, before)
	if err := errors.Join(data.Shift(half, drawn, 0.5), data.Shift(whole, drawn, 1)); err != nil {
		t.Fatal(err)
	}
	for k := range half {
		if math.Abs(2*half[k]-whole[k]) > 1e-12 {
			t.Errorf("gain 0.5 shifts %v, gain 1 %v", half[k], whole[k])
		}
	}
}

func TestMarginsFaults(t *testing.T) {
	tr, _ := gapped(t, 200)
	m := tr.Margins()
	if err := m.Add(tensor.New(3, tr.Dim()+1)); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
	z := tensor.New(1, tr.Dim())
	z.Data[0] = float32(math.NaN())
	if err := m.Add(z); !errors.Is(err, flow.ErrDiverged) {
		t.Error(err)
	}
	if err := m.Shift(nil, m, 1); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
	if _, err := tr.Bend(nil); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
	for _, c := range []table.Curve{
		{From: []float64{0}, To: nil},
		{From: []float64{0, 0}, To: []float64{0, 1}},
		{From: []float64{0, 1}, To: []float64{1, 0}},
		{From: []float64{math.NaN()}, To: []float64{0}},
		{From: []float64{0}, To: []float64{math.Inf(1)}},
		{From: make([]float64, 100), To: make([]float64, 100)},
	} {
		_, err := tr.Bend([]table.Curve{c, {}, {}})
		if f := (*flow.FieldError)(nil); !errors.As(err, &f) || f.Path != "curves[0]" {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// A bent transform is the same after it was written and read.
func TestBentJSON(t *testing.T) {
	tr, x := gapped(t, 500)
	z := spread(t, tr, x)
	bent, err := tr.Bend([]table.Curve{{From: []float64{-1, 1}, To: []float64{-1.5, 1.25}}, {}, {}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(bent)
	if err != nil {
		t.Fatal(err)
	}
	read, err := table.DecodeTransform(b)
	if err != nil {
		t.Fatal(err)
	}
	var got [3]tensor.Matrix[float64]
	for k, tr := range []*table.Transform{tr, bent, read} {
		got[k] = tensor.NewOf[float64](x.N, x.D)
		if err := tr.Inverse(got[k], z); err != nil {
			t.Fatal(err)
		}
	}
	differ := 0
	for k := range got[0].Data {
		if a, b := got[1].Data[k], got[2].Data[k]; a != b && (a == a || b == b) {
			t.Fatalf("value %d is %v, after reading %v", k, a, b)
		}
		if a, b := got[0].Data[k], got[1].Data[k]; a != b && a == a {
			differ++
		}
	}
	if differ < 300 {
		t.Errorf("the curve changes %d of 500 rows", differ)
	}
	if _, err := table.DecodeTransform([]byte(strings.Replace(string(b), "1.25", "-9", 1))); err == nil {
		t.Error("a curve that falls was read")
	}
}

func ExampleMargins() {
	schema := &table.Schema{Version: 1, Rows: 100, Format: table.Format{Kind: "csv", Delimiter: ",", Quote: `"`}, Columns: []table.Column{
		{Name: "town", Kind: table.Category, Levels: []string{"Bonn", "Ulm"}},
	}}
	t, err := table.NewTransform(schema, table.DefaultEncoding())
	if err != nil {
		panic(err)
	}
	_, hi := t.Corner(2)
	lo := -hi
	data, drawn := t.Margins(), t.Margins()
	for range 1000 {
		// Half of the data are of Ulm, a quarter of what a model draws.
		_ = data.Add(tensor.Mat{N: 2, D: 1, Data: []float32{float32(lo), float32(hi)}})
		_ = drawn.Add(tensor.Mat{N: 4, D: 1, Data: []float32{float32(lo), float32(lo), float32(lo), float32(hi)}})
	}
	shift := make([]float64, t.Dim())
	if err := data.Shift(shift, drawn, 1); err != nil {
		panic(err)
	}
	fmt.Printf("%.1f\n", shift[0]) // about log 3
	// Output: 1.1
}

// What is still missing is drawn among the other options by their chances; all else
// stays.
func TestDrawPresent(t *testing.T) {
	tr, x := gapped(t, 4000)
	z := spread(t, tr, x)
	before, means := z.Clone(), tensor.New(z.N, z.D)
	keys := func(i int) rng.Key { return rng.New(8).At(uint64(i)) }
	if err := tr.DrawPresent(z, means, keys); err != nil {
		t.Fatal(err)
	}
	back := tensor.NewOf[float64](z.N, x.D)
	if err := tr.Inverse(back, z); err != nil {
		t.Fatal(err)
	}
	for i := range x.N {
		if v := back.At(i, 0); v != v {
			t.Fatalf("row %d is still missing", i+1)
		}
		if v := x.At(i, 0); v == v && !slices.Equal(z.Row(i), before.Row(i)) {
			t.Fatalf("row %d had no gap and is changed", i+1)
		}
	}
	// Of three levels and a gap, by chances of .1, .5, .2 and .2 for the gap.
	var text strings.Builder
	text.WriteString("x,c\n")
	for i := range 400 {
		text.WriteString([]string{"0.5,a", "1.25,b", "1.5,c", "0.75,"}[i%4] + "\n")
	}
	schema, y := must(t, "rows.csv", []byte(text.String()))
	tr, err := table.NewTransform(schema, table.DefaultEncoding())
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(tr.Blocks(), func(b table.Block) bool { return b.Column == 1 })
	b := tr.Blocks()[at]
	if b.Options != 4 {
		t.Fatalf("%d options", b.Options)
	}
	lo, hi := tr.Corner(4)
	z, means = tensor.New(3000, tr.Dim()), tensor.New(3000, tr.Dim())
	one := spread(t, tr, y)
	for i := range z.N {
		copy(z.Row(i), one.Row(3)) // missing
		for k, p := range []float64{0.1, 0.5, 0.2, 0.2} {
			means.Row(i)[b.Offset+k] = float32(lo + p*(hi-lo))
		}
	}
	if err := tr.DrawPresent(z, means, keys); err != nil {
		t.Fatal(err)
	}
	n := make([]float64, 4)
	for i := range z.N {
		n[b.Option(z.Row(i))] += 1.0 / 3000
	}
	for k, want := range []float64{0.125, 0.625, 0.25, 0} {
		if math.Abs(n[k]-want) > 0.03 {
			t.Errorf("option %d is drawn with a share of %.3f, want %.3f", k, n[k], want)
		}
	}
}
