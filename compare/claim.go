package compare

import (
	"fmt"
	"math"
	"strings"

	"laminar/metric"
)

// Rule is a claim with what decides it.
type Rule struct {
	Claim, Rule string
	decide      func(*figures) (verdict, Evidence)
}

// Evidence is what a claim was decided by.
type Evidence struct {
	// Text tells the figures, or why there are none.
	Text    string   `json:"text"`
	Figures []Figure `json:"figures"`
}

// Figure is one number of the evidence; CI is its 95 % interval over the seeds,
// null where it has none.
type Figure struct {
	Name  string           `json:"name"`
	Value metric.Number    `json:"value"`
	CI    *metric.Interval `json:"ci"`
}

func (e *Evidence) add(name string, v float64) {
	e.Figures = append(e.Figures, Figure{Name: name, Value: metric.Number(v)})
}

func (e *Evidence) addWith(name string, v float64, ci metric.Interval) {
	f := Figure{Name: name, Value: metric.Number(v)}
	if !math.IsNaN(float64(ci[0])) {
		f.CI = &ci
	}
	e.Figures = append(e.Figures, f)
}

// noFigures is the evidence where there are none.
func noFigures(format string, a ...any) Evidence {
	return Evidence{Text: fmt.Sprintf(format, a...), Figures: []Figure{}}
}

// verdict is true, false or, as nil, undecided.
type verdict *bool

func sure(b bool) verdict { return &b }

// figures are what the claims are decided by.
type figures struct {
	trials map[string][]trial
	floor  []float64
}

// Rules lists the claims of the post, in its order, with their rules.
func Rules() []Rule {
	return []Rule{
		{
			"Optimal transport lowers the loss.",
			"The loss of ot over that of independent, seed by seed: holds if the interval of the ratio lies below 1, fails if above.",
			func(f *figures) (verdict, Evidence) {
				return f.less("ot", "independent", "loss", func(t trial) float64 { return t.loss })
			},
		},
		{
			"Optimal transport converges faster.",
			fmt.Sprintf("Training steps until W2 is at most %g times the floor, ot over independent: holds if the interval of the ratio lies below 1, fails if above. A training that never gets there counts with all its steps where that favours neither side's claim, else the claim is undecided.", Target),
			converges,
		},
		{
			"Optimal transport gives cleaner samples.",
			"W2 to data at 100 evaluations, ot over independent: holds if the interval of the ratio lies below 1, fails if above.",
			func(f *figures) (verdict, Evidence) {
				return f.less("ot", "independent", "W2 at 100 evaluations", func(t trial) float64 { return at(t, 100) })
			},
		},
		{
			"Optimal transport straightens the paths.",
			"Straightness (0 is straight) of the solved paths, ot over independent: holds if the interval of the ratio lies below 1, fails if above.",
			func(f *figures) (verdict, Evidence) {
				return f.less("ot", "independent", "straightness", func(t trial) float64 { return t.straightness })
			},
		},
		{
			"Optimal transport needs fewer steps.",
			fmt.Sprintf("Evaluations from which W2 stays within %g of the method's own at 100, ot over independent: holds if the interval of the ratio lies below 1, fails if above.", Tolerance),
			func(f *figures) (verdict, Evidence) {
				return f.less("ot", "independent", "evaluations needed", func(t trial) float64 { return t.needed })
			},
		},
		{
			"The path of diffusion is curved, that of flow matching is not.",
			"Straightness of the solved paths, independent flow over diffusion: holds if the interval of the ratio lies below 1, fails if above.",
			func(f *figures) (verdict, Evidence) {
				return f.less("independent", "diffusion", "straightness", func(t trial) float64 { return t.straightness })
			},
		},
		{
			"The path of diffusion is curved, that of flow matching with optimal transport is not.",
			"Straightness of the solved paths, ot over diffusion: holds if the interval of the ratio lies below 1, fails if above.",
			func(f *figures) (verdict, Evidence) {
				return f.less("ot", "diffusion", "straightness", func(t trial) float64 { return t.straightness })
			},
		},
		{
			"Diffusion needs 20 to 50 steps where flow matching needs 4 to 8.",
			fmt.Sprintf("Evaluations from which W2 stays within %g of the method's own at 100: holds if the interval of diffusion lies at 20 or above and that of independent flow at 8 or below; fails if that of diffusion lies below 20 or that of the flow above 8.", Tolerance),
			func(f *figures) (verdict, Evidence) { return f.needs("independent") },
		},
		{
			"Diffusion needs 20 to 50 steps where flow matching with optimal transport needs 4 to 8.",
			"The same with ot in place of independent.",
			func(f *figures) (verdict, Evidence) { return f.needs("ot") },
		},
		{
			"Training a flow needs no ODE and no adversary.",
			"Counted: holds if a step of independent flow and of ot updates one network once and no training of theirs evaluates a solver, fails otherwise.",
			plain,
		},
		{
			"The map of a GAN cannot be watched.",
			"Holds if the GAN has no state between noise and sample, while those of independent flow come nearer to the data at every quarter of the way (W2 of the first seed); fails if the GAN has such states, undecided if the flow's do not come nearer.",
			unwatched,
		},
	}
}

// at is W2 at a number of evaluations, NaN if the method was not judged there.
func at(t trial, nfe int) float64 {
	for k, n := range evaluations {
		if n == nfe && k < len(t.w2) {
			return t.w2[k]
		}
	}
	return math.NaN()
}

// less decides whether method a has less of a figure than b.
func (f *figures) less(a, b, name string, of func(trial) float64) (verdict, Evidence) {
	x, y := f.trials[a], f.trials[b]
	if len(x) == 0 || len(y) == 0 {
		return nil, noFigures("%s and %s were not both trained", a, b)
	}
	var u, v []float64
	for s := range x {
		u, v = append(u, of(x[s])), append(v, of(y[s]))
	}
	return ratioBelow1(a, b, name, u, v)
}

// ratioBelow1 decides whether u is less than v, seed by seed.
func ratioBelow1(a, b, name string, u, v []float64) (verdict, Evidence) {
	mean, ci := Ratio(u, v)
	e := Evidence{Text: fmt.Sprintf("%s: %s %s, %s %s, ratio %s %s", name, a, short(geometric(u)), b, short(geometric(v)), short(mean), span(ci))}
	e.add(name+" of "+a, geometric(u))
	e.add(name+" of "+b, geometric(v))
	e.addWith("ratio", mean, ci)
	switch {
	case float64(ci[1]) < 1:
		return sure(true), e
	case float64(ci[0]) > 1:
		return sure(false), e
	}
	return nil, e
}

// Ratio returns the geometric mean of u[s]/v[s] with its 95 % interval: that of
// Student's t for the logarithms. The ends are NaN for fewer than two seeds and
// where a figure is not positive.
func Ratio(u, v []float64) (mean float64, ci metric.Interval) {
	logs := make([]float64, len(u))
	for s := range u {
		logs[s] = math.Log(u[s] / v[s])
	}
	m, i := metric.Student(logs)
	return math.Exp(m), metric.Interval{metric.Number(math.Exp(float64(i[0]))), metric.Number(math.Exp(float64(i[1])))}
}

func geometric(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += math.Log(x) / float64(len(v))
	}
	return math.Exp(sum)
}

// converges compares the steps to the target. A training that did not get there
// has at least as many steps as it took: that can only hide an advantage of the
// other method, never make one.
func converges(f *figures) (verdict, Evidence) {
	x, y := f.trials["ot"], f.trials["independent"]
	if len(x) == 0 || len(y) == 0 {
		return nil, noFigures("ot and independent were not both trained")
	}
	steps := func(trials []trial) (v []float64, missing int) {
		for _, t := range trials {
			n := t.toTarget
			if math.IsNaN(n) {
				missing++
				n = float64(t.marks[len(t.marks)-1].step)
			}
			v = append(v, n)
		}
		return v, missing
	}
	u, lostU := steps(x)
	v, lostV := steps(y)
	holds, evidence := ratioBelow1("ot", "independent", "steps to the target", u, v)
	if lostU+lostV > 0 {
		evidence.Text += fmt.Sprintf("; %d of %d trainings of ot and %d of independent did not get there and count with all their steps", lostU, len(u), lostV)
	}
	if holds != nil && (*holds && lostU > 0 || !*holds && lostV > 0) {
		holds = nil
	}
	return holds, evidence
}

// needs compares the evaluations that diffusion and a flow need with those claimed.
func (f *figures) needs(flow string) (verdict, Evidence) {
	x, y := f.trials["diffusion"], f.trials[flow]
	if len(x) == 0 || len(y) == 0 {
		return nil, noFigures("diffusion and %s were not both trained", flow)
	}
	level := func(trials []trial) (float64, metric.Interval) {
		var v, ones []float64
		for _, t := range trials {
			v, ones = append(v, t.needed), append(ones, 1)
		}
		return Ratio(v, ones)
	}
	d, dci := level(x)
	v, vci := level(y)
	evidence := Evidence{Text: fmt.Sprintf("evaluations needed: diffusion %s %s, %s %s %s", short(d), span(dci), flow, short(v), span(vci))}
	evidence.addWith("evaluations needed by diffusion", d, dci)
	evidence.addWith("evaluations needed by "+flow, v, vci)
	switch {
	case dci[0] >= 20 && vci[1] <= 8:
		return sure(true), evidence
	case dci[1] < 20 || vci[0] > 8:
		return sure(false), evidence
	}
	return nil, evidence
}

// plain counts what training is made of.
func plain(f *figures) (verdict, Evidence) {
	if len(f.trials["independent"]) == 0 || len(f.trials["ot"]) == 0 {
		return nil, noFigures("ot and independent were not both trained")
	}
	holds := true
	var told []string
	var evidence Evidence
	for _, name := range []string{"independent", "ot", "gan", "reflow"} {
		for _, t := range f.trials[name][:min(1, len(f.trials[name]))] {
			solver := "no solver"
			if t.solved > 0 {
				solver = fmt.Sprintf("%d evaluations of a solver", t.solved)
			}
			told = append(told, fmt.Sprintf("%s: %d %s and %d %s in a step, %s", name, t.networks, plural(t.networks, "network"), t.phases, plural(t.phases, "update"), solver))
			evidence.add("networks in a step of "+name, float64(t.networks))
			evidence.add("updates in a step of "+name, float64(t.phases))
			evidence.add("evaluations of a solver in a training of "+name, float64(t.solved))
			if name == "independent" || name == "ot" {
				holds = holds && t.networks == 1 && t.phases == 1 && t.solved == 0
			}
		}
	}
	evidence.Text = strings.Join(told, "; ")
	return sure(holds), evidence
}

// unwatched looks for states between noise and sample.
func unwatched(f *figures) (verdict, Evidence) {
	gan, free := f.trials["gan"], f.trials["independent"]
	if len(gan) == 0 || len(free) == 0 {
		return nil, noFigures("gan and independent were not both trained")
	}
	var states []string
	var evidence Evidence
	evidence.add("states of gan on the way", float64(len(gan[0].watched)))
	nearer := len(free[0].watched) > 1
	for k, d := range free[0].watched {
		states = append(states, short(d))
		evidence.add(fmt.Sprintf("W2 of independent at %d of %d parts of the way", k, watchTimes), d)
		nearer = nearer && (k == 0 || d < free[0].watched[k-1])
	}
	evidence.Text = fmt.Sprintf("gan: %d states on the way; independent flow: W2 to data at each quarter of the way %s", len(gan[0].watched), strings.Join(states, ", "))
	switch {
	case len(gan[0].watched) > 0:
		return sure(false), evidence
	case nearer:
		return sure(true), evidence
	}
	return nil, evidence
}

// short writes a figure to three digits.
func short(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.Abs(v) >= 1000:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

func span(ci metric.Interval) string {
	if math.IsNaN(float64(ci[0])) {
		return "(no interval of one seed)"
	}
	return fmt.Sprintf("[%s, %s]", short(float64(ci[0])), short(float64(ci[1])))
}
