package path_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"laminar/flow"
	"laminar/path"
	"laminar/rng"
	"laminar/tensor"
)

func Example() {
	p, err := path.New(path.Defaults())
	if err != nil {
		fmt.Println(err)
		return
	}
	x0, _ := tensor.FromRows([][]float32{{0, 0}, {0, 0}})
	x1, _ := tensor.FromRows([][]float32{{4, 8}, {4, 8}})
	xt, ut := tensor.New(2, 2), tensor.New(2, 2)
	if err := p.At(xt, ut, x0, x1, []float32{0.25, 1}, rng.New(1)); err != nil {
		fmt.Println(err)
	}
	fmt.Println(xt.Row(0), ut.Row(0))
	fmt.Println(xt.Row(1), ut.Row(1))
	// Output:
	// [1 2] [4 8]
	// [4 8] [4 8]
}

func ExampleUniform() {
	t := make([]float32, 3)
	path.Uniform{}.Times(t, rng.New(7))
	again := make([]float32, 2)
	path.Uniform{}.Times(again, rng.New(7))
	fmt.Println(t[0] == again[0], t[1] == again[1])
	// Output: true true
}

// The noise has the right size, moves x_t only, and belongs to its row.
func TestSigma(t *testing.T) {
	const n, sigma = 20000, 0.3
	p, err := path.New(noisy(sigma))
	if err != nil {
		t.Fatal(err)
	}
	x0, x1 := tensor.New(n, 2), tensor.New(n, 2)
	s := rng.New(1).Stream()
	s.Normal(x0.Data)
	s.Normal(x1.Data)
	at := make([]float32, n)
	path.Uniform{}.Times(at, rng.New(2))
	xt, ut := tensor.New(n, 2), tensor.New(n, 2)
	if err := p.At(xt, ut, x0, x1, at, rng.New(3)); err != nil {
		t.Fatal(err)
	}
	var sum, sq float64
	for i := range n {
		for j := range 2 {
			if ut.At(i, j) != x1.At(i, j)-x0.At(i, j) {
				t.Fatal("u is not x1 - x0")
			}
			e := float64(xt.At(i, j) - ((1-at[i])*x0.At(i, j) + at[i]*x1.At(i, j)))
			sum, sq = sum+e, sq+e*e
		}
	}
	if std := math.Sqrt(sq / (2 * n)); math.Abs(std-sigma) > 0.005 || math.Abs(sum/(2*n)) > 0.01 {
		t.Errorf("noise has mean %.4f and deviation %.4f", sum/(2*n), std)
	}
	few, fu := tensor.New(5, 2), tensor.New(5, 2)
	if err := p.At(few, fu, x0.Rows(0, 5), x1.Rows(0, 5), at[:5], rng.New(3)); err != nil {
		t.Fatal(err)
	}
	for i, v := range few.Data {
		if v != xt.Data[i] {
			t.Fatal("a row's noise depends on the other rows")
		}
	}
}

func TestUniformTimes(t *testing.T) {
	at := make([]float32, 100000)
	path.Uniform{}.Times(at, rng.New(5))
	var bins [10]int
	for _, v := range at {
		if v < 0 || v >= 1 {
			t.Fatalf("time %v", v)
		}
		bins[int(v*10)]++
	}
	for i, c := range bins {
		if c < 9600 || c > 10400 {
			t.Errorf("bin %d holds %d", i, c)
		}
	}
}

func noisy(sigma float64) path.Config {
	c := path.Defaults()
	c.Sigma = sigma
	return c
}

func TestErrors(t *testing.T) {
	a, b := tensor.New(3, 2), tensor.New(2, 2)
	for _, p := range []flow.Path{path.Linear{}, path.Affine{Schedule: path.Cosine{}}, path.Target{}, path.Bridge{Sigma: 1}} {
		if err := p.At(a, a, a, b, make([]float32, 3), rng.Key{}); !errors.Is(err, flow.ErrShape) {
			t.Error(err)
		}
		if err := p.At(a, a, a, a, make([]float32, 2), rng.Key{}); !errors.Is(err, flow.ErrShape) {
			t.Error(err)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	p, _ := path.New(noisy(1))
	m := tensor.New(8, 2)
	xt, ut, at := tensor.New(8, 2), tensor.New(8, 2), make([]float32, 8)
	if n := testing.AllocsPerRun(10, func() {
		if err := p.At(xt, ut, m, m, at, rng.New(1)); err != nil {
			t.Fatal(err)
		}
		path.Uniform{}.Times(at, rng.New(1))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
