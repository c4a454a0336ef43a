package recipe

// Sound is the kind of data whose rows are spectrograms of sounds.
const Sound = "sound"

// soundNFE is the number of evaluations that models of sounds are sampled with
// unless told otherwise.
const soundNFE = 16

// suitSound makes a preset one for sounds, whose spectrograms are learnt as
// pictures: see suitImages. The files' names say which are held out, where they
// do.
func suitSound(r *Recipe) {
	r.Data.HeldOutNames = Auto
	if r.Preset == "post" {
		return
	}
	r.Network.Kind, r.Network.Width, r.Network.Depth = "unet", 48, 1
	r.Train.Batch, r.Train.ValidateEvery, r.Train.Patience = 16, 250, 10
	r.Train.Steps = 5000
	if r.Preset == "fast" {
		r.Train.Steps = 600
	}
	r.Optim.Rate, r.Optim.EMA = 1e-3, 0.999
}
