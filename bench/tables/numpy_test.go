package main

import (
	"slices"
	"testing"
)

// The wanted values are those of NumPy 1.24 and scikit-learn 1.2.
func TestSplits(t *testing.T) {
	if got, want := newTwister(0).permutation(10), []int{2, 8, 4, 9, 1, 6, 7, 3, 0, 5}; !slices.Equal(got, want) {
		t.Errorf("permutation %v, want %v", got, want)
	}
	if got, want := newTwister(1234).permutation(20), []int{3, 13, 2, 16, 14, 5, 4, 0, 8, 18, 17, 11, 10, 9, 7, 1, 19, 12, 6, 15}; !slices.Equal(got, want) {
		t.Errorf("permutation %v, want %v", got, want)
	}
	classes := func(counts ...int) (out []int) {
		for k, n := range counts {
			for range n {
				out = append(out, k)
			}
		}
		return out
	}
	for _, v := range []struct {
		n           int
		class       []int
		seed        uint32
		train, test []int
	}{
		{150, classes(50, 50, 50), 0, []int{45, 1, 38, 7, 82, 37, 108, 124}, []int{36, 55, 44, 134, 39, 90, 147, 47}},
		{107, classes(40, 33, 14, 13, 7), 2, []int{24, 6, 40, 34, 80, 12, 45, 97}, []int{55, 78, 79, 35, 93, 57, 15, 86}},
		{103, nil, 1, []int{81, 82, 33, 56, 83, 55, 66, 35}, []int{62, 40, 39, 69, 102, 38, 51, 85}},
	} {
		train, test := testSplit(v.n, v.class, v.seed)
		if len(train)+len(test) != v.n || !slices.Equal(train[:8], v.train) || !slices.Equal(test[:8], v.test) {
			t.Errorf("%d rows: %v and %v, want %v and %v", v.n, train[:8], test[:8], v.train, v.test)
		}
	}
}
