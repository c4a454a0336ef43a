package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDistill: the verb makes a student in a folder of its own, says how it
// compares, and ends with a code of its own when it is no better.
func TestDistill(t *testing.T) {
	dir := t.TempDir()
	teacher := filepath.Join(dir, "teacher")
	must(t, "train", "moons", "--coupling", "independent", "--preset", "fast", "--width", "48", "--steps", "600", "--batch", "64", "--no-eval", "-o", teacher)
	few := []string{"-n", "150", "--pairs", "3", "--pool", "2048", "--pool-nfe", "16"}
	out := must(t, append([]string{"distill", teacher, "--method", "distill", "--steps", "500", "--json"}, few...)...)
	v := object(t, out)
	if got, want := keys(v), "better floor method model rounds seconds steps student teacher"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	model := filepath.Join(teacher+"-distill", "model.safetensors")
	if v["model"] != model || v["better"] != true || v["steps"] != 500.0 || len(v["teacher"].([]any)) != 5 || len(v["student"].([]any)) != 5 {
		t.Errorf("printed %s", out)
	}
	if row := v["student"].([]any)[1].(map[string]any); row["nfe"] != 2.0 || row["w2"] != nil {
		t.Errorf("one step distilled, two steps of it are %v", row)
	}
	if text := must(t, "info", teacher+"-distill"); !strings.Contains(text, teacher+", by distill, round 1") {
		t.Errorf("info says nothing of the teacher:\n%s", text)
	}
	if v := object(t, must(t, "sample", teacher+"-distill", "-n", "4", "--json")); v["nfe"] != 1.0 {
		t.Errorf("it is sampled at %v evaluations", v["nfe"])
	}
	if code, _, errs := call("animate", teacher+"-distill", "-o", filepath.Join(dir, "x.gif")); code != exitUsage || !strings.Contains(errs, "to watch") {
		t.Errorf("a film of it: %d %s", code, errs)
	}
	// A student of no training is its teacher.
	text := append([]string{"distill", teacher, "--method", "reflow", "--steps", "1", "-o", teacher}, few...)
	code, out, errs := call(text...)
	if code != exitFailure || !strings.Contains(errs, "replaces nothing and is kept in "+teacher+".new") || !strings.Contains(out, "evaluations") {
		t.Errorf("a student that is no better: code %d\n%s\n%s", code, out, errs)
	}
	if _, err := os.Stat(filepath.Join(teacher+".new", "model.safetensors")); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ args, want string }{
		{"--method magic", "--method: unknown \"magic\"; one of reflow, distill, meanflow, shortcut, consistency"},
		{"--resume --force", "give one"},
		{"--time -1s", "--time"},
		{"--time 3s --steps 2", "give one"},
		{"--method meanflow --rounds 2", "--rounds"},
		{"--pool-nfe 3", "--pool-nfe"},
		{"-n 1 --steps 1", "--n: is 1"}, // before anything is trained
	} {
		code, _, errs := call(append([]string{"distill", teacher}, strings.Fields(c.args)...)...)
		if code != exitUsage || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: code %d, %s", c.args, code, errs)
		}
	}
}
