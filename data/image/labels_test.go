package image_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"laminar/data/image"
	"laminar/flow"
)

func ExampleSet_ReadLabels() {
	set := &image.Set{H: 1, W: 1, C: 1, Pixels: []byte{10, 20, 30}}
	err := set.ReadLabels(strings.NewReader("index,label\n2,cat\n0,dog\n1,cat\n"), "labels.csv")
	fmt.Println(set.Classes, set.Class, err)
	// Output: [cat dog] [1 0 0] <nil>
}

func TestLabels(t *testing.T) {
	three := func() *image.Set { return &image.Set{H: 1, W: 1, C: 1, Pixels: []byte{10, 20, 30}} }
	s := three()
	if err := s.ReadLabels(strings.NewReader("10\n9\n10\n"), "l"); err != nil || !slices.Equal(s.Classes, []string{"9", "10"}) || !slices.Equal(s.Class, []int32{1, 0, 1}) {
		t.Errorf("%v %v %v", s.Classes, s.Class, err)
	}
	for text, want := range map[string]string{
		"a\nb\n":             "l: 2 labels for 3 pictures",
		"a\nb\nc\nd\ne\n":    "l: 5 labels for 3 pictures",
		"0,a\n1,b\n1,c\n":    "line 3: picture 1 has a label already",
		"0,a\n1,b\n3,c\n":    `line 3: "3" is no picture's number, from 0 to 2`,
		"0,a\n1,b\nx,c\n":    `line 3: "x" is no picture's number`,
		"i,l\n0,a\n1,\n2,c":  "line 3: the label is empty",
		"0,1,a\n0,1,b\n0,,c": "line 1 has 3 columns",
		"a\n\"b\nc\n":        "line 3:",
		"0,a\n1\n2,c\n":      "line 2:",
	} {
		if err := three().ReadLabels(strings.NewReader(text), "l"); !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestIsIDX(t *testing.T) {
	whole := idx([]int{1, 1, 1}, []byte{7})
	for _, c := range []struct {
		b    []byte
		want bool
	}{{whole, true}, {zipped(whole), true}, {idx([]int{1}, []byte{7}), false}, {whole[:3], false}, {nil, false}, {[]byte{0x1f, 0x8b, 0, 0}, false}, {[]byte("0,1\n"), false}} {
		if got := image.IsIDX(bytes.NewReader(c.b)); got != c.want {
			t.Errorf("% x: %v", c.b[:min(8, len(c.b))], got)
		}
	}
}

// Grey and colour are made one; strips whose lines are squares tell their size.
func TestSquaresAndColour(t *testing.T) {
	var s image.Set
	img := grey(1) // 3 x 2: lines of 3 pixels
	if err := s.ReadSquares(encode(t, img), "a.png"); err == nil || !strings.Contains(err.Error(), "a.png: lines of 3 pixels are no square pictures") {
		t.Error(err)
	}
	c := (&image.Set{H: 1, W: 2, C: 1, Pixels: []byte{1, 2}}).Coloured()
	if c.C != 3 || !slices.Equal(c.Pixels, []byte{1, 1, 1, 2, 2, 2}) || c.Len() != 1 {
		t.Errorf("%+v", c)
	}
}
