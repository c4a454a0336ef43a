package cli

import (
	"context"
	"errors"
	"fmt"
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

// Steps taken after an evaluation put it out of date, so that it goes before
// them, whatever becomes of the run.
func TestMoreStepsDropTheEvaluation(t *testing.T) {
	dir := t.TempDir()
	train := []string{"train", "rings", "--preset", "fast", "--steps", "30", "-o", dir, "--no-eval"}
	more := []string{"train", "--resume", "-o", dir, "--steps", "40", "--no-eval"}
	for i, args := range [][]string{train, more} {
		var out, errs strings.Builder
		if code := Main(context.Background(), args, strings.NewReader(""), &out, &errs); code != exitOK {
			t.Fatalf("exit code %d: %s", code, errs.String())
		}
		for _, name := range []string{"eval.json", "report.html", "samples.png"} {
			file := filepath.Join(dir, name)
			if i == 0 {
				if err := os.WriteFile(file, []byte("{}"), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if _, err := os.Stat(file); err == nil {
				t.Errorf("%s of 30 steps stays beside a model of 40", name)
			}
		}
	}
}

func TestInterruptionInWords(t *testing.T) {
	deep := fmt.Errorf("euler at 4 evaluations: %w", context.Canceled)
	for err, want := range map[error]string{
		deep:                                "interrupted",
		told{"saved in x", deep}:            "saved in x",
		context.Canceled:                    "interrupted",
		errors.New("a\nb"):                  "a; b",
		fmt.Errorf("x: %w", os.ErrNotExist): "x: file does not exist",
	} {
		if got := oneLine(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
