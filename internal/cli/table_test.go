package cli

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shops is a table of mixed columns with gaps: the price goes with the town.
func shops(n int) string {
	var b strings.Builder
	b.WriteString("id,town,price,open\n")
	for i := range n {
		town := []string{"Paris", "Rome", "Oslo"}[i*7%3]
		price := fmt.Sprintf("%.2f", float64(10*(i*7%3)+i*37%100)/4)
		if i%10 == 3 {
			price = ""
		}
		fmt.Fprintf(&b, "s-%04d,%s,%s,%s\n", 31*i%9973, town, price, []string{"yes", "no"}[i/2%2])
	}
	return b.String()
}

// records reads a CSV file.
func records(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// A table goes the whole way: trained with no flag but those that make it short,
// drawn in its own form, under a condition, balanced and in parts, filled, scored.
func TestTable(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	file := at("shops.csv")
	if err := os.WriteFile(file, []byte(shops(400)), 0o644); err != nil {
		t.Fatal(err)
	}
	model := at("run")
	code, out, errs := call("train", file, "-o", model, "--steps", "60", "--width", "24", "--batch", "64")
	if code != 0 || !strings.Contains(errs, "a table of 400 rows and 4 columns") || !strings.Contains(errs, "identifier, made afresh: id") || !strings.Contains(out, "Shape") || strings.Contains(out, "--resume -o") {
		t.Fatalf("code %d\n%s\n%s", code, out, errs)
	}
	for _, name := range []string{"report.html", "eval.json", "recipe.json"} {
		if _, err := os.Stat(filepath.Join(model, name)); err != nil {
			t.Error(err)
		}
	}

	must(t, "sample", model, "-n", "300", "-o", at("all.csv"))
	all := records(t, at("all.csv"))
	ids := map[string]bool{}
	gaps := 0
	for _, r := range all[1:] {
		ids[r[0]] = true
		if r[2] == "" {
			gaps++
		}
	}
	if strings.Join(all[0], ",") != "id,town,price,open" || len(all) != 301 || len(ids) != 300 || gaps == 0 || gaps > 200 {
		t.Errorf("%d rows %v with %d ids and %d gaps", len(all), all[0], len(ids), gaps)
	}
	// Parts make the whole.
	must(t, "sample", model, "-n", "300", "-o", at("1.csv.gz"), "--shard", "1/3")
	must(t, "sample", model, "-n", "300", "-o", at("2.csv"), "--shard", "2/3")
	must(t, "sample", model, "-n", "300", "-o", at("3.csv"), "--shard", "3/3")
	parts := append(append(records(t, at("1.csv.gz"))[1:], records(t, at("2.csv"))[1:]...), records(t, at("3.csv"))[1:]...)
	if fmt.Sprint(parts) != fmt.Sprint(all[1:]) {
		t.Error("the shards together are not the whole")
	}
	must(t, "sample", model, "-n", "120", "--where", "town in (Paris, 'Oslo') and (price >= 10 or price is null)", "-o", at("where.csv"))
	for _, r := range records(t, at("where.csv"))[1:] {
		if r[1] == "Rome" || r[2] != "" && number(t, r[2]) < 10 {
			t.Errorf("%v does not satisfy the condition", r)
		}
	}
	must(t, "sample", model, "-n", "90", "--balance", "town", "-o", at("balanced.csv"))
	count := map[string]int{}
	for _, r := range records(t, at("balanced.csv"))[1:] {
		count[r[1]]++
	}
	if count["Paris"] != 30 || count["Rome"] != 30 || count["Oslo"] != 30 {
		t.Errorf("balanced to %v", count)
	}

	must(t, "impute", model, file, "-o", at("full.csv"), "--draws", "2")
	was := records(t, file)
	for k := 1; k <= 2; k++ {
		full := records(t, at(fmt.Sprintf("full-%d.csv", k)))
		if len(full) != len(was) {
			t.Fatalf("%d rows filled of %d", len(full), len(was))
		}
		for i, r := range full {
			for j, cell := range r {
				if was[i][j] != cell && was[i][j] != "" || cell == "" {
					t.Fatalf("row %d: %q became %q", i, was[i], r)
				}
			}
		}
	}

	scores := must(t, "logprob", model, file, "--rank", "--explain")
	head, rest, _ := strings.Cut(scores, "\n")
	if head != "row,log_density,odd,id,town,price,open" || strings.Count(rest, "\n") != 400 {
		t.Errorf("%s and %d rows", head, strings.Count(rest, "\n"))
	}
	for line := range strings.Lines(rest) {
		if odd := strings.Split(line, ",")[2]; strings.Contains(odd, " 0.0") || strings.Count(odd, ";") > 2 {
			t.Errorf("odd cells: %q", odd)
		}
	}
	gapped := at("gapped.csv")
	if err := os.WriteFile(gapped, []byte("id,town,price,open\na1,Rome,12.5,yes\na2,,9.25,no\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := `gapped.csv: bad format: row 2, column "town": the cell is empty, where training saw no gap; gaps are filled by laminar impute ` + model
	if code, _, errs := call("logprob", model, gapped); code != exitFile || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
		t.Errorf("a gap that training never saw: code %d, %s", code, errs)
	}
	var eval struct {
		Kind  string  `json:"kind"`
		Shape float64 `json:"shape_error"`
	}
	if err := json.Unmarshal([]byte(must(t, "eval", model, "--nfe", "4", "--json")), &eval); err != nil || eval.Kind != "table" || !(eval.Shape > 0) {
		t.Errorf("%+v, %v", eval, err)
	}
	must(t, "plot", model, "-o", at("plot.png"))

	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"sample", model, "--where", "twon = 'Rome'"}, `--where: at position 1: no column is called "twon"; columns are "id", "town"`},
		{[]string{"sample", model, "--where", "town = 'Room'"}, `has no level "Room"; levels are`},
		{[]string{"sample", model, "--where", "price > "}, "position 9"},
		{[]string{"sample", model, "--balance", "twon"}, `--balance: no column is called "twon"`},
		{[]string{"sample", model, "--class", "Rome"}, "--where draws rows under a condition"},
		{[]string{"eval", model, "--guidance", "2"}, "--guidance is not for models of tables"},
		{[]string{"sample", model, "--balance", "price"}, `the column "price" is of kind number`},
		{[]string{"sample", model, "--balance", "town", "--where", "price > 1"}, "one or the other"},
		{[]string{"sample", model, "--shard", "4/3"}, "--shard"},
		{[]string{"sample", model, "-o", at("x.npy")}, "no format is called .npy"},
		{[]string{"sample", model, "--rows", file}, "--rows is for models with times"},
		{[]string{"impute", model, file}, "-o is missing"},
		{[]string{"logprob", model, file, "--probes", "3"}, "--probes is not for tables"},
		{[]string{"eval", model, "--nfe", "2,4"}, "one number of evaluations"},
		{[]string{"animate", model, "-o", at("x.gif")}, "there is no film of a table"},
		{[]string{"plot", model, "paths", "-o", at("x.png")}, "there is no paths of a table"},
		{[]string{"encode", model, file}, "makes rows of a table"},
		{[]string{"advise", model}, "makes rows of a table"},
		{[]string{"distill", model, "--method", "reflow"}, "there is no student"},
		{[]string{"interpolate", model}, "makes rows of a table"},
	} {
		code, _, errs := call(c.args...)
		if code != exitUsage || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: code %d, %s", c.args, code, errs)
		}
	}
	code, _, errs = call("sample", model, "--where", "price > 1e9", "-n", "5")
	if code != exitFailure || !strings.Contains(errs, "laminar: no such row: none of") {
		t.Errorf("code %d, %s", code, errs)
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	var v float64
	if _, err := fmt.Sscan(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// A file of plain numbers is points; one with gaps or names is a table.
func TestTableOrPoints(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ text, kind string }{
		"points.csv": {"x,y\n1,2\n3,4.5\n5,6\n", "points"},
		"gap.csv":    {"x,y\n1,2\n3,\n5,6\n", "table"},
		"names.csv":  {"x,y\n1,red\n3,blue\n5,red\n", "table"},
		"typo.csv":   {"x,y\n1,2\n3,4\n5,six\n", "points"}, // whose reader names the cell
		"rows.jsonl": {"{\"x\":1,\"y\":2}\n{\"x\":3,\"y\":4}\n", "table"},
		"rows.arff":  {"@relation r\n@attribute x numeric\n@data\n1\n2\n", "table"},
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		var f recipeFlags
		cmd := (&app{}).trainCommand()
		if got := f.kind(cmd, file); got != c.kind {
			t.Errorf("%s is %s, want %s", name, got, c.kind)
		}
	}
}
