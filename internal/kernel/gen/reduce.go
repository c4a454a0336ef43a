package main

import "fmt"

// reductions writes sumLanes and dotLanes, which add element i of a (times b)
// to lane i mod 16 of t, in float64, and maxLanes, the same in float32; the
// length is a multiple of 16.
func (f *file) reductions() {
	lanes := arg{"t", "word", "*[16]float64"}
	a, b := arg{"a", "slice", "[]float32"}, arg{"b", "slice", "[]float32"}
	half := f.lanes / 2
	accs := 16 / half
	f.reduction("sumLanes", []arg{lanes, a}, 16/half, 8*half, func() {
		for i := range accs {
			f.p("VCVTPS2PD %d(SI)(AX*1), %s", 4*half*i, f.reg(8+i))
			f.p("VADDPD %s, %s, %s", f.reg(8+i), f.reg(i), f.reg(i))
		}
	})
	f.reduction("dotLanes", []arg{lanes, a, b}, 16/half, 8*half, func() {
		for i := range accs {
			f.p("VCVTPS2PD %d(SI)(AX*1), %s", 4*half*i, f.reg(8+i))
			f.p("VCVTPS2PD %d(DX)(AX*1), %s", 4*half*i, f.reg(12))
			f.p("VFMADD231PD %s, %s, %s", f.reg(12), f.reg(8+i), f.reg(i))
		}
	})
	f.reduction("maxLanes", []arg{{"t", "word", "*[16]float32"}, a}, 16/f.lanes, f.bytes(), func() {
		for i := range 16 / f.lanes {
			f.p("VMOVUPS %d(SI)(AX*1), %s", f.bytes()*i, f.reg(8))
			f.p("VMAXPS %s, %s, %s", f.reg(i), f.reg(8), f.reg(i))
		}
	})
}

func (f *file) reduction(name string, args []arg, accs, size int, body func()) {
	f.begin(name, "", args...)
	f.p("MOVQ %s, DI", f.arg("t"))
	f.p("MOVQ %s, SI", f.arg("a_base"))
	f.p("MOVQ %s, CX", f.arg("a_len"))
	if len(args) > 2 {
		f.p("MOVQ %s, DX", f.arg("b_base"))
	}
	for i := range accs {
		f.p("VMOVUPS %d(DI), %s", size*i, f.reg(i))
	}
	f.p("XORQ AX, AX")
	loop, done := f.label("loop"), f.label("done")
	f.p("%s:", loop)
	f.p("CMPQ CX, $16")
	f.p("JLT %s", done)
	body()
	f.p("ADDQ $64, AX")
	f.p("SUBQ $16, CX")
	f.p("JMP %s", loop)
	f.p("%s:", done)
	for i := range accs {
		f.p("VMOVUPS %s, %d(DI)", f.reg(i), size*i)
	}
	f.p("VZEROUPPER")
	f.p("RET")
}

// transpose writes transpose8: dst[8q+l][i] = src[i][8q+l] for i, l < 8 and
// each of the blocks q; strides in bytes. AVX2 serves both sets.
func (f *file) transpose() {
	f.begin("transpose8", "", arg{"dst", "word", "*float32"}, arg{"ldd", "word", "int"}, arg{"src", "word", "*float32"}, arg{"lds", "word", "int"}, arg{"blocks", "word", "int"})
	f.p("MOVQ %s, DI", f.arg("dst"))
	f.p("MOVQ %s, R9", f.arg("ldd"))
	f.p("MOVQ %s, SI", f.arg("src"))
	f.p("MOVQ %s, R10", f.arg("lds"))
	f.p("MOVQ %s, CX", f.arg("blocks"))
	loop := f.label("loop")
	f.p("%s:", loop)
	f.p("MOVQ SI, R11")
	// Rows i and i+4 share a register by halves, so that the shuffles of four
	// floats below transpose two 4x4 blocks at once.
	for half := range 2 {
		for i := range 4 {
			f.p("VMOVUPS %d(R11), X%d", 16*half, 4*half+i)
			if half == 0 {
				f.p("ADDQ R10, R11")
			} else if i < 3 {
				f.p("ADDQ R10, R11")
			}
		}
		if half == 0 {
			for i := range 4 {
				f.p("VINSERTF128 $1, (R11), Y%d, Y%d", i, i)
				f.p("ADDQ R10, R11")
			}
			f.p("MOVQ SI, R11")
		} else {
			f.p("ADDQ R10, R11")
			for i := range 4 {
				f.p("VINSERTF128 $1, 16(R11), Y%d, Y%d", 4+i, 4+i)
				f.p("ADDQ R10, R11")
			}
		}
	}
	for half := range 2 {
		r := func(i int) string { return fmt.Sprintf("Y%d", 4*half+i) }
		f.p("VUNPCKLPS %s, %s, Y8", r(1), r(0))
		f.p("VUNPCKHPS %s, %s, Y9", r(1), r(0))
		f.p("VUNPCKLPS %s, %s, Y10", r(3), r(2))
		f.p("VUNPCKHPS %s, %s, Y11", r(3), r(2))
		f.p("VUNPCKLPD Y10, Y8, Y12")
		f.p("VUNPCKHPD Y10, Y8, Y13")
		f.p("VUNPCKLPD Y11, Y9, Y14")
		f.p("VUNPCKHPD Y11, Y9, Y15")
		for i := range 4 {
			f.p("VMOVUPS Y%d, (DI)", 12+i)
			f.p("ADDQ R9, DI")
		}
	}
	f.p("ADDQ $32, SI")
	f.p("DECQ CX")
	f.p("JNE %s", loop)
	f.p("VZEROUPPER")
	f.p("RET")
}
