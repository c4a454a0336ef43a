package metric

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Marginal tells how well a model carries the real points of one time to the
// next.
type Marginal struct {
	Time float64 `json:"time"`
	From float64 `json:"from"`
	// LeftOut tells that training has not seen the points of Time.
	LeftOut bool `json:"left_out"`
	// N is the number of points at Time.
	N int `json:"n"`
	// W1 is the distance from the carried points to the real ones, Still that of
	// points that stand still, and Floor that between two halves of the real ones,
	// which are fewer and so further apart than two draws of N.
	W1    Number `json:"w1"`
	Still Number `json:"w1_still"`
	Floor Number `json:"w1_halves"`
}

func writeMarginals(w io.Writer, all []Marginal) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "\nreal points carried from one time to the next\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "from\tto\tW1\tstanding still\thalves of the data\tpoints\t")
	for _, m := range all {
		name := fmt.Sprint(m.Time)
		if m.LeftOut {
			name += " (left out)"
		}
		fmt.Fprintf(t, "%v\t%s\t%s\t%s\t%s\t%d\t\n", m.From, name, fixed(m.W1, 3), fixed(m.Still, 3), fixed(m.Floor, 3), m.N)
	}
	t.Flush()
}
