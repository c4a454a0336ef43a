package judge

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"laminar/data/table"
	"laminar/metric"
)

// Report is the outcome of Judge. Its JSON is that of `laminar report --json`;
// figures that are NaN are null.
type Report struct {
	Kind string `json:"kind"` // table
	Rows Sizes  `json:"rows"`
	Figures
	// K is the number of neighbours of coverage and density, Exact the number of
	// rows on each side of w1 and w2.
	K     int `json:"k"`
	Exact int `json:"exact_rows"`
	// Copies is the number of synthetic rows that equal a training row, and
	// CopiesSingle of those that equal one that is there only once. Rows of which
	// most cells are missing do not count.
	Copies       int `json:"copies"`
	CopiesSingle int `json:"copies_single"`
	// DCRShareSE, AttackSE and TreesAUCSE are the standard errors where there is
	// nothing but chance.
	DCRShareSE metric.Number `json:"dcr_share_se"`
	AttackSE   metric.Number `json:"attack_auc_se"`
	TreesAUCSE metric.Number `json:"trees_auc_se"`
	// Missing is the mean difference in the share of missing cells.
	Missing metric.Number `json:"missing_error"`
	MLE     *MLE          `json:"mle"`
	Floor   Floor         `json:"floor"`
	// FloorBy says which real rows the floors compare. Those of shape_error and
	// trend_error are bootstraps of the real rows, as many as synthetic ones; that
	// of mle are the real rows.
	FloorBy string `json:"floor_by"`
	// Holdout is how far the held-out rows are from the training rows.
	Holdout struct {
		Shape metric.Number `json:"shape_error"`
		Trend metric.Number `json:"trend_error"`
	} `json:"holdout"`
	Columns []ColumnFigure `json:"columns"`
	// Pairs are those compared by trend_error.
	Pairs   []Pair  `json:"-"`
	Worst   []Pair  `json:"worst_pairs"`
	Verdict Verdict `json:"verdict"`
	// Notes say why figures are missing.
	Notes []string `json:"notes,omitempty"`

	copied bool // more copies than chance makes
}

// Sizes are numbers of rows.
type Sizes struct {
	Real    int `json:"real"`
	Synth   int `json:"synth"`
	Holdout int `json:"holdout"`
}

// Figures are those that synthetic rows have in common with their floor.
type Figures struct {
	Shape         metric.Number `json:"shape_error"`
	Trend         metric.Number `json:"trend_error"`
	C2ST          metric.Number `json:"c2st"` // of a logistic regression, 1 is best
	TreesAUC      metric.Number `json:"trees_auc"`
	TreesAccuracy metric.Number `json:"trees_accuracy"`
	Precision     metric.Number `json:"alpha_precision"`
	Recall        metric.Number `json:"beta_recall"`
	Authenticity  metric.Number `json:"authenticity"`
	Density       metric.Number `json:"density"`
	Coverage      metric.Number `json:"coverage"`
	W1            metric.Number `json:"w1"`
	W2            metric.Number `json:"w2"`
	DCRShare      metric.Number `json:"dcr_share"`
	Nearest       metric.Number `json:"nearest_median"`
	Nearest5      metric.Number `json:"nearest_5th"`
	Ratio         metric.Number `json:"nearest_ratio"`
	Attack        metric.Number `json:"attack_auc"`
}

// Floor holds what real rows get by the same measures.
type Floor struct {
	Figures
	// Copies and CopiesSingle are the numbers expected of as many rows of the same
	// origin that learning has not seen, by the held-out rows and by the training rows
	// among each other; the ranges hold 95 in 100.
	Copies            metric.Number    `json:"copies"`
	CopiesRange       [2]metric.Number `json:"copies_range"`
	CopiesSingle      metric.Number    `json:"copies_single"`
	CopiesSingleRange [2]metric.Number `json:"copies_single_range"`
	Missing           metric.Number    `json:"missing_error"`
	MLE               metric.Number    `json:"mle"`
}

// MLE says how well trees answer the target in real rows that they have not seen,
// grown on real rows and on synthetic ones. Metric is auc or r2.
type MLE struct {
	Target   string        `json:"target"`
	Metric   string        `json:"metric"`
	TestRows int           `json:"test_rows"`
	Real     metric.Number `json:"real"`
	Synth    metric.Number `json:"synth"`
	// LostSE is the standard error of Real - Synth by the choice of the test rows.
	LostSE        metric.Number `json:"lost_se"`
	RealF1        metric.Number `json:"real_f1"`
	SynthF1       metric.Number `json:"synth_f1"`
	RealAccuracy  metric.Number `json:"real_accuracy"`
	SynthAccuracy metric.Number `json:"synth_accuracy"`
	RealRMSE      metric.Number `json:"real_rmse"`
	SynthRMSE     metric.Number `json:"synth_rmse"`
}

// ColumnFigure is a column's part.
type ColumnFigure struct {
	Name         string        `json:"name"`
	Kind         table.Kind    `json:"kind"`
	Shape        metric.Number `json:"shape_error"`
	Floor        metric.Number `json:"floor"`
	MissingReal  metric.Number `json:"missing_real"`
	MissingSynth metric.Number `json:"missing_synth"`
	// By is the column's share in how trees tell synthetic rows from real ones.
	By metric.Number `json:"gives_away"`
}

func number(v float64) metric.Number { return metric.Number(v) }

func newReport() *Report {
	nan := number(math.NaN())
	none := Figures{nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan}
	r := &Report{Kind: "table", Figures: none, DCRShareSE: nan, AttackSE: nan, TreesAUCSE: nan, Missing: nan, Floor: Floor{Figures: none, Copies: nan, CopiesSingle: nan, Missing: nan, MLE: nan}}
	r.Floor.CopiesRange, r.Floor.CopiesSingleRange = [2]metric.Number{nan, nan}, [2]metric.Number{nan, nan}
	r.Holdout.Shape, r.Holdout.Trend = nan, nan
	return r
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// worst lists the pairs of the largest error.
func (r *Report) worst(n int) []Pair {
	p := slices.Clone(r.Pairs)
	slices.SortStableFunc(p, func(a, b Pair) int { return cmp.Compare(b.Error, a.Error) })
	return p[:min(n, len(p))]
}

// line is a figure with its floor, as it is told.
type line struct {
	group, name  string
	value, floor string
	best         string
	about        string
}

// lines are the figures in the order in which they are told.
func (r *Report) lines() []line {
	f := r.Floor
	percent := func(v metric.Number) string { return percent(v, 2) }
	three := func(v metric.Number) string { return digits(v, 3) }
	out := []line{
		{"fidelity", "Shape error", percent(r.Shape), percent(f.Shape), "0", "each column by itself: Kolmogorov-Smirnov distance of numbers, total variation of categories; the mean over columns"},
		{"fidelity", "Trend error", percent(r.Trend), percent(f.Trend), "0", "each pair of columns: difference of correlations, total variation of joint frequencies; the mean over pairs"},
		{"fidelity", "missing cells", percent(r.Missing), percent(f.Missing), "0", "mean difference of the shares of missing cells"},
		{"fidelity", "C2ST, logistic", three(r.C2ST), three(f.C2ST), "1", "1 where a logistic regression cannot tell synthetic from real, 0 where it always can"},
		{"fidelity", "C2ST, trees AUC", three(r.TreesAUC), three(f.TreesAUC), "0.5", "how well boosted trees tell them apart: 0.5 is guessing"},
		{"fidelity", "alpha-precision", three(r.Precision), three(f.Precision), "1", "synthetic rows lie where real ones do"},
		{"fidelity", "beta-recall", three(r.Recall), three(f.Recall), "floor", "real rows have synthetic ones around them; above the floor, rows are nearer than unseen ones are"},
		{"fidelity", "density", three(r.Density), three(f.Density), "1", "how crowded synthetic rows are where real ones are"},
		{"fidelity", "coverage", three(r.Coverage), three(f.Coverage), "floor", fmt.Sprintf("real rows with a synthetic one nearer than their neighbour number %d", r.K)},
		{"fidelity", "W1", three(r.W1), three(f.W1), "floor", fmt.Sprintf("what it costs to carry %d synthetic rows to real ones, in ranges of a column and differing categories", r.Exact)},
		{"fidelity", "W2", three(r.W2), three(f.W2), "floor", "the same for squared distances"},
	}
	if m := r.MLE; m != nil {
		name := strings.ToUpper(m.Metric)
		out = append(out, line{"usefulness", name + " of " + m.Target, three(m.Synth), three(f.MLE), "floor", fmt.Sprintf("trees grown on synthetic rows, tested on %d real ones; the floor is that of trees grown on the real rows", m.TestRows)})
		if m.Metric == "auc" {
			out = append(out, line{"usefulness", "macro F1 of " + m.Target, three(m.SynthF1), three(m.RealF1), "floor", "of the same trees"})
		} else {
			out = append(out, line{"usefulness", "RMSE of " + m.Target, significant(m.SynthRMSE), significant(m.RealRMSE), "floor", "of the same trees"})
		}
	}
	return append(
		out,
		line{"privacy", "DCR share", percent(r.DCRShare), chance(f.DCRShare, r.DCRShareSE, percent), "50 %", "synthetic rows that are nearer to a training row than to a held-out one"},
		line{"privacy", "exact copies", fmt.Sprint(r.Copies), ranged(f.Copies, f.CopiesRange), "floor", "synthetic rows that equal a training row; rows that are mostly gaps do not count"},
		line{"privacy", "of single rows", fmt.Sprint(r.CopiesSingle), ranged(f.CopiesSingle, f.CopiesSingleRange), "floor", "those that equal a training row that is there only once"},
		line{"privacy", "attack AUC", three(r.Attack), chance(f.Attack, r.AttackSE, func(v metric.Number) string { return digits(v, 2) }), "0.5", "guessing from the nearest synthetic row whether a row was trained on"},
		line{"privacy", "nearest, median", three(r.Nearest), three(f.Nearest), "floor", "distance from a synthetic row to the closest training row"},
		line{"privacy", "nearest, 5th %", three(r.Nearest5), three(f.Nearest5), "floor", "the same, of the nearest twentieth"},
		line{"privacy", "nearest ratio", three(r.Ratio), three(f.Ratio), "floor", "distance to the closest training row over that to the second closest"},
	)
}

// chance is a floor with the range in which chance alone falls 95 times in 100.
func chance(floor, se metric.Number, write func(metric.Number) string) string {
	if se != se || floor != floor {
		return write(floor)
	}
	return strings.TrimSuffix(write(max(floor-1.96*se, 0)), " %") + " to " + write(min(floor+1.96*se, 1))
}

// ranged is an expected number, as the range that holds it 95 times in 100.
func ranged(mean metric.Number, lohi [2]metric.Number) string {
	if lohi[0] != lohi[0] {
		return digits(mean, 0)
	}
	return digits(lohi[0], 0) + " to " + digits(lohi[1], 0)
}

// WriteText writes the report for a terminal.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d real rows, %d synthetic, %d held out\n\n", r.Rows.Real, r.Rows.Synth, r.Rows.Holdout)
	for _, v := range r.Verdict.all() {
		b.WriteString(wrap(v, 78, ""))
	}
	group := ""
	for _, l := range r.lines() {
		if l.group != group {
			group = l.group
			fmt.Fprintf(&b, "\n%-26s %10s %16s   best\n", group, "synthetic", "floor")
		}
		fmt.Fprintf(&b, "  %-24s %10s %16s   %s\n", short(l.name, 24), l.value, l.floor, l.best)
	}
	b.WriteString("\n")
	b.WriteString(wrap("The floor is what real rows get: "+r.FloorBy+"; for Shape, Trend and missing cells a bootstrap of the real rows; where it is a range, chance alone falls into it 95 times in 100.", 78, ""))
	if v := r.Holdout; v.Shape == v.Shape {
		b.WriteString(wrap(fmt.Sprintf("The held-out rows themselves are %s in Shape and %s in Trend from the training rows.", percent(v.Shape, 2), percent(v.Trend, 2)), 78, ""))
	}
	worst := slices.Clone(r.Columns)
	slices.SortStableFunc(worst, func(a, b ColumnFigure) int { return cmp.Compare(b.Shape, a.Shape) })
	b.WriteString("\nworst columns                 error      floor   gives away\n")
	for _, c := range worst[:min(5, len(worst))] {
		fmt.Fprintf(&b, "  %-24s %9s %10s   %10s\n", short(c.Name, 24), percent(c.Shape, 2), percent(c.Floor, 2), percent(c.By, 0))
	}
	if len(r.Worst) > 0 {
		b.WriteString("\nworst pairs                                          error\n")
		for _, p := range r.Worst {
			fmt.Fprintf(&b, "  %-48s %9s\n", short(p.A+", "+p.B, 48), percent(number(p.Error), 2))
		}
	}
	for _, n := range r.Notes {
		b.WriteString("\n" + wrap("note: "+n, 78, "      "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// percent writes a share.
func percent(v metric.Number, places int) string {
	if s := digits(100*v, places); s != "-" {
		return s + " %"
	}
	return "-"
}

func digits(v metric.Number, places int) string {
	if x := float64(v); x-x == 0 {
		return fmt.Sprintf("%.*f", places, x)
	}
	return "-"
}

func significant(v metric.Number) string {
	if x := float64(v); x-x == 0 {
		return fmt.Sprintf("%.4g", x)
	}
	return "-"
}

// short cuts a text to n characters.
func short(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-3]) + "..."
	}
	return s
}

// wrap breaks a text into lines of at most n characters, all but the first after
// indent.
func wrap(s string, n int, indent string) string {
	var b strings.Builder
	at := 0
	for k, w := range strings.Fields(s) {
		if k > 0 && at+1+len([]rune(w)) > n {
			b.WriteString("\n" + indent)
			at = len(indent)
		} else if k > 0 {
			b.WriteByte(' ')
			at++
		}
		b.WriteString(w)
		at += len([]rune(w))
	}
	return b.String() + "\n"
}
