package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"laminar/compare"
)

var fewSteps = []string{"--methods", "independent,ot", "--steps", "independent=200,ot=200", "--seeds", "2", "--n", "200", "--pairs", "1"}

func TestCompare(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "er")
	out := must(t, append([]string{"compare", "moons", "--json", "-o", dir}, fewSteps...)...)
	var rep compare.Report
	if err := json.Unmarshal([]byte(out), &rep); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if rep.Data != "moons" || len(rep.Methods) != 2 || rep.Methods[1].Steps != 200 || len(rep.Claims) == 0 || rep.Budget != 0 {
		t.Errorf("%+v", rep)
	}
	written, err := os.ReadFile(filepath.Join(dir, "compare.json"))
	if err != nil || string(written) != out {
		t.Errorf("compare.json is not what was printed: %v", err)
	}
	if page, err := os.ReadFile(filepath.Join(dir, "report.html")); err != nil || !strings.Contains(string(page), rep.Claims[0].Rule) {
		t.Errorf("report.html: %v", err)
	}
}

// TestNowhere: a place that cannot be written to is told before the work.
func TestNowhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"compare", "moons", "-o", filepath.Join(file, "x")}, "is a file, not a folder"},
		{[]string{"coupling", "moons", "-o", filepath.Join(file, "x.png")}, "is a file, not a folder"},
		{[]string{"coupling", "moons", "-o", "nowhere/x.png"}, "nowhere: no such file or folder"},
		{[]string{"advise", "no-model", "-o", "nowhere/x.png"}, "nowhere: no such file or folder"},
		{[]string{"logprob", "no-model", "no-file", "-o", "nowhere/x.csv"}, "nowhere: no such file or folder"},
	} {
		code, _, errs := call(c.args...)
		if code == 0 || !strings.Contains(errs, c.says) || strings.Contains(errs, "measuring") {
			t.Errorf("%v: code %d, %q; want %q and nothing done", c.args, code, errs, c.says)
		}
	}
}

func TestCompareFaults(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"compare"}, exitUsage, "DATA"},
		{[]string{"compare", "moons", "--methods", "magic"}, exitUsage, `unknown "magic"; choose from independent, ot`},
		{[]string{"compare", "moons", "--steps", "ot"}, exitUsage, "METHOD=STEPS"},
		{[]string{"compare", "moons", "--steps", "ot=1"}, exitUsage, "100 or more"},
		{[]string{"compare", "moons", "--seeds", "0"}, exitUsage, "--seeds: 0"},
		{[]string{"compare", "nowhere.csv"}, exitFile, "nowhere.csv"},
	} {
		dir := t.TempDir()
		code, _, errs := call(append(c.args, "-o", filepath.Join(dir, "x"))...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%v: code %d, %q; want %d and %q", c.args, code, errs, c.code, c.says)
		}
		if made, _ := os.ReadDir(dir); len(made) > 0 {
			t.Errorf("%v left the folder %s behind", c.args, made[0].Name())
		}
	}
}
