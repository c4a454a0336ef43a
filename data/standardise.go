package data

import (
	"encoding/json"
	"fmt"
	"math"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Standardise gives every column mean 0 and standard deviation 1:
//
//	z = (x - mean) / std
//
// in float64, before z is rounded to float32. A column whose Std is 0 is
// constant: it is centred but not scaled, and Inverse gives back its mean
// whatever finite z is, so that samples hold the constant exactly.
type Standardise struct {
	mean, std []float64
}

// NewStandardise returns the transform of the given means and standard
// deviations, one of either for each column. The error wraps flow.ErrFormat when
// a number is not finite or a deviation negative.
func NewStandardise(mean, std []float64) (*Standardise, error) {
	if len(mean) != len(std) || len(mean) == 0 {
		return nil, fmt.Errorf("%w: standardise has %d means and %d deviations, want as many of either and at least one", flow.ErrFormat, len(mean), len(std))
	}
	for j := range mean {
		if math.IsNaN(mean[j]+std[j]) || math.IsInf(mean[j], 0) || math.IsInf(std[j], 0) || std[j] < 0 {
			return nil, fmt.Errorf("%w: standardise: column %d has mean %v and deviation %v", flow.ErrFormat, j+1, mean[j], std[j])
		}
	}
	return &Standardise{mean: append([]float64(nil), mean...), std: append([]float64(nil), std...)}, nil
}

// FitStandardise returns the transform that x's own means and standard
// deviations (over N, not N-1) define. Columns of any magnitude that float64
// holds are summed without overflow. The error wraps flow.ErrFormat when a value
// is not finite, flow.ErrShape when x is empty.
func FitStandardise(x tensor.Matrix[float64]) (*Standardise, error) {
	if err := x.Check("table", -1, -1); err != nil {
		return nil, err
	}
	if x.IsEmpty() {
		return nil, fmt.Errorf("%w: an empty table has no mean", flow.ErrShape)
	}
	lo := append([]float64(nil), x.Row(0)...)
	hi := append([]float64(nil), x.Row(0)...)
	for i, v := range x.Data {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, tooLarge(i, x.D, v, "")
		}
		j := i % x.D
		lo[j], hi[j] = min(lo[j], v), max(hi[j], v)
	}
	s := &Standardise{mean: make([]float64, x.D), std: make([]float64, x.D)}
	// Each column is first multiplied by a power of two that brings it into
	// [-1, 1]: that is exact, and keeps sums and squares in range. The mean is
	// taken about lo, so that an offset costs no precision.
	scale := make([]int, x.D)
	for j := range scale {
		_, scale[j] = math.Frexp(max(-lo[j], hi[j]))
	}
	unit := func(v float64, j int) float64 { return math.Ldexp(v, -scale[j]) }
	for i, v := range x.Data {
		j := i % x.D
		s.mean[j] += unit(v, j) - unit(lo[j], j)
	}
	for j := range s.mean {
		s.mean[j] = unit(lo[j], j) + s.mean[j]/float64(x.N)
	}
	for i, v := range x.Data {
		j := i % x.D
		d := unit(v, j) - s.mean[j]
		s.std[j] += d * d
	}
	for j := range s.std {
		s.mean[j] = math.Ldexp(s.mean[j], scale[j])
		s.std[j] = math.Ldexp(math.Sqrt(s.std[j]/float64(x.N)), scale[j])
		if lo[j] == hi[j] {
			s.mean[j], s.std[j] = lo[j], 0
		}
	}
	return s, nil
}

// EstimateStandardise returns the transform that n rows drawn from d define.
func EstimateStandardise(d flow.Dataset, n int, key rng.Key) (*Standardise, error) {
	s := flow.NewSample(d, n)
	if err := d.Draw(s, key, 0); err != nil {
		return nil, err
	}
	return FitStandardise(tensor.Convert[float64](s.X))
}

// Dim returns the number of columns.
func (s *Standardise) Dim() int { return len(s.mean) }

// Mean returns a copy of the columns' means.
func (s *Standardise) Mean() []float64 { return append([]float64(nil), s.mean...) }

// Std returns a copy of the columns' standard deviations, 0 where constant.
func (s *Standardise) Std() []float64 { return append([]float64(nil), s.std...) }

// Forward writes (src - mean) / std.
func (s *Standardise) Forward(dst tensor.Mat, src tensor.Matrix[float64]) error {
	if err := sameShape(dst, src, s.Dim()); err != nil {
		return err
	}
	for i, v := range src.Data {
		j := i % src.D
		dst.Data[i] = float32((v - s.mean[j]) / s.scale(j))
		if !finite(dst.Data[i]) {
			return tooLarge(i, src.D, v, fmt.Sprintf("beside the column's mean %g and deviation %g; remove the outlier or rescale the column", s.mean[j], s.std[j]))
		}
	}
	return nil
}

// Inverse writes mean + std * src.
func (s *Standardise) Inverse(dst tensor.Matrix[float64], src tensor.Mat) error {
	if err := sameShape(src, dst, s.Dim()); err != nil {
		return err
	}
	for i, v := range src.Data {
		j := i % src.D
		dst.Data[i] = s.mean[j] + s.std[j]*float64(v)
	}
	return nil
}

// LogDet is minus the sum of log std over the columns that are not constant,
// the same for every row.
func (s *Standardise) LogDet(dst []float64, src tensor.Matrix[float64]) error {
	if err := src.Check("table", len(dst), s.Dim()); err != nil {
		return err
	}
	var sum float64
	for j := range s.std {
		sum -= math.Log(s.scale(j))
	}
	for i := range dst {
		dst[i] = sum
	}
	return nil
}

// MarshalJSON writes {"kind":"standardise","mean":[...],"std":[...]}; the
// numbers come back bit for bit.
func (s *Standardise) MarshalJSON() ([]byte, error) {
	return json.Marshal(standardiseJSON{Kind: "standardise", Mean: s.mean, Std: s.std})
}

type standardiseJSON struct {
	Kind string    `json:"kind"`
	Mean []float64 `json:"mean"`
	Std  []float64 `json:"std"`
}

func (s *Standardise) scale(j int) float64 {
	if s.std[j] == 0 {
		return 1
	}
	return s.std[j]
}
