package nn_test

import (
	"math"
	"testing"

	"laminar/flow"
	"laminar/nn"
	"laminar/rng"
)

// TestLongStepIsTheFormula: a network for long steps sees the span, last among
// what enters a layer; with zeros for it, it is the network without.
func TestLongStepIsTheFormula(t *testing.T) {
	const n = 1
	c := flow.CondSpec{Classes: 2}
	for _, kind := range nn.Kinds() {
		spec := nn.Spec{Kind: kind, Width: 5, Depth: 2, Activation: "tanh", TimeFeatures: 4}
		plain := network(t, spec, 2, c)
		long := nn.LongStep{Network: plain}
		if !nn.TakesSpan(long) || nn.TakesSpan(plain) {
			t.Fatal("who takes a span?")
		}
		p, q := velocity(t, plain), velocity(t, long)
		if p.Row(nn.InSpan) != nil || q.Row(nn.InSpan) == nil {
			t.Fatalf("%s: the span is asked for by the wrong network", kind)
		}
		own := wide(initial(plain, p, rng.New(1)))
		theirs := wide(initial(long, q, rng.New(2)))
		l, m := p.Layout(nn.Group), q.Layout(nn.Group)
		if len(l.Entries) != len(m.Entries) {
			t.Fatalf("%s: %d parameters and %d", kind, len(l.Entries), len(m.Entries))
		}
		wider := 0
		for i, e := range l.Entries {
			f := m.Entries[i]
			if e.Name != f.Name {
				t.Fatalf("%s: %s and %s", kind, e.Name, f.Name)
			}
			rows, cols, more := e.Shape[0], e.Size/e.Shape[0], f.Size/f.Shape[0]
			if more > cols {
				wider++
			}
			for r := range rows {
				for j := range more {
					v := 0.0
					if j < cols {
						v = own[e.Offset+r*cols+j]
						if v == 0 {
							v = 0.1 // what starts at 0 would hide the rest
							own[e.Offset+r*cols+j] = v
						}
					}
					theirs[f.Offset+r*more+j] = v
				}
			}
		}
		if want := map[string]int{"mlp": 1, "resmlp": 3}[kind]; wider != want {
			t.Errorf("%s: the span enters %d layers, want %d", kind, wider, want)
		}
		x, _, _ := rows(p, n)
		y, _, _ := rows(q, n)
		for name, v := range x {
			y[name] = v
		}
		a, b := answers(t, p, own, x), answers(t, q, theirs, y)
		for i := range a {
			if math.Abs(a[i]-b[i]) > 1e-12 {
				t.Fatalf("%s: %v with a span of no weight, %v without", kind, b[i], a[i])
			}
		}
		// With weight, the span matters.
		for i := range theirs {
			theirs[i] += 0.05
		}
		b = answers(t, q, theirs, y)
		for i := range y[nn.InSpan] {
			y[nn.InSpan][i] += 0.3
		}
		if c := answers(t, q, theirs, y); c[0] == b[0] {
			t.Errorf("%s: the span makes no difference", kind)
		}
	}
}
