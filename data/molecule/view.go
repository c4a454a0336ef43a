package molecule

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// View is how a molecule is turned to be looked at: the rows of a rotation.
type View [3][3]float64

// Broad is the view in which a molecule is broadest to the right, then upwards,
// and least deep.
func (m *Molecule) Broad() View {
	c := mat.NewSymDense(3, nil)
	mean := m.centre()
	for _, p := range m.X {
		for a := range 3 {
			for b := a; b < 3; b++ {
				c.SetSym(a, b, c.At(a, b)+(p[a]-mean[a])*(p[b]-mean[b]))
			}
		}
	}
	var e mat.EigenSym
	if !e.Factorize(c, true) {
		return View{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	}
	var v mat.Dense
	e.VectorsTo(&v)
	var out View
	for k := range 2 { // eigenvalues ascend
		for a := range 3 {
			out[k][a] = v.At(a, 2-k)
		}
	}
	u, w := out[0], out[1]
	out[2] = [3]float64{u[1]*w[2] - u[2]*w[1], u[2]*w[0] - u[0]*w[2], u[0]*w[1] - u[1]*w[0]}
	return out
}

// Seen returns the places of a molecule in a view, about the middle of what is
// seen.
func (m *Molecule) Seen(v View) [][3]float64 {
	out := make([][3]float64, m.Len())
	var low, high [3]float64
	for k := range 3 {
		low[k], high[k] = math.Inf(1), math.Inf(-1)
	}
	for i, p := range m.X {
		for k, axis := range v {
			out[i][k] = axis[0]*p[0] + axis[1]*p[1] + axis[2]*p[2]
			low[k], high[k] = min(low[k], out[i][k]), max(high[k], out[i][k])
		}
	}
	for i := range out {
		for k := range 3 {
			out[i][k] -= (low[k] + high[k]) / 2
		}
	}
	return out
}

func (m *Molecule) centre() (mean [3]float64) {
	for _, p := range m.X {
		for k := range 3 {
			mean[k] += p[k] / float64(m.Len())
		}
	}
	return mean
}
