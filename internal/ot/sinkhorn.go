package ot

import (
	"errors"
	"fmt"
	"math"

	"laminar/internal/kernel"
	"laminar/tensor"
)

// ErrNumber is wrapped by errors about costs, masses and settings that are not
// numbers in their range.
var ErrNumber = errors.New("not a usable number")

// SinkhornConfig sets the problem and when to stop. Start from
// SinkhornDefaults.
type SinkhornConfig struct {
	// Epsilon weighs the entropy, in units of the cost; above 0.
	Epsilon float64
	// Penalty is rho, the weight of each marginal's divergence, in units of the
	// cost; +Inf holds the marginals.
	Penalty float64
	// Tolerance ends the iteration when the rows' sums change by less than this
	// part of the mass; 0 runs all of MaxIter.
	Tolerance float64
	// MaxIter is the largest number of iterations, at least 1.
	MaxIter int
}

// SinkhornDefaults returns the balanced problem, to 1e-5 of the mass within
// 1000 iterations.
func SinkhornDefaults(epsilon float64) SinkhornConfig {
	return SinkhornConfig{Epsilon: epsilon, Penalty: math.Inf(1), Tolerance: 1e-5, MaxIter: 1000}
}

// SinkhornResult tells how a solve went.
type SinkhornResult struct {
	// F and G are the potentials: P_ij = a_i b_j exp((F_i + G_j - C_ij)/eps).
	// They are the solver's memory, valid until its next solve.
	F, G       []float64
	Iterations int
	// Error is the last change of the rows' sums, as a part of the mass.
	Error float64
	// Rebuilt counts how often the kernel was rebuilt from the potentials.
	Rebuilt int
}

// Sinkhorn solves entropic transport. The zero value is ready, on the best
// kernels; a second solve of the same size allocates nothing. A Sinkhorn is not
// safe for concurrent use.
type Sinkhorn struct {
	Kernels *kernel.Set

	cost   []float32
	a, b   []float64
	eps    float64
	k      []float32 // exp((f_i + g_j - c_ij)/eps)
	f, g   []float64
	u, v   []float32 // scalings since the last rebuild
	au, bv []float32 // times the masses
	fs, gs []float32 // (lambda-1) f/eps, of the unbalanced problem
	sum    []float32
	col    []float32
	total  []float64
	ws     kernel.Workspace
}

func grow[T any](s *[]T, n int) []T {
	if cap(*s) < n {
		*s = make([]T, n)
	}
	*s = (*s)[:n]
	return *s
}

const (
	// rowBlock rows of the kernel are scaled together, while they are in the
	// nearest caches: the sums of the rows and their part of the columns' sums
	// come from one pass over memory.
	rowBlock = 16
	// sumBlock rows are added in float32 before float64 takes over.
	sumBlock = 256
	// largest is the size of a scaling at which it is taken into the potentials.
	largest = 1e12
	// least is what an entry of the kernel must have to be one: less is nothing
	// even under the largest scalings on both sides, and its products would be
	// denormal, with which some processors are a hundred times slower.
	least = 1e-30
)

// Solve finds the potentials of the plan between the masses a and b for the
// costs cost[i*len(b)+j]. a and b are positive; a balanced problem needs equal
// sums. cost is read by Plan as well and must not change before. The error wraps
// tensor.ErrShape, or ErrNumber when a number is not finite or out of range.
func (s *Sinkhorn) Solve(cost []float32, a, b []float64, c SinkhornConfig) (SinkhornResult, error) {
	n, m := len(a), len(b)
	if len(cost) != n*m || n == 0 || m == 0 {
		return SinkhornResult{}, fmt.Errorf("%w: %d costs for %d sources and %d sinks", tensor.ErrShape, len(cost), n, m)
	}
	if !(c.Epsilon > 0) || math.IsInf(c.Epsilon, 0) || !(c.Penalty > 0) || !(c.Tolerance >= 0) || c.MaxIter < 1 {
		return SinkhornResult{}, fmt.Errorf("%w: epsilon %v and penalty %v must be above 0, tolerance %v at least 0, %d iterations at least 1", ErrNumber, c.Epsilon, c.Penalty, c.Tolerance, c.MaxIter)
	}
	mass, err := sums(a, b, math.IsInf(c.Penalty, 1))
	if err != nil {
		return SinkhornResult{}, err
	}
	if s.Kernels == nil {
		s.Kernels = kernel.Best()
	}
	s.cost, s.eps = cost, c.Epsilon
	s.a, s.b = append(s.a[:0], a...), append(s.b[:0], b...)
	grow(&s.k, n*m)
	grow(&s.u, n)
	grow(&s.v, m)
	grow(&s.au, n)
	grow(&s.bv, m)
	grow(&s.fs, n)
	grow(&s.gs, m)
	grow(&s.sum, max(n, m))
	grow(&s.col, m)
	grow(&s.total, m)
	lambda := 1.0
	if !math.IsInf(c.Penalty, 1) {
		lambda = c.Penalty / (c.Penalty + c.Epsilon)
	}
	if err := s.start(lambda); err != nil {
		return SinkhornResult{}, err
	}
	s.rebuild(lambda)
	r := SinkhornResult{Error: math.Inf(1)}
	for r.Iterations < c.MaxIter {
		r.Iterations++
		r.Error = s.iterate(lambda) / mass
		if s.large() {
			s.rebuild(lambda)
			r.Rebuilt++
		}
		if r.Error <= c.Tolerance {
			break
		}
	}
	s.rebuild(lambda) // the potentials are whole
	r.F, r.G = s.f, s.g
	return r, nil
}

func sums(a, b []float64, balanced bool) (float64, error) {
	var total [2]float64
	for k, x := range [2][]float64{a, b} {
		for i, v := range x {
			if !(v > 0) || math.IsInf(v, 0) {
				return 0, fmt.Errorf("%w: mass %d of side %d is %v; masses must be above 0", ErrNumber, i, k, v)
			}
			total[k] += v
		}
	}
	if balanced && !(math.Abs(total[0]-total[1]) <= 1e-6*total[0]) {
		return 0, fmt.Errorf("%w: the masses sum to %v and %v; they must be equal", ErrNumber, total[0], total[1])
	}
	return total[0], nil
}

// start sets potentials under which every row and every column of the kernel
// holds a 1 and nothing above: those of a feasible dual of the exact problem.
func (s *Sinkhorn) start(lambda float64) error {
	n, m := len(s.a), len(s.b)
	grow(&s.f, n)
	grow(&s.g, m)
	for j := range s.g {
		s.g[j] = math.Inf(1)
	}
	for i := range n {
		row := s.cost[i*m : (i+1)*m]
		least := float32(math.Inf(1))
		for j, c := range row {
			if c-c != 0 {
				return fmt.Errorf("%w: the cost of row %d, column %d is %v", ErrNumber, i, j, c)
			}
			least = min(least, c)
		}
		s.f[i] = lambda * float64(least)
		for j, c := range row {
			s.g[j] = min(s.g[j], float64(c)-s.f[i])
		}
	}
	for j := range s.g {
		s.g[j] *= lambda
	}
	for i := range s.u {
		s.u[i] = 1
	}
	for j := range s.v {
		s.v[j] = 1
	}
	return nil
}

// rebuild takes the scalings into the potentials and computes the kernel anew.
func (s *Sinkhorn) rebuild(lambda float64) {
	n, m := len(s.a), len(s.b)
	for i, u := range s.u {
		s.f[i] += s.eps * math.Log(float64(u))
		s.fs[i] = float32((lambda - 1) * s.f[i] / s.eps)
		s.u[i] = 1
	}
	for j, v := range s.v {
		s.g[j] += s.eps * math.Log(float64(v))
		s.gs[j] = float32((lambda - 1) * s.g[j] / s.eps)
		s.v[j] = 1
		s.bv[j] = float32(s.b[j])
	}
	inv := 1 / s.eps
	for i := range n {
		row, out, f := s.cost[i*m:(i+1)*m], s.k[i*m:(i+1)*m], s.f[i]
		g := s.g[:len(row)]
		out = out[:len(row)]
		for j, c := range row {
			out[j] = float32((f + g[j] - float64(c)) * inv)
		}
		s.Kernels.Exp(out, out)
		for j, k := range out {
			if k < least {
				out[j] = 0
			}
		}
	}
}

// iterate scales the rows, then the columns, and returns the change of the rows'
// sums.
func (s *Sinkhorn) iterate(lambda float64) (change float64) {
	n, m := len(s.a), len(s.b)
	k := s.Kernels
	clear(s.total)
	clear(s.col)
	for lo := 0; lo < n; lo += rowBlock {
		hi := min(lo+rowBlock, n)
		sum := s.sum[:hi-lo]
		for i := lo; i < hi; i++ {
			sum[i-lo] = float32(k.Dot(s.k[i*m:(i+1)*m], s.bv))
		}
		s.scaling(sum, s.fs[lo:hi], lambda)
		for i := lo; i < hi; i++ {
			u := sum[i-lo]
			change += s.a[i] * math.Abs(float64(u-s.u[i])) / float64(u)
			s.u[i] = u
			s.au[i] = float32(s.a[i]) * u
		}
		k.Gemm(false, false, 1, m, hi-lo, s.au[lo:hi], hi-lo, s.k[lo*m:hi*m], m, true, s.col, m, &s.ws)
		if hi%sumBlock == 0 || hi == n {
			for j, c := range s.col {
				s.total[j] += float64(c)
			}
			clear(s.col)
		}
	}
	sum := s.sum[:m]
	for j, t := range s.total {
		sum[j] = float32(t)
	}
	s.scaling(sum, s.gs, lambda)
	for j, v := range sum {
		s.v[j] = v
		s.bv[j] = float32(s.b[j]) * v
	}
	return change
}

// scaling turns sums of the kernel into scalings: 1/sum where the marginals
// hold, else sum^-lambda exp((lambda-1) f/eps).
func (s *Sinkhorn) scaling(sum, shift []float32, lambda float64) {
	for i, x := range sum {
		sum[i] = max(x, 1e-20) // what underflowed is raised and soon rebuilt
	}
	if lambda == 1 {
		for i, x := range sum {
			sum[i] = 1 / x
		}
		return
	}
	s.Kernels.Log(sum, sum)
	s.Kernels.Scale(sum, sum, float32(-lambda))
	s.Kernels.Add(sum, sum, shift)
	for i, x := range sum {
		sum[i] = min(max(x, -50), 50)
	}
	s.Kernels.Exp(sum, sum)
}

func (s *Sinkhorn) large() bool {
	for _, x := range [2][]float32{s.u, s.v} {
		for _, v := range x {
			if v > largest || v < 1/largest {
				return true
			}
		}
	}
	return false
}

// Plan writes the plan of the last solve, P_ij = a_i b_j exp((F_i + G_j -
// C_ij)/eps), to dst[i*len(b)+j]. If the marginals hold, the sums of its columns,
// which were scaled last, are exact to rounding, those of the rows to the result's
// Error.
func (s *Sinkhorn) Plan(dst []float32) {
	m := len(s.b)
	for j, v := range s.b {
		s.bv[j] = float32(v)
	}
	for i, a := range s.a {
		row := dst[i*m : (i+1)*m]
		s.Kernels.Mul(row, s.k[i*m:(i+1)*m], s.bv)
		s.Kernels.Scale(row, row, float32(a))
	}
}

// Cost returns the sum of P_ij C_ij and of P_ij under the plan of the last
// solve.
func (s *Sinkhorn) Cost() (cost, mass float64) {
	m := len(s.b)
	for i, a := range s.a {
		for j, b := range s.b {
			p := a * b * float64(s.k[i*m+j])
			mass += p
			cost += p * float64(s.cost[i*m+j])
		}
	}
	return cost, mass
}
