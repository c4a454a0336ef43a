package recipe

import "slices"

// Images is the kind of data whose rows are pictures of one size.
const Images = "images"

// imageNFE is the number of evaluations that models of images are sampled with
// unless told otherwise.
const imageNFE = 16

// studentNFE is that of students by reflow.
const studentNFE = 4

// suitImages makes a preset one for images: a U-Net whose shape the data tell,
// small batches and few steps, for a step costs a thousand times what one of
// points does. The preset post stays what it is, to the letter.
func suitImages(r *Recipe) {
	r.Data.Standardise = false // bytes have a range of their own
	r.Data.HeldOut = 1. / 6    // of MNIST, the last 10,000
	if r.Preset == "post" {
		return
	}
	r.Network.Kind, r.Network.Width, r.Network.Depth = "unet", 32, 1
	r.Train.Batch, r.Train.ValidateEvery, r.Train.Patience = 32, 500, 20
	r.Train.Steps, r.Optim.Rate = 6000, 3e-3
	if r.Preset == "fast" {
		r.Train.Steps = 1000
	}
}

// ChooseNetwork makes a preset for images or sounds one with a network of another
// kind, of a size whose steps cost about as much.
func (r *Recipe) ChooseNetwork(kind string) {
	was := r.Network.Kind
	r.Network.Kind = kind
	if was != "unet" || kind == was {
		return
	}
	switch kind {
	case "dit", "mmdit":
		r.Network.Width, r.Network.Depth, r.Optim.Rate = 128, 4, 1e-3
	case "mlp", "resmlp":
		r.Network.Width, r.Network.Depth = 512, 3
	}
}

// mostLetters is the length of the names of classes that an mmdit reads letter by
// letter, and wholeNames the number of tokens as which it learns longer ones.
const (
	mostLetters = 24
	wholeNames  = 4
)

// SuitClasses fills in as what an mmdit reads the classes: letter by letter where
// their names are short.
func (r *Recipe) SuitClasses(names []string) {
	n := &r.Network
	if n.Kind != "mmdit" || n.Context != 0 || n.Labels != nil || len(names) == 0 {
		return
	}
	for _, name := range names {
		if l := len([]rune(name)); l < 1 || l > mostLetters {
			n.Context = wholeNames
			return
		}
	}
	n.Labels = slices.Clone(names)
}

// suitTokens fills in what a transformer for images leaves open: patches, of at
// most 8 x 8 pixels, that leave a grid of 7 to 14 where they can, and heads of 32.
func (r *Recipe) suitTokens(h, w, c int) {
	n := &r.Network
	n.Shape = []int{h, w, c}
	if n.Patch == 0 {
		for n.Patch = 1; min(h, w)/(2*n.Patch) >= 7 && n.Patch < 8; {
			n.Patch *= 2
		}
	}
	if n.Heads == 0 {
		for n.Heads = max(1, n.Width/32); n.Width%n.Heads != 0; {
			n.Heads--
		}
	}
}

// SuitImages fills in what a network for images of h x w pixels and c channels
// leaves open: patches, of at most 8 x 8 pixels, that leave a grid of 14 to 28
// where they can, three resolutions of it, or as many as it has, and attention at
// the coarsest.
func (r *Recipe) SuitImages(h, w, c int) {
	n := &r.Network
	switch {
	case n.Shape != nil:
		return
	case n.Kind == "dit", n.Kind == "mmdit":
		r.suitTokens(h, w, c)
		return
	case n.Kind != "unet":
		return
	}
	n.Shape = []int{h, w, c}
	if n.Patch == 0 {
		for n.Patch = 1; min(h, w)/(2*n.Patch) >= 14 && n.Patch < 8; {
			n.Patch *= 2
		}
	}
	if n.Levels == nil {
		n.Levels = []int{1}
		for side := (min(h, w) + n.Patch - 1) / n.Patch; side > 4 && len(n.Levels) < 3; side = (side + 1) / 2 {
			n.Levels = append(n.Levels, 2)
		}
	}
	if n.Heads == 0 && n.Width*n.Levels[len(n.Levels)-1]%32 == 0 {
		n.Heads = n.Width * n.Levels[len(n.Levels)-1] / 32
	}
}
