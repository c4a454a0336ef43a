package train_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"laminar/coupling"
	"laminar/data"
	"laminar/field"
	"laminar/flow"
	"laminar/internal/kernel"
	"laminar/internal/par"
	"laminar/nn"
	"laminar/objective"
	"laminar/optim"
	"laminar/path"
	"laminar/rng"
	"laminar/tensor"
	"laminar/train"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var match = objective.FlowMatching{Path: path.Linear{}, Times: path.Uniform{}, Drop: 0.1}

// moons are the pairs of most tests, labelled or not.
func moons(name string, labelled bool) flow.PairSource {
	toy := data.Toy{Shape: data.Moons{Noise: 0.05}, Labelled: labelled}
	return must(coupling.NewSource(data.Noise(2), toy, must(coupling.New(coupling.Config{Name: name, Cost: "sqeuclidean"}))))
}

// small is a run that shows everything: conditions, dropout, clipping, average.
func small(steps int) (train.Config, optim.Spec, nn.Network, flow.PairSource) {
	c := train.Config{Steps: steps, Batch: 96, Seed: 5, ValidateEvery: 4, Weak: 0.5}
	o := optim.Defaults()
	o.Warmup = 3
	pairs := moons("ot", true)
	return c, o, must(nn.Spec{Kind: "resmlp", Width: 24, Depth: 1, Activation: "silu", TimeFeatures: 4}.Network(2, pairs.CondSpec())), pairs
}

// trace is what a run leaves.
type trace struct {
	losses, held []float64
	params, avg  []float32
	best         []float32
}

func (a trace) equal(b trace) bool {
	return slices.Equal(a.losses, b.losses) && slices.Equal(a.held, b.held) && slices.Equal(a.params, b.params) &&
		slices.Equal(a.avg, b.avg) && slices.Equal(a.best, b.best)
}

// follow takes up to n steps of tr.
func follow(t testing.TB, tr *train.Trainer, n int, into *trace) {
	t.Helper()
	for p, err := range tr.Run(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		into.losses = append(into.losses, p.Loss)
		if p.Validated {
			into.held = append(into.held, p.HeldOut)
		}
		if n--; n == 0 {
			break
		}
	}
	into.params, into.avg, into.best = slices.Clone(tr.Params(nn.Group)), slices.Clone(tr.Average(nn.Group)), slices.Clone(tr.Best())
}

func TestSameBitsOnAnyNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	par.Default() // four workers from here on
	for _, k := range kernel.Available() {
		var want trace
		for i, c := range []struct{ procs, workers int }{{1, 0}, {2, 0}, {4, 0}, {4, 1}, {2, 3}} {
			runtime.GOMAXPROCS(c.procs)
			cfg, o, net, pairs := small(12)
			tr := must(train.New(cfg, o, match, net, pairs, train.Options{Kernels: k, Workers: c.workers, HeldOut: moons("independent", true)}))
			var got trace
			follow(t, tr, -1, &got)
			if len(got.losses) != 12 || len(got.held) != 3 {
				t.Fatalf("%d losses and %d looks at held-out pairs", len(got.losses), len(got.held))
			}
			if i == 0 {
				want = got
			} else if !got.equal(want) {
				t.Errorf("%s: other bits with GOMAXPROCS %d and %d workers", k.Name(), c.procs, c.workers)
			}
		}
	}
}

func TestResumeIsExact(t *testing.T) {
	const steps = 13
	fresh := func() *train.Trainer {
		cfg, o, net, pairs := small(steps)
		return must(train.New(cfg, o, match, net, pairs, train.Options{HeldOut: moons("ot", true)}))
	}
	whole := fresh()
	var want trace
	follow(t, whole, -1, &want)
	if done, total := whole.Steps(); done != steps || total != steps || !whole.Done() {
		t.Errorf("at the end %d of %d steps are done", done, total)
	}
	for at := 1; at < steps; at++ {
		var got trace
		tr := fresh()
		follow(t, tr, at, &got)
		if done, _ := tr.Steps(); done != at || tr.Done() {
			t.Fatalf("a loop left after %d steps has done %d", at, done)
		}
		if at%2 == 0 { // by a state, or in the same trainer
			s := tr.State()
			follow(t, tr, 1, &trace{}) // the state is a copy
			tr = fresh()
			if err := tr.Restore(s); err != nil {
				t.Fatal(err)
			}
		}
		follow(t, tr, -1, &got)
		if !got.equal(want) || !slices.Equal(tr.State().Weak, whole.State().Weak) || tr.State().Weak == nil {
			t.Errorf("a run interrupted after step %d ends in other bits", at)
		}
		if tr.Loss(100) != whole.Loss(100) {
			t.Errorf("a run interrupted after step %d reports the loss %v, not %v", at, tr.Loss(100), whole.Loss(100))
		}
	}
	for range whole.Run(context.Background()) {
		t.Error("a finished run yields a step")
	}
}

// TestReplannedRunIsItsConfig: a run whose length was changed on the way, twice, is
// that of the configuration that it ends with, from the beginning and from a state.
func TestReplannedRunIsItsConfig(t *testing.T) {
	cfg, o, net, pairs := small(13)
	held := func() train.Options { return train.Options{HeldOut: moons("ot", true)} }
	tr := must(train.New(cfg, o, match, net, pairs, held()))
	tr.Replan(30) // before the first step nothing is remembered
	var got trace
	follow(t, tr, 4, &got)
	tr.Replan(20)
	tr.Replan(20)
	follow(t, tr, 7, &got)
	state := tr.State()
	tr.Replan(0)
	if done, total := tr.Steps(); total != done+1 {
		t.Errorf("no steps are %d after %d", total, done)
	}
	tr.Replan(16)
	follow(t, tr, -1, &got)
	config := tr.Config()
	if config.Steps != 16 || !slices.Equal(config.Planned, []train.Plan{{Until: 4, Steps: 30}, {Until: 11, Steps: 20}}) {
		t.Fatalf("the configuration is %+v", config)
	}
	var whole trace
	again := must(train.New(config, o, match, net, pairs, held()))
	follow(t, again, -1, &whole)
	if !whole.equal(got) || !slices.Equal(again.Weak(), tr.Weak()) || again.State().Weak == nil {
		t.Error("the run of the configuration ends in other bits")
	}
	again = must(train.New(config, o, match, net, pairs, held()))
	if err := again.Restore(state); err != nil {
		t.Fatal(err)
	}
	var rest trace
	follow(t, again, -1, &rest)
	if !slices.Equal(rest.params, got.params) {
		t.Error("the run of the configuration continues to other bits")
	}
	config.Planned = nil
	var plain trace
	follow(t, must(train.New(config, o, match, net, pairs, held())), -1, &plain)
	if slices.Equal(plain.params, got.params) {
		t.Error("plans change nothing: the test would be empty")
	}
}

// TestWeakCopy: the copy is that of the averaged parameters after its share of the
// steps, and nothing else; it is handed out after twice as many.
func TestWeakCopy(t *testing.T) {
	for share, at := range map[float64]int{0: 0, 0.01: 1, 0.5: 6, 0.99: 12} {
		cfg, o, net, pairs := small(13)
		cfg.Weak = share
		tr := must(train.New(cfg, o, match, net, pairs, train.Options{}))
		var want []float32
		for p, err := range tr.Run(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			if p.Step == at {
				want = slices.Clone(tr.Average(nn.Group))
			}
			if !slices.Equal(tr.State().Weak, want) {
				t.Fatalf("share %v: after step %d there is another copy than that of step %d", share, p.Step, at)
			}
			handed := want
			if p.Step < 2*at {
				handed = nil
			}
			if !slices.Equal(tr.Weak(), handed) {
				t.Fatalf("share %v: after step %d of a copy of step %d, %d parameters are handed out", share, p.Step, at, len(tr.Weak()))
			}
		}
	}
}

// TestWeakCopyIsWeaker: where the best held-out look is not well after the copy,
// none is handed out, also by a run that was restored. The rate is so high that the
// best look comes early.
func TestWeakCopyIsWeaker(t *testing.T) {
	for _, share := range []float64{0.02, 0.6} { // of 60 steps 1 and 36
		cfg, _, net, pairs := small(60)
		cfg.ValidateEvery, cfg.Patience, cfg.Weak = 2, 0, share
		o := optim.Spec{Method: "adamw", Rate: 0.05, Schedule: "constant", Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
		fresh := func() *train.Trainer {
			return must(train.New(cfg, o, match, net, pairs, train.Options{HeldOut: moons("ot", true)}))
		}
		tr, lowest, best := fresh(), math.Inf(1), 0
		at, handed, kept := max(1, int(share*60)), 0, 0
		for p, err := range tr.Run(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			if p.Validated && p.HeldOut < lowest {
				lowest, best = p.HeldOut, p.Step
			}
			if p.Step%5 != 1 {
				continue
			}
			other := fresh()
			if err := other.Restore(tr.State()); err != nil {
				t.Fatal(err)
			}
			reached := best
			if best == 0 { // before the first look
				reached = p.Step
			}
			for _, r := range []*train.Trainer{tr, other} {
				switch w := r.Weak(); {
				case (w != nil) != (p.Step >= at && reached >= 2*at):
					t.Fatalf("share %v: at step %d, best at %d, %d weak parameters of step %d are handed out", share, p.Step, best, len(w), at)
				case w != nil:
					handed++
				default:
					kept++
				}
			}
		}
		if share == 0.6 && (best >= 2*at || handed > 0) || share < 0.1 && (handed == 0 || kept == 0) {
			t.Fatalf("share %v: handed out %d times, kept back %d, best at %d: the test shows nothing", share, handed, kept, best)
		}
	}
}

func TestRestoreRefusesWhatDoesNotFit(t *testing.T) {
	cfg, o, net, pairs := small(5)
	fresh := func() *train.Trainer {
		return must(train.New(cfg, o, match, net, pairs, train.Options{HeldOut: moons("ot", true)}))
	}
	for what, c := range map[string]struct {
		edit func(*train.State)
		want error
	}{
		"too many steps":        {func(s *train.State) { s.Step = 6 }, flow.ErrConfig},
		"no group":              {func(s *train.State) { s.Groups = nil }, flow.ErrShape},
		"another group":         {func(s *train.State) { s.Groups[0].Name = "critic" }, flow.ErrShape},
		"other parameters":      {func(s *train.State) { s.Groups[0].Params = s.Groups[0].Params[1:] }, flow.ErrShape},
		"other moments":         {func(s *train.State) { s.Groups[0].Optim.M = nil }, flow.ErrShape},
		"other best parameters": {func(s *train.State) { s.Best = make([]float32, 3) }, flow.ErrShape},
		"other weak parameters": {func(s *train.State) { s.Weak = make([]float32, 3) }, flow.ErrShape},
	} {
		s := fresh().State()
		c.edit(&s)
		if err := fresh().Restore(s); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestCancel(t *testing.T) {
	cfg, o, net, pairs := small(50)
	tr := must(train.New(cfg, o, match, net, pairs, train.Options{}))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last error
	taken := 0
	for p, err := range tr.Run(ctx) {
		if last = err; err == nil {
			taken = p.Step
		}
		if p.Step == 3 {
			cancel()
		}
	}
	if done, _ := tr.Steps(); !errors.Is(last, context.Canceled) || done != taken || done < 3 || done == 50 {
		t.Errorf("cancelled after step 3: %v at step %d of which %d were seen", last, done, taken)
	}
	if err := tr.Fit(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Fit under a cancelled context: %v", err)
	}
	if err := tr.Fit(context.Background()); err != nil || !tr.Done() {
		t.Errorf("going on after a cancelled context: %v", err)
	}
}

// poisoned spoils one batch.
type poisoned struct {
	flow.PairSource
	at    int
	value float32
}

func (p poisoned) Fill(b *flow.Batch, key rng.Key, i int) error {
	err := p.PairSource.Fill(b, key, i)
	if i == p.at {
		b.X1.Data[0] = p.value
	}
	return err
}

func TestDivergenceLeavesTheParametersUnharmed(t *testing.T) {
	for _, value := range []float32{float32(math.NaN()), float32(math.Inf(1)), 1e30} {
		cfg, o, net, pairs := small(9)
		for _, o := range []optim.Spec{o, optim.Post()} {
			tr := must(train.New(cfg, o, match, net, poisoned{pairs, 4, value}, train.Options{}))
			var before trace
			follow(t, tr, 4, &before)
			err := tr.Fit(context.Background())
			if !errors.Is(err, flow.ErrDiverged) || !strings.Contains(err.Error(), "step 5") || !strings.Contains(err.Error(), "lower learning rate") {
				t.Errorf("%v in batch 4: %v", value, err)
			}
			if done, _ := tr.Steps(); done != 4 || !slices.Equal(tr.Params(nn.Group), before.params) || !slices.Equal(tr.Average(nn.Group), before.avg) {
				t.Errorf("%v in batch 4: the run stands at step %d with other parameters", value, done)
			}
		}
	}
}

// failing cannot supply one batch.
type failing struct {
	flow.PairSource
	at int
}

var errSupply = errors.New("no more data")

func (p failing) Fill(b *flow.Batch, key rng.Key, i int) error {
	if i == p.at {
		return errSupply
	}
	return p.PairSource.Fill(b, key, i)
}

func TestErrorOfTheSupply(t *testing.T) {
	cfg, o, net, pairs := small(9)
	tr := must(train.New(cfg, o, match, net, failing{pairs, 4}, train.Options{}))
	err := tr.Fit(context.Background())
	if done, _ := tr.Steps(); !errors.Is(err, errSupply) || done != 4 {
		t.Errorf("a supply that fails at batch 4: %v after %d steps", err, done)
	}
	if _, err := train.New(cfg, o, match, net, pairs, train.Options{HeldOut: failing{pairs, 2}}); !errors.Is(err, errSupply) {
		t.Errorf("held-out pairs that fail: %v", err)
	}
}

// TestPatience: training stops after as many looks in a row without a better
// held-out loss. The rate is so high that the loss goes up and down.
func TestPatience(t *testing.T) {
	cfg, _, net, pairs := small(400)
	cfg.ValidateEvery, cfg.Patience = 2, 6
	o := optim.Spec{Method: "adamw", Rate: 0.05, Schedule: "constant", Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
	tr := must(train.New(cfg, o, match, net, pairs, train.Options{HeldOut: moons("ot", true)}))
	lowest, at, worse, last := math.Inf(1), 0, 0, train.Progress{}
	var best []float32
	for p, err := range tr.Run(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Validated != (p.Step%2 == 0) {
			t.Fatalf("step %d: validated is %v", p.Step, p.Validated)
		}
		if p.Validated && p.HeldOut < lowest {
			lowest, at, best = p.HeldOut, p.Step, slices.Clone(tr.Params(nn.Group))
		} else if p.Validated {
			worse++
		}
		last = p
	}
	if worse <= cfg.Patience {
		t.Fatalf("only %d looks were worse: the test shows nothing", worse)
	}
	if !last.Stopped || !tr.Done() || last.Step != at+2*cfg.Patience {
		t.Errorf("best at step %d, the last step is %+v, done is %v", at, last, tr.Done())
	}
	if !slices.Equal(tr.Best(), best) {
		t.Error("Best are not the parameters of the best look")
	}
	other := must(train.New(cfg, o, match, net, pairs, train.Options{HeldOut: moons("ot", true)}))
	if err := other.Restore(tr.State()); err != nil || !other.Done() || !slices.Equal(other.Best(), best) {
		t.Errorf("the stopped run restored: %v, done is %v", err, other.Done())
	}
}

// same supplies the same batch at every step.
type same struct{ flow.PairSource }

func (s same) Fill(b *flow.Batch, key rng.Key, _ int) error { return s.PairSource.Fill(b, key, 0) }

// TestTimesAreNewAtEveryStep: with the same pairs and parameters that do not
// move to speak of, the loss differs by the times.
func TestTimesAreNewAtEveryStep(t *testing.T) {
	cfg, _, _, pairs := small(6)
	still := match
	still.Drop = 0
	net := must(nn.Post().Network(2, pairs.CondSpec()))
	o := optim.Spec{Method: "sgd", Rate: 1e-30, Schedule: "constant"}
	var got trace
	follow(t, must(train.New(cfg, o, still, net, same{pairs}, train.Options{})), -1, &got)
	distinct := slices.Compact(slices.Sorted(slices.Values(got.losses)))
	if len(distinct) != 6 {
		t.Errorf("six steps have the losses %v", got.losses)
	}
}

// TestStepsAllocateNothing counts what is allocated between two steps of a run,
// by all goroutines, over a thousand steps.
func TestStepsAllocateNothing(t *testing.T) {
	if racing {
		t.Skip("the race detector allocates")
	}
	standardised := func(labelled bool, name string) flow.PairSource {
		toy := data.Toy{Shape: data.Moons{Noise: 0.05}, Labelled: labelled}
		z := must(data.EstimateStandardise(toy, 1000, rng.New(1)))
		return must(coupling.NewSource(data.Noise(2), data.Transformed{RowSource: toy, Transform: z}, must(coupling.New(coupling.Config{Name: name, Cost: "l2"}))))
	}
	table := must(data.NamedTable("iris"))
	stored := must(table.Dataset(must(data.FitStandardise(table.X)), nil))
	for what, pairs := range map[string]flow.PairSource{
		"toy, independent":             moons("independent", false),
		"standardised toy, OT":         standardised(false, "ot"),
		"labelled standardised toy":    standardised(true, "independent"),
		"the post's draw":              must(coupling.NewSource(data.Noise(2), data.SklearnMoons(0.05), coupling.Independent{})),
		"stored table, OT, standardis": must(coupling.NewSource(data.Noise(stored.Dim()), stored, must(coupling.New(coupling.Defaults())))),
	} {
		cfg := train.Config{Steps: 1000, Batch: 64, Seed: 1, ValidateEvery: 50}
		net := must(nn.Spec{Kind: "mlp", Width: 16, Depth: 2, Activation: "relu"}.Network(pairs.Dim(), pairs.CondSpec()))
		tr := must(train.New(cfg, optim.Defaults(), match, net, pairs, train.Options{HeldOut: pairs}))
		var from, to runtime.MemStats
		for p, err := range tr.Run(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			switch p.Step {
			case 500:
				runtime.ReadMemStats(&from)
			case 900:
				runtime.ReadMemStats(&to)
			}
		}
		// A collection may empty the pools in which scratch waits; that and the
		// runtime's own work is the margin.
		if n := to.Mallocs - from.Mallocs; n > 40 {
			t.Errorf("%s: %d allocations in 400 steps", what, n)
		}
	}
}

// TestLearntFieldIsTheClosedForm trains on pairs of two Gaussians, drawn
// independently, whose exact field is known.
func TestLearntFieldIsTheClosedForm(t *testing.T) {
	m1, s1 := []float64{1, -0.5}, []float64{0.5, 1.5}
	pairs := gaussians{m1, s1}
	net := must(nn.Spec{Kind: "resmlp", Width: 32, Depth: 2, Activation: "silu", TimeFeatures: 8}.Network(2, flow.CondSpec{}))
	cfg := train.Config{Steps: 3000, Batch: 256, Seed: 2, ValidateEvery: 1000}
	if racing || testing.Short() {
		cfg.Steps = 600
	}
	o := optim.Defaults()
	o.Rate = 5e-3
	tr := must(train.New(cfg, o, match, net, pairs, train.Options{}))
	if err := tr.Fit(context.Background()); err != nil {
		t.Fatal(err)
	}
	exact := must(field.Gaussian[float32]([]float64{0, 0}, []float64{1, 1}, m1, s1))
	// The points lie where the flow passes; the errors are compared with the
	// variance of the field over them.
	const n = 2000
	b := flow.NewBatch(n, 2, flow.CondSpec{})
	if err := pairs.Fill(&b, rng.New(99), 0); err != nil {
		t.Fatal(err)
	}
	times := []float64{0.05, 0.25, 0.5, 0.75, 0.95}
	answer := learnt(t, net, tr.Average(nn.Group))
	total, spread := 0.0, 0.0
	for _, s := range times {
		x, u := tensor.New(n, 2), tensor.New(n, 2)
		for i := range x.Data {
			x.Data[i] = float32(1-s)*b.X0.Data[i] + float32(s)*b.X1.Data[i]
		}
		if err := exact.Velocity(u, x, s); err != nil {
			t.Fatal(err)
		}
		v := answer(x, s)
		mse, size := 0.0, 0.0
		for i := range u.Data {
			mse += math.Pow(float64(u.Data[i]-v.Data[i]), 2) / n
			size += math.Pow(float64(u.Data[i])-m1[i%2], 2) / n
		}
		t.Logf("t = %.2f: mean squared error %.5f of %.3f", s, mse, size)
		total, spread = total+mse/float64(len(times)), spread+size/float64(len(times))
	}
	bound := 0.005
	if cfg.Steps < 3000 {
		bound = 0.03
	}
	if total > bound*spread {
		t.Errorf("the learnt field misses the exact one by %.5f, which is %.4f of its variance", total, total/spread)
	}
	// The loss cannot fall below the variance of x1 - x0 given x_t, and comes
	// near it.
	floor := 0.0
	const nodes = 2000
	for i := range nodes {
		s := (float64(i) + 0.5) / nodes
		for j := range 2 {
			floor += s1[j] * s1[j] / ((1-s)*(1-s) + s*s*s1[j]*s1[j]) / 2 / nodes
		}
	}
	if got := tr.Loss(100); math.Abs(got/floor-1) > 0.05 {
		t.Errorf("the loss is %v, the least possible %v", got, floor)
	}
}

// gaussians are independent pairs of N(0, I) and N(m, diag s^2).
type gaussians struct{ m, s []float64 }

func (g gaussians) Dim() int                { return len(g.m) }
func (g gaussians) CondSpec() flow.CondSpec { return flow.CondSpec{} }

func (g gaussians) Fill(b *flow.Batch, key rng.Key, i int) error {
	s := key.At(uint64(i)).Stream()
	s.Normal(b.X0.Data)
	s.Normal(b.X1.Data)
	for i := range b.X1.Data {
		j := i % len(g.m)
		b.X1.Data[i] = float32(g.m[j] + g.s[j]*float64(b.X1.Data[i]))
	}
	return nil
}

func TestNewErrors(t *testing.T) {
	cfg, o, net, pairs := small(5)
	edit := func(f func(*train.Config)) train.Config {
		c := cfg
		f(&c)
		return c
	}
	for _, c := range []train.Config{
		edit(func(c *train.Config) { c.Steps = 0 }),
		edit(func(c *train.Config) { c.Batch = -1 }),
		edit(func(c *train.Config) { c.ValidateEvery = 0 }),
		edit(func(c *train.Config) { c.Patience = -1 }),
		edit(func(c *train.Config) { c.Weak = 1 }),
		edit(func(c *train.Config) { c.Planned = []train.Plan{{Until: 5, Steps: 9}, {Until: 5, Steps: 8}} }),
		edit(func(c *train.Config) { c.Planned = []train.Plan{{Until: 5}} }),
		edit(func(c *train.Config) { c.Weak = math.NaN() }),
	} {
		_, err := train.New(c, o, match, net, pairs, train.Options{})
		var f *flow.FieldError
		if !errors.As(err, &f) || !strings.HasPrefix(f.Path, "train.") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	three := must(nn.Post().Network(3, pairs.CondSpec()))
	bare := must(nn.Post().Network(2, flow.CondSpec{}))
	for what, f := range map[string]func() (*train.Trainer, error){
		"dimension":  func() (*train.Trainer, error) { return train.New(cfg, o, match, three, pairs, train.Options{}) },
		"conditions": func() (*train.Trainer, error) { return train.New(cfg, o, match, bare, pairs, train.Options{}) },
		"no phase":   func() (*train.Trainer, error) { return train.New(cfg, o, idle{}, net, pairs, train.Options{}) },
		"path": func() (*train.Trainer, error) {
			return train.New(cfg, o, objective.FlowMatching{}, net, pairs, train.Options{})
		},
	} {
		if _, err := f(); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := train.Defaults().Validate("train"); err != nil {
		t.Error(err)
	}
}

type idle struct{}

func (idle) Phases(nn.Network) ([]objective.Phase, error) { return nil, nil }

func BenchmarkStep(b *testing.B) {
	for _, width := range []int{64, 512} {
		for _, name := range []string{"independent", "ot"} {
			b.Run(fmt.Sprintf("width=%d/%s", width, name), func(b *testing.B) {
				net := must(nn.Spec{Kind: "mlp", Width: width, Depth: 2, Activation: "relu"}.Network(2, flow.CondSpec{}))
				tr := must(train.New(train.Config{Steps: 1 << 40, Batch: 256, ValidateEvery: 1}, optim.Post(), match, net, moons(name, false), train.Options{}))
				b.ReportAllocs()
				for range tr.Run(context.Background()) {
					if !b.Loop() {
						break
					}
				}
			})
		}
	}
}
