package image_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	stdimage "image"
	"image/color"
	"image/png"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"laminar/data/image"
	"laminar/flow"
)

// Small files that ask for much memory are refused before it is taken.
func TestBombs(t *testing.T) {
	flat := encode(t, stdimage.NewGray(stdimage.Rect(0, 0, 1, 1)))
	sized := func(w, h uint32) []byte {
		b := slices.Clone(flat)
		binary.BigEndian.PutUint32(b[16:], w)
		binary.BigEndian.PutUint32(b[20:], h)
		sum := crc(b[12:29])
		binary.BigEndian.PutUint32(b[29:], sum)
		return b
	}
	for want, files := range map[string]fstest.MapFS{
		"a.png: 60000 x 60000 pixels are not within": {"a.png": {Data: sized(60000, 60000)}},
		"a.png: 16000 x 16000 pixels are more than":  {"a.png": {Data: sized(16000, 16000)}},
		"b.png is 16000 x 2000 pixels, a.png 1 x 1":  {"a.png": {Data: flat}, "b.png": {Data: sized(16000, 2000)}},
	} {
		if _, err := image.ReadFolder(files); !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	huge := append([]byte{0, 0, 8, 3}, bytes.Repeat([]byte{0, 0, 32, 0}, 3)...) // 2^39 bytes
	if _, err := image.ReadIDX(bytes.NewReader(huge), "h", nil, ""); !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), "h: the header asks for more") {
		t.Error(err)
	}
}

// crc is the check sum of a chunk of PNG.
func crc(b []byte) uint32 {
	sum := ^uint32(0)
	for _, v := range b {
		sum ^= uint32(v)
		for range 8 {
			sum = sum>>1 ^ sum&1*0xedb88320
		}
	}
	return ^sum
}

// The classes of an IDX file are the numbers that come in it, up to the last one.
func TestLabelsOfIDX(t *testing.T) {
	pictures := []byte{0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 7, 8, 9}
	labels := []byte{0, 0, 8, 1, 0, 0, 0, 3, 255, 2, 255}
	s, err := image.ReadIDX(bytes.NewReader(pictures), "p", bytes.NewReader(labels), "l")
	if err != nil || !slices.Equal(s.Classes, []string{"2", "255"}) || !slices.Equal(s.Class, []int32{1, 0, 1}) {
		t.Errorf("%+v, %v", s, err)
	}
}

// Files that could hold colour and do not are grey.
func TestColourless(t *testing.T) {
	palette := stdimage.NewPaletted(stdimage.Rect(0, 0, 2, 1), color.Palette{color.Gray{Y: 9}, color.NRGBA{R: 200, G: 200, B: 200, A: 128}})
	palette.Pix[1] = 1
	if _, _, c, pixels, err := image.Decode(encode(t, palette)); c != 1 || !slices.Equal(pixels, []byte{9, 227}) || err != nil {
		t.Errorf("%d channels, %v, %v", c, pixels, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, stdimage.NewGray(stdimage.Rect(0, 0, 3, 2))))
	f.Add(encode(f, stdimage.NewNRGBA(stdimage.Rect(0, 0, 2, 2))))
	f.Fuzz(func(t *testing.T, file []byte) {
		head, err := png.DecodeConfig(bytes.NewReader(file))
		if err != nil || head.Width*head.Height > 1<<16 {
			return // what is no PNG is soon refused, and large ones are slow
		}
		h, w, c, pixels, err := image.Decode(file)
		if err == nil && (len(pixels) != h*w*c || c != 1 && c != 3) {
			t.Fatalf("%d bytes for %d x %d x %d", len(pixels), w, h, c)
		}
	})
}

func FuzzReadIDX(f *testing.F) {
	f.Add([]byte{0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7}, []byte{0, 0, 8, 1, 0, 0, 0, 1, 255})
	f.Add([]byte{0, 0, 8, 4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9}, []byte{})
	f.Fuzz(func(t *testing.T, pictures, labels []byte) {
		s, err := image.ReadIDX(bytes.NewReader(pictures), "p", bytes.NewReader(labels), "l")
		if err != nil {
			if !errors.Is(err, flow.ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if s.Len() < 1 || len(s.Class) != s.Len() || int(slices.Max(s.Class)) >= len(s.Classes) {
			t.Fatalf("%d pictures, %d classes", s.Len(), len(s.Classes))
		}
	})
}
