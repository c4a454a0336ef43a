package judge

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"laminar/data/table"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// people draws rows of a made-up table: age, income that grows with it, a town that
// decides much of it, and whether somebody owns a house; some incomes are missing.
func people(n int, key rng.Key) (*table.Schema, matrix) {
	schema := &table.Schema{Version: 1, Columns: []table.Column{
		{Name: "id", Kind: table.Identifier},
		{Name: "age", Kind: table.Integer},
		{Name: "income", Kind: table.Numeric},
		{Name: "town", Kind: table.Category, Levels: []string{"A", "B", "C"}},
		{Name: "house", Kind: table.Boolean, Levels: []string{"no", "yes"}},
	}}
	m := tensor.NewOf[float64](n, 5)
	s := key.Stream()
	for i := range n {
		row := m.Row(i)
		age, town := 20+50*s.Float64(), s.IntN(3)
		income := age*20 + 400*float64(town) + 200*s.NormFloat64()
		row[0], row[1], row[2], row[3] = math.NaN(), math.Round(age), math.Round(income), float64(town)
		if income+200*s.NormFloat64() > 1300 {
			row[4] = 1
		}
		if s.IntN(10) == 0 {
			row[2] = math.NaN()
		}
	}
	return schema, m
}

func quick() Config {
	c := Defaults()
	c.Rows, c.Trees, c.Exact, c.Resamples = 600, 600, 150, 2
	return c
}

func judged(t *testing.T, s *table.Schema, real, synth, holdout matrix, c Config) *Report {
	t.Helper()
	r, err := Judge(t.Context(), s, real, synth, holdout, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPerfect judges fresh rows of the same law: nothing may be held against them.
func TestPerfect(t *testing.T) {
	s, real := people(1000, rng.New(1))
	_, synth := people(1000, rng.New(2))
	_, holdout := people(1000, rng.New(3))
	r := judged(t, s, real, synth, holdout, quick())
	if r.Apart() || !r.Verdict.Private || !strings.Contains(r.Verdict.Fidelity, "as good as new") || !strings.Contains(r.Verdict.Usefulness, "next to nothing") {
		t.Errorf("verdict %+v", r.Verdict)
	}
	near(t, "DCR share", float64(r.DCRShare), 0.5, 0.06)
	near(t, "attack", float64(r.Attack), 0.5, 0.04)
	near(t, "trees", float64(r.TreesAUC), 0.5, 0.06)
	near(t, "density", float64(r.Density), 1, 0.1)
	near(t, "W1 less its floor", float64(r.W1-r.Floor.W1), 0, 0.06)
	near(t, "alpha-precision", float64(r.Precision), 1, 0.06)
	for _, v := range []struct {
		name        string
		value, most float64
	}{{"Shape", float64(r.Shape), 2.5 * float64(r.Floor.Shape)}, {"Trend", float64(r.Trend), 2 * float64(r.Floor.Trend)}} {
		if !(v.value < v.most) {
			t.Errorf("%s error is %v, want less than %v", v.name, v.value, v.most)
		}
	}
	if r.MLE.Target != "house" || r.MLE.Metric != "auc" || !(r.MLE.Real > 0.85) {
		t.Errorf("usefulness %+v", r.MLE)
	}
	if len(r.Columns) != 4 || r.Columns[0].Name != "age" {
		t.Errorf("columns %+v", r.Columns)
	}
}

// TestBad judges rows with one fault each; the figure that should see it does.
func TestBad(t *testing.T) {
	s, real := people(1000, rng.New(1))
	_, fresh := people(1000, rng.New(2))
	_, holdout := people(1000, rng.New(3))

	copied := judged(t, s, real, real, holdout, quick())
	if copied.Verdict.Private || copied.Copies != 1000 || copied.DCRShare < 0.75 || copied.Attack < 0.75 || copied.Nearest != 0 {
		t.Errorf("copies: %+v, DCR share %v, attack %v", copied.Verdict, copied.DCRShare, copied.Attack)
	}
	if alone := judged(t, s, real, real, tensor.Matrix[float64]{}, quick()); alone.Verdict.Private {
		t.Errorf("copies without held-out rows: %+v", alone.Verdict)
	}

	// Of a table that has all rows there can be, once each, copies are met by chance;
	// not so if only training rows are.
	grid, all := full()
	perm := make([]int32, all.N)
	st := rng.New(6).Stream()
	st.Perm(perm)
	train, held, any, only := all.Rows(0, 700).Clone(), all.Rows(700, 1000).Clone(), all.Rows(0, 700).Clone(), all.Rows(0, 700).Clone()
	for i, k := range perm {
		if i < 700 {
			copy(train.Row(i), all.Row(int(k)))
			copy(any.Row(i), all.Row(st.IntN(all.N)))
		} else {
			copy(held.Row(i-700), all.Row(int(k)))
		}
	}
	for i := range only.N {
		copy(only.Row(i), train.Row(st.IntN(700)))
	}
	if r := judged(t, grid, train, any, held, quick()); !r.Verdict.Private || r.Copies < 400 {
		t.Errorf("a full grid, %d copies: %+v", r.Copies, r.Verdict)
	}
	if r := judged(t, grid, train, only, held, quick()); r.Verdict.Private {
		t.Errorf("copies of a part of a full grid: %+v", r.Verdict)
	}

	// Frequent rows are met in any table, and more often, each, in a small one; rows
	// that are there once are not.
	skew, many := skewed(4300)
	kept, apart := many.Rows(0, 2000), many.Rows(2000, 2300)
	boot := many.Rows(0, 2000).Clone()
	for i := range boot.N {
		copy(boot.Row(i), kept.Row(st.IntN(kept.N)))
	}
	if r := judged(t, skew, kept, boot, apart, quick()); r.Verdict.Private || !strings.Contains(r.Verdict.Privacy, "exact copy") {
		t.Errorf("drawn from the training rows: %+v", r.Verdict)
	}
	if r := judged(t, skew, kept, many.Rows(2300, 4300), apart, quick()); !r.Verdict.Private && strings.Contains(r.Verdict.Privacy, "exact copy") {
		t.Errorf("new rows: %d copies, %+v", r.Copies, r.Verdict)
	}

	shuffled := fresh.Clone() // columns right, dependence gone
	for j := range shuffled.D {
		p := make([]int32, fresh.N)
		st := rng.New(4).At(uint64(j)).Stream()
		st.Perm(p)
		for i, k := range p {
			shuffled.Row(i)[j] = fresh.At(int(k), j)
		}
	}
	r := judged(t, s, real, shuffled, holdout, quick())
	near(t, "Shape of shuffled columns", float64(r.Shape), float64(judged(t, s, real, fresh, holdout, quick()).Shape), 1e-12)
	if r.Trend < 3*r.Floor.Trend || r.TreesAUC < 0.8 || r.MLE.Synth > 0.7 || r.Precision > r.Floor.Precision || strings.Contains(r.Verdict.Fidelity, "close") {
		t.Errorf("shuffled: Trend %v, trees %v, AUC %v, %+v", r.Trend, r.TreesAUC, r.MLE.Synth, r.Verdict)
	}

	shifted := fresh.Clone()
	for i := range shifted.N {
		shifted.Row(i)[1] += 15
	}
	r = judged(t, s, real, shifted, holdout, quick())
	if r.C2ST > 0.8 || r.Columns[0].Shape < 0.2 || r.Columns[0].By < 0.3 || r.W1 < 1.2*r.Floor.W1 {
		t.Errorf("shifted: C2ST %v, column %+v, W1 %v", r.C2ST, r.Columns[0], r.W1)
	}

	one := tensor.NewOf[float64](fresh.N, fresh.D) // a model that collapsed
	for i := range one.N {
		copy(one.Row(i), fresh.Row(0))
	}
	r = judged(t, s, real, one, holdout, quick())
	if !r.Apart() || r.Coverage > 0.1 || r.Recall > 0.2 || !strings.Contains(r.Verdict.Fidelity, "far") {
		t.Errorf("collapsed: coverage %v, recall %v, %s", r.Coverage, r.Recall, r.Verdict.Fidelity)
	}

	full := fresh.Clone() // gaps filled
	for i := range full.N {
		if v := full.At(i, 2); v != v {
			full.Row(i)[2] = 1500
		}
	}
	if r = judged(t, s, real, full, holdout, quick()); r.Missing < 0.02 {
		t.Errorf("no gaps: missing cells differ by %v", r.Missing)
	}
}

// TestAgain judges twice: the same bits.
func TestAgain(t *testing.T) {
	s, real := people(400, rng.New(1))
	_, synth := people(300, rng.New(2))
	var out [2][]byte
	for k := range out {
		var err error
		if out[k], err = json.Marshal(judged(t, s, real, synth, matrix{}, quick())); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(out[0], out[1]) {
		t.Errorf("%s\n%s", out[0], out[1])
	}
	for _, key := range []string{`"kind":"table"`, `"shape_error":`, `"trend_error":`, `"c2st":`, `"coverage":`, `"dcr_share":null`, `"copies":`, `"mle":{`, `"real":`, `"synth":`, `"floor":{`} {
		if !strings.Contains(string(out[0]), key) {
			t.Errorf("no %s in %s", key, out[0])
		}
	}
}

// TestHostile judges tables with next to nothing in them: a report, or one clear
// error.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("long under the race detector; other tests start the same goroutines")
	}
	s, real := people(200, rng.New(1))
	_, synth := people(200, rng.New(2))
	one := func(m matrix) matrix { return m.Rows(0, 1) }
	constant, missing := real.Clone(), real.Clone()
	for i := range real.N {
		constant.Row(i)[1], constant.Row(i)[3] = 7, 1
		missing.Row(i)[2], missing.Row(i)[4] = math.NaN(), math.NaN()
	}
	infinite, odd := real.Clone(), real.Clone()
	infinite.Row(3)[1], odd.Row(4)[3] = math.Inf(1), 9
	nothing := &table.Schema{Version: 1, Columns: []table.Column{{Name: "id", Kind: table.Identifier}}}
	for name, v := range map[string]struct {
		s                    *table.Schema
		real, synth, holdout matrix
		target               string
		is                   error
		says                 string
	}{
		"one real row":         {s: s, real: one(real), synth: synth},
		"one synthetic row":    {s: s, real: real, synth: one(synth)},
		"one row each":         {s: s, real: one(real), synth: one(synth), holdout: one(synth)},
		"one held-out row":     {s: s, real: real, synth: synth, holdout: one(synth)},
		"constant":             {s: s, real: constant, synth: synth, holdout: synth},
		"constant synthetic":   {s: s, real: real, synth: constant, holdout: synth},
		"missing":              {s: s, real: missing, synth: synth},
		"missing synthetic":    {s: s, real: real, synth: missing, holdout: real},
		"a number as target":   {s: s, real: real, synth: synth, target: "income"},
		"no target":            {s: s, real: real, synth: synth, target: "-"},
		"no rows":              {s: s, real: real, synth: matrix{D: 5}, is: flow.ErrShape, says: "0 synthetic rows"},
		"other columns":        {s: s, real: real, synth: matrix{N: 1, D: 1, Data: []float64{1}}, is: flow.ErrShape, says: "synthetic rows"},
		"infinite":             {s: s, real: infinite, synth: synth, is: flow.ErrFormat, says: `real row 4, column "age"`},
		"no such level":        {s: s, real: real, synth: odd, is: flow.ErrFormat, says: `synthetic row 5, column "town": 9`},
		"no such target":       {s: s, real: real, synth: synth, target: "wage", is: flow.ErrConfig, says: `"wage"`},
		"a target of no use":   {s: s, real: real, synth: synth, target: "id", is: flow.ErrConfig, says: "identifier"},
		"nothing to judge by":  {s: nothing, real: matrix{N: 1, D: 1, Data: []float64{1}}, synth: matrix{N: 1, D: 1, Data: []float64{1}}, is: flow.ErrConfig, says: "no column to judge by"},
		"a setting of no size": {s: s, real: real, synth: synth, target: "size", is: flow.ErrConfig, says: "judge.Exact"},
	} {
		c := quick()
		if c.Target = v.target; v.target == "size" {
			c.Exact = 100_000
		}
		r, err := Judge(t.Context(), v.s, v.real, v.synth, v.holdout, c)
		if v.is != nil {
			if !errors.Is(err, v.is) || !strings.Contains(err.Error(), v.says) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var b bytes.Buffer
		if err := r.WriteText(&b); err != nil || strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
			t.Errorf("%s: %v\n%s", name, err, b.String())
		}
		if v.holdout.N == 0 && v.real.N > 1 {
			continue // pages take their time
		}
		p, err := Page(t.Context(), name, v.s, v.real, v.synth, r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b.Reset()
		if err := p.WriteHTML(&b); err != nil || strings.Contains(b.String(), ">NaN") {
			t.Errorf("%s: the page: %v", name, err)
		}
	}
}

// full is a table of all rows there can be: three choices of ten.
func full() (*table.Schema, tensor.Matrix[float64]) {
	s := &table.Schema{Version: 1, Rows: 1000}
	levels := strings.Split("abcdefghij", "")
	for _, name := range []string{"x", "y", "z"} {
		s.Columns = append(s.Columns, table.Column{Name: name, Kind: table.Category, Levels: levels})
	}
	m := tensor.NewOf[float64](1000, 3)
	for i := range m.N {
		copy(m.Row(i), []float64{float64(i % 10), float64(i / 10 % 10), float64(i / 100)})
	}
	return s, m
}

// skewed is a table of five choices of ten, of which the first are the most frequent.
func skewed(n int) (*table.Schema, tensor.Matrix[float64]) {
	s, _ := full()
	s.Rows = n
	for _, name := range []string{"u", "v"} {
		s.Columns = append(s.Columns, table.Column{Name: name, Kind: table.Category, Levels: s.Columns[0].Levels})
	}
	m := tensor.NewOf[float64](n, 5)
	st := rng.New(9).Stream()
	for k := range m.Data {
		m.Data[k] = math.Floor(10 * math.Pow(st.Float64(), 3))
	}
	return s, m
}
