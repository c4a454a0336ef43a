package data

import (
	"math"

	"laminar/rng"
	"laminar/tensor"
)

// Mixture is the mixture of equally likely normals N(mean, Std^2 I), one for
// each row of Means.
type Mixture struct {
	Means tensor.Mat
	Std   float64
}

// Ring returns the mixture of k normals evenly spaced on a circle. With k = 8,
// radius 4/sqrt(2) and std 0.5/sqrt(2) it is the eight Gaussians of FFJORD
// (Grathwohl et al. 2019).
func Ring(k int, radius, std float64) Mixture {
	m := Mixture{Means: tensor.New(k, 2), Std: std}
	for i := range k {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(k))
		m.Means.Row(i)[0], m.Means.Row(i)[1] = float32(radius*cos), float32(radius*sin)
	}
	return m
}

// TorchCFMGaussians returns the eight Gaussians of the torchcfm library: radius
// 5 and standard deviation 0.1^(1/4) = 0.562, because the library passes the
// square root of its variance 0.1 as the covariance.
func TorchCFMGaussians() Mixture { return Ring(8, 5, math.Pow(0.1, 0.25)) }

// Scattered returns the mixture of k normals in dim dimensions whose means were
// themselves drawn from N(0, I), by a fixed key: the same for every caller.
func Scattered(k, dim int, std float64) Mixture {
	m := Mixture{Means: tensor.New(k, dim), Std: std}
	s := rng.New(32).Split("mixture means").Stream()
	s.Normal(m.Means.Data)
	return m
}

// Dim returns the dimension of the means.
func (m Mixture) Dim() int { return m.Means.D }

// Modes returns the number of means.
func (m Mixture) Modes() int { return m.Means.N }

// Mode returns the nearest mean.
func (m Mixture) Mode(x []float32) int {
	best, least := 0, math.Inf(1)
	for k := range m.Means.N {
		var d2 float64
		for j, c := range m.Means.Row(k) {
			d := float64(x[j] - c)
			d2 += d * d
		}
		if d2 < least {
			best, least = k, d2
		}
	}
	return best
}

// Point draws a mean by chance, then a point about it.
func (m Mixture) Point(dst []float32, key rng.Key) int {
	s := key.Stream()
	k := s.IntN(m.Means.N)
	for j, c := range m.Means.Row(k) {
		dst[j] = c + float32(m.Std*s.NormFloat64())
	}
	return k
}
