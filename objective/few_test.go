package objective_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/objective"
	"laminar/optim"
	"laminar/path"
	"laminar/rng"
)

// lab runs the program of a phase in float64, with parameters of its own for
// each group.
type lab struct {
	t      *testing.T
	ph     objective.Phase
	n, dim int
	batch  flow.Batch
	arenas map[string][]float64
	rows   map[string][]float64
}

func newLab(t *testing.T, ph objective.Phase, n, dim int) *lab {
	t.Helper()
	l := &lab{t: t, ph: ph, n: n, dim: dim, batch: pairs(n, dim, flow.CondSpec{}), arenas: map[string][]float64{}, rows: map[string][]float64{}}
	in := objective.NewInputs(ph.Program, n)
	if err := ph.Fill(in, &l.batch, rng.New(8)); err != nil {
		t.Fatal(err)
	}
	for _, r := range ph.Program.Rows {
		l.rows[r.Name] = wide(in.Mat(r.Name).Data)
	}
	for i, g := range ph.Program.Groups() {
		x := make([]float32, ph.Program.Layout(g).Size)
		s := rng.New(uint64(20 + i)).Stream()
		s.Normal(x)
		l.arenas[g] = wide(x)
		for j := range l.arenas[g] {
			l.arenas[g][j] *= 0.4
		}
	}
	return l
}

func (l *lab) run() map[string][]float64 {
	l.t.Helper()
	out, err := l.ph.Program.Interpret(graph.Feed{N: l.n, Arenas: l.arenas, Rows: l.rows})
	if err != nil {
		l.t.Fatal(err)
	}
	return out
}

// answer is what net answers under the parameters of a group.
func (l *lab) answer(net nn.Network, group string, x, t, span []float64) []float64 {
	l.t.Helper()
	p, err := nn.Velocity(net)
	if err != nil {
		l.t.Fatal(err)
	}
	rows := map[string][]float64{nn.InX: x, nn.InT: t}
	if nn.TakesSpan(net) {
		rows[nn.InSpan] = span
	}
	out, err := p.Interpret(graph.Feed{N: l.n, Arenas: map[string][]float64{nn.Group: l.arenas[group]}, Rows: rows})
	if err != nil {
		l.t.Fatal(err)
	}
	return out[nn.Out]
}

// slopes compares the program's gradients with the differences of loss, which is
// to be the mean over the rows.
func (l *lab) slopes(loss func() float64) {
	l.t.Helper()
	out, arena := l.run(), l.arenas[l.ph.Trains]
	layout := l.ph.Program.Layout(l.ph.Trains)
	seen := 0
	for _, o := range l.ph.Program.Outputs {
		if o.GradOf < 0 {
			continue
		}
		name := l.ph.Program.Params[o.GradOf].Name
		at := layout.Entries[slices.IndexFunc(layout.Entries, func(e graph.Entry) bool { return e.Name == name })]
		for j, got := range out[o.Name] {
			const h = 1e-5
			p := &arena[at.Offset+j]
			was := *p
			*p = was + h
			up := loss()
			*p = was - h
			down := loss()
			*p = was
			if want := (up - down) / (2 * h); math.Abs(got-want) > 2e-6*(1+math.Abs(want)) {
				l.t.Fatalf("gradient %d of %s is %v, want %v", j, name, got, want)
			}
			seen++
		}
	}
	if seen != layout.Size {
		l.t.Errorf("%d gradients of %d parameters", seen, layout.Size)
	}
}

// losses compares the program's loss of each row.
func (l *lab) losses(want []float64) {
	l.t.Helper()
	for i, got := range l.run()[objective.Loss] {
		if math.Abs(got-want[i]) > 1e-6*(1+want[i]) {
			l.t.Errorf("loss of row %d is %v, want %v", i, got, want[i])
		}
	}
}

func (l *lab) velocities() []float64 {
	v := make([]float64, l.n*l.dim)
	for i := range v {
		v[i] = float64(l.batch.X1.Data[i]) - float64(l.batch.X0.Data[i])
	}
	return v
}

// along returns a + s b, with one s for each row.
func along(a, s, b []float64) []float64 {
	out := slices.Clone(a)
	for i := range out {
		out[i] += s[i/(len(a)/len(s))] * b[i]
	}
	return out
}

func scaled(x []float64, c float64) []float64 {
	out := slices.Clone(x)
	for i := range out {
		out[i] *= c
	}
	return out
}

func squares(a, b []float64, dim int) []float64 {
	out := make([]float64, len(a)/dim)
	for i := range a {
		out[i/dim] += (a[i] - b[i]) * (a[i] - b[i])
	}
	return out
}

func mean(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v / float64(len(x))
	}
	return s
}

func only(t *testing.T, o objective.Objective, net nn.Network) objective.Phase {
	t.Helper()
	ps, err := o.Phases(net)
	if err != nil {
		t.Fatal(err)
	}
	if len(ps) != 1 || ps[0].Trains != nn.Group {
		t.Fatalf("the phases are %+v", ps)
	}
	return ps[0]
}

// line is the pairs' own velocities, or those of a teacher.
func line(t *testing.T, teacher bool, dim int) objective.Line {
	l := objective.Line{Path: path.Linear{}}
	if teacher {
		net := network(t, dim, flow.CondSpec{})
		p, err := nn.Velocity(net)
		if err != nil {
			t.Fatal(err)
		}
		l.Teacher = &objective.Teacher{Net: net, Params: make([]float32, p.Layout(nn.Group).Size)}
	}
	return l
}

// TestMeanFlowIsTheFormula: the target is v + span du/ds, its derivative along
// the flow taken by differences here; it and the weight are constants of the
// gradient.
func TestMeanFlowIsTheFormula(t *testing.T) {
	const n, dim = 7, 3
	for _, taught := range []bool{false, true} {
		net := nn.LongStep{Network: network(t, dim, flow.CondSpec{})}
		ln := line(t, taught, dim)
		l := newLab(t, only(t, objective.MeanFlow{Line: ln, Equal: 0.3, TimeMean: 0.4, TimeScale: 1}, net), n, dim)
		x, s, span := l.rows[nn.InX], l.rows[nn.InT], l.rows[nn.InSpan]
		v := l.velocities()
		if taught {
			v = l.answer(ln.Teacher.Net, objective.TeacherGroup, x, s, nil)
		}
		one, h := make([]float64, n), 1e-5
		for i := range one {
			one[i] = 1
		}
		u := func(d float64) []float64 {
			return l.answer(net, nn.Group, along(x, scaled(one, d), v), along(s, one, scaled(one, d)), along(span, one, scaled(one, -d)))
		}
		slope := along(scaled(u(h), 1/(2*h)), one, scaled(u(-h), -1/(2*h)))
		target := along(v, span, slope)
		want := squares(u(0), target, dim)
		l.losses(scaled(want, 1./dim))
		weight := make([]float64, n)
		for i, m := range want {
			weight[i] = 1 / (m + 0.01)
		}
		l.slopes(func() float64 {
			miss := squares(u(0), target, dim)
			for i := range miss {
				miss[i] *= weight[i]
			}
			return mean(miss)
		})
	}
}

// average is the exact mean velocity of the flow from N(0, 1) to N(0, S^2) times
// a parameter. Its points lie at x_t = x_0 c(t), c^2 = (1-t)^2 + S^2 t^2.
type average struct{ scale float64 }

const averageTo = 2.0

func (average) Dim() int                                      { return 1 }
func (average) CondSpec() flow.CondSpec                       { return flow.CondSpec{} }
func (a average) Init(p []float32, _ graph.Layout, _ rng.Key) { p[0] = float32(a.scale) }

func (average) Apply(b *graph.Builder, group string, in nn.Inputs) graph.Value {
	c := func(t graph.Value) graph.Value {
		left := b.Sub(b.Const(1, 1), t)
		return b.Sqrt(b.Add(b.Square(left), b.Scale(b.Square(t), averageTo*averageTo)))
	}
	to := in.T
	if in.Span != graph.None {
		to = b.Add(in.T, in.Span)
	}
	from, end := c(in.T), c(to)
	// (c(q) - c(s)) / ((q-s) c(s)), without a division by the span.
	u := b.Add(b.Scale(b.Add(in.T, to), 1+averageTo*averageTo), b.Const(-2, 1))
	u = b.Div(u, b.Mul(from, b.Add(from, end)))
	return b.Mul(b.Mul(in.X, u), b.ToRows(b.Param(group, "scale", 1)))
}

// TestMeanFlowIdentity: the exact average of a flow known in closed form has no
// loss and no gradient, at every span; another has both.
func TestMeanFlowIdentity(t *testing.T) {
	o := objective.MeanFlow{Line: objective.Line{Path: path.Linear{}, Teacher: &objective.Teacher{Net: average{}, Params: []float32{1}}}, Equal: 0.2, TimeScale: 2}
	l := newLab(t, only(t, o, nn.LongStep{Network: average{}}), 64, 1)
	l.arenas[objective.TeacherGroup][0] = 1
	for _, scale := range []float64{1, 1.1} {
		l.arenas[nn.Group][0] = scale
		out := l.run()
		loss, slope := slices.Max(out[objective.Loss]), math.Abs(out["grad:net/scale"][0])
		if exact := loss < 1e-20 && slope < 1e-9; exact != (scale == 1) {
			t.Errorf("at %v times the exact average the largest loss is %v, the gradient %v", scale, loss, slope)
		}
	}
	if spans := l.rows[nn.InSpan]; slices.Max(spans) < 0.2 || slices.Min(spans) != 0 {
		t.Errorf("spans from %v to %v", slices.Min(spans), slices.Max(spans))
	}
}

func TestMeanFlowTimes(t *testing.T) {
	const n = 40000
	ph := only(t, objective.MeanFlow{Line: line(t, false, 1), Equal: 0.75, TimeMean: 0.4, TimeScale: 1}, nn.LongStep{Network: network(t, 1, flow.CondSpec{})})
	in, b := objective.NewInputs(ph.Program, n), pairs(n, 1, flow.CondSpec{})
	if err := ph.Fill(in, &b, rng.New(2)); err != nil {
		t.Fatal(err)
	}
	equal, log, count := 0, 0.0, 0.0
	for i, s := range in.Mat(nn.InT).Data {
		span := in.Mat(nn.InSpan).Data[i]
		if span < 0 || s < 0 || s+span > 1 {
			t.Fatalf("row %d goes from %v over %v", i, s, span)
		}
		if span == 0 {
			equal++
			log += math.Log(float64(s / (1 - s)))
			count++
		}
	}
	if got := float64(equal) / n; math.Abs(got-0.75) > 0.01 {
		t.Errorf("%v of the spans are 0, want 0.75", got)
	}
	// Rows of span 0 keep the first of their two times.
	if got := log / count; math.Abs(got-0.4) > 0.03 {
		t.Errorf("the mean logit of s is %v, want 0.4", got)
	}
}

// TestShortcutIsTheFormula: rows of length 0 learn the velocity, others the mean
// of two half steps of the averaged network.
func TestShortcutIsTheFormula(t *testing.T) {
	const n, dim = 12, 2
	for _, taught := range []bool{false, true} {
		net, ln := nn.LongStep{Network: network(t, dim, flow.CondSpec{})}, line(t, taught, dim)
		l := newLab(t, only(t, objective.Shortcut{Line: ln, Bootstrap: 0.6}, net), n, dim)
		x, at, span := l.rows[nn.InX], l.rows[nn.InT], l.rows[nn.InSpan]
		half, asked, one := scaled(span, 0.5), make([]float64, n), make([]float64, n)
		long := 0
		for i, d := range span {
			one[i] = 1
			if at[i] < 0 || at[i]+d > 1 || d != 0 && math.Exp2(math.Round(math.Log2(d))) != d {
				t.Fatalf("row %d steps from %v by %v", i, at[i], d)
			}
			if d > 0 {
				long++
			}
			if asked[i] = d / 2; d <= 1./64 {
				asked[i] = 0
			}
		}
		if long == 0 || long == n {
			t.Fatalf("%d of %d rows are bootstrapped", long, n)
		}
		first := l.answer(net, objective.TargetGroup, x, at, asked)
		second := l.answer(net, objective.TargetGroup, along(x, half, first), along(at, one, half), asked)
		target := l.velocities()
		if taught {
			target = l.answer(ln.Teacher.Net, objective.TeacherGroup, x, at, nil)
		}
		for i := range target {
			if span[i/dim] > 0 {
				target[i] = (first[i] + second[i]) / 2
			}
		}
		losses := func() []float64 {
			return scaled(squares(l.answer(net, nn.Group, x, at, span), target, dim), 1./dim)
		}
		l.losses(losses())
		l.slopes(func() float64 { return mean(losses()) })
	}
}

// TestConsistencyIsTheFormula: two points of a path agree about the end of its
// segment and about the velocity.
func TestConsistencyIsTheFormula(t *testing.T) {
	const n, dim, alpha = 9, 2, 0.3
	for _, taught := range []bool{false, true} {
		net, ln := network(t, dim, flow.CondSpec{}), line(t, taught, dim)
		o := objective.Consistency{Line: ln, Segments: 2, Delta: 0.2, Alpha: alpha}
		l := newLab(t, only(t, o, net), n, dim)
		x, at := l.rows[nn.InX], l.rows[nn.InT]
		one, r, step, left, rest := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		inside := make([]float64, n)
		for i, s := range at {
			end := 0.5
			if s >= 0.5 {
				end = 1
			}
			one[i], r[i] = 1, math.Min(s+0.2, end)
			left[i], rest[i], step[i] = end-s, end-r[i], r[i]-s
			if rest[i] > 0 {
				inside[i] = 1
			}
		}
		if slices.Max(inside) == 0 || slices.Min(inside) == 1 {
			t.Fatal("no row of one of the kinds")
		}
		v := l.velocities()
		if taught {
			v = l.answer(ln.Teacher.Net, objective.TeacherGroup, x, at, nil)
			probe := l.answer(ln.Teacher.Net, objective.TeacherGroup, along(x, step, v), r, nil)
			v = along(scaled(v, 0.5), one, scaled(probe, 0.5))
		}
		ahead := along(x, step, v)
		theirs := l.answer(net, objective.TargetGroup, ahead, r, nil)
		losses := func() []float64 {
			own := l.answer(net, nn.Group, x, at, nil)
			miss := squares(along(x, left, own), along(ahead, rest, theirs), dim)
			for i, d := range squares(own, theirs, dim) {
				miss[i] += alpha * inside[i] * d
			}
			return scaled(miss, 1./dim)
		}
		want := losses()
		for i, got := range l.run()[objective.Loss] {
			if math.Abs(got-want[i]) > 2e-6*(1+want[i]) { // times are float32 in Fill
				t.Errorf("loss of row %d is %v, want %v", i, got, want[i])
			}
		}
		l.slopes(func() float64 { return mean(losses()) })
	}
}

// TestAdversarialIsTheFormula: both phases have the losses that the documentation
// says, R1 by differences of the critic, and their gradients.
func TestAdversarialIsTheFormula(t *testing.T) {
	const n, dim, r1 = 6, 2, 0.7
	net := network(t, dim, flow.CondSpec{})
	critic, err := nn.Spec{Kind: "mlp", Width: 5, Depth: 2, Activation: "tanh"}.Network(dim, flow.CondSpec{})
	if err != nil {
		t.Fatal(err)
	}
	ps, err := objective.Adversarial{Critic: critic, R1: r1, Rate: 2}.Phases(net)
	if err != nil || len(ps) != 2 {
		t.Fatalf("%d phases, %v", len(ps), err)
	}
	soft := func(x float64) float64 { return math.Log1p(math.Exp(x)) }
	for i, trains := range []string{objective.CriticGroup, nn.Group} {
		if ps[i].Trains != trains {
			t.Fatalf("phase %d trains %s", i, ps[i].Trains)
		}
		if s := ps[i].Optim(optim.Defaults()); s.Beta1 != 0 || s.Momentum != 0 {
			t.Errorf("phase %d has momentum %v and %v, which oscillates in a game", i, s.Beta1, s.Momentum)
		}
		l := newLab(t, ps[i], n, dim)
		zero := make([]float64, n)
		if !slices.Equal(l.rows[nn.InT], zero) || !slices.Equal(l.rows[nn.InX], wide(l.batch.X0.Data)) {
			t.Fatal("the generator does not start from x0 at t = 0")
		}
		judge := func(x []float64) []float64 {
			var d []float64
			for k, v := range l.answer(critic, objective.CriticGroup, x, zero, nil) {
				if k%dim == 0 {
					d = append(d, v)
				}
			}
			return d
		}
		x0, x1, one := wide(l.batch.X0.Data), wide(l.batch.X1.Data), make([]float64, n)
		for k := range one {
			one[k] = 1
		}
		losses := func() []float64 {
			fake := judge(along(x0, one, l.answer(net, nn.Group, x0, zero, nil)))
			out := make([]float64, n)
			if trains == nn.Group {
				for k, d := range fake {
					out[k] = soft(-d)
				}
				return out
			}
			for k, d := range judge(x1) {
				out[k] = soft(-d) + soft(fake[k])
			}
			for j := range dim {
				const h = 1e-4
				up, down := slices.Clone(x1), slices.Clone(x1)
				for k := range n {
					up[k*dim+j] += h
					down[k*dim+j] -= h
				}
				hi, lo := judge(up), judge(down)
				for k := range out {
					g := (hi[k] - lo[k]) / (2 * h)
					out[k] += r1 / 2 * g * g
				}
			}
			return out
		}
		l.losses(losses())
		l.slopes(func() float64 { return mean(losses()) })
	}
}

// TestFewStepFillsArePure: a fill is a function of its arguments and allocates
// nothing.
func TestFewStepFillsArePure(t *testing.T) {
	c := flow.CondSpec{Classes: 3, Real: 2, Mask: true}
	plain := network(t, 2, c)
	ln := objective.Line{Path: path.Linear{}, Drop: 0.3}
	for _, o := range []struct {
		obj objective.Objective
		net nn.Network
	}{
		{objective.MeanFlow{Line: ln, Equal: 0.5, TimeScale: 1}, nn.LongStep{Network: plain}},
		{objective.Shortcut{Line: ln, Bootstrap: 0.5}, nn.LongStep{Network: plain}},
		{objective.Consistency{Line: ln, Segments: 1, Delta: 0.1, Alpha: 0.1}, plain},
		{objective.Adversarial{Critic: plain, R1: 1, Rate: 1, Drop: 0.3}, plain},
	} {
		ps, err := o.obj.Phases(o.net)
		if err != nil {
			t.Fatal(err)
		}
		for _, ph := range ps {
			b := pairs(64, 2, c)
			in, again := objective.NewInputs(ph.Program, 64), objective.NewInputs(ph.Program, 64)
			for k, err := range []error{ph.Fill(in, &b, rng.New(1)), ph.Fill(again, &b, rng.New(2)), ph.Fill(again, &b, rng.New(1))} {
				if err != nil {
					t.Fatalf("%s, fill %d: %v", ph.Name, k, err)
				}
			}
			for _, r := range ph.Program.Rows {
				if !slices.Equal(in.Mat(r.Name).Data, again.Mat(r.Name).Data) || !slices.Equal(in.Ints(r.Name), again.Ints(r.Name)) {
					t.Errorf("%s: %s differs between two fills", ph.Name, r.Name)
				}
			}
			if a := testing.AllocsPerRun(10, func() { ph.Fill(in, &b, rng.New(1)) }); a != 0 {
				t.Errorf("%s: a fill allocates %v times", ph.Name, a)
			}
		}
	}
}

func TestFewStepErrors(t *testing.T) {
	plain := network(t, 2, flow.CondSpec{})
	long := nn.LongStep{Network: plain}
	ln := objective.Line{Path: path.Linear{}}
	other := objective.Line{Path: path.Linear{}, Teacher: &objective.Teacher{Net: network(t, 3, flow.CondSpec{})}}
	for want, f := range map[string]func() error{
		"needs a path":                          func() error { _, err := objective.MeanFlow{}.Phases(long); return err },
		"meanflow needs a network that is told": func() error { _, err := objective.MeanFlow{Line: ln}.Phases(plain); return err },
		"shortcut needs a network that is told": func() error { _, err := objective.Shortcut{Line: ln}.Phases(plain); return err },
		"plain network": func() error {
			_, err := objective.Consistency{Line: ln, Segments: 1, Delta: 1}.Phases(long)
			return err
		},
		"at least one segment": func() error { _, err := objective.Consistency{Line: ln, Delta: 1}.Phases(plain); return err },
		"has dimension 3":      func() error { _, err := objective.Shortcut{Line: other}.Phases(long); return err },
		"of the generator":     func() error { _, err := objective.Adversarial{}.Phases(plain); return err },
		"out of range":         func() error { _, err := objective.Adversarial{Critic: plain}.Phases(plain); return err },
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for field, c := range map[string]func(*objective.Config){
		"loss.equal":        func(c *objective.Config) { c.Equal = 1 },
		"loss.bootstrap":    func(c *objective.Config) { c.Bootstrap = 0 },
		"loss.segments":     func(c *objective.Config) { c.Segments = 0 },
		"loss.delta":        func(c *objective.Config) { c.Delta = math.NaN() },
		"loss.critic.width": func(c *objective.Config) { c.Critic.Width = 0 },
		"loss.r1":           func(c *objective.Config) { c.R1 = -1 },
	} {
		d := objective.Defaults()
		c(&d)
		if err := d.Validate("loss"); err == nil || !strings.HasPrefix(err.Error(), field+":") {
			t.Errorf("%s: %v", field, err)
		}
	}
}
