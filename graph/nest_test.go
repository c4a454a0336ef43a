package graph

import (
	"math"
	"testing"
)

// mlp is Linear, tanh, Linear: parameters w1 [h, in], b1 [h], w2 [out, h].
func mlp(b *Builder, x Value, in, hidden, out int) Value {
	h := b.Tanh(b.Add(b.Linear(x, b.Param("net", "w1", hidden, in), true), b.Param("net", "b1", hidden)))
	return b.Linear(h, b.Param("net", "w2", out, hidden), true)
}

// mlpOf is the same function written out, for the arena theta.
func mlpOf(theta, x []float64, hidden, out int) []float64 {
	in := len(x)
	w1, b1, w2 := theta[:hidden*in], theta[hidden*in:hidden*in+hidden], theta[hidden*in+hidden:]
	y := make([]float64, out)
	for k := range hidden {
		s := b1[k]
		for j, xj := range x {
			s += w1[k*in+j] * xj
		}
		for i := range y {
			y[i] += w2[i*hidden+k] * math.Tanh(s)
		}
	}
	return y
}

// arena fills the parameters of group net.
func (b *bench) arena(n int) []float64 {
	s := b.key.Split("net").Stream()
	x := make([]float64, n)
	for i := range x {
		x[i] = 0.7 * s.NormFloat64()
	}
	b.feed.Arenas["net"] = x
	return x
}

// gradientOf joins the gradients of group net in the arena's order.
func gradientOf(p *Program, out map[string][]float64, group string) []float64 {
	var g []float64
	for i, q := range p.Params {
		for _, o := range p.Outputs {
			if q.Group == group && o.GradOf == i {
				g = append(g, out[o.Name]...)
			}
		}
	}
	return g
}

// TestMeanFlow: u(z, s, q) is fitted to v + (q-s) du/ds, where du/ds is the
// derivative along (v, 1, 0). With StopGradient the target is a constant; without
// it the gradient is reverse over forward.
func TestMeanFlow(t *testing.T) {
	const hidden, dim, params = 4, 2, 4*4 + 4 + 2*4
	for _, stop := range []bool{true, false} {
		b := newBench("meanflow")
		x0, x1 := b.input("x0", Row, num(dim)), b.input("x1", Row, num(dim))
		s, q := b.input("s", Row, pos(1)), b.input("q", Row, pos(1))
		seed := b.input("seed", Row, pos(1))
		theta := b.arena(params)
		z := b.Add(b.Mul(b.Sub(b.Const(1), s), x0), b.Mul(s, x1))
		v := b.Sub(x1, x0)
		u := mlp(b.Builder, b.Concat(0, z, s, b.Sub(q, s)), dim+2, hidden, dim)
		du := b.JVP([]Value{u}, []Value{z, s, q}, []Value{v, b.Const(1, 1), b.Const(0, 1)})[0]
		target := b.Add(v, b.Mul(b.Sub(q, s), du))
		if stop {
			target = b.StopGradient(target)
		}
		loss := b.Sum(b.Square(b.Sub(u, target)), 0)
		b.Output("loss", loss)
		b.OutputGradients(b.Gradient(loss, seed, "net"))
		p, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		out := run(t, p, b.feed)

		// The same, written out, du/ds by a central difference of its own.
		net := func(z []float64, s, q float64) []float64 {
			return mlpOf(theta, []float64{z[0], z[1], s, q - s}, hidden, dim)
		}
		row := func(i int) (z, v []float64, s, q float64) {
			x0, x1 := b.values("x0")[2*i:], b.values("x1")[2*i:]
			s, q = b.values("s")[i], b.values("q")[i]
			return []float64{(1-s)*x0[0] + s*x1[0], (1-s)*x0[1] + s*x1[1]}, []float64{x1[0] - x0[0], x1[1] - x0[1]}, s, q
		}
		targets := func() (all []float64) {
			for i := range b.feed.N {
				z, v, s, q := row(i)
				const h = 3e-4 // fourth order
				at := func(h float64) []float64 { return net([]float64{z[0] + h*v[0], z[1] + h*v[1]}, s+h, q) }
				a1, a2, c1, c2 := at(h), at(2*h), at(-h), at(-2*h)
				for d := range dim {
					all = append(all, v[d]+(q-s)*(8*(a1[d]-c1[d])-(a2[d]-c2[d]))/(12*h))
				}
			}
			return all
		}
		frozen := targets()
		losses := func() []float64 {
			target := frozen
			if !stop {
				target = targets()
			}
			all := make([]float64, b.feed.N)
			for i := range all {
				z, _, s, q := row(i)
				for d, u := range net(z, s, q) {
					all[i] += (u - target[dim*i+d]) * (u - target[dim*i+d])
				}
			}
			return all
		}
		near(t, "loss", out["loss"], losses(), 1e-9)
		want := partial(theta, func() float64 { return dot(losses(), b.values("seed")) })
		near(t, "gradient", gradientOf(p, out, "net"), want, 1e-6)
	}
}

// TestGradientPenalty is reverse over reverse: the gradient by the parameters of
// the R1 penalty |dD/dx|^2 of a small discriminator D.
func TestGradientPenalty(t *testing.T) {
	const hidden, dim, params = 5, 3, 3*5 + 5 + 5
	b := newBench("r1")
	x := b.input("x", Row, num(dim))
	theta := b.arena(params)
	score := mlp(b.Builder, x, dim, hidden, 1)
	gx := b.VJP([]Value{score}, []Value{b.Const(1, 1)}, []Value{x})[0]
	penalty := b.Sum(b.Square(gx), 0)
	b.Output("penalty", penalty)
	b.OutputGradients(b.Gradient(penalty, b.Const(1, 1), "net"))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, p, b.feed)
	penalties := func() []float64 { // dD/dx_j = sum_k w2_k (1 - h_k^2) w1_kj, closed form
		w1, b1, w2 := theta[:hidden*dim], theta[hidden*dim:hidden*dim+hidden], theta[hidden*dim+hidden:]
		all := make([]float64, b.feed.N)
		for r := range all {
			x, g := b.values("x")[r*dim:], [dim]float64{}
			for k := range hidden {
				s := b1[k]
				for j := range dim {
					s += w1[k*dim+j] * x[j]
				}
				for j := range dim {
					g[j] += w2[k] / (math.Cosh(s) * math.Cosh(s)) * w1[k*dim+j]
				}
			}
			all[r] = dot(g[:], g[:])
		}
		return all
	}
	near(t, "penalty", out["penalty"], penalties(), exact)
	want := partial(theta, func() float64 {
		s := 0.0
		for _, p := range penalties() {
			s += p
		}
		return s
	})
	near(t, "gradient of the penalty", gradientOf(p, out, "net"), want, measured)
}

// TestHessianVector is forward of reverse: a Hessian times a direction that is
// another group of parameters.
func TestHessianVector(t *testing.T) {
	const hidden, dim, params = 4, 3, 3*4 + 4 + 2*4
	b := newBench("hvp")
	x, y := b.input("x", Row, num(dim)), b.input("y", Row, num(2))
	theta := b.arena(params)
	loss := b.Sum(b.Square(b.Sub(mlp(b.Builder, x, dim, hidden, 2), y)), 0)
	g := b.Gradient(loss, b.Const(1, 1), "net")
	var at, dir []Value
	for _, i := range g.Of {
		q := b.params[i]
		at = append(at, q.Node)
		dir = append(dir, b.Param("dir", q.Name, q.Shape...))
	}
	hv := b.JVP(g.Values, at, dir)
	for i, v := range hv {
		b.Output(b.params[g.Of[i]].Name, v)
	}
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := b.key.Split("dir").Stream()
	direction := make([]float64, params)
	for i := range direction {
		direction[i] = d.NormFloat64()
	}
	b.feed.Arenas["dir"] = direction
	out := run(t, p, b.feed)
	var got []float64
	for _, name := range []string{"w1", "b1", "w2"} {
		got = append(got, out[name]...)
	}
	total := func() float64 {
		s := 0.0
		for r := range b.feed.N {
			for i, u := range mlpOf(theta, b.values("x")[r*dim:(r+1)*dim], hidden, 2) {
				e := u - b.values("y")[2*r+i]
				s += e * e
			}
		}
		return s
	}
	// Second differences lose half the digits, so this one is coarser.
	want := make([]float64, params)
	shift := func(i int, hi, hd float64) float64 {
		for j := range theta {
			theta[j] += hd * direction[j]
		}
		theta[i] += hi
		f := total()
		theta[i] -= hi
		for j := range theta {
			theta[j] -= hd * direction[j]
		}
		return f
	}
	const h = 1e-4
	for i := range want {
		want[i] = (shift(i, h, h) - shift(i, h, -h) - shift(i, -h, h) + shift(i, -h, -h)) / (4 * h * h)
	}
	near(t, "Hessian times direction", got, want, 1e-5)
}

// TestHessianVectorExact: for least squares |x w - y|^2 the Hessian times d is
// 2 X'X d.
func TestHessianVectorExact(t *testing.T) {
	b := newBench("least squares")
	x, y := b.input("x", Row, num(3)), b.input("y", Row, num(2))
	w, d := b.input("w", Static, num(3, 2)), b.input("d", Static, num(3, 2))
	loss := b.Sum(b.Square(b.Sub(b.Linear(x, w, false), y)), 0)
	g := b.VJP([]Value{loss}, []Value{b.Const(1, 1)}, []Value{w})
	b.Output("hv", b.JVP(g, []Value{w}, []Value{d})[0])
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	xs, n := b.values("x"), b.feed.N
	want := mul(flip(xs, n, 3), mul(xs, b.values("d"), n, 3, 2), 3, n, 2)
	for i := range want {
		want[i] *= 2
	}
	near(t, "2 X'X d", run(t, p, b.feed)["hv"], want, exact)
}
