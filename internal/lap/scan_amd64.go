//go:build amd64 && !purego

package lap

import "golang.org/x/sys/cpu"

// level is the instruction set in use; tests lower it.
var level = detect()

const (
	levelGo = iota
	levelAVX2
	levelAVX512
)

func detect() int {
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BW:
		return levelAVX512
	case cpu.X86.HasAVX2:
		return levelAVX2
	}
	return levelGo
}

// The AVX-512 kernels take any n >= 1, the AVX2 kernels a multiple of 8; the
// rest of the row is then done here in Go.

//go:noescape
func bestTwo32AVX512(c, p *float32, n int) (m1, m2 float32, at int)

//go:noescape
func bestTwo64AVX512(c *float32, v *float64, n int) (m1, m2 float64, at int)

//go:noescape
func relax64AVX512(c *float32, v, key *float64, pred *int64, n int, h float64, row int64) (least float64, at int)

//go:noescape
func rangeAVX512(c *float32, n int) (lo, hi, nan float32)

//go:noescape
func distRowAVX512(dst, yt, x *float32, n, d, stride, root int)

//go:noescape
func bestTwo32AVX2(c, p *float32, n int) (m1, m2 float32, at int)

//go:noescape
func bestTwo64AVX2(c *float32, v *float64, n int) (m1, m2 float64, at int)

//go:noescape
func relax64AVX2(c *float32, v, key *float64, pred *int64, n int, h float64, row int64) (least float64, at int)

//go:noescape
func rangeAVX2(c *float32, n int) (lo, hi, nan float32)

//go:noescape
func distRowAVX2(dst, yt, x *float32, n, d, stride, root int)

func bestTwo32(c, p []float32) (m1, m2 float32, at int) {
	n := len(c)
	p = p[:n]
	if level == levelAVX512 && n > 0 {
		return bestTwo32AVX512(&c[0], &p[0], n)
	}
	if level == levelGo || n < 8 {
		return bestTwo32Go(c, p)
	}
	m1, m2, at = bestTwo32AVX2(&c[0], &p[0], n&^7)
	for j := n &^ 7; j < n; j++ {
		w := c[j] + p[j]
		if w < m1 {
			m1, m2, at = w, m1, j
		} else if w < m2 {
			m2 = w
		}
	}
	return m1, m2, at
}

func bestTwo64(c []float32, v []float64) (m1, m2 float64, at int) {
	n := len(c)
	v = v[:n]
	if level == levelAVX512 && n > 0 {
		return bestTwo64AVX512(&c[0], &v[0], n)
	}
	if level == levelGo || n < 8 {
		return bestTwo64Go(c, v)
	}
	m1, m2, at = bestTwo64AVX2(&c[0], &v[0], n&^7)
	for j := n &^ 7; j < n; j++ {
		w := float64(c[j]) - v[j]
		if w < m1 {
			m1, m2, at = w, m1, j
		} else if w < m2 {
			m2 = w
		}
	}
	return m1, m2, at
}

func relax64(c []float32, v, key []float64, pred []int64, h float64, row int64) (least float64, at int) {
	n := len(c)
	v, key, pred = v[:n], key[:n], pred[:n]
	if level == levelAVX512 && n > 0 {
		return relax64AVX512(&c[0], &v[0], &key[0], &pred[0], n, h, row)
	}
	if level == levelGo || n < 8 {
		return relax64Go(c, v, key, pred, h, row)
	}
	least, at = relax64AVX2(&c[0], &v[0], &key[0], &pred[0], n&^7, h, row)
	for j := n &^ 7; j < n; j++ {
		if w := float64(c[j]) - v[j] - h; w < key[j] {
			key[j], pred[j] = w, row
		}
		if key[j] < least {
			least, at = key[j], j
		}
	}
	return least, at
}

func rangeOf(c []float32) (lo, hi, nan float32) {
	n := len(c)
	if level == levelAVX512 && n > 0 {
		return rangeAVX512(&c[0], n)
	}
	if level == levelGo || n < 8 {
		return rangeGo(c)
	}
	lo, hi, nan = rangeAVX2(&c[0], n&^7)
	l, h, s := rangeGo(c[n&^7:])
	return min(lo, l), max(hi, h), nan + s
}

func distRow(dst, yt, x []float32, stride int, root bool) {
	n, d := len(dst), len(x)
	if level == levelGo || n < 8 || d == 0 {
		distRowGo(dst, yt, x, stride, root)
		return
	}
	_ = yt[(d-1)*stride+n-1]
	r := 0
	if root {
		r = 1
	}
	if level == levelAVX512 {
		distRowAVX512(&dst[0], &yt[0], &x[0], n, d, stride, r)
		return
	}
	m := n &^ 7
	distRowAVX2(&dst[0], &yt[0], &x[0], m, d, stride, r)
	if m < n {
		distRowGo(dst[m:], yt[m:], x, stride, root)
	}
}
