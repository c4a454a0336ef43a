package nn

import (
	"fmt"

	"laminar/flow"
	"laminar/graph"
	"laminar/rng"
)

// Reader is a small convolutional network that tells the class of an image, or
// of a signal when H is 1: two convolutions of stride 2 and two linear layers,
// with ReLU. What the layer before the last answers are its features, in which
// sets of images are compared. It is a Network only in form: Apply answers
// logits, not a velocity.
type Reader struct {
	// H, W and C are the height, width and channels of an image, whose numbers
	// come line by line, the channels last.
	H, W, C int
	// Classes is the number of classes, Width that of the first layer's channels,
	// Features that of the features.
	Classes, Width, Features int
}

// Dim is the number of numbers of an image.
func (n Reader) Dim() int { return n.H * n.W * n.C }

// CondSpec names the classes.
func (n Reader) CondSpec() flow.CondSpec { return flow.CondSpec{Classes: n.Classes} }

// Apply returns the logits, [Classes].
func (n Reader) Apply(b *graph.Builder, group string, in Inputs) graph.Value {
	_, logits := n.Layers(b, group, in.X)
	return logits
}

// Layers returns the features, [Features], and the logits, [Classes], of images
// x, [Dim].
func (n Reader) Layers(b *graph.Builder, group string, x graph.Value) (features, logits graph.Value) {
	if n.H < 1 || n.W < 1 || n.C < 1 || n.Width < 1 || n.Features < 1 || n.Classes < 1 {
		return b.Fail(fmt.Errorf("%w: impossible reader %+v", flow.ErrConfig, n)), graph.None
	}
	h, w := n.H, n.W
	v := b.Reshape(x, h, w, n.C)
	channels := n.C
	for l, out := range []int{n.Width, 2 * n.Width} {
		win := graph.Same(h, w, 3, 2)
		if n.H == 1 {
			win = graph.SameLine(w, 5, 2)
		}
		name := fmt.Sprintf("conv.%d", l)
		weight := b.Param(group, name+".weight", out, win.KH*win.KW*channels)
		v = b.ReLU(b.Add(b.Conv(v, weight, win), b.Param(group, name+".bias", out)))
		h, w, channels = win.OutH, win.OutW, out
	}
	features = b.ReLU(linear(b, group, "features", b.Reshape(v, h*w*channels), n.Features))
	return features, linear(b, group, "logits", features, n.Classes)
}

// Init is PyTorch's for linear layers.
func (n Reader) Init(arena []float32, l graph.Layout, key rng.Key) { initLinear(arena, l, key) }
