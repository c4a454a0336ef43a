// Package image reads pictures that a flow learns from: the IDX files of the
// MNIST family, folders of PNG and JPEG files with a folder for each class, and
// strips, one picture per line of a PNG.
//
//	set, err := image.ReadFolder(os.DirFS("cats"))
//	rows := set.Rows(true) // a data.RowSource of numbers from 0 to 255
//
// A Set holds bytes, a quarter of what float32 would take: 60,000 pictures of 28
// by 28 pixels are 47 MB. Row i of its data set is picture i, line by line, the
// channels last, as nn's U-Net takes them; Bytes is the transform to -1..1 and
// back.
//
// Pictures of one set have one size. Sixteen bits per channel are rounded to
// eight, transparency is laid on white, and pictures without colour are grey,
// however their files are made.
package image

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	stdimage "image"
	"image/color"
	_ "image/jpeg" // registers its format
	"image/png"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"

	"laminar/data"
	"laminar/flow"
	"laminar/tensor"
)

// Set is a number of pictures of one size. It is immutable.
type Set struct {
	// H, W and C are the height, width and channels, 1 or 3.
	H, W, C int
	// Pixels holds the pictures one after the other.
	Pixels []byte
	// Class is the class id of each picture and Classes their names; nil without.
	Class   []int32
	Classes []string
	// Deep is the number of pictures that had 16 bits to a channel.
	Deep int
}

// Len is the number of pictures, Size the number of bytes of one.
func (s *Set) Len() int  { return len(s.Pixels) / max(1, s.Size()) }
func (s *Set) Size() int { return s.H * s.W * s.C }

// Picture returns the bytes of picture i, which must not be changed.
func (s *Set) Picture(i int) []byte { return s.Pixels[i*s.Size() : (i+1)*s.Size()] }

// Coloured returns the pictures as red, green and blue; colour stays as it is.
func (s *Set) Coloured() *Set {
	t := *s
	if s.C == 1 {
		t.C, t.Pixels = 3, colour(s.Pixels)
	}
	return &t
}

// Rows returns the pictures as a data set of numbers from 0 to 255; labelled
// gives each row its class id as its condition.
func (s *Set) Rows(labelled bool) *data.Indexed {
	return &data.Indexed{
		N: s.Len(), D: s.Size(), Class: s.Class, Names: s.Classes, Labelled: labelled && len(s.Classes) > 0,
		Row: func(dst []float32, i int) error {
			for j, p := range s.Picture(i) {
				dst[j] = float32(p)
			}
			return nil
		},
	}
}

// maxPixels bounds the bytes of a set, so that a small hostile file cannot ask
// for more memory than there is.
const maxPixels = 4 << 30

// ReadIDX reads the pictures of an IDX file of bytes (the format of MNIST,
// LeCun), gzipped or not, and their labels from another one, nil for none. The
// errors wrap flow.ErrFormat and begin with the file's name.
func ReadIDX(pictures io.Reader, name string, labels io.Reader, labelsName string) (*Set, error) {
	dims, pixels, err := readIDX(pictures, name)
	if err != nil {
		return nil, err
	}
	if len(dims) != 3 && len(dims) != 4 {
		return nil, fmt.Errorf("%w: %s: %d axes; pictures have 3 (number, height, width) or 4", flow.ErrFormat, name, len(dims))
	}
	s := &Set{H: dims[1], W: dims[2], C: 1, Pixels: pixels}
	if len(dims) == 4 {
		s.C = dims[3]
	}
	if s.C != 1 && s.C != 3 {
		return nil, fmt.Errorf("%w: %s: %d channels; pictures have 1 or 3", flow.ErrFormat, name, s.C)
	}
	if len(pixels) == 0 {
		return nil, fmt.Errorf("%w: %s holds no pictures", flow.ErrFormat, name)
	}
	if labels == nil {
		return s, nil
	}
	dims, ids, err := readIDX(labels, labelsName)
	if err != nil {
		return nil, err
	}
	if len(dims) != 1 || len(ids) != s.Len() {
		return nil, fmt.Errorf("%w: %s: labels of shape %v for %d pictures", flow.ErrFormat, labelsName, dims, s.Len())
	}
	// Only numbers that come are classes: of others a model would learn nothing.
	var class [256]int32
	for _, k := range ids {
		class[k] = 1
	}
	for k, there := range class {
		if class[k] = int32(len(s.Classes)); there == 1 {
			s.Classes = append(s.Classes, fmt.Sprint(k))
		}
	}
	for _, k := range ids {
		s.Class = append(s.Class, class[k])
	}
	return s, nil
}

// IsIDX tells whether r begins as an IDX file of pictures does, gzipped or not.
func IsIDX(r io.Reader) bool {
	in, err := unzipped(r)
	if err != nil {
		return false
	}
	var head [4]byte
	_, err = io.ReadFull(in, head[:])
	return err == nil && head[0] == 0 && head[1] == 0 && head[2] == 8 && (head[3] == 3 || head[3] == 4)
}

// unzipped is what r holds, unpacked where it is a gzip file.
func unzipped(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReader(r)
	if head, _ := in.Peek(2); len(head) != 2 || head[0] != 0x1f || head[1] != 0x8b {
		return in, nil
	}
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	return bufio.NewReader(z), nil
}

func readIDX(r io.Reader, name string) (dims []int, body []byte, err error) {
	in, err := unzipped(r)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %s: %w", flow.ErrFormat, name, err)
	}
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, nil, fmt.Errorf("%w: %s ends before its header does", flow.ErrFormat, name)
	}
	if head[0] != 0 || head[1] != 0 || head[2] != 8 || head[3] < 1 || head[3] > 4 {
		return nil, nil, fmt.Errorf("%w: %s is no IDX file of bytes (it begins with % x)", flow.ErrFormat, name, head)
	}
	size := 1
	for range head[3] {
		var d uint32
		if err := binary.Read(in, binary.BigEndian, &d); err != nil {
			return nil, nil, fmt.Errorf("%w: %s ends before its header does", flow.ErrFormat, name)
		}
		if d != 0 && size > maxPixels/int(d) {
			return nil, nil, fmt.Errorf("%w: %s: the header asks for more than %d bytes", flow.ErrFormat, name, maxPixels)
		}
		size *= int(d)
		dims = append(dims, int(d))
	}
	// Read what is there rather than believe the header.
	body, err = io.ReadAll(io.LimitReader(in, int64(size)+1))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %s: %w", flow.ErrFormat, name, err)
	}
	if len(body) != size {
		return nil, nil, fmt.Errorf("%w: %s holds %d bytes where its header says %d: it is truncated or not what it says", flow.ErrFormat, name, len(body), size)
	}
	return dims, body, nil
}

// ReadFolder reads the PNG and JPEG files of a folder, in the order of their
// names. Where they lie in folders of their own, one level down, the names of
// those are the classes. A set of grey files is grey; one file in colour makes
// all colour. Errors wrap flow.ErrFormat and begin with the file's name.
func ReadFolder(dir fs.FS) (*Set, error) {
	var files []string
	err := fs.WalkDir(dir, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.Count(p, "/") > 0 {
			return fs.SkipDir
		}
		switch strings.ToLower(path.Ext(p)) {
		case ".png", ".jpg", ".jpeg":
			if !d.IsDir() && !strings.HasPrefix(d.Name(), ".") {
				files = append(files, p)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%w: the folder holds no PNG or JPEG file, nor do the folders in it", flow.ErrFormat)
	}
	loose, classed := "", ""
	for _, f := range files {
		if strings.Contains(f, "/") {
			classed = f
		} else {
			loose = f
		}
	}
	if loose != "" && classed != "" {
		return nil, fmt.Errorf("%w: %s lies beside folders of pictures (%s): put every picture into the folder of its class, or all into one", flow.ErrFormat, loose, classed)
	}
	s := new(Set)
	ids := map[string]int32{}
	for _, name := range files {
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		if s.H > 0 {
			if err := sized(b, s, name, files[0]); err != nil {
				return nil, err
			}
		}
		p, err := decode(b)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", flow.ErrFormat, name, err)
		}
		h, w, c, pixels := p.h, p.w, p.c, p.pixels
		if p.deep {
			s.Deep++
		}
		if s.H == 0 {
			s.H, s.W, s.C = h, w, c
			if err := s.reserve(len(files)); err != nil {
				return nil, err
			}
		}
		if c > s.C {
			grey := s.Pixels
			s.C = 3
			if err := s.reserve(len(files)); err != nil {
				return nil, err
			}
			s.Pixels = append(s.Pixels, colour(grey)...)
		} else if c < s.C {
			pixels = colour(pixels)
		}
		s.Pixels = append(s.Pixels, pixels...)
		if classed != "" {
			class := path.Dir(name)
			if _, ok := ids[class]; !ok {
				ids[class] = int32(len(s.Classes))
				s.Classes = append(s.Classes, class)
			}
			s.Class = append(s.Class, ids[class])
		}
	}
	return s, nil
}

// sized tells whether a file is a picture of the size of s, before it is unpacked;
// what is no picture is left to decode.
func sized(file []byte, s *Set, name, first string) error {
	head, _, err := stdimage.DecodeConfig(bytes.NewReader(file))
	if err == nil && (head.Height != s.H || head.Width != s.W) {
		return fmt.Errorf("%w: %s is %d x %d pixels, %s %d x %d: make all pictures one size", flow.ErrFormat, name, head.Width, head.Height, first, s.W, s.H)
	}
	return nil
}

// reserve makes room for n pictures, so that no more is held than they take.
func (s *Set) reserve(n int) error {
	if n > maxPixels/s.Size() {
		return fmt.Errorf("%w: %d pictures of %d x %d pixels with %d channels take more than %d bytes of memory: take fewer, or make them smaller", flow.ErrFormat, n, s.W, s.H, s.C, maxPixels)
	}
	s.Pixels = make([]byte, 0, n*s.Size())
	return nil
}

// colour repeats grey pixels as red, green and blue.
func colour(grey []byte) []byte {
	out := make([]byte, 0, 3*len(grey))
	for _, v := range grey {
		out = append(out, v, v, v)
	}
	return out
}

// maxSide bounds the sides of a picture, and maxArea its pixels.
const (
	maxSide = 1 << 14
	maxArea = 1 << 25
)

// Decode returns the pixels of a PNG or JPEG file, line by line with the
// channels last: 1 channel for one without colour, else 3.
func Decode(file []byte) (h, w, c int, pixels []byte, err error) {
	p, err := decode(file)
	return p.h, p.w, p.c, p.pixels, err
}

// picture is a decoded file; deep tells that it had 16 bits to a channel.
type picture struct {
	h, w, c int
	pixels  []byte
	deep    bool
}

func decode(file []byte) (picture, error) {
	head, _, err := stdimage.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return picture{}, unreadable(err)
	}
	if head.Width < 1 || head.Height < 1 || head.Width > maxSide || head.Height > maxSide {
		return picture{}, fmt.Errorf("%d x %d pixels are not within 1..%d", head.Width, head.Height, maxSide)
	}
	if head.Width*head.Height > maxArea {
		return picture{}, fmt.Errorf("%d x %d pixels are more than %d in all", head.Width, head.Height, maxArea)
	}
	img, _, err := stdimage.Decode(bytes.NewReader(file))
	if err != nil {
		return picture{}, unreadable(err)
	}
	r := img.Bounds()
	h, w, c, deep := r.Dy(), r.Dx(), 3, false
	switch img.ColorModel() {
	case color.GrayModel:
		c = 1
	case color.Gray16Model:
		c, deep = 1, true
	case color.RGBA64Model, color.NRGBA64Model:
		deep = true
	}
	pixels := make([]byte, 0, h*w*c)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			red, green, blue, alpha := img.At(x, y).RGBA() // multiplied by alpha
			white := 0xffff - alpha
			pixels = append(pixels, eight(red+white))
			if c == 3 {
				pixels = append(pixels, eight(green+white), eight(blue+white))
			}
		}
	}
	if c == 3 && colourless(pixels) {
		for i := range h * w {
			pixels[i] = pixels[3*i]
		}
		c, pixels = 1, pixels[:h*w]
	}
	return picture{h, w, c, pixels, deep}, nil
}

// colourless tells that red, green and blue are the same everywhere.
func colourless(rgb []byte) bool {
	for i := 0; i < len(rgb); i += 3 {
		if rgb[i] != rgb[i+1] || rgb[i] != rgb[i+2] {
			return false
		}
	}
	return true
}

// eight rounds 16 bits to 8.
func eight(v uint32) byte { return byte((min(v, 0xffff)*255 + 0x7fff) / 0xffff) }

func unreadable(err error) error {
	if errors.Is(err, stdimage.ErrFormat) {
		return errors.New("is no PNG or JPEG file")
	}
	return fmt.Errorf("is damaged: %w", err)
}

// ReadStrip appends to s the pictures of a strip: a PNG or JPEG file of which
// every line of pixels is one picture of h x w pixels, line by line, as CIFAR-10
// is sometimes passed around. The error wraps flow.ErrFormat.
func (s *Set) ReadStrip(file []byte, name string, h, w int) error {
	rows, cols, c, pixels, err := Decode(file)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", flow.ErrFormat, name, err)
	}
	if cols != h*w {
		return fmt.Errorf("%w: %s: lines of %d pixels are not pictures of %d x %d", flow.ErrFormat, name, cols, w, h)
	}
	if s.Len() > 0 && (s.H != h || s.W != w) {
		return fmt.Errorf("%w: %s: %d pictures of %d x %d after others of %d x %d", flow.ErrFormat, name, rows, w, h, s.W, s.H)
	}
	switch {
	case s.Len() > 0 && c > s.C:
		s.Pixels = colour(s.Pixels)
	case c < s.C:
		c, pixels = s.C, colour(pixels)
	}
	if len(s.Pixels)+len(pixels) > maxPixels {
		return fmt.Errorf("%w: %s: the pictures take more than %d bytes", flow.ErrFormat, name, maxPixels)
	}
	s.H, s.W, s.C = h, w, c
	s.Pixels = append(s.Pixels, pixels...)
	return nil
}

// ReadSquares is ReadStrip for pictures that are as high as wide, which the
// length of the lines tells.
func (s *Set) ReadSquares(file []byte, name string) error {
	head, _, err := stdimage.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", flow.ErrFormat, name, unreadable(err))
	}
	side := int(math.Round(math.Sqrt(float64(head.Width))))
	if side*side != head.Width {
		return fmt.Errorf("%w: %s: lines of %d pixels are no square pictures; beside a CSV file of labels, every line of a picture file is one picture", flow.ErrFormat, name, head.Width)
	}
	return s.ReadStrip(file, name, side, side)
}

// WritePNG writes one picture, of numbers from 0 to 255 in the order of a Set's
// rows; numbers outside are clipped.
func WritePNG(out io.Writer, row []float64, h, w, c int) error {
	if len(row) != h*w*c {
		return fmt.Errorf("%w: %d numbers for a picture of %d x %d x %d", tensor.ErrShape, len(row), h, w, c)
	}
	at := func(i int) uint8 { return uint8(min(max(row[i], 0), 255) + 0.5) }
	if c == 1 {
		img := stdimage.NewGray(stdimage.Rect(0, 0, w, h))
		for i := range img.Pix {
			img.Pix[i] = at(i)
		}
		return png.Encode(out, img)
	}
	img := stdimage.NewNRGBA(stdimage.Rect(0, 0, w, h))
	for i := range h * w {
		img.Pix[4*i], img.Pix[4*i+1], img.Pix[4*i+2], img.Pix[4*i+3] = at(3*i), at(3*i+1), at(3*i+2), 255
	}
	return png.Encode(out, img)
}
