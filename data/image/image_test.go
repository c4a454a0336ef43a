package image_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	stdimage "image"
	"image/color"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"laminar/data/image"
	"laminar/flow"
	"laminar/rng"
)

func idx(dims []int, body []byte) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return append(b, body...)
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func encode(t testing.TB, img stdimage.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// grey is a 2 x 3 picture with the pixels 10k, 10k+1, ...
func grey(k int) *stdimage.Gray {
	img := stdimage.NewGray(stdimage.Rect(0, 0, 3, 2))
	for i := range img.Pix {
		img.Pix[i] = byte(10*k + i)
	}
	return img
}

func ExampleReadFolder() {
	var file bytes.Buffer
	_ = png.Encode(&file, stdimage.NewGray(stdimage.Rect(0, 0, 4, 2)))
	set, err := image.ReadFolder(fstest.MapFS{
		"cats/1.png": {Data: file.Bytes()},
		"dogs/1.png": {Data: file.Bytes()},
		"dogs/2.png": {Data: file.Bytes()},
	})
	fmt.Println(set.Len(), set.H, set.W, set.C, set.Classes, set.Class, err)
	// Output: 3 2 4 1 [cats dogs] [0 1 1] <nil>
}

func TestIDX(t *testing.T) {
	body := []byte{0, 1, 2, 3, 250, 251, 252, 253}
	for _, wrap := range []func([]byte) []byte{func(b []byte) []byte { return b }, zipped} {
		s, err := image.ReadIDX(bytes.NewReader(wrap(idx([]int{2, 2, 2}, body))), "pictures", bytes.NewReader(wrap(idx([]int{2}, []byte{1, 0}))), "labels")
		if err != nil {
			t.Fatal(err)
		}
		if s.Len() != 2 || s.H != 2 || s.W != 2 || s.C != 1 || !slices.Equal(s.Class, []int32{1, 0}) || !slices.Equal(s.Classes, []string{"0", "1"}) {
			t.Fatalf("%+v", s)
		}
		rows := flow.NewSample(s.Rows(true), 64)
		if err := s.Rows(true).Draw(rows, rng.New(1), 0); err != nil {
			t.Fatal(err)
		}
		for i := range 64 {
			want := []float32{250, 251, 252, 253}
			if rows.Cond.Class[i] == 1 {
				want = []float32{0, 1, 2, 3}
			}
			if !slices.Equal(rows.X.Row(i), want) {
				t.Fatalf("row %d of class %d is %v", i, rows.Cond.Class[i], rows.X.Row(i))
			}
		}
	}
}

func TestFolder(t *testing.T) {
	set, err := image.ReadFolder(fstest.MapFS{
		"a.png": {Data: encode(t, grey(1))}, "b.PNG": {Data: encode(t, grey(2))}, "notes.txt": {}, ".hidden.png": {},
	})
	if err != nil {
		t.Fatal(err)
	}
	if set.Len() != 2 || set.Class != nil || !slices.Equal(set.Picture(1), []byte{20, 21, 22, 23, 24, 25}) {
		t.Fatalf("%+v", set)
	}
	red := stdimage.NewNRGBA(stdimage.Rect(0, 0, 3, 2))
	for i := range 6 {
		red.Set(i%3, i/3, color.NRGBA{R: 200, A: 255})
	}
	set, err = image.ReadFolder(fstest.MapFS{"a.png": {Data: encode(t, grey(1))}, "b.png": {Data: encode(t, red)}, "c.png": {Data: encode(t, grey(3))}})
	if err != nil {
		t.Fatal(err)
	}
	if set.C != 3 || !slices.Equal(set.Picture(0)[:6], []byte{10, 10, 10, 11, 11, 11}) || !slices.Equal(set.Picture(1)[:6], []byte{200, 0, 0, 200, 0, 0}) ||
		!slices.Equal(set.Picture(2)[:3], []byte{30, 30, 30}) {
		t.Fatalf("%+v", set)
	}
}

func TestDecode(t *testing.T) {
	deep := stdimage.NewGray16(stdimage.Rect(0, 0, 2, 1))
	deep.SetGray16(0, 0, color.Gray16{Y: 0xffff})
	deep.SetGray16(1, 0, color.Gray16{Y: 0x8080})
	clear := stdimage.NewNRGBA(stdimage.Rect(0, 0, 1, 1)) // transparent
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, grey(1), nil); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file []byte
		want []byte
	}{
		"16 bits":     {encode(t, deep), []byte{255, 128}},
		"transparent": {encode(t, clear), []byte{255}},
	} {
		_, _, _, got, err := image.Decode(c.file)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if h, w, c, _, err := image.Decode(jpg.Bytes()); h != 2 || w != 3 || c != 1 || err != nil {
		t.Errorf("a grey JPEG is %d x %d x %d, %v", h, w, c, err)
	}
}

func TestStrip(t *testing.T) {
	strip := stdimage.NewGray(stdimage.Rect(0, 0, 6, 2))
	for i := range strip.Pix {
		strip.Pix[i] = byte(i)
	}
	var s image.Set
	for range 2 {
		if err := s.ReadStrip(encode(t, strip), "strip.png", 2, 3); err != nil {
			t.Fatal(err)
		}
	}
	if s.Len() != 4 || !slices.Equal(s.Picture(3), []byte{6, 7, 8, 9, 10, 11}) {
		t.Fatalf("%+v", s)
	}
	if err := s.ReadStrip(encode(t, strip), "strip.png", 1, 6); !errors.Is(err, flow.ErrFormat) {
		t.Error(err)
	}
}

func TestWritePNG(t *testing.T) {
	for c, row := range map[int][]float64{1: {0, 254.6, -3, 300}, 3: {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}} {
		var out bytes.Buffer
		if err := image.WritePNG(&out, row, 2, 2, c); err != nil {
			t.Fatal(err)
		}
		h, w, got, pixels, err := image.Decode(out.Bytes())
		if err != nil || h != 2 || w != 2 || got != c {
			t.Fatal(h, w, got, err)
		}
		want := []byte{0, 255, 0, 255}
		if c == 3 {
			want = []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
		}
		if !slices.Equal(pixels, want) {
			t.Errorf("%v was written as %v", row, pixels)
		}
	}
}

// TestFaults: every fault is one line with the file's name.
func TestFaults(t *testing.T) {
	good := encode(t, grey(1))
	folder := func(files ...any) func() error {
		return func() error {
			dir := fstest.MapFS{}
			for i := 0; i < len(files); i += 2 {
				dir[files[i].(string)] = &fstest.MapFile{Data: files[i+1].([]byte)}
			}
			_, err := image.ReadFolder(dir)
			return err
		}
	}
	pictures := func(b []byte) func() error {
		return func() error {
			_, err := image.ReadIDX(bytes.NewReader(b), "train.idx", nil, "")
			return err
		}
	}
	whole := idx([]int{2, 2, 2}, make([]byte, 8))
	for want, f := range map[string]func() error{
		"holds no PNG":             folder(),
		"b.png: is damaged":        folder("a.png", good, "b.png", good[:len(good)-20]),
		"b.png: is no PNG or JPEG": folder("a.png", good, "b.png", []byte("hello")),
		"b.png is 2 x 2":           folder("a.png", good, "b.png", encode(t, stdimage.NewGray(stdimage.Rect(0, 0, 2, 2)))),
		"lies beside folders":      folder("a.png", good, "cats/b.png", good),
		"train.idx ends before":    pictures(whole[:7]),
		"train.idx holds 7 bytes":  pictures(whole[:len(whole)-1]),
		"is truncated or not what": pictures(append(slices.Clone(whole), 1)),
		"asks for more than":       pictures(idx([]int{1 << 30, 1 << 30, 1 << 30}, nil)),
		"train.idx is no IDX":      pictures([]byte("P5 2 2 255 ....")),
		"1 axes":                   pictures(idx([]int{3}, make([]byte, 3))),
		"holds no pictures":        pictures(idx([]int{0, 2, 2}, nil)),
		"labels of shape [3] for 2 pict": func() error {
			_, err := image.ReadIDX(bytes.NewReader(whole), "p", bytes.NewReader(idx([]int{3}, make([]byte, 3))), "labels")
			return err
		},
	} {
		err := f()
		if !errors.Is(err, flow.ErrFormat) || !strings.Contains(fmt.Sprint(err), want) || strings.Contains(fmt.Sprint(err), "\n") {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func FuzzIDX(f *testing.F) {
	f.Add(idx([]int{2, 2, 2}, make([]byte, 8)))
	f.Add(zipped(idx([]int{1, 1, 1, 3}, []byte{1, 2, 3})))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := image.ReadIDX(bytes.NewReader(b), "x", nil, "")
		if err == nil && (s.Len() < 1 || len(s.Pixels) != s.Len()*s.Size()) {
			t.Errorf("%+v", s)
		}
	})
}
