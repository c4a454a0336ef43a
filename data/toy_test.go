package data_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/data"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// draw returns draw i of n rows, with classes if the data has any.
func draw(t *testing.T, d flow.Dataset, n, i int) flow.Sample {
	t.Helper()
	s := flow.NewSample(d, n)
	if err := d.Draw(s, rng.New(11), i); err != nil {
		t.Fatal(err)
	}
	return s
}

func named(t *testing.T, name string) flow.Dataset {
	t.Helper()
	d, err := data.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func labelled(t *testing.T, d flow.Dataset) flow.Dataset {
	t.Helper()
	l, err := d.(data.Classed).WithClasses()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestCatalogueTellsTheTruth(t *testing.T) {
	for _, e := range data.Catalogue() {
		d := named(t, e.Name)
		if d.Dim() != e.Dim || d.Len() != e.Len {
			t.Errorf("%s has dimension %d and %d rows, the catalogue says %d and %d", e.Name, d.Dim(), d.Len(), e.Dim, e.Len)
		}
		if !d.CondSpec().IsZero() {
			t.Errorf("%s carries conditions without being asked", e.Name)
		}
		if k := len(d.(data.Classed).ClassNames()); k != e.Modes {
			t.Errorf("%s has %d classes, the catalogue says %d", e.Name, k, e.Modes)
		}
		if _, ok := d.(data.RowSource); !ok {
			t.Errorf("%s is no RowSource", e.Name)
		}
		if _, err := d.(data.Classed).WithClasses(); (err == nil) != (e.Modes > 0) {
			t.Errorf("%s has %d modes, yet WithClasses says %v", e.Name, e.Modes, err)
		}
		if e.Doc == "" {
			t.Errorf("%s has no description", e.Name)
		}
	}
}

func TestNamedListsTheValidNames(t *testing.T) {
	_, err := data.Named("moon")
	if !errors.Is(err, flow.ErrConfig) {
		t.Fatalf("got %v", err)
	}
	for _, e := range data.Catalogue() {
		if !strings.Contains(err.Error(), e.Name) {
			t.Errorf("the message leaves out %s", e.Name)
		}
	}
}

func TestDrawIsAPureFunction(t *testing.T) {
	for _, e := range data.Catalogue() {
		d := named(t, e.Name)
		a, b, c := draw(t, d, 33, 5), draw(t, d, 33, 5), draw(t, d, 33, 6)
		if !slices.Equal(a.X.Data, b.X.Data) {
			t.Errorf("%s: draw 5 differs from itself", e.Name)
		}
		if slices.Equal(a.X.Data, c.X.Data) {
			t.Errorf("%s: draws 5 and 6 are equal", e.Name)
		}
	}
}

// A row drawn alone has the bits it has among 100, for all data sets, and in
// Draw too for those drawn by chance.
func TestRowsStandAlone(t *testing.T) {
	key := rng.New(3)
	for _, e := range data.Catalogue() {
		d := named(t, e.Name).(data.RowSource)
		all := flow.NewSample(d, 100)
		if err := d.DrawAt(all, key, 0); err != nil {
			t.Fatal(err)
		}
		for _, r := range []int{0, 1, 57, 99} {
			one := flow.NewSample(d, 1)
			if err := d.DrawAt(one, key, r); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(one.X.Row(0), all.X.Row(r)) {
				t.Errorf("%s: row %d alone is %v, among 100 %v", e.Name, r, one.X.Row(0), all.X.Row(r))
			}
		}
		if _, ok := d.(data.Toy); ok {
			if few, many := draw(t, d, 7, 2), draw(t, d, 100, 2); !slices.Equal(few.X.Data, many.X.Data[:7*d.Dim()]) {
				t.Errorf("%s: the first 7 rows of a draw of 100 are others", e.Name)
			}
		}
	}
}

func TestNothingAllocatedPerDraw(t *testing.T) {
	for _, e := range data.Catalogue() {
		d := named(t, e.Name)
		s := flow.NewSample(d, 64)
		i := 0
		if a := testing.AllocsPerRun(20, func() {
			i++
			_ = d.Draw(s, rng.New(1), i)
		}); a != 0 {
			t.Errorf("%s: %v allocations a draw", e.Name, a)
		}
	}
}

// The class drawn must be the nearest mode for nearly all points, and every
// class as frequent as every other.
func TestModesAgreeWithClasses(t *testing.T) {
	const n = 20000
	want := map[string]float64{ // least agreement
		"moons": 0.999, "moons-sklearn": 0.999, "moons-torchcfm": 0.999, "8gaussians": 0.99, "8gaussians-torchcfm": 0.999,
		"checkerboard": 1, "circles": 0.999, "spirals": 0.99, "pinwheel": 0.97, "rings": 0.999, "mixture32": 1,
	}
	for name, least := range want {
		d := labelled(t, named(t, name))
		m := d.(data.Moded)
		s := draw(t, d, n, 0)
		agree := 0
		count := make([]int, m.Modes())
		for r := range n {
			if m.Mode(s.X.Row(r)) == int(s.Cond.Class[r]) {
				agree++
			}
			count[s.Cond.Class[r]]++
		}
		if share := float64(agree) / n; share < least {
			t.Errorf("%s: Mode agrees with the class of %.4f of the points, want %v", name, share, least)
		}
		for k, c := range count {
			p := 1 / float64(len(count))
			if math.Abs(float64(c)-n*p) > 5*math.Sqrt(n*p*(1-p)) {
				t.Errorf("%s: class %d has %d of %d points", name, k, c, n)
			}
		}
	}
}

func TestMomentsOfToys(t *testing.T) {
	const n = 200000
	// Means and variances in closed form, for the noise in the catalogue.
	pi := math.Pi
	want := map[string][4]float64{
		"gaussian":            {0, 0, 1, 1},
		"uniform":             {0, 0, 1.0 / 3, 1.0 / 3},
		"checkerboard":        {0, 0, 16.0 / 3, 16.0 / 3},
		"circles":             {0, 0, (1+0.25)/4 + 0.0025, (1+0.25)/4 + 0.0025},
		"rings":               {0, 0, 0.5625*30/8 + 0.0064, 0.5625*30/8 + 0.0064},
		"8gaussians":          {0, 0, 4 + 0.125, 4 + 0.125},
		"8gaussians-torchcfm": {0, 0, 12.5 + math.Sqrt(0.1), 12.5 + math.Sqrt(0.1)},
		"moons":               {0.5, 0.25, 0.5 + 0.25 + 0.0025, 0.5 - 4/(pi*pi) + sq(2/pi-0.25) + 0.0025},
		// 3x-1 with a slide uniform in [0, 0.2).
		"moons-torchcfm": {3*0.6 - 1, 3*0.35 - 1, 9 * (0.75 + 0.04/12), 9 * (0.5 - 4/(pi*pi) + sq(2/pi-0.25) + 0.04/12)},
		// a uniform in [-1.5 pi, 1.5 pi): E sin^2 = 1/2, E (1-cos)^2 = 3/2 + 4/(3 pi).
		"s-curve": {0, 0, 0.5 + 0.0025, 1.5 + 4/(3*pi) + 0.0025},
	}
	for name, w := range want {
		d := named(t, name).(data.RowSource) // by chance, even the even moons
		s := flow.NewSample(d, n)
		if err := d.DrawAt(s, rng.New(6), 0); err != nil {
			t.Fatal(err)
		}
		z, err := data.FitStandardise(tensor.Convert[float64](s.X))
		if err != nil {
			t.Fatal(err)
		}
		for j := range 2 {
			m, v := z.Mean()[j], z.Std()[j]*z.Std()[j]
			if math.Abs(m-w[j]) > 6*z.Std()[j]/math.Sqrt(n) {
				t.Errorf("%s: mean of coordinate %d is %.4f, want %.4f", name, j, m, w[j])
			}
			if math.Abs(v-w[2+j]) > 0.01*w[2+j] {
				t.Errorf("%s: variance of coordinate %d is %.4f, want %.4f", name, j, v, w[2+j])
			}
		}
	}
}

func sq(x float64) float64 { return x * x }

// Without noise the two libraries' moons are exact: halves and angles.
func TestEvenMoons(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 101} {
		d := labelled(t, data.SklearnMoons(0))
		s := draw(t, d, n, 4)
		var upper []float64
		for r := range n {
			x, y := float64(s.X.Row(r)[0]), float64(s.X.Row(r)[1])
			if s.Cond.Class[r] == 0 {
				upper = append(upper, math.Atan2(y, x))
			} else if d := math.Hypot(x-1, y-0.5); math.Abs(d-1) > 1e-6 {
				t.Errorf("a lower point lies %v from (1, 0.5)", d)
			}
		}
		if len(upper) != n/2 {
			t.Errorf("%d of %d points on the upper moon", len(upper), n)
		}
		slices.Sort(upper)
		for k, a := range upper {
			if want := math.Pi * float64(k) / max(float64(len(upper)-1), 1); math.Abs(math.Abs(a)-want) > 1e-6 {
				t.Errorf("n=%d: angle %d is %v, want %v", n, k, a, want)
			}
		}
	}
}

// torchdyn adds one number to both coordinates: the noise lies on the diagonal.
func TestTorchCFMNoiseIsDiagonal(t *testing.T) {
	s := draw(t, labelled(t, named(t, "moons-torchcfm")), 2000, 0)
	for r := range s.X.N {
		x, y := (float64(s.X.Row(r)[0])+1)/3, (float64(s.X.Row(r)[1])+1)/3
		if s.Cond.Class[r] == 1 {
			x, y = 1-x, 0.5-y // onto the upper moon; the slide turns its sign
		}
		// Solve |(x-e, y-e)| = 1 for the slide e; one of the roots is in range.
		b, c := x+y, (x*x+y*y-1)/2
		root := math.Sqrt(max(b*b-4*c, 0))
		e1, e2 := (b-root)/2, (b+root)/2
		if s.Cond.Class[r] == 1 {
			e1, e2 = -e1, -e2
		}
		in := func(e float64) bool { return e > -1e-3 && e < 0.201 }
		if !in(e1) && !in(e2) {
			t.Fatalf("row %d: slides %v and %v, want one in [0, 0.2)", r, e1, e2)
		}
	}
}

func TestDrawRefusesWrongRoom(t *testing.T) {
	d := named(t, "moons")
	wrong := []flow.Sample{
		{X: tensor.New(4, 3)},
		{X: tensor.New(4, 2), Cond: flow.Cond{Class: make([]int32, 4)}},
		{X: tensor.New(4, 2), Cond: flow.Cond{Real: tensor.New(4, 1)}},
	}
	for k, s := range wrong {
		if err := d.Draw(s, rng.New(1), 0); !errors.Is(err, flow.ErrShape) {
			t.Errorf("case %d: got %v", k, err)
		}
	}
	if err := labelled(t, d).Draw(flow.Sample{X: tensor.New(4, 2)}, rng.New(1), 0); !errors.Is(err, flow.ErrShape) {
		t.Errorf("without room for classes: got %v", err)
	}
}

func BenchmarkDraw(b *testing.B) {
	for _, name := range []string{"gaussian", "moons", "moons-sklearn", "digits"} {
		b.Run(name, func(b *testing.B) {
			d, err := data.Named(name)
			if err != nil {
				b.Fatal(err)
			}
			s := flow.NewSample(d, 256)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_ = d.Draw(s, rng.New(1), i)
			}
		})
	}
}
