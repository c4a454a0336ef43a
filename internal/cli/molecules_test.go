package cli

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const smallMolecules = "../../data/molecule/testdata/small.xyz"

// molecules is a small model of molecules, guided away from its weaker copy.
var molecules = sync.OnceValue(func() string {
	dir := filepath.Join(shared, "molecules")
	code, _, errs := call("train", smallMolecules, "-o", dir, "--preset", "fast", "--width", "8", "--depth", "1", "--steps", "30", "--no-eval")
	if code != exitOK {
		panic(errs)
	}
	return dir
})

// TestGuidanceNobodyAskedFor: it gives way to a number of evaluations that it cannot
// spend, with a note; guidance that was asked for does not.
func TestGuidanceNobodyAskedFor(t *testing.T) {
	out := filepath.Join(t.TempDir(), "one.xyz")
	if _, _, errs := call("sample", molecules(), "--nfe", "2", "-o", out); !strings.Contains(errs, "100 molecules in") {
		t.Errorf("no number asked for: %s", errs)
	}
	for _, verb := range [][]string{{"eval", molecules(), "-n", "4"}, {"sample", molecules(), "-n", "1", "-o", out}} {
		for _, c := range []struct {
			more string
			code int
			want string
		}{
			{"--nfe 3", exitOK, "note: "},
			{"--nfe 4", exitOK, ""},
			{"--nfe 3 --guidance 2", exitUsage, "use 2 or 4"},
			{"--nfe 0", exitUsage, "--nfe: "},
		} {
			code, text, errs := call(append(verb, strings.Fields(c.more)...)...)
			if code != c.code || !strings.Contains(errs, c.want) || strings.Contains(errs, "without guidance") != (c.want == "note: ") {
				t.Errorf("%s %s: code %d, %s", verb[0], c.more, code, errs)
			}
			if guided := strings.Contains(text, "are guided"); verb[0] == "eval" && guided != (c.more == "--nfe 4") {
				t.Errorf("eval %s: guided is %v", c.more, guided)
			}
			if verb[0] == "sample" && code == exitOK && !strings.Contains(errs, "1 molecule in") {
				t.Errorf("sample %s: %s", c.more, errs)
			}
		}
	}
}

// TestFormula: what is asked for by its formula is drawn, pictured and joined so; what
// is none, or goes with nothing, is said.
func TestFormula(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "a.xyz")
	if code, _, errs := call("sample", molecules(), "--formula", "OH2", "-n", "2", "--nfe", "4", "-o", out); code != exitOK || !strings.Contains(errs, "note: no molecule of the data is OH2") {
		t.Errorf("code %d: %s", code, errs)
	}
	if got := strings.Fields(readFile(t, out)); len(got) != 2*(1+2+3*4) || got[3] != "H" || got[7] != "H" || got[11] != "O" {
		t.Errorf("drew %v", got)
	}
	pictures := map[string]string{}
	for _, formula := range []string{"CH4", "C2H6"} {
		at := filepath.Join(dir, formula+".svg")
		if code, _, errs := call("plot", molecules(), "samples", "--formula", formula, "-n", "1", "--nfe", "4", "-o", at); code != exitOK {
			t.Fatalf("plot: %s", errs)
		}
		pictures[formula] = readFile(t, at)
	}
	if pictures["CH4"] == pictures["C2H6"] {
		t.Error("a picture does not go by the formula")
	}
	between := filepath.Join(dir, "b.xyz")
	if code, _, errs := call("interpolate", molecules(), "--formula", "CH4", "--steps", "3", "--nfe", "6", "-o", between); code != exitOK {
		t.Fatalf("interpolate: %s", errs)
	}
	if text := readFile(t, between); strings.Count(text, "C ") != 3 || strings.Count(text, "H ") != 12 {
		t.Errorf("between two of CH4 lie\n%s", text)
	}
	for want, args := range map[string][]string{
		`"" is no formula`:                   {"sample", molecules(), "--formula", ""},
		"the first letter is a capital":      {"sample", molecules(), "--formula", "ch4"},
		"it has more than 12 atoms":          {"sample", molecules(), "--formula", "C13"},
		"Xe, which is none of":               {"sample", molecules(), "--formula", "Xe"},
		"only models of molecules know":      {"sample", moons(), "--formula", "CH4"},
		"molecules of a file have their own": {"interpolate", molecules(), smallMolecules, "--formula", "CH4"},
		"atoms keep their elements":          {"interpolate", molecules(), smallMolecules, "--rows", "1,2"},
	} {
		if code, _, errs := call(args...); code == exitOK || !strings.Contains(errs, want) || strings.Count(errs, "laminar: ") != 1 {
			t.Errorf("%v: code %d, %s", args, code, errs)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
