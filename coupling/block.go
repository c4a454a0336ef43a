package coupling

import (
	"sync"

	"laminar/rng"
)

// blocks keeps the blocks whose batches are being dealt.
type blocks struct {
	mu   sync.Mutex
	all  []*block
	turn int
}

// block is several batches, drawn and paired together.
type block struct {
	*draws
	key     rng.Key
	n, i    int
	err     error
	ready   *sync.Once
	users   int
	touched int // the turn of its last use
	dealt   int
}

// take returns the block of batch i, paired, and holds it until leave. When a
// second batch of a block is asked for, the next block is begun beside.
func (b *blocks) take(s *Source, key rng.Key, n, i int) *block {
	b.mu.Lock()
	k := b.find(s, key, n, i/s.block)
	k.dealt++
	ahead := k.dealt == 2
	var next *block
	if ahead {
		next = b.find(s, key, n, i/s.block+1)
	}
	b.mu.Unlock()
	if ahead {
		go func() {
			defer b.leave(next)
			next.pair(s)
		}()
	}
	k.pair(s)
	return k
}

func (k *block) pair(s *Source) {
	k.ready.Do(func() { k.err = s.draw(k.draws, k.key, k.i) })
}

func (b *blocks) leave(k *block) {
	b.mu.Lock()
	k.users--
	b.mu.Unlock()
}

// find returns a block and counts a user, in place of the one that has been out
// of use for longest if there is none yet.
func (b *blocks) find(s *Source, key rng.Key, n, i int) *block {
	b.turn++
	var oldest *block
	for _, k := range b.all {
		if k.key == key && k.n == n && k.i == i {
			k.users++
			k.touched = b.turn
			return k
		}
		if k.users == 0 && k.n == n && (oldest == nil || k.touched < oldest.touched) {
			oldest = k
		}
	}
	if oldest == nil || len(b.all) < 3 {
		oldest = &block{draws: s.newDraws(n * s.block)}
		b.all = append(b.all, oldest)
	}
	*oldest = block{draws: oldest.draws, key: key, n: n, i: i, ready: new(sync.Once), users: 1, touched: b.turn}
	return oldest
}
