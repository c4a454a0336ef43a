package recipe

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"laminar/coupling"
	"laminar/data"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Marginal is the rows of a table that were observed at one time: see
// Data.TimeColumn.
type Marginal struct {
	// Time is in the numbers of the time column.
	Time float64
	// LeftOut tells that training has not seen it: see Data.LeaveOut.
	LeftOut bool
	// Rows are the points, in the network's space, that carried ones are judged by:
	// those kept from training if they are many enough, else all.
	Rows tensor.Mat
}

// marginalRows is the fewest rows of one time that can be learnt from.
const marginalRows = 10

// chained are the couplings that can join marginals: those whose pairs have
// neither weights nor conditions and that know a batch only.
var chained = []string{"ot", "independent", "sinkhorn", "partial"}

// validTimes reports what does not go with a column of times.
func (r Recipe) validTimes() (errs []error) {
	bad := func(path, format string, a ...any) {
		errs = append(errs, &flow.FieldError{Path: path, Msg: fmt.Sprintf(format, a...)})
	}
	if r.Data.TimeColumn == "" {
		if len(r.Data.LeaveOut) > 0 {
			bad("data.leave_out", "needs data.time_column to say which column holds the times")
		}
		return errs
	}
	r = r.Settled()
	const with = "does not go with a column of times"
	if IsBuiltIn(r.Data.Name) {
		bad("data.time_column", "the built-in set %s has no column of times; name a file", r.Data.Name)
	}
	if r.Distill != nil {
		bad("distill", "%s: its pairs are those of noise and data", with)
	}
	if r.Data.Label != "" {
		bad("data.label", "%s: rows of several times are not paired by label", with)
	}
	if len(r.Data.Conditions) > 0 {
		bad("data.conditions", "%s: rows of several times are not paired by conditions", with)
	}
	if r.Source != "gaussian" {
		bad("source", "%s: the flow starts from the rows of the first time", with)
	}
	switch {
	case r.Family != families[0].Name:
		bad("family", "%s %s, only %s does: the flow starts from rows, not from noise", r.Family, with, families[0].Name)
	case slices.Contains(Objectives()[1:], r.Objective):
		bad("objective", "%s %s, only %s does", r.Objective, with, Objectives()[0])
	case r.Predict != "velocity":
		bad("predict", "%s %s, only velocity does", r.Predict, with)
	case r.Path.Name != "linear":
		bad("path.name", "%s %s, only linear does", r.Path.Name, with)
	}
	if !slices.Contains(chained, r.Coupling.Name) {
		bad("coupling.name", "%s %s; one of %s does", r.Coupling.Name, with, strings.Join(chained, ", "))
	} else if r.Coupling.Block > 1 {
		bad("coupling.block", "%d %s: batches are paired one by one", r.Coupling.Block, with)
	}
	for i, t := range r.Data.LeaveOut {
		if math.IsNaN(t) || slices.Contains(r.Data.LeaveOut[:i], t) {
			bad("data.leave_out", "%v is not a time, or named twice", t)
		}
	}
	return errs
}

// GaussianSource tells whether the flow starts from N(0, I).
func (r Recipe) GaussianSource() bool { return r.Source == "gaussian" && r.Data.TimeColumn == "" }

// At returns the rows of a table, read by TableOptions, that were observed at a
// time, as points alone.
func (d Data) At(t *data.Table, time float64) *data.Table {
	var rows []int
	for i := range t.Real.N {
		if t.Real.At(i, 0) == time {
			rows = append(rows, i)
		}
	}
	return points(t.Select(rows))
}

// points returns t without label and conditions, the times among them.
func points(t *data.Table) *data.Table {
	u := *t
	u.Label, u.Class, u.Classes, u.Conditions, u.Real = "", nil, nil, nil, tensor.Matrix[float64]{}
	return &u
}

// TimesOf returns the distinct times of a table that was read by TableOptions,
// in ascending order.
func (d Data) TimesOf(t *data.Table) []float64 {
	seen := map[float64]bool{}
	for i := range t.Real.N {
		seen[t.Real.At(i, 0)] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// takeTimes makes of a table with a column of times what is learnt from: the
// flow goes from the rows of the first time through those between to the last.
func (p *Plan) takeTimes(all *data.Table, key rng.Key) error {
	d := p.Recipe.Data
	p.Columns, p.Notes = all.Columns, slices.Clone(all.Notes)
	if all.Real.D != 1 {
		return &flow.FieldError{Path: "data.time_column", Msg: all.Name + " was not read with a column of times"}
	}
	times := d.TimesOf(all)
	if err := d.checkTimes(all.Name, times); err != nil {
		return err
	}
	type part struct{ learn, held, judged *data.Table }
	parts := make([]part, len(times))
	var learnt []int // rows of all
	row := map[float64][]int{}
	for i := range all.Real.N {
		at := all.Real.At(i, 0)
		row[at] = append(row[at], i)
	}
	for k, t := range times {
		rows := row[t]
		if len(rows) < marginalRows {
			return &flow.FieldError{Path: "data.time_column", Msg: fmt.Sprintf("%s has %d rows at time %s, too few to learn from: give each time %d or more, or remove those rows", all.Name, len(rows), number(t), marginalRows)}
		}
		whole := points(all.Select(rows))
		parts[k] = part{learn: whole, judged: whole}
		if slices.Contains(d.LeaveOut, t) {
			continue
		}
		p.Times = append(p.Times, t)
		if d.HeldOut > 0 {
			a, b, err := data.SplitRows(len(rows), d.HeldOut, key.Split("held out").At(uint64(k)))
			if err != nil {
				return fmt.Errorf("%s: time %s: %w", all.Name, number(t), err)
			}
			parts[k].learn, parts[k].held = whole.Select(a), whole.Select(b)
			for i := range a {
				a[i] = rows[a[i]]
			}
			rows = a
			if len(b) >= judgeRows {
				parts[k].judged = parts[k].held
			}
		}
		learnt = append(learnt, rows...)
	}
	if steps := len(p.Times) - 1; p.Recipe.Train.Batch < steps {
		return &flow.FieldError{Path: "train.batch", Msg: fmt.Sprintf("%d pairs are too few for %d steps from time to time; give %d or more", p.Recipe.Train.Batch, steps, steps)}
	}
	slices.Sort(learnt)
	if d.Standardise {
		z, err := data.FitStandardise(all.Select(learnt).X)
		if err != nil {
			return fmt.Errorf("%s: %w", all.Name, err)
		}
		p.Transform = z
	}
	for k, t := range times {
		judged, err := parts[k].judged.Dataset(p.Transform, nil)
		if err != nil {
			return err
		}
		m := Marginal{Time: t, LeftOut: slices.Contains(d.LeaveOut, t), Rows: judged.X()}
		p.Marginals = append(p.Marginals, m)
		if m.LeftOut {
			continue
		}
		learn, err := parts[k].learn.Dataset(p.Transform, nil)
		if err != nil {
			return err
		}
		p.learn = append(p.learn, learn)
		if parts[k].held == nil {
			continue
		}
		held, err := parts[k].held.Dataset(p.Transform, nil)
		if err != nil {
			return err
		}
		p.held = append(p.held, held)
	}
	last := parts[len(parts)-1]
	p.Source, p.Train = p.learn[0].(data.RowSource), p.learn[len(p.learn)-1].(data.RowSource)
	p.Against = fmt.Sprintf("all rows of time %s, those of training among them", number(times[len(times)-1]))
	if last.held != nil {
		p.HeldOut = p.held[len(p.held)-1].(data.RowSource)
	}
	if last.held != nil && last.judged == last.held {
		p.Against = fmt.Sprintf("rows of time %s that training has not seen", number(times[len(times)-1]))
	}
	return p.JudgeBy(last.judged, nil)
}

// checkTimes reports times that no flow can go through.
func (d Data) checkTimes(name string, times []float64) error {
	if len(times) < 2 {
		return &flow.FieldError{Path: "data.time_column", Msg: fmt.Sprintf("%s holds one time only, %s; a flow goes from one to another", name, number(times[0]))}
	}
	for _, t := range d.LeaveOut {
		if k := slices.Index(times, t); k < 1 || k == len(times)-1 {
			msg := fmt.Sprintf("%s is not a time between the first and the last", number(t))
			if len(times) > 2 {
				msg += fmt.Sprintf("; those of %s are %s", name, numbers(times[1:len(times)-1]))
			}
			return &flow.FieldError{Path: "data.leave_out", Msg: msg}
		}
	}
	return nil
}

// chain joins marginals by the recipe's coupling.
func (p *Plan) chain(marginals []flow.Dataset) (flow.PairSource, error) {
	if len(marginals) == 0 {
		return nil, nil
	}
	pairer, err := coupling.New(p.Recipe.Coupling)
	if err != nil {
		return nil, below("coupling", err)
	}
	return coupling.NewChain(p.Times, marginals, pairer)
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// numbers lists times, the first ones of many.
func numbers(v []float64) string {
	const most = 20
	var text []string
	for _, t := range v[:min(len(v), most)] {
		text = append(text, number(t))
	}
	if len(v) > most {
		text = append(text, "...")
	}
	return strings.Join(text, ", ")
}
