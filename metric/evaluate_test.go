package metric

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// normalData is N(mean, I) in the plane with two classes by the sign of x; with
// rows > 0 it is a stored table, dealt in order.
type normalData struct {
	mean float64
	rows int
}

func (normalData) Dim() int                { return 2 }
func (d normalData) Len() int              { return d.rows }
func (normalData) CondSpec() flow.CondSpec { return flow.CondSpec{Classes: 2} }
func (d normalData) point(p []float32, k rng.Key) {
	s := k.Stream()
	p[0], p[1] = float32(d.mean+s.NormFloat64()), float32(s.NormFloat64())
}

func (d normalData) Draw(dst flow.Sample, key rng.Key, i int) error {
	if d.rows > 0 && dst.X.N*(i+1) > d.rows {
		return errors.New("second epoch")
	}
	for r := range dst.X.N {
		d.point(dst.X.Row(r), key.At(uint64(i*dst.X.N+r)))
		dst.Cond.Class[r] = 0
		if float64(dst.X.At(r, 0)) > d.mean {
			dst.Cond.Class[r] = 1
		}
	}
	return nil
}

// pairs of the data with N(0,I), independent.
type normalPairs struct{ normalData }

func (p normalPairs) Fill(b *flow.Batch, key rng.Key, i int) error {
	k := key.At(uint64(i))
	for r := range b.X0.N {
		normalData{}.point(b.X0.Row(r), k.Split("x0").At(uint64(r)))
		p.point(b.X1.Row(r), k.Split("x1").At(uint64(r)))
	}
	return nil
}

// subject is the exact sampler, a shift, off by 1/nfe.
func subject(rows int) Subject {
	d := normalData{mean: 2, rows: rows}
	field := constant{[]float32{2, 0}}
	source := func(n int, key rng.Key) tensor.Mat {
		x := tensor.New(n, 2)
		for i := range n {
			normalData{}.point(x.Row(i), key.At(uint64(i)))
		}
		return x
	}
	return Subject{
		Name: "normal", Data: d, Pairs: normalPairs{d}, Field: field,
		Draw: func(_ context.Context, n int, s Setting, key rng.Key) (tensor.Mat, float64, error) {
			return shifted(source(n, key), float32(2+1/float64(s.NFE))), float64(s.NFE), nil
		},
		Trace: func(_ context.Context, n int, key rng.Key) (Trajectory, error) {
			return trace(field, source(n, key), 4), nil
		},
	}
}

func small() Config {
	c := Defaults()
	c.N, c.Fine, c.Pairs, c.Paths = 120, 3000, 6, 200
	c.Triples, c.Queries = 8000, 2000
	c.Settings = []Setting{{Solver: "euler", NFE: 1}, {Solver: "rk4", NFE: 1 << 20}}
	return c
}

func TestEvaluate(t *testing.T) {
	r := must(Evaluate(context.Background(), small(), subject(0)))
	if len(r.Rows) != 2 || r.Rows[1].Solver != "rk4" {
		t.Fatalf("rows are %+v", r.Rows)
	}
	off, good := r.Rows[0], r.Rows[1]
	near(t, "W2 of a sampler off by 1", float64(off.W2), 1, 0.15)
	near(t, "its SW2", float64(off.SW2), math.Sqrt(0.5), 0.06)
	near(t, "ratio of a perfect sampler", float64(good.W2Ratio), 1, 0.25)
	if !(good.W2RatioCI[0] < 1.0 && 1.0 < good.W2RatioCI[1]) {
		t.Errorf("interval of a perfect sampler's ratio is %v", good.W2RatioCI)
	}
	if !(off.W2CI[0] < off.W2 && off.W2 < off.W2CI[1] && off.W2RatioCI[0] > 1.5) {
		t.Errorf("intervals are %v and %v", off.W2CI, off.W2RatioCI)
	}
	if math.Abs(float64(good.Energy)) > 3*float64(good.EnergySE) || off.Energy < 10*off.EnergySE {
		t.Errorf("energies are %v ± %v and %v ± %v", good.Energy, good.EnergySE, off.Energy, off.EnergySE)
	}
	if !(off.MMD > 2*good.MMD && good.MMD > 0) {
		t.Errorf("MMD is %v and %v", off.MMD, good.MMD)
	}
	near(t, "share of mode 1", float64(good.Shares[1]), 0.5, 0.05)
	near(t, "share of mode 1, off by 1", float64(off.Shares[1]), 0.841, 0.04)
	near(t, "NPE", float64(r.NPE), 0, 0.12)
	near(t, "straightness", float64(r.Straightness), 0, 1e-6)
	near(t, "crossing", float64(r.Crossing), math.Pi/4, 0.03)
}

func TestEvaluateSameForAnyCores(t *testing.T) {
	c := small()
	s := subject(0)
	s.Pairs = nil
	want := must(Evaluate(context.Background(), c, s))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, procs := range []int{1, 3} {
		runtime.GOMAXPROCS(procs)
		a, b := must(json.Marshal(want)), must(json.Marshal(must(Evaluate(context.Background(), c, s))))
		if !bytes.Equal(a, b) {
			t.Errorf("GOMAXPROCS=%d gives\n%s\nnot\n%s", procs, b, a)
		}
	}
}

func TestEvaluateStoredTable(t *testing.T) {
	s := subject(101)
	s.Pairs = nil
	r := must(Evaluate(context.Background(), small(), s))
	if r.N != 50 || r.Fine != 50 {
		t.Errorf("a table of 101 rows is judged with n = %d, n_fine = %d", r.N, r.Fine)
	}
	if _, err := Evaluate(context.Background(), small(), subject(5)); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("a table of 5 rows: %v", err)
	}
}

func TestEvaluateDiverged(t *testing.T) {
	s := subject(0)
	s.Pairs, s.Trace = nil, nil
	s.Draw = func(_ context.Context, n int, _ Setting, _ rng.Key) (tensor.Mat, float64, error) {
		x := tensor.New(n, 2)
		x.Data[5] = float32(math.NaN())
		return x, 0, nil
	}
	r := must(Evaluate(context.Background(), small(), s))
	var got map[string]any
	if err := json.Unmarshal(must(json.Marshal(r)), &got); err != nil {
		t.Fatal(err)
	}
	row := got["rows"].([]any)[0].(map[string]any)
	if row["w2"] != nil || row["w2_ci"].([]any)[0] != nil || got["npe"] != nil || got["floor"].(map[string]any)["w2"] == nil {
		t.Errorf("diverged samples give %v", got)
	}
}

func TestEvaluateStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Evaluate(ctx, small(), subject(0)); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled evaluation returns %v", err)
	}
	c := small()
	c.Settings[1].NFE = 0
	if _, err := Evaluate(context.Background(), c, subject(0)); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "Settings[1].NFE") {
		t.Errorf("zero evaluations: %v", err)
	}
}

// The keys that scripts read.
func TestReportJSON(t *testing.T) {
	s := subject(0)
	c := small()
	c.Fine, c.Triples, c.Queries = 500, 500, 100
	r := must(Evaluate(context.Background(), c, s))
	var got map[string]any
	b := must(json.Marshal(r))
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	has := func(m map[string]any, keys ...string) {
		t.Helper()
		for _, k := range keys {
			if _, ok := m[k]; !ok {
				t.Errorf("no %q in %v", k, m)
			}
		}
	}
	has(got, "kind", "data", "n", "n_fine", "pairs", "floor", "rows", "npe", "straightness", "crossing")
	has(got["floor"].(map[string]any), "w2", "sw2", "mmd", "energy")
	has(got["rows"].([]any)[0].(map[string]any), "solver", "nfe", "w2", "w2_ci", "w2_ratio", "w2_ratio_ci", "sw2", "mmd", "energy")
	if got["kind"] != "points" {
		t.Errorf("kind is %v", got["kind"])
	}
	var back Report
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("read back: %v, %+v, want %+v", err, back, r)
	}
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"euler", "rk4", "floor", "crossing", "share of each mode"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	t.Log("\n" + text.String())
}

func TestTextFitsATerminal(t *testing.T) {
	r := Report{N: 2000, Fine: 50000, Pairs: 200, Rows: []Row{{
		Solver: "midpoint", NFE: 100, W2: 1.234, W2Ratio: 12.34, W2RatioCI: Interval{11.12, 13.12},
		SW2: 1.2345, MMD: -1e-3, Energy: -1e-4, EnergySE: 1e-5, Shares: make([]Number, 32),
	}}}
	r.Floor.Shares = r.Rows[0].Shares
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}

func TestNumber(t *testing.T) {
	b := must(json.Marshal([]Number{1.5, Number(math.NaN()), Number(math.Inf(1))}))
	if string(b) != "[1.5,null,null]" {
		t.Errorf("JSON is %s", b)
	}
	var back []Number
	if err := json.Unmarshal(b, &back); err != nil || back[0] != 1.5 || !math.IsNaN(float64(back[1])) {
		t.Errorf("read back: %v, %v", back, err)
	}
}

// The interval of a mean of ten covers the truth about 95 times in 100.
func TestBootstrapCoverage(t *testing.T) {
	const draws = 400
	covered := 0
	for d := range uint64(draws) {
		k := rng.New(5).At(d)
		s := k.Stream()
		v := make([]float64, 10)
		for i := range v {
			v[i] = 3 + s.NormFloat64()
		}
		if _, ci := Bootstrap(v, k.Split("resample")); ci[0] < 3 && 3 < ci[1] {
			covered++
		}
	}
	near(t, "coverage", float64(covered)/draws, 0.95, 0.03)
}

func TestBootstrapRatio(t *testing.T) {
	v, floor := []float64{2, 4, 6, 8}, []float64{1, 2, 3, 4}
	ratio, ci := BootstrapRatio(v, floor, rng.New(6))
	if ratio != 2 || ci != (Interval{2, 2}) {
		t.Errorf("a constant ratio gives %v %v", ratio, ci)
	}
	slices.Reverse(floor)
	if _, ci := BootstrapRatio(v, floor, rng.New(6)); !(ci[0] < 1.5 && ci[1] > 2.5) {
		t.Errorf("interval %v is too narrow", ci)
	}
	if mean, ci := Bootstrap([]float64{7}, rng.New(6)); mean != 7 || !math.IsNaN(float64(ci[0])) {
		t.Errorf("one value gives %v %v", mean, ci)
	}
}

// The whole evaluation at its default sizes, of a sampler that costs nothing.
func BenchmarkEvaluateDefaults(b *testing.B) {
	for b.Loop() {
		must(Evaluate(context.Background(), Defaults(), subject(0)))
	}
}
