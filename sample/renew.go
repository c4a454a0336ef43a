package sample

import (
	"context"
	"fmt"
	"math"

	"laminar/data"
	"laminar/flow"
	"laminar/model"
	"laminar/rng"
	"laminar/solve"
	"laminar/tensor"
)

// Renewal says how rows of data are made anew. Start from RenewalDefaults.
type Renewal struct {
	// Strength, in (0, 1], is how far back to noise a row is taken before it is
	// carried to data again: little changes details, 1 leaves nothing of the row.
	Strength float64
	// Keep is N x D: 1 where a row keeps its number, 0 where it gets a new one.
	// Empty keeps none.
	Keep tensor.Mat
	// Repeats is how often each step is taken where some numbers are kept, with
	// fresh noise, so that what is new comes to agree with them; at least 1.
	Repeats int
}

// RenewalDefaults forgets all but what is kept, and takes each step four times.
func RenewalDefaults() Renewal { return Renewal{Strength: 1, Repeats: 4} }

// Renew makes rows of x, in the network's space, anew and overwrites them: each is
// taken to the time 1 - Strength of the model's path,
//
//	x_t = alpha(t) x + sigma(t) noise,
//
// and carried to data from there (Meng et al. 2022). Kept numbers follow that
// line all the way instead of the field, with the row's one noise, and end where
// they were (in-painting by replacement, Song et al. 2021); each step is taken
// Repeats times, with a walk back along the path's own noising between (Lugmayr
// et al. 2022). c is Draw's; N is not used. The evaluations of c.Solve are spent
// on all repeats together, and its steps may not be adaptive where numbers are
// kept. The error wraps flow.ErrConfig for a model whose flow does not start from
// Gaussian noise.
func Renew(ctx context.Context, m *model.Model, c Config, x tensor.Mat, r Renewal) (solve.Stats, error) {
	var stats solve.Stats
	if err := x.Check("rows", -1, m.Dim()); err != nil {
		return stats, err
	}
	switch {
	case !(r.Strength > 0 && r.Strength <= 1):
		return stats, &flow.FieldError{Path: "strength", Msg: fmt.Sprintf("%v is not above 0 and at most 1", r.Strength)}
	case r.Repeats < 1:
		return stats, &flow.FieldError{Path: "repeats", Msg: fmt.Sprintf("%d is below 1", r.Repeats)}
	case m.Schedule == nil || c.Source != nil || m.Once || len(m.Choices) > 0:
		return stats, fmt.Errorf("%w: this model has no path from Gaussian noise on which a row could be taken back", flow.ErrConfig)
	}
	kept := !r.Keep.IsEmpty()
	if kept {
		if err := r.Keep.Check("kept numbers", x.N, x.D); err != nil {
			return stats, err
		}
	}
	c.N = x.N
	noise, err := Start(m, c)
	if err != nil {
		return stats, err
	}
	t0, given := 1-r.Strength, x.Clone()
	place(m.Schedule, x, given, noise, t0, tensor.Mat{})
	if !kept {
		return Carry(ctx, m, c, x, t0, 1)
	}
	steps, err := r.steps(c)
	if err != nil {
		return stats, err
	}
	c.Solve.NFE, c.Solve.Grid, c.Solve.Steps = 0, nil, 1
	for i := range steps {
		t, next := t0+(1-t0)*float64(i)/float64(steps), t0+(1-t0)*float64(i+1)/float64(steps)
		for k := range r.Repeats {
			if k > 0 {
				again := c.Seed.Split("again").At(uint64(i*r.Repeats + k))
				if err := walkBack(m, x, next, t, again, c.First); err != nil {
					return stats, err
				}
				place(m.Schedule, x, given, noise, t, r.Keep)
			}
			one, err := Carry(ctx, m, c, x, t, next)
			if err != nil {
				return stats, err
			}
			stats.NFE, stats.Steps, stats.MaxNFE = stats.NFE+one.NFE, stats.Steps+one.Steps, stats.MaxNFE+one.MaxNFE
			place(m.Schedule, x, given, noise, next, r.Keep)
		}
	}
	return stats, nil
}

// steps is the number of steps, each taken r.Repeats times, that c's evaluations
// pay for.
func (r Renewal) steps(c Config) (int, error) {
	if c.Solve.Adaptive {
		return 0, &flow.FieldError{Path: "rtol", Msg: "steps are not adaptive where numbers are kept; give a number of evaluations"}
	}
	if n := len(c.Solve.Grid) - 1; n > 0 {
		return max(n/r.Repeats, 1), nil
	}
	if c.Solve.Steps > 0 {
		return max(c.Solve.Steps/r.Repeats, 1), nil
	}
	method, err := solve.Named(c.Solve.Method)
	if err != nil {
		return 0, err
	}
	n, err := solve.Steps(method, c.Solve.NFE, 1)
	return max(n/r.Repeats, 1), err
}

// place writes alpha x1 + sigma x0 into x, where keep is 1 or there is none.
func place(s flow.Schedule, x, x1, x0 tensor.Mat, t float64, keep tensor.Mat) {
	alpha, sigma, _, _ := s.At(t)
	for i := range x.Data {
		if keep.IsEmpty() || keep.Data[i] > 0.5 {
			x.Data[i] = float32(alpha*float64(x1.Data[i]) + sigma*float64(x0.Data[i]))
		}
	}
}

// walkBack adds the noise that leads from time t to the earlier time to: of the
// data's part as much remains as the path has at to.
func walkBack(m *model.Model, x tensor.Mat, t, to float64, key rng.Key, first int) error {
	a1, s1, _, _ := m.Schedule.At(t)
	a0, s0, _, _ := m.Schedule.At(to)
	fresh := flow.NewSample(data.Noise(m.Dim()), x.N)
	if err := data.Noise(m.Dim()).DrawAt(fresh, key, first); err != nil {
		return err
	}
	keep := a0 / a1
	spread := math.Sqrt(max(s0*s0-keep*keep*s1*s1, 0))
	for i := range x.Data {
		x.Data[i] = float32(keep*float64(x.Data[i]) + spread*float64(fresh.X.Data[i]))
	}
	return nil
}
