package metric

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// Report is the outcome of Evaluate; its JSON is that of `laminar eval --json`.
type Report struct {
	Kind string `json:"kind"`
	Data string `json:"data"`
	// Against says what samples were compared with, Units in which unit distances
	// are told if it is not the data's own.
	Against string `json:"against,omitempty"`
	Units   string `json:"units,omitempty"`
	N       int    `json:"n"`
	Fine    int    `json:"n_fine"`
	Pairs   int    `json:"pairs"`
	Floor   Floor  `json:"floor"`
	Rows    []Row  `json:"rows"`
	// NPE, PathEnergy and Straightness belong to solved paths, Crossing to the
	// coupling; null when not asked for.
	NPE          Number `json:"npe"`
	Straightness Number `json:"straightness"`
	Crossing     Number `json:"crossing"`
	PathEnergy   Number `json:"path_energy,omitempty"`
	// CrossingCheck is the crossing with 8 and with 32 neighbours.
	CrossingCheck []Number `json:"crossing_bias_check,omitempty"`
	// Marginals belong to models with a column of times.
	Marginals []Marginal `json:"marginals,omitempty"`
	// Notes say in words what the figures do not, such as why one that was asked for is
	// null.
	Notes []string `json:"notes,omitempty"`
}

// Floor holds the distances of two independent draws of the data.
type Floor struct {
	W2     Number `json:"w2"`
	SW2    Number `json:"sw2"`
	MMD    Number `json:"mmd"`
	Energy Number `json:"energy"`
	// W2CI is the 95 % interval of the mean W2, W2SD its spread over pairs.
	W2CI     Interval `json:"w2_ci"`
	W2SD     Number   `json:"w2_sd"`
	EnergySE Number   `json:"energy_se"`
	// Shares are the modes' shares of the data.
	Shares []Number `json:"shares,omitempty"`
}

// Row holds the distances of samples to data at one setting. W2Ratio is the
// ratio of mean W2 to the floor's. NFE is the number of network evaluations per
// point; of adaptive steps, which differ from point to point, the rounded mean.
type Row struct {
	Solver    string   `json:"solver"`
	Grid      string   `json:"grid,omitempty"`
	NFE       int      `json:"nfe"`
	W2        Number   `json:"w2"`
	W2CI      Interval `json:"w2_ci"`
	W2Ratio   Number   `json:"w2_ratio"`
	W2RatioCI Interval `json:"w2_ratio_ci"`
	SW2       Number   `json:"sw2"`
	MMD       Number   `json:"mmd"`
	Energy    Number   `json:"energy"`
	EnergySE  Number   `json:"energy_se"`
	Shares    []Number `json:"shares,omitempty"`
	// Pairs holds the W2 of each pair of draws, whose mean W2 is; nil where the
	// samples diverged.
	Pairs []float64 `json:"w2_pairs,omitempty"`
}

// divergedRow is the row of samples that are not finite: nothing but null.
func divergedRow(s Setting) Row {
	nan := Number(math.NaN())
	none := Interval{nan, nan}
	return Row{Solver: s.Solver, NFE: s.NFE, W2: nan, W2CI: none, W2Ratio: nan, W2RatioCI: none, SW2: nan, MMD: nan, Energy: nan, EnergySE: nan}
}

// WriteText writes the report as a table for people, of 80 columns unless its
// figures are out of the ordinary. It leaves out the interval of W2, which that
// of the ratio tells in units of the floor.
func (r Report) WriteText(w io.Writer) error {
	var table, b strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "solver\tNFE\tW2\t×floor\t95 % interval\tSW2\tenergy\t± s.e.\tMMD²\t")
	for _, x := range r.Rows {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", x.Solver, x.NFE,
			fixed(x.W2, 3), fixed(x.W2Ratio, 2), x.W2RatioCI.text(2),
			fixed(x.SW2, 4), short(x.Energy), magnitude(x.EnergySE), short(x.MMD))
	}
	f := r.Floor
	fmt.Fprintf(t, "floor\t\t%s\t1\t\t%s\t%s\t%s\t%s\t\n",
		fixed(f.W2, 3), fixed(f.SW2, 4), short(f.Energy), magnitude(f.EnergySE), short(f.MMD))
	t.Flush()
	for line := range strings.Lines(table.String()) {
		b.WriteString(strings.TrimPrefix(line, "  ")) // the padding of the first column
	}
	fmt.Fprintf(&b, "\nW2 over %d pairs of %d points; SW2 and energy at %d points.\n", r.Pairs, r.N, r.Fine)
	if r.Against != "" {
		fmt.Fprintf(&b, "Samples are compared with %s", r.Against)
		if r.Units != "" {
			fmt.Fprintf(&b, ",\nin %s", r.Units)
		}
		fmt.Fprintf(&b, ".\n")
	}
	fmt.Fprintf(&b, "The floor is data against data. Its W2 spreads by %s from pair to pair,\nso that a ratio near 1 is no verdict.\n", fixed(f.W2SD, 3))
	for _, line := range []struct {
		name  string
		value Number
		note  string
	}{
		{"NPE", r.NPE, "path energy over that of optimal transport, 0 is best"},
		{"straightness", r.Straightness, "0 is straight"},
		{"crossing", r.Crossing, "share of the target that no field can follow"},
	} {
		if !math.IsNaN(float64(line.value)) {
			fmt.Fprintf(&b, "%-13s %s  (%s)\n", line.name, fixed(line.value, 3), line.note)
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "%s\n", note)
	}
	if len(f.Shares) > 0 {
		fmt.Fprintf(&b, "\nshare of each mode, in percent\n")
		for _, x := range r.Rows {
			fmt.Fprintf(&b, "%s\n", shareLine(fmt.Sprintf("%s %d", x.Solver, x.NFE), x.Shares))
		}
		fmt.Fprintf(&b, "%s\n", shareLine("data", f.Shares))
	}
	writeMarginals(&b, r.Marginals)
	_, err := io.WriteString(w, b.String())
	return err
}

// apartRatio is the ratio of W2 to its floor from which on samples are told from data.
const apartRatio = 1.5

// Apart tells that samples are easily told from the data at every setting: mean W2 is
// more than half above its floor.
func (r Report) Apart() bool {
	for _, x := range r.Rows {
		if x.W2Ratio <= apartRatio {
			return false
		}
	}
	return len(r.Rows) > 0
}

// sharesPerLine shares fit into a line of shareLine.
const sharesPerLine = 10

func shareLine(name string, shares []Number) string {
	line := fmt.Sprintf("%-14s", name)
	for i, s := range shares {
		if i > 0 && i%sharesPerLine == 0 {
			line += fmt.Sprintf("\n%-14s", "")
		}
		line += fmt.Sprintf(" %5.1f", 100*float64(s))
	}
	return line
}

func (i Interval) text(digits int) string {
	if math.IsNaN(float64(i[0])) {
		return "-"
	}
	return "[" + fixed(i[0], digits) + ", " + fixed(i[1], digits) + "]"
}

func fixed(n Number, digits int) string {
	if math.IsNaN(float64(n)) {
		return "-"
	}
	return fmt.Sprintf("%.*f", digits, float64(n))
}

func short(n Number) string {
	if math.IsNaN(float64(n)) {
		return "-"
	}
	return fmt.Sprintf("%.1e", float64(n))
}

func magnitude(n Number) string {
	if math.IsNaN(float64(n)) {
		return "-"
	}
	return fmt.Sprintf("%.0e", float64(n))
}
