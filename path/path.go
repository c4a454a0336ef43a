// Package path holds conditional probability paths and time samplers: what lies
// between the two ends of a pair, and where along it a network is trained.
//
// The linear path from noise x0 at t = 0 to data x1 at t = 1 is
//
//	x_t = (1-t) x0 + t x1 + sigma eps,   u_t = x1 - x0
//
// (I-CFM and OT-CFM of Tong et al., TMLR 2024; with sigma = 0 the rectified flow
// of Liu et al. 2023).
//
//	p, err := path.New(path.Defaults())
//	err = p.At(xt, ut, x0, x1, t, key)
//
// Nothing here knows of networks or of how pairs were made.
package path

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Config names a path and the sampler of its times. Start from Defaults.
type Config struct {
	// Name is an entry of Catalogue.
	Name string `json:"name"`
	// Sigma is the standard deviation of the noise about the path, in the units
	// of the (standardised) data; 0 for none.
	Sigma float64 `json:"sigma"`
	// Time is an entry of TimeCatalogue.
	Time string `json:"time"`
}

// Defaults returns the straight path without noise, with uniform times.
func Defaults() Config { return Config{Name: "linear", Time: "uniform"} }

// Entry describes one item of a catalogue.
type Entry struct{ Name, About string }

var paths = []struct {
	Entry
	make func(Config) flow.Path
}{
	{Entry{"linear", "x_t = (1-t) x0 + t x1 + sigma eps, velocity x1 - x0"}, func(c Config) flow.Path { return Linear{Sigma: float32(c.Sigma)} }},
}

var times = []struct {
	Entry
	make func(Config) flow.TimeSampler
}{
	{Entry{"uniform", "t uniform in [0, 1)"}, func(Config) flow.TimeSampler { return Uniform{} }},
}

// Catalogue lists the paths.
func Catalogue() []Entry {
	var out []Entry
	for _, p := range paths {
		out = append(out, p.Entry)
	}
	return out
}

// TimeCatalogue lists the time samplers.
func TimeCatalogue() []Entry {
	var out []Entry
	for _, s := range times {
		out = append(out, s.Entry)
	}
	return out
}

// Validate reports every fault of c, joined; each is a *flow.FieldError.
func (c Config) Validate() error {
	var faults []error
	if _, err := c.path(); err != nil {
		faults = append(faults, err)
	}
	if _, err := NewTimes(c); err != nil {
		faults = append(faults, err)
	}
	if !(c.Sigma >= 0) || math.IsInf(c.Sigma, 0) {
		faults = append(faults, &flow.FieldError{Path: "sigma", Msg: fmt.Sprintf("%v is no standard deviation", c.Sigma)})
	}
	return errors.Join(faults...)
}

// New returns the path of c; its error is that of Validate.
func New(c Config) (flow.Path, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c.path()
}

func (c Config) path() (flow.Path, error) {
	for _, p := range paths {
		if p.Name == c.Name {
			return p.make(c), nil
		}
	}
	return nil, unknown("name", "path", c.Name, Catalogue())
}

// NewTimes returns the time sampler of c. The error is a *flow.FieldError on
// "time" that lists the valid names.
func NewTimes(c Config) (flow.TimeSampler, error) {
	for _, s := range times {
		if s.Name == c.Time {
			return s.make(c), nil
		}
	}
	return nil, unknown("time", "time sampler", c.Time, TimeCatalogue())
}

func unknown(field, what, name string, valid []Entry) error {
	var names []string
	for _, e := range valid {
		names = append(names, e.Name)
	}
	return &flow.FieldError{Path: field, Msg: fmt.Sprintf("unknown %s %q; choose one of %s", what, name, strings.Join(names, ", "))}
}

// Linear is the straight path with constant noise. It is a flow.Path, safe for
// concurrent use.
type Linear struct{ Sigma float32 }

// At writes x_t and u_t of every row; the noise of row i is drawn from
// key.At(i), so that it depends on no other row. The error wraps flow.ErrShape.
func (p Linear) At(xt, ut, x0, x1 tensor.Mat, t []float32, key rng.Key) error {
	n, d := x0.N, x0.D
	for _, m := range []struct {
		what string
		m    tensor.Mat
	}{{"x0", x0}, {"x1", x1}, {"xt", xt}, {"ut", ut}} {
		if err := m.m.Check(m.what, n, d); err != nil {
			return err
		}
	}
	if len(t) != n {
		return fmt.Errorf("%w: %d times for %d rows", flow.ErrShape, len(t), n)
	}
	for i := range n {
		a, b, x, u := x0.Row(i), x1.Row(i), xt.Row(i), ut.Row(i)
		for j := range x {
			x[j] = (1-t[i])*a[j] + t[i]*b[j]
			u[j] = b[j] - a[j]
		}
		if p.Sigma != 0 {
			s := key.At(uint64(i)).Stream()
			for j := range x {
				x[j] += p.Sigma * float32(s.NormFloat64())
			}
		}
	}
	return nil
}

// Uniform draws times uniformly in [0, 1), row i from key.At(i). It is a
// flow.TimeSampler.
type Uniform struct{}

// Times fills dst.
func (Uniform) Times(dst []float32, key rng.Key) {
	for i := range dst {
		s := key.At(uint64(i)).Stream()
		dst[i] = s.Float32()
	}
}
