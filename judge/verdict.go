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
	// Private is false where a measure of privacy is worse than chance allows.
	Private bool `json:"private"`
}

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
//	            else "far"
//	usefulness  by what synthetic rows lose in AUC or R² against real ones: nothing
//	            to speak of up to 0.01, little up to 0.03, some up to 0.1, else much
//	privacy     a measure fails if it exceeds its floor by more than three standard
//	            errors and by more than 0.02 in DCR share or the attack's AUC, or if
//	            copies exceed those among held-out rows by more than three roots
//	            of their number plus one, or half of all rows where none are held out
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
	above := 0.
	if a, f := float64(r.TreesAUC), float64(r.Floor.TreesAUC); a == a && f == f {
		above = a - max(0.5, f)
		parts = append(parts, fmt.Sprintf("trees tell them apart with an AUC of %.2f (real rows %.2f)", a, f))
	}
	if len(parts) == 0 {
		return ""
	}
	word := "far from the real ones"
	switch {
	case ratio <= 1.5 && above <= 0.02:
		word = "as good as new real rows"
	case ratio <= 4 && above <= 0.15:
		word = "close to real ones"
	case ratio <= 12 && above <= 0.35:
		word = "like real ones, but recognisable"
	}
	return fmt.Sprintf("Fidelity: the rows are %s. %s.", word, capital(strings.Join(parts, ", ")))
}

func (r *Report) use() string {
	m := r.MLE
	if m == nil || m.Real != m.Real || m.Synth != m.Synth {
		return ""
	}
	lost := float64(m.Real - m.Synth)
	word := "much"
	switch {
	case lost <= 0.01:
		word = "next to nothing"
	case lost <= 0.03:
		word = "little"
	case lost <= 0.1:
		word = "something"
	}
	name := map[string]string{"auc": "an AUC", "r2": "an R²"}[m.Metric]
	return fmt.Sprintf("Usefulness: %s is lost by learning %s from them: %s of %.3f on real rows, against %.3f from the real table.", word, m.Target, name, float64(m.Synth), float64(m.Real))
}

func (r *Report) private() (text string, ok bool) {
	var bad, good []string
	excess := func(value, se float64, least float64) bool { return value > 0.5+max(3*se, least) }
	if v := float64(r.DCRShare); v == v {
		s := fmt.Sprintf("%.1f %% of rows are nearer to a training row than to a held-out one (50 %% is chance)", 100*v)
		if excess(v, float64(r.DCRShareSE), 0.02) {
			bad = append(bad, s)
		} else {
			good = append(good, s)
		}
	}
	if v := float64(r.Attack); v == v {
		s := fmt.Sprintf("an attacker who looks for the nearest row recognises training rows with an AUC of %.3f (0.5 is chance)", v)
		if excess(v, float64(r.AttackSE), 0.02) {
			bad = append(bad, s)
		} else {
			good = append(good, s)
		}
	}
	copies := fmt.Sprintf("%d rows are exact copies of training rows", r.Copies)
	if f := float64(r.Floor.Copies); f == f {
		copies += fmt.Sprintf(" (%.0f among as many held-out rows)", f)
		if float64(r.Copies) > f+3*math.Sqrt(f+1)+1 {
			bad = append(bad, copies)
		} else {
			good = append(good, copies)
		}
	} else if 2*r.Copies > r.Rows.Synth {
		bad = append(bad, fmt.Sprintf("%d of %d rows are exact copies of training rows, which is fair only of a table with few kinds of rows: give rows that training has not seen to tell", r.Copies, r.Rows.Synth))
	} else if r.Copies > 0 {
		good = append(good, copies+", which says little without held-out rows")
	}
	switch {
	case len(bad) > 0:
		return "Privacy: the rows give single training rows away: " + strings.Join(bad, "; ") + ".", false
	case r.DCRShare != r.DCRShare:
		return "Privacy: not decided without held-out rows; give rows that training has not seen." + sentence(good), true
	}
	return "Privacy: no sign that single training rows are given away." + sentence(good) + " That is not a proof: it is no differential privacy.", true
}

func sentence(parts []string) string {
	if len(parts) == 0 {
		return ""
	}
	return " " + capital(strings.Join(parts, "; ")) + "."
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
