package judge

import (
	"cmp"
	"math"
	"slices"
)

// auc is the area under the ROC curve of scores that should be higher where
// positive: the share of pairs in the right order, ties half. 0.5 if a side is
// empty.
func auc(score []float64, positive []bool) float64 {
	id := make([]int, len(score))
	for i := range id {
		id[i] = i
	}
	slices.SortFunc(id, func(a, b int) int { return cmp.Compare(score[a], score[b]) })
	ranks, pos := 0., 0.
	for i := 0; i < len(id); {
		j := i
		for j < len(id) && score[id[j]] == score[id[i]] {
			j++
		}
		for _, k := range id[i:j] {
			if positive[k] {
				ranks += float64(i+j+1) / 2
				pos++
			}
		}
		i = j
	}
	neg := float64(len(id)) - pos
	if pos == 0 || neg == 0 {
		return 0.5
	}
	return (ranks - pos*(pos+1)/2) / (pos * neg)
}

// moves returns by how much each row moves the AUC of scores, so that the sum of their
// squares is its variance (DeLong et al. 1988): the share of the other class that it
// is in the right order with, less the mean, over the size of its own class.
func moves(score []float64, positive []bool) []float64 {
	id := make([]int, len(score))
	sides := [2]float64{}
	for i := range id {
		id[i] = i
		sides[side(positive[i])]++
	}
	slices.SortFunc(id, func(a, b int) int { return cmp.Compare(score[a], score[b]) })
	out := make([]float64, len(score))
	below := [2]float64{}
	for i := 0; i < len(id); {
		j, tied := i, [2]float64{}
		for j < len(id) && score[id[j]] == score[id[i]] {
			tied[side(positive[id[j]])]++
			j++
		}
		for _, k := range id[i:j] {
			if positive[k] {
				out[k] = (below[0] + tied[0]/2) / sides[0]
			} else {
				out[k] = 1 - (below[1]+tied[1]/2)/sides[1]
			}
		}
		below[0], below[1] = below[0]+tied[0], below[1]+tied[1]
		i = j
	}
	a := auc(score, positive)
	for i := range out {
		out[i] = (out[i] - a) / sides[side(positive[i])]
		if sides[0] == 0 || sides[1] == 0 {
			out[i] = 0
		}
	}
	return out
}

func side(positive bool) int {
	if positive {
		return 1
	}
	return 0
}

// aucSE is the standard error of an AUC of 0.5 (Hanley, McNeil 1982).
func aucSE(pos, neg int) float64 {
	p, n := float64(pos), float64(neg)
	return math.Sqrt((p + n + 1) / (12 * p * n))
}

// macroF1 is the mean over the classes that occur, in truth or answers, of F1.
func macroF1(truth, answer []int, classes int) float64 {
	both, sum := make([]float64, classes), make([]float64, classes)
	for i, k := range truth {
		if answer[i] == k {
			both[k]++
		}
		sum[k]++
		sum[answer[i]]++
	}
	f, n := 0., 0.
	for k := range both {
		if sum[k] > 0 {
			f += 2 * both[k] / sum[k]
			n++
		}
	}
	return f / n
}

// regression returns the root of the mean squared error of answers, and R²: 1 less
// their squared error over that of the mean.
func regression(truth, answer []float64) (rmse, r2 float64) {
	m := mean(truth)
	var se, st float64
	for i, v := range truth {
		se += (v - answer[i]) * (v - answer[i])
		st += (v - m) * (v - m)
	}
	return math.Sqrt(se / float64(len(truth))), 1 - se/st
}

// fit returns by how much each row moves R²; see moves.
func fit(truth, answer []float64, r2 float64) []float64 {
	m, all := mean(truth), 0.
	for _, v := range truth {
		all += (v - m) * (v - m)
	}
	out := make([]float64, len(truth))
	for i, v := range truth {
		out[i] = ((1-r2)*(v-m)*(v-m) - (v-answer[i])*(v-answer[i])) / all
	}
	return out
}

// quantile is that of sorted values, between two of them by straight lines.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-1)
	if i == len(sorted)-1 {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
