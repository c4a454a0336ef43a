//go:build amd64 && !purego

package kernel

import "golang.org/x/sys/cpu"

//go:generate go run ./gen

// accelerated returns the assembly sets that this processor runs, fastest
// first.
func accelerated() []*Set {
	var sets []*Set
	x := cpu.X86
	if x.HasAVX2 && x.HasFMA {
		if x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL {
			sets = append(sets, avx512())
		}
		sets = append(sets, avx2())
	}
	return sets
}

func avx512() *Set {
	return &Set{
		name: "avx512",
		nr:   32, mr: 12,
		panel: panelAVX512, transpose8: transpose8x,
		mix:     mixes(mixInputAVX512, mixOutputAVX512, mixOutputTAVX512, mixWeightAVX512, mixWeightTAVX512),
		addRows: rowsOf(addRowsAVX512), mulRows: rowsOf(mulRowsAVX512),

		neg: negAVX512, abs: absAVX512, sign: signAVX512, sqrt: sqrtAVX512,
		exp: expAVX512, log: logAVX512, tanh: tanhAVX512, sigmoid: sigmoidAVX512, erf: erfAVX512,
		relu: reluAVX512, step: stepAVX512, silu: siluAVX512,
		sin: sinAVX512, cos: cosAVX512,

		add: addAVX512, sub: subAVX512, mul: mulAVX512, div: divAVX512, max: maxAVX512, min: minAVX512,
		greater: greaterAVX512, equal: equalAVX512,
		siluGrad: siluGradAVX512, reluGrad: reluGradAVX512, tanhGrad: tanhGradAVX512, sigmoidGrad: sigmoidGradAVX512,
		mulAdd: mulAddAVX512, sel: selAVX512,
		scale: scaleAVX512, addScalar: addScalarAVX512, addScaled: addScaledAVX512,

		sum: func(a []float32) float64 {
			var t [sumLanes]float64
			sumLanesAVX512(&t, a[:len(a)&^15])
			return finishSum(&t, a)
		},
		sumSq: func(a []float32) float64 {
			var t [sumLanes]float64
			dotLanesAVX512(&t, a[:len(a)&^15], a[:len(a)&^15])
			return finishDot(&t, a, a)
		},
		dot: func(a, b []float32) float64 {
			var t [sumLanes]float64
			dotLanesAVX512(&t, a[:len(a)&^15], b[:len(b)&^15])
			return finishDot(&t, a, b)
		},
		maxOf: func(a []float32) float32 {
			t := noLanes
			maxLanesAVX512(&t, a[:len(a)&^15])
			return finishMax(&t, a)
		},
		rowMin2: refRowMin2,

		adamW: adamWAVX512, adamWEMA: adamWEMAAVX512,
		peak: peakAVX512, lanes: 16, accs: 24,
	}
}

func avx2() *Set {
	return &Set{
		name: "avx2",
		nr:   16, mr: 6,
		panel: panelAVX2, transpose8: transpose8x,
		mix:     mixes(mixInputAVX2, mixOutputAVX2, mixOutputTAVX2, mixWeightAVX2, mixWeightTAVX2),
		addRows: rowsOf(addRowsAVX2), mulRows: rowsOf(mulRowsAVX2),

		neg: negAVX2, abs: absAVX2, sign: signAVX2, sqrt: sqrtAVX2,
		exp: expAVX2, log: logAVX2, tanh: tanhAVX2, sigmoid: sigmoidAVX2, erf: erfAVX2,
		relu: reluAVX2, step: stepAVX2, silu: siluAVX2,
		sin: sinAVX2, cos: cosAVX2,

		add: addAVX2, sub: subAVX2, mul: mulAVX2, div: divAVX2, max: maxAVX2, min: minAVX2,
		greater: greaterAVX2, equal: equalAVX2,
		siluGrad: siluGradAVX2, reluGrad: reluGradAVX2, tanhGrad: tanhGradAVX2, sigmoidGrad: sigmoidGradAVX2,
		mulAdd: mulAddAVX2, sel: selAVX2,
		scale: scaleAVX2, addScalar: addScalarAVX2, addScaled: addScaledAVX2,

		sum: func(a []float32) float64 {
			var t [sumLanes]float64
			sumLanesAVX2(&t, a[:len(a)&^15])
			return finishSum(&t, a)
		},
		sumSq: func(a []float32) float64 {
			var t [sumLanes]float64
			dotLanesAVX2(&t, a[:len(a)&^15], a[:len(a)&^15])
			return finishDot(&t, a, a)
		},
		dot: func(a, b []float32) float64 {
			var t [sumLanes]float64
			dotLanesAVX2(&t, a[:len(a)&^15], b[:len(b)&^15])
			return finishDot(&t, a, b)
		},
		maxOf: func(a []float32) float32 {
			t := noLanes
			maxLanesAVX2(&t, a[:len(a)&^15])
			return finishMax(&t, a)
		},
		rowMin2: refRowMin2,

		adamW: adamWAVX2, adamWEMA: adamWEMAAVX2,
		peak: peakAVX2, lanes: 8, accs: 12,
	}
}

func panelAVX512(m, n, k int, a []float32, rs, cs int, b []float32, ldb int, cin []float32, ldcin int, c []float32, ldc int, lo float32) {
	var start *float32
	if cin != nil {
		start = &cin[0]
	}
	switch {
	case n == 32:
		panel2AVX512(m, k, &a[0], 4*rs, 4*cs, &b[0], 4*ldb, start, 4*ldcin, &c[0], 4*ldc, lo)
	case n > 16:
		panel2tailAVX512(m, k, &a[0], 4*rs, 4*cs, &b[0], 4*ldb, start, 4*ldcin, &c[0], 4*ldc, n-16, lo)
	case n == 16:
		panel1AVX512(m, k, &a[0], 4*rs, 4*cs, &b[0], 4*ldb, start, 4*ldcin, &c[0], 4*ldc, lo)
	default:
		panel1tailAVX512(m, k, &a[0], 4*rs, 4*cs, &b[0], 4*ldb, start, 4*ldcin, &c[0], 4*ldc, n, lo)
	}
}

func panelAVX2(m, n, k int, a []float32, rs, cs int, b []float32, ldb int, cin []float32, ldcin int, c []float32, ldc int, lo float32) {
	var start *float32
	if cin != nil {
		start = &cin[0]
	}
	switch {
	case n == 16:
		panel2AVX2(m, k, &a[0], 4*rs, 4*cs, &b[0], 4*ldb, start, 4*ldcin, &c[0], 4*ldc, lo)
	case n > 8:
		panel2tailAVX2(m, k, &a[0], 4*rs, 4*cs, &b[0], 4*ldb, start, 4*ldcin, &c[0], 4*ldc, n-8, lo)
	case n == 8:
		panel1AVX2(m, k, &a[0], 4*rs, 4*cs, &b[0], 4*ldb, start, 4*ldcin, &c[0], 4*ldc, lo)
	default:
		panel1tailAVX2(m, k, &a[0], 4*rs, 4*cs, &b[0], 4*ldb, start, 4*ldcin, &c[0], 4*ldc, n, lo)
	}
}

func transpose8x(dst []float32, ldd int, src []float32, lds, blocks int) {
	transpose8(&dst[0], 4*ldd, &src[0], 4*lds, blocks)
}

type rawMix = func(n, count int, dst *float32, dstRow, dstNext int, src *float32, srcRow, srcNext int)

func mixes(raw ...rawMix) (mix [5]mixFunc) {
	for t, f := range raw {
		mix[t] = func(n, count int, dst []float32, dstRow, dstNext int, src []float32, srcRow, srcNext int) {
			f(n, count, &dst[0], 4*dstRow, 4*dstNext, &src[0], 4*srcRow, 4*srcNext)
		}
	}
	return mix
}

func rowsOf(raw func(rows, cols int, dst, a, v *float32)) rowsFunc {
	return func(rows, cols int, dst, a, v []float32) { raw(rows, cols, &dst[0], &a[0], &v[0]) }
}

var noLanes = func() (t [sumLanes]float32) {
	for i := range t {
		t[i] = nothing
	}
	return t
}()

// finishSum adds the elements past the last whole 16 to their lanes and
// returns the sum of the lanes.
func finishSum(t *[sumLanes]float64, a []float32) float64 {
	for i, x := range a[len(a)&^15:] {
		t[i] += float64(x)
	}
	return addLanes(t)
}

func finishDot(t *[sumLanes]float64, a, b []float32) float64 {
	b = b[len(a)&^15:]
	for i, x := range a[len(a)&^15:] {
		t[i] += float64(x) * float64(b[i])
	}
	return addLanes(t)
}

func finishMax(t *[sumLanes]float32, a []float32) float32 {
	for i, x := range a[len(a)&^15:] {
		t[i] = atLeast(x, t[i])
	}
	return refMaxOf(t[:])
}
