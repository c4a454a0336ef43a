package run

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"laminar/data/table"
	"laminar/flow"
	"laminar/model"
	"laminar/rng"
	"laminar/tensor"
)

// TableDensity is how likely a model finds rows of a table, in nats.
type TableDensity struct {
	// LogP is the logarithm of the chance of a row's options (levels, gaps, and which
	// values are frequent ones) times the density of its quantities given them, per
	// unit of each.
	LogP []float64
	// Surprise is, for each row and column, -log of the chance or density of its cell
	// given all other cells of the row; densities are those on the axis on which the
	// column is standard normal. It is NaN for columns that the model does not learn,
	// and empty unless it was asked for.
	Surprise tensor.Matrix[float64]
}

const (
	densityChunk = 256 // rows that are done together
	densityNoise = 4   // draws of noise that a chance is averaged over
	densitySteps = 12  // Runge-Kutta steps of a quantity's density
)

// TableLogProb scores rows in the numbers of the schema. The model is asked for each
// cell given others, which it was trained for: the chances of a choice are what the
// network says of it at the start of the flow, where the point tells nothing, and the
// density of quantities is that of the flow of their coordinates alone. In LogP each
// choice is given those before it, and the quantities all of them. The error wraps
// flow.ErrConfig for a model that cannot be given columns, and flow.ErrFormat for a cell
// that is missing where none was in training.
func (s *Saved) TableLogProb(ctx context.Context, rows tensor.Matrix[float64], explain bool, workers int, watch func(done int)) (TableDensity, error) {
	var out TableDensity
	t, err := s.tableOf()
	if err != nil {
		return out, err
	}
	if err := s.givable(); err != nil {
		return out, err
	}
	if s.Model.Schedule == nil {
		return out, fmt.Errorf("%w: a density needs a model that was trained on a path without noise about it", flow.ErrConfig)
	}
	if err := unknownGap(t, rows); err != nil {
		return out, err
	}
	out.LogP = make([]float64, rows.N)
	if explain {
		out.Surprise = tensor.NewOf[float64](rows.N, rows.D)
	}
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var next, done atomic.Int64
	var wg sync.WaitGroup
	var once sync.Mutex
	var failed error
	for range workers {
		wg.Go(func() {
			for {
				lo := int(next.Add(densityChunk)) - densityChunk
				if lo >= rows.N {
					return
				}
				hi := min(lo+densityChunk, rows.N)
				err := ctx.Err()
				if err == nil {
					err = s.scoreRows(t, rows.Rows(lo, hi), out.LogP[lo:hi], out.Surprise, lo)
				}
				once.Lock()
				if err != nil && failed == nil {
					failed = atRows(err, lo)
				}
				stop := failed != nil
				if !stop {
					watch(int(done.Add(int64(hi - lo))))
				}
				once.Unlock()
				if stop {
					return
				}
			}
		})
	}
	wg.Wait()
	return out, failed
}

// unknownGap is the fault of the first cell that is missing where none was in training.
func unknownGap(t *table.Transform, rows tensor.Matrix[float64]) error {
	for i := range rows.N {
		for j, v := range rows.Row(i) {
			c := &t.Schema().Columns[j]
			if math.IsNaN(v) && c.MissingShare == 0 && slices.ContainsFunc(t.Blocks(), func(b table.Block) bool { return b.Column == j }) {
				return fmt.Errorf("%w: row %d, column %q: the cell is empty, where training saw no gap", flow.ErrFormat, i+1, c.Name)
			}
		}
	}
	return nil
}

func atRows(err error, lo int) error {
	if lo == 0 {
		return err
	}
	return fmt.Errorf("rows from %d on: %w", lo+1, err)
}

// scored are rows whose cells are scored, with what is known of them at present.
type scored struct {
	m    *model.Model
	t    *table.Transform
	z    tensor.Mat // all known coordinates
	full tensor.Mat // 1 where a coordinate is known
	mask tensor.Mat // 1 where it is given
}

func (s *Saved) scoreRows(t *table.Transform, rows tensor.Matrix[float64], logP []float64, surprise tensor.Matrix[float64], first int) error {
	known := make([]bool, len(rows.Data))
	for k := range known {
		known[k] = true
	}
	c := scored{m: s.Model, t: t, z: tensor.New(rows.N, t.Dim()), full: tensor.New(rows.N, t.Dim()), mask: tensor.New(rows.N, t.Dim())}
	if err := t.ForwardKnown(c.z, c.full, rows, known); err != nil {
		return err
	}
	if err := t.LogDet(logP, rows); err != nil {
		return err
	}
	blocks := t.Blocks()
	var values []int
	for _, b := range blocks {
		if b.Role == table.Value {
			values = append(values, b.Offset)
			continue
		}
		if err := c.choice(logP, b); err != nil {
			return err
		}
	}
	if err := c.density(logP, values); err != nil {
		return err
	}
	if surprise.IsEmpty() {
		return nil
	}
	for i := range rows.N {
		for j := range rows.D {
			surprise.Row(first + i)[j] = math.NaN()
		}
	}
	for lo := 0; lo < len(blocks); {
		hi := lo + 1
		for hi < len(blocks) && blocks[hi].Column == blocks[lo].Column {
			hi++
		}
		copy(c.mask.Data, c.full.Data)
		for i := range rows.N {
			for _, b := range blocks[lo:hi] {
				clear(c.mask.Row(i)[b.Offset : b.Offset+b.Width])
			}
		}
		score := make([]float64, rows.N)
		for _, b := range blocks[lo:hi] {
			var err error
			if b.Role == table.Choice {
				err = c.choice(score, b)
			} else {
				err = c.density(score, []int{b.Offset})
			}
			if err != nil {
				return err
			}
		}
		for i, v := range score {
			surprise.Row(first + i)[blocks[lo].Column] = -v
		}
		lo = hi
	}
	return nil
}

// choice adds the log of the chance of a choice in every row, given the coordinates
// of mask, to which it adds the choice's.
func (c *scored) choice(out []float64, b table.Block) error {
	at := b.Offset
	for _, n := range b.Digits {
		w := n
		if n <= 2 {
			w = 1
		}
		if n > 1 {
			if err := c.chance(out, at, n, w); err != nil {
				return err
			}
		}
		for i := range c.z.N {
			copy(c.mask.Row(i)[at:at+w], c.full.Row(i)[at:at+w])
		}
		at += w
	}
	return nil
}

// start returns the given coordinates, masks at the other choices and noise at the
// other values.
func (c *scored) start(key rng.Key) tensor.Mat {
	x := tensor.New(c.z.N, c.z.D)
	for i := range x.N {
		noise := key.Stream()
		for k := range x.Row(i) {
			if v := float32(noise.NormFloat64()); c.mask.Row(i)[k] == 0 {
				x.Row(i)[k] = v
			} else {
				x.Row(i)[k] = c.z.Row(i)[k]
			}
		}
		for _, choice := range c.m.Choices {
			if at := choice.Offset; c.mask.Row(i)[at] == 0 {
				clear(x.Row(i)[at : at+choice.Width()])
			}
		}
	}
	return x
}

func (c *scored) bind() (*model.Bound, error) {
	return c.m.Bind(flow.Cond{Mask: c.mask, Observed: c.z})
}

// chance adds the log of the chance of the digit of n options at the w coordinates
// from at on.
func (c *scored) chance(out []float64, at, n, w int) error {
	f, err := c.bind()
	if err != nil {
		return err
	}
	lo, hi := c.t.Corner(n)
	share := make([]float64, c.z.N)
	v := tensor.New(c.z.N, c.z.D)
	for draw := range densityNoise {
		x := c.start(rng.New(0).Split("density").At(uint64(draw)))
		if err := f.Velocity(v, x, 0); err != nil {
			return err
		}
		for i := range share {
			digit := at // the coordinate of the option that the row has
			for k := at; k < at+w; k++ {
				if c.z.Row(i)[k] > c.z.Row(i)[digit] {
					digit = k
				}
			}
			s := (float64(v.Row(i)[digit]) - lo) / (hi - lo) // at t = 0 the velocity of a mask is E[x1]
			if n == 2 && c.z.Row(i)[digit] < 0 {
				s = 1 - s
			}
			share[i] += s / densityNoise
		}
	}
	for i, s := range share {
		if c.full.Row(i)[at] != 0 {
			out[i] += math.Log(max(s, 1e-12))
		}
	}
	return nil
}

// probesAtOnce bounds the tangents that one evaluation carries.
const probesAtOnce = 16

// density adds the log of the joint density of the values at the coordinates ks, as
// far as a row has them, given the coordinates of mask.
func (c *scored) density(out []float64, ks []int) error {
	f, err := c.bind()
	if err != nil || len(ks) == 0 {
		return err
	}
	n := c.z.N
	x := c.start(rng.New(0).Split("density"))
	v, times := tensor.New(n, c.z.D), make([]float64, n)
	d := len(ks)
	at := make([]float64, n*d) // of row i the values at i*d
	volume := make([]float64, n)
	for i := range n {
		for q, k := range ks {
			at[i*d+q] = float64(c.z.Row(i)[k])
		}
	}
	moves := func(i, k int) bool { return c.full.Row(i)[k] != 0 }
	probes := make([]tensor.Mat, min(d, probesAtOnce))
	for p := range probes {
		probes[p] = tensor.New(n, c.z.D)
	}
	// slope writes the velocity of the values and the change of their volume.
	slope := func(dx, dl []float64, t float64, from []float64) error {
		clear(dl)
		for i := range n {
			times[i] = t
			for q, k := range ks {
				if moves(i, k) {
					x.Row(i)[k] = float32(from[i*d+q])
				}
			}
		}
		for lo := 0; lo < d; lo += len(probes) {
			part := ks[lo:min(lo+len(probes), d)]
			for p, k := range part {
				clear(probes[p].Data)
				for i := range n {
					probes[p].Row(i)[k] = 1
				}
			}
			div := tensor.New(n, len(part))
			if err := f.VelocityDivergence(v, div, x, times, nil, probes[:len(part)]); err != nil {
				return err
			}
			for i := range n {
				for p, k := range part {
					if moves(i, k) {
						dl[i] += float64(div.Row(i)[p])
					}
				}
			}
		}
		for i := range n {
			for q, k := range ks {
				dx[i*d+q] = float64(v.Row(i)[k])
			}
		}
		return nil
	}
	const h = 1.0 / densitySteps
	dx, dl, to := make([]float64, n*d), make([]float64, n), make([]float64, n*d)
	sumX, sumL := make([]float64, n*d), make([]float64, n)
	for step := range densitySteps {
		t := 1 - float64(step)*h
		copy(to, at)
		clear(sumX)
		clear(sumL)
		for stage, w := range []float64{1, 2, 2, 1} { // Runge and Kutta's method
			late := []float64{0, h / 2, h / 2, h}[stage]
			if stage > 0 {
				for i := range to {
					to[i] = at[i] - late*dx[i]
				}
			}
			if err := slope(dx, dl, t-late, to); err != nil {
				return err
			}
			for i := range sumX {
				sumX[i] += w * dx[i] / 6
			}
			for i := range sumL {
				sumL[i] += w * dl[i] / 6
			}
		}
		for i := range at {
			at[i] -= h * sumX[i]
		}
		for i := range volume {
			volume[i] += h * sumL[i]
		}
	}
	for i := range n {
		out[i] -= volume[i]
		for q, k := range ks {
			if moves(i, k) {
				out[i] -= at[i*d+q]*at[i*d+q]/2 + math.Log(2*math.Pi)/2
				c.mask.Row(i)[k] = 1
			}
		}
	}
	return nil
}
