package recipe

import "laminar/nn"

// Molecules is the kind of data whose rows are atoms in space.
const Molecules = "molecules"

// moleculeNFE is the number of evaluations by which molecules are sampled unless
// told otherwise.
const moleculeNFE = 50

// suitMolecules makes r one for molecules: an equivariant network that answers the
// end of the path, times that lie near the data, where bonds get their lengths,
// and steps of few molecules: many steps teach more than large ones.
func suitMolecules(r *Recipe) {
	r.Data.HeldOut = 0.05
	r.Predict = "data"
	r.Path.Weight, r.Path.Shift = "sigma-sqrt", 0.5
	r.Network = nn.Spec{Kind: "egnn", Width: 96, Depth: 5, Activation: "silu", TimeFeatures: 16, Messages: 48}
	r.Optim.Rate, r.Optim.Warmup, r.Optim.EMA = 2e-3, 200, 0.999
	r.Train.Batch, r.Train.Steps, r.Train.Patience = 8, 150000, 0
	r.Train.ValidateEvery = 1000
	if r.Preset == "fast" {
		r.Network.Width, r.Network.Messages = 64, 32
		r.Train.Steps, r.Train.ValidateEvery = 10000, 500
	}
}
