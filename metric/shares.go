package metric

import (
	"fmt"

	"laminar/flow"
	"laminar/tensor"
)

// ModeShares returns the share of the rows of x that fall to each of k modes.
// A row belongs to the mode of the nearest row of ref; label gives the mode of
// each row of ref, in 0..k-1. ref may hold the centres of a mixture, or labelled
// data where modes are not round. A sampler that drops a mode, or a data draw
// whose counts differ by chance, shows here and nowhere as plainly.
func ModeShares(x, ref tensor.Mat, label []int32, k int) ([]float64, error) {
	if err := checkPair(x, ref, 1); err != nil {
		return nil, err
	}
	if len(label) != ref.N {
		return nil, fmt.Errorf("%w: %d labels for %d reference points", flow.ErrShape, len(label), ref.N)
	}
	count := make([]int, k)
	s := newKDTree(ref).search(1)
	for i := range x.N {
		s.find(x.Row(i))
		mode := label[s.id[0]]
		if mode < 0 || int(mode) >= k {
			return nil, fmt.Errorf("%w: label %d of reference point %d is not in 0..%d", flow.ErrConfig, mode, s.id[0], k-1)
		}
		count[mode]++
	}
	share := make([]float64, k)
	for i, c := range count {
		share[i] = float64(c) / float64(x.N)
	}
	return share, nil
}
