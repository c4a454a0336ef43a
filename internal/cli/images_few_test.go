package cli

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// leftRight is a folder of 30 pictures of each of two classes.
func leftRight(t testing.TB) string {
	data := filepath.Join(t.TempDir(), "data")
	for k := range 30 {
		savePNG(t, filepath.Join(data, "left", fmt.Sprintf("%02d.png", k)), halves(k, true))
		savePNG(t, filepath.Join(data, "right", fmt.Sprintf("%02d.png", k)), halves(k, false))
	}
	return data
}

// Every network for images is chosen by its name alone; an mmdit reads the names
// of the classes.
func TestNetworksOfImages(t *testing.T) {
	data := leftRight(t)
	for _, kind := range []string{"unet", "dit", "mmdit", "resmlp"} {
		model := filepath.Join(t.TempDir(), kind)
		must(t, "train", data, "-o", model, "--network", kind, "--width", "16", "--depth", "1", "--steps", "3", "--batch", "4", "--no-eval")
		if out := must(t, "info", model); !strings.Contains(out, kind+", width 16, depth 1") {
			t.Errorf("info of a %s:\n%s", kind, out)
		}
		must(t, "sample", model, "--class", "right", "--nfe", "4", "-o", filepath.Join(model, "right.png"))
		if out := must(t, "info", model, "--json"); strings.Contains(out, `"labels"`) != (kind == "mmdit") {
			t.Errorf("labels of a %s:\n%s", kind, out)
		}
	}
	if out := must(t, "train", "--help"); !strings.Contains(out, "mmdit") {
		t.Error("the help does not list them")
	}
}

// Advice on a model of images, and a student of it, by the Frechet distance.
func TestFewStepsOfImages(t *testing.T) {
	if testing.Short() {
		t.Skip("trains three classifiers")
	}
	dir := t.TempDir()
	model := filepath.Join(dir, "run")
	must(t, "train", leftRight(t), "-o", model, "--width", "8", "--steps", "60", "--batch", "16", "--no-eval")
	v := object(t, must(t, "advise", model, "-n", "40", "--nfe", "2,4,8", "--solvers", "euler,ab2", "--json", "-o", filepath.Join(dir, "a.png")))
	if got, want := keys(v), "best chosen command curve features file floor guidance kind n rejected tolerance tried within"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	chosen := v["chosen"].(map[string]any)
	// Guided: euler at 2, 4, 8 on equal steps and at 4, 8 on two grids more; ab2 likewise.
	if v["tried"] != 14.0 || v["guidance"] != 1.5 || len(v["curve"].([]any)) != 3 || !strings.Contains(v["command"].(string), fmt.Sprintf("--nfe %v ", chosen["nfe"])) {
		t.Errorf("%v", v)
	}
	if r := chosen["ratio"].(float64); !(r <= 1.2) {
		t.Errorf("advised what is %v times the best", r)
	}
	few := []string{"distill", model, "--pool", "256", "--pool-nfe", "16", "--steps", "120", "--rate", "0.001", "-n", "40", "--json"}
	code, out, errs := call(append(few, "-o", filepath.Join(dir, "student"))...)
	if code != exitOK && code != exitFailure { // better or not
		t.Fatalf("code %d: %s", code, errs)
	}
	v = object(t, out)
	// 1, 2, 4, 8 and 16 of both; 4, 8 and 16 guided of the teacher alone.
	was, is := v["teacher"].([]any), v["student"].([]any)
	if len(was) != 8 || len(is) != 5 || v["better"] != (code == exitOK) {
		t.Errorf("%s", out)
	}
	a, b := was[0].(map[string]any), is[0].(map[string]any)
	if a["nfe"] != 1.0 || b["nfe"] != 1.0 || !(b["fd"].(float64) < a["fd"].(float64)) {
		t.Errorf("at one evaluation the student is at %v, the teacher at %v", b["fd"], a["fd"])
	}
	if !strings.Contains(errs, "256 pairs, 16 evaluations each") {
		t.Errorf("it does not say what the pool takes: %s", errs)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"--pairs is for points", []string{"advise", model, "--pairs", "4"}},
		{"holds images, and methods are compared on points", []string{"compare", leftRight(t)}},
		{"--pool-nfe: 6 is no multiple of 4", []string{"distill", model, "--pool-nfe", "6", "-o", filepath.Join(dir, "no")}},
		{"--guidance is for models of images", []string{"distill", moons(), "--guidance", "2", "-o", filepath.Join(dir, "no")}},
	} {
		if code, _, errs := call(c.args...); code != exitUsage || !strings.Contains(errs, c.want) {
			t.Errorf("laminar %s: code %d, %q", strings.Join(c.args, " "), code, errs)
		}
	}
}
