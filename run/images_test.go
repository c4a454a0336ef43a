package run_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	stdimage "image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"laminar/data"
	"laminar/flow"
	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
	"laminar/sample"
)

// bar is an 8 x 8 picture of a bright bar, lying or standing, at one of six
// places, with some noise.
func bar(k int, standing bool) *stdimage.Gray {
	img := stdimage.NewGray(stdimage.Rect(0, 0, 8, 8))
	s := rng.New(uint64(k)).Stream()
	at := 1 + k%6
	for y := range 8 {
		for x := range 8 {
			v := s.IntN(40)
			if along := y; (standing && x == at) || (!standing && along == at) {
				v = 255 - s.IntN(40)
			}
			img.SetGray(x, y, color.Gray{Y: uint8(v)})
		}
	}
	return img
}

func writePNG(t testing.TB, path string, img stdimage.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	put(t, path, b.Bytes())
}

func put(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// bars writes n lying and n standing bars into folders of their own.
func bars(t testing.TB, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bars")
	for k := range n {
		writePNG(t, filepath.Join(dir, "lying", fmt.Sprintf("%03d.png", k)), bar(2*k, false))
		writePNG(t, filepath.Join(dir, "standing", fmt.Sprintf("%03d.png", k)), bar(2*k+1, true))
	}
	return dir
}

func idxFile(dims []int, body []byte) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return append(b, body...)
}

// imageRecipe is a small run over a folder of pictures.
func imageRecipe(t testing.TB, dir string, steps int) recipe.Recipe {
	t.Helper()
	if kind := run.KindOf(dir); kind != recipe.Images {
		t.Fatalf("%s is taken for %s", dir, kind)
	}
	r, err := recipe.PresetFor(recipe.Images, "default")
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name, r.Network.Width = dir, 8
	r.Train.Steps, r.Train.Batch, r.Train.ValidateEvery = steps, 32, 50
	return r
}

func gather(t testing.TB, r *recipe.Recipe) recipe.Set {
	t.Helper()
	m, err := run.Gather(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m.Data.Set
}

// The last pictures of an IDX file are held out, as of MNIST the last 10,000;
// those of a folder are held out by chance, of all classes.
func TestImagesHeldOut(t *testing.T) {
	dir := t.TempDir()
	var pixels, labels []byte
	for k := range 60 {
		pixels = append(pixels, byte(k), byte(k), byte(k), byte(k))
		labels = append(labels, byte(k/30))
	}
	put(t, filepath.Join(dir, "train-images-idx3-ubyte"), idxFile([]int{60, 2, 2}, pixels))
	put(t, filepath.Join(dir, "train-labels-idx1-ubyte"), idxFile([]int{60}, labels))
	put(t, filepath.Join(dir, "t10k-images-idx3-ubyte"), idxFile([]int{1, 2, 2}, pixels[:4]))
	r := imageRecipe(t, dir, 1)
	set := gather(t, &r)
	if notes := set.Notes(); len(notes) < 1 || !strings.Contains(notes[0], "t10k-images-idx3-ubyte is left aside") {
		t.Errorf("notes %q", notes)
	}
	train, held, err := set.Split(r.Data.HeldOut, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 50 || held.Len() != 10 {
		t.Fatalf("%d and %d pictures", train.Len(), held.Len())
	}
	rows := flow.NewSample(held, 10)
	if err := held.Draw(rows, rng.New(2), 0); err != nil {
		t.Fatal(err)
	}
	seen := map[float32]bool{}
	for i := range 10 {
		seen[rows.X.At(i, 0)] = true
		if rows.Cond.Class[i] != 1 {
			t.Errorf("class %d", rows.Cond.Class[i])
		}
	}
	for k := 50; k < 60; k++ {
		if !seen[float32(k)] {
			t.Errorf("picture %d is not held out: %v", k, seen)
		}
	}

	folder := bars(t, 60)
	r = imageRecipe(t, folder, 1)
	train, held, err = gather(t, &r).Split(r.Data.HeldOut, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	rows = flow.NewSample(held, held.Len())
	if err := held.Draw(rows, rng.New(2), 0); err != nil {
		t.Fatal(err)
	}
	if held.Len() != 20 || train.Len() != 100 || !slices.Contains(rows.Cond.Class, 0) || !slices.Contains(rows.Cond.Class, 1) {
		t.Errorf("%d pictures of the classes %v are held out", held.Len(), rows.Cond.Class)
	}
}

// Strips: every line of a picture file is one picture, a CSV file has the labels.
func TestImageStrips(t *testing.T) {
	dir := t.TempDir()
	for f := range 2 {
		img := stdimage.NewGray(stdimage.Rect(0, 0, 64, 12))
		for y := range 12 {
			copy(img.Pix[y*64:], bar(12*f+y, y%2 == 1).Pix)
		}
		writePNG(t, filepath.Join(dir, fmt.Sprintf("part%d.png", f)), img)
	}
	text := "index,label\n"
	for i := range 24 {
		text += fmt.Sprintf("%d,%d\n", i, 9+i%2)
	}
	put(t, filepath.Join(dir, "labels.csv"), []byte(text))
	r := imageRecipe(t, dir, 1)
	m, err := run.Gather(t.Context(), &r, nil)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Train.Len() != 20 || plan.Train.Dim() != 64 || !slices.Equal(plan.Classes, []string{"9", "10"}) || !slices.Equal(plan.Recipe.Network.Shape, []int{8, 8, 1}) {
		t.Errorf("%d rows of %d, classes %q, shape %v", plan.Train.Len(), plan.Train.Dim(), plan.Classes, plan.Recipe.Network.Shape)
	}
}

// Faults of the data get one line that names the file.
func TestImageFaults(t *testing.T) {
	var whole bytes.Buffer
	if err := png.Encode(&whole, bar(1, false)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		fill func(dir string)
		want string
	}{
		"empty":      {func(string) {}, "holds no pictures"},
		"texts":      {func(d string) { put(t, filepath.Join(d, "a.txt"), []byte("no")) }, "holds no pictures"},
		"corrupt":    {func(d string) { put(t, filepath.Join(d, "b.png"), whole.Bytes()[:60]) }, "b.png: is damaged"},
		"no picture": {func(d string) { put(t, filepath.Join(d, "b.png"), []byte("hello")) }, "b.png: is no PNG or JPEG"},
		"sizes": {func(d string) {
			writePNG(t, filepath.Join(d, "a.png"), bar(1, false))
			writePNG(t, filepath.Join(d, "b.png"), stdimage.NewGray(stdimage.Rect(0, 0, 8, 9)))
		}, "b.png is 8 x 9 pixels, a.png 8 x 8"},
		"labels": {func(d string) {
			put(t, filepath.Join(d, "train-images-idx3-ubyte"), idxFile([]int{2, 1, 1}, []byte{1, 2}))
			put(t, filepath.Join(d, "train-labels-idx1-ubyte"), idxFile([]int{3}, []byte{1, 2, 3}))
		}, "train-labels-idx1-ubyte: labels of shape [3] for 2 pictures"},
		"strip labels": {func(d string) {
			writePNG(t, filepath.Join(d, "a.png"), stdimage.NewGray(stdimage.Rect(0, 0, 64, 3)))
			put(t, filepath.Join(d, "l.csv"), []byte("index,label\n0,1\n"))
		}, "l.csv: 2 labels for 3 pictures"},
		"strip width": {func(d string) {
			writePNG(t, filepath.Join(d, "a.png"), stdimage.NewGray(stdimage.Rect(0, 0, 63, 3)))
			put(t, filepath.Join(d, "l.csv"), []byte("1\n2\n1\n"))
		}, "a.png: lines of 63 pixels are no square"},
		"label twice": {func(d string) {
			writePNG(t, filepath.Join(d, "a.png"), stdimage.NewGray(stdimage.Rect(0, 0, 64, 2)))
			put(t, filepath.Join(d, "l.csv"), []byte("0,a\n0,b\n"))
		}, "l.csv: line 2: picture 0 has a label already"},
	} {
		dir := filepath.Join(t.TempDir(), "d")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		c.fill(dir)
		r, err := recipe.PresetFor(recipe.Images, "default")
		if err != nil {
			t.Fatal(err)
		}
		r.Data.Name = dir
		_, err = run.Gather(t.Context(), &r, nil)
		if !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// Pictures of 16 bits are read, and the user told.
func TestDeepImages(t *testing.T) {
	dir := t.TempDir()
	for k := range 4 {
		img := stdimage.NewGray16(stdimage.Rect(0, 0, 8, 8))
		img.SetGray16(k, k, color.Gray16{Y: 0xffff})
		writePNG(t, filepath.Join(dir, fmt.Sprintf("%d.png", k)), img)
	}
	r := imageRecipe(t, dir, 1)
	if notes := gather(t, &r).Notes(); len(notes) == 0 || notes[0] != "4 of 4 pictures have 16 bits to a channel: they are rounded to 8" {
		t.Errorf("notes %q", notes)
	}
}

// A run over pictures that is stopped and continued ends in the bits of one that was
// not, with as many pictures on the way.
func TestImageResumes(t *testing.T) {
	if racing {
		t.Skip("trains a model")
	}
	r := imageRecipe(t, bars(t, 40), 12)
	out, half := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "half")
	res, err := run.Train(t.Context(), r, run.Options{Dir: out})
	if err != nil {
		t.Fatal(err)
	}
	again := inTwo(t, r, half, 5)
	if !again.Resumed || !slices.Equal(again.Saved.Model.Params, res.Saved.Model.Params) {
		t.Error("in two pieces the run ends in other bits")
	}
	for _, d := range []string{out, half} {
		if shown, _ := filepath.Glob(filepath.Join(d, "progress-*.png")); len(shown) != 10 {
			t.Errorf("%s: pictures on the way: %q", d, shown)
		}
	}
}

// A run over a folder of pictures: judged, shown, and its samples are read as what was
// asked for.
func TestImageRun(t *testing.T) {
	if racing || testing.Short() {
		t.Skip("trains a model")
	}
	dir := bars(t, 300)
	r := imageRecipe(t, dir, 200)
	out := filepath.Join(t.TempDir(), "run")
	res, err := run.Train(t.Context(), r, run.Options{Dir: out})
	if err != nil {
		t.Fatal(err)
	}
	s, plan := res.Saved, res.Plan
	if s.Kind() != recipe.Images || !slices.Equal(s.Model.Classes, []string{"lying", "standing"}) {
		t.Fatalf("kind %s, classes %q", s.Kind(), s.Model.Classes)
	}

	loaded, err := run.Load(out, "")
	if err != nil {
		t.Fatal(err)
	}
	o := loaded.EvalDefaults()
	o.N = 100
	o.Settings = o.Settings[2:5]
	j, err := run.Judge(t.Context(), loaded, plan, o)
	if err != nil {
		t.Fatal(err)
	}
	rep := j.(*run.ReadingReport)
	if rep.Classifier < 0.98 || !(rep.Rows[2].Classifier > 0.9) || !(rep.Rows[2].FD > 0) || !(rep.Floor.FD > 0) || rep.Against != "rows that training has not seen" {
		t.Errorf("%s", jsonOf(t, rep))
	}
	if len(rep.Rows) != 6 || rep.Rows[3].Guidance != 1.5 || rep.Rows[3].NFE != 4 || rep.Rows[5].NFE != 16 {
		t.Errorf("rows with guidance: %s", jsonOf(t, rep.Rows))
	}
	if !(rep.Nearest > 0) || !(rep.Floor.Nearest > 0) || !(rep.Copies >= 0) {
		t.Errorf("nearest %v, floor %v, copies %v", rep.Nearest, rep.Floor.Nearest, rep.Copies)
	}
	twice, err := run.Judge(t.Context(), loaded, plan, o)
	if err != nil {
		t.Fatal(err)
	}
	one, two := jsonOf(t, j), jsonOf(t, twice)
	if one != two {
		t.Errorf("judged twice:\n%s\n%s", one, two)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(one), &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"kind", "rows", "classifier_real", "nearest_train", "floor"} {
		if _, ok := got[key]; !ok {
			t.Errorf("the figures lack %q: %s", key, one)
		}
	}
	files, err := run.Illustrate(t.Context(), out, loaded, plan, j)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"samples.png", "nearest.png", "quality.png", "way.png", "loss.png", "report.html", "eval.json"} {
		if !slices.Contains(files, filepath.Join(out, name)) {
			t.Errorf("%s is not among %q", name, files)
		}
	}

	shown, err := run.PictureDefaults(out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.Picture(t.Context(), "quality", loaded, plan, shown); err != nil {
		t.Error(err)
	}

	// Samples are written as pictures and as numbers.
	c := sample.Config{N: 3, Seed: rng.New(1), Solve: loaded.Solve()}
	c.Cond.Class = []int32{1, 1, 1}
	rows, _, err := sample.Draw(t.Context(), loaded.Model, c)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := loaded.Write(&b, "png", rows.Rows(0, 1), 0); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil || img.Bounds().Dx() != 8 || img.Bounds().Dy() != 8 {
		t.Fatalf("one picture is %v, %v", img.Bounds(), err)
	}
	for k, v := range rows.Row(0) {
		if got := img.At(k%8, k/8).(color.Gray).Y; float64(got) != v {
			t.Fatalf("pixel %d is %d, not %v", k, got, v)
		}
	}
	b.Reset()
	if err := loaded.Write(&b, "npy", rows, 0); err != nil {
		t.Fatal(err)
	}
	if table, err := data.ReadNPY(bytes.NewReader(b.Bytes()), "x", data.Options{}); err == nil && table.X.N != 3 {
		t.Errorf("%d rows", table.X.N)
	}
	b.Reset()
	if err := loaded.Write(&b, "svg", rows, 0); err != nil || !strings.Contains(b.String(), "<svg") {
		t.Errorf("%v", err)
	}
	b.Reset()
	film := run.AnimateOptions{Frames: 5}
	film.Sample.N = 4
	if err := run.Animate(t.Context(), &b, loaded, plan, film); err != nil || !bytes.HasPrefix(b.Bytes(), []byte("GIF89a")) {
		t.Errorf("film: %v", err)
	}
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Images without classes are judged by their pixels.
func TestImagesWithoutClasses(t *testing.T) {
	if racing || testing.Short() {
		t.Skip("trains a model")
	}
	dir := filepath.Join(t.TempDir(), "bars")
	for k := range 80 {
		writePNG(t, filepath.Join(dir, fmt.Sprintf("%03d.png", k)), bar(k, k%2 == 0))
	}
	r := imageRecipe(t, dir, 20)
	out := filepath.Join(t.TempDir(), "run")
	res, err := run.Train(t.Context(), r, run.Options{Dir: out})
	if err != nil {
		t.Fatal(err)
	}
	o := res.Saved.EvalDefaults()
	o.N, o.Settings = 50, o.Settings[:2]
	j, err := run.Judge(t.Context(), res.Saved, res.Plan, o)
	if err != nil {
		t.Fatal(err)
	}
	rep := j.(*run.ReadingReport)
	if rep.Features != "pixels" || rep.Classifier == rep.Classifier || !(rep.Rows[1].FD > rep.Floor.FD) {
		t.Errorf("%s", jsonOf(t, rep))
	}
	var b bytes.Buffer
	if err := rep.WriteText(&b); err != nil || !strings.Contains(b.String(), "have no classes") {
		t.Errorf("%s %v", b.String(), err)
	}
	if _, err := run.Illustrate(t.Context(), out, res.Saved, res.Plan, j); err != nil {
		t.Error(err)
	}
}

// A model of colours is judged by pictures that have none.
func TestColourJudgedByGrey(t *testing.T) {
	dir := t.TempDir()
	for i := range 24 {
		kind := []string{"lying", "standing"}[i%2]
		grey := bar(i, i%2 == 1)
		writePNG(t, filepath.Join(dir, "grey", kind, fmt.Sprintf("%02d.png", i)), grey)
		red := stdimage.NewRGBA(grey.Rect)
		for k, v := range grey.Pix {
			red.Pix[4*k], red.Pix[4*k+3] = v, 255
		}
		writePNG(t, filepath.Join(dir, "red", kind, fmt.Sprintf("%02d.png", i)), red)
	}
	res, err := run.Train(t.Context(), imageRecipe(t, filepath.Join(dir, "red"), 2), run.Options{Dir: filepath.Join(dir, "run")})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := res.Saved.Plan(t.Context(), filepath.Join(dir, "grey"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Train.Dim() != 8*8*3 {
		t.Errorf("rows of %d numbers", plan.Train.Dim())
	}
}
