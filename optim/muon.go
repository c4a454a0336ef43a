package optim

import (
	"math"

	"laminar/graph"
	"laminar/internal/kernel"
	"laminar/internal/par"
)

// matrix is a parameter of two dimensions that muon moves as a whole.
type matrix struct{ offset, rows, cols int }

func (m matrix) size() int { return m.rows * m.cols }
func (m matrix) end() int  { return m.offset + m.size() }

// Muon's constants: the number of iterations towards an orthogonal matrix with their
// coefficients, which take singular values from (0, 1] to about 1 (Jordan et al.
// 2024); the root mean square of its moves in learning rates, that of AdamW's moves
// (Liu et al. 2025, "Muon is scalable").
// Matrices with a side below leastSide, such as those that read a few columns,
// have few directions to tell apart, and go by AdamW.
const (
	iterations = 5
	moveRMS    = 0.2
	leastSide  = 8
)

var quintic = [3]float32{3.4445, -4.7750, 2.0315}

// Shape tells which parts of the arena are matrices, for the method muon, before
// the first Step; other methods do not ask. l is the layout of the arena.
func (o *Optimiser) Shape(l graph.Layout) {
	if o.Spec.Method != "muon" {
		return
	}
	o.matrices = nil
	for _, e := range l.Entries {
		if len(e.Shape) == 2 && min(e.Shape[0], e.Shape[1]) >= leastSide {
			o.matrices = append(o.matrices, matrix{e.Offset, e.Shape[0], e.Shape[1]})
		}
	}
	cores := par.Default().Workers()
	if o.Workers > 0 {
		cores = min(cores, o.Workers)
	}
	o.turners = make([]turner, cores)
}

// turn moves the matrices along their momentum with all its singular values made
// 1, on several cores if that is worth it.
func (o *Optimiser) turn() {
	o.next.Store(0)
	if n := min(len(o.turners), len(o.matrices)); n > 1 && len(o.arena) >= shareFrom {
		par.Default().Run(n, (*matrixMover)(o))
	} else if n > 0 {
		(*matrixMover)(o).Do(0)
	}
}

// matrixMover is an Optimiser at the work of moving matrices.
type matrixMover Optimiser

// Do moves matrices on core i.
func (w *matrixMover) Do(i int) {
	o := (*Optimiser)(w)
	for {
		k := int(o.next.Add(1) - 1)
		if k >= len(o.matrices) {
			return
		}
		m := o.matrices[k]
		lo, hi := m.offset, m.end()
		o.turners[i].move(m, o.arena[lo:hi], o.grads[lo:hi], o.state.M[lo:hi], part(o.state.EMA, lo, hi), o.Spec.Momentum, o.now, o.k)
	}
}

// leastNorm is the length of a gradient of which half a step is left.
const leastNorm = 1e-7

// turner is the scratch of one core.
type turner struct {
	x, y, a, b []float32
	ws         kernel.Workspace
}

// move is p -= rate moveRMS sqrt(max(rows, cols)) orthogonal((1-momentum) g + momentum m),
// with m = momentum m + (1-momentum) g. A gradient that fades out of sight, below
// leastNorm in length, moves nothing.
func (t *turner) move(mat matrix, p, grads, m, ema []float32, momentum float64, h kernel.AdamWStep, k *kernel.Set) {
	n := mat.size()
	t.x, t.y = room(t.x, n), room(t.y, n)
	scale, keep, take := float32(h.GradScale), float32(momentum), float32(1-momentum)
	for i, g := range grads {
		g *= scale
		m[i] += take * (g - m[i])
		t.x[i] = g + keep*(m[i]-g)
	}
	norm := math.Sqrt(k.SumSq(t.x))
	k.Scale(t.x, t.x, float32(1/(norm+leastNorm)))
	t.orthogonalise(mat, k)
	step := float32(h.LR * moveRMS * math.Sqrt(float64(max(mat.rows, mat.cols))))
	shrink, toward := float32(1-h.LR*h.Decay), float32(1-h.EMADecay)
	for i, o := range t.x {
		p[i] = shrink*p[i] - step*o
	}
	for i := range ema {
		ema[i] += toward * (p[i] - ema[i])
	}
}

// orthogonalise takes t.x towards the nearest matrix whose singular values are
// all 1 by the iteration X = c0 X + c1 (XX')X + c2 (XX')^2 X, on the shorter side.
func (t *turner) orthogonalise(m matrix, k *kernel.Set) {
	r, c, wide := m.rows, m.cols, m.rows <= m.cols
	s := min(r, c)
	t.a, t.b = room(t.a, s*s), room(t.b, s*s)
	for range iterations {
		if wide {
			k.Gemm(false, true, r, r, c, t.x, c, t.x, c, false, t.a, r, &t.ws)
		} else {
			k.Gemm(true, false, c, c, r, t.x, c, t.x, c, false, t.a, c, &t.ws)
		}
		k.Gemm(false, false, s, s, s, t.a, s, t.a, s, false, t.b, s, &t.ws)
		k.Scale(t.b, t.b, quintic[2])
		k.AddScaled(t.b, quintic[1], t.a)
		for i := range s {
			t.b[i*s+i] += quintic[0]
		}
		if wide {
			k.Gemm(false, false, r, c, r, t.b, r, t.x, c, false, t.y, c, &t.ws)
		} else {
			k.Gemm(false, false, r, c, c, t.x, c, t.b, c, false, t.y, c, &t.ws)
		}
		t.x, t.y = t.y, t.x
	}
}

// room is a slice of n numbers, s where it is long enough.
func room(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
