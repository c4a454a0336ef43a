package judge

import (
	"math"
	"testing"

	"laminar/data/table"
	"laminar/rng"
	"laminar/tensor"
)

func gauss(n, d int, key rng.Key) tensor.Mat {
	x := tensor.New(n, d)
	s := key.Stream()
	for i := range x.Data {
		x.Data[i] = float32(s.NormFloat64())
	}
	return x
}

func spread(v []float64) (mean, sd float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		sd += (x - mean) * (x - mean) / float64(len(v)-1)
	}
	return mean, math.Sqrt(sd)
}

// The standard errors are what the figures spread by over many draws.
func TestStandardErrors(t *testing.T) {
	key := rng.New(3)
	const n, draws = 40, 300
	m := distance{level: make([]bool, 2), differ: 1}
	var share, shareSE, auroc, aurocSE, r2, r2SE []float64
	for k := range draws {
		at := key.At(uint64(k))
		synth, a, b := gauss(400, 2, at.Split("s")), gauss(n, 2, at.Split("a")), gauss(n, 2, at.Split("b"))
		da, ia := newTree(a, m).neighbours(synth, 1, false)
		db, ib := newTree(b, m).neighbours(synth, 1, false)
		share, shareSE = append(share, nearer(da, db)), append(shareSE, dcrSE(da, db, ia, ib, n))

		x := gauss(n, 3, at.Split("auc"))
		score, is, truth, answer := make([]float64, n), make([]bool, n), make([]float64, n), make([]float64, n)
		for i := range n {
			is[i] = i%4 == 0
			score[i] = math.Round(4 * float64(x.At(i, 0))) // with ties
			if is[i] {
				score[i] += 4
			}
			truth[i], answer[i] = float64(x.At(i, 1)), float64(x.At(i, 1)+x.At(i, 2)/2)
		}
		squares := func(v []float64) float64 {
			s := 0.
			for _, x := range v {
				s += x * x
			}
			return math.Sqrt(s)
		}
		auroc, aurocSE = append(auroc, auc(score, is)), append(aurocSE, squares(moves(score, is)))
		_, r := regression(truth, answer)
		r2, r2SE = append(r2, r), append(r2SE, squares(fit(truth, answer, r)))
	}
	for _, c := range []struct {
		what   string
		v, se  []float64
		within float64
	}{{"DCR share", share, shareSE, 0.1}, {"AUC", auroc, aurocSE, 0.1}, {"R2", r2, r2SE, 0.2}} {
		mean, sd := spread(c.v)
		if se, _ := spread(c.se); math.Abs(se/sd-1) > c.within {
			t.Errorf("%s of %.3f spreads by %.4f, its standard error is %.4f", c.what, mean, sd, se)
		}
	}
}

// A test of counts finds an excess as often as it says where there is none, and the
// range of what is expected is what it does not find.
func TestExpectedCopies(t *testing.T) {
	s := rng.New(5).Stream()
	const m, n, draws = 300, 900, 4000
	found := 0.
	for range draws {
		j, k := 0, 0
		for range m {
			if s.Float64() < 0.02 {
				j++
			}
		}
		for range n {
			if s.Float64() < 0.02 {
				k++
			}
		}
		mean, lo, hi := expected(j, m, n)
		if math.Abs(mean-3*float64(j)) > 1e-9 || lo > mean || hi < mean {
			t.Fatalf("%d of %d: %v, %v to %v", j, m, mean, lo, hi)
		}
		if over := excess(k, n, j, m) > 1.96; over != (float64(k) > hi) && math.Abs(float64(k)-hi) > 1 {
			t.Fatalf("%d against %d: %v, but %v to %v", k, j, over, lo, hi)
		} else if over {
			found++
		}
	}
	if found/draws > 0.04 || found/draws < 0.01 {
		t.Errorf("an excess was found %.3f of the time, want 0.025", found/draws)
	}
	if _, _, hi := expected(0, 344, 311); hi != 3 {
		t.Errorf("0 of 344 make up to %v of 311, want 3", hi)
	}
}

// Rows that are mostly gaps are no copies, and rows that come twice are no single ones.
func TestCopying(t *testing.T) {
	s := &table.Schema{Version: 1, Columns: []table.Column{
		{Name: "a", Kind: table.Numeric}, {Name: "b", Kind: table.Numeric}, {Name: "c", Kind: table.Category, Levels: []string{"x", "y"}},
	}}
	nan := math.NaN()
	real := rows([]float64{1, 2, 0}, []float64{1, 2, 0}, []float64{3, 4, 1}, []float64{nan, 5, 1}, []float64{nan, nan, 1}, []float64{7, 7, 1})
	cols := columnsOf(s)
	set := newRowSet(cols, real)
	synth := rows([]float64{1, 2, 0}, []float64{3, 4, 1}, []float64{nan, 5, 1}, []float64{nan, nan, 1}, []float64{1, 2, 1})
	if got := set.copies(synth); got != (copying{rows: 4, copies: 3, single: 2}) {
		t.Errorf("%+v", got)
	}
	if got := set.twins(); got != (copying{rows: 5, copies: 2, single: 2}) {
		t.Errorf("twins %+v", got)
	}
}
