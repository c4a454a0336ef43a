package data

import (
	"encoding/json"
	"math"

	"laminar/flow"
	"laminar/tensor"
)

// Bytes leads from numbers of 0 to 255, such as pixels, to -1..1 and back; the
// way back rounds to whole numbers and keeps to the range.
type Bytes struct{}

// Dim returns 0: any number of columns.
func (Bytes) Dim() int { return 0 }

// Forward is z = x / 127.5 - 1.
func (Bytes) Forward(dst tensor.Mat, src tensor.Matrix[float64]) error {
	if err := sameShape(dst, src, -1); err != nil {
		return err
	}
	for i, v := range src.Data {
		z := float32(v/127.5 - 1)
		if !finite(z) {
			return tooLarge(i, src.D, v, "for a byte")
		}
		dst.Data[i] = z
	}
	return nil
}

// Inverse is x = 127.5 (z + 1), rounded and kept within 0..255.
func (Bytes) Inverse(dst tensor.Matrix[float64], src tensor.Mat) error {
	if err := sameShape(src, dst, -1); err != nil {
		return err
	}
	for i, z := range src.Data {
		dst.Data[i] = min(max(math.Round(127.5*(float64(z)+1)), 0), 255)
	}
	return nil
}

// LogDet is D log(1/127.5) for every row: the rounding is not looked at.
func (Bytes) LogDet(dst []float64, src tensor.Matrix[float64]) error {
	if len(dst) != src.N {
		return flow.ErrShape
	}
	for i := range dst {
		dst[i] = -float64(src.D) * math.Log(127.5)
	}
	return nil
}

// MarshalJSON writes {"kind": "bytes"}.
func (Bytes) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]string{"kind": "bytes"}) }
