// Package lap solves optimal transport exactly: the linear assignment problem
// between two sets of n points,
//
//	min over bijections s of  sum_i c(i, s(i)),
//
// and the transport problem between any two sets of weighted points,
//
//	min sum_ij P_ij c_ij   with   sum_j P_ij = a_i, sum_i P_ij = b_j, P >= 0.
//
// The smallest example:
//
//	var s lap.Solver
//	match := make([]int32, x0.N)
//	res, err := s.AssignPoints(x0, x1, lap.SqEuclidean, match)
//	// row i of x0 belongs with row match[i] of x1; the cost is res.Cost
//
// # How an assignment is found
//
// Prices p_j on the columns nearly solve the dual problem after an auction with
// epsilon-scaling (Bertsekas 1988, 1992): each row in turn bids for the column
// where c_ij + p_j is least. Nearly all the time of a solve is spent scanning
// rows for the two least of these sums, in float32, 16 or 8 columns at once.
// From there the finish is exact, in float64, after Jonker and Volgenant (1987):
// bids without epsilon build a partial assignment that satisfies complementary
// slackness, and each row that is left is assigned along a shortest augmenting
// path. An auction that stops early costs time and never the optimum.
//
// Every answer is certified. With v_j the columns' duals and u_i = min_j (c_ij -
// v_j), the sum of u and v bounds the cost of every bijection from below, and
// the answer exceeds that bound by at most Tolerance, relative to its scale.
// Were it otherwise, a plain solver (shortest augmenting paths in scalar
// float64, Crouse 2016) would take over, and its answer be certified likewise.
//
// # How a transport plan is found
//
// By the network simplex on the complete bipartite graph (for its use in
// optimal transport see Bonneel et al. 2011), with a block search for the
// entering arc and strongly feasible trees, which cannot cycle (Cunningham
// 1976). Masses are whole numbers inside, so that no rounding spoils a
// degenerate pivot; costs are float64.
//
// # What it does not do
//
// It does not approximate (no entropy), does not use more than one core, does
// not match sets of unequal size by leaving points out, and holds all n x n
// costs in memory. Everything depends on its arguments alone: the same costs
// give the same bits on every machine and with every kernel set.
//
// # References
//
//   - D. P. Bertsekas, The auction algorithm: a distributed relaxation method
//     for the assignment problem, Annals of Operations Research 14, 1988
//   - D. P. Bertsekas, Auction algorithms for network flow problems: a tutorial
//     introduction, Computational Optimization and Applications 1, 1992
//   - R. Jonker, A. Volgenant, A shortest augmenting path algorithm for dense
//     and sparse linear assignment problems, Computing 38, 1987
//   - D. F. Crouse, On implementing 2D rectangular assignment algorithms, IEEE
//     Transactions on Aerospace and Electronic Systems 52, 2016
//   - W. H. Cunningham, A network simplex method, Mathematical Programming 11,
//     1976
//   - N. Bonneel, M. van de Panne, S. Paris, W. Heidrich, Displacement
//     interpolation using Lagrangian mass transport, ACM Transactions on
//     Graphics 30, 2011
package lap
