package serve

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"laminar/data"
	"laminar/flow"
	"laminar/metric"
	"laminar/model"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// The sizes of a measurement while a run trains, and of the last one.
const (
	liveRows   = 512
	finalRows  = 1000
	finalPairs = 3
	floorPairs = 4
	// rest is how long measuring rests, in multiples of what a measurement took.
	rest     = 4
	leastGap = 200 * time.Millisecond
)

var (
	liveNFE  = []int{1, 2, 4, 8, 16}
	finalNFE = []int{1, 2, 4, 8, 16, 32, 100}
)

// measured is the event "quality".
type measured struct {
	Step      int            `json:"step"`
	Seconds   float64        `json:"seconds"`
	Solver    string         `json:"solver"`
	N         int            `json:"n"`
	Floor     metric.Number  `json:"floor"`
	Rows      []reading      `json:"rows"`
	LossFloor *metric.Number `json:"loss_floor"`
	Final     bool           `json:"final"`
}

// reading is the distance of samples from data at one number of evaluations.
type reading struct {
	NFE   int           `json:"nfe"`
	W2    metric.Number `json:"w2"`
	Ratio metric.Number `json:"ratio"`
}

// ruler measures samples of one run's models against fixed draws of its data,
// always from the same noise, so that readings differ by the model alone.
type ruler struct {
	plan  *recipe.Plan
	into  data.Transform // the numbers in which distances are measured
	n     int
	data  []tensor.Mat
	floor float64
}

// newRuler draws the data and finds their floor: the mean W2 of draws of n rows,
// over floorPairs pairs. A table of L rows is measured by L/2.
func newRuler(ctx context.Context, plan *recipe.Plan, n, pairs int) (*ruler, error) {
	set, into, err := plan.Measured()
	if err != nil {
		return nil, err
	}
	if l := set.Len(); l > 0 {
		n = min(n, l/2)
	}
	u := &ruler{plan: plan, into: into, n: n}
	key := rng.New(plan.Recipe.Train.Seed).Split("playground")
	draw := func(p, side int) (tensor.Mat, error) {
		s := flow.NewSample(set, n)
		// The two sides of a pair are two draws of one epoch, which share no row.
		return s.X, set.Draw(s, key.At(uint64(p)), side)
	}
	for p := range max(pairs, floorPairs) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x, err := draw(p, 0)
		if err != nil {
			return nil, err
		}
		if p < pairs {
			u.data = append(u.data, x)
		}
		if p >= floorPairs {
			continue
		}
		y, err := draw(p, 1)
		if err != nil {
			return nil, err
		}
		w, err := metric.W2(x, y)
		if err != nil {
			return nil, err
		}
		u.floor += w / floorPairs
	}
	return u, nil
}

// read returns the distance of m's samples by one setting. Samples that diverge
// read NaN.
func (u *ruler) read(ctx context.Context, m *model.Model, method string, nfe int) (reading, error) {
	r := reading{NFE: nfe, W2: metric.Number(math.NaN()), Ratio: metric.Number(math.NaN())}
	if m.Once && (nfe != 1 || method != "euler") {
		return r, nil // it takes no other step
	}
	sum := 0.0
	for p, x := range u.data {
		c := sample.Config{N: u.n, Seed: rng.New(u.plan.Recipe.Train.Seed).Split("playground noise").At(uint64(p)), Solve: solve.Defaults(), Workers: 1}
		c.Solve.Method, c.Solve.NFE = method, nfe
		if u.plan.Recipe.Source != "gaussian" {
			c.Source = u.plan.Source
		}
		y, _, err := sample.Draw(ctx, m, c)
		z := tensor.New(u.n, x.D)
		if err == nil {
			err = u.into.Forward(z, y)
		}
		var w float64
		if err == nil {
			w, err = metric.W2(z, x)
		}
		switch {
		case errors.Is(err, flow.ErrDiverged), errors.Is(err, flow.ErrFormat):
			return r, nil
		case err != nil:
			return r, err
		}
		sum += w / float64(len(u.data))
	}
	r.W2, r.Ratio = metric.Number(sum), metric.Number(sum/u.floor)
	return r, nil
}

// watch measures the run while it trains and somebody listens, without taking
// more than a small share of the cores.
func (j *job) watch(ctx context.Context) error {
	first := true
	for {
		cost := time.Duration(0)
		if j.listened() && j.step.Load() > 0 {
			j.wanted.Store(true)
			select {
			case <-j.fresh:
			case <-ctx.Done():
				return nil
			}
			begin := time.Now()
			if err := j.measure(ctx); err != nil {
				return err
			}
			if cost = time.Since(begin); first {
				cost, first = 0, false // half of the first one was for the floor
			}
		}
		select {
		case <-time.After(max(leastGap, rest*cost)):
		case <-ctx.Done():
			return nil
		}
	}
}

// measure reads the latest frame and tells of it.
func (j *job) measure(ctx context.Context) error {
	if err := j.server.measuring.take(ctx); err != nil {
		return err
	}
	defer j.server.measuring.give()
	u, lossFloor, err := j.ruled(ctx)
	if err != nil {
		return err
	}
	return j.readAll(ctx, u, lossFloor, liveNFE, false)
}

// measureLast reads the finished model with more rows.
func (j *job) measureLast(ctx context.Context) error {
	if err := j.server.measuring.take(ctx); err != nil {
		return err
	}
	defer j.server.measuring.give()
	_, lossFloor, err := j.ruled(ctx)
	if err != nil {
		return err
	}
	u, err := newRuler(ctx, j.plan, finalRows, finalPairs)
	if err != nil {
		return err
	}
	if err := j.readAll(ctx, u, lossFloor, finalNFE, true); err != nil {
		return err
	}
	j.ruler.Lock()
	defer j.ruler.Unlock()
	j.rule = u // what is asked later lies on the curve that was told last
	return nil
}

func (j *job) readAll(ctx context.Context, u *ruler, lossFloor *metric.Number, nfe []int, final bool) error {
	f := j.latest.Load()
	j.mu.Lock()
	v := measured{Step: f.step, Seconds: j.seconds, Solver: method(j.plan), N: u.n, Floor: metric.Number(u.floor), LossFloor: lossFloor, Final: final}
	j.mu.Unlock()
	m, err := j.plan.Model(f.params, nil)
	if err != nil {
		return err
	}
	for _, n := range nfe {
		r, err := u.read(ctx, m, v.Solver, n)
		if err != nil {
			return err
		}
		v.Rows = append(v.Rows, r)
	}
	j.story.add(tellQuality, v)
	return nil
}

// method is the solver by which the run's models are sampled.
func method(plan *recipe.Plan) string { return plan.Recipe.Method() }

// ruled returns the ruler of live measurements and the floor of the loss, which
// are found once.
func (j *job) ruled(ctx context.Context) (*ruler, *metric.Number, error) {
	j.ruler.Lock()
	defer j.ruler.Unlock()
	if j.rule == nil {
		u, err := newRuler(ctx, j.plan, liveRows, 1)
		if err != nil {
			return nil, nil, err
		}
		if j.lossFloor, err = lossFloor(ctx, j.plan); err != nil {
			return nil, nil, err
		}
		j.rule = u
	}
	return j.rule, j.lossFloor, nil
}

// lossFloor is the part of the loss that no network removes: the variance of the
// velocity at a point, which lines that cross there make. It is nil where the
// loss is another than that of velocities along straight lines.
func lossFloor(ctx context.Context, plan *recipe.Plan) (*metric.Number, error) {
	r := plan.Recipe.Settled()
	straight := r.Family == "flow" && r.Objective == "velocity" && r.Predict == "velocity" &&
		r.Path.Name == "linear" && r.Path.Sigma == 0 && r.Path.Time == "uniform" && r.Path.Weight == "uniform" && r.Path.Shift == 1
	if !straight {
		return nil, nil
	}
	p, err := drawPairs(ctx, plan, crossingPairs, 0)
	if err != nil {
		return nil, err
	}
	c, err := metric.CrossingOf(ctx, p.x0, p.x1, crossingQueries)
	if err != nil {
		return nil, err
	}
	v := metric.Number(c.Value * p.variance() / float64(p.x0.D))
	return &v, nil
}

// quality answers how far samples by one setting are from the data.
func (s *Server) quality(w http.ResponseWriter, r *http.Request) error {
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	name, nfe, err := stepping(r)
	if err != nil {
		return err
	}
	if err := s.heavy.take(r.Context()); err != nil {
		return err
	}
	defer s.heavy.give()
	u, _, err := j.ruled(r.Context())
	if err != nil {
		return err
	}
	f := j.latest.Load()
	net, err := j.plan.Model(f.params, nil)
	if err != nil {
		return err
	}
	got, err := u.read(r.Context(), net, name, nfe)
	if err != nil {
		return err
	}
	return writeJSON(w, struct {
		Step   int    `json:"step"`
		Solver string `json:"solver"`
		N      int    `json:"n"`
		reading
		Floor metric.Number `json:"floor"`
	}{f.step, name, u.n, got, metric.Number(u.floor)})
}

// stepping reads a solver and its number of evaluations.
func stepping(r *http.Request) (name string, nfe int, err error) {
	name = r.URL.Query().Get("solver")
	m, err := solve.Named(name)
	if err != nil {
		return "", 0, err
	}
	if nfe, err = number(r, "nfe", 8, 1, 200); err != nil {
		return "", 0, err
	}
	_, err = solve.Steps(m, nfe, 1)
	return name, nfe, err
}

// number reads a whole number from the query.
func number(r *http.Request, name string, unset, lo, hi int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return unset, nil
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < lo || v > hi {
		return 0, faultf(http.StatusUnprocessableEntity, "%s: %.40q is not a whole number in %d..%d", name, text, lo, hi)
	}
	return v, nil
}
