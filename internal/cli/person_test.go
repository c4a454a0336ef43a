package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// What a person reads fits a terminal of 80 columns.
func TestPagesFitATerminal(t *testing.T) {
	a := &app{}
	calls := [][]string{{"--help"}, {"datasets"}, {"version"}}
	for _, c := range a.commands() {
		calls = append(calls, []string{c.Name(), "--help"})
	}
	for _, args := range calls {
		var out, err strings.Builder
		if code := Main(context.Background(), args, strings.NewReader(""), &out, &err); code != exitOK {
			t.Errorf("%v: exit code %d: %s", args, code, err.String())
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
				t.Errorf("%v: a line of %d columns: %s", args, n, line)
			}
		}
	}
}

func TestFolded(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"one":                       "one",
		"three  words here":         "three|words|here",
		"a b c d e f g":             "a b c|d e f|g",
		"tooooolong b":              "tooooolong|b",
		"\u00e9\u00e9 \u00e9\u00e9": "\u00e9\u00e9 \u00e9\u00e9",
	} {
		if got := strings.Join(folded(text, 5), "|"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// A run on fewer rows than an evaluation takes is a run all the same.
func TestTrainOnThreeRows(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "three.csv")
	if err := os.WriteFile(file, []byte("x,y\n1,2\n3,3\n4,5\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	args := []string{"train", file, "--preset", "fast", "--steps", "20", "--json", "-o", filepath.Join(dir, "run")}
	if code := Main(context.Background(), args, strings.NewReader(""), &out, &errs); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	if !strings.Contains(out.String(), `"eval": null`) || !strings.Contains(errs.String(), "3 rows of data are too few") {
		t.Errorf("%s\n%s", out.String(), errs.String())
	}
}
