package run

import (
	"context"
	"time"

	"laminar/internal/kernel"
	"laminar/recipe"
	"laminar/train"
)

// pace keeps a run to a time. Its number of steps follows from the speed of a trial,
// which is thrown away, and again from that of each quarter of the time, or the steps, that
// are left: other programs come and go. All numbers are written into the recipe, so that a run by
// time is that of its recipe all the same.
type pace struct {
	start, end time.Time
	from       time.Time // of the present stretch, which began at step
	step       int
}

// newPace returns a pace that ends after d from now.
func newPace(d time.Duration) *pace {
	now := time.Now()
	return &pace{start: now, end: now.Add(d)}
}

const (
	// warmSteps do not count in a trial: what is made once is made in them.
	warmSteps = 10
	// replanWithin is the share of what is left by which a number of steps may be off.
	replanWithin = 0.01
	// settled is the share of the whole time that is left to go without a new look.
	settled = 0.01
)

// trial measures the speed of the first steps of a run, which are then thrown away, and
// returns the number of steps that fit into the rest of the time.
func (p *pace) trial(ctx context.Context, plan *recipe.Plan, k *kernel.Set, threads int) (int, error) {
	t, err := plan.Trainer(train.Options{Kernels: k, Workers: threads})
	if err != nil {
		return 0, err
	}
	whole := p.end.Sub(p.start)
	long := min(whole/10, 2*time.Second)
	warm, from := 0, p.start
	for s, err := range t.Run(ctx) {
		if err != nil {
			return 0, err
		}
		if s.Step == warmSteps {
			warm, from = s.Step, time.Now()
		}
		if gone := time.Since(p.start); gone > long && (s.Step > 2*warmSteps || gone > 2*long) {
			break
		}
	}
	done, _ := t.Steps()
	now := time.Now()
	per := now.Sub(from) / time.Duration(max(1, done-warm))
	p.from, p.step = now, 0
	return max(1, int(p.end.Sub(now)/max(per, 1))), nil
}

// stop tells of something else that was done for d, which the run's time does not count.
func (p *pace) stop(d time.Duration) {
	if p != nil {
		p.start, p.end, p.from = p.start.Add(d), p.end.Add(d), p.from.Add(d)
	}
}

// replan returns the number of steps by which a run of total steps, of which step are
// done, ends in time: total itself as long as that is not known better. A nil pace has
// no time to keep.
func (p *pace) replan(now time.Time, step, total int) int {
	if p == nil || step <= p.step {
		return total
	}
	left, took := p.end.Sub(now), now.Sub(p.from)
	if left <= 0 {
		return step + 1
	}
	if took < left/3 && step-p.step < (total-step)/3 || left < time.Duration(settled*float64(p.end.Sub(p.start))) {
		return total
	}
	more := int(float64(left) / float64(took) * float64(step-p.step))
	p.from, p.step = now, step
	if off := float64(more - (total - step)); off < -replanWithin*float64(total-step) || off > replanWithin*float64(total-step) {
		return step + max(1, more)
	}
	return total
}
