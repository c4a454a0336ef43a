package solve_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/path"
	"laminar/rng"
	"laminar/solve"
	"laminar/tensor"
)

// law is a distribution over the options of some choices, and of values that are normal
// given them: the exact field of its masked path.
type law struct {
	choices []flow.Choice
	dim     int
	cells   [][]int   // the options of each cell
	p       []float64 // its chance
	// value is the coordinate of a value, -1 for none, whose mean in each cell is
	// mean, and whose standard deviation is std.
	value int
	mean  []float64
	std   float64
}

func (l *law) Dim() int { return l.dim }

// option is the option that a row has, -1 while it is masked.
func option[T tensor.Float](row []T, c flow.Choice) int {
	x := row[c.Offset : c.Offset+c.Width()]
	switch {
	case x[0] == 0:
		return -1
	case c.Options == 2 && x[0] == T(c.Lo):
		return 0
	case c.Options == 2:
		return 1
	}
	return slices.Index(x, T(c.Hi))
}

func (l *law) Velocity(dst, x tensor.Matrix[float64], t float64) error {
	for i := range x.N {
		row, v := x.Row(i), dst.Row(i)
		clear(v)
		for _, c := range l.choices {
			if off := row[c.Offset]; off != 0 && off != c.Lo && off != c.Hi {
				return fmt.Errorf("row %d: a choice stands at %v", i, off)
			}
		}
		weight, sum := make([]float64, len(l.p)), 0.0
		for k := range l.p {
			w := l.p[k]
			for j, c := range l.choices {
				if o := option(row, c); o >= 0 && o != l.cells[k][j] {
					w = 0
				}
			}
			if l.value >= 0 {
				s2 := (1-t)*(1-t) + t*t*l.std*l.std
				miss := row[l.value] - t*l.mean[k]
				w *= math.Exp(-miss * miss / 2 / s2)
			}
			weight[k] = w
			sum += w
		}
		for j, c := range l.choices {
			part := v[c.Offset : c.Offset+c.Width()]
			for q := range part {
				mean := 0.0
				for k, w := range weight {
					if has := l.cells[k][j]; c.Options == 2 && has == 1 || c.Options > 2 && has == q {
						mean += w / sum * c.Hi
					} else {
						mean += w / sum * c.Lo
					}
				}
				if part[q] = (mean - row[c.Offset+q]) / (1 - t); option(row, c) >= 0 {
					part[q] = 0
				}
			}
		}
		if l.value >= 0 {
			v[l.value] = 0
			for k, w := range weight {
				s2 := (1-t)*(1-t) + t*t*l.std*l.std
				slope := (t*l.std*l.std - (1 - t)) / s2
				v[l.value] += w / sum * (l.mean[k] + slope*(row[l.value]-t*l.mean[k]))
			}
		}
	}
	return nil
}

// tangled is a law of three choices of 3, 2 and 4 options in which none is independent
// of the others.
func tangled() *law {
	l := &law{value: -1, dim: 9, choices: []flow.Choice{
		{Offset: 1, Options: 3, Lo: -1, Hi: 2}, {Offset: 4, Options: 2, Lo: -1, Hi: 1}, {Offset: 5, Options: 4, Lo: -0.5, Hi: 1.5},
	}}
	sum := 0.0
	for a := range 3 {
		for b := range 2 {
			for c := range 4 {
				w := 1.0
				if (a+b+c)%3 == 0 {
					w = 5
				}
				if b == 1 && c > a {
					w *= 3
				}
				l.cells, l.p = append(l.cells, []int{a, b, c}), append(l.p, w)
				sum += w
			}
		}
	}
	for k := range l.p {
		l.p[k] /= sum
	}
	return l
}

// blank returns n rows at t = 0: normal values and masks.
func (l *law) blank(n int) tensor.Matrix[float64] {
	x := tensor.NewOf[float64](n, l.dim)
	s := rng.New(4).Stream()
	for i := range n {
		for j := range x.Row(i) {
			x.Row(i)[j] = s.NormFloat64()
		}
		for _, c := range l.choices {
			clear(x.Row(i)[c.Offset : c.Offset+c.Width()])
		}
	}
	return x
}

func (l *law) solver(t testing.TB, method string, steps int) *solve.Solver[float64] {
	s := solver[float64](t, solve.Config{Method: method, Steps: steps, Diffusion: "sigma", DiffusionScale: 1})
	s.Schedule, s.Choices, s.Key = path.CondOT{}, l.choices, rng.New(6)
	return s
}

// count is the number of rows in each cell; rows with a masked choice are in none.
func (l *law) count(x tensor.Matrix[float64]) []float64 {
	out := make([]float64, len(l.p))
	for i := range x.N {
		for k, cell := range l.cells {
			is := true
			for j, c := range l.choices {
				is = is && option(x.Row(i), c) == cell[j]
			}
			if is {
				out[k]++
			}
		}
	}
	return out
}

func chiSquare(count, p []float64) float64 {
	n, sum := 0.0, 0.0
	for _, c := range count {
		n += c
	}
	for k, c := range count {
		sum += (c - n*p[k]) * (c - n*p[k]) / (n * p[k])
	}
	return sum
}

// by is the law with choices that are made by time t.
func (l *law) by(t float64) *law {
	out := *l
	out.choices = slices.Clone(l.choices)
	for k := range out.choices {
		out.choices[k].By = t
	}
	return &out
}

// With as many steps as choices, in the time in which they are made, the law of the
// draws is exact, by any method that runs from noise to data; with one step it is the
// product of the marginals.
func TestChoicesLaw(t *testing.T) {
	const n = 4000
	l := tangled()
	product := make([]float64, len(l.p))
	for k, cell := range l.cells {
		product[k] = 1
		for j := range l.choices {
			share := 0.0
			for q, other := range l.cells {
				if other[j] == cell[j] {
					share += l.p[q]
				}
			}
			product[k] *= share
		}
	}
	const most = 49.7 // what chi-square with 23 degrees of freedom exceeds in one case of a thousand
	for _, m := range solve.Catalogue() {
		if m.Kind == solve.Jump {
			continue
		}
		x := l.blank(n)
		if _, err := l.solver(t, m.Name, 3).Solve(context.Background(), l, x, 0, 1); err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		count := l.count(x)
		if chi := chiSquare(count, l.p); chi > most || sum(count) != n {
			t.Errorf("%s in 3 steps: chi-square %.1f over %v rows", m.Name, chi, sum(count))
		}
	}
	early := l.blank(n)
	if _, err := l.by(0.5).solver(t, "euler", 6).Solve(context.Background(), l, early, 0, 0.5); err != nil {
		t.Fatal(err)
	}
	if count := l.count(early); chiSquare(count, l.p) > most || sum(count) != n {
		t.Errorf("by t = 0.5: chi-square %.1f over %v rows", chiSquare(count, l.p), sum(count))
	}
	x := l.blank(n)
	if _, err := l.solver(t, "euler", 1).Solve(context.Background(), l, x, 0, 1); err != nil {
		t.Fatal(err)
	}
	if one, other := chiSquare(l.count(x), product), chiSquare(l.count(x), l.p); one > most || other < 5*most {
		t.Errorf("in 1 step: chi-square %.1f to the product of the marginals, %.1f to the joint law", one, other)
	}
}

func sum(v []float64) float64 {
	out := 0.0
	for _, e := range v {
		out += e
	}
	return out
}

// Of a choice and a value that depend on each other the share of the options, and the
// means and spreads of the values given them, come out, whenever the choice is made.
func TestChoicesAndValues(t *testing.T) {
	const n = 6000
	l := &law{
		dim: 4, choices: []flow.Choice{{Offset: 1, Options: 3, Lo: -1, Hi: 2}}, cells: [][]int{{0}, {1}, {2}}, p: []float64{0.5, 0.2, 0.3},
		mean: []float64{-1, 0.5, 2}, std: 0.4,
	}
	for _, c := range []struct {
		method string
		steps  int
		by     float64
	}{{"unipc", 30, 1}, {"euler", 100, 1}, {"unipc", 30, 0.2}} {
		x := l.blank(n)
		method := fmt.Sprintf("%s by %v", c.method, c.by)
		if _, err := l.by(c.by).solver(t, c.method, c.steps).Solve(context.Background(), l, x, 0, 1); err != nil {
			t.Fatal(err)
		}
		count, mean, square := make([]float64, 3), make([]float64, 3), make([]float64, 3)
		for i := range n {
			k := option(x.Row(i), l.choices[0])
			v := x.At(i, l.value) - l.mean[k]
			count[k]++
			mean[k] += v
			square[k] += v * v
		}
		for k, c := range count {
			share, m, std := c/n, mean[k]/c, math.Sqrt(square[k]/c)
			if math.Abs(share-l.p[k]) > 0.025 || math.Abs(m) > 0.04 || math.Abs(std-l.std) > 0.03 {
				t.Errorf("%s: option %d has the share %.3f, its value the mean %+.3f from its own and the spread %.3f", method, k, share, m, std)
			}
		}
	}
}

// A row of choices ends in the same bits alone, in a part, and by its number; what is
// chosen already stays, and a solution may be cut in two.
func TestChoicesRows(t *testing.T) {
	const n = 60
	l := tangled()
	whole := l.blank(n)
	for i := range n {
		if i%3 == 0 {
			copy(whole.Row(i)[5:], []float64{-0.5, -0.5, 1.5, -0.5})
		}
	}
	start := whole.Clone()
	if _, err := l.solver(t, "unipc", 4).Solve(context.Background(), l, whole, 0, 1); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if i%3 == 0 && option(whole.Row(i), l.choices[2]) != 2 {
			t.Errorf("row %d changed a choice that was made", i)
		}
	}
	part := tensor.NewOf[float64](0, l.dim)
	numbers := []int{41, 7, 58}
	for _, i := range numbers {
		part.Data, part.N = append(part.Data, start.Row(i)...), part.N+1
	}
	s := l.solver(t, "unipc", 4)
	s.Rows = numbers
	if _, err := s.Solve(context.Background(), l, part, 0, 1); err != nil {
		t.Fatal(err)
	}
	one := start.Rows(20, 21).Clone()
	s.Rows, s.First = nil, 20
	if _, err := s.Solve(context.Background(), l, one, 0, 1); err != nil {
		t.Fatal(err)
	}
	for k, i := range numbers {
		if !slices.Equal(part.Row(k), whole.Row(i)) {
			t.Errorf("row %d by its number is %v, in its place %v", i, part.Row(k), whole.Row(i))
		}
	}
	if !slices.Equal(one.Data, whole.Row(20)) {
		t.Errorf("row 20 alone is %v, among others %v", one.Data, whole.Row(20))
	}
}

// Half of each choice are made in half the time, and the rest in the rest.
func TestChoicesHalfway(t *testing.T) {
	const n = 4000
	l := tangled()
	x := l.blank(n)
	if _, err := l.solver(t, "euler", 4).Solve(context.Background(), l, x, 0, 0.5); err != nil {
		t.Fatal(err)
	}
	for k, c := range l.choices {
		made := 0.0
		for i := range n {
			if option(x.Row(i), c) >= 0 {
				made += 1.0 / n
			}
		}
		if math.Abs(made-0.5) > 0.03 {
			t.Errorf("%.3f of choice %d are made at t = 0.5", made, k)
		}
	}
	if _, err := l.solver(t, "euler", 4).Solve(context.Background(), l, x, 0.5, 1); err != nil {
		t.Fatal(err)
	}
	if all := sum(l.count(x)); all != n {
		t.Errorf("%v of %d rows have all choices made", all, n)
	}
}

// The first choice of rows comes in its shares, in any run of rows, and of 64 in line in
// 64ths; so it does where another key has picked the rows. Over keys, a row's options are
// as independent draws.
func TestChoicesSpread(t *testing.T) {
	one := &law{value: -1, dim: 3, choices: []flow.Choice{{Options: 3, Lo: -1, Hi: 2}}, cells: [][]int{{0}, {1}, {2}}, p: []float64{0.55, 0.35, 0.1}}
	for first := range 50 {
		n, most := 20+7*first, 4.0
		s := one.solver(t, "euler", 2)
		s.First = 100 * first
		if first%2 == 0 {
			n, most, s.First = 64, 2, 64*first
		}
		x := one.blank(n)
		if _, err := s.Solve(context.Background(), one, x, 0, 1); err != nil {
			t.Fatal(err)
		}
		for k, got := range one.count(x) {
			if want := float64(n) * one.p[k]; math.Abs(got-want) >= most {
				t.Errorf("%d rows from %d on: option %d has %v, of its share %.1f", n, s.First, k, got, want)
			}
		}
	}
	all := one.blank(4000)
	s := one.solver(t, "euler", 2)
	if _, err := s.Solve(context.Background(), one, all, 0, 1); err != nil {
		t.Fatal(err)
	}
	s.Key, s.Rows = rng.New(8), []int{}
	for i := range all.N {
		if option(all.Row(i), one.choices[0]) == 1 {
			s.Rows = append(s.Rows, i)
		}
	}
	again := one.blank(len(s.Rows))
	if _, err := s.Solve(context.Background(), one, again, 0, 1); err != nil {
		t.Fatal(err)
	}
	if chi := chiSquare(one.count(again), one.p); chi > 13.8 { // one case of a thousand, were they independent
		t.Errorf("rows that had the second option under another key: chi-square %.1f", chi)
	}
	l := tangled()
	const keys = 4000
	count := make([]float64, len(l.p))
	s = l.solver(t, "euler", 3)
	s.First = 7
	for k := range keys {
		s.Key = rng.New(uint64(k))
		x := l.blank(1)
		if _, err := s.Solve(context.Background(), l, x, 0, 1); err != nil {
			t.Fatal(err)
		}
		for q, c := range l.count(x) {
			count[q] += c
		}
	}
	if chi := chiSquare(count, l.p); chi > 49.7 || sum(count) != keys {
		t.Errorf("row 7 of %d keys: chi-square %.1f over %v", keys, chi, sum(count))
	}
}

func TestChoicesErrors(t *testing.T) {
	l := tangled()
	solveIt := func(edit func(*solve.Solver[float64]), cfg solve.Config, t0, t1 float64) error {
		s := solver[float64](t, cfg)
		s.Schedule, s.Choices = path.CondOT{}, l.choices
		edit(s)
		_, err := s.Solve(context.Background(), l, l.blank(2), t0, t1)
		return err
	}
	none := func(*solve.Solver[float64]) {}
	euler := solve.Config{Method: "euler", Steps: 2}
	adaptive := solve.Defaults()
	adaptive.Method, adaptive.NFE, adaptive.Adaptive = "dopri5", 0, true
	for want, err := range map[string]error{
		"on the way from noise to data":  solveIt(none, euler, 1, 0),
		"not adaptive":                   solveIt(none, adaptive, 0, 1),
		"no choices are drawn":           solveIt(none, solve.Config{Method: "jump", Steps: 2}, 0, 1),
		"choices have no score":          solveIt(func(s *solve.Solver[float64]) { s.Score = l }, euler, 0, 1),
		"at coordinate 8 of 9, of which": solveIt(func(s *solve.Solver[float64]) { s.Choices = []flow.Choice{{Offset: 8, Options: 3, Lo: -1, Hi: 1}} }, euler, 0, 1),
	} {
		if !errors.Is(err, flow.ErrConfig) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Two choices that always agree: drawn one after the other they do, drawn at once they
// agree by chance.
func ExampleSolver_choices() {
	l := &law{
		value: -1, dim: 2, choices: []flow.Choice{{Options: 2, Lo: -1, Hi: 1}, {Offset: 1, Options: 2, Lo: -1, Hi: 1}},
		cells: [][]int{{0, 0}, {1, 1}}, p: []float64{0.5, 0.5},
	}
	for steps := 1; steps <= 2; steps++ {
		s, err := solve.New[float64](solve.Config{Method: "euler", Steps: steps})
		if err != nil {
			fmt.Println(err)
			return
		}
		s.Schedule, s.Choices, s.Key = path.CondOT{}, l.choices, rng.New(1)
		x := tensor.NewOf[float64](1000, 2) // masked
		if _, err := s.Solve(context.Background(), l, x, 0, 1); err != nil {
			fmt.Println(err)
			return
		}
		agree := 0
		for i := range x.N {
			if x.At(i, 0) == x.At(i, 1) {
				agree++
			}
		}
		fmt.Printf("%d steps: %.0f %% agree\n", steps, 100*float64(agree)/float64(x.N))
	}
	// Output:
	// 1 steps: 50 % agree
	// 2 steps: 100 % agree
}
