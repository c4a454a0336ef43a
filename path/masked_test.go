package path_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"laminar/flow"
	"laminar/path"
	"laminar/rng"
	"laminar/tensor"
)

// A value and a choice of three: at t = 0 it is masked, at t = 1 it is made.
func ExampleMasked() {
	p := path.Masked{Of: path.Linear{}, Choices: []flow.Choice{{Offset: 1, Options: 3, Lo: -1, Hi: 2}}}
	x0, _ := tensor.FromRows([][]float32{{0, 9, 9, 9}, {0, 9, 9, 9}})
	x1, _ := tensor.FromRows([][]float32{{4, -1, 2, -1}, {4, -1, 2, -1}})
	xt, ut := tensor.New(2, 4), tensor.New(2, 4)
	if err := p.At(xt, ut, x0, x1, []float32{0, 1}, rng.New(1)); err != nil {
		fmt.Println(err)
	}
	fmt.Println(xt.Row(0), ut.Row(0))
	fmt.Println(xt.Row(1), ut.Row(1))
	// Output:
	// [0 0 0 0] [4 -1 2 -1]
	// [4 -1 2 -1] [4 0 0 0]
}

// Each choice is made at time t with the chance t/By, whatever the others are; values go
// along the path within, and rows do not depend on each other.
func TestMasked(t *testing.T) {
	const n, dim = 20000, 6
	p := path.Masked{Of: path.Linear{Sigma: 0.1}, Choices: []flow.Choice{
		{Offset: 1, Options: 2, Lo: -1, Hi: 1}, {Offset: 2, Options: 3, Lo: -1, Hi: 2, By: 0.4},
	}}
	x0, x1 := tensor.New(n, dim), tensor.New(n, dim)
	s := rng.New(1).Stream()
	s.Normal(x0.Data)
	s.Normal(x1.Data)
	at := make([]float32, n)
	path.Uniform{}.Times(at, rng.New(2))
	for i := range n {
		x := x1.Row(i)
		x[1] = float32(2*(i%2) - 1)
		x[2], x[3], x[4] = -1, -1, -1
		x[2+i%3] = 2
	}
	xt, ut := tensor.New(n, dim), tensor.New(n, dim)
	if err := p.At(xt, ut, x0, x1, at, rng.New(3)); err != nil {
		t.Fatal(err)
	}
	wantX, wantU := tensor.New(n, dim), tensor.New(n, dim)
	if err := p.Of.At(wantX, wantU, x0, x1, at, rng.New(3)); err != nil {
		t.Fatal(err)
	}
	early, both := [2]float64{}, 0.0 // made at t below a half, less their chances
	for i := range n {
		for _, j := range []int{0, 5} {
			if xt.At(i, j) != wantX.At(i, j) || ut.At(i, j) != wantU.At(i, j) {
				t.Fatalf("row %d: the value %d is not that of the path within", i, j)
			}
		}
		var made [2]float64
		for k, c := range p.Choices {
			lo, hi := c.Offset, c.Offset+c.Width()
			x, u, end := xt.Row(i)[lo:hi], ut.Row(i)[lo:hi], x1.Row(i)[lo:hi]
			if slices.Equal(x, end) {
				made[k] = 1
			}
			for j := range x {
				want := end[j] / (1 - at[i])
				if made[k] == 1 {
					want = 0
				} else if x[j] != 0 {
					t.Fatalf("row %d: choice %d is %v", i, k, x)
				}
				if u[j] != want {
					t.Fatalf("row %d: choice %d of %v moves by %v", i, k, x, u)
				}
			}
			if at[i] < 0.5 {
				early[k] += made[k] - min(float64(at[i])/c.End(), 1)
			}
			if made[k] == 0 && float64(at[i]) > c.End() {
				t.Fatalf("row %d: choice %d is masked at t=%v", i, k, at[i])
			}
		}
		both += made[0]*made[1] - float64(at[i])*min(float64(at[i])/0.4, 1)
	}
	if bound := 4 * math.Sqrt(n/2*0.25); math.Abs(early[0]) > bound || math.Abs(early[1]) > bound || math.Abs(both) > 4*math.Sqrt(n*0.25) {
		t.Errorf("more choices are made than their chances by %v early and %v of both, within %v", early, both, bound)
	}
	one, move := tensor.New(1, dim), tensor.New(1, dim)
	if err := p.At(one, move, x0.Rows(0, 1), x1.Rows(0, 1), at[:1], rng.New(3)); err != nil || !slices.Equal(one.Data, xt.Row(0)) {
		t.Errorf("a row alone is %v, %v, among others %v", one.Data, err, xt.Row(0))
	}
}

func TestMaskedErrors(t *testing.T) {
	x := tensor.New(1, 4)
	at := func(d int, choices ...flow.Choice) error {
		p := path.Masked{Of: path.Linear{}, Choices: choices}
		return p.At(tensor.New(1, 4), tensor.New(1, 4), x, tensor.New(1, d), []float32{0}, rng.New(1))
	}
	if err := at(3); !errors.Is(err, flow.ErrShape) {
		t.Errorf("%v", err)
	}
	for _, c := range []flow.Choice{{Offset: 2, Options: 3, Lo: -1, Hi: 1}, {Offset: 2, Options: 2, Lo: -1, Hi: 1, By: 1.5}} {
		if err := at(4, c); !errors.Is(err, flow.ErrConfig) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
