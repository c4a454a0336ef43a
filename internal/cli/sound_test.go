package cli

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"laminar/data/audio"
)

// saveTone writes an eighth of a second of a tone.
func saveTone(t testing.TB, path string, rate int, hz float64) {
	t.Helper()
	x := make([]float32, rate/8)
	for i := range x {
		x[i] = float32(0.4 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	var b bytes.Buffer
	if err := audio.WriteWAV(&b, audio.PCM16, rate, x); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The verbs of a model of sounds, on a few tones of two classes.
func TestSoundVerbs(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	data, model := at("data"), at("run")
	for k := range 12 {
		saveTone(t, filepath.Join(data, fmt.Sprintf("low_me_%d.wav", k)), 1000, 100+float64(k))
		saveTone(t, filepath.Join(data, fmt.Sprintf("high_me_%d.wav", k)), 1000, 300+float64(k))
	}
	out, errs := mustBoth(t, "train", data, "-o", model, "--width", "8", "--steps", "20", "--batch", "8", "--no-eval")
	for _, want := range []string{"2 classes by the files' names before the first underscore: high, low", "takes 0 to 4 are kept from training"} {
		if !strings.Contains(errs, want) {
			t.Errorf("train does not say %q:\n%s", want, errs)
		}
	}
	if !strings.Contains(out, "-samples.wav") {
		t.Errorf("train ends with:\n%s", out)
	}
	if out := must(t, "info", model); !strings.Contains(out, "sounds of up to") || !strings.Contains(out, "at 1000 Hz") || !strings.Contains(out, "high  low") {
		t.Errorf("info:\n%s", out)
	}
	must(t, "sample", model, "--class", "high", "-n", "3", "--nfe", "2", "-o", at("high.wav"))
	must(t, "sample", model, "--class", "high", "-n", "3", "--nfe", "2", "-o", at("high")+"/")
	whole, err := os.ReadFile(at("high.wav"))
	if err != nil {
		t.Fatal(err)
	}
	one, err := os.ReadFile(at("high/000000.wav"))
	if err != nil {
		t.Fatal(err)
	}
	const head = 44 // bytes before the samples
	if len(one) <= head || !bytes.HasPrefix(whole[head:], one[head:]) {
		t.Errorf("the file of all, of %d bytes, does not begin with the first sound, of %d", len(whole), len(one))
	}
	must(t, "sample", model, "-n", "3", "--nfe", "2", "-o", at("high.png"))
	must(t, "plot", model, "-n", "4", "-o", at("plot.svg"))
	must(t, "animate", model, "-n", "2", "--frames", "3", "--solver", "euler", "--nfe", "2", "-o", at("film.gif"))
	must(t, "interpolate", model, data, "--rows", "1,13", "--solver", "euler", "--nfe", "2", "--steps", "3", "-o", at("between.gif"))
	must(t, "train", data, "-o", at("share"), "--width", "8", "--steps", "1", "--held-out-names", "", "--held-out", "0.5", "--no-eval")
	saveTone(t, at("fast/low_me_1.wav"), 2000, 100)
	saveTone(t, at("fast/low_me_2.wav"), 2000, 100)
	saveTone(t, at("mixed/low_me_1.wav"), 2000, 100)
	saveTone(t, at("mixed/low_me_2.wav"), 1000, 100)
	saveTone(t, at("cut/low_me_1.wav"), 1000, 100)
	if err := os.WriteFile(at("cut/low_me_2.wav"), one[:60], 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(at("empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want string
		code int
		args []string
	}{
		{"no format is called .flac; use one of .wav, .png", exitUsage, []string{"sample", model, "-o", at("x.flac")}},
		{"2000 samples a second, the model makes 1000", exitFile, []string{"eval", model, "--data", at("fast")}},
		{"low_me_1.wav has 2000 samples a second, low_me_2.wav and others 1000", exitFile, []string{"train", at("mixed"), "-o", at("no")}},
		{"low_me_2.wav is cut off: it has", exitFile, []string{"train", at("cut"), "-o", at("no")}},
		{"sounds as WAV", exitFile, []string{"train", at("empty"), "-o", at("no")}},
		{"holds no WAV file", exitFile, []string{"train", at("empty"), "--kind", "sound", "-o", at("no")}},
		{`--held-out-names: "x*" matches 0 of 24 files`, exitUsage, []string{"train", data, "--held-out-names", "x*", "-o", at("no")}},
		{"--held-out-names: is a pattern of the names of sound files", exitUsage, []string{"train", "moons", "--held-out-names", "x*", "-o", at("no")}},
		{`--label: unknown "ear"`, exitUsage, []string{"train", data, "--kind", "sound", "--label", "ear", "-o", at("no")}},
	} {
		code, _, errs := call(c.args...)
		if code != c.code || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("laminar %s: code %d, %q", strings.Join(c.args, " "), code, errs)
		}
	}
}

// mustBoth is must that also returns what goes to stderr.
func mustBoth(t testing.TB, args ...string) (out, errs string) {
	t.Helper()
	code, out, errs := call(args...)
	if code != exitOK {
		t.Fatalf("laminar %s: code %d, %s", strings.Join(args, " "), code, errs)
	}
	return out, errs
}
