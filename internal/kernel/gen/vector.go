package main

import (
	"fmt"
	"log"
)

// vec writes the operations of one vector computation. Operands are register
// names, or constants in memory where a comment allows them. Registers are
// taken by get and given back by free.
type vec struct {
	*file
	used  map[string]bool
	masks int // next mask register of AVX-512; K1 is the tail's
	limit int
}

func (f *file) vec() *vec {
	v := &vec{file: f, used: map[string]bool{}, masks: 2, limit: 32}
	if !f.wide() {
		v.limit = 15 // Y15 is the tail's mask
	}
	return v
}

func (v *vec) get() string {
	for n := range v.limit {
		if r := v.reg(n); !v.used[r] {
			v.used[r] = true
			return r
		}
	}
	log.Fatal("out of vector registers")
	return ""
}

func (v *vec) free(rs ...string) {
	for _, r := range rs {
		delete(v.used, r)
	}
}

// con loads a constant into a register.
func (v *vec) con(x float64) string {
	d := v.get()
	v.p("VMOVUPS %s, %s", v.c(x), d)
	return d
}

// op3 writes d = a op b for a new d; b may be memory.
func (v *vec) op3(op, a, b string) string {
	d := v.get()
	v.p("%s %s, %s, %s", op, b, a, d)
	return d
}

func (v *vec) add(a, b string) string { return v.op3("VADDPS", a, b) }
func (v *vec) sub(a, b string) string { return v.op3("VSUBPS", a, b) }
func (v *vec) mul(a, b string) string { return v.op3("VMULPS", a, b) }
func (v *vec) div(a, b string) string { return v.op3("VDIVPS", a, b) }
func (v *vec) and(a, b string) string { return v.op3("VANDPS", a, b) }
func (v *vec) or(a, b string) string  { return v.op3("VORPS", a, b) }
func (v *vec) xor(a, b string) string { return v.op3("VXORPS", a, b) }

// max gives a where a > b, else b, NaN included; min likewise.
func (v *vec) max(a, b string) string { return v.op3("VMAXPS", a, b) }
func (v *vec) min(a, b string) string { return v.op3("VMINPS", a, b) }

func (v *vec) addi(a, b string) string { return v.op3("VPADDD", a, b) }
func (v *vec) subi(a, b string) string { return v.op3("VPSUBD", a, b) }

func (v *vec) sqrt(a string) string {
	d := v.get()
	v.p("VSQRTPS %s, %s", a, d)
	return d
}

func (v *vec) shift(op string, n int, a string) string {
	d := v.get()
	v.p("%s $%d, %s, %s", op, n, a, d)
	return d
}

func (v *vec) convert(op, a string) string {
	d := v.get()
	v.p("%s %s, %s", op, a, d)
	return d
}

// round gives the nearest integer.
func (v *vec) round(a string) string {
	d := v.get()
	if v.wide() {
		v.p("VRNDSCALEPS $8, %s, %s", a, d)
	} else {
		v.p("VROUNDPS $8, %s, %s", a, d)
	}
	return d
}

// fma writes acc = acc + a b; b may be memory.
func (v *vec) fma(acc, a, b string) { v.p("VFMADD231PS %s, %s, %s", b, a, acc) }

// fnma writes acc = acc - a b; b may be memory.
func (v *vec) fnma(acc, a, b string) { v.p("VFNMADD231PS %s, %s, %s", b, a, acc) }

// poly evaluates a polynomial in x, coefficients constant first, by Horner.
func (v *vec) poly(x string, coef []float64) string {
	p := v.con(coef[len(coef)-1])
	for i := len(coef) - 2; i >= 0; i-- {
		v.p("VFMADD213PS %s, %s, %s", v.c(coef[i]), x, p) // p = p x + c
	}
	return p
}

// Predicates of cmp.
const (
	eq  = 0
	neq = 4
	lt  = 17
	nle = 22 // a > b or unordered
	gt  = 30
	uno = 3
)

// cmp compares a with b, which may be memory, and returns a mask: a K register
// or a vector register.
func (v *vec) cmp(pred int, a, b string) string {
	var d string
	if v.wide() {
		d = fmt.Sprintf("K%d", v.masks)
		v.masks++
		if v.masks == 8 {
			v.masks = 2
		}
	} else {
		d = v.get()
	}
	v.p("VCMPPS $%d, %s, %s, %s", pred, b, a, d)
	return d
}

// blend gives yes where the mask holds, else no; yes may be memory.
func (v *vec) blend(mask, yes, no string) string {
	d := v.get()
	if v.wide() {
		v.p("VBLENDMPS %s, %s, %s, %s", yes, no, mask, d)
	} else {
		v.p("VBLENDVPS %s, %s, %s, %s", mask, yes, no, d)
		v.free(mask)
	}
	return d
}

// truth gives 1 where the mask holds, else 0.
func (v *vec) truth(mask string) string {
	zero := v.zero()
	d := v.blend(mask, v.c(1), zero)
	v.free(zero)
	return d
}

func (v *vec) zero() string {
	d := v.get()
	v.p("VXORPS %s, %s, %s", d, d, d)
	return d
}

// load and store move one vector of the tail or of the body.
func (v *vec) load(mem, dst string, tail bool) {
	switch {
	case !tail:
		v.p("VMOVUPS %s, %s", mem, dst)
	case v.wide():
		v.p("VMOVUPS.Z %s, K1, %s", mem, dst)
	default:
		v.p("VMASKMOVPS %s, Y15, %s", mem, dst)
	}
}

func (v *vec) store(src, mem string, tail bool) {
	switch {
	case !tail:
		v.p("VMOVUPS %s, %s", src, mem)
	case v.wide():
		v.p("VMOVUPS %s, K1, %s", src, mem)
	default:
		v.p("VMASKMOVPS %s, Y15, %s", src, mem)
	}
}

// tailMask sets the tail's mask from n, a general register with 0 to lanes
// elements; n is lost and BX too.
func (f *file) tailMask(n string) {
	if f.wide() {
		f.p("MOVQ %s, CX", n)
		f.p("MOVL $1, BX")
		f.p("SHLL CX, BX")
		f.p("DECL BX")
		f.p("KMOVW BX, K1")
		return
	}
	f.p("LEAQ ·tailMask<>(SB), BX")
	f.p("NEGQ %s", n)
	f.p("VMOVUPS 32(BX)(%s*4), Y15", n)
}
