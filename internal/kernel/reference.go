package kernel

import "math"

// reference is the set written in plain Go: the oracle of the others. It
// rounds every product before adding, by an explicit conversion, so that no
// compiler fuses the two and all platforms give the same bits.
func reference() *Set {
	return &Set{
		name: "go",
		nr:   16, mr: 1,
		panel: refPanel, mix: refMixes(),

		addRows: refRows(func(x, y float32) float32 { return x + y }),
		mulRows: refRows(func(x, y float32) float32 { return x * y }),

		neg: func(dst, a []float32) { ref1(dst, a, func(x float32) float32 { return -x }) },
		abs: func(dst, a []float32) {
			ref1(dst, a, func(x float32) float32 { return bits(math.Float32bits(x) &^ (1 << 31)) })
		},
		sign:    func(dst, a []float32) { ref1(dst, a, func(x float32) float32 { return truth(x > 0) - truth(x < 0) }) },
		sqrt:    func(dst, a []float32) { ref1(dst, a, via64(math.Sqrt)) },
		exp:     func(dst, a []float32) { ref1(dst, a, via64(math.Exp)) },
		log:     func(dst, a []float32) { ref1(dst, a, via64(math.Log)) },
		tanh:    func(dst, a []float32) { ref1(dst, a, via64(math.Tanh)) },
		sigmoid: func(dst, a []float32) { ref1(dst, a, via64(sigmoid64)) },
		erf:     func(dst, a []float32) { ref1(dst, a, via64(math.Erf)) },
		step:    func(dst, a []float32) { ref1(dst, a, func(x float32) float32 { return truth(x > 0) }) },
		relu:    func(dst, a []float32) { ref1(dst, a, func(x float32) float32 { return atLeast(0, x) }) },
		silu:    func(dst, a []float32) { ref1(dst, a, via64(silu64)) },
		sin:     func(dst, a []float32) int { ref1(dst, a, via64(math.Sin)); return len(a) },
		cos:     func(dst, a []float32) int { ref1(dst, a, via64(math.Cos)); return len(a) },

		add:      func(dst, a, b []float32) { ref2(dst, a, b, func(x, y float32) float32 { return x + y }) },
		sub:      func(dst, a, b []float32) { ref2(dst, a, b, func(x, y float32) float32 { return x - y }) },
		mul:      func(dst, a, b []float32) { ref2(dst, a, b, func(x, y float32) float32 { return x * y }) },
		div:      func(dst, a, b []float32) { ref2(dst, a, b, func(x, y float32) float32 { return x / y }) },
		max:      func(dst, a, b []float32) { ref2(dst, a, b, atLeast) },
		min:      func(dst, a, b []float32) { ref2(dst, a, b, atMost) },
		greater:  func(dst, a, b []float32) { ref2(dst, a, b, func(x, y float32) float32 { return truth(x > y) }) },
		equal:    func(dst, a, b []float32) { ref2(dst, a, b, func(x, y float32) float32 { return truth(x == y) }) },
		reluGrad: func(dst, a, b []float32) { ref2(dst, a, b, refReLUGrad) },
		tanhGrad: func(dst, a, b []float32) {
			ref2(dst, a, b, func(d, y float32) float32 { return d * (1 - float32(y*y)) })
		},
		sigmoidGrad: func(dst, a, b []float32) { ref2(dst, a, b, func(d, y float32) float32 { return d * y * (1 - y) }) },
		siluGrad:    func(dst, a, b []float32) { ref2(dst, a, b, refSiLUGrad) },

		mulAdd: func(dst, a, b, c []float32) {
			for i, x := range a {
				dst[i] = float32(x*b[i]) + c[i]
			}
		},
		sel: func(dst, mask, a, b []float32) {
			for i, m := range mask {
				if m != 0 {
					dst[i] = a[i]
				} else {
					dst[i] = b[i]
				}
			}
		},
		scale:     func(dst, a []float32, s float32) { ref1(dst, a, func(x float32) float32 { return s * x }) },
		addScalar: func(dst, a []float32, s float32) { ref1(dst, a, func(x float32) float32 { return x + s }) },
		addScaled: func(dst, a []float32, s float32) {
			for i, x := range a {
				dst[i] += float32(s * x)
			}
		},

		sum:     func(a []float32) float64 { return refLanes(a, a, func(x, _ float64) float64 { return x }) },
		sumSq:   func(a []float32) float64 { return refLanes(a, a, func(x, _ float64) float64 { return x * x }) },
		dot:     func(a, b []float32) float64 { return refLanes(a, b, func(x, y float64) float64 { return x * y }) },
		maxOf:   refMaxOf,
		rowMin2: refRowMin2,

		adamW: func(p, g, m, v []float32, c adamConst) {
			for i := range p {
				p[i] = refAdamW(p[i], g[i], &m[i], &v[i], c)
			}
		},
		adamWEMA: func(p, g, m, v, ema []float32, c adamConst) {
			for i := range p {
				p[i] = refAdamW(p[i], g[i], &m[i], &v[i], c)
				ema[i] += float32(c.d1 * (p[i] - ema[i]))
			}
		},

		peak: refPeak, lanes: 1, accs: 8,
	}
}

// refPanel is the definition of panelFunc, four columns at a time.
func refPanel(m, n, k int, a []float32, rs, cs int, b []float32, ldb int, cin []float32, ldcin int, c []float32, ldc int, lo float32) {
	for i := range m {
		j := 0
		for ; j+4 <= n; j += 4 {
			var c0, c1, c2, c3 float32
			if cin != nil {
				r := cin[i*ldcin+j : i*ldcin+j+4]
				c0, c1, c2, c3 = r[0], r[1], r[2], r[3]
			}
			ia, ib := i*rs, j
			for range k {
				x, r := a[ia], b[ib:ib+4]
				c0 += float32(x * r[0])
				c1 += float32(x * r[1])
				c2 += float32(x * r[2])
				c3 += float32(x * r[3])
				ia += cs
				ib += ldb
			}
			r := c[i*ldc+j : i*ldc+j+4]
			r[0], r[1], r[2], r[3] = atLeast(lo, c0), atLeast(lo, c1), atLeast(lo, c2), atLeast(lo, c3)
		}
		for ; j < n; j++ {
			var t float32
			if cin != nil {
				t = cin[i*ldcin+j]
			}
			for l := range k {
				t += float32(a[i*rs+l*cs] * b[l*ldb+j])
			}
			c[i*ldc+j] = atLeast(lo, t)
		}
	}
}

func ref1(dst, a []float32, f func(float32) float32) {
	for i, x := range a {
		dst[i] = f(x)
	}
}

func ref2(dst, a, b []float32, f func(x, y float32) float32) {
	for i, x := range a {
		dst[i] = f(x, b[i])
	}
}

func via64(f func(float64) float64) func(float32) float32 {
	return func(x float32) float32 { return float32(f(float64(x))) }
}

func bits(u uint32) float32 { return math.Float32frombits(u) }

func truth(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

// atLeast returns lo where lo > x, else x, NaN included.
func atLeast(lo, x float32) float32 {
	if lo > x {
		return lo
	}
	return x
}

// atMost returns hi where hi < x, else x, NaN included.
func atMost(hi, x float32) float32 {
	if hi < x {
		return hi
	}
	return x
}

func sigmoid64(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func silu64(x float64) float64 {
	if math.IsInf(x, -1) {
		return math.Copysign(0, -1)
	}
	return x * sigmoid64(x)
}

func refReLUGrad(dy, y float32) float32 {
	if y > 0 {
		return dy
	}
	return 0
}

func refSiLUGrad(dy, x float32) float32 {
	z := min(max(float64(x), -200), 200) // the limits at +-Inf
	p := sigmoid64(z)
	return dy * float32(p*(1+z*(1-p)))
}

// refLanes sums f over sumLanes lanes, then pairwise, far half to near half.
func refLanes(a, b []float32, f func(x, y float64) float64) float64 {
	var t [sumLanes]float64
	for i, x := range a {
		t[i%sumLanes] += f(float64(x), float64(b[i]))
	}
	return addLanes(&t)
}

func addLanes(t *[sumLanes]float64) float64 {
	for h := sumLanes / 2; h > 0; h /= 2 {
		for i := range h {
			t[i] += t[i+h]
		}
	}
	return t[0]
}

func refMaxOf(a []float32) float32 {
	t := nothing
	for _, x := range a {
		if x > t || x != x {
			t = x
		}
	}
	return t
}

func refRowMin2(cost, price []float32) (best, second float32, arg int) {
	inf := float32(math.Inf(1))
	best, second, arg = inf, inf, -1
	for j, x := range cost {
		switch v := x + price[j]; {
		case v < best || arg < 0:
			second = best
			best, arg = v, j
		case v < second:
			second = v
		}
	}
	return best, second, arg
}

func refAdamW(p, g float32, m, v *float32, c adamConst) float32 {
	g *= c.gs
	*m = float32(c.b1**m) + float32(c.c1*g)
	*v = float32(c.b2**v) + float32(c.c2*float32(g*g))
	root := float32(math.Sqrt(float64(float32(c.m2 * *v))))
	return float32(p*c.shrink) - float32(c.m1**m)/(root+c.eps)
}

// refPeak is the definition of peak: eight chains of n multiply-adds.
func refPeak(n int) {
	var t [8]float32
	x, y := float32(0.999), float32(1e-3)
	a, b, c, d, e, f, g, h := t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]
	for range n {
		a, b, c, d = a*x+y, b*x+y, c*x+y, d*x+y
		e, f, g, h = e*x+y, f*x+y, g*x+y, h*x+y
	}
	if a+b+c+d+e+f+g+h < 0 {
		panic("kernel: unreachable")
	}
}

func refRows(op func(x, y float32) float32) rowsFunc {
	return func(rows, cols int, dst, a, v []float32) {
		for r := range rows {
			ref2(dst[r*cols:(r+1)*cols], a[r*cols:(r+1)*cols], v, op)
		}
	}
}
