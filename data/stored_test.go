package data_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"laminar/data"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// counting returns rows 0 to n-1 that hold their own number, class, and real
// condition.
func counting(t *testing.T, n int) *data.Stored {
	t.Helper()
	x := tensor.New(n, 2)
	c := flow.Cond{Class: make([]int32, n), Real: tensor.New(n, 1)}
	for i := range n {
		x.Row(i)[0], x.Row(i)[1] = float32(i), float32(-i)
		c.Class[i], c.Real.Row(i)[0] = int32(i%3), float32(10*i)
	}
	s, err := data.NewStored(x, c, flow.CondSpec{Classes: 3, Real: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryEpochHoldsEveryRowOnce(t *testing.T) {
	for _, rows := range []int{1, 2, 3, 7, 64, 100} {
		for _, n := range []int{1, 3, 10, 250} {
			d := counting(t, rows)
			s := flow.NewSample(d, n)
			seen := make([]int, rows)
			p := 0
			for i := 0; p < 3*rows || p%rows != 0; i++ {
				if i > 4*rows+4 {
					break
				}
				if err := d.Draw(s, rng.New(7), i); err != nil {
					t.Fatal(err)
				}
				for r := range n {
					k := int(s.X.Row(r)[0])
					if int(s.Cond.Class[r]) != k%3 || int(s.Cond.Real.Row(r)[0]) != 10*k {
						t.Fatalf("row %d came with class %d and condition %v", k, s.Cond.Class[r], s.Cond.Real.Row(r)[0])
					}
					if seen[k] != p/rows {
						t.Fatalf("%d rows by %d: at position %d row %d was dealt %d times before", rows, n, p, k, seen[k])
					}
					seen[k]++
					p++
				}
			}
		}
	}
}

// Over many epochs every row comes equally often at every place, and the two
// first places are independent.
func TestDealIsUniform(t *testing.T) {
	for _, rows := range []int{2, 3, 5, 13} {
		const epochs = 6000
		d := counting(t, rows)
		s := flow.NewSample(d, rows)
		place := make([][]int, rows)
		pair := make([]int, rows*rows)
		for k := range place {
			place[k] = make([]int, rows)
		}
		for i := range epochs {
			if err := d.Draw(s, rng.New(1), i); err != nil {
				t.Fatal(err)
			}
			for r := range rows {
				place[r][int(s.X.Row(r)[0])]++
			}
			pair[int(s.X.Row(0)[0])*rows+int(s.X.Row(1)[0])]++
		}
		tolerance := func(p float64) float64 { return 5.5 * math.Sqrt(epochs*p*(1-p)) }
		p := 1 / float64(rows)
		for r := range place {
			for k, c := range place[r] {
				if math.Abs(float64(c)-epochs*p) > tolerance(p) {
					t.Errorf("of %d rows, row %d came %d times of %d at place %d", rows, k, c, epochs, r)
				}
			}
		}
		if rows > 2 {
			q := p / float64(rows-1)
			for k, c := range pair {
				if k/rows != k%rows && math.Abs(float64(c)-epochs*q) > tolerance(q) {
					t.Errorf("of %d rows, %d then %d came %d times, want about %.0f", rows, k/rows, k%rows, c, epochs*q)
				}
			}
		}
	}
}

func TestSplitPartsTheRows(t *testing.T) {
	d := counting(t, 50)
	train, held, err := d.Split(0.2, rng.New(2))
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 40 || held.Len() != 10 {
		t.Fatalf("%d and %d rows", train.Len(), held.Len())
	}
	seen := map[int]bool{}
	for _, part := range []*data.Stored{train, held} {
		for i := range part.Len() {
			k := int(part.X().Row(i)[0])
			if seen[k] || int(part.Cond().Class[i]) != k%3 {
				t.Errorf("row %d is there twice or has lost its class", k)
			}
			seen[k] = true
		}
	}
	if len(seen) != 50 {
		t.Errorf("%d rows are left of 50", len(seen))
	}
	other, _, _ := d.Split(0.2, rng.New(3))
	if fmt.Sprint(other.X().Data) == fmt.Sprint(train.X().Data) {
		t.Error("another key gives the same split")
	}
	for _, share := range []float64{0, 1, -1, 0.999, math.NaN()} {
		if _, _, err := d.Split(share, rng.New(2)); !errors.Is(err, flow.ErrConfig) {
			t.Errorf("share %v: got %v", share, err)
		}
	}
}

func TestNewStoredRefuses(t *testing.T) {
	x := tensor.New(3, 2)
	cases := map[string]error{}
	_, cases["no rows"] = data.NewStored(tensor.New(0, 2), flow.Cond{}, flow.CondSpec{}, nil)
	_, cases["class out of range"] = data.NewStored(x, flow.Cond{Class: []int32{0, 1, 2}}, flow.CondSpec{Classes: 2}, nil)
	_, cases["names"] = data.NewStored(x, flow.Cond{Class: []int32{0, 1, 1}}, flow.CondSpec{Classes: 2}, []string{"a"})
	_, cases["too few classes"] = data.NewStored(x, flow.Cond{Class: []int32{0, 1}}, flow.CondSpec{Classes: 2}, nil)
	for name, err := range cases {
		if !errors.Is(err, flow.ErrConfig) && !errors.Is(err, flow.ErrShape) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := counting(t, 3).Draw(flow.Sample{}, rng.New(1), -1); err == nil {
		t.Error("a negative draw is accepted")
	}
}

func TestEmbeddedSets(t *testing.T) {
	d, err := data.NamedTable("digits")
	if err != nil {
		t.Fatal(err)
	}
	// The counts of the digits are those that scikit-learn documents.
	count := make([]int, 10)
	for _, k := range d.Class {
		count[k]++
	}
	if got := fmt.Sprint(d.X.N, d.X.D, d.Classes, count); got != "1797 64 [0 1 2 3 4 5 6 7 8 9] [178 182 177 183 181 182 181 179 174 180]" {
		t.Errorf("digits: %s", got)
	}
	for _, v := range d.X.Data {
		if v < 0 || v > 16 || v != math.Trunc(v) {
			t.Fatalf("digits holds the pixel %v", v)
		}
	}
	i, err := data.NamedTable("iris")
	if err != nil {
		t.Fatal(err)
	}
	z, err := data.FitStandardise(i.X)
	if err != nil {
		t.Fatal(err)
	}
	// Fisher's means.
	if got := fmt.Sprintf("%d %v %.3f", i.X.N, i.Classes, z.Mean()); got != "150 [setosa versicolor virginica] [5.843 3.057 3.758 1.199]" {
		t.Errorf("iris: %s", got)
	}
	if _, err := data.NamedTable("moons"); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("the table of moons: %v", err)
	}
}
