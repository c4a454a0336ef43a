package modelfile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/modelfile"
)

func must(t *testing.T) func(modelfile.Tensor, error) modelfile.Tensor {
	return func(x modelfile.Tensor, err error) modelfile.Tensor {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

func sample(t *testing.T) *modelfile.File {
	return &modelfile.File{
		Meta: map[string]string{"b": `{"x":1}`, "a": "<é>"},
		Tensors: []modelfile.Tensor{
			must(t)(modelfile.FromFloat32("w", []int{3, 1}, []float32{1, -2, 0.5})),
			must(t)(modelfile.FromInt64("step", nil, []int64{-7})),
			must(t)(modelfile.FromInt32("i", []int{2}, []int32{-1, 3})),
			must(t)(modelfile.FromFloat64("d", []int{1}, []float64{math.Pi})),
			{Name: "raw", DType: modelfile.U8, Shape: []int{3}, Data: []byte{1, 2, 3}},
			{Name: "none", DType: modelfile.F32, Shape: []int{0, 4}, Data: []byte{}},
		},
	}
}

func write(t *testing.T, f *modelfile.File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := modelfile.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	want := sample(t)
	got, err := modelfile.Decode(write(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Meta, want.Meta) || len(got.Tensors) != len(want.Tensors) {
		t.Fatalf("came back as %+v", got)
	}
	for _, w := range want.Tensors {
		g, ok := got.Lookup(w.Name)
		if !ok || g.DType != w.DType || !slices.Equal(g.Shape, w.Shape) || !bytes.Equal(g.Data, w.Data) {
			t.Errorf("%+v came back as %+v", w, g)
		}
	}
	w, _ := got.Lookup("w")
	i, _ := got.Lookup("i")
	step, _ := got.Lookup("step")
	d, _ := got.Lookup("d")
	wf, e1 := w.Float32()
	iv, e2 := i.Int32()
	sv, e3 := step.Int64()
	dv, e4 := d.Float64()
	if s := fmt.Sprint(wf, iv, sv, dv, errors.Join(e1, e2, e3, e4)); s != "[1 -2 0.5] [-1 3] [-7] [3.141592653589793] <nil>" {
		t.Error(s)
	}
	if _, err := w.Int32(); !errors.Is(err, flow.ErrFormat) {
		t.Errorf("floats as integers: %v", err)
	}
	if _, err := step.Float32(); !errors.Is(err, flow.ErrFormat) {
		t.Errorf("integers as floats: %v", err)
	}
	if _, ok := got.Lookup("q"); ok {
		t.Error("q is found")
	}
}

// The bytes are fixed: other versions and programs must be able to rely on them.
func TestGoldenBytes(t *testing.T) {
	f := &modelfile.File{Meta: map[string]string{"k": "v", "a": "<"}, Tensors: []modelfile.Tensor{
		must(t)(modelfile.FromFloat32("b", []int{2}, []float32{1, 2})),
		must(t)(modelfile.FromInt64("a", nil, []int64{3})),
	}}
	header := `{"__metadata__":{"a":"<","k":"v"},"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}`
	header += strings.Repeat(" ", (8-len(header)%8)%8)
	want := string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header + "\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00@"
	if got := string(write(t, f)); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestNarrowFloats(t *testing.T) {
	bits := func(v ...uint16) (b []byte) {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint16(b, x)
		}
		return b
	}
	f, err := modelfile.Decode(write(t, &modelfile.File{Tensors: []modelfile.Tensor{
		{Name: "bf", DType: modelfile.BF16, Shape: []int{2}, Data: bits(0x3f80, 0xc040)},
		{Name: "h", DType: modelfile.F16, Shape: []int{3}, Data: bits(0x3c00, 0x0001, 0xfbff)},
	}}))
	if err != nil {
		t.Fatal(err)
	}
	bf, _ := f.Lookup("bf")
	h, _ := f.Lookup("h")
	x, e1 := bf.Float32()
	y, e2 := h.Float32()
	if !slices.Equal(x, []float32{1, -3}) || !slices.Equal(y, []float32{1, 0x1p-24, -65504}) || e1 != nil || e2 != nil {
		t.Errorf("%v %v %v %v", x, y, e1, e2)
	}
}

func TestNamesInNaturalOrder(t *testing.T) {
	want := []string{"a", "net", "net.0.bias", "net.0.weight", "net.2.weight", "net.10.weight", "net.010.x"}
	slices.Sort(want)
	f := &modelfile.File{}
	for _, n := range want {
		f.Tensors = append(f.Tensors, modelfile.Tensor{Name: n})
	}
	if got := fmt.Sprint(f.Names()); got != "[a net net.0.bias net.0.weight net.2.weight net.10.weight net.010.x]" {
		t.Error(got)
	}
}

func TestWriteRefuses(t *testing.T) {
	ok := modelfile.Tensor{Name: "a", DType: modelfile.U8, Shape: []int{1}, Data: []byte{0}}
	for name, f := range map[string]*modelfile.File{
		"same name":     {Tensors: []modelfile.Tensor{ok, ok}},
		"no name":       {Tensors: []modelfile.Tensor{{DType: modelfile.U8, Shape: []int{0}}}},
		"reserved":      {Tensors: []modelfile.Tensor{{Name: "__metadata__", DType: modelfile.U8, Shape: []int{0}}}},
		"short data":    {Tensors: []modelfile.Tensor{{Name: "a", DType: modelfile.F32, Shape: []int{2}, Data: make([]byte, 7)}}},
		"unknown type":  {Tensors: []modelfile.Tensor{{Name: "a", DType: "F8", Shape: []int{2}, Data: make([]byte, 2)}}},
		"negative size": {Tensors: []modelfile.Tensor{{Name: "a", DType: "U8", Shape: []int{-1, -1}, Data: make([]byte, 1)}}},
		"name":          {Tensors: []modelfile.Tensor{{Name: "\xff", DType: "U8", Shape: []int{0}}}},
		"metadata":      {Meta: map[string]string{"a": "\xff"}},
	} {
		var b bytes.Buffer
		if err := modelfile.Write(&b, f); !errors.Is(err, flow.ErrFormat) || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes written", name, err, b.Len())
		}
	}
	if _, err := modelfile.FromFloat32("a", []int{2}, []float32{1}); !errors.Is(err, flow.ErrShape) {
		t.Errorf("shape: %v", err)
	}
}

// hostile returns a file with that header and n bytes of data.
func hostile(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

func entry(name, dtype, shape, offsets string) string {
	return fmt.Sprintf(`"%s":{"dtype":"%s","shape":[%s],"data_offsets":[%s]}`, name, dtype, shape, offsets)
}

func TestReadRefuses(t *testing.T) {
	whole := hostile("{"+entry("a", "F32", "2,2", "0,16")+"}", 16)
	for _, c := range []struct {
		name string
		in   []byte
		want string
	}{
		{"empty", nil, "begins with 8 bytes of length; this one holds 0"},
		{"length only half", whole[:4], "this one holds 4"},
		{"header cut", whole[:30], "cut short by at least"},
		{"data cut", whole[:len(whole)-5], "5 bytes of tensors are missing of 16"},
		{"data too long", append(slices.Clone(whole), 1), "1 bytes follow the last tensor"},
		{"huge header", binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "at most 100000000 are believed"},
		{"header beyond the file", binary.LittleEndian.AppendUint64(nil, 1<<20), "the header takes 1048576 bytes but 0 follow"},
		{"empty header", hostile("", 0), "does not begin with {"},
		{"no JSON", hostile("{hello}", 0), "safetensors header"},
		{"list", hostile("[]", 0), "does not begin with {"},
		{"two values", hostile("{} {}", 0), "more than spaces follow"},
		{"open object", hostile("{"+entry("a", "U8", "", "0,1"), 1), "EOF"},
		{"not UTF-8", hostile("{\"\xff\":1}", 0), "not UTF-8"},
		{"name twice", hostile("{"+entry("a", "U8", "1", "0,1")+","+entry("a", "U8", "1", "1,2")+"}", 2), `"a" is there twice`},
		{"metadata number", hostile(`{"__metadata__":{"a":1}}`, 0), `the value of "a" is not a string`},
		{"metadata null", hostile(`{"__metadata__":{"a":null}}`, 0), `the value of "a" is not a string`},
		{"metadata list", hostile(`{"__metadata__":["a"]}`, 0), "an object is wanted"},
		{"metadata twice", hostile(`{"__metadata__":{},"__metadata__":{}}`, 0), "is there twice"},
		{"unknown dtype", hostile("{"+entry("a", "F4", "1", "0,1")+"}", 1), `tensor "a": bad format: unknown dtype "F4"`},
		{"unknown field", hostile(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}`, 1), "unknown field"},
		{"no shape", hostile(`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, 1), "a shape and two data_offsets are wanted"},
		{"null shape", hostile("{"+entry("a", "U8", "null", "0,1")+"}", 1), "a shape and two data_offsets are wanted"},
		{"negative shape", hostile("{"+entry("a", "U8", "-1", "0,1")+"}", 1), "cannot unmarshal"},
		{"fraction", hostile("{"+entry("a", "U8", "1.5", "0,1")+"}", 1), "cannot unmarshal"},
		{"three offsets", hostile("{"+entry("a", "U8", "1", "0,1,2")+"}", 1), "two data_offsets are wanted"},
		{"overflow", hostile("{"+entry("a", "F64", "4294967296,4294967296,2", "0,0")+"}", 0), "more elements than any memory"},
		{"huge size", hostile("{"+entry("a", "U8", "18446744073709551615", "0,1")+"}", 1), "is out of range"},
		{"wrong length", hostile("{"+entry("a", "F32", "2", "0,4")+"}", 4), "F32 of shape [2] takes 8 bytes, its data_offsets are 0 and 4"},
		{"backwards", hostile("{"+entry("a", "U8", "0", "1,0")+"}", 1), "its data_offsets are 1 and 0"},
		{"overlap", hostile("{"+entry("a", "U8", "4", "0,4")+","+entry("b", "U8", "4", "2,6")+"}", 6), `tensor "b" overlaps "a"`},
		{"gap", hostile("{"+entry("a", "U8", "1", "0,1")+","+entry("b", "U8", "1", "4,5")+"}", 5), `3 unused bytes before tensor "b"`},
		{"far away", hostile("{"+entry("a", "U8", "1", "9223372036854775807,9223372036854775808")+"}", 1), "unused bytes before"},
	} {
		_, err := modelfile.Decode(c.in)
		if !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, got %v", c.name, c.want, err)
		}
	}
	if _, err := modelfile.Decode(whole); err != nil {
		t.Errorf("the file that the cases begin from: %v", err)
	}
}

// A few lines that know the format from its description alone read our bytes in
// Python with NumPy, where that is installed.
func TestPythonReads(t *testing.T) {
	const script = `
import sys, json, struct, numpy
b = sys.stdin.buffer.read()
n, = struct.unpack("<Q", b[:8])
assert (8 + n) % 8 == 0
head = json.loads(b[8:8+n])
print(sorted(head.pop("__metadata__").items()))
kinds = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "<u1"}
for name, info in sorted(head.items()):
    lo, hi = info["data_offsets"]
    x = numpy.frombuffer(b[8+n+lo:8+n+hi], kinds[info["dtype"]])
    assert lo % x.itemsize == 0
    print(name, x.reshape(info["shape"]).tolist())
`
	const want = `[('a', '<é>'), ('b', '{"x":1}')]
d [3.141592653589793]
i [-1, 3]
none []
raw [1, 2, 3]
step -7
w [[1.0], [-2.0], [0.5]]
`
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import numpy").Run() != nil {
			continue
		}
		c := exec.Command(python, "-c", script)
		c.Env = append(c.Environ(), "PYTHONIOENCODING=utf-8")
		c.Stdin = bytes.NewReader(write(t, sample(t)))
		if out, err := c.CombinedOutput(); err != nil || string(out) != want {
			t.Errorf("Python read %s %v", out, err)
		}
		return
	}
	t.Skip("no Python with NumPy here")
}

// What is read can be written, and then reads the same.
func FuzzDecode(f *testing.F) {
	f.Add(hostile("{"+entry("a", "F32", "2,2", "0,16")+"}", 16))
	f.Add(hostile(`{"__metadata__":{"a":"b"},`+entry("a", "U8", "", "0,1")+","+entry("b", "BF16", "0", "1,1")+"}  ", 1))
	f.Fuzz(func(t *testing.T, in []byte) {
		file, err := modelfile.Decode(in)
		if err != nil {
			if !errors.Is(err, flow.ErrFormat) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		var b bytes.Buffer
		if err := modelfile.Write(&b, file); err != nil {
			if slices.Contains(file.Names(), "") {
				return // legal to read, not to write
			}
			t.Fatal(err)
		}
		again, err := modelfile.Decode(b.Bytes())
		if err != nil || len(again.Tensors) != len(file.Tensors) {
			t.Fatalf("came back with %v", err)
		}
	})
}
