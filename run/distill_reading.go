package run

import (
	"context"
	"fmt"

	"laminar/metric"
	"laminar/recipe"
)

// The size of a pool of images or sounds, of which each evaluation is dear, and
// what the teacher spends on each of its pairs, twice as much under guidance.
const (
	readingPool = 8192
	readingNFE  = 16
)

// DistillDefaults is the package's DistillDefaults as it suits a teacher: one of
// images or sounds makes fewer pairs, in fewer evaluations, guided as it is best
// guided, and both are judged as eval judges them.
func (s *Saved) DistillDefaults(method, teacher, dir string) DistillOptions {
	o := DistillDefaults(method, teacher, dir)
	if _, ok := s.Form.(galleried); !ok {
		return o
	}
	o.Pool, o.NFE, o.At = readingPool, readingNFE, []int{1, 2, 4, 8, 16}
	if g := s.Guidance(); g != 1 && (method == "reflow" || method == "distill") {
		o.Guidance, o.NFE = g, 2*readingNFE
	}
	o.Eval = s.EvalDefaults()
	return o
}

// judgeReading judges a teacher and its student by one classifier, at 1 evaluation
// and those of At. The teacher is also judged under the guidance of the pool.
func (o DistillOptions) judgeReading(ctx context.Context, teacher, student *Saved, plan *recipe.Plan) (was, is *ReadingReport, err error) {
	g := teacher.Form.(galleried).gallery(teacher)
	e := o.Eval
	e.Threads, e.Settings = o.Threads, []metric.Setting{{Solver: teacher.Recipe.Method(), NFE: 1}}
	for _, nfe := range o.At {
		if nfe == 1 {
			continue
		}
		e.Settings = append(e.Settings, metric.Setting{Solver: teacher.Recipe.Method(), NFE: nfe})
	}
	j := &reading{gallery: g, s: teacher, plan: plan, o: e}
	if plan.Train == nil {
		return nil, nil, j.needsData()
	}
	if err := j.prepare(ctx); err != nil {
		return nil, nil, err
	}
	if was, err = j.report(ctx); err != nil {
		return nil, nil, err
	}
	j.s = student
	for i := range j.o.Settings {
		j.o.Settings[i].Solver = student.Recipe.Method()
	}
	is, err = j.report(ctx)
	return was, is, err
}

// betterReading is the verdict on a student by its Frechet distance at 1
// evaluation.
func betterReading(was, is *ReadingReport) error {
	a, b := was.at(1), is.at(1)
	if a == nil || b == nil || !(b.FDCI[1] < a.FDCI[0]) {
		row := func(r *ReadingRow) string {
			if r == nil {
				return "unknown"
			}
			return fmt.Sprintf("%.1f [%.1f, %.1f]", float64(r.FD), float64(r.FDCI[0]), float64(r.FDCI[1]))
		}
		return fmt.Errorf("%w: the Frechet distance at 1 evaluation is %s, the teacher's %s", ErrWorse, row(b), row(a))
	}
	return nil
}

// at is the row of nfe evaluations without guidance, nil if there is none.
func (r *ReadingReport) at(nfe int) *ReadingRow {
	for i, x := range r.Rows {
		if x.NFE == nfe && x.Guidance == 1 {
			return &r.Rows[i]
		}
	}
	return nil
}
