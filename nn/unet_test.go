package nn_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/nn"
	"laminar/rng"
)

func images() nn.Spec {
	return nn.Spec{Kind: "unet", Width: 4, Depth: 1, Activation: "silu", TimeFeatures: 4, Shape: []int{7, 5, 3}, Levels: []int{1, 2, 3}, Heads: 2}
}

func ExampleSpec_image() {
	spec := nn.Spec{
		Kind: "unet", Width: 32, Depth: 1, Activation: "silu", TimeFeatures: 16,
		Shape: []int{28, 28, 1}, Levels: []int{1, 2, 2}, Heads: 2,
	}
	net, err := spec.Network(784, flow.CondSpec{Classes: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := nn.Velocity(net)
	fmt.Println(p.Layout(nn.Group).Size, "parameters", err)
	// Output: 850977 parameters <nil>
}

// TestUnetOfOddImages: sizes that do not halve come back as they were; the
// velocity is 0 at the start, and far pixels see each other.
func TestUnetOfOddImages(t *testing.T) {
	const dim = 7 * 5 * 3
	net := network(t, images(), dim, flow.CondSpec{Classes: 2})
	p := velocity(t, net)
	l := p.Layout(nn.Group)
	params := make([]float32, l.Size)
	net.Init(params, l, rng.New(1))
	x := make([]float64, dim)
	s := rng.New(2).Stream()
	for i := range x {
		x[i] = s.NormFloat64()
	}
	in := map[string][]float64{nn.InX: x, nn.InT: {0.3}, nn.InClass: {1}}
	if y := answers(t, p, wide(params), in); len(y) != dim || slices.ContainsFunc(y, func(v float64) bool { return v != 0 }) {
		t.Errorf("the velocity of a fresh network is %v", y)
	}
	arena := wide(params)
	for i := range arena {
		arena[i] += 0.2 * s.NormFloat64()
	}
	before := answers(t, p, arena, in)
	x[0] += 5
	after := answers(t, p, arena, in)
	if before[dim-1] == after[dim-1] {
		t.Error("the last pixel does not depend on the first")
	}
}

// TestPatchesOfOddImages: images that do not divide into patches come back in their
// own size, and all of their pixels count.
func TestPatchesOfOddImages(t *testing.T) {
	const h, w, dim = 7, 5, 7 * 5 * 3
	unet, dit := images(), transformers()[0]
	unet.Patch, unet.Levels = 2, []int{1, 2}
	dit.Shape, dit.Patch = []int{h, w, 3}, 3
	for _, spec := range []nn.Spec{unet, dit} {
		net := network(t, spec, dim, flow.CondSpec{})
		p := velocity(t, net)
		arena := make([]float64, p.Layout(nn.Group).Size)
		s := rng.New(2).Stream()
		for i := range arena {
			arena[i] = 0.3 * s.NormFloat64()
		}
		x := make([]float64, dim)
		for i := range x {
			x[i] = s.NormFloat64()
		}
		in := map[string][]float64{nn.InX: x, nn.InT: {0.3}}
		before := slices.Clone(answers(t, p, arena, in))
		x[dim-1] += 3
		after := answers(t, p, arena, in)
		if len(after) != dim || after[0] == before[0] || after[dim-1] == before[dim-1] {
			t.Errorf("%s: %d numbers; the last pixel changed the first by %v, itself by %v", spec.Kind, len(after), after[0]-before[0], after[dim-1]-before[dim-1])
		}
	}
}

func TestUnetFaults(t *testing.T) {
	for want, edit := range map[string]func(s *nn.Spec){
		"network.shape: is missing":      func(s *nn.Spec) { s.Shape = nil },
		"network.shape: [7 5]":           func(s *nn.Spec) { s.Shape = []int{7, 5} },
		"network.shape: images of [7 4":  func(s *nn.Spec) { s.Shape = []int{7, 4, 3} },
		"network.patch: 65 is not":       func(s *nn.Spec) { s.Patch = 65 },
		"network.levels: []":             func(s *nn.Spec) { s.Levels = nil },
		"network.levels: 0 is not":       func(s *nn.Spec) { s.Levels = []int{1, 0} },
		"network.levels: 5 resolutions":  func(s *nn.Spec) { s.Levels = []int{1, 1, 1, 1, 1}; s.Heads = 0 },
		"network.heads: 5 heads do not":  func(s *nn.Spec) { s.Heads = 5 },
		"network.time_features: 3 is no": func(s *nn.Spec) { s.TimeFeatures = 3 },
	} {
		s := images()
		edit(&s)
		if _, err := s.Network(7*5*3, flow.CondSpec{}); !errors.Is(err, flow.ErrConfig) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestUnetPatches: with patches as large as the coarsest step a network of one
// resolution and no attention looks at patches around a pixel's own, and writes
// into the pixel's place.
func TestUnetPatches(t *testing.T) {
	s := nn.Spec{Kind: "unet", Width: 4, Depth: 1, Activation: "silu", TimeFeatures: 4, Shape: []int{4, 6, 1}, Levels: []int{1}, Patch: 2}
	net := network(t, s, 24, flow.CondSpec{})
	p := velocity(t, net)
	l := p.Layout(nn.Group)
	params := make([]float32, l.Size)
	net.Init(params, l, rng.New(1))
	arena := wide(params)
	// Only the last layer answers, and only by its bias: pixel (y, x) of every
	// patch has the value 2y + x.
	for i := range 4 {
		arena[entry(t, l, "out.bias").Offset+i] = float64(i)
	}
	x := make([]float64, 24)
	got := answers(t, p, arena, map[string][]float64{nn.InX: x, nn.InT: {0.5}})
	for i, v := range got {
		if y, x := i/6, i%6; v != float64(2*(y%2)+x%2) {
			t.Fatalf("pixel %d, %d is %v", y, x, v)
		}
	}
	// With the first layer's middle taps as the identity and nothing after it but
	// the last layer's, each pixel would come back: the weight that leads from
	// channel 3 to channel 3 passes pixel (1, 1) of a patch.
	entryAt := func(name string, out, tap, in, channels int) *float64 {
		e := entry(t, l, name)
		return &arena[e.Offset+(out*9+tap)*channels+in]
	}
	for i := range 4 {
		arena[entry(t, l, "out.bias").Offset+i] = 0
	}
	for i := range arena[entry(t, l, "in.weight").Offset:][:entry(t, l, "in.weight").Size] {
		arena[entry(t, l, "in.weight").Offset+i] = 0
	}
	*entryAt("in.weight", 3, 4, 3, 4) = 1
	*entryAt("out.weight", 3, 4, 3, 4) = 1
	x[1*6+3] = 5 // pixel (1, 1) of the second patch
	got = answers(t, p, arena, map[string][]float64{nn.InX: x, nn.InT: {0.5}})
	for i, v := range got {
		if (i == 1*6+3) != (v > 1) {
			t.Errorf("pixel %d, %d is %v", i/6, i%6, v)
		}
	}
}
