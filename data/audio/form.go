package audio

import (
	"fmt"
	"math"
	"math/bits"
	"sync"

	"laminar/flow"
)

// Form says how a row of numbers stands for a sound: a spectrogram of Bands
// lines, the lowest first, of Frames frames each. Start from FormFor.
type Form struct {
	// Rate is the number of samples per second.
	Rate int `json:"rate"`
	// Window is the number of samples of a frame, a power of two; Hop the number
	// from one frame to the next.
	Window int `json:"window"`
	Hop    int `json:"hop"`
	// Bands is the number of bands, spaced evenly in mel from 0 to half the rate.
	Bands int `json:"bands"`
	// Frames is the number of frames.
	Frames int `json:"frames"`
	// Floor is the power of silence, in decibels below a full-scale tone.
	Floor float64 `json:"floor"`
}

// longest is the length of the longest sound that FormFor makes room for, in
// seconds; frame is about that of a frame.
const (
	longest = 2.0
	frame   = 0.064
)

// FormFor returns the form of sounds of the given rate, of which the longest has
// n samples: frames of about 64 ms that overlap by three quarters, 64 bands, a
// floor 80 dB down, and a multiple of eight frames, which networks of several
// resolutions like. Of sounds longer than two seconds the rest is cut.
func FormFor(rate, n int) Form {
	f := Form{Rate: rate, Window: 32, Bands: 64, Floor: 80}
	for float64(f.Window)*math.Sqrt2 < frame*float64(rate) {
		f.Window *= 2
	}
	f.Hop = f.Window / 4
	f.Bands = min(f.Bands, f.Window/4)
	n = min(n, int(longest*float64(rate)))
	f.Frames = ((n+f.Hop-1)/f.Hop + 1 + 7) / 8 * 8
	return f
}

// Validate returns a *flow.FieldError for the first field out of range.
func (f Form) Validate() error {
	for _, c := range []struct {
		name      string
		v, lo, hi int
	}{
		{"rate", f.Rate, 1, maxRate},
		{"window", f.Window, 8, 1 << 16},
		{"hop", f.Hop, 1, f.Window / 2},
		{"bands", f.Bands, 1, f.Window / 2},
		{"frames", f.Frames, 1, 1 << 16},
	} {
		if c.v < c.lo || c.v > c.hi {
			return &flow.FieldError{Path: c.name, Msg: fmt.Sprintf("%d is not in %d..%d", c.v, c.lo, c.hi)}
		}
	}
	if bits.OnesCount(uint(f.Window)) != 1 {
		return &flow.FieldError{Path: "window", Msg: fmt.Sprintf("%d is no power of two", f.Window)}
	}
	if !(f.Floor >= 20 && f.Floor <= 200) {
		return &flow.FieldError{Path: "floor", Msg: fmt.Sprintf("%v is not in 20..200", f.Floor)}
	}
	return nil
}

// Dim is the number of numbers of a row.
func (f Form) Dim() int { return f.Bands * f.Frames }

// Samples is the number of samples that a row covers.
func (f Form) Samples() int { return (f.Frames - 1) * f.Hop }

// Codec leads from samples to rows of a Form and back. It is safe for concurrent
// use.
type Codec struct {
	Form
	mel  []band
	norm float64 // power of a full-scale tone at its frequency's bin
	pool sync.Pool
}

// band is a triangular filter: its weights on the power from bin lo on.
type band struct {
	lo     int
	weight []float64
}

// Codec returns the codec of a valid form.
func (f Form) Codec() (*Codec, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	c := &Codec{Form: f, mel: f.filters()}
	c.pool.New = func() any { return newTransform(f.Window, f.Hop) }
	sum := 0.0
	for _, w := range hann(f.Window) {
		sum += w
	}
	c.norm = sum * sum / 4
	return c, nil
}

// toMel and fromMel are the mel scale of O'Shaughnessy: 2595 log10(1 + f/700).
func toMel(hz float64) float64    { return 2595 * math.Log10(1+hz/700) }
func fromMel(mel float64) float64 { return 700 * (math.Pow(10, mel/2595) - 1) }

// filters are triangles of height 1, each from the middle of the band below to
// that of the band above, and no narrower than two bins, so that each of the
// lowest bands has a bin of its own.
func (f Form) filters() []band {
	bins := f.Window/2 + 1
	hz := float64(f.Rate) / float64(f.Window) // of a bin
	top := toMel(float64(f.Rate) / 2)
	at := func(i int) float64 { return fromMel(top*float64(i)/float64(f.Bands+1)) / hz }
	all := make([]band, f.Bands)
	for i := range all {
		lo, mid, hi := at(i), at(i+1), at(i+2)
		lo, hi = min(lo, mid-1), max(hi, mid+1)
		b := &all[i]
		for k := range bins {
			w := min((float64(k)-lo)/(mid-lo), (hi-float64(k))/(hi-mid))
			if w <= 0 {
				continue
			}
			if b.weight == nil {
				b.lo = k
			}
			b.weight = append(b.weight, w)
		}
	}
	return all
}

// Analyse writes the spectrogram of the samples x into dst, of length Dim: the
// power of each band in decibels, from -Floor for silence to about 0 for a
// full-scale tone. x is cut, or silence follows, at the row's length.
func (c *Codec) Analyse(dst []float64, x []float32) error {
	if len(dst) != c.Dim() {
		return fmt.Errorf("%w: room for %d numbers, a row has %d", flow.ErrShape, len(dst), c.Dim())
	}
	t := c.pool.Get().(*transform)
	defer c.pool.Put(t)
	floor := c.silence()
	x = x[:min(len(x), c.Samples())]
	wave := make([]float64, len(x))
	for i, v := range x {
		wave[i] = float64(v)
	}
	spectrum := make([]complex128, t.bins())
	power := make([]float64, t.bins())
	for j := range c.Frames {
		clear(power)
		if t.forward(spectrum, wave, j) {
			for k, v := range spectrum {
				power[k] = (real(v)*real(v) + imag(v)*imag(v)) / c.norm
			}
		}
		for i, b := range c.mel {
			s := 0.0
			for k, w := range b.weight {
				s += w * power[b.lo+k]
			}
			dst[i*c.Frames+j] = 10 * math.Log10(s+floor)
		}
	}
	return nil
}

// silence is the power that is added to every band.
func (c *Codec) silence() float64 { return math.Pow(10, -c.Floor/10) }
