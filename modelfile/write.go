package modelfile

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"laminar/flow"
)

// Write writes f. The bytes are a function of f alone: metadata comes sorted by
// key, the arrays by decreasing size of their elements and in the order of
// f.Tensors among equals, so that every element lies at a multiple of its size.
// The error wraps flow.ErrFormat when a name is empty or there twice, text is
// not UTF-8, or a tensor's Data does not fill its shape; nothing is written
// then.
func Write(w io.Writer, f *File) error {
	tensors := slices.Clone(f.Tensors)
	slices.SortStableFunc(tensors, func(a, b Tensor) int { return b.DType.Size() - a.DType.Size() })
	header, err := encodeHeader(f.Meta, tensors)
	if err != nil {
		return err
	}
	if err := writeAll(w, binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header); err != nil {
		return err
	}
	for _, t := range tensors {
		if err := writeAll(w, t.Data); err != nil {
			return err
		}
	}
	return nil
}

func writeAll(w io.Writer, parts ...[]byte) error {
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// tensorInfo is a tensor's entry in the header.
type tensorInfo struct {
	DType   DType    `json:"dtype"`
	Shape   []uint64 `json:"shape"`
	Offsets []uint64 `json:"data_offsets"`
}

const metaKey = "__metadata__"

func encodeHeader(meta map[string]string, tensors []Tensor) ([]byte, error) {
	h := &headerWriter{}
	if len(meta) > 0 {
		for k, v := range meta {
			if !utf8.ValidString(k) || !utf8.ValidString(v) {
				return nil, fmt.Errorf("%w: metadata %q is not UTF-8 text", flow.ErrFormat, k)
			}
		}
		h.entry(metaKey, meta) // encoding/json sorts the keys
	}
	seen := map[string]bool{metaKey: true}
	at := uint64(0)
	for i := range tensors {
		t := &tensors[i]
		if err := t.check(); err != nil {
			return nil, err
		}
		if t.Name == "" || seen[t.Name] || !utf8.ValidString(t.Name) {
			return nil, fmt.Errorf("%w: tensor name %q is empty, reserved, there twice, or not UTF-8", flow.ErrFormat, t.Name)
		}
		seen[t.Name] = true
		info := tensorInfo{DType: t.DType, Shape: make([]uint64, len(t.Shape)), Offsets: []uint64{at, at + uint64(len(t.Data))}}
		for k, d := range t.Shape {
			info.Shape[k] = uint64(d)
		}
		at = info.Offsets[1]
		h.entry(t.Name, info)
	}
	return h.finish()
}

// headerWriter writes one JSON object entry by entry, in the order given.
type headerWriter struct {
	out bytes.Buffer
	err error
}

func (h *headerWriter) entry(key string, value any) {
	if h.out.Len() == 0 {
		h.out.WriteByte('{')
	} else {
		h.out.WriteByte(',')
	}
	h.encode(key)
	h.out.WriteByte(':')
	h.encode(value)
}

func (h *headerWriter) encode(v any) {
	e := json.NewEncoder(&h.out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil && h.err == nil {
		h.err = err
	}
	h.out.Truncate(h.out.Len() - 1) // the line feed that Encode adds
}

// finish closes the object and pads it to a multiple of 8 bytes.
func (h *headerWriter) finish() ([]byte, error) {
	if h.out.Len() == 0 {
		h.out.WriteByte('{')
	}
	h.out.WriteByte('}')
	for h.out.Len()%8 != 0 {
		h.out.WriteByte(' ')
	}
	if h.out.Len() > maxHeader {
		return nil, fmt.Errorf("%w: a header of %d bytes; readers take at most %d", flow.ErrFormat, h.out.Len(), maxHeader)
	}
	return h.out.Bytes(), h.err
}
