package modelfile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"

	"laminar/flow"
)

// maxHeader bounds the header, as other readers of the format do.
const maxHeader = 100_000_000

// Read reads the file of size bytes in r. Its tensors come in the order of their
// data. The error wraps flow.ErrFormat when the file is at fault; else it is
// r's.
func Read(r io.ReaderAt, size int64) (*File, error) {
	s := io.NewSectionReader(r, 0, size)
	var length [8]byte
	if size < 8 {
		return nil, fmt.Errorf("%w: a safetensors file begins with 8 bytes of length; this one holds %d: it is cut short, or no model file", flow.ErrFormat, max(size, 0))
	}
	if _, err := io.ReadFull(s, length[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader {
		return nil, fmt.Errorf("%w: no model file: it does not begin with the length of a safetensors header (%d is read there, at most %d are believed)", flow.ErrFormat, n, maxHeader)
	}
	if int64(n) > size-8 {
		return nil, fmt.Errorf("%w: the header takes %d bytes but %d follow: the file is cut short by at least %d bytes", flow.ErrFormat, n, size-8, int64(n)-(size-8))
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(s, header); err != nil {
		return nil, err
	}
	f, spans, err := parseHeader(header)
	if err != nil {
		return nil, err
	}
	if err := place(f, spans, uint64(size-8)-n); err != nil {
		return nil, err
	}
	data := make([]byte, size-8-int64(n))
	if _, err := io.ReadFull(s, data); err != nil {
		return nil, err
	}
	for i := range f.Tensors {
		t := &f.Tensors[i]
		lo, hi := spans[i].lo, spans[i].hi
		t.Data = data[lo:hi:hi]
	}
	return f, nil
}

// Decode reads a file held in memory. Its tensors do not share b.
func Decode(b []byte) (*File, error) { return Read(bytes.NewReader(b), int64(len(b))) }

// span is where a tensor's bytes lie, counted from the header's end.
type span struct{ lo, hi uint64 }

// parseHeader returns the tensors, without data, in the order of their data, and
// where that lies.
func parseHeader(header []byte) (*File, []span, error) {
	bad := func(format string, args ...any) (*File, []span, error) {
		return nil, nil, fmt.Errorf("%w: safetensors header: %s", flow.ErrFormat, fmt.Sprintf(format, args...))
	}
	if !utf8.Valid(header) {
		return bad("not UTF-8 text")
	}
	if len(header) == 0 || header[0] != '{' {
		return bad("does not begin with {: no model file")
	}
	d := json.NewDecoder(bytes.NewReader(header))
	d.DisallowUnknownFields()
	if _, err := d.Token(); err != nil {
		return bad("%v", err)
	}
	f := &File{}
	type placed struct {
		Tensor
		span
	}
	var all []placed
	seen := map[string]bool{}
	for d.More() {
		name, err := key(d, seen)
		if err != nil {
			return bad("%v", err)
		}
		if name == metaKey {
			if f.Meta, err = metadata(d); err != nil {
				return bad("%s: %v", metaKey, err)
			}
			continue
		}
		var info struct {
			DType   DType     `json:"dtype"`
			Shape   []*uint64 `json:"shape"` // pointers tell null from 0
			Offsets []*uint64 `json:"data_offsets"`
		}
		if err := d.Decode(&info); err != nil {
			return bad("tensor %q: %v", name, err)
		}
		if info.Shape == nil || len(info.Offsets) != 2 || slices.Contains(info.Shape, nil) || slices.Contains(info.Offsets, nil) {
			return bad("tensor %q: a shape and two data_offsets are wanted", name)
		}
		p := placed{Tensor{Name: name, DType: info.DType, Shape: make([]int, len(info.Shape))}, span{*info.Offsets[0], *info.Offsets[1]}}
		for k, s := range info.Shape {
			if *s > math.MaxInt {
				return bad("tensor %q: size %d is out of range", name, *s)
			}
			p.Shape[k] = int(*s)
		}
		size, err := bytesOf(p.DType, p.Shape)
		if err != nil {
			return nil, nil, fmt.Errorf("safetensors header: tensor %q: %w", name, err)
		}
		if p.hi < p.lo || p.hi-p.lo != uint64(size) {
			return bad("tensor %q: %s of shape %v takes %d bytes, its data_offsets are %d and %d", name, p.DType, p.Shape, size, p.lo, p.hi)
		}
		all = append(all, p)
	}
	if _, err := d.Token(); err != nil {
		return bad("%v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return bad("more than spaces follow the closing }")
	}
	slices.SortStableFunc(all, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.lo, b.lo), cmp.Compare(a.hi, b.hi))
	})
	spans := make([]span, len(all))
	for i, p := range all {
		f.Tensors = append(f.Tensors, p.Tensor)
		spans[i] = p.span
	}
	return f, spans, nil
}

// place checks that the tensors' bytes follow each other and fill the rest of
// the file.
func place(f *File, spans []span, have uint64) error {
	at := uint64(0)
	for i, s := range spans {
		switch {
		case s.lo < at:
			return fmt.Errorf("%w: tensor %q overlaps %q", flow.ErrFormat, f.Tensors[i].Name, f.Tensors[i-1].Name)
		case s.lo > at:
			return fmt.Errorf("%w: %d unused bytes before tensor %q", flow.ErrFormat, s.lo-at, f.Tensors[i].Name)
		}
		at = s.hi
	}
	switch {
	case at > have:
		return fmt.Errorf("%w: the file is cut short: %d bytes of tensors are missing of %d", flow.ErrFormat, at-have, at)
	case at < have:
		return fmt.Errorf("%w: %d bytes follow the last tensor", flow.ErrFormat, have-at)
	}
	return nil
}

// key reads an object's next key and refuses one seen before.
func key(d *json.Decoder, seen map[string]bool) (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", err
	}
	name, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("%v where a name is wanted", t)
	}
	if seen[name] {
		return "", fmt.Errorf("%q is there twice", name)
	}
	seen[name] = true
	return name, nil
}

// metadata reads an object of strings.
func metadata(d *json.Decoder) (map[string]string, error) {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("an object is wanted")
	}
	meta, seen := map[string]string{}, map[string]bool{}
	for d.More() {
		k, err := key(d, seen)
		if err != nil {
			return nil, err
		}
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, ok := t.(string)
		if !ok {
			return nil, fmt.Errorf("the value of %q is not a string", k)
		}
		meta[k] = v
	}
	_, err := d.Token()
	return meta, err
}
