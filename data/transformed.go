package data

import (
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Transformed is a data set seen through a Transform: its rows are those of
// RowSource, taken forward. Conditions pass unchanged.
type Transformed struct {
	RowSource
	Transform Transform
}

// Dim is the number of columns of the underlying set.
func (d Transformed) Dim() int { return d.RowSource.Dim() }

// Draw draws and transforms.
func (d Transformed) Draw(dst flow.Sample, key rng.Key, i int) error {
	if err := d.RowSource.Draw(dst, key, i); err != nil {
		return err
	}
	return d.forward(dst.X)
}

// DrawAt draws and transforms.
func (d Transformed) DrawAt(dst flow.Sample, key rng.Key, first int) error {
	if err := d.RowSource.DrawAt(dst, key, first); err != nil {
		return err
	}
	return d.forward(dst.X)
}

func (d Transformed) forward(x tensor.Mat) error {
	if s, ok := d.Transform.(*Standardise); ok {
		s.forward32(x)
		return nil
	}
	return d.Transform.Forward(x, tensor.Convert[float64](x))
}

// forward32 standardises float32 rows in place, without allocating.
func (s *Standardise) forward32(x tensor.Mat) {
	for i := range x.N {
		row := x.Row(i)
		for j, v := range row {
			row[j] = float32((float64(v) - s.mean[j]) / s.scale(j))
		}
	}
}
