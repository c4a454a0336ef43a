package audio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"laminar/flow"
	"laminar/tensor"
)

// Encoding is how a WAV file holds samples.
type Encoding int

// PCM8 is unsigned, the other PCM are signed, all little-endian.
const (
	PCM8 Encoding = iota
	PCM16
	PCM24
	PCM32
	Float32
)

// bits is the number of bits of a sample, tag WAVE's number of the format.
func (e Encoding) bits() int { return [...]int{8, 16, 24, 32, 32}[e] }

func (e Encoding) tag() uint16 {
	if e == Float32 {
		return tagFloat
	}
	return tagPCM
}

// The formats of WAVE's fmt chunk that are read.
const (
	tagPCM        = 1
	tagFloat      = 3
	tagExtensible = 0xfffe // a longer header, with the format in its first bytes
)

// header is what the fmt chunk says.
type header struct {
	rate, channels int
	enc            Encoding
}

// maxRate bounds the rate of a file, in samples per second.
const maxRate = 768_000

// ReadWAV reads a WAV file from a stream: PCM of 8, 16, 24 or 32 bits or floats of
// 32, of one channel or two, which are averaged. It returns the number of samples
// per second and the samples; those of PCM lie in [-1, 1). Chunks that it does
// not know are skipped. A file written to a pipe, whose header does not know its
// length, is read to its end.
//
// The error wraps flow.ErrFormat and begins with name.
func ReadWAV(r io.Reader, name string) (rate int, x []float32, err error) {
	h, x, err := readWAV(r)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %s %w", flow.ErrFormat, name, err)
	}
	return h.rate, x, nil
}

func readWAV(r io.Reader) (h header, x []float32, err error) {
	var riff [12]byte
	if n, err := io.ReadFull(r, riff[:]); err != nil && !ended(err) {
		return h, nil, err
	} else if n == 0 {
		return h, nil, errors.New("is empty")
	} else if n < 12 || string(riff[:4]) != "RIFF" || string(riff[8:]) != "WAVE" {
		return h, nil, errors.New("is no WAV file: it does not begin with RIFF and WAVE")
	}
	known := false
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			if !ended(err) {
				return h, nil, err
			}
			return h, nil, errors.New("is cut off: it ends before its samples begin")
		}
		size := int64(binary.LittleEndian.Uint32(head[4:]))
		switch string(head[:4]) {
		case "fmt ":
			if h, err = readFormat(r, size); err != nil {
				return h, nil, err
			}
			known = true
		case "data":
			if !known {
				return h, nil, errors.New("has samples before it says of what form they are")
			}
			x, err = h.readSamples(r, size)
			return h, x, err
		default:
			if _, err := io.CopyN(io.Discard, r, size+size%2); err != nil {
				if !ended(err) {
					return h, nil, err
				}
				return h, nil, errors.New("is cut off: it ends before its samples begin")
			}
		}
	}
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// readFormat reads the fmt chunk.
func readFormat(r io.Reader, size int64) (h header, err error) {
	if size < 16 || size > 1<<16 {
		return h, fmt.Errorf("has a header of %d bytes, which is none of WAVE", size)
	}
	b := make([]byte, size+size%2)
	if _, err := io.ReadFull(r, b); err != nil {
		if !ended(err) {
			return h, err
		}
		return h, errors.New("is cut off: it ends within its header")
	}
	tag, bits := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[14:]))
	h.channels, h.rate = int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint32(b[4:]))
	if tag == tagExtensible && size >= 26 {
		tag = binary.LittleEndian.Uint16(b[24:])
	}
	found := false
	for _, e := range []Encoding{PCM8, PCM16, PCM24, PCM32, Float32} {
		if e.tag() == tag && e.bits() == bits {
			h.enc, found = e, true
		}
	}
	switch {
	case tag != tagPCM && tag != tagFloat:
		return h, fmt.Errorf("is compressed (format %d of WAVE); only plain samples are read", tag)
	case !found:
		return h, fmt.Errorf("has samples of %d bits in format %d; PCM of 8, 16, 24 or 32 bits and floats of 32 are read", bits, tag)
	case h.channels < 1 || h.channels > 2:
		return h, fmt.Errorf("has %d channels; one or two are read", h.channels)
	case h.rate < 1 || h.rate > maxRate:
		return h, fmt.Errorf("says %d samples a second, which is not in 1..%d", h.rate, maxRate)
	}
	return h, nil
}

// unknownSize is what stands for the length of samples written to a pipe.
const unknownSize = math.MaxUint32

// readSamples reads size bytes of samples, or all there are.
func (h header) readSamples(r io.Reader, size int64) ([]float32, error) {
	frame := h.channels * h.enc.bits() / 8
	if size != unknownSize && size%int64(frame) != 0 {
		return nil, fmt.Errorf("says it has %d bytes of samples, which are no whole number of %d bytes each", size, frame)
	}
	var x []float32
	buf := make([]byte, frame<<12)
	left := size
	for left > 0 {
		n, err := io.ReadFull(r, buf[:min(int64(len(buf)), left)])
		if err != nil && !ended(err) {
			return nil, err
		}
		if len(x)+n/frame > maxSamples {
			return nil, fmt.Errorf("has more than %d samples", maxSamples)
		}
		for b := buf[:n/frame*frame]; len(b) > 0; b = b[frame:] {
			v := h.enc.decode(b)
			if h.channels == 2 {
				v = (v + h.enc.decode(b[frame/2:])) / 2
			}
			if v-v != 0 {
				return nil, fmt.Errorf("is damaged: sample %d is %v", len(x)+1, v)
			}
			x = append(x, v)
		}
		left -= int64(n)
		if err != nil {
			if size == unknownSize {
				break
			}
			return nil, fmt.Errorf("is cut off: it has %d of the %d bytes of samples that its header says", size-left, size)
		}
	}
	if len(x) == 0 {
		return nil, errors.New("has no samples")
	}
	return x, nil
}

// decode returns the sample that b begins with.
func (e Encoding) decode(b []byte) float32 {
	switch e {
	case PCM8:
		return (float32(b[0]) - 128) / 128
	case PCM16:
		return float32(int16(binary.LittleEndian.Uint16(b))) / (1 << 15)
	case PCM24:
		return float32(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)>>8) / (1 << 23)
	case PCM32:
		return float32(float64(int32(binary.LittleEndian.Uint32(b))) / (1 << 31))
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(b))
}

// append adds the sample v to b. PCM is rounded and clipped.
func (e Encoding) append(b []byte, v float32) []byte {
	whole := func() int64 {
		full := float64(int64(1) << (e.bits() - 1))
		return int64(math.Round(min(max(float64(v)*full, -full), full-1)))
	}
	switch e {
	case PCM8:
		return append(b, byte(whole()+128))
	case PCM16:
		return binary.LittleEndian.AppendUint16(b, uint16(whole()))
	case PCM24:
		n := whole()
		return append(b, byte(n), byte(n>>8), byte(n>>16))
	case PCM32:
		return binary.LittleEndian.AppendUint32(b, uint32(whole()))
	}
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
}

// WriteWAV writes a WAV file of one channel of rate samples per second. Samples
// outside [-1, 1] are clipped, but for Float32. The error wraps flow.ErrShape when
// the file would be longer than WAVE can say, flow.ErrConfig when rate is out of
// range or a sample not finite, or is w's.
func WriteWAV(w io.Writer, e Encoding, rate int, x []float32) error {
	if rate < 1 || rate > maxRate {
		return fmt.Errorf("%w: %d samples a second is not in 1..%d", flow.ErrConfig, rate, maxRate)
	}
	if e < PCM8 || e > Float32 {
		return fmt.Errorf("%w: unknown encoding %d", flow.ErrConfig, e)
	}
	width := e.bits() / 8
	if len(x) > (math.MaxUint32-64)/width {
		return fmt.Errorf("%w: %d samples are more than a WAV file can hold", tensor.ErrShape, len(x))
	}
	size := len(x) * width
	var b bytes.Buffer
	put := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) } // to memory
	b.WriteString("RIFF")
	put(uint32(36 + size + size%2))
	b.WriteString("WAVEfmt ")
	put(uint32(16))
	put([]uint16{e.tag(), 1})
	put([]uint32{uint32(rate), uint32(rate * width)})
	put([]uint16{uint16(width), uint16(e.bits())})
	b.WriteString("data")
	put(uint32(size))
	out := b.Bytes()
	for i, v := range x {
		if v-v != 0 {
			return fmt.Errorf("%w: sample %d is %v", flow.ErrConfig, i+1, v)
		}
		if out = e.append(out, v); len(out) > 1<<16 {
			if _, err := w.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	if size%2 == 1 {
		out = append(out, 0)
	}
	_, err := w.Write(out)
	return err
}
