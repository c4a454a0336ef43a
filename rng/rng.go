// Package rng makes randomness an argument. A Key is a value; it is split by
// name and by index, and never advances. A Stream is what one key yields.
//
//	k := rng.New(42)
//	batch := k.Split("batch").At(17) // the key of batch 17, always the same
//	s := batch.Stream()
//	s.Normal(x0.Data)
//
// Two keys split by different names or indices give streams that are
// independent for all practical purposes. Nothing here is cryptographic.
//
// The same key yields the same numbers on every platform and for any number of
// cores: row i of a sample drawn from k uses k.At(i) and no other key.
package rng

import (
	"math"
	"math/bits"
)

// Key identifies a stream of random numbers. It is comparable and immutable.
type Key struct{ hi, lo uint64 }

// New returns the root key of a seed.
func New(seed uint64) Key { return Key{0x6c616d696e617221, seed}.mix(0x9e3779b97f4a7c15) }

// Split returns the key called name under k.
func (k Key) Split(name string) Key {
	h := uint64(0xcbf29ce484222325) // FNV-1a, 64 bits
	for i := 0; i < len(name); i++ {
		h = (h ^ uint64(name[i])) * 0x100000001b3
	}
	return k.mix(h ^ 0x5851f42d4c957f2d)
}

// At returns the i-th key under k.
func (k Key) At(i uint64) Key { return k.mix(i ^ 0xd1342543de82ef95) }

// mix absorbs v into both halves with two rounds of a 64x64->128 multiply.
func (k Key) mix(v uint64) Key {
	h1, l1 := bits.Mul64(k.lo^v, 0xa0761d6478bd642f)
	h2, l2 := bits.Mul64(k.hi^bits.RotateLeft64(v, 32)^l1, 0xe7037ed1a0b428db)
	return Key{finish(h1 ^ l2 ^ k.hi), finish(h2 ^ l1 ^ bits.RotateLeft64(k.lo, 17))}
}

// finish is the finaliser of splitmix64 (Steele, Lea, Flood 2014).
func finish(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Words returns the key's two words, by which a key can be stored.
func (k Key) Words() [2]uint64 { return [2]uint64{k.hi, k.lo} }

// Stream yields random numbers: xoshiro256++ (Blackman, Vigna 2019). It is not
// safe for concurrent use; give each goroutine a key of its own.
type Stream struct{ s0, s1, s2, s3 uint64 }

// Stream starts the stream of k.
func (k Key) Stream() Stream {
	a := k.mix(1)
	b := k.mix(2)
	return Stream{a.hi, a.lo | 1, b.hi, b.lo}
}

// Uint64 returns 64 uniform bits.
func (s *Stream) Uint64() uint64 {
	r := bits.RotateLeft64(s.s0+s.s3, 23) + s.s0
	t := s.s1 << 17
	s.s2 ^= s.s0
	s.s3 ^= s.s1
	s.s1 ^= s.s2
	s.s0 ^= s.s3
	s.s2 ^= t
	s.s3 = bits.RotateLeft64(s.s3, 45)
	return r
}

// Float64 returns a uniform number in [0, 1), a multiple of 2^-53.
func (s *Stream) Float64() float64 { return float64(s.Uint64()>>11) * 0x1p-53 }

// Float32 returns a uniform number in [0, 1), a multiple of 2^-24.
func (s *Stream) Float32() float32 { return float32(s.Uint64()>>40) * 0x1p-24 }

// IntN returns a uniform integer in [0, n) without bias; n must be positive.
func (s *Stream) IntN(n int) int {
	hi, lo := bits.Mul64(s.Uint64(), uint64(n))
	if lo < uint64(n) {
		for t := -uint64(n) % uint64(n); lo < t; {
			hi, lo = bits.Mul64(s.Uint64(), uint64(n))
		}
	}
	return int(hi)
}

// Perm fills p with a uniform permutation of 0 to len(p)-1.
func (s *Stream) Perm(p []int32) {
	for i := range p {
		j := s.IntN(i + 1)
		p[i] = p[j]
		p[j] = int32(i)
	}
}

// Fill fills dst with uniform numbers in [0, 1).
func (s *Stream) Fill(dst []float32) {
	for i := range dst {
		dst[i] = s.Float32()
	}
}

// Normal fills dst with independent N(0, 1) numbers.
func (s *Stream) Normal(dst []float32) {
	for i := range dst {
		dst[i] = float32(s.NormFloat64())
	}
}

// NormFloat64 returns an N(0, 1) number by the ziggurat method with 256 layers
// (Marsaglia, Tsang 2000, in Doornik's 2005 form).
func (s *Stream) NormFloat64() float64 {
	for {
		u := s.Uint64()
		layer := u & 0xff
		x := float64(int64(u)>>11) * 0x1p-52 // uniform in [-1, 1)
		z := x * zigX[layer]
		if math.Abs(x) < zigRatio[layer] {
			return z
		}
		if layer == 0 {
			return s.tail(x < 0)
		}
		a := zigF[layer+1] + (zigF[layer]-zigF[layer+1])*s.Float64()
		if a < math.Exp(-0.5*z*z) {
			return z
		}
	}
}

const zigR = 3.6541528853610088 // start of the tail for 256 layers

func (s *Stream) tail(negative bool) float64 {
	for {
		x := -math.Log(1-s.Float64()) / zigR
		y := -math.Log(1 - s.Float64())
		if y+y > x*x {
			if negative {
				return -zigR - x
			}
			return zigR + x
		}
	}
}

// zigX[i] is the width of layer i, zigF[i] the density at zigX[i], zigRatio[i]
// the share of layer i's width that lies wholly below the curve.
var zigX, zigF, zigRatio = zigguratTables()

func zigguratTables() (x, f [257]float64, ratio [256]float64) {
	const area = 0.00492867323399141
	density := func(v float64) float64 { return math.Exp(-0.5 * v * v) }
	x[0] = area / density(zigR)
	x[1] = zigR
	for i := 2; i < 256; i++ {
		x[i] = math.Sqrt(-2 * math.Log(area/x[i-1]+density(x[i-1])))
	}
	x[256] = 0
	for i := range x {
		f[i] = density(x[i])
	}
	for i := range ratio {
		ratio[i] = x[i+1] / x[i]
	}
	return x, f, ratio
}
