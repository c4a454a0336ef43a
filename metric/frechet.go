package metric

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"laminar/flow"
	"laminar/tensor"
)

// Frechet returns the squared Wasserstein-2 distance of the Gaussians that have
// the means and covariances of two samples,
//
//	|m_x - m_y|^2 + tr(C_x + C_y - 2 (C_x C_y)^(1/2))
//
// (Dowson, Landau 1982). In the feature space of a classifier it is the figure
// by which pictures are judged (Heusel et al. 2017); its value depends on the
// classifier, and on the number of rows, by which it is biased upwards. x and y
// have at least two rows each and equal columns; the errors are as those of W2.
func Frechet(x, y tensor.Mat) (float64, error) {
	if err := checkPair(x, y, 2); err != nil {
		return 0, err
	}
	mx, cx := moments(x)
	my, cy := moments(y)
	d := 0.0
	for i := range mx {
		d += (mx[i] - my[i]) * (mx[i] - my[i])
	}
	// tr (C_x C_y)^(1/2) = tr (A C_y A)^(1/2) with A the root of C_x, and that
	// product is symmetric.
	var e mat.EigenSym
	if !e.Factorize(cx, true) {
		return 0, fmt.Errorf("%w: the covariance has no eigenvalues", flow.ErrDiverged)
	}
	var v, root, inner mat.Dense
	e.VectorsTo(&v)
	values := e.Values(nil)
	scaled := mat.DenseCopyOf(&v)
	for j, l := range values {
		s := math.Sqrt(max(l, 0))
		for i := range x.D {
			scaled.Set(i, j, v.At(i, j)*s)
		}
	}
	root.Mul(scaled, v.T())
	inner.Mul(&root, cy)
	inner.Mul(&inner, &root)
	sym := mat.NewSymDense(x.D, nil)
	for i := range x.D {
		for j := i; j < x.D; j++ {
			sym.SetSym(i, j, (inner.At(i, j)+inner.At(j, i))/2)
		}
	}
	if !e.Factorize(sym, false) {
		return 0, fmt.Errorf("%w: the covariances have no joint root", flow.ErrDiverged)
	}
	for _, l := range e.Values(values) {
		d -= 2 * math.Sqrt(max(l, 0))
	}
	return max(d+mat.Trace(cx)+mat.Trace(cy), 0), nil
}

// moments returns the mean and the covariance (divided by n-1) of the rows.
func moments(x tensor.Mat) ([]float64, *mat.SymDense) {
	m := make([]float64, x.D)
	for i := range x.N {
		for j, v := range x.Row(i) {
			m[j] += float64(v) / float64(x.N)
		}
	}
	c := make([]float64, x.D*x.D)
	d := make([]float64, x.D)
	for i := range x.N {
		for j, v := range x.Row(i) {
			d[j] = float64(v) - m[j]
		}
		for j, a := range d {
			line := c[j*x.D : (j+1)*x.D]
			for k := j; k < x.D; k++ {
				line[k] += a * d[k]
			}
		}
	}
	for i := range c {
		c[i] /= float64(x.N - 1)
	}
	return m, mat.NewSymDense(x.D, c)
}

// Manifold returns the precision and the recall of samples against data: the
// share of samples that lie within the data's manifold, and of data within the
// samples', where a set's manifold is made of the balls around its points that
// reach to their k-th neighbour in the set (Kynkäänniemi et al. 2019). Precision
// tells how believable samples are, recall how much of the data they cover. Both
// sets have more than k rows; time is that of comparing all points.
func Manifold(samples, data tensor.Mat, k int) (precision, recall float64, err error) {
	if k < 1 {
		return 0, 0, fmt.Errorf("%w: neighbour %d", flow.ErrConfig, k)
	}
	if err := checkPair(samples, data, k+1); err != nil {
		return 0, 0, err
	}
	return within(samples, data, radii(data, k)), within(data, samples, radii(samples, k)), nil
}

// radii returns the squared distance of every row to its k-th neighbour.
func radii(x tensor.Mat, k int) []float64 {
	r := make([]float64, x.N)
	alone(x.N, func(i int) {
		near := make([]float64, 0, k+1)
		for j := range x.N {
			if j == i {
				continue
			}
			d := dist2(x.Row(i), x.Row(j))
			if len(near) == k && d >= near[k-1] {
				continue
			}
			at, _ := slices.BinarySearch(near, d)
			near = slices.Insert(near, at, d)[:min(len(near)+1, k)]
		}
		r[i] = near[k-1]
	})
	return r
}

// within is the share of the rows of x that lie in a ball around a row of y.
func within(x, y tensor.Mat, r []float64) float64 {
	in := make([]bool, x.N)
	alone(x.N, func(i int) {
		for j := range y.N {
			if dist2(x.Row(i), y.Row(j)) <= r[j] {
				in[i] = true
				return
			}
		}
	})
	n := 0
	for _, b := range in {
		if b {
			n++
		}
	}
	return float64(n) / float64(x.N)
}

// Nearest returns, for every row of x, the distance to the nearest row of y and
// that row's number. Samples that lie much nearer to the training data than
// fresh data do have been copied from it.
func Nearest(x, y tensor.Mat) ([]float64, []int, error) {
	if err := checkPair(x, y, 1); err != nil {
		return nil, nil, err
	}
	d, at := make([]float64, x.N), make([]int, x.N)
	alone(x.N, func(i int) {
		best := math.Inf(1)
		for j := range y.N {
			if v := dist2(x.Row(i), y.Row(j)); v < best {
				best, at[i] = v, j
			}
		}
		d[i] = math.Sqrt(best)
	})
	return d, at, nil
}

// alone calls f(0) to f(n-1), none of which can fail, on the available cores.
func alone(n int, f func(i int)) {
	_ = each(context.Background(), n, func(i int) error {
		f(i)
		return nil
	})
}
