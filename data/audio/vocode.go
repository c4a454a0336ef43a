package audio

import (
	"fmt"
	"math"
	"math/cmplx"

	"laminar/flow"
	"laminar/rng"
)

// The number of rounds in which phases are found, and in which a frame is.
const (
	phaseRounds = 32
	frameRounds = 30
	momentum    = 0.99
)

// Synthesise returns the sound of a row as Analyse writes it; numbers below
// silence are silence. Silence at the end is cut off. The powers of the bands
// become those of the frequencies by non-negative least squares, and the phases,
// which a row does not hold, are found by the fast Griffin-Lim algorithm
// (Perraudin, Balazs, Søndergaard 2013) from phases that key draws.
//
// The error wraps flow.ErrShape unless row has Dim numbers.
func (c *Codec) Synthesise(row []float64, key rng.Key) ([]float32, error) {
	if len(row) != c.Dim() {
		return nil, fmt.Errorf("%w: %d numbers, a row has %d", flow.ErrShape, len(row), c.Dim())
	}
	t := c.pool.Get().(*transform)
	defer c.pool.Put(t)
	m := t.bins()
	frames := c.sounding(row)
	if frames == 0 {
		return make([]float32, c.Hop), nil
	}
	size := make([]float64, frames*m)
	for j := range frames {
		c.amplitudes(size[j*m:(j+1)*m], row, j)
	}
	x := make([]float64, min(frames*c.Hop, c.Samples()))
	findPhases(t, x, size, key)
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out, nil
}

// audible is by how many decibels a band is above silence that is heard.
const audible = 6

// sounding is the number of frames to the last one with a sound.
func (c *Codec) sounding(row []float64) int {
	n := 0
	for i, v := range row {
		if v > audible-c.Floor {
			n = max(n, i%c.Frames+1)
		}
	}
	return n
}

// amplitudes writes the size of every bin of frame j: the non-negative powers s
// whose bands W s come nearest to those of the row, by Lee and Seung's
// multiplicative steps s <- s W'm / W'W s.
func (c *Codec) amplitudes(dst, row []float64, j int) {
	want, floor := make([]float64, c.Bands), c.silence()
	for i := range want {
		want[i] = max(math.Pow(10, min(row[i*c.Frames+j], 40)/10)-floor, 0)
	}
	back := func(dst, bands []float64) {
		clear(dst)
		for i, b := range c.mel {
			for k, w := range b.weight {
				dst[b.lo+k] += w * bands[i]
			}
		}
	}
	ones := make([]float64, c.Bands)
	for i := range ones {
		for _, w := range c.mel[i].weight {
			ones[i] += w
		}
	}
	goal, now, got := make([]float64, len(dst)), make([]float64, len(dst)), make([]float64, c.Bands)
	back(goal, want)
	back(now, ones)
	for k := range dst {
		dst[k] = 0
		if now[k] > 0 {
			dst[k] = goal[k] / now[k]
		}
	}
	for range frameRounds {
		for i, b := range c.mel {
			got[i] = 0
			for k, w := range b.weight {
				got[i] += w * dst[b.lo+k]
			}
		}
		back(now, got)
		for k := range dst {
			if now[k] > 0 {
				dst[k] *= goal[k] / now[k]
			}
		}
	}
	for k, p := range dst {
		dst[k] = math.Sqrt(p * c.norm)
	}
}

// findPhases writes into x a sound whose frames have the given sizes as nearly
// as it can.
func findPhases(t *transform, x, size []float64, key rng.Key) {
	m := t.bins()
	frames := len(size) / m
	guess := make([]complex128, len(size)) // of the given size
	last := make([]complex128, len(size))  // the frames of a sound
	weight := make([]float64, len(x))
	now := make([]complex128, m)
	s := key.Stream()
	for i, a := range size {
		guess[i] = cmplx.Rect(a, 2*math.Pi*s.Float64())
	}
	for round := range phaseRounds {
		t.inverse(x, weight, guess)
		for j := range frames {
			if !t.forward(now, x, j) {
				clear(now)
			}
			for k, v := range now {
				i := j*m + k
				u := v
				if round > 0 {
					u += momentum * (v - last[i])
				}
				last[i] = v
				if r := cmplx.Abs(u); r > 0 {
					guess[i] = u * complex(size[i]/r, 0)
				} else {
					guess[i] = complex(size[i], 0)
				}
			}
		}
	}
	t.inverse(x, weight, guess)
}
