package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"laminar/flow"
	"laminar/metric"
	"laminar/modelfile"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// decodeTimes reads the times of the marginals.
func (s *Saved) decodeTimes(f *modelfile.File) error {
	if s.Recipe.Data.TimeColumn == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(f.Meta[metaTimes]), &s.Times); err != nil {
		return fmt.Errorf("%w: metadata %q: %w", flow.ErrFormat, metaTimes, err)
	}
	for k, t := range s.Times {
		if k > 0 && !(t > s.Times[k-1]) {
			return fmt.Errorf("%w: metadata %q: %v do not increase", flow.ErrFormat, metaTimes, s.Times)
		}
	}
	if len(s.Times) < 2 {
		return fmt.Errorf("%w: metadata %q: %d times, need 2 or more", flow.ErrFormat, metaTimes, len(s.Times))
	}
	return nil
}

// Place takes a time in the numbers of the time column to the flow's, from 0 to
// 1. The error wraps flow.ErrConfig for models without times, and for times that
// lie outside of those that the model was trained on.
func (s *Saved) Place(time float64) (float64, error) {
	if len(s.Times) == 0 {
		return 0, fmt.Errorf("%w: the model knows no times; laminar train --time-column makes one that does", flow.ErrConfig)
	}
	first, last := s.Times[0], s.Times[len(s.Times)-1]
	if !(time >= first && time <= last) {
		return 0, fmt.Errorf("%w: the time %v is not between %v and %v, the first and the last that the model knows", flow.ErrConfig, time, first, last)
	}
	return (time - first) / (last - first), nil
}

// ReadRowsAt reads points of a file for a model with times: all its rows, or, if
// the file has the model's time column, those of that time. The errors are those
// of ReadRows.
func (s *Saved) ReadRowsAt(path string, time float64) (Rows, error) {
	d := s.Recipe.Data
	o := d.TableOptions()
	o.Array = ""
	t, err := ReadTable(path, o)
	if err != nil || t.X.D < s.Model.Dim() {
		return s.ReadRows(path) // without the column, or with the same fault
	}
	var out Rows
	at := d.At(t, time)
	if at.X.N == 0 {
		return out, fmt.Errorf("%w: %s has no rows at %s = %v; its times are %v", flow.ErrConfig, path, d.TimeColumn, time, d.TimesOf(t))
	}
	if at.X.N < t.X.N {
		out.Notes = append(out.Notes, fmt.Sprintf("of %d rows of %s the %d at %s = %v are taken", t.X.N, path, at.X.N, d.TimeColumn, time))
	}
	out.X, err = columnsOf(s.Model.Columns, s.Model.Dim(), at)
	return out, err
}

// marginalPoints bounds the points of an exact distance between marginals.
const marginalPoints = 2000

// marginals judges a model with times: the real rows of each time are carried to
// the next and compared with the real rows there, in the network's space.
func marginals(ctx context.Context, s *Saved, plan *recipe.Plan, o EvalOptions) ([]metric.Marginal, error) {
	c := sample.Config{Workers: o.Threads, Solve: solve.Config{Method: "euler", Steps: traceSteps}}
	var out []metric.Marginal
	for k := 1; k < len(plan.Marginals); k++ {
		before, here := plan.Marginals[k-1], plan.Marginals[k]
		from, err := s.Place(before.Time)
		if err != nil {
			return nil, err
		}
		to, err := s.Place(here.Time)
		if err != nil {
			return nil, err
		}
		key := o.Key.Split("marginals").At(uint64(k))
		x0, x1 := some(before.Rows, key.Split("before")), some(here.Rows, key.Split("here"))
		m := metric.Marginal{Time: here.Time, From: before.Time, LeftOut: here.LeftOut, N: x1.N}
		part := c
		part.Seed = key
		x := x0.Clone()
		// As many steps a stretch of time as Trace has for the whole.
		_, err = sample.Carry(ctx, s.Model, part, x, from, to)
		lost := errors.Is(err, flow.ErrDiverged)
		if err != nil && !lost {
			return nil, err
		}
		half := x1.N / 2
		for _, d := range []struct {
			dst  *metric.Number
			x, y tensor.Mat
		}{{&m.W1, x, x1}, {&m.Still, x0, x1}, {&m.Floor, x1.Rows(0, half), x1.Rows(half, 2*half)}} {
			if d.dst == &m.W1 && lost {
				m.W1 = metric.Number(math.NaN())
				continue
			}
			w, err := metric.W1(d.x, d.y)
			if err != nil {
				return nil, err
			}
			*d.dst = metric.Number(w)
		}
		out = append(out, m)
	}
	return out, nil
}

// some returns the rows of x in an order of chance, marginalPoints at most.
func some(x tensor.Mat, key rng.Key) tensor.Mat {
	order, stream := make([]int32, x.N), key.Stream()
	stream.Perm(order)
	out := tensor.New(min(x.N, marginalPoints), x.D)
	for i := range out.N {
		copy(out.Row(i), x.Row(int(order[i])))
	}
	return out
}

// judgeAt makes the rows of a table of the model's last time what samples are
// compared with.
func (s *Saved) judgeAt(plan *recipe.Plan, m recipe.Given, name string) error {
	last := s.Times[len(s.Times)-1]
	d := s.Recipe.Data
	if m.Table == nil {
		plan.JudgeByDraws(m.Toy)
		return nil
	}
	if !slices.Contains(d.TimesOf(m.Table), last) {
		return fmt.Errorf("%w: %s has no rows at %s = %v, the last time of the model", flow.ErrConfig, name, d.TimeColumn, last)
	}
	return plan.JudgeBy(d.At(m.Table, last), nil)
}
