package ot

import (
	"fmt"
	"math"

	"laminar/internal/lap"
	"laminar/tensor"
)

// Partial finds the plan of least cost that carries exactly the mass m from a to
// b, where no point gives or takes more than it has:
//
//	min sum_ij P_ij c_ij   with  P 1 <= a, P' 1 <= b, 1' P 1 = m, P >= 0
//
// A dummy point on either side takes what stays, at no cost; the two dummies are
// kept apart by a cost above all others. Costs are at least 0, for otherwise
// more mass than m would want to go. The error wraps tensor.ErrShape, or
// lap.ErrCost when a number is not usable or m is not above 0 and at most the
// smaller of the two masses.
func Partial(cost, a, b []float64, m float64) (lap.Plan, error) {
	if len(cost) != len(a)*len(b) {
		return lap.Plan{}, fmt.Errorf("%w: %d costs for %d sources and %d sinks", tensor.ErrShape, len(cost), len(a), len(b))
	}
	var totalA, totalB, most float64
	for _, v := range a {
		totalA += v
	}
	for _, v := range b {
		totalB += v
	}
	if !(m > 0 && m <= min(totalA, totalB)*(1+1e-12)) {
		return lap.Plan{}, fmt.Errorf("%w: the mass %v is not in (0, %v]", lap.ErrCost, m, min(totalA, totalB))
	}
	for k, c := range cost {
		if !(c >= 0) || math.IsInf(c, 0) {
			return lap.Plan{}, fmt.Errorf("%w: the cost of row %d, column %d is %v; costs of partial transport are at least 0", lap.ErrCost, k/len(b), k%len(b), c)
		}
		most = max(most, c)
	}
	n := len(b) + 1
	wide := make([]float64, 0, (len(a)+1)*n)
	for i := range a {
		wide = append(append(wide, cost[i*len(b):(i+1)*len(b)]...), 0)
	}
	wide = append(wide, make([]float64, len(b))...)
	wide = append(wide, 2*most+1)
	plan, err := lap.Transport(wide, append(append([]float64(nil), a...), max(totalB-m, 0)), append(append([]float64(nil), b...), max(totalA-m, 0)))
	if err != nil {
		return plan, err
	}
	real := plan.Flows[:0]
	for _, f := range plan.Flows {
		if int(f.I) < len(a) && int(f.J) < len(b) {
			real = append(real, f)
		}
	}
	plan.Flows = real
	plan.U, plan.V = plan.U[:len(a)], plan.V[:len(b)]
	return plan, nil
}
