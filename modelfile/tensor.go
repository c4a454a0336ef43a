package modelfile

import (
	"encoding/binary"
	"fmt"
	"math"

	"laminar/flow"
)

// Tensor is a named array. Data holds its elements, little-endian, in row-major
// order; an empty Shape is a single number.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte
}

// FromFloat32 returns an F32 tensor with a copy of data. The error wraps
// flow.ErrShape when shape does not hold len(data) elements.
func FromFloat32(name string, shape []int, data []float32) (Tensor, error) {
	return encode(name, F32, shape, data, func(b []byte, data []float32) {
		for i, v := range data {
			binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
		}
	})
}

// FromFloat64 returns an F64 tensor, as FromFloat32 does.
func FromFloat64(name string, shape []int, data []float64) (Tensor, error) {
	return encode(name, F64, shape, data, func(b []byte, data []float64) {
		for i, v := range data {
			binary.LittleEndian.PutUint64(b[8*i:], math.Float64bits(v))
		}
	})
}

// FromInt32 returns an I32 tensor, as FromFloat32 does.
func FromInt32(name string, shape []int, data []int32) (Tensor, error) {
	return encode(name, I32, shape, data, func(b []byte, data []int32) {
		for i, v := range data {
			binary.LittleEndian.PutUint32(b[4*i:], uint32(v))
		}
	})
}

// FromInt64 returns an I64 tensor, as FromFloat32 does.
func FromInt64(name string, shape []int, data []int64) (Tensor, error) {
	return encode(name, I64, shape, data, func(b []byte, data []int64) {
		for i, v := range data {
			binary.LittleEndian.PutUint64(b[8*i:], uint64(v))
		}
	})
}

func encode[T any](name string, t DType, shape []int, data []T, put func([]byte, []T)) (Tensor, error) {
	size, err := bytesOf(t, shape)
	if err != nil || size != int64(len(data))*int64(t.Size()) {
		return Tensor{}, fmt.Errorf("%w: tensor %q: %d elements do not fill shape %v", flow.ErrShape, name, len(data), shape)
	}
	b := make([]byte, size)
	put(b, data)
	return Tensor{Name: name, DType: t, Shape: append([]int{}, shape...), Data: b}, nil
}

// Float32 returns the elements of a tensor of floats of any width, rounded to
// nearest. The error wraps flow.ErrFormat for other types.
func (t *Tensor) Float32() ([]float32, error) {
	return decode[float32](t, "floats")
}

// Float64 returns the elements of a tensor of floats of any width.
func (t *Tensor) Float64() ([]float64, error) {
	return decode[float64](t, "floats")
}

// Int32 returns the elements of an I32 tensor. The error wraps flow.ErrFormat
// for other types.
func (t *Tensor) Int32() ([]int32, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if t.DType != I32 {
		return nil, t.wrongType("I32")
	}
	out := make([]int32, len(t.Data)/4)
	for i := range out {
		out[i] = int32(binary.LittleEndian.Uint32(t.Data[4*i:]))
	}
	return out, nil
}

// Int64 returns the elements of an I64 tensor. The error wraps flow.ErrFormat
// for other types.
func (t *Tensor) Int64() ([]int64, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if t.DType != I64 {
		return nil, t.wrongType("I64")
	}
	out := make([]int64, len(t.Data)/8)
	for i := range out {
		out[i] = int64(binary.LittleEndian.Uint64(t.Data[8*i:]))
	}
	return out, nil
}

func decode[T float32 | float64](t *Tensor, want string) ([]T, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	var get func(b []byte) T
	switch t.DType {
	case F64:
		get = func(b []byte) T { return T(math.Float64frombits(le.Uint64(b))) }
	case F32:
		get = func(b []byte) T { return T(math.Float32frombits(le.Uint32(b))) }
	case BF16:
		get = func(b []byte) T { return T(math.Float32frombits(uint32(le.Uint16(b)) << 16)) }
	case F16:
		get = func(b []byte) T { return T(half(le.Uint16(b))) }
	default:
		return nil, t.wrongType(want)
	}
	size := t.DType.Size()
	out := make([]T, len(t.Data)/size)
	for i := range out {
		out[i] = get(t.Data[i*size:])
	}
	return out, nil
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

// check returns an error unless Data is as long as DType and Shape say.
func (t *Tensor) check() error {
	size, err := bytesOf(t.DType, t.Shape)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if size != int64(len(t.Data)) {
		return fmt.Errorf("%w: tensor %q holds %d bytes, %s of shape %v takes %d", flow.ErrFormat, t.Name, len(t.Data), t.DType, t.Shape, size)
	}
	return nil
}

func (t *Tensor) wrongType(want string) error {
	return fmt.Errorf("%w: tensor %q is %s, want %s", flow.ErrFormat, t.Name, t.DType, want)
}
