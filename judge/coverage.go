package judge

import (
	"math"
	"slices"

	"laminar/tensor"
)

// Cover says how synthetic points lie among real ones (Naeem et al. 2020).
type Cover struct {
	// Coverage is the share of real rows with a synthetic one nearer than their
	// k-th real neighbour.
	Coverage float64
	// Density is the mean number of such balls around real rows that a synthetic
	// row lies in, over k: 1 for rows of the same law, above where they crowd.
	Density float64
	K       int
}

// Cover returns coverage and density of synthetic rows among real ones in the
// distance of the space. k is the number of neighbours, 0 for ForestDiffusion's
// rule: one more than the least for which 95 in 100 real rows have a k-th
// neighbour at a distance above 0. real holds more than k rows, else all is NaN.
func (sp *Space) Cover(real, synth matrix, k int) Cover {
	return cover(sp.gower(), sp.place(real), sp.place(synth), k)
}

func cover(m distance, real, synth tensor.Mat, k int) Cover {
	t := newTree(real, m)
	if k <= 0 {
		k = usual(t, real)
	}
	if k >= real.N || synth.N == 0 {
		return Cover{math.NaN(), math.NaN(), k}
	}
	radius, _ := t.neighbours(real, k, true)
	in := newTree(synth, m)
	covered, inside := make([]int, real.N), make([]int, real.N)
	blocks(real.N, 256, func(lo, hi int) {
		s := in.query(1)
		for i := lo; i < hi; i++ {
			inside[i] = s.within(real.Row(i), radius[i*k+k-1])
			if inside[i] > 0 {
				covered[i] = 1
			}
		}
	})
	sum := func(v []int) (s float64) {
		for _, x := range v {
			s += float64(x)
		}
		return s
	}
	return Cover{
		Coverage: sum(covered) / float64(real.N),
		Density:  sum(inside) / float64(k) / float64(synth.N),
		K:        k,
	}
}

// usual is the k of ForestDiffusion's rule.
func usual(t *tree, real tensor.Mat) int {
	const most = 64 // beyond, a table consists of a few rows repeated
	k := min(most, real.N-1)
	if k < 1 {
		return 1
	}
	dist, _ := t.neighbours(real, k, true)
	for q := 1; q <= k; q++ {
		apart := 0
		for i := range real.N {
			if dist[i*k+q-1] > 0 {
				apart++
			}
		}
		if float64(apart) >= 0.95*float64(real.N) {
			return q + 1
		}
	}
	return k + 1
}

// Support says how well the supports of synthetic and real rows agree (Alaa et al.
// 2022), with rows as points of min-max scaled numbers and one-hot categories.
type Support struct {
	// Precision compares the shares of synthetic rows in balls around the real
	// centre with the shares of real rows there; Recall does the same for the
	// real rows that have a synthetic neighbour as near as a real one. Both are 1
	// less the mean difference of the curves, relative to the mean of the diagonal.
	Precision, Recall float64
	// Authenticity is the share of real rows that are nearer to another real row
	// than to any synthetic one.
	Authenticity float64
}

// Support returns alpha-precision, beta-recall and authenticity of synthetic rows.
// Both tables hold at least 2 rows, else all is NaN.
func (sp *Space) Support(real, synth matrix) Support {
	if real.N < 2 || synth.N < 2 {
		return Support{math.NaN(), math.NaN(), math.NaN()}
	}
	r, s := sp.place(real), sp.place(synth)
	m := sp.distance(true, 2) // squared distance with one-hot coordinates of 0 and 1
	realCentre, synthCentre := sp.centre(r), sp.centre(s)
	const steps = 30
	radii := sp.from(realCentre, r)
	slices.Sort(radii)
	of := sp.from(realCentre, s)

	toReal, _ := newTree(r, m).neighbours(r, 1, true)
	toSynth, nearest := newTree(s, m).neighbours(r, 1, false)
	out := sp.from(synthCentre, s)
	reach := make([]float64, real.N) // of the synthetic row nearest to each real one
	for i, j := range nearest {
		reach[i] = out[j]
	}
	sorted := slices.Clone(reach)
	slices.Sort(sorted)
	var sum, precision, recall float64
	for k := range steps {
		a := float64(k) / (steps - 1)
		in, covered := 0., 0.
		for _, d := range of {
			if d <= quantile(radii, a) {
				in++
			}
		}
		for i, d := range reach {
			if toSynth[i] <= toReal[i] && d <= quantile(sorted, a) {
				covered++
			}
		}
		sum += a
		precision += math.Abs(a - in/float64(synth.N))
		recall += math.Abs(a - covered/float64(real.N))
	}
	authentic := 0.
	for i := range real.N {
		if toReal[i] < toSynth[i] {
			authentic++
		}
	}
	return Support{1 - precision/sum, 1 - recall/sum, authentic / float64(real.N)}
}

// centre is the mean of points, of a level the shares of its codes.
func (sp *Space) centre(x tensor.Mat) [][]float64 {
	out := make([][]float64, x.D)
	for k, d := range sp.dims {
		if !d.level {
			out[k] = []float64{0}
			for i := range x.N {
				out[k][0] += float64(x.At(i, k)) / float64(x.N)
			}
			continue
		}
		out[k] = make([]float64, max(2, d.col.levels+1))
		for i := range x.N {
			out[k][int(x.At(i, k))] += 1 / float64(x.N)
		}
	}
	return out
}

// from is the Euclidean distance of points from a centre.
func (sp *Space) from(centre [][]float64, x tensor.Mat) []float64 {
	base := 0.
	for k, d := range sp.dims {
		if d.level {
			for _, p := range centre[k] {
				base += p * p
			}
		}
	}
	out := make([]float64, x.N)
	for i := range out {
		s := base
		for k, d := range sp.dims {
			v := float64(x.At(i, k))
			if d.level {
				s += 1 - 2*centre[k][int(v)] // of a one-hot point
			} else {
				s += (v - centre[k][0]) * (v - centre[k][0])
			}
		}
		out[i] = math.Sqrt(max(s, 0))
	}
	return out
}
