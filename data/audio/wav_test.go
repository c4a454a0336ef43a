package audio_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"laminar/data/audio"
	"laminar/flow"
)

// chunk is a chunk of a RIFF file, with its padding.
func chunk(name string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(body)))
	b = append(b, body...)
	return append(b, make([]byte, len(body)%2)...)
}

// format is the body of a fmt chunk.
func format(tag, channels, rate, bits int) []byte {
	var b []byte
	for _, v := range []int{tag, channels} {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	for _, v := range []int{rate, rate * channels * bits / 8} {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	for _, v := range []int{channels * bits / 8, bits} {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return b
}

// riff is a WAV file of the given chunks.
func riff(chunks ...[]byte) []byte {
	body := append([]byte("WAVE"), slices.Concat(chunks...)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// wav is a file as WriteWAV writes it.
func wav(t testing.TB, e audio.Encoding, rate int, x []float32) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := audio.WriteWAV(&b, e, rate, x); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is written comes back: multiples of a step of the encoding in the same
// bits, others rounded to one, and what is too loud clipped.
func TestWAVRoundTrip(t *testing.T) {
	for e, step := range map[audio.Encoding]float64{audio.PCM8: 0x1p-7, audio.PCM16: 0x1p-15, audio.PCM24: 0x1p-23, audio.PCM32: 0x1p-31} {
		x := []float32{0, -1, 0.5, -0.25, 0.3, -0.7, 2, -2, float32(1 - step)}
		want := []float64{0, -1, 0.5, -0.25, math.Round(float64(x[4])/step) * step, math.Round(float64(x[5])/step) * step, 1 - step, -1, 1 - step}
		file := wav(t, e, 11025, x)
		if len(file)%2 != 0 || int(binary.LittleEndian.Uint32(file[4:])) != len(file)-8 {
			t.Errorf("encoding %d: %d bytes, RIFF says %d", e, len(file), binary.LittleEndian.Uint32(file[4:]))
		}
		rate, got, err := audio.ReadWAV(iotest.OneByteReader(bytes.NewReader(file)), "x.wav")
		if err != nil || rate != 11025 || len(got) != len(x) {
			t.Fatalf("encoding %d: %d samples at %d: %v", e, len(got), rate, err)
		}
		for i := range got {
			if got[i] != float32(want[i]) {
				t.Errorf("encoding %d: sample %d is %v, want %v", e, i, got[i], want[i])
			}
		}
	}
	x := []float32{0, 1.5, -3e-7, 0.1}
	if _, got, err := audio.ReadWAV(bytes.NewReader(wav(t, audio.Float32, 96000, x)), "x"); err != nil || !slices.Equal(got, x) {
		t.Errorf("floats: %v, %v", got, err)
	}
}

// Files that others write: two channels, chunks in between, an extensible
// header, an odd number of bytes, a length that is not known.
func TestReadOtherWAVs(t *testing.T) {
	samples := []byte{0x00, 0x40, 0x00, 0xc0, 0xff, 0x7f, 0x01, 0x00} // 1/2 -1/2, nearly 1 and 2^-15
	stereo := []float32{0, 0.5}
	ext := append(format(0xfffe, 1, 8000, 16), make([]byte, 24)...)
	ext[16], ext[24] = 22, 1
	piped := riff(chunk("fmt ", format(1, 2, 8000, 16)), chunk("data", samples))
	binary.LittleEndian.PutUint32(piped[len(piped)-len(samples)-4:], math.MaxUint32)
	for name, c := range map[string]struct {
		file []byte
		want []float32
	}{
		"two channels":   {riff(chunk("fmt ", format(1, 2, 8000, 16)), chunk("data", samples)), stereo},
		"chunks between": {riff(chunk("LIST", []byte("odd")), chunk("fmt ", format(1, 2, 8000, 16)), chunk("cue ", nil), chunk("data", samples), chunk("LIST", nil)), stereo},
		"extensible":     {riff(chunk("fmt ", ext), chunk("data", samples[:4])), []float32{0.5, -0.5}},
		"piped":          {piped, stereo},
		"odd":            {riff(chunk("fmt ", format(1, 1, 8000, 8)), chunk("data", []byte{128, 192, 0})), []float32{0, 0.5, -1}},
		"24 bits":        {riff(chunk("fmt ", format(1, 1, 8000, 24)), chunk("data", []byte{0, 0, 0x40, 0, 0, 0x80, 1, 0, 0})), []float32{0.5, -1, 0x1p-23}},
	} {
		rate, got, err := audio.ReadWAV(bytes.NewReader(c.file), name)
		if err != nil || rate != 8000 || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v at %d, want %v: %v", name, got, rate, c.want, err)
		}
	}
}

func TestHostileWAV(t *testing.T) {
	good := wav(t, audio.PCM16, 8000, make([]float32, 100))
	nan := wav(t, audio.Float32, 8000, []float32{0, 0})
	binary.LittleEndian.PutUint32(nan[len(nan)-4:], math.Float32bits(float32(math.NaN())))
	data := chunk("data", make([]byte, 8))
	for want, file := range map[string][]byte{
		"x.wav is empty":                       nil,
		"does not begin with RIFF":             []byte("RIFX....WAVE"),
		"is no WAV file":                       []byte("ID3"),
		"it has 150 of the 200 bytes":          good[:len(good)-50],
		"ends before its samples begin":        good[:38],
		"ends within its header":               good[:30],
		"before it says of what form":          riff(data),
		"compressed (format 85":                riff(chunk("fmt ", format(85, 1, 8000, 16)), data),
		"samples of 12 bits":                   riff(chunk("fmt ", format(1, 1, 8000, 12)), data),
		"has 6 channels":                       riff(chunk("fmt ", format(1, 6, 8000, 16)), data),
		"says 0 samples a second":              riff(chunk("fmt ", format(1, 1, 0, 16)), data),
		"header of 2 bytes":                    riff(chunk("fmt ", []byte{1, 0}), data),
		"has no samples":                       riff(chunk("fmt ", format(1, 1, 8000, 16)), chunk("data", nil)),
		"sample 2 is NaN":                      nan,
		"no whole number of 4 bytes":           riff(chunk("fmt ", format(1, 2, 8000, 16)), chunk("data", make([]byte, 6))),
		"is cut off: it ends before its sampl": riff(chunk("fmt ", format(1, 1, 8000, 16)), binary.LittleEndian.AppendUint32([]byte("LIST"), 1<<31)),
	} {
		_, _, err := audio.ReadWAV(bytes.NewReader(file), "x.wav")
		if !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestWriteFaults(t *testing.T) {
	var b bytes.Buffer
	for name, err := range map[string]error{
		"rate":     audio.WriteWAV(&b, audio.PCM16, 0, nil),
		"encoding": audio.WriteWAV(&b, 9, 8000, nil),
		"sample":   audio.WriteWAV(&b, audio.PCM16, 8000, []float32{float32(math.Inf(1))}),
	} {
		if !errors.Is(err, flow.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadWAV(f *testing.F) {
	for _, e := range []audio.Encoding{audio.PCM8, audio.PCM16, audio.PCM24, audio.PCM32, audio.Float32} {
		f.Add(wav(f, e, 8000, []float32{0, 0.5, -1}))
	}
	f.Add(riff(chunk("LIST", []byte("odd")), chunk("fmt ", format(1, 2, 8000, 16)), chunk("data", make([]byte, 8))))
	f.Fuzz(func(t *testing.T, file []byte) {
		rate, x, err := audio.ReadWAV(bytes.NewReader(file), "f")
		if err != nil {
			if !errors.Is(err, flow.ErrFormat) {
				t.Fatalf("%v", err)
			}
			return
		}
		if rate < 1 || len(x) == 0 || len(x) > len(file) {
			t.Fatalf("%d samples at %d from %d bytes", len(x), rate, len(file))
		}
		// What was read can be written and read again in the same bits.
		if _, y, err := audio.ReadWAV(bytes.NewReader(wav(t, audio.Float32, rate, x)), "g"); err != nil || !slices.Equal(x, y) {
			t.Fatalf("read again: %v", err)
		}
	})
}

func ExampleWriteWAV() {
	x := make([]float32, 8000) // a second of 440 Hz
	for i := range x {
		x[i] = float32(math.Sin(2 * math.Pi * 440 * float64(i) / 8000))
	}
	var file bytes.Buffer
	if err := audio.WriteWAV(&file, audio.PCM16, 8000, x); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	rate, y, err := audio.ReadWAV(&file, "tone.wav")
	fmt.Println(rate, len(y), err)
	// Output: 8000 8000 <nil>
}
