package audio_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"laminar/data/audio"
	"laminar/flow"
)

// folder is a folder of WAV files of one sample each, the file's number over
// 100.
func folder(t testing.TB, names ...string) fstest.MapFS {
	dir := fstest.MapFS{}
	for i, n := range names {
		dir[n] = &fstest.MapFile{Data: wav(t, audio.Float32, 8000, []float32{float32(i) / 100})}
	}
	return dir
}

func tarOf(t testing.TB, dir fstest.MapFS) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(dir))) { // the order must not matter
		if err := w.WriteHeader(&tar.Header{Name: n, Mode: 0o600, Size: int64(len(dir[n].Data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(dir[n].Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipOf(t testing.TB, dir fstest.MapFS) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(dir))) {
		f, err := w.Create(n)
		if err == nil {
			_, err = f.Write(dir[n].Data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A folder and the archives of it hold the same set; other files are left aside.
func TestSetsAreEqual(t *testing.T) {
	dir := folder(t, "r/1_a_0.wav", "r/0_a_12.WAV", "r/0_a_2.wav")
	dir["r/readme.txt"] = &fstest.MapFile{Data: []byte("hello")}
	dir["r/._0_a_2.wav"] = &fstest.MapFile{Data: []byte("of another system")}
	want := &audio.Set{Rate: 8000, Names: []string{"r/0_a_12.WAV", "r/0_a_2.wav", "r/1_a_0.wav"}, Samples: [][]float32{{0.01}, {0.02}, {0}}}
	sets := map[string]func() (*audio.Set, error){
		"folder": func() (*audio.Set, error) { return audio.ReadFolder(dir, "r") },
		"tar.gz": func() (*audio.Set, error) { return audio.ReadTar(bytes.NewReader(tarOf(t, dir)), "r.tar.gz") },
		"zip": func() (*audio.Set, error) {
			b := zipOf(t, dir)
			return audio.ReadZip(bytes.NewReader(b), int64(len(b)), "r.zip")
		},
	}
	for name, read := range sets {
		if got, err := read(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestHostileSets(t *testing.T) {
	mixed := folder(t, "a.wav", "b.wav", "c.wav")
	mixed["b.wav"].Data = wav(t, audio.PCM16, 16000, []float32{0})
	cut := folder(t, "a.wav", "b.wav")
	cut["b.wav"].Data = cut["b.wav"].Data[:46]
	whole := tarOf(t, folder(t, "a.wav", "b.wav", "c.wav"))
	for want, read := range map[string]func() (*audio.Set, error){
		"b.wav has 16000 samples a second, a.wav and others 8000": func() (*audio.Set, error) { return audio.ReadFolder(mixed, "m") },
		"b.wav is cut off: it has 2 of the 4 bytes":               func() (*audio.Set, error) { return audio.ReadFolder(cut, "c") },
		"sounds holds no WAV file":                                func() (*audio.Set, error) { return audio.ReadFolder(fstest.MapFS{"a.mp3": {}}, "sounds") },
		"x.tar.gz is no tar archive": func() (*audio.Set, error) {
			return audio.ReadTar(strings.NewReader(strings.Repeat("no", 999)), "x.tar.gz")
		},
		"x.tar.gz is damaged":     func() (*audio.Set, error) { return audio.ReadTar(bytes.NewReader(whole[:5]), "x.tar.gz") },
		"is cut off":              func() (*audio.Set, error) { return audio.ReadTar(bytes.NewReader(whole[:len(whole)-30]), "x.tar.gz") },
		"x.zip is no zip archive": func() (*audio.Set, error) { return audio.ReadZip(strings.NewReader("PK"), 2, "x.zip") },
	} {
		_, err := read()
		if !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := audio.ReadFolder(lost{}, "lost"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a folder that cannot be read: %v", err)
	}
}

type lost struct{}

func (lost) Open(string) (fs.File, error) { return nil, fs.ErrPermission }

func TestLabels(t *testing.T) {
	for _, c := range []struct {
		by, took string
		names    []string
		classes  []string
		class    []int32
	}{
		{"", audio.ByFolder, []string{"cat/a_1.wav", "cat/a_2.wav", "dog/a_1.wav"}, []string{"cat", "dog"}, []int32{0, 0, 1}},
		{"", audio.ByName, []string{"r/10_a_0.wav", "r/10_b_1.wav", "r/9_a_0.wav", "r/9_a_1.wav"}, []string{"9", "10"}, []int32{1, 1, 0, 0}},
		{"", audio.Unlabel, []string{"a.wav", "b_1.wav", "b_2.wav", "c_1.wav"}, nil, nil},
		{"", audio.Unlabel, []string{"a_1.wav", "b_2.wav", "c_1.wav"}, nil, nil}, // a class to every sound is none
		{audio.ByName, audio.ByName, []string{"cat/x_1.wav", "dog/y_2.wav"}, []string{"x", "y"}, []int32{0, 1}},
		{audio.Unlabel, audio.Unlabel, []string{"cat/a_1.wav", "dog/a_1.wav"}, nil, nil},
	} {
		s, err := audio.ReadFolder(folder(t, c.names...), "f")
		if err != nil {
			t.Fatal(err)
		}
		took, err := s.Label(c.by)
		if err != nil || took != c.took || !slices.Equal(s.Classes, c.classes) || !slices.Equal(s.Class, c.class) {
			t.Errorf("%v by %q: by %s, %v %v, %v", c.names, c.by, took, s.Classes, s.Class, err)
		}
	}
	s, _ := audio.ReadFolder(folder(t, "a.wav"), "f")
	var f *flow.FieldError
	if _, err := s.Label("ear"); !errors.As(err, &f) || f.Path != "data.label" {
		t.Errorf("%v", err)
	}
}

func TestTakes(t *testing.T) {
	var names []string
	for take := range 12 {
		names = append(names, fmt.Sprintf("r/7_jackson_%d.wav", take))
	}
	s, err := audio.ReadFolder(folder(t, names...), "f")
	if err != nil {
		t.Fatal(err)
	}
	in, out, err := s.Matching(s.TestTakes())
	if err != nil || len(in) != 5 || len(out) != 7 {
		t.Fatalf("%q: %d in, %d out, %v", s.TestTakes(), len(in), len(out), err)
	}
	for _, i := range in {
		if n := s.Names[i]; n > "r/7_jackson_5" || len(n) != len("r/7_jackson_0.wav") {
			t.Errorf("%s is held out", n)
		}
	}
	for _, other := range [][]string{{"7_jackson_0.wav", "seven.wav"}, {"7_j_0.wav", "7_j_1.wav", "7_j_5.wav"}, {"7_j_9.wav", "7_j_8.wav"}, {"7_j_5.wav", "7_j_7.wav", "7_j_9.wav"}} {
		s, err := audio.ReadFolder(folder(t, other...), "f")
		if err != nil || s.TestTakes() != "" {
			t.Errorf("%v: %q %v", other, s.TestTakes(), err)
		}
	}
	var f *flow.FieldError
	if _, _, err := s.Matching("["); !errors.As(err, &f) || f.Path != "data.held_out_names" {
		t.Errorf("%v", err)
	}
}

func FuzzReadTar(f *testing.F) {
	f.Add(tarOf(f, folder(f, "a.wav", "b.wav")))
	f.Fuzz(func(t *testing.T, file []byte) {
		if s, err := audio.ReadTar(bytes.NewReader(file), "f.tar"); err == nil && s.Len() == 0 {
			t.Fatal("an empty set")
		}
	})
}
