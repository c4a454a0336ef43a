package audio

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// transform is the short-time Fourier transform with a Hann window: frame j is
// centred on sample j*hop, with silence beyond either end of the sound. It is
// not safe for concurrent use.
type transform struct {
	n, hop int
	window []float64
	fft    *fourier.FFT
	frame  []float64
}

func newTransform(n, hop int) *transform {
	return &transform{n: n, hop: hop, window: hann(n), fft: fourier.NewFFT(n), frame: make([]float64, n)}
}

// hann is the periodic Hann window of n samples.
func hann(n int) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(n))
	}
	return w
}

func (t *transform) bins() int { return t.n/2 + 1 }

// forward writes the spectrum of frame j of x into dst and reports whether the
// frame holds any sound; if not, dst is left.
func (t *transform) forward(dst []complex128, x []float64, j int) bool {
	from := j*t.hop - t.n/2
	sound := false
	for i, w := range t.window {
		t.frame[i] = 0
		if k := from + i; k >= 0 && k < len(x) && x[k] != 0 {
			t.frame[i] = w * x[k]
			sound = true
		}
	}
	if sound {
		t.fft.Coefficients(dst, t.frame)
	}
	return sound
}

// inverse writes into x the sound whose frames come nearest to the given
// spectra, one after the other (Griffin, Lim 1984, eq. 6). weight is scratch as
// long as x.
func (t *transform) inverse(x, weight []float64, spectra []complex128) {
	clear(x)
	clear(weight)
	m := t.bins()
	for j := range len(spectra) / m {
		t.fft.Sequence(t.frame, spectra[j*m:(j+1)*m])
		from := j*t.hop - t.n/2
		for i := max(0, -from); i < min(t.n, len(x)-from); i++ {
			w := t.window[i]
			x[from+i] += w * t.frame[i] / float64(t.n)
			weight[from+i] += w * w
		}
	}
	for i, w := range weight {
		if w > 1e-9 {
			x[i] /= w
		}
	}
}
