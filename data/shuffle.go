package data

import (
	"math/bits"

	"laminar/rng"
)

// shuffle is a permutation of 0 to n-1 that is computed, not stored: a Feistel
// network on the smallest power of two that holds n, walked until it lands
// below n (Black, Rogaway 2002). It is fixed by its key.
type shuffle struct {
	n           uint64
	left, right uint // widths in bits of the two halves
	rounds      int  // even
	key         [maxRounds]uint64
}

// Six rounds mix wide numbers; few bits need more until all orders are equally
// likely.
const minRounds, maxRounds = 6, 16

func newShuffle(key rng.Key, n int) shuffle {
	s := shuffle{n: uint64(n)}
	width := uint(bits.Len64(uint64(max(n, 1)) - 1))
	s.left, s.right = width/2, width-width/2
	s.rounds = minRounds
	if width < 10 {
		s.rounds = maxRounds
	}
	for i := range s.rounds {
		s.key[i] = key.At(uint64(i)).Words()[0]
	}
	return s
}

// at returns the image of p, which is below n.
func (s *shuffle) at(p int) int {
	v := uint64(p)
	for {
		if v = s.once(v); v < s.n {
			return int(v)
		}
	}
}

// once permutes the numbers of left+right bits. The halves may differ in width;
// they swap places in each round, and the number of rounds is even.
func (s *shuffle) once(v uint64) uint64 {
	lw, rw := s.left, s.right
	l, r := v>>rw, v&(1<<rw-1)
	for _, k := range s.key[:s.rounds] {
		h := (r ^ k) * 0x9e3779b97f4a7c15 // finished as in splitmix64
		h = (h ^ h>>32) * 0xbf58476d1ce4e5b9
		h ^= h >> 29
		l, r = r, (l^h)&(1<<lw-1)
		lw, rw = rw, lw
	}
	return l<<rw | r
}

// Deal calls row(r, i) for rows r of draw number draw, of count rows, of a set of
// n > 0 stored rows: i is position draw*count + r of the endless deal, in which
// every n positions are a new order of all rows, computed from the key. Its error
// is the first of row.
func Deal(key rng.Key, n, draw, count int, row func(r, i int) error) error {
	first := draw * count
	epoch := -1
	var deal shuffle
	for r := range count {
		if e := (first + r) / n; e != epoch {
			epoch = e
			deal = newShuffle(key.At(uint64(e)), n)
		}
		if err := row(r, deal.at((first+r)%n)); err != nil {
			return err
		}
	}
	return nil
}
