package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"laminar/metric"
	"laminar/recipe"
	"laminar/run"
)

// distilled is what `laminar distill --json` prints.
type distilled struct {
	Model   string        `json:"model"`
	Method  string        `json:"method"`
	Rounds  int           `json:"rounds"`
	Steps   int           `json:"steps"`
	Seconds float64       `json:"seconds"`
	Better  bool          `json:"better"`
	Floor   metric.Number `json:"floor"`
	// Rows of metric.Report, or of run.ReadingReport for images and sounds.
	Teacher any `json:"teacher"`
	Student any `json:"student"`
}

// distillCall is one call of the verb distill.
type distillCall struct {
	*app
	run.DistillOptions
	steps, batch int
	rate         float64
	guidance     float64
}

func (a *app) distillCommand() *cobra.Command {
	d := &distillCall{app: a, DistillOptions: run.DistillDefaults(recipe.DistillCatalogue()[0].Name, "", "")}
	var names, about []string
	for _, m := range recipe.DistillCatalogue() {
		names = append(names, m.Name)
		about = append(about, fmt.Sprintf("  %-12s %s", m.Name, m.About))
	}
	cmd := &cobra.Command{
		Use: "distill MODEL", Short: "Teach a model to sample in few steps, or one",
		Long: `Train a student that needs fewer network evaluations than MODEL, its teacher,
and compare the two at 1, 2, 4 and 8. The method is

` + strings.Join(about, "\n") + `

Data, network and seed are the teacher's. Images and sounds are judged as eval
judges them. Pairs of images are made with guidance, which the student has then
within. A student that is not better than its
teacher at one evaluation replaces nothing: it is kept, and the exit code is 1.`,
		Example: `  laminar distill runs/moons --method reflow -o runs/moons-reflow
  laminar distill runs/moons --method reflow --rounds 2 --steps 8000
  laminar distill runs/moons --method meanflow --time 60s -o runs/fast`,
		Args: takes(1, 1, "MODEL"),
		RunE: d.run,
	}
	f := cmd.Flags()
	f.StringVar(&d.Method, "method", d.Method, "how to learn: "+list(names))
	f.IntVar(&d.Rounds, "rounds", d.Rounds, "students in a row, each the teacher of the next (reflow)")
	f.IntVar(&d.steps, "steps", 0, "training steps of a round (default a quarter of the teacher's)")
	f.IntVar(&d.batch, "batch", 0, "pairs in a step (default the teacher's)")
	f.Float64Var(&d.rate, "rate", 0, "learning rate (default the teacher's)")
	f.IntVar(&d.Pool, "pool", d.Pool, "pairs that the teacher makes (reflow, distill)")
	f.IntVar(&d.NFE, "pool-nfe", d.NFE, "evaluations that the teacher spends on each of them")
	f.Float64Var(&d.guidance, "guidance", 1, "guidance by which the teacher makes pairs of images and sounds (default that of sample)")
	f.StringVarP(&d.Dir, "output", "o", "", "run `folder` (default MODEL-METHOD)")
	f.BoolVar(&d.Resume, "resume", false, "continue the run in the folder")
	f.BoolVar(&d.Force, "force", false, "replace the run in the folder, once the student is better than its teacher")
	f.DurationVar(&d.Time, "time", 0, "train each round about this long: fixes the number of steps")
	f.IntVarP(&d.Eval.N, "n", "n", d.Eval.N, "points on each side of an exact distance")
	f.IntVar(&d.Eval.Pairs, "pairs", d.Eval.Pairs, "pairs of draws that W2 is averaged over")
	complete(cmd, "method", names...)
	complete(cmd, "time", "30s", "1m", "5m")
	return cmd
}

func (d *distillCall) run(cmd *cobra.Command, args []string) error {
	changed := cmd.Flags().Changed
	switch {
	case d.Resume && d.Force:
		return usagef("--resume continues the run, --force replaces it: give one")
	case changed("time") && d.Time <= 0:
		return usagef("--time: %s is no time to train in; give 30s or 5m", d.Time)
	case changed("time") && changed("steps"):
		return usagef("--time chooses the number of steps, --steps gives it: give one")
	}
	d.Teacher = args[0]
	s, err := d.load(args[0])
	if err != nil {
		return err
	}
	switch s.Kind() {
	case recipe.Table:
		return usagef("%s makes rows of a table, in few evaluations already: there is no student of it", args[0])
	case recipe.Molecules:
		return usagef("%s makes molecules, whose students cannot be judged yet: there is no student of it", args[0])
	case recipe.Points:
		if changed("guidance") {
			return usagef("--guidance is for models of images and sounds")
		}
	default:
		d.suit(changed, s)
	}
	if d.Dir == "" {
		at := filepath.Clean(args[0])
		if filepath.Base(at) == run.ModelFile {
			at = filepath.Dir(at)
		}
		d.Dir = strings.TrimSuffix(at, filepath.Ext(at)) + "-" + d.Method
	}
	d.Kernels, d.Threads = d.kernels, d.threads
	d.Change = func(r *recipe.Recipe) {
		if changed("steps") {
			r.Train.Steps = d.steps
		}
		if changed("batch") {
			r.Train.Batch = d.batch
		}
		if changed("rate") {
			r.Optim.Rate = d.rate
		}
	}
	bar := newProgress(d.stderr)
	d.Notify = func(line string) { bar.end(); d.note("note: %s", line); bar = newProgress(d.stderr) }
	d.Watch = func(p run.Progress) { bar.step(p) }
	d.Pooled = func(done, total int) {
		if bar.count(done, total, "pairs of the teacher"); done == total {
			bar.end()
			bar = newProgress(d.stderr)
		}
	}
	res, err := run.Distill(cmd.Context(), d.DistillOptions)
	bar.end()
	switch {
	case errors.Is(err, run.ErrWorse):
		if e := d.tell(res, false); e != nil {
			return e
		}
		return told{fmt.Sprintf("%v; it replaces nothing and is kept in %s", err, filepath.Dir(res.Path)), err}
	case err != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) && res != nil && res.Saved != nil:
		return told{fmt.Sprintf("interrupted at step %d, saved in %s; continue with the same command and --resume", res.Saved.Steps, res.Path), err}
	case err != nil:
		return err
	}
	start := time.Now()
	var judged run.Judgement = &res.Student
	if res.StudentReading != nil {
		judged = res.StudentReading
	}
	files, err := run.Illustrate(cmd.Context(), filepath.Dir(res.Path), res.Saved, res.Plan, judged)
	if err != nil {
		return err
	}
	if !d.json {
		d.note("%d pictures and a report drawn in %.1f s", len(files)-2, time.Since(start).Seconds())
	}
	return d.tell(res, true)
}

// tell prints how the student compares with its teacher.
func (d *distillCall) tell(res *run.Distilled, better bool) error {
	out := distilled{
		Model: res.Path, Method: d.Method, Rounds: d.Rounds, Steps: res.Saved.Steps, Seconds: res.Seconds, Better: better,
		Floor: res.Student.Floor.W2, Teacher: res.Teacher.Rows, Student: res.Student.Rows,
	}
	if res.StudentReading != nil {
		out.Floor, out.Teacher, out.Student = res.StudentReading.Floor.FD, res.TeacherReading.Rows, res.StudentReading.Rows
	}
	if d.json {
		return d.printJSON(out)
	}
	var b strings.Builder
	if res.StudentReading != nil {
		d.tellReading(&b, res, out, better)
		_, err := io.WriteString(d.stdout, b.String())
		return err
	}
	fmt.Fprintf(&b, "\n%s from %s: %s steps in %.1f s\n\n", d.Method, d.Teacher, thousands(out.Steps), out.Seconds)
	fmt.Fprintf(&b, "%11s  %-32s  %-32s\n", "evaluations", "teacher  W2 [95 %]  sliced", "student  W2 [95 %]  sliced")
	for i, t := range res.Teacher.Rows {
		fmt.Fprintf(&b, "%11d  %-32s  %-32s\n", t.NFE, figures(t), figures(res.Student.Rows[i]))
	}
	fmt.Fprintf(&b, "%11s  %.3f of W2 is what two draws of the data are apart\n", "floor", float64(out.Floor))
	if better {
		fmt.Fprintf(&b, "\n%s\n", out.Model)
	}
	_, err := io.WriteString(d.stdout, b.String())
	return err
}

// suit takes the defaults that suit a teacher of images or sounds for what the
// user has not given, and says what making the pool takes.
func (d *distillCall) suit(changed func(string) bool, s *run.Saved) {
	own := s.DistillDefaults(d.Method, d.Teacher, d.Dir)
	if !changed("pool") {
		d.Pool = own.Pool
	}
	if !changed("pool-nfe") {
		d.NFE = own.NFE
	}
	if d.Distill.Guidance = own.Guidance; changed("guidance") {
		d.Distill.Guidance = d.guidance
	}
	if n := d.Eval.N; changed("n") {
		own.Eval.N = n
	}
	d.Eval, d.At = own.Eval, own.At
	if d.Method == "reflow" || d.Method == "distill" {
		d.note("note: the teacher makes %s pairs, %d evaluations each: as much as some %s steps of training", thousands(d.Pool), d.NFE, thousands(d.Pool*d.NFE/(3*s.Recipe.Train.Batch)))
	}
}

// tellReading prints how a student of images or sounds compares with its teacher.
func (d *distillCall) tellReading(b *strings.Builder, res *run.Distilled, out distilled, better bool) {
	show := func(r run.ReadingRow) string {
		if v := float64(r.FD); v != v {
			return "-"
		}
		text := fmt.Sprintf("%.1f [%.1f, %.1f]", float64(r.FD), float64(r.FDCI[0]), float64(r.FDCI[1]))
		if c := float64(r.Classifier); c == c {
			text += fmt.Sprintf("  %.1f", 100*c)
		}
		return text
	}
	fmt.Fprintf(b, "\n%s from %s: %s steps in %.1f s\n\n", d.Method, d.Teacher, thousands(out.Steps), out.Seconds)
	fmt.Fprintf(b, "%-9s%12s%10s  %s\n", "", "evaluations", "guidance", "FD [95 %]  read right %")
	for _, side := range []struct {
		name string
		rows []run.ReadingRow
	}{{"teacher", res.TeacherReading.Rows}, {"student", res.StudentReading.Rows}} {
		for _, r := range side.rows {
			fmt.Fprintf(b, "%-9s%12d%10g  %s\n", side.name, r.NFE, r.Guidance, show(r))
		}
	}
	fmt.Fprintf(b, "%-9s%22s  %.1f  training %s\n", "floor", "", float64(out.Floor), res.Saved.Plural())
	if better {
		fmt.Fprintf(b, "\n%s\n", out.Model)
	}
}

// figures writes a row's W2 with its interval and its sliced W2.
func figures(r metric.Row) string {
	if w := float64(r.W2); w != w {
		return "-"
	}
	return fmt.Sprintf("%.3f [%.3f, %.3f]  %.4f", float64(r.W2), float64(r.W2CI[0]), float64(r.W2CI[1]), float64(r.SW2))
}
