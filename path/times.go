package path

import (
	"fmt"
	"math"

	"laminar/flow"
	"laminar/rng"
)

var times = []struct {
	Entry
	make func(Config) flow.TimeSampler
}{
	{Entry{"uniform", "t uniform in [0, 1)"}, func(Config) flow.TimeSampler { return Uniform{} }},
	{Entry{"logit-normal", "t = sigmoid of a normal number, most in the middle (SD3)"}, func(c Config) flow.TimeSampler { return LogitNormal{c.TimeMean, c.TimeScale} }},
	{Entry{"mode", "SD3's mode sampling: more in the middle, yet all times"}, func(c Config) flow.TimeSampler { return Mode{c.TimeMode} }},
	{Entry{"cosmap", "uniform on the cosine schedule: mildly more in the middle"}, func(Config) flow.TimeSampler { return CosMap{} }},
	{Entry{"u-shaped", "more at both ends, for reflow and distillation"}, func(c Config) flow.TimeSampler { return UShaped{c.TimeEdge} }},
	{Entry{"edm", "EDM's log-normal noise levels, at t = 1/(1+sigma)"}, func(Config) flow.TimeSampler { return EDM{} }},
}

// TimeCatalogue lists the time samplers.
func TimeCatalogue() []Entry {
	var out []Entry
	for _, s := range times {
		out = append(out, s.Entry)
	}
	return out
}

func (c Config) validTimes() (faults []error) {
	bad := func(path, format string, a ...any) {
		faults = append(faults, &flow.FieldError{Path: path, Msg: fmt.Sprintf(format, a...)})
	}
	known := false
	for _, s := range times {
		known = known || s.Name == c.Time
	}
	if !known {
		faults = append(faults, unknown("time", "time sampler", c.Time, TimeCatalogue()))
	}
	switch c.Time {
	case "logit-normal":
		if !finite(c.TimeMean) || math.Abs(c.TimeMean) > 10 {
			bad("time_mean", "%v is not in [-10, 10]", c.TimeMean)
		}
		if !(c.TimeScale > 0 && c.TimeScale <= 10) {
			bad("time_scale", "%v is not in (0, 10]", c.TimeScale)
		}
	case "mode":
		if !(c.TimeMode >= -1 && c.TimeMode <= 2/(math.Pi-2)) {
			bad("time_mode", "%v is not in [-1, 1.75]: times would run backwards", c.TimeMode)
		}
	case "u-shaped":
		if !(c.TimeEdge > 0 && c.TimeEdge <= 50) {
			bad("time_edge", "%v is not in (0, 50]", c.TimeEdge)
		}
	}
	switch {
	case !(c.Shift > 0) || math.IsInf(c.Shift, 0):
		bad("shift", "%v is not positive; 1 is no shift", c.Shift)
	case c.ShiftLength < 0 || c.ShiftLength > maxLength:
		bad("shift_length", "%d is not in [0, %d]", c.ShiftLength, maxLength)
	case c.ShiftLength > 0 && c.Shift != 1:
		bad("shift_length", "sets the shift; leave shift at 1 (it is %v)", c.Shift)
	}
	return faults
}

// NewTimes returns the time sampler of c, shifted as c says. Each error is a
// *flow.FieldError; that on "time" lists the valid names.
func NewTimes(c Config) (flow.TimeSampler, error) {
	if faults := c.validTimes(); len(faults) > 0 {
		return nil, faults[0]
	}
	k := c.Shift
	if c.ShiftLength > 0 {
		k = DynamicShift(c.ShiftLength)
	}
	for _, s := range times {
		if s.Name != c.Time {
			continue
		}
		if k != 1 {
			return Shifted{s.make(c), k}, nil
		}
		return s.make(c), nil
	}
	panic("path: a valid time sampler is not in the table")
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

// fromUniform fills dst with f of a uniform number for each row.
func fromUniform(dst []float32, key rng.Key, f func(u float64) float64) {
	for i := range dst {
		s := key.At(uint64(i)).Stream()
		dst[i] = float32(f(s.Float64()))
	}
}

// LogitNormal draws t = 1/(1+exp(-z)) with z from N(Mean, Scale^2) (Esser et al.
// 2024, section 3.1). A positive Mean leans towards the data; papers that put
// noise at t = 1 mean the opposite sign. It is a flow.TimeSampler.
type LogitNormal struct{ Mean, Scale float64 }

// Times fills dst, row i from key.At(i).
func (p LogitNormal) Times(dst []float32, key rng.Key) {
	for i := range dst {
		s := key.At(uint64(i)).Stream()
		dst[i] = float32(1 / (1 + math.Exp(-p.Mean-p.Scale*s.NormFloat64())))
	}
}

// Mode draws t = 1 - u - K (cos^2(pi u/2) - 1 + u) for uniform u (Esser et al.
// 2024, equation 20). It is the same in both directions of time. It is a
// flow.TimeSampler.
type Mode struct{ K float64 }

// Times fills dst, row i from key.At(i).
func (p Mode) Times(dst []float32, key rng.Key) { fromUniform(dst, key, p.Warp) }

// Warp returns the time that u leads to.
func (p Mode) Warp(u float64) float64 {
	c := math.Cos(math.Pi / 2 * u)
	return 1 - u - p.K*(c*c-1+u)
}

// CosMap draws t = 1 - 1/(tan(pi u/2) + 1) for uniform u: the times at which a
// straight path has the ratio of data to noise that the cosine path has at a
// uniform one (Esser et al. 2024). Its density is 2/(pi (1 - 2t + 2t^2)). It is a
// flow.TimeSampler.
type CosMap struct{}

// Times fills dst, row i from key.At(i).
func (p CosMap) Times(dst []float32, key rng.Key) { fromUniform(dst, key, p.Warp) }

// Warp returns the time that u leads to.
func (CosMap) Warp(u float64) float64 { return 1 - 1/(math.Tan(math.Pi/2*u)+1) }

// UShaped draws times with the density Rate cosh(Rate (t - 1/2)) / (2 sinh(Rate/2)),
// which is that of exp(-Rate t) mirrored about the middle (Lee, Lin, Fanti 2024).
// It is a flow.TimeSampler.
type UShaped struct{ Rate float64 }

// Times fills dst, row i from key.At(i).
func (p UShaped) Times(dst []float32, key rng.Key) { fromUniform(dst, key, p.Warp) }

// Warp returns the time that u leads to: the inverse of the distribution.
func (p UShaped) Warp(u float64) float64 {
	return 0.5 + math.Asinh((2*u-1)*math.Sinh(p.Rate/2))/p.Rate
}

// EDM draws noise levels sigma = exp(1.2 z - 1.2) with z from N(0, 1) (Karras et
// al. 2022) and returns t = 1/(1+sigma), where a straight path has that ratio of
// noise to data, at least 1e-4. It is a flow.TimeSampler.
type EDM struct{}

// Times fills dst, row i from key.At(i).
func (EDM) Times(dst []float32, key rng.Key) {
	for i := range dst {
		s := key.At(uint64(i)).Stream()
		dst[i] = float32(max(1e-4, 1/(1+math.Exp(1.2*s.NormFloat64()-1.2))))
	}
}

// Shifted draws the times of Of and moves them by Shift. It is a
// flow.TimeSampler.
type Shifted struct {
	Of flow.TimeSampler
	K  float64
}

// Times fills dst.
func (p Shifted) Times(dst []float32, key rng.Key) {
	p.Of.Times(dst, key)
	for i, t := range dst {
		dst[i] = float32(Shift(float64(t), p.K))
	}
}

// Within draws the times of Of and squeezes [0, 1] onto [Lo, Hi], for targets
// that are infinite at an end; see Clip. It is a flow.TimeSampler.
type Within struct {
	Of     flow.TimeSampler
	Lo, Hi float64
}

// Times fills dst.
func (p Within) Times(dst []float32, key rng.Key) {
	p.Of.Times(dst, key)
	for i, t := range dst {
		dst[i] = float32(p.Lo + (p.Hi-p.Lo)*float64(t))
	}
}
