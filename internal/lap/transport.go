package lap

import (
	"fmt"
	"math"

	"laminar/tensor"
)

// MassTolerance is the largest relative difference of the two total masses
// that Transport accepts.
const MassTolerance = 1e-6

// Flow is mass that goes from source I to sink J.
type Flow struct {
	I, J int32
	Mass float64
}

// Plan is an optimal transport plan with the proof that it is optimal:
// U[i]+V[j] <= cost[i][j] for all i and j of positive mass, and the dual value
// sum_i a_i U[i] + sum_j b_j V[j] is Cost to within Gap*Scale.
type Plan struct {
	// Flows holds the pairs that carry mass, by I and then J; fewer than m+n.
	Flows []Flow
	// Cost is the sum of Mass times cost.
	Cost float64
	// U and V are the duals; 0 for a point without mass.
	U, V []float64
	// Gap is (Cost - dual value) / Scale; at most Tolerance.
	Gap float64
	// Scale is the larger of the sum of Mass times |cost| and the total mass
	// times the width of the range of the costs.
	Scale float64
}

// Transport finds the plan of least cost that carries the masses a to the
// masses b, where cost[i*len(b)+j] is the cost of a unit of mass from i to j:
//
//	min sum_ij P_ij c_ij   with   sum_j P_ij = a_i, sum_i P_ij = b_j, P >= 0
//
// Masses need not sum to 1; if the two sums differ, by at most MassTolerance,
// b is scaled to a's. Points of mass 0 are left out. The plan's marginals
// agree with a and b to about 1e-16 of the total.
//
// Equal numbers of equal masses are solved as an assignment, everything else
// by the network simplex. The error wraps tensor.ErrShape for sizes that do not
// fit, and ErrCost for a cost or mass that is NaN or infinite, a negative mass,
// no mass at all, or sums that differ.
func Transport(cost, a, b []float64) (Plan, error) {
	m, n := len(a), len(b)
	if len(cost) != m*n {
		return Plan{}, fmt.Errorf("%w: %d costs for %d sources and %d sinks, want %d", tensor.ErrShape, len(cost), m, n, m*n)
	}
	if m == 0 && n == 0 {
		return Plan{}, nil
	}
	if m+n > math.MaxInt32 {
		return Plan{}, fmt.Errorf("%w: %d sources and %d sinks are too many", tensor.ErrShape, m, n)
	}
	totalA, rows, err := masses("source", a)
	if err != nil {
		return Plan{}, err
	}
	totalB, cols, err := masses("sink", b)
	if err != nil {
		return Plan{}, err
	}
	if d := math.Abs(totalA - totalB); !(d <= MassTolerance*max(totalA, totalB)) {
		return Plan{}, fmt.Errorf("%w: the sources' mass is %g, the sinks' %g; they must be equal, normalise them", ErrCost, totalA, totalB)
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for k, c := range cost {
		if c-c != 0 {
			return Plan{}, fmt.Errorf("%w: the cost of row %d, column %d is %v; costs must be finite", ErrCost, k/n, k%n, c)
		}
		lo, hi = min(lo, c), max(hi, c)
	}
	if len(rows) < m || len(cols) < n { // leave out the points without mass
		kept := make([]float64, 0, len(rows)*len(cols))
		for _, i := range rows {
			for _, j := range cols {
				kept = append(kept, cost[int(i)*n+int(j)])
			}
		}
		cost = kept
	}
	t := tree{cost: cost, m: len(rows), n: len(cols), width: hi - lo}
	var flows []Flow
	if uniform(a, rows) && uniform(b, cols) && t.m == t.n {
		flows = t.assign(totalA / float64(t.m))
	} else if flows, err = t.simplex(units(a, rows, totalA), units(b, cols, totalB), totalA); err != nil {
		return Plan{}, err
	}
	p := t.certify(flows, totalA)
	if !(p.Gap <= Tolerance) {
		return Plan{}, fmt.Errorf("lap: duality gap %.3g of a transport of %d sources to %d sinks exceeds %g; the costs span too many orders of magnitude, rescale them",
			p.Gap, t.m, t.n, Tolerance)
	}
	u, v := make([]float64, m), make([]float64, n)
	for k, i := range rows {
		u[i] = p.U[k]
	}
	for k, j := range cols {
		v[j] = p.V[k]
	}
	p.U, p.V = u, v
	for k, f := range flows {
		flows[k].I, flows[k].J = rows[f.I], cols[f.J]
	}
	return p, nil
}

// masses returns the sum of w and the indices where it is positive.
func masses(what string, w []float64) (total float64, at []int32, err error) {
	for i, x := range w {
		if !(x >= 0) || math.IsInf(x, 1) {
			return 0, nil, fmt.Errorf("%w: the mass of %s %d is %v; masses must be finite and at least 0", ErrCost, what, i, x)
		}
		if x > 0 {
			total += x
			at = append(at, int32(i))
		}
	}
	if len(at) == 0 || math.IsInf(total, 1) {
		return 0, nil, fmt.Errorf("%w: the total mass of the %ss is %g; it must be positive and finite", ErrCost, what, total)
	}
	return total, at, nil
}

func uniform(w []float64, at []int32) bool {
	for _, i := range at {
		if w[i] != w[at[0]] {
			return false
		}
	}
	return true
}

// whole is the total mass in the units of the network simplex. Whole numbers
// make its arithmetic exact, and with it the guarantee that it ends.
const whole = 1 << 61

// units returns the masses as whole numbers, at least 1 each, that sum to whole.
func units(w []float64, at []int32, total float64) []int64 {
	u := make([]int64, len(at))
	left, largest := int64(whole), 0
	for k, i := range at {
		u[k] = max(1, int64(w[i]/total*whole))
		left -= u[k]
		if u[k] > u[largest] {
			largest = k
		}
	}
	u[largest] += left // rounding, about 1e-16 of the total
	return u
}

// certify lowers or raises the sources' duals to u_i = min_j (c_ij - v_j), which
// is feasible whatever v is, and sums the slack of the pairs that carry mass.
func (t *tree) certify(flows []Flow, total float64) Plan {
	u, v := make([]float64, t.m), t.v
	for i := range u {
		u[i] = math.Inf(1)
		for j, c := range t.cost[i*t.n : (i+1)*t.n] {
			u[i] = min(u[i], c-v[j])
		}
	}
	p := Plan{Flows: flows, U: u, V: v}
	var abs, slack float64
	for _, f := range flows {
		c := t.cost[int(f.I)*t.n+int(f.J)]
		p.Cost += f.Mass * c
		abs += f.Mass * math.Abs(c)
		slack += f.Mass * ((c - v[f.J]) - u[f.I])
	}
	p.Scale = max(abs, total*t.width)
	if slack != 0 {
		p.Gap = slack / p.Scale
	}
	return p
}

// assign solves n equal masses to n equal masses: the assignment of the costs
// rounded to float32 gives duals from which few augmenting paths in float64
// are left.
func (t *tree) assign(mass float64) []Flow {
	n := t.n
	t.v = make([]float64, n)
	match := make([]int32, n)
	rounded := make([]float32, n*n)
	mid := t.cost[0]
	for k, c := range t.cost {
		rounded[k] = float32(c - mid)
	}
	var s Solver
	if _, err := s.Assign(rounded, n, match); err == nil {
		copy(t.v, s.v)
	}
	plain(t.cost, n, match, t.v)
	flows := make([]Flow, n)
	for i, j := range match {
		flows[i] = Flow{int32(i), j, mass}
	}
	return flows
}
