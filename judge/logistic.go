package judge

import (
	"math"
	"slices"
)

// sparse is rows of few numbers: those of row i are at start[i] to start[i+1].
type sparse struct {
	start []int32
	at    []int32
	v     []float64
	d     int
}

// features are what a linear classifier sees of rows: numbers less their median
// over their middle half (as scikit-learn's RobustScaler has it), missing ones as
// the mean, a coordinate for every level and for missing levels, and a last
// one that is always 1.
func features(cols []column, m matrix) sparse {
	f := sparse{start: make([]int32, m.N+1)}
	offset := make([]int, len(cols))
	centre, width, fill := make([]float64, len(cols)), make([]float64, len(cols)), make([]float64, len(cols))
	for k, c := range cols {
		offset[k] = f.d
		if !c.number() {
			f.d += c.levels + 1
			continue
		}
		f.d++
		width[k] = 1
		if v := present(m, c.at); len(v) > 0 {
			fill[k] = mean(v)
			slices.Sort(v)
			centre[k] = quantile(v, 0.5)
			if w := quantile(v, 0.75) - quantile(v, 0.25); w > 0 {
				width[k] = w
			}
		}
	}
	for i := range m.N {
		for k, c := range cols {
			v := m.At(i, c.at)
			switch {
			case !c.number():
				f.add(offset[k]+c.code(v), 1)
			case v != v:
				f.add(offset[k], (fill[k]-centre[k])/width[k])
			default:
				f.add(offset[k], (v-centre[k])/width[k])
			}
		}
		f.add(f.d, 1)
		f.start[i+1] = int32(len(f.at))
	}
	f.d++
	return f
}

func (f *sparse) add(at int, v float64) {
	if v != 0 {
		f.at, f.v = append(f.at, int32(at)), append(f.v, v)
	}
}

func (f *sparse) dot(i int, w []float64) (s float64) {
	for p := f.start[i]; p < f.start[i+1]; p++ {
		s += f.v[p] * w[f.at[p]]
	}
	return s
}

// fit returns the weights of a logistic regression on some rows: the least of the
// sum of losses and half the squared weights, the last one free (scikit-learn's
// LogisticRegression at C = 1). By Newton's method, each step solved by conjugate
// gradients with the diagonal as preconditioner (Lin, Weng, Keerthi 2008).
func (f *sparse) fit(rows []int, positive []bool) []float64 {
	w, score := make([]float64, f.d), make([]float64, len(rows))
	grad, diag, curve := make([]float64, f.d), make([]float64, f.d), make([]float64, len(rows))
	lambda := make([]float64, f.d)
	for j := range f.d - 1 {
		lambda[j] = 1
	}
	loss := func(w []float64, score []float64) (s float64) {
		for k, i := range rows {
			score[k] = f.dot(i, w)
			z := score[k]
			if !positive[i] {
				z = -z
			}
			s += math.Log1p(math.Exp(-math.Abs(z))) + max(-z, 0)
		}
		for j, v := range w {
			s += lambda[j] * v * v / 2
		}
		return s
	}
	at := loss(w, score)
	first := 0.
	for step := range 50 {
		for j := range grad {
			grad[j], diag[j] = lambda[j]*w[j], lambda[j]
		}
		for k, i := range rows {
			p := 1 / (1 + math.Exp(-score[k]))
			curve[k] = p * (1 - p)
			if positive[i] {
				p--
			}
			for q := f.start[i]; q < f.start[i+1]; q++ {
				grad[f.at[q]] += p * f.v[q]
				diag[f.at[q]] += curve[k] * f.v[q] * f.v[q]
			}
		}
		size := 0.
		for j := range grad {
			diag[j] = max(diag[j], 1e-12)
			size += grad[j] * grad[j] / diag[j]
		}
		if step == 0 {
			first = size
		}
		if size <= 1e-10*first {
			break
		}
		move := f.newton(rows, grad, diag, curve, lambda)
		slope := 0.
		for j := range move {
			slope += move[j] * grad[j]
		}
		trial, next := make([]float64, f.d), math.Inf(1)
		for size := 1.; size > 1e-6; size /= 2 { // what a full step overshoots
			for j := range trial {
				trial[j] = w[j] + size*move[j]
			}
			if next = loss(trial, score); next <= at+1e-4*size*slope {
				break
			}
		}
		if !(next < at) {
			break
		}
		w, at = trial, next
	}
	return w
}

// newton solves (X'CX + Λ) move = -grad roughly, C the curvatures of the rows.
func (f *sparse) newton(rows []int, grad, diag, curve, lambda []float64) []float64 {
	x, r, p, hp := make([]float64, f.d), make([]float64, f.d), make([]float64, f.d), make([]float64, f.d)
	rz := 0.
	for j := range r {
		r[j] = -grad[j]
		p[j] = r[j] / diag[j]
		rz += r[j] * p[j]
	}
	enough := 1e-4 * rz
	for range 200 {
		if rz <= enough {
			break
		}
		for j := range hp {
			hp[j] = lambda[j] * p[j]
		}
		for k, i := range rows {
			c := curve[k] * f.dot(i, p)
			for q := f.start[i]; q < f.start[i+1]; q++ {
				hp[f.at[q]] += c * f.v[q]
			}
		}
		php := 0.
		for j := range p {
			php += p[j] * hp[j]
		}
		if !(php > 0) {
			break
		}
		a, next := rz/php, 0.
		for j := range x {
			x[j] += a * p[j]
			r[j] -= a * hp[j]
			next += r[j] * r[j] / diag[j]
		}
		for j := range p {
			p[j] = r[j]/diag[j] + next/rz*p[j]
		}
		rz = next
	}
	return x
}
