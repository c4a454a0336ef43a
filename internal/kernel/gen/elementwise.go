package main

import (
	"math"
	"slices"
)

const (
	signBit = 1 << 31
	ln2Hi   = float64(float32(math.Ln2))
	ln2Lo   = math.Ln2 - ln2Hi
)

// adamFields are the fields of kernel.adamConst, in order.
var adamFields = []string{"gs", "b1", "c1", "b2", "c2", "m1", "m2", "eps", "shrink", "d1"}

// spec describes a kernel over slices of equal length. in are the slices that
// are read, out those that are written (the first has the length). body is
// given the loaded vectors and the broadcast scalars and returns the results.
type spec struct {
	name    string
	out, in []string
	scalars []string // arguments; "c" stands for an adamConst
	stops   bool     // body may jump to "stop"; the kernel returns a count
	body    func(v *vec, in, scalars []string) []string
}

func (f *file) kernel(s spec) {
	names := s.in
	if !slices.Contains(names, s.out[0]) {
		names = append(slices.Clone(s.out), names...)
	}
	var args []arg
	for _, n := range names {
		args = append(args, arg{n, "slice", "[]float32"})
	}
	for _, n := range s.scalars {
		if n == "c" {
			args = append(args, arg{"c", "consts", "adamConst"})
		} else {
			args = append(args, arg{n, "float", "float32"})
		}
	}
	result := ""
	if s.stops {
		result = "int"
	}
	f.begin(s.name, result, args...)
	pointers := map[string]string{}
	for i, n := range names {
		pointers[n] = []string{"DI", "SI", "DX", "R8", "R9"}[i]
		f.p("MOVQ %s, %s", f.arg(n+"_base"), pointers[n])
	}
	f.p("MOVQ %s, R10", f.arg(names[0]+"_len"))
	f.p("XORQ AX, AX")

	base := f.vec()
	var scalars []string
	for _, n := range s.scalars {
		fields := []string{n}
		if n == "c" {
			fields = nil
			for _, x := range adamFields[:len(adamFields)-1] { // d1 is loaded where it is used
				fields = append(fields, "c_"+x)
			}
		}
		for _, x := range fields {
			r := base.get()
			f.p("VBROADCASTSS %s, %s", f.arg(x), r)
			scalars = append(scalars, r)
		}
	}
	emit := func(tail bool) {
		v := f.vec()
		for _, r := range scalars {
			v.used[r] = true
		}
		var in []string
		for _, n := range s.in {
			r := v.get()
			v.load("("+pointers[n]+")(AX*1)", r, tail)
			in = append(in, r)
		}
		for i, r := range s.body(v, in, scalars) {
			v.store(r, "("+pointers[s.out[i]]+")(AX*1)", tail)
		}
	}
	loop, tail, done := f.label("loop"), f.label("tail"), f.label("done")
	f.p("%s:", loop)
	f.p("CMPQ R10, $%d", f.lanes)
	f.p("JLT %s", tail)
	emit(false)
	f.p("ADDQ $%d, AX", f.bytes())
	f.p("SUBQ $%d, R10", f.lanes)
	f.p("JMP %s", loop)
	f.p("%s:", tail)
	f.p("TESTQ R10, R10")
	f.p("JEQ %s", done)
	f.p("MOVQ R10, R11")
	f.tailMask("R11")
	emit(true)
	if s.stops {
		f.p("LEAQ (AX)(R10*4), AX")
	}
	f.p("%s:", done)
	if s.stops {
		f.p("SHRQ $2, AX")
		f.p("MOVQ AX, %s", f.arg("ret"))
	}
	f.p("VZEROUPPER")
	f.p("RET")
}

func (f *file) elementwise() {
	f.simple()
	f.transcendental()
	f.adamW()
	f.rowwise("addRows", "VADDPS")
	f.rowwise("mulRows", "VMULPS")
}

func (f *file) simple() {
	one := func(name string, body func(v *vec, x string) string) {
		f.kernel(spec{
			name: name, out: []string{"dst"}, in: []string{"a"},
			body: func(v *vec, in, _ []string) []string { return []string{body(v, in[0])} },
		})
	}
	two := func(name string, body func(v *vec, x, y string) string) {
		f.kernel(spec{
			name: name, out: []string{"dst"}, in: []string{"a", "b"},
			body: func(v *vec, in, _ []string) []string { return []string{body(v, in[0], in[1])} },
		})
	}
	one("neg", func(v *vec, x string) string { return v.xor(x, v.bits(signBit)) })
	one("abs", func(v *vec, x string) string { return v.and(x, v.bits(signBit-1)) })
	one("sqrt", func(v *vec, x string) string { return v.sqrt(x) })
	one("step", func(v *vec, x string) string { return v.truth(v.cmp(gt, x, v.c(0))) })
	one("relu", func(v *vec, x string) string { return v.max(v.zero(), x) })
	one("sign", func(v *vec, x string) string {
		up := v.truth(v.cmp(gt, x, v.c(0)))
		down := v.truth(v.cmp(lt, x, v.c(0)))
		return v.sub(up, down)
	})
	two("add", (*vec).add)
	two("sub", (*vec).sub)
	two("mul", (*vec).mul)
	two("div", (*vec).div)
	two("max", (*vec).max)
	two("min", (*vec).min)
	two("greater", func(v *vec, x, y string) string { return v.truth(v.cmp(gt, x, y)) })
	two("equal", func(v *vec, x, y string) string { return v.truth(v.cmp(eq, x, y)) })
	two("reluGrad", func(v *vec, dy, y string) string { return v.blend(v.cmp(gt, y, v.c(0)), dy, v.zero()) })
	two("tanhGrad", func(v *vec, dy, y string) string {
		t := v.con(1)
		v.fnma(t, y, y)
		return v.mul(dy, t)
	})
	two("sigmoidGrad", func(v *vec, dy, y string) string {
		t := v.con(1)
		t = v.sub(t, y)
		return v.mul(v.mul(dy, y), t)
	})
	f.kernel(spec{
		name: "mulAdd", out: []string{"dst"}, in: []string{"a", "b", "c"},
		body: func(v *vec, in, _ []string) []string { v.fma(in[2], in[0], in[1]); return in[2:] },
	})
	f.kernel(spec{
		name: "sel", out: []string{"dst"}, in: []string{"mask", "a", "b"},
		body: func(v *vec, in, _ []string) []string {
			return []string{v.blend(v.cmp(neq, in[0], v.c(0)), in[1], in[2])}
		},
	})
	f.kernel(spec{
		name: "scale", out: []string{"dst"}, in: []string{"a"}, scalars: []string{"s"},
		body: func(v *vec, in, s []string) []string { return []string{v.mul(in[0], s[0])} },
	})
	f.kernel(spec{
		name: "addScalar", out: []string{"dst"}, in: []string{"a"}, scalars: []string{"s"},
		body: func(v *vec, in, s []string) []string { return []string{v.add(in[0], s[0])} },
	})
	f.kernel(spec{
		name: "addScaled", out: []string{"dst"}, in: []string{"dst", "a"}, scalars: []string{"s"},
		body: func(v *vec, in, s []string) []string { v.fma(in[0], in[1], s[0]); return in[:1] },
	})
}

// expTail is the polynomial P of e^r = 1 + r + r r P(r) for |r| <= ln(2)/2.
var expTail = fit(func(r float64) float64 {
	t, s := 0.5, 0.0
	for j := 3.0; j < 24; j++ {
		s += t
		t *= r / j
	}
	return s
}, -0.35, 0.35, 5)

// reduceExp gives n = round(x / ln 2) as a number, and r = x - n ln 2. x is
// lost to r.
func (v *vec) reduceExp(x string) (n, r string) {
	t := v.mul(x, v.c(math.Log2E))
	n = v.round(t)
	v.free(t)
	v.fnma(x, n, v.c(ln2Hi))
	v.fnma(x, n, v.c(ln2Lo))
	return n, x
}

// power gives 2^n for whole n in -126 to 127, given as integers; n is lost.
func (v *vec) power(n string) string {
	t := v.addi(n, v.bits(127))
	v.p("VPSLLD $23, %s, %s", t, t)
	v.free(n)
	return t
}

// exp gives e^x; x is lost. Both forms of the last step round once: the first
// of the two factors is exact.
func (v *vec) exp(x string) string {
	lo, hi := v.con(-104), v.con(89)
	y := v.max(lo, x)
	v.free(lo, x)
	x = v.min(hi, y)
	v.free(hi, y)
	n, r := v.reduceExp(x)
	p := v.poly(r, append([]float64{1, 1}, expTail...))
	v.free(r)
	if v.wide() {
		d := v.op3("VSCALEFPS", p, n)
		v.free(p, n)
		return d
	}
	whole := v.convert("VCVTPS2DQ", n)
	v.free(n)
	half := v.shift("VPSRAD", 1, whole)
	rest := v.subi(whole, half)
	v.free(whole)
	h := v.power(half)
	v.p("VMULPS %s, %s, %s", h, p, p)
	v.free(h)
	q := v.power(rest)
	v.p("VMULPS %s, %s, %s", q, p, p)
	v.free(q)
	return p
}

// sigmoids gives e^-|x| / (1 + e^-|x|) and 1 / (1 + e^-|x|), the sigmoids of
// -|x| and of |x|. x is kept.
func (v *vec) sigmoids(x string) (low, high string) {
	e := v.exp(v.or(x, v.bits(signBit)))
	t := v.add(e, v.c(1))
	one := v.con(1)
	high = v.div(one, t)
	v.free(t, one)
	low = v.mul(e, high)
	v.free(e)
	return low, high
}

func (f *file) transcendental() {
	one := func(name string, body func(v *vec, x string) string) {
		f.kernel(spec{
			name: name, out: []string{"dst"}, in: []string{"a"},
			body: func(v *vec, in, _ []string) []string { return []string{body(v, in[0])} },
		})
	}
	one("exp", (*vec).exp)
	one("sigmoid", func(v *vec, x string) string {
		low, high := v.sigmoids(x)
		return v.blend(v.cmp(lt, x, v.c(0)), low, high)
	})
	one("silu", func(v *vec, x string) string {
		low, high := v.sigmoids(x)
		p := v.blend(v.cmp(lt, x, v.c(0)), low, high)
		lo := v.con(-200) // sigmoid(-200) is 0, and 0 times -Inf is not wanted
		return v.mul(v.max(lo, x), p)
	})
	f.kernel(spec{
		name: "siluGrad", out: []string{"dst"}, in: []string{"dy", "x"},
		body: func(v *vec, in, _ []string) []string {
			x := in[1]
			low, high := v.sigmoids(x)
			p := v.blend(v.cmp(lt, x, v.c(0)), low, high)
			q := v.blend(v.cmp(lt, x, v.c(0)), high, low)
			v.free(low, high)
			lo, hi := v.con(-200), v.con(200)
			x = v.min(hi, v.max(lo, x))
			t := v.con(1)
			v.fma(t, x, q)
			return []string{v.mul(in[0], v.mul(p, t))}
		},
	})
	// tanh |x| = -q / (2 + q) for q = e^(-2|x|) - 1, found without cancellation:
	// 2^n (e^r - 1) + (2^n - 1).
	one("tanh", func(v *vec, x string) string {
		a := v.and(x, v.bits(signBit-1))
		hi := v.con(20)
		a2 := v.min(hi, a)
		v.free(hi, a)
		y := v.mul(a2, v.c(-2))
		v.free(a2)
		n, r := v.reduceExp(y)
		tail := v.poly(r, expTail)
		rr := v.mul(r, r)
		v.fma(r, rr, tail) // e^r - 1
		v.free(rr, tail)
		s := v.power(v.convert("VCVTPS2DQ", n))
		v.free(n)
		q := v.sub(s, v.c(1))
		v.fma(q, r, s)
		v.free(r, s)
		d := v.add(q, v.c(2))
		t := v.div(q, d)
		v.free(d, q)
		t = v.and(t, v.bits(signBit-1))
		sign := v.and(x, v.bits(signBit))
		return v.or(t, sign)
	})
	// erf: x + x P(x x) below 1, 1 - exp(-Q(|x|)) from there, Q = -ln erfc.
	small := fit(func(z float64) float64 {
		s, t := 0.0, 1.0
		for j := 0.0; j < 40; j++ {
			s += t / (2*j + 1)
			t *= -z / (j + 1)
		}
		return 2/math.SqrtPi*s - 1
	}, 0, 1, 7)
	large := fit(func(x float64) float64 { return -math.Log(math.Erfc(x)) }, 0.98, 4.05, 9)
	one("erf", func(v *vec, x string) string {
		a := v.and(x, v.bits(signBit-1))
		hi := v.con(4)
		b := v.min(hi, a)
		v.free(hi)
		q := v.poly(b, large)
		v.free(b)
		e := v.exp(v.xor(q, v.bits(signBit)))
		v.free(q)
		one := v.con(1)
		far := v.sub(one, e)
		v.free(one, e)
		sign := v.and(x, v.bits(signBit))
		far2 := v.or(far, sign)
		v.free(far, sign)
		z := v.mul(x, x)
		p := v.poly(z, small)
		v.free(z)
		near := v.get()
		v.p("VMOVUPS %s, %s", x, near)
		v.fma(near, x, p)
		v.free(p)
		return v.blend(v.cmp(lt, a, v.c(1)), near, far2)
	})
	// ln x = e ln 2 + ln(1+f), 1+f in [sqrt(1/2), sqrt(2)):
	// ln(1+f) = f - f f / 2 + f^3 P(f).
	logTail := fit(func(f float64) float64 {
		s, t := 0.0, 1.0
		for j := 3.0; j < 120; j++ {
			s += t / j
			t *= -f
		}
		return s
	}, math.Sqrt(0.5)-1, math.Sqrt2-1, 8)
	one("log", func(v *vec, x string) string {
		tiny := v.cmp(lt, x, v.bits(0x00800000)) // denormals are scaled up
		up := v.mul(x, v.c(1<<24))
		y := v.blend(tiny, up, x)
		v.free(up)
		t := v.subi(y, v.bits(0x3f3504f3))
		e := v.shift("VPSRAD", 23, t)
		v.free(t)
		bits := v.shift("VPSLLD", 23, e)
		m := v.subi(y, bits)
		v.free(bits, y)
		n := v.convert("VCVTDQ2PS", e)
		v.free(e)
		less := v.sub(n, v.c(24))
		n2 := v.blend(v.cmp(lt, x, v.bits(0x00800000)), less, n)
		v.free(less, n)
		g := v.sub(m, v.c(1))
		v.free(m)
		p := v.poly(g, logTail)
		gg := v.mul(g, g)
		// low = g^3 P(g) - g g / 2 + n ln2Lo
		gp := v.mul(g, p)
		v.free(p)
		half := v.sub(gp, v.c(0.5))
		v.free(gp)
		low := v.mul(gg, half)
		v.free(gg, half)
		v.fma(low, n2, v.c(ln2Lo))
		sum := v.add(g, low)
		v.free(g, low)
		v.fma(sum, n2, v.c(ln2Hi))
		v.free(n2)
		inf := v.con(math.Inf(1))
		r := v.blend(v.cmp(lt, x, v.c(math.Inf(1))), sum, x) // Inf and NaN
		v.free(sum, inf)
		minus := v.con(math.Inf(-1))
		r2 := v.blend(v.cmp(eq, x, v.c(0)), minus, r)
		v.free(r, minus)
		nan := v.get()
		v.p("VMOVUPS %s, %s", v.bits(0x7fc00000), nan)
		return v.blend(v.cmp(lt, x, v.c(0)), nan, r2)
	})
	f.trig("sin", 0)
	f.trig("cos", 1)
}

// trig writes sin (quarter 0) or cos (quarter 1): x = n pi/2 + r, with pi/2 in
// three parts; a sine or cosine of r by the parity of n, a sign by its second
// bit.
func (f *file) trig(name string, quarter uint32) {
	p1 := float64(float32(math.Pi / 2))
	p2 := float64(float32(math.Pi/2 - p1))
	p3 := (math.Pi/2 - p1) - p2 + 6.123233995736766e-17 // pi/2 less its float64
	edge := (math.Pi/4 + 0.001) * (math.Pi/4 + 0.001)
	series := func(k float64) func(z float64) float64 { // sum of (-z)^j / (2j+k)! * k!
		return func(z float64) float64 {
			s, t := 0.0, 1.0
			for j := 0.0; j < 12; j++ {
				s += t
				t *= -z / ((2*j + k + 1) * (2*j + k + 2))
			}
			return s
		}
	}
	scaled := func(c []float64, s float64) []float64 {
		for i := range c {
			c[i] *= s
		}
		return c
	}
	sine := scaled(fit(series(3), 0, edge, 3), -1.0/6)
	cosine := scaled(fit(series(4), 0, edge, 2), 1.0/24)
	stop := f.label("stop")
	f.kernel(spec{
		name: name, out: []string{"dst"}, in: []string{"a"}, stops: true,
		body: func(v *vec, in, _ []string) []string {
			x := in[0]
			a := v.and(x, v.bits(signBit-1))
			big := v.cmp(nle, a, v.c(30000))
			v.free(a)
			if v.wide() {
				v.p("KORTESTW %s, %s", big, big)
			} else {
				v.p("VMOVMSKPS %s, BX", big)
				v.p("TESTL BX, BX")
				v.free(big)
			}
			v.p("JNE %s", stop)
			t := v.mul(x, v.c(2/math.Pi))
			n := v.round(t)
			v.free(t)
			v.fnma(x, n, v.c(p1))
			v.fnma(x, n, v.c(p2))
			v.fnma(x, n, v.c(p3))
			q := v.convert("VCVTPS2DQ", n)
			v.free(n)
			if quarter > 0 {
				v.p("VPADDD %s, %s, %s", v.bits(quarter), q, q)
			}
			z := v.mul(x, x)
			s := v.poly(z, sine)
			zx := v.mul(z, x)
			v.fma(x, zx, s) // sin r
			v.free(s, zx)
			c := v.poly(z, cosine)
			zz := v.mul(z, z)
			w := v.con(1)
			v.fnma(w, z, v.c(0.5))
			v.fma(w, zz, c) // cos r
			v.free(c, zz, z)
			odd := v.shift("VPSLLD", 31, q)
			neg := v.shift("VPSRLD", 1, q)
			v.p("VPSLLD $31, %s, %s", neg, neg)
			v.free(q)
			var y string
			if v.wide() {
				v.p("VPMOVD2M %s, K2", odd)
				y = v.blend("K2", w, x)
			} else {
				y = v.get()
				v.p("VBLENDVPS %s, %s, %s, %s", odd, w, x, y)
			}
			return []string{v.xor(y, neg)}
		},
	})
	f.p("%s:", stop)
	f.p("SHRQ $2, AX")
	f.p("MOVQ AX, %s", f.arg("ret"))
	f.p("VZEROUPPER")
	f.p("RET")
}

func (f *file) adamW() {
	body := func(v *vec, in, c []string) []string {
		p, g, m, s := in[0], in[1], in[2], in[3]
		gs, b1, c1, b2, c2, m1, m2, eps, shrink := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8]
		v.p("VMULPS %s, %s, %s", gs, g, g)
		v.p("VMULPS %s, %s, %s", b1, m, m)
		v.fma(m, g, c1)
		v.p("VMULPS %s, %s, %s", g, g, g)
		v.p("VMULPS %s, %s, %s", b2, s, s)
		v.fma(s, g, c2)
		v.p("VMULPS %s, %s, %s", m2, s, g)
		v.p("VSQRTPS %s, %s", g, g)
		v.p("VADDPS %s, %s, %s", eps, g, g)
		v.p("VMULPS %s, %s, %s", shrink, p, p)
		q := v.mul(m, m1)
		v.p("VDIVPS %s, %s, %s", g, q, q)
		v.p("VSUBPS %s, %s, %s", q, p, p)
		v.free(q)
		return []string{p, m, s}
	}
	f.kernel(spec{name: "adamW", out: []string{"p", "m", "v"}, in: []string{"p", "g", "m", "v"}, scalars: []string{"c"}, body: body})
	f.kernel(spec{
		name: "adamWEMA", out: []string{"p", "m", "v", "ema"}, in: []string{"p", "g", "m", "v", "ema"}, scalars: []string{"c"},
		body: func(v *vec, in, c []string) []string {
			out := body(v, in, c)
			d := in[1] // the gradient is used up
			v.p("VSUBPS %s, %s, %s", in[4], out[0], d)
			d1 := v.get()
			v.p("VBROADCASTSS %s, %s", v.arg("c_d1"), d1)
			v.fma(in[4], d, d1)
			return append(out, in[4])
		},
	})
}

// rowwise writes dst = a op v for as many rows, all of v's length; the vector v
// meets every one of them.
func (f *file) rowwise(name, op string) {
	f.begin(name, "", arg{"rows", "word", "int"}, arg{"cols", "word", "int"}, arg{"dst", "word", "*float32"}, arg{"a", "word", "*float32"}, arg{"v", "word", "*float32"})
	f.p("MOVQ %s, R8", f.arg("rows"))
	f.p("MOVQ %s, R10", f.arg("cols"))
	f.p("MOVQ %s, DI", f.arg("dst"))
	f.p("MOVQ %s, SI", f.arg("a"))
	f.p("MOVQ %s, DX", f.arg("v"))
	f.p("MOVQ R10, R11")
	f.p("ANDQ $%d, R11", f.lanes-1)
	f.tailMask("R11")
	row, loop, tail, next := f.label("row"), f.label("loop"), f.label("tail"), f.label("next")
	step := func(cut bool) {
		v := f.vec()
		x, y := v.get(), v.get()
		v.load("(SI)", x, cut)
		v.load("(AX)", y, cut)
		v.p("%s %s, %s, %s", op, y, x, x)
		v.store(x, "(DI)", cut)
	}
	f.p("%s:", row)
	f.p("MOVQ R10, R9")
	f.p("MOVQ DX, AX")
	f.p("%s:", loop)
	f.p("CMPQ R9, $%d", f.lanes)
	f.p("JLT %s", tail)
	step(false)
	for _, r := range []string{"SI", "DI", "AX"} {
		f.p("ADDQ $%d, %s", f.bytes(), r)
	}
	f.p("SUBQ $%d, R9", f.lanes)
	f.p("JMP %s", loop)
	f.p("%s:", tail)
	f.p("TESTQ R9, R9")
	f.p("JEQ %s", next)
	step(true)
	f.p("LEAQ (SI)(R9*4), SI")
	f.p("LEAQ (DI)(R9*4), DI")
	f.p("%s:", next)
	f.p("DECQ R8")
	f.p("JNE %s", row)
	f.p("VZEROUPPER")
	f.p("RET")
}
