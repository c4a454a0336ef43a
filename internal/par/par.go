// Package par is the one scheduler of the cores: a fixed set of helpers that
// take tasks from whoever has some.
//
//	pool := par.Default()
//	pool.Run(4, job) // calls job.Do(0) to job.Do(3), on as many cores as are free
//
// The caller always works too, and waits only for tasks that a helper has
// begun, never for a helper to wake up: where another program takes a core
// away, the caller does that core's share. A Run that finds the helpers busy
// with another Run does all its tasks itself, so that Runs may nest and may
// come from several goroutines.
//
// Idle helpers look for work for some microseconds, yielding to other
// goroutines, then sleep. Run allocates nothing.
//
// The package promises no order between tasks; results that must not depend on
// the number of cores have to be arranged so by the caller, as internal/exec
// does.
package par

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Job is work in numbered tasks, which may run at the same time.
type Job interface{ Do(i int) }

// Pool is a set of helpers. It is safe for concurrent use.
type Pool struct {
	helpers []chan struct{} // one wake-up each, buffered
	busy    sync.Mutex      // held by the Run that the helpers work for

	// gate is the state of the current Run: its lowest bit says that helpers
	// may join, the rest counts those that have joined and not left.
	gate atomic.Int64
	turn atomic.Uint32 // increases with every Run, for spinning helpers
	done chan struct{} // the last helper to leave a closed gate sends here

	job  Job
	n    int64
	next atomic.Int64

	closed atomic.Bool
}

// NewPool returns a pool that runs up to workers tasks at a time: the caller
// and workers-1 helpers. Fewer than 2 workers mean the caller alone.
func NewPool(workers int) *Pool {
	p := &Pool{done: make(chan struct{}, 1)}
	for range workers - 1 {
		wake := make(chan struct{}, 1)
		p.helpers = append(p.helpers, wake)
		go p.help(wake)
	}
	return p
}

var shared = sync.OnceValue(func() *Pool { return NewPool(runtime.GOMAXPROCS(0)) })

// Default returns the pool that all of a process shares. It has GOMAXPROCS
// workers, as it stood at the first call.
func Default() *Pool { return shared() }

// Workers returns the number of tasks that can run at a time, at least 1.
func (p *Pool) Workers() int { return len(p.helpers) + 1 }

// Close ends the helpers. Later Runs are done by their callers alone.
func (p *Pool) Close() {
	p.busy.Lock()
	defer p.busy.Unlock()
	if !p.closed.Swap(true) {
		for _, wake := range p.helpers {
			close(wake)
		}
	}
}

// Run calls job.Do(i) once for each i from 0 to n-1 and returns when all are
// done. A panic in a task that the caller runs passes through Run; one in a
// task that a helper runs ends the process.
func (p *Pool) Run(n int, job Job) {
	if n < 2 || len(p.helpers) == 0 || !p.busy.TryLock() {
		for i := range n {
			job.Do(i)
		}
		return
	}
	defer p.busy.Unlock()
	if p.closed.Load() {
		for i := range n {
			job.Do(i)
		}
		return
	}
	p.job, p.n = job, int64(n)
	p.next.Store(0)
	p.gate.Store(1)
	p.turn.Add(1)
	for _, wake := range p.helpers[:min(n-1, len(p.helpers))] {
		select {
		case wake <- struct{}{}:
		default: // still has a wake-up to see
		}
	}
	defer p.finish()
	p.work()
}

// finish closes the gate and waits for the helpers that are inside.
func (p *Pool) finish() {
	p.next.Store(p.n) // after a panic too
	if p.gate.Add(-1) != 0 {
		for i := 0; ; i++ {
			if p.gate.Load() == 0 {
				// The last helper's signal is on its way or here.
				break
			}
			if i >= spins {
				break
			}
			pause(i)
		}
		<-p.done
	}
	p.job = nil
}

// work takes tasks until none is left.
func (p *Pool) work() {
	for {
		i := p.next.Add(1) - 1
		if i >= p.n {
			return
		}
		p.job.Do(int(i))
	}
}

// help is the life of one helper.
func (p *Pool) help(wake chan struct{}) {
	seen := uint32(0)
	for {
		for i := 0; i < spins && p.turn.Load() == seen; i++ {
			pause(i)
		}
		if p.turn.Load() == seen {
			if _, ok := <-wake; !ok {
				return
			}
		}
		seen = p.turn.Load()
		if p.enter() {
			p.work()
			if p.gate.Add(-2) == 0 {
				p.done <- struct{}{}
			}
		}
		if p.closed.Load() {
			return
		}
	}
}

// enter joins the current Run unless its gate is closed.
func (p *Pool) enter() bool {
	for {
		g := p.gate.Load()
		if g&1 == 0 {
			return false
		}
		if p.gate.CompareAndSwap(g, g+2) {
			return true
		}
	}
}

// spins is the number of looks at a changing word before a goroutine sleeps,
// some tens of microseconds: longer than what one core does alone between two
// Runs of a training step, for to wake a sleeping helper takes as long again.
const spins = 1 << 14

// pause passes a little time between two looks, and now and then lets another
// goroutine have the core.
func pause(i int) {
	if i&63 == 63 {
		runtime.Gosched()
	}
}
