package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"laminar/rng"
)

// Rows with times: trained on, told of, and carried from one time to another.
func TestTimes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cells.csv")
	var text strings.Builder
	text.WriteString("day,x,y\n")
	s := rng.New(4).Stream()
	for range 40 {
		for _, day := range []float64{1, 2, 3, 5} {
			fmt.Fprintf(&text, "%v,%v,%v\n", day, 10*day+s.NormFloat64(), s.NormFloat64())
		}
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "cells")
	must(t, train(file, dir, "--time-column", "day", "--leave-out", "2", "--steps", "800", "--width", "32")...)
	mean := func(args ...string) (x float64, n int) {
		t.Helper()
		header, rows := numbers(t, must(t, append([]string{"sample", dir}, args...)...))
		if !slices.Equal(header, []string{"x", "y"}) {
			t.Fatalf("columns %v", header)
		}
		for _, r := range rows {
			x += r[0] / float64(len(rows))
		}
		return x, len(rows)
	}
	for _, c := range []struct {
		want float64
		n    int
		args []string
	}{
		{50, 200, []string{"-n", "200"}},
		{30, 200, []string{"-n", "200", "--to", "3"}},
		{20, 200, []string{"-n", "200", "--to", "2"}},
		{50, 40, []string{"--rows", file, "--from", "3", "--to", "5"}},
		{30, 40, []string{"--rows", file, "--to", "3"}},
		{20, 40, []string{"--rows", file, "--from", "3", "--to", "2"}},
	} {
		if got, n := mean(c.args...); got < c.want-2 || got > c.want+2 || n != c.n {
			t.Errorf("sample %v: %d points about %v, want %d about %v", c.args, n, got, c.n, c.want)
		}
	}
	if got := fmt.Sprint(object(t, must(t, "info", dir, "--json"))["times"]); got != "[1 3 5]" {
		t.Errorf("times %s", got)
	}
	if out := must(t, "info", dir); !strings.Contains(out, "1, 3, 5 of the column day") || !strings.Contains(out, "left out     2") {
		t.Error(out)
	}
	judged := object(t, must(t, "eval", dir, "--json", "--nfe", "8", "-n", "30", "--pairs", "2"))
	if m, ok := judged["marginals"].([]any); !ok || len(m) != 3 || m[0].(map[string]any)["left_out"] != true {
		t.Errorf("marginals %v", judged["marginals"])
	}
	for _, c := range []struct {
		says string
		args []string
	}{
		{"--rows FILE", []string{"sample", dir, "--from", "3"}},
		{"not between 1 and 5", []string{"sample", dir, "--to", "9"}},
		{"both 1", []string{"sample", dir, "--to", "1"}},
		{"give one", []string{"sample", dir, "--rows", file, "-n", "5"}},
		{"no rows at day = 4", []string{"sample", dir, "--rows", file, "--from", "4"}},
		{"models with times", []string{"sample", moons(), "--to", "1"}},
		{"--leave-out: 5 is not", train(file, dir+"x", "--time-column", "day", "--leave-out", "5")},
		{`no column is called "dya"`, train(file, dir+"x", "--time-column", "dya")},
		{"--label: does not go", train(file, dir+"x", "--time-column", "day", "--label", "y")},
		{"--time-column: couplings", []string{"coupling", file, "--time-column", "day"}},
	} {
		if code, _, errs := call(c.args...); code != exitUsage || !strings.Contains(errs, c.says) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: code %d, want %q, got %s", c.args, code, c.says, errs)
		}
	}
}
