package main

import (
	"fmt"
	"math"
	"os"
	"slices"
)

// Result holds a work's measured rounds, side by side. A side that could not
// run has none.
type Result struct {
	Work
	Peer, Laminar []Round
	Versions      map[string]string
	// Differ says how the two sides' answers differ, or is empty.
	Differ string
}

// measure runs both sides of w in turns. The error says which side could not
// run; the result then holds the other.
func measure(o Options, w Work) (Result, error) {
	r := Result{Work: w, Versions: map[string]string{}}
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	var sides []*Side
	var into []*[]Round
	var faults error
	launch := func(rounds *[]Round, cores int, name string, args ...string) {
		s, err := start(max(cores, 1), name, args...)
		if err != nil {
			faults = join(faults, err)
			return
		}
		for k, v := range s.Versions {
			r.Versions[k] = v
		}
		sides, into = append(sides, s), append(into, rounds)
	}
	if w.Against.OneCore && w.Go != nil {
		launch(&r.Peer, 1, self, "-serve", w.Name)
	} else if !w.Against.OneCore {
		args := append([]string{o.Scripts + "/peers.py", "--threads", fmt.Sprint(max(w.Against.Threads, 1))}, w.Against.Args...)
		launch(&r.Peer, w.Cores, o.Python, args...)
	}
	if w.Go != nil {
		launch(&r.Laminar, w.Cores, self, "-serve", w.Name)
	} else {
		faults = join(faults, fmt.Errorf("no Go side yet"))
	}
	defer func() {
		for _, s := range sides {
			s.stop()
		}
	}()

	reps := make([]int, len(sides))
	for i, s := range sides {
		if reps[i], err = calibrate(s, o.Round.Seconds()); err != nil {
			return r, join(faults, err)
		}
	}
	for k := range o.Rounds {
		for i, s := range sides {
			round, err := s.round(reps[i], k+1)
			if err != nil {
				return r, join(faults, err)
			}
			*into[i] = append(*into[i], round)
		}
	}
	r.Differ = r.difference()
	return r, faults
}

// calibrate warms a side up and returns the repetitions that last least
// seconds. A repetition that lasts longer than that is warm-up enough.
func calibrate(s *Side, least float64) (int, error) {
	reps := 1
	for range 2 {
		round, err := s.round(reps, 0)
		if err != nil {
			return 0, err
		}
		if reps == 1 && round.Wall > least {
			break
		}
		reps = max(1, int(math.Ceil(float64(reps)*least/round.Wall)))
	}
	return reps, nil
}

// difference compares the answers of every round and tells the first two that
// differ.
func (r Result) difference() string {
	for i := range min(len(r.Peer), len(r.Laminar)) {
		a, b := r.Peer[i].Answer, r.Laminar[i].Answer
		if r.Tolerance > 0 && !(math.Abs(a-b) <= r.Tolerance*max(math.Abs(a), math.Abs(b))) {
			return fmt.Sprintf("the answers of round %d differ: %s %.12g, Laminar %.12g", i+1, r.Against.Name, a, b)
		}
	}
	return ""
}

// ratios is the peer's time over Laminar's, round by round.
func (r Result) ratios() []float64 {
	var out []float64
	for i := range min(len(r.Peer), len(r.Laminar)) {
		out = append(out, r.Peer[i].seconds(r.Wall)/r.Laminar[i].seconds(r.Wall))
	}
	return out
}

// shares is Laminar's rate over the peak measured beside it, round by round.
func (r Result) shares() []float64 {
	var out []float64
	for _, x := range r.Laminar {
		if r.Flops > 0 && x.Peak > 0 {
			out = append(out, r.Flops/x.seconds(r.Wall)/1e9/x.Peak)
		}
	}
	return out
}

// goal is what Floor and Aim speak of.
func (r Result) goal() []float64 {
	if r.OfPeak {
		return r.shares()
	}
	return r.ratios()
}

// The verdicts on a work.
const (
	unknown = ""
	below   = "below"
	floor   = "floor"
	aim     = "aim"
)

func (r Result) verdict() string {
	g := r.goal()
	switch m := median(g); {
	case len(g) == 0 || r.Floor == 0:
		return unknown
	case m < r.Floor:
		return below
	case r.Aim == 0 || m < r.Aim:
		return floor
	default:
		return aim
	}
}

// median returns NaN for no value.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func times(rounds []Round, wall bool) []float64 {
	var out []float64
	for _, x := range rounds {
		out = append(out, x.seconds(wall))
	}
	return out
}

func join(a, b error) error {
	if a == nil {
		return b
	}
	return fmt.Errorf("%w; %w", a, b)
}
