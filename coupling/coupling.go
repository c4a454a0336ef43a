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
//	c := coupling.Defaults() // exact OT
//	pairs, err := coupling.Build(c, noise, data)
//	err = pairs.Fill(&batch, key, 17) // batch 17, always the same
//
// Ahead computes the next batches on other goroutines while one is used. Chain
// couples several marginals in time.
//
// # Which one
//
// "ot" is exact within the batch, and Block of them make batches that are cut
// from larger problems. "semidiscrete" learns once where every noise point goes
// among all the data, and has no bias of the batch. "c2ot" is for data with
// labels or conditions, where transport that does not look at them harms.
// "sinkhorn" is the entropic plan of Schrödinger bridges. These, and
// "independent", keep both marginals: all but semidiscrete, whose shares agree
// with the data's to a learnt tolerance, are bijections of each batch or block.
// "unbalanced" and "partial" leave out what lies far from all else, on purpose:
// a model trained on their pairs learns what is left.
//
// Metrics that need transport between clouds of other sizes are not here.
package coupling

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"laminar/flow"
	"laminar/internal/lap"
	"laminar/rng"
	"laminar/tensor"
)

// Config names a coupling and sets it up. Start from Defaults; fields that the
// named coupling has no use for are not looked at.
type Config struct {
	// Name is an entry of Catalogue.
	Name string `json:"name"`
	// Cost is what carrying x0 to x1 costs: "sqeuclidean" or "l2", the distance
	// itself. "semidiscrete" knows the first only.
	Cost string `json:"cost"`
	// Block is the number of batches that are drawn and paired together, at
	// least 1; the batches are then dealt from the pairs.
	Block int `json:"block"`
	// Epsilon is the weight of the entropy of "sinkhorn" and "unbalanced", and
	// Penalty what "unbalanced" charges for mass that is left or made, per unit
	// of relative entropy; both above 0, in units that Scale names: "std", the
	// standard deviation of the costs of a batch, or "absolute".
	Epsilon float64 `json:"epsilon"`
	Penalty float64 `json:"penalty"`
	Scale   string  `json:"scale"`
	// Mass is the part of a batch that "partial" pairs, in (0, 1].
	Mass float64 `json:"mass"`
	// Ratio says how near "c2ot" holds pairs to their real-valued condition: the
	// share of all pairs that may undercut a datum's own, in (0, 1]. Smaller is
	// nearer.
	Ratio float64 `json:"ratio"`
	// Points is the number of points that stand for the data of "semidiscrete"
	// when it is a distribution, at least 2; of stored data all are used.
	Points int `json:"points"`
}

// Defaults returns exact optimal transport of the squared distance, and what the
// others start from.
func Defaults() Config {
	return Config{
		Name: "ot", Cost: "sqeuclidean", Block: 1, Epsilon: 0.05, Penalty: 1, Scale: "std",
		Mass: 0.9, Ratio: 0.03, Points: 4096,
	}
}

// Entry describes one item of the catalogue.
type Entry struct{ Name, About string }

// kind is a coupling with the fields of Config that it looks at.
type kind struct {
	Entry
	uses string
	make func(Config) flow.Pairer
}

var kinds = []kind{
	{Entry{"independent", "noise and data as they are drawn"}, "", func(Config) flow.Pairer { return Independent{} }},
	{Entry{"ot", "exact optimal transport within the batch"}, "cost", func(c Config) flow.Pairer { return newOT(c.Cost) }},
	{Entry{"c2ot", "transport that keeps to labels and conditions"}, "cost ratio", func(c Config) flow.Pairer { return newConditional(c) }},
	{Entry{"semidiscrete", "every noise point to its partner in all the data"}, "squared points", func(c Config) flow.Pairer { return &Semidiscrete{points: c.Points} }},
	{Entry{"sinkhorn", "entropic transport, drawn as a bijection"}, "cost epsilon scale", func(c Config) flow.Pairer { return newEntropic(c) }},
	{Entry{"unbalanced", "entropic transport that leaves out what is far"}, "cost epsilon scale penalty", func(c Config) flow.Pairer { return newEntropic(c) }},
	{Entry{"partial", "exact transport of a part of the batch"}, "cost mass", func(c Config) flow.Pairer { return newPartial(c) }},
}

var costs = map[string]lap.Metric{"sqeuclidean": lap.SqEuclidean, "l2": lap.Euclidean}

// Costs lists the names that Config.Cost takes, the default first.
func Costs() []string { return []string{"sqeuclidean", "l2"} }

// Scales lists the names that Config.Scale takes, the default first.
func Scales() []string { return []string{"std", "absolute"} }

// Catalogue lists the couplings.
func Catalogue() []Entry {
	var out []Entry
	for _, k := range kinds {
		out = append(out, k.Entry)
	}
	return out
}

// Validate reports every fault of c, each a *flow.FieldError, joined.
func (c Config) Validate() error {
	var faults []error
	if c.Block < 1 {
		faults = append(faults, &flow.FieldError{Path: "block", Msg: fmt.Sprintf("%d must be at least 1, a batch by itself", c.Block)})
	}
	return errors.Join(append(faults, c.validate())...)
}

// validate checks the fields that the coupling itself looks at.
func (c Config) validate() error {
	var faults []error
	bad := func(path, format string, a ...any) {
		faults = append(faults, &flow.FieldError{Path: path, Msg: fmt.Sprintf(format, a...)})
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.Name == c.Name })
	if i < 0 {
		var names []string
		for _, k := range kinds {
			names = append(names, k.Name)
		}
		bad("name", "unknown coupling %q; choose one of %s", c.Name, strings.Join(names, ", "))
		return errors.Join(faults...)
	}
	for _, field := range strings.Fields(kinds[i].uses) {
		switch {
		case field == "cost" && !slices.Contains(Costs(), c.Cost):
			bad("cost", "unknown cost %q; choose one of %s", c.Cost, strings.Join(Costs(), ", "))
		case field == "squared" && c.Cost != "sqeuclidean":
			bad("cost", "%q: the coupling %s knows sqeuclidean only", c.Cost, c.Name)
		case field == "scale" && !slices.Contains(Scales(), c.Scale):
			bad("scale", "unknown scale %q; choose one of %s", c.Scale, strings.Join(Scales(), ", "))
		case field == "epsilon" && !positive(c.Epsilon):
			bad("epsilon", "%v must be a number above 0", c.Epsilon)
		case field == "penalty" && !positive(c.Penalty):
			bad("penalty", "%v must be a number above 0", c.Penalty)
		case field == "mass" && !(c.Mass > 0 && c.Mass <= 1):
			bad("mass", "%v is not in (0, 1]", c.Mass)
		case field == "ratio" && !(c.Ratio > 0 && c.Ratio <= 1):
			bad("ratio", "%v is not in (0, 1]", c.Ratio)
		case field == "points" && c.Points < 2:
			bad("points", "%d must be at least 2", c.Points)
		}
	}
	return errors.Join(faults...)
}

func positive(x float64) bool { return x > 0 && !math.IsInf(x, 0) }

// New returns the coupling that c names, of one batch: c.Block is not looked at.
// The error is that of Validate and lists the valid names.
func New(c Config) (flow.Pairer, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.Name == c.Name })
	return kinds[i].make(c), nil
}

// identity writes 0 to n-1 into p, on its memory if that is large enough.
func identity(p []int32, n int) []int32 {
	p = p[:0]
	for i := range n {
		p = append(p, int32(i))
	}
	return p
}

// start makes dst the pairs of row i with row i.
func start(dst *flow.Pairs, n int) {
	dst.I, dst.J = identity(dst.I, n), identity(dst.J, n)
	dst.Weight, dst.Align = nil, nil
}

// Independent pairs row i with row i: the two were drawn independently.
type Independent struct{}

// Pair is the method of flow.Pairer.
func (Independent) Pair(dst *flow.Pairs, x0, x1 tensor.Mat, _ flow.Cond, _ rng.Key) error {
	if err := x1.Check("x1", x0.N, x0.D); err != nil {
		return err
	}
	start(dst, x0.N)
	return nil
}

// told words an error of a solver for the caller of a coupling.
func told(what string, err error) error {
	if errors.Is(err, lap.ErrCost) {
		return fmt.Errorf("%w: %s: %w", flow.ErrFormat, what, err)
	}
	return err
}
