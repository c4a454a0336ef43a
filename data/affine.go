package data

import (
	"encoding/json"
	"fmt"
	"math"

	"laminar/flow"
	"laminar/tensor"
)

// Affine maps all columns by one mean and one deviation,
//
//	z = (x - mean) / std,
//
// for rows whose columns are of one kind, such as the pixels of a spectrogram:
// where most rows are silent a column must not be blown up to the size of the
// others.
type Affine struct {
	mean, std float64
}

// NewAffine returns the transform of the given mean and deviation. The error
// wraps flow.ErrFormat unless both are finite and the deviation positive.
func NewAffine(mean, std float64) (Affine, error) {
	if math.IsNaN(mean) || math.IsInf(mean, 0) || !(std > 0) || math.IsInf(std, 0) {
		return Affine{}, fmt.Errorf("%w: affine has the mean %v and the deviation %v", flow.ErrFormat, mean, std)
	}
	return Affine{mean, std}, nil
}

// Std is the deviation.
func (a Affine) Std() float64 { return a.std }

// Dim returns 0: any number of columns.
func (Affine) Dim() int { return 0 }

// Forward writes (src - mean) / std.
func (a Affine) Forward(dst tensor.Mat, src tensor.Matrix[float64]) error {
	if err := sameShape(dst, src, -1); err != nil {
		return err
	}
	for i, v := range src.Data {
		dst.Data[i] = float32((v - a.mean) / a.std)
		if !finite(dst.Data[i]) {
			return tooLarge(i, src.D, v, fmt.Sprintf("beside the mean %g and the deviation %g", a.mean, a.std))
		}
	}
	return nil
}

// Inverse writes mean + std * src.
func (a Affine) Inverse(dst tensor.Matrix[float64], src tensor.Mat) error {
	if err := sameShape(src, dst, -1); err != nil {
		return err
	}
	for i, z := range src.Data {
		dst.Data[i] = a.mean + a.std*float64(z)
	}
	return nil
}

// LogDet is -D log std for every row.
func (a Affine) LogDet(dst []float64, src tensor.Matrix[float64]) error {
	if err := src.Check("table", len(dst), -1); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = -float64(src.D) * math.Log(a.std)
	}
	return nil
}

type affineJSON struct {
	Kind string  `json:"kind"`
	Mean float64 `json:"mean"`
	Std  float64 `json:"std"`
}

// MarshalJSON writes {"kind":"affine","mean":...,"std":...}; the numbers come
// back bit for bit.
func (a Affine) MarshalJSON() ([]byte, error) {
	return json.Marshal(affineJSON{"affine", a.mean, a.std})
}
