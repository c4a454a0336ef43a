package objective

import (
	"fmt"

	"laminar/flow"
	"laminar/nn"
)

// Config is the settings of the objectives that have some of their own. Start
// from Defaults.
type Config struct {
	// Equal is the share of MeanFlow's rows with a span of 0, which learn the
	// velocity itself.
	Equal float64 `json:"equal"`
	// TimeMean and TimeScale are those of the normal number behind each of
	// MeanFlow's times; 1 minus the paper's times have 0.4 and 1.
	TimeMean  float64 `json:"time_mean"`
	TimeScale float64 `json:"time_scale"`
	// Bootstrap is the share of a shortcut model's rows that learn a step from two
	// of half its length.
	Bootstrap float64 `json:"bootstrap"`
	// Segments is the number of pieces of [0, 1] within which a consistency model
	// jumps to the end, and so the number of evaluations that a sample takes; Delta
	// is how far apart in time two points are that must agree; Alpha is the weight
	// of agreeing velocities beside agreeing ends.
	Segments int     `json:"segments"`
	Delta    float64 `json:"delta"`
	Alpha    float64 `json:"alpha"`
	// Critic is a GAN's second network, CriticRate its learning rate in units of
	// the generator's, R1 the weight of its gradient penalty.
	Critic     nn.Spec `json:"critic"`
	CriticRate float64 `json:"critic_rate"`
	R1         float64 `json:"r1"`
}

// Defaults returns the settings of the papers where they suit small models too.
func Defaults() Config {
	return Config{
		Equal: 0.75, TimeMean: 0.4, TimeScale: 1, Bootstrap: 0.25,
		Segments: 1, Delta: 0.02, Alpha: 1e-5,
		Critic: nn.Spec{Kind: "mlp", Width: 128, Depth: 3, Activation: "silu"}, CriticRate: 1, R1: 0.1,
	}
}

// Validate reports the first fault, as a *flow.FieldError below path.
func (c Config) Validate(path string) error {
	for _, f := range []struct {
		name      string
		v, lo, hi float64
	}{
		{"equal", c.Equal, 0, 0.99},
		{"time_mean", c.TimeMean, -10, 10},
		{"time_scale", c.TimeScale, 1e-3, 10},
		{"bootstrap", c.Bootstrap, 0.01, 0.99},
		{"segments", float64(c.Segments), 1, 64},
		{"delta", c.Delta, 1e-4, 1},
		{"alpha", c.Alpha, 0, 1e6},
		{"critic_rate", c.CriticRate, 1e-3, 1e3},
		{"r1", c.R1, 0, 1e6},
	} {
		if !(f.v >= f.lo && f.v <= f.hi) {
			return &flow.FieldError{Path: path + "." + f.name, Msg: fmt.Sprintf("%v is not in [%v, %v]", f.v, f.lo, f.hi)}
		}
	}
	return c.Critic.Validate(path + ".critic")
}
