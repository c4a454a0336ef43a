//go:build amd64 && !purego

package lap

import (
	"fmt"
	"math"
	"testing"

	"laminar/rng"
)

// eachLevel runs f on every kernel set this machine has.
func eachLevel(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	best := level
	defer func() { level = best }()
	for l := range levelAVX512 + 1 {
		if l <= best {
			level = l
			f(t)
		}
	}
}

const guard = -12345

// guarded returns n elements between guard words, and a check of the words.
func guarded[T float32 | float64 | int64](n int) ([]T, func() bool) {
	all := make([]T, n+64)
	for i := range all {
		all[i] = guard
	}
	return all[32 : 32+n : 32+n], func() bool {
		for i, v := range all {
			if (i < 32 || i >= 32+n) && v != guard {
				return false
			}
		}
		return true
	}
}

func TestScansEqualPlainGo(t *testing.T) {
	key := rng.New(1)
	for n := 1; n <= 131; n++ {
		for _, grid := range []bool{false, true} {
			s := key.At(uint64(n)).Stream()
			c, _ := guarded[float32](n)
			p, _ := guarded[float32](n)
			v, _ := guarded[float64](n)
			s.Normal(c)
			s.Normal(p)
			for j := range c {
				v[j] = s.NormFloat64()
				if grid { // many ties
					c[j], p[j], v[j] = float32(s.IntN(3)), float32(s.IntN(2)), float64(s.IntN(2))
				}
			}
			const d = 3
			stride := n + 5
			yt := make([]float32, d*stride)
			x := make([]float32, d)
			s.Normal(yt)
			s.Normal(x)

			a1, a2, aj := bestTwo32Go(c, p)
			b1, b2, bj := bestTwo64Go(c, v)
			lo, hi, nan := rangeGo(c)
			eachLevel(t, func(t *testing.T) {
				if m1, m2, j := bestTwo32(c, p); m1 != a1 || m2 != a2 || j != aj {
					t.Fatalf("n=%d bestTwo32 = %v %v %d, want %v %v %d", n, m1, m2, j, a1, a2, aj)
				}
				if m1, m2, j := bestTwo64(c, v); m1 != b1 || m2 != b2 || j != bj {
					t.Fatalf("n=%d bestTwo64 = %v %v %d, want %v %v %d", n, m1, m2, j, b1, b2, bj)
				}
				if l, h, s := rangeOf(c); l != lo || h != hi || s != nan {
					t.Fatalf("n=%d rangeOf = %v %v %v, want %v %v %v", n, l, h, s, lo, hi, nan)
				}
				for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
					old := c[n/2]
					c[n/2] = bad
					if _, _, s := rangeOf(c); s == 0 {
						t.Fatalf("n=%d rangeOf missed %v", n, bad)
					}
					c[n/2] = old
				}
				for _, root := range []bool{false, true} {
					want := make([]float32, n)
					got, ok := guarded[float32](n)
					distRowGo(want, yt, x, stride, root)
					distRow(got, yt, x, stride, root)
					for j := range want {
						if got[j] != want[j] {
							t.Fatalf("n=%d root=%v dist[%d] = %v, want %v", n, root, j, got[j], want[j])
						}
					}
					if !ok() {
						t.Fatalf("n=%d distRow wrote outside its row", n)
					}
				}
				key, ok1 := guarded[float64](n)
				pred, ok2 := guarded[int64](n)
				wkey, wpred := make([]float64, n), make([]int64, n)
				r := rng.New(7).At(uint64(n)).Stream()
				for j := range key {
					key[j] = r.NormFloat64()
					if j%3 == 0 {
						key[j] = math.Inf(1)
					}
					if grid {
						key[j] = float64(r.IntN(3))
					}
					wkey[j], pred[j], wpred[j] = key[j], 5, 5
				}
				wl, wj := relax64Go(c, v, wkey, wpred, .25, 77)
				gl, gj := relax64(c, v, key, pred, .25, 77)
				if wl != gl || wj != gj || !ok1() || !ok2() {
					t.Fatalf("n=%d relax = %v %d, want %v %d; guards %v %v", n, gl, gj, wl, wj, ok1(), ok2())
				}
				for j := range key {
					if key[j] != wkey[j] || pred[j] != wpred[j] {
						t.Fatalf("n=%d relax column %d: %v %d, want %v %d", n, j, key[j], pred[j], wkey[j], wpred[j])
					}
				}
			})
		}
	}
}

func TestKernelSetsAgree(t *testing.T) {
	for _, n := range []int{1, 7, 64, 101} {
		for _, f := range families {
			c := fill(n, f.cost(n, rng.New(11)))
			var first string
			eachLevel(t, func(t *testing.T) {
				match := make([]int32, n)
				r, err := new(Solver).Assign(c, n, match)
				if err != nil {
					t.Fatal(err)
				}
				got := fmt.Sprint(match, r)
				if first == "" {
					first = got
				}
				if got != first {
					t.Errorf("%s n=%d: level %d answers\n%s\nplain Go\n%s", f.name, n, level, got, first)
				}
			})
		}
	}
}
