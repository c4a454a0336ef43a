package main

import "math"

// mixes writes the transforms of kernel.Mix. src and dst point to the first
// line; strides come in bytes.
//
//	SI, R8, R9, R10   src, its stride between lines, times 3, times 5
//	DI, R11, R12, R13 dst, likewise
//	AX, BX, CX        cursors into src and dst, vectors to go
//	DX                turns to go
func (f *file) mixes() {
	half, two := math.Sqrt(0.5), math.Sqrt(2)
	v := func(m *vec) func(a string, c float64, b string, d float64) string {
		// a c + b d, where c is 1 or not.
		return func(a string, c float64, b string, d float64) string {
			var r string
			if c == 1 {
				r = m.get()
				m.p("VMOVAPS %s, %s", a, r)
			} else {
				r = m.mul(a, m.c(c))
			}
			m.fma(r, b, m.c(d))
			return r
		}
	}
	pair := func(m *vec, even, odd string) (plus, minus string) {
		plus, minus = m.add(even, odd), m.sub(even, odd)
		m.free(even, odd)
		return plus, minus
	}
	f.mix("mixInput", 6, func(m *vec, s []string) []string {
		lin := v(m)
		d0 := lin(s[4], 1, s[2], -2.5)
		m.p("VADDPS %s, %s, %s", s[0], d0, d0)
		d5 := lin(s[1], 1, s[3], -2.5)
		m.p("VADDPS %s, %s, %s", s[5], d5, d5)
		m.free(s[0], s[5])
		d1, d2 := pair(m, lin(s[4], 1, s[2], -2), lin(s[3], half, s[1], -two))
		d3, d4 := pair(m, lin(s[4], 1, s[2], -0.5), lin(s[3], two, s[1], -half))
		return []string{d0, d1, d2, d3, d4, d5}
	})
	f.mix("mixOutput", 6, func(m *vec, s []string) []string {
		lin := v(m)
		a, b := m.add(s[1], s[2]), m.sub(s[1], s[2])
		c, e := m.add(s[3], s[4]), m.sub(s[3], s[4])
		m.free(s[1:5]...)
		y0 := m.add(s[0], a)
		m.p("VADDPS %s, %s, %s", c, y0, y0)
		y3 := lin(s[5], 1, b, half/2)
		m.fma(y3, e, m.c(2*two))
		return []string{y0, lin(b, half, e, two), lin(a, 0.5, c, 2), y3}
	})
	f.mix("mixOutputT", 4, func(m *vec, s []string) []string {
		lin := v(m)
		z1, z2 := pair(m, lin(s[0], 1, s[2], 0.5), lin(s[1], half, s[3], half/2))
		z3, z4 := pair(m, lin(s[0], 1, s[2], 2), lin(s[1], two, s[3], 2*two))
		return []string{s[0], z1, z2, z3, z4, s[3]}
	})
	f.mix("mixWeight", 3, func(m *vec, s []string) []string {
		lin := v(m)
		u1, u2 := pair(m, lin(s[0], -2.0/3, s[2], -1.0/3), m.mul(s[1], m.c(-2.0/3*half)))
		u3, u4 := pair(m, lin(s[0], 1.0/6, s[2], 1.0/3), m.mul(s[1], m.c(two/6)))
		return []string{s[0], u1, u2, u3, u4, s[2]}
	})
	f.mix("mixWeightT", 6, func(m *vec, s []string) []string {
		lin := v(m)
		a, b := m.add(s[1], s[2]), m.sub(s[1], s[2])
		c, e := m.add(s[3], s[4]), m.sub(s[3], s[4])
		m.free(s[1:5]...)
		w0 := lin(s[0], 1, a, -2.0/3)
		m.fma(w0, c, m.c(1.0/6))
		w2 := lin(s[5], 1, a, -1.0/3)
		m.fma(w2, c, m.c(1.0/3))
		return []string{w0, lin(b, -2.0/3*half, e, two/6), w2}
	})
}

// mix writes one transform of in lines; body is given a vector of each and
// returns those of the results.
func (f *file) mix(name string, in int, body func(m *vec, s []string) []string) {
	var args []arg
	for _, n := range []string{"n", "count"} {
		args = append(args, arg{n, "word", "int"})
	}
	for _, n := range []string{"dst", "src"} {
		args = append(args, arg{n, "word", "*float32"}, arg{n + "Row", "word", "int"}, arg{n + "Next", "word", "int"})
	}
	f.begin(name, "", args...)
	f.p("MOVQ %s, SI", f.arg("src"))
	f.p("MOVQ %s, DI", f.arg("dst"))
	f.p("MOVQ %s, R8", f.arg("srcRow"))
	f.p("MOVQ %s, R11", f.arg("dstRow"))
	f.p("LEAQ (R8)(R8*2), R9")
	f.p("LEAQ (R8)(R8*4), R10")
	f.p("LEAQ (R11)(R11*2), R12")
	f.p("LEAQ (R11)(R11*4), R13")
	f.p("MOVQ %s, DX", f.arg("count"))
	turn, loop := f.label("turn"), f.label("loop")
	f.p("%s:", turn)
	f.p("MOVQ SI, AX")
	f.p("MOVQ DI, BX")
	f.p("MOVQ %s, CX", f.arg("n"))
	f.p("%s:", loop)
	at := func(base, one, three, five string) []string {
		s := "(" + base + ")"
		return []string{s, s + "(" + one + "*1)", s + "(" + one + "*2)", s + "(" + three + "*1)", s + "(" + one + "*4)", s + "(" + five + "*1)"}
	}
	m := f.vec()
	var s []string
	for j, from := range at("AX", "R8", "R9", "R10")[:in] {
		s = append(s, m.get())
		m.load(from, s[j], false)
	}
	to := at("BX", "R11", "R12", "R13")
	for i, r := range body(m, s) {
		m.store(r, to[i], false)
	}
	f.p("ADDQ $%d, AX", f.bytes())
	f.p("ADDQ $%d, BX", f.bytes())
	f.p("SUBQ $%d, CX", f.lanes)
	f.p("JNE %s", loop)
	for _, n := range []string{"src", "dst"} {
		f.p("ADDQ %s, %s", f.arg(n+"Next"), map[string]string{"src": "SI", "dst": "DI"}[n])
	}
	f.p("DECQ DX")
	f.p("JNE %s", turn)
	f.p("VZEROUPPER")
	f.p("RET")
}
