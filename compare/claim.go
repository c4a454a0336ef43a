package compare

import (
	"fmt"
	"math"

	"laminar/metric"
)

// Rule is a claim with what decides it.
type Rule struct {
	Claim, Rule string
	decide      func(*figures) (verdict, string)
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
			func(f *figures) (verdict, string) {
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
			func(f *figures) (verdict, string) {
				return f.less("ot", "independent", "W2 at 100 evaluations", func(t trial) float64 { return at(t, 100) })
			},
		},
		{
			"Optimal transport straightens the paths.",
			"Straightness (0 is straight) of the solved paths, ot over independent: holds if the interval of the ratio lies below 1, fails if above.",
			func(f *figures) (verdict, string) {
				return f.less("ot", "independent", "straightness", func(t trial) float64 { return t.straightness })
			},
		},
		{
			"Optimal transport needs fewer steps.",
			fmt.Sprintf("Evaluations from which W2 stays within %g of the method's own at 100, ot over independent: holds if the interval of the ratio lies below 1, fails if above.", Tolerance),
			func(f *figures) (verdict, string) {
				return f.less("ot", "independent", "evaluations needed", func(t trial) float64 { return t.needed })
			},
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
func (f *figures) less(a, b, name string, of func(trial) float64) (verdict, string) {
	x, y := f.trials[a], f.trials[b]
	if len(x) == 0 || len(y) == 0 {
		return nil, fmt.Sprintf("%s and %s were not both trained", a, b)
	}
	var u, v []float64
	for s := range x {
		u, v = append(u, of(x[s])), append(v, of(y[s]))
	}
	return ratioBelow1(a, b, name, u, v)
}

// ratioBelow1 decides whether u is less than v, seed by seed.
func ratioBelow1(a, b, name string, u, v []float64) (verdict, string) {
	mean, ci := Ratio(u, v)
	evidence := fmt.Sprintf("%s: %s %s, %s %s, ratio %s %s", name, a, short(geometric(u)), b, short(geometric(v)), short(mean), span(ci))
	switch {
	case float64(ci[1]) < 1:
		return sure(true), evidence
	case float64(ci[0]) > 1:
		return sure(false), evidence
	}
	return nil, evidence
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
func converges(f *figures) (verdict, string) {
	x, y := f.trials["ot"], f.trials["independent"]
	if len(x) == 0 || len(y) == 0 {
		return nil, "ot and independent were not both trained"
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
		evidence += fmt.Sprintf("; %d of %d trainings of ot and %d of independent did not get there and count with all their steps", lostU, len(u), lostV)
	}
	if holds != nil && (*holds && lostU > 0 || !*holds && lostV > 0) {
		holds = nil
	}
	return holds, evidence
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
