package data

import (
	"fmt"
	"strconv"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Shape says how one point of a toy distribution is drawn. It is immutable and
// safe for concurrent use. To add a toy, write its Shape in a file of its own
// and one line in the catalogue.
type Shape interface {
	Moded
	Dim() int
	// Point draws a point into dst, of length Dim, from key alone, and returns
	// the component that it belongs to, or -1.
	Point(dst []float32, key rng.Key) int
}

// Toy is the distribution of a Shape. Its points carry their component as a
// class id only if Labelled.
type Toy struct {
	Shape
	Labelled bool
}

// Noise returns the standard normal distribution in dim dimensions, the usual
// source of a flow.
func Noise(dim int) Toy { return Toy{Shape: Gaussian{D: dim}} }

// Len returns 0: a distribution stores no rows.
func (t Toy) Len() int { return 0 }

// CondSpec asks for class ids if t is Labelled, else for nothing.
func (t Toy) CondSpec() flow.CondSpec {
	if t.Labelled {
		return flow.CondSpec{Classes: t.Modes()}
	}
	return flow.CondSpec{}
}

// Draw fills dst with draw i under key: row r uses key.At(i).At(r).
func (t Toy) Draw(dst flow.Sample, key rng.Key, i int) error {
	return t.DrawAt(dst, key.At(uint64(i)), 0)
}

// DrawAt fills row r of dst from key.At(first+r).
func (t Toy) DrawAt(dst flow.Sample, key rng.Key, first int) error {
	if err := checkSample(dst, t.CondSpec(), t.Dim()); err != nil {
		return err
	}
	for r := range dst.X.N {
		class := t.Point(dst.X.Row(r), key.At(uint64(first+r)))
		if t.Labelled {
			dst.Cond.Class[r] = int32(class)
		}
	}
	return nil
}

// ClassNames returns the components' numbers.
func (t Toy) ClassNames() []string {
	names := make([]string, t.Modes())
	for k := range names {
		names[k] = strconv.Itoa(k)
	}
	return names
}

// WithClasses returns t with Labelled set.
func (t Toy) WithClasses() (flow.Dataset, error) {
	if t.Modes() == 0 {
		return nil, fmt.Errorf("%w: %T has no classes", flow.ErrConfig, t.Shape)
	}
	t.Labelled = true
	return t, nil
}

// checkSample checks the room that a caller gave for rows: points of dim
// columns and exactly the conditions that spec names. What it holds is to be
// overwritten and may be anything.
func checkSample(dst flow.Sample, spec flow.CondSpec, dim int) error {
	if err := dst.X.Check("room for points", -1, dim); err != nil {
		return err
	}
	n, ids := dst.X.N, 0
	if spec.Classes > 0 {
		ids = n
	}
	if len(dst.Cond.Class) != ids {
		return fmt.Errorf("%w: room for %d class ids, want %d", flow.ErrShape, len(dst.Cond.Class), ids)
	}
	masked := 0
	if spec.Mask {
		masked = dim
	}
	for _, part := range []struct {
		what string
		m    tensor.Mat
		d    int
	}{{"room for real conditions", dst.Cond.Real, spec.Real}, {"room for the mask", dst.Cond.Mask, masked}, {"room for observed values", dst.Cond.Observed, masked}} {
		if part.m.IsEmpty() && part.d == 0 {
			continue
		}
		if err := part.m.Check(part.what, n, part.d); err != nil {
			return err
		}
	}
	return nil
}

// modeless is embedded by shapes that are not made of components.
type modeless struct{}

func (modeless) Modes() int         { return 0 }
func (modeless) Mode([]float32) int { return -1 }
