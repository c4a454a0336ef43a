package npy_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"laminar/data/npy"
	"laminar/flow"
)

// file builds an NPY file by hand.
func file(version byte, dict string, body ...any) []byte {
	var b bytes.Buffer
	b.WriteString("\x93NUMPY")
	b.Write([]byte{version, 0})
	if version == 1 {
		binary.Write(&b, binary.LittleEndian, uint16(len(dict)))
	} else {
		binary.Write(&b, binary.LittleEndian, uint32(len(dict)))
	}
	b.WriteString(dict)
	for _, v := range body {
		order := binary.ByteOrder(binary.LittleEndian)
		if strings.Contains(dict, ">") {
			order = binary.BigEndian
		}
		binary.Write(&b, order, v)
	}
	return b.Bytes()
}

func dict(descr, fortran, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n", descr, fortran, shape)
}

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		in    []byte
		shape []int
		data  []float64
	}{
		"float64":         {file(1, dict("<f8", "False", "(2, 2)"), []float64{1, 2, 3, 4}), []int{2, 2}, []float64{1, 2, 3, 4}},
		"version 2":       {file(2, dict("<f4", "False", "(2,)"), []float32{1, 2.5}), []int{2}, []float64{1, 2.5}},
		"version 3":       {file(3, dict("<i4", "False", "(2,)"), []int32{-1, 2}), []int{2}, []float64{-1, 2}},
		"big-endian":      {file(1, dict(">i2", "False", "(2,)"), []int16{-300, 2}), []int{2}, []float64{-300, 2}},
		"Fortran":         {file(1, dict("<f8", "True", "(2, 3)"), []float64{1, 4, 2, 5, 3, 6}), []int{2, 3}, []float64{1, 2, 3, 4, 5, 6}},
		"Fortran, 3 axes": {file(1, dict("<u1", "True", "(2, 2, 2)"), []uint8{0, 4, 2, 6, 1, 5, 3, 7}), []int{2, 2, 2}, []float64{0, 1, 2, 3, 4, 5, 6, 7}},
		"bytes":           {file(1, dict("|i1", "False", "(2,)"), []int8{-128, 127}), []int{2}, []float64{-128, 127}},
		"bool":            {file(1, dict("|b1", "False", "(2,)"), []uint8{0, 1}), []int{2}, []float64{0, 1}},
		"int64":           {file(1, dict("<i8", "False", "(1,)"), []int64{-1 << 40}), []int{1}, []float64{-1 << 40}},
		"uint64":          {file(1, dict("<u8", "False", "(1,)"), []uint64{1 << 63}), []int{1}, []float64{1 << 63}},
		"half":            {file(1, dict("<f2", "False", "(5,)"), []uint16{0x3c00, 0xc000, 0x0001, 0x7bff, 0xfc00}), []int{5}, []float64{1, -2, 0x1p-24, 65504, math.Inf(-1)}},
		"scalar":          {file(1, dict("<f8", "False", "()"), []float64{7}), []int{}, []float64{7}},
		"empty":           {file(1, dict("<f8", "False", "(0, 3)")), []int{0, 3}, nil},
		"other spacing":   {file(1, `{"shape":(1L,),"fortran_order":False,"descr":"<f8"}`, []float64{7}), []int{1}, []float64{7}},
	} {
		a, err := npy.Read(bytes.NewReader(c.in), 1<<20)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(a.Shape, c.shape) || !slices.Equal(a.Data, c.data) {
			t.Errorf("%s: got %v %v", name, a.Shape, a.Data)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	lying := "(1000000000000, 1000)"
	for want, in := range map[string][]byte{
		"does not begin with \\x93NUMPY":             []byte("PK"),
		"format version 9.0":                         append([]byte("\x93NUMPY\x09\x00"), make([]byte, 9)...),
		"ends inside the NPY header":                 []byte("\x93NUMPY\x01\x00\xff\x00{'descr'"),
		"an NPY header of 4294967295 bytes":          []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"),
		"does not begin with {":                      file(1, "hello"),
		"shape is missing":                           file(1, "{'descr': '<f8', 'fortran_order': False}"),
		"unknown key \"x\"":                          file(1, "{'x': 1}"),
		"descr is there twice":                       file(1, "{'descr': '<f8', 'descr': '<f8'}"),
		"element type \"<U5\" is not supported":      file(1, dict("<U5", "False", "(1,)")),
		"element type \"|O\" is not supported":       file(1, dict("|O", "False", "(1,)")),
		"records (structured arrays)":                file(1, "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}"),
		"shape is \"-1,), }\"":                       file(1, dict("<f8", "False", "(-1,)")),
		"fortran_order is \"0":                       file(1, dict("<f8", "0", "(1,)")),
		"more than the limit":                        file(1, dict("<f8", "False", lying), []float64{1}),
		"more elements than any memory":              file(1, dict("<f8", "False", "(9223372036854775807, 9223372036854775807)")),
		"80000 bytes, but only 16 bytes follow":      file(1, dict("<f8", "False", "(10000,)"), []float64{1, 2}),
		"more bytes follow than the header says, 1 ": file(1, dict("<f8", "False", "(1,)"), []float64{1, 2}),
		"follows the closing }":                      file(1, dict("<f8", "False", "(1,)")+"x"),
	} {
		_, err := npy.Read(bytes.NewReader(in), 1<<20)
		if !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// A header that lies within the limit must not make the reader allocate what it
// says.
func TestLyingHeaderAllocatesLittle(t *testing.T) {
	in := file(1, dict("<f8", "False", "(100000000,)"), []float64{1})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := npy.Read(bytes.NewReader(in), 1<<40); err == nil {
		t.Error("accepted")
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes allocated", n)
	}
}

func TestWrite(t *testing.T) {
	for _, shape := range [][]int{{6}, {2, 3}, {1, 2, 3}, {6, 0}, {}} {
		n := 1
		for _, d := range shape {
			n *= d
		}
		v := make([]float64, n)
		for i := range v {
			v[i] = float64(i) / 3
		}
		var b bytes.Buffer
		if err := npy.Write(&b, shape, v); err != nil {
			t.Fatal(err)
		}
		if head := b.Len() - 8*n; head%64 != 0 {
			t.Errorf("shape %v: the data begins at %d", shape, head)
		}
		a, err := npy.Read(&b, 1<<20)
		if err != nil || !slices.Equal(a.Shape, shape) || !slices.Equal(a.Data, v) {
			t.Errorf("shape %v came back as %+v, %v", shape, a, err)
		}
	}
	for _, shape := range [][]int{{2}, {-1, -1}} {
		if err := npy.Write(&bytes.Buffer{}, shape, []float64{1}); !errors.Is(err, flow.ErrShape) {
			t.Errorf("shape %v: %v", shape, err)
		}
	}
}

func TestWriteBytes(t *testing.T) {
	var b bytes.Buffer
	if err := npy.WriteBytes(&b, []int{2, 3}, []byte{0, 1, 2, 253, 254, 255}); err != nil {
		t.Fatal(err)
	}
	if (b.Len()-6)%64 != 0 {
		t.Errorf("the data begins at %d", b.Len()-6)
	}
	a, err := npy.Read(&b, 1<<20)
	if err != nil || a.DType != "|u1" || !slices.Equal(a.Shape, []int{2, 3}) || !slices.Equal(a.Data, []float64{0, 1, 2, 253, 254, 255}) {
		t.Errorf("%+v, %v", a, err)
	}
	if err := npy.WriteBytes(&b, []int{7}, []byte{1}); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
}

// NumPy, where it is installed, must read what Write wrote.
func TestNumPyAgrees(t *testing.T) {
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import numpy").Run() != nil {
			continue
		}
		var b bytes.Buffer
		if err := npy.Write(&b, []int{2, 2}, []float64{1, 2, 3, 1.0 / 3}); err != nil {
			t.Fatal(err)
		}
		c := exec.Command(python, "-c", "import numpy, sys, io; a = numpy.load(io.BytesIO(sys.stdin.buffer.read())); print(a.shape, a.dtype, a.tolist())")
		c.Stdin = &b
		out, err := c.CombinedOutput()
		if want := "(2, 2) float64 [[1.0, 2.0], [3.0, 0.3333333333333333]]\n"; err != nil || string(out) != want {
			t.Errorf("NumPy reads %s %v", out, err)
		}
		return
	}
	t.Skip("no Python with NumPy here")
}

func FuzzRead(f *testing.F) {
	f.Add(file(1, dict("<f8", "True", "(2, 2)"), []float64{1, 2, 3, 4}))
	f.Add(file(2, dict(">f2", "False", "(3,)"), []uint16{1, 2, 3}))
	f.Fuzz(func(t *testing.T, in []byte) {
		a, err := npy.Read(bytes.NewReader(in), 1<<20)
		if err != nil {
			if !errors.Is(err, flow.ErrFormat) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		if err := npy.Write(&bytes.Buffer{}, a.Shape, a.Data); err != nil {
			t.Fatal(err)
		}
	})
}
