package kernel

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"laminar/rng"
)

// sweep returns arguments over the whole range of float32: a fine grid near
// zero, every 2^-k with its neighbours, a sample of all bit patterns, and the
// special values.
func sweep() []float32 {
	inf := float32(math.Inf(1))
	xs := []float32{0, float32(math.Copysign(0, -1)), inf, -inf, float32(math.NaN()), 1, -1, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 88.72283, 88.72284, -87.3366, -103.97, -103.98, 0x1p-126}
	for i := -60000; i <= 60000; i++ {
		xs = append(xs, float32(i)*0.002)
	}
	for e := uint32(0); e < 255; e++ {
		for m := uint32(0); m < 1<<23; m += 1<<17 - 1 {
			x := math.Float32frombits(e<<23 | m)
			xs = append(xs, x, -x)
		}
	}
	return xs
}

// ulps is the distance of got from the exact value, in units of the last place
// of a float32 of that size.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	switch {
	case got != got || want != want:
		if got != got && want != want {
			return 0
		}
		return math.Inf(1)
	case math.IsInf(float64(w), 0) || math.IsInf(float64(got), 0):
		if got == w {
			return 0
		}
		return math.Inf(1)
	}
	_, e := math.Frexp(want)
	unit := math.Ldexp(1, max(e-24, -149))
	return math.Abs(float64(got)-want) / unit
}

func TestFunctionsAgainstFloat64(t *testing.T) {
	xs := sweep()
	eachSet(t, func(t *testing.T, s *Set) {
		for _, c := range []struct {
			name string
			f    func(dst, a []float32)
			want func(float64) float64
			tol  float64
		}{
			{"Neg", s.Neg, func(x float64) float64 { return -x }, 0},
			{"Abs", s.Abs, math.Abs, 0},
			{"Sqrt", s.Sqrt, math.Sqrt, 0.5001},
			{"Exp", s.Exp, math.Exp, 2},
			{"Log", s.Log, math.Log, 2},
			{"Sin", s.Sin, math.Sin, 2},
			{"Cos", s.Cos, math.Cos, 2},
			{"Tanh", s.Tanh, math.Tanh, 3},
			{"Sigmoid", s.Sigmoid, sigmoid64, 4},
			{"SiLU", s.SiLU, silu64, 4},
			{"Erf", s.Erf, math.Erf, 4},
			{"ReLU", s.ReLU, func(x float64) float64 { return float64(atLeast(0, float32(x))) }, 0},
			{"Step", s.Step, func(x float64) float64 { return float64(truth(x > 0)) }, 0},
			{"Sign", s.Sign, func(x float64) float64 { return float64(truth(x > 0) - truth(x < 0)) }, 0},
		} {
			got := make([]float32, len(xs))
			c.f(got, xs)
			worst, at := 0.0, float32(0)
			for i, x := range xs {
				if c.name == "SiLU" && x < -87 { // the results that need denormals
					if d := math.Abs(float64(got[i]) - silu64(float64(x))); d > 0x1p-141 {
						t.Errorf("SiLU(%v) is %v off", x, d)
					}
					continue
				}
				if u := ulps(got[i], c.want(float64(x))); u > worst {
					worst, at = u, x
				}
			}
			if worst > c.tol {
				t.Errorf("%s: %.2f ulp off at %v, allowed %v", c.name, worst, at, c.tol)
			}
			t.Logf("%-8s worst %.2f ulp at %v", c.name, worst, at)
		}
	})
}

func TestSignOfZero(t *testing.T) {
	z := float32(math.Copysign(0, -1))
	eachSet(t, func(t *testing.T, s *Set) {
		for name, f := range map[string]func(dst, a []float32){"Tanh": s.Tanh, "Erf": s.Erf} {
			d := []float32{z}
			if f(d, d); !same(d[0], z) {
				t.Errorf("%s(-0) = %v, want -0", name, d[0])
			}
		}
	})
}

// operands gives the elementwise methods of s by name, each as a function of
// dst and three operands.
func operands(s *Set) map[string]func(dst, a, b, c []float32) {
	one := func(f func(dst, a []float32)) func(dst, a, b, c []float32) {
		return func(dst, a, b, c []float32) { f(dst, a) }
	}
	two := func(f func(dst, a, b []float32)) func(dst, a, b, c []float32) {
		return func(dst, a, b, c []float32) { f(dst, a, b) }
	}
	return map[string]func(dst, a, b, c []float32){
		"Neg": one(s.Neg), "Abs": one(s.Abs), "Sign": one(s.Sign), "Sqrt": one(s.Sqrt), "Exp": one(s.Exp),
		"Log": one(s.Log), "Sin": one(s.Sin), "Cos": one(s.Cos), "Tanh": one(s.Tanh), "Sigmoid": one(s.Sigmoid),
		"Erf": one(s.Erf), "ReLU": one(s.ReLU), "Step": one(s.Step), "SiLU": one(s.SiLU), "Copy": one(s.Copy),
		"Add": two(s.Add), "Sub": two(s.Sub), "Mul": two(s.Mul), "Div": two(s.Div), "Max": two(s.Max), "Min": two(s.Min),
		"Greater": two(s.Greater), "Equal": two(s.Equal), "SiLUGrad": two(s.SiLUGrad), "ReLUGrad": two(s.ReLUGrad),
		"TanhGrad": two(s.TanhGrad), "SigmoidGrad": two(s.SigmoidGrad),
		"Select": s.Select, "MulAdd": s.MulAdd,
		"Scale":     func(dst, a, b, c []float32) { s.Scale(dst, a, 1.7) },
		"AddScalar": func(dst, a, b, c []float32) { s.AddScalar(dst, a, -0.3) },
		"AddScaled": func(dst, a, b, c []float32) { s.Copy(dst, b); s.AddScaled(dst, 0.7, a) },
	}
}

// awkward fills a with normals among which special values, repeats and large
// numbers are strewn.
func awkward(key rng.Key, a []float32) {
	normals(key, a)
	for i := range a {
		switch i % 23 {
		case 3:
			a[i] = 0
		case 7:
			a[i] = float32(math.NaN())
		case 11:
			a[i] = float32(math.Inf(1 - i%2*2))
		case 13:
			a[i] *= 1e6
		case 17:
			a[i] = 1
		}
	}
}

// Every length from 0 to 70, at every offset from alignment: the bits are
// those of the same elements in one long call, operands may be dst, and
// nothing outside is touched.
func TestTailsAndGuards(t *testing.T) {
	const most = 70
	src := make([][]float32, 3)
	for i := range src {
		src[i] = make([]float32, most+3)
		awkward(rng.New(uint64(20+i)), src[i])
	}
	copy(src[1][50:], src[0][50:]) // so that Equal has something to find
	eachSet(t, func(t *testing.T, s *Set) {
		for name, f := range operands(s) {
			want := make([]float32, most+3)
			f(want, src[0], src[1], src[2])
			for n := range most + 1 {
				off := n % 3
				what := fmt.Sprintf("%s of %d", name, n)
				var in [3][]float32
				for i := range in {
					in[i], _ = guarded(n, off+i)
					copy(in[i], src[i][off:])
				}
				dst, check := guarded(n, off+3)
				f(dst, in[0], in[1], in[2])
				check(t, what)
				equalBits(t, what, dst, want[off:off+n])
				if name != "AddScaled" {
					f(in[0], in[0], in[1], in[2])
					equalBits(t, what+" in place", in[0], want[off:off+n])
				}
			}
		}
	})
}

// The assembly sets agree with each other bit for bit, and with the reference
// up to rounding.
func TestSetsAgree(t *testing.T) {
	a, b, c := make([]float32, 5000), make([]float32, 5000), make([]float32, 5000)
	awkward(rng.New(30), a)
	awkward(rng.New(31), b[:2500])
	normals(rng.New(32), b[2500:])
	normals(rng.New(33), c)
	ref := operands(reference())
	var first map[string][]float32
	for _, s := range Available() {
		got := map[string][]float32{}
		for name, f := range operands(s) {
			got[name] = make([]float32, len(a))
			f(got[name], a, b, c)
			want := make([]float32, len(a))
			ref[name](want, a, b, c)
			for i, x := range got[name] {
				d := math.Abs(float64(x) - float64(want[i]))
				if !same(x, want[i]) && !(d <= 2e-6*math.Abs(float64(want[i]))+3e-6*(1+math.Abs(float64(a[i]))+math.Abs(float64(b[i])))) {
					t.Errorf("%s: %s(%v, %v, %v) = %v, reference %v", s.Name(), name, a[i], b[i], c[i], x, want[i])
					break
				}
			}
		}
		if s.Name() == "go" {
			break
		}
		if first == nil {
			first = got
			continue
		}
		for name := range got {
			equalBits(t, name+": "+s.Name()+" against "+Best().Name(), got[name], first[name])
		}
	}
}

func TestReductions(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		ref := reference()
		for _, n := range []int{0, 1, 7, 8, 15, 16, 17, 31, 33, 70, 1000, chunk, 3*chunk + 5} {
			a, _ := guarded(n, 1)
			b, _ := guarded(n, 2)
			normals(rng.New(40), a)
			normals(rng.New(41), b)
			what := fmt.Sprintf("n=%d", n)
			for name, pair := range map[string][2]float64{
				"Sum":   {s.Sum(a), ref.Sum(a)},
				"SumSq": {s.SumSq(a), ref.SumSq(a)},
				"Dot":   {s.Dot(a, b), ref.Dot(a, b)},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s %s = %v, reference %v", what, name, pair[0], pair[1])
				}
			}
			var exact float64
			for i := range a {
				exact += float64(a[i]) * float64(b[i])
			}
			if d := math.Abs(s.Dot(a, b) - exact); d > 1e-9 {
				t.Errorf("%s: Dot is %v off", what, d)
			}
			got, want := make([]float32, 1), make([]float32, 1)
			s.RowMax(got, a, 1, n)
			ref.RowMax(want, a, 1, n)
			equalBits(t, what+" RowMax", got, want)
		}
		for _, d := range [][2]int{{0, 3}, {1, 1}, {5, 2}, {3, 8}, {70, 33}, {300, 64}} {
			rows, cols := d[0], d[1]
			a, _ := guarded(rows*cols, 1)
			normals(rng.New(42), a)
			col, check := guarded(cols, 1)
			row, checkRow := guarded(rows, 1)
			wantCol, wantRow := make([]float32, cols), make([]float64, rows)
			for j := range col {
				col[j], wantCol[j] = float32(j), float32(j)
			}
			for i := range rows {
				for j := range cols {
					wantCol[j] += a[i*cols+j]
					wantRow[i] += float64(a[i*cols+j])
				}
			}
			s.ColSum(col, a, rows, cols)
			s.RowSum(row, a, rows, cols)
			check(t, "ColSum")
			checkRow(t, "RowSum")
			equalBits(t, fmt.Sprint("ColSum ", d), col, wantCol)
			for i := range row {
				if ulps(row[i], wantRow[i]) > 0.51 {
					t.Errorf("RowSum %v: row %d is %v, want %v", d, i, row[i], wantRow[i])
				}
			}
		}
	})
}

func TestBroadcasts(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, d := range [][2]int{{0, 4}, {4, 0}, {3, 1}, {5, 7}, {6, 8}, {4, 33}} {
			rows, cols := d[0], d[1]
			a, v, w := make([]float32, rows*cols), make([]float32, cols), make([]float32, rows)
			normals(rng.New(50), a)
			normals(rng.New(51), v)
			normals(rng.New(52), w)
			got, want := make([]float32, len(a)), make([]float32, len(a))
			for name, c := range map[string]struct {
				run  func()
				want func(i, j int) float32
			}{
				"AddRow": {func() { s.AddRow(got, a, v, rows, cols) }, func(i, j int) float32 { return a[i*cols+j] + v[j] }},
				"MulRow": {func() { s.MulRow(got, a, v, rows, cols) }, func(i, j int) float32 { return a[i*cols+j] * v[j] }},
				"AddCol": {func() { s.AddCol(got, a, w, rows, cols) }, func(i, j int) float32 { return a[i*cols+j] + w[i] }},
				"MulCol": {func() { s.MulCol(got, a, w, rows, cols) }, func(i, j int) float32 { return a[i*cols+j] * w[i] }},
			} {
				c.run()
				for i := range want {
					want[i] = c.want(i/cols, i%cols)
				}
				equalBits(t, fmt.Sprint(name, d), got, want)
			}
		}
	})
}

func TestAdamW(t *testing.T) {
	h := AdamWStep{LR: 1e-2, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Decay: 0.1, Correct1: 1 / (1 - 0.81), Correct2: 1 / (1 - 0.998), GradScale: 0.5, EMADecay: 0.99}
	eachSet(t, func(t *testing.T, s *Set) {
		for _, n := range []int{0, 1, 7, 8, 17, 70, chunk + 3} {
			for _, average := range []bool{false, true} {
				what := fmt.Sprintf("n=%d ema=%v", n, average)
				var x [5][]float32 // p g m v ema
				var old [5][]float32
				var checks [5]func(*testing.T, string)
				for i := range x {
					x[i], checks[i] = guarded(n, i)
					normals(rng.New(uint64(60+i)), x[i])
					if i == 3 {
						s.Abs(x[3], x[3])
					}
					old[i] = append([]float32(nil), x[i]...)
				}
				ema := x[4]
				if !average {
					ema = nil
				}
				s.AdamW(x[0], x[1], x[2], x[3], ema, h)
				for i := range x {
					checks[i](t, what)
				}
				for i := range n {
					p, g, m, v, e := float64(old[0][i]), h.GradScale*float64(old[1][i]), float64(old[2][i]), float64(old[3][i]), float64(old[4][i])
					m = h.Beta1*m + (1-h.Beta1)*g
					v = h.Beta2*v + (1-h.Beta2)*g*g
					p = p*(1-h.LR*h.Decay) - h.LR*h.Correct1*m/(math.Sqrt(h.Correct2*v)+h.Eps)
					if average {
						e += (1 - h.EMADecay) * (p - e)
					}
					for j, want := range []float64{p, float64(old[1][i]), m, v, e} {
						if d := math.Abs(float64(x[j][i]) - want); !(d <= 4e-6*(1+math.Abs(want))) {
							t.Fatalf("%s: %s[%d] = %v, want %v", what, []string{"p", "g", "m", "v", "ema"}[j], i, x[j][i], want)
						}
					}
				}
			}
		}
	})
}

func TestRowMin2(t *testing.T) {
	inf := float32(math.Inf(1))
	eachSet(t, func(t *testing.T, s *Set) {
		for n := range 71 {
			for seed := range 3 {
				cost, _ := guarded(n, 1)
				price, _ := guarded(n, 2)
				st := rng.New(uint64(70 + seed)).At(uint64(n)).Stream()
				for j := range cost {
					cost[j], price[j] = float32(st.Uint64()%9), float32(st.Uint64()%5)
				}
				best, second, arg := inf, inf, -1
				for j := range cost {
					if v := cost[j] + price[j]; v < best {
						best, arg = v, j
					}
				}
				for j := range cost {
					if j != arg {
						second = min(second, cost[j]+price[j])
					}
				}
				b, c, a := s.RowMin2(cost, price)
				if b != best || c != second || a != arg {
					t.Fatalf("n=%d seed=%d: %v %v %d, want %v %v %d", n, seed, b, c, a, best, second, arg)
				}
			}
		}
	})
}

func TestLengthsAreChecked(t *testing.T) {
	s := Best()
	var ws Workspace
	x3, x4 := make([]float32, 3), make([]float32, 4)
	for name, f := range map[string]func(){
		"Add":    func() { s.Add(x3, x4, x4) },
		"Exp":    func() { s.Exp(x4, x3) },
		"Dot":    func() { s.Dot(x4, x3) },
		"AddRow": func() { s.AddRow(x4, x4, x3, 2, 2) },
		"AdamW":  func() { s.AdamW(x4, x4, x4, x3, nil, AdamWStep{}) },
		"Gemm":   func() { s.Gemm(false, false, 2, 2, 2, x3, 2, x4, 2, false, x4, 2, &ws) },
		"stride": func() { s.Gemm(false, false, 2, 2, 2, x4, 1, x4, 2, false, x4, 2, &ws) },
		"PackB":  func() { s.PackB(false, 2, 2, x4, 2, x3) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// A set without one of its kernels would fail only when that one is called.
func TestSetsAreComplete(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		v := reflect.ValueOf(*s)
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if v.Field(i).IsZero() && name != "transpose8" {
				t.Errorf("%s is missing", name)
			}
		}
	})
}

func TestPeakFMA(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, n := range []int{1, 1000, 100_000} {
			if got := s.PeakFMA(n); got < 2*n || got > 2*n+2*s.lanes*s.accs {
				t.Errorf("PeakFMA(%d) = %d operations, want about %d", n, got, 2*n)
			}
		}
	})
}
