package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"laminar/run"
)

// A diffusion model is trained, continued, looked at and sampled like any other;
// its file says what it is, and its weights can start another.
func TestDiffusion(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	args := train("moons", dir, "--family", "diffusion", "--times", "logit-normal", "--shift", "2", "--weight", "snr-truncated")
	_, _, errs := call(args...)
	if !strings.Contains(errs, "trained at times from 0 to 0.999") {
		t.Errorf("clipped times are not told: %q", errs)
	}
	s, err := run.Load(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	r := s.Recipe
	if r.Path.Name != "vp" || r.Predict != "noise" || r.Coupling.Name != "independent" || r.Path.Shift != 2 || s.Model.Schedule == nil {
		t.Errorf("the file says %+v", r)
	}
	if out := must(t, "info", dir); !strings.Contains(out, "diffusion, path vp, answers noise") {
		t.Errorf("info:\n%s", out)
	}
	if out := must(t, "sample", dir, "-n", "3"); strings.Count(out, "\n") != 4 || strings.Contains(out, "NaN") {
		t.Errorf("samples:\n%s", out)
	}
	before, err := os.ReadFile(filepath.Join(dir, run.ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	must(t, append(args, "--resume")...)
	must(t, "train", "--resume", "-o", dir, "--no-eval")
	after, err := os.ReadFile(filepath.Join(dir, run.ModelFile))
	if err != nil || string(before) != string(after) {
		t.Error("resuming a finished run changed it")
	}
	if code, _, errs := call(append(train("moons", dir, "--resume"), "--path", "cosine")...); code != exitUsage || !strings.Contains(errs, "another") {
		t.Errorf("another path: code %d, %q", code, errs)
	}
	must(t, train("moons", filepath.Join(t.TempDir(), "b"), "--family", "diffusion", "--weights", filepath.Join(dir, run.ModelFile))...)
}

// Faults of paths name their flags.
func TestPathFaults(t *testing.T) {
	for _, c := range []struct {
		says  string
		flags []string
	}{
		{"--coupling: the family diffusion", []string{"--family", "diffusion", "--coupling", "ot"}},
		{"--source: the family diffusion", []string{"--family", "diffusion", "--source", "rings"}},
		{"--predict: the family score", []string{"--family", "score", "--predict", "data"}},
		{"--sigma: 0 is too narrow", []string{"--path", "bridge"}},
		{"--path: unknown path", []string{"--path", "spiral"}},
		{"--times: unknown", []string{"--times", "noon"}},
		{"--weight: unknown", []string{"--weight", "heavy"}},
		{"--shift: 0 is no positive", []string{"--shift", "0"}},
		{"--power: 0.5", []string{"--path", "polynomial", "--power", "0.5"}},
	} {
		code, _, errs := call(append(train("moons", filepath.Join(t.TempDir(), "run")), c.flags...)...)
		if code != exitUsage || !strings.Contains(errs, c.says) {
			t.Errorf("%v: code %d, %q", c.flags, code, errs)
		}
	}
}
