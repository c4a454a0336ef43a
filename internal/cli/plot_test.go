package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image/gif"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"laminar/internal/cli"
)

// laminar runs the program and returns its exit code and what it wrote.
func laminar(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = cli.Main(context.Background(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestPlotAndAnimate(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "moons")
	if code, _, msg := laminar("train", "moons", "--preset", "fast", "--steps", "40", "--no-eval", "--json", "-o", model); code != 0 {
		t.Fatal(msg)
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		args, out, start, json string
	}{
		{"plot MODEL", "a.png", "\x89PNG", `"kind": "samples"`},
		{"plot MODEL field --t 0.2 --dark", "b.svg", "<svg", `"kind": "field"`},
		{"plot MODEL paths -n 20 --solver heun --nfe 4", "c.svg", "<svg", `"kind": "paths"`},
		{"plot MODEL paths -n 20 --rtol 1e-2", "d.svg", "<svg", `"kind": "paths"`},
		{"plot MODEL loss", "e.svg", "<svg", `"kind": "loss"`},
		{"plot MODEL --data 8gaussians", "f.svg", "<svg", `"kind": "samples"`},
		{"animate MODEL -n 20 --frames 3", "g.gif", "GIF89a", `"frames": 3`},
	} {
		args := append(strings.Fields(strings.Replace(c.args, "MODEL", model, 1)), "--json", "-o", file(c.out))
		code, out, msg := laminar(args...)
		if code != 0 {
			t.Errorf("%s: code %d: %s", c.args, code, msg)
			continue
		}
		if !json.Valid([]byte(out)) || !strings.Contains(out, c.json) {
			t.Errorf("%s: stdout %s", c.args, out)
		}
		b, err := os.ReadFile(file(c.out))
		if err != nil || !bytes.HasPrefix(b, []byte(c.start)) {
			t.Errorf("%s: %v, or the file does not start with %q", c.args, err, c.start)
		}
	}
	b, err := os.ReadFile(file("g.gif"))
	if err != nil {
		t.Fatal(err)
	}
	if g, err := gif.DecodeAll(bytes.NewReader(b)); err != nil || len(g.Image) < 3 {
		t.Errorf("the film: %v", err)
	}
	for _, c := range []struct {
		args string
		want string
	}{
		{"plot MODEL", "-o is missing"},
		{"plot MODEL -o x.gif", ".png or .svg"},
		{"plot MODEL portrait -o " + file("x.png"), "use one of samples"},
		{"plot MODEL images -o " + file("x.png"), "no images"},
		{"plot MODEL quality -o " + file("x.png"), "eval.json"},
		{"plot MODEL field --t 2 -o " + file("x.png"), "--t"},
		{"plot MODEL samples more -o " + file("x.png"), "unexpected argument"},
		{"animate MODEL -o x.png", ".gif"},
		{"animate MODEL --frames 1 -o " + file("x.gif"), "--frames"},
	} {
		code, out, msg := laminar(strings.Fields(strings.Replace(c.args, "MODEL", model, 1))...)
		if code != 2 || out != "" || !strings.Contains(msg, c.want) {
			t.Errorf("%s: code %d, stdout %q, stderr %q, want %q", c.args, code, out, msg, c.want)
		}
	}
	if code, _, _ := laminar("plot", filepath.Join(dir, "none"), "-o", file("x.png")); code != 3 {
		t.Errorf("no such model: code %d, want 3", code)
	}
}
