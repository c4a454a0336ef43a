// Package ot holds optimal transport beyond exact assignment (package lap):
// with entropy, with marginals that may be left, with a part of the mass, and
// between a distribution and a stored set of points.
//
// [Sinkhorn] finds the entropic plan (Cuturi 2013) and its unbalanced kin
// (Chizat et al. 2018),
//
//	min_P <P, C> + eps KL(P | a b') + rho KL(P 1 | a) + rho KL(P' 1 | b),
//
// where rho = +Inf holds the marginals exactly. It scales a kernel that is
// rebuilt from the potentials whenever the scalings grow large (Schmitzer
// 2019), so that no epsilon underflows.
//
//	var s ot.Sinkhorn
//	res, err := s.Solve(cost, a, b, ot.SinkhornDefaults(0.1))
//	s.Plan(p) // p[i*len(b)+j], of marginals a and b
//
// [Rounder] turns a plan into whole pairs whose expectation is the plan and
// whose counts in every row and column are its sums rounded up or down
// (dependent rounding, Gandhi et al. 2006).
//
// [Partial] is the exact plan of a given part of the mass (Caffarelli, McCann
// 2010; by a dummy point as in Chapel et al. 2020).
//
// [Semidiscrete] learns the potential g of a stored set of points for which the
// cells { x : j = argmin c(x, y_j) - g_j } have equal mass under a distribution
// (Genevay et al. 2016), and finds the cell of a point.
//
// Everything depends on its arguments alone, and on the kernel set.
package ot
