package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"laminar/flow"
	"laminar/tensor"
)

// Transform is an invertible map between the float64 numbers of a table and the
// float32 numbers of a network, row by row. It is immutable, safe for
// concurrent use, and serialises to JSON as an object whose "kind" names it;
// DecodeTransform reads it back.
type Transform interface {
	// Dim is the number of columns that it maps, 0 for any number.
	Dim() int
	// Forward writes the network's numbers for src into dst, of the same
	// shape. The error wraps flow.ErrFormat and names row and column when a
	// value is not finite as a float32.
	Forward(dst tensor.Mat, src tensor.Matrix[float64]) error
	// Inverse writes the table's numbers for src into dst, of the same shape.
	Inverse(dst tensor.Matrix[float64], src tensor.Mat) error
	// LogDet writes log |det dz/dx| at each row x of src into dst, of length
	// src.N: log p(x) = log p(z) + LogDet(x).
	LogDet(dst []float64, src tensor.Matrix[float64]) error
	json.Marshaler
}

// Identity changes nothing but the precision.
type Identity struct{}

// Dim returns 0: any number of columns.
func (Identity) Dim() int { return 0 }

// Forward rounds to float32.
func (Identity) Forward(dst tensor.Mat, src tensor.Matrix[float64]) error {
	if err := sameShape(dst, src, -1); err != nil {
		return err
	}
	for i, v := range src.Data {
		dst.Data[i] = float32(v)
		if !finite(dst.Data[i]) {
			return tooLarge(i, src.D, v, "as a float32; standardise the data or rescale the column")
		}
	}
	return nil
}

// Inverse widens to float64.
func (Identity) Inverse(dst tensor.Matrix[float64], src tensor.Mat) error {
	if err := sameShape(src, dst, -1); err != nil {
		return err
	}
	for i, v := range src.Data {
		dst.Data[i] = float64(v)
	}
	return nil
}

// LogDet is 0.
func (Identity) LogDet(dst []float64, src tensor.Matrix[float64]) error {
	if len(dst) != src.N {
		return fmt.Errorf("%w: room for %d log-determinants, want %d", flow.ErrShape, len(dst), src.N)
	}
	clear(dst)
	return nil
}

// MarshalJSON writes {"kind":"identity"}.
func (Identity) MarshalJSON() ([]byte, error) { return []byte(`{"kind":"identity"}`), nil }

// DecodeTransform reads a transform from its JSON. Unknown kinds and fields are
// errors that wrap flow.ErrFormat.
func DecodeTransform(b []byte) (Transform, error) {
	var fields map[string]json.RawMessage
	var kind string
	if err := json.Unmarshal(b, &fields); err != nil {
		return nil, fmt.Errorf("%w: transform: %v", flow.ErrFormat, err)
	}
	if err := json.Unmarshal(fields["kind"], &kind); err != nil {
		return nil, fmt.Errorf("%w: transform without a kind", flow.ErrFormat)
	}
	strict := func(v any) error {
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.DisallowUnknownFields()
		if err := dec.Decode(v); err != nil {
			return fmt.Errorf("%w: transform: %v", flow.ErrFormat, err)
		}
		return nil
	}
	switch kind {
	case "affine":
		var a affineJSON
		if err := strict(&a); err != nil {
			return nil, err
		}
		return NewAffine(a.Mean, a.Std)
	case "identity":
		if len(fields) > 1 {
			return nil, fmt.Errorf("%w: transform: identity has no settings", flow.ErrFormat)
		}
		return Identity{}, nil
	case "bytes":
		if len(fields) > 1 {
			return nil, fmt.Errorf("%w: transform: bytes has no settings", flow.ErrFormat)
		}
		return Bytes{}, nil
	case "standardise":
		var s standardiseJSON
		if err := strict(&s); err != nil {
			return nil, err
		}
		return NewStandardise(s.Mean, s.Std)
	}
	return nil, fmt.Errorf("%w: unknown transform %q; known are affine, bytes, identity, standardise", flow.ErrFormat, kind)
}

func sameShape(z tensor.Mat, x tensor.Matrix[float64], dim int) error {
	if err := x.Check("table", -1, dim); err != nil {
		return err
	}
	return z.Check("network rows", x.N, x.D)
}

func finite(v float32) bool { return v-v == 0 }

func tooLarge(i, d int, v float64, how string) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("%w: row %d, column %d is %v, not a finite number", flow.ErrFormat, i/d+1, i%d+1, v)
	}
	return fmt.Errorf("%w: row %d, column %d: %g is too large %s", flow.ErrFormat, i/d+1, i%d+1, v, how)
}
