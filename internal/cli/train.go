package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"laminar/metric"
	"laminar/recipe"
	"laminar/run"
)

// trained is what `laminar train --json` prints.
type trained struct {
	Model       string        `json:"model"`
	Steps       int           `json:"steps"`
	Seconds     float64       `json:"seconds"`
	EvalSeconds float64       `json:"eval_seconds"`
	Loss        metric.Number `json:"loss"`
	Eval        run.Judgement `json:"eval"`
}

// trainCall is one call of the verb train.
type trainCall struct {
	*app
	recipeFlags
	dir           string
	resume, force bool
	noEval        bool
	time          time.Duration
	weights       string
}

func (a *app) trainCommand() *cobra.Command {
	t := &trainCall{app: a}
	cmd := &cobra.Command{
		Use: "train DATA", Short: "Train a model, judge it and draw its pictures",
		Long: `Train a model on DATA, judge it against data it has not seen and draw its
pictures, all in a run folder. The state is saved every second: a run that was
interrupted continues with --resume, and ends in the same bits.

A flag overrides the preset only if it is given.`,
		Example: `  laminar train moons
  laminar train points.csv --time 30s -o runs/points
  laminar train iris.csv --label species
  laminar train mnist/ -o runs/mnist
  laminar train digits.tar.gz
  laminar train cells.csv --time-column day --leave-out 2
  laminar train --resume -o runs/points --steps 20000`,
		Args:              takes(0, 1, "DATA"),
		ValidArgsFunction: completeData,
		RunE:              t.run,
	}
	f := cmd.Flags()
	f.StringVarP(&t.dir, "output", "o", "", "run `folder` (default runs/DATA)")
	f.BoolVar(&t.resume, "resume", false, "continue the run in the folder")
	f.BoolVar(&t.force, "force", false, "replace the run in the folder")
	f.BoolVar(&t.noEval, "no-eval", false, "leave evaluation and pictures out")
	f.DurationVar(&t.time, "time", 0, "train this long: chooses the number of steps")
	f.StringVar(&t.weights, "weights", "", "start from a safetensors `file` with PyTorch's names")
	if err := t.add(cmd); err != nil {
		panic(err) // a setting of a type without flags: a fault in this package
	}
	complete(cmd, "time", "10s", "30s", "5m")
	return cmd
}

func completeData(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return dataNames(), cobra.ShellCompDirectiveDefault
}

func (t *trainCall) run(cmd *cobra.Command, args []string) error {
	r, o, err := t.plan(cmd, args)
	if err != nil {
		return err
	}
	bar := newProgress(t.stderr)
	o.Notify = func(line string) { bar.end(); t.note("note: %s", line) }
	o.Passes = bar.reading
	stepped := false
	o.Watch = func(p run.Progress) { stepped = true; bar.step(p) }
	res, err := run.Train(cmd.Context(), r, o)
	bar.end()
	if err != nil {
		return t.stopped(res, err)
	}
	s := res.Saved
	out := trained{Model: res.Path, Steps: s.Steps, Seconds: s.Seconds, Loss: metric.Number(s.Loss)}
	if !stepped {
		t.note("note: the run in %s is complete: %s", t.dir, counted(s.Steps, "step"))
	}
	var files []string
	if !t.noEval {
		start := time.Now()
		out.Eval, files, err = t.judge(cmd.Context(), res, stepped)
		out.EvalSeconds = time.Since(start).Seconds()
		if err != nil {
			return told{fmt.Sprintf("%s; the model is trained and saved in %s; judge it with: laminar eval %s", oneLine(err), res.Path, t.dir), err}
		}
	}
	if t.json {
		return t.printJSON(out)
	}
	return t.tell(out, s, files)
}

// plan reads the flags into what run.Train takes.
func (t *trainCall) plan(cmd *cobra.Command, args []string) (recipe.Recipe, run.Options, error) {
	var r recipe.Recipe
	changed := cmd.Flags().Changed
	switch {
	case t.resume && t.force:
		return r, run.Options{}, usagef("--resume continues the run, --force replaces it: give one")
	case changed("time") && t.time <= 0:
		return r, run.Options{}, usagef("--time: %s is no time to train in; give 30s or 5m", t.time)
	case changed("time") && changed("steps"):
		return r, run.Options{}, usagef("--time chooses the number of steps, --steps gives it: give one")
	case len(args) == 0 && !changed("recipe") && (!t.resume || t.dir == ""):
		return r, run.Options{}, usagef("train: DATA is missing; name a built-in data set (laminar datasets lists them) or a file, or continue a run with --resume -o FOLDER")
	}
	if t.dir == "" {
		name := "recipe"
		if len(args) > 0 {
			name = filepath.Base(args[0])
			if ext := extension(name); ext != "" {
				name = name[:len(name)-len(ext)-1]
			}
		}
		t.dir = filepath.Join("runs", name)
	}
	var base *recipe.Recipe
	if t.resume {
		old, err := run.ReadRecipe(filepath.Join(t.dir, run.RecipeFile))
		switch {
		case err == nil:
			base = &old
			t.time = 0 // the number of steps was fixed when the run began
		case !errors.Is(err, os.ErrNotExist):
			return r, run.Options{}, err
		case len(args) == 0 && !changed("recipe"):
			return r, run.Options{}, told{fmt.Sprintf("%s: there is no run to resume; name DATA to start one", t.dir), err}
		}
	}
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	r, err := t.recipe(cmd, base, t.kind(cmd, name), run.ReadRecipe)
	if err != nil {
		return r, run.Options{}, err
	}
	if len(args) > 0 {
		r.Data.Name = args[0]
	}
	return r, run.Options{
		Dir: t.dir, Resume: t.resume, Force: t.force, Time: t.time,
		Kernels: t.kernels, Threads: t.threads, WeightsFile: t.weights,
	}, r.Validate()
}

// stopped tells what is left of a run that ended before its last step.
func (t *trainCall) stopped(res *run.Result, err error) error {
	if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if res == nil || res.Saved == nil {
		return told{"interrupted before the first step", err}
	}
	s := res.Saved
	return told{fmt.Sprintf("interrupted at step %d of %d, saved in %s; continue with: laminar train --resume -o %s",
		s.Steps, res.Plan.Recipe.Train.Steps, res.Path, t.dir), err}
}

// judge evaluates the model and draws its pictures, or reads what an earlier
// call left if no step was taken since. The report is nil if there are too few
// data for one.
func (t *trainCall) judge(ctx context.Context, res *run.Result, stepped bool) (run.Judgement, []string, error) {
	var rep metric.Report
	path := filepath.Join(t.dir, run.EvalFile)
	if !stepped && res.Saved.Form == nil {
		if b, err := os.ReadFile(path); err == nil && json.Unmarshal(b, &rep) == nil {
			return &rep, nil, nil
		}
	}
	if rows := res.Plan.Judge.Len(); res.Saved.Form == nil && rows > 0 && rows < metric.LeastRows {
		t.note("note: %d rows of data are too few to judge the model by, which takes %d", rows, metric.LeastRows)
		files, err := run.Illustrate(ctx, t.dir, res.Saved, res.Plan, nil)
		return nil, files, err
	}
	t.note("judging the model ...")
	o := res.Saved.EvalDefaults()
	o.Threads = t.threads
	bar := newProgress(t.stderr)
	bar.judging(&o)
	j, err := run.Judge(ctx, res.Saved, res.Plan, o)
	bar.end()
	if err != nil {
		return nil, nil, err
	}
	files, err := run.Illustrate(ctx, t.dir, res.Saved, res.Plan, j)
	return j, files, err
}

// tell prints the result for a person.
func (t *trainCall) tell(out trained, s *run.Saved, files []string) error {
	m, times := s.Model, s.Times
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s steps in %.1f s, loss %.4f (mean of the last 100 steps)\n", thousands(out.Steps), out.Seconds, float64(out.Loss))
	if out.Eval != nil {
		b.WriteString("\n")
		if err := out.Eval.WriteText(&b); err != nil {
			return err
		}
	}
	fmt.Fprintf(&b, "\n%s\n", t.dir)
	fmt.Fprintf(&b, "  %-20s the model, with all that --resume needs\n", run.ModelFile)
	fmt.Fprintf(&b, "  %-20s the recipe; loss by step in %s\n", run.RecipeFile, run.MetricsFile)
	if len(files) > 0 {
		fmt.Fprintf(&b, "  %s\n", wrapped(files, 76, "  "))
	}
	name := filepath.Base(t.dir)
	fmt.Fprintf(&b, "\nnext\n")
	// The names never are those of the data: a hint must not overwrite it.
	dir := quoted(t.dir)
	if n := s.Longer(out.Eval); n > 0 {
		fmt.Fprintf(&b, "  laminar train --resume -o %s --steps %d\n      samples are told from the data, and %s are few: %s are usual\n", dir, n, counted(out.Steps, "step"), thousands(n))
	}
	if len(times) > 1 {
		fmt.Fprintf(&b, "  laminar sample %s --to %v -o %s\n", dir, times[1], quoted(fmt.Sprintf("%s-at-%v.csv", name, times[1])))
	}
	if formats := s.Formats(); formats != nil {
		class := ""
		if k := len(m.Classes); k > 1 && s.Kind() != recipe.Table {
			class = " --class " + quoted(m.Classes[k-1])
		}
		fmt.Fprintf(&b, "  laminar sample %s%s -o %s\n  laminar eval %s\n", dir, class, quoted(name+"-samples."+formats[0]), dir)
		_, err := io.WriteString(t.stdout, b.String())
		return err
	}
	fmt.Fprintf(&b, "  laminar sample %s -n 1000 -o %s\n", dir, quoted(name+"-samples.csv"))
	if m.Once || m.LongSteps() {
		fmt.Fprintf(&b, "  laminar eval %s\n", dir) // other solvers do not suit it
	} else {
		fmt.Fprintf(&b, "  laminar eval %s --solver heun --nfe 2,4,8,16\n", dir)
	}
	switch {
	case len(m.Classes) > 0:
		fmt.Fprintf(&b, "  laminar sample %s --class %s --guidance 2 -n 50 -o %s\n", dir, quoted(m.Classes[0]), quoted(name+".png"))
	case m.Dim() == 2 && !m.Once:
		fmt.Fprintf(&b, "  laminar animate %s -o %s\n", dir, quoted(name+".gif"))
	default:
		fmt.Fprintf(&b, "  laminar sample %s -n 50 -o %s\n", dir, quoted(name+".png"))
	}
	_, err := io.WriteString(t.stdout, b.String())
	return err
}

// quoted writes a word as a shell takes it: between quotes if it holds more
// than letters, digits and the signs of a path.
func quoted(s string) string {
	plain := s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-./\\:,+=@%", r)
	})
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// wrapped joins words into lines of at most width characters; indent begins
// every line but the first.
func wrapped(words []string, width int, indent string) string {
	var b strings.Builder
	at := 0
	for i, w := range words {
		w = filepath.Base(w)
		switch {
		case i == 0:
		case at+2+len(w) > width:
			b.WriteString("\n" + indent)
			at = 0
		default:
			b.WriteString("  ")
			at += 2
		}
		b.WriteString(w)
		at += len(w)
	}
	return b.String()
}
