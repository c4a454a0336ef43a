package field_test

import (
	"math"
	"testing"

	"laminar/field"
	"laminar/flow"
	"laminar/path"
	"laminar/tensor"
)

// The divergences are those of central differences, and so are the quadratic
// forms of probes; the velocity is the plain one.
func TestDivergence(t *testing.T) {
	gauss, err := field.Gaussian[float64]([]float64{0, 1, 0}, []float64{1, 2, 1}, []float64{2, 0, -1}, []float64{0.5, 3, 0.1})
	if err != nil {
		t.Fatal(err)
	}
	mix, err := field.Mixture[float64]([]float64{1, 2, 0.5}, [][]float64{{-1, 0, 0}, {1, 0.5, 2}, {0, -2, 1}}, []float64{0.4, 0.8, 0.2})
	if err != nil {
		t.Fatal(err)
	}
	const n, d, h = 6, 3, 1e-5
	x, p := normal(n, d, 1), normal(n, d, 2)
	at := []float64{0, 0.2, 0.5, 0.7, 0.95, 1}
	for name, f := range map[string]flow.DivergentOf[float64]{
		"gaussian": gauss, "mixture": mix, "cosine mixture": mix.Under(path.Cosine{}), "cosine gaussian": gauss.Under(path.Cosine{}),
	} {
		u, div := tensor.NewOf[float64](n, d), tensor.NewOf[float64](n, 1)
		v, forms := tensor.NewOf[float64](n, d), tensor.NewOf[float64](n, 2)
		if err := f.VelocityDivergence(u, div, x, at, nil, nil); err != nil {
			t.Fatal(err)
		}
		if err := f.VelocityDivergence(v, forms, x, at, nil, []tensor.Matrix[float64]{x, p}); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			one := func(x []float64) []float64 {
				u, m := tensor.NewOf[float64](1, d), tensor.NewOf[float64](1, d)
				copy(m.Data, x)
				if err := f.Velocity(u, m, at[i]); err != nil {
					t.Fatal(err)
				}
				return u.Data
			}
			along := func(q []float64) (form float64) {
				up, down := make([]float64, d), make([]float64, d)
				for j := range d {
					up[j], down[j] = x.At(i, j)+h*q[j], x.At(i, j)-h*q[j]
				}
				a, b := one(up), one(down)
				for j := range d {
					form += q[j] * (a[j] - b[j]) / (2 * h)
				}
				return form
			}
			var trace float64
			for j := range d {
				e := make([]float64, d)
				e[j] = 1
				trace += along(e)
			}
			for _, c := range []struct{ got, want float64 }{
				{div.At(i, 0), trace}, {forms.At(i, 0), along(x.Row(i))}, {forms.At(i, 1), along(p.Row(i))},
			} {
				if math.Abs(c.got-c.want) > 1e-6*(1+math.Abs(c.want)) {
					t.Errorf("%s at t=%v: %v, by differences %v", name, at[i], c.got, c.want)
				}
			}
			for j, w := range one(x.Row(i)) {
				if u.At(i, j) != w || v.At(i, j) != w {
					t.Errorf("%s: another velocity", name)
				}
			}
		}
		if err := f.VelocityDivergence(u, forms, x, at, nil, nil); err == nil {
			t.Errorf("%s takes two columns for one divergence", name)
		}
	}
}
