package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/pflag"
)

// asProgram tells the test binary to be the program, for the tests that kill
// it.
const asProgram = "LAMINAR_TEST_AS_PROGRAM"

var shared string // a folder for the models that several tests use

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		context.AfterFunc(ctx, stop)
		os.Exit(Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	var err error
	if shared, err = os.MkdirTemp("", "laminar-cli"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(shared)
	os.Exit(code)
}

// program returns the test binary as the program, not yet started.
func program(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// call runs the program in this process.
func call(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Main(context.Background(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// must runs the program, which must succeed, and returns its stdout.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := call(args...)
	if code != exitOK {
		t.Fatalf("laminar %s: code %d\n%s", strings.Join(args, " "), code, errs)
	}
	return out
}

// small makes a training run take a moment.
var small = []string{"--preset", "fast", "--width", "16", "--steps", "60", "--batch", "32", "--no-eval"}

func train(data, dir string, more ...string) []string {
	return append(append([]string{"train", data, "-o", dir}, small...), more...)
}

// A small model of moons, and one of iris with classes.
var (
	moons = sync.OnceValue(func() string { return trainShared("moons") })
	iris  = sync.OnceValue(func() string { return trainShared("iris", "--label", "species") })
)

func trainShared(data string, more ...string) string {
	dir := filepath.Join(shared, data)
	if code, _, errs := call(train(data, dir, more...)...); code != exitOK {
		panic(errs)
	}
	return dir
}

// object decodes the one JSON object of stdout; anything after it is a fault.
func object(t *testing.T, out string) map[string]any {
	t.Helper()
	var v map[string]any
	d := json.NewDecoder(strings.NewReader(out))
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	if d.More() {
		t.Fatalf("more than one value in %q", out)
	}
	return v
}

func keys(v any) string {
	var k []string
	for name := range v.(map[string]any) {
		k = append(k, name)
	}
	slices.Sort(k)
	return strings.Join(k, " ")
}

func first(v any) any { return v.([]any)[0] }

func TestJSON(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		want string
	}{
		{train("moons", filepath.Join(dir, "a"), "--json"), "eval eval_seconds loss model seconds steps"},
		{[]string{"sample", moons(), "-n", "3", "--json"}, "columns file n nfe nfe_max points"},
		{[]string{"sample", moons(), "-n", "3", "--json", "-o", filepath.Join(dir, "x.npy")}, "file n nfe nfe_max"},
		{[]string{"info", moons(), "--json"}, "classes columns dim finished kernels kind loss nfe operations parameters recipe resumable seconds solver steps tensors"},
		{[]string{"datasets", "--json"}, "datasets"},
		{[]string{"version", "--json"}, "go kernels platform revision version"},
	} {
		if got := keys(object(t, must(t, c.args...))); got != c.want {
			t.Errorf("laminar %s\n got %s\nwant %s", strings.Join(c.args, " "), got, c.want)
		}
	}
	again := append(train("moons", filepath.Join(dir, "a")), "--resume", "--json")
	if _, _, errs := call(again...); !strings.Contains(errs, "is complete: 60 steps") {
		t.Errorf("a finished run says %q", errs)
	}
	v := object(t, must(t, again...))
	if v["steps"] != 60.0 || v["eval"] != nil || v["loss"] == nil || !strings.HasSuffix(v["model"].(string), "model.safetensors") {
		t.Errorf("a finished run prints %v", v)
	}
}

func TestBenchJSON(t *testing.T) {
	v := object(t, must(t, "bench", "--json", "--rounds", "1", "--time", "1ms"))
	if got, want := keys(v), "kernels peak_gflops rows threads"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := keys(first(v["rows"])), "cores gflops name ns_per_op percent_of_peak"; got != want {
		t.Errorf("rows: got %s, want %s", got, want)
	}
	if v["peak_gflops"].(float64) <= 0 {
		t.Error("the peak is not positive")
	}
}

func TestEvalJSON(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	out := must(t, "eval", moons(), "--json", "--nfe", "4,8", "--solver", "rk4", "-n", "100", "--pairs", "2")
	v := object(t, out)
	for _, want := range []string{"kind", "data", "n", "n_fine", "pairs", "floor", "rows", "npe", "straightness", "crossing"} {
		if _, ok := v[want]; !ok {
			t.Errorf("no %q in %s", want, out)
		}
	}
	rows := v["rows"].([]any)
	if len(rows) != 2 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, want := range []string{"solver", "nfe", "w2", "w2_ci", "w2_ratio", "w2_ratio_ci", "sw2", "mmd", "energy"} {
		if _, ok := rows[1].(map[string]any)[want]; !ok {
			t.Errorf("no %q in a row", want)
		}
	}
	if rows[1].(map[string]any)["solver"] != "rk4" || rows[1].(map[string]any)["nfe"] != 8.0 {
		t.Errorf("row %v", rows[1])
	}
	v = object(t, must(t, "eval", moons(), "--json", "--rtol", "1e-3", "-n", "50", "--pairs", "1"))
	row := first(v["rows"]).(map[string]any)
	if nfe := row["nfe"].(float64); len(v["rows"].([]any)) != 1 || row["solver"] != "dopri5" || nfe < 7 || row["w2"] == nil {
		t.Errorf("rows %v", v["rows"])
	}
}

// TestTrainJudges: training ends with the evaluation in the folder, and a
// finished run prints the same one again.
func TestTrainJudges(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	dir := filepath.Join(t.TempDir(), "run")
	args := []string{"train", "moons", "-o", dir, "--preset", "fast", "--steps", "20", "--json"}
	one := object(t, must(t, args...))
	two := object(t, must(t, append(args, "--resume")...))
	if one["eval"] == nil || fmt.Sprint(one["eval"]) != fmt.Sprint(two["eval"]) {
		t.Errorf("evaluations differ:\n%v\n%v", one["eval"], two["eval"])
	}
	if one["eval_seconds"].(float64) <= 0 {
		t.Error("evaluation took no time")
	}
	out := must(t, append(args[:len(args)-1], "--resume")...)
	for _, want := range []string{"floor", "model.safetensors", "laminar sample " + dir} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestSampleFormats(t *testing.T) {
	dir := t.TempDir()
	begin := map[string]string{"csv": "x0,x1\n", "npy": "\x93NUMPY", "jsonl": `{"x0":`, "png": "\x89PNG", "svg": "<svg", "CSV": "x0,x1\n"}
	for ext, want := range begin {
		file := filepath.Join(dir, "points."+ext)
		if out := must(t, "sample", moons(), "-n", "5", "--nfe", "4", "-o", file); out != "" {
			t.Errorf("%s: stdout has %q", ext, out)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b[:min(len(b), 200)]), want) {
			t.Errorf("%s begins with %q", ext, b[:min(len(b), 20)])
		}
	}
	if a, b := must(t, "sample", moons(), "-n", "7"), must(t, "sample", filepath.Join(moons(), "model.safetensors"), "-n", "3"); !strings.HasPrefix(a, b) || strings.Count(b, "\n") != 4 {
		t.Errorf("3 points are not the first of 7:\n%s\n%s", b, a)
	}
}

func TestSampleClass(t *testing.T) {
	byName := must(t, "sample", iris(), "-n", "4", "--class", "versicolor", "--nfe", "8")
	if byID := must(t, "sample", iris(), "-n", "4", "--class", "1", "--nfe", "8"); byID != byName {
		t.Error("class 1 is not versicolor")
	}
	if other := must(t, "sample", iris(), "-n", "4", "--class", "setosa", "--nfe", "8"); other == byName {
		t.Error("the class makes no difference")
	}
	v := object(t, must(t, "sample", iris(), "-n", "4", "--class", "setosa", "--guidance", "2", "--nfe", "8", "--json"))
	if v["nfe"] != 8.0 {
		t.Errorf("8 evaluations under guidance cost %v", v["nfe"])
	}
}

// TestDefaultEvaluations: a method that cannot spend 100 evaluations takes the
// nearest number below, unless the user asked for 100.
func TestDefaultEvaluations(t *testing.T) {
	if v := object(t, must(t, "sample", moons(), "-n", "1", "--json", "--solver", "midpoint")); v["nfe"] != 100.0 {
		t.Errorf("midpoint took %v", v["nfe"])
	}
	if v := object(t, must(t, "sample", moons(), "-n", "1", "--json", "--solver", "tsit5")); v["nfe"] != 96.0 {
		t.Errorf("tsit5 took %v", v["nfe"])
	}
	if code, _, errs := call("sample", moons(), "--solver", "tsit5", "--nfe", "100"); code != exitUsage || !strings.Contains(errs, "96") {
		t.Errorf("code %d, %s", code, errs)
	}
}

// TestThreadsAndKernels: the same bits for any number of cores.
func TestThreads(t *testing.T) {
	dir := t.TempDir()
	must(t, train("moons", filepath.Join(dir, "one"), "--threads", "1")...)
	a := must(t, "sample", filepath.Join(dir, "one"), "-n", "9", "--threads", "1")
	if b := must(t, "sample", moons(), "-n", "9", "--threads", "2"); a != b {
		t.Error("one core and two give other bits")
	}
}

func TestEveryVerbHelps(t *testing.T) {
	for _, verb := range []string{"train", "sample", "eval", "info", "coupling", "datasets", "bench", "version", "completion"} {
		out := must(t, verb, "--help")
		if verb != "completion" && !strings.Contains(out, "Examples:\n  laminar "+verb) {
			t.Errorf("%s --help has no example:\n%s", verb, out)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out := must(t, "completion", shell); !strings.Contains(out, "laminar") {
			t.Errorf("completion %s printed %q", shell, out)
		}
	}
	if out := must(t, "__complete", "train", ""); !strings.Contains(out, "checkerboard") {
		t.Errorf("data sets are not completed: %q", out)
	}
	if out := must(t, "__complete", "sample", "--solver", ""); !strings.Contains(out, "tsit5") {
		t.Errorf("solvers are not completed: %q", out)
	}
}

// TestDefaultsAreToldOnce: a usage that tells a default is not followed by another one.
func TestDefaultsAreToldOnce(t *testing.T) {
	a := &app{}
	for _, c := range a.rootCommand().Commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			alone := pflag.NewFlagSet("", pflag.ContinueOnError)
			alone.AddFlag(f)
			if text := alone.FlagUsages(); strings.Count(text, "(default ") > 1 {
				t.Errorf("%s: %s", c.Name(), text)
			}
		})
	}
}

// TestFlagsOfFaults: every flag that a message can name exists.
func TestFlagsOfFaults(t *testing.T) {
	a := &app{}
	root := a.rootCommand()
	known := map[string]bool{}
	for _, c := range root.Commands() {
		for _, name := range flagOf {
			if c.Flags().Lookup(name) != nil {
				known[name] = true
			}
		}
	}
	for path, name := range flagOf {
		if !known[name] {
			t.Errorf("%s stands for --%s, which no verb has", path, name)
		}
	}
}
