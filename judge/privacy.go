package judge

import (
	"math"
	"slices"

	"laminar/tensor"
)

// DCRShare returns the share of synthetic rows whose closest record is a training
// row and not one of a hold-out of as many rows, in Gower's distance; equal
// distances count half. Rows that know nothing of single training rows give 1/2,
// copies of them 1. TabSyn's figure differs in that equal distances count for the
// hold-out, which lowers it where rows of categories coincide.
func (sp *Space) DCRShare(synth, train, holdout matrix) float64 {
	s := sp.place(synth)
	m := sp.gower()
	toTrain, _ := newTree(sp.place(train), m).neighbours(s, 1, false)
	toHoldout, _ := newTree(sp.place(holdout), m).neighbours(s, 1, false)
	return nearer(toTrain, toHoldout)
}

func nearer(a, b []float32) float64 {
	sum := 0.
	for i := range a {
		switch {
		case a[i] < b[i]:
			sum++
		case a[i] == b[i]:
			sum += 0.5
		}
	}
	return sum / float64(len(a))
}

// dcrSE is the standard error of DCRShare by chance alone. Which of the records are
// training rows is chance then: each synthetic row adds its part to the weight of the
// record next to it, and the share is the weight of a random half of them (of 2n
// records, of weights that sum to 1, its variance is that of a sample without
// replacement).
func dcrSE(toTrain, toHoldout []float32, atTrain, atHoldout []int32, n int) float64 {
	w := make([]float64, 2*n)
	for i := range toTrain {
		part := 1 / float64(len(toTrain))
		switch {
		case toTrain[i] < toHoldout[i]:
			w[atTrain[i]] += part
		case toTrain[i] > toHoldout[i]:
			w[n+int(atHoldout[i])] += part
		default:
			w[atTrain[i]] += part / 2
			w[n+int(atHoldout[i])] += part / 2
		}
	}
	squares := 0.
	for _, v := range w {
		squares += v * v
	}
	all := float64(2 * n)
	return math.Sqrt(max(squares-1/all, 0) / 4 * all / (all - 1))
}

// distances of rows to their closest records.
type distances struct {
	nearest []float64 // sorted
	ratio   float64   // mean of nearest over second nearest
}

func distancesTo(t *tree, x tensor.Mat, self bool) distances {
	d, _ := t.neighbours(x, 2, self)
	out := distances{nearest: make([]float64, x.N)}
	n := 0.
	for i := range x.N {
		out.nearest[i] = float64(d[2*i])
		if second := float64(d[2*i+1]); second > 0 && !math.IsInf(second, 1) {
			out.ratio += float64(d[2*i]) / second
			n++
		}
	}
	out.ratio /= n
	slices.Sort(out.nearest)
	return out
}

// attack is the AUC of who guesses that a row was trained on if a synthetic row is
// near: members against rows that training has not seen.
func attack(synth *tree, members, others tensor.Mat) float64 {
	a, _ := synth.neighbours(members, 1, false)
	b, _ := synth.neighbours(others, 1, false)
	score, is := make([]float64, 0, len(a)+len(b)), make([]bool, len(a)+len(b))
	for i, d := range slices.Concat(a, b) {
		score = append(score, -float64(d))
		is[i] = i < len(a)
	}
	return auc(score, is)
}
