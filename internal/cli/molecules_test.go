package cli

import (
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
