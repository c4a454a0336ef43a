// Package coupling decides which noise goes with which data, and makes the
// batches of pairs that a network is trained on.
//
// A coupling is a joint distribution of x0 and x1 with the given marginals. The
// independent one makes lines that cross; optimal transport between the two
// halves of a batch (Pooladian et al. 2023; Tong et al., TMLR 2024) finds the
// bijection p that minimises
//
//	sum_i c(x0_i, x1_p(i)),   c = ||x0 - x1||^2 by default,
//
// whose lines cross little and so need few steps to follow.
//
//	pairer, err := coupling.New(coupling.Defaults()) // exact OT
//	pairs, err := coupling.NewSource(noise, data, pairer)
//	err = pairs.Fill(&batch, key, 17) // batch 17, always the same
//
// Ahead computes the next batches on other goroutines while one is used.
//
// Both couplings are bijections of each batch, so that the marginals stay as
// they are. Optimal transport here does not look at conditions: see the remark
// at OT. Metrics that need transport between clouds of other sizes are not here.
package coupling

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"laminar/flow"
	"laminar/internal/lap"
	"laminar/rng"
	"laminar/tensor"
)

// Config names a coupling. Start from Defaults.
type Config struct {
	// Name is an entry of Catalogue.
	Name string `json:"name"`
	// Cost is what "ot" minimises: "sqeuclidean" or "l2", the distance itself.
	Cost string `json:"cost"`
}

// Defaults returns exact optimal transport of the squared distance.
func Defaults() Config { return Config{Name: "ot", Cost: "sqeuclidean"} }

// Entry describes one item of the catalogue.
type Entry struct{ Name, About string }

var couplings = []struct {
	Entry
	make func(Config) flow.Pairer
}{
	{Entry{"independent", "noise and data as they are drawn"}, func(Config) flow.Pairer { return Independent{} }},
	{Entry{"ot", "exact optimal transport within the batch"}, func(c Config) flow.Pairer { return newOT(c.Cost) }},
}

var costs = map[string]lap.Metric{"sqeuclidean": lap.SqEuclidean, "l2": lap.Euclidean}

// Catalogue lists the couplings.
func Catalogue() []Entry {
	var out []Entry
	for _, c := range couplings {
		out = append(out, c.Entry)
	}
	return out
}

// Validate reports every fault of c, each a *flow.FieldError, joined.
func (c Config) Validate() error {
	_, err := New(c)
	return err
}

// New returns the coupling that c names; the error is that of Validate and lists
// the valid names.
func New(c Config) (flow.Pairer, error) {
	var pairer flow.Pairer
	var faults []error
	var names []string
	_, costKnown := costs[c.Cost]
	if !costKnown {
		faults = append(faults, &flow.FieldError{Path: "cost", Msg: fmt.Sprintf("unknown cost %q; choose one of sqeuclidean, l2", c.Cost)})
	}
	for _, e := range couplings {
		names = append(names, e.Name)
		if e.Name == c.Name && costKnown {
			pairer = e.make(c)
		} else if e.Name == c.Name {
			return nil, errors.Join(faults...)
		}
	}
	if pairer == nil {
		faults = append(faults, &flow.FieldError{Path: "name", Msg: fmt.Sprintf("unknown coupling %q; choose one of %s", c.Name, strings.Join(names, ", "))})
	}
	return pairer, errors.Join(faults...)
}

// identity writes 0 to n-1 into p, on its memory if that is large enough.
func identity(p []int32, n int) []int32 {
	p = p[:0]
	for i := range n {
		p = append(p, int32(i))
	}
	return p
}

// Independent pairs row i with row i: the two were drawn independently.
type Independent struct{}

// Pair is the method of flow.Pairer.
func (Independent) Pair(dst *flow.Pairs, x0, x1 tensor.Mat, _ flow.Cond, _ rng.Key) error {
	if err := x1.Check("x1", x0.N, x0.D); err != nil {
		return err
	}
	dst.I, dst.J = identity(dst.I, x0.N), identity(dst.J, x0.N)
	dst.Weight, dst.Align = nil, nil
	return nil
}

// OT is the exact optimal transport between the rows of x0 and of x1: a
// bijection, optimal for the float32 costs of the centred points. Its choice
// among ties depends on the points alone. It is safe for concurrent use and
// allocates nothing once warm.
//
// Conditions are not looked at: within a batch each row of data keeps its own,
// but the noise that goes with a condition is then no longer N(0, I), while
// sampling draws it so (Cheng, Schwing 2025 name the harm and a remedy).
type OT struct {
	metric  lap.Metric
	solvers sync.Pool // of *lap.Solver
}

// NewOT returns the coupling of the cost "sqeuclidean" or "l2".
func NewOT(cost string) (*OT, error) {
	if err := (Config{Name: "ot", Cost: cost}).Validate(); err != nil {
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
	dst.I, dst.J = identity(dst.I, x0.N), identity(dst.J, x0.N)
	dst.Weight, dst.Align = nil, nil
	s := o.solvers.Get().(*lap.Solver)
	defer o.solvers.Put(s)
	_, err := s.AssignPoints(x0, x1, o.metric, dst.J)
	if errors.Is(err, lap.ErrCost) {
		return fmt.Errorf("%w: optimal transport: %w", flow.ErrFormat, err)
	}
	return err
}
