package coupling

import (
	"sync"

	"laminar/flow"
	"laminar/internal/lap"
	"laminar/rng"
	"laminar/tensor"
)

// OT is the exact optimal transport between the rows of x0 and of x1: a
// bijection, optimal for the float32 costs of the centred points. Its choice
// among ties depends on the points alone. It is safe for concurrent use and
// allocates nothing once warm.
//
// Conditions are not looked at: within a batch each row of data keeps its own,
// but the noise that goes with a condition is then no longer N(0, I), while
// sampling draws it so. Conditional is the remedy.
type OT struct {
	metric  lap.Metric
	solvers sync.Pool // of *lap.Solver
}

// NewOT returns the coupling of the cost "sqeuclidean" or "l2".
func NewOT(cost string) (*OT, error) {
	if err := (Config{Name: "ot", Cost: cost}).validate(); err != nil {
		return nil, err
	}
	return newOT(cost), nil
}

func newOT(cost string) *OT {
	return &OT{metric: costs[cost], solvers: sync.Pool{New: func() any { return new(lap.Solver) }}}
}

// Pair is the method of flow.Pairer. The error wraps flow.ErrShape, or
// flow.ErrFormat when a coordinate is not finite.
func (o *OT) Pair(dst *flow.Pairs, x0, x1 tensor.Mat, _ flow.Cond, _ rng.Key) error {
	start(dst, x0.N)
	s := o.solvers.Get().(*lap.Solver)
	defer o.solvers.Put(s)
	_, err := s.AssignPoints(x0, x1, o.metric, dst.J)
	return told("optimal transport", err)
}
