// Package modelfile reads and writes safetensors files, the format in which a
// model is stored: named arrays and a map of text, which Python opens too.
//
//	n  8 bytes, little-endian: the length of the header
//	   n bytes of JSON: {"__metadata__": {...}, "name": {"dtype": "F32",
//	   "shape": [64, 3], "data_offsets": [0, 768]}, ...}, padded with spaces
//	   the arrays' bytes, little-endian, row-major, without gaps
//
// Write a File and read it back:
//
//	w, err := modelfile.FromFloat32("net.0.weight", []int{64, 3}, weights)
//	f := &modelfile.File{Meta: map[string]string{"format": "pt"}, Tensors: []modelfile.Tensor{w}}
//	err = modelfile.Write(out, f)
//	g, err := modelfile.Decode(bytes)
//
// A reader believes nothing: a file that is cut short, overlaps, leaves gaps or
// claims more than it holds is an error that wraps flow.ErrFormat, never a panic
// and never an allocation beyond a small multiple of the file's size.
//
// The package knows nothing of networks; what the names and the metadata mean
// is for others. It opens no files and maps none into memory.
//
// Source: the format's description in the safetensors project, version 0.4.
package modelfile

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"laminar/flow"
)

// File is the content of a safetensors file.
type File struct {
	// Meta is free text by key; structured values are JSON text.
	Meta map[string]string
	// Tensors are the arrays. Their names differ from each other.
	Tensors []Tensor
}

// DType is the code of an element type.
type DType string

// The element types of the format, all little-endian.
const (
	F64  DType = "F64"
	F32  DType = "F32"
	F16  DType = "F16"  // IEEE 754 binary16
	BF16 DType = "BF16" // the upper half of a float32
	I64  DType = "I64"
	I32  DType = "I32"
	I16  DType = "I16"
	I8   DType = "I8"
	U64  DType = "U64"
	U32  DType = "U32"
	U16  DType = "U16"
	U8   DType = "U8"
	Bool DType = "BOOL"
)

// Size returns the bytes of one element, 0 for an unknown type.
func (t DType) Size() int {
	switch t {
	case F64, I64, U64:
		return 8
	case F32, I32, U32:
		return 4
	case F16, BF16, I16, U16:
		return 2
	case I8, U8, Bool:
		return 1
	}
	return 0
}

// Lookup returns the tensor of that name, which it does not copy.
func (f *File) Lookup(name string) (*Tensor, bool) {
	for i := range f.Tensors {
		if f.Tensors[i].Name == name {
			return &f.Tensors[i], true
		}
	}
	return nil, false
}

// Names returns the tensors' names in natural order, in which numbers compare
// by value: "net.2.weight" comes before "net.10.weight". That is the order of
// the layers where names number them, as PyTorch's do; the order within the file
// is not.
func (f *File) Names() []string {
	names := make([]string, len(f.Tensors))
	for i, t := range f.Tensors {
		names[i] = t.Name
	}
	slices.SortFunc(names, natural)
	return names
}

// natural compares runs of digits by value and all else byte by byte.
func natural(a, b string) int {
	whole := cmp.Compare(a, b)
	for a != "" && b != "" {
		da, db := digits(a), digits(b)
		if da > 0 && db > 0 {
			x, y := strings.TrimLeft(a[:da], "0"), strings.TrimLeft(b[:db], "0")
			if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); c != 0 {
				return c
			}
			a, b = a[da:], b[db:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), whole)
}

// digits returns the length of the run of digits at the start of s.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// bytesOf returns the bytes that a shape of elements takes.
func bytesOf(t DType, shape []int) (int64, error) {
	if t.Size() == 0 {
		return 0, fmt.Errorf("%w: unknown dtype %q", flow.ErrFormat, string(t))
	}
	n := int64(t.Size())
	zero := false
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("%w: negative size in shape %v", flow.ErrFormat, shape)
		}
		if d == 0 {
			zero = true
			continue
		}
		if n > math.MaxInt64/int64(d) {
			return 0, fmt.Errorf("%w: shape %v has more elements than any memory", flow.ErrFormat, shape)
		}
		n *= int64(d)
	}
	if zero {
		return 0, nil
	}
	return n, nil
}
