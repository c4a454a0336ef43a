package coupling

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"laminar/flow"
	"laminar/rng"
)

// AheadConfig says how far and by how many goroutines batches are computed
// ahead. Start from AheadDefaults.
type AheadConfig struct {
	// Batch is the number of pairs of a batch, at least 1.
	Batch int
	// Start is the index of the first batch.
	Start int
	// Workers is the number of goroutines, at least 1.
	Workers int
	// Depth is the number of batches computed beyond the one in use, at least 1.
	Depth int
}

// AheadDefaults leaves one core to the consumer: workers are one fewer than
// GOMAXPROCS, at least 1, and two batches more than that lie ready.
func AheadDefaults(batch int) AheadConfig {
	w := max(1, runtime.GOMAXPROCS(0)-1)
	return AheadConfig{Batch: batch, Workers: w, Depth: w + 2}
}

// Validate reports the first fault of c, a *flow.FieldError.
func (c AheadConfig) Validate() error {
	for _, f := range []struct {
		path       string
		value, min int
	}{{"batch", c.Batch, 1}, {"start", c.Start, 0}, {"workers", c.Workers, 1}, {"depth", c.Depth, 1}} {
		if f.value < f.min {
			return &flow.FieldError{Path: f.path, Msg: fmt.Sprintf("%d must be at least %d", f.value, f.min)}
		}
	}
	return nil
}

// Ahead computes the batches of a PairSource before they are asked for. The
// batches are those of Fill, bit for bit, whatever the number of workers. Its
// methods are for one goroutine; Close it when done.
type Ahead struct {
	src    flow.PairSource
	key    rng.Key
	slots  []slot   // batch i lives in slot i mod len(slots)
	jobs   chan int // indices to compute; never more than there are slots
	next   int      // the index of the batch that Next answers
	out    bool     // batch next-1 is with the caller
	err    error    // what every later Next answers
	ctx    context.Context
	cancel context.CancelFunc
	wait   sync.WaitGroup
}

type slot struct {
	batch flow.Batch
	done  chan error // one result per computed batch
}

// NewAhead starts computing batch c.Start under key, and those after it, until
// ctx is done or Close is called.
func NewAhead(ctx context.Context, src flow.PairSource, key rng.Key, c AheadConfig) (*Ahead, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	a := &Ahead{src: src, key: key, next: c.Start, slots: make([]slot, c.Depth+1), jobs: make(chan int, c.Depth+1)}
	a.ctx, a.cancel = context.WithCancel(ctx)
	for i := range a.slots {
		a.slots[i] = slot{flow.NewBatch(c.Batch, src.Dim(), src.CondSpec()), make(chan error, 1)}
		a.jobs <- c.Start + i
	}
	for range c.Workers {
		a.wait.Go(a.work)
	}
	return a, nil
}

func (a *Ahead) work() {
	for {
		select {
		case <-a.ctx.Done():
			return
		case i := <-a.jobs:
			if a.ctx.Err() != nil {
				return
			}
			s := a.slot(i)
			s.done <- a.src.Fill(&s.batch, a.key, i)
		}
	}
}

func (a *Ahead) slot(i int) *slot { return &a.slots[i%len(a.slots)] }

// Next returns the next batch, in order, waiting for it if need be. The batch is
// valid until the next call of Next or Close, and may be changed. The error is
// that of Fill for this very batch, or the context's; it is final.
func (a *Ahead) Next() (*flow.Batch, error) {
	if a.err != nil {
		return nil, a.err
	}
	if a.out {
		a.out = false
		a.jobs <- a.next - 1 + len(a.slots) // the slot given back
	}
	if a.err = a.ctx.Err(); a.err != nil {
		return nil, a.err
	}
	s := a.slot(a.next)
	select {
	case a.err = <-s.done:
	case <-a.ctx.Done():
		a.err = a.ctx.Err()
	}
	if a.err != nil {
		a.cancel()
		return nil, a.err
	}
	a.next++
	a.out = true
	return &s.batch, nil
}

// Close stops the workers and waits for the batches that they are at. It may be
// called more than once.
func (a *Ahead) Close() {
	a.cancel()
	a.wait.Wait()
}
