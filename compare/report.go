package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"laminar/internal/kernel"
	"laminar/metric"
	"laminar/plot"
	"laminar/report"
	"laminar/run"
)

// result puts the figures together and decides the claims.
func (w *work) result() *Result {
	f := &figures{trials: map[string][]trial{}, floor: w.floor}
	mean, ci := metric.Student(w.floor)
	r := &Result{Report: Report{
		Data: w.data, Against: w.against, Units: w.units, Seeds: w.cfg.Seeds, N: w.cfg.N, Pairs: w.cfg.Pairs,
		Floor: metric.Number(mean), FloorCI: ci, Kernels: kernel.Best().Name(),
	}, pictures: w.shown}
	for i, m := range w.methods {
		if w.cfg.Steps[m.Name] == 0 {
			r.Budget = w.cfg.Budget.Seconds()
		}
		f.trials[m.Name] = w.trials[i]
		r.Methods = append(r.Methods, w.outcome(i))
	}
	n := w.trials[0][0].plan.Recipe.Network
	r.Network = fmt.Sprintf("%s, %d hidden layers of %d, %s", n.Kind, n.Depth, n.Width, n.Activation)
	for _, rule := range Rules() {
		c := Claim{Claim: rule.Claim, Rule: rule.Rule}
		c.Holds, c.Evidence = rule.decide(f)
		r.Claims = append(r.Claims, c)
	}
	return r
}

// outcome is a method's line of the report.
func (w *work) outcome(i int) Outcome {
	m, trials := w.methods[i], w.trials[i]
	over := func(of func(trial) float64) (metric.Number, metric.Interval) {
		var v []float64
		for _, t := range trials {
			v = append(v, of(t))
		}
		mean, ci := metric.Student(v)
		return metric.Number(mean), ci
	}
	o := Outcome{
		Name: m.Name, About: m.About, Seeds: len(trials), Steps: w.steps[i], TrainSeconds: metric.Number(w.seconds[i]),
		LossKind: m.loss, Crossing: metric.Number(trials[0].crossing),
		W2: map[string]metric.Number{}, W2CI: map[string]metric.Interval{},
	}
	o.Loss, o.LossCI = over(func(t trial) float64 { return t.loss })
	o.Straightness, o.StraightnessCI = over(func(t trial) float64 { return t.straightness })
	o.PathEnergy, _ = over(func(t trial) float64 { return t.energy })
	o.NPE, _ = over(func(t trial) float64 { return t.npe })
	o.NFENeeded, _ = over(func(t trial) float64 { return t.needed })
	o.StepsToTarget, _ = over(func(t trial) float64 { return t.toTarget })
	for _, t := range trials {
		if !math.IsNaN(t.toTarget) {
			o.Reached++
		}
	}
	for _, nfe := range evaluations {
		name := strconv.Itoa(nfe)
		o.W2[name], o.W2CI[name] = over(func(t trial) float64 { return at(t, nfe) })
	}
	return o
}

// picture is a figure of the report, as PNG for a light page and a dark one.
type picture struct {
	section, caption string
	light, dark      []byte
}

// The sections of pictures, in the order of the report.
const (
	quality = "W2 against evaluations and training"
	samples = "Samples"
	paths   = "Trajectories"
)

// draw draws the pictures: the figures of all seeds, and the models of the first.
func (w *work) draw(ctx context.Context) error {
	w.watch(Progress{"drawing", 0, 1})
	type job struct {
		section, caption string
		figure           func(dark bool) (plot.Figure, error)
	}
	jobs := []job{
		{quality, "W2 to data against network evaluations per sample; bands are 95 % intervals over the seeds. The dashed line is data against data.", w.againstEvaluations},
		{quality, "W2 at the method's own number of evaluations against training steps, with averaged weights; mean over the seeds.", w.alongTraining},
	}
	for i, m := range w.methods {
		t := w.trials[i][0]
		of := func(kind string, o run.PictureOptions) func(bool) (plot.Figure, error) {
			return func(dark bool) (plot.Figure, error) {
				o.Dark, o.Sample.Seed = dark, w.key(0).Split("pictures")
				return run.Picture(ctx, kind, t.saved, t.plan, o)
			}
		}
		o := run.PictureOptions{Title: m.Name}
		o.Sample.Solve.Method, o.Sample.Solve.NFE = m.own().Solver, m.own().NFE
		jobs = append(jobs, job{samples, fmt.Sprintf("%s, %d %s.", m.About, m.own().NFE, plural(m.own().NFE, "evaluation")), of("samples", o)})
		if !m.once {
			jobs = append(jobs, job{paths, fmt.Sprintf("Straightness %s.", short(t.straightness)), of("paths", o)})
		}
	}
	w.shown = make([]picture, len(jobs))
	return w.each(ctx, len(jobs), func(_ context.Context, i int) error {
		p := picture{section: jobs[i].section, caption: jobs[i].caption}
		for _, dark := range []bool{false, true} {
			fig, err := jobs[i].figure(dark)
			if err != nil {
				return fmt.Errorf("%s: %w", p.caption, err)
			}
			var b bytes.Buffer
			if err := fig.PNG(&b); err != nil {
				return err
			}
			if dark {
				p.dark = b.Bytes()
			} else {
				p.light = b.Bytes()
			}
		}
		w.shown[i] = p
		return nil
	})
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func (w *work) againstEvaluations(dark bool) (plot.Figure, error) {
	q := plot.Quality{Title: "Quality by evaluations", Dark: dark}
	mean, ci := metric.Student(w.floor)
	q.Floor, q.FloorLo, q.FloorHi = mean, float64(ci[0]), float64(ci[1])
	for i, m := range w.methods {
		o, s := w.outcome(i), plot.Series{Name: m.Name}
		for _, set := range m.settings() {
			name := strconv.Itoa(set.NFE)
			s.NFE, s.W2 = append(s.NFE, float64(set.NFE)), append(s.W2, float64(o.W2[name]))
			s.Lo, s.Hi = append(s.Lo, float64(o.W2CI[name][0])), append(s.Hi, float64(o.W2CI[name][1]))
		}
		q.Series = append(q.Series, s)
	}
	return q.Figure()
}

func (w *work) alongTraining(dark bool) (plot.Figure, error) {
	q := plot.Quality{Title: "Quality by training", Over: "training steps", Dark: dark}
	for i, m := range w.methods {
		s := plot.Series{Name: m.Name}
		for k, mark := range w.trials[i][0].marks {
			sum := 0.0
			for _, t := range w.trials[i] {
				sum += t.along[k] / float64(len(w.trials[i]))
			}
			s.NFE, s.W2 = append(s.NFE, float64(mark.step)), append(s.W2, sum)
		}
		q.Series = append(q.Series, s)
	}
	return q.Figure()
}

// word is a claim's outcome in a word.
func (c Claim) word() string {
	switch {
	case c.Holds == nil:
		return "undecided"
	case *c.Holds:
		return "holds"
	}
	return "FAILS"
}

// WriteHTML writes the report as one page that refers to nothing outside itself.
// The rules stand before the figures.
func (r *Result) WriteHTML(w io.Writer) error {
	budget := "the same processor time"
	if r.Budget == 0 {
		budget = "given numbers of steps"
	}
	p := report.Page{
		Title:   filepath.Base(r.Data) + ": the claims put to the test",
		Summary: fmt.Sprintf("%d methods with the same network and %s, each trained from %d %s and judged by the same figures.", len(r.Methods), budget, r.Seeds, plural(r.Seeds, "seed")),
		Facts: []report.Fact{
			{Name: "network", Value: r.Network},
			{Name: "seeds", Value: strconv.Itoa(r.Seeds)},
			{Name: "floor (data against data)", Value: short(float64(r.Floor))},
		},
		Footer: "Laminar, flow matching in Go",
	}
	if r.Budget > 0 {
		p.Facts = append(p.Facts, report.Fact{Name: "budget", Value: fmt.Sprintf("%g core-seconds per training", r.Budget)})
	}
	rules := report.Table{Columns: []string{"claim", "what decides it"}}
	claims := report.Table{Columns: []string{"claim", "", "evidence"}}
	for _, c := range r.Claims {
		rules.Rows = append(rules.Rows, []string{c.Claim, c.Rule})
		claims.Rows = append(claims.Rows, []string{c.Claim, c.word(), c.Evidence.Text})
	}
	p.Sections = append(p.Sections,
		report.Section{Title: "How the claims are decided", Text: decided, Tables: []report.Table{rules}},
		report.Section{Title: "The claims", Tables: []report.Table{claims}},
		report.Section{Title: "The methods", Text: r.about(), Tables: r.tables()},
	)
	for _, title := range []string{quality, samples, paths} {
		s := report.Section{Title: title, Small: title != quality}
		for _, f := range r.pictures {
			if f.section == title {
				s.Figures = append(s.Figures, report.Figure{Caption: f.caption, Light: f.light, Dark: f.dark})
			}
		}
		p.Sections = append(p.Sections, s)
	}
	b, err := json.Marshal(r.Report)
	if err != nil {
		return err
	}
	p.Sections = append(p.Sections, report.Section{Title: "All figures", JSON: b})
	return p.WriteHTML(w)
}

const decided = "These rules are part of the program: a run of it does not choose them. Methods of one seed share their starting weights and the points that judge them, " +
	"so figures are divided seed by seed; the mean of the logarithms of these ratios has a 95 % interval of Student's t over the seeds. A claim whose interval holds no difference is undecided, and one that fails is reported as failing."

func (r *Result) about() string {
	text := fmt.Sprintf("W2 is the mean over %d %s of %d points for each seed, against %s", r.Pairs, plural(r.Pairs, "pair"), r.N, r.Against)
	if r.Units != "" {
		text += ", in " + r.Units
	}
	return text + fmt.Sprintf(". Losses compare only within a kind. Crossing is the share of the target that no field can follow, a property of the pairs; straightness is 0 for straight paths; NPE is 0 where paths cost as little as optimal transport. Evaluations needed are those from which W2 stays within %g of the method's own at 100; steps to the target are training steps to %g times the floor. A dash is a figure that the method has not got.", Tolerance, Target)
}

// tables are the figures of the methods: their training, their paths, and W2.
func (r *Result) tables() []report.Table {
	training := report.Table{
		Caption: "Training", Columns: []string{"method", "", "steps", "core-seconds", "loss", "of the", "steps to target"},
		Numeric: []bool{false, false, true, true, true, false, true},
	}
	roads := report.Table{
		Caption: "Paths", Columns: []string{"method", "crossing", "straightness", "path energy", "NPE", "evaluations needed"},
		Numeric: []bool{false, true, true, true, true, true},
	}
	w2 := report.Table{Caption: "W2 by network evaluations, ± half of the 95 % interval over the seeds", Columns: []string{"method"}, Numeric: []bool{false}}
	for _, nfe := range evaluations {
		w2.Columns, w2.Numeric = append(w2.Columns, strconv.Itoa(nfe)), append(w2.Numeric, true)
	}
	n := func(v metric.Number) string { return short(float64(v)) }
	with := func(v metric.Number, ci metric.Interval) string {
		if math.IsNaN(float64(ci[0])) {
			return n(v)
		}
		half := (float64(ci[1]) - float64(ci[0])) / 2
		digits := max(0, 1-int(math.Floor(math.Log10(max(half, 1e-9)))))
		return fmt.Sprintf("%.*f ± %.*f", digits, float64(v), digits, half)
	}
	for _, o := range r.Methods {
		target := n(o.StepsToTarget)
		if o.Reached < o.Seeds {
			target = fmt.Sprintf("%d of %d seeds", o.Reached, o.Seeds)
		}
		training.Rows = append(training.Rows, []string{o.Name, o.About, strconv.Itoa(o.Steps), fmt.Sprintf("%.1f", float64(o.TrainSeconds)), n(o.Loss), o.LossKind, target})
		roads.Rows = append(roads.Rows, []string{o.Name, n(o.Crossing), with(o.Straightness, o.StraightnessCI), n(o.PathEnergy), n(o.NPE), n(o.NFENeeded)})
		row := []string{o.Name}
		for _, nfe := range evaluations {
			row = append(row, with(o.W2[strconv.Itoa(nfe)], o.W2CI[strconv.Itoa(nfe)]))
		}
		w2.Rows = append(w2.Rows, row)
	}
	return []report.Table{training, roads, w2}
}

// WriteJSON writes the figures as one JSON object.
func (r Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteText writes the report for a terminal.
func (r *Result) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d %s, floor %s\n\n", r.Data, r.Seeds, plural(r.Seeds, "seed"), short(float64(r.Floor)))
	fmt.Fprintf(&b, "%-14s %7s %6s %8s %8s %8s   W2 at", "method", "steps", "core-s", "loss", "crossing", "straight")
	for _, nfe := range evaluations {
		fmt.Fprintf(&b, " %6d", nfe)
	}
	b.WriteString("\n")
	for _, o := range r.Methods {
		fmt.Fprintf(&b, "%-14s %7d %6.1f %8s %8s %8s        ", o.Name, o.Steps, float64(o.TrainSeconds), short(float64(o.Loss)), short(float64(o.Crossing)), short(float64(o.Straightness)))
		for _, nfe := range evaluations {
			fmt.Fprintf(&b, " %6s", short(float64(o.W2[strconv.Itoa(nfe)])))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	for _, c := range r.Claims {
		fmt.Fprintf(&b, "%-10s %s\n           %s\n", c.word(), c.Claim, c.Evidence.Text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
