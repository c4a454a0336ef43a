package run

import (
	"context"
	"fmt"
	"math"
	"slices"

	"laminar/flow"
	"laminar/metric"
	"laminar/plot"
	"laminar/recipe"
	"laminar/rng"
	"laminar/solve"
	"laminar/tensor"
)

// AdviseOptions says what settings are tried and how they are measured. Start
// from AdviseDefaults.
type AdviseOptions struct {
	// Tolerance is how many times the best W2 the advised setting may have.
	Tolerance float64
	// NFE lists the numbers of evaluations to try, Solvers and Grids the rest; a
	// solver that a model cannot take, or that cannot spend a number, is passed over.
	NFE            []int
	Solvers, Grids []string
	// N is the number of points on each side of an exact distance, Pairs the number
	// of pairs of draws; Screen is the number of points of the first look, four times
	// as many where evaluations are few.
	N, Pairs, Screen int
	// Guidance is the scale of classifier-free guidance of images and sounds.
	Guidance float64
	// Key is the source of all chance.
	Key rng.Key
	// Threads bounds the cores; 0 is all.
	Threads int
	// Watch, if not nil, is told how many of how many measurements are done.
	Watch func(done, total int)
}

// AdviseDefaults returns a tolerance of 1.1, up to 100 evaluations, and the sizes
// of an evaluation.
func AdviseDefaults() AdviseOptions {
	e := metric.Defaults()
	return AdviseOptions{
		Tolerance: 1.1, NFE: []int{1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 64, 100},
		Solvers: []string{"euler", "midpoint", "heun", "rk4", "ab2", "abm", "dpmpp2m", "unipc", "jump"},
		Grids:   []string{"uniform", "quadratic", "cosine", "cosmap"},
		N:       e.N, Pairs: e.Pairs, Screen: 4000, Guidance: 1, Key: e.Key,
	}
}

// Validate reports the first fault as a *flow.FieldError.
func (o AdviseOptions) Validate() error {
	if !(o.Tolerance >= 1) || math.IsInf(o.Tolerance, 0) {
		return &flow.FieldError{Path: "tolerance", Msg: fmt.Sprintf("%v is not at least 1, the best", o.Tolerance)}
	}
	c := metric.Defaults()
	c.N = o.N
	if err := c.Validate(); err != nil {
		return err
	}
	if o.Pairs < 3 {
		return &flow.FieldError{Path: "eval.Pairs", Msg: fmt.Sprintf("%d pairs give no interval; take at least 3", o.Pairs)}
	}
	if o.Screen < 3 {
		return &flow.FieldError{Path: "screen", Msg: fmt.Sprintf("%d is not at least 3", o.Screen)}
	}
	for _, n := range o.NFE {
		if n < 1 {
			return &flow.FieldError{Path: "nfe", Msg: fmt.Sprintf("%d is not at least 1", n)}
		}
	}
	for _, s := range o.Solvers {
		if _, err := solve.Named(s); err != nil {
			return err
		}
	}
	return nil
}

// Trial is one setting as it was measured. Ratio is its mean W2 over that of the
// best setting, from the same pairs of draws, with a 95 % interval.
type Trial struct {
	Solver  string          `json:"solver"`
	Grid    string          `json:"grid"`
	NFE     int             `json:"nfe"`
	W2      metric.Number   `json:"w2"`
	W2CI    metric.Interval `json:"w2_ci"`
	Ratio   metric.Number   `json:"ratio"`
	RatioCI metric.Interval `json:"ratio_ci"`

	pairs []float64
}

func (t Trial) setting() metric.Setting {
	s := metric.Setting{Solver: t.Solver, NFE: t.NFE, Grid: t.Grid}
	if s.Grid == equalSteps {
		s.Grid = ""
	}
	return s
}

const (
	equalSteps = "uniform"
	fewNFE     = 8
	manyNFE    = 32
)

// Advice is what Advise found. Chosen and Best are measured on draws that had no
// part in choosing them; Curve is what the choice was made from, by NFE.
type Advice struct {
	Tolerance float64 `json:"tolerance"`
	Chosen    Trial   `json:"chosen"`
	Best      Trial   `json:"best"`
	// Within tells whether the interval of Chosen's ratio lies below the tolerance.
	Within bool `json:"within"`
	// Rejected are cheaper settings that were chosen first and did not hold on fresh
	// draws.
	Rejected []Trial         `json:"rejected"`
	Floor    metric.Number   `json:"floor"`
	FloorCI  metric.Interval `json:"floor_ci"`
	// Tried is the number of settings of the first look.
	Tried int     `json:"tried"`
	N     int     `json:"n"`
	Pairs int     `json:"pairs"`
	Curve []Trial `json:"curve"`
}

// Advise finds the cheapest way to sample a model within a tolerance of the best.
//
// A first look measures every setting by sliced W2 from the same noise. The best
// solvers and grids at every number of evaluations are then measured by exact
// W2 over several pairs of draws, all from the same noise against the same data,
// so that settings differ by the solver alone. The cheapest whose mean W2 is within
// the tolerance of the best one's is chosen; it and the best are measured once more
// on twice as many pairs of fresh noise and fresh data, and it is given up for the
// next one unless it is within the tolerance there too. So the advice is not the
// luck of the draw that it was found by; Within says whether the interval leaves
// any doubt.
func Advise(ctx context.Context, s *Saved, plan *recipe.Plan, o AdviseOptions) (Advice, error) {
	if err := o.Validate(); err != nil {
		return Advice{}, err
	}
	if err := s.comparable("advice"); err != nil {
		return Advice{}, err
	}
	c := metric.Defaults()
	c.N, c.Pairs, c.Fine, c.Directions = 2, 1, o.Screen, 16
	subject, err := subjectOf(s, plan, EvalOptions{Config: c, Guidance: 1, Threads: o.Threads})
	if err != nil {
		return Advice{}, err
	}
	a := adviser{o: o, subject: subject, out: Advice{Tolerance: o.Tolerance, Rejected: []Trial{}}}
	tried, err := a.o.settings(s, EvalOptions{}, manyNFE, math.MaxInt)
	if err != nil {
		return Advice{}, err
	}
	a.out.Tried = len(tried)
	a.total = len(tried) + 3*len(o.NFE) + 2 // about

	c.Key = o.Key.Split("screen")
	var rows []metric.Row
	for _, look := range []struct {
		points int
		is     func(metric.Setting) bool
	}{
		{4 * o.Screen, func(s metric.Setting) bool { return s.NFE <= fewNFE }},
		{o.Screen, func(s metric.Setting) bool { return s.NFE > fewNFE }},
	} {
		c.Fine = look.points
		first, err := a.measure(ctx, c, slices.DeleteFunc(slices.Clone(tried), func(s metric.Setting) bool { return !look.is(s) }))
		if err != nil {
			return Advice{}, err
		}
		rows = append(rows, first.Rows...)
	}
	c.N, c.Pairs, c.Fine, c.W2Only = o.N, o.Pairs, 3, true
	c.Key = o.Key.Split("choice")
	short := shortlist(rows)
	a.total = len(tried) + len(short) + 2
	report, err := a.measure(ctx, c, short)
	if err != nil {
		return Advice{}, err
	}
	a.out.Floor, a.out.FloorCI, a.out.N, a.out.Pairs = report.Floor.W2, report.Floor.W2CI, report.N, report.Pairs
	best, err := a.curve(report.Rows)
	if err != nil {
		return Advice{}, err
	}
	c.Pairs *= 2
	for look := 0; ; look++ {
		chosen := a.cheapest(best)
		c.Key = o.Key.Split("fresh").At(uint64(look))
		settings := []metric.Setting{best.setting()}
		if chosen.setting() != best.setting() {
			settings = append(settings, chosen.setting())
		}
		fresh, err := a.measure(ctx, c, settings)
		if err != nil {
			return Advice{}, err
		}
		rows := fresh.Rows
		a.out.Best = trial(rows[0], rows[0].Pairs, c.Key)
		a.out.Chosen = trial(rows[len(rows)-1], rows[0].Pairs, c.Key)
		a.out.Within = len(rows) == 1 || float64(a.out.Chosen.RatioCI[1]) <= o.Tolerance
		if len(rows) == 1 || float64(a.out.Chosen.Ratio) <= o.Tolerance {
			if o.Watch != nil {
				o.Watch(a.total, a.total)
			}
			return a.out, nil
		}
		a.out.Rejected = append(a.out.Rejected, a.out.Chosen)
	}
}

// comparable reports, for what goes by distances between rows, where those say
// nothing.
func (s *Saved) comparable(what string) error {
	if s.Kind() != recipe.Molecules {
		return nil
	}
	return fmt.Errorf("%w: %s goes by W2 between rows, which says nothing of molecules: their atoms have no order, and they may be turned; compare settings by laminar eval MODEL --nfe 20,50,100", flow.ErrConfig, what)
}

// adviser is the state of one Advise.
type adviser struct {
	o           AdviseOptions
	subject     metric.Subject
	out         Advice
	done, total int
}

// settings lists what a model can be sampled with. Grids beside equal steps are
// tried up to uneven evaluations: one step is the same on every grid, and many
// nearly so. Beyond several evaluations, solvers are tried only where none before
// them takes as many.
func (o AdviseOptions) settings(s *Saved, e EvalOptions, uneven, several int) ([]metric.Setting, error) {
	if err := s.watchable(); err != nil {
		return nil, err
	}
	cost := 1
	if e.Guidance != 0 && e.Guidance != 1 {
		cost = 2
	}
	var out []metric.Setting
	taken := map[int]bool{}
	for _, name := range o.Solvers {
		m, err := solve.Named(name)
		if err != nil {
			return nil, err
		}
		if m.Scheduled && s.Model.Schedule == nil || m.Kind == solve.Jump && !s.Model.LongSteps() || m.Kind == solve.SDE && s.Model.Coupled {
			continue
		}
		for _, grid := range o.Grids {
			for _, nfe := range o.NFE {
				steps, err := solve.Steps(m, nfe, cost)
				if err != nil || grid != equalSteps && (steps == 1 || nfe > uneven) || nfe > several && taken[nfe] {
					continue
				}
				set := metric.Setting{Solver: name, NFE: nfe, Grid: grid}
				if grid == equalSteps {
					set.Grid = ""
				} else if _, err := gridOf(set, e); err != nil {
					return nil, err
				}
				out = append(out, set)
			}
		}
		for _, set := range out {
			taken[set.NFE] = true
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no solver of %s can sample this model with these numbers of evaluations", flow.ErrConfig, few(o.Solvers))
	}
	return out, nil
}

// measure evaluates settings one by one as far as progress goes, and together as
// far as draws go: all see the same noise and the same data.
func (a *adviser) measure(ctx context.Context, c metric.Config, settings []metric.Setting) (metric.Report, error) {
	c.Settings = settings
	subject := a.subject
	draw := subject.Draw
	subject.Draw = func(ctx context.Context, n int, set metric.Setting, key rng.Key) (x tensor.Mat, nfe float64, err error) {
		x, nfe, err = draw(ctx, n, set, key)
		if a.done++; a.o.Watch != nil {
			a.o.Watch(min(a.done, a.total), a.total)
		}
		return x, nfe, err
	}
	return metric.Evaluate(ctx, c, subject)
}

// shortlist returns the settings with the best sliced W2 at each NFE: three where
// evaluations are few and the choice matters, one above; and a few of Euler's equal
// steps, for comparison.
func shortlist(rows []metric.Row) []metric.Setting {
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, func(a, b metric.Row) int {
		if a.NFE != b.NFE {
			return a.NFE - b.NFE
		}
		switch x, y := float64(a.SW2), float64(b.SW2); {
		case x < y || x == x && y != y:
			return -1
		case x > y || y == y && x != x:
			return 1
		}
		return 0
	})
	var out []metric.Setting
	count := map[int]int{}
	for _, r := range sorted {
		count[r.NFE]++
		most := 1
		if r.NFE <= fewNFE {
			most = 3
		}
		plain := r.Solver == "euler" && r.Grid == "" && r.NFE&(r.NFE-1) == 0 // powers of 2
		if (count[r.NFE] <= most || plain) && !math.IsNaN(float64(r.SW2)) {
			out = append(out, metric.Setting{Solver: r.Solver, NFE: r.NFE, Grid: r.Grid})
		}
	}
	return out
}

// trial describes a row; best are the distances of the best setting from the same
// pairs.
func trial(r metric.Row, best []float64, key rng.Key) Trial {
	t := Trial{Solver: r.Solver, Grid: r.Grid, NFE: r.NFE, W2: r.W2, W2CI: r.W2CI, pairs: r.Pairs}
	if t.Grid == "" {
		t.Grid = equalSteps
	}
	nan := metric.Number(math.NaN())
	t.Ratio, t.RatioCI = nan, metric.Interval{nan, nan}
	if r.Pairs != nil {
		ratio, ci := metric.BootstrapRatio(r.Pairs, best, key.Split("bootstrap"))
		t.Ratio, t.RatioCI = metric.Number(ratio), ci
	}
	return t
}

// curve fills Curve and returns the best setting.
func (a *adviser) curve(rows []metric.Row) (Trial, error) {
	best := -1
	for i, r := range rows {
		if r.Pairs != nil && (best < 0 || r.W2 < rows[best].W2) {
			best = i
		}
	}
	if best < 0 {
		return Trial{}, fmt.Errorf("%w: every setting that was tried leads to infinity", flow.ErrDiverged)
	}
	for _, r := range rows {
		a.out.Curve = append(a.out.Curve, trial(r, rows[best].Pairs, a.o.Key))
	}
	return a.out.Curve[best], nil
}

// cheapest returns the first setting by cost that lies within the tolerance and
// was not rejected, the best one if no other does.
func (a *adviser) cheapest(best Trial) Trial {
	pick := best
	for _, t := range a.out.Curve {
		if !(float64(t.Ratio) <= a.o.Tolerance) || slices.ContainsFunc(a.out.Rejected, func(r Trial) bool { return r.setting() == t.setting() }) {
			continue
		}
		if t.NFE < pick.NFE || t.NFE == pick.NFE && t.W2 < pick.W2 {
			pick = t
		}
	}
	return pick
}

// BestAt returns the best setting of Curve at every number of evaluations.
func (a Advice) BestAt() (out []Trial) {
	for _, t := range a.Curve {
		switch last := len(out) - 1; {
		case last < 0 || out[last].NFE != t.NFE:
			out = append(out, t)
		case t.W2 < out[last].W2:
			out[last] = t
		}
	}
	return out
}

// Figure draws W2 against the number of evaluations: the best setting at each,
// and Euler on equal steps.
func (a Advice) Figure(title string, dark bool) (plot.Figure, error) {
	best, euler := plot.Series{Name: "best solver and grid"}, plot.Series{Name: "euler"}
	add := func(s *plot.Series, t Trial) {
		s.NFE, s.W2 = append(s.NFE, float64(t.NFE)), append(s.W2, float64(t.W2))
		s.Lo, s.Hi = append(s.Lo, float64(t.W2CI[0])), append(s.Hi, float64(t.W2CI[1]))
	}
	for _, t := range a.BestAt() {
		add(&best, t)
	}
	for _, t := range a.Curve {
		if t.Solver == "euler" && t.Grid == equalSteps {
			add(&euler, t)
		}
	}
	chosen := plot.Series{Name: fmt.Sprintf("advised: %s, %s, %d", a.Chosen.Solver, a.Chosen.Grid, a.Chosen.NFE)}
	add(&chosen, a.Chosen)
	q := plot.Quality{Title: title, Series: []plot.Series{best}, Floor: float64(a.Floor), FloorLo: float64(a.FloorCI[0]), FloorHi: float64(a.FloorCI[1]), Dark: dark}
	if len(euler.NFE) > 1 {
		q.Series = append(q.Series, euler)
	}
	q.Series = append(q.Series, chosen)
	return q.Figure()
}
