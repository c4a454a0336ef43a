package audio_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"laminar/data/audio"
	"laminar/flow"
	"laminar/rng"
)

// tone is n samples of a sine.
func tone(n, rate int, hz, size float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(size * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return x
}

func codec(t testing.TB, f audio.Form) *audio.Codec {
	t.Helper()
	c, err := f.Codec()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func analysed(t testing.TB, c *audio.Codec, x []float32) []float64 {
	t.Helper()
	row := make([]float64, c.Dim())
	if err := c.Analyse(row, x); err != nil {
		t.Fatal(err)
	}
	return row
}

func TestFormFor(t *testing.T) {
	if f, want := audio.FormFor(8000, 7038), (audio.Form{Rate: 8000, Window: 512, Hop: 128, Bands: 64, Frames: 56, Floor: 80}); f != want {
		t.Errorf("%+v", f)
	}
	for _, rate := range []int{100, 4000, 11025, 16000, 22050, 44100, 48000, 192000} {
		f := audio.FormFor(rate, 10*rate)
		c := codec(t, f)
		if f.Samples() < 2*rate || f.Samples() > 2*rate+9*f.Hop || rate > 1000 && math.Abs(math.Log2(float64(f.Window)/float64(rate)/0.064)) > 0.5001 {
			t.Errorf("%d: %+v", rate, f)
		}
		// Noise sounds in every band, silence in none.
		x := make([]float32, rate)
		s := rng.New(1).Stream()
		s.Normal(x)
		row := analysed(t, c, x)
		for b := range f.Bands {
			if row[b*f.Frames+f.Frames/4] < -f.Floor+20 {
				t.Errorf("%d: band %d of %d does not hear noise", rate, b, f.Bands)
			}
		}
		if last := row[len(row)-1]; math.Abs(last+f.Floor) > 1e-9 {
			t.Errorf("%d: silence is %v dB", rate, last)
		}
	}
}

// A full-scale tone in the middle of a band reads about 0 dB there, ten
// decibels less ten less, and bands far away read nothing.
func TestAnalyseTone(t *testing.T) {
	f := audio.FormFor(8000, 7038)
	c := codec(t, f)
	top := 2595 * math.Log10(1+4000./700)
	for _, band := range []int{5, 30, 60} {
		hz := 700 * (math.Pow(10, top*float64(band+1)/65/2595) - 1)
		loud, soft := analysed(t, c, tone(7000, 8000, hz, 1)), analysed(t, c, tone(7000, 8000, hz, math.Sqrt(0.1)))
		at := band*f.Frames + 20
		if math.Abs(loud[at]) > 2 {
			t.Errorf("%.0f Hz: band %d reads %.2f dB", hz, band, loud[at])
		}
		if d := loud[at] - soft[at]; math.Abs(d-10) > 0.01 {
			t.Errorf("%.0f Hz: a tenth of the power is %.3f dB less", hz, d)
		}
		for b := range f.Bands {
			if v := loud[b*f.Frames+20]; (b < band-6 || b > band+6) && v > -60 {
				t.Errorf("%.0f Hz: band %d reads %.1f dB", hz, b, v)
			}
		}
	}
}

// vowel is a sound with harmonics that glide, and a silent end.
func vowel(rate int) []float32 {
	x := make([]float32, rate/2)
	phase := 0.0
	for i := range x {
		s := float64(i) / float64(len(x))
		phase += 2 * math.Pi * (110 + 40*s) / float64(rate)
		for h := 1; h < 20; h++ {
			x[i] += float32(0.2 * math.Sin(math.Pi*s) * math.Exp(-math.Abs(float64(h)-4-8*s)/3) * math.Sin(float64(h)*phase))
		}
	}
	return x
}

// A sound that is made from a row has nearly the row that it was made from.
func TestSynthesise(t *testing.T) {
	f := audio.FormFor(8000, 8000)
	c := codec(t, f)
	want := analysed(t, c, vowel(8000))
	x, err := c.Synthesise(want, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	if len(x) < 3500 || len(x) > 4500 {
		t.Errorf("%d samples of a sound of 4000", len(x))
	}
	got := analysed(t, c, x)
	e, n := 0.0, 0.0
	for i, v := range want {
		if v > -50 {
			e += (got[i] - v) * (got[i] - v)
			n++
		}
	}
	if rms := math.Sqrt(e / n); n < 400 || rms > 2.06 { // 2.14 without momentum, 6.7 with phases of chance
		t.Errorf("the row differs by %.2f dB over %v numbers", rms, n)
	}
	again, err := c.Synthesise(want, rng.New(1))
	if err != nil || !slices.Equal(again, x) {
		t.Errorf("the same key gives another sound: %v", err)
	}
	if other, _ := c.Synthesise(want, rng.New(2)); slices.Equal(other, x) {
		t.Error("another key gives the same phases")
	}
}

// Rows that no sound has, as a model may draw them, make finite sounds.
func TestSynthesiseAnything(t *testing.T) {
	c := codec(t, audio.FormFor(8000, 800))
	for _, v := range []float64{-1e9, -80, 0, 60, 1e9} {
		row := make([]float64, c.Dim())
		for i := range row {
			row[i] = v
		}
		x, err := c.Synthesise(row, rng.New(0))
		if err != nil || len(x) == 0 || slices.ContainsFunc(x, func(s float32) bool { return s-s != 0 }) {
			t.Errorf("all %v: %d samples, %v", v, len(x), err)
		}
		if v < -70 && slices.ContainsFunc(x, func(s float32) bool { return s != 0 }) {
			t.Errorf("all %v is not silent", v)
		}
	}
}

func TestFormFaults(t *testing.T) {
	good := audio.FormFor(8000, 800)
	for path, edit := range map[string]func(*audio.Form){
		"rate": func(f *audio.Form) { f.Rate = 0 }, "window": func(f *audio.Form) { f.Window = 500 }, "hop": func(f *audio.Form) { f.Hop = 0 },
		"bands": func(f *audio.Form) { f.Bands = 1000 }, "frames": func(f *audio.Form) { f.Frames = 0 }, "floor": func(f *audio.Form) { f.Floor = math.NaN() },
	} {
		f := good
		edit(&f)
		var fault *flow.FieldError
		if _, err := f.Codec(); !errors.As(err, &fault) || fault.Path != path {
			t.Errorf("%s: %v", path, err)
		}
	}
	c := codec(t, good)
	if err := c.Analyse(make([]float64, 3), nil); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
	if _, err := c.Synthesise(make([]float64, 3), rng.New(0)); !errors.Is(err, flow.ErrShape) {
		t.Error(err)
	}
}

func ExampleForm_Codec() {
	form := audio.FormFor(8000, 4000) // of half a second
	c, err := form.Codec()
	if err != nil {
		fmt.Println(err)
		return
	}
	row := make([]float64, form.Dim())
	err = c.Analyse(row, tone(4000, 8000, 440, 0.5))
	x, _ := c.Synthesise(row, rng.New(1))
	fmt.Println(form.Bands, form.Frames, len(x) > 3900, err)
	// Output: 64 40 true <nil>
}
