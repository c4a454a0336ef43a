package main

import "fmt"

// The register tile of a product is tileRows rows by one or two vectors.
func (f *file) tileRows() int {
	if f.wide() {
		return 12
	}
	return 6
}

func (f *file) products() {
	for vectors := 1; vectors <= 2; vectors++ {
		for _, masked := range []bool{false, true} {
			f.product(vectors, masked)
		}
	}
	f.peak()
}

// product writes one panel kernel: all rows, `vectors` vectors of columns, the
// last of them cut to n lanes where masked. Strides come in bytes.
//
//	DI  A of the tile's first row    R8  B           R15 C of that row
//	R9  row stride of A, with R12 = 3 R9, R13 = 5 R9, R14 = 7 R9
//	AX  column stride of A           DX  row stride of B
//	SI  rows to go                   R10, R11, CX, BX  cursors and counter (BX: A from row 8 on)
//
// The start values' pointer is kept in its argument slot.
func (f *file) product(vectors int, masked bool) {
	name := fmt.Sprintf("panel%d", vectors)
	if masked {
		name += "tail"
	}
	words := []string{"m", "k"}
	args := []arg{}
	word := func(n, t string) { args = append(args, arg{n, "word", t}) }
	for _, w := range words {
		word(w, "int")
	}
	word("a", "*float32")
	word("rs", "int")
	word("cs", "int")
	word("b", "*float32")
	word("ldb", "int")
	word("cin", "*float32")
	word("ldcin", "int")
	word("c", "*float32")
	word("ldc", "int")
	if masked {
		word("n", "int")
	}
	args = append(args, arg{"lo", "float", "float32"})
	f.begin(name, "", args...)
	f.p("MOVQ %s, SI", f.arg("m"))
	f.p("MOVQ %s, DI", f.arg("a"))
	f.p("MOVQ %s, R9", f.arg("rs"))
	f.p("MOVQ %s, AX", f.arg("cs"))
	f.p("MOVQ %s, R8", f.arg("b"))
	f.p("MOVQ %s, DX", f.arg("ldb"))
	f.p("MOVQ %s, R15", f.arg("c"))
	f.p("LEAQ (R9)(R9*2), R12")
	f.p("LEAQ (R9)(R9*4), R13")
	f.p("LEAQ (R12)(R9*4), R14")
	if masked {
		f.p("MOVQ %s, R11", f.arg("n"))
		f.tailMask("R11")
	}
	full := f.tileRows()
	loop, rest := f.label("loop"), f.label("rest")
	f.p("%s:", loop)
	f.p("CMPQ SI, $%d", full)
	f.p("JLT %s", rest)
	f.tile(full, vectors, masked)
	// The next rows of A, of the start values and of C.
	f.p("LEAQ (DI)(R12*%d), DI", full/3)
	f.p("SUBQ $%d, SI", full)
	f.p("JMP %s", loop)
	f.p("%s:", rest)
	done := f.label("done")
	for r := 1; r < full; r++ {
		next := f.label("next")
		f.p("CMPQ SI, $%d", r)
		f.p("JNE %s", next)
		f.tile(r, vectors, masked)
		f.p("JMP %s", done)
		f.p("%s:", next)
	}
	f.p("%s:", done)
	f.p("VZEROUPPER")
	f.p("RET")
}

// tile computes rows x vectors accumulators and advances C and the start
// values by as many rows.
func (f *file) tile(rows, vectors int, masked bool) {
	acc := func(r, v int) string { return f.reg(r*vectors + v) }
	top := 32
	if !f.wide() {
		top = 16
		if masked {
			top = 15
		}
	}
	bv := func(v int) string { return f.reg(top - 1 - v) }
	// Registers for the broadcast elements of A, used in turn.
	spare := min(top-vectors-rows*vectors, 4)
	bc := func(r int) string { return f.reg(top - 1 - vectors - r%spare) }
	mv := f.vec()
	cut := func(v int) bool { return masked && v == vectors-1 }

	// Start values: zero, or rows of cin.
	zero, ready := f.label("zero"), f.label("ready")
	f.p("MOVQ %s, R10", f.arg("cin"))
	f.p("TESTQ R10, R10")
	f.p("JEQ %s", zero)
	f.p("MOVQ %s, R11", f.arg("ldcin"))
	for r := range rows {
		for v := range vectors {
			mv.load(fmt.Sprintf("%d(R10)", v*f.bytes()), acc(r, v), cut(v))
		}
		f.p("ADDQ R11, R10")
	}
	f.p("MOVQ R10, %s", f.arg("cin"))
	f.p("JMP %s", ready)
	f.p("%s:", zero)
	for r := range rows {
		for v := range vectors {
			f.p("VXORPS %s, %s, %s", acc(r, v), acc(r, v), acc(r, v))
		}
	}
	f.p("%s:", ready)

	address := []string{"(R10)", "(R10)(R9*1)", "(R10)(R9*2)", "(R10)(R12*1)", "(R10)(R9*4)", "(R10)(R13*1)", "(R10)(R12*2)", "(R10)(R14*1)", "(BX)", "(BX)(R9*1)", "(BX)(R9*2)", "(BX)(R12*1)"}
	step := func() {
		for v := range vectors {
			mv.load(fmt.Sprintf("%d(R11)", v*f.bytes()), bv(v), cut(v))
		}
		for r := range rows {
			if f.wide() && vectors == 1 {
				f.p("VFMADD231PS.BCST %s, %s, %s", address[r], bv(0), acc(r, 0))
				continue
			}
			f.p("VBROADCASTSS %s, %s", address[r], bc(r))
			for v := range vectors {
				f.p("VFMADD231PS %s, %s, %s", bv(v), bc(r), acc(r, v))
			}
		}
		f.p("ADDQ AX, R10")
		if rows > 8 {
			f.p("ADDQ AX, BX")
		}
		f.p("ADDQ DX, R11")
	}
	f.p("MOVQ DI, R10")
	if rows > 8 {
		f.p("LEAQ (DI)(R9*8), BX")
	}
	f.p("MOVQ R8, R11")
	f.p("MOVQ %s, CX", f.arg("k"))
	if rows == f.tileRows() {
		pair, odd, end := f.label("pair"), f.label("odd"), f.label("end")
		f.p("SUBQ $2, CX")
		f.p("JLT %s", odd)
		f.p("%s:", pair)
		step()
		step()
		f.p("SUBQ $2, CX")
		f.p("JGE %s", pair)
		f.p("%s:", odd)
		f.p("ADDQ $2, CX")
		f.p("JEQ %s", end)
		step()
		f.p("%s:", end)
	} else {
		one := f.label("one")
		f.p("%s:", one)
		step()
		f.p("DECQ CX")
		f.p("JNE %s", one)
	}

	f.p("VBROADCASTSS %s, %s", f.arg("lo"), bv(0))
	f.p("MOVQ %s, R11", f.arg("ldc"))
	for r := range rows {
		for v := range vectors {
			f.p("VMAXPS %s, %s, %s", acc(r, v), bv(0), acc(r, v))
			mv.store(acc(r, v), fmt.Sprintf("%d(R15)", v*f.bytes()), cut(v))
		}
		f.p("ADDQ R11, R15")
	}
}

// peakAccs is the number of independent chains in peak.
func (f *file) peakAccs() int {
	if f.wide() {
		return 24
	}
	return 12
}

// peak runs multiply-adds on registers: n turns of peakAccs chains.
func (f *file) peak() {
	f.begin("peak", "", arg{"n", "word", "int"})
	accs := f.peakAccs()
	f.p("MOVQ %s, CX", f.arg("n"))
	x, y := f.reg(accs), f.reg(accs+1)
	f.p("VMOVUPS %s, %s", f.c(0.999), x)
	f.p("VMOVUPS %s, %s", f.c(1e-3), y)
	for i := range accs {
		f.p("VXORPS %s, %s, %s", f.reg(i), f.reg(i), f.reg(i))
	}
	loop := f.label("loop")
	f.p("%s:", loop)
	for i := range accs {
		f.p("VFMADD213PS %s, %s, %s", y, x, f.reg(i))
	}
	f.p("DECQ CX")
	f.p("JNE %s", loop)
	f.p("VZEROUPPER")
	f.p("RET")
}
