package solve_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/solve"
)

// A tree is a rooted tree: its children in non-increasing order of rank.
type tree struct{ children []*tree }

func (t *tree) size() int {
	n := 1
	for _, c := range t.children {
		n += c.size()
	}
	return n
}

// gamma is the density of the tree: its size times the densities of its
// children.
func (t *tree) gamma() float64 {
	g := float64(t.size())
	for _, c := range t.children {
		g *= c.gamma()
	}
	return g
}

// weights returns Phi_i(t), the product over the children of sum_j a_ij Phi_j.
func (t *tree) weights(m *solve.Tableau) []float64 {
	phi := make([]float64, len(m.C))
	for i := range phi {
		phi[i] = 1
	}
	for _, c := range t.children {
		w := c.weights(m)
		for i := range phi {
			var sum float64
			for j, a := range m.A[i] {
				sum += a * w[j]
			}
			phi[i] *= sum
		}
	}
	return phi
}

// trees returns all rooted trees with n vertices (1, 1, 2, 4, 9 of them).
func trees(n int) []*tree {
	var all []*tree // those of fewer vertices, in order of rank
	for k := 1; k < n; k++ {
		all = append(all, trees(k)...)
	}
	var out []*tree
	var grow func(children []*tree, rank, left int)
	grow = func(children []*tree, rank, left int) {
		if left == 0 {
			out = append(out, &tree{append([]*tree(nil), children...)})
			return
		}
		for r := 0; r <= rank; r++ {
			if s := all[r].size(); s <= left {
				grow(append(children, all[r]), r, left-s)
			}
		}
	}
	grow(nil, len(all)-1, n-1)
	return out
}

// A method has order p when sum_i b_i Phi_i(t) = 1/gamma(t) for all trees of at
// most p vertices (Butcher; Hairer, Norsett, Wanner, II.2).
func TestOrderConditions(t *testing.T) {
	for i, want := range []int{0, 1, 1, 2, 4, 9, 20} {
		if i > 0 && len(trees(i)) != want {
			t.Fatalf("%d trees with %d vertices, want %d", len(trees(i)), i, want)
		}
	}
	defect := func(m *solve.Tableau, b []float64, order int) float64 {
		worst := 0.0
		for n := 1; n <= order; n++ {
			for _, tr := range trees(n) {
				var sum float64
				for i, w := range tr.weights(m) {
					sum += b[i] * w
				}
				worst = max(worst, math.Abs(sum-1/tr.gamma()))
			}
		}
		return worst
	}
	for _, method := range solve.Catalogue() {
		if method.Kind != solve.ODE {
			continue
		}
		m := struct {
			*solve.Tableau
			Name  string
			Order int
		}{method.Tableau, method.Name, method.Order}
		if d := defect(m.Tableau, m.B, m.Order); d > 2e-14 {
			t.Errorf("%s misses a condition of order %d by %g", m.Name, m.Order, d)
		}
		if d := defect(m.Tableau, m.B, m.Order+1); d < 1e-6 {
			t.Errorf("%s is of higher order than %d", m.Name, m.Order)
		}
		for i, row := range m.A {
			var sum float64
			for _, a := range row {
				sum += a
			}
			if len(row) != i || math.Abs(sum-m.C[i]) > 2e-14 {
				t.Errorf("%s: row %d has %d entries that sum to %v, want %v", m.Name, i, len(row), sum, m.C[i])
			}
		}
		if m.E != nil {
			lower := make([]float64, len(m.B))
			for i := range lower {
				lower[i] = m.B[i] - m.E[i]
			}
			if d := defect(m.Tableau, lower, m.Order-1); d > 2e-14 {
				t.Errorf("%s: the embedded method misses a condition of order %d by %g", m.Name, m.Order-1, d)
			}
			if d := defect(m.Tableau, lower, m.Order); d < 1e-6 {
				t.Errorf("%s: the embedded method is as good as the step", m.Name)
			}
		}
		if m.FSAL {
			for j, a := range m.A[len(m.A)-1] {
				if a != m.B[j] {
					t.Errorf("%s: A's last row is not B at %d", m.Name, j)
				}
			}
			if m.B[len(m.B)-1] != 0 || m.C[len(m.C)-1] != 1 {
				t.Errorf("%s: the last stage is not the end of the step", m.Name)
			}
		}
		if method.Adaptive() != m.FSAL {
			t.Errorf("%s: the adaptive solver expects FSAL", m.Name)
		}
	}
}

func TestNamedAndSteps(t *testing.T) {
	if _, err := solve.Named("rk45"); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), "euler, midpoint, heun, rk4, bosh3, dopri5, tsit5, ab2, abm, ddim, dpmpp2m, unipc, em, sde-heun, ancestral, renoise, jump") {
		t.Errorf("unknown solver: %v", err)
	}
	for _, c := range []struct {
		method    string
		nfe, cost int
		want      int
		hint      string
	}{
		{"euler", 7, 1, 7, ""},
		{"heun", 8, 1, 4, ""},
		{"heun", 7, 1, 0, "use 6 or 8"},
		{"heun", 1, 1, 0, "use 2"},
		{"heun", 6, 2, 0, "use 4 or 8"},
		{"dopri5", 12, 1, 2, ""},
		{"bosh3", 10, 1, 0, "use 9 or 12"},
		{"euler", -4, 1, 0, "use 1"},
		{"euler", 4, 0, 0, "cannot cost"},
	} {
		m, err := solve.Named(c.method)
		if err != nil {
			t.Fatal(err)
		}
		got, err := solve.Steps(m, c.nfe, c.cost)
		if got != c.want || (err != nil) != (c.hint != "") || err != nil && !strings.Contains(err.Error(), c.hint) {
			t.Errorf("%+v: %d, %v", c, got, err)
		}
	}
}
