package coupling_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"laminar/coupling"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

func Example() {
	pairer, err := coupling.New(coupling.Defaults())
	if err != nil {
		fmt.Println(err)
		return
	}
	x0, _ := tensor.FromRows([][]float32{{0, 0}, {5, 5}, {9, 9}})
	x1, _ := tensor.FromRows([][]float32{{8, 8}, {1, 1}, {4, 4}})
	var p flow.Pairs
	if err := pairer.Pair(&p, x0, x1, flow.Cond{}, rng.New(1)); err != nil {
		fmt.Println(err)
	}
	for k := range p.I {
		fmt.Println(x0.Row(int(p.I[k])), x1.Row(int(p.J[k])))
	}
	// Output:
	// [0 0] [1 1]
	// [5 5] [4 4]
	// [9 9] [8 8]
}

func ExampleCatalogue() {
	for _, e := range coupling.Catalogue() {
		fmt.Println(e.Name)
	}
	// Output:
	// independent
	// ot
	// c2ot
	// semidiscrete
	// sinkhorn
	// unbalanced
	// partial
}

func points(n, d int, seed uint64) tensor.Mat {
	x := tensor.New(n, d)
	s := rng.New(seed).Stream()
	s.Normal(x.Data)
	return x
}

func cost(p flow.Pairs, x0, x1 tensor.Mat, root bool) float64 {
	var sum float64
	for k := range p.I {
		var sq float64
		for j, v := range x0.Row(int(p.I[k])) {
			e := float64(v) - float64(x1.At(int(p.J[k]), j))
			sq += e * e
		}
		if root {
			sq = math.Sqrt(sq)
		}
		sum += sq
	}
	return sum
}

// bestOf returns the least cost over all permutations.
func bestOf(x0, x1 tensor.Mat, root bool) float64 {
	n := x0.N
	p := flow.Pairs{I: make([]int32, n), J: make([]int32, n)}
	for i := range n {
		p.I[i], p.J[i] = int32(i), int32(i)
	}
	best := math.Inf(1)
	var try func(k int)
	try = func(k int) {
		if k == n {
			best = min(best, cost(p, x0, x1, root))
			return
		}
		for i := k; i < n; i++ {
			p.J[k], p.J[i] = p.J[i], p.J[k]
			try(k + 1)
			p.J[k], p.J[i] = p.J[i], p.J[k]
		}
	}
	try(0)
	return best
}

func bijection(t *testing.T, p []int32, n int) {
	t.Helper()
	seen := make([]bool, n)
	for _, j := range p {
		if len(p) != n || j < 0 || int(j) >= n || seen[j] {
			t.Fatalf("no bijection of %d: %v", n, p)
		}
		seen[j] = true
	}
}

// OT is a bijection, costs no more than any other, and does not mind ties,
// equal points or a far common offset.
func TestOT(t *testing.T) {
	for _, name := range []string{"sqeuclidean", "l2"} {
		root := name == "l2"
		ot, err := coupling.NewOT(name)
		if err != nil {
			t.Fatal(err)
		}
		p := flow.Pairs{Weight: make([]float32, 3), Align: func(int, []float32, []float32) {}} // as another coupling left it
		for _, n := range []int{0, 1, 2, 3, 5, 7, 17, 64, 101} {
			for _, kind := range []string{"normal", "grid", "equal", "offset", "line"} {
				x0, x1 := points(n, 2, uint64(n)), points(n, 2, uint64(n)+1000)
				for _, x := range []tensor.Mat{x0, x1} {
					for i, v := range x.Data {
						switch kind {
						case "grid":
							x.Data[i] = float32(math.Round(float64(v)))
						case "equal":
							x.Data[i] = 3
						case "offset":
							x.Data[i] = 4096 + float32(math.Round(float64(v)*256)/256)
						case "line":
							x.Data[i] = x.Data[i-i%2]
						}
					}
				}
				if err := ot.Pair(&p, x0, x1, flow.Cond{}, rng.New(1)); err != nil {
					t.Fatalf("%s of %d: %v", kind, n, err)
				}
				if p.Weight != nil || p.Align != nil {
					t.Fatal("weights or alignment remain")
				}
				bijection(t, p.I, n)
				bijection(t, p.J, n)
				got := cost(p, x0, x1, root)
				var plain flow.Pairs
				if err := (coupling.Independent{}).Pair(&plain, x0, x1, flow.Cond{}, rng.New(1)); err != nil {
					t.Fatal(err)
				}
				if c := cost(plain, x0, x1, root); got > c*(1+1e-6) {
					t.Errorf("%s of %d: costs %v, independent %v", kind, n, got, c)
				} else if kind == "normal" && n > 10 && got > 0.7*c {
					t.Errorf("%s of %d: costs %v, hardly less than independent %v", kind, n, got, c)
				}
				if n <= 7 {
					if want := bestOf(x0, x1, root); math.Abs(got-want) > 1e-5*(1+want) {
						t.Errorf("%s of %d by %s: costs %v, the best %v", kind, n, name, got, want)
					}
				}
			}
		}
	}
}

// The distance and its square ask for different pairs.
func TestCostsDiffer(t *testing.T) {
	x0, _ := tensor.FromRows([][]float32{{0, 0}, {1, 0.9}})
	x1, _ := tensor.FromRows([][]float32{{1, 0}, {2.2, 0.1}})
	var sq, l2 flow.Pairs
	for name, p := range map[string]*flow.Pairs{"sqeuclidean": &sq, "l2": &l2} {
		ot, err := coupling.NewOT(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := ot.Pair(p, x0, x1, flow.Cond{}, rng.Key{}); err != nil {
			t.Fatal(err)
		}
		if got, want := cost(*p, x0, x1, name == "l2"), bestOf(x0, x1, name == "l2"); math.Abs(got-want) > 1e-6 {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	far0, _ := tensor.FromRows([][]float32{{0, 0}, {1, 0}})
	far1, _ := tensor.FromRows([][]float32{{1, 0}, {2, 0.3}})
	for name, want := range map[string]int32{"sqeuclidean": 0, "l2": 1} {
		ot, _ := coupling.NewOT(name)
		var p flow.Pairs
		if err := ot.Pair(&p, far0, far1, flow.Cond{}, rng.Key{}); err != nil || p.J[0] != want {
			t.Errorf("%s pairs 0 with %d, want %d (%v)", name, p.J[0], want, err)
		}
	}
}

func TestOTErrors(t *testing.T) {
	ot, _ := coupling.NewOT("l2")
	var p flow.Pairs
	bad := points(4, 2, 1)
	bad.Data[5] = float32(math.NaN())
	err := ot.Pair(&p, points(4, 2, 2), bad, flow.Cond{}, rng.Key{})
	if !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), "x1 row 2, column 1") {
		t.Error(err)
	}
	for _, pairer := range []flow.Pairer{ot, coupling.Independent{}} {
		if err := pairer.Pair(&p, points(4, 2, 1), points(3, 2, 1), flow.Cond{}, rng.Key{}); !errors.Is(err, flow.ErrShape) {
			t.Error(err)
		}
	}
	err = coupling.Config{Name: "sinkhorn", Cost: "l1", Block: 1, Epsilon: 0.1, Scale: "std"}.Validate()
	for _, want := range []string{`"l1"; choose one of sqeuclidean, l2`} {
		if !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing from %v", want, err)
		}
	}
	if pairer, err := coupling.New(coupling.Config{Name: "ot", Cost: "l1"}); err == nil || pairer != nil {
		t.Error("l1 was accepted")
	}
	if _, err := coupling.NewOT("l1"); err == nil {
		t.Error("l1 was accepted")
	}
}

// One OT serves many goroutines, and allocates nothing once warm.
func TestOTConcurrent(t *testing.T) {
	ot, _ := coupling.NewOT("sqeuclidean")
	x0, x1 := points(60, 2, 1), points(60, 2, 2)
	var want flow.Pairs
	if err := ot.Pair(&want, x0, x1, flow.Cond{}, rng.Key{}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var p flow.Pairs
			for range 5 {
				if err := ot.Pair(&p, x0, x1, flow.Cond{}, rng.Key{}); err != nil {
					t.Error(err)
				}
				for k := range p.J {
					if p.J[k] != want.J[k] {
						t.Error("pairs differ between goroutines")
						return
					}
				}
			}
		})
	}
	wg.Wait()
	if n := testing.AllocsPerRun(20, func() {
		if err := ot.Pair(&want, x0, x1, flow.Cond{}, rng.Key{}); err != nil {
			t.Fatal(err)
		}
	}); n != 0 && !racing {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkOT256(b *testing.B) {
	ot, _ := coupling.NewOT("sqeuclidean")
	x0, x1 := points(256, 2, 1), points(256, 2, 2)
	var p flow.Pairs
	b.ReportAllocs()
	for b.Loop() {
		if err := ot.Pair(&p, x0, x1, flow.Cond{}, rng.Key{}); err != nil {
			b.Fatal(err)
		}
	}
}
