package metric

import (
	"fmt"
	"math"

	"laminar/flow"
	"laminar/tensor"
)

// Trajectory is a solve written down: Z[k] holds the points at time T[k], with
// T ascending from 0 to 1 and all Z of one shape.
type Trajectory struct {
	T []float64
	Z []tensor.Mat
}

func (p Trajectory) check() error {
	if len(p.T) < 2 || len(p.T) != len(p.Z) {
		return fmt.Errorf("%w: trajectory of %d times and %d states, need as many, at least 2", flow.ErrShape, len(p.T), len(p.Z))
	}
	for k, z := range p.Z {
		if err := z.Check(fmt.Sprintf("trajectory state %d", k), p.Z[0].N, p.Z[0].D); err != nil {
			return err
		}
		if k > 0 && !(p.T[k] > p.T[k-1]) {
			return fmt.Errorf("%w: trajectory time %d is %g after %g, must ascend", flow.ErrConfig, k, p.T[k], p.T[k-1])
		}
	}
	return nil
}

// PathFigures describes how a field moves points along solved paths z_t.
type PathFigures struct {
	// Energy is ∫ E‖v(z_t, t)‖² dt (Tong et al. 2024, section 4).
	Energy float64
	// Straightness is ∫ E‖(z_1 - z_0) - v(z_t, t)‖² dt (Liu et al. 2023, eq. 3):
	// 0 when every path is a straight line run at constant speed.
	Straightness float64
}

// Path returns the path figures of field f along p, by a Riemann sum over the
// trajectory's own grid with f evaluated at the start of each step.
func Path(f flow.Field, p Trajectory) (PathFigures, error) {
	nan := PathFigures{math.NaN(), math.NaN()}
	if err := p.check(); err != nil {
		return nan, err
	}
	first, last := p.Z[0], p.Z[len(p.Z)-1]
	if first.N == 0 {
		return nan, fmt.Errorf("%w: trajectory of no points", flow.ErrShape)
	}
	v := tensor.New(first.N, first.D)
	var out PathFigures
	for k := range len(p.T) - 1 {
		if err := f.Velocity(v, p.Z[k], p.T[k]); err != nil {
			return nan, fmt.Errorf("velocity at t = %g: %w", p.T[k], err)
		}
		var energy, bend float64
		for i, u := range v.Data {
			d := float64(last.Data[i]) - float64(first.Data[i]) - float64(u)
			energy += float64(u) * float64(u)
			bend += d * d
		}
		h := (p.T[k+1] - p.T[k]) / float64(first.N)
		out.Energy += h * energy
		out.Straightness += h * bend
	}
	return out, nil
}

// NPE returns the normalised path energy |PE - W2²(q0, q1)| / W2²(q0, q1) (Tong
// et al. 2024): 0 when paths cost as little as optimal transport does. energy is
// PathFigures.Energy; w2 is the Wasserstein distance of source and data.
func NPE(energy, w2 float64) float64 { return math.Abs(energy-w2*w2) / (w2 * w2) }
