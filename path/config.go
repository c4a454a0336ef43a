package path

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"laminar/flow"
)

// Config names a path, the sampler of its times and the weight of the loss.
// Start from Defaults.
type Config struct {
	// Name is an entry of Catalogue.
	Name string `json:"name"`
	// Sigma is a standard deviation, in the units of the (standardised) data: of
	// the noise about the path, 0 for none; for "target" that of the blur about
	// each data point; for "bridge" the width of the bridge, which is positive.
	Sigma float64 `json:"sigma"`
	// Power is the exponent n of "polynomial", at least 1.
	Power float64 `json:"power"`

	// Time is an entry of TimeCatalogue.
	Time string `json:"time"`
	// TimeMean and TimeScale are those of the normal number under
	// "logit-normal". A positive mean leans towards the data.
	TimeMean  float64 `json:"time_mean"`
	TimeScale float64 `json:"time_scale"`
	// TimeMode is the scale k of "mode", in [-1, 2/(pi-2)]: positive gathers times
	// in the middle, negative at the ends.
	TimeMode float64 `json:"time_mode"`
	// TimeEdge is the rate at which the density of "u-shaped" falls from the ends,
	// positive.
	TimeEdge float64 `json:"time_edge"`
	// Shift moves the times towards the noise, 1 for not at all; see Shift.
	Shift float64 `json:"shift"`
	// ShiftLength, if not 0, sets the shift from the length of a row as a sequence
	// instead; see DynamicShift. Shift is then 1.
	ShiftLength int `json:"shift_length"`

	// ChoicesBy is the time in (0, 1] by which choices are made, where some coordinates
	// are choices (Masked); 0 is 1.
	ChoicesBy float64 `json:"choices_by,omitempty"`

	// Weight is an entry of WeightCatalogue.
	Weight string `json:"weight"`
}

// Defaults returns the straight path without noise, with uniform times and an
// unweighted loss.
func Defaults() Config {
	return Config{Name: "linear", Power: 2, Time: "uniform", TimeScale: 1, TimeMode: 1.29, TimeEdge: 4, Shift: 1, Weight: "uniform"}
}

// Entry describes one item of a catalogue.
type Entry struct{ Name, About string }

// affine describes a path that is made from a schedule.
func affine(make func(Config) flow.Schedule) func(Config) flow.Path {
	return func(c Config) flow.Path { return Affine{make(c), float32(c.Sigma)} }
}

func poly(c Config) flow.Schedule   { return Polynomial{c.Power} }
func vp(Config) flow.Schedule       { return DDPM() }
func linearVP(Config) flow.Schedule { return LinearVP{} }
func cosine(Config) flow.Schedule   { return Cosine{} }

var paths = []struct {
	Entry
	path     func(Config) flow.Path
	schedule func(Config) flow.Schedule // nil for none
}{
	{
		Entry{"linear", "straight: x_t = (1-t) x0 + t x1 (+ sigma eps), velocity x1 - x0; I-CFM, OT-CFM, rectified flow"},
		func(c Config) flow.Path { return Linear{float32(c.Sigma)} }, func(Config) flow.Schedule { return CondOT{} },
	},
	{Entry{"polynomial", "alpha = t^power, sigma = 1 - t^power: slow at the noise end"}, affine(poly), poly},
	{Entry{"vp", "variance preserving, that of DDPM: noise grows from .1 to 20 per unit of time"}, affine(vp), vp},
	{Entry{"linear-vp", "alpha = t, sigma = sqrt(1 - t^2)"}, affine(linearVP), linearVP},
	{Entry{"cosine", "alpha = sin(pi t/2), sigma = cos(pi t/2); VP-CFM, GVP"}, affine(cosine), cosine},
	{
		Entry{"target", "Lipman's: ignores x0, draws its own noise, ends at the data blurred by sigma"},
		func(c Config) flow.Path { return Target{float32(c.Sigma)} }, func(c Config) flow.Schedule { return Blurred{c.Sigma} },
	},
	{
		Entry{"bridge", "Brownian bridge of width sigma > 0 (SB-CFM); t is clipped to [.001, .999]"},
		func(c Config) flow.Path { return Bridge{float32(c.Sigma)} }, nil,
	},
}

// Catalogue lists the paths.
func Catalogue() []Entry {
	var out []Entry
	for _, p := range paths {
		out = append(out, p.Entry)
	}
	return out
}

// Validate reports every fault of c, joined; each is a *flow.FieldError. Numbers
// that the names do not use are not looked at.
func (c Config) Validate() error {
	var faults []error
	bad := func(path, format string, a ...any) {
		faults = append(faults, &flow.FieldError{Path: path, Msg: fmt.Sprintf(format, a...)})
	}
	if c.find() < 0 {
		faults = append(faults, unknown("name", "path", c.Name, Catalogue()))
	}
	switch {
	case !finite(c.Sigma) || c.Sigma < 0:
		bad("sigma", "%v is no standard deviation", c.Sigma)
	case c.Name == "bridge" && !(c.Sigma >= 1e-3):
		bad("sigma", "%v is too narrow for a bridge; at least 0.001, as torchcfm asks", c.Sigma)
	case c.Name == "target" && c.Sigma >= 1:
		bad("sigma", "%v blurs the data as much as the noise; below 1", c.Sigma)
	}
	if c.Name == "polynomial" && (!finite(c.Power) || c.Power < 1 || c.Power > 32) {
		bad("power", "%v is not in [1, 32]", c.Power)
	}
	if !(c.ChoicesBy >= 0 && c.ChoicesBy <= 1) {
		bad("choices_by", "%v is not in (0, 1]", c.ChoicesBy)
	}
	faults = append(faults, c.validTimes()...)
	if _, err := NewWeight(c); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func (c Config) find() int {
	for i, p := range paths {
		if p.Name == c.Name {
			return i
		}
	}
	return -1
}

// New returns the path of c; its error is that of Validate.
func New(c Config) (flow.Path, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return paths[c.find()].path(c), nil
}

// NewSchedule returns the schedule of the path that c names. It is nil, without
// an error, for a path that has none: a bridge, and every path with noise about
// it, of which x_t does not consist of x0 and x1 alone. The error is that of
// Validate.
func NewSchedule(c Config) (flow.Schedule, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p := paths[c.find()]
	if p.schedule == nil || c.Sigma > 0 && c.Name != "target" {
		return nil, nil
	}
	return p.schedule(c), nil
}

func unknown(field, what, name string, valid []Entry) error {
	var names []string
	for _, e := range valid {
		names = append(names, e.Name)
	}
	return &flow.FieldError{Path: field, Msg: fmt.Sprintf("unknown %s %q; choose one of %s", what, name, strings.Join(names, ", "))}
}
