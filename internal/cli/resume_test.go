package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"laminar/run"
)

// long makes a run of some seconds, over several checkpoints.
var long = []string{"--preset", "fast", "--steps", "5000", "--batch", "128", "--width", "96", "--seed", "3", "--no-eval"}

func trainLong(dir string, more ...string) []string {
	return slices.Concat([]string{"train", "moons", "-o", dir}, long, more)
}

// straight is that run without an interruption.
var straight = sync.OnceValue(func() string {
	dir := filepath.Join(shared, "straight")
	if code, _, errs := call(trainLong(dir)...); code != exitOK {
		panic(errs)
	}
	return dir
})

// appears waits until a file exists.
func appears(t *testing.T, path string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
	}
	t.Fatalf("%s never came", path)
}

// sameRun compares all that two runs left, but for the time they took.
func sameRun(t *testing.T, a, b string) {
	t.Helper()
	read := func(dir string) (*run.Saved, []byte) {
		s, err := run.Load(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		m, err := os.ReadFile(filepath.Join(dir, run.MetricsFile))
		if err != nil {
			t.Fatal(err)
		}
		return s, m
	}
	x, mx := read(a)
	y, my := read(b)
	if !slices.Equal(x.Model.Params, y.Model.Params) {
		t.Error("the models differ")
	}
	if !reflect.DeepEqual(x.State, y.State) {
		t.Error("the states differ")
	}
	if x.Steps != y.Steps || x.Loss != y.Loss || !x.Finished || !y.Finished {
		t.Errorf("steps %d and %d, loss %v and %v", x.Steps, y.Steps, x.Loss, y.Loss)
	}
	if !bytes.Equal(mx, my) || len(mx) == 0 {
		t.Errorf("%s differs", run.MetricsFile)
	}
	left, err := filepath.Glob(filepath.Join(b, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q %v", left, err)
	}
}

// TestKilled: kill -9, before the first checkpoint and at odd moments later,
// then --resume, ends as a run that was never interrupted.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	dir := t.TempDir()
	killed := filepath.Join(dir, "killed")
	model := filepath.Join(killed, run.ModelFile)
	for i, c := range []struct {
		wait string        // for this file to come,
		then time.Duration // then as long as this
	}{
		{filepath.Join(killed, run.RecipeFile), 50 * time.Millisecond},
		{model, 0},
		{model, 850 * time.Millisecond},
		{model, 333 * time.Millisecond},
	} {
		cmd := program(trainLong(killed, "--resume")...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		appears(t, c.wait)
		time.Sleep(c.then)
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if _, err := os.Stat(model); i == 0 && err == nil {
			t.Log("the first checkpoint came before the kill")
		}
	}
	code, _, errs := call("train", "--resume", "-o", killed, "--no-eval")
	if code != exitOK {
		t.Fatal(errs)
	}
	sameRun(t, straight(), killed)
}

// TestInterrupted: Ctrl-C saves, says how to continue, and continues exactly,
// on a disk that was full in between too.
func TestInterrupted(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	if runtime.GOOS == "windows" {
		t.Skip("no signal to send")
	}
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	cmd := program(trainLong(broken)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	appears(t, filepath.Join(broken, run.MetricsFile))
	time.Sleep(100 * time.Millisecond)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Fatalf("code %d: %s", code, errs.String())
	}
	if want := "laminar train --resume -o " + broken; !strings.Contains(errs.String(), want) {
		t.Errorf("no %q in %q", want, errs.String())
	}
	before, err := os.ReadFile(filepath.Join(broken, run.ModelFile))
	if err != nil {
		t.Fatal(err)
	}

	// A disk with no room for another checkpoint: no file may exceed 64 blocks.
	full := program(trainLong(broken, "--resume")...)
	full.Path, full.Args = "/bin/sh", slices.Concat([]string{"sh", "-c", `ulimit -f 64 && exec "$0" "$@"`, os.Args[0]}, full.Args[1:])
	out, err := full.CombinedOutput()
	if _, isExit := err.(*exec.ExitError); !isExit || full.ProcessState.ExitCode() != exitFailure {
		t.Fatalf("a full disk: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), run.ModelFile) {
		t.Errorf("the message does not name the file: %s", out)
	}
	if after, err := os.ReadFile(filepath.Join(broken, run.ModelFile)); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the checkpoint is not what it was: %v", err)
	}

	must(t, trainLong(broken, "--resume")...)
	sameRun(t, straight(), broken)
}

// TestContradictions: what a resumed run may change is the number of steps, and
// only to more.
func TestContradictions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	must(t, train("moons", dir)...)
	resume := []string{"train", "moons", "-o", dir, "--resume", "--no-eval"}
	for _, c := range []struct {
		flags []string
		says  string
	}{
		{[]string{"--width", "17"}, "network.width"},
		{[]string{"--seed", "5"}, "train.seed"},
		{[]string{"--batch", "33"}, "train.batch"},
		{[]string{"--rate", "0.5"}, "optim.rate"},
		{[]string{"--coupling", "independent"}, "coupling.name"},
		{[]string{"--source", "8gaussians"}, "source"},
		{[]string{"--no-standardise"}, "data.standardise"},
		{[]string{"--preset", "post"}, "another"},
		{[]string{"--steps", "59"}, "lowered"},
		{[]string{"--kernels", "go"}, "kernels"},
	} {
		code, _, errs := call(append(slices.Clone(resume), c.flags...)...)
		if code != exitUsage || !strings.Contains(errs, c.says) {
			t.Errorf("%v: code %d, %q", c.flags, code, errs)
		}
	}
	if code, _, errs := call("train", "circles", "-o", dir, "--resume"); code != exitUsage || !strings.Contains(errs, "data.name") {
		t.Errorf("other data: code %d, %q", code, errs)
	}
	if code, _, errs := call("train", "moons", "-o", dir); code != exitUsage || !strings.Contains(errs, "--resume") || !strings.Contains(errs, "--force") {
		t.Errorf("neither resume nor force: code %d, %q", code, errs)
	}
	if v := object(t, must(t, append(slices.Clone(resume), "--steps", "60", "--width", "16", "--json")...)); v["steps"] != 60.0 {
		t.Errorf("equal flags: %v", v)
	}
	if v := object(t, must(t, append(slices.Clone(resume), "--steps", "70", "--json")...)); v["steps"] != 70.0 {
		t.Errorf("more steps: %v", v)
	}
	if v := object(t, must(t, train("moons", dir, "--force", "--json")...)); v["steps"] != 60.0 {
		t.Errorf("force: %v", v)
	}
}

// TestResumeOfNothing starts afresh and says so; a changed file is refused.
func TestResumeOfNothing(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "run")
	file := filepath.Join(dir, "x.csv")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("x,y\n1,2\n3,5\n4,4\n6,1\n")
	code, _, errs := call(train(file, out, "--resume")...)
	if code != exitOK || !strings.Contains(errs, "no checkpoint") {
		t.Fatalf("code %d, %q", code, errs)
	}
	write("x,y\n1,2\n3,5\n4,4\n6,2\n")
	if code, _, errs := call("train", "--resume", "-o", out, "--steps", "99"); code != exitUsage || !strings.Contains(errs, "x.csv is not the file") {
		t.Errorf("code %d, %q", code, errs)
	}
}

// TestTime: --time fixes the number of steps once, in the recipe.
func TestTime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	v := object(t, must(t, "train", "moons", "-o", dir, "--preset", "fast", "--width", "16", "--time", "300ms", "--no-eval", "--json"))
	r, err := run.ReadRecipe(filepath.Join(dir, run.RecipeFile))
	if err != nil {
		t.Fatal(err)
	}
	if v["steps"] != float64(r.Train.Steps) || r.Train.Steps < 10 || r.Train.Steps == 2000 {
		t.Errorf("%v steps, the recipe says %d", v["steps"], r.Train.Steps)
	}
}

// TestWeights: training starts from the weights of the file, and a step of no
// length leaves them.
func TestWeights(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	must(t, train("moons", dir, "--weights", filepath.Join(moons(), run.ModelFile), "--steps", "1", "--rate", "1e-30")...)
	a, b := must(t, "sample", moons(), "-n", "4"), must(t, "sample", dir, "-n", "4")
	if a != b {
		t.Errorf("the weights are not those of the file:\n%s\n%s", a, b)
	}
}

// TestResumeContinues: a step more begins at the state in the file, not at the
// first step.
func TestResumeContinues(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	must(t, train("moons", dir)...)
	s, err := run.Load(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range s.State.Groups {
		clear(g.Params)
		clear(g.Optim.EMA)
	}
	if err := run.Save(filepath.Join(dir, run.ModelFile), s); err != nil {
		t.Fatal(err)
	}
	must(t, "train", "--resume", "-o", dir, "--steps", "61", "--no-eval")
	if s, err = run.Load(dir, ""); err != nil {
		t.Fatal(err)
	}
	if s.Steps != 61 {
		t.Errorf("%d steps", s.Steps)
	}
	if hi, lo := slices.Max(s.Model.Params), slices.Min(s.Model.Params); hi > 0.05 || lo < -0.05 {
		t.Errorf("a step after all weights were 0 they range from %v to %v", lo, hi)
	}
}
