package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCoupling(t *testing.T) {
	pairs := filepath.Join(t.TempDir(), "pairs.svg")
	v := object(t, must(t, "coupling", "moons", "--only", "independent,ot", "--batch", "128", "-n", "512", "-o", pairs, "--json"))
	if got, want := keys(v), "batch couplings data files notes optimum optimum_n step_ms"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	facts := v["couplings"].([]any)
	chance, ot := facts[0].(map[string]any), facts[1].(map[string]any)
	if got, want := keys(ot), "bias cost crossing fill_ms name prepare_seconds share"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// Noise and standardised data of 2 columns lie 4 apart on average.
	if c := chance["cost"].(float64); c < 3.6 || c > 4.4 || ot["cost"].(float64) > c/4 {
		t.Errorf("costs %v and %v", c, ot["cost"])
	}
	if x := chance["crossing"].(float64); x < 0.5 || x > 0.9 || ot["crossing"].(float64) > x/2 {
		t.Errorf("crossings %v and %v", x, ot["crossing"])
	}
	for _, f := range v["files"].([]any) {
		b, err := os.ReadFile(f.(string))
		if err != nil || !strings.HasPrefix(string(b), "<svg") {
			t.Errorf("%v: %.40q, %v", f, b, err)
		}
	}
	out := must(t, "coupling", "iris", "--label", "species", "--only", "c2ot,partial", "--batch", "32", "-n", "64")
	for _, want := range []string{"c2ot", "partial", "of a step", "Batches of 32"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing from\n%s", want, out)
		}
	}
}

func TestCouplingFaults(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"coupling", "moons", "--only", "nearest"}, "choose one of independent, ot"},
		{[]string{"coupling", "moons", "--only", "partial", "--ot-mass", "2"}, "--ot-mass: 2 is not in (0, 1]"},
		{[]string{"coupling", "moons", "-n", "1"}, "--n: 1 points are too few"},
		{[]string{"coupling", "moons", "-o", "pairs.gif"}, ".png or .svg"},
		{[]string{"coupling", "moons", "--only", "ot", "--coupling", "ot"}, "give one"},
		{[]string{"coupling"}, "DATA is missing"},
	} {
		code, out, errs := call(c.args...)
		if code != exitUsage || !strings.Contains(errs, c.want) || out != "" || strings.Count(errs, "\n") > 1 {
			t.Errorf("laminar %s: code %d, %q", strings.Join(c.args, " "), code, errs)
		}
	}
}
