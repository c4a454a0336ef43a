package recipe

import "laminar/nn"

// molecules makes r one for molecules: an equivariant network that answers the end
// of the path, many steps of small batches, and a loss that counts the data end,
// where bonds get their lengths.
func molecules(r *Recipe) {
	r.Data.HeldOut = 0.05
	r.Predict = "data"
	r.Path.Weight, r.Path.Shift = "snr-truncated", 0.5
	r.Network = nn.Spec{Kind: "egnn", Width: 64, Depth: 5, Activation: "silu", TimeFeatures: 16, Messages: 32}
	r.Optim.Rate, r.Optim.Warmup, r.Optim.EMA = 2e-3, 200, 0.999
	r.Train.Batch, r.Train.Steps, r.Train.Patience = 8, 24000, 0
	r.Train.ValidateEvery = 500
	if r.Preset == "fast" {
		r.Network.Width, r.Network.Depth = 64, 4
		r.Train.Steps = 2000
	}
}
