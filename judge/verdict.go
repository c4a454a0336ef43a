package judge

import (
	"fmt"
	"math"
	"strings"
)

// Verdict is the judgement in words.
type Verdict struct {
	Fidelity   string `json:"fidelity"`
	Usefulness string `json:"usefulness"`
	Privacy    string `json:"privacy"`
	// Private is true where no measure of privacy is worse than chance allows. It is
	// false where some is, and where nothing is held out to measure by.
	Private bool `json:"private"`

	apart bool // of fidelity
}

// Apart tells that the synthetic rows are recognisable or far by the verdict on their
// fidelity.
func (r *Report) Apart() bool { return r.Verdict.apart }

func (v Verdict) all() []string {
	var out []string
	for _, s := range []string{v.Fidelity, v.Usefulness, v.Privacy} {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// decide puts the figures into words. The rules:
//
//	fidelity    by the larger of the ratios of Shape and Trend error to their floors,
//	            and by the AUC of trees above its floor: "as good as new real rows" up to
//	            1.5 and 0.02; "close" up to 4 and 0.15; "recognisable" up to 12 and 0.35;
//	            else "far". The AUC of so few rows that chance moves it by more than
//	            0.05 (two standard errors) does not count
//	usefulness  by what synthetic rows lose in AUC or R² against real ones: next to
//	            nothing up to 0.01, little up to 0.03, some up to 0.1, else much; not told
//	            where the interval of the loss is wider than 0.06 and holds 0.02, or
//	            where the real table teaches nothing: AUC below 0.55, R² below 0.05
//	privacy     a measure fails if it exceeds its floor by more than three standard
//	            errors, DCR share and the attack's AUC also by more than 0.02; copies do
//	            only if rows that training has once are met more often than held-out ones.
//	            Where chance
//	            moves the DCR share by more than 0.06, the test is called weak
func (r *Report) decide() {
	r.Worst = r.worst(5)
	r.Verdict.Fidelity = r.fidelity()
	r.Verdict.Usefulness = r.use()
	r.Verdict.Privacy, r.Verdict.Private = r.private()
}

func (r *Report) fidelity() string {
	ratio := 0.
	var parts []string
	for _, v := range []struct {
		name         string
		value, floor float64
	}{{"Shape", float64(r.Shape), float64(r.Floor.Shape)}, {"Trend", float64(r.Trend), float64(r.Floor.Trend)}} {
		if v.value == v.value && v.floor > 0 {
			ratio = max(ratio, v.value/v.floor)
			parts = append(parts, fmt.Sprintf("%s error is %.1f times its floor", v.name, v.value/v.floor))
		}
	}
	above, told, few := 0., 0.02, "" // told: what chance does not make of nothing
	if a, f := float64(r.TreesAUC), float64(r.Floor.TreesAUC); a == a && f == f {
		if 2*float64(r.TreesAUCSE) > 0.05 {
			few = " There are too few rows to compare for trees to tell them apart."
		} else {
			above = a - max(0.5, f)
			if se := float64(r.TreesAUCSE); se == se {
				told = max(told, 2*se)
			}
			parts = append(parts, fmt.Sprintf("trees tell them apart with an AUC of %.2f (real rows from real rows %.2f; 0.5 is guessing)", a, f))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	word := "far from the real ones"
	r.Verdict.apart = ratio > 4 || above > 0.15
	switch {
	case ratio <= 1.5 && above <= told:
		word = "as good as new real rows"
	case !r.Verdict.apart:
		word = "close to real ones"
	case ratio <= 12 && above <= 0.35:
		word = "like real ones, but recognisable"
	}
	return fmt.Sprintf("Fidelity: the rows are %s. %s.%s", word, capital(strings.Join(parts, ", ")), few)
}

func (r *Report) use() string {
	m := r.MLE
	if m == nil || m.Real != m.Real || m.Synth != m.Synth {
		return ""
	}
	lost, se := float64(m.Real-m.Synth), float64(m.LostSE)
	name := map[string]string{"auc": "AUC", "r2": "R²"}[m.Metric]
	if least := map[string]float64{"auc": 0.55, "r2": 0.05}[m.Metric]; float64(m.Real) < least {
		return fmt.Sprintf("Usefulness: not told. %s cannot be learnt from the real table either: trees answer %d rows with an %s of %.3f (--target names another column).", m.Target, m.TestRows, name, float64(m.Real))
	}
	word := "much is lost"
	switch {
	case 2*1.96*se > 0.06 && math.Abs(lost-0.02) < 1.96*se:
		word = fmt.Sprintf("how much is lost cannot be told from %d rows", m.TestRows)
	case lost <= 0.01:
		word = "next to nothing is lost"
	case lost <= 0.03:
		word = "little is lost"
	case lost <= 0.1:
		word = "something is lost"
	}
	interval := ""
	if se == se {
		interval = fmt.Sprintf(" The difference is %.3f ± %.3f.", lost, 1.96*se)
	}
	return fmt.Sprintf("Usefulness: %s. Trees that learn %s from the synthetic rows answer %d real ones with an %s of %.3f, those that learn it from the real table with %.3f.%s", word, m.Target, m.TestRows, name, float64(m.Synth), float64(m.Real), interval)
}

func (r *Report) private() (text string, ok bool) {
	var bad, good []string
	say := func(isBad bool, text string) {
		if isBad {
			bad = append(bad, text)
		} else {
			good = append(good, text)
		}
	}
	excess := func(value, se float64) bool { return value > 0.5+max(3*se, 0.02) }
	if v, se := float64(r.DCRShare), float64(r.DCRShareSE); v == v {
		say(excess(v, se), fmt.Sprintf("%.1f %% of the rows are nearer to a training row than to a held-out one (by chance %.0f to %.0f %%)", 100*v, 50-196*min(se, 0.255), 50+196*min(se, 0.255)))
	}
	if v, se := float64(r.Attack), float64(r.AttackSE); v == v {
		say(excess(v, se), fmt.Sprintf("an attacker who looks for the nearest row recognises training rows with an AUC of %.3f (by chance %.2f to %.2f)", v, 0.5-1.96*se, 0.5+1.96*se))
	}
	switch f := r.Floor; {
	case r.Copies == 0:
		say(false, "no row is an exact copy of a training row")
	case f.Copies == f.Copies:
		s := fmt.Sprintf("%s an exact copy of a training row (%s of as many new real rows would be)", rowsAre(r.Copies), ranged(f.Copies, f.CopiesRange))
		if r.CopiesSingle > 0 {
			s += fmt.Sprintf(", %d of one that is there only once (%s)", r.CopiesSingle, ranged(f.CopiesSingle, f.CopiesSingleRange))
		}
		say(r.copied, s)
	}
	switch {
	case len(bad) > 0:
		return "Privacy: the rows give single training rows away, and are not to be shared as if they did not: " + strings.Join(bad, "; ") + ".", false
	case r.DCRShare != r.DCRShare:
		return "Privacy: not decided. It takes real rows that training has not seen (--holdout) to tell whether the synthetic ones are nearer to training rows than they should be." + sentence(good), false
	}
	weak := ""
	if 1.96*float64(r.DCRShareSE) > 0.06 {
		weak = fmt.Sprintf(" With %d held-out rows only gross copying would show.", r.Rows.Holdout)
	}
	return "Privacy: no sign that single training rows are given away." + sentence(good) + weak + " That is not a proof: it is no differential privacy.", true
}

func rowsAre(n int) string {
	if n == 1 {
		return "1 row is"
	}
	return fmt.Sprintf("%d rows are", n)
}

func sentence(parts []string) string {
	if len(parts) == 0 {
		return ""
	}
	return " " + capital(strings.Join(parts, "; ")) + "."
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
