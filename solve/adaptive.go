package solve

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"laminar/flow"
	"laminar/tensor"
)

// rowControl is the state of the rows that an adaptive solution still moves.
// They are kept compact: entry a of every slice and row a of every matrix
// belong to the active row a, which is row index[a] of the problem.
type rowControl[T tensor.Float] struct {
	index []int32
	t, h  []float64
	next  []float64 // the step proposed before it was cut to reach a grid time
	err   []float64 // error ratio of the last accepted step, for the PI control
	tries []int
	retry []bool // the last step was rejected
	at    []float64
	order []int32
	x, y  tensor.Matrix[T] // start and end of the step
	// Rows of one time, gathered for fields that are not flow.RowTimed.
	gatherX, gatherU tensor.Matrix[T]

	// What each row of the problem carries from one grid interval to the next.
	u           tensor.Matrix[T] // velocity
	step, ratio []float64
	nfe         []int
}

// Step control after Hairer, Norsett, Wanner, Solving ODEs I, II.4: the next
// step is the last one times safety err^(-0.7/q) lastErr^(0.4/q) (PI control,
// q the order of the error estimate plus one), never less than shrink nor more
// than grow times as long.
const (
	safety = 0.9
	shrink = 0.2
	grow   = 10
	// minStep is the shortest step as a share of the whole interval.
	minStep = 1e-12
)

// adaptive solves every row by its own steps.
func (s *Solver[T]) adaptive(ctx context.Context, f flow.FieldOf[T], x tensor.Matrix[T], cost int, visit func(float64) bool) (Stats, error) {
	r := &s.rows
	n := x.N
	r.x, r.y, r.u = resize(r.x, n, x.D), resize(r.y, n, x.D), resize(r.u, n, x.D)
	r.index, r.order = grown(r.index, n), grown(r.order, n)
	for _, p := range []*[]float64{&r.t, &r.h, &r.next, &r.err, &r.at, &r.step, &r.ratio} {
		*p = grown(*p, n)
	}
	r.tries, r.nfe, r.retry = grown(r.tries, n), grown(r.nfe, n), grown(r.retry, n)
	clear(r.tries)
	start, span := s.times[0], s.times[len(s.times)-1]-s.times[0]
	if err := s.firstSteps(f, x, start, span); err != nil {
		return s.last, err
	}
	var taken, rejected int
	settle := func() {
		total, most := 0, 0
		for _, e := range r.nfe {
			total, most = total+e*cost, max(most, e*cost)
		}
		s.last = Stats{
			NFE: float64(total) / float64(n), MaxNFE: most,
			Steps: float64(taken) / float64(n), Rejected: float64(rejected) / float64(n),
		}
	}
	for g := 1; g < len(s.times); g++ {
		end := s.times[g]
		s.activate(x, s.times[g-1])
		for len(r.index) > 0 {
			if err := ctx.Err(); err != nil {
				settle()
				return s.last, err
			}
			ok, no, err := s.attempt(f, x, end, span)
			taken, rejected = taken+ok, rejected+no
			if err != nil {
				settle()
				return s.last, err
			}
		}
		if visit != nil && !visit(end) {
			break
		}
	}
	settle()
	return s.last, nil
}

// firstSteps evaluates the field at the start of every row of x and
// proposes each row's first step as in Hairer, Norsett, Wanner (II.4), at the
// cost of a second evaluation.
func (s *Solver[T]) firstSteps(f flow.FieldOf[T], x tensor.Matrix[T], t0, span float64) error {
	r := &s.rows
	if row := firstBad(x); row >= 0 {
		return fmt.Errorf("%w: row %d is no finite number at the start, t=%.6g", flow.ErrDiverged, row, t0)
	}
	k0, k1 := r.u, s.k[1]
	if err := f.Velocity(k0, x, t0); err != nil {
		return err
	}
	if row := firstBad(k0); row >= 0 {
		return fmt.Errorf("%w: the velocity of row %d is no finite number at the start, t=%.6g", flow.ErrDiverged, row, t0)
	}
	for i := range x.N {
		xi, ki := x.Row(i), k0.Row(i)
		d0, d1 := s.norm(xi, xi, xi), s.norm(ki, xi, xi)
		h := 1e-6
		if d0 >= 1e-5 && d1 >= 1e-5 {
			h = 0.01 * d0 / d1
		}
		h = min(h, math.Abs(span))
		r.step[i] = math.Copysign(h, span)
		r.at[i] = t0 + r.step[i]
		addScaled(s.stage.Row(i), xi, T(r.step[i]), ki)
		r.ratio[i] = 1
		r.nfe[i] = 2
	}
	if err := s.velocityAt(f, k1, s.stage, r.at, nil); err != nil {
		return err
	}
	q := float64(s.method.Order)
	for i := range x.N {
		xi, ki, kn := x.Row(i), k0.Row(i), k1.Row(i)
		h := math.Abs(r.step[i])
		for j := range kn {
			kn[j] -= ki[j]
		}
		d := max(s.norm(ki, xi, xi), s.norm(kn, xi, xi)/h)
		h1 := max(1e-6, h*1e-3)
		if d > 1e-15 {
			h1 = math.Pow(0.01/d, 1/q)
		}
		h = min(100*h, h1, math.Abs(span))
		if !finite(h) || h == 0 {
			h = 1e-6 * math.Abs(span)
		}
		r.step[i] = math.Copysign(h, span)
	}
	return nil
}

// activate makes every row of x active at time t.
func (s *Solver[T]) activate(x tensor.Matrix[T], t float64) {
	r := &s.rows
	n := x.N
	r.index, r.t, r.h, r.next, r.err = r.index[:n], r.t[:n], r.h[:n], r.next[:n], r.err[:n]
	r.retry = r.retry[:n]
	copy(r.x.Data, x.Data)
	copy(s.k[0].Data, r.u.Data)
	for i := range n {
		r.index[i], r.t[i] = int32(i), t
		r.h[i], r.next[i] = r.step[i], r.step[i]
		r.err[i], r.retry[i] = r.ratio[i], false
	}
}

// attempt tries one step of every active row, accepts or rejects each by its own
// error, and writes the rows that reached end into x.
func (s *Solver[T]) attempt(f flow.FieldOf[T], x tensor.Matrix[T], end, span float64) (taken, rejected int, err error) {
	m, r := s.method.Tableau, &s.rows
	n := len(r.index)
	for a := range n {
		r.h[a] = r.next[a]
		if left := end - r.t[a]; math.Abs(r.h[a]) >= math.Abs(left)*(1-1e-10) {
			r.h[a] = left
		}
	}
	last := len(m.C) - 1
	for i := 1; i <= last; i++ {
		to := s.stage
		if i == last {
			to = r.y // FSAL: the last stage is evaluated at the step's end
		}
		s.combineRows(to, n, m.A[i])
		for a := range n {
			r.at[a] = r.t[a] + m.C[i]*r.h[a]
		}
		if err := s.velocityAt(f, s.k[i].Rows(0, n), to.Rows(0, n), r.at[:n], r.index); err != nil {
			return 0, 0, err
		}
	}
	q := float64(s.method.Order) // the embedded method's order, plus one
	kept := 0
	for a := range n {
		row := int(r.index[a])
		r.nfe[row] += last
		r.tries[row]++
		ratio := s.errorRatio(a)
		if !(ratio <= 1) { // NaN and Inf included
			rejected++
			factor := shrink
			if finite(ratio) {
				factor = max(shrink, safety*math.Pow(ratio, -1/q))
			}
			r.next[a] = r.h[a] * factor
			r.retry[a] = true
			if math.Abs(r.next[a]) < minStep*math.Abs(span) || r.t[a]+r.next[a] == r.t[a] {
				return taken, rejected, fmt.Errorf("%w: row %d at t=%.6g: %s finds no step short enough (error %.3g times the tolerance); the field may be infinite or discontinuous there",
					flow.ErrDiverged, row, r.t[a], s.method.Name, ratio)
			}
			if err := s.outOfTries(a); err != nil {
				return taken, rejected, err
			}
			s.keep(kept, a, false)
			kept++
			continue
		}
		taken++
		ratio = max(ratio, 1e-10)
		factor := min(grow, max(shrink, safety*math.Pow(ratio, -0.7/q)*math.Pow(r.err[a], 0.4/q)))
		if r.retry[a] {
			factor = min(factor, 1)
		}
		proposal := r.h[a] * factor
		if r.h[a] != r.next[a] && !r.retry[a] && math.Abs(proposal) < math.Abs(r.next[a]) {
			// The step was cut to land on end: that says nothing about the next.
			proposal, ratio = r.next[a], r.err[a]
		}
		r.err[a] = max(ratio, 1e-4)
		if r.h[a] == end-r.t[a] {
			copy(x.Row(row), r.y.Row(a))
			copy(r.u.Row(row), s.k[last].Row(a))
			r.step[row], r.ratio[row] = proposal, r.err[a]
			continue
		}
		r.t[a] += r.h[a]
		r.next[a] = proposal
		r.retry[a] = false
		if err := s.outOfTries(a); err != nil {
			return taken, rejected, err
		}
		s.keep(kept, a, true)
		kept++
	}
	r.index, r.t, r.h, r.next = r.index[:kept], r.t[:kept], r.h[:kept], r.next[:kept]
	r.err, r.retry = r.err[:kept], r.retry[:kept]
	return taken, rejected, nil
}

// keep moves the active row a to place b <= a, at the end of its step or, if
// that was rejected, at its start.
func (s *Solver[T]) keep(b, a int, accepted bool) {
	r := &s.rows
	x, u := r.x, s.k[0]
	if accepted {
		x, u = r.y, s.k[len(s.k)-1]
	}
	if accepted || a != b {
		copy(r.x.Row(b), x.Row(a))
		copy(s.k[0].Row(b), u.Row(a))
	}
	r.index[b], r.t[b], r.next[b] = r.index[a], r.t[a], r.next[a]
	r.err[b], r.retry[b] = r.err[a], r.retry[a]
}

// outOfTries returns an error when the active row a may try no further step.
func (s *Solver[T]) outOfTries(a int) error {
	r := &s.rows
	row := int(r.index[a])
	if r.tries[row] < s.cfg.MaxSteps {
		return nil
	}
	return fmt.Errorf("%w: row %d is at t=%.6g after max_steps=%d steps of %s; loosen rtol and atol, or allow more steps",
		flow.ErrDiverged, row, r.t[a], s.cfg.MaxSteps, s.method.Name)
}

// combineRows writes x + h sum_j a[j] k[j] of the first n active rows, each with
// its own h, into dst.
func (s *Solver[T]) combineRows(dst tensor.Matrix[T], n int, a []float64) {
	r, from, d := &s.rows, s.rows.x.Data, dst.D
	for j, aj := range a {
		if aj == 0 {
			continue
		}
		to, k := dst.Data[:n*d], s.k[j].Data[:n*d]
		from = from[:n*d]
		for i, h := range r.h[:n] {
			c := T(h * aj)
			for p := i * d; p < (i+1)*d; p++ {
				to[p] = from[p] + c*k[p]
			}
		}
		from = dst.Data
	}
}

// errorRatio returns the estimated error of active row a's step over its
// tolerance, or a number that is not finite when the step itself is not.
func (s *Solver[T]) errorRatio(a int) float64 {
	r, e := &s.rows, s.stage.Row(a) // the stage point is no longer needed
	clear(e)
	for j, w := range s.method.Tableau.E {
		if w != 0 {
			addScaled(e, e, T(r.h[a]*w), s.k[j].Row(a))
		}
	}
	for _, v := range r.y.Row(a) {
		if v-v != 0 {
			return math.NaN()
		}
	}
	return s.norm(e, r.x.Row(a), r.y.Row(a))
}

// norm returns the root mean square of v over the tolerance at x and y. The
// sum runs in float64 in the order of the coordinates.
func (s *Solver[T]) norm(v, x, y []T) float64 {
	var sum float64
	for j := range v {
		scale := s.cfg.ATol + s.cfg.RTol*max(math.Abs(float64(x[j])), math.Abs(float64(y[j])))
		if e := float64(v[j]); e != 0 {
			sum += e / scale * (e / scale)
		}
	}
	return math.Sqrt(sum / float64(len(v)))
}

// velocityAt evaluates f at each row's own time; rows names the rows of the
// problem that x holds, nil all of them.
func (s *Solver[T]) velocityAt(f flow.FieldOf[T], dst, x tensor.Matrix[T], t []float64, rows []int32) error {
	if rt, ok := f.(flow.RowTimed[T]); ok {
		return rt.VelocityAt(dst, x, t, rows)
	}
	r := &s.rows
	order := r.order[:len(t)]
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(t[a], t[b]) })
	for lo := 0; lo < len(order); {
		hi := lo + 1
		for hi < len(order) && t[order[hi]] == t[order[lo]] {
			hi++
		}
		if hi-lo == len(order) {
			return f.Velocity(dst, x, t[0])
		}
		r.gatherX, r.gatherU = resize(r.gatherX, hi-lo, x.D), resize(r.gatherU, hi-lo, x.D)
		for i, a := range order[lo:hi] {
			copy(r.gatherX.Row(i), x.Row(int(a)))
		}
		if err := f.Velocity(r.gatherU, r.gatherX, t[order[lo]]); err != nil {
			return err
		}
		for i, a := range order[lo:hi] {
			copy(dst.Row(int(a)), r.gatherU.Row(i))
		}
		lo = hi
	}
	return nil
}

// grown returns s with length n, on its memory if that is large enough.
func grown[E any](s []E, n int) []E {
	if cap(s) < n {
		return make([]E, n)
	}
	return s[:n]
}
