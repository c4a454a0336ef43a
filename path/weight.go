package path

import (
	"math"

	"laminar/flow"
)

// Weight multiplies the loss at a time where the path has the parts alpha and
// sigma. For straight paths sigma is 1-t. sigma is taken as at least .01, so that
// no weight is infinite.
type Weight func(alpha, sigma float64) float64

var weights = []struct {
	Entry
	of Weight // nil for 1
}{
	{Entry{"uniform", "1 at all times"}, nil},
	{Entry{"sigma-sqrt", "1/sigma^2: the data end counts most"}, func(_, s float64) float64 { return 1 / (s * s) }},
	{Entry{"cosmap", "2 / (pi (1 - 2 sigma + 2 sigma^2)): uniform times count as those of cosmap"}, func(_, s float64) float64 { return 2 / (math.Pi * (1 - 2*s + 2*s*s)) }},
	{Entry{"snr-truncated", "max(1, alpha^2/sigma^2): for networks that answer data"}, func(a, s float64) float64 { return max(1, a*a/(s*s)) }},
	{Entry{"snr-capped", "min(5, alpha^2/sigma^2): min-SNR, for networks that answer data"}, func(a, s float64) float64 { return min(5, a*a/(s*s)) }},
}

// WeightCatalogue lists the weights: "sigma-sqrt" and "cosmap" are those of
// Esser et al. (2024), "snr-truncated" is that of Salimans, Ho (2022) and
// "snr-capped" that of Hang et al. (2023).
func WeightCatalogue() []Entry {
	var out []Entry
	for _, w := range weights {
		out = append(out, w.Entry)
	}
	return out
}

// NewWeight returns the weight of c, nil for the uniform one. The error is a
// *flow.FieldError on "weight" that lists the valid names.
func NewWeight(c Config) (Weight, error) {
	for _, w := range weights {
		if w.Name != c.Weight {
			continue
		}
		if w.of == nil {
			return nil, nil
		}
		return func(alpha, sigma float64) float64 { return w.of(alpha, max(sigma, clipSigma)) }, nil
	}
	return nil, unknown("weight", "loss weight", c.Weight, WeightCatalogue())
}

// At is the weight at time t of a path with schedule s; nil is that of
// straight lines.
func (w Weight) At(s flow.Schedule, t float64) float64 {
	if w == nil {
		return 1
	}
	if s == nil {
		s = CondOT{}
	}
	alpha, sigma, _, _ := s.At(t)
	return w(alpha, sigma)
}
