package main

import (
	"math"
	"slices"
)

// twister is NumPy's RandomState: the Mersenne Twister MT19937 (Matsumoto,
// Nishimura 1998) and its legacy permutations, by which the authors of the
// protocols split their data. The same splits make figures of small test sets
// comparable.
type twister struct {
	state [624]uint32
	at    int
}

func newTwister(seed uint32) *twister {
	t := &twister{at: 624}
	for i := range t.state {
		t.state[i] = seed
		seed = 1812433253*(seed^seed>>30) + uint32(i) + 1
	}
	return t
}

func (t *twister) next() uint32 {
	if t.at == 624 {
		for i := range t.state {
			y := t.state[i]&0x80000000 | t.state[(i+1)%624]&0x7fffffff
			t.state[i] = t.state[(i+397)%624] ^ y>>1 ^ y&1*0x9908b0df
		}
		t.at = 0
	}
	y := t.state[t.at]
	t.at++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// upTo is uniform in 0 to n, by rejection under the smallest mask.
func (t *twister) upTo(n int) int {
	if n == 0 {
		return 0
	}
	mask := uint32(1)<<bitsOf(n) - 1
	for {
		if v := t.next() & mask; v <= uint32(n) {
			return int(v)
		}
	}
}

func bitsOf(n int) (b int) {
	for ; n > 0; n >>= 1 {
		b++
	}
	return b
}

func (t *twister) shuffle(v []int) {
	for i := len(v) - 1; i > 0; i-- {
		j := t.upTo(i)
		v[i], v[j] = v[j], v[i]
	}
}

func (t *twister) permutation(n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = i
	}
	t.shuffle(v)
	return v
}

// testSplit is scikit-learn's train_test_split with test_size 0.2: class is nil, or
// the class of every row, by which it stratifies.
func testSplit(n int, class []int, seed uint32) (train, test []int) {
	t := newTwister(seed)
	nTest := int(math.Ceil(0.2 * float64(n)))
	nTrain := n - nTest
	if class == nil {
		p := t.permutation(n)
		return p[nTest : nTest+nTrain], p[:nTest]
	}
	classes := slices.Max(class) + 1
	rows := make([][]int, classes)
	count := make([]int, classes)
	for i, k := range class {
		rows[k] = append(rows[k], i)
		count[k]++
	}
	forTrain := t.allot(count, nTrain)
	rest := make([]int, classes)
	for k := range rest {
		rest[k] = count[k] - forTrain[k]
	}
	forTest := t.allot(rest, nTest)
	for k := range classes {
		p := t.permutation(count[k])
		for q, i := range p[:forTrain[k]+forTest[k]] {
			if q < forTrain[k] {
				train = append(train, rows[k][i])
			} else {
				test = append(test, rows[k][i])
			}
		}
	}
	t.shuffle(train)
	t.shuffle(test)
	return train, test
}

// allot shares draws among classes by their counts; what rounding leaves goes to
// those of the largest remainders, chance deciding among equals.
func (t *twister) allot(count []int, draws int) []int {
	total := 0
	for _, c := range count {
		total += c
	}
	out := make([]int, len(count))
	rest := make([]float64, len(count))
	left := draws
	for k, c := range count {
		v := float64(c) / float64(total) * float64(draws)
		out[k] = int(math.Floor(v))
		rest[k] = v - math.Floor(v)
		left -= out[k]
	}
	for left > 0 {
		most := slices.Max(rest)
		var equal []int
		for k, v := range rest {
			if v == most {
				equal = append(equal, k)
				rest[k] = -1
			}
		}
		now := min(len(equal), left)
		for _, q := range t.permutation(len(equal))[:now] {
			out[equal[q]]++
		}
		left -= now
	}
	return out
}
