package coupling_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"laminar/coupling"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

const (
	atomRoom  = 6
	atomWidth = 3 + 2 + 1
)

// Noise and a molecule of two atoms: the molecule is renumbered and turned so that
// its atoms come to lie where the noise is.
func ExampleAtoms() {
	c, err := coupling.NewAtoms(coupling.Defaults(), 2, 4)
	if err != nil {
		fmt.Println(err)
		return
	}
	x0 := tensor.New(1, 8)
	x1 := tensor.New(1, 8)
	copy(x0.Data, []float32{0, 2, 0, 1, 0, -2, 0, 1})
	copy(x1.Data, []float32{1, 0, 0, 1, -1, 0, 0, 1})
	var p flow.Pairs
	if err := c.Pair(&p, x0, x1, flow.Cond{}, rng.New(1)); err != nil {
		fmt.Println(err)
		return
	}
	p.Align(0, x0.Row(0), x1.Row(0))
	for i := range 2 {
		fmt.Printf("noise at y = %.0f, atom at y = %.0f\n", x0.Row(0)[4*i+1], x1.Row(0)[4*i+1])
	}
	// Output:
	// noise at y = 2, atom at y = 1
	// noise at y = -2, atom at y = -1
}

func atomsOf(t *testing.T, name string) *coupling.Atoms {
	t.Helper()
	c := coupling.Defaults()
	c.Name = name
	a, err := coupling.NewAtoms(c, atomRoom, atomWidth)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// aligned returns copies of both rows after the pairer has aligned them.
func aligned(t *testing.T, a *coupling.Atoms, x0, x1 []float32) (y0, y1 []float32) {
	t.Helper()
	m0, m1 := tensor.New(1, len(x0)), tensor.New(1, len(x1))
	copy(m0.Data, x0)
	copy(m1.Data, x1)
	var p flow.Pairs
	if err := a.Pair(&p, m0, m1, flow.Cond{}, rng.New(1)); err != nil {
		t.Fatal(err)
	}
	p.Align(0, m0.Row(0), m1.Row(0))
	return m0.Data, m1.Data
}

// someAtoms is a row of n atoms about their centre, with elements, and of noise in
// the room that is left if noisy.
func someAtoms(key rng.Key, n int, noisy bool) []float32 {
	x := make([]float32, atomRoom*atomWidth)
	s := key.Stream()
	for a := range atomRoom {
		at := x[a*atomWidth : (a+1)*atomWidth]
		if a < n || noisy {
			s.Normal(at)
		}
		at[atomWidth-1] = 0
		if a < n {
			at[atomWidth-1] = 1
			if !noisy {
				clear(at[3:5])
				at[3+s.IntN(2)] = 1
			}
		}
	}
	for k := range 3 {
		mean := float32(0)
		for a := range n {
			mean += x[a*atomWidth+k] / float32(n)
		}
		for a := range n {
			x[a*atomWidth+k] -= mean
		}
	}
	return x
}

func distance2(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return sum
}

// TestAtomsFit: the noise gets the atoms of the molecule, with their elements, and is
// centred, and otherwise what it was; the molecule is not touched by an independent pairing.
func TestAtomsFit(t *testing.T) {
	for _, n := range []int{1, 4, 6} {
		x0, x1 := someAtoms(rng.New(1), 3, true), someAtoms(rng.New(2), n, false)
		y0, y1 := aligned(t, atomsOf(t, "independent"), x0, x1)
		if !slices.Equal(y1, x1) {
			t.Errorf("%d atoms: the molecule changed", n)
		}
		var mean [3]float64
		for a := range atomRoom {
			at := y0[a*atomWidth : (a+1)*atomWidth]
			if a >= n {
				if !slices.Equal(at, make([]float32, atomWidth)) {
					t.Errorf("%d atoms: noise %v at atom %d", n, at, a)
				}
				continue
			}
			if !slices.Equal(at[3:], x1[a*atomWidth+3:(a+1)*atomWidth]) {
				t.Errorf("%d atoms: noise %v at atom %d", n, at, a)
			}
			for k := range 3 {
				mean[k] += float64(at[k])
				if a > 0 {
					was := x0[a*atomWidth+k] - x0[k]
					if d := at[k] - y0[k] - was; math.Abs(float64(d)) > 1e-5 {
						t.Errorf("%d atoms: atom %d moved by %v against the first", n, a, d)
					}
				}
			}
		}
		for k := range 3 {
			if math.Abs(mean[k]) > 1e-5 {
				t.Errorf("%d atoms: centre %v", n, mean)
			}
		}
	}
}

// TestAtomsRecover: a molecule that was turned and renumbered is brought back.
func TestAtomsRecover(t *testing.T) {
	for trial := range 50 {
		key := rng.New(7).At(uint64(trial))
		n := 3 + trial%4
		x0 := someAtoms(key, n, false)
		x1 := make([]float32, len(x0))
		s := key.Split("turn").Stream()
		order := make([]int, n)
		for i := range order { // among the atoms of an element: the noise takes its elements over
			order[i] = i
			if j := s.IntN(i + 1); x0[j*atomWidth+3] == x0[i*atomWidth+3] {
				order[i], order[j] = order[j], order[i]
			}
		}
		turn := anyRotation(&s)
		for i, j := range order {
			from, to := x0[j*atomWidth:], x1[i*atomWidth:(i+1)*atomWidth]
			copy(to, from)
			for k := range 3 {
				to[k] = float32(turn[k][0]*float64(from[0]) + turn[k][1]*float64(from[1]) + turn[k][2]*float64(from[2]))
			}
		}
		y0, y1 := aligned(t, atomsOf(t, "ot"), x0, x1)
		if d := distance2(y0, y1); d > 1e-8 {
			t.Errorf("trial %d, %d atoms: still %v apart", trial, n, d)
		}
	}
}

// TestAtomsNeverWorse: the cost is at most that of the rows as they stand, and on
// average far below; distances within the molecule stay, and so do its elements.
func TestAtomsNeverWorse(t *testing.T) {
	var before, after float64
	for trial := range 200 {
		key := rng.New(9).At(uint64(trial))
		n := 1 + trial%atomRoom
		x0, x1 := someAtoms(key.Split("noise"), n, true), someAtoms(key.Split("molecule"), n, false)
		i0, i1 := aligned(t, atomsOf(t, "independent"), x0, x1)
		y0, y1 := aligned(t, atomsOf(t, "ot"), x0, x1)
		if !slices.Equal(i0, y0) {
			t.Fatalf("trial %d: the noise was moved", trial)
		}
		was, is := distance2(i0, i1), distance2(y0, y1)
		for a := range atomRoom {
			if lo, hi := a*atomWidth+3, (a+1)*atomWidth; !slices.Equal(y1[lo:hi], y0[lo:hi]) {
				t.Errorf("trial %d: atom %d is %v beside the noise of %v", trial, a, y1[lo:hi], y0[lo:hi])
			}
		}
		if is > was*(1+1e-6) {
			t.Errorf("trial %d, %d atoms: cost %v, without %v", trial, n, is, was)
		}
		before, after = before+was, after+is
		if a, b := spectrum(x1, n), spectrum(y1, n); distance2(a, b) > 1e-6 {
			t.Errorf("trial %d: distances were %v, are %v", trial, a, b)
		}
	}
	if !(after < 0.75*before) {
		t.Errorf("costs of %v became %v", before, after)
	}
}

// spectrum lists all distances and numbers of each element, sorted.
func spectrum(x []float32, n int) []float32 {
	var out []float32
	for i := range n {
		at := x[i*atomWidth:]
		out = append(out, 100*at[3])
		for j := range i {
			out = append(out, float32(math.Sqrt(distance2(at[:3], x[j*atomWidth:j*atomWidth+3]))))
		}
	}
	slices.Sort(out)
	return out
}

func anyRotation(s *rng.Stream) (r [3][3]float64) {
	var q [4]float64
	norm := 0.0
	for i := range q {
		q[i] = s.NormFloat64()
		norm += q[i] * q[i]
	}
	for i := range q {
		q[i] /= math.Sqrt(norm)
	}
	w, x, y, z := q[0], q[1], q[2], q[3]
	return [3][3]float64{
		{1 - 2*(y*y+z*z), 2 * (x*y - w*z), 2 * (x*z + w*y)},
		{2 * (x*y + w*z), 1 - 2*(x*x+z*z), 2 * (y*z - w*x)},
		{2 * (x*z - w*y), 2 * (y*z + w*x), 1 - 2*(x*x+y*y)},
	}
}

func TestAtomsFaults(t *testing.T) {
	c := coupling.Defaults()
	c.Name = "sinkhorn"
	var f *flow.FieldError
	if _, err := coupling.NewAtoms(c, 2, 4); !errors.As(err, &f) || f.Path != "name" {
		t.Errorf("sinkhorn: %v", err)
	}
	a := atomsOf(t, "ot")
	var p flow.Pairs
	if err := a.Pair(&p, tensor.New(2, 5), tensor.New(2, 5), flow.Cond{}, rng.New(1)); !errors.Is(err, flow.ErrShape) {
		t.Errorf("rows of 5: %v", err)
	}
	bad := tensor.New(1, atomRoom*atomWidth)
	bad.Data[0] = float32(math.NaN())
	if err := a.Pair(&p, tensor.New(1, bad.D), bad, flow.Cond{}, rng.New(1)); !errors.Is(err, flow.ErrFormat) {
		t.Errorf("NaN: %v", err)
	}
}
