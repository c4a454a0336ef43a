package cli

import (
	"bytes"
	"fmt"
	stdimage "image"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func savePNG(t testing.TB, path string, img stdimage.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// halves is an 8 x 8 picture of which the left or the right half is white.
func halves(k int, left bool) *stdimage.Gray {
	img := stdimage.NewGray(stdimage.Rect(0, 0, 8, 8))
	for i := range img.Pix {
		if (i%8 < 4) == left {
			img.Pix[i] = uint8(255 - k%16)
		}
	}
	return img
}

func openPNG(t testing.TB, path string) stdimage.Image {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return img
}

// All verbs of a model of images, on a few pictures of two classes.
func TestImageVerbs(t *testing.T) {
	dir := t.TempDir()
	data, model := filepath.Join(dir, "data"), filepath.Join(dir, "run")
	for k := range 30 {
		savePNG(t, filepath.Join(data, "left", fmt.Sprintf("%02d.png", k)), halves(k, true))
		savePNG(t, filepath.Join(data, "right", fmt.Sprintf("%02d.png", k)), halves(k, false))
	}
	must(t, "train", data, "-o", model, "--width", "8", "--steps", "60", "--batch", "16", "--no-eval")
	out := must(t, "info", model)
	for _, want := range []string{"left  right", "unet, width 8", "images of 8 x 8 pixels, grey"} {
		if !strings.Contains(out, want) {
			t.Errorf("info lacks %q:\n%s", want, out)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }

	must(t, "sample", model, "--class", "left", "--guidance", "2", "--nfe", "8", "-n", "9", "-o", at("grid.png"))
	if b := openPNG(t, at("grid.png")).Bounds(); b.Dx() < 300 {
		t.Errorf("the grid is %v", b)
	}
	must(t, "sample", model, "--nfe", "2", "-n", "3", "-o", at("many")+"/")
	for k := range 3 {
		if b := openPNG(t, at(fmt.Sprintf("many/%06d.png", k))).Bounds(); b != stdimage.Rect(0, 0, 8, 8) {
			t.Errorf("picture %d is %v", k, b)
		}
	}
	must(t, "sample", model, "--nfe", "2", "-n", "3", "-o", at("many.npy"))
	if b, err := os.ReadFile(at("many.npy")); err != nil || !bytes.Contains(b, []byte("'|u1'")) || !bytes.HasSuffix(b[:128], []byte("\n")) || len(b) != 128+3*64 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	must(t, "plot", model, "-n", "4", "-o", at("plot.png"))
	must(t, "animate", model, "-n", "4", "--frames", "5", "--solver", "euler", "--nfe", "4", "-o", at("film.gif"))
	film, err := os.ReadFile(at("film.gif"))
	if err != nil {
		t.Fatal(err)
	}
	if g, err := gif.DecodeAll(bytes.NewReader(film)); err != nil || len(g.Image) != 5 {
		t.Errorf("film: %v", err)
	}

	// Judged by a folder of one of its classes only.
	only := filepath.Join(dir, "only")
	for k := range 8 {
		savePNG(t, filepath.Join(only, "right", fmt.Sprintf("%d.png", k)), halves(k, false))
	}
	out = must(t, "eval", model, "--data", only, "--nfe", "4", "-n", "20", "--json")
	if !strings.Contains(out, `"classifier_real": 1,`) {
		t.Errorf("the classes of another folder are taken for others:\n%s", out)
	}

	// Pictures go back to noise, between each other, and are made anew.
	one, two := at("one.png"), filepath.Join(data, "right", "00.png")
	savePNG(t, one, halves(3, true))
	must(t, "encode", model, data, "--solver", "euler", "--nfe", "4", "-o", at("z.npy"))
	must(t, "encode", model, at("z.npy"), "--decode", "--solver", "euler", "--nfe", "4", "-o", at("x.csv"))
	must(t, "interpolate", model, "--solver", "euler", "--nfe", "2", "--steps", "4", "-n", "2", "-o", at("between.png"))
	must(t, "interpolate", model, data, "--rows", "1,31", "--solver", "euler", "--nfe", "2", "--steps", "4", "-o", at("between.gif"))
	must(t, "sample", model, "--rows", two, "--strength", "0.5", "--class", "left", "-n", "4", "-o", at("anew.png"))

	mask := stdimage.NewGray(stdimage.Rect(0, 0, 8, 8))
	for i := range mask.Pix {
		if i/8 >= 5 {
			mask.Pix[i] = 255
		}
	}
	savePNG(t, at("mask.png"), mask)
	must(t, "sample", model, "--rows", one, "--mask", at("mask.png"), "--nfe", "16", "-n", "2", "-o", at("painted")+"/")
	given, changed := openPNG(t, one).(*stdimage.Gray), 0
	for k := range 2 {
		got := openPNG(t, at(fmt.Sprintf("painted/%06d.png", k))).(*stdimage.Gray)
		for i := range got.Pix {
			switch {
			case i/8 < 5 && got.Pix[i] != given.Pix[i]:
				t.Fatalf("pixel %d of the kept part is %d, was %d", i, got.Pix[i], given.Pix[i])
			case i/8 >= 5 && got.Pix[i] != given.Pix[i]:
				changed++
			}
		}
	}
	if changed == 0 {
		t.Error("nothing was painted anew")
	}

	for _, c := range []struct {
		want string
		code int
		args []string
	}{
		{"is a picture, for models of images", exitUsage, []string{"sample", moons(), "--rows", filepath.Join("testdata", "none.csv"), "--mask", one}},
		{"--strength: 1.5 is not", exitUsage, []string{"sample", model, "--rows", one, "--strength", "1.5", "-o", at("no.png")}},
		{"name them with --rows", exitUsage, []string{"sample", model, "--strength", "0.5", "-o", at("no.png")}},
		{"say what to do with the rows", exitUsage, []string{"sample", model, "--rows", one, "-o", at("no.png")}},
		{"a mask of 8 x 9 pixels", exitFile, []string{"sample", model, "--rows", one, "--mask", at("tall.png"), "-o", at("no.png")}},
		{"a picture of 8 x 9 pixels", exitFile, []string{"sample", model, "--rows", at("tall.png"), "--strength", "1", "-o", at("no.png")}},
		{"--label: is for columns", exitUsage, []string{"train", data, "--label", "x", "-o", at("no")}},
		{"no format is called .jpg", exitUsage, []string{"sample", model, "-o", at("no.jpg")}},
	} {
		savePNG(t, at("tall.png"), stdimage.NewGray(stdimage.Rect(0, 0, 8, 9)))
		if c.args[0] == "sample" && c.args[1] != model {
			points := at("points.csv")
			if err := os.WriteFile(points, []byte("x0,x1\n1,2\n3,4\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			c.args[3] = points
		}
		code, _, errs := call(c.args...)
		if code != c.code || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("laminar %s: code %d, %q", strings.Join(c.args, " "), code, errs)
		}
	}
}

// Bad folders end with one line and the exit code of bad files.
func TestBadPictures(t *testing.T) {
	var whole bytes.Buffer
	if err := png.Encode(&whole, halves(1, true)); err != nil {
		t.Fatal(err)
	}
	put := func(dir, name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		fill func(dir string)
		want string
	}{
		"empty":   {func(string) {}, "is a folder in which nothing to learn from was found"},
		"texts":   {func(d string) { put(d, "a.txt", []byte("no")) }, "is a folder in which nothing to learn from was found"},
		"corrupt": {func(d string) { put(d, "a.png", whole.Bytes()[:70]) }, "a.png: is damaged"},
		"size": {func(d string) {
			savePNG(t, filepath.Join(d, "a.png"), halves(1, true))
			savePNG(t, filepath.Join(d, "b.png"), stdimage.NewGray(stdimage.Rect(0, 0, 3, 3)))
		}, "b.png is 3 x 3 pixels, a.png 8 x 8"},
		"labels": {func(d string) {
			put(d, "train-images-idx3-ubyte", []byte{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 8})
			put(d, "train-labels-idx1-ubyte", []byte{0, 0, 8, 1, 0, 0, 0, 1, 1})
		}, "train-labels-idx1-ubyte: labels of shape [1] for 2 pictures"},
		"short": {func(d string) {
			put(d, "train-images-idx3-ubyte", []byte{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7})
		}, "train-images-idx3-ubyte holds 1 bytes where its header says 2"},
	} {
		dir := filepath.Join(t.TempDir(), "d")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		c.fill(dir)
		code, _, errs := call("train", dir, "-o", filepath.Join(t.TempDir(), "run"))
		if code != exitFile || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: code %d, %q", name, code, errs)
		}
	}
}
