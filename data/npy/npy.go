// Package npy reads and writes NumPy's array files: NPY, and NPZ, which is a zip
// archive of NPY files.
//
//	a, err := npy.Read(r, 1<<30)
//	a.Shape, a.Data // []int{150, 4}, 600 float64 in row-major order
//
// It reads format versions 1 to 3, C and Fortran order, either byte order,
// floats of 16 to 64 bits, integers of 8 to 64 bits and booleans, all as
// float64. It does not read text, complex numbers, records or pickled objects.
//
// Existing Go readers trust the header: one that lies makes them allocate what
// it says, or panic. Here memory grows only as the data arrives.
//
// Source: numpy.lib.format, "NEP 1: A Simple File Format for NumPy Arrays".
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"laminar/flow"
)

// Array is an array of any number of dimensions in row-major order.
type Array struct {
	Shape []int
	// DType is NumPy's code of the element type in the file, "<f8" for
	// instance.
	DType string
	Data  []float64
}

const magic = "\x93NUMPY"

// maxHeader bounds the header's text; NumPy's own are a few hundred bytes.
const maxHeader = 1 << 20

// Read reads one array, which must end the stream. Elements that would take more
// than maxBytes as float64 are refused. Every error wraps flow.ErrFormat, but
// for those of r itself.
func Read(r io.Reader, maxBytes int64) (*Array, error) {
	h, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	n, err := h.elements()
	if err != nil {
		return nil, err
	}
	if n > uint64(maxBytes)/8 {
		return nil, fmt.Errorf("%w: an array of shape %s takes %d bytes as float64, more than the limit of %d", flow.ErrFormat, shapeText(h.shape), n*8, maxBytes)
	}
	a := &Array{Shape: h.shape, DType: h.descr}
	if a.Data, err = readElements(r, h, int(n)); err != nil {
		return nil, err
	}
	if h.fortran && len(h.shape) > 1 {
		a.Data = rowMajor(a.Data, h.shape)
	}
	return a, nil
}

// readElements reads n elements in pieces, so that memory follows what arrives.
func readElements(r io.Reader, h *header, n int) ([]float64, error) {
	const piece = 8192
	buf := make([]byte, min(n, piece)*h.size)
	var out []float64
	for len(out) < n {
		want := min(n-len(out), piece) * h.size
		got, err := io.ReadFull(r, buf[:want])
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return nil, err
		}
		if got < want {
			have := uint64(len(out))*uint64(h.size) + uint64(got)
			return nil, fmt.Errorf("%w: the header says %s of %s, %d bytes, but only %d bytes follow; the file is cut short or its header lies", flow.ErrFormat, shapeText(h.shape), h.descr, uint64(n)*uint64(h.size), have)
		}
		for p := 0; p < want; p += h.size {
			out = append(out, h.decode(buf[p:p+h.size]))
		}
	}
	var more [1]byte
	switch k, err := io.ReadFull(r, more[:]); {
	case k > 0:
		return nil, fmt.Errorf("%w: more bytes follow than the header says, %s of %s", flow.ErrFormat, shapeText(h.shape), h.descr)
	case err != io.EOF:
		return nil, err
	}
	return out, nil
}

// rowMajor reorders elements whose first index varies fastest.
func rowMajor(src []float64, shape []int) []float64 {
	dst := make([]float64, len(src))
	index := make([]int, len(shape))
	for _, v := range src {
		at := 0
		for k, i := range index {
			at = at*shape[k] + i
		}
		dst[at] = v
		for k := range index {
			if index[k]++; index[k] < shape[k] {
				break
			}
			index[k] = 0
		}
	}
	return dst
}

type header struct {
	descr   string
	fortran bool
	shape   []int
	size    int // bytes of an element
	decode  func([]byte) float64
}

// elements returns the number of elements.
func (h *header) elements() (uint64, error) {
	n := uint64(1)
	zero := false
	for _, d := range h.shape {
		if d == 0 {
			zero = true
			continue
		}
		if n > math.MaxInt64/16/uint64(d) {
			return 0, fmt.Errorf("%w: the header's shape %s has more elements than any memory", flow.ErrFormat, shapeText(h.shape))
		}
		n *= uint64(d)
	}
	if zero {
		n = 0
	}
	return n, nil
}

func readHeader(r io.Reader) (*header, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:6]) != magic {
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return nil, err
		}
		return nil, fmt.Errorf("%w: not an NPY file: it does not begin with \\x93NUMPY", flow.ErrFormat)
	}
	width := 4
	switch head[6] {
	case 1:
		width = 2
	case 2, 3:
	default:
		return nil, fmt.Errorf("%w: NPY format version %d.%d; versions 1 to 3 are known", flow.ErrFormat, head[6], head[7])
	}
	var length [4]byte
	if _, err := io.ReadFull(r, length[:width]); err != nil {
		return nil, cut(err)
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n > maxHeader {
		return nil, fmt.Errorf("%w: an NPY header of %d bytes; at most %d are believed", flow.ErrFormat, n, maxHeader)
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err != nil {
		return nil, err
	}
	if len(text) < int(n) {
		return nil, cut(io.ErrUnexpectedEOF)
	}
	h, err := parseHeader(string(text))
	if err != nil {
		return nil, fmt.Errorf("%w: NPY header: %v", flow.ErrFormat, err)
	}
	return h, nil
}

func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: the file ends inside the NPY header", flow.ErrFormat)
	}
	return err
}

// parseHeader reads the Python dictionary {'descr': '<f8', 'fortran_order':
// False, 'shape': (150, 4), }.
func parseHeader(text string) (*header, error) {
	s := scanner{text: text}
	h := &header{}
	seen := map[string]bool{}
	if !s.take("{") {
		return nil, errors.New("does not begin with {")
	}
	for !s.take("}") {
		key, ok := s.quoted()
		if !ok || !s.take(":") {
			return nil, fmt.Errorf("at %q a key is wanted", s.rest())
		}
		if seen[key] {
			return nil, fmt.Errorf("%s is there twice", key)
		}
		seen[key] = true
		switch key {
		case "descr":
			if h.descr, ok = s.quoted(); !ok {
				return nil, errors.New("records (structured arrays) are not supported; save plain numbers")
			}
		case "fortran_order":
			if h.fortran = s.take("True"); !h.fortran && !s.take("False") {
				return nil, fmt.Errorf("fortran_order is %q", s.rest())
			}
		case "shape":
			if h.shape, ok = s.tuple(); !ok {
				return nil, fmt.Errorf("shape is %q", s.rest())
			}
		default:
			return nil, fmt.Errorf("unknown key %q", key)
		}
		if !s.take(",") {
			if !s.take("}") {
				return nil, fmt.Errorf("at %q a comma or } is wanted", s.rest())
			}
			break
		}
	}
	if strings.TrimSpace(s.text) != "" {
		return nil, fmt.Errorf("%q follows the closing }", s.rest())
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return nil, fmt.Errorf("%s is missing", key)
		}
	}
	return h, h.chooseDecoder()
}

// chooseDecoder sets size and decode from descr.
func (h *header) chooseDecoder() error {
	unsupported := fmt.Errorf("element type %q is not supported; save numbers, as float64 for instance", h.descr)
	if len(h.descr) != 3 {
		return unsupported
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch h.descr[0] {
	case '<', '|', '=':
	case '>':
		order = binary.BigEndian
	default:
		return unsupported
	}
	decode := map[string]func(b []byte) float64{
		"b1": func(b []byte) float64 { return float64(b[0]) },
		"i1": func(b []byte) float64 { return float64(int8(b[0])) },
		"u1": func(b []byte) float64 { return float64(b[0]) },
		"i2": func(b []byte) float64 { return float64(int16(order.Uint16(b))) },
		"u2": func(b []byte) float64 { return float64(order.Uint16(b)) },
		"i4": func(b []byte) float64 { return float64(int32(order.Uint32(b))) },
		"u4": func(b []byte) float64 { return float64(order.Uint32(b)) },
		"i8": func(b []byte) float64 { return float64(int64(order.Uint64(b))) },
		"u8": func(b []byte) float64 { return float64(order.Uint64(b)) },
		"f2": func(b []byte) float64 { return half(order.Uint16(b)) },
		"f4": func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) },
		"f8": func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) },
	}
	var ok bool
	if h.decode, ok = decode[h.descr[1:]]; !ok {
		return unsupported
	}
	h.size = int(h.descr[2] - '0')
	return nil
}

// half widens an IEEE 754 binary16.
func half(b uint16) float64 {
	sign, exp, frac := 1-2*float64(b>>15), int(b>>10&31), float64(b&1023)
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -24)
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

// scanner reads the few Python literals that a header holds.
type scanner struct{ text string }

// take skips space and then token, if it is next.
func (s *scanner) take(token string) bool {
	t := strings.TrimLeft(s.text, " \t\r\n")
	if !strings.HasPrefix(t, token) {
		return false
	}
	s.text = t[len(token):]
	return true
}

func (s *scanner) quoted() (string, bool) {
	for _, q := range []string{"'", `"`} {
		if s.take(q) {
			in, after, ok := strings.Cut(s.text, q)
			if ok && !strings.ContainsAny(in, "\\\n") {
				s.text = after
				return in, true
			}
			return "", false
		}
	}
	return "", false
}

// tuple reads (), (3,) or (3, 4).
func (s *scanner) tuple() ([]int, bool) {
	if !s.take("(") {
		return nil, false
	}
	shape := []int{}
	for !s.take(")") {
		t := strings.TrimLeft(s.text, " ")
		end := 0
		for end < len(t) && t[end] >= '0' && t[end] <= '9' {
			end++
		}
		d, err := strconv.ParseInt(t[:end], 10, 0)
		if err != nil || len(shape) == 32 { // NumPy allows no more dimensions
			return nil, false
		}
		shape = append(shape, int(d))
		s.text = strings.TrimPrefix(t[end:], "L") // written by Python 2
		if !s.take(",") {
			return shape, s.take(")")
		}
	}
	return shape, true
}

// rest is what comes next, for messages.
func (s *scanner) rest() string {
	t := strings.TrimSpace(s.text)
	if len(t) > 20 {
		t = t[:20] + "..."
	}
	return t
}

func shapeText(shape []int) string {
	if len(shape) == 0 {
		return "a single number"
	}
	text := make([]string, len(shape))
	for k, d := range shape {
		text[k] = strconv.Itoa(d)
	}
	return strings.Join(text, "x")
}

// Write writes data, in row-major order, as an array of little-endian float64 of
// the given shape, in format version 1. The error wraps flow.ErrShape when the
// shape does not hold len(data) elements.
func Write(w io.Writer, shape []int, data []float64) error {
	out, err := head("<f8", shape, len(data))
	if err != nil {
		return err
	}
	for _, v := range data {
		if len(out) >= 1<<16 {
			if _, err := w.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(v))
	}
	_, err = w.Write(out)
	return err
}

// WriteBytes is Write for an array of bytes.
func WriteBytes(w io.Writer, shape []int, data []byte) error {
	out, err := head("|u1", shape, len(data))
	if err != nil {
		return err
	}
	if _, err := w.Write(out); err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// head is what stands before the elements of an array of the type descr.
func head(descr string, shape []int, elements int) ([]byte, error) {
	n := 1
	var dims strings.Builder
	for _, d := range shape {
		if d < 0 {
			return nil, fmt.Errorf("%w: array of shape %v", flow.ErrShape, shape)
		}
		n *= d
		fmt.Fprintf(&dims, "%d, ", d)
	}
	if n != elements {
		return nil, fmt.Errorf("%w: %d elements cannot be %s", flow.ErrShape, elements, shapeText(shape))
	}
	text := strings.TrimSuffix(dims.String(), " ")
	if len(shape) > 1 {
		text = strings.TrimSuffix(text, ",")
	}
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, text)
	const before = len(magic) + 4
	pad := 63 - (before+len(dict))%64
	dict += strings.Repeat(" ", pad) + "\n"
	if len(dict) > math.MaxUint16 {
		return nil, fmt.Errorf("%w: array of %d dimensions", flow.ErrShape, len(shape))
	}
	out := append([]byte(magic), 1, 0)
	out = binary.LittleEndian.AppendUint16(out, uint16(len(dict)))
	return append(out, dict...), nil
}
