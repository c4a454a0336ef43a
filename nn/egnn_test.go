package nn_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/graph"
	"laminar/internal/exec"
	"laminar/internal/kernel"
	"laminar/nn"
	"laminar/rng"
)

func ExampleSpec_molecule() {
	spec := nn.Spec{
		Kind: "egnn", Width: 64, Depth: 4, Activation: "silu", TimeFeatures: 16, Messages: 32,
		Shape: []int{23, 5}, // up to 23 atoms of 5 elements
	}
	net, err := spec.Network(23*(3+5+1), flow.CondSpec{})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := nn.Velocity(net)
	fmt.Println(p.Layout(nn.Group).Size, "parameters", err)
	// Output: 69288 parameters <nil>
}

// molecular is a small network for molecules with its parameters, away from where
// they start.
type molecular struct {
	atoms, kinds int
	run          func(x []float32) []float32
}

func newMolecular(t *testing.T) molecular {
	const atoms, kinds = 7, 3
	spec := nn.Spec{Kind: "egnn", Width: 16, Depth: 3, Activation: "silu", TimeFeatures: 4, Messages: 8, Shape: []int{atoms, kinds}}
	net := network(t, spec, atoms*(kinds+4), flow.CondSpec{})
	p := velocity(t, net)
	params := initial(net, p, rng.New(1))
	s := rng.New(2).Stream()
	for i := range params {
		params[i] += 0.2 * float32(s.NormFloat64())
	}
	exe, err := exec.Compile(p, exec.Options{Kernels: kernel.Best(), Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return molecular{atoms, kinds, func(x []float32) []float32 {
		s := exe.NewSession()
		out := make([]float32, len(x))
		for _, err := range []error{
			s.BindParams(nn.Group, params), s.BindRow(nn.InX, x), s.BindRow(nn.InT, []float32{0.6}), s.BindOutput(nn.Out, out), s.Run(1),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return out
	}}
}

// noise is a row of n atoms.
func (m molecular) noise(n int) []float32 {
	x := make([]float32, m.atoms*(m.kinds+4))
	s := rng.New(3).Stream()
	s.Normal(x)
	for a := range m.atoms {
		h := x[a*(m.kinds+4)+3 : (a+1)*(m.kinds+4)]
		clear(h)
		if a < n {
			h[a%m.kinds], h[m.kinds] = 1, 1
		}
	}
	return x
}

// differ is the largest difference of two rows.
func differ(a, b []float32) float64 {
	worst := 0.0
	for i := range a {
		if d := math.Abs(float64(a[i] - b[i])); !(d <= worst) {
			worst = d
		}
	}
	return worst
}

// each applies f to the place of every atom.
func (m molecular) each(x []float32, f func(p []float32)) []float32 {
	out := append([]float32(nil), x...)
	for a := range m.atoms {
		if at := out[a*(m.kinds+4):]; at[m.kinds+3] != 0 {
			f(at[:3])
		}
	}
	return out
}

// TestEgnnIsEquivariant: turning, mirroring and shifting the atoms does the same
// to the answer, and so does renumbering.
func TestEgnnIsEquivariant(t *testing.T) {
	m := newMolecular(t)
	x := m.noise(5)
	y := m.run(x)
	if moved := differ(x, y); !(moved > 0.1) || math.IsInf(moved, 0) {
		t.Fatalf("the network moves atoms by %v: the test would be empty", moved)
	}
	c, s := float32(math.Cos(0.7)), float32(math.Sin(0.7))
	for name, f := range map[string]func(p []float32){
		"turn about z": func(p []float32) { p[0], p[1] = c*p[0]-s*p[1], s*p[0]+c*p[1] },
		"turn about x": func(p []float32) { p[1], p[2] = c*p[1]-s*p[2], s*p[1]+c*p[2] },
		"mirror":       func(p []float32) { p[0] = -p[0] },
		"shift":        func(p []float32) { p[0], p[2] = p[0]+1.5, p[2]-0.5 },
	} {
		if d := differ(m.run(m.each(x, f)), m.each(y, f)); !(d <= 1e-4) {
			t.Errorf("%s: the answer is off by %v", name, d)
		}
	}
	w := m.kinds + 4
	order := []int{3, 6, 0, 4, 1, 5, 2} // missing atoms among them
	renumber := func(x []float32) []float32 {
		out := make([]float32, len(x))
		for i, j := range order {
			copy(out[i*w:(i+1)*w], x[j*w:(j+1)*w])
		}
		return out
	}
	if d := differ(m.run(renumber(x)), renumber(y)); !(d <= 1e-4) {
		t.Errorf("renumbered: the answer is off by %v", d)
	}
}

// TestEgnnLooksAtPresentAtomsOnly: what stands where there is no atom changes
// nothing; the answer has the atoms of the input, with their elements, and the centre
// of the input.
func TestEgnnLooksAtPresentAtomsOnly(t *testing.T) {
	m := newMolecular(t)
	x := m.noise(5)
	y := m.run(x)
	w := m.kinds + 4
	other := append([]float32(nil), x...)
	for i := 5 * w; i < len(other); i++ {
		if i%w != w-1 {
			other[i] = 100
		}
	}
	if d := differ(m.run(other), y); d != 0 {
		t.Errorf("missing atoms change the answer by %v", d)
	}
	var from, to [3]float64
	for a := range m.atoms {
		at := y[a*w : (a+1)*w]
		want := x[(a+1)*w-1]
		if !slices.Equal(at[3:], x[a*w+3:(a+1)*w]) {
			t.Errorf("atom %d was %v, is %v", a, x[a*w:(a+1)*w], at)
		}
		for k := range 3 {
			if want != 0 {
				from[k] += float64(x[a*w+k]) / 5
			}
			to[k] += float64(at[k]) / 5
		}
	}
	for k := range 3 {
		if math.Abs(from[k]-to[k]) > 1e-5 {
			t.Errorf("the centre went from %v to %v", from, to)
		}
	}
	// One atom alone has nobody to be pushed by.
	one := m.noise(1)
	if d := differ(m.run(one)[:3], one[:3]); d > 1e-5 {
		t.Errorf("an atom alone moves by %v", d)
	}
}

// TestEgnnCuts: networks of fewer atoms have the same parameters and answer the
// same for molecules that they have room for.
func TestEgnnCuts(t *testing.T) {
	spec := nn.Spec{Kind: "egnn", Width: 16, Depth: 2, Activation: "silu", TimeFeatures: 4, Messages: 8, Shape: []int{13, 3}}
	net := network(t, spec, 13*7, flow.CondSpec{})
	p := velocity(t, net)
	params := initial(net, p, rng.New(1))
	answer := func(p *graph.Program, x []float32) []float64 {
		feed := graph.Feed{N: 1, Arenas: map[string][]float64{nn.Group: nil}, Rows: map[string][]float64{nn.InT: {0.6}}}
		for _, v := range params {
			feed.Arenas[nn.Group] = append(feed.Arenas[nn.Group], float64(v))
		}
		for _, v := range x {
			feed.Rows[nn.InX] = append(feed.Rows[nn.InX], float64(v))
		}
		out, err := p.Interpret(feed)
		if err != nil {
			t.Fatal(err)
		}
		return out[nn.Out]
	}
	x := molecular{atoms: 13, kinds: 3}.noise(6)
	clear(x[6*7:])
	want := answer(p, x)
	cuts := net.(nn.Cuttable).Cuts()
	var atoms []int
	for _, c := range cuts {
		atoms = append(atoms, c.Dim()/7)
		q := velocity(t, c)
		if !reflect.DeepEqual(q.Layout(nn.Group), p.Layout(nn.Group)) {
			t.Fatalf("%d atoms: other parameters", c.Dim()/7)
		}
		for i, v := range answer(q, x[:c.Dim()]) {
			if math.Abs(v-want[i]) > 1e-12 {
				t.Fatalf("%d atoms: coordinate %d is %v, of the whole network %v", c.Dim()/7, i, v, want[i])
			}
		}
	}
	if !slices.Equal(atoms, []int{7, 9, 10, 12}) {
		t.Errorf("networks of %v atoms", atoms)
	}
}

// TestEgnnSeesElements: places depend on which atom is of which element, and on how many
// of an element there are.
func TestEgnnSeesElements(t *testing.T) {
	m := newMolecular(t)
	w := m.kinds + 4
	x := m.noise(5)
	y := m.run(x)
	far := func(z []float32) (worst float64) {
		for a := range 5 {
			worst = max(worst, differ(z[a*w:a*w+3], y[a*w:a*w+3]))
		}
		return worst
	}
	swapped := append([]float32(nil), x...)
	copy(swapped[3:w], x[w+3:2*w])
	copy(swapped[w+3:2*w], x[3:w])
	if d := far(m.run(swapped)); d < 1e-3 {
		t.Errorf("two atoms that change their elements change places by %v", d)
	}
	// An atom too far for messages to tell of tells by the formula.
	lone, other := append([]float32(nil), x...), append([]float32(nil), x...)
	lone[4*w], other[4*w] = 1e4, 1e4
	copy(other[4*w+3:5*w], x[3:w])
	if slices.Equal(lone[4*w+3:5*w], other[4*w+3:5*w]) {
		t.Fatal("the same element")
	}
	if d := differ(m.run(lone)[:3], m.run(other)[:3]); d < 1e-4 {
		t.Errorf("another formula changes places by %v", d)
	}
}

func TestEgnnFaults(t *testing.T) {
	for want, edit := range map[string]func(s *nn.Spec){
		"network.shape: [7]":          func(s *nn.Spec) { s.Shape = []int{7} },
		"network.shape: [7 0]":        func(s *nn.Spec) { s.Shape = []int{7, 0} },
		"network.shape: molecules of": func(s *nn.Spec) { s.Shape = []int{8, 3} },
		"network.messages: 0 is not":  func(s *nn.Spec) { s.Messages = 0 },
	} {
		s := nn.Spec{Kind: "egnn", Width: 16, Depth: 1, Activation: "silu", TimeFeatures: 4, Messages: 8, Shape: []int{7, 3}}
		edit(&s)
		if _, err := s.Network(7*7, flow.CondSpec{}); !errors.Is(err, flow.ErrConfig) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
