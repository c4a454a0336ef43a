package main

import (
	"math"

	"laminar/tensor"
)

// The inputs of peers.py, number by number: SplitMix64 (Steele, Lea, Flood
// 2014) read as a counter, the state of the i-th number being
// seed + (i+1) * golden ratio.

func uniform(seed uint64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		z := uint64(i+1)*0x9e3779b97f4a7c15 + seed
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		out[i] = float64(z>>11) * 0x1p-53
	}
	return out
}

// normal is the cosine half of Box and Muller's pairs.
func normal(seed uint64, n, d int) tensor.Mat {
	m := tensor.New(n, d)
	u := uniform(seed, 2*len(m.Data))
	for i := range m.Data {
		m.Data[i] = float32(math.Sqrt(-2*math.Log(1-u[2*i])) * math.Cos(2*math.Pi*u[2*i+1]))
	}
	return m
}

// moons is two half circles, even rows above and odd rows below, noise 0.05.
func moons(seed uint64, n int) tensor.Mat {
	angle, noise := uniform(seed, n), normal(seed+1, n, 2)
	m := tensor.New(n, 2)
	for i, a := range angle {
		s, c := math.Sincos(math.Pi * a)
		if i%2 == 1 {
			c, s = 1-c, 0.5-s
		}
		m.Row(i)[0] = float32(c + 0.05*float64(noise.At(i, 0)))
		m.Row(i)[1] = float32(s + 0.05*float64(noise.At(i, 1)))
	}
	return m
}

// mixture is eight Gaussians of deviation 1/2 about centres from N(0, 4 I),
// each row's centre by chance.
func mixture(seed uint64, n, dim int) tensor.Mat {
	centre, m := normal(seed, 8, dim), normal(seed+1, n, dim)
	for i, u := range uniform(seed+2, n) {
		c := centre.Row(int(8 * u))
		for j, z := range m.Row(i) {
			m.Row(i)[j] = 2*c[j] + float32(0.5*z)
		}
	}
	return m
}

// squaredDistance is the float32 cost of Gaussian noise against data, summed in
// order; every product is rounded by itself, as NumPy's is.
func squaredDistance(n, dim, round int) tensor.Mat {
	seed := 100 * uint64(round)
	x0, x1 := normal(seed+1, n, dim), mixture(seed+2, n, dim)
	if dim == 2 {
		x1 = moons(seed+2, n)
	}
	cost := tensor.New(n, n)
	for i := range n {
		row, a := cost.Row(i), x0.Row(i)
		for j := range row {
			for k, b := range x1.Row(j) {
				d := a[k] - b
				row[j] += float32(d * d)
			}
		}
	}
	return cost
}

// Weights of the 3-w-w-2 network in PyTorch's order and layout: for each layer
// out x in weights, then the biases, all U(-1, 1)/sqrt(fan-in).
func networkWeights(width int) [][]float32 {
	layers := [][2]int{{3, width}, {width, width}, {width, 2}}
	var out [][]float32
	for i, l := range layers {
		bound := 1 / math.Sqrt(float64(l[0]))
		for j, n := range []int{l[0] * l[1], l[1]} {
			p := make([]float32, n)
			for k, u := range uniform(uint64(10+2*i+j), n) {
				p[k] = float32((2*u - 1) * bound)
			}
			out = append(out, p)
		}
	}
	return out
}
