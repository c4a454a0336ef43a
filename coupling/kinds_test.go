package coupling_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"laminar/coupling"
	"laminar/data"
	"laminar/flow"
	"laminar/metric"
	"laminar/rng"
	"laminar/tensor"
)

func named(name string) coupling.Config {
	c := coupling.Defaults()
	c.Name = name
	return c
}

func built(t testing.TB, c coupling.Config, source, data flow.Dataset) *coupling.Source {
	t.Helper()
	s, err := coupling.Build(c, source, data)
	if err == nil {
		err = s.Prepare(context.Background(), rng.New(4))
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ExampleBuild() {
	c := coupling.Defaults()
	c.Block = 8 // batches are cut from transport of eight times as many
	pairs, err := coupling.Build(c, cloud{dim: 2}, cloud{dim: 2, shift: 5})
	if err != nil {
		fmt.Println(err)
		return
	}
	batch := flow.NewBatch(64, 2, pairs.CondSpec())
	fmt.Println(pairs.Fill(&batch, rng.New(1), 17), batch.X0.N)
	// Output: <nil> 64
}

func ExampleSemidiscrete() {
	pairs, err := coupling.Build(coupling.Config{Name: "semidiscrete", Cost: "sqeuclidean", Block: 1, Points: 64}, cloud{dim: 2}, cloud{dim: 2, shift: 5})
	if err == nil {
		err = pairs.Prepare(context.Background(), rng.New(1)) // learns the potential
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	state, err := pairs.State() // what a checkpoint keeps
	fmt.Println(pairs.Pairer().(*coupling.Semidiscrete).ChiSquare() < 0.01, len(state), err)
	// Output: true 272 <nil>
}

// Batch i is a pure function of (key, i), of every coupling, in any order and
// from several goroutines, blocks or not.
func TestBatchesArePure(t *testing.T) {
	for _, e := range coupling.Catalogue() {
		for _, block := range []int{1, 3} {
			c := named(e.Name)
			c.Block, c.Points = block, 100
			data := cloud{dim: 2, shift: 3, spec: flow.CondSpec{Classes: 2}}
			var want []flow.Batch
			one := built(t, c, cloud{dim: 2}, data)
			for i := range 7 {
				b := flow.NewBatch(20, 2, data.spec)
				if err := one.Fill(&b, rng.New(1), i); err != nil {
					t.Fatal(err)
				}
				want = append(want, b)
			}
			other := built(t, c, cloud{dim: 2}, data)
			done := make(chan error)
			for _, i := range []int{6, 0, 4, 5, 1, 3, 2, 6} {
				go func() {
					b := flow.NewBatch(20, 2, data.spec)
					err := other.Fill(&b, rng.New(1), i)
					if err == nil && (!slices.Equal(b.X0.Data, want[i].X0.Data) || !slices.Equal(b.X1.Data, want[i].X1.Data) || !slices.Equal(b.Cond.Class, want[i].Cond.Class)) {
						err = fmt.Errorf("batch %d differs", i)
					}
					done <- err
				}()
			}
			for range 8 {
				if err := <-done; err != nil {
					t.Errorf("%s, blocks of %d: %v", e.Name, block, err)
				}
			}
		}
	}
}

// Conditions stay with their data, and no pair comes of nothing.
func TestConditionsFollow(t *testing.T) {
	for _, e := range coupling.Catalogue() {
		c := named(e.Name)
		c.Points = 100
		data := cloud{dim: 2, shift: 3, spec: flow.CondSpec{Classes: 2}}
		s := built(t, c, cloud{dim: 2}, data)
		b := flow.NewBatch(50, 2, data.spec)
		if err := s.Fill(&b, rng.New(1), 2); err != nil {
			t.Fatal(err)
		}
		for k := range 50 {
			if b.Cond.Class[k] != class(b.X1.At(k, 0), 3) {
				t.Errorf("%s: row %d has lost its class", e.Name, k)
			}
		}
	}
}

// A block of k batches is optimal as a whole.
func TestBlockIsOneProblem(t *testing.T) {
	c := named("ot")
	c.Block = 4
	s := built(t, c, cloud{dim: 2}, cloud{dim: 2, shift: 3})
	var sum float64
	for i := range 4 {
		b := flow.NewBatch(32, 2, flow.CondSpec{})
		if err := s.Fill(&b, rng.New(1), 4+i); err != nil {
			t.Fatal(err)
		}
		sum += meanCost(b) / 4
	}
	whole := built(t, named("ot"), cloud{dim: 2}, cloud{dim: 2, shift: 3})
	b := flow.NewBatch(128, 2, flow.CondSpec{})
	if err := whole.Fill(&b, rng.New(1), 1); err != nil {
		t.Fatal(err)
	}
	if want := meanCost(b); math.Abs(sum-want) > 1e-9*want {
		t.Errorf("cost of 4 batches of a block %v, of the whole %v", sum, want)
	}
}

func meanCost(b flow.Batch) (sum float64) {
	for k, v := range b.X0.Data {
		d := float64(b.X1.Data[k] - v)
		sum += d * d
	}
	return sum / float64(b.X0.N)
}

// In each class c2ot is a bijection of the class's rows that were drawn, optimal
// there; so the noise of a class is what chance made it.
func TestConditionalKeepsClasses(t *testing.T) {
	x0, x1 := points(60, 2, 1), points(60, 2, 2)
	class := make([]int32, 60)
	for i := range class {
		class[i] = int32(i*7%4) - 1 // with rows of no known class
	}
	p, err := coupling.New(named("c2ot"))
	if err != nil {
		t.Fatal(err)
	}
	var d flow.Pairs
	if err := p.Pair(&d, x0, x1, flow.Cond{Class: class}, rng.Key{}); err != nil {
		t.Fatal(err)
	}
	bijection(t, d.J, 60)
	for k := range d.I {
		if class[d.I[k]] != class[d.J[k]] {
			t.Fatalf("noise that was given class %d goes with class %d", class[d.I[k]], class[d.J[k]])
		}
	}
	ot, err := coupling.NewOT("sqeuclidean")
	if err != nil {
		t.Fatal(err)
	}
	for want := int32(-1); want < 3; want++ {
		var rows []int
		for i, c := range class {
			if c == want {
				rows = append(rows, i)
			}
		}
		a, b := tensor.New(len(rows), 2), tensor.New(len(rows), 2)
		within := 0.0
		for k, r := range rows {
			copy(a.Row(k), x0.Row(r))
			copy(b.Row(k), x1.Row(r))
			within += cost(flow.Pairs{I: d.I[r : r+1], J: d.J[r : r+1]}, x0, x1, false)
		}
		var q flow.Pairs
		if err := ot.Pair(&q, a, b, flow.Cond{}, rng.Key{}); err != nil {
			t.Fatal(err)
		}
		if best := cost(q, a, b, false); math.Abs(within-best) > 1e-6*best {
			t.Errorf("class %d: cost %v, the optimum is %v", want, within, best)
		}
	}
}

// The weight of a real condition leaves the share Ratio of pairs below a datum's
// own cost, and the answer is the optimum of the costs with that weight.
func TestConditionalWeighsRealConditions(t *testing.T) {
	n := 40
	x0, x1 := points(n, 2, 1), points(n, 2, 2)
	real := tensor.New(n, 1)
	for i := range n {
		real.Data[i] = x1.At(i, 0)
	}
	apart := func(p flow.Pairs) (sum float64) { // of the conditions that noise was given and got
		for k := range p.I {
			d := float64(real.Data[p.I[k]] - real.Data[p.J[k]])
			sum += d * d
		}
		return sum
	}
	pair := func(ratio float64) (p flow.Pairs) {
		c := named("c2ot")
		c.Ratio = ratio
		pairer, err := coupling.New(c)
		if err == nil {
			err = pairer.Pair(&p, x0, x1, flow.Cond{Real: real}, rng.Key{})
		}
		if err != nil {
			t.Fatal(err)
		}
		bijection(t, p.J, n)
		return p
	}
	tight, middle, free := pair(1e-9), pair(0.1), pair(1)
	for k, j := range tight.J {
		if int(j) != k {
			t.Fatalf("a ratio of nothing moved row %d", k)
		}
	}
	ot, _ := coupling.NewOT("sqeuclidean")
	var q flow.Pairs
	if err := ot.Pair(&q, x0, x1, flow.Cond{}, rng.Key{}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(q.J, free.J) {
		t.Error("a ratio of 1 is not transport alone")
	}
	if !(apart(tight) < apart(middle) && apart(middle) < apart(free)) {
		t.Errorf("conditions are %v, %v and %v apart for growing ratios", apart(tight), apart(middle), apart(free))
	}
	if !(cost(tight, x0, x1, false) > cost(middle, x0, x1, false) && cost(middle, x0, x1, false) > cost(free, x0, x1, false)) {
		t.Error("a larger ratio does not lower the cost")
	}
	// The middle one against a weight found by bisection.
	m := func(i, j int) float64 {
		return cost(flow.Pairs{I: []int32{int32(i)}, J: []int32{int32(j)}}, x0, x1, false)
	}
	share := func(w float64) (s float64) {
		for i := range n {
			for j := range n {
				d := float64(real.Data[i] - real.Data[j])
				if m(i, j)+w*d*d <= m(j, j) {
					s += 1 / float64(n*n)
				}
			}
		}
		return s
	}
	lo, hi := 0.0, 1.0
	for share(hi) > 0.1 {
		hi *= 2
	}
	for range 40 {
		if mid := (lo + hi) / 2; share(mid) > 0.1 {
			lo = mid
		} else {
			hi = mid
		}
	}
	total := func(p flow.Pairs) float64 { return cost(p, x0, x1, false) + hi*apart(p) }
	for i := range n { // no exchange of two lowers it
		for j := range i {
			other := flow.Pairs{I: slices.Clone(middle.I), J: slices.Clone(middle.J)}
			other.J[i], other.J[j] = other.J[j], other.J[i]
			if total(other) < total(middle)-1e-3 {
				t.Fatalf("exchanging %d and %d lowers %v to %v", i, j, total(middle), total(other))
			}
		}
	}
}

// Rows with masks, or of unknown real condition, are not tied to others.
func TestConditionalLeavesAlone(t *testing.T) {
	p, _ := coupling.New(named("c2ot"))
	x0, x1 := points(10, 2, 1), points(10, 2, 2)
	var d flow.Pairs
	if err := p.Pair(&d, x0, x1, flow.Cond{Mask: tensor.New(10, 2)}, rng.Key{}); err != nil {
		t.Fatal(err)
	}
	for k, j := range d.J {
		if int(j) != k {
			t.Fatal("rows with masks were moved")
		}
	}
	real := tensor.New(10, 1)
	for i := range 5 {
		real.Data[i] = float32(math.NaN())
	}
	if err := p.Pair(&d, x0, x1, flow.Cond{Real: real}, rng.Key{}); err != nil {
		t.Fatal(err)
	}
	bijection(t, d.J, 10)
	for k, j := range d.J {
		if (k < 5) != (j < 5) {
			t.Errorf("row %d of unknown condition goes with row %d", k, j)
		}
	}
}

// Partial transport pairs exactly the mass it is asked for, the cheapest.
func TestPartialMass(t *testing.T) {
	x0, x1 := points(8, 2, 1), points(8, 2, 2)
	for _, c := range []struct {
		mass  float64
		pairs []int // that may come up
		mean  float64
	}{{1, []int{8}, 8}, {0.5, []int{4}, 4}, {0.3, []int{2, 3}, 2.4}, {0.01, []int{1}, 1}} {
		cfg := named("partial")
		cfg.Mass = c.mass
		p, err := coupling.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		mean := 0.0
		const draws = 3000
		for k := range draws {
			var d flow.Pairs
			if err := p.Pair(&d, x0, x1, flow.Cond{}, rng.New(uint64(k))); err != nil {
				t.Fatal(err)
			}
			times := map[[2]int32]int{}
			rows, cols := map[int32]bool{}, map[int32]bool{}
			for q := range d.I {
				times[[2]int32{d.I[q], d.J[q]}]++
				rows[d.I[q]], cols[d.J[q]] = true, true
			}
			if !slices.Contains(c.pairs, len(times)) || len(rows) != len(times) || len(cols) != len(times) || len(d.I) != 8 {
				t.Fatalf("mass %v: %d pairs of %d rows and %d columns", c.mass, len(times), len(rows), len(cols))
			}
			for _, n := range times {
				if n != 8/len(times) && n != (8+len(times)-1)/len(times) {
					t.Fatalf("mass %v: a pair comes %d times", c.mass, n)
				}
			}
			mean += float64(len(times)) / draws
		}
		if math.Abs(mean-c.mean) > 0.05 {
			t.Errorf("mass %v: %.3f pairs, want %v", c.mass, mean, c.mean)
		}
	}
	// Four of eight, against all choices of four rows and four columns in turn.
	cfg := named("partial")
	cfg.Mass = 0.5
	p, _ := coupling.New(cfg)
	var d flow.Pairs
	if err := p.Pair(&d, x0, x1, flow.Cond{}, rng.New(1)); err != nil {
		t.Fatal(err)
	}
	got := cost(flow.Pairs{I: d.I[:4], J: d.J[:4]}, x0, x1, false)
	best := math.Inf(1)
	for r := range 256 {
		for s := range 256 {
			a, b := rowsOf(x0, r), rowsOf(x1, s)
			if a.N == 4 && b.N == 4 {
				best = min(best, bestOf(a, b, false))
			}
		}
	}
	if math.Abs(got-best) > 1e-5*best {
		t.Errorf("cost of 4 pairs %v, the least is %v", got, best)
	}
}

// rowsOf returns the rows whose bits are set.
func rowsOf(x tensor.Mat, bits int) tensor.Mat {
	out := tensor.Mat{D: x.D}
	for i := range x.N {
		if bits>>i&1 != 0 {
			out.N++
			out.Data = append(out.Data, x.Row(i)...)
		}
	}
	return out
}

// Entropy lies between transport and chance; what is far from all else is left
// out by the unbalanced plan.
func TestEntropic(t *testing.T) {
	x0, x1 := points(100, 2, 1), points(100, 2, 2)
	pair := func(c coupling.Config) (p flow.Pairs) {
		pairer, err := coupling.New(c)
		if err == nil {
			err = pairer.Pair(&p, x0, x1, flow.Cond{}, rng.New(3))
		}
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	before := cost(pair(named("ot")), x0, x1, false)
	for _, eps := range []float64{1e-3, 0.05, 0.5, 50} {
		c := named("sinkhorn")
		c.Epsilon = eps
		p := pair(c)
		bijection(t, p.I, 100)
		bijection(t, p.J, 100)
		now := cost(p, x0, x1, false)
		if now < before*0.97 {
			t.Errorf("epsilon %v costs %v, less than a smaller one's %v", eps, now, before)
		}
		before = now
	}
	if plain := cost(pair(named("independent")), x0, x1, false); before < 0.8*plain {
		t.Errorf("much entropy costs %v, chance %v", before, plain)
	}
	for i := range 5 {
		x1.Row(i)[0] += 30
	}
	c := named("unbalanced")
	c.Penalty, c.Scale, c.Epsilon = 2, "absolute", 0.1
	p := pair(c)
	if len(p.I) != 100 || len(p.J) != 100 {
		t.Fatalf("%d and %d pairs", len(p.I), len(p.J))
	}
	for _, j := range p.J {
		if j < 5 {
			t.Errorf("row %d, far from all else, was not left out", j)
		}
	}
}

// On moons the lines of semidiscrete pairs cross less than those of transport
// within batches of 256, and the data have equal shares of the noise.
func TestSemidiscreteCrossesLess(t *testing.T) {
	set, err := data.Named("moons")
	if err != nil {
		t.Fatal(err)
	}
	c := named("semidiscrete")
	c.Points = 512
	cross := func(s *coupling.Source) float64 {
		m := metric.DefaultCrossing(2)
		m.Triples, m.Queries = 16384, 2048
		f, err := metric.Crossing(context.Background(), s, m)
		if err != nil {
			t.Fatal(err)
		}
		return f.Value
	}
	semi := built(t, c, data.Noise(2), set)
	if chi := semi.Pairer().(*coupling.Semidiscrete).ChiSquare(); !(chi < 1e-2) {
		t.Errorf("chi-square of the shares %v", chi)
	}
	if a, b := cross(semi), cross(built(t, named("ot"), data.Noise(2), set)); !(a < b/2) {
		t.Errorf("crossing %.4f, of transport within batches %.4f", a, b)
	}
}

// What semidiscrete learns is kept by its state, and its noise and classes are
// independent.
func TestSemidiscreteState(t *testing.T) {
	c := named("semidiscrete")
	c.Points = 60
	data := cloud{dim: 2, shift: 3, spec: flow.CondSpec{Classes: 2}}
	a := built(t, c, cloud{dim: 2}, data)
	state, err := a.State()
	if err != nil {
		t.Fatal(err)
	}
	b, err := coupling.Build(c, cloud{dim: 2}, data)
	if err != nil {
		t.Fatal(err)
	}
	batch := flow.NewBatch(4000, 2, data.spec)
	if err := b.Fill(&batch, rng.New(1), 0); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("before it is prepared: %v", err)
	}
	if err := b.Restore(rng.New(4), state[1:]); !errors.Is(err, flow.ErrFormat) || !b.NeedsPrepare() {
		t.Errorf("a short state: %v", err)
	}
	if err := b.Restore(rng.New(4), state); err != nil || b.NeedsPrepare() {
		t.Fatal(err)
	}
	want := flow.NewBatch(4000, 2, data.spec)
	if err := errors.Join(a.Fill(&want, rng.New(1), 3), b.Fill(&batch, rng.New(1), 3)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(want.X1.Data, batch.X1.Data) {
		t.Error("restored, it pairs otherwise")
	}
	// x0 has mean 0 in each class; transport without regard to it would not.
	var mean [2][2]float64
	for k := range batch.X0.N {
		mean[batch.Cond.Class[k]][0] += float64(batch.X0.At(k, 0))
		mean[batch.Cond.Class[k]][1]++
	}
	for k, m := range mean {
		if math.Abs(m[0]/m[1]) > 5/math.Sqrt(m[1]) {
			t.Errorf("class %d: the noise has mean %.3f", k, m[0]/m[1])
		}
	}
	for _, spec := range []flow.CondSpec{{Real: 1}, {Mask: true}} {
		s, err := coupling.Build(c, cloud{dim: 2}, cloud{dim: 2, spec: spec})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Prepare(context.Background(), rng.New(1)); !errors.Is(err, flow.ErrConfig) {
			t.Errorf("%+v: %v", spec, err)
		}
	}
}

func TestConfigFaults(t *testing.T) {
	for path, c := range map[string]coupling.Config{
		"block":   {Name: "independent"},
		"epsilon": {Name: "sinkhorn", Cost: "l2", Scale: "std", Block: 1},
		"scale":   {Name: "sinkhorn", Cost: "l2", Epsilon: 1, Block: 1},
		"penalty": {Name: "unbalanced", Cost: "l2", Epsilon: 1, Scale: "std", Penalty: math.Inf(1), Block: 1},
		"mass":    {Name: "partial", Cost: "l2", Mass: 1.5, Block: 1},
		"ratio":   {Name: "c2ot", Cost: "l2", Ratio: math.NaN(), Block: 1},
		"points":  {Name: "semidiscrete", Cost: "sqeuclidean", Points: 1, Block: 1},
		"cost":    {Name: "semidiscrete", Cost: "l2", Points: 10, Block: 1},
		"name":    {Name: "nearest", Block: 1},
	} {
		var f *flow.FieldError
		if err := c.Validate(); !errors.As(err, &f) || f.Path != path {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, e := range coupling.Catalogue() {
		if err := named(e.Name).Validate(); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
}

func TestKindsAllocateNothing(t *testing.T) {
	if racing {
		t.Skip("the race detector allocates")
	}
	for _, e := range coupling.Catalogue() {
		c := named(e.Name)
		c.Points = 50
		data := cloud{dim: 2, shift: 3, spec: flow.CondSpec{Classes: 2}}
		s := built(t, c, cloud{dim: 2}, data)
		b := flow.NewBatch(32, 2, data.spec)
		i := 0
		fill := func() {
			i++
			if err := s.Fill(&b, rng.New(1), i%4); err != nil {
				t.Fatal(err)
			}
		}
		for range 8 {
			fill()
		}
		// A collection in between may empty the pools.
		if n := testing.AllocsPerRun(20, fill); n >= 1 {
			t.Errorf("%s: %v allocations a batch", e.Name, n)
		}
	}
}
