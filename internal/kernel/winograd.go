package kernel

import (
	"fmt"
	"math"
)

// Transform names one of the five maps of Winograd's convolution F(4, 3), which
// finds 4 outputs of a filter of 3 taps from 6 inputs with 6 products instead of
// 12 (Winograd 1980; Lavin, Gray 2016):
//
//	y = OutputMix ((WeightMix g) * (InputMix d))
//
// With the points 0, ±sqrt(1/2), ±sqrt(2) and infinity, whose powers stay close
// to 1, it loses about one bit against the plain sum.
type Transform int

// The maps, and the transposes of two of them for the gradient of the weight.
const (
	InputMix   Transform = iota // 6 to 6
	OutputMix                   // 6 to 4
	OutputMixT                  // 4 to 6
	WeightMix                   // 3 to 6
	WeightMixT                  // 6 to 3
)

// Sizes returns the number of lines that t takes and gives.
func (t Transform) Sizes() (in, out int) {
	switch t {
	case InputMix:
		return 6, 6
	case OutputMix:
		return 6, 4
	case OutputMixT:
		return 4, 6
	case WeightMix:
		return 3, 6
	case WeightMixT:
		return 6, 3
	}
	panic(fmt.Sprintf("kernel: no such transform: %d", int(t)))
}

type mixFunc = func(n, count int, dst []float32, dstRow, dstNext int, src []float32, srcRow, srcNext int)

// Mix transforms lines of n elements, n a multiple of 16, count times: for k <
// count, with T the matrix of t,
//
//	dst[k*dstNext + i*dstRow + x] = sum over j of T[i,j] src[k*srcNext + j*srcRow + x]
//
// dst and src must not overlap.
func (s *Set) Mix(t Transform, dst []float32, dstRow, dstNext int, src []float32, srcRow, srcNext, n, count int) {
	in, out := t.Sizes()
	if n%16 != 0 || n < 0 || dstRow < 0 || dstNext < 0 || srcRow < 0 || srcNext < 0 {
		panic(fmt.Sprintf("kernel: Mix: lines of %d elements, strides %d, %d, %d, %d", n, dstRow, dstNext, srcRow, srcNext))
	}
	if n == 0 || count <= 0 {
		return
	}
	if need := (count-1)*dstNext + (out-1)*dstRow + n; len(dst) < need {
		panic(fmt.Sprintf("kernel: Mix: dst of %d elements, want %d", len(dst), need))
	}
	if need := (count-1)*srcNext + (in-1)*srcRow + n; len(src) < need {
		panic(fmt.Sprintf("kernel: Mix: src of %d elements, want %d", len(src), need))
	}
	for x := 0; x < n; x += chunk {
		w := min(chunk, n-x)
		for k := 0; k < count; {
			turns := min(count-k, max(1, chunk/w))
			s.mix[t](w, turns, dst[k*dstNext+x:], dstRow, dstNext, src[k*srcNext+x:], srcRow, srcNext)
			k += turns
		}
	}
}

// The constants of the transforms.
const (
	root2    float32 = math.Sqrt2
	rootHalf float32 = math.Sqrt2 / 2
)

// refMix is the transforms in Go: from an element of each line that goes in to
// one of each that comes out.
var refMix = [...]func(s [6]float32) [6]float32{
	InputMix: func(s [6]float32) [6]float32 {
		d1, d2 := plusMinus(s[4]+times(-2, s[2]), times(rootHalf, s[3])-times(root2, s[1]))
		d3, d4 := plusMinus(s[4]+times(-0.5, s[2]), times(root2, s[3])-times(rootHalf, s[1]))
		return [6]float32{s[0] + (s[4] + times(-2.5, s[2])), d1, d2, d3, d4, s[5] + (s[1] + times(-2.5, s[3]))}
	},
	OutputMix: func(s [6]float32) [6]float32 {
		a, b := plusMinus(s[1], s[2])
		c, e := plusMinus(s[3], s[4])
		return [6]float32{
			s[0] + a + c, times(rootHalf, b) + times(root2, e),
			times(0.5, a) + times(2, c), s[5] + times(rootHalf/2, b) + times(2*root2, e),
		}
	},
	OutputMixT: func(s [6]float32) [6]float32 {
		z1, z2 := plusMinus(s[0]+times(0.5, s[2]), times(rootHalf, s[1])+times(rootHalf/2, s[3]))
		z3, z4 := plusMinus(s[0]+times(2, s[2]), times(root2, s[1])+times(2*root2, s[3]))
		return [6]float32{s[0], z1, z2, z3, z4, s[3]}
	},
	WeightMix: func(s [6]float32) [6]float32 {
		u1, u2 := plusMinus(times(-2.0/3, s[0])+times(-1.0/3, s[2]), times(-2.0/3*rootHalf, s[1]))
		u3, u4 := plusMinus(times(1.0/6, s[0])+times(1.0/3, s[2]), times(root2/6, s[1]))
		return [6]float32{s[0], u1, u2, u3, u4, s[2]}
	},
	WeightMixT: func(s [6]float32) [6]float32 {
		a, b := plusMinus(s[1], s[2])
		c, e := plusMinus(s[3], s[4])
		return [6]float32{
			s[0] + times(-2.0/3, a) + times(1.0/6, c), times(root2/6, e) - times(2.0/3*rootHalf, b),
			s[5] + times(-1.0/3, a) + times(1.0/3, c),
		}
	},
}

// times is a product that is rounded, and so never fused with a sum.
func times(c, x float32) float32 { return float32(c * x) }

func plusMinus(a, b float32) (plus, minus float32) { return a + b, a - b }

// refMixes returns the transforms in Go.
func refMixes() (mix [5]mixFunc) {
	for t, f := range refMix {
		in, out := Transform(t).Sizes()
		mix[t] = func(n, count int, dst []float32, dstRow, dstNext int, src []float32, srcRow, srcNext int) {
			for k := range count {
				for x := range n {
					var s [6]float32
					for j := range in {
						s[j] = src[k*srcNext+j*srcRow+x]
					}
					s = f(s)
					for i := range out {
						dst[k*dstNext+i*dstRow+x] = s[i]
					}
				}
			}
		}
	}
	return mix
}
