package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"laminar/rng"
)

// pets writes a table of n rows, whose weight depends on the kind.
func pets(seed uint64, n int, kinds ...string) string {
	s := rng.New(seed).Stream()
	var b strings.Builder
	b.WriteString("weight,kind,indoors\n")
	for range n {
		k := s.IntN(len(kinds))
		weight := fmt.Sprintf("%.2f", 4+8*float64(k)+2*s.NormFloat64())
		if s.IntN(12) == 0 {
			weight = ""
		}
		fmt.Fprintf(&b, "%s,%s,%v\n", weight, kinds[k], s.IntN(3) > k)
	}
	return b.String()
}

func TestReport(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	real, synth, held := write("real.csv", pets(1, 200, "cat", "dog")), write("synth.csv", pets(2, 200, "cat", "dog", "axolotl")), write("held.csv", pets(3, 150, "cat", "dog"))
	out := filepath.Join(dir, "report.html")
	text := must(t, "report", real, synth, "--holdout", held, "--target", "kind", "-o", out)
	for _, want := range []string{"200 real rows, 200 synthetic, 150 held out", "Fidelity:", "Usefulness:", "Privacy:", "AUC of kind", `column "kind" of synth.csv has 1 values that real.csv has not: axolotl`} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	page, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Verdict", "axolotl", "data:image/svg&#43;xml", "How columns depend on each other"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	var r struct {
		Kind  string
		Shape float64  `json:"shape_error"`
		DCR   *float64 `json:"dcr_share"`
		MLE   struct{ Real, Synth float64 }
		Floor struct {
			Shape float64 `json:"shape_error"`
		}
	}
	if err := json.Unmarshal([]byte(must(t, "report", real, held, "--json", "--seed", "3")), &r); err != nil {
		t.Fatal(err)
	}
	if r.Kind != "table" || !(r.Shape > 0) || !(r.Floor.Shape > 0) || r.DCR != nil || !(r.MLE.Real > 0.5) {
		t.Errorf("%+v", r)
	}

	narrow := write("narrow.csv", "weight,kind\n1,cat\n2,dog\n")
	other := write("other.csv", strings.Replace(pets(4, 50, "cat", "dog"), "kind", "sort", 1))
	words := write("words.csv", strings.Replace(pets(5, 50, "cat", "dog"), "\n", "\nheavy,cat,true\n", 1))
	for _, v := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{real}, exitUsage, "REAL or SYNTH is missing"},
		{[]string{real, filepath.Join(dir, "none.csv")}, exitFile, "none.csv"},
		{[]string{real, narrow}, exitFile, "2 columns where the schema has 3"},
		{[]string{real, other}, exitFile, `column 2 is "sort" where the schema has "kind"`},
		{[]string{real, words}, exitFile, "not a number"},
		{[]string{real, write("empty.csv", "weight,kind,indoors\n")}, exitFile, "no rows"},
		{[]string{real, synth, "-o", "x.pdf"}, exitUsage, "use .html or .json"},
		{[]string{real, synth, "--target", "colour"}, exitUsage, `no column is called "colour"`},
	} {
		code, _, stderr := call(append([]string{"report"}, v.args...)...)
		if code != v.code || !strings.Contains(stderr, v.says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("report %v: code %d, %q", v.args, code, stderr)
		}
	}
}
