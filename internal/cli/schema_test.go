package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"laminar/data/table"
)

func TestSchema(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "pets.csv")
	text := "name,kind,weight,born\n" + strings.Repeat("Rex,dog,12.5,2020-01-02\nMia,cat,?,2021-03-04\nTom,cat,4.25,2019-05-06\n", 30)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "schema.json")
	shown := must(t, "schema", file, "-o", out)
	for _, want := range []string{"90 rows, 4 columns, CSV by comma", "33 % ?", "about 2019-05-06 to 2021-03-04", "3: Mia, Rex, Tom"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not in\n%s", want, shown)
		}
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	s, err := table.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if s.Columns[3].Kind != table.Date || s.Columns[2].Missing[0] != "?" {
		t.Errorf("%+v", s.Columns)
	}
	// The edited schema holds.
	edited := strings.Replace(string(b), `"name": "name",`+"\n"+`      "kind": "category"`, `"name": "name",`+"\n"+`      "kind": "text"`, 1)
	if edited == string(b) {
		t.Fatalf("the name is no category:\n%s", b)
	}
	if err := os.WriteFile(out, []byte(edited), 0o644); err != nil {
		t.Fatal(err)
	}
	var again table.Schema
	if err := json.Unmarshal([]byte(must(t, "schema", file, "--schema", out, "--json")), &again); err != nil {
		t.Fatal(err)
	}
	if again.Columns[0].Kind != table.Text || again.Columns[2].Scale == nil {
		t.Errorf("%+v", again.Columns)
	}
}

func TestSchemaFaults(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ragged := write("ragged.csv", "a,b\n1,2\n3\n")
	good := write("good.csv", "a,b\n1.5,x\n2.5,y\n")
	bad := write("bad.json", `{"version":1,"format":{"kind":"csv","delimiter":",","quote":"\""},"columns":[{"name":"a","kind":"colour"},{"name":"b","kind":"category"}]}`)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{ragged}, exitFile, "line 3 has 1 cells where the first row has 2"},
		{[]string{filepath.Join(dir, "none.csv")}, exitFile, "none.csv"},
		{[]string{dir}, exitFile, "not a file"},
		{[]string{good, "--schema", bad}, exitUsage, `column "a": unknown kind "colour"`},
		{[]string{good, "--delimiter", "ab"}, exitUsage, "delimiter"},
		{[]string{good, "--rare", "-1"}, exitUsage, "--rare"},
		{nil, exitUsage, "FILE is missing"},
	} {
		code, _, errs := call(append([]string{"schema"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: code %d, %s", c.args, code, errs)
		}
	}
}
