package kernel

import (
	"fmt"
	"math"
	"testing"

	"laminar/rng"
)

// matrix returns the matrix of a transform, column by column, as s does it.
func matrix(s *Set, t Transform) [][]float64 {
	in, out := t.Sizes()
	m := make([][]float64, out)
	for i := range m {
		m[i] = make([]float64, in)
	}
	for j := range in {
		src, dst := make([]float32, 16*in), make([]float32, 16*out)
		for x := range 16 {
			src[16*j+x] = 1
		}
		s.Mix(t, dst, 16, 0, src, 16, 0, 16, 1)
		for i := range out {
			m[i][j] = float64(dst[16*i])
		}
	}
	return m
}

// TestTransforms: a filter of 3 taps over 6 inputs is found from 6 products, and
// the maps of the gradient are the transposes.
func TestTransforms(t *testing.T) {
	for _, s := range Available() {
		in, out, weight := matrix(s, InputMix), matrix(s, OutputMix), matrix(s, WeightMix)
		// The output i of tap k and input j is 1 where j = i + k.
		for i := range 4 {
			for k := range 3 {
				for j := range 6 {
					sum, want := 0.0, 0.0
					for p := range 6 {
						sum += out[i][p] * weight[p][k] * in[p][j]
					}
					if j == i+k {
						want = 1
					}
					if math.Abs(sum-want) > 1e-6 {
						t.Errorf("%s: output %d of tap %d and input %d is %g, want %g", s.Name(), i, k, j, sum, want)
					}
				}
			}
		}
		for a, b := range map[Transform]Transform{OutputMix: OutputMixT, WeightMix: WeightMixT} {
			m, mt := matrix(s, a), matrix(s, b)
			for i := range m {
				for j := range m[i] {
					if math.Abs(m[i][j]-mt[j][i]) > 1e-6 {
						t.Errorf("%s: transforms %d and %d at (%d, %d): %g and %g", s.Name(), a, b, i, j, m[i][j], mt[j][i])
					}
				}
			}
		}
	}
}

// TestMix: all sets agree, with strides, several turns and long lines, and
// write nothing else.
func TestMix(t *testing.T) {
	ref := reference()
	for _, s := range Available() {
		for mix := InputMix; mix <= WeightMixT; mix++ {
			for _, n := range []int{16, 48, chunk + 16} {
				t.Run(fmt.Sprint(s.Name(), mix, n), func(t *testing.T) {
					in, out := mix.Sizes()
					const count = 3
					srcRow, srcNext, dstRow, dstNext := n+16, (n+16)*in+5, n*count+3, n
					src := make([]float32, count*srcNext)
					st := rng.New(1).Stream()
					st.Normal(src)
					got, want := make([]float32, out*dstRow+count*n), make([]float32, out*dstRow+count*n)
					for i := range got {
						got[i], want[i] = 77, 77
					}
					s.Mix(mix, got, dstRow, dstNext, src, srcRow, srcNext, n, count)
					ref.Mix(mix, want, dstRow, dstNext, src, srcRow, srcNext, n, count)
					for i := range got {
						if d := math.Abs(float64(got[i] - want[i])); !(d < 2e-6) || want[i] == 77 && got[i] != 77 {
							t.Fatalf("element %d is %g, want %g", i, got[i], want[i])
						}
					}
				})
			}
		}
	}
}
