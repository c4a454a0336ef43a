package kernel

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"laminar/rng"
)

// guard, plus the offset, surrounds every buffer of these tests: a NaN, so that
// reading it spoils a result and writing over it is seen. Buffers that are
// written have an offset of their own, as NaN operands pass on their bits.
const guard = 0x7fc0dead

// guarded returns n elements, off elements past an aligned start, between
// guard words, and a function that checks the guards.
func guarded(n, off int) (s []float32, check func(t *testing.T, what string)) {
	const pad = 40
	all := make([]float32, pad+off+n+pad)
	for i := range all {
		all[i] = math.Float32frombits(guard + uint32(off))
	}
	return all[pad+off : pad+off+n], func(t *testing.T, what string) {
		t.Helper()
		for i, x := range all {
			if (i < pad+off || i >= pad+off+n) && math.Float32bits(x) != guard+uint32(off) {
				t.Fatalf("%s: element %d of a buffer of %d was written", what, i-pad-off, n)
			}
		}
	}
}

func normals(k rng.Key, dst []float32) {
	s := k.Stream()
	s.Normal(dst)
}

func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || (a != a && b != b)
}

func eachSet(t *testing.T, f func(t *testing.T, s *Set)) {
	for _, s := range Available() {
		t.Run(s.Name(), func(t *testing.T) { f(t, s) })
	}
}

// put stores a logical rows x cols matrix into s with row stride ld,
// transposed or not; what lies between the rows is guard.
func put(s, logical []float32, rows, cols, ld int, trans bool) {
	for i := range rows {
		for j := range cols {
			if trans {
				s[j*ld+i] = logical[i*cols+j]
			} else {
				s[i*ld+j] = logical[i*cols+j]
			}
		}
	}
}

func extent(rows, cols, ld int) int {
	if rows == 0 || cols == 0 {
		return 0
	}
	return (rows-1)*ld + cols
}

// gemmCase checks one product against float64, with guards and strides.
func gemmCase(t *testing.T, s *Set, key rng.Key, m, n, k int, transA, transB, acc bool, gap int) {
	t.Helper()
	what := fmt.Sprintf("m=%d n=%d k=%d transA=%v transB=%v acc=%v gap=%d", m, n, k, transA, transB, acc, gap)
	la, lb, lc := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
	normals(key.Split("a"), la)
	normals(key.Split("b"), lb)
	normals(key.Split("c"), lc)
	ar, ac, br, bc := m, k, k, n
	if transA {
		ar, ac = ac, ar
	}
	if transB {
		br, bc = bc, br
	}
	lda, ldb, ldc := ac+gap, bc+gap, n+gap
	a, checkA := guarded(extent(ar, ac, lda), gap)
	b, checkB := guarded(extent(br, bc, ldb), gap)
	c, checkC := guarded(extent(m, n, ldc), gap+1)
	put(a, la, m, k, lda, transA)
	put(b, lb, k, n, ldb, transB)
	if acc {
		put(c, lc, m, n, ldc, false)
	}
	var ws Workspace
	s.Gemm(transA, transB, m, n, k, a, lda, b, ldb, acc, c, ldc, &ws)
	checkA(t, what)
	checkB(t, what)
	checkC(t, what)
	for i := range m {
		for j := range n {
			var want, size float64
			if acc {
				want = float64(lc[i*n+j])
				size = math.Abs(want)
			}
			for l := range k {
				p := float64(la[i*k+l]) * float64(lb[l*n+j])
				want += p
				size += math.Abs(p)
			}
			got := float64(c[i*ldc+j])
			if !(math.Abs(got-want) <= 0x1p-23*size*(2+math.Sqrt(float64(k)))) {
				t.Fatalf("%s: c[%d][%d] = %v, want %v", what, i, j, got, want)
			}
		}
		for j := n; j < ldc && i*ldc+j < len(c); j++ {
			if math.Float32bits(c[i*ldc+j]) != guard+uint32(gap+1) {
				t.Fatalf("%s: wrote between the rows, row %d column %d", what, i, j)
			}
		}
	}
}

func TestGemm(t *testing.T) {
	key := rng.New(1)
	eachSet(t, func(t *testing.T, s *Set) {
		flags := 0
		next := func(m, n, k int) {
			for range 2 { // each size under two of the combinations, in turn
				flags = (flags + 5) % 16
				gemmCase(t, s, key, m, n, k, flags&1 != 0, flags&2 != 0, flags&4 != 0, flags>>3*3)
			}
		}
		for v := range 71 {
			next(v, 33, 5)
			next(9, v, 7)
			next(7, 18, v)
			next(v, v, v)
		}
		for f := range 16 {
			flags = f
			next(13, 49, 21)
			next(65, 70, 300) // more than one block of k
			next(30, 64, 257)
		}
		gemmCase(t, s, key, 20, 140, 790, false, true, true, 3) // A is copied
		gemmCase(t, s, key, 790, 140, 21, true, false, true, 0)
		next(2000, 2, 64)
		next(1, 1, 1)
	})
}

// A row's bits depend on nothing but the row: alone, in 7s, all at once, read
// in place or packed, the product is the same.
func TestRowsDoNotMix(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, d := range []struct{ n, k int }{{64, 3}, {64, 64}, {2, 64}, {37, 300}, {160, 160}} {
			const m = 2000
			n, k := d.n, d.k
			a, b, bias := make([]float32, m*k), make([]float32, k*n), make([]float32, n)
			normals(rng.New(2), a)
			normals(rng.New(3), b)
			normals(rng.New(4), bias)
			var ws Workspace
			want, got := make([]float32, m*n), make([]float32, m*n)
			s.Gemm(false, false, m, n, k, a, k, b, n, false, want, n, &ws)
			for _, step := range []int{1, 7} {
				clear(got)
				for i := 0; i < m; i += step {
					r := min(step, m-i)
					s.Gemm(false, false, r, n, k, a[i*k:], k, b, n, false, got[i*n:], n, &ws)
				}
				equalBits(t, fmt.Sprintf("n=%d k=%d, %d rows at a time", n, k, step), got, want)
			}
			packed := make([]float32, s.PackedLen(n, k))
			s.PackB(false, n, k, b, n, packed)
			s.Linear(m, n, k, a, k, packed, nil, None, got, n, nil, 0, &ws)
			equalBits(t, "packed", got, want)
			for act := None; act <= Sigmoid; act++ {
				s.Linear(m, n, k, a, k, packed, bias, act, want, n, nil, 0, &ws)
				for i := 0; i < m; i += 7 {
					r := min(7, m-i)
					s.Linear(r, n, k, a[i*k:], k, packed, bias, act, got[i*n:], n, nil, 0, &ws)
				}
				equalBits(t, "Linear "+act.String(), got, want)
			}
		}
	})
}

func equalBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if !same(got[i], want[i]) {
			t.Fatalf("%s: element %d is %v (%#x), want %v (%#x)", what, i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

func TestLinear(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, d := range []struct{ m, n, k, gap int }{{1, 1, 1, 0}, {5, 2, 3, 1}, {256, 64, 3, 0}, {67, 33, 20, 2}, {40, 70, 300, 0}, {9, 5, 0, 1}} {
			m, n, k := d.m, d.n, d.k
			a, checkA := guarded(m*k, 0)
			b := make([]float32, k*n)
			normals(rng.New(5), a)
			normals(rng.New(6), b)
			bias, checkBias := guarded(n, 1)
			normals(rng.New(7), bias)
			packed, checkPacked := guarded(s.PackedLen(n, k), 3)
			s.PackB(false, n, k, b, n, packed)
			ld := n + d.gap
			for act := None; act <= Sigmoid; act++ {
				for _, keep := range []bool{false, true} {
					what := fmt.Sprintf("%+v %v pre=%v", d, act, keep)
					y, checkY := guarded(extent(m, n, ld), 1)
					pre, checkPre := guarded(extent(m, n, ld), 2)
					var ws Workspace
					if keep {
						s.Linear(m, n, k, a, k, packed, bias, act, y, ld, pre, ld, &ws)
					} else {
						s.Linear(m, n, k, a, k, packed, bias, act, y, ld, nil, 0, &ws)
					}
					checkA(t, what)
					checkBias(t, what)
					checkPacked(t, what)
					checkY(t, what)
					checkPre(t, what)
					z := make([]float32, n)
					for i := range m {
						for j := range n {
							t := float64(bias[j])
							for l := range k {
								t += float64(a[i*k+l]) * float64(b[l*n+j])
							}
							z[j] = float32(t)
						}
						if keep {
							near(t, what+": pre", pre[i*ld:i*ld+n], z, 2e-5)
						}
						s.Activate(act, z, z)
						near(t, what, y[i*ld:i*ld+n], z, 2e-5)
					}
				}
			}
		}
	})
}

func near(t *testing.T, what string, got, want []float32, tol float64) {
	t.Helper()
	for i := range want {
		if !(math.Abs(float64(got[i])-float64(want[i])) <= tol*(1+math.Abs(float64(want[i])))) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// The two assembly sets do the same operations in the same order.
func TestSetsAgreeOnProducts(t *testing.T) {
	wide, err := Named("avx512")
	if err != nil {
		t.Skip(err)
	}
	half, _ := Named("avx2")
	const m, n, k = 50, 45, 270
	a, b := make([]float32, m*k), make([]float32, k*n)
	normals(rng.New(8), a)
	normals(rng.New(9), b)
	got, want := make([]float32, m*n), make([]float32, m*n)
	var ws Workspace
	wide.Gemm(false, true, m, n, k, a, k, b, k, false, got, n, &ws)
	half.Gemm(false, true, m, n, k, a, k, b, k, false, want, n, &ws)
	equalBits(t, "avx512 against avx2", got, want)
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		const m, n, k = 40, 130, 140
		a, b, c := make([]float32, m*k), make([]float32, n*k), make([]float32, m*n)
		packed := make([]float32, s.PackedLen(n, k))
		bias := make([]float32, n)
		var ws Workspace
		if got := testing.AllocsPerRun(3, func() {
			s.Gemm(false, true, m, n, k, a, k, b, k, true, c, n, &ws)
			s.PackB(true, n, k, b, k, packed)
			s.Linear(m, n, k, a, k, packed, bias, SiLU, c, n, nil, 0, &ws)
			s.ColSum(bias, c, m, n)
			s.Sin(c, c)
			s.AdamW(c, c, c, c, nil, AdamWStep{})
			_ = s.Sum(c) + s.Dot(c, c) + s.SumSq(c)
		}); got != 0 {
			t.Errorf("%v allocations, want none", got)
		}
	})
}

func TestNamed(t *testing.T) {
	if s, err := Named("auto"); err != nil || s != Best() {
		t.Errorf("Named(auto) = %v, %v", s, err)
	}
	all := Available()
	if got := all[len(all)-1].Name(); got != "go" {
		t.Errorf("the last set is %q, want the reference", got)
	}
	_, err := Named("sse")
	if err == nil {
		t.Fatal("Named(sse) gave no error")
	}
	for _, s := range all {
		if want := s.Name(); !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not list %q", err, want)
		}
	}
}
