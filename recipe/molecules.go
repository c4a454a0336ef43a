package recipe

import "laminar/nn"

// Molecules is the kind of data whose rows are atoms in space.
const Molecules = "molecules"

// moleculeNFE is the number of evaluations by which molecules are sampled unless
// told otherwise, under guidance two for each step.
const moleculeNFE = 100

// moleculeMethod is the solver: their noise knows no schedule, which unipc needs.
const moleculeMethod = "ab2"

// suitMolecules makes r one for molecules: an equivariant network that answers the
// end of the path, times that lie near the data, where bonds get their lengths,
// and steps of few molecules: many steps teach more than large ones.
func suitMolecules(r *Recipe) {
	r.Data.HeldOut = 0.05
	r.Predict = "data"
	r.Path.Weight, r.Path.Shift = "sigma-sqrt", 0.5
	r.Network = nn.Spec{Kind: "egnn", Width: 64, Depth: 12, Activation: "silu", TimeFeatures: 16, Messages: 48}
	r.Optim.Method, r.Optim.Rate, r.Optim.Warmup, r.Optim.EMA = "muon", 3e-3, 200, 0.999
	r.Train.Batch, r.Train.Steps, r.Train.Patience = 8, 24000, 0
	r.Train.ValidateEvery, r.Train.Weak = 1000, 0.05
	if r.Preset == "fast" {
		r.Network.Depth, r.Network.Messages = 7, 32
		r.Train.Steps, r.Train.ValidateEvery = 10000, 500
	}
}
