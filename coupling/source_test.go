package coupling_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"laminar/coupling"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// cloud is N(shift, I) with conditions that can be read off the point: its
// class is whether x > shift, its real condition is 2x, its mask and observed
// values are x+1 and x+2 throughout.
type cloud struct {
	dim   int
	shift float32
	spec  flow.CondSpec
	fail  int // the draw that fails, 0 for none
}

var errDraw = errors.New("draw failed")

func (c cloud) Dim() int                { return c.dim }
func (c cloud) Len() int                { return 0 }
func (c cloud) CondSpec() flow.CondSpec { return c.spec }

func (c cloud) Draw(dst flow.Sample, key rng.Key, i int) error {
	if c.fail > 0 && i == c.fail {
		return errDraw
	}
	s := key.At(uint64(i)).Stream()
	s.Normal(dst.X.Data)
	for r := range dst.X.N {
		row := dst.X.Row(r)
		for j := range row {
			row[j] += c.shift
		}
		if c.spec.Classes > 0 {
			dst.Cond.Class[r] = class(row[0], c.shift)
		}
		if c.spec.Real > 0 {
			dst.Cond.Real.Row(r)[0] = 2 * row[0]
		}
		if c.spec.Mask {
			for j, v := range row {
				dst.Cond.Mask.Row(r)[j], dst.Cond.Observed.Row(r)[j] = v+1, v+2
			}
		}
	}
	return nil
}

func class(v, shift float32) int32 {
	if v > shift {
		return 1
	}
	return 0
}

func ExampleSource() {
	noise, data := cloud{dim: 2}, cloud{dim: 2, shift: 5}
	ot, err := coupling.NewOT("sqeuclidean")
	if err != nil {
		fmt.Println(err)
		return
	}
	pairs, err := coupling.NewSource(noise, data, ot)
	if err != nil {
		fmt.Println(err)
		return
	}
	a, b := flow.NewBatch(256, 2, pairs.CondSpec()), flow.NewBatch(256, 2, pairs.CondSpec())
	if err := errors.Join(pairs.Fill(&a, rng.New(1), 17), pairs.Fill(&b, rng.New(1), 17)); err != nil {
		fmt.Println(err)
	}
	fmt.Println(slices.Equal(a.X0.Data, b.X0.Data), slices.Equal(a.X1.Data, b.X1.Data))
	// Output: true true
}

func ExampleAhead() {
	pairs, err := coupling.NewSource(cloud{dim: 2}, cloud{dim: 2, shift: 5}, coupling.Independent{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ahead, err := coupling.NewAhead(context.Background(), pairs, rng.New(1), coupling.AheadDefaults(64))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ahead.Close()
	for range 3 {
		b, err := ahead.Next()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(b.X0.N, b.X1.D)
	}
	// Output:
	// 64 2
	// 64 2
	// 64 2
}

// Every batch is a rearrangement of what the two data sets drew, and each row of
// data keeps its conditions.
func TestSource(t *testing.T) {
	spec := flow.CondSpec{Classes: 2, Real: 1, Mask: true}
	noise, data := cloud{dim: 2, spec: flow.CondSpec{Classes: 2}}, cloud{dim: 2, shift: 3, spec: spec}
	ot, _ := coupling.NewOT("l2")
	for _, pairer := range []flow.Pairer{ot, coupling.Independent{}} {
		src, err := coupling.NewSource(noise, data, pairer)
		if err != nil || src.Dim() != 2 || src.CondSpec() != spec {
			t.Fatal(src, err)
		}
		const n, i = 50, 4
		other := flow.NewBatch(n+3, 2, spec) // another size, on the same scratch
		if err := src.Fill(&other, rng.New(9), i); err != nil {
			t.Fatal(err)
		}
		key := rng.New(9)
		b := flow.NewBatch(n, 2, spec)
		b.Weight = make([]float32, n) // left by an earlier, weighted batch
		if err := src.Fill(&b, key, i); err != nil {
			t.Fatal(err)
		}
		if b.Weight != nil {
			t.Error("weights remain")
		}
		for name, c := range map[string]struct {
			d flow.Dataset
			x tensor.Mat
		}{"source": {noise, b.X0}, "data": {data, b.X1}} {
			drawn := flow.NewSample(c.d, n)
			if err := c.d.Draw(drawn, key.Split(name), i); err != nil {
				t.Fatal(err)
			}
			want, got := slices.Clone(drawn.X.Data), slices.Clone(c.x.Data)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Errorf("%T: %s's rows are not those drawn", pairer, name)
			}
		}
		for k := range n {
			v := b.X1.At(k, 0)
			if b.Cond.Class[k] != class(v, 3) || b.Cond.Real.At(k, 0) != 2*v || b.Cond.Mask.At(k, 0) != v+1 || b.Cond.Observed.At(k, 1) != b.X1.At(k, 1)+2 {
				t.Fatalf("%T: row %d has another row's conditions", pairer, k)
			}
		}
	}
}

// twisted is a Pairer with everything: crossed indices, weights, alignment.
type twisted struct{}

func (twisted) Pair(dst *flow.Pairs, x0, x1 tensor.Mat, _ flow.Cond, _ rng.Key) error {
	dst.I, dst.J, dst.Weight = dst.I[:0], dst.J[:0], dst.Weight[:0]
	for k := range x0.N {
		dst.I, dst.J = append(dst.I, int32(x0.N-1-k)), append(dst.J, 0)
		dst.Weight = append(dst.Weight, float32(k))
	}
	dst.Align = func(k int, a, b []float32) { b[0] = a[0] + float32(k) }
	return nil
}

func TestIndicesWeightsAndAlignment(t *testing.T) {
	noise, data := cloud{dim: 2}, cloud{dim: 2, shift: 3}
	src, err := coupling.NewSource(noise, data, twisted{})
	if err != nil {
		t.Fatal(err)
	}
	b := flow.NewBatch(6, 2, flow.CondSpec{})
	key := rng.New(3)
	if err := src.Fill(&b, key, 0); err != nil {
		t.Fatal(err)
	}
	x0, x1 := flow.NewSample(noise, 6), flow.NewSample(data, 6)
	if err := errors.Join(noise.Draw(x0, key.Split("source"), 0), data.Draw(x1, key.Split("data"), 0)); err != nil {
		t.Fatal(err)
	}
	for k := range 6 {
		if b.Weight[k] != float32(k) || b.X0.At(k, 1) != x0.X.At(5-k, 1) || b.X1.At(k, 1) != x1.X.At(0, 1) || b.X1.At(k, 0) != b.X0.At(k, 0)+float32(k) {
			t.Fatalf("row %d: %v %v %v", k, b.X0.Row(k), b.X1.Row(k), b.Weight)
		}
	}
}

type wrong struct{ j int32 }

func (w wrong) Pair(dst *flow.Pairs, x0, x1 tensor.Mat, c flow.Cond, k rng.Key) error {
	err := coupling.Independent{}.Pair(dst, x0, x1, c, k)
	if w.j == 0 {
		dst.J = dst.J[:1]
	} else {
		dst.J[1] = w.j
	}
	return err
}

func TestSourceErrors(t *testing.T) {
	if _, err := coupling.NewSource(cloud{dim: 2}, cloud{dim: 3}, coupling.Independent{}); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
	for _, w := range []wrong{{0}, {-1}, {99}} {
		src, _ := coupling.NewSource(cloud{dim: 2}, cloud{dim: 2}, w)
		b := flow.NewBatch(4, 2, flow.CondSpec{})
		if err := src.Fill(&b, rng.Key{}, 3); !errors.Is(err, flow.ErrShape) || !strings.Contains(err.Error(), "batch 3") {
			t.Errorf("%+v: %v", w, err)
		}
	}
	spec := flow.CondSpec{Classes: 2}
	src, _ := coupling.NewSource(cloud{dim: 2}, cloud{dim: 2, spec: spec, fail: 2}, coupling.Independent{})
	for _, b := range []flow.Batch{flow.NewBatch(4, 2, flow.CondSpec{}), flow.NewBatch(4, 3, spec), flow.NewBatch(4, 2, flow.CondSpec{Classes: 2, Real: 1})} {
		if err := src.Fill(&b, rng.Key{}, 0); !errors.Is(err, flow.ErrShape) {
			t.Error(err)
		}
	}
	b := flow.NewBatch(4, 2, spec)
	if err := src.Fill(&b, rng.Key{}, 2); !errors.Is(err, errDraw) || !strings.Contains(err.Error(), "batch 2: data") {
		t.Error(err)
	}
}

func newAhead(t testing.TB, src flow.PairSource, c coupling.AheadConfig) *coupling.Ahead {
	t.Helper()
	a, err := coupling.NewAhead(context.Background(), src, rng.New(5), c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// The batches are those of Fill, in order, from any start, for any number of
// workers.
func TestAheadSameBits(t *testing.T) {
	spec := flow.CondSpec{Classes: 2}
	ot, _ := coupling.NewOT("sqeuclidean")
	src, err := coupling.NewSource(cloud{dim: 2}, cloud{dim: 2, shift: 1, spec: spec}, ot)
	if err != nil {
		t.Fatal(err)
	}
	want := flow.NewBatch(32, 2, spec)
	for _, workers := range []int{1, 2, 5} {
		for _, depth := range []int{1, 4} {
			a := newAhead(t, src, coupling.AheadConfig{Batch: 32, Start: 7, Workers: workers, Depth: depth})
			for i := 7; i < 40; i++ {
				got, err := a.Next()
				if err != nil {
					t.Fatal(err)
				}
				if err := src.Fill(&want, rng.New(5), i); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got.X0.Data, want.X0.Data) || !slices.Equal(got.X1.Data, want.X1.Data) || !slices.Equal(got.Cond.Class, want.Cond.Class) {
					t.Fatalf("%d workers, depth %d: batch %d differs", workers, depth, i)
				}
				clear(got.X0.Data) // a consumer may write into it
			}
			a.Close()
		}
	}
}

// An error comes out at its own index, after all earlier batches, and stays.
func TestAheadError(t *testing.T) {
	src, _ := coupling.NewSource(cloud{dim: 2}, cloud{dim: 2, fail: 6}, coupling.Independent{})
	a := newAhead(t, src, coupling.AheadConfig{Batch: 8, Workers: 3, Depth: 9})
	defer a.Close()
	for i := range 6 {
		if _, err := a.Next(); err != nil {
			t.Fatalf("batch %d: %v", i, err)
		}
	}
	for range 2 {
		if b, err := a.Next(); !errors.Is(err, errDraw) || b != nil {
			t.Errorf("batch 6: %v", err)
		}
	}
}

// Neither Close nor a cancelled context leaves a goroutine behind.
func TestAheadStops(t *testing.T) {
	before := runtime.NumGoroutine()
	src, _ := coupling.NewSource(cloud{dim: 2}, cloud{dim: 2}, coupling.Independent{})
	for i := range 20 {
		ctx, cancel := context.WithCancel(context.Background())
		a, err := coupling.NewAhead(ctx, src, rng.New(1), coupling.AheadConfig{Batch: 8, Workers: 4, Depth: 3})
		if err != nil {
			t.Fatal(err)
		}
		for range i {
			if _, err := a.Next(); err != nil {
				t.Fatal(err)
			}
		}
		if i%2 == 0 {
			cancel()
		} else {
			a.Close()
		}
		if _, err := a.Next(); !errors.Is(err, context.Canceled) {
			t.Errorf("Next after the end: %v", err)
		}
		a.Close()
		a.Close()
		cancel()
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestAheadConfig(t *testing.T) {
	if err := coupling.AheadDefaults(1).Validate(); err != nil {
		t.Error(err)
	}
	src, _ := coupling.NewSource(cloud{dim: 2}, cloud{dim: 2}, coupling.Independent{})
	for _, c := range []coupling.AheadConfig{{0, 0, 1, 1}, {1, -1, 1, 1}, {1, 0, 0, 1}, {1, 0, 1, 0}} {
		if _, err := coupling.NewAhead(context.Background(), src, rng.Key{}, c); !errors.Is(err, flow.ErrConfig) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestNoAllocationsPerBatch(t *testing.T) {
	if racing {
		t.Skip("the race detector empties pools")
	}
	spec := flow.CondSpec{Classes: 2}
	ot, _ := coupling.NewOT("sqeuclidean")
	src, _ := coupling.NewSource(cloud{dim: 2}, cloud{dim: 2, spec: spec}, ot)
	b := flow.NewBatch(64, 2, spec)
	if n := testing.AllocsPerRun(20, func() {
		if err := src.Fill(&b, rng.Key{}, 1); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Fill allocates %v times", n)
	}
	a := newAhead(t, src, coupling.AheadConfig{Batch: 64, Workers: 2, Depth: 3})
	defer a.Close()
	next := func() {
		if _, err := a.Next(); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		next()
	}
	if n := testing.AllocsPerRun(100, next); n != 0 {
		t.Errorf("Next allocates %v times", n)
	}
}
