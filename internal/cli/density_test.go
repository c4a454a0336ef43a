package cli

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"laminar/solve"
)

// numbers reads CSV with a header.
func numbers(t *testing.T, text string) (header []string, rows [][]float64) {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records[1:] {
		var row []float64
		for _, cell := range r {
			v, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				t.Fatal(err)
			}
			row = append(row, v)
		}
		rows = append(rows, row)
	}
	return records[0], rows
}

func TestLogProb(t *testing.T) {
	dir := t.TempDir()
	points := filepath.Join(dir, "points.csv")
	must(t, "sample", moons(), "-n", "40", "-o", points)
	text, err := os.ReadFile(points)
	if err != nil {
		t.Fatal(err)
	}
	// The same with a column too many, the columns swapped, and an outlier.
	_, rows := numbers(t, string(text))
	other := "x1,weight,x0\n"
	for _, r := range rows {
		other += strconv.FormatFloat(r[1], 'g', -1, 64) + ",7," + strconv.FormatFloat(r[0], 'g', -1, 64) + "\n"
	}
	other += "9,7,9\n"
	swapped := filepath.Join(dir, "swapped.csv")
	if err := os.WriteFile(swapped, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	header, plain := numbers(t, must(t, "logprob", moons(), points))
	if !slices.Equal(header, []string{"log_density"}) || len(plain) != 40 {
		t.Fatalf("%v, %d rows", header, len(plain))
	}
	_, again := numbers(t, must(t, "logprob", moons(), swapped))
	for i, r := range plain {
		if again[i][0] != r[0] {
			t.Fatalf("row %d: %v with its columns swapped, %v before", i, again[i], r)
		}
	}
	_, bits := numbers(t, must(t, "logprob", moons(), points, "--bits"))
	if want := -plain[3][0] / 2 / math.Ln2; math.Abs(bits[3][0]-want) > 1e-12 {
		t.Errorf("%v bits, want %v", bits[3][0], want)
	}
	header, ranked := numbers(t, must(t, "logprob", moons(), swapped, "--rank"))
	if !slices.Equal(header, []string{"row", "log_density"}) || ranked[0][0] != 41 {
		t.Errorf("%v begins with row %v, want the outlier 41", header, ranked[0][0])
	}
	if !slices.IsSortedFunc(ranked, func(a, b []float64) int { return int(math.Copysign(1, a[1]-b[1])) }) {
		t.Error("the ranks are not sorted")
	}
	header, estimated := numbers(t, must(t, "logprob", moons(), points, "--probes", "64"))
	if !slices.Equal(header, []string{"log_density", "standard_error"}) {
		t.Error(header)
	}
	for i, r := range estimated {
		if math.Abs(r[0]-plain[i][0]) > 6*r[1]+1e-3 {
			t.Errorf("row %d: %v, exactly %v", i, r, plain[i])
		}
	}
	out := object(t, must(t, "logprob", moons(), points, "--json"))
	if keys(out) != "columns file mean_bits_per_dim mean_log_density mean_standard_error n nfe nfe_max rows" || out["n"] != 40.0 || out["mean_standard_error"] != nil {
		t.Errorf("%v", out)
	}
	// One probe has no error bar.
	out = object(t, must(t, "logprob", moons(), points, "--probes", "1", "--json"))
	if row := out["rows"].([]any)[0].([]any); len(row) != 2 || row[0] == nil || row[1] != nil || out["mean_standard_error"] != nil {
		t.Errorf("one probe: %v, %v", row, out["mean_standard_error"])
	}
	if code, _, errs := call("logprob", moons(), points, "--probes", "1000000000"); code != exitUsage || !strings.Contains(errs, "--probes: 1000000000 ") {
		t.Errorf("more probes than there is memory: code %d, %s", code, errs)
	}
}

// More points than there is memory for are refused before any is taken.
func TestTooManyPoints(t *testing.T) {
	for _, args := range [][]string{
		{"sample", moons(), "-n", "1000000000000"},
		{"interpolate", moons(), "-n", "1000000000000"},
		{"interpolate", moons(), "-n", "3", "--steps", "1000000000000"},
	} {
		if code, _, errs := call(args...); code != exitUsage || !strings.Contains(errs, "in parts") {
			t.Errorf("%v: code %d, %s", args, code, errs)
		}
	}
	if code, _, errs := call("sample", iris(), "--class", "setosa", "-n", "1000000000000"); code != exitUsage || !strings.Contains(errs, "in parts") {
		t.Errorf("of a class: code %d, %s", code, errs)
	}
}

// One row is enough to be judged, and to be carried to noise; verbs offer the
// methods that suit them and no others.
func TestOneRow(t *testing.T) {
	one := filepath.Join(t.TempDir(), "one.csv")
	if err := os.WriteFile(one, []byte("x0,x1\n0.5,0.5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ verb, says, offers, not string }{
		{"logprob", "1 row, ", "ab2", "ddim"},
		{"encode", "1 row with ", "ddim", "unipc"},
	} {
		code, out, errs := call(c.verb, moons(), one)
		if _, rows := numbers(t, out); code != exitOK || len(rows) != 1 || !strings.Contains(errs, c.says) {
			t.Errorf("%s of one row: code %d\n%s%s", c.verb, code, out, errs)
		}
		help := must(t, c.verb, "--help")
		if !strings.Contains(help, c.offers) || strings.Contains(help, c.not) || strings.Contains(help, "--diffusion") {
			t.Errorf("%s --help offers methods that it cannot use, or not all:\n%s", c.verb, help)
		}
	}
}

// Points can bring their density with them.
func TestSampleLogProb(t *testing.T) {
	points := filepath.Join(t.TempDir(), "points.csv")
	precise := []string{"--solver", "rk4", "--nfe", "80"}
	must(t, append([]string{"sample", moons(), "-n", "30", "--logprob", "-o", points}, precise...)...)
	text, err := os.ReadFile(points)
	if err != nil {
		t.Fatal(err)
	}
	header, rows := numbers(t, string(text))
	if !slices.Equal(header, []string{"x0", "x1", "log_density"}) || len(rows) != 30 {
		t.Fatalf("%v, %d rows", header, len(rows))
	}
	_, again := numbers(t, must(t, append([]string{"logprob", moons(), points}, precise...)...))
	for i, r := range rows {
		if math.Abs(again[i][0]-r[2]) > 5e-3*(1+math.Abs(r[2])) {
			t.Errorf("row %d was drawn with density %v, and has %v", i, r[2], again[i][0])
		}
	}
	for _, args := range [][]string{{"--logprob", "-o", "x.png"}, {"--logprob", "--to", "3"}, {"--logprob", "--solver", "ddim"}} {
		if code, _, errs := call(append([]string{"sample", moons()}, args...)...); code != exitUsage || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: code %d, %s", args, code, errs)
		}
	}
}

// Rows with labels are judged given them, without as rows of no known label.
func TestLogProbTakesLabels(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	columns := strings.Join(loadColumns(t, iris()), ",")
	const row = "5.1,3.5,1.4,0.2"
	setosa := write("a.csv", columns+",species\n"+row+",setosa\n"+row+",virginica\n")
	none := write("b.csv", columns+"\n"+row+"\n"+row+"\n")
	wrong := write("c.csv", columns+",species\n"+row+",tulip\n"+row+",setosa\n")
	_, given := numbers(t, must(t, "logprob", iris(), setosa))
	code, out, errs := call("logprob", iris(), none)
	if code != exitOK || !strings.Contains(errs, "no column for the label species") {
		t.Errorf("code %d, %s", code, errs)
	}
	_, free := numbers(t, out)
	if given[0][0] == given[1][0] || given[0][0] == free[0][0] {
		t.Errorf("labels make no difference: %v, without %v", given, free)
	}
	if code, _, errs := call("logprob", iris(), wrong); code != exitUsage || !strings.Contains(errs, `"tulip"`) {
		t.Errorf("code %d, %s", code, errs)
	}
}

func loadColumns(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	for _, c := range object(t, must(t, "info", dir, "--json"))["columns"].([]any) {
		names = append(names, c.(string))
	}
	return names
}

func TestEncode(t *testing.T) {
	dir := t.TempDir()
	points, latents := filepath.Join(dir, "points.csv"), filepath.Join(dir, "latents.csv")
	must(t, "sample", moons(), "-n", "30", "-o", points)
	out := object(t, must(t, "encode", moons(), points, "-o", latents, "--json"))
	if e := out["reconstruction_error"].(float64); !(e < 1e-3) || e == 0 {
		t.Errorf("a round trip loses %v", e)
	}
	text, err := os.ReadFile(points)
	if err != nil {
		t.Fatal(err)
	}
	_, want := numbers(t, string(text))
	_, got := numbers(t, must(t, "encode", moons(), latents, "--decode"))
	for i := range want {
		for j := range want[i] {
			if math.Abs(got[i][j]-want[i][j]) > 1e-2 {
				t.Fatalf("row %d comes back as %v, was %v", i, got[i], want[i])
			}
		}
	}
}

// Every method is a --solver, on every grid; what a model lacks for one is said.
func TestEverySolverByName(t *testing.T) {
	for _, m := range solve.Catalogue() {
		code, out, errs := call("sample", moons(), "-n", "3", "--nfe", "12", "--solver", m.Name, "--grid", "quadratic")
		if stochastic := m.Kind == solve.SDE; stochastic || m.Kind == solve.Jump {
			want := "--solver: " + m.Name + " needs"
			if code != exitUsage || !strings.Contains(errs, want) { // moons is trained with transport
				t.Errorf("%s: code %d, %s, want %q", m.Name, code, errs, want)
			}
			continue
		}
		if _, rows := numbers(t, out); code != exitOK || len(rows) != 3 {
			t.Errorf("%s: code %d, %s", m.Name, code, errs)
		}
	}
	for want, args := range map[string][]string{
		"unknown grid":        {"--grid", "round"},
		"unknown diffusion":   {"--solver", "em", "--diffusion", "brown"},
		"fix the steps":       {"--grid", "shift", "--rtol", "1e-3"},
		"--diffusion-scale: ": {"--solver", "em", "--diffusion-scale", "-1"},
	} {
		if code, _, errs := call(append([]string{"sample", moons()}, args...)...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%v: code %d, %s, want %q", args, code, errs, want)
		}
	}
}

func TestInterpolate(t *testing.T) {
	dir := t.TempDir()
	points := filepath.Join(dir, "points.csv")
	must(t, "sample", moons(), "-n", "5", "-o", points)
	text, err := os.ReadFile(points)
	if err != nil {
		t.Fatal(err)
	}
	_, want := numbers(t, string(text))
	_, got := numbers(t, must(t, "interpolate", moons(), points, "--rows", "2,5", "--steps", "4"))
	if len(got) != 4 {
		t.Fatalf("%d points", len(got))
	}
	for end, row := range map[int]int{0: 1, 3: 4} {
		for j := range 2 {
			if math.Abs(got[end][j]-want[row][j]) > 1e-2 {
				t.Errorf("end %d is %v, the row is %v", end, got[end], want[row])
			}
		}
	}
	for _, name := range []string{"a.png", "a.gif", "a.npy"} {
		out := filepath.Join(dir, name)
		must(t, "interpolate", moons(), "-n", "3", "--steps", "5", "--solver", "heun", "--nfe", "8", "-o", out)
		if st, err := os.Stat(out); err != nil || st.Size() < 100 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for want, args := range map[string][]string{
		"there is no row 9": {points, "--rows", "1,9"},
		"name two rows":     {points, "--rows", "1"},
		"those of a file":   {"--rows", "1,2"},
		"at least 2":        {"--steps", "1"},
	} {
		if code, _, errs := call(append([]string{"interpolate", moons()}, args...)...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%v: code %d, %s, want %q", args, code, errs, want)
		}
	}
}

// Two rows of a file with one condition are carried given it; rows with two
// conditions without any, and the user is told.
func TestInterpolateConditions(t *testing.T) {
	dir := t.TempDir()
	file, model := filepath.Join(dir, "rows.csv"), filepath.Join(dir, "model")
	text := "x0,x1,c\n"
	for i := range 60 {
		c := i / 2 % 2
		text += strconv.Itoa(i%7) + "," + strconv.Itoa(10*c+i%5) + "," + strconv.Itoa(c) + "\n"
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "train", file, "--cond", "c", "--preset", "fast", "--width", "16", "--steps", "40", "--batch", "32", "--no-eval", "-o", model)
	code, same, errs := call("interpolate", model, file, "--rows", "1,2")
	if code != exitOK || strings.Contains(errs, "conditions") {
		t.Errorf("rows of one condition: code %d, %s", code, errs)
	}
	code, other, errs := call("interpolate", model, file, "--rows", "1,4")
	if code != exitOK || !strings.Contains(errs, "different conditions: both are carried without any") {
		t.Errorf("rows of two conditions: code %d, %s", code, errs)
	}
	// The first rows are the same: what lies next to it depends on the condition.
	_, given := numbers(t, same)
	_, free := numbers(t, other)
	if math.Abs(given[0][0]-free[0][0]) > 1e-2 || given[1][0] == free[1][0] {
		t.Errorf("given %v, free %v", given[:2], free[:2])
	}
}

func TestAdviseVerb(t *testing.T) {
	curve := filepath.Join(t.TempDir(), "curve.svg")
	args := []string{"advise", moons(), "--nfe", "1,2,4", "--solvers", "euler,midpoint", "--grids", "uniform", "-n", "60", "--pairs", "3", "--tolerance", "1.5"}
	out := object(t, must(t, append(args, "-o", curve, "--json")...))
	command, _ := out["command"].(string)
	if !strings.HasPrefix(command, "laminar sample "+moons()+" --solver ") || out["within"] == nil || out["file"] != curve {
		t.Errorf("%v", out)
	}
	must(t, append(strings.Fields(command)[1:], "-n", "3")...)
	if text := must(t, args...); !strings.Contains(text, command) {
		t.Errorf("the command %q is not in\n%s", command, text)
	}
	if code, _, errs := call("advise", moons(), "--tolerance", "0.5"); code != exitUsage || !strings.Contains(errs, "--tolerance") {
		t.Errorf("code %d, %s", code, errs)
	}
}
