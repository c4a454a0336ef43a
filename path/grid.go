package path

import (
	"fmt"
	"math"

	"laminar/flow"
)

// GridParams are the numbers of the grids. Start from GridDefaults; each grid
// reads the ones that its About names.
type GridParams struct {
	// Shift is the k of Shift.
	Shift float64 `json:"shift"`
	// Length is the length from which "dynamic" takes its shift.
	Length int `json:"length"`
	// Rho bends "edm" and "karras"; larger puts more steps at the data.
	Rho float64 `json:"rho"`
	// SigmaMax and SigmaMin bound the noise-to-data ratio of "edm".
	SigmaMax float64 `json:"sigma_max"`
	SigmaMin float64 `json:"sigma_min"`
}

// GridDefaults returns shift 3, length 1024, and EDM's rho 7 from 80 to .002.
func GridDefaults() GridParams {
	return GridParams{Shift: 3, Length: 1024, Rho: 7, SigmaMax: 80, SigmaMin: 0.002}
}

// trained is the least noise of diffusers' grids, one of 1000 training times.
const trained = 0.001

// A grid fills t[0] to t[n-1], of which the first is made 0 and 1 follows the
// last.
var grids = []struct {
	Entry
	fill func(t []float64, p GridParams)
}{
	{Entry{"uniform", "equal steps"}, func(t []float64, p GridParams) {
		each(t, float64(len(t)), func(u float64) float64 { return u })
	}},
	{Entry{"shift", "equal steps moved to the noise by shift (SD3)"}, func(t []float64, p GridParams) {
		each(t, float64(len(t)), func(u float64) float64 { return Shift(u, p.Shift) })
	}},
	{Entry{"dynamic", "as shift, with that of a sequence of length (Flux)"}, func(t []float64, p GridParams) {
		each(t, float64(len(t)), func(u float64) float64 { return Shift(u, DynamicShift(p.Length)) })
	}},
	{Entry{"cosine", "t = sin^2(pi u/2): short steps at both ends"}, func(t []float64, p GridParams) {
		each(t, float64(len(t)), func(u float64) float64 { s := math.Sin(math.Pi / 2 * u); return s * s })
	}},
	{Entry{"quadratic", "t = 1 - (1-u)^2: short steps at the data"}, func(t []float64, p GridParams) {
		each(t, float64(len(t)), func(u float64) float64 { return u * (2 - u) })
	}},
	{Entry{"cosmap", "equal steps of the cosine path: short at both ends"}, func(t []float64, p GridParams) {
		each(t, float64(len(t)), CosMap{}.Warp)
	}},
	{Entry{"edm", "EDM: noise-to-data from sigma_max to sigma_min, bent by rho"}, func(t []float64, p GridParams) {
		bent(t, p.SigmaMax, p.SigmaMin, p.Rho, func(ratio float64) float64 { return 1 / (1 + ratio) })
	}},
	{Entry{"karras", "diffusers' karras: the share of noise from 1 to .001, bent by rho"}, func(t []float64, p GridParams) {
		bent(t, 1, trained, p.Rho, func(sigma float64) float64 { return 1 - sigma })
	}},
	{Entry{"exponential", "diffusers' exponential: the share of noise falls by equal factors to .001"}, func(t []float64, p GridParams) {
		each(t, float64(len(t)-1), func(u float64) float64 { return 1 - math.Pow(trained, u) })
	}},
	{Entry{"diffusers", "to match diffusers only: its grid, which shifts twice; see GridCatalogue"}, func(t []float64, p GridParams) {
		last := 1 - Shift(1-trained, p.Shift) // already shifted
		each(t, float64(len(t)-1), func(u float64) float64 { return Shift((1-last)*u, p.Shift) })
	}},
}

// each fills t[i] with f(i/n).
func each(t []float64, n float64, f func(u float64) float64) {
	for i := range t {
		t[i] = f(float64(i) / max(n, 1))
	}
}

// bent spaces sigma^(1/rho) equally from hi to lo.
func bent(t []float64, hi, lo, rho float64, time func(sigma float64) float64) {
	a, b := math.Pow(hi, 1/rho), math.Pow(lo, 1/rho)
	each(t, float64(len(t)-1), func(u float64) float64 { return time(math.Pow(a+u*(b-a), rho)) })
}

// GridCatalogue lists the grids.
//
// "diffusers" is what FlowMatchEulerDiscreteScheduler makes of n steps. It stores
// the least noise after a shift and shifts the grid that ends there once more, so
// that the last step is several times as long as a single shift makes it. It is
// here to reproduce other people's samples; use "shift".
func GridCatalogue() []Entry {
	var out []Entry
	for _, g := range grids {
		out = append(out, g.Entry)
	}
	return out
}

// Grid returns the named grid of n steps as fractions of the way from noise to
// data: n+1 numbers that increase from 0 to 1, as solve.Config.Grid takes them.
// The errors are *flow.FieldErrors.
func Grid(name string, n int, p GridParams) ([]float64, error) {
	if n < 1 {
		return nil, &flow.FieldError{Path: "steps", Msg: fmt.Sprintf("%d is not at least 1", n)}
	}
	for _, f := range []struct {
		path string
		v    float64
	}{{"shift", p.Shift}, {"length", float64(p.Length)}, {"rho", p.Rho}, {"sigma_max", p.SigmaMax}, {"sigma_min", p.SigmaMin}} {
		if !(f.v > 0) || !finite(f.v) {
			return nil, &flow.FieldError{Path: "grid." + f.path, Msg: fmt.Sprintf("%v is not positive; start from the defaults", f.v)}
		}
	}
	if p.SigmaMin >= p.SigmaMax {
		return nil, &flow.FieldError{Path: "grid.sigma_min", Msg: fmt.Sprintf("%v is not below sigma_max, %v", p.SigmaMin, p.SigmaMax)}
	}
	for _, g := range grids {
		if g.Name != name {
			continue
		}
		t := make([]float64, n+1)
		g.fill(t[:n], p)
		t[0], t[n] = 0, 1
		for i := 1; i <= n; i++ {
			if !(t[i] > t[i-1]) {
				return nil, &flow.FieldError{Path: "grid", Msg: fmt.Sprintf("%s cannot be cut into %d steps with these numbers: two coincide", name, n)}
			}
		}
		return t, nil
	}
	return nil, unknown("grid", "grid", name, GridCatalogue())
}
