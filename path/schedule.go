package path

import (
	"math"

	"laminar/flow"
)

// CondOT is the schedule of straight lines, alpha = t and sigma = 1-t (Lipman et
// al. 2023). It is a flow.Schedule.
type CondOT struct{}

// At is the method of flow.Schedule.
func (CondOT) At(t float64) (alpha, sigma, dalpha, dsigma float64) { return t, 1 - t, 1, -1 }

// Time is the method of flow.Schedule: snr / (1 + snr).
func (CondOT) Time(snr float64) float64 {
	if math.IsInf(snr, 1) {
		return 1
	}
	return snr / (1 + snr)
}

// NewSchedule returns the schedule of the path that c names; the error is that
// of Validate.
func NewSchedule(c Config) (flow.Schedule, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return CondOT{}, nil
}
