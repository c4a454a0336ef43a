package run

import (
	"math"
	"testing"
	"time"
)

// TestPace: a run ends in time, whatever becomes of the speed of the machine on the way.
func TestPace(t *testing.T) {
	const whole = 30 * time.Second
	at := func(early, late float64) func(share float64) float64 {
		return func(share float64) float64 {
			if share < 0.5 {
				return early
			}
			return late
		}
	}
	for name, c := range map[string]struct {
		per  func(share float64) float64 // seconds of a step, by the share of the time
		plan int                         // steps by the trial
		most int                         // new plans
	}{
		"as in the trial":          {at(0.01, 0.01), 3000, 0},
		"slower than in the trial": {at(0.02, 0.02), 3000, 2},
		"faster than in the trial": {at(0.002, 0.002), 3000, 2},
		"slower from the middle":   {at(0.01, 0.03), 3000, 8},
		"faster from the middle":   {at(0.03, 0.01), 1000, 8},
		"few steps":                {at(1, 2), 30, 8},
		"restless":                 {func(share float64) float64 { return 0.01 * (1.5 + math.Sin(40*share)) }, 3000, 20},
	} {
		start := time.Unix(0, 0)
		p := &pace{start: start, end: start.Add(whole), from: start}
		now, total, plans := start, c.plan, 0
		for step := 1; step <= total; step++ {
			share := now.Sub(start).Seconds() / whole.Seconds()
			now = now.Add(time.Duration(c.per(share) * float64(time.Second)))
			if step == 7 { // a picture
				now, start = now.Add(time.Second), start.Add(time.Second)
				p.stop(time.Second)
			}
			if n := p.replan(now, step, total); n != total && step < total {
				total = n
				plans++
			}
		}
		off := now.Sub(start).Seconds()/whole.Seconds() - 1
		if most := 0.02 + 2*c.per(1)/whole.Seconds(); math.Abs(off) > most || plans > c.most {
			t.Errorf("%s: ended %.1f %% off after %d plans", name, 100*off, plans)
		}
	}
	if n := (*pace)(nil).replan(start0, 5, 7); n != 7 {
		t.Errorf("without a time to keep, 7 steps become %d", n)
	}
}

var start0 = time.Unix(0, 0)
