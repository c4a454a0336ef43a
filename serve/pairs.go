package serve

import (
	"context"
	"math"
	"net/http"

	"laminar/flow"
	"laminar/metric"
	"laminar/path"
	"laminar/recipe"
	"laminar/rng"
	"laminar/tensor"
)

const (
	// crossingPairs and crossingQueries size the crossing figure.
	crossingPairs, crossingQueries = 4096, 1024
	// drawnPairs is how many pairs are looked at for crossings in the plane, and
	// mostCrossings how many of those are told.
	drawnPairs, mostCrossings = 256, 2000
	// scheduleSteps is the number of steps of the table of a schedule.
	scheduleSteps = 100
)

// pairing is pairs as training sees them, in the network's space: row i of x0 with
// row i of x1.
type pairing struct{ x0, x1 tensor.Mat }

// drawPairs fills n pairs from batch number first on.
func drawPairs(ctx context.Context, plan *recipe.Plan, n, first int) (pairing, error) {
	size := plan.Recipe.Train.Batch
	p := pairing{tensor.New(n, plan.Net.Dim()), tensor.New(n, plan.Net.Dim())}
	b := flow.NewBatch(size, plan.Net.Dim(), plan.Train.CondSpec())
	key := rng.New(plan.Recipe.Train.Seed).Split("batch")
	for lo, i := 0, first; lo < n; lo, i = lo+size, i+1 {
		if err := ctx.Err(); err != nil {
			return p, err
		}
		if err := plan.Pairs.Fill(&b, key, i); err != nil {
			return p, err
		}
		hi := min(lo+size, n)
		copy(p.x0.Rows(lo, hi).Data, b.X0.Data)
		copy(p.x1.Rows(lo, hi).Data, b.X1.Data)
	}
	return p, nil
}

// cost is the mean squared length of the pairs' lines.
func (p pairing) cost() (sum float64) {
	for i, v := range p.x1.Data {
		d := float64(v) - float64(p.x0.Data[i])
		sum += d * d
	}
	return sum / float64(p.x0.N)
}

// variance is that of x1 - x0, summed over the columns.
func (p pairing) variance() float64 {
	v := p.cost()
	for j := range p.x0.D {
		mean := 0.0
		for i := range p.x0.N {
			mean += (float64(p.x1.Row(i)[j]) - float64(p.x0.Row(i)[j])) / float64(p.x0.N)
		}
		v -= mean * mean
	}
	return v
}

// crossings lists where the straight segments of the pairs meet in the plane:
// the two pairs, the place, and the time of each line there. It stops at most.
func (p pairing) crossings(most int) [][6]float64 {
	out := [][6]float64{}
	for i := range p.x0.N {
		a, b := p.x0.Row(i), p.x1.Row(i)
		ax, ay := float64(a[0]), float64(a[1])
		dx, dy := float64(b[0])-ax, float64(b[1])-ay
		for j := i + 1; j < p.x0.N; j++ {
			c, d := p.x0.Row(j), p.x1.Row(j)
			ex, ey := float64(d[0])-float64(c[0]), float64(d[1])-float64(c[1])
			fx, fy := float64(c[0])-ax, float64(c[1])-ay
			det := dx*ey - dy*ex
			if det == 0 {
				continue // parallel, or a point
			}
			ti, tj := (fx*ey-fy*ex)/det, (fx*dy-fy*dx)/det
			if ti < 0 || ti > 1 || tj < 0 || tj > 1 {
				continue
			}
			if len(out) == most {
				return out
			}
			out = append(out, [6]float64{float64(i), float64(j), ax + ti*dx, ay + ti*dy, ti, tj})
		}
	}
	return out
}

// schedule is a table of the coefficients of a path.
type schedule struct {
	T      []float64 `json:"t"`
	Alpha  []float64 `json:"alpha"`
	Sigma  []float64 `json:"sigma"`
	DAlpha []float64 `json:"dalpha"`
	DSigma []float64 `json:"dsigma"`
}

// tableOf returns the coefficients of the recipe's path; those of the straight
// path where it has no schedule (a bridge, about whose straight mean it scatters).
func tableOf(c path.Config) (s schedule, err error) {
	if c.Name != "target" {
		c.Sigma = 0 // the mean of the path
	}
	var at flow.Schedule = path.CondOT{}
	if c.Name != "bridge" {
		if at, err = path.NewSchedule(c); err != nil {
			return s, err
		}
	}
	for i := range scheduleSteps + 1 {
		t := float64(i) / scheduleSteps
		alpha, sigma, dalpha, dsigma := at.At(t)
		s.T = append(s.T, t)
		s.Alpha, s.Sigma = append(s.Alpha, alpha), append(s.Sigma, sigma)
		s.DAlpha, s.DSigma = append(s.DAlpha, bounded(dalpha)), append(s.DSigma, bounded(dsigma))
	}
	return s, nil
}

// bounded keeps a derivative that is singular at an end within what JSON holds.
func bounded(v float64) float64 { return math.Max(-1e6, math.Min(1e6, v)) }

// pairs answers a batch of pairs under a coupling.
func (s *Server) pairs(w http.ResponseWriter, r *http.Request) error {
	sub, err := s.readSubject(w, r)
	if err != nil {
		return err
	}
	n := 128
	if sub.N != nil {
		n = *sub.N
	}
	if n < 1 || n > 4096 {
		return faultf(http.StatusUnprocessableEntity, "n: %d is not in 1..4096", n)
	}
	if sub.Batch < 0 || sub.Batch > 1<<30 {
		return faultf(http.StatusUnprocessableEntity, "batch: %d is not in 0..%d", sub.Batch, 1<<30)
	}
	plan, err := s.planned(r.Context(), sub)
	if err != nil {
		return err
	}
	if err := s.heavy.take(r.Context()); err != nil {
		return err
	}
	defer s.heavy.give()
	all, err := drawPairs(r.Context(), plan, crossingPairs, sub.Batch)
	if err != nil {
		return err
	}
	crossing, err := metric.CrossingOf(r.Context(), all.x0, all.x1, crossingQueries)
	if err != nil {
		return err
	}
	shown := pairing{all.x0.Rows(0, n), all.x1.Rows(0, n)}
	few := min(n, drawnPairs)
	table, err := tableOf(plan.Recipe.Settled().Path)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{
		"n": n, "x0_f32": f32(shown.x0.Data), "x1_f32": f32(shown.x1.Data), "schedule": table,
		"crossings": pairing{shown.x0.Rows(0, few), shown.x1.Rows(0, few)}.crossings(mostCrossings),
		"crossing":  metric.Number(crossing.Value), "cost": all.cost(),
		"transform": plan.Transform, "recipe": plan.Recipe, "notes": append([]string{}, plan.Notes...),
	})
}
