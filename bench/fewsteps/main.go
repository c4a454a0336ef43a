// Command fewsteps shows what the few-step methods make of a flow that needs
// many: a teacher with the default network and independent pairs on moons, one
// student of it by each method of `laminar distill`, and what `laminar advise`
// names for the teacher.
//
//	go run ./bench/fewsteps                       # all methods, one seed
//	go run ./bench/fewsteps -seeds 3 -methods reflow,meanflow
//
// Figures are sliced W2 at 50,000 points, as `laminar eval` measures it. The
// bounds were fixed before them: each student's at one evaluation is at most a
// third of its teacher's, the best student's at most 1.5 times its teacher's at
// 100, and the advice at most 8 evaluations. The exit status is 1 where one is
// not met.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"laminar/internal/cputime"
	"laminar/metric"
	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
)

// The bounds.
const (
	third     = 1.0 / 3 // of the teacher's at 1 evaluation, for each student
	nearly    = 1.5     // times the teacher's at 100, for the best student
	cheap     = 8       // evaluations, for the advice
	tolerance = 1.1     // times the best W2, for the advice
)

// evaluations are the columns.
var evaluations = []int{1, 2, 4, 8, 100}

func main() {
	seeds := flag.Int("seeds", 1, "training seeds, from 0")
	data := flag.String("data", "moons", "data set")
	var names []string
	for _, m := range recipe.DistillCatalogue() {
		names = append(names, m.Name)
	}
	methods := flag.String("methods", strings.Join(names, ","), "methods, separated by commas")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	met, err := table(ctx, *data, strings.Split(*methods, ","), *seeds)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fewsteps:", err)
		os.Exit(1)
	}
	if !met {
		fmt.Println("\na bound is not met")
		os.Exit(1)
	}
}

func table(ctx context.Context, data string, methods []string, seeds int) (met bool, err error) {
	dir, err := os.MkdirTemp("", "fewsteps")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	fmt.Println("| seed | model | core-s | SW2 at 1 | 2 | 4 | 8 | 100 | of the teacher's 1 | of its 100 | |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	met = true
	var advice []string
	for seed := range uint64(seeds) {
		s := study{data: data, seed: seed, dir: filepath.Join(dir, fmt.Sprint(seed))}
		ok, err := s.run(ctx, methods)
		if err != nil {
			return false, err
		}
		told, cheapEnough, err := s.advise(ctx)
		if err != nil {
			return false, err
		}
		advice = append(advice, fmt.Sprintf("seed %d: %s", seed, told))
		met = met && ok && cheapEnough
	}
	fmt.Printf("\n%s\n", strings.Join(advice, "\n"))
	return met, nil
}

// study is a teacher and its students under one seed.
type study struct {
	data    string
	seed    uint64
	dir     string
	teacher *run.Result
}

func (s *study) folder(name string) string { return filepath.Join(s.dir, name) }

// run trains all and prints their lines.
func (s *study) run(ctx context.Context, methods []string) (met bool, err error) {
	r, err := recipe.Preset("default")
	if err != nil {
		return false, err
	}
	r.Data.Name, r.Coupling.Name, r.Train.Seed = s.data, "independent", s.seed
	used := cputime.Used()
	if s.teacher, err = run.Train(ctx, r, run.Options{Dir: s.folder("teacher")}); err != nil {
		return false, err
	}
	spent := cputime.Used() - used
	met = true
	best := 0.0
	var first, hundred float64
	for i, method := range methods {
		student, cost, err := s.distil(ctx, method)
		if err != nil {
			return false, err
		}
		if i == 0 {
			t := student.Teacher
			first, hundred = at(t, 1), at(t, 100)
			s.line("teacher", spent, t, "")
			best = 2 * nearly * hundred
		}
		one, verdict := at(student.Student, 1), "met"
		if !(one <= third*first) {
			met, verdict = false, "**not met**"
		}
		best = min(best, one)
		s.line(method, cost, student.Student, fmt.Sprintf("%.3f | %.2f | %s", one/first, one/hundred, verdict))
	}
	if best > nearly*hundred {
		met = false
		fmt.Printf("| %d | the best student misses %.1f times its teacher's 100 |\n", s.seed, nearly)
	}
	return met, nil
}

// distil makes a student and judges it beside its teacher.
func (s *study) distil(ctx context.Context, method string) (*run.Distilled, time.Duration, error) {
	o := run.DistillDefaults(method, s.teacher.Path, s.folder(method))
	o.At, o.Eval.Pairs = evaluations, 3 // sliced W2 is of the first draw alone
	used := cputime.Used()
	d, err := run.Distill(ctx, o)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", method, err)
	}
	return d, cputime.Used() - used, nil
}

// at is the sliced W2 at a number of evaluations, NaN where there is none.
func at(r metric.Report, nfe int) float64 {
	i := slices.IndexFunc(r.Rows, func(row metric.Row) bool { return row.NFE == nfe })
	return float64(r.Rows[i].SW2)
}

func (s *study) line(name string, cost time.Duration, r metric.Report, verdict string) {
	fmt.Printf("| %d | %s | %.0f |", s.seed, name, cost.Seconds())
	for _, nfe := range evaluations {
		if v := at(r, nfe); v == v {
			fmt.Printf(" %.4f |", v)
		} else {
			fmt.Print(" – |")
		}
	}
	if verdict == "" {
		verdict = " | | "
	}
	fmt.Printf(" %s |\n", verdict)
}

// advise tells the cheapest way to sample the teacher.
func (s *study) advise(ctx context.Context) (told string, cheapEnough bool, err error) {
	saved, err := run.Load(s.teacher.Path, "")
	if err != nil {
		return "", false, err
	}
	plan, err := saved.Plan(ctx, "", nil)
	if err != nil {
		return "", false, err
	}
	o := run.AdviseDefaults()
	o.Tolerance, o.Key = tolerance, rng.New(s.seed).Split("advise")
	a, err := run.Advise(ctx, saved, plan, o)
	if err != nil {
		return "", false, err
	}
	c := a.Chosen
	told = fmt.Sprintf("advised for the teacher: %s, %s, %d evaluations; W2 %.4f, %.3f [%.3f, %.3f] times that of %s, %s, %d", c.Solver, c.Grid, c.NFE,
		float64(c.W2), float64(c.Ratio), float64(c.RatioCI[0]), float64(c.RatioCI[1]), a.Best.Solver, a.Best.Grid, a.Best.NFE)
	return told, c.NFE <= cheap, nil
}
